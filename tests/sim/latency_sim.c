/*
 * What keys, floods and the end of a flood cost on a datagram link that loses: two ends on a
 * virtual clock, single losses, a bottleneck with a queue of 300 ms.  Prints the table of
 * doc/DATAGRAM.md; a row beyond its bound fails.
 */
#include "link/datagram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MS = 1000, SECOND = 1000 * 1000, FLYING_MAX = 4096, WINDOW = 256 * 1024 };

static uint64_t now_us, random_state;

static uint32_t
random_u32(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33);
}

static bool
chance(unsigned per_mille)
{
	return random_u32() % 1000 < per_mille;
}

struct flying {
	uint64_t at_us;
	size_t n;
	int to;
	uint8_t bytes[DATAGRAM_MAX];
};

struct side {
	struct engine engine;
	struct datagram datagram;
	struct stream *main;
	uint64_t sent;
};

static struct world {
	struct side side[2]; /* client, server */
	struct flying *flying[FLYING_MAX];
	size_t n_flying;
	unsigned lost_per_mille, rtt_us;
	uint64_t rate; /* bytes a second of the link to the client; 0: any */
	uint64_t free_us; /* when it has sent what waits in it */
	size_t queue_max;
	uint64_t sent, dropped, bytes;
} w;

static void
fly(void *owner, struct span bytes)
{
	struct side *from = owner;
	int to = from == &w.side[0];
	w.sent++;
	w.bytes += bytes.n;
	if (chance(w.lost_per_mille) || w.n_flying == FLYING_MAX) {
		w.dropped++;
		return;
	}
	uint64_t at_us = now_us;
	if (w.rate && !to) {
		if (w.free_us < now_us)
			w.free_us = now_us;
		if ((w.free_us - now_us) * w.rate / SECOND > w.queue_max) {
			w.dropped++;
			return;
		}
		w.free_us += bytes.n * SECOND / w.rate;
		at_us = w.free_us;
	}
	struct flying *f = malloc(sizeof *f);
	f->at_us = at_us + w.rtt_us / 2;
	f->to = to;
	f->n = bytes.n;
	memcpy(f->bytes, bytes.p, bytes.n);
	w.flying[w.n_flying++] = f;
}

static void
fail(const char *what)
{
	printf("latency_sim: %s\n", what);
	exit(1);
}

static void
take(struct side *s, struct flying *f)
{
	struct frame frame;
	if (datagram_take(&s->datagram, f->bytes, f->n, now_us) == DATAGRAM_DROPPED)
		fail("dropped");
	long len;
	while ((len = link_frame(&s->datagram.link, &frame)) > 0) {
		int err = engine_frame(&s->engine, &s->datagram.link, &frame, now_us);
		if (err)
			fail("a frame was wrong");
		link_drop(&s->datagram.link, len);
	}
	if (len || s->datagram.link.in.len)
		fail("half a frame");
}

static void
arrive(void)
{
	for (size_t i = 0; i < w.n_flying;) {
		struct flying *f = w.flying[i];
		if (f->at_us > now_us) {
			i++;
			continue;
		}
		w.n_flying--;
		memmove(&w.flying[i], &w.flying[i + 1],
		    (w.n_flying - i) * sizeof *w.flying);
		take(&w.side[f->to], f);
		free(f);
	}
}

static void
begin(unsigned rtt_ms, unsigned lost_per_mille)
{
	struct datagram_keys keys[2];
	memset(&w, 0, sizeof w);
	random_state = 1;
	memset(keys, 0, sizeof keys);
	memset(keys[0].out, 1, SEAL_KEY);
	memset(keys[1].in, 1, SEAL_KEY);
	w.rtt_us = rtt_ms * MS;
	w.lost_per_mille = lost_per_mille;
	w.queue_max = 64 * 1024;
	for (int i = 0; i < 2; i++) {
		struct side *s = &w.side[i];
		engine_init(&s->engine, i == 0);
		engine_open(&s->engine, STREAM_CONTROL, RANK_CONTROL, WINDOW, WINDOW);
		s->main = engine_open(&s->engine, STREAM_MAIN, RANK_TERMINAL, WINDOW,
		    WINDOW);
		if (datagram_init(&s->datagram, 7, &keys[i], fly, s, now_us))
			fail("no memory");
	}
	for (int i = 0; i < 2; i++) {
		struct buf positions;
		buf_init(&positions, 1024);
		engine_positions(&w.side[!i].engine, &positions);
		engine_set_positions(&w.side[i].engine, buf_span(&positions));
		buf_finish(&positions);
		engine_add(&w.side[i].engine, &w.side[i].datagram.link);
	}
}

static void
end(void)
{
	for (size_t i = 0; i < w.n_flying; i++)
		free(w.flying[i]);
	for (int i = 0; i < 2; i++) {
		engine_finish(&w.side[i].engine);
		link_close(&w.side[i].datagram.link);
	}
}

static void
sooner(uint64_t *at, uint64_t other)
{
	if (other && (!*at || other < *at))
		*at = other;
}

/* Both ends write; returns when something happens next. */
static uint64_t
turn(void)
{
	uint64_t at = 0;
	for (int i = 0; i < 2; i++) {
		struct side *s = &w.side[i];
		link_write(&s->datagram.link, &s->engine, now_us);
		sooner(&at, link_write_at(&s->datagram.link, &s->engine));
	}
	for (size_t i = 0; i < w.n_flying; i++)
		sooner(&at, w.flying[i]->at_us);
	return at;
}

/* ---- what is measured, and its bounds ---- */

static unsigned passed, failed;

/* False: it is beyond. */
static bool
within(bool is)
{
	passed += is;
	failed += !is;
	return is;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double
mean_of(const double *list, unsigned n)
{
	double sum = 0;
	for (unsigned i = 0; i < n; i++)
		sum += list[i];
	return sum / n;
}

static void
go_on(uint64_t at_us, unsigned *turns)
{
	if (!at_us)
		fail("nothing happens any more");
	if (++*turns > 10 * 1000 * 1000)
		fail("it never ends");
	now_us = at_us > now_us ? at_us : now_us + 10;
}

enum { KEYS_MAX = 20000 };

/* Keys at a distance; each is echoed at once.  Bounds: ms, and datagrams of both ends; 0: none.
 * With 29 % lost 50.4 % of all keys lose nothing: it takes many to see the median. */
struct keys {
	unsigned n, rtt_ms, lost_per_mille, every_ms;
	double mean, median, p99, datagrams;
};

static void
echo(struct side *s)
{
	static const uint8_t echoed[32];
	size_t n = stream_held(s->main).n;
	stream_take(s->main, n);
	while (n)
		n -= stream_write(s->main, echoed, n < sizeof echoed ? n : sizeof echoed);
}

static void
keys(const struct keys *k)
{
	unsigned n = k->n;
	static double took[KEYS_MAX];
	static uint64_t typed_us[KEYS_MAX];
	begin(k->rtt_ms, k->lost_per_mille);
	now_us = SECOND;
	uint64_t next_us = now_us;
	struct side *c = &w.side[0];
	for (unsigned typed = 0, echoed = 0, turns = 0; echoed < n;) {
		arrive();
		echo(&w.side[1]);
		size_t got = stream_held(c->main).n;
		stream_take(c->main, got);
		for (; got; got--, echoed++)
			took[echoed] = (double)(now_us - typed_us[echoed]) / MS;
		if (now_us >= next_us && typed < n) {
			stream_write(c->main, "k", 1);
			typed_us[typed++] = now_us;
			next_us += k->every_ms * MS;
		}
		uint64_t at = turn();
		if (typed < n)
			sooner(&at, next_us);
		go_on(at, &turns);
	}
	qsort(took, n, sizeof *took, by_size);
	double mean = mean_of(took, n), datagrams = (double)w.sent / n;
	double median = took[n / 2], p99 = took[n * 99 / 100];
	bool ok = (!k->mean || mean <= k->mean) && (!k->median || median <= k->median)
	    && (!k->p99 || p99 <= k->p99) && (!k->datagrams || datagrams <= k->datagrams);
	printf(
	    "%3u ms, %2u %% lost, a key every %4u ms: mean %.0f median %.0f p90 %.0f p99 "
	    "%.0f ms, %.1f datagrams and %.0f bytes a key%s\n",
	    k->rtt_ms, k->lost_per_mille / 10, k->every_ms, mean, median,
	    took[n * 9 / 10], p99, datagrams, (double)w.bytes / n,
	    within(ok) ? "" : ": BEYOND ITS BOUND");
	end();
}

/* As server/clients.c reads of a program that has more to say: as much as the link takes in
 * 10 ms. */
static void
say_more(struct side *s)
{
	static const uint8_t block[1024];
	size_t ahead = congestion_in(&s->datagram.link.congestion, 10 * MS);
	ahead = !ahead || ahead > 32 * 1024 ? 32 * 1024
	    : ahead < 4 * 1024		    ? 4 * 1024
					    : ahead;
	while (stream_unsent(s->main) < ahead
	    && stream_write(s->main, block, sizeof block) == sizeof block)
		;
}

/* Bound: the part of the link that is used, at least. */
struct flood {
	unsigned rtt_ms, lost_per_mille, kbits;
	double used;
};

static void
begin_flood(unsigned rtt_ms, unsigned lost_per_mille, unsigned kbits)
{
	begin(rtt_ms, lost_per_mille);
	w.rate = kbits * 1000 / 8;
	w.queue_max = w.rate * 300 / 1000;
	now_us = SECOND;
}

static void
flood(const struct flood *f, unsigned seconds)
{
	begin_flood(f->rtt_ms, f->lost_per_mille, f->kbits);
	uint64_t end_us = now_us + seconds * (uint64_t)SECOND, got = 0;
	for (unsigned turns = 0; now_us < end_us;) {
		arrive();
		say_more(&w.side[1]);
		size_t n = stream_held(w.side[0].main).n;
		stream_take(w.side[0].main, n);
		got += n;
		go_on(turn(), &turns);
	}
	double used = (double)got / ((double)w.rate * seconds);
	printf(
	    "%3u ms, %2u %% lost, a flood by %5u kbit/s: %.3f of the link used well, %.3f of "
	    "what was sent was lost%s\n",
	    f->rtt_ms, f->lost_per_mille / 10, f->kbits, used,
	    (double)w.dropped / (double)w.sent,
	    within(used >= f->used) ? "" : ": BEYOND ITS BOUND");
	end();
}

/* A key that ends a flood, until the last byte of that is there.  Bound: ms, in the mean. */
struct stop {
	unsigned rtt_ms, kbits;
	double mean;
};

static double
stop_once(const struct stop *s, uint64_t flood_us)
{
	begin_flood(s->rtt_ms, 0, s->kbits);
	struct side *c = &w.side[0], *h = &w.side[1];
	uint64_t typed_us = now_us + flood_us, got = 0, got_us = 0;
	bool typed = false, stopped = false;
	for (unsigned turns = 0; !stopped || got < stream_written(h->main);) {
		arrive();
		stopped |= stream_held(h->main).n > 0;
		if (!stopped)
			say_more(h);
		size_t n = stream_held(c->main).n;
		stream_take(c->main, n);
		got += n;
		got_us = n ? now_us : got_us;
		if (!typed && now_us >= typed_us)
			typed = stream_write(c->main, "\003", 1);
		uint64_t at = turn();
		if (!typed)
			sooner(&at, typed_us);
		go_on(at, &turns);
	}
	end();
	return (double)(got_us - typed_us) / MS;
}

static void
stop(const struct stop *s)
{
	enum { TIMES = 20 };
	double took[TIMES];
	for (unsigned i = 0; i < TIMES; i++)
		took[i] = stop_once(s, 3 * SECOND + i * 137 * (uint64_t)MS);
	double mean = mean_of(took, TIMES);
	qsort(took, TIMES, sizeof *took, by_size);
	printf(
	    "%3u ms, Ctrl-C against a flood by %5u kbit/s: mean %.0f, at most %.0f ms%s\n",
	    s->rtt_ms, s->kbits, mean, took[TIMES - 1],
	    within(mean <= s->mean) ? "" : ": BEYOND ITS BOUND");
}

static void
table(void)
{
	static const struct keys all_keys[] = {
		{ 3000, 100, 0, 1000, 101, 101, 101, 3.1 },
		{ 3000, 100, 0, 200, 101, 101, 101, 3.1 },
		{ 3000, 100, 10, 1000, 105, 105, 250, 5 },
		{ 3000, 100, 10, 200, 105, 105, 250, 5 },
		{ 3000, 100, 50, 1000, 110, 105, 250, 10 },
		{ 3000, 100, 50, 200, 110, 105, 250, 10 },
		{ 3000, 100, 150, 1000, 115, 105, 250, 11 },
		{ 3000, 100, 150, 200, 115, 105, 250, 11 },
		{ KEYS_MAX, 100, 290, 1000, 130, 105, 300, 11 },
		{ KEYS_MAX, 100, 290, 200, 125, 105, 250, 11 },
		{ 3000, 30, 290, 200, 0, 0, 200, 11 },
		{ 3000, 300, 290, 200, 0, 0, 500, 0 },
	};
	static const struct flood floods[] = {
		{ 60, 0, 10000, 0.9 },
		{ 60, 10, 10000, 0.85 },
		{ 60, 50, 10000, 0.65 },
		{ 60, 150, 10000, 0.5 },
		{ 60, 290, 10000, 0.35 },
		{ 200, 0, 1000, 0.8 },
	};
	static const struct stop stops[] = { { 60, 10000, 90 }, { 200, 1000, 300 } };
	for (size_t i = 0; i < sizeof all_keys / sizeof *all_keys; i++)
		keys(&all_keys[i]);
	for (size_t i = 0; i < sizeof floods / sizeof *floods; i++)
		flood(&floods[i], 20);
	for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
		stop(&stops[i]);
}

int
main(void)
{
	if (!seal_available()) {
		printf("0 passed, 0 failed, 1 skipped\n");
		return 0;
	}
	table();
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
