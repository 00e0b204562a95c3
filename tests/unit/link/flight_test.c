#include "link/flight.h"

#include "base/err.h"
#include "test.h"

enum { MS = 1000, NOW = 1000 * MS, RTT = 100 * MS };

static struct flight f;
static struct flight_news news;
static struct flight_sent lost;

static void
send(size_t bytes, uint64_t now_us)
{
	struct flight_sent *s = flight_add(&f, now_us);
	s->size = (uint16_t)(40 + bytes);
	s->bytes[LINK_URGENT] = (uint16_t)bytes;
	if (bytes)
		flight_asks(&f, s);
}

static void
begin(unsigned n)
{
	CHECK_EQ(flight_init(&f), 0);
	for (unsigned i = 0; i < n; i++)
		send(10, NOW);
}

static bool
seen(uint64_t number, uint32_t before, uint64_t now_us)
{
	return flight_seen(&f, (uint32_t)number, before, 0, now_us, &news);
}

TEST(what_arrives_is_counted_once)
{
	begin(3);
	CHECK_EQ(f.asking, 3);
	CHECK(seen(2, 0, NOW + RTT));
	CHECK(news.answered);
	CHECK_EQ(news.rtt_us, RTT);
	CHECK_EQ(news.bytes[LINK_URGENT], 10);
	CHECK_EQ(news.largest, 50);
	CHECK_EQ(f.asking, 2);
	CHECK(seen(2, 1, NOW + 2 * RTT)); /* now number 1 as well */
	CHECK_EQ(news.bytes[LINK_URGENT], 10);
	CHECK_EQ(news.rtt_us, 0); /* it is no new one */
	CHECK(seen(2, 1, NOW + 3 * RTT));
	CHECK_EQ(news.bytes[LINK_URGENT], 0);
	CHECK(!news.answered);
	CHECK_EQ(f.first, 3);
	flight_finish(&f);
}

TEST(a_word_that_was_held_back_is_no_part_of_the_round_trip)
{
	begin(1);
	CHECK(flight_seen(&f, 1, 0, 20 * MS, NOW + RTT, &news));
	CHECK_EQ(news.rtt_us, RTT - 20 * MS);
	send(1, NOW);
	CHECK(flight_seen(&f, 2, 0, 200 * MS, NOW + RTT, &news));
	CHECK_EQ(news.rtt_us, 1); /* who says that knows no time */
	flight_finish(&f);
}

TEST(nothing_seen_is_no_error_whenever_it_comes)
{
	begin(3);
	CHECK(seen(0, 0, NOW));
	CHECK(!news.answered);
	CHECK(seen(3, 3, NOW + RTT));
	CHECK(seen(0, 0, NOW + RTT)); /* a late one, sent before anything had come */
	CHECK(!news.answered);
	CHECK_EQ(f.high, 3);
	CHECK(seen(1, 0, NOW + RTT));
	CHECK_EQ(f.high, 3);
	flight_finish(&f);
}

TEST(what_was_never_sent_cannot_be_seen)
{
	begin(3);
	CHECK(!seen(4, 0, NOW));
	CHECK(!seen(UINT32_MAX, 0, NOW));
	CHECK_EQ(f.high, 0);
	CHECK_EQ(f.asking, 3);
	/* Bits below the first number say nothing. */
	CHECK(seen(1, UINT32_MAX, NOW));
	flight_finish(&f);
}

TEST(numbers_go_on_beyond_32_bits)
{
	begin(0);
	f.first = f.next = ((uint64_t)1 << 32) - 2;
	for (unsigned i = 0; i < 6; i++)
		send(10, NOW);
	CHECK_EQ(f.next, ((uint64_t)1 << 32) + 4);
	CHECK(seen(((uint64_t)1 << 32) - 1, 1, NOW + RTT));
	CHECK_EQ(f.high, ((uint64_t)1 << 32) - 1);
	CHECK_EQ(news.bytes[LINK_URGENT], 20);
	CHECK(seen((uint64_t)1 << 32, 0, NOW + RTT)); /* its lower half is 0 */
	CHECK_EQ(f.high, (uint64_t)1 << 32);
	CHECK_EQ(news.bytes[LINK_URGENT], 10);
	CHECK(seen(((uint64_t)1 << 32) + 3, 7, NOW + RTT));
	CHECK_EQ(f.high, ((uint64_t)1 << 32) + 3);
	CHECK_EQ(news.bytes[LINK_URGENT], 30);
	CHECK_EQ(f.asking, 0);
	CHECK_EQ(f.first, f.next);
	/* Of a number that was never sent the lower half is that of an old one. */
	CHECK(seen(((uint64_t)1 << 32) + 4, 0, NOW));
	CHECK(!news.answered);
	CHECK_EQ(f.high, ((uint64_t)1 << 32) + 3);
	flight_finish(&f);
}

TEST(numbers_near_their_end)
{
	begin(0);
	f.first = f.next = ((uint64_t)1 << 62) - 3;
	for (unsigned i = 0; i < 3; i++)
		send(10, NOW);
	CHECK(seen(((uint64_t)1 << 62) - 1, 3, NOW + RTT));
	CHECK_EQ(f.high, ((uint64_t)1 << 62) - 1);
	CHECK_EQ(f.asking, 0);
	flight_finish(&f);
}

TEST(three_later_ones_mean_that_it_is_lost)
{
	begin(4);
	CHECK(seen(3, 0, NOW + RTT));
	CHECK(!flight_lost(&f, 10 * RTT, NOW + RTT, &lost));
	CHECK(seen(4, 0, NOW + RTT));
	CHECK(flight_lost(&f, 10 * RTT, NOW + RTT, &lost));
	CHECK_EQ(lost.number, 1);
	CHECK_EQ(lost.bytes[LINK_URGENT], 10);
	CHECK(!flight_lost(&f, 10 * RTT, NOW + RTT, &lost)); /* 2 and 3 are too young */
	CHECK(f.lost_share > 0);
	/* It comes after all: nobody counts it twice. */
	unsigned asking = f.asking;
	CHECK(seen(4, 4, NOW + RTT));
	CHECK_EQ(news.bytes[LINK_URGENT], 0);
	CHECK_EQ(f.asking, asking);
	flight_finish(&f);
}

TEST(one_later_one_and_time_mean_the_same)
{
	begin(1);
	send(10, NOW + 1);
	CHECK_EQ(flight_lost_at(&f, RTT), 0); /* nothing is known of later ones */
	CHECK(!flight_lost(&f, RTT, NOW + 100 * RTT, &lost));
	CHECK(seen(2, 0, NOW + RTT));
	uint64_t at = flight_lost_at(&f, RTT);
	CHECK(at > NOW + RTT && at < NOW + 2 * RTT);
	CHECK(!flight_lost(&f, RTT, at - 1, &lost));
	CHECK(flight_lost(&f, RTT, at, &lost));
	CHECK_EQ(lost.number, 1);
	CHECK_EQ(flight_lost_at(&f, RTT), 0);
	flight_finish(&f);
}

TEST(the_oldest_that_asks_is_given_up)
{
	begin(0);
	send(0, NOW); /* nobody answers that */
	send(10, NOW);
	send(20, NOW);
	CHECK(flight_give_up(&f, &lost));
	CHECK_EQ(lost.number, 2);
	CHECK_EQ(f.asking, 1);
	CHECK_EQ(f.first, 3);
	CHECK(flight_give_up(&f, &lost));
	CHECK_EQ(lost.number, 3);
	CHECK(!flight_give_up(&f, &lost));
	CHECK_EQ(f.first, f.next);
	flight_finish(&f);
}

TEST(what_was_given_up_may_still_tell_something)
{
	begin(5);
	unsigned share = f.lost_share = 500;
	for (unsigned i = 0; i < 4; i++)
		CHECK(flight_give_up(&f, &lost));
	CHECK(seen(3, 2, NOW + RTT)); /* 3 and 1 arrived, 2 did not, but is too young */
	CHECK_EQ(news.rtt_us, RTT);
	CHECK_EQ(news.largest, 50);
	CHECK_EQ(news.bytes[LINK_URGENT],
	    0); /* these were counted when they were given up */
	CHECK_EQ(news.n_swallowed, 0);
	CHECK(f.lost_share < share);
	share = f.lost_share;
	CHECK(seen(5, 0, NOW + RTT));
	CHECK_EQ(news.n_swallowed, 1);
	CHECK_EQ(news.swallowed[0].number, 2);
	CHECK_EQ(news.swallowed[0].size, 50);
	CHECK(f.lost_share > share - share / 16);
	CHECK(seen(5, 0, NOW + RTT));
	CHECK_EQ(news.n_swallowed, 0); /* told once */
	flight_finish(&f);
}

TEST(it_is_full_for_questions_before_it_is_full)
{
	begin(0);
	unsigned n = 0;
	while (flight_has_room(&f)) {
		send(10, NOW);
		n++;
	}
	CHECK_EQ(n, FLIGHT_MAX_SENT - FLIGHT_MAX_SENT / 8);
	while (flight_has_any_room(&f)) {
		send(0, NOW);
		n++;
	}
	CHECK_EQ(n, FLIGHT_MAX_SENT);
	CHECK(flight_give_up(&f, &lost));
	CHECK(flight_has_any_room(&f));
	CHECK(!flight_has_room(&f));
	CHECK(seen(n, UINT32_MAX, NOW + RTT));
	while (flight_lost(&f, RTT, NOW + 10 * RTT, &lost))
		;
	CHECK_EQ(f.first, f.next);
	CHECK_EQ(f.asking, 0);
	CHECK(flight_has_room(&f));
	flight_finish(&f);
}

TEST(ranges_that_go_on_are_one)
{
	begin(0);
	struct flight_sent *s = flight_add(&f, NOW);
	CHECK(flight_has(s, 1, 100, 50));
	CHECK(flight_has(s, 2, 0, 5));
	CHECK(flight_has(s, 1, 150, 1)); /* the end behind it */
	CHECK_EQ(s->n_ranges, 2);
	CHECK_EQ(s->ranges[0].len, 51);
	CHECK(flight_has(s, 1, 160, 1));
	CHECK(!flight_has(s, 1, 170, 1));
	CHECK(flight_has(s, 2, 5, 5));
	CHECK_EQ(s->n_ranges, FLIGHT_RANGES);
	flight_finish(&f);
}

TEST(the_share_that_is_lost_is_of_late)
{
	begin(0);
	test_seed(1);
	unsigned sum = 0;
	for (unsigned i = 0; i < 4000; i++) {
		send(10, NOW);
		sum += i >= 1000 && i < 2000 ? f.lost_share : 0;
		if (i < 2000 && test_below(10) < 3) /* three of ten are lost, then none */
			continue;
		CHECK(seen(f.next - 1, 0, NOW));
		while (flight_lost(&f, RTT, NOW, &lost))
			;
	}
	CHECK(sum / 1000 > FLIGHT_SHARE / 4 && sum / 1000 < FLIGHT_SHARE * 35 / 100);
	CHECK_EQ(f.lost_share, 0);
	flight_finish(&f);
}

TEST(no_memory)
{
	test_fail_malloc(1);
	CHECK_EQ(flight_init(&f), ERR_NOMEM);
	flight_finish(&f);
}
