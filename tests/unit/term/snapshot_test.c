/*
 * The law: a snapshot, written to a fresh model, gives an equal model; after every step
 * of random traffic.  TERM_SEED=N plays one seed again, and prints the models.
 */
#include "describe.h"
#include "traffic.h"

#include "base/err.h"
#include "test.h"

enum { SEEDS = 400, STEPS = 120 };

static const struct term_limits ALL = { 0, SIZE_MAX, SIZE_MAX };

static struct term *
fresh(int rows, int cols)
{
	struct term *t;
	struct term_options o = { rows, cols, 1000, SIZE_MAX, false };
	CHECK_EQ(term_new(&o, &t), 0);
	return t;
}

static void
show(const char *what, const struct buf *b)
{
	if (getenv("TERM_SEED"))
		printf("%s:\n%.*s\n", what, (int)b->len, (const char *)buf_bytes(b));
}

static void
show_bytes(const char *what, struct span s)
{
	if (!getenv("TERM_SEED"))
		return;
	printf("%s: ", what);
	for (size_t i = 0; i < s.n; i++)
		printf(s.p[i] == 033 ? "\\e" : s.p[i] < 32 ? "\\x%02x" : "%c", s.p[i]);
	printf("\n");
}

static void
check_law(const struct term *t)
{
	struct buf snapshot, was, is, answers;
	buf_init(&answers, 1000);
	buf_init(&snapshot, SIZE_MAX / 2);
	buf_init(&was, SIZE_MAX / 2);
	buf_init(&is, SIZE_MAX / 2);
	CHECK_EQ(term_snapshot(t, &ALL, &snapshot), 0);
	struct term *again = fresh(term_rows(t), term_cols(t));
	term_answer_to(again, &answers);
	CHECK_EQ(term_write(again, buf_bytes(&snapshot), snapshot.len), 0);
	CHECK_EQ(answers.len, 0); /* it asks nothing */
	describe(&was, t);
	describe(&is, again);
	if (was.len != is.len || memcmp(buf_bytes(&was), buf_bytes(&is), was.len) != 0) {
		show("was", &was);
		show("is", &is);
		show_bytes("snapshot", buf_span(&snapshot));
	}
	CHECK_EQ(is.len, was.len);
	CHECK(memcmp(buf_bytes(&was), buf_bytes(&is), was.len) == 0);
	term_free(again);
	buf_finish(&snapshot);
	buf_finish(&was);
	buf_finish(&is);
	buf_finish(&answers);
}

static void
random_steps(uint64_t seed)
{
	test_seed(seed);
	struct term *t = fresh(1 + (int)test_below(8), 2 + (int)test_below(23));
	struct buf bytes;
	buf_init(&bytes, 10000);
	for (int i = 0; i < STEPS; i++) {
		if (test_below(40) == 0) {
			int rows = 1 + (int)test_below(8), cols = 2 + (int)test_below(23);
			CHECK_EQ(term_resize(t, rows, cols), 0);
		}
		traffic(&bytes);
		show_bytes("step", buf_span(&bytes));
		CHECK_EQ(term_write(t, buf_bytes(&bytes), bytes.len), 0);
		buf_drop(&bytes, bytes.len);
		check_law(t);
	}
	buf_finish(&bytes);
	term_free(t);
}

TEST(random_traffic)
{
	const char *one = getenv("TERM_SEED");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1;
	for (uint64_t seed = first; seed < first + (one ? 1 : SEEDS); seed++)
		random_steps(seed);
}
