/* Two kinds of links carry one session: a pipe, and a lossy one of the test's own that
 * repeats by its own clock.  Ends and engines know them by their operations only. */
#include "link/pipe.h"
#include "sys/sys.h"
#include "test.h"

enum {
	TURN_US = 10 * 1000,
	TURNS_MAX = 20000,
	TOTAL = 100 * 1000,
	ROOM = 1024 * 1024,
	PACKET = 1200,
	LOSE_EVERY = 4,
	STREAM_BULK = STREAM_CHANNELS,
};

/* ---- the test's own kind: packets of whole frames, of which every fourth is lost ---- */

struct lossy {
	struct link link;
	struct lossy *other;
	unsigned sent;
};

static bool
lossy_read(struct link *l)
{
	return !l->broken; /* the other end has put it there */
}

static void
lossy_write(struct link *l, struct engine *e, uint64_t now_us)
{
	struct lossy *p = (struct lossy *)l;
	bool more = e && p->other;
	while (more) {
		struct buf packet;
		buf_init(&packet, 2 * PACKET + l->queue.len);
		(void)buf_put(&packet, buf_bytes(&l->queue), l->queue.len);
		buf_drop(&l->queue, l->queue.len);
		more = engine_fill(e, l, &packet, PACKET, now_us) && packet.len;
		if (packet.len && ++p->sent % LOSE_EVERY)
			(void)link_received(&p->other->link, buf_span(&packet));
		buf_finish(&packet);
	}
}

static uint64_t
lossy_deadline(const struct link *l, const struct engine *e)
{
	return engine_deadline(e, l);
}

static uint64_t
lossy_trim(struct link *l, uint64_t now_us)
{
	(void)l;
	(void)now_us;
	return 0;
}

static void
lossy_quiet(struct link *l)
{
	(void)l;
}

static void
lossy_close(struct link *l)
{
	struct lossy *p = (struct lossy *)l;
	if (p->other)
		p->other->other = NULL;
	link_finish(l);
	l->ops = NULL;
}

static const struct link_ops lossy_ops = { "lossy", lossy_read, lossy_write,
	lossy_deadline, lossy_trim, lossy_quiet, lossy_close };

/* ---- two ends ---- */

struct end {
	struct engine engine;
	struct pipe pipe;
	struct lossy lossy;
	struct link *links[2]; /* NULL: closed */
	uint64_t by[2]; /* stream frames that came on each */
	uint64_t took[2]; /* bytes of the terminal's stream, and of bulk */
};

static struct {
	struct loop loop;
	struct end client, server;
} w;

static uint8_t
content(uint64_t off)
{
	return (uint8_t)(off * 7 + off / 251);
}

static void
on_readable(void *owner, short revents)
{
	(void)owner;
	(void)revents;
}

static void
end_init(struct end *e, bool client, int in, int out)
{
	engine_init(&e->engine, client);
	CHECK(engine_open(&e->engine, STREAM_CONTROL, RANK_CONTROL, ROOM, ROOM));
	CHECK(engine_open(&e->engine, STREAM_MAIN, RANK_TERMINAL, ROOM, ROOM));
	CHECK(engine_open(&e->engine, STREAM_BULK, RANK_BULK, ROOM, ROOM));
	pipe_init(&e->pipe, &w.loop, on_readable, e);
	CHECK(pipe_open(&e->pipe, in, out));
	link_init(&e->lossy.link, w.loop.now_us);
	e->lossy.link.ops = &lossy_ops;
	e->lossy.link.lossy = true;
	e->lossy.link.rank[LINK_URGENT] = 2;
	e->lossy.link.rank[LINK_BULK] = 0;
	e->pipe.link.rank[LINK_URGENT] = e->pipe.link.rank[LINK_BULK] = 1;
	e->links[0] = &e->pipe.link;
	e->links[1] = &e->lossy.link;
}

static void
world_init(void)
{
	int up[2], down[2];
	memset(&w, 0, sizeof w);
	w.loop.now_us = 1000 * 1000;
	CHECK_EQ(sys_pipe(up), 0);
	CHECK_EQ(sys_pipe(down), 0);
	end_init(&w.client, true, down[0], up[1]);
	end_init(&w.server, false, up[0], down[1]);
	w.client.lossy.other = &w.server.lossy;
	w.server.lossy.other = &w.client.lossy;
	for (size_t i = 0; i < 2; i++) {
		CHECK_EQ(engine_add(&w.client.engine, w.client.links[i]), 0);
		CHECK_EQ(engine_add(&w.server.engine, w.server.links[i]), 0);
	}
}

static void
end_close(struct end *e, size_t i)
{
	if (!e->links[i])
		return;
	engine_remove(&e->engine, e->links[i]);
	link_close(e->links[i]);
	e->links[i] = NULL;
}

/* The link dies, with all that is in it. */
static void
cut(size_t i)
{
	end_close(&w.client, i);
	end_close(&w.server, i);
}

static void
world_finish(void)
{
	cut(0);
	cut(1);
	engine_finish(&w.client.engine);
	engine_finish(&w.server.engine);
}

static void
take_frames(struct end *e, size_t i)
{
	struct link *l = e->links[i];
	struct frame f;
	long len;
	while ((len = link_frame(l, &f)) > 0) {
		e->by[i] += f.type == MSG_DATA || f.type == MSG_END;
		CHECK_EQ(engine_frame(&e->engine, l, &f, w.loop.now_us), 0);
		link_drop(l, len);
	}
	CHECK_EQ(len, 0);
}

static void
take_bytes(struct end *e, size_t which)
{
	struct stream *s = engine_stream(&e->engine, which ? STREAM_BULK : STREAM_MAIN);
	struct span held = stream_held(s);
	for (size_t i = 0; i < held.n; i++)
		CHECK_EQ(held.p[i], content(e->took[which] + i));
	e->took[which] += held.n;
	stream_take(s, held.n);
}

static void
end_turn(struct end *e)
{
	for (size_t i = 0; i < 2; i++) {
		if (!e->links[i])
			continue;
		CHECK(link_read(e->links[i]));
		take_frames(e, i);
	}
	take_bytes(e, 0);
	take_bytes(e, 1);
	for (size_t i = 0; i < 2; i++) {
		if (!e->links[i])
			continue;
		if (i == 0)
			e->pipe.full = false; /* as its descriptor would say */
		link_write(e->links[i], &e->engine, w.loop.now_us);
	}
}

static void
turns(uint64_t total)
{
	for (int n = 0; w.server.took[0] < total || w.server.took[1] < total; n++) {
		CHECK(n < TURNS_MAX);
		w.loop.now_us += TURN_US;
		end_turn(&w.client);
		end_turn(&w.server);
	}
}

static void
write_both(uint64_t from, uint64_t to)
{
	uint8_t bytes[1000];
	for (uint64_t off = from; off < to; off += sizeof bytes) {
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = content(off + i);
		for (uint32_t id = STREAM_MAIN; id <= STREAM_BULK;
		     id += STREAM_BULK - STREAM_MAIN)
			CHECK_EQ(stream_write(engine_stream(&w.client.engine, id), bytes,
				     sizeof bytes),
			    sizeof bytes);
	}
}

TEST(each_kind_carries_its_class)
{
	world_init();
	write_both(0, TOTAL);
	turns(TOTAL);
	CHECK(engine_link(&w.client.engine, RANK_TERMINAL) == w.client.links[1]);
	CHECK(engine_link(&w.client.engine, RANK_BULK) == w.client.links[0]);
	CHECK(w.server.by[0] && w.server.by[1]);
	CHECK(engine_unwanted(&w.server.engine) == NULL);
	world_finish();
}

TEST(bulk_moves_over_when_the_pipe_dies)
{
	world_init();
	write_both(0, TOTAL);
	end_turn(&w.client);
	end_turn(&w.server);
	cut(0);
	turns(TOTAL);
	CHECK_EQ(w.server.took[0], TOTAL);
	CHECK_EQ(w.server.took[1], TOTAL);
	world_finish();
}

TEST(what_is_urgent_moves_over_when_the_lossy_link_dies)
{
	world_init();
	write_both(0, TOTAL);
	end_turn(&w.client);
	end_turn(&w.server);
	cut(1);
	turns(TOTAL);
	CHECK(engine_link(&w.client.engine, RANK_TERMINAL) == w.client.links[0]);
	world_finish();
}

TEST(a_link_of_a_lower_rank_takes_nothing_over)
{
	struct pipe late;
	world_init();
	pipe_init(&late, &w.loop, on_readable, NULL);
	late.link.rank[LINK_URGENT] = late.link.rank[LINK_BULK] = 1;
	CHECK_EQ(engine_add(&w.client.engine, &late.link), 0);
	CHECK(engine_link(&w.client.engine, RANK_CONTROL) == w.client.links[1]);
	CHECK(engine_link(&w.client.engine, RANK_BULK) == &late.link);
	CHECK(engine_unwanted(&w.client.engine) == w.client.links[0]);
	engine_remove(&w.client.engine, &late.link);
	link_close(&late.link);
	CHECK(engine_link(&w.client.engine, RANK_BULK) == w.client.links[0]);
	cut(1);
	cut(0);
	CHECK(engine_link(&w.client.engine, RANK_CONTROL) == NULL);
	world_finish();
}

TEST(a_lossy_link_wakes_its_owner_to_repeat)
{
	world_init();
	w.client.lossy.sent = LOSE_EVERY - 1; /* the next one is lost */
	write_both(0, 1000);
	end_turn(&w.client);
	uint64_t at = link_write_at(w.client.links[1], &w.client.engine);
	CHECK(at > w.loop.now_us && at < w.loop.now_us + 2 * 1000 * 1000);
	world_finish();
}
