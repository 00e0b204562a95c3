#include "link/datagram.h"

#include "base/err.h"
#include "wire/bytes.h"

#include <string.h>

enum {
	AT_ONCE = 64, /* datagrams a turn */
	ANSWER_MANY = 8, /* so many are answered at once, */
	ANSWER_DELAY_US = 20 * 1000, /* fewer with the next, or then */
	HELD_UNIT_US = 100,
	HELD_MAX = 65535,
	LEAST_LIVES_US = 30 * 1000 * 1000,
	LARGE_LOST = 3,
	LARGE_LOST_OF_MANY = 8, /* where many are lost of any size */
	MANY_LOST_PERCENT = 5,
	DOUBT_MIN_US = 300 * 1000,
	DOUBT_MAX_US = 1000 * 1000,
	REPEAT_COST = 80, /* bytes beside the frames: headers of UDP and IP, and ours */
	LEAST = DATAGRAM_OVERHEAD + 64, /* a shorter one has no room for frames */
};
static const uint64_t numbers_end = (uint64_t)1 << 62; /* never reached, never passed */

static struct datagram *
of(struct link *l)
{
	return (struct datagram *)l;
}

/* ---- what has come ---- */

bool
datagram_id(struct span bytes, uint32_t *ret_id)
{
	if (bytes.n < DATAGRAM_OVERHEAD)
		return false;
	*ret_id = (uint32_t)get_be(bytes.p, 4);
	return true;
}

static bool
has_come(const struct datagram *d, uint64_t number)
{
	if (number > d->in_high)
		return false;
	if (number + DATAGRAM_WINDOW <= d->in_high || number == 0)
		return true; /* too old to know */
	return d->in_window[number % DATAGRAM_WINDOW / 64] >> number % 64 & 1;
}

static void
note_number(struct datagram *d, uint64_t number, uint64_t now_us)
{
	if (number > d->in_high) {
		uint64_t from = d->in_high + 1;
		if (number - d->in_high > DATAGRAM_WINDOW)
			from = number - DATAGRAM_WINDOW + 1;
		for (uint64_t n = from; n <= number; n++)
			d->in_window[n % DATAGRAM_WINDOW / 64] &= ~(
			    (uint64_t)1 << n % 64);
		d->in_high = number;
		d->in_high_us = now_us;
	}
	d->in_window[number % DATAGRAM_WINDOW / 64] |= (uint64_t)1 << number % 64;
}

/* Whether something in them is to be answered. */
static bool
asks(struct span frames)
{
	struct frame f;
	for (long len; (len = frame_parse(frames, &f)) > 0;
	     frames.p += len, frames.n -= (size_t)len)
		if (f.type != MSG_ACK && f.type != MSG_PONG)
			return true;
	return false;
}

static void
on_round_trip(struct datagram *d, uint64_t rtt_us, uint64_t now_us)
{
	struct link *l = &d->link;
	if (!d->rtt_least_us || rtt_us <= d->rtt_least_us
	    || now_us >= d->rtt_least_at_us + LEAST_LIVES_US) {
		d->rtt_least_us = rtt_us;
		d->rtt_least_at_us = now_us;
	}
	l->ping_us = now_us - rtt_us;
	link_on_pong(l, l->ping_us, now_us);
}

/* It was lost, while later ones came through: by its size?  Where small ones are lost after it
 * nothing got through. */
static void
note_size(struct datagram *d, uint64_t number, size_t size)
{
	if (size > DATAGRAM_SMALL && number > d->small_lost) {
		if (!d->large_lost++ || size < d->large_least)
			d->large_least = size;
	} else if (size <= DATAGRAM_SMALL && number > d->small_lost) {
		d->small_lost = number;
		d->large_lost = 0;
	}
}

static void
judge_size(struct datagram *d)
{
	bool many = datagram_lost_percent(d) >= MANY_LOST_PERCENT;
	if (d->large_lost >= (many ? LARGE_LOST_OF_MANY : LARGE_LOST))
		d->size_max = DATAGRAM_SMALL;
}

static void
on_answer(struct datagram *d, const struct flight_news *news, uint64_t now_us)
{
	struct link *l = &d->link;
	size_t sum = 0;
	for (enum link_class class = 0; class < LINK_CLASSES; class ++) {
		l->flight[class] -= news->bytes[class];
		sum += news->bytes[class];
	}
	if (news->rtt_us && news->rtt_us < HELD_MAX * (uint64_t)HELD_UNIT_US)
		on_round_trip(d, news->rtt_us, now_us);
	if (sum)
		congestion_acked(&l->congestion, sum, now_us);
	if (news->largest >= d->large_least)
		d->large_lost = 0;
	for (size_t i = 0; i < news->n_swallowed; i++)
		note_size(d, news->swallowed[i].number, news->swallowed[i].size);
	if (!news->answered)
		return;
	if (d->proof && d->flight.high >= d->proof)
		d->proof = 0;
	d->answered = true;
	d->answered_us = now_us;
	d->ranks_open &= !news->ranked;
	l->ping_us = 0;
	link_heard(l, l->flight[LINK_URGENT] || l->flight[LINK_BULK], now_us);
}

/* What the peer says of ours. */
static void
take_said(struct datagram *d, const uint8_t *said, uint64_t now_us)
{
	struct flight_news news;
	uint64_t held = get_be(said + 8, 2);
	if (!flight_seen(&d->flight, (uint32_t)get_be(said, 4),
		(uint32_t)get_be(said + 4, 4), held * HELD_UNIT_US, now_us, &news)) {
		d->link.broken = true;
		return;
	}
	if (held == HELD_MAX)
		news.rtt_us = 0;
	on_answer(d, &news, now_us);
}

enum datagram_taken
datagram_take(struct datagram *d, uint8_t *bytes, size_t n, uint64_t now_us)
{
	uint32_t id;
	if (!datagram_id((struct span){ bytes, n }, &id) || id != d->id)
		return DATAGRAM_DROPPED;
	uint64_t number = get_be(bytes + 4, 8);
	uint8_t *inner = bytes + SEAL_HEAD;
	size_t len = n - SEAL_HEAD - SEAL_TAG;
	if (has_come(d, number) || number >= numbers_end
	    || !seal_open(d->keys.in, bytes, inner, len, inner + len))
		return DATAGRAM_DROPPED;
	bool newest = number > d->in_high;
	struct span frames = { inner + DATAGRAM_SAID, len - DATAGRAM_SAID };
	note_number(d, number, now_us);
	d->authentic_us = now_us;
	/* A late one may have come from where the peer was before. */
	if (d->proof && newest)
		d->allowed += 3 * n;
	take_said(d, inner, now_us);
	if (asks(frames) && !d->unanswered++)
		d->unanswered_us = now_us;
	if (link_received(&d->link, frames))
		d->link.broken = true;
	return newest ? DATAGRAM_NEWEST : DATAGRAM_LATE;
}

/* ---- another way ---- */

void
datagram_way_changed(struct datagram *d, uint64_t now_us)
{
	d->size_max = DATAGRAM_MAX;
	d->large_lost = 0;
	d->rtt_least_us = 0;
	d->now = true;
	if (d->link.asked_us)
		repeat_anew(&d->repeat, now_us);
}

void
datagram_peer_moved(struct datagram *d, size_t n, uint64_t now_us)
{
	datagram_way_changed(d, now_us);
	d->allowed = 3 * n;
	d->proof = d->flight.next;
	d->answered = true; /* it is there: no reason to go on doubting */
}

void
datagram_ask(struct datagram *d)
{
	d->now = d->link.ping_now = true;
}

unsigned
datagram_lost_percent(const struct datagram *d)
{
	return d->flight.lost_share * 100 / FLIGHT_SHARE;
}

/* ---- what was lost ---- */

static struct repeat_link
known(const struct datagram *d)
{
	const struct congestion *c = &d->link.congestion;
	return (struct repeat_link){ .srtt_us = d->link.srtt_us,
		.rttvar_us = d->link.rttvar_us,
		.rtt_least_us = d->rtt_least_us,
		.lost_share = d->flight.lost_share,
		.rate = c->rate_now > c->rate_before ? c->rate_now : c->rate_before };
}

/* How many bytes may go there now.  Where nobody answers, it may be that large ones do not get
 * through. */
static size_t
may_be_long(const struct datagram *d)
{
	size_t most = d->repeat.step >= LARGE_LOST ? DATAGRAM_SMALL : d->size_max;
	return d->proof && d->allowed < most ? d->allowed : most;
}

/* The address is not proved, and nothing may go there until more has come from there. */
static bool
is_muzzled(const struct datagram *d)
{
	return may_be_long(d) < LEAST;
}

/* So many urgent bytes there may be in that room for frames: of two streams, each in two pieces
 * and with its end. */
static size_t
urgent_max(size_t room)
{
	size_t heads = 2 * 3 * DATA_OVERHEAD, n = room > heads ? room - heads : 0;
	return n < DATAGRAM_REPEAT ? n : DATAGRAM_REPEAT;
}

/* The peer lacks few urgent bytes: every datagram has room for them, and has them. */
static bool
repeats_all(const struct datagram *d, const struct engine *e)
{
	return engine_link(e, RANK_TERMINAL) == &d->link
	    && engine_urgent_unacked(e) <= urgent_max(may_be_long(d) - DATAGRAM_OVERHEAD);
}

static void
lose_range(struct datagram *d, struct engine *e, const struct flight_range *r)
{
	const struct stream *s = engine_stream(e, r->stream);
	if (!s)
		return;
	if (s->rank < RANK_BULK && repeats_all(d, e))
		d->owes = true;
	else
		engine_lost(e, &d->link, r->stream, r->from, r->from + r->len);
}

static void
on_lost(struct datagram *d, struct engine *e, const struct flight_sent *s)
{
	struct link *l = &d->link;
	size_t sum = 0;
	for (enum link_class class = 0; class < LINK_CLASSES; class ++) {
		l->flight[class] -= s->bytes[class];
		sum += s->bytes[class];
	}
	congestion_dropped(&l->congestion, sum);
	l->ranks_due |= s->ranked && s->number == d->ranks_number;
	if (s->asks)
		l->ping_us = 0;
	if (!e)
		return;
	for (size_t i = 0; i < s->n_ranges; i++)
		lose_range(d, e, &s->ranges[i]);
}

static uint64_t
round_trip(const struct datagram *d)
{
	return d->link.srtt_us + d->link.rttvar_us;
}

/* What stands in no datagram yet, while another link carries it. */
static bool
copies(const struct datagram *d, const struct engine *e)
{
	return e && d->link.doubted && engine_link(e, RANK_TERMINAL) != &d->link;
}

/* Whether something is to be acknowledged, or takes the room of what would be. */
static bool
is_under_way(const struct datagram *d, const struct engine *e)
{
	const struct link *l = &d->link;
	return l->flight[LINK_URGENT] || l->flight[LINK_BULK] || engine_flight(e, l);
}

/* Whether an answer is still needed; one to a copy alone is not.  The peer's word for what it
 * has, or for more room, may have been lost. */
static bool
waits(const struct datagram *d, const struct engine *e)
{
	if (d->link.ping_us || d->ranks_open || d->link.doubted
	    || (!e && d->flight.asking))
		return true;
	return e
	    && (is_under_way(d, e) || engine_wants_window(e, &d->link)
		|| (copies(d, e) && engine_urgent_unacked(e)));
}

static void
look(struct datagram *d, struct engine *e, uint64_t now_us)
{
	struct flight_sent s;
	while (flight_lost(&d->flight, round_trip(d), now_us, &s)) {
		note_size(d, s.number, s.size);
		on_lost(d, e, &s);
	}
	judge_size(d);
	if (e && d->link.doubted && d->answered)
		engine_doubt(e, &d->link, false);
	else if (e && link_in_doubt(&d->link, now_us))
		engine_doubt(e, &d->link, true);
	if (d->answered && d->link.asked_us)
		repeat_anew(&d->repeat, now_us);
	d->answered = false;
	/* What may not be sent is not answered, either. */
	if (waits(d, e) || (e && is_muzzled(d) && engine_has(e, &d->link, now_us)))
		link_asked(&d->link, now_us);
	else
		d->link.asked_us = 0;
	if (d->link.asked_us && !d->repeat.since_us)
		repeat_anew(&d->repeat, now_us);
	else if (!d->link.asked_us)
		repeat_rest(&d->repeat);
}

/* ---- sending ---- */

/* Nobody has answered for long.  The oldest is given up, one a repeat; and when there is none,
 * nothing is believed any more of what the peer has but not acknowledged. */
static void
repeat_flood(struct datagram *d, struct engine *e)
{
	struct flight_sent s;
	if (flight_give_up(&d->flight, &s))
		on_lost(d, e, &s);
	else
		engine_rewind(e, &d->link);
}

/* Of each of the two streams. */
static size_t
copy_max(size_t room)
{
	return urgent_max(room) / 2;
}

/* Returns how many bytes it took. */
static size_t
put_copy(struct datagram *d, struct engine *e, size_t most)
{
	size_t before = d->out.len, max = copy_max(most - before);
	(void)engine_copy(e, &d->out, max);
	d->copied = engine_copy_end(e, max);
	return d->out.len - before;
}

static void
put_said(struct datagram *d, uint8_t *p, uint64_t now_us)
{
	uint32_t before = 0;
	for (unsigned i = 0; i < FLIGHT_BEFORE; i++)
		if (d->in_high > i + 1 && has_come(d, d->in_high - 1 - i))
			before |= (uint32_t)1 << i;
	uint64_t held = (now_us - d->in_high_us) / HELD_UNIT_US;
	put_be(p, (uint32_t)d->in_high, 4);
	put_be(p + 4, before, 4);
	put_be(p + 8, held < HELD_MAX ? held : HELD_MAX, 2);
}

static enum link_class
class_of(const struct engine *e, uint32_t stream)
{
	const struct stream *s = e ? engine_stream(e, stream) : NULL;
	return s && s->rank >= RANK_BULK ? LINK_BULK : LINK_URGENT;
}

static void
note_range(struct flight_sent *s, const struct engine *e, uint32_t stream, uint64_t from,
    size_t len)
{
	s->bytes[class_of(e, stream)] += (uint16_t)len;
	/* There is room for all that this link carries (cut_ranges); a copy is of another's. */
	(void)flight_has(s, stream, from, len);
}

/* What the frames are, for the case that they are lost. */
static void
note_frames(struct flight_sent *s, const struct engine *e, struct span frames,
    bool *ret_asks)
{
	struct frame f;
	union msg m;
	for (long len; (len = frame_parse(frames, &f)) > 0;
	     frames.p += len, frames.n -= (size_t)len) {
		*ret_asks |= f.type != MSG_ACK && f.type != MSG_PONG;
		s->ranked |= f.type == MSG_RANKS;
		if (msg_get(&f, &m))
			continue;
		if (f.type == MSG_DATA)
			note_range(s, e, m.data.stream, m.data.offset, m.data.bytes.n);
		else if (f.type == MSG_END)
			note_range(s, e, m.end.stream, m.end.offset, 1);
	}
}

/* Its frames are in d->out, behind the room for what stands before them; of the urgent bytes
 * so many are under way already; something was never sent before. */
static void
send(struct datagram *d, const struct engine *e, size_t repeated, bool is_new,
    uint64_t now_us)
{
	struct link *l = &d->link;
	uint8_t *p = buf_bytes(&d->out), *inner = p + SEAL_HEAD;
	size_t len = d->out.len - SEAL_HEAD, size = d->out.len + SEAL_TAG;
	struct flight_sent *s = flight_add(&d->flight, now_us);
	if (s->number >= numbers_end) {
		l->broken = true;
		return;
	}
	bool is_asking = false;
	note_frames(s, e, (struct span){ inner + DATAGRAM_SAID, len - DATAGRAM_SAID },
	    &is_asking);
	if (is_asking)
		flight_asks(&d->flight, s);
	if (s->ranked) {
		d->ranks_number = s->number;
		d->ranks_open = true;
	}
	s->size = (uint16_t)size;
	/* A copy counts as nothing: it waits for no room, and takes none. */
	size_t urgent = s->bytes[LINK_URGENT];
	s->bytes[LINK_URGENT] = (uint16_t)(urgent > repeated ? urgent - repeated : 0);
	for (enum link_class class = 0; class < LINK_CLASSES; class ++)
		l->flight[class] += s->bytes[class];
	size_t fresh = (size_t)s->bytes[LINK_URGENT] + s->bytes[LINK_BULK];
	if (fresh)
		congestion_sent(&l->congestion, fresh, now_us);
	if (s->asks)
		link_asked(l, now_us);
	if (is_new || (s->asks && !d->repeat.since_us))
		repeat_anew(&d->repeat, now_us);
	put_be(p, d->id, 4);
	put_be(p + 4, s->number, 8);
	put_said(d, inner, now_us);
	seal_close(d->keys.out, p, inner, len, inner + len);
	if (d->proof)
		d->allowed -= size < d->allowed ? size : d->allowed;
	d->unanswered = 0;
	d->now = false;
	d->send(d->owner, (struct span){ p, size });
}

static uint64_t
answer_at(const struct datagram *d)
{
	if (!d->unanswered)
		return 0;
	return d->unanswered >= ANSWER_MANY ? 1 : d->unanswered_us + ANSWER_DELAY_US;
}

/* Whether a repeat is due, and can be paid. */
static bool
repeat_due(struct datagram *d, const struct engine *e, uint64_t now_us)
{
	struct repeat_link link = known(d);
	uint64_t at = repeat_at(&d->repeat, &link);
	if (!at || now_us < at)
		return false;
	size_t cost = REPEAT_COST + (e ? engine_urgent_flight(e, &d->link) : 0);
	return repeat_affords(&d->repeat, &link,
	    cost < DATAGRAM_REPEAT ? cost : DATAGRAM_REPEAT, now_us);
}

static bool
has_news(struct datagram *d, struct engine *e, uint64_t now_us)
{
	/* Of a flood it is enough to copy what repeats do. */
	size_t max = copy_max(may_be_long(d) - DATAGRAM_OVERHEAD);
	if (copies(d, e) && engine_copy_end(e, max) > d->copied
	    && engine_urgent_unacked(e) <= max)
		return true;
	return e && flight_has_room(&d->flight) && engine_has(e, &d->link, now_us);
}

static void
make_room(struct datagram *d, struct engine *e)
{
	struct flight_sent s;
	while (!flight_has_any_room(&d->flight) && flight_give_up(&d->flight, &s))
		on_lost(d, e, &s);
}

static void
put_question(struct link *l, struct buf *out, uint64_t now_us)
{
	struct msg_ping ping = { now_us };
	if (msg_put(out, MSG_PING, &ping))
		return;
	l->ping_now = false;
	l->ping_us = now_us;
}

/* Of more ranges than the log has room for (flight.h), the rest goes with the next one. */
static void
cut_ranges(struct datagram *d, struct engine *e, size_t from)
{
	struct span frames = { buf_bytes(&d->out) + from, d->out.len - from };
	struct flight_sent s = { 0 };
	struct frame f;
	union msg m;
	bool cut = false;
	for (long len; (len = frame_parse(frames, &f)) > 0;
	     frames.p += len, frames.n -= (size_t)len) {
		if ((f.type != MSG_DATA && f.type != MSG_END) || msg_get(&f, &m))
			continue; /* these stand before them */
		size_t n = f.type == MSG_DATA ? m.data.bytes.n : 1;
		if (!cut && flight_has(&s, m.data.stream, m.data.offset, n))
			continue;
		engine_lost(e, &d->link, m.data.stream, m.data.offset, m.data.offset + n);
		if (!cut)
			d->out.len -= frames.n;
		cut = true;
	}
}

/* Returns how many bytes of it are under way already. */
static size_t
put_frames(struct datagram *d, struct engine *e, size_t most, bool again, uint64_t now_us)
{
	size_t repeated = 0;
	bool has_room = flight_has_room(&d->flight);
	if (e && has_room && (d->owes || repeats_all(d, e))) {
		if (repeats_all(d, e))
			repeated = engine_urgent_flight(e, &d->link);
		engine_rewind_urgent(e, &d->link);
		d->owes = false;
	}
	if (e && again && engine_flight(e, &d->link))
		repeat_flood(d, e);
	size_t from = d->out.len;
	if (e && has_room) {
		(void)engine_fill(e, &d->link, &d->out, most - from, now_us);
		cut_ranges(d, e, from);
	}
	if (e && again && d->out.len == from && is_under_way(d, e))
		repeat_flood(d, e); /* it takes the room of what is to be sent */
	if (copies(d, e))
		repeated += put_copy(d, e, most);
	return repeated;
}

/* Makes one and sends it, if there is a reason to. */
static bool
send_one(struct datagram *d, struct engine *e, uint64_t now_us)
{
	struct link *l = &d->link;
	uint64_t answer = answer_at(d);
	bool again = repeat_due(d, e, now_us);
	if (!again && !d->now && !(answer && answer <= now_us) && !has_news(d, e, now_us))
		return false;
	if (is_muzzled(d))
		return false;
	uint8_t *room;
	buf_drop(&d->out, d->out.len);
	d->out.max = DATAGRAM_MAX;
	make_room(d, e);
	if (buf_room(&d->out, DATAGRAM_MAX, &room))
		return false; /* no memory: it is as if it were lost */
	buf_added(&d->out, SEAL_HEAD + DATAGRAM_SAID);
	size_t head = d->out.len, most = may_be_long(d) - SEAL_TAG;
	d->out.max = most;
	(void)buf_put(&d->out, buf_bytes(&l->queue), l->queue.len);
	uint64_t before = e ? engine_first_sent(e) : 0;
	size_t repeated = put_frames(d, e, most, again, now_us);
	/* An address is proved by an answer from there. */
	bool proves = d->proof && !l->ping_us;
	if (proves || ((again || d->now) && d->out.len == head))
		put_question(l, &d->out, now_us);
	send(d, e, repeated, e && engine_first_sent(e) > before, now_us);
	if (again)
		repeat_sent(&d->repeat, d->out.len + REPEAT_COST, now_us);
	return !l->broken;
}

static void
write_datagrams(struct link *l, struct engine *e, uint64_t now_us)
{
	struct datagram *d = of(l);
	look(d, e, now_us);
	for (unsigned i = 0; i < AT_ONCE && send_one(d, e, now_us); i++)
		;
}

/* ---- the operations of the kind ---- */

static void
sooner(uint64_t *at, uint64_t other)
{
	if (other && (!*at || other < *at))
		*at = other;
}

static uint64_t
deadline(const struct link *l, const struct engine *e)
{
	const struct datagram *d = (const struct datagram *)l;
	struct repeat_link link = known(d);
	uint64_t at = e ? link_doubt_at(l) : 0; /* without an engine nobody doubts */
	if (is_muzzled(d))
		return at; /* until something comes from there */
	if (e && flight_has_room(&d->flight))
		at = engine_deadline(e, l);
	sooner(&at, answer_at(d));
	sooner(&at, repeat_at(&d->repeat, &link));
	sooner(&at, flight_lost_at(&d->flight, round_trip(d)));
	return d->now ? 1 : at;
}

static bool
read_nothing(struct link *l)
{
	return !l->broken; /* the owner reads: datagram_take */
}

static uint64_t
trim(struct link *l, uint64_t now_us)
{
	(void)l;
	(void)now_us;
	return 0;
}

static void
quiet(struct link *l)
{
	(void)l;
}

static void
close_datagrams(struct link *l)
{
	struct datagram *d = of(l);
	seal_wipe(&d->keys, sizeof d->keys);
	flight_finish(&d->flight);
	buf_finish(&d->out);
	link_finish(l);
	l->ops = NULL;
}

static const struct link_ops ops = { .name = "datagram",
	.read = read_nothing,
	.write = write_datagrams,
	.deadline = deadline,
	.trim = trim,
	.quiet = quiet,
	.close = close_datagrams };

int
datagram_init(struct datagram *d, uint32_t id, const struct datagram_keys *keys,
    void (*sender)(void *owner, struct span bytes), void *owner, uint64_t now_us)
{
	*d = (struct datagram){ .send = sender,
		.owner = owner,
		.id = id,
		.keys = *keys,
		.size_max = DATAGRAM_MAX };
	link_init(&d->link, now_us);
	buf_init(&d->out, DATAGRAM_MAX);
	repeat_init(&d->repeat, now_us);
	d->link.ops = &ops;
	d->link.lossy = d->link.counts = d->link.congestion.exact = true;
	d->link.rank[LINK_URGENT] = d->link.rank[LINK_BULK] = 0;
	d->link.doubt_min_us = DOUBT_MIN_US;
	d->link.doubt_max_us = DOUBT_MAX_US;
	return flight_init(&d->flight);
}
