/*
 * What a byte of output costs the model, in cells that are touched: counted, not timed.  No
 * flood of any sequence, on any screen, costs more than the sides of the screen allow.
 */
#include "floods.h"
#include "test.h"

#include "term/state.h"

enum { FLOOD_BYTES = 1024 };

struct ground {
	int rows, cols, setting;
	double worst;
	char name[96];
};

static void
flood(void *owner, const struct flood *f)
{
	struct ground *g = owner;
	struct term_options o = { g->rows, g->cols, 1000, 1 << 20, false };
	struct term *t;
	size_t len = 0;
	CHECK_EQ(term_new(&o, &t), 0);
	flood_set_up(t, g->setting);
	uint64_t before = term_work(t);
	for (; len < FLOOD_BYTES; len += f->len)
		CHECK_EQ(term_write(t, f->text, f->len), 0);
	double each = (double)(term_work(t) - before) / (double)len;
	if (each > g->worst) {
		g->worst = each;
		memcpy(g->name, f->name, sizeof g->name);
	}
	term_free(t);
}

static void
play(int rows, int cols)
{
	/* A row or two, and a look at each of them, at most. */
	int most = 2 * (rows * ROW_WORK + cols);
	for (int i = 0; i < FLOOD_SETTINGS; i++) {
		struct ground g = { .rows = rows, .cols = cols, .setting = i };
		floods(flood, &g);
		if (g.worst > most)
			FAIL("%d x %d, %s: %.0f cells a byte, not %d: %s", rows, cols,
			    flood_settings[i].name, g.worst, most, g.name);
	}
}

TEST(floods_on_a_usual_screen)
{
	play(24, 80);
}

TEST(floods_on_a_large_screen)
{
	play(120, 400);
}

/* The counter counts: what touches cells is seen. */
TEST(work_is_counted)
{
	struct term_options o = { 24, 80, 0, 0, false };
	struct term *t;
	CHECK_EQ(term_new(&o, &t), 0);
	uint64_t before = term_work(t);
	CHECK_EQ(term_write(t, "\033[80Gx", 6), 0);
	CHECK(term_work(t) - before > 79);
	before = term_work(t);
	CHECK_EQ(term_write(t, "\033#8\033[2;2Hx", 10), 0);
	CHECK(term_work(t) - before > 80);
	CHECK(term_work(t) - before < 24 * 80);
	term_free(t);
}
