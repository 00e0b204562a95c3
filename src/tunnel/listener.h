/*
 * Listens for what is to be forwarded: on a TCP port of one or two addresses, or on a
 * unix socket.
 */
#ifndef TUNNEL_LISTENER_H
#define TUNNEL_LISTENER_H

#include "sys/resolve.h"
#include "tunnel/tunnel.h"

enum { LISTENER_SOCKETS = 2, LISTENER_TEXT = 400 };

struct listener {
	struct loop *loop;
	struct watch watches[LISTENER_SOCKETS]; /* fd -1: not open */
	char path[TARGET_MAX]; /* of a unix socket, to be removed; "": none */
	int family; /* the caller's: of addresses; AF_UNSPEC (0): all */
	uint64_t paused_until_us; /* there are too many: 0, it is not */
	/* Whether there is room for one more; NULL: always.  Who comes when there is none
	 * waits. */
	bool (*has_room)(void *owner);
	void (*accepted)(void *owner, int fd); /* non-blocking; the owner's */
	void *owner;
};

/* How a unix socket is made (ssh_config(5): StreamLocalBindMask, StreamLocalBindUnlink). */
struct listener_unix {
	unsigned mask;
	bool unlink;
};

/* A zeroed listener counts as closed.  Of the callback, the owner and the family nothing is
 * changed.
 *
 * `on`: OPEN_TCP: an address, "localhost" (both loopback addresses), "*" (all); port 0 is
 * any, and *ret_port tells which.  OPEN_UNIX: a path.  Returns 0, or -1 and why in
 * `ret_text` ("127.0.0.1:80: Permission denied"). */
int listener_open(struct listener *l, struct loop *loop, const struct target *on,
    const struct listener_unix *how, unsigned *ret_port, char ret_text[LISTENER_TEXT]);
/* The same on the addresses of a name, as many as there is room for; one is enough. */
int listener_open_at(struct listener *l, struct loop *loop,
    const struct resolve_answer *addresses, unsigned *ret_port,
    char ret_text[LISTENER_TEXT]);
void listener_close(struct listener *l);
/* Returns when to call it again; 0: on events only. */
uint64_t listener_turn(struct listener *l, uint64_t now_us);

#endif
