/*
 * ssh's escape character at the beginning of a line (ssh(1), ESCAPE CHARACTERS): a pure
 * filter between the keyboard and the stream.
 */
#ifndef CLIENT_ESCAPE_H
#define CLIENT_ESCAPE_H

#include "base/buf.h"

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
};

struct escape {
	char character; /* 0: escapes are off */
	bool line_start, pending;
};

void escape_init(struct escape *e, char character);
/* Takes bytes off `in` and appends what goes to the host to `out`, up to a command (which
 * is returned; call again for the rest) or the end of `in`. */
enum escape_command escape_filter(struct escape *e, struct span *in, struct buf *out);

#endif
