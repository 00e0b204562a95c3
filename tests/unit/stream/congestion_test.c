#include "stream/congestion.h"
#include "test.h"

enum { MS = 1000, KB = 1024, BIG = 1 << 30 };

static struct congestion c;
static uint64_t now;

/* As much as is allowed is sent at `rate` bytes a ms, and acknowledged a round trip later,
 * for so many round trips. */
static void
rounds(unsigned n, uint64_t rate, uint64_t rtt_ms)
{
	while (n--) {
		size_t bytes = congestion_allowed(&c, BIG);
		uint64_t took_ms = bytes / rate > rtt_ms ? bytes / rate : rtt_ms;
		congestion_sent(&c, bytes / 2, now);
		now += took_ms * MS / 2;
		congestion_sent(&c, bytes - bytes / 2, now);
		now += took_ms * MS / 2;
		congestion_acked(&c, bytes / 2, now);
		now += took_ms * MS / 2;
		congestion_acked(&c, bytes - bytes / 2, now);
	}
}

static void
begin(void)
{
	now = 1000 * MS;
	congestion_init(&c, now);
}

TEST(at_first_a_little_is_allowed_and_never_more_than_the_ceiling)
{
	begin();
	CHECK_EQ(congestion_allowed(&c, BIG), CONGESTION_START);
	CHECK_EQ(congestion_allowed(&c, 100), 100);
	CHECK_EQ(congestion_in(&c, 1000 * MS), 0);
}

TEST(the_start_is_quick_and_stops_at_the_rate)
{
	begin();
	rounds(5, 10 * KB, 100);
	CHECK(congestion_allowed(&c, BIG) >= 1000 * KB / 2);
	rounds(20, 10 * KB, 100);
	CHECK(c.phase != CONGESTION_STARTING);
	CHECK(congestion_in(&c, 1000 * MS) >= 5000 * KB);
	CHECK(congestion_in(&c, 1000 * MS) <= 11000 * KB);
}

/* Letting the queue run dry costs more than a round trip. */
TEST(a_round_trip_that_was_seen_without_a_queue_is_not_looked_for)
{
	begin();
	congestion_sent(&c, 100, now);
	now += 100 * MS;
	congestion_acked(&c, 100, now);
	for (int i = 0; i < 30; i++) {
		rounds(1, 10 * KB, 100);
		CHECK(c.phase != CONGESTION_PROBING);
	}
	CHECK_EQ(c.phase, CONGESTION_CRUISING);
	CHECK_EQ(c.rtt_us, 100 * MS);
}

TEST(what_is_sent_is_spread_over_time_once_the_rate_is_known)
{
	begin();
	congestion_sent(&c, 5000, now);
	CHECK(c.next_us <= now);
	rounds(20, 10 * KB, 100);
	congestion_sent(&c, 100 * KB, now); /* late: it makes up for one */
	congestion_sent(&c, 100 * KB, now);
	CHECK(c.next_us > now + 4 * MS && c.next_us < now + 20 * MS);
	/* Less than two milliseconds is no time to wait for. */
	now = c.next_us + 1000 * MS;
	congestion_sent(&c, KB, now);
	CHECK(c.next_us <= now);
}

TEST(of_two_the_slower_gets_more_of_a_queue_for_its_rate)
{
	struct congestion slow = { .phase = CONGESTION_CRUISING,
		.rate_now = 100 * KB,
		.rtt_us = 1 };
	struct congestion fast = { .phase = CONGESTION_CRUISING,
		.rate_now = 400 * KB,
		.rtt_us = 1 };
	congestion_acked(&slow, 0, 0);
	congestion_acked(&fast, 0, 0);
	CHECK(4 * congestion_allowed(&slow, BIG) > congestion_allowed(&fast, BIG) + 1024);
}

TEST(nothing_ever_closes_it)
{
	begin();
	rounds(20, 10 * KB, 100);
	for (int i = 0; i < 100; i++) {
		congestion_sent(&c, 100, now);
		now += 3600 * 1000 * (uint64_t)MS;
		congestion_acked(&c, 100, now);
		CHECK(congestion_allowed(&c, BIG) >= CONGESTION_FLOOR);
	}
}

TEST(what_is_short_does_not_lower_the_rate)
{
	begin();
	rounds(20, 10 * KB, 100);
	size_t before = congestion_in(&c, 1000 * MS);
	for (int i = 0; i < 50; i++) {
		congestion_sent(&c, 10, now);
		congestion_short(&c);
		now += 100 * MS;
		congestion_acked(&c, 10, now);
	}
	CHECK(congestion_in(&c, 1000 * MS) >= before);
}

TEST(a_slower_link_is_noticed)
{
	begin();
	rounds(20, 10 * KB, 100);
	rounds(20, 1 * KB, 100);
	CHECK(congestion_in(&c, 1000 * MS) <= 2000 * KB);
}

TEST(a_turn_of_the_scheduler_is_no_slower_link)
{
	begin();
	rounds(40, 500 * KB, 1);
	CHECK_EQ(c.phase, CONGESTION_CRUISING);
	size_t before = congestion_in(&c, 1000 * MS);
	rounds(4, 200 * KB, 1);
	CHECK_EQ(c.phase, CONGESTION_CRUISING);
	CHECK(congestion_in(&c, 1000 * MS) >= before / 10 * 9);
	rounds(20, 200 * KB, 1);
	CHECK(congestion_in(&c, 1000 * MS) <= before / 10 * 6);
}

TEST(more_acknowledgements_than_bytes_do_no_harm)
{
	begin();
	congestion_acked(&c, 1000, now);
	congestion_sent(&c, 10, now);
	now += 10 * MS;
	congestion_acked(&c, SIZE_MAX, now);
	CHECK_EQ(c.delivered, c.sent);
	CHECK_EQ(c.rtt_us, 10 * MS);
}

TEST(what_is_lost_is_no_rate_and_not_in_the_way)
{
	begin();
	rounds(20, 10 * KB, 100);
	size_t before = congestion_in(&c, 1000 * MS);
	for (int i = 0; i < 50; i++) {
		congestion_sent(&c, 400 * KB, now);
		now += 5 * MS;
		congestion_lost(&c, 400 * KB); /* that was quick */
		rounds(1, 10 * KB, 100);
	}
	CHECK_EQ(c.sent, c.delivered);
	CHECK(congestion_in(&c, 1000 * MS) <= before + before / 4);
	CHECK_EQ(c.phase, CONGESTION_CRUISING);
}

TEST(what_may_have_been_sent_twice_tells_nothing)
{
	begin();
	congestion_sent(&c, 1000, now);
	now += 100 * MS;
	congestion_forget(&c);
	congestion_sent(&c, 1000, now);
	now += 1 * MS;
	congestion_acked(&c, 1000, now); /* of the first time? */
	CHECK_EQ(c.rtt_us, 0);
	congestion_sent(&c, 1000, now);
	now += 50 * MS;
	congestion_acked(&c, 1000, now);
	CHECK_EQ(c.rtt_us, 50 * MS);
}

/* A link of 125 bytes a ms and a round trip of 200 ms, whose acknowledgements come every
 * 40 ms, and a program whose output is read in pieces of 4 KiB, one a ms. */
static void
pieces(unsigned seconds)
{
	static struct {
		uint64_t due_us;
		size_t n;
	} line[100 * 1000];
	size_t first = 0, n_line = 0;
	uint64_t free_us = now;
	for (unsigned ms = 0; ms < seconds * 1000; ms++, now += MS) {
		for (; ms % 40 == 0 && first < n_line && line[first].due_us <= now;
		     first++)
			congestion_acked(&c, line[first].n, now);
		size_t flight = (size_t)(c.sent - c.delivered);
		size_t allowed = congestion_allowed(&c, BIG);
		size_t room = allowed > flight ? allowed - flight : 0;
		size_t n = room < 4 * KB ? room : 4 * KB;
		if (n) {
			congestion_sent(&c, n, now);
			free_us = (free_us > now ? free_us : now) + n * MS / 125;
			line[n_line].due_us = free_us + (uint64_t)200 * MS;
			line[n_line++].n = n;
		}
		if (n < room)
			congestion_short(&c);
	}
}

TEST(output_that_is_read_in_pieces_ends_the_start)
{
	begin();
	pieces(15);
	CHECK(c.phase != CONGESTION_STARTING);
	CHECK(congestion_allowed(&c, BIG) <= 52 * KB);
	CHECK(congestion_in(&c, 1000 * MS) >= 115 * 1000);
}
