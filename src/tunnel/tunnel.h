/*
 * One end of a session's forwards: connections that are streams of the session, and so
 * survive its links.
 *
 *     socket <--> channel <--> stream n  ~~~ links ~~~  stream n <--> channel <--> socket
 *
 *     who has the connection                   who leads it on
 *       OPEN n, where to, limit       --->
 *                                                may it?  connects
 *                                     <---     OPENED n, limit      or FAILED n, why
 *       DATA, END, ACK of stream n    <-->     (stream/engine.h)
 *       CLOSE n                       <-->     CLOSE n: when both have said so, n is gone
 *
 * CLOSE says: all that I have sent, and its end, is in your hands, and I take nothing
 * more.  Numbers of streams are even from the client, odd from the server, rise, and are
 * never given twice in a session.
 *
 * Full: at most TUNNEL_OPEN connections are opened by each end; who comes then waits to be
 * accepted.  Of them some are kept for the agent and the display, and no listener gets so
 * many that there is none left for another one.  A connection that nobody reads is not read
 * from: CHANNEL_WINDOW.
 *
 * What an OPEN may lead to is said in rights.c.  One that is refused has neither a socket
 * nor a stream: it waits for its FAILED to be sent, and what is sent on it is dropped.
 */
#ifndef TUNNEL_TUNNEL_H
#define TUNNEL_TUNNEL_H

#include "stream/engine.h"
#include "tunnel/connect.h"

enum {
	TUNNEL_OPEN = 480,
	TUNNEL_AGENT_KEPT = 32, /* of them, by the server */
	TUNNEL_DISPLAY_KEPT = 64,
	TUNNEL_LOOK_UPS = 32, /* names looked up at once; further ones wait */
	CHANNEL_WINDOW = 2 * 1024 * 1024, /* bytes held for a socket that takes no more */
	CHANNEL_AHEAD = 512 * 1024, /* bytes read before the link takes them, of all together */
	CHANNEL_EARLY = 1024, /* of what is said before it is known where to */
};

struct channel;

struct tunnel_events {
	resolve_fn *look_up; /* names into addresses */
	/* Where an OPEN of the other end leads (*ret_to is zeroed).  False, or a target that
	 * rights.c does not have for it: it may not be. */
	bool (*allows)(void *owner, const struct msg_open *m, struct target *ret_to);
	/* A connection that leads to OPEN_SOCKS or OPEN_X11 says itself where: as socks_ask
	 * and socks_answer.  NULL: none does. */
	int (*ask)(void *owner, struct buf *in, struct buf *out, struct target *to);
	void (*answer)(const struct target *to, bool open, struct buf *out);
	/* A connection could not be led on. */
	void (*failed)(void *owner, const struct target *to, const char *why);
};

struct tunnel {
	struct loop *loop;
	struct engine *engine;
	const struct tunnel_events *events;
	void *owner;
	struct channel *channels; /* a list, oldest first */
	size_t n_ours; /* of them opened by this end */
	size_t n_theirs;
	uint32_t next_id, their_next_id;
	uint64_t bytes_in, bytes_out; /* to and from sockets, in all */
	uint64_t opened; /* channels, in all */
	size_t look_ups; /* names that are looked up now */
};

void tunnel_init(struct tunnel *t, struct loop *loop, struct engine *engine,
    const struct tunnel_events *events, void *owner);
/* Closes everything; takes a zeroed one. */
void tunnel_finish(struct tunnel *t);

/* Whether there is room for one more of this kind and forward. */
bool tunnel_has_room(const struct tunnel *t, const struct target *to);
/* Leads a connection on to the other end, which knows `to`; or, with OPEN_SOCKS, where it
 * says itself (events->ask).  Takes the descriptor in any case; whether there is room was to
 * be asked before it was accepted, since now it counts itself. */
void tunnel_open(struct tunnel *t, int fd, const struct target *to);
/* Takes OPEN, OPENED, FAILED or CLOSE; another is ERR_UNKNOWN.  Any error is the peer's. */
int tunnel_take(struct tunnel *t, enum msg_type type, const union msg *m);
/* Moves bytes, between taking frames and sending them. */
void tunnel_turn(struct tunnel *t);
/* After sending has made room: has the sockets watched that may be read from now. */
void tunnel_watch(struct tunnel *t);
/* Some connection is not over. */
bool tunnel_busy(const struct tunnel *t);

#endif
