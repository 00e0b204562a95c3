#include "stream/reassembly.h"

#include "base/err.h"
#include "stream/stream.h"
#include "test.h"

enum { WINDOW = 500, NOW = 5000000 };

/* The byte at an offset. */
static uint8_t
content(uint64_t off)
{
	return (uint8_t)(off ^ off >> 7 ^ 0x55);
}

static void
put(struct reassembly *r, uint64_t offset, size_t n)
{
	uint8_t bytes[WINDOW];
	for (size_t i = 0; i < n; i++)
		bytes[i] = content(offset + i);
	reassembly_put(r, offset, (struct span){ bytes, n });
}

/* Takes what lies there in one piece or two, and checks it.  Returns how much. */
static size_t
take(struct reassembly *r, uint64_t from)
{
	uint64_t at = from;
	struct span bytes;
	while ((bytes = reassembly_at(r, at)).n) {
		for (size_t i = 0; i < bytes.n; i++)
			CHECK_EQ(bytes.p[i], content(at + i));
		at += bytes.n;
	}
	reassembly_got(r, at);
	return (size_t)(at - from);
}

TEST(what_comes_early_is_there_when_it_is_its_turn)
{
	struct reassembly *r = reassembly_new(WINDOW);
	put(r, 100, 50);
	CHECK_EQ(reassembly_at(r, 0).n, 0);
	CHECK_EQ(reassembly_at(r, 99).n, 0);
	CHECK_EQ(reassembly_at(r, 100).n, 50);
	CHECK_EQ(reassembly_at(r, 149).n, 1);
	CHECK_EQ(reassembly_at(r, 150).n, 0);
	put(r, 149, 10); /* they overlap */
	CHECK_EQ(reassembly_at(r, 100).n, 59);
	CHECK_EQ(r->early.n, 1);
	CHECK_EQ(take(r, 100), 59);
	CHECK_EQ(r->early.n, 0);
	CHECK(!r->bytes); /* what nobody needs is given back */
	reassembly_free(r);
}

TEST(what_lies_behind_a_range_that_has_passed_is_found)
{
	struct reassembly *r = reassembly_new(WINDOW);
	put(r, 50, 20);
	put(r, 100, 20);
	/* All up to 100 came at once, and what was there from 50 on is of no use any more. */
	CHECK_EQ(take(r, 100), 20);
	CHECK_EQ(r->early.n, 0);
	reassembly_free(r);
}

TEST(it_goes_round_where_the_window_ends)
{
	struct reassembly *r = reassembly_new(WINDOW);
	put(r, WINDOW - 20, 50);
	CHECK_EQ(reassembly_at(r, WINDOW - 20).n, 20);
	CHECK_EQ(reassembly_at(r, WINDOW).n, 30);
	CHECK_EQ(take(r, WINDOW - 20), 50);
	reassembly_free(r);
}

TEST(one_range_too_many_is_dropped)
{
	struct reassembly *r = reassembly_new(4 * RANGES_MAX);
	for (uint64_t i = 0; i < RANGES_MAX; i++)
		put(r, 2 + 2 * i, 1);
	CHECK_EQ(r->early.n, RANGES_MAX);
	put(r, 2 + 2 * RANGES_MAX, 1);
	CHECK_EQ(reassembly_at(r, 2 + 2 * RANGES_MAX).n, 0);
	put(r, 3, 1); /* what joins two leaves room for another */
	put(r, 2 + 2 * RANGES_MAX, 1);
	CHECK_EQ(reassembly_at(r, 2 + 2 * RANGES_MAX).n, 1);
	CHECK_EQ(reassembly_at(r, 2).n, 3);
	reassembly_free(r);
}

TEST(without_memory_it_comes_again)
{
	test_fail_malloc(1);
	CHECK(!reassembly_new(WINDOW));
	struct reassembly *r = reassembly_new(WINDOW);
	test_fail_malloc(1);
	put(r, 10, 10);
	CHECK(test_malloc_failed());
	CHECK_EQ(reassembly_at(r, 10).n, 0);
	put(r, 10, 10);
	CHECK_EQ(take(r, 10), 10);
	reassembly_free(r);
	reassembly_free(NULL);
}

/* Bytes come in any order, more than once, beside a plain array of what has come. */
TEST(it_is_as_an_array_would_be)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		test_seed(seed);
		size_t window = 1 + test_below(WINDOW);
		struct reassembly *r = reassembly_new(window);
		bool has[5 * WINDOW] = { 0 };
		uint64_t got = 0;
		while (got < 3 * WINDOW) {
			size_t n = 1 + test_below(window < 40 ? window : 40);
			uint64_t from = got + test_below(window - n + 1);
			if (from == got) { /* in its turn: it does not come here */
				memset(has + got, true, n);
				got += n;
			} else {
				put(r, from, n);
				memset(has + from, true, n);
			}
			uint64_t first = got;
			while (has[got])
				got++;
			CHECK_EQ(take(r, first), got - first);
			for (uint64_t off = got; off < got + window; off++)
				CHECK_EQ(reassembly_at(r, off).n > 0, has[off]);
		}
		reassembly_free(r);
	}
}

/* ---- what is to be sent again ---- */

TEST(ranges_that_are_lost_are_kept_in_order_and_joined)
{
	struct reassembly *r = reassembly_new(WINDOW);
	reassembly_lost(r, 40, 50);
	reassembly_lost(r, 10, 20);
	reassembly_lost(r, 20, 30);
	CHECK_EQ(r->again.n, 2);
	CHECK_EQ(r->again.list[0].from, 10);
	CHECK_EQ(r->again.list[0].to, 30);
	reassembly_done(r, 25);
	CHECK_EQ(r->again.list[0].from, 25);
	reassembly_done(r, 45);
	CHECK_EQ(r->again.n, 1);
	CHECK_EQ(r->again.list[0].from, 45);
	reassembly_done(r, 50);
	CHECK_EQ(r->again.n, 0);
	reassembly_free(r);
}

/* Full: it becomes one with its neighbour.  Nothing that was lost is left out. */
TEST(of_too_many_ranges_neighbours_are_joined)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		test_seed(seed);
		struct reassembly *r = reassembly_new(WINDOW);
		bool lost[8 * RANGES_MAX] = { 0 };
		for (unsigned i = 0; i < 4 * RANGES_MAX; i++) {
			uint64_t from = test_below(sizeof lost - 3);
			uint64_t to = from + 1 + test_below(3);
			memset(lost + from, true, (size_t)(to - from));
			reassembly_lost(r, from, to);
			CHECK(r->again.n <= RANGES_MAX);
		}
		size_t k = 0;
		for (uint64_t off = 0; off < sizeof lost; off++) {
			while (k < r->again.n && r->again.list[k].to <= off)
				k++;
			bool has = k < r->again.n && r->again.list[k].from <= off;
			CHECK(has || !lost[off]);
		}
		for (size_t i = 1; i < r->again.n; i++)
			CHECK(r->again.list[i - 1].to < r->again.list[i].from);
		reassembly_free(r);
	}
}

/* ---- in a stream ---- */

static int
data(struct stream *s, uint64_t offset, size_t n)
{
	uint8_t bytes[WINDOW];
	for (size_t i = 0; i < n; i++)
		bytes[i] = content(offset + i);
	struct span span = { bytes, n };
	int err = stream_on_data(s, offset, span, NOW);
	return err == ERR_GAP ? stream_on_early(s, offset, span, NOW) : err;
}

TEST(a_stream_goes_on_with_what_came_early)
{
	struct stream s;
	stream_init(&s, STREAM_MAIN, RANK_TERMINAL, 100, WINDOW);
	(void)stream_position(&s);
	CHECK_EQ(data(&s, 50, 20), 0);
	CHECK_EQ(data(&s, 100, 20), 0);
	CHECK_EQ(stream_held(&s).n, 0);
	CHECK_EQ(data(&s, 0, 100),
	    0); /* it has the first range in it, and touches the second */
	CHECK_EQ(s.in_got, 120);
	struct span held = stream_held(&s);
	for (size_t i = 0; i < held.n; i++)
		CHECK_EQ(held.p[i], content(i));
	stream_finish(&s);
}

TEST(the_end_may_come_early)
{
	struct stream s;
	stream_init(&s, STREAM_MAIN, RANK_TERMINAL, 100, WINDOW);
	(void)stream_position(&s);
	CHECK_EQ(stream_on_end(&s, 30, NOW), ERR_GAP);
	CHECK_EQ(stream_on_early_end(&s, 30, NOW), 0);
	CHECK_EQ(data(&s, 10, 20), 0);
	CHECK(!s.in_ended);
	CHECK_EQ(data(&s, 0, 10), 0);
	CHECK(s.in_ended);
	CHECK_EQ(s.in_got, 30);
	CHECK_EQ(data(&s, 31, 5), ERR_OFFSET);
	stream_finish(&s);
}

TEST(nothing_is_kept_beyond_the_limit)
{
	struct stream s;
	stream_init(&s, STREAM_MAIN, RANK_TERMINAL, 100, WINDOW);
	(void)stream_position(&s);
	CHECK_EQ(data(&s, 1, WINDOW - 1), 0);
	CHECK_EQ(data(&s, 2, WINDOW - 1), ERR_CREDIT);
	CHECK_EQ(data(&s, UINT64_MAX - 5, 5), ERR_CREDIT);
	CHECK_EQ(stream_on_early_end(&s, WINDOW + 1, NOW), ERR_CREDIT);
	CHECK_EQ(stream_on_early_end(&s, WINDOW, NOW), 0);
	stream_finish(&s);
}

TEST(what_was_lost_is_sent_before_what_is_new)
{
	struct stream s;
	const uint8_t *bytes;
	bool end;
	stream_init(&s, STREAM_MAIN, RANK_TERMINAL, 100, WINDOW);
	CHECK_EQ(stream_on_ack(&s, 0, 1000), 0);
	CHECK_EQ(stream_write(&s, "abcdefghij", 10), 10);
	stream_sent(&s, stream_next(&s, 8, &bytes, &end));
	stream_lost(&s, 2, 4);
	stream_lost(&s, 6, 7);
	CHECK_EQ(stream_next(&s, 100, &bytes, &end), 2);
	CHECK_EQ(stream_at(&s), 2);
	CHECK_BYTES(bytes, 2, "cd");
	stream_sent(&s, 1);
	CHECK_EQ(stream_at(&s), 3);
	stream_sent(&s, 1);
	CHECK_EQ(stream_at(&s), 6);
	CHECK_EQ(stream_on_ack(&s, 7, 1000), 0); /* it had arrived */
	CHECK_EQ(stream_next(&s, 100, &bytes, &end), 2);
	CHECK_EQ(stream_at(&s), 8);
	stream_sent(&s, 2);
	stream_lost(&s, 9, 20); /* no more than was sent */
	CHECK_EQ(stream_next(&s, 100, &bytes, &end), 1);
	stream_rewind(&s);
	CHECK_EQ(stream_at(&s), 7);
	CHECK_EQ(stream_next(&s, 100, &bytes, &end), 3);
	stream_finish(&s);
}

TEST(a_lost_end_is_sent_again)
{
	struct stream s;
	const uint8_t *bytes;
	bool end;
	stream_init(&s, STREAM_MAIN, RANK_TERMINAL, 100, WINDOW);
	CHECK_EQ(stream_on_ack(&s, 0, 1000), 0);
	CHECK_EQ(stream_write(&s, "abc", 3), 3);
	stream_end(&s);
	stream_sent(&s, 3);
	CHECK_EQ(stream_next(&s, 100, &bytes, &end), 0);
	CHECK(end);
	stream_sent(&s, 1);
	CHECK_EQ(stream_next(&s, 100, &bytes, &end), 0);
	CHECK(!end);
	stream_lost(&s, 3, 4);
	CHECK_EQ(stream_next(&s, 100, &bytes, &end), 0);
	CHECK(end);
	CHECK_EQ(stream_at(&s), 3);
	stream_finish(&s);
}

TEST(without_memory_for_ranges_all_is_sent_again)
{
	struct stream s;
	const uint8_t *bytes;
	bool end;
	stream_init(&s, STREAM_MAIN, RANK_TERMINAL, 100, WINDOW);
	CHECK_EQ(stream_on_ack(&s, 0, 1000), 0);
	CHECK_EQ(stream_write(&s, "abcdef", 6), 6);
	stream_sent(&s, stream_next(&s, 100, &bytes, &end));
	test_fail_malloc(1);
	stream_lost(&s, 3, 4);
	CHECK(test_malloc_failed());
	CHECK_EQ(stream_at(&s), 0);
	CHECK_EQ(stream_next(&s, 100, &bytes, &end), 6);
	stream_finish(&s);
}
