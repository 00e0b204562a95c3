/*
 * A model of a terminal: bytes go in, and it knows what stands on the screen.
 *
 *     a program's output                             a new terminal
 *     -------------------> term_write ... term_snapshot ------------>
 *
 *     history     rows that left the main screen at its top, numbered from 0 for ever
 *     main        \  cells, cursor, modes, titles, colours ...
 *     alternate   /  (while it is in use; leaving it forgets what was on it, but not its
 *                     saved cursor and its keyboard flags)
 *
 * What is understood: doc/SEQUENCES.md.  It does no I/O, asks no clock, and keeps within
 * the bounds that it is given, whatever the bytes are.
 *
 * The law: a snapshot, written to a fresh model of the same size, gives an equal model.
 *
 * Two kinds of owner: the host's side has the model in the terminal's place and draws from
 * it; the client's only watches what it writes to a terminal whose contents it did not see
 * from the beginning.  There (`unknown`) every row is either known or not.
 */
#ifndef TERM_TERM_H
#define TERM_TERM_H

#include "base/buf.h"

enum { TERM_SIDE_MAX = 1000 }; /* rows, and columns */

struct term;

struct term_options {
	int rows, cols; /* 1 .. TERM_SIDE_MAX, others are brought to these bounds */
	size_t history_rows; /* 0: no history */
	size_t history_bytes; /* of memory */
	/* The terminal is not fresh: its rows and the cursor's row are not known. */
	bool unknown;
};

/* ERR_NOMEM. */
int term_new(const struct term_options *options, struct term **ret_term);
void term_free(struct term *t);
/* Its TERM: under tmux and screen ESC k TEXT ESC \ is a string, elsewhere text, as the
 * terminals have it. */
void term_is_called(struct term *t, struct span name);

/* The work that was done since the beginning, as cells that were touched; TERM_SLICE is
 * about a millisecond's, after which the model's owner looks after something else. */
enum { TERM_SLICE = 1000 * 1000 };
uint64_t term_work(const struct term *t);

/* Takes all bytes.  ERR_NOMEM: something could not be kept; the model goes on. */
int term_write(struct term *t, const void *bytes, size_t n);
/* Lines of the main screen are broken anew, as terminals do it; ERR_NOMEM: not done. */
int term_resize(struct term *t, int rows, int cols);

/* The size, and the cursor's place from 0. */
int term_rows(const struct term *t);
int term_cols(const struct term *t);
void term_cursor(const struct term *t, int *ret_row, int *ret_col);
bool term_on_alternate(const struct term *t);
/* The place that reports of the cursor count from: not the corner in origin mode. */
void term_origin(const struct term *t, int *ret_row, int *ret_col);

/* ---- answering in the terminal's place ---- */

/* From now on what programs ask is answered into `out` (borrowed; an answer that does not
 * fit is dropped); NULL: not answered. */
void term_answer_to(struct term *t, struct buf *out);
/* The terminal's own colours, for answers: what OSC 10, 11, 12 or, with 256 added, index
 * 0 .. 255 of OSC 4 would say, unless the program changes it.  Red, green, blue are of 16
 * bits. */
enum { TERM_COLOUR_INDEXED = 256 };
int term_colour_is(struct term *t, int which, const uint16_t rgb[3]);
/* The same, as a terminal has answered it; other answers change nothing. */
void term_answered(struct term *t, struct span answer);

/* The program wants to hear of the focus; of the colour scheme. */
bool term_wants_focus(const struct term *t);
bool term_wants_scheme(const struct term *t);

/* An image may stand on the screen, which the model cannot draw again. */
bool term_shows_image(const struct term *t);

/* The window's title, as the program has set it; "": it has not. */
const char *term_title(const struct term *t);

/* What programs have told the person since the beginning. */
struct term_news {
	unsigned bells;
	unsigned notices; /* notifications: OSC 9, 99, 777 */
	char *notice; /* the last one's words; NULL: it has none */
	bool notice_begun; /* the rest of it is still to come */
	unsigned commands; /* that the shell says have ended: OSC 133;D */
	int status; /* of the last of them; -1: it does not say */
};
const struct term_news *term_news(const struct term *t);

/* ---- history ---- */

/* The number of rows that left the main screen at its top, since the beginning; they have
 * the numbers 0 .. term_gone() - 1.  A taller window takes some back. */
uint64_t term_gone(const struct term *t);
/* The same when `offset` bytes had been written; exact for rows that are still kept, at
 * least the number of rows that are not kept otherwise. */
uint64_t term_gone_at(const struct term *t, uint64_t offset);
/* Other bounds than those at the beginning; the oldest rows go at once. */
void term_history_bound(struct term *t, size_t rows_max, size_t bytes_max);
/* The first row that is kept (term_gone() when none is). */
uint64_t term_oldest(const struct term *t);

/* ---- snapshots ---- */

struct term_limits {
	uint64_t
	    from_row; /* rows before it, of history or the main screen, are left out */
	size_t rows_max; /* the latest so many rows of history, */
	size_t bytes_max; /* and about so many bytes of it */
};

/* Appends what makes a fresh terminal equal: history, screens, cursor, modes, titles ...
 * It asks the terminal nothing.  What a terminal already shows is not erased but scrolled
 * away.  Where its window has another size by now, no line is lost nor shown twice. */
int
term_snapshot(const struct term *t, const struct term_limits *limits, struct buf *out);
/* The same; *ret_screens: the length of `out` where the history has ended.  In it every line
 * ends plain and with CR LF: from behind one of these on it is a snapshot as well. */
int term_snapshot_parts(const struct term *t, const struct term_limits *limits,
    struct buf *out, size_t *ret_screens);

/* The first row of history within these limits; term_gone(): none is. */
uint64_t term_first(const struct term *t, const struct term_limits *limits);

/* ---- a terminal that is left behind ---- */

enum { TERM_MARKS = 52 };

/* Here the terminal `which` is left, and gets no more but term_undo.  The mark keeps to the
 * line: other sizes move it along, and what was written before is outrun by what changes
 * it. */
void term_mark(struct term *t, int which);
/* The mark `to` is where `from` is. */
void term_mark_copy(struct term *t, int from, int to);
/* The row, by its number, where the line of the mark begins. */
uint64_t term_marked(struct term *t, int which);
/* Nothing is written in the cursor's row, and no line goes on into it: a good place, since a
 * terminal of another size is at the beginning of a row as well. */
bool term_between_lines(const struct term *t);
/* Appends what goes back to where the mark is and erases what the terminal shows from there
 * on.  A snapshot within these limits, whose from_row is set, brings it up to date.
 * *ret_lost: how many of its rows are not kept. */
int term_resume(struct term *t, int which, struct term_limits *limits, struct buf *out,
    uint64_t *ret_lost);

/* ---- over a terminal ---- */

/* No sequence and no character is unfinished: others may be written to the terminal. */
bool term_at_rest(const struct term *t);
/* A single shift waits for the character that it is for: another one would take it. */
bool term_shift_waits(const struct term *t);
/* Whether the terminal shows in a row what the model has. */
bool term_row_known(const struct term *t, int row);
bool term_cursor_known(const struct term *t);
/* Nobody has been in this row since the model began, nor anywhere but where lines led: below the
 * cursor of a new terminal nothing stands.  The second makes it known, as blank. */
bool term_row_untouched(const struct term *t, int row);
void term_row_is_blank(struct term *t, int row);
/* The row is known, and nothing stands there. */
bool term_row_blank(const struct term *t, int row);
/* Nothing but ASCII is on the screen. */
bool term_is_ascii(const struct term *t);
/* No line goes over the end of the row, nor of the one above it. */
bool term_row_alone(const struct term *t, int row);
/* So many columns of a row may be drawn over: not the last one of a line of several rows, since
 * erasing it would part them, nor of a row whose line goes on the cells that were never written:
 * only EL makes them so again, and parts the line. */
int term_row_room(const struct term *t, int row);
/* Of all that was written: how many questions, which a terminal answers. */
unsigned term_questions(const struct term *t);
/* The terminal says where its cursor is, from the corner of the screen.  In another column than
 * the model has it, its row is not known; in another row nothing is. */
void term_cursor_is(struct term *t, int row, int col);
/* Nothing is known any more: the window's size changed, or others have written there. */
void term_forget(struct term *t);
/* The same of the main screen only, and of what was saved on the alternate one: term_resize
 * keeps which rows of that are known. */
void term_forget_main(struct term *t);
/* So many columns must a window keep so that, from a row to the cursor's, nothing is broken
 * anew; more than TERM_SIDE_MAX: lines there go over the end of rows, and change with any
 * other width. */
int term_width_needed(const struct term *t, int row);
/* The same as term_cursor_is behind term_resize and term_forget, where nothing was broken
 * anew from `above` rows above the cursor's to `below` below it: they moved along. */
void term_cursor_moved(struct term *t, int row, int col, int above, int below);
/* Appends what brings the terminal from where the program has it to neutral ground, where
 * cells can be drawn anywhere: plain style, ASCII, no margins at the sides.  This and the next
 * four only at rest, while no shift waits, and while the cursor is known. */
int term_neutral(const struct term *t, struct buf *out);
/* The way back from there: the cursor and all else as the program has it. */
int term_settle(const struct term *t, struct buf *out);
/* The same, but with the cursor `ahead` columns from the program's, and nothing drawn again: a
 * mark that follows joins no more, until term_settle.  Not with margins at the sides within the
 * screen, nor in insert mode. */
int term_settle_ahead(const struct term *t, int ahead, struct buf *out);
/* Draws the cells lo .. hi - 1 of a row again as the model has them, with the other halves of
 * wide characters at the edges; from where the program has the terminal, and back.  Of what was
 * drawn over them nothing is left if hi is at most term_row_room. */
int term_repaint_cells(const struct term *t, int row, int lo, int hi, struct buf *out);
/* The same on neutral ground, where what is drawn left of them stays, and nothing is behind. */
int term_repaint_behind(const struct term *t, int row, int lo, int hi, struct buf *out);
/* Appends what switches off all that the program left on, and nothing else. */
int term_undo(const struct term *t, struct buf *out);

/* The memory that it holds, in bytes. */
size_t term_memory(const struct term *t);

#endif
