/*
 * Two ends of a session on a datagram link, and perhaps a reliable one beside it, as slow as
 * ssh's, on a virtual clock.
 *
 *    datagram_sim table      what keys and floods cost on links that lose, as in doc/DATAGRAM.md
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
	printf("datagram_sim: %s\n", what);
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

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void
keys(unsigned rtt_ms, unsigned lost_per_mille, unsigned every_ms, unsigned n)
{
	static double took[100000];
	static uint64_t typed_us[100000];
	begin(rtt_ms, lost_per_mille);
	now_us = SECOND;
	uint64_t next_us = now_us;
	unsigned typed = 0, echoed = 0, turns = 0;
	while (echoed < n) {
		if (++turns > 4000000)
			fail("it never ends");
		arrive();
		struct side *c = &w.side[0], *s = &w.side[1];
		size_t got = stream_held(s->main).n;
		if (got) {
			stream_take(s->main, got);
			stream_write(s->main, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
			    got < 32 ? got : 32);
		}
		got = stream_held(c->main).n;
		stream_take(c->main, got);
		for (; got; got--, echoed++)
			took[echoed] = (double)(now_us - typed_us[echoed]) / MS;
		if (now_us >= next_us && typed < n) {
			stream_write(c->main, "k", 1);
			typed_us[typed++] = now_us;
			next_us += every_ms * MS;
		}
		uint64_t at = turn();
		if (typed < n)
			sooner(&at, next_us);
		if (!at)
			fail("nothing happens any more");
		now_us = at > now_us ? at : now_us + 10;
	}
	double sum = 0;
	qsort(took, n, sizeof *took, by_size);
	for (unsigned i = 0; i < n; i++)
		sum += took[i];
	printf(
	    "rtt %3u ms, lost %2u %%, a key every %4u ms: mean %.0f median %.0f p90 %.0f "
	    "p99 %.0f ms, %.1f datagrams and %.0f bytes a key\n",
	    rtt_ms, lost_per_mille / 10, every_ms, sum / n, took[n / 2], took[n * 9 / 10],
	    took[n * 99 / 100], (double)w.sent / n, (double)w.bytes / n);
	end();
}

static void
flood(unsigned rtt_ms, unsigned lost_per_mille, unsigned kbits, unsigned seconds)
{
	static uint8_t block[64 * 1024];
	begin(rtt_ms, lost_per_mille);
	w.rate = kbits * 1000 / 8;
	w.queue_max = w.rate * 300 / 1000;
	now_us = SECOND;
	uint64_t end_us = now_us + seconds * (uint64_t)SECOND, got = 0, turns = 0;
	while (now_us < end_us) {
		if (++turns > 10000000)
			fail("it never ends");
		arrive();
		struct side *c = &w.side[0], *s = &w.side[1];
		stream_write(s->main, block, sizeof block);
		size_t n = stream_held(c->main).n;
		stream_take(c->main, n);
		got += n;
		uint64_t at = turn();
		if (!at)
			fail("nothing happens any more");
		now_us = at > now_us ? at : now_us + 10;
	}
	const struct congestion *k = &w.side[1].datagram.link.congestion;
	if (getenv("VERBOSE")) {
		const struct link *l = &w.side[1].datagram.link;
		printf(
		    "phase %d allowed %zu rate %llu/%llu rtt %llu now %llu sent %llu delivered %llu dropped %llu flight %zu asking %u share %u srtt %llu var %llu room %zu next %llu unacked %zu\n",
		    k->phase, congestion_allowed(k, 1 << 20),
		    (unsigned long long)k->rate_now, (unsigned long long)k->rate_before,
		    (unsigned long long)k->rtt_us, (unsigned long long)k->rtt_now_us,
		    (unsigned long long)k->sent, (unsigned long long)k->delivered,
		    (unsigned long long)k->dropped, l->flight[0],
		    w.side[1].datagram.flight.asking,
		    w.side[1].datagram.flight.lost_share, (unsigned long long)l->srtt_us,
		    (unsigned long long)l->rttvar_us, w.side[1].datagram.size_max,
		    (unsigned long long)w.side[1].datagram.flight.next,
		    stream_unacked(w.side[1].main));
	}
	printf(
	    "rtt %3u ms, lost %2u %%, %u kbit/s: %.3f of the link used well, %.3f of what "
	    "was sent was lost\n",
	    rtt_ms, lost_per_mille / 10, kbits, (double)got / ((double)w.rate * seconds),
	    (double)w.dropped / (double)w.sent);
	end();
}

static void
table(void)
{
	static const unsigned losses[] = { 0, 10, 50, 150, 290 };
	for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
		keys(100, losses[i], 1000, 3000);
		keys(100, losses[i], 200, 3000);
	}
	for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
		flood(60, losses[i], 10000, 20);
	flood(200, 0, 1000, 20);
}

int
main(int argc, char **argv)
{
	random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	table();
	return 0;
}
