#include "base/err.h"
#include "base/ring.h"
#include "test.h"

#include <unistd.h>

enum { MAX = 20 * 1000, STEPS = 20000 };

static uint8_t
content(uint64_t off)
{
	return (uint8_t)(off * 7 + off / 251);
}

static void
check_all(const struct ring *r, uint64_t first)
{
	size_t n = 0;
	for (struct span some; (some = ring_at(r, n)).n; n += some.n)
		for (size_t i = 0; i < some.n; i++)
			if (some.p[i] != content(first + n + i)) {
				CHECK_EQ(some.p[i], content(first + n + i));
				return;
			}
	CHECK_EQ(n, r->len);
}

TEST(what_is_put_comes_out_whatever_the_order)
{
	struct ring r;
	uint64_t first = 0, end = 0;
	ring_init(&r, MAX);
	for (int step = 0; step < STEPS; step++) {
		uint8_t bytes[3000], *room;
		size_t n = test_below(test_below(8) ? 100 : sizeof bytes);
		size_t free_bytes = MAX - (size_t)(end - first);
		for (size_t i = 0; i < n; i++)
			bytes[i] = content(end + i);
		switch (test_below(3)) {
		case 0:
			CHECK_EQ(ring_put(&r, bytes, n), n <= free_bytes ? 0 : ERR_FULL);
			end += n <= free_bytes ? n : 0;
			break;
		case 1: {
			size_t some = ring_room(&r, n, &room);
			CHECK(some <= n && some <= free_bytes);
			CHECK(some > 0 || !n || !free_bytes);
			if (some)
				memcpy(room, bytes, some);
			ring_added(&r, some);
			end += some;
			break;
		}
		default:
			n = n < end - first ? n : (size_t)(end - first);
			ring_drop(&r, n);
			first += n;
			if (!test_below(50))
				ring_trim(&r);
		}
		CHECK_EQ(r.len, end - first);
		check_all(&r, first);
	}
	ring_finish(&r);
}

TEST(bytes_stay_where_they_are)
{
	struct ring r;
	uint8_t bytes[3000];
	ring_init(&r, 4096);
	memset(bytes, 'a', sizeof bytes);
	CHECK_EQ(ring_put(&r, bytes, 3000), 0);
	ring_drop(&r, 2000);
	const uint8_t *kept = ring_at(&r, 0).p;
	CHECK_EQ(ring_put(&r, bytes, 3000), 0); /* around the end */
	CHECK(ring_at(&r, 0).p == kept);
	CHECK_EQ(ring_at(&r, 0).n, 2096);
	CHECK_EQ(ring_put(&r, bytes, 97), ERR_FULL);
	ring_finish(&r);
}

TEST(less_may_stand_in_the_place_of_more)
{
	struct ring r;
	uint8_t all[3001];
	ring_init(&r, 4096);
	memset(all, '-', sizeof all);
	CHECK_EQ(ring_put(&r, all, 3000), 0);
	ring_drop(&r, 2990);
	CHECK_EQ(ring_put(&r, "0123456789", 10), 0);
	CHECK_EQ(ring_put(&r, all, 1500), 0);
	CHECK_EQ(ring_put(&r, "abc", 3), 0);
	ring_replace(&r, 12, 1520, (const uint8_t *)"xy", 2);
	size_t n = 0;
	for (struct span some; (some = ring_at(&r, n)).n; n += some.n)
		memcpy(all + n, some.p, some.n);
	CHECK_EQ(n, 17);
	CHECK(memcmp(all, "----------01xyabc", 17) == 0);
	ring_finish(&r);
}

TEST(an_empty_one_needs_no_memory)
{
	struct ring r;
	uint8_t bytes[5000] = { 0 };
	ring_init(&r, MAX);
	CHECK_EQ(ring_at(&r, 0).n, 0);
	ring_trim(&r);
	CHECK_EQ(ring_put(&r, bytes, sizeof bytes), 0);
	ring_trim(&r);
	CHECK(r.mem != NULL);
	ring_drop(&r, sizeof bytes);
	CHECK(ring_spare(&r));
	ring_trim(&r);
	CHECK(r.mem == NULL && !ring_spare(&r));
	ring_finish(&r);
}
