#include "stream/engine.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

enum {
	PROBE_EVERY_US = 1000 * 1000, /* data asks for a round trip at most so often */
	TRIM_AFTER_US = 1000 * 1000, /* without data, memory is given back */
	/* Several frames fill the link: none is long in arriving.  Fewer where nobody types:
	 * each has its head, and its last segment is not full. */
	FRAMES_IN_FLIGHT = 8,
	FRAMES_OF_BULK = 4,
	/* ssh and sshd read 32 KiB at once, and make a packet of them.  Measured, frames of that
	 * length are better for channels, and longer ones for what commands print. */
	CHANNEL_FRAME = 32 * 1000,
	SHARE = 8, /* one part in so many of what may be in flight is for those behind */
	STREAMS_AT_FIRST = 16,
	DATA_MIN = 1024, /* bytes in one DATA frame, if there are so many */
	IN_PLACE_MIN = 8 * 1024, /* less is cheaper copied than sent by itself */
	RETRY_MIN_US = 50 * 1000, /* lossy links: repeat at the earliest */
	/* before the first round trip is known, RFC 6298 2.1 */
	RETRY_UNKNOWN_US = 1000 * 1000,
};

void
engine_init(struct engine *e, bool client)
{
	*e = (struct engine){ .client = client };
}

void
engine_finish(struct engine *e)
{
	for (size_t i = 0; i < e->n_streams; i++) {
		stream_finish(e->streams[i]);
		free(e->streams[i]);
	}
	free(e->streams);
	engine_init(e, e->client);
}

static bool
make_place(struct engine *e)
{
	if (e->n_streams < e->room)
		return true;
	size_t room = e->room ? 2 * e->room : STREAMS_AT_FIRST;
	if (room > ENGINE_STREAMS)
		return false;
	struct stream **streams = calloc(room, sizeof *streams);
	if (!streams)
		return false;
	if (e->n_streams)
		memcpy(streams, e->streams, e->n_streams * sizeof *streams);
	free(e->streams);
	e->streams = streams;
	e->room = room;
	return true;
}

struct stream *
engine_open(struct engine *e, uint32_t id, uint8_t rank, size_t out_max, size_t window)
{
	if (!make_place(e))
		return NULL;
	struct stream *s = malloc(sizeof *s);
	if (!s)
		return NULL;
	stream_init(s, id, rank, out_max, window);
	e->terminal |= rank == RANK_TERMINAL;
	size_t i = e->n_streams++;
	for (; i > 0 && e->streams[i - 1]->rank > rank; i--)
		e->streams[i] = e->streams[i - 1];
	e->streams[i] = s;
	return s;
}

struct stream *
engine_stream(const struct engine *e, uint32_t id)
{
	for (size_t i = 0; i < e->n_streams; i++)
		if (e->streams[i]->id == id)
			return e->streams[i];
	return NULL;
}

void
engine_close(struct engine *e, struct stream *s)
{
	size_t kept = 0;
	for (size_t i = 0; i < e->n_streams; i++)
		if (e->streams[i] != s)
			e->streams[kept++] = e->streams[i];
	e->n_streams = kept;
	struct link *l = engine_link(e, s->rank);
	if (l && !l->counts)
		congestion_lost(&l->congestion, stream_in_flight(s));
	stream_finish(s);
	free(s);
}

int
engine_positions(struct engine *e, struct buf *out)
{
	for (size_t i = 0; i < e->n_streams; i++) {
		if (e->streams[i]->unconfirmed)
			continue;
		struct msg_ack at = stream_position(e->streams[i]);
		int err = position_put(out, &at);
		if (err)
			return err;
	}
	return 0;
}

/* What is said about a stream that is not here. */
static int
absent(uint32_t id)
{
	return id < STREAM_CHANNELS ? ERR_STREAM : 0;
}

static int
on_ack(struct engine *e, const struct msg_ack *ack)
{
	struct stream *s = engine_stream(e, ack->stream);
	return s ? stream_on_ack(s, ack->received, ack->limit) : absent(ack->stream);
}

int
engine_set_positions(struct engine *e, struct span positions)
{
	struct msg_ack at;
	while (position_get(&positions, &at)) {
		int err = on_ack(e, &at);
		if (err)
			return err;
	}
	return positions.n ? ERR_MESSAGE : 0;
}

static int
copy(struct engine *e, struct buf *out, size_t max, uint8_t rank)
{
	if (max > DATA_MAX)
		max = DATA_MAX;
	for (size_t i = 0; i < e->n_streams && e->streams[i]->rank <= rank; i++) {
		struct stream *s = e->streams[i];
		const uint8_t *bytes;
		if (s->id >= STREAM_CHANNELS)
			continue;
		size_t n = stream_offer(s, max, &bytes);
		int err = n ? msg_put_data_head(out, s->id, s->out_acked, n, false) : 0;
		if (err)
			return err;
		(void)buf_put(out, bytes, n); /* room was made with the head */
	}
	return 0;
}

int
engine_prelude(struct engine *e, struct buf *out, size_t max)
{
	return copy(e, out, max, UINT8_MAX);
}

int
engine_copy(struct engine *e, struct buf *out, size_t max)
{
	return copy(e, out, max, RANK_TERMINAL);
}

uint64_t
engine_copy_end(const struct engine *e, size_t max)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < e->n_streams && e->streams[i]->rank <= RANK_TERMINAL; i++)
		sum += stream_offer_end(e->streams[i], max);
	return sum;
}

/* ---- which link carries which streams ---- */

static enum link_class
class_of(uint8_t rank)
{
	return rank < RANK_BULK ? LINK_URGENT : LINK_BULK;
}

struct link *
engine_link(const struct engine *e, uint8_t rank)
{
	return e->active[class_of(rank)];
}

static bool
carries(const struct engine *e, const struct link *l, const struct stream *s)
{
	return l == e->active[class_of(s->rank)];
}

static bool
is_active(const struct engine *e, const struct link *l)
{
	return l == e->active[LINK_URGENT] || l == e->active[LINK_BULK];
}

size_t
engine_flight(const struct engine *e, const struct link *l)
{
	size_t sum = 0;
	for (size_t i = 0; i < e->n_streams; i++)
		if (carries(e, l, e->streams[i]))
			sum += stream_in_flight(e->streams[i]);
	return sum;
}

size_t
engine_urgent_flight(const struct engine *e, const struct link *l)
{
	size_t sum = 0;
	for (size_t i = 0; i < e->n_streams && e->streams[i]->rank < RANK_BULK; i++)
		if (carries(e, l, e->streams[i]))
			sum += stream_in_flight(e->streams[i]);
	return sum;
}

size_t
engine_urgent_unacked(const struct engine *e)
{
	size_t sum = 0;
	for (size_t i = 0; i < e->n_streams && e->streams[i]->rank < RANK_BULK; i++)
		sum += stream_unacked(e->streams[i]);
	return sum;
}

uint64_t
engine_urgent_written(const struct engine *e)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < e->n_streams && e->streams[i]->rank < RANK_BULK; i++)
		sum += stream_written(e->streams[i]);
	return sum;
}

uint64_t
engine_first_sent(const struct engine *e)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < e->n_streams; i++)
		sum += e->streams[i]->out_high;
	return sum;
}

void
engine_rewind(struct engine *e, const struct link *l)
{
	for (size_t i = 0; i < e->n_streams; i++)
		if (carries(e, l, e->streams[i]))
			stream_rewind(e->streams[i]);
}

void
engine_rewind_urgent(struct engine *e, const struct link *l)
{
	for (size_t i = 0; i < e->n_streams && e->streams[i]->rank < RANK_BULK; i++)
		if (carries(e, l, e->streams[i]))
			stream_rewind(e->streams[i]);
}

void
engine_lost(struct engine *e, const struct link *l, uint32_t stream, uint64_t from,
    uint64_t to)
{
	struct stream *s = engine_stream(e, stream);
	if (s && carries(e, l, s))
		stream_lost(s, from, to);
}

static void
tell_again_on(struct engine *e, const struct link *l)
{
	for (size_t i = 0; i < e->n_streams; i++)
		if (carries(e, l, e->streams[i]))
			stream_tell_again(e->streams[i]);
}

static void
activate(struct engine *e, enum link_class class, struct link *l)
{
	struct link *before = e->active[class];
	bool was_active = is_active(e, l);
	e->active[class] = l;
	for (size_t i = 0; i < e->n_streams; i++) {
		struct stream *s = e->streams[i];
		if (class_of(s->rank) != class)
			continue;
		/* What the link before has in flight counts there no more. */
		if (before && before != l && !before->counts)
			congestion_lost(&before->congestion, stream_in_flight(s));
		stream_rewind(s);
		/* What was told last may have gone to a link that nobody reads any more. */
		stream_tell_again(s);
	}
	if (l && !was_active && !l->counts)
		congestion_forget(&l->congestion);
}

static uint8_t
rank_of(const struct link *l, enum link_class class)
{
	return l->doubted ? 0 : l->rank[class];
}

/* The link is the newest, or the client's choice: it carries what no link of a higher rank
 * does. */
static void
prefer(struct engine *e, struct link *l)
{
	for (enum link_class class = 0; class < LINK_CLASSES; class ++) {
		const struct link *active = e->active[class];
		if (!active || rank_of(l, class) >= rank_of(active, class))
			activate(e, class, l);
	}
}

/* The highest rank, and of that the youngest. */
static struct link *
best(const struct engine *e, enum link_class class)
{
	struct link *found = NULL;
	for (size_t i = 0; i < e->n_links; i++)
		if (!found || rank_of(e->links[i], class) >= rank_of(found, class))
			found = e->links[i];
	return found;
}

/* Of links of one kind one is used. */
static void
use(struct engine *e, struct link *l)
{
	for (size_t i = 0; i < e->n_links; i++)
		if (e->links[i]->ops == l->ops)
			e->links[i]->used = false;
	l->used = true;
}

int
engine_add(struct engine *e, struct link *l)
{
	if (e->n_links == ENGINE_LINKS)
		return ERR_FULL;
	e->links[e->n_links++] = l;
	l->congestion.bulk = !e->terminal;
	if (e->client) {
		use(e, l);
		l->use_due = !l->counts;
	}
	prefer(e, l);
	return 0;
}

/* A class stays where it is among links of one rank. */
static void
choose_again(struct engine *e)
{
	for (enum link_class class = 0; class < LINK_CLASSES; class ++) {
		struct link *active = e->active[class], *other = best(e, class);
		if (active && rank_of(other, class) > rank_of(active, class))
			activate(e, class, other);
	}
}

void
engine_rank(struct engine *e, struct link *l, uint8_t urgent, uint8_t bulk)
{
	l->rank[LINK_URGENT] = urgent;
	l->rank[LINK_BULK] = bulk;
	choose_again(e);
}

void
engine_doubt(struct engine *e, struct link *l, bool doubted)
{
	l->doubted = doubted;
	choose_again(e);
}

void
engine_remove(struct engine *e, struct link *l)
{
	size_t kept = 0;
	for (size_t i = 0; i < e->n_links; i++)
		if (e->links[i] != l)
			e->links[kept++] = e->links[i];
	e->n_links = kept;
	for (enum link_class class = 0; class < LINK_CLASSES; class ++)
		if (e->active[class] == l)
			activate(e, class, best(e, class));
}

/* A link of the same kind is used, and carries something. */
static bool
is_replaced(const struct engine *e, const struct link *l)
{
	for (size_t i = 0; i < e->n_links; i++) {
		const struct link *other = e->links[i];
		if (other != l && other->ops == l->ops && other->used
		    && is_active(e, other))
			return true;
	}
	return false;
}

struct link *
engine_unwanted(const struct engine *e)
{
	for (size_t i = 0; i < e->n_links; i++)
		if (!e->links[i]->counts && !is_active(e, e->links[i])
		    && is_replaced(e, e->links[i]))
			return e->links[i];
	return NULL;
}

/* The client says which of its links it keeps. */
static int
on_use(struct engine *e, struct link *l, const struct msg_use *m)
{
	if (e->client)
		return ERR_STATE;
	use(e, l);
	l->pong_due = true;
	l->pong_stamp = m->stamp;
	if (!is_active(e, l))
		prefer(e, l);
	return 0;
}

/* The client says what goes by this link; one that was overtaken by a later one says nothing. */
static int
on_ranks(struct engine *e, struct link *l, const struct msg_ranks *m)
{
	if (e->client)
		return ERR_STATE;
	if (m->stamp <= l->ranks_stamp)
		return 0;
	l->ranks_stamp = m->stamp;
	use(e, l);
	engine_rank(e, l, m->urgent, m->bulk);
	return 0;
}

/* What is typed comes by another link than the one that counts: the client has come to doubt
 * that, and what it waits for must not go there. */
static void
follow_client(struct engine *e, const struct link *l, const struct stream *s)
{
	struct link *active = e->active[class_of(s->rank)];
	if (e->client || s->rank >= RANK_BULK || active == l || !active->counts
	    || active->doubted)
		return;
	active->ping_now = true;
	engine_doubt(e, active, true);
}

static int
on_stream_frame(struct engine *e, struct link *l, const struct frame *f,
    const union msg *m, uint64_t now_us)
{
	/* DATA and END begin alike. */
	struct stream *s = engine_stream(e, m->data.stream);
	if (!s)
		return absent(m->data.stream);
	bool told_now = s->ack_now;
	uint64_t got = s->in_got;
	e->moved_us = now_us;
	int err = f->type == MSG_DATA
	    ? stream_on_data(s, m->data.offset, m->data.bytes, now_us)
	    : stream_on_end(s, m->end.offset, now_us);
	if (err == ERR_GAP && l->lossy)
		err = f->type == MSG_DATA
		    ? stream_on_early(s, m->data.offset, m->data.bytes, now_us)
		    : stream_on_early_end(s, m->end.offset, now_us);
	if (s->in_got != got)
		follow_client(e, l, s);
	/* That it has come is told of the datagram; the rest is in no hurry. */
	if (l->counts && s->in_got == got && !s->in_ended)
		s->ack_now = told_now;
	return err;
}

static int
on_link_ack(struct engine *e, struct link *l, const struct msg_ack *ack, uint64_t now_us)
{
	size_t before = engine_flight(e, l);
	int err = on_ack(e, ack);
	size_t after = engine_flight(e, l);
	if (after < before)
		l->progress_us = now_us;
	if (after < before && !l->counts)
		congestion_acked(&l->congestion, before - after, now_us);
	return err;
}

int
engine_frame(struct engine *e, struct link *l, const struct frame *f, uint64_t now_us)
{
	union msg m;
	int err = msg_get(f, &m);
	if (err)
		return err;
	switch (f->type) {
	case MSG_DATA:
	case MSG_END:
		err = on_stream_frame(e, l, f, &m, now_us);
		break;
	case MSG_ACK:
		err = on_link_ack(e, l, &m.ack, now_us);
		break;
	case MSG_PING:
		if (l->lossy)
			tell_again_on(e, l); /* it may wait for a limit that was lost */
		l->pong_due = true;
		l->pong_stamp = m.ping.stamp;
		break;
	case MSG_PONG:
		if (!l->counts)
			link_on_pong(l, m.pong.stamp, now_us);
		break;
	case MSG_USE:
		err = on_use(e, l, &m.use);
		break;
	case MSG_RANKS:
		err = on_ranks(e, l, &m.ranks);
		break;
	default:
		err = ERR_STATE;
	}
	if (!err && !l->counts)
		link_heard(l, l->ping_us || engine_flight(e, l), now_us);
	return err;
}

static void
fill_ping(struct link *l, struct buf *out, enum msg_type type, uint64_t now_us)
{
	struct msg_ping ping = { now_us };
	if (msg_put(out, type, &ping))
		return;
	l->ping_us = now_us;
	l->use_due = l->ping_now = false;
	link_asked(l, now_us);
}

static void
fill_ranks(struct link *l, struct buf *out)
{
	struct msg_ranks m = { l->ranks_stamp + 1, l->rank[LINK_URGENT],
		l->rank[LINK_BULK] };
	if (msg_put(out, MSG_RANKS, &m))
		return;
	l->ranks_stamp++;
	l->ranks_due = false;
}

/* Everything that is not stream data: answers, questions, acknowledgements. */
static void
fill_signals(struct engine *e, struct link *l, struct buf *out, bool data_follows,
    uint64_t now_us)
{
	if (l->pong_due) {
		struct msg_pong pong = { l->pong_stamp };
		if (msg_put(out, MSG_PONG, &pong) == 0)
			l->pong_due = false;
	}
	if (l->ranks_due)
		fill_ranks(l, out);
	if (l->use_due)
		fill_ping(l, out, MSG_USE, now_us);
	else if (l->ping_now || link_ping_due(l, now_us))
		fill_ping(l, out, MSG_PING, now_us);
	for (size_t i = 0; i < e->n_streams; i++) {
		struct stream *s = e->streams[i];
		uint64_t at = stream_ack_at(s);
		if (!carries(e, l, s))
			continue;
		bool with_others = (data_follows || out->len) && s->ack_since_us;
		if (!at || (at > now_us && !with_others))
			continue;
		struct msg_ack ack = stream_ack(s);
		if (msg_put(out, MSG_ACK, &ack))
			stream_tell_again(s);
	}
}

/* What a stream sends next. */
struct turn {
	struct stream *stream; /* NULL: nothing */
	const uint8_t *bytes;
	size_t len;
	bool end;
};

/* Whether streams behind this rank have something to send on the link. */
static bool
others_wait(const struct engine *e, const struct link *l, uint8_t rank)
{
	for (size_t i = e->n_streams; i-- && e->streams[i]->rank > rank;) {
		const uint8_t *bytes;
		bool end;
		if (!carries(e, l, e->streams[i]))
			continue;
		if (stream_next(e->streams[i], 1, &bytes, &end) || end)
			return true;
	}
	return false;
}

/* Keys go by this link, and no flood of the terminal's own is under way: what of bulk stands
 * in queues stands before the echo. */
static bool
may_echo(const struct engine *e, const struct link *l, size_t max)
{
	for (size_t i = 0; i < e->n_streams; i++) {
		const struct stream *s = e->streams[i];
		if (s->rank == RANK_TERMINAL && carries(e, l, s))
			return stream_in_flight(s) < max / 4;
	}
	return false;
}

/* Bytes that streams of this rank may have in flight, together with the lower ones. */
static size_t
flight_allowed(const struct engine *e, const struct link *l, uint8_t rank,
    size_t in_flight)
{
	size_t most = rank < RANK_BULK ? l->flight_max : l->bulk_max;
	size_t max = congestion_allowed(&l->congestion, most);
	if (in_flight >= max - max / SHARE && others_wait(e, l, rank))
		max -= max / SHARE;
	if (rank >= RANK_BULK && may_echo(e, l, max))
		max -= max * 9
		    / 32; /* a third would be too little to keep the link busy */
	return max;
}

static size_t
frame_max(const struct engine *e, size_t max)
{
	size_t n = max / (e->terminal ? FRAMES_IN_FLIGHT : FRAMES_OF_BULK);
	return n < DATA_MIN ? DATA_MIN : n < DATA_MAX ? n : DATA_MAX;
}

/* Whether the stream can send a frame of at most n bytes now, and what: `max` may be in
 * flight, so much is. */
static bool
can_send(struct stream *s, size_t n, size_t max, size_t in_flight, struct turn *ret)
{
	size_t allowed = in_flight < max ? max - in_flight : 0;
	if (s->id >= STREAM_CHANNELS && n > CHANNEL_FRAME)
		n = CHANNEL_FRAME;
	if (allowed > n)
		allowed = n;
	ret->len = stream_next(s, allowed, &ret->bytes, &ret->end);
	ret->stream = s;
	return ret->len || ret->end;
}

/* Whether frames of this rank wait for their time: not the first of those in flight, which
 * may be an echo. */
static bool
is_paced(const struct link *l, size_t frame, size_t in_flight, uint64_t now_us)
{
	return l->congestion.next_us > now_us && in_flight >= frame;
}

/* Notes (paced_us) when to ask again, if frames wait for their time. */
static bool
next_turn(const struct engine *e, struct link *l, struct turn *ret, uint64_t now_us)
{
	size_t in_flight = 0;
	l->paced_us = 0;
	for (size_t i = 0, end; i < e->n_streams; i = end) {
		uint8_t rank = e->streams[i]->rank;
		for (end = i; end < e->n_streams && e->streams[end]->rank == rank; end++)
			if (carries(e, l, e->streams[end]))
				in_flight += stream_in_flight(e->streams[end]);
		if (l->counts)
			in_flight = l->flight[LINK_URGENT]
			    + (rank < RANK_BULK ? 0 : l->flight[LINK_BULK]);
		/* Control messages are few, and wait for nothing. */
		if (rank == RANK_CONTROL)
			in_flight = 0;
		size_t max = flight_allowed(e, l, rank, in_flight);
		size_t frame = frame_max(e, max);
		bool paced = rank > RANK_CONTROL && is_paced(l, frame, in_flight, now_us);
		for (size_t k = i; k < end; k++) {
			if (!carries(e, l, e->streams[k])
			    || !can_send(e->streams[k], frame, max, in_flight, ret))
				continue;
			if (!paced)
				return true;
			l->paced_us = l->congestion.next_us;
		}
	}
	return false;
}

/* It has had its turn: others of its rank are next. */
static void
to_the_end(struct engine *e, struct stream *s)
{
	for (size_t i = 0; i + 1 < e->n_streams; i++) {
		struct stream *next = e->streams[i + 1];
		if (e->streams[i] != s)
			continue;
		if (next->rank != s->rank)
			return;
		e->streams[i] = next;
		e->streams[i + 1] = s;
	}
}

/* The bytes are put behind the head, or are for the caller to send (*ret_bytes). */
static int
fill_data(struct engine *e, struct link *l, const struct turn *turn, struct buf *out,
    size_t max, struct span *ret_bytes, uint64_t now_us)
{
	struct stream *s = turn->stream;
	if (turn->end) {
		struct msg_end m = { s->id, stream_at(s) };
		int err = msg_put(out, MSG_END, &m);
		if (err)
			return err;
		stream_sent(s, 1);
		if (!l->counts)
			congestion_sent(&l->congestion, 1, now_us);
		return 0;
	}
	size_t len = turn->len < max ? turn->len : max;
	bool in_place = ret_bytes && len >= IN_PLACE_MIN;
	int err = msg_put_data_head(out, s->id, stream_at(s), len, in_place);
	if (err)
		return err;
	if (in_place)
		*ret_bytes = (struct span){ turn->bytes, len };
	else
		(void)buf_put(out, turn->bytes, len); /* room was made with the head */
	stream_sent(s, len);
	if (!l->counts)
		congestion_sent(&l->congestion, len, now_us);
	to_the_end(e, s);
	return 0;
}

bool
engine_wants_window(const struct engine *e, const struct link *l)
{
	for (size_t i = 0; i < e->n_streams; i++) {
		const struct stream *s = e->streams[i];
		if (carries(e, l, s) && stream_unsent(s) > s->out_ended
		    && s->out_next >= s->out_limit)
			return true;
	}
	return false;
}

/* Lossy links only: when to send again what nobody acknowledged, and to ask again for
 * limit; 0 never. */
static uint64_t
retry_at(const struct engine *e, const struct link *l)
{
	if (!l->lossy || l->counts || !is_active(e, l)
	    || !(l->ping_us || engine_flight(e, l) || engine_wants_window(e, l)))
		return 0;
	uint64_t wait = l->srtt_us ? l->srtt_us + 4 * l->rttvar_us : RETRY_UNKNOWN_US;
	return l->progress_us + (wait < RETRY_MIN_US ? RETRY_MIN_US : wait);
}

static void
retry(struct engine *e, struct link *l, uint64_t now_us)
{
	uint64_t at = retry_at(e, l);
	if (!at || now_us < at)
		return;
	engine_rewind(e, l);
	congestion_forget(&l->congestion);
	l->progress_us = now_us;
	l->ping_us = 0;
	l->ping_now = true;
	l->use_due = e->client && !l->srtt_us;
}

static bool
fill(struct engine *e, struct link *l, struct buf *out, size_t room, uint64_t now_us,
    struct span *ret_bytes)
{
	size_t end = out->len + room;
	retry(e, l, now_us);
	struct turn turn;
	bool sends = next_turn(e, l, &turn, now_us);
	fill_signals(e, l, out, sends, now_us);
	if (!sends)
		return false;
	if (e->client && !l->counts && !l->ping_us && !l->asked_us
	    && now_us >= l->heard_us + (l->srtt_us ? PROBE_EVERY_US : 0))
		fill_ping(l, out, MSG_PING, now_us);
	while (next_turn(e, l, &turn, now_us)) {
		if (out->len + DATA_OVERHEAD >= end)
			return true;
		e->moved_us = now_us;
		if (!engine_flight(e, l))
			l->progress_us = now_us; /* nothing was waited for until now */
		if (fill_data(e, l, &turn, out, end - out->len - DATA_OVERHEAD, ret_bytes,
			now_us))
			return true;
		link_asked(l, now_us);
		if (ret_bytes && ret_bytes->n)
			return true;
	}
	bool bulk = l == e->active[LINK_BULK] && e->n_streams
	    && e->streams[e->n_streams - 1]->rank >= RANK_BULK;
	size_t max = congestion_allowed(&l->congestion,
	    bulk ? l->bulk_max : l->flight_max);
	size_t in_flight = l->counts ? l->flight[LINK_URGENT] + l->flight[LINK_BULK]
				     : engine_flight(e, l);
	/* What still waits is held back by us: the link is not short of it. */
	if (in_flight < max && !others_wait(e, l, RANK_CONTROL))
		congestion_short(&l->congestion);
	return false;
}

/* Whether fill_signals has something to say by itself. */
static bool
signals_due(const struct engine *e, const struct link *l, uint64_t now_us)
{
	if (l->pong_due || l->use_due || l->ranks_due || l->ping_now
	    || link_ping_due(l, now_us))
		return true;
	for (size_t i = 0; i < e->n_streams; i++) {
		uint64_t at = stream_ack_at(e->streams[i]);
		if (at && at <= now_us && carries(e, l, e->streams[i]))
			return true;
	}
	return false;
}

bool
engine_has(struct engine *e, struct link *l, uint64_t now_us)
{
	struct turn turn;
	return signals_due(e, l, now_us) || next_turn(e, l, &turn, now_us);
}

bool
engine_fill(struct engine *e, struct link *l, struct buf *out, size_t room,
    uint64_t now_us)
{
	return fill(e, l, out, room, now_us, NULL);
}

bool
engine_fill_in_place(struct engine *e, struct link *l, struct buf *out, size_t room,
    uint64_t now_us, struct span *ret_bytes)
{
	*ret_bytes = (struct span){ 0 };
	return fill(e, l, out, room, now_us, ret_bytes);
}

uint64_t
engine_deadline(const struct engine *e, const struct link *l)
{
	uint64_t at = link_deadline(l);
	if (!is_active(e, l))
		return at;
	for (size_t i = 0; i < e->n_streams; i++) {
		uint64_t ack = stream_ack_at(e->streams[i]);
		if (ack && carries(e, l, e->streams[i]) && (!at || ack < at))
			at = ack;
	}
	if (l->paced_us && (!at || l->paced_us < at))
		at = l->paced_us;
	uint64_t again = retry_at(e, l);
	return again && (!at || again < at) ? again : at;
}

uint64_t
engine_trim(struct engine *e, uint64_t now_us)
{
	uint64_t at = 0;
	for (size_t i = 0; i < e->n_streams; i++) {
		struct stream *s = e->streams[i];
		if (!buf_spare(&s->in) && !ring_spare(&s->out))
			continue;
		at = e->moved_us + TRIM_AFTER_US;
		if (now_us < at)
			return at;
		buf_trim(&s->in);
		ring_trim(&s->out);
	}
	return 0;
}

bool
engine_tell(struct engine *e, enum msg_type type, const void *m)
{
	struct stream *s = engine_stream(e, STREAM_CONTROL);
	if (!s || s->out_ended)
		return false;
	struct buf frame;
	buf_init(&frame, stream_room(s));
	bool told = msg_put(&frame, type, m) == 0
	    && stream_write(s, buf_bytes(&frame), frame.len) == frame.len;
	buf_finish(&frame);
	return told;
}

int
engine_told(struct engine *e, enum msg_type *ret_type, union msg *ret_msg)
{
	struct stream *s = engine_stream(e, STREAM_CONTROL);
	if (!s)
		return 0;
	stream_take(s, e->told_len);
	e->told_len = 0;
	struct frame f;
	struct span held = stream_held(s);
	long len = frame_parse(held, &f);
	if (len <= 0) {
		/* One that can never become whole would block the session for good. */
		return len < 0 || held.n == s->window ? ERR_FRAME : 0;
	}
	e->told_len = (size_t)len;
	*ret_type = f.type;
	int err = msg_get(&f, ret_msg);
	return err ? err : 1;
}
