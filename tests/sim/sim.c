/*
 * The simulator: two ends of the stream engine under a virtual clock, on links that an
 * adversary schedules.
 *
 *    client engine --- pipe ---> server engine       up to LINKS links at once; each
 *                  <-- pipe ---                      pipe delivers what it likes, when
 *                                                    it likes, in order; or it is cut
 *
 * Every seed draws: how much each side writes, how large histories and windows are (down
 * to a few bytes), how reads and writes are cut up (down to one byte), how often links
 * stall, die or get a spare beside them, whether frames are lost, doubled and reordered, and
 * whether links of both kinds (one lossy, for what is urgent) carry the session together.
 *
 * Checked at every step: what an end was given is a prefix of what the other end wrote,
 * each byte once and in order; buffers stay within their bounds; a frame from the other
 * end is never an error.  Checked at last, when the network behaves: everything arrives,
 * and both ends know it.
 *
 *    sim FROM COUNT      prints a closing line; a failure prints its seed
 */
#include "base/err.h"
#include "stream/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LINKS = 3,
	STREAMS = 3,
	STEPS_MAX = 200000,
	ATTEMPT_STEPS = 300,
	PIPE_MAX = 4 * 1024 * 1024,
};

/* ---- random numbers: splitmix64 (Steele, Lea, Flood 2014) ---- */

static uint64_t rng;
static uint64_t seed;

static uint64_t
rnd(void)
{
	uint64_t z = (rng += 0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* 0 .. n-1 */
static size_t
below(size_t n)
{
	return n ? (size_t)(rnd() % n) : 0;
}

static bool
chance(unsigned permille)
{
	return below(1000) < permille;
}

/* Small numbers often, large ones seldom. */
static size_t
skewed(size_t max)
{
	size_t bits = 0;
	for (size_t m = max; m; m >>= 1)
		bits++;
	size_t n = below((size_t)1 << (1 + below(bits)));
	return n > max ? max : n;
}

/* ---- what is checked ---- */

static const char *failure;

static void
fail(const char *what)
{
	if (!failure)
		failure = what;
}

/* The byte at an offset of what an end writes into a stream. */
static uint8_t
content(bool client, uint32_t stream, uint64_t off)
{
	uint64_t x = seed * 31 + off * 0x9e3779b1 + stream * 131 + client;
	return (uint8_t)(x ^ (x >> 17));
}

/* ---- the world ---- */

struct end {
	bool client;
	struct engine engine;
	uint64_t wrote[STREAMS], took[STREAMS]; /* bytes */
	uint64_t total[STREAMS]; /* what it is going to write */
};

struct sim_link {
	bool open;
	bool lossy;
	unsigned stall; /* steps for which nothing moves */
	unsigned age; /* steps without a handshake; an attempt has its bound */
	struct buf pipe[2]; /* [0]: to the server, [1]: to the client */
	struct link client, server;
	bool client_ready, server_ready;
};

static struct world {
	uint64_t now_us;
	struct end client, server;
	struct sim_link links[LINKS];
	bool quiet; /* the network behaves from now on */
	bool lossy; /* all links are */
	bool both; /* some are */
	unsigned cut_rate, spare_rate, stall_rate, loss_rate;
	size_t chunk; /* at most so many bytes are moved at once */
	uint64_t cuts;
} w;

/* Both ends of the session's streams; through a tiny buffer goes no large transfer. */
static void
open_streams(void)
{
	for (uint32_t i = 0; i < STREAMS; i++) {
		struct end *ends[2] = { &w.client, &w.server };
		size_t out[2], in[2];
		for (int k = 0; k < 2; k++) {
			out[k] = 1 + skewed(20000);
			in[k] = 1 + skewed(20000);
			if (!engine_open(&ends[k]->engine, i, (uint8_t)i, out[k], in[k]))
				fail("no memory");
		}
		for (int k = 0; k < 2; k++) {
			size_t narrow = out[k] < in[!k] ? out[k] : in[!k];
			size_t total = skewed(chance(20) ? 200000 : 8000);
			ends[k]->total[i] = total > narrow * 200 ? narrow * 200 : total;
		}
	}
}

/* The kinds of links; the simulator does what their operations would. */
static const struct link_ops reliable_kind = { .name = "reliable" };
static const struct link_ops lossy_kind = { .name = "lossy" };

static void
init_link(struct link *l, bool lossy)
{
	link_init(l, w.now_us);
	l->ops = lossy ? &lossy_kind : &reliable_kind;
	l->lossy = lossy;
	/* As a datagram link beside a pipe: what is urgent goes there, bulk only alone. */
	l->rank[LINK_URGENT] = lossy ? 2 : 1;
	l->rank[LINK_BULK] = lossy ? 0 : 1;
}

static void
open_link(struct sim_link *sl)
{
	bool lossy = w.both ? chance(500) : w.lossy;
	*sl = (struct sim_link){ .open = true, .lossy = lossy };
	init_link(&sl->client, lossy);
	init_link(&sl->server, lossy);
	sl->client.heartbeat_us = 1000000;
	sl->client.flight_max = sl->server.flight_max = 64 + skewed(60000);
	sl->client.bulk_max = sl->server.bulk_max = 64 + skewed(60000);
	buf_init(&sl->pipe[0], PIPE_MAX);
	buf_init(&sl->pipe[1], PIPE_MAX);

	struct msg_hello hello = { .version_max = PROTOCOL_VERSION,
		.request = HELLO_RESUME };
	struct buf positions;
	buf_init(&positions, 1024);
	if (engine_positions(&w.client.engine, &positions))
		fail("no positions");
	hello.positions = buf_span(&positions);
	if (msg_put(&sl->pipe[0], MSG_HELLO, &hello))
		fail("no hello");
	if (chance(500) && engine_prelude(&w.client.engine, &sl->pipe[0], skewed(4096)))
		fail("no prelude");
	buf_finish(&positions);
}

static void
close_link(struct sim_link *sl)
{
	if (!sl->open)
		return;
	engine_remove(&w.client.engine, &sl->client);
	engine_remove(&w.server.engine, &sl->server);
	link_finish(&sl->client);
	link_finish(&sl->server);
	buf_finish(&sl->pipe[0]);
	buf_finish(&sl->pipe[1]);
	sl->open = false;
}

/* ---- the handshake, as the programs do it ---- */

static void
on_hello(struct sim_link *sl, const struct msg_hello *hello)
{
	struct msg_welcome welcome = { .version = PROTOCOL_VERSION };
	struct buf positions;
	buf_init(&positions, 1024);
	if (engine_set_positions(&w.server.engine, hello->positions))
		fail("the server refuses the client's positions");
	if (engine_positions(&w.server.engine, &positions))
		fail("no positions");
	welcome.positions = buf_span(&positions);
	if (msg_put(&sl->pipe[1], MSG_WELCOME, &welcome))
		fail("no welcome");
	buf_finish(&positions);
	if (engine_add(&w.server.engine, &sl->server))
		close_link(sl); /* too many at once */
	else
		sl->server_ready = true;
}

static void
on_welcome(struct sim_link *sl, const struct msg_welcome *welcome)
{
	if (engine_set_positions(&w.client.engine, welcome->positions))
		fail("the client refuses the server's positions");
	if (engine_add(&w.client.engine, &sl->client)) {
		close_link(sl);
		return;
	}
	sl->client_ready = true;
	for (size_t i = 0; i < LINKS; i++)
		if (&w.links[i] != sl && w.links[i].client_ready
		    && w.links[i].lossy == sl->lossy)
			close_link(&w.links[i]);
}

static void
on_frame(struct sim_link *sl, bool client, const struct frame *f)
{
	struct end *end = client ? &w.client : &w.server;
	struct link *l = client ? &sl->client : &sl->server;
	bool ready = client ? sl->client_ready : sl->server_ready;
	union msg m;
	if (f->type == MSG_HELLO || f->type == MSG_WELCOME) {
		if (msg_get(f, &m))
			fail("a handshake that cannot be read");
		else if (ready)
			return; /* doubled on the way */
		else if (f->type == MSG_HELLO)
			on_hello(sl, &m.hello);
		else
			on_welcome(sl, &m.welcome);
		return;
	}
	if (!ready) {
		if (!sl->lossy)
			fail("data before the handshake");
		return;
	}
	if (engine_frame(&end->engine, l, f, w.now_us))
		fail("an honest frame was refused");
}

/* ---- steps ---- */

/* Moves bytes from a pipe into a link, as a read of any size would. */
static void
deliver_bytes(struct sim_link *sl, bool client)
{
	struct buf *pipe = &sl->pipe[client];
	struct link *l = client ? &sl->client : &sl->server;
	struct frame f;
	long len;
	size_t n = 1 + skewed(w.chunk);
	if (n > pipe->len)
		n = pipe->len;
	if (n == 0 || link_received(l, (struct span){ buf_bytes(pipe), n }))
		return;
	buf_drop(pipe, n);
	while (sl->open && (len = link_frame(l, &f)) > 0) {
		on_frame(sl, client, &f);
		if (sl->open)
			link_drop(l, len);
	}
}

/* A lossy link carries whole frames: loses, doubles and reorders them. */
static void
deliver_frame(struct sim_link *sl, bool client)
{
	struct buf *pipe = &sl->pipe[client];
	struct frame f;
	long len = frame_parse(buf_span(pipe), &f);
	if (len <= 0)
		return;
	struct buf copy;
	buf_init(&copy, FRAME_MAX);
	if (buf_put(&copy, buf_bytes(pipe), (size_t)len))
		fail("no memory");
	buf_drop(pipe, (size_t)len);
	bool lost = !w.quiet && chance(w.loss_rate);
	bool later = !w.quiet && chance(w.loss_rate);
	if (later && buf_put(pipe, buf_bytes(&copy), copy.len))
		fail("the pipe is full");
	if (!lost && frame_parse(buf_span(&copy), &f) > 0)
		on_frame(sl, client, &f);
	buf_finish(&copy);
}

static void
fill(struct sim_link *sl, bool client)
{
	struct end *end = client ? &w.client : &w.server;
	struct link *l = client ? &sl->client : &sl->server;
	struct buf *pipe = &sl->pipe[!client];
	if (!(client ? sl->client_ready : sl->server_ready) || pipe->len > 100000)
		return;
	(void)engine_fill(&end->engine, l, pipe, skewed(70000), w.now_us);
}

static void
write_some(struct end *end)
{
	uint32_t i = (uint32_t)below(STREAMS);
	struct stream *s = engine_stream(&end->engine, i);
	uint8_t bytes[4096];
	uint64_t left = end->total[i] - end->wrote[i];
	size_t n = 1 + skewed(w.chunk < sizeof bytes ? w.chunk : sizeof bytes - 1);
	if (n > left)
		n = (size_t)left;
	for (size_t k = 0; k < n; k++)
		bytes[k] = content(end->client, i, end->wrote[i] + k);
	end->wrote[i] += stream_write(s, bytes, n);
	if (end->wrote[i] == end->total[i])
		stream_end(s);
	if (s->out.len > s->out.max)
		fail("the history grew beyond its bound");
}

static void
take_some(struct end *end, const struct end *from)
{
	uint32_t i = (uint32_t)below(STREAMS);
	struct stream *s = engine_stream(&end->engine, i);
	struct span held = stream_held(s);
	size_t n = skewed(w.chunk);
	if (n > held.n)
		n = held.n;
	if (held.n > s->window)
		fail("more is held than the window allows");
	for (size_t k = 0; k < n; k++)
		if (held.p[k] != content(from->client, i, end->took[i] + k))
			fail("a byte is not the one that was written");
	stream_take(s, n);
	end->took[i] += n;
	if (end->took[i] > from->wrote[i])
		fail("more was delivered than written");
	if (stream_drained(s) && end->took[i] != from->total[i])
		fail("the end came too early");
}

static void
trouble(void)
{
	struct sim_link *sl = &w.links[below(LINKS)];
	size_t open = 0;
	for (size_t i = 0; i < LINKS; i++)
		open += w.links[i].open;
	if (!sl->open) {
		if (open == 0 || (!w.quiet && chance(w.spare_rate)))
			open_link(sl);
		return;
	}
	if (!sl->client_ready && sl->age++ > ATTEMPT_STEPS)
		close_link(sl);
	if (w.quiet || !sl->open)
		return;
	if (chance(w.cut_rate)) {
		close_link(sl);
		w.cuts++;
	} else if (chance(w.stall_rate)) {
		sl->stall = (unsigned)skewed(500);
	}
}

static void
close_unwanted(struct end *end)
{
	struct link *l;
	while ((l = engine_unwanted(&end->engine)))
		for (size_t i = 0; i < LINKS; i++)
			if (l == &w.links[i].client || l == &w.links[i].server)
				close_link(&w.links[i]);
}

static void
step(void)
{
	w.now_us += skewed(chance(10) ? 2000000 : 30000);
	trouble();
	write_some(&w.client);
	write_some(&w.server);
	take_some(&w.client, &w.server);
	take_some(&w.server, &w.client);
	for (size_t i = 0; i < LINKS; i++) {
		struct sim_link *sl = &w.links[i];
		if (!sl->open)
			continue;
		if (sl->stall && !w.quiet) {
			sl->stall--;
			continue;
		}
		for (int client = 0; client < 2; client++) {
			if (sl->open)
				fill(sl, client);
			if (sl->open && sl->lossy)
				deliver_frame(sl, client);
			else if (sl->open)
				deliver_bytes(sl, client);
		}
	}
	close_unwanted(&w.client);
	close_unwanted(&w.server);
}

static bool
finished(const struct end *end, const struct end *peer)
{
	for (uint32_t i = 0; i < STREAMS; i++) {
		const struct stream *s = engine_stream(&end->engine, i);
		if (end->took[i] != peer->total[i] || !stream_drained(s)
		    || !stream_delivered(s))
			return false;
	}
	return true;
}

static void
run(uint64_t this_seed)
{
	memset(&w, 0, sizeof w);
	seed = this_seed;
	rng = this_seed * 0x2545f4914f6cdd1d;
	failure = NULL;
	w.now_us = 1 + below(1000000);
	w.client.client = true;
	engine_init(&w.client.engine, true);
	engine_init(&w.server.engine, false);
	open_streams();
	w.lossy = chance(250);
	w.both = chance(400);
	w.chunk = 1 + skewed(20000);
	w.cut_rate = (unsigned)skewed(100);
	w.spare_rate = (unsigned)skewed(100);
	w.stall_rate = (unsigned)skewed(50);
	w.loss_rate = (unsigned)skewed(400);
	size_t unrest = 100 + below(1500), steps = 0;
	for (; steps < unrest && !failure; steps++)
		step();
	w.quiet = true;
	w.chunk = 20000;
	for (; !failure
	     && !(finished(&w.client, &w.server) && finished(&w.server, &w.client));
	     steps++) {
		step();
		if (steps > STEPS_MAX)
			fail("not everything arrived");
	}
	for (size_t i = 0; i < LINKS; i++)
		close_link(&w.links[i]);
	engine_finish(&w.client.engine);
	engine_finish(&w.server.engine);
}

int
main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: sim FROM COUNT\n");
		return 2;
	}
	uint64_t from = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
	uint64_t failed = 0, cuts = 0;
	for (uint64_t i = 0; i < count; i++) {
		run(from + i);
		cuts += w.cuts;
		if (failure) {
			failed++;
			printf("seed %llu: %s%s\n", (unsigned long long)(from + i),
			    failure,
			    w.both	  ? " (links of both kinds)"
				: w.lossy ? " (lossy links)"
					  : "");
		}
	}
	printf("simulator: %llu cuts\n", (unsigned long long)cuts);
	printf("%llu passed, %llu failed\n", (unsigned long long)(count - failed),
	    (unsigned long long)failed);
	return failed != 0;
}
