/*
 * ssh's escape character at the beginning of a line (ssh(1), ESCAPE CHARACTERS): a pure
 * filter between the keyboard and the stream.
 *
 * An escape is typed; in pasted text it is text.  What is pasted is known by the brackets
 * that the terminal puts around it (mode 2004), and where it puts none by its coming at
 * once: something stands behind the escape, or much is read with it.
 *
 * The keys are what the decoder says they are, in kitty's and xterm's codings too.  Reports
 * of released keys, the mouse or the focus part no line and no escape; the released ones go
 * to the host behind the escape, if it turns out to be text.
 */
#ifndef SCREEN_ESCAPE_H
#define SCREEN_ESCAPE_H

#include "base/buf.h"
#include "base/keys.h"

enum {
	ESCAPE_TYPED_MAX = 64, /* a person types no more until it is read */
	ESCAPE_HELD_MAX = 64,
};

enum escape_command {
	ESCAPE_NONE,
	ESCAPE_LEAVE, /* ~. */
	ESCAPE_SUSPEND, /* ~^Z */
	ESCAPE_HELP, /* ~? */
	ESCAPE_RECONNECT, /* ~R */
	ESCAPE_LIST, /* ~# */
	ESCAPE_BREAK, /* ~B */
	ESCAPE_LOUDER, /* ~v */
	ESCAPE_QUIETER, /* ~V */
	ESCAPE_LINE, /* ~C */
	ESCAPE_DROP, /* ~k */
};

struct escape {
	char character; /* 0: escapes are off */
	bool line_start, pending;
	struct keys keys;
	/* The keys since the escape, while it is pending; a key that may be one. */
	uint8_t held[ESCAPE_HELD_MAX];
	uint8_t n_held, n_before; /* before the key that is not complete */
	uint8_t n_escape; /* of the escape itself */
	uint8_t n_command; /* of the command that was returned last */
};

void escape_init(struct escape *e, char character);
/* Takes bytes off `in` and appends what goes to the host to `out`, up to a command (which is
 * returned, and nothing is left then) or the end of `in`: at most ESCAPE_HELD_MAX bytes more
 * than it takes.  `typed`: what was read at once
 * with them is at most ESCAPE_TYPED_MAX bytes. */
enum escape_command
escape_filter(struct escape *e, struct span *in, bool typed, struct buf *out);
/* The command that was returned last was none after all: appends its keys. */
void escape_was_text(struct escape *e, struct buf *out);
/* The key behind the escape character. */
char escape_key(enum escape_command command);
/* These bytes went elsewhere. */
void escape_skip(struct escape *e, struct span in);
/* Text is being pasted, in brackets. */
bool escape_in_paste(const struct escape *e);

#endif
