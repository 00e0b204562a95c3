/*
 * What ssh and its master say to each other on ControlPath (OpenSSH's PROTOCOL.mux), as far as
 * belay answers in a master's place; all else is for the ssh of its link.  Pure.
 *
 *     length (4) | type (4) | request (4), but for a hello | its fields
 */
#ifndef SSH_MUX_H
#define SSH_MUX_H

#include "base/buf.h"

enum mux_type {
	MUX_OTHER, /* a session, or another connection of the link's ssh; the rest is for that */
	MUX_HELLO,
	MUX_CHECK, /* -O check */
	MUX_EXIT, /* -O exit */
	MUX_STOP, /* -O stop */
	MUX_FORWARD, /* -O forward */
	MUX_CANCEL, /* -O cancel */
};

enum mux_forward { MUX_LOCAL = 1, MUX_REMOTE = 2, MUX_DYNAMIC = 3 };

enum {
	MUX_FRAME_MAX = 256 * 1024, /* with its length */
	MUX_PATH = -2, /* a port: the host is the path of a unix socket */
};

struct mux_end {
	struct span host;
	int64_t port; /* or MUX_PATH */
};

struct mux_request {
	enum mux_type type;
	uint32_t number;
	enum mux_forward kind; /* MUX_FORWARD, MUX_CANCEL */
	struct mux_end listen, connect; /* in the bytes that were looked at */
};

/* Looks at the first message.  Returns its length, 0 when more has to come, or ERR_MESSAGE:
 * it is none, or of another version. */
long mux_look(struct span in, struct mux_request *ret);
/* The length of a message that has come whole, whatever it is; 0: not yet; or ERR_MESSAGE. */
long mux_length(struct span in);

/* The answers, onto `out`. */
void mux_put_hello(struct buf *out);
void mux_put_ok(struct buf *out, uint32_t number);
void mux_put_alive(struct buf *out, uint32_t number, uint32_t pid);
void mux_put_port(struct buf *out, uint32_t number, uint32_t port);
void mux_put_failure(struct buf *out, uint32_t number, const char *why);

#endif
