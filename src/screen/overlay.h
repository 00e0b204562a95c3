/*
 * One line drawn over what a program shows, and taken away again without a trace.  Pure:
 * the bytes go where the program's go, the model knows what stands beneath.
 *
 * Where the model cannot know what stands there, nothing is drawn; the window's title
 * carries the text then.
 *
 * A window that changes its size may have broken its lines anew, with the drawn one among
 * them.  On the alternate screen all is drawn again.  On the main one the terminal is asked
 * where its cursor is: between the cursor's row and the drawn one there are as many rows as
 * before, if none of them was longer than the new width.
 *
 *     before          narrower, and lines are broken      or cut
 *     |==belay: ...====|      |==belay: |                 |==belay: |
 *     |one             |      |...====  | <- ends here    |one      |
 *     |two             |      |one      |                 |two      |
 *     |$ _             |      |two      |                 |$ _      | <- the terminal's
 *                             |$ _      |                              answer
 */
#ifndef SCREEN_OVERLAY_H
#define SCREEN_OVERLAY_H

#include "base/buf.h"
#include "term/term.h"

enum {
	OVERLAY_TEXT_MAX = 256,
	OVERLAY_HELD_MAX = 12, /* of an answer that is not complete yet */
};

struct overlay {
	struct term *term;
	bool utf8; /* so are the terminal's characters; else only ASCII is understood */
	int row; /* where it is drawn; -1: nowhere */
	char text[OVERLAY_TEXT_MAX]; /* what is shown */
	bool titled; /* the title carries it */
	unsigned asked; /* times that the terminal was asked where its cursor is */
	struct {
		bool on;
		int row, cursor; /* the rows of the line and of the cursor, before */
		int len; /* of the line */
		int rows, cols; /* of the window, when it was drawn */
		int width; /* needed by what is between it and the cursor */
		int blank; /* rows behind it */
		int narrowest; /* that the window has been since */
		bool other_width, taller;
	} moved; /* drawn, and then the window changed its size */
	uint8_t held[OVERLAY_HELD_MAX];
	size_t n_held;
};

void overlay_init(struct overlay *o, struct term *term, bool utf8);
/* Something of ours is there. */
bool overlay_shown(const struct overlay *o);
/* Appends what shows this text instead of what was shown, if it is another; nothing in the
 * middle of a sequence. */
void overlay_show(struct overlay *o, const char *text, struct buf *out);
/* Appends what takes it away. */
void overlay_hide(struct overlay *o, struct buf *out);
/* Others have written to the terminal; what is drawn is gone. */
void overlay_forget(struct overlay *o);
/* The window has this size now; the model gets it too. */
void overlay_resize(struct overlay *o, int rows, int cols, struct buf *out);
/* Takes the terminal's answers out of what is typed, in place; returns the bytes left.
 * There must be room for OVERLAY_HELD_MAX more: what looked like the beginning of an answer
 * and is none comes with what follows it. */
size_t overlay_filter(struct overlay *o, uint8_t *bytes, size_t n, struct buf *out);

#endif
