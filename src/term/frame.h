/*
 * A screen in a window that is larger: what a terminal gets in place of the program's bytes, which
 * would wrap and scroll elsewhere there.
 *
 *     +--------------+------+
 *     | the model's  |      |     on the terminal's alternate screen, so that its main screen and
 *     | screen       |      |     scrollback are as they were when it is over
 *     +--------------+      |
 *     |                     |     what changed is drawn again row by row; the modes of keys and
 *     +---------------------+     mouse, the cursor, the title and the bell follow
 *
 * A zeroed one is none.
 */
#ifndef TERM_FRAME_H
#define TERM_FRAME_H

#include "term/term.h"

/* What the terminal knows besides cells. */
struct term_frame_told {
	bool entered; /* it is on its alternate screen */
	uint64_t modes, title; /* the title's hash */
	unsigned bells;
	uint8_t keys, shape, modify[8];
	int row, col; /* of the cursor */
};

struct term_frame {
	uint64_t *shown; /* by row: a hash of what was drawn; NULL: nothing was */
	int in_rows, in_cols; /* of the screen, as it was drawn, */
	int rows, cols; /* and of the window; 0: the next picture is whole */
	struct term_frame_told told, before; /* before the last picture */
	uint64_t work; /* the owner's: of the model, when that was drawn (term_work) */
};

/* Appends what brings the terminal, a window of this size on neutral ground or with the frame, to
 * show the screen as it is now; nothing if it does.  ERR_NOMEM: it is lost. */
int term_frame_draw(struct term_frame *f, const struct term *t, int rows, int cols,
    struct buf *out);
/* What was appended last has not gone to the terminal. */
void term_frame_lost(struct term_frame *f);
/* Appends the way back to neutral ground: there is no frame any more. */
void term_frame_leave(struct term_frame *f, const struct term *t, struct buf *out);
/* Frees it, if there is one. */
void term_frame_free(struct term_frame *f);

#endif
