/*
 * The credit of links on bottlenecks of all sizes, under a virtual clock.
 *
 *    senders --> queue --(rate)--> half a round trip (+ jitter) --> receivers
 *       ^                                                               |
 *       +------------- half a round trip <--- acknowledgements <--------+
 *
 * Receivers acknowledge as stream.c does: 32 KiB at once, less after 1 ms, very little
 * after 20 ms.  TCP beneath is a queue without an end; a shallow one loses what does not
 * fit: what follows waits a round trip, and then comes at once.  ssh makes packets of what
 * is sent at the same time, and each arrives whole.
 *
 * Checked: the throughput, how long a byte waits (what a Ctrl-C would wait for), that
 * nothing stalls, how many round trips it takes to fill the link, and that two share it.
 * The table that is printed stands in doc/CONGESTION.md.
 */
#include "stream/congestion.h"

#include <stdio.h>
#include <string.h>

enum {
	MS = 1000,
	SECOND = 1000 * 1000,
	FLOWS = 2,
	LINE = 1 << 16,
	CEILING = 1 << 30,
	FRAME = 64 * 1024,
	POINT_MS = 200,
	PACKET = 32 * 1024, /* of ssh's, at most */
};

struct scene {
	const char *name;
	double bits; /* a second, in millions */
	double rtt_ms;
	double jitter_ms;
	double depth; /* of the queue, in products of rate and round trip; 0: endless */
	size_t flows;
	/* from half of the time on; 0: unchanged */
	double later_bits, later_rtt_ms;
	bool pauses; /* the first flow has nothing to send for 3 s of every 4 */
	bool packets; /* what is sent at once arrives as one, as ssh's packets do */
	bool bulk; /* nobody types beside it */
};

static const struct scene scenes[] = {
	{ "64 kbit/s", 0.064, 600, 0, 0, 1, 0, 0, false, false, false },
	{ "64 kbit/s, near", 0.064, 20, 0, 0, 1, 0, 0, false, false, false },
	{ "256 kbit/s", 0.256, 300, 0, 0, 1, 0, 0, false, false, false },
	{ "1 Mbit/s", 1, 200, 0, 0, 1, 0, 0, false, false, false },
	{ "1 Mbit/s, jitter", 1, 200, 50, 0, 1, 0, 0, false, false, false },
	{ "10 Mbit/s", 10, 60, 0, 0, 1, 0, 0, false, false, false },
	{ "10 Mbit/s, jitter", 10, 60, 20, 0, 1, 0, 0, false, false, false },
	{ "10 Mbit/s, shallow", 10, 60, 0, 0.3, 1, 0, 0, false, false, false },
	{ "100 Mbit/s", 100, 20, 0, 0, 1, 0, 0, false, false, false },
	{ "100 Mbit/s, far", 100, 300, 0, 0, 1, 0, 0, false, false, false },
	{ "100 Mbit/s, satellite", 100, 600, 30, 0, 1, 0, 0, false, false, false },
	{ "1 Gbit/s", 1000, 10, 0, 0, 1, 0, 0, false, false, false },
	{ "1 Gbit/s, shallow", 1000, 10, 0, 0.5, 1, 0, 0, false, false, false },
	{ "10 Gbit/s", 10000, 0.1, 0, 0, 1, 0, 0, false, false, false },
	{ "10 Gbit/s, far", 10000, 50, 0, 0, 1, 0, 0, false, false, false },
	{ "10 to 1 Mbit/s", 10, 60, 0, 0, 1, 1, 60, false, false, false },
	{ "1 to 10 Mbit/s", 1, 60, 0, 0, 1, 10, 60, false, false, false },
	{ "20 to 300 ms", 10, 20, 0, 0, 1, 10, 300, false, false, false },
	{ "300 to 20 ms", 10, 300, 0, 0, 1, 10, 20, false, false, false },
	{ "10 Mbit/s, pauses", 10, 60, 0, 0, 1, 0, 0, true, false, false },
	{ "1 Mbit/s, pauses", 1, 200, 0, 0, 1, 0, 0, true, false, false },
	{ "64 kbit/s, in packets", 0.064, 600, 0, 0, 1, 0, 0, false, true, false },
	{ "256 kbit/s, in packets", 0.256, 300, 0, 0, 1, 0, 0, false, true, false },
	{ "1 Mbit/s, in packets", 1, 200, 0, 0, 1, 0, 0, false, true, false },
	{ "1 Mbit/s, near, in packets", 1, 20, 0, 0, 1, 0, 0, false, true, false },
	{ "10 Mbit/s, in packets", 10, 60, 0, 0, 1, 0, 0, false, true, false },
	{ "100 Mbit/s, in packets", 100, 20, 0, 0, 1, 0, 0, false, true, false },
	{ "1 Mbit/s, bulk in packets", 1, 200, 0, 0, 1, 0, 0, false, true, true },
	{ "two on 1 Mbit/s", 1, 100, 0, 0, 2, 0, 0, false, false, false },
	{ "two on 10 Mbit/s", 10, 60, 0, 0, 2, 0, 0, false, false, false },
	{ "two on 1 Gbit/s", 1000, 20, 0, 0, 2, 0, 0, false, false, false },
	{ "two on 10 Mbit/s, bulk", 10, 60, 0, 0, 2, 0, 0, false, false, true },
};

/* Positions on their way: each arrives at its time. */
struct line {
	struct {
		uint64_t at_us, position;
	} on_way[LINE];
	size_t head, n;
};

struct flow {
	struct congestion congestion;
	uint64_t sent, served, arrived, told, acked; /* bytes */
	double part; /* of a byte served */
	uint64_t untold_us; /* since when something is to be acknowledged; 0 */
	struct line down, up;
	uint64_t moved_us; /* when something arrived last */
	/* what is measured */
	uint64_t stall_us, wait_us, full_us, warm;
	double waits;
	uint64_t n_waits;
};

static struct {
	const struct scene *scene;
	struct flow flows[FLOWS];
	struct {
		size_t flow;
		uint64_t bytes, since_us;
		bool ends; /* a packet */
	} queue[LINE];
	size_t head, n;
	uint64_t queued;
	uint64_t now_us, begin_us, end_us, warm_us, step_us;
	uint64_t hole_us; /* a loss holds everything up until then */
	double rate; /* bytes a us */
	uint64_t rtt_us;
	bool shown; /* as points of a picture */
	uint64_t point_us, point_arrived[FLOWS];
} w;

static uint64_t rng;

static uint64_t
below(uint64_t n)
{
	rng = rng * 6364136223846793005u + 1442695040888963407u;
	return n ? (rng >> 33) % n : 0;
}

static void
put(struct line *l, uint64_t at_us, uint64_t position)
{
	size_t last = (l->head + l->n - 1) % LINE;
	if (l->n && at_us < l->on_way[last].at_us)
		at_us = l->on_way[last].at_us; /* in order */
	if (l->n && (at_us == l->on_way[last].at_us || l->n == LINE)) {
		l->on_way[last].position = position;
		return;
	}
	size_t i = (l->head + l->n++) % LINE;
	l->on_way[i].at_us = at_us;
	l->on_way[i].position = position;
}

/* What has arrived by now, or what had before. */
static uint64_t
get(struct line *l, uint64_t before)
{
	for (; l->n && l->on_way[l->head].at_us <= w.now_us; l->n--) {
		before = l->on_way[l->head].position;
		l->head = (l->head + 1) % LINE;
	}
	return before;
}

static bool
wants(size_t i)
{
	uint64_t s = (w.now_us - w.begin_us) / SECOND;
	return !w.scene->pauses || i || s % 4 == 0;
}

static void
send_some(size_t i)
{
	struct flow *f = &w.flows[i];
	size_t allowed = congestion_allowed(&f->congestion, CEILING);
	uint64_t flight = f->sent - f->acked;
	if (!wants(i)) {
		if (flight < allowed)
			congestion_short(&f->congestion);
		return;
	}
	uint64_t packet = 0;
	while (flight < allowed && w.n < LINE && f->congestion.next_us <= w.now_us) {
		uint64_t n = allowed - flight;
		uint64_t most = allowed / 8 < 1024 ? 1024 : allowed / 8;
		most = most > FRAME ? FRAME : most;
		n = n > most ? most : n;
		size_t at = (w.head + w.n++) % LINE;
		w.queue[at].flow = i;
		w.queue[at].bytes = n;
		w.queue[at].since_us = w.now_us;
		w.queue[at].ends = true;
		if (w.scene->packets && packet && packet + n <= PACKET)
			w.queue[(at + LINE - 1) % LINE].ends = false;
		else
			packet = 0;
		packet += n;
		w.queued += n;
		f->sent += n;
		flight += n;
		congestion_sent(&f->congestion, (size_t)n, w.now_us);
	}
	double product = w.rate * (double)w.rtt_us;
	if (w.scene->depth > 0 && (double)w.queued > w.scene->depth * product
	    && w.now_us >= w.hole_us + 4 * w.rtt_us)
		w.hole_us = w.now_us + w.rtt_us;
}

/* The bottleneck takes bytes off the queue. */
static void
serve(void)
{
	static double budget;
	budget += w.rate * (double)w.step_us;
	if (!w.n)
		budget = 0;
	while (w.n && budget >= 1) {
		size_t i = w.queue[w.head].flow;
		struct flow *f = &w.flows[i];
		uint64_t n = w.queue[w.head].bytes;
		n = (double)n > budget ? (uint64_t)budget : n;
		budget -= (double)n;
		f->served += n;
		w.queued -= n;
		w.queue[w.head].bytes -= n;
		if (w.now_us > w.warm_us) {
			uint64_t wait = w.now_us - w.queue[w.head].since_us;
			f->waits += (double)wait;
			f->n_waits++;
			f->wait_us = wait > f->wait_us ? wait : f->wait_us;
		}
		uint64_t at = w.now_us < w.hole_us ? w.hole_us : w.now_us;
		at += w.rtt_us / 2 + below((uint64_t)(w.scene->jitter_ms * MS));
		bool whole = !w.scene->packets
		    || (!w.queue[w.head].bytes && w.queue[w.head].ends);
		if (whole)
			put(&f->down, at, f->served);
		if (!w.queue[w.head].bytes) {
			w.head = (w.head + 1) % LINE;
			w.n--;
		}
	}
}

static void
receive(struct flow *f)
{
	uint64_t arrived = get(&f->down, f->arrived);
	if (arrived > f->arrived) {
		uint64_t still = w.now_us - f->moved_us;
		if (w.now_us > w.warm_us && still > f->stall_us)
			f->stall_us = still;
		f->moved_us = w.now_us;
		if (!f->untold_us)
			f->untold_us = w.now_us;
	}
	f->arrived = arrived;
	uint64_t untold = arrived - f->told;
	uint64_t wait = untold >= 32 * 1024 ? 0 : untold >= 2048 ? MS : 20 * MS;
	if (f->untold_us && w.now_us >= f->untold_us + wait) {
		put(&f->up, w.now_us + w.rtt_us / 2, arrived);
		f->told = arrived;
		f->untold_us = 0;
	}
	uint64_t acked = get(&f->up, f->acked);
	if (acked > f->acked)
		congestion_acked(&f->congestion, (size_t)(acked - f->acked), w.now_us);
	f->acked = acked;
	uint64_t rtts = (w.now_us - w.begin_us) / w.rtt_us;
	double full = w.rate * (double)w.rtt_us;
	if (!f->full_us && (double)congestion_allowed(&f->congestion, CEILING) >= full)
		f->full_us = rtts + 1;
}

static void
set_link(double bits, double rtt_ms)
{
	w.rate = bits / 8;
	w.rtt_us = (uint64_t)(rtt_ms * MS);
}

static const char *
judge(const struct scene *s, double share, double waited_ms, double stall_ms)
{
	double rtt = s->later_rtt_ms > s->rtt_ms ? s->later_rtt_ms : s->rtt_ms;
	double low = s->later_bits && s->later_bits < s->bits ? s->later_bits : s->bits;
	double frame_ms = 8 * 4.096 / low;
	if (share < (s->pauses ? 0.15 : s->depth > 0 ? 0.7 : 0.9))
		return "too slow";
	double most_ms = (double)s->flows * (0.75 * rtt + 20) + frame_ms;
	if (waited_ms > (s->bulk ? 3 * most_ms : most_ms))
		return "queues too much";
	if (!s->pauses && stall_ms > 2 * rtt + 50 + 2 * frame_ms)
		return "stalls";
	if (w.flows[0].full_us > 12 && rtt > 5)
		return "fills late";
	for (size_t i = 0; i < s->flows; i++) {
		double mine = (double)(w.flows[i].arrived - w.flows[i].warm);
		double all = 0;
		for (size_t k = 0; k < s->flows; k++)
			all += (double)(w.flows[k].arrived - w.flows[k].warm);
		if (mine < 0.6 * all / (double)s->flows)
			return "unfair";
	}
	return NULL;
}

/* What each flow carried since the last point, in Mbit/s, and how long what is served now has
 * waited, in ms: "scene/flow seconds value", "scene/wait seconds value". */
static void
show_point(void)
{
	char name[64];
	double seconds = (double)(w.now_us - w.begin_us) / SECOND;
	if (!w.shown || w.now_us < w.point_us + POINT_MS * MS)
		return;
	snprintf(name, sizeof name, "%s", w.scene->name);
	for (char *p = name; *p; p++)
		*p = *p == ' ' ? '_' : *p;
	for (size_t i = 0; i < w.scene->flows; i++) {
		uint64_t n = w.flows[i].arrived - w.point_arrived[i];
		w.point_arrived[i] = w.flows[i].arrived;
		printf("%s/%zu %.2f %.3f\n", name, i, seconds,
		    (double)n * 8 / (double)(w.now_us - w.point_us));
	}
	printf("%s/wait %.2f %.1f\n", name, seconds,
	    w.n ? (double)(w.now_us - w.queue[w.head].since_us) / MS : 0);
	w.point_us = w.now_us;
}

/* Returns what is wrong with it. */
static const char *
run(const struct scene *s, bool shown)
{
	static uint64_t seed;
	memset(&w, 0, sizeof w);
	w.shown = shown;
	rng = ++seed;
	w.scene = s;
	set_link(s->bits, s->rtt_ms);
	w.begin_us = w.now_us = w.point_us = SECOND;
	uint64_t half = 30 * (uint64_t)SECOND;
	w.end_us = w.begin_us + 2 * half;
	w.warm_us = w.end_us - 20 * (uint64_t)SECOND;
	w.step_us = w.rtt_us / 100 < 10 ? 10 : w.rtt_us / 100;
	w.step_us = w.step_us > 500 ? 500 : w.step_us;
	for (size_t i = 0; i < s->flows; i++) {
		congestion_init(&w.flows[i].congestion, w.now_us);
		w.flows[i].congestion.bulk = s->bulk;
		w.flows[i].moved_us = w.now_us;
	}
	for (; w.now_us < w.end_us; w.now_us += w.step_us) {
		if (s->later_bits && w.now_us >= w.begin_us + half)
			set_link(s->later_bits, s->later_rtt_ms);
		if (!w.flows[0].warm && w.now_us >= w.warm_us)
			for (size_t i = 0; i < s->flows; i++)
				w.flows[i].warm = w.flows[i].arrived;
		for (size_t i = 0; i < s->flows; i++)
			send_some(i);
		serve();
		for (size_t i = 0; i < s->flows; i++)
			receive(&w.flows[i]);
		show_point();
	}
	if (shown)
		return NULL;
	double arrived = 0, waits = 0, n_waits = 0, wait = 0, stall = 0;
	for (size_t i = 0; i < s->flows; i++) {
		const struct flow *f = &w.flows[i];
		arrived += (double)(f->arrived - f->warm);
		waits += f->waits;
		n_waits += (double)f->n_waits;
		wait = (double)f->wait_us > wait ? (double)f->wait_us : wait;
		stall = (double)f->stall_us > stall ? (double)f->stall_us : stall;
	}
	double share = arrived / (w.rate * (double)(w.end_us - w.warm_us));
	double mean_ms = n_waits > 0 ? waits / n_waits / MS : 0;
	const char *wrong = judge(s, share, mean_ms, stall / MS);
	double first = (double)(w.flows[0].arrived - w.flows[0].warm);
	printf("| %s | %g ms | %.0f %% | %.0f / %.0f ms | %.0f ms | %llu |", s->name,
	    s->rtt_ms, 100 * share, mean_ms, wait / MS, stall / MS,
	    (unsigned long long)w.flows[0].full_us);
	if (s->flows > 1)
		printf(" %.0f : %.0f |", 100 * first / arrived,
		    100 - 100 * first / arrived);
	else
		printf(" |");
	printf("%s%s\n", wrong ? " " : "", wrong ? wrong : "");
	return wrong;
}

/* congestion_sim data: the points of all scenes. */
int
main(int argc, char **argv)
{
	size_t n = sizeof scenes / sizeof *scenes, failed = 0;
	if (argc > 1 && strcmp(argv[1], "data") == 0) {
		for (size_t i = 0; i < n; i++)
			(void)run(&scenes[i], true);
		return 0;
	}
	printf("| link | round trip | of the rate | waits in the queue, mean / most "
	       "| longest pause | full after round trips | shares |\n");
	printf("| --- | --- | --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; i < n; i++)
		failed += run(&scenes[i], false) != NULL;
	printf("%zu passed, %zu failed\n", n - failed, failed);
	return failed != 0;
}
