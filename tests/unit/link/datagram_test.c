/* Two ends of a datagram link, whose datagrams the test carries. */
#include "link/datagram.h"

#include "test.h"

#include <string.h>

enum {
	MS = 1000,
	SECOND_US = 1000 * 1000,
	ID = 7,
	MAILS = 64,
	ROOM = 64 * 1024,
};

struct mail {
	uint8_t bytes[DATAGRAM_MAX];
	size_t n;
};

struct end {
	struct engine engine;
	struct datagram io;
	struct mail out[MAILS];
	size_t n_out;
};

static struct {
	uint64_t now_us;
	struct end client, host;
} w;

static void
post(void *owner, struct span bytes)
{
	struct end *e = owner;
	CHECK(e->n_out < MAILS);
	struct mail *m = &e->out[e->n_out++];
	m->n = bytes.n;
	memcpy(m->bytes, bytes.p, bytes.n);
}

static void
end_init(struct end *e, bool client)
{
	struct datagram_keys keys;
	memset(keys.out, client ? 1 : 2, SEAL_KEY);
	memset(keys.in, client ? 2 : 1, SEAL_KEY);
	*e = (struct end){ 0 };
	engine_init(&e->engine, client);
	CHECK(engine_open(&e->engine, STREAM_CONTROL, RANK_CONTROL, ROOM, ROOM));
	CHECK(engine_open(&e->engine, STREAM_MAIN, RANK_TERMINAL, ROOM, ROOM));
	CHECK_EQ(datagram_init(&e->io, ID, &keys, post, e, w.now_us), 0);
}

static void
world_init(void)
{
	if (!seal_available())
		SKIP("built without BearSSL");
	w.now_us = 1000 * SECOND_US;
	end_init(&w.client, true);
	end_init(&w.host, false);
}

static void
end_finish(struct end *e)
{
	engine_remove(&e->engine, &e->io.link);
	link_close(&e->io.link);
	engine_finish(&e->engine);
}

static void
world_finish(void)
{
	end_finish(&w.client);
	end_finish(&w.host);
}

/* What was sent as number i comes to the other end. */
static enum datagram_taken
deliver(struct end *from, struct end *to, size_t i)
{
	struct mail m = from->out[i];
	return datagram_take(&to->io, m.bytes, m.n, w.now_us);
}

static void
turn(struct end *e, struct engine *engine)
{
	link_write(&e->io.link, engine, w.now_us);
}

/* Whose question nobody answers looks again when there is something to do. */
TEST(nobody_there)
{
	world_init();
	datagram_ask(&w.client.io);
	unsigned turns = 0;
	for (uint64_t end_us = w.now_us + 5 * SECOND_US; w.now_us < end_us; turns++) {
		turn(&w.client, NULL);
		uint64_t at_us = link_write_at(&w.client.io.link, NULL);
		CHECK(at_us > w.now_us);
		w.now_us = at_us > w.now_us ? at_us : w.now_us + MS;
	}
	CHECK(turns <= 10);
	world_finish();
}

/* The first datagrams know of none of the host's, and may come behind those that do. */
TEST(the_first_comes_late)
{
	world_init();
	datagram_ask(&w.client.io);
	turn(&w.client, NULL);
	w.now_us += 100 * MS;
	datagram_ask(&w.client.io);
	turn(&w.client, NULL);
	CHECK_EQ(w.client.n_out, 2);
	CHECK_EQ(deliver(&w.client, &w.host, 0), DATAGRAM_NEWEST);
	w.now_us += 30 * MS;
	turn(&w.host, NULL);
	CHECK_EQ(w.host.n_out, 1);
	CHECK_EQ(deliver(&w.host, &w.client, 0), DATAGRAM_NEWEST);
	datagram_ask(&w.client.io);
	turn(&w.client, NULL);
	CHECK_EQ(w.client.n_out, 3);
	CHECK_EQ(deliver(&w.client, &w.host, 2), DATAGRAM_NEWEST);
	CHECK_EQ(deliver(&w.client, &w.host, 1), DATAGRAM_LATE);
	CHECK(!w.host.io.link.broken);
	world_finish();
}
