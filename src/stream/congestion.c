#include "stream/congestion.h"

enum {
	SECOND_US = 1000 * 1000,
	SLACK_US = 15 * 1000, /* the receiver delays its acknowledgements, */
	SLACK_MAX = 512
	    * 1024, /* but not of so many bytes; and somebody may wait for a key */
	/* Where what arrives is told of each datagram, at once, less of a queue will do. */
	EXACT_GAIN = 9, /* eighths */
	EXACT_SLACK_US = 4 * 1000,
	SHARING = 32, /* of the root: 2 KB for 1 Mbit/s */
	RTT_LIVES_US = 10 * SECOND_US,
	RTT_LIVES_BULK_US = 30 * SECOND_US,
	/* After so many, and so long, the rates before them count no more: on a fast link a
	 * round is as short as a turn of the scheduler. */
	ROUNDS = 2,
	ROUNDS_US = 50 * 1000,
	START_ROUNDS = 3,
	MARK_EVERY_US = 500,
	PACE_MIN_US = 2 * 1000, /* frames closer than that are not worth a timer */
};

/* Eighths of the product that may be in flight. */
static const unsigned gain[] = {
	[CONGESTION_STARTING] = 24,
	[CONGESTION_CRUISING] = 12,
	[CONGESTION_PROBING] = 3,
};

void
congestion_init(struct congestion *c, uint64_t now_us)
{
	*c = (struct congestion){ .delivered_us = now_us };
}

static uint64_t
rate(const struct congestion *c)
{
	return c->rate_now > c->rate_before ? c->rate_now : c->rate_before;
}

size_t
congestion_in(const struct congestion *c, uint64_t us)
{
	return (size_t)(rate(c) * us / SECOND_US);
}

static size_t
square_root(uint64_t n)
{
	uint64_t root = 0;
	for (uint64_t bit = (uint64_t)1 << 20; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= n)
			root += bit;
	return (size_t)root;
}

static size_t
slack(const struct congestion *c)
{
	size_t n = congestion_in(c, c->exact ? EXACT_SLACK_US : SLACK_US);
	return (c->bulk || n < SLACK_MAX ? n : SLACK_MAX) + c->root;
}

size_t
congestion_allowed(const struct congestion *c, size_t ceiling)
{
	size_t floor = c->phase == CONGESTION_STARTING ? CONGESTION_START
						       : CONGESTION_FLOOR;
	bool exact = c->exact && c->phase == CONGESTION_CRUISING;
	size_t n = congestion_in(c,
	    c->rtt_us * (exact ? EXACT_GAIN : gain[c->phase]) / 8);
	if (c->phase != CONGESTION_PROBING)
		n += slack(c);
	if (n < floor)
		n = floor;
	return n < ceiling ? n : ceiling;
}

/* ---- sending ---- */

static struct congestion_mark *
mark_at(struct congestion *c, size_t i)
{
	return &c->marks[(c->first_mark + i) % CONGESTION_MARKS];
}

/* A little faster than the link, so that it is never short; who comes late makes up for one
 * frame. */
static void
pace(struct congestion *c, size_t n, uint64_t now_us)
{
	uint64_t gap_us = rate(c) ? (uint64_t)n * (SECOND_US * 4 / 5) / rate(c) : 0;
	if (c->phase == CONGESTION_STARTING || gap_us < PACE_MIN_US)
		return;
	if (gap_us > c->rtt_us / 4)
		gap_us = c->rtt_us / 4;
	uint64_t from_us = now_us - gap_us;
	c->next_us = (c->next_us > from_us ? c->next_us : from_us) + gap_us;
}

void
congestion_sent(struct congestion *c, size_t n, uint64_t now_us)
{
	if (c->sent == c->delivered)
		c->delivered_us = now_us; /* nothing was under way: the clock starts */
	c->sent += n;
	pace(c, n, now_us);
	if (c->delivered < c->blind_until)
		return;
	if (c->n_marks) {
		struct congestion_mark *last = mark_at(c, c->n_marks - 1);
		if (c->n_marks == CONGESTION_MARKS
		    || now_us < last->sent_us + MARK_EVERY_US)
			return;
	}
	*mark_at(c, c->n_marks++) = (struct congestion_mark){ .end = c->sent,
		.sent_us = now_us,
		.delivered = c->delivered,
		.delivered_us = c->delivered_us,
		.dropped = c->dropped,
		.is_short = c->short_until > 0 };
}

/* More is under way than the link takes in a round trip: it has a queue. */
static bool
is_full(const struct congestion *c)
{
	return c->rtt_us
	    && c->sent - c->delivered > congestion_in(c, c->rtt_us * 5 / 4 + SLACK_US);
}

void
congestion_short(struct congestion *c)
{
	/* A program whose output is read in pieces is short for a moment after each. */
	if (is_full(c))
		return;
	c->short_until = c->sent ? c->sent : 1;
	c->round_short = true;
}

static void
no_longer_in_flight(struct congestion *c, size_t n)
{
	c->delivered += n < c->sent - c->delivered ? n : c->sent - c->delivered;
}

void
congestion_lost(struct congestion *c, size_t n)
{
	no_longer_in_flight(c, n);
	if (n)
		c->n_marks = 0; /* what they count includes it */
}

void
congestion_dropped(struct congestion *c, size_t n)
{
	no_longer_in_flight(c, n);
	c->dropped += n;
}

void
congestion_forget(struct congestion *c)
{
	c->blind_until = c->sent + (c->sent - c->delivered);
	c->delivered = c->round_end = c->sent;
	c->n_marks = 0;
	c->short_until = 0;
	c->probe_end = 0;
}

/* ---- what acknowledgements tell ---- */

static void
begin_probe(struct congestion *c)
{
	c->phase = CONGESTION_PROBING;
	c->probe_end = 0;
	c->probe_rtt_us = 0;
	c->probed_us = c->rtt_us;
}

static void
on_rtt(struct congestion *c, const struct congestion_mark *m, uint64_t now_us)
{
	uint64_t rtt_us = now_us - m->sent_us;
	bool no_queue = c->probe_end && m->end >= c->probe_end;
	if (no_queue && (!c->probe_rtt_us || rtt_us < c->probe_rtt_us))
		c->probe_rtt_us = rtt_us;
	if (c->rtt_us && rtt_us > c->rtt_us)
		return;
	uint64_t flight = m->end - m->delivered;
	if (rtt_us < c->rtt_us - c->rtt_us / 8 || !c->rtt_us || flight < c->rtt_flight)
		c->rtt_flight = flight;
	c->rtt_us = rtt_us ? rtt_us : 1;
	c->rtt_found_us = now_us;
	c->rate_at_rtt = rate(c);
}

/* The youngest mark whose bytes have all arrived. */
static void
on_mark(struct congestion *c, const struct congestion_mark *m, uint64_t now_us)
{
	uint64_t took_us = now_us - m->delivered_us;
	c->rtt_now_us = now_us - m->sent_us;
	on_rtt(c, m, now_us);
	if (took_us < c->rtt_us || !took_us)
		return; /* acknowledgements that came in a bunch */
	uint64_t arrived = c->delivered - m->delivered;
	if (c->rtt_now_us > c->rtt_us + c->rtt_us / 4 + SLACK_US)
		arrived -= c->dropped - m->dropped;
	uint64_t sample = arrived * SECOND_US / took_us;
	if (c->phase == CONGESTION_CRUISING
	    && now_us - m->sent_us > 3 * (c->rtt_us + SLACK_US)) {
		/* Much more of a queue than we make: the link has become slower. */
		c->rate_now = c->rate_before = sample;
		begin_probe(c);
	}
	if (sample > c->rate_now && (!m->is_short || sample > rate(c)))
		c->rate_now = sample;
	if (c->rate_at_rtt < rate(c))
		c->rate_at_rtt = rate(c);
}

/* The start has left a queue.  The round trip need not be looked for if it was seen while
 * too little was under way for one. */
static void
end_start(struct congestion *c)
{
	if (c->rtt_flight <= congestion_in(c, c->rtt_us) / 4)
		c->phase = CONGESTION_CRUISING;
	else
		begin_probe(c);
}

static void
start_round(struct congestion *c)
{
	bool queue = c->rtt_now_us > 2 * c->rtt_us + SLACK_US;
	if (rate(c) >= c->start_rate + c->start_rate / 4) {
		c->start_rate = rate(c);
		c->start_flat = 0;
	} else if (++c->start_flat >= START_ROUNDS || queue) {
		end_start(c);
	}
}

static void
on_round(struct congestion *c, uint64_t now_us)
{
	bool counts = !c->round_short;
	c->round_end = c->sent;
	c->round_short = c->short_until > 0;
	if (!counts)
		return;
	if (c->phase == CONGESTION_STARTING)
		start_round(c);
	if (c->phase != CONGESTION_PROBING && ++c->rounds >= ROUNDS
	    && now_us >= c->rounds_us + ROUNDS_US) {
		c->rate_before = c->rate_now;
		c->rate_now = 0;
		c->rounds = 0;
		c->rounds_us = now_us;
	}
}

static void
probe(struct congestion *c, uint64_t now_us)
{
	uint64_t lives_us = c->bulk ? RTT_LIVES_BULK_US : RTT_LIVES_US;
	bool old = now_us >= c->rtt_found_us + lives_us;
	bool slower = rate(c) < c->rate_at_rtt / 2;
	if (c->phase == CONGESTION_CRUISING && c->rtt_us && (old || slower))
		begin_probe(c);
	if (c->phase != CONGESTION_PROBING)
		return;
	if (!c->probe_end && c->sent - c->delivered <= congestion_allowed(c, SIZE_MAX))
		c->probe_end = c->sent + 1; /* what is sent from now on finds no queue */
	else if (c->probe_rtt_us) {
		c->rtt_us = c->probe_rtt_us;
		c->rtt_found_us = now_us;
		c->rate_at_rtt = rate(c);
		c->phase = CONGESTION_CRUISING;
		if (c->rtt_us < c->probed_us - c->probed_us / 4)
			begin_probe(c); /* what is left may be a queue, too */
	}
}

void
congestion_acked(struct congestion *c, size_t n, uint64_t now_us)
{
	struct congestion_mark m;
	bool any = false;
	no_longer_in_flight(c, n);
	c->delivered_us = now_us;
	while (c->n_marks && mark_at(c, 0)->end <= c->delivered) {
		m = *mark_at(c, 0);
		any = true;
		c->first_mark = (c->first_mark + 1) % CONGESTION_MARKS;
		c->n_marks--;
	}
	if (any)
		on_mark(c, &m, now_us);
	if (c->short_until && c->delivered >= c->short_until)
		c->short_until = 0;
	if (c->delivered >= c->round_end)
		on_round(c, now_us);
	probe(c, now_us);
	if (c->root_of != rate(c)) {
		c->root_of = rate(c);
		c->root = square_root(c->root_of * SHARING);
	}
}
