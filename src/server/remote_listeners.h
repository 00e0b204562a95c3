/*
 * What the host does for a client's forwards: leads connections on to where the client
 * says, and listens where it wishes (-R).
 */
#ifndef SERVER_REMOTE_LISTENERS_H
#define SERVER_REMOTE_LISTENERS_H

#include "tunnel/listener.h"
#include "tunnel/tunnel.h"

enum { REMOTE_LISTENERS_MAX = 64 /* for one client */ };

struct remote;

/* Of one client. */
struct remote_listeners {
	struct tunnel tunnel;
	struct remote *remotes; /* where it has us listen, a list */
	size_t n_remotes;
	bool none; /* it may not: it only looks on */
	bool agent,
	    display; /* programs may use its agent (an older one's), its display */
	uint64_t away_us; /* since when it has no link; 0: it has */
};

void remote_listeners_init(struct remote_listeners *f, struct loop *loop,
    struct engine *engine);
/* Takes a zeroed one. */
void remote_listeners_finish(struct remote_listeners *f);
/* Takes a control message: of a tunnel, LISTEN or UNLISTEN.  Errors are the client's;
 * ERR_UNKNOWN: it is for somebody else. */
int
remote_listeners_take(struct remote_listeners *f, enum msg_type type, const union msg *m);
/* Returns when to call it again; 0: on events only.  Ports of a client that is away are
 * free for others after a while, until it comes back. */
uint64_t remote_listeners_turn(struct remote_listeners *f, bool here, uint64_t now_us);

/* Whether this client's agent, or its display, can be given one more. */
bool remote_listeners_has_room(const struct remote_listeners *f, enum open_kind kind);
/* Leads a connection on to this client's agent, or its display. */
void remote_listeners_connect(struct remote_listeners *f, enum open_kind kind, int fd);

#endif
