/*
 * The one owner of an output of belay's, a terminal or a pipe: what the program writes goes
 * there as it is; on a terminal that has a model, overlays are drawn over it.
 *
 *     a turn:     lift             write                  draw
 *                 take away what   the program's bytes;   again, if the program
 *                 is drawn         the model sees them    is not inside a sequence
 *
 * in one writev(2), so that nobody sees the state between.  What the terminal does not take at
 * once is written first the next time; the model is then what the terminal will show, and the
 * program's bytes stay in their stream until they are written:
 *
 *     before  |  the first `fed` bytes that the stream holds  |  after
 *     ours       of the program's; in the model                  ours
 *
 * Nothing is composed before all of that is written: a slow terminal gets no drawing that is
 * out of date, and no more than `before` and `after` of one turn wait.
 */
#ifndef SCREEN_DISPLAY_H
#define SCREEN_DISPLAY_H

#include "base/keys.h"
#include "screen/cursor_reports.h"
#include "screen/overlay.h"
#include "stream/stream.h"
#include "sys/loop.h"
#include "term/term.h"
#include "term/transfer.h"

enum { DISPLAY_OVERLAYS = 3 };

struct display {
	struct stream *stream; /* NULL: not in use */
	struct watch watch;
	struct term *model; /* what the terminal shows; NULL: no terminal, or no memory */
	struct {
		const struct overlay_ops *ops;
		void *overlay;
	} overlays[DISPLAY_OVERLAYS]; /* later ones are drawn over earlier ones */
	size_t n_overlays;
	struct cursor_reports reports;
	/* The cursor was so many columns ahead of the program's when the question was asked. */
	int ahead;
	/* Whether the terminal may be asked something now; NULL: it may not. */
	bool (*may_ask)(void *owner);
	void *owner;
	const struct loop *loop; /* its time */
	struct keys keys; /* in which the terminal's answers to the program come */
	unsigned
	    questions; /* the program's that the terminal has answered, or had the time to */
	uint64_t question_us; /* when the last of them was asked */
	struct buf before, after;
	size_t fed;
	struct buf says; /* of display_say, not composed yet */
	bool own_line; /* display_begin_line */
	/* The terminal may have one screen only: behind a program on the alternate one stays what
	 * that has drawn, and nobody knows where the cursor is. */
	bool one_screen;
	struct transfer transfer; /* a file's: nothing of ours comes between */
	bool rings; /* the bell is due */
	bool harmless, utf8; /* display_harmless */
	struct buf line; /* the same: of a line, not whole yet */
	bool own; /* the descriptor is ours to close */
	size_t write_max; /* bytes, and only when poll(2) says so: it may block; 0: any */
	bool left; /* display_leave */
	bool broken; /* the reader has gone; what comes is dropped, */
	bool told; /* and the owner knows it */
};

/* A terminal is opened anew, so that others who share it do not find it non-blocking. */
void display_open(struct display *d, struct loop *loop, int fd, struct stream *stream);
/* Makes a model of what the terminal shows, of which nothing is known yet: from now on overlays
 * can be drawn.  False: it is no terminal, or one that cannot do it, or there is no memory. */
bool display_watch(struct display *d);
/* Lines are shown from now on with nothing in them that a terminal would obey (base/text.h):
 * they are text, and not from a program that may use the terminal. */
void display_harmless(struct display *d, bool utf8);
/* Adds an overlay (borrowed) over the others; only where there is a model.  False: no more. */
bool display_add(struct display *d, const struct overlay_ops *ops, void *overlay);
/* The offset in the stream behind the program's bytes that the model has. */
uint64_t display_offset(const struct display *d);
/* When a turn is due though nothing happens; 0: not by itself. */
uint64_t display_deadline(const struct display *d);
/* Writes what can be written now.  False once, when the reader has gone. */
bool display_turn(struct display *d);
/* Asks the terminal what an overlay wants to know, before more of the program's is shown. */
void display_ask(struct display *d);
/* Shows text of belay's own behind the program's bytes, as soon as these end inside no
 * sequence.  A line of it ends with "\r\n", or the model is to be told to forget.  False: there
 * is no memory for it. */
bool display_say(struct display *d, const char *text);
/* The same, but before what has come and is not being written, if that can be now. */
bool display_say_above(struct display *d, const char *text);
/* What is said next begins on a line of its own, wherever the program's output has ended then. */
void display_begin_line(struct display *d);
/* Others are about to write to the terminal: takes the overlays away and writes what has come,
 * as long as the terminal takes some of it every second; nothing is known of it then. */
void display_yield(struct display *d);
/* Others have written to the terminal: nothing is known of it any more. */
void display_forget(struct display *d);
/* The window may have another size. */
void display_fit(struct display *d);
/* It has this one. */
void display_resize(struct display *d, int rows, int cols);
/* Takes the terminal's answers out of the keys, in place; see cursor_reports_filter, also for
 * n = 0. */
size_t display_filter(struct display *d, uint8_t *bytes, size_t n);
/* The terminal is about to answer a question, the program's or the display's. */
bool display_awaits(const struct display *d, uint64_t now_us);
/* A file is on its way through the terminal: nothing of ours is shown. */
bool display_transfers(const struct display *d);
/* Rings as soon as that does not end a sequence of the program's. */
void display_bell(struct display *d);
/* All that came, up to the end, is written. */
bool display_drained(const struct display *d);
/* Writes all that was said to a terminal, and leaves one that has a model as it was before the
 * program; nothing of the program's is shown any more. */
void display_leave(struct display *d);
/* The same, unless that is done, and closes. */
void display_close(struct display *d, struct loop *loop);

#endif
