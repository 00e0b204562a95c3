/* Two ends of a datagram link, and whoever is between them. */
#include "link/datagram.h"

#include "base/err.h"
#include "test.h"
#include "wire/bytes.h"

enum {
	MS = 1000,
	SECOND = 1000 * MS,
	ID = 0x01020304,
	SENT_MAX = 256,
	ROOM = 256 * 1024,
	STREAM_BULK = STREAM_CHANNELS,
};

struct sent {
	size_t n;
	uint8_t bytes[DATAGRAM_MAX];
};

struct end {
	struct engine engine;
	struct datagram io;
	struct stream *main, *bulk;
	struct sent sent[SENT_MAX]; /* not delivered yet */
	size_t n_sent, total;
	uint16_t bye;
};

static struct end client, host;
static uint64_t now_us;

static void
note_sent(void *owner, struct span bytes)
{
	struct end *e = owner;
	CHECK(bytes.n <= DATAGRAM_MAX && e->n_sent < SENT_MAX);
	struct sent *s = &e->sent[e->n_sent++];
	s->n = bytes.n;
	memcpy(s->bytes, bytes.p, bytes.n);
	e->total++;
}

static void
begin_end(struct end *e, bool is_client)
{
	struct datagram_keys keys;
	memset(keys.out, is_client ? 1 : 2, SEAL_KEY);
	memset(keys.in, is_client ? 2 : 1, SEAL_KEY);
	memset(e, 0, sizeof *e);
	engine_init(&e->engine, is_client);
	CHECK(engine_open(&e->engine, STREAM_CONTROL, RANK_CONTROL, ROOM, ROOM));
	e->main = engine_open(&e->engine, STREAM_MAIN, RANK_TERMINAL, ROOM, ROOM);
	e->bulk = engine_open(&e->engine, STREAM_BULK, RANK_BULK, ROOM, ROOM);
	CHECK_EQ(datagram_init(&e->io, ID, &keys, note_sent, e, now_us), 0);
	CHECK_EQ(engine_add(&e->engine, &e->io.link), 0);
}

static void
tell_positions(struct end *from, struct end *to)
{
	struct buf positions;
	buf_init(&positions, 1024);
	CHECK_EQ(engine_positions(&from->engine, &positions), 0);
	CHECK_EQ(engine_set_positions(&to->engine, buf_span(&positions)), 0);
	buf_finish(&positions);
}

static void
begin(void)
{
	if (!seal_available())
		SKIP("built without BearSSL");
	now_us = 100 * (uint64_t)SECOND;
	begin_end(&client, true);
	begin_end(&host, false);
	tell_positions(&client, &host);
	tell_positions(&host, &client);
}

static void
end(void)
{
	link_close(&client.io.link);
	link_close(&host.io.link);
	engine_finish(&client.engine);
	engine_finish(&host.engine);
}

static enum datagram_taken
take(struct end *e, const struct sent *s)
{
	struct sent copy = *s;
	struct frame f;
	union msg m;
	long len;
	enum datagram_taken taken = datagram_take(&e->io, copy.bytes, copy.n, now_us);
	while ((len = link_frame(&e->io.link, &f)) > 0) {
		if (f.type == MSG_BYE && msg_get(&f, &m) == 0)
			e->bye = m.bye.code;
		else
			CHECK_EQ(engine_frame(&e->engine, &e->io.link, &f, now_us), 0);
		link_drop(&e->io.link, len);
	}
	CHECK_EQ(e->io.link.in.len, 0);
	return taken;
}

static void
write_end(struct end *e)
{
	link_write(&e->io.link, &e->engine, now_us);
}

/* What one has sent arrives at the other, but for those longer than `mtu`. */
static void
deliver(struct end *from, struct end *to, size_t mtu)
{
	for (size_t i = 0; i < from->n_sent; i++) {
		if (from->sent[i].n <= mtu)
			CHECK(take(to, &from->sent[i]) != DATAGRAM_DROPPED);
		if (i % DATAGRAM_AT_ONCE == DATAGRAM_AT_ONCE - 1)
			write_end(to);
	}
	from->n_sent = 0;
}

/* Both ends for so long; each datagram takes 10 ms. */
static void
go_on(unsigned ms, size_t mtu_to_host, size_t mtu_to_client)
{
	for (uint64_t end_us = now_us + ms * (uint64_t)MS; now_us < end_us;
	     now_us += 10 * MS) {
		deliver(&client, &host, mtu_to_host);
		deliver(&host, &client, mtu_to_client);
		write_end(&client);
		write_end(&host);
	}
}

static void
go(unsigned ms)
{
	go_on(ms, DATAGRAM_MAX, DATAGRAM_MAX);
}

static size_t
take_held(struct stream *s)
{
	size_t n = stream_held(s).n;
	stream_take(s, n);
	return n;
}

/* A datagram to the host with the client's key, saying that nothing was seen. */
static struct sent
forge(uint64_t number, const char *frames, size_t n)
{
	struct sent s = { .n = DATAGRAM_OVERHEAD + n };
	put_be(s.bytes, ID, 4);
	put_be(s.bytes + 4, number, 8);
	memcpy(s.bytes + SEAL_HEAD + DATAGRAM_SAID, frames, n);
	size_t len = DATAGRAM_SAID + n;
	seal_close(client.io.keys.out, s.bytes, s.bytes + SEAL_HEAD, len,
	    s.bytes + SEAL_HEAD + len);
	return s;
}

static enum datagram_taken
take_number(uint64_t number)
{
	struct sent s = forge(number, "", 0);
	return take(&host, &s);
}

/* ---- what is taken ---- */

TEST(keys_go_there_and_back)
{
	begin();
	stream_write(client.main, "key", 3);
	go(100);
	CHECK_EQ(take_held(host.main), 3);
	stream_write(host.main, "echo", 4);
	go(100);
	CHECK_EQ(take_held(client.main), 4);
	CHECK_EQ(stream_unacked(client.main), 0);
	CHECK(client.io.link.srtt_us > 5 * MS && client.io.link.srtt_us < 40 * MS);
	CHECK_EQ(client.io.link.flight[LINK_URGENT], 0);
	CHECK_EQ(host.io.link.flight[LINK_URGENT], 0);
	end();
}

TEST(each_number_is_taken_once_within_the_window)
{
	begin();
	CHECK_EQ(take_number(0), DATAGRAM_DROPPED);
	CHECK_EQ(take_number(5), DATAGRAM_NEWEST);
	CHECK_EQ(take_number(5), DATAGRAM_DROPPED);
	CHECK_EQ(take_number(3), DATAGRAM_LATE);
	CHECK_EQ(take_number(3), DATAGRAM_DROPPED);
	CHECK_EQ(take_number(2000), DATAGRAM_NEWEST);
	CHECK_EQ(take_number(2000 - DATAGRAM_WINDOW), DATAGRAM_DROPPED);
	CHECK_EQ(take_number(2000 - DATAGRAM_WINDOW + 1), DATAGRAM_LATE);
	CHECK_EQ(take_number(2000 - DATAGRAM_WINDOW + 1), DATAGRAM_DROPPED);
	for (uint64_t n = 2000 - DATAGRAM_WINDOW + 2; n < 2000; n++)
		CHECK_EQ(take_number(n), DATAGRAM_LATE);
	for (uint64_t n = 2000 - DATAGRAM_WINDOW; n <= 2000; n++)
		CHECK_EQ(take_number(n), DATAGRAM_DROPPED);
	CHECK_EQ(take_number(2001), DATAGRAM_NEWEST);
	CHECK_EQ(take_number(1 << 20),
	    DATAGRAM_NEWEST); /* nothing is left of the old ones */
	CHECK_EQ(take_number((1 << 20) - 1), DATAGRAM_LATE);
	end();
}

TEST(numbers_near_their_end)
{
	begin();
	uint64_t last = ((uint64_t)1 << 62) - 1;
	CHECK_EQ(take_number(last - 1), DATAGRAM_NEWEST);
	CHECK_EQ(take_number(last), DATAGRAM_NEWEST);
	CHECK_EQ(take_number(last + 1), DATAGRAM_DROPPED);
	CHECK_EQ(take_number(UINT64_MAX), DATAGRAM_DROPPED);
	CHECK_EQ(take_number(last - 5), DATAGRAM_LATE);
	/* Who has none left says nothing any more: never a number twice. */
	client.io.flight.first = client.io.flight.next = last;
	stream_write(client.main, "a", 1);
	write_end(&client);
	CHECK_EQ(client.n_sent, 1);
	CHECK(!client.io.link.broken);
	stream_write(client.main, "b", 1);
	write_end(&client);
	CHECK_EQ(client.n_sent, 1);
	CHECK(client.io.link.broken);
	write_end(&client);
	CHECK_EQ(client.n_sent, 1);
	end();
}

TEST(numbers_go_on_beyond_32_bits)
{
	begin();
	uint64_t first = ((uint64_t)1 << 32) - 10;
	client.io.flight.first = client.io.flight.next = first;
	host.io.flight.first = host.io.flight.next = first + 3;
	for (unsigned i = 0; i < 30; i++) {
		stream_write(client.main, "k", 1);
		go(50);
		stream_write(host.main, "k", 1);
		go(50);
	}
	go(100);
	CHECK_EQ(take_held(client.main), 30);
	CHECK_EQ(take_held(host.main), 30);
	CHECK(client.io.flight.high > (uint64_t)1 << 32);
	CHECK(host.io.flight.high > (uint64_t)1 << 32);
	CHECK_EQ(client.io.flight.lost_share, 0);
	CHECK_EQ(host.io.link.flight[LINK_URGENT], 0);
	end();
}

TEST(what_is_not_authentic_changes_nothing)
{
	begin();
	go(100);
	stream_write(client.main, "key", 3);
	write_end(&client);
	struct sent good = client.sent[0];
	struct datagram before = host.io;
	for (size_t bit = 0; bit < 8 * good.n; bit++) {
		struct sent s = good;
		s.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK_EQ(take(&host, &s), DATAGRAM_DROPPED);
	}
	for (size_t n = 0; n < good.n; n++) {
		struct sent s = good;
		s.n = n;
		CHECK_EQ(take(&host, &s), DATAGRAM_DROPPED);
	}
	CHECK(memcmp(&before, &host.io, sizeof before) == 0);
	write_end(&host);
	CHECK_EQ(host.n_sent, 0);
	CHECK_EQ(take(&host, &good), DATAGRAM_NEWEST);
	before = host.io;
	CHECK_EQ(take(&host, &good), DATAGRAM_DROPPED);
	CHECK(memcmp(&before, &host.io, sizeof before) == 0);
	/* One's own comes back: it has the wrong key. */
	write_end(&host);
	now_us += SECOND;
	write_end(&host);
	CHECK(host.n_sent > 0);
	CHECK_EQ(take(&host, &host.sent[0]), DATAGRAM_DROPPED);
	end();
}

TEST(a_late_one_that_had_seen_nothing_breaks_nothing)
{
	begin();
	struct sent early[2];
	datagram_ask(&client.io);
	write_end(&client);
	early[0] = client.sent[0];
	datagram_ask(&client.io);
	write_end(&client);
	early[1] = client.sent[1];
	client.n_sent = 0;
	CHECK_EQ(take(&host, &early[1]), DATAGRAM_NEWEST);
	go(100);
	stream_write(client.main, "k", 1);
	go(100);
	CHECK(host.io.flight.high > 0); /* the client has seen the host's */
	CHECK_EQ(take(&host, &early[0]), DATAGRAM_LATE);
	CHECK(!host.io.link.broken);
	end();
}

TEST(a_word_about_what_was_never_sent_breaks_the_link)
{
	begin();
	struct sent s = forge(1, "", 0);
	uint8_t *inner = s.bytes + SEAL_HEAD;
	put_be(inner, 7, 4); /* seen */
	CHECK(seal_available());
	memset(inner, 0, DATAGRAM_SAID);
	put_be(inner, 7, 4);
	seal_close(client.io.keys.out, s.bytes, inner, DATAGRAM_SAID,
	    inner + DATAGRAM_SAID);
	CHECK_EQ(take(&host, &s), DATAGRAM_NEWEST);
	CHECK(host.io.link.broken);
	end();
}

/* ---- what is sent again ---- */

TEST(a_lost_key_is_sent_again)
{
	begin();
	stream_write(client.main, "k", 1);
	go_on(90, 0, 0);
	CHECK_EQ(client.total, 1); /* nothing is known of the link */
	go(200);
	CHECK_EQ(take_held(host.main), 1);
	CHECK(client.total >= 2);
	end();
}

TEST(a_long_outage_costs_little)
{
	static const size_t amounts[] = { 100, 100 * 1000 };
	for (size_t i = 0; i < 2; i++) {
		begin();
		stream_write(client.main, "k", 1);
		go(300);
		uint8_t bytes[1000] = { 0 };
		for (size_t n = 0; n < amounts[i]; n += sizeof bytes)
			stream_write(client.main, bytes, sizeof bytes);
		client.io.flight.lost_share = FLIGHT_SHARE / 4;
		go_on(2000, 0, 0);
		size_t before = client.total;
		go_on(120 * 1000, 0, 0);
		/* The first minute at most each second, and then each five. */
		CHECK(client.total - before <= 60 + 20);
		go(20 * 1000);
		CHECK_EQ(stream_unacked(client.main), 0);
		end();
	}
}

TEST(of_a_flood_one_is_given_up_a_repeat)
{
	begin();
	uint8_t bytes[1000] = { 0 };
	go(100);
	for (unsigned i = 0; i < 50; i++)
		stream_write(client.main, bytes, sizeof bytes);
	write_end(&client);
	size_t first = client.n_sent;
	CHECK(first > 5);
	client.n_sent = 0;
	for (unsigned i = 0; i < 100; i++) {
		now_us += 10 * MS;
		write_end(&client);
		CHECK(client.n_sent <= 1);
		client.n_sent = 0;
	}
	end();
}

TEST(bytes_that_do_not_fit_a_small_one_are_no_flood)
{
	begin();
	client.io.size_max = DATAGRAM_SMALL;
	uint8_t bytes[DATAGRAM_REPEAT] = { 0 };
	for (size_t n = 400; n <= sizeof bytes; n += 4) {
		stream_write(client.main, bytes, n);
		write_end(&client);
		CHECK(client.n_sent <= 2);
		go(500);
		CHECK_EQ(take_held(host.main), n);
		CHECK_EQ(stream_unacked(client.main), 0);
	}
	end();
}

/* Lost while every datagram had them all; and before the next there is more than fits. */
TEST(what_every_datagram_had_is_not_forgotten_when_there_is_more)
{
	begin();
	go(100);
	stream_write(client.main, "0123456789", 10);
	write_end(&client);
	client.n_sent = 0; /* lost */
	for (unsigned i = 0; i < 3; i++) { /* three later ones arrive */
		client.io.now = true;
		host.io.now = true;
		struct flight_sent *s = flight_add(&client.io.flight, now_us);
		s->size = 60;
		struct sent other = forge(s->number, "", 0);
		CHECK_EQ(take(&host, &other), DATAGRAM_NEWEST);
	}
	write_end(&host);
	deliver(&host, &client, DATAGRAM_MAX);
	uint8_t bytes[2000] = { 0 };
	link_write(&client.io.link, NULL, now_us); /* it is found lost */
	stream_write(client.main, bytes, sizeof bytes);
	go(300);
	CHECK_EQ(take_held(host.main), 2010);
	CHECK_EQ(stream_unacked(client.main), 0);
	end();
}

TEST(more_ranges_than_the_log_has_room_for_go_with_the_next)
{
	begin();
	struct stream *from[8], *to[8];
	for (uint32_t i = 0; i < 8; i++) {
		from[i] = engine_open(&client.engine, STREAM_BULK + 1 + i, RANK_BULK,
		    ROOM, ROOM);
		to[i] = engine_open(&host.engine, STREAM_BULK + 1 + i, RANK_BULK, ROOM,
		    ROOM);
	}
	tell_positions(&client, &host);
	tell_positions(&host, &client);
	for (size_t i = 0; i < 8; i++) {
		stream_write(from[i], "some", 4);
		stream_end(from[i]);
	}
	write_end(&client);
	CHECK(client.n_sent >= 3);
	client.n_sent = 0; /* all are lost */
	go(2000);
	for (size_t i = 0; i < 8; i++) {
		CHECK_EQ(take_held(to[i]), 4);
		CHECK(to[i]->in_ended);
		CHECK(stream_delivered(from[i]));
	}
	CHECK_EQ(client.io.link.flight[LINK_BULK], 0);
	end();
}

/* ---- sizes ---- */

TEST(large_ones_that_are_swallowed_become_small)
{
	static const size_t mtus[] = { 540, 700, 1100 };
	for (size_t i = 0; i < 3; i++) {
		begin();
		uint8_t bytes[1000] = { 0 };
		stream_write(client.main, "k", 1);
		go_on(300, mtus[i], DATAGRAM_MAX);
		for (unsigned k = 0; k < 40; k++)
			stream_write(client.main, bytes, sizeof bytes);
		go_on(10 * 1000, mtus[i], DATAGRAM_MAX);
		CHECK_EQ(client.io.size_max, DATAGRAM_SMALL);
		CHECK_EQ(take_held(host.main), 40001);
		CHECK_EQ(stream_unacked(client.main), 0);
		/* Another way may have room for them. */
		datagram_way_changed(&client.io, now_us);
		CHECK_EQ(client.io.size_max, DATAGRAM_MAX);
		end();
	}
}

TEST(an_outage_makes_nothing_small)
{
	begin();
	uint8_t bytes[1000] = { 0 };
	stream_write(client.main, "k", 1);
	go(300);
	for (unsigned k = 0; k < 40; k++)
		stream_write(client.main, bytes, sizeof bytes);
	go_on(5 * 1000, 0, 0);
	go(10 * 1000);
	CHECK_EQ(stream_unacked(client.main), 0);
	for (unsigned k = 0; k < 200; k++)
		stream_write(client.main, bytes, sizeof bytes);
	go(10 * 1000);
	CHECK_EQ(client.io.size_max, DATAGRAM_MAX);
	end();
}

/* ---- addresses ---- */

static size_t
sent_bytes(const struct end *e)
{
	size_t sum = 0;
	for (size_t i = 0; i < e->n_sent; i++)
		sum += e->sent[i].n;
	return sum;
}

TEST(to_an_address_that_proves_nothing_goes_three_times_what_came)
{
	begin();
	uint8_t bytes[1000] = { 0 };
	stream_write(client.main, "k", 1);
	go(200);
	for (unsigned i = 0; i < 20; i++)
		stream_write(host.main, bytes, sizeof bytes);
	struct sent moved = forge(client.io.flight.next, "", 0);
	CHECK_EQ(take(&host, &moved), DATAGRAM_NEWEST);
	datagram_peer_moved(&host.io, moved.n, now_us);
	host.n_sent = 0;
	for (unsigned i = 0; i < 100; i++) {
		write_end(&host);
		now_us += 50 * MS;
	}
	CHECK(host.n_sent > 0);
	CHECK(sent_bytes(&host) <= 3 * moved.n);
	/* A late one pays nothing: it may have come from where the client was before. */
	size_t before = sent_bytes(&host);
	struct sent newer = forge(client.io.flight.next + 2, "", 0);
	CHECK_EQ(take(&host, &newer), DATAGRAM_NEWEST);
	struct sent late = forge(client.io.flight.next + 1, "", 0);
	CHECK_EQ(take(&host, &late), DATAGRAM_LATE);
	for (unsigned i = 0; i < 100; i++) {
		write_end(&host);
		now_us += 50 * MS;
	}
	CHECK(sent_bytes(&host) <= before + 3 * newer.n);
	end();
}

TEST(an_answer_from_there_proves_it)
{
	begin();
	uint8_t bytes[1000] = { 0 };
	stream_write(client.main, "k", 1);
	go(200);
	for (unsigned i = 0; i < 20; i++)
		stream_write(host.main, bytes, sizeof bytes);
	datagram_ask(&client.io);
	write_end(&client);
	size_t n = client.sent[0].n;
	deliver(&client, &host, DATAGRAM_MAX);
	datagram_peer_moved(&host.io, n, now_us);
	CHECK(host.io.proof);
	go(1000);
	CHECK_EQ(host.io.proof, 0);
	CHECK_EQ(stream_unacked(host.main), 0);
	end();
}

/* ---- another link beside it ---- */

static struct link other;
static const struct link_ops other_ops = { .name = "other" };

static void
add_other(struct end *e)
{
	link_init(&other, now_us);
	other.ops = &other_ops;
	CHECK_EQ(engine_add(&e->engine, &other), 0);
	engine_rank(&e->engine, &e->io.link, 2, 0);
}

static void
remove_other(struct end *e)
{
	engine_remove(&e->engine, &other);
	link_finish(&other);
}

TEST(in_doubt_keys_go_by_both_links)
{
	begin();
	add_other(&client);
	CHECK(engine_link(&client.engine, RANK_TERMINAL) == &client.io.link);
	CHECK(engine_link(&client.engine, RANK_BULK) == &other);
	stream_write(client.main, "k", 1);
	go(200);
	CHECK_EQ(take_held(host.main), 1);
	stream_write(client.main, "a", 1);
	go_on(1200, 0, 0);
	CHECK(client.io.link.doubted);
	CHECK(engine_link(&client.engine, RANK_TERMINAL) == &other);
	client.n_sent = 0;
	stream_write(client.main, "b", 1);
	write_end(&client);
	CHECK_EQ(client.n_sent, 1); /* the copy goes at once */
	go_on(50, DATAGRAM_MAX, 0);
	CHECK_EQ(take_held(host.main), 2);
	go(500); /* it answers */
	CHECK(!client.io.link.doubted);
	CHECK(engine_link(&client.engine, RANK_TERMINAL) == &client.io.link);
	go(500);
	CHECK_EQ(stream_unacked(client.main), 0);
	remove_other(&client);
	end();
}

TEST(what_may_not_be_sent_is_doubted)
{
	begin();
	add_other(&host);
	stream_write(client.main, "k", 1);
	go(200);
	struct sent moved = forge(client.io.flight.next, "", 0);
	CHECK_EQ(take(&host, &moved), DATAGRAM_NEWEST);
	datagram_peer_moved(&host.io, moved.n, now_us);
	go_on(300, 0, 0); /* what is allowed has been spent */
	stream_write(host.main, "screen", 6);
	go_on(2000, 0, 0);
	CHECK(host.io.link.doubted);
	CHECK(engine_link(&host.engine, RANK_TERMINAL) == &other);
	remove_other(&host);
	end();
}

TEST(without_an_engine_nobody_doubts)
{
	begin();
	datagram_ask(&client.io);
	for (unsigned turns = 0; now_us < 110 * (uint64_t)SECOND; turns++) {
		link_write(&client.io.link, NULL, now_us);
		client.n_sent = 0;
		uint64_t at = link_write_at(&client.io.link, NULL);
		CHECK(at > now_us);
		CHECK(turns < 50);
		now_us = at;
	}
	CHECK(!client.io.link.doubted);
	end();
}

/* ---- RANKS, BYE ---- */

TEST(ranks_that_are_lost_are_said_again)
{
	begin();
	client.io.link.rank[LINK_URGENT] = 2;
	client.io.link.ranks_due = true;
	write_end(&client);
	CHECK_EQ(client.n_sent, 1);
	client.n_sent = 0;
	CHECK(client.io.ranks_open);
	CHECK_EQ(host.io.link.rank[LINK_URGENT], 0);
	go(1000);
	CHECK(!client.io.ranks_open);
	CHECK_EQ(host.io.link.rank[LINK_URGENT], 2);
	end();
}

TEST(ranks_that_were_overtaken_say_nothing)
{
	begin();
	client.io.link.rank[LINK_URGENT] = 2;
	client.io.link.ranks_due = true;
	write_end(&client);
	client.io.link.rank[LINK_URGENT] = 3;
	client.io.link.ranks_due = true;
	write_end(&client);
	CHECK_EQ(client.n_sent, 2);
	CHECK_EQ(take(&host, &client.sent[1]), DATAGRAM_NEWEST);
	CHECK_EQ(take(&host, &client.sent[0]), DATAGRAM_LATE);
	CHECK_EQ(host.io.link.rank[LINK_URGENT], 3);
	end();
}

TEST(bye_stands_in_the_queue_until_it_is_seen)
{
	begin();
	struct msg_bye m = { .code = 7 };
	go(100);
	CHECK_EQ(msg_put(&host.io.link.queue, MSG_BYE, &m), 0);
	host.io.now = true;
	for (unsigned i = 0; i < 20; i++) {
		link_write(&host.io.link, NULL, now_us);
		now_us += 50 * MS;
	}
	CHECK(host.n_sent >= 2); /* nobody answers */
	CHECK_EQ(client.bye, 0);
	deliver(&host, &client, DATAGRAM_MAX);
	CHECK_EQ(client.bye, 7);
	end();
}

TEST(no_memory)
{
	struct datagram d;
	struct datagram_keys keys = { 0 };
	test_fail_malloc(1);
	CHECK_EQ(datagram_init(&d, ID, &keys, note_sent, NULL, 1), ERR_NOMEM);
	CHECK(test_malloc_failed());
	link_close(&d.link);
	/* Without memory for one it is as if it were lost. */
	begin();
	buf_finish(&client.io.out);
	buf_init(&client.io.out, DATAGRAM_MAX);
	stream_write(client.main, "k", 1);
	test_fail_malloc(1);
	write_end(&client);
	CHECK(test_malloc_failed());
	CHECK_EQ(client.n_sent, 0);
	go(500);
	CHECK_EQ(take_held(host.main), 1);
	end();
}
