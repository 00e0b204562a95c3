#include "base/buf.h"
#include "base/err.h"
#include "test.h"

enum { LARGE = 8 * 1024 * 1024 };

static void
check_holds(const struct buf *b, const void *bytes, size_t n)
{
	struct span s = buf_span(b);
	CHECK_EQ(s.n, n);
	CHECK(s.p != NULL);
	CHECK(memcmp(s.p, bytes, n) == 0);
}

TEST(an_empty_buffer_has_a_span_and_a_string)
{
	struct buf b;
	buf_init(&b, 100);
	check_holds(&b, "", 0);
	CHECK_STR(buf_str(&b), "");
	buf_finish(&b);
}

TEST(finish_takes_a_zeroed_one_and_leaves_it_usable)
{
	struct buf zeroed = { 0 }, b;
	buf_finish(&zeroed);
	buf_init(&b, 10);
	CHECK_EQ(buf_put(&b, "1234567890", 10), 0);
	buf_finish(&b);
	buf_finish(&b);
	CHECK_EQ(b.len, 0);
	CHECK_EQ(buf_put(&b, "abcdefghij", 10), 0);
	CHECK_EQ(buf_put(&b, "k", 1), ERR_FULL);
	buf_finish(&b);
}

TEST(beyond_the_maximum_nothing_changes)
{
	struct buf b;
	uint8_t *room;
	buf_init(&b, 5);
	CHECK_EQ(buf_put(&b, "1234", 4), 0);
	CHECK_EQ(buf_put(&b, "56", 2), ERR_FULL);
	CHECK_EQ(buf_room(&b, 2, &room), ERR_FULL);
	CHECK_EQ(buf_room(&b, SIZE_MAX, &room), ERR_FULL);
	check_holds(&b, "1234", 4);
	CHECK_EQ(buf_put(&b, "5", 1), 0);
	CHECK_EQ(buf_put(&b, NULL, 0), 0);
	check_holds(&b, "12345", 5);
	buf_drop(&b, 2);
	CHECK_EQ(buf_put(&b, "67", 2), 0);
	check_holds(&b, "34567", 5);
	buf_finish(&b);
}

TEST(fewer_bytes_may_be_added_than_room_was_made_for)
{
	struct buf b;
	uint8_t *room;
	buf_init(&b, LARGE);
	CHECK_EQ(buf_room(&b, 1000, &room), 0);
	memset(room, 'x', 1000);
	buf_added(&b, 3);
	CHECK_EQ(buf_put(&b, "y", 1), 0);
	check_holds(&b, "xxxy", 4);
	buf_finish(&b);
}

TEST(text_is_appended)
{
	struct buf b;
	buf_init(&b, 100);
	buf_print(&b, "%d-%s", 42, "ab");
	buf_putc(&b, '!');
	CHECK(!b.failed);
	CHECK_STR(buf_str(&b), "42-ab!");
	CHECK_EQ(b.len, 6);
	buf_drop(&b, 3);
	CHECK_STR(buf_str(&b), "ab!");
	buf_finish(&b);
}

TEST(text_that_does_not_fit_is_remembered)
{
	struct buf b;
	buf_init(&b, 4);
	buf_print(&b, "%s", "123");
	CHECK(!b.failed);
	buf_print(&b, "%s", "45");
	CHECK(b.failed);
	check_holds(&b, "123", 3);
	b.failed = false;
	buf_putc(&b, '4');
	CHECK(!b.failed);
	buf_putc(&b, '5');
	CHECK(b.failed);
	check_holds(&b, "1234", 4);
	buf_finish(&b);
}

TEST(large_memory_is_given_back_when_the_buffer_is_empty)
{
	static uint8_t bytes[LARGE];
	struct buf b;
	buf_init(&b, LARGE);
	CHECK_EQ(buf_put(&b, bytes, sizeof bytes), 0);
	CHECK(b.cap >= LARGE);
	buf_drop(&b, LARGE - 1);
	buf_drop(&b, 1);
	CHECK(b.cap <= 64 * 1024);
	CHECK_EQ(buf_put(&b, bytes, 100 * 1000), 0);
	CHECK(!buf_spare(&b));
	buf_trim(&b);
	CHECK_EQ(b.len, 100 * 1000);
	buf_drop(&b, b.len);
	CHECK(buf_spare(&b));
	buf_trim(&b);
	CHECK_EQ(b.cap, 0);
	CHECK(!buf_spare(&b));
	buf_finish(&b);
}

TEST(a_queue_that_is_read_does_not_grow)
{
	uint8_t bytes[1000] = { 0 };
	struct buf b;
	buf_init(&b, LARGE);
	for (int i = 0; i < 10000; i++) {
		CHECK_EQ(buf_put(&b, bytes, 1 + test_below(sizeof bytes)), 0);
		if (b.len > 5000)
			buf_drop(&b, b.len - test_below(3000));
	}
	CHECK(b.cap <= 32 * 1024);
	buf_finish(&b);
}

/* ---- against an array that never forgets ---- */

static struct {
	struct buf b;
	uint8_t all[200000];
	size_t put, dropped;
} q;

static void
random_put(void)
{
	uint8_t *room, bytes[3000];
	size_t n = test_below(test_below(10) ? 50 : sizeof bytes);
	size_t len = q.put - q.dropped;
	if (q.put + n > sizeof q.all)
		return;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)test_random();
	int err;
	if (n && test_below(2)) {
		err = buf_room(&q.b, n, &room);
		if (!err) {
			memcpy(room, bytes, n);
			buf_added(&q.b, n);
		}
	} else {
		err = buf_put(&q.b, bytes, n);
	}
	CHECK_EQ(err, len + n <= q.b.max ? 0 : ERR_FULL);
	if (!err) {
		memcpy(q.all + q.put, bytes, n);
		q.put += n;
	}
}

TEST(bytes_come_out_as_they_went_in)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		test_seed(seed);
		q.put = q.dropped = 0;
		buf_init(&q.b, test_below(2) ? test_below(300) : test_below(20000));
		for (int step = 0; step < 500; step++) {
			if (test_below(3)) {
				random_put();
			} else {
				size_t n = test_below(q.b.len + 1);
				buf_drop(&q.b, n);
				q.dropped += n;
			}
			check_holds(&q.b, q.all + q.dropped, q.put - q.dropped);
			CHECK(q.b.head + q.b.len <= q.b.cap);
		}
		buf_finish(&q.b);
	}
}

/* ---- no memory ---- */

TEST(without_memory_nothing_changes)
{
	static const uint8_t bytes[4000];
	struct buf b;
	uint8_t *room;
	buf_init(&b, LARGE);
	test_fail_malloc(1);
	CHECK_EQ(buf_put(&b, "abc", 3), ERR_NOMEM);
	check_holds(&b, "", 0);
	CHECK_EQ(buf_put(&b, "abc", 3), 0);
	test_fail_malloc(1);
	CHECK_EQ(buf_put(&b, bytes, sizeof bytes), ERR_NOMEM);
	test_fail_malloc(1);
	CHECK_EQ(buf_room(&b, sizeof bytes, &room), ERR_NOMEM);
	check_holds(&b, "abc", 3);
	CHECK(!b.failed);
	test_fail_malloc(1);
	buf_print(&b, "%01000d", 1);
	CHECK(b.failed);
	check_holds(&b, "abc", 3);
	buf_finish(&b);
}

TEST(without_memory_there_is_no_string)
{
	struct buf b;
	buf_init(&b, LARGE);
	test_fail_malloc(1);
	CHECK(buf_str(&b) == NULL);
	CHECK_STR(buf_str(&b), "");
	buf_finish(&b);
}
