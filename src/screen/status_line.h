/*
 * An overlay: one line over what a program shows.  Pure.
 *
 * Before it appears the terminal is asked where its cursor is, once an appearance, since that
 * may see a program's text wider or narrower than the model does: it is put back by the answer.
 * Where no answer comes, or the model cannot know what stands in any row, nothing is drawn; the
 * window's title carries the text then.
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
#ifndef SCREEN_STATUS_LINE_H
#define SCREEN_STATUS_LINE_H

#include "screen/cursor_reports.h"
#include "screen/overlay.h"
#include "term/term.h"

enum { STATUS_LINE_MAX = 256 };

struct status_line {
	struct term *term; /* the display's model */
	struct cursor_reports *reports; /* the display's */
	bool utf8; /* so are the terminal's characters; else only ASCII is understood */
	uint64_t now_us;
	bool wanted, asked; /* asked: since it is wanted */
	char text[STATUS_LINE_MAX]; /* that is wanted, */
	char drawn[STATUS_LINE_MAX]; /* and that is shown */
	int row; /* where it is drawn; -1: nowhere */
	bool titled; /* the title carries it */
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
};

extern const struct overlay_ops status_line_ops;

/* Model and reports are the display's and outlive it. */
void status_line_init(struct status_line *o, struct term *term,
    struct cursor_reports *reports, bool utf8);
/* What is to be shown from the next draw on; NULL: nothing. */
void status_line_want(struct status_line *o, const char *text, uint64_t now_us);

#endif
