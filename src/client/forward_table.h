/*
 * The user's forwards: what this machine listens on, what the host listens on for it, and
 * the connections of both as streams of the session (tunnel/tunnel.h).  The host may open
 * only what was asked for.
 */
#ifndef CLIENT_FORWARD_TABLE_H
#define CLIENT_FORWARD_TABLE_H

#include "client/x11.h"
#include "ssh/ssh_config.h"
#include "tunnel/forward.h"
#include "tunnel/listener.h"
#include "tunnel/tunnel.h"

enum forward_state {
	FORWARD_GONE, /* its place is free */
	FORWARD_ASKED, /* the host has to answer */
	FORWARD_LISTENS,
	FORWARD_FAILED,
};

struct forward_table_one {
	struct forward_table *forwards;
	struct forward forward;
	struct listener listener; /* FORWARD_LOCAL */
	enum forward_state state;
	bool listen_due, unlisten_due; /* to be told to the host */
	bool must; /* ExitOnForwardFailure, until it listens for the first time */
	unsigned allocated; /* the port that the host has chosen; 0: it was named */
};

struct forward_table {
	struct tunnel tunnel;
	struct forward_table_one *list; /* index: the forward's number on the wire */
	size_t n, room;
	const struct ssh_config *config; /* what limits them */
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
int forward_table_init(struct forward_table *f, struct loop *loop, struct engine *engine,
    const struct ssh_config *c, const char *destination);
/* Takes a zeroed one. */
void forward_table_finish(struct forward_table *f);

/* Whether those that must listen here can: else nothing may run on the host, as under ssh.
 * The ports are for forward_table_start() to keep. */
bool forward_table_possible(struct forward_table *f);
/* The session is there: listens, and has the host listen. */
void forward_table_start(struct forward_table *f);
/* The session is gone, and its connections: another one begins.  What listens here goes on,
 * and the host is asked again for what listens there. */
void forward_table_anew(struct forward_table *f);
/* Adds one, which listens at once, or when the host has said so; false: it does not (the
 * person is told why), or there are too many. */
bool forward_table_add(struct forward_table *f, const struct forward *forward);
/* The same; one that is there already will do.  Its number, for forward_table_answer. */
bool forward_table_put(struct forward_table *f, const struct forward *forward,
    size_t *ret_number);
/* What has become of it, and the port that the host has chosen (0: it was named).  One that has
 * failed is gone with that. */
enum forward_state
forward_table_answer(struct forward_table *f, size_t number, unsigned *ret_port);
/* Drops the ones that listen there (-KL, -KR, -KD); false: there is none. */
bool forward_table_drop(struct forward_table *f, const struct forward *forward);
/* Everything is answered: all listens, or will not. */
bool forward_table_settled(const struct forward_table *f);
/* Not of one that must: whether the session is to end is not known yet. */
bool forward_table_awaited(const struct forward_table *f);
/* Takes a control message; an error is the host's. */
int forward_table_take(struct forward_table *f, enum msg_type type, const union msg *m);
/* Returns when to call it again; 0: on events only. */
uint64_t forward_table_turn(struct forward_table *f, uint64_t now_us);

#endif
