/*
 * A stream: an ordered byte channel both ways, with absolute 64-bit offsets, that
 * belongs to a session and survives its links.
 *
 *   out, what we send          acked        next          written
 *      ------------------------|============|~~~~~~~~~~~~~|
 *        the peer holds it,      in flight    not yet sent
 *        we have forgotten it    (kept)       (kept)
 *
 *   in, what we receive        taken        got           limit
 *      ------------------------|============|.............|
 *        the program has it      held         the peer may send up to here
 *
 * Exactly once: a byte stays in `out` until the peer says that it holds it, and `in`
 * accepts only the byte at `got`: what comes again is dropped, what comes too early is
 * ERR_GAP.  Resuming on another link is: next = acked.  On a link that loses frames what
 * comes too early is kept (stream_on_early), and what was lost is sent before what is new
 * (stream_lost).
 *
 * The end of a stream counts as one more offset after its last byte, so that it is
 * acknowledged like a byte (as TCP does with FIN, RFC 9293 3.4).
 *
 * Full: stream_write takes no more than fits into `out_max`; the peer may not send
 * beyond the limit it was told (ERR_CREDIT).
 */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include "base/ring.h"
#include "stream/reassembly.h"
#include "wire/msg.h"

/* The streams every session has. */
enum {
	STREAM_CONTROL = 0, /* frames of messages carried on "control" */
	STREAM_MAIN = 1, /* the terminal, or stdin one way and stdout the other */
	STREAM_ERROR = 2, /* stderr of a program on pipes */
	/* From here on: channels, which come and go (MSG_OPEN). */
	STREAM_CHANNELS = 16,
};

/* What is sent first. */
enum { RANK_CONTROL = 0, RANK_TERMINAL = 1, RANK_BULK = 2 };

struct stream {
	uint32_t id;
	uint8_t rank; /* lower ones send first */
	/* The peer has not agreed to it yet: it is not told of it, and takes nothing, not even
	 * its end. */
	bool unconfirmed;

	struct ring out; /* from offset out_acked on */
	uint64_t out_acked, out_next;
	uint64_t out_high; /* the highest out_next ever */
	uint64_t out_limit; /* the peer takes no byte at or beyond it */
	uint64_t out_hold; /* nor is one sent at or beyond this, as the owner has it */
	bool out_ended, out_end_acked;

	struct buf in; /* up to offset in_got */
	uint64_t in_got;
	uint64_t in_told; /* the position last told to the peer */
	uint64_t in_limit; /* the limit last told to the peer */
	/* the highest limit told on any link, whether it arrived or not */
	uint64_t in_promised;
	size_t window; /* bytes we hold at most for the program */
	bool in_ended;
	bool ack_now; /* the peer repeats itself: it needs an answer */
	/* since when something is to be acknowledged; 0: nothing */
	uint64_t ack_since_us;
	struct reassembly *repair; /* of links that lose frames; NULL: nothing to keep */
};

void
stream_init(struct stream *s, uint32_t id, uint8_t rank, size_t out_max, size_t window);
void stream_finish(struct stream *s);

/* ---- the program's side ---- */

/* Appends bytes; returns how many were taken (0 when full or ended). */
size_t stream_write(struct stream *s, const void *bytes, size_t n);
/* The same without a copy: at most n bytes of room (0 when full, ended or out of memory)
 * for the caller to fill at *ret_room; then stream_wrote tells how many it filled. */
size_t stream_space(struct stream *s, size_t n, uint8_t **ret_room);
void stream_wrote(struct stream *s, size_t n);
/* Gets the memory for n bytes, before they are read from where they cannot be put back.
 * Returns how many, at most n, stream_write takes now without fail. */
size_t stream_reserve(struct stream *s, size_t n);
/* Bytes that stream_write would take now. */
size_t stream_room(const struct stream *s);
/* The offset behind the last byte written. */
uint64_t stream_written(const struct stream *s);
/* Puts others in the place of bytes that were never sent, from the offset `from` (at least
 * out_high) up to `to`; no more than there were. */
void stream_replace(struct stream *s, uint64_t from, uint64_t to, struct span with);
/* No more bytes will be written. */
void stream_end(struct stream *s);
/* What was received and not taken yet; valid until the next call. */
struct span stream_held(const struct stream *s);
void stream_take(struct stream *s, size_t n);
/* Everything received is taken and the peer has ended. */
bool stream_drained(const struct stream *s);
/* Everything written, and the end, is in the peer's hands. */
bool stream_delivered(const struct stream *s);
/* Bytes written that the peer does not hold yet; and those not sent yet. */
size_t stream_unacked(const struct stream *s);
size_t stream_unsent(const struct stream *s);
/* Bytes sent that the peer has not acknowledged, the end among them. */
size_t stream_in_flight(const struct stream *s);

/* ---- the engine's side ---- */

/* What a frame from the peer says.  A negative code is the peer's error and changes
 * nothing. */
int stream_on_data(struct stream *s, uint64_t offset, struct span bytes, uint64_t now_us);
int stream_on_end(struct stream *s, uint64_t offset, uint64_t now_us);
int stream_on_ack(struct stream *s, uint64_t received, uint64_t limit);
/* What was ERR_GAP, of a link that loses frames: it is kept, if there is room, and the peer
 * is told where we stand. */
int
stream_on_early(struct stream *s, uint64_t offset, struct span bytes, uint64_t now_us);
int stream_on_early_end(struct stream *s, uint64_t offset, uint64_t now_us);

/* What is to be sent next: returns the number of bytes (at most max) and points
 * *ret_bytes at them; *ret_end is set when the end is to be sent instead.  The caller
 * sends it at the offset stream_at and then calls stream_sent. */
size_t
stream_next(const struct stream *s, size_t max, const uint8_t **ret_bytes, bool *ret_end);
uint64_t stream_at(const struct stream *s);
void stream_sent(struct stream *s, size_t n);
/* The first bytes that the peer may lack, at offset out_acked, to be sent ahead of a
 * handshake (where they may come twice).  Returns how many, at most max. */
size_t stream_offer(struct stream *s, size_t max, const uint8_t **ret_bytes);
/* The offset behind them. */
uint64_t stream_offer_end(const struct stream *s, size_t max);
/* Sends again from the first byte that is not acknowledged. */
void stream_rewind(struct stream *s);
/* What was sent from `from` up to `to` (the end counts as a byte) was lost: it is sent again,
 * before what is new. */
void stream_lost(struct stream *s, uint64_t from, uint64_t to);

/* When an acknowledgement is to be sent: 0 never, else a time, which may have passed. */
uint64_t stream_ack_at(const struct stream *s);
/* The acknowledgement is due, whatever was told before. */
void stream_tell_again(struct stream *s);
/* The acknowledgement as it stands; the caller sends it on the active link. */
struct msg_ack stream_ack(struct stream *s);
/* The same for a handshake, which the peer may never see: it stays due. */
struct msg_ack stream_position(struct stream *s);

#endif
