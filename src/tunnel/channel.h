/*
 * One connection of a tunnel: between its socket and its stream.
 *
 *     ASKING ---where to---> OPENING ---OPENED---> FLOWING      this end has the connection
 *                               |
 *                               +-----FAILED----> gone
 *
 *     ASKING ---where to---> CONNECTING ---connected---> FLOWING      this end leads it on
 *                                |
 *                                +-----not connected---> REFUSED ---FAILED---> gone
 *                                                           ^
 *     an OPEN that may not be ------------------------------+
 *
 * What is done in a phase is in a table (channel.c); in REFUSED, which is 0, nothing is.
 *
 * As with ssh, a socket that takes nothing more (it was reset) and one that has ended are
 * told to the other end by no more than the end of the stream and CLOSE.
 */
#ifndef TUNNEL_CHANNEL_H
#define TUNNEL_CHANNEL_H

#include "tunnel/tunnel.h"

enum channel_phase {
	CHANNEL_REFUSED,
	CHANNEL_ASKING,
	CHANNEL_OPENING,
	CHANNEL_CONNECTING,
	CHANNEL_FLOWING,
	CHANNEL_PHASES
};

struct channel {
	struct tunnel *tunnel;
	struct channel *next;
	uint32_t id;
	struct stream *stream; /* NULL: refused */
	struct watch watch; /* the socket; fd -1: none (yet) */
	struct connect *connect; /* CONNECTING, on its way */
	struct target to;
	enum channel_phase phase;
	bool ours; /* opened by this end */
	enum open_kind asks; /* it says itself where to: SOCKS, X11; or OPEN_NOTHING */
	bool agreed; /* OPENED was said */
	struct buf early; /* what it says then */
	struct buf first; /* goes to the socket before everything else */
	/* messages that did not fit into the control stream yet */
	bool open_due, opened_due;
	char why[80]; /* of FAILED */
	bool readable, full; /* the socket: has something; takes no more now */
	bool read_over, write_over; /* its end was read; it was told the end */
	bool broken; /* it takes nothing more, ever */
	bool close_sent, close_got;
	bool gone; /* to be freed */
};

/* A refused one: it has nothing but its number.  NULL: no memory. */
struct channel *channel_new(struct tunnel *t, uint32_t id, bool ours);
void channel_free(struct channel *c);
/* Gives it a stream; false: no memory, or too many. */
bool channel_stream(struct channel *c);
/* It has this socket (its owner from now on); false: there is no room, it is closed. */
bool channel_socket(struct channel *c, int fd);
/* Has the other end lead it on to `to`, or where it says itself. */
void channel_ours(struct channel *c, const struct target *to);
/* Leads on to c->to, or where it says itself. */
void channel_connect(struct channel *c);
/* Takes everything off it but its number; FAILED says why. */
void channel_refuse(struct channel *c, const char *why);
/* What the other end has said. */
int channel_opened(struct channel *c, uint64_t limit);
int channel_failed(struct channel *c, struct span why);
int channel_closed(struct channel *c);
/* Moves what can be moved. */
void channel_turn(struct channel *c);
/* Has its socket watched for what can be moved next. */
void channel_watch(struct channel *c);

#endif
