/*
 * Bytes that bring a terminal to a state: what snapshots, repainting and undoing share.
 *
 * Neutral ground: plain style, no link, ASCII, no margins at the sides, no origin mode, no
 * insert mode, autowrap.  There cells can be drawn anywhere.
 */
#ifndef TERM_PAINT_H
#define TERM_PAINT_H

#include "term/line.h"

/* What a saved cursor and the cursor have in common. */
struct paint_pen {
	struct style style;
	struct charsets charsets;
	bool origin;
};

/* From where the program has the terminal to neutral ground; the charsets are then these. */
void paint_neutral(struct line_writer *w, const struct paint_pen *pen,
    struct charsets *ret_charsets);
struct paint_pen paint_pen_now(const struct term *t);
/* The charsets on neutral ground, for a program with this pen. */
struct charsets paint_ascii(const struct paint_pen *pen);

void paint_go_to(struct line_writer *w, int row, int col);
void paint_charsets(struct line_writer *w, const struct charsets *from,
    const struct charsets *to);
void paint_mode(struct line_writer *w, enum mode m, bool on);
/* Draws again, in its place, the character that ends in a column, so that the terminal
 * waits behind it or, if mode 2027 is left `as_it_is`, marks join it. */
void
paint_again(struct line_writer *w, const struct grid *g, int row, int col, bool as_it_is);
/* From neutral ground with these charsets back: side margins, origin, cursor, what joins,
 * style, charsets, insert mode, autowrap. */
void paint_settle(struct line_writer *w, const struct charsets *charsets);
/* The column up to which the cursor's row is drawn before paint_settle, which then finds the
 * cursor there. */
int paint_settled(const struct term *t);
/* Where the cells of a row end that are not simply blank. */
int paint_row_end(const struct row *r);

__attribute__((format(printf, 2, 3))) void
paint_print(struct line_writer *w, const char *fmt, ...);

#endif
