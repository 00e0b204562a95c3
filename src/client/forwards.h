/*
 * The user's forwards: what this machine listens on, what the host listens on for it, and
 * the connections of both as streams of the session (tunnel/tunnel.h).  The host may open
 * only what was asked for.
 */
#ifndef CLIENT_FORWARDS_H
#define CLIENT_FORWARDS_H

#include "client/config.h"
#include "client/forward.h"
#include "client/x11.h"
#include "tunnel/listener.h"
#include "tunnel/tunnel.h"

enum forward_state {
	FORWARD_GONE, /* its place is free */
	FORWARD_ASKED, /* the host has to answer */
	FORWARD_LISTENS,
	FORWARD_FAILED,
};

struct forwards_one {
	struct forwards *forwards;
	struct forward forward;
	struct listener listener; /* FORWARD_LOCAL */
	enum forward_state state;
	bool listen_due, unlisten_due; /* to be told to the host */
	bool must; /* ExitOnForwardFailure, until it listens for the first time */
};

struct forwards {
	struct tunnel tunnel;
	struct forwards_one *list; /* index: the forward's number on the wire */
	size_t n, room;
	const struct config *config; /* what limits them */
	struct listener_unix unix_how;
	bool gateway;
	bool failed; /* one has failed that must not: the session is to end */
	bool quiet; /* connections that fail are nobody's business: a person types */
	const char *destination; /* for messages */
	struct x11 x11; /* our display */
	bool agent; /* the link's ssh forwards ours */
	bool told_agent; /* ... and the person knows that this session cannot use it */
};

/* Takes what the configuration asks for, which has to live as long; does nothing yet.
 * ERR_NOMEM. */
int forwards_init(struct forwards *f, struct loop *loop, struct engine *engine,
    const struct config *c, const char *destination);
/* Takes a zeroed one. */
void forwards_finish(struct forwards *f);

/* Whether those that must listen here can: else nothing may run on the host, as under ssh.
 * The ports are for forwards_start() to keep. */
bool forwards_possible(struct forwards *f);
/* The session is there: listens, and has the host listen. */
void forwards_start(struct forwards *f);
/* Adds one, which listens at once, or when the host has said so; false: it does not (the
 * person is told why), or there are too many. */
bool forwards_add(struct forwards *f, const struct forward *forward);
/* Drops the ones that listen there (-KL, -KR, -KD); false: there is none. */
bool forwards_drop(struct forwards *f, const struct forward *forward);
/* Everything is answered: all listens, or will not. */
bool forwards_settled(const struct forwards *f);
/* Takes a control message; an error is the host's. */
int forwards_take(struct forwards *f, enum msg_type type, const union msg *m);
/* Returns when to call it again; 0: on events only. */
uint64_t forwards_turn(struct forwards *f, uint64_t now_us);

#endif
