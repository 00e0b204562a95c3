/*
 * What carries frames, as the engine and the owner of a link know it: the part that does no
 * I/O (frames out of bytes, the round trip, whether the other side still answers), and the
 * operations of its kind, which do it.
 *
 *     engine ---> frames ---> link ---> ops ---> link/pipe.c: the descriptors of ssh's pipes
 *
 * A kind embeds `struct link` as its first member.  Everybody else holds pointers to the
 * link and calls link_read, link_write and so on.
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
	LINK_QUEUE_MAX = 2 * FRAME_MAX,
};

/* Streams travel in two classes, which may go by different links. */
enum link_class {
	LINK_URGENT, /* up to RANK_TERMINAL */
	LINK_BULK, /* what ranks behind it */
	LINK_CLASSES
};

enum { LINK_RANK = 1 }; /* of a link that nobody has ranked */

struct engine;
struct link;

/* A kind of link. */
struct link_ops {
	const char *name;
	/* Takes what has arrived into link->in, whole or not.  False: nothing comes any
	 * more; then link->broken is set. */
	bool (*read)(struct link *l);
	/* Sends link->queue and the engine's frames (NULL: none), as much as goes now.  What
	 * cannot be sent any more sets link->broken. */
	void (*write)(struct link *l, struct engine *e, uint64_t now_us);
	/* When `write` has something to do by itself, or the link comes into doubt: a time,
	 * which may have passed; 0: on events only. */
	uint64_t (*deadline)(const struct link *l, const struct engine *e);
	/* Gives memory back when nothing has moved for a moment.  When to call it again; 0:
	 * when something has moved. */
	uint64_t (*trim)(struct link *l, uint64_t now_us);
	/* Nothing is to be read or written any more: only its end is awaited. */
	void (*quiet)(struct link *l);
	/* Closes and frees; takes one that is closed. */
	void (*close)(struct link *l);
};

struct link {
	const struct link_ops *ops; /* NULL: of a test */
	uint8_t rank
	    [LINK_CLASSES]; /* of links that are there, the highest carries the class */
	struct buf in; /* received, not yet a whole frame */
	struct buf queue; /* frames ahead of the engine's: the handshake, BYE */
	bool broken; /* the other side is gone; the owner closes */
	bool heard; /* something has been read */
	bool lossy; /* frames may be lost: repeat what is not acknowledged */
	/* Its kind sees itself what arrives and what is lost: it measures the round trip, keeps
	 * `flight` and the congestion control, and says what is to be sent again. */
	bool counts;
	bool
	    doubted; /* counts: it does not answer; its classes go by others, if there are any */
	bool used; /* the client has chosen it, of those of its kind */

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

	bool use_due, ranks_due, ping_now, pong_due;
	uint64_t pong_stamp;
	/* how many bytes of the streams that it carries may be beyond the last
	 * acknowledgement; and at most so many, whatever that says */
	struct congestion congestion;
	size_t flight_max; /* up to RANK_TERMINAL: FLIGHT_MAX */
	size_t bulk_max; /* with what ranks behind it: FLIGHT_BULK */
	uint64_t progress_us; /* lossy: when the last acknowledgement moved something */
	size_t flight[LINK_CLASSES]; /* counts: bytes of frames that are under way */
	uint64_t ranks_stamp; /* of the RANKS sent, or taken, last */
};

void link_init(struct link *l, uint64_t now_us);
void link_finish(struct link *l);

/* The operations of its kind.  A link without one (zeroed, or closed) reads nothing, sends
 * nothing and is not broken. */
bool link_read(struct link *l);
void link_write(struct link *l, struct engine *e, uint64_t now_us);
uint64_t link_write_at(const struct link *l, const struct engine *e);
uint64_t link_trim(struct link *l, uint64_t now_us);
void link_quiet(struct link *l);
void link_close(struct link *l);

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
