/*
 * One line drawn over what a program shows, and taken away again without a trace.  Pure:
 * the bytes go where the program's go, the model knows what stands beneath.
 *
 * Where the model cannot know what stands there, nothing is drawn; the window's title
 * carries the text then.
 */
#ifndef CLIENT_OVERLAY_H
#define CLIENT_OVERLAY_H

#include "base/buf.h"
#include "term/term.h"

struct overlay {
	struct term *term;
	int row; /* where it is drawn; -1: nowhere */
	bool titled; /* the title carries it */
	bool asked; /* the terminal is asked where its cursor is */
};

void overlay_init(struct overlay *o, struct term *term);
bool overlay_shown(const struct overlay *o);
/* Appends what shows this text instead of what was shown; nothing in the middle of a
 * sequence. */
void overlay_show(struct overlay *o, const char *text, struct buf *out);
/* Appends what takes it away. */
void overlay_hide(struct overlay *o, struct buf *out);
/* Takes the terminal's answer out of what is typed, in place; returns the bytes left. */
size_t overlay_filter(struct overlay *o, uint8_t *bytes, size_t n);

#endif
