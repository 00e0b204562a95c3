#include "link/repeat.h"

#include "link/flight.h"
#include "test.h"

enum { MS = 1000, SECOND = 1000 * MS, NOW = 10 * SECOND, DATAGRAM = 100 };

static struct repeat r;
static const struct repeat_link unknown = { 0 };
static const struct repeat_link calm = { .srtt_us = 100 * MS,
	.rttvar_us = 1 * MS,
	.rtt_least_us = 100 * MS };
static const struct repeat_link lossy = { .srtt_us = 100 * MS,
	.rttvar_us = 1 * MS,
	.rtt_least_us = 100 * MS,
	.lost_share = FLIGHT_SHARE / 4 };

/* When the next repeats come, in ms since the last; they are sent. */
static void
check_gaps(const struct repeat_link *link, const unsigned *wanted, size_t n)
{
	repeat_init(&r, NOW);
	repeat_anew(&r, NOW);
	uint64_t now_us = NOW;
	for (size_t i = 0; i < n; i++) {
		uint64_t at_us = repeat_at(&r, link);
		CHECK_EQ((at_us - now_us) / MS, wanted[i]);
		now_us = at_us;
		repeat_sent(&r, DATAGRAM, now_us);
	}
}

#define CHECK_GAPS(link, ...) \
	do { \
		static const unsigned wanted[] = { __VA_ARGS__ }; \
		check_gaps(link, wanted, sizeof wanted / sizeof *wanted); \
	} while (0)

TEST(nothing_waits)
{
	repeat_init(&r, NOW);
	CHECK_EQ(repeat_at(&r, &calm), 0);
	repeat_anew(&r, NOW);
	CHECK(repeat_at(&r, &calm));
	repeat_rest(&r);
	CHECK_EQ(repeat_at(&r, &calm), 0);
}

TEST(probes_are_as_late_as_an_answer_may_be_and_double)
{
	/* a round trip, its deviation, what an answer may wait for, and a little */
	CHECK_GAPS(&calm, 135, 270, 540, 1000, 1000);
	CHECK_GAPS(&unknown, 100, 200, 400, 800, 1000, 1000);
}

TEST(gaps_are_fixed_where_many_are_lost)
{
	CHECK_GAPS(&lossy, 20, 20, 60, 40, 80, 80, 120, 120, 120, 240, 480, 1000, 1000);
}

TEST(a_new_key_begins_at_the_first_gap)
{
	check_gaps(&lossy, (const unsigned[]){ 20, 20, 60 }, 3);
	repeat_anew(&r, NOW + SECOND);
	CHECK_EQ(repeat_at(&r, &lossy), NOW + SECOND + 20 * MS);
}

TEST(a_queue_that_loses_is_not_filled)
{
	struct repeat_link queue = lossy;
	CHECK(repeat_is_lossy(&queue));
	queue.srtt_us = 220 * MS; /* over twice its least */
	CHECK(!repeat_is_lossy(&queue));
	queue = lossy;
	queue.lost_share = FLIGHT_SHARE / 60; /* below two of a hundred */
	CHECK(!repeat_is_lossy(&queue));
}

TEST(an_outage_is_asked_about_seldom)
{
	repeat_init(&r, NOW);
	repeat_anew(&r, NOW);
	for (unsigned i = 0; i < 60; i++)
		repeat_sent(&r, DATAGRAM, NOW);
	CHECK_EQ(repeat_at(&r, &lossy), NOW + 5 * SECOND);
	CHECK_EQ(repeat_at(&r, &calm), NOW + 5 * SECOND);
}

/* What they cost in `seconds`, sent whenever they may be. */
static size_t
spent(const struct repeat_link *link, size_t n, unsigned seconds)
{
	size_t sum = 0;
	repeat_init(&r, NOW);
	repeat_anew(&r, NOW);
	for (uint64_t now_us = NOW; now_us < NOW + seconds * (uint64_t)SECOND;
	     now_us += MS)
		if (repeat_affords(&r, link, n, now_us)) {
			repeat_sent(&r, n, now_us);
			sum += n;
		}
	return sum;
}

TEST(repeats_have_a_budget)
{
	size_t least = 6 * 1024, n = spent(&calm, 500, 10);
	CHECK(n <= 10 * least + least / 2 && n >= 9 * least);
	struct repeat_link fast = calm;
	fast.rate = 1000 * 1000;
	n = spent(&fast, 500, 10);
	CHECK(n <= 2500 * 1000 + 125 * 1000 && n >= 2200 * 1000);
}

TEST(what_is_saved_is_no_more_than_half_a_second)
{
	repeat_init(&r, NOW);
	CHECK(repeat_affords(&r, &calm, 3 * 1024, NOW + 3600 * (uint64_t)SECOND));
	CHECK(!repeat_affords(&r, &calm, 3 * 1024 + 1, NOW + 7200 * (uint64_t)SECOND));
}

TEST(what_cannot_be_paid_comes_a_gap_later)
{
	repeat_init(&r, NOW);
	repeat_anew(&r, NOW);
	repeat_sent(&r, 3 * 1024, NOW); /* all there was */
	CHECK(!repeat_affords(&r, &lossy, 500, NOW + 20 * MS));
	CHECK_EQ(repeat_at(&r, &lossy), NOW + 40 * MS);
}
