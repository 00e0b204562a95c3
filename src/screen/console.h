/*
 * The person's side of a session: stdin with ssh's escapes, stdout and stderr, and the
 * settings of the terminal.
 *
 *     stdin  ---> keyboard ---> escapes ---> stream 1
 *                          ---> ssh's question
 *     stdout <---------------- stream 1
 *     stderr <---------------- stream 2 (a program on pipes)
 */
#ifndef SCREEN_CONSOLE_H
#define SCREEN_CONSOLE_H

#include "screen/backlog.h"
#include "screen/display.h"
#include "screen/escape.h"
#include "screen/keyboard.h"
#include "screen/predictions.h"
#include "screen/prompt.h"
#include "screen/status_line.h"
#include "stream/engine.h"

/* What the session is told. */
struct console_events {
	void (*command)(void *owner, enum escape_command command);
	void (*typed)(void *owner); /* on a terminal, for the program */
	void (*login)(void *owner); /* the person asks for one that may ask */
	void (*gone)(void *owner); /* the terminal is gone */
	void (*unread)(void *owner,
	    const struct stream *s); /* who read our output is gone */
	/* how it stands with ssh, for keyboard_asked */
	void (*asked)(void *owner, bool *ret_asks, unsigned *ret_question);
	/* takes keys off the head of *keys for the question */
	enum prompt_event (*answer)(void *owner, struct span *keys);
	void (*cancel)(void *owner); /* the login that may ask */
	void (*dropped)(void *owner); /* typed lines, for which there was no question */
	void (*late)(void *owner); /* a key as console_offer ended: thrown away */
	void (*line)(void *owner, const char *text); /* after console_line */
};

/* Borrowed. */
struct console_fds {
	int in, out, err;
};

struct console {
	struct loop *loop;
	struct console_fds fds;
	const struct console_events *events;
	void *owner;
	struct stream *main, *errors; /* errors: NULL on a terminal */
	struct watch keys; /* stdin */
	struct display out, err; /* out: the terminal, if it is one */
	struct escape escape;
	struct status_line status;
	struct predictions predictions;
	bool harmless; /* what comes is text; set before console_open */
	bool above; /* lines of belay's own go before what has come and is not shown */
	bool raw; /* stdin is a terminal that has to be raw */
	struct keyboard keyboard;
	bool offers; /* the status line asks for a login */
	struct backlog backlog;
	bool away; /* what is typed waits for the link */
	struct buf filtered; /* keys behind the escapes, on their way into the stream */
	bool gives; /* what the keyboard holds is the program's and waits for room */
	uint64_t retry_us; /* there was no memory to read into; 0: there was */
	bool ended; /* stdin */
	bool shares; /* stderr is the terminal that the display has */
	bool lent; /* ssh has the terminal for a prompt: nothing is read or shown */
	bool
	    left; /* what the program left on is switched off, and no more of it is shown */
	bool resized;
	struct buf line; /* what is typed after console_line */
	bool full; /* nothing more is read until there is room; the bell has said so */
};

/* `raw`: stdin is a terminal and the program runs on one.  `escape`: 0 for none.  `mode`: what
 * is typed is shown before the host has. */
void console_open(struct console *c, struct loop *loop, const struct console_fds *fds,
    struct stream *main, struct stream *errors, bool raw, char escape,
    enum predict_mode mode);
/* Switches off what the program left on, and gives the terminal its own settings back: what is
 * said from now on is the last. */
void console_leave(struct console *c);
/* The first of these, unless it is done, and closes. */
void console_close(struct console *c);
/* How it stands with ssh may have changed: the keyboard is told. */
void console_asked(struct console *c);
/* A login is through: keys that were held are the program's. */
void console_ready(struct console *c);
/* Shows lines of belay's own, as log_say does while the console is open: by the display, if
 * stderr is the same terminal and not lent to others; else on stderr. */
void console_say(struct console *c, const char *text);
/* ssh has the terminal for a prompt, or has it no more. */
void console_lend(struct console *c, bool lent);
/* What the status line is to say from the next turn on; NULL: there is none.  False: it
 * cannot be shown here, or not now. */
bool console_status(struct console *c, const char *text);
/* Whether the status line asks for a login now: then Enter may be its (keyboard.h). */
void console_offer(struct console *c, bool offers);
/* Whether the link does not answer, and the person is told so: what is typed waits then, as
 * backlog.h has it. */
void console_away(struct console *c, bool away);
/* Drops what was typed and never sent; returns how many bytes. */
size_t console_drop(struct console *c);
/* What is typed now was for a program that is gone: none of it is ever sent.  Returns how many
 * bytes; to be called each turn, from console_open on. */
size_t console_discard(struct console *c);
/* Another program has begun in its place: what is typed is thrown away until the person has had
 * the time to notice that, and all that waits now. */
void console_anew(struct console *c);
/* stdin is not for the program (-n): it gets the end at once. */
void console_no_input(struct console *c);
/* Shows what there is, and reads on if that is wanted.  Returns when to call it again; 0: only
 * on events. */
uint64_t console_turn(struct console *c, bool reads);
/* Everything is shown. */
bool console_drained(const struct console *c);

/* The terminal as the program needs it, and as the person had it. */
void console_raw(const struct console *c);
void console_cooked(void);
/* Lets the person type a line, which the terminal edits; what the program and belay have to
 * show waits. */
void console_line(struct console *c, const char *prompt);
/* Stops belay until it is continued (~^Z). */
void console_suspend(struct console *c);
/* We were stopped from outside, and go on. */
void console_continued(struct console *c);

#endif
