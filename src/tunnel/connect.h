/*
 * Connects to where a channel leads, without waiting: the addresses of a name one after
 * the other, as ssh does, or a unix socket.
 */
#ifndef TUNNEL_CONNECT_H
#define TUNNEL_CONNECT_H

#include "sys/loop.h"
#include "sys/resolve.h"
#include "wire/msg.h"

enum { TARGET_MAX = 256 };

#define CONNECT_NO_ROOM "too many connections"

/* Where a channel leads. */
struct target {
	enum open_kind kind;
	char host[TARGET_MAX]; /* a name, an address, a path; "": the other end knows */
	unsigned port;
	uint32_t forward; /* the one that it belongs to, by its number on the wire */
	bool listed; /* who asks for it is the other end: not all places are allowed */
	bool display; /* what is said first has a cookie in it, to be replaced */
	uint8_t socks; /* the version that who asked for it speaks; 0: none (yet) */
};

struct connect {
	struct loop *loop;
	struct watch watch; /* the child that looks the name up, or the socket */
	pid_t pid; /* of that child; 0: none */
	struct resolve_answer answer;
	size_t next; /* the address to be tried */
	int err; /* of the one tried last */
	/* Called once, from the loop or connect_start: a descriptor (of the caller's from
	 * now on), or -1 and why not. */
	void (*done)(void *owner, int fd, const char *why);
	void *owner;
};

/* Whether that takes a child that looks the name up. */
bool connect_looks_up(const struct target *to);
/* Starts; `done` may be called before it returns. */
void connect_start(struct connect *c, struct loop *loop, resolve_fn *look_up,
    const struct target *to, void (*done)(void *owner, int fd, const char *why),
    void *owner);
/* Ends it without a word; takes a zeroed one, and one that is done. */
void connect_cancel(struct connect *c);

#endif
