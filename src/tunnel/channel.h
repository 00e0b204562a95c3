/*
 * One connection of a tunnel: between its socket and its stream.
 *
 *     ASKING ---where to---> OPENING ---OPENED---> FLOWING      this end has the connection
 *                               |
 *                               +-----FAILED----> gone
 *
 *     ASKING ---where to---> CONNECTING ---connected---> FLOWING      this end leads it on
 *                                |
 *                                +-----not connected---> FAILED, gone
 *
 * As with ssh, a socket that takes nothing more (it was reset) and one that has ended are
 * told to the other end by no more than the end of the stream and CLOSE.
 */
#ifndef TUNNEL_CHANNEL_H
#define TUNNEL_CHANNEL_H

#include "tunnel/tunnel.h"

enum channel_phase {
	CHANNEL_ASKING,
	CHANNEL_OPENING,
	CHANNEL_CONNECTING,
	CHANNEL_FLOWING
};

struct channel {
	struct tunnel *tunnel;
	struct channel *next;
	struct stream *stream;
	struct watch watch; /* the socket; fd -1: none (yet) */
	struct connect *connect; /* CONNECTING, on its way */
	struct target to;
	enum channel_phase phase;
	bool ours; /* opened by this end */
	bool asks; /* it says itself where to */
	struct buf early; /* what it says then */
	struct buf first; /* goes to the socket before everything else */
	/* messages that did not fit into the control stream yet */
	bool open_due, opened_due, failed_due;
	char why[80]; /* of FAILED */
	bool readable, full; /* the socket: has something; takes no more now */
	bool read_over, write_over; /* its end was read; it was told the end */
	bool broken; /* it takes nothing more, ever */
	bool close_sent, close_got;
	bool gone; /* to be freed */
};

/* A channel with a stream of this number; NULL: no memory, or too many. */
struct channel *channel_new(struct tunnel *t, uint32_t id, bool ours);
void channel_free(struct channel *c);
/* It has this socket (its owner from now on). */
void channel_socket(struct channel *c, int fd);
/* Leads on to c->to, or where it says itself. */
void channel_lead_on(struct channel *c);
/* What the other end has said. */
int channel_opened(struct channel *c, uint64_t limit);
int channel_failed(struct channel *c, struct span why);
/* Moves what can be moved. */
void channel_turn(struct channel *c);
/* Has its socket watched for what can be moved next. */
void channel_watch(struct channel *c);

#endif
