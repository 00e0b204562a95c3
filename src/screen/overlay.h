/*
 * What belay draws over the program's screen and takes away again: a table of operations on
 * any number of things to draw.  The display owns the terminal and calls them; an overlay
 * appends bytes to `out` and knows nothing of other overlays.
 *
 * The program's bytes come between a lift and a draw, so that what an overlay has drawn is
 * never under them: it follows from the model as it is now, and from what its owner wants.
 * `out` is never inside a sequence of the program's.
 */
#ifndef SCREEN_OVERLAY_H
#define SCREEN_OVERLAY_H

#include "base/buf.h"

struct overlay_ops {
	/* Something of it stands on the terminal. */
	bool (*shown)(const void *overlay);
	/* A draw would make it look different.  After a draw it is false. */
	bool (*stale)(const void *overlay);
	/* Takes away what is drawn.  `program`: since the program's bytes follow. */
	void (*lift)(void *overlay, bool program, struct buf *out);
	/* Draws what is wanted now; it is lifted. */
	void (*draw)(void *overlay, struct buf *out);
	/* The window has another size, of which the model has not been told.  What is drawn has
	 * moved, or is drawn over.  True: it will want to know where the cursor is. */
	bool (*resizing)(void *overlay, int rows, int cols);
	/* The terminal has said where its cursor is.  True: the model has been told. */
	bool (*located)(void *overlay, int row, int col, struct buf *out);
	/* Others have written there: what is drawn is not to be taken away any more. */
	void (*forgotten)(void *overlay);
};

#endif
