/*
 * What belay draws over the program's screen and takes away again: a table of operations on
 * any number of things to draw.  The display owns the terminal and calls them; an overlay
 * appends bytes to `out` and knows nothing of other overlays.
 *
 * The program's bytes come between a lift and a draw, so that what an overlay has drawn is
 * never under them.  Only where they move nothing that stands there (plain_output.h), an overlay
 * may stay, and see to it behind them: so what was foreseen and is right is not taken away and
 * drawn again.  Each draw derives what it draws
 * anew, from the model as it is now and from what its owner wants, and writes only what is not
 * there; between the two an overlay keeps only what it has drawn, and where.
 *
 *     draw:  term_neutral, its cells, term_settle       where the model knows the row
 *     lift:  term_repaint_cells over the same cells     the model is as it was at the draw
 *
 * A draw comes once a turn of the display: behind the program's bytes, or without any when an
 * overlay is stale; never inside a sequence or a character of the program's, nor while a
 * single shift waits (display.c).  Overlays are drawn in the order in which they were added,
 * later ones over earlier ones, and lifted in the reverse order: the status line is the first.
 * A lift draws what the model has: under it nothing of another overlay comes back, so when one
 * is lifted all are, and drawn again, unless each has a row of its own.
 */
#ifndef SCREEN_OVERLAY_H
#define SCREEN_OVERLAY_H

#include "base/buf.h"

/* What the program writes next: the cells [lo, hi) of a row, all of them; row -1: any. */
struct overlay_reach {
	int row, lo, hi;
};

struct overlay_ops {
	/* Something of it stands on the terminal, or may after `resizing`. */
	bool (*shown)(const void *overlay);
	/* A draw would make it look different: it is lifted and something is wanted, or that is
	 * not what was drawn.  Asked each turn.  After a draw it is false, even if nothing could
	 * be drawn. */
	bool (*stale)(const void *overlay);
	/* Takes away what is drawn.  `program`: since the program's bytes follow. */
	void (*lift)(void *overlay, bool program, struct buf *out);
	/* Makes what is drawn what is wanted now.  `ahead`: another one is drawn, and has the
	 * cursor so many columns ahead of the program's, where it stays; NULL: none has. */
	void (*draw)(void *overlay, const int *ahead, struct buf *out);
	/* The window has another size, of which the model has not been told.  What is drawn has
	 * moved, or is drawn over.  True: it will want to know where the cursor is. */
	bool (*resizing)(void *overlay, int rows, int cols);
	/* The terminal has said where its cursor is, and the program has written nothing since
	 * the question.  `told`: an overlay before it has told the model where that is, else it
	 * may do so itself, as one that knows what was not broken anew (term_cursor_moved).
	 * Returns whether it has. */
	bool (*located)(void *overlay, int row, int col, bool told, struct buf *out);
	/* Others have written there: what is drawn is not to be taken away any more. */
	void (*forgotten)(void *overlay);
	/* How many columns it has put the cursor ahead of the program's; NULL: none. */
	int (*ahead)(const void *overlay);
	/* The row in which all of it is drawn, or would be; -1, or NULL: that is not known, or it
	 * is to be lifted. */
	int (*row)(const void *overlay);
	/* Whether it may stay while the program writes what moves nothing (plain_output.h); NULL:
	 * it may not. */
	bool (*stays)(const void *overlay, const struct overlay_reach *reach);
	/* It does: brings the cursor to the program's place.  What was drawn within the reach may
	 * be the program's afterwards.  A draw follows.  NULL: that changes nothing. */
	void (*pass)(void *overlay, const struct overlay_reach *reach, struct buf *out);
};

#endif
