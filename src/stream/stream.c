#include "stream/stream.h"

#include "base/err.h"

#include <assert.h>

enum {
	/* Acknowledged with the next frame that goes anyway, but at the latest: */
	/* this much at once: each wakes four processes up, but who waits for more of them sends
	 * in lumps; */
	ACK_MUCH = 32 * 1024,
	ACK_SOME = 2 * 1024, /* this much soon, since the sender may wait for it; */
	ACK_SOON_US = 1000,
	ACK_DELAY_US = 20 * 1000, /* less, as an echo, after this time */
};

void
stream_init(struct stream *s, uint32_t id, uint8_t rank, size_t out_max, size_t window)
{
	*s = (struct stream){ .id = id,
		.rank = rank,
		.window = window,
		.out_hold = UINT64_MAX };
	ring_init(&s->out, out_max);
	buf_init(&s->in, window);
}

void
stream_finish(struct stream *s)
{
	ring_finish(&s->out);
	buf_finish(&s->in);
	reassembly_free(s->repair);
}

uint64_t
stream_written(const struct stream *s)
{
	return s->out_acked + s->out.len - s->out_end_acked;
}

/* Our position in what the peer sends: its end counts. */
static uint64_t
position(const struct stream *s)
{
	return s->in_got + s->in_ended;
}

static uint64_t
limit(const struct stream *s)
{
	return s->in_got - s->in.len + s->window;
}

size_t
stream_room(const struct stream *s)
{
	return s->out_ended ? 0 : s->out.max - s->out.len;
}

size_t
stream_write(struct stream *s, const void *bytes, size_t n)
{
	size_t room = stream_room(s);
	if (n > room)
		n = room;
	return ring_put(&s->out, bytes, n) == 0 ? n : 0;
}

size_t
stream_space(struct stream *s, size_t n, uint8_t **ret_room)
{
	size_t room = stream_room(s);
	if (n > room)
		n = room;
	return n ? ring_room(&s->out, n, ret_room) : 0;
}

size_t
stream_reserve(struct stream *s, size_t n)
{
	return s->out_ended ? 0 : ring_reserve(&s->out, n);
}

void
stream_wrote(struct stream *s, size_t n)
{
	ring_added(&s->out, n);
}

void
stream_replace(struct stream *s, uint64_t from, uint64_t to, struct span with)
{
	assert(from >= s->out_high);
	ring_replace(&s->out, (size_t)(from - s->out_acked), (size_t)(to - s->out_acked),
	    with.p, with.n);
}

void
stream_end(struct stream *s)
{
	s->out_ended = true;
}

struct span
stream_held(const struct stream *s)
{
	return buf_span(&s->in);
}

void
stream_take(struct stream *s, size_t n)
{
	buf_drop(&s->in, n);
}

bool
stream_drained(const struct stream *s)
{
	return s->in_ended && s->in.len == 0;
}

bool
stream_delivered(const struct stream *s)
{
	return s->out_end_acked;
}

size_t
stream_unacked(const struct stream *s)
{
	return s->out.len;
}

size_t
stream_unsent(const struct stream *s)
{
	return (size_t)(stream_written(s) + s->out_ended - s->out_next);
}

size_t
stream_in_flight(const struct stream *s)
{
	return (size_t)(s->out_next - s->out_acked);
}

static void
note_ack_due(struct stream *s, uint64_t now_us)
{
	if (!s->ack_since_us)
		s->ack_since_us = now_us ? now_us : 1;
}

void
stream_tell_again(struct stream *s)
{
	s->ack_now = true;
	note_ack_due(s, 0);
}

/* Acknowledged at once: the end, and what comes again since our answer was lost. */
static int
answer_now(struct stream *s, uint64_t now_us)
{
	s->ack_now = true;
	note_ack_due(s, now_us);
	return 0;
}

/* What came ahead of its turn, whose turn it is now. */
static void
take_early(struct stream *s)
{
	struct span bytes;
	while ((bytes = reassembly_at(s->repair, s->in_got)).n) {
		if (buf_put(&s->in, bytes.p, bytes.n))
			break; /* it comes again */
		s->in_got += bytes.n;
	}
	reassembly_got(s->repair, s->in_got);
	if (s->in_got != s->repair->end_at)
		return;
	s->in_ended = s->ack_now = true;
	s->repair->end_at = UINT64_MAX;
}

int
stream_on_data(struct stream *s, uint64_t offset, struct span bytes, uint64_t now_us)
{
	if (offset > position(s))
		return ERR_GAP;
	if (offset > s->in_got)
		return bytes.n ? ERR_OFFSET : answer_now(s, now_us);
	uint64_t known = s->in_got - offset; /* bytes of it that we have already */
	if (known >= bytes.n)
		return answer_now(s, now_us);
	if (s->in_ended)
		return ERR_OFFSET;
	size_t fresh = bytes.n - (size_t)known;
	if (s->in_got + fresh > s->in_promised)
		return ERR_CREDIT;
	int err = buf_put(&s->in, bytes.p + known, fresh);
	if (err)
		return err;
	s->in_got += fresh;
	note_ack_due(s, now_us);
	if (s->repair)
		take_early(s);
	return 0;
}

int
stream_on_end(struct stream *s, uint64_t offset, uint64_t now_us)
{
	if (offset > s->in_got)
		return ERR_GAP;
	if (offset < s->in_got)
		return ERR_OFFSET;
	if (s->in_ended)
		return answer_now(s, now_us);
	s->in_ended = true;
	return answer_now(s, now_us);
}

static bool
may_repair(struct stream *s)
{
	if (!s->repair)
		s->repair = reassembly_new(s->window);
	return s->repair;
}

int
stream_on_early(struct stream *s, uint64_t offset, struct span bytes, uint64_t now_us)
{
	if (s->in_ended)
		return ERR_OFFSET;
	if (offset > s->in_promised || bytes.n > s->in_promised - offset)
		return ERR_CREDIT;
	if (may_repair(s))
		reassembly_put(s->repair, offset, bytes);
	return answer_now(s, now_us);
}

int
stream_on_early_end(struct stream *s, uint64_t offset, uint64_t now_us)
{
	if (s->in_ended)
		return ERR_OFFSET;
	if (offset > s->in_promised)
		return ERR_CREDIT;
	if (may_repair(s))
		s->repair->end_at = offset;
	return answer_now(s, now_us);
}

int
stream_on_ack(struct stream *s, uint64_t received, uint64_t new_limit)
{
	if (received > s->out_high)
		return ERR_OFFSET;
	if (new_limit > s->out_limit)
		s->out_limit = new_limit;
	if (received <= s->out_acked)
		return 0; /* overtaken by a later one */
	uint64_t bytes_acked = received - s->out_acked;
	if (bytes_acked > s->out.len) {
		s->out_end_acked = true;
		bytes_acked = s->out.len;
	}
	ring_drop(&s->out, (size_t)bytes_acked);
	s->out_acked = received;
	if (s->out_next < received)
		s->out_next = received;
	if (s->repair)
		reassembly_done(s->repair, received);
	return 0;
}

/* What was lost, the first of it; NULL: nothing. */
static struct range *
lost(const struct stream *s)
{
	return s->repair && s->repair->again.n ? s->repair->again.list : NULL;
}

uint64_t
stream_at(const struct stream *s)
{
	const struct range *again = lost(s);
	return again ? again->from : s->out_next;
}

size_t
stream_next(const struct stream *s, size_t max, const uint8_t **ret_bytes, bool *ret_end)
{
	*ret_end = false;
	if (s->unconfirmed)
		return 0;
	uint64_t end = stream_written(s), at = stream_at(s);
	if (at >= end) {
		*ret_end = s->out_ended && at == end;
		return 0;
	}
	uint64_t most = s->out_limit < s->out_hold ? s->out_limit : s->out_hold;
	const struct range *again = lost(s);
	if (again && again->to < most)
		most = again->to;
	if (at >= most)
		return 0;
	uint64_t n = (end < most ? end : most) - at;
	if (n > max)
		n = max;
	struct span piece = ring_at(&s->out, (size_t)(at - s->out_acked));
	*ret_bytes = piece.p;
	return n < piece.n ? (size_t)n : piece.n;
}

void
stream_sent(struct stream *s, size_t n)
{
	if (lost(s)) {
		reassembly_done(s->repair, stream_at(s) + n);
		return;
	}
	s->out_next += n;
	assert(s->out_next <= stream_written(s) + s->out_ended);
	if (s->out_high < s->out_next)
		s->out_high = s->out_next;
}

static struct span
first_bytes(const struct stream *s, size_t max)
{
	uint64_t most = s->out_limit < s->out_hold ? s->out_limit : s->out_hold;
	uint64_t end = stream_written(s) < most ? stream_written(s) : most;
	uint64_t n = end > s->out_acked ? end - s->out_acked : 0;
	struct span piece = ring_at(&s->out, 0);
	if (n > max)
		n = max;
	return (struct span){ piece.p, n < piece.n ? (size_t)n : piece.n };
}

size_t
stream_offer(struct stream *s, size_t max, const uint8_t **ret_bytes)
{
	struct span bytes = first_bytes(s, max);
	if (s->out_high < s->out_acked + bytes.n)
		s->out_high = s->out_acked
		    + bytes.n; /* the peer may acknowledge it now */
	*ret_bytes = bytes.p;
	return bytes.n;
}

uint64_t
stream_offer_end(const struct stream *s, size_t max)
{
	return s->out_acked + first_bytes(s, max).n;
}

void
stream_rewind(struct stream *s)
{
	s->out_next = s->out_acked;
	if (s->repair)
		s->repair->again.n = 0;
}

void
stream_lost(struct stream *s, uint64_t from, uint64_t to)
{
	if (from < s->out_acked)
		from = s->out_acked;
	if (to > s->out_next)
		to = s->out_next; /* it was rewound, and is sent again anyway */
	if (from >= to)
		return;
	if (may_repair(s))
		reassembly_lost(s->repair, from, to);
	else
		stream_rewind(s);
}

uint64_t
stream_ack_at(const struct stream *s)
{
	if (s->unconfirmed)
		return 0;
	uint64_t wider = limit(s) - s->in_limit;
	if (wider && wider >= s->window / 2)
		return 1;
	if (!s->ack_since_us)
		return 0;
	uint64_t untold = position(s) - s->in_told;
	if (s->ack_now || untold >= ACK_MUCH || untold >= s->window / 2)
		return s->ack_since_us;
	return s->ack_since_us + (untold >= ACK_SOME ? ACK_SOON_US : ACK_DELAY_US);
}

struct msg_ack
stream_position(struct stream *s)
{
	uint64_t now = limit(s);
	if (s->in_promised < now)
		s->in_promised = now;
	return (struct msg_ack){ .stream = s->id, .received = position(s), .limit = now };
}

struct msg_ack
stream_ack(struct stream *s)
{
	struct msg_ack ack = stream_position(s);
	s->in_told = ack.received;
	s->in_limit = ack.limit;
	s->ack_now = false;
	s->ack_since_us = 0;
	return ack;
}
