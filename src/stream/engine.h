/*
 * The link engine: one end of a session.  It joins the session's streams with the
 * links of the moment; it does no I/O and never asks the time.
 *
 *   streams (live as long as the session)         links (come and go)
 *     0 control  <---+                        +---> link in use   ---> frames out
 *     1 tty      <---+---  engine_frame  <----+     spare link
 *     ...        <---+---  engine_fill   ---->+---> old link
 *
 * Frames are accepted from every link, since they name their offsets.  Streams are sent in
 * two classes, those up to the terminal and those behind it (bulk), each on one link, its
 * active one:
 *   - the link with the highest rank for the class; of those with the same
 *   - the server takes the link that was added last, until the client says USE on one;
 *     then the others of its kind are told to go (engine_unwanted);
 *   - the client adds a link when WELCOME came on it, which chooses it at once;
 *   - when an active link goes, the best that is left takes its place.
 * Whenever another link becomes active, sending goes on from what is acknowledged.  A link that
 * counts and is in doubt ranks lowest; a server comes to doubt it as well when what is typed
 * comes by another.
 *
 * Lower ranks send first, but where others wait they leave them an eighth of what may be
 * in flight; streams of one rank take turns.  What a higher rank has in flight does not
 * count against a lower one, so a key never waits for bulk to be acknowledged.
 *
 * Streams from STREAM_CHANNELS on come and go, by messages that the owner exchanges: what
 * the peer says about one that is not here is late, and dropped.
 *
 * A frame with an error is the peer's fault: the caller closes that link; the streams
 * are unchanged and go on with the next link.
 */
#ifndef STREAM_ENGINE_H
#define STREAM_ENGINE_H

#include "stream/link.h"
#include "stream/stream.h"

enum { ENGINE_LINKS = 6, ENGINE_STREAMS = 1024 };

struct engine {
	bool client;
	bool terminal; /* one of the streams is */
	struct stream **streams; /* by rank; within one, who has sent last is last */
	size_t n_streams, room; /* at most ENGINE_STREAMS */
	struct link *links[ENGINE_LINKS]; /* oldest first */
	size_t n_links;
	struct link *active[LINK_CLASSES]; /* NULL: the class waits for a link */
	uint64_t moved_us; /* when data was sent or received last */
	size_t told_len; /* of the control message that engine_told gave out last */
};

void engine_init(struct engine *e, bool client);
/* Frees the streams; the links belong to the caller. */
void engine_finish(struct engine *e);

/* Makes a stream; NULL when there are too many or no memory.  Lower ranks send first. */
struct stream *
engine_open(struct engine *e, uint32_t id, uint8_t rank, size_t out_max, size_t window);
struct stream *engine_stream(const struct engine *e, uint32_t id);
/* Ends and frees one of the channels; what it has not delivered is lost. */
void engine_close(struct engine *e, struct stream *s);

/* What we hold of each stream, for HELLO and WELCOME. */
int engine_positions(struct engine *e, struct buf *out);
/* What the peer holds, from its HELLO or WELCOME. */
int engine_set_positions(struct engine *e, struct span positions);
/* Appends data that goes behind a HELLO without waiting for the answer, at most `max`
 * bytes of each stream: what was typed during an outage arrives half a round trip after
 * the server does.  The link itself may send it again. */
int engine_prelude(struct engine *e, struct buf *out, size_t max);

/* A link has shaken hands.  ERR_FULL when there are too many. */
int engine_add(struct engine *e, struct link *l);
/* It is of that rank for each class from now on: a class goes by another link if that one's is
 * higher. */
void engine_rank(struct engine *e, struct link *l, uint8_t urgent, uint8_t bulk);
/* It does not answer: until it does, it carries what no other link can. */
void engine_doubt(struct engine *e, struct link *l, bool doubted);
/* A link is gone (or to be closed); no harm if it was never added. */
void engine_remove(struct engine *e, struct link *l);
/* The link that streams of this rank go by; NULL: none. */
struct link *engine_link(const struct engine *e, uint8_t rank);
/* A link that the caller is to close, since another is in use; NULL if there is none.  Of those
 * that count their owner knows it. */
struct link *engine_unwanted(const struct engine *e);

/* Takes a frame of the running session (DATA END ACK PING PONG USE RANKS).  Others are
 * ERR_STATE: the caller takes the ones it knows before. */
int
engine_frame(struct engine *e, struct link *l, const struct frame *f, uint64_t now_us);

/* Appends frames for this link to `out`, until `room` bytes are used or there is nothing
 * to send.  Returns whether more could be sent now if there were room. */
bool engine_fill(struct engine *e, struct link *l, struct buf *out, size_t room,
    uint64_t now_us);
/* The same, but the bytes of a long DATA frame may stay where they are: then nothing
 * else follows, and they (*ret_bytes, else empty; valid until the streams change) belong
 * behind what was appended. */
bool engine_fill_in_place(struct engine *e, struct link *l, struct buf *out, size_t room,
    uint64_t now_us, struct span *ret_bytes);
/* When engine_fill has something to send by itself, or the link comes into doubt: a
 * time, which may have passed; 0 never. */
uint64_t engine_deadline(const struct engine *e, const struct link *l);

/* For a link that counts what arrives (link.h). */

/* Whether engine_fill would append something now. */
bool engine_has(struct engine *e, struct link *l, uint64_t now_us);
/* What was sent on the link and is not acknowledged: of urgent streams, and of all. */
size_t engine_urgent_flight(const struct engine *e, const struct link *l);
size_t engine_flight(const struct engine *e, const struct link *l);
/* What the peer lacks of urgent streams, sent or not. */
size_t engine_urgent_unacked(const struct engine *e);
/* A number that grows with what is written to urgent streams. */
uint64_t engine_urgent_written(const struct engine *e);
/* One that grows with what is sent for the first time. */
uint64_t engine_first_sent(const struct engine *e);
/* Urgent streams are sent again from what is acknowledged; all of the link's are. */
void engine_rewind_urgent(struct engine *e, const struct link *l);
void engine_rewind(struct engine *e, const struct link *l);
/* Of this stream a range was lost (of DATA, or the END, a byte), if the link carries it. */
void engine_lost(struct engine *e, const struct link *l, uint32_t stream, uint64_t from,
    uint64_t to);
/* Whether a stream on it has more to send than the peer allows. */
bool engine_wants_window(const struct engine *e, const struct link *l);
/* Appends what the peer may lack of urgent streams, whichever link carries them, at most
 * `max` bytes of each: a copy that changes nothing. */
int engine_copy(struct engine *e, struct buf *out, size_t max);
/* How far it would reach: a number that grows when there would be more in it. */
uint64_t engine_copy_end(const struct engine *e, size_t max);

/* Gives memory back when no data has moved for a moment.  Returns when to call it again;
 * 0: when data has moved. */
uint64_t engine_trim(struct engine *e, uint64_t now_us);

/* Control messages: one frame, carried in stream 0.  False when there is no room. */
bool engine_tell(struct engine *e, enum msg_type type, const void *m);
/* The next control message: > 0 when there is one (and it is taken), 0, or an error.
 * Spans in it are valid until the next call. */
int engine_told(struct engine *e, enum msg_type *ret_type, union msg *ret_msg);

#endif
