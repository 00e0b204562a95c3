/*
 * Cells as bytes, in two forms:
 *
 *     to a terminal   plain ESC[0;1;31m red ESC[m ...       UTF-8, SGR, OSC 8, DECSCA
 *     stored          plain MARK_STYLE what it is  red      UTF-8 and marks
 *
 * Without mode 2027 a terminal begins a cell at every character that is not a mark (in
 * Unicode's sense); what only comes out right with it stands between its SM and RM, or
 * between MARK_CLUSTERS and MARK_CHARS.
 *
 * Behind MARK_REPEAT two bytes say how many times more the cell before it comes.
 *
 * A stored style is packed as in style.h, but for a link: two bytes for its length, and its
 * text.  A stored row begins in the plain style, without link and without clusters, and has
 * no blanks at its end unless it is wrapped.
 */
#ifndef TERM_LINE_H
#define TERM_LINE_H

#include "term/state.h"

struct line_writer {
	struct buf *out;
	const struct term *t;
	bool stored; /* the form for history, which knows no protection */
	bool marked; /* marks were written */
	bool clusters; /* mode 2027 is on where the bytes go */
	/* The rows of paint_go_to count from the terminal's last one: it may have another number
	 * of them than the model. */
	bool from_below;
	bool fixed; /* the window has the model's width */
	bool stays; /* the cursor is where paint_settled says, and stays there */
	struct grapheme grapheme;
	struct style style;
	uint32_t style_id; /* of the style, as cells have it; UINT32_MAX: unknown */
};

void
line_begin(struct line_writer *w, const struct term *t, struct buf *out, bool stored);
/* Writes the cells [from, to), where the cursor stands at the first; errors are kept in out->failed. */
void line_put(struct line_writer *w, const struct row *r, int from, int to);
/* How wide it is on a terminal, or whether it is joined there. */
bool cell_in_doubt(struct cell c);
void line_style(struct line_writer *w, const struct style *to);
/* Writes the text of a cell, so that it comes to be one. */
void line_put_text(struct line_writer *w, struct span text, bool clusters);
void line_clusters(struct line_writer *w, bool on);
/* Plain style, no link, no clusters. */
void line_end(struct line_writer *w);

/* Stores a screen's row: *ret_text is the one that it has, or was put into `out` in place of
 * what is there.  `next` is the row below, NULL if that is only coming.
 * `spacer`: the row above is stored as ROW_SPACER, a cell short, since a wide character
 * began this one; if that is gone, the blank counts after all and comes first here. */
uint8_t line_store(const struct term *t, const struct row *r, const struct row *next,
    bool spacer, struct buf *out, struct span *ret_text);

/* The text of a row of nothing but this cell, a single ASCII character without a link;
 * returns its length. */
size_t line_store_all(const struct term *t, struct cell c, uint8_t text[FLAT_MAX]);

struct line_reader {
	const uint8_t *p, *end;
	bool clusters;
	struct style style; /* without link */
	struct span link; /* "PARAMS;URI" */
	uint16_t repeat; /* so many times more comes */
	struct line_cell {
		struct span text;
		int width;
		bool clusters; /* to be printed with mode 2027 */
	} last;
};

void line_read(struct line_reader *r, struct span text);
/* The next cell; false at the end. */
bool line_next(struct line_reader *r, struct line_cell *c);

/* The widths that a cell's text has, as marks join their character (`clusters` false) or by
 * clusters.  Returns 0 if it would be more than one cell. */
int line_width(struct span text, bool clusters);

#endif
