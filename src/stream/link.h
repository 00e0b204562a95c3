/*
 * The part of a link that does no I/O: frames out of bytes, the round trip, whether
 * the other side still answers.
 *
 * A question is anything that must be answered: data (by an ACK), PING and USE (by a
 * PONG).  Any whole frame counts as an answer, since it shows that the path works.
 * A link is in doubt when a question has waited for longer than `doubt_us`.
 */
#ifndef STREAM_LINK_H
#define STREAM_LINK_H

#include "base/buf.h"
#include "stream/congestion.h"
#include "wire/msg.h"

enum {
	FLIGHT_MAX = 256 * 1024, /* where a person waits for the answer to a key */
	FLIGHT_BULK = 2 * 1024 * 1024, /* for commands on pipes, and forwards */
};

struct link {
	struct buf in; /* received, not yet a whole frame */
	bool lossy; /* frames may be lost: repeat what is not acknowledged */
	bool used; /* the client has chosen it */

	uint64_t paced_us; /* frames wait for this time; 0: none does */
	uint64_t heard_us; /* when the last frame came */
	uint64_t asked_us; /* the oldest question without any frame since; 0: none */
	uint64_t ping_us; /* when the PING or USE under way was sent; 0: none */
	uint64_t heartbeat_us; /* ask when nothing was heard for so long; 0: never */
	/* bounds of the patience; max 0: never doubt */
	uint64_t doubt_min_us, doubt_max_us;
	/* RFC 6298, of PING to PONG; srtt 0: not known yet */
	uint64_t srtt_us, rttvar_us;
	/* the last answer that came when the link was in doubt already: how late, and when */
	uint64_t late_us, late_at_us;

	bool use_due, ping_now, pong_due;
	uint64_t pong_stamp;
	/* bytes of all streams together beyond the last acknowledgement: what the credit
	 * allows, and at most so many */
	struct congestion congestion;
	size_t flight_max; /* up to RANK_TERMINAL: FLIGHT_MAX */
	size_t bulk_max; /* with what ranks behind it: FLIGHT_BULK */
	uint64_t progress_us; /* lossy: when the last acknowledgement moved something */
};

void link_init(struct link *l, uint64_t now_us);
void link_finish(struct link *l);

/* Bytes from the other side.  ERR_FULL, ERR_NOMEM. */
int link_received(struct link *l, struct span bytes);
/* The next frame: > 0 and *ret_frame (valid until link_drop), 0 when there is none yet,
 * ERR_FRAME.  A frame is whole, but DATA may come in parts as it arrives, each of them a
 * frame of its own to look at. */
long link_frame(const struct link *l, struct frame *ret_frame);
/* Done with the frame of that length. */
void link_drop(struct link *l, long frame_len);

/* A question was sent; a frame was heard (`waiting`: questions are still open). */
void link_asked(struct link *l, uint64_t now_us);
void link_heard(struct link *l, bool waiting, uint64_t now_us);
/* The PONG with this stamp came. */
void link_on_pong(struct link *l, uint64_t stamp, uint64_t now_us);
/* How long a question may wait: some round trips, within the bounds; after one that came
 * late, longer for a while, since other links would have been as slow. */
uint64_t link_patience_us(const struct link *l);
bool link_in_doubt(const struct link *l, uint64_t now_us);
/* A PING is to be sent (none is under way, and it was silent for long enough). */
bool link_ping_due(const struct link *l, uint64_t now_us);
/* When it comes into doubt: 0 never. */
uint64_t link_doubt_at(const struct link *l);
/* When to look again: 0 never. */
uint64_t link_deadline(const struct link *l);

#endif
