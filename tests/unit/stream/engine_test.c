#include "base/err.h"
#include "stream/engine.h"
#include "test.h"

enum {
	MS = 1000,
	PIPE_MAX = 8 * 1024 * 1024,
	ROOM = 64 * 1024,
	OUT_MAX = 1024 * 1024,
	WINDOW = 200 * 1024,
	TOTAL = 300 * 1000, /* more than a window, and than what may be in flight */
	TURNS_MAX = 20000,
};

/* Two ends, joined by wires: buffers instead of a network. */

struct end {
	struct engine engine;
	uint64_t wrote, took; /* bytes of the tty stream */
	uint64_t total; /* what it is going to write */
};

struct wire {
	bool open;
	struct link client, server; /* the two ends of it */
	struct buf up, down; /* to the server, to the client */
};

static struct {
	struct end client, server;
	struct wire wires[ENGINE_LINKS + 1];
	uint64_t now;
} w;

static uint8_t
content(const struct end *e, uint64_t off)
{
	return (uint8_t)(off * 7 + off / 251 + e->engine.client);
}

static struct stream *
tty(struct end *e)
{
	return engine_stream(&e->engine, STREAM_MAIN);
}

static bool
open_streams(struct end *e, size_t out_max, size_t window)
{
	return engine_open(&e->engine, STREAM_MAIN, 1, out_max, window)
	    && engine_open(&e->engine, STREAM_CONTROL, 0, ROOM, ROOM);
}

static void
world_bare(void)
{
	memset(&w, 0, sizeof w);
	w.now = 1000 * 1000 * MS;
	engine_init(&w.client.engine, true);
	engine_init(&w.server.engine, false);
}

static void
world_init(void)
{
	world_bare();
	CHECK(open_streams(&w.client, OUT_MAX, WINDOW));
	CHECK(open_streams(&w.server, OUT_MAX, WINDOW));
}

static void
wire_cut(struct wire *wire)
{
	if (!wire->open)
		return;
	engine_remove(&w.client.engine, &wire->client);
	engine_remove(&w.server.engine, &wire->server);
	link_finish(&wire->client);
	link_finish(&wire->server);
	buf_finish(&wire->up);
	buf_finish(&wire->down);
	wire->open = false;
}

static void
world_finish(void)
{
	for (size_t i = 0; i <= ENGINE_LINKS; i++)
		wire_cut(&w.wires[i]);
	engine_finish(&w.client.engine);
	engine_finish(&w.server.engine);
}

static int
tell_positions(struct engine *from, struct engine *to)
{
	struct buf b;
	buf_init(&b, ENGINE_STREAMS * POSITION_LEN);
	int err = engine_positions(from, &b);
	if (!err)
		err = engine_set_positions(to, buf_span(&b));
	buf_finish(&b);
	return err;
}

/* HELLO has arrived: the server knows the link, the client does not yet. */
static int
wire_hello(struct wire *wire)
{
	*wire = (struct wire){ .open = true };
	link_init(&wire->client, w.now);
	link_init(&wire->server, w.now);
	buf_init(&wire->up, PIPE_MAX);
	buf_init(&wire->down, PIPE_MAX);
	int err = tell_positions(&w.client.engine, &w.server.engine);
	return err ? err : engine_add(&w.server.engine, &wire->server);
}

static int
wire_welcome(struct wire *wire)
{
	int err = tell_positions(&w.server.engine, &w.client.engine);
	return err ? err : engine_add(&w.client.engine, &wire->client);
}

static struct wire *
wire_open(size_t i)
{
	CHECK_EQ(wire_hello(&w.wires[i]), 0);
	CHECK_EQ(wire_welcome(&w.wires[i]), 0);
	return &w.wires[i];
}

/* Moves at most max bytes to one end; an error is what the engine said. */
static int
deliver(struct end *to, struct link *l, struct buf *pipe, size_t max)
{
	struct frame f;
	long len;
	size_t n = pipe->len < max ? pipe->len : max;
	int err = link_received(l, (struct span){ buf_span(pipe).p, n });
	if (err)
		return err;
	buf_drop(pipe, n);
	while ((len = link_frame(l, &f)) > 0) {
		err = engine_frame(&to->engine, l, &f, w.now);
		if (err)
			return err;
		link_drop(l, len);
	}
	return (int)len;
}

static void
fill_both(struct wire *wire, size_t room)
{
	(void)engine_fill(&w.client.engine, &wire->client, &wire->up, room, w.now);
	(void)engine_fill(&w.server.engine, &wire->server, &wire->down, room, w.now);
}

/* Both ends send, and hear, once. */
static int
wire_turn(struct wire *wire, size_t max)
{
	if (!wire->open)
		return 0;
	fill_both(wire, ROOM);
	int err = deliver(&w.server, &wire->server, &wire->up, max);
	return err ? err : deliver(&w.client, &wire->client, &wire->down, max);
}

/* The programs of an end write and read, and what is read is what was written. */
static void
use(struct end *e, const struct end *peer, size_t max)
{
	uint8_t bytes[4096];
	size_t n = max < sizeof bytes ? max : sizeof bytes;
	if (n > e->total - e->wrote)
		n = (size_t)(e->total - e->wrote);
	for (size_t i = 0; i < n; i++)
		bytes[i] = content(e, e->wrote + i);
	e->wrote += stream_write(tty(e), bytes, n);
	if (e->wrote == e->total)
		stream_end(tty(e));
	struct span held = stream_held(tty(e));
	if (held.n > max)
		held.n = max;
	for (size_t i = 0; i < held.n; i++)
		if (held.p[i] != content(peer, e->took + i))
			FAIL("byte %zu is not what was written", (size_t)e->took + i);
	e->took += held.n;
	stream_take(tty(e), held.n);
}

static bool
all_arrived(void)
{
	return w.client.took == w.server.total && w.server.took == w.client.total
	    && stream_drained(tty(&w.client)) && stream_drained(tty(&w.server))
	    && stream_delivered(tty(&w.client)) && stream_delivered(tty(&w.server));
}

/* The active link carries everything, in pieces of at most max bytes. */
static void
run_to_the_end(struct wire *wire, size_t max)
{
	for (int turn = 0; !all_arrived(); turn++) {
		if (turn == TURNS_MAX)
			FAIL("stuck: the client took %zu of %zu, the server %zu of %zu",
			    (size_t)w.client.took, (size_t)w.server.total,
			    (size_t)w.server.took, (size_t)w.client.total);
		use(&w.client, &w.server, 4096);
		use(&w.server, &w.client, 4096);
		CHECK_EQ(wire_turn(wire, max), 0);
		w.now += 5 * MS;
	}
}

/* ---- data ---- */

TEST(data_goes_both_ways_to_the_end)
{
	world_init();
	w.client.total = w.server.total = TOTAL;
	run_to_the_end(wire_open(0), 16 * 1024);
	world_finish();
}

TEST(frames_may_arrive_byte_by_byte)
{
	world_init();
	w.client.total = w.server.total = 2000;
	run_to_the_end(wire_open(0), 1);
	world_finish();
}

TEST(small_windows_and_histories_carry_everything)
{
	for (size_t n = 1; n <= 20; n++) {
		world_bare();
		CHECK(open_streams(&w.client, n, 21 - n));
		CHECK(open_streams(&w.server, 21 - n, n));
		w.client.total = w.server.total = 100;
		run_to_the_end(wire_open(0), ROOM);
		world_finish();
	}
}

TEST(a_switch_to_another_link_loses_and_doubles_nothing)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		test_seed(seed);
		world_init();
		w.client.total = w.server.total = TOTAL;
		for (int cut = 0; cut < 10; cut++) {
			struct wire *wire = wire_open((size_t)cut % 2);
			for (size_t turns = 1 + test_below(8); turns; turns--) {
				use(&w.client, &w.server, 4096);
				use(&w.server, &w.client, 4096);
				CHECK_EQ(wire_turn(wire, 1 + test_below(20000)), 0);
				w.now += test_below(50 * MS);
			}
			wire_cut(wire); /* with whatever is under way in it */
		}
		run_to_the_end(wire_open(0), ROOM);
		world_finish();
	}
}

TEST(both_links_may_carry_data_during_a_switch)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		test_seed(seed);
		world_init();
		w.client.total = w.server.total = TOTAL;
		wire_open(0);
		for (size_t turn = 0; turn < 400; turn++) {
			use(&w.client, &w.server, 1 + test_below(4096));
			use(&w.server, &w.client, 1 + test_below(4096));
			if (turn == 20)
				CHECK_EQ(wire_hello(&w.wires[1]), 0);
			if (turn == 40)
				CHECK_EQ(wire_welcome(&w.wires[1]), 0);
			struct wire *wire = &w.wires[test_below(2)];
			CHECK_EQ(wire_turn(wire, 1 + test_below(ROOM)), 0);
			w.now += test_below(20 * MS);
		}
		CHECK(engine_unwanted(&w.server.engine) == &w.wires[0].server);
		wire_cut(&w.wires[0]);
		run_to_the_end(&w.wires[1], ROOM);
		world_finish();
	}
}

TEST(a_lossy_link_carries_everything)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		test_seed(seed);
		world_init();
		w.client.total = w.server.total = 20000;
		struct wire *wire = wire_open(0);
		wire->client.lossy = wire->server.lossy = true;
		for (int turn = 0; !all_arrived(); turn++) {
			CHECK(turn < TURNS_MAX);
			use(&w.client, &w.server, 500);
			use(&w.server, &w.client, 500);
			struct buf *lost = test_below(2) ? &wire->up : &wire->down;
			fill_both(wire, 2000);
			if (!test_below(3))
				buf_drop(lost, lost->len);
			CHECK_EQ(wire_turn(wire, ROOM), 0);
			w.now += 10 * MS;
		}
		world_finish();
	}
}

TEST(what_was_just_sent_after_a_pause_is_not_sent_twice)
{
	world_init();
	struct wire *wire = wire_open(0);
	wire->client.lossy = wire->server.lossy = true;
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(wire_turn(wire, ROOM), 0);
		w.now += 5 * MS;
	}
	w.now += 60 * 1000 * MS;
	CHECK_EQ(stream_write(tty(&w.client), "a key", 5), 5);
	(void)engine_fill(&w.client.engine, &wire->client, &wire->up, ROOM, w.now);
	size_t once = wire->up.len;
	CHECK(once >= DATA_OVERHEAD + 5);
	w.now += 1 * MS;
	(void)engine_fill(&w.client.engine, &wire->client, &wire->up, ROOM, w.now);
	CHECK_EQ(wire->up.len, once);
	world_finish();
}

TEST(what_goes_ahead_of_the_handshake_may_come_twice)
{
	world_init();
	w.client.total = 1000;
	w.server.total = 0;
	struct wire *wire = wire_open(0);
	CHECK_EQ(wire_turn(wire, ROOM), 0);
	wire_cut(wire);
	use(&w.client, &w.server, 1000);
	CHECK_EQ(wire_hello(wire), 0);
	CHECK_EQ(engine_prelude(&w.client.engine, &wire->up, 700), 0);
	CHECK_EQ(deliver(&w.server, &wire->server, &wire->up, ROOM), 0);
	CHECK_EQ(stream_held(tty(&w.server)).n, 700);
	CHECK_EQ(engine_prelude(&w.client.engine, &wire->up, OUT_MAX), 0);
	CHECK_EQ(deliver(&w.server, &wire->server, &wire->up, ROOM), 0);
	CHECK_EQ(wire_welcome(wire), 0);
	run_to_the_end(wire, ROOM);
	world_finish();
}

TEST(without_credit_nothing_goes_ahead)
{
	struct buf b;
	world_init();
	buf_init(&b, ROOM);
	CHECK_EQ(stream_write(tty(&w.client), "abc", 3), 3);
	CHECK_EQ(engine_prelude(&w.client.engine, &b, 100), 0);
	CHECK_EQ(b.len, 0);
	buf_finish(&b);
	world_finish();
}

/* ---- which link ---- */

static size_t
sent_bytes(struct end *e, struct link *l)
{
	struct buf out;
	struct frame f;
	size_t n = 0;
	buf_init(&out, PIPE_MAX);
	(void)engine_fill(&e->engine, l, &out, PIPE_MAX, w.now);
	for (long len; (len = frame_parse(buf_span(&out), &f)) > 0;) {
		n += f.type == MSG_DATA ? (size_t)len - DATA_OVERHEAD : 0;
		buf_drop(&out, (size_t)len);
	}
	CHECK_EQ(out.len, 0);
	buf_finish(&out);
	return n;
}

static bool
first_frame_is(struct end *e, struct link *l, enum msg_type type)
{
	struct buf out;
	struct frame f = { 0 };
	buf_init(&out, PIPE_MAX);
	(void)engine_fill(&e->engine, l, &out, PIPE_MAX, w.now);
	(void)frame_parse(buf_span(&out), &f);
	buf_finish(&out);
	return f.type == type;
}

static int
give(struct end *e, struct link *l, enum msg_type type, const void *m)
{
	struct buf b;
	struct frame f;
	buf_init(&b, FRAME_MAX);
	CHECK_EQ(msg_put(&b, type, m), 0);
	CHECK(frame_parse(buf_span(&b), &f) > 0);
	int err = engine_frame(&e->engine, l, &f, w.now);
	buf_finish(&b);
	return err;
}

TEST(the_server_sends_on_the_youngest_link_until_the_client_chooses)
{
	struct engine *e = &w.server.engine;
	struct msg_use choice = { 77 };
	world_init();
	struct link *old = &w.wires[0].server, *young = &w.wires[1].server;
	CHECK_EQ(wire_hello(&w.wires[0]), 0);
	CHECK(engine_unwanted(e) == NULL);
	CHECK_EQ(give(&w.server, old, MSG_USE, &choice), 0);
	CHECK_EQ(wire_hello(&w.wires[1]), 0);
	CHECK(engine_unwanted(e) == NULL);
	CHECK_EQ(stream_write(tty(&w.server), "hello", 5), 5);
	CHECK_EQ(sent_bytes(&w.server, old), 0);
	CHECK_EQ(sent_bytes(&w.server, young), 5);
	/* It stays with the old one: sending goes on there from what is acknowledged. */
	CHECK_EQ(give(&w.server, old, MSG_USE, &choice), 0);
	CHECK_EQ(sent_bytes(&w.server, young), 0);
	CHECK_EQ(sent_bytes(&w.server, old), 5);
	/* That is nothing new, and no reason to repeat. */
	CHECK_EQ(give(&w.server, old, MSG_USE, &choice), 0);
	CHECK_EQ(sent_bytes(&w.server, old), 0);
	CHECK(engine_unwanted(e) == young);
	engine_remove(e, young);
	CHECK(engine_unwanted(e) == NULL);
	CHECK_EQ(sent_bytes(&w.server, old), 0);
	world_finish();
}

TEST(the_choice_of_the_client_is_answered)
{
	struct msg_use choice = { 77 };
	world_init();
	CHECK_EQ(wire_hello(&w.wires[0]), 0);
	CHECK_EQ(give(&w.server, &w.wires[0].server, MSG_USE, &choice), 0);
	CHECK(first_frame_is(&w.server, &w.wires[0].server, MSG_PONG));
	CHECK(!first_frame_is(&w.server, &w.wires[0].server, MSG_PONG));
	world_finish();
}

TEST(a_client_is_not_told_which_link_to_use)
{
	struct msg_use choice = { 77 };
	world_init();
	wire_open(0);
	CHECK_EQ(give(&w.client, &w.wires[0].client, MSG_USE, &choice), ERR_STATE);
	world_finish();
}

TEST(the_client_chooses_a_link_when_it_is_added)
{
	struct engine *e = &w.client.engine;
	world_init();
	struct link *old = &wire_open(0)->client;
	CHECK(first_frame_is(&w.client, old, MSG_USE));
	CHECK_EQ(stream_write(tty(&w.client), "hello", 5), 5);
	CHECK_EQ(sent_bytes(&w.client, old), 5);
	struct link *young = &wire_open(1)->client;
	CHECK(engine_unwanted(e) == old);
	CHECK_EQ(sent_bytes(&w.client, old), 0);
	CHECK(first_frame_is(&w.client, young, MSG_USE));
	engine_remove(e, young);
	CHECK(engine_unwanted(e) == NULL);
	CHECK_EQ(sent_bytes(&w.client, old), 5);
	engine_remove(e, old);
	engine_remove(e, old);
	CHECK(engine_link(e, RANK_CONTROL) == NULL);
	world_finish();
}

TEST(when_the_link_in_use_goes_the_youngest_takes_its_place)
{
	struct engine *e = &w.server.engine;
	world_init();
	for (size_t i = 0; i < 3; i++)
		CHECK_EQ(wire_hello(&w.wires[i]), 0);
	for (size_t i = 3; i-- > 0;) {
		struct link *l = &w.wires[i].server;
		CHECK(engine_link(e, RANK_CONTROL) == l);
		/* What was told last may be lost with the link: it is told again. */
		CHECK(first_frame_is(&w.server, l, MSG_ACK));
		CHECK(!first_frame_is(&w.server, l, MSG_ACK));
		engine_remove(e, l);
	}
	CHECK(engine_link(e, RANK_CONTROL) == NULL);
	world_finish();
}

TEST(links_and_streams_are_bounded)
{
	struct link more;
	world_init();
	link_init(&more, w.now);
	for (size_t i = 0; i < ENGINE_LINKS; i++)
		CHECK_EQ(wire_hello(&w.wires[i]), 0);
	CHECK_EQ(engine_add(&w.server.engine, &more), ERR_FULL);
	CHECK(engine_link(&w.server.engine, RANK_CONTROL)
	    == &w.wires[ENGINE_LINKS - 1].server);
	engine_remove(&w.server.engine, &more);
	CHECK_EQ(w.server.engine.n_links, ENGINE_LINKS);
	struct engine *e = &w.server.engine;
	while (e->n_streams < ENGINE_STREAMS)
		CHECK(engine_open(e, (uint32_t)e->n_streams, 5, 1, 1));
	CHECK(engine_open(e, 5000, 5, 1, 1) == NULL);
	CHECK(engine_stream(e, 5000) == NULL);
	CHECK_EQ(engine_stream(e, STREAM_MAIN)->id, STREAM_MAIN);
	world_finish();
}

/* ---- how much, and what first ---- */

TEST(lower_ranks_are_sent_first)
{
	struct buf out;
	struct frame f;
	union msg m;
	uint32_t last = 0;
	static const uint8_t bytes[1000];
	world_bare();
	for (uint32_t id = 4; id > 0; id--) {
		CHECK(engine_open(&w.client.engine, id, (uint8_t)id, OUT_MAX, WINDOW));
		CHECK(engine_open(&w.server.engine, id, (uint8_t)id, OUT_MAX, WINDOW));
		struct stream *s = engine_stream(&w.client.engine, id);
		CHECK_EQ(stream_write(s, bytes, 1000), 1000);
	}
	struct wire *wire = wire_open(0);
	buf_init(&out, PIPE_MAX);
	CHECK(!engine_fill(&w.client.engine, &wire->client, &out, ROOM, w.now));
	for (long len; (len = frame_parse(buf_span(&out), &f)) > 0;) {
		CHECK_EQ(msg_get(&f, &m), 0);
		if (f.type == MSG_DATA) {
			CHECK(m.data.stream >= last);
			last = m.data.stream;
		}
		buf_drop(&out, (size_t)len);
	}
	CHECK_EQ(last, 4);
	buf_finish(&out);
	world_finish();
}

/* How many bytes of each stream are in what an end sends now. */
static void
count_sent(struct engine *e, struct link *l, size_t *ret_bytes, size_t n)
{
	struct buf out;
	struct frame f;
	union msg m;
	memset(ret_bytes, 0, n * sizeof *ret_bytes);
	buf_init(&out, PIPE_MAX);
	(void)engine_fill(e, l, &out, PIPE_MAX, w.now);
	for (long len; (len = frame_parse(buf_span(&out), &f)) > 0;) {
		CHECK_EQ(msg_get(&f, &m), 0);
		if (f.type == MSG_DATA && m.data.stream < n)
			ret_bytes[m.data.stream] += m.data.bytes.n;
		buf_drop(&out, (size_t)len);
	}
	buf_finish(&out);
}

/* A stream of the client, full, that may send. */
static struct stream *
channel(uint32_t id, uint8_t rank)
{
	static const uint8_t bytes[OUT_MAX];
	struct stream *s = engine_open(&w.client.engine, id, rank, OUT_MAX, WINDOW);
	CHECK(s != NULL);
	CHECK_EQ(stream_on_ack(s, 0, OUT_MAX), 0);
	CHECK_EQ(stream_write(s, bytes, OUT_MAX), OUT_MAX);
	return s;
}

TEST(streams_of_one_rank_take_turns)
{
	enum { A = STREAM_CHANNELS, B, C, N };
	size_t sent[N];
	world_init();
	struct wire *wire = wire_open(0);
	channel(A, RANK_BULK);
	channel(B, RANK_BULK);
	channel(C, RANK_BULK);
	count_sent(&w.client.engine, &wire->client, sent, N);
	CHECK(sent[A] > 0);
	CHECK(sent[A] <= 2 * sent[C] && sent[B] <= 2 * sent[C]);
	CHECK(sent[A] >= sent[B] && sent[B] >= sent[C]);
	world_finish();
}

TEST(who_comes_behind_is_not_starved)
{
	enum { A = STREAM_CHANNELS, N };
	size_t sent[N];
	world_init();
	struct wire *wire = wire_open(0);
	w.client.total = OUT_MAX;
	while (stream_room(tty(&w.client)) > OUT_MAX / 2)
		use(&w.client, &w.server, 4096);
	channel(A, RANK_BULK);
	count_sent(&w.client.engine, &wire->client, sent, N);
	CHECK(sent[A] > 0);
	CHECK(sent[STREAM_MAIN] >= 6 * sent[A]);
	CHECK(sent[STREAM_MAIN] <= 8 * sent[A]);
	world_finish();
}

TEST(bulk_in_flight_holds_up_no_key)
{
	enum { A = STREAM_CHANNELS, N };
	size_t sent[N];
	world_init();
	struct wire *wire = wire_open(0);
	channel(A, RANK_BULK);
	count_sent(&w.client.engine, &wire->client, sent, N);
	CHECK(sent[A] > 0);
	count_sent(&w.client.engine, &wire->client, sent, N);
	CHECK_EQ(sent[A], 0);
	w.client.total = 1;
	use(&w.client, &w.server, 1);
	count_sent(&w.client.engine, &wire->client, sent, N);
	CHECK_EQ(sent[STREAM_MAIN], 1);
	world_finish();
}

/* As when who fetched something goes away. */
TEST(what_a_closed_channel_had_in_flight_counts_no_more)
{
	enum { A = STREAM_CHANNELS, B, N };
	size_t sent[N], before;
	world_init();
	struct wire *wire = wire_open(0);
	const struct congestion *c = &wire->client.congestion;
	struct stream *gone = channel(A, RANK_BULK), *stays = channel(B, RANK_BULK);
	count_sent(&w.client.engine, &wire->client, sent, N);
	CHECK(sent[A] && sent[B]);
	CHECK_EQ(c->sent - c->delivered, sent[A] + sent[B]);
	before = c->sent;
	engine_close(&w.client.engine, gone);
	CHECK_EQ(c->sent - c->delivered, sent[B]);
	count_sent(&w.client.engine, &wire->client, sent, N);
	CHECK(c->sent > before);
	struct msg_ack ack = { B, stays->out_next, OUT_MAX };
	CHECK_EQ(give(&w.client, &wire->client, MSG_ACK, &ack), 0);
	CHECK_EQ(c->sent, c->delivered);
	world_finish();
}

TEST(an_end_in_flight_counts_as_much_as_its_acknowledgement)
{
	enum { A = STREAM_CHANNELS, B, N };
	size_t sent[N];
	world_init();
	struct wire *wire = wire_open(0);
	const struct congestion *c = &wire->client.congestion;
	channel(A, RANK_BULK);
	struct stream *s = engine_open(&w.client.engine, B, RANK_BULK, OUT_MAX, WINDOW);
	stream_end(s);
	count_sent(&w.client.engine, &wire->client, sent, N);
	CHECK_EQ(stream_in_flight(s), 1);
	struct msg_ack ack = { B, 1, OUT_MAX };
	CHECK_EQ(give(&w.client, &wire->client, MSG_ACK, &ack), 0);
	CHECK_EQ(c->sent - c->delivered, sent[A]);
	world_finish();
}

TEST(beside_a_terminal_bulk_keeps_its_queue_shorter)
{
	enum { A = STREAM_CHANNELS, N };
	size_t alone[N], beside[N];
	world_init();
	struct wire *wire = wire_open(0);
	tty(&w.client)->rank = RANK_BULK;
	channel(A, RANK_BULK);
	count_sent(&w.client.engine, &wire->client, alone, N);
	world_finish();
	world_init();
	wire = wire_open(0);
	channel(A, RANK_BULK);
	count_sent(&w.client.engine, &wire->client, beside, N);
	CHECK_EQ(alone[A], CONGESTION_START);
	CHECK_EQ(beside[A], CONGESTION_START - CONGESTION_START * 9 / 32);
	CHECK(!wire->client.congestion.round_short); /* there is more: we hold it back */
	world_finish();
}

TEST(what_is_said_about_an_absent_channel_is_dropped)
{
	struct msg_ack ack = { STREAM_CHANNELS + 1, 100, 100 };
	struct msg_data data = { STREAM_CHANNELS + 1, 5, { (const uint8_t *)"abc", 3 } };
	struct msg_end end = { STREAM_CHANNELS + 1, 5 };
	world_init();
	struct wire *wire = wire_open(0);
	CHECK_EQ(give(&w.client, &wire->client, MSG_ACK, &ack), 0);
	CHECK_EQ(give(&w.client, &wire->client, MSG_DATA, &data), 0);
	CHECK_EQ(give(&w.client, &wire->client, MSG_END, &end), 0);
	ack.stream = data.stream = STREAM_CHANNELS - 1;
	CHECK_EQ(give(&w.client, &wire->client, MSG_ACK, &ack), ERR_STREAM);
	CHECK_EQ(give(&w.client, &wire->client, MSG_DATA, &data), ERR_STREAM);
	world_finish();
}

TEST(a_channel_that_is_not_agreed_to_is_not_spoken_of)
{
	enum { A = STREAM_CHANNELS };
	struct buf positions;
	world_init();
	struct wire *wire = wire_open(0);
	struct engine *e = &w.client.engine;
	struct stream *s = engine_open(e, A, RANK_BULK, OUT_MAX, WINDOW);
	s->unconfirmed = true;
	CHECK_EQ(stream_write(s, "early", 5), 5);
	buf_init(&positions, PIPE_MAX);
	CHECK_EQ(engine_positions(e, &positions), 0);
	CHECK_EQ(positions.len, 2 * POSITION_LEN);
	buf_finish(&positions);
	(void)engine_fill(e, &wire->client, &wire->up, PIPE_MAX, w.now);
	for (struct frame f; wire->up.len;) {
		union msg m;
		long len = frame_parse(buf_span(&wire->up), &f);
		CHECK(len > 0 && msg_get(&f, &m) == 0);
		CHECK(f.type != MSG_DATA || m.data.stream != A);
		CHECK(f.type != MSG_ACK || m.ack.stream != A);
		buf_drop(&wire->up, (size_t)len);
	}
	engine_close(e, s);
	CHECK(engine_stream(e, A) == NULL);
	CHECK_EQ(e->n_streams, 2);
	world_finish();
}

TEST(little_is_in_flight_but_control_messages_are_not_held_up)
{
	struct msg_window window = { 24, 80, 0, 0 };
	world_init();
	w.client.total = OUT_MAX;
	struct wire *wire = wire_open(0);
	wire->client.flight_max = 10000;
	while (stream_room(tty(&w.client)) > OUT_MAX / 2)
		use(&w.client, &w.server, 4096);
	CHECK_EQ(sent_bytes(&w.client, &wire->client), 10000);
	CHECK_EQ(sent_bytes(&w.client, &wire->client), 0);
	CHECK(engine_tell(&w.client.engine, MSG_WINDOW, &window));
	CHECK_EQ(sent_bytes(&w.client, &wire->client), FRAME_HEADER + 8);
	wire->client.flight_max = 10;
	for (int i = 0; i < 5; i++)
		CHECK(engine_tell(&w.client.engine, MSG_WINDOW, &window));
	CHECK_EQ(sent_bytes(&w.client, &wire->client), 5 * (FRAME_HEADER + 8));
	wire->client.flight_max = 10000;
	struct msg_ack ack = { STREAM_MAIN, 4000, OUT_MAX };
	CHECK_EQ(give(&w.client, &wire->client, MSG_ACK, &ack), 0);
	size_t more = sent_bytes(&w.client, &wire->client);
	CHECK(more <= 4000 && more > 3900); /* with or without the control messages */
	world_finish();
}

/* Of 125 kB/s and 200 ms, with a terminal as the main stream. */
static void
know_the_link(struct link *l)
{
	l->congestion.phase = CONGESTION_CRUISING;
	l->congestion.rate_now = 125 * 1000;
	l->congestion.rtt_us = 200 * MS;
	l->congestion.rtt_found_us = w.now;
}

TEST(frames_are_spread_over_the_round_trip)
{
	world_init();
	w.client.total = 100000;
	struct wire *wire = wire_open(0);
	struct link *l = &wire->client;
	(void)sent_bytes(&w.client, l); /* signals */
	know_the_link(l);
	static const uint8_t bytes[100000];
	CHECK_EQ(stream_write(tty(&w.client), bytes, sizeof bytes), sizeof bytes);
	size_t frame = sent_bytes(&w.client, l);
	CHECK(frame > 8000 && frame < 12000); /* the first is late and makes up for one */
	CHECK_EQ(sent_bytes(&w.client, l), 0);
	uint64_t at = engine_deadline(&w.client.engine, l);
	CHECK_EQ(at, l->congestion.next_us);
	CHECK(at > w.now + 20 * MS && at < w.now + 60 * MS);
	w.now = at;
	CHECK_EQ(sent_bytes(&w.client, l), frame / 2);
	world_finish();
}

TEST(the_first_frame_waits_for_no_time_of_its_own)
{
	world_init();
	struct wire *wire = wire_open(0);
	struct link *l = &wire->client;
	(void)sent_bytes(&w.client, l);
	know_the_link(l);
	l->congestion.next_us = w.now + 50 * MS;
	CHECK_EQ(stream_write(tty(&w.client), "x", 1), 1);
	CHECK_EQ(sent_bytes(&w.client, l), 1);
	world_finish();
}

TEST(a_frame_is_no_larger_than_the_room)
{
	world_init();
	w.client.total = 100000;
	struct wire *wire = wire_open(0);
	for (int i = 0; i < 20; i++)
		use(&w.client, &w.server, 4096);
	struct engine *e = &w.client.engine;
	(void)engine_fill(e, &wire->client, &wire->up, 0, w.now);
	buf_drop(&wire->up, wire->up.len); /* signals are not counted */
	for (size_t room = 0; room < 150; room++) {
		CHECK(engine_fill(e, &wire->client, &wire->up, room, w.now));
		CHECK(wire->up.len <= room);
		buf_drop(&wire->up, wire->up.len);
	}
	world_finish();
}

TEST(a_full_queue_says_that_there_is_more)
{
	struct buf out;
	world_init();
	w.client.total = 100000;
	struct wire *wire = wire_open(0);
	for (int i = 0; i < 20; i++)
		use(&w.client, &w.server, 4096);
	buf_init(&out, 5000);
	CHECK(engine_fill(&w.client.engine, &wire->client, &out, PIPE_MAX, w.now));
	CHECK(out.len <= 5000);
	CHECK_EQ(deliver(&w.server, &wire->server, &out, ROOM), 0);
	buf_finish(&out);
	CHECK_EQ(wire_turn(wire, ROOM), 0);
	world_finish();
}

TEST(long_data_may_be_sent_from_where_it_lies)
{
	struct buf out;
	struct span behind = { 0 };
	world_init();
	w.client.total = 100000;
	struct wire *wire = wire_open(0);
	wire->client.congestion.phase = CONGESTION_CRUISING;
	wire->client.congestion.rate_now = 1000 * 1000 * 1000;
	while (stream_room(tty(&w.client)) > OUT_MAX - 90000)
		use(&w.client, &w.server, 4096);
	buf_init(&out, PIPE_MAX);
	for (size_t pieces = 0; pieces == 0 || behind.n; pieces++) {
		(void)engine_fill_in_place(&w.client.engine, &wire->client, &out, ROOM,
		    w.now, &behind);
		CHECK(pieces > 0 || behind.n > 0);
		CHECK_EQ(buf_put(&out, behind.p, behind.n), 0);
		CHECK_EQ(deliver(&w.server, &wire->server, &out, PIPE_MAX), 0);
	}
	buf_finish(&out);
	run_to_the_end(wire, ROOM);
	world_finish();
}

/* ---- control messages ---- */

TEST(control_messages_arrive_one_by_one)
{
	struct msg_window window = { 24, 80, 1, 2 };
	enum msg_type type;
	union msg m;
	world_init();
	struct wire *wire = wire_open(0);
	for (uint16_t i = 0; i < 3; i++) {
		window.rows = i;
		CHECK(engine_tell(&w.client.engine, MSG_WINDOW, &window));
	}
	struct msg_exit status = { EXIT_STATUS, 3 };
	CHECK(engine_tell(&w.server.engine, MSG_EXIT, &status));
	CHECK_EQ(engine_told(&w.server.engine, &type, &m), 0);
	for (int i = 0; i < 300; i++)
		CHECK_EQ(wire_turn(wire, 1), 0);
	for (uint16_t i = 0; i < 3; i++) {
		CHECK(engine_told(&w.server.engine, &type, &m) > 0);
		CHECK_EQ(type, MSG_WINDOW);
		CHECK_EQ(m.window.rows, i);
		CHECK_EQ(m.window.cols, 80);
	}
	CHECK_EQ(engine_told(&w.server.engine, &type, &m), 0);
	CHECK_EQ(engine_told(&w.server.engine, &type, &m), 0);
	CHECK(engine_told(&w.client.engine, &type, &m) > 0);
	CHECK_EQ(type, MSG_EXIT);
	CHECK_EQ(m.exit.status, 3);
	world_finish();
}

TEST(a_control_message_needs_room_and_a_stream_that_is_open)
{
	struct engine e;
	struct msg_window window = { 24, 80, 1, 2 };
	enum msg_type type;
	union msg m;
	engine_init(&e, true);
	CHECK(!engine_tell(&e, MSG_WINDOW, &window));
	CHECK_EQ(engine_told(&e, &type, &m), 0);
	struct stream *s = engine_open(&e, STREAM_CONTROL, 0, 25, 100);
	CHECK(s != NULL);
	CHECK(engine_tell(&e, MSG_WINDOW, &window));
	CHECK(!engine_tell(&e, MSG_WINDOW, &window));
	CHECK_EQ(stream_unacked(s), FRAME_HEADER + 8);
	stream_end(s);
	struct msg_exit status = { EXIT_STATUS, 0 }; /* it would fit */
	CHECK(!engine_tell(&e, MSG_EXIT, &status));
	engine_finish(&e);
}

/* What is in the control stream comes from the peer too. */
static int
told_after(const void *bytes, size_t n, size_t window)
{
	enum msg_type type;
	union msg m;
	struct engine e;
	engine_init(&e, false);
	struct stream *s = engine_open(&e, STREAM_CONTROL, 0, 100, window);
	CHECK(s != NULL);
	(void)stream_ack(s);
	CHECK_EQ(stream_on_data(s, 0, (struct span){ bytes, n }, w.now), 0);
	int told = engine_told(&e, &type, &m);
	engine_finish(&e);
	return told;
}

TEST(broken_control_messages_are_errors)
{
	CHECK_EQ(told_after("\0\0\0\0", 4, 100), 0);
	CHECK_EQ(told_after("\0\0\0\0\0", 5, 100), ERR_FRAME);
	CHECK_EQ(told_after("\xff\xff\xff\xff\x40", 5, 100), ERR_FRAME);
	CHECK_EQ(told_after("\0\0\0\x09\x40\0\x18\0\x50\0\1\0", 12, 100), 0);
	CHECK_EQ(told_after("\0\0\0\x08\x40\0\x18\0\x50\0\1\0", 12, 100), ERR_MESSAGE);
	CHECK_EQ(told_after("\0\0\0\x01\xfe", 5, 100), ERR_UNKNOWN);
	CHECK(told_after("\0\0\0\x06\x41\1\0\0\0\2", 10, 100) > 0);
	/* One that is larger than what we hold can never become whole. */
	CHECK_EQ(told_after("\0\0\0\x20\x40\0\x18\0\x50\0\1\0", 12, 12), ERR_FRAME);
}

TEST(an_unknown_control_message_does_not_hide_the_next)
{
	enum msg_type type;
	union msg m;
	struct engine e;
	engine_init(&e, false);
	struct stream *s = engine_open(&e, STREAM_CONTROL, 0, 100, 100);
	CHECK(s != NULL);
	(void)stream_ack(s);
	const char *two = "\0\0\0\x01\xfe\0\0\0\x06\x41\1\0\0\0\2";
	struct span bytes = { (const uint8_t *)two, 15 };
	CHECK_EQ(stream_on_data(s, 0, bytes, w.now), 0);
	CHECK_EQ(engine_told(&e, &type, &m), ERR_UNKNOWN);
	CHECK(engine_told(&e, &type, &m) > 0);
	CHECK_EQ(m.exit.status, 2);
	CHECK_EQ(engine_told(&e, &type, &m), 0);
	engine_finish(&e);
}

/* ---- the peer's errors ---- */

struct counters {
	uint64_t got, acked, limit;
	size_t held, kept;
	bool ended;
};

static struct counters
counters_of(const struct stream *s)
{
	return (struct counters){ .got = s->in_got,
		.acked = s->out_acked,
		.limit = s->out_limit,
		.held = s->in.len,
		.kept = s->out.len,
		.ended = s->in_ended };
}

static void
check_unchanged(const struct stream *s, struct counters before)
{
	struct counters after = counters_of(s);
	CHECK_EQ(after.got, before.got);
	CHECK_EQ(after.acked, before.acked);
	CHECK_EQ(after.limit, before.limit);
	CHECK_EQ(after.held, before.held);
	CHECK_EQ(after.kept, before.kept);
	CHECK_EQ(after.ended, before.ended);
}

TEST(a_bad_frame_is_an_error_and_the_streams_go_on)
{
	static const uint8_t much[WINDOW + 1];
	static const struct msg_hello hello;
	static const struct msg_welcome welcome;
	static const struct msg_refuse refuse;
	static const struct msg_bye bye;
	static const struct msg_window window;
	static const struct msg_exit status;
	struct span x = { (const uint8_t *)"x", 1 };
	struct msg_data too_much = { STREAM_MAIN, 5, { much, WINDOW - 4 } };
	const struct {
		enum msg_type type;
		const void *m;
		int err;
	} bad[] = {
		{ MSG_HELLO, &hello, ERR_STATE },
		{ MSG_WELCOME, &welcome, ERR_STATE },
		{ MSG_REFUSE, &refuse, ERR_STATE },
		{ MSG_BYE, &bye, ERR_STATE },
		{ MSG_WINDOW, &window, ERR_STATE },
		{ MSG_EXIT, &status, ERR_STATE },
		{ MSG_DATA, &(struct msg_data){ 9, 0, x }, ERR_STREAM },
		{ MSG_END, &(struct msg_end){ 9, 0 }, ERR_STREAM },
		{ MSG_ACK, &(struct msg_ack){ 9, 0, 0 }, ERR_STREAM },
		{ MSG_DATA, &(struct msg_data){ STREAM_MAIN, 6, x }, ERR_GAP },
		{ MSG_DATA, &(struct msg_data){ STREAM_MAIN, UINT64_MAX, x }, ERR_GAP },
		{ MSG_END, &(struct msg_end){ STREAM_MAIN, 6 }, ERR_GAP },
		{ MSG_END, &(struct msg_end){ STREAM_MAIN, 4 }, ERR_OFFSET },
		{ MSG_ACK, &(struct msg_ack){ STREAM_MAIN, 6, UINT64_MAX }, ERR_OFFSET },
		{ MSG_DATA, &too_much, ERR_CREDIT },
	};
	world_init();
	w.client.total = w.server.total = 5;
	struct wire *wire = wire_open(0);
	use(&w.client, &w.server, 5);
	tty(&w.client)->out_ended = false;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(wire_turn(wire, ROOM), 0);
	struct counters before = counters_of(tty(&w.server));
	CHECK_EQ(before.got, 5);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int err = give(&w.server, &wire->server, bad[i].type, bad[i].m);
		CHECK_EQ(err, bad[i].err);
		check_unchanged(tty(&w.server), before);
	}
	struct frame f = { MSG_PING, { (const uint8_t *)"1234567", 7 } };
	CHECK_EQ(engine_frame(&w.server.engine, &wire->server, &f, w.now), ERR_MESSAGE);
	f.type = 200;
	CHECK_EQ(engine_frame(&w.server.engine, &wire->server, &f, w.now), ERR_UNKNOWN);
	wire_cut(wire);
	run_to_the_end(wire_open(1), ROOM);
	world_finish();
}

TEST(on_a_lossy_link_a_gap_is_answered)
{
	world_init();
	struct wire *wire = wire_open(0);
	CHECK_EQ(wire_turn(wire, ROOM), 0);
	w.now += 1000 * MS;
	CHECK_EQ(wire_turn(wire, ROOM), 0);
	struct msg_data data = { STREAM_MAIN, 6, { (const uint8_t *)"x", 1 } };
	CHECK_EQ(give(&w.server, &wire->server, MSG_DATA, &data), ERR_GAP);
	wire->server.lossy = true;
	CHECK_EQ(give(&w.server, &wire->server, MSG_DATA, &data), 0);
	CHECK_EQ(tty(&w.server)->in_got, 0);
	CHECK(first_frame_is(&w.server, &wire->server, MSG_ACK));
	world_finish();
}

TEST(positions_are_checked_like_acknowledgements)
{
	static const struct {
		struct msg_ack at;
		int err;
	} cases[] = {
		{ { STREAM_MAIN, 0, 100 }, 0 },
		{ { STREAM_MAIN, 1, 100 }, ERR_OFFSET },
		{ { STREAM_MAIN, UINT64_MAX, 100 }, ERR_OFFSET },
		{ { 9, 0, 100 }, ERR_STREAM },
	};
	world_init();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b;
		buf_init(&b, 100);
		CHECK_EQ(position_put(&b, &cases[i].at), 0);
		int err = engine_set_positions(&w.client.engine, buf_span(&b));
		CHECK_EQ(err, cases[i].err);
		struct span part = { buf_bytes(&b), POSITION_LEN - 1 };
		CHECK_EQ(engine_set_positions(&w.client.engine, part), ERR_MESSAGE);
		buf_finish(&b);
	}
	CHECK_EQ(engine_set_positions(&w.client.engine, (struct span){ NULL, 0 }), 0);
	world_finish();
}

/* ---- time ---- */

TEST(a_question_is_answered_and_measured)
{
	world_init();
	struct wire *wire = wire_open(0);
	(void)engine_fill(&w.client.engine, &wire->client, &wire->up, ROOM, w.now);
	w.now += 40 * MS;
	CHECK_EQ(deliver(&w.server, &wire->server, &wire->up, ROOM), 0);
	(void)engine_fill(&w.server.engine, &wire->server, &wire->down, ROOM, w.now);
	w.now += 40 * MS;
	CHECK_EQ(deliver(&w.client, &wire->client, &wire->down, ROOM), 0);
	CHECK_EQ(wire->client.srtt_us, 80 * MS);
	world_finish();
}

/* The sooner of two deadlines; 0 is never. */
static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

TEST(an_idle_session_sleeps)
{
	world_init();
	w.client.total = w.server.total = 100;
	struct wire *wire = wire_open(0);
	wire->client.heartbeat_us = 5000 * MS;
	wire->client.doubt_min_us = 1000 * MS;
	wire->client.doubt_max_us = 5000 * MS;
	run_to_the_end(wire, ROOM);
	uint64_t end = w.now + 600 * 1000 * (uint64_t)MS;
	int turns = 0;
	for (; w.now < end; turns++) {
		uint64_t at = sooner(engine_deadline(&w.client.engine, &wire->client),
		    engine_deadline(&w.server.engine, &wire->server));
		CHECK(at != 0);
		if (at > w.now)
			w.now = at;
		CHECK_EQ(wire_turn(wire, ROOM), 0);
		w.now += 1 * MS;
		CHECK_EQ(wire_turn(wire, ROOM), 0);
		CHECK(!link_in_doubt(&wire->client, w.now));
	}
	CHECK(turns <= 600 / 5 * 2 + 10);
	world_finish();
}

TEST(memory_is_given_back_when_nothing_moves)
{
	static const uint8_t bytes[50 * 1000];
	world_init();
	w.client.total = w.server.total = 1000;
	run_to_the_end(wire_open(0), ROOM);
	struct engine *e = &w.server.engine;
	struct stream *s = tty(&w.server);
	CHECK_EQ(ring_put(&s->out, bytes, sizeof bytes), 0);
	CHECK_EQ(engine_trim(e, w.now), 0); /* it is in use */
	ring_drop(&s->out, sizeof bytes);
	uint64_t at = engine_trim(e, w.now);
	CHECK(at > w.now);
	CHECK(s->out.cap >= sizeof bytes);
	CHECK_EQ(engine_trim(e, at), 0);
	CHECK_EQ(s->out.cap, 0);
	CHECK_EQ(engine_trim(e, at + 1), 0); /* once: then nothing is to be done */
	world_finish();
}

TEST(a_silent_server_is_doubted)
{
	world_init();
	struct wire *wire = wire_open(0);
	wire->client.doubt_min_us = 1000 * MS;
	wire->client.doubt_max_us = 5000 * MS;
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(wire_turn(wire, ROOM), 0);
		w.now += 10 * MS;
	}
	CHECK(!link_in_doubt(&wire->client, w.now + 100 * 1000 * MS));
	CHECK_EQ(stream_write(tty(&w.client), "a key", 5), 5);
	(void)engine_fill(&w.client.engine, &wire->client, &wire->up, ROOM, w.now);
	uint64_t at = engine_deadline(&w.client.engine, &wire->client);
	CHECK_EQ(at, w.now + 1000 * MS);
	CHECK(link_in_doubt(&wire->client, at));
	CHECK_EQ(deliver(&w.server, &wire->server, &wire->up, ROOM), 0);
	w.now += 900 * MS;
	(void)engine_fill(&w.server.engine, &wire->server, &wire->down, ROOM, w.now);
	CHECK_EQ(deliver(&w.client, &wire->client, &wire->down, ROOM), 0);
	CHECK(!link_in_doubt(&wire->client, at));
	world_finish();
}

/* ---- no memory ---- */

TEST(an_acknowledgement_that_found_no_room_is_told_later)
{
	static const uint8_t bytes[WINDOW];
	struct buf out;
	world_init();
	struct wire *wire = wire_open(0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(wire_turn(wire, ROOM), 0);
		w.now += 100 * MS;
	}
	struct stream *s = tty(&w.server);
	CHECK_EQ(stream_on_data(s, 0, (struct span){ bytes, WINDOW }, w.now), 0);
	stream_take(s, WINDOW);
	buf_init(&out, ROOM);
	test_fail_malloc(1);
	(void)engine_fill(&w.server.engine, &wire->server, &out, ROOM, w.now);
	CHECK(test_malloc_failed());
	CHECK(engine_deadline(&w.server.engine, &wire->server) != 0);
	CHECK(first_frame_is(&w.server, &wire->server, MSG_ACK));
	buf_finish(&out);
	world_finish();
}

TEST(without_memory_there_is_no_stream)
{
	world_bare();
	for (int i = 1; i <= 2; i++) {
		test_fail_malloc(i);
		CHECK(engine_open(&w.client.engine, 1, 1, 100, 100) == NULL);
		CHECK_EQ(w.client.engine.n_streams, 0);
	}
	CHECK(engine_open(&w.client.engine, 1, 1, 100, 100) != NULL);
	world_finish();
}

/* A session in which one allocation fails, whichever: a link may be lost, the session
 * not.  Returns false when nothing has failed any more. */
static bool
session_without_memory(long n)
{
	size_t i = 0;
	world_init();
	w.client.total = w.server.total = TOTAL;
	test_fail_malloc(n);
	for (int turn = 0; !all_arrived(); turn++) {
		struct wire *wire = &w.wires[i % 2];
		if (turn == TURNS_MAX)
			FAIL("stuck after allocation %ld has failed", n);
		if (turn % 200 == 199)
			wire_cut(wire);
		if (!wire->open && (wire_hello(wire) || wire_welcome(wire))) {
			wire_cut(wire);
			continue;
		}
		use(&w.client, &w.server, 4096);
		use(&w.server, &w.client, 4096);
		if (wire_turn(wire, ROOM)) {
			wire_cut(wire);
			i++;
		}
		w.now += 5 * MS;
	}
	world_finish();
	return test_malloc_failed();
}

TEST(whichever_allocation_fails_the_session_goes_on)
{
	long n = 1;
	while (session_without_memory(n))
		n++;
	CHECK(n > 10);
}

/* Two links of the server's, the second of which counts and carries what is urgent. */
static struct link *
ranked_beside(void)
{
	world_init();
	wire_open(0);
	wire_open(1);
	struct link *l = &w.wires[1].server;
	struct msg_ranks ranks = { 1, 2, 0 };
	l->counts = true;
	CHECK_EQ(give(&w.server, l, MSG_RANKS, &ranks), 0);
	CHECK(engine_link(&w.server.engine, RANK_TERMINAL) == l);
	CHECK(engine_link(&w.server.engine, RANK_BULK) == &w.wires[0].server);
	return l;
}

TEST(ranks_say_what_goes_by_a_link_and_the_last_one_counts)
{
	struct link *l = ranked_beside();
	struct msg_ranks later = { 3, 0, 2 }, earlier = { 2, 2, 2 };
	CHECK_EQ(give(&w.server, l, MSG_RANKS, &later), 0);
	CHECK(engine_link(&w.server.engine, RANK_TERMINAL) == &w.wires[0].server);
	CHECK(engine_link(&w.server.engine, RANK_BULK) == l);
	CHECK_EQ(give(&w.server, l, MSG_RANKS, &earlier), 0);
	CHECK(engine_link(&w.server.engine, RANK_TERMINAL) == &w.wires[0].server);
	CHECK_EQ(give(&w.client, &w.wires[1].client, MSG_RANKS, &later), ERR_STATE);
	world_finish();
}

TEST(a_link_in_doubt_carries_what_no_other_can)
{
	struct link *l = ranked_beside();
	engine_doubt(&w.server.engine, l, true);
	CHECK(engine_link(&w.server.engine, RANK_TERMINAL) == &w.wires[0].server);
	engine_doubt(&w.server.engine, l, false);
	CHECK(engine_link(&w.server.engine, RANK_TERMINAL) == l);
	engine_doubt(&w.server.engine, l, true);
	engine_remove(&w.server.engine, &w.wires[0].server);
	CHECK(engine_link(&w.server.engine, RANK_TERMINAL) == l);
	CHECK(engine_link(&w.server.engine, RANK_BULK) == l);
	world_finish();
}

TEST(a_server_follows_what_is_typed_to_another_link)
{
	struct link *l = ranked_beside();
	struct msg_data typed = { STREAM_MAIN, 0, { (const uint8_t *)"k", 1 } };
	CHECK_EQ(give(&w.server, l, MSG_DATA, &typed), 0);
	CHECK(!l->doubted);
	/* The same once more is nothing new. */
	CHECK_EQ(give(&w.server, &w.wires[0].server, MSG_DATA, &typed), 0);
	CHECK(!l->doubted);
	typed.offset = 1;
	CHECK_EQ(give(&w.server, &w.wires[0].server, MSG_DATA, &typed), 0);
	CHECK(l->doubted && l->ping_now);
	CHECK(engine_link(&w.server.engine, RANK_TERMINAL) == &w.wires[0].server);
	world_finish();
}
