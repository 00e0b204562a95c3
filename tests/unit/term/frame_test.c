/*
 * A screen in a larger window: after every step of random traffic the terminal shows it, and when
 * the frame is gone what it showed before.  TERM_SEED=N plays one seed again.
 */
#include "term/frame.h"

#include "describe.h"
#include "traffic.h"

#include "base/err.h"
#include "term/read.h"
#include "test.h"

enum { SEEDS = 300, STEPS = 60, OUT_MAX = 1024 * 1024 };

static struct term *inner, *outer;
static struct term_frame frame;
static struct buf out;

static struct term *
fresh(int rows, int cols)
{
	struct term *t;
	struct term_options o = { rows, cols, 100, SIZE_MAX, false };
	CHECK_EQ(term_new(&o, &t), 0);
	return t;
}

static void
begin(int rows, int cols, int more_rows, int more_cols)
{
	inner = fresh(rows, cols);
	outer = fresh(rows + more_rows, cols + more_cols);
	frame = (struct term_frame){ 0 };
	buf_init(&out, OUT_MAX);
}

static void
end(void)
{
	term_frame_free(&frame);
	term_free(inner);
	term_free(outer);
	buf_finish(&out);
}

static void
write_to(struct term *t, const char *text)
{
	CHECK_EQ(term_write(t, text, strlen(text)), 0);
}

/* The terminal gets what the frame has to say; returns how much that was. */
static size_t
draw(void)
{
	CHECK_EQ(term_frame_draw(&frame, inner, term_rows(outer), term_cols(outer), &out),
	    0);
	size_t n = out.len;
	CHECK_EQ(term_write(outer, buf_bytes(&out), n), 0);
	buf_drop(&out, n);
	return n;
}

static void
same_cell(int row, int col)
{
	uint8_t a[128], b[128];
	size_t n = term_cell_text(inner, row, col, a, sizeof a);
	CHECK_EQ(term_cell_text(outer, row, col, b, sizeof b), n);
	CHECK(memcmp(a, b, n) == 0);
	struct style one = term_cell_style(inner, row, col);
	struct style two = term_cell_style(outer, row, col);
	one.link = two.link = 0;
	CHECK(style_equal(&one, &two));
}

/* The same picture, cursor, and what keys and mouse depend on. */
static void
same(void)
{
	int row, col, at_row, at_col;
	for (int y = 0; y < term_rows(inner); y++)
		for (int x = 0; x < term_cols(inner); x++)
			same_cell(y, x);
	term_cursor(inner, &row, &col);
	term_cursor(outer, &at_row, &at_col);
	CHECK(row == at_row && col == at_col);
	static const enum mode modes[] = { MODE_CURSOR_KEYS, MODE_KEYPAD, MODE_PASTE,
		MODE_CURSOR_SHOWN, MODE_MOUSE_CLICKS, MODE_MOUSE_DRAG, MODE_MOUSE_MOTION,
		MODE_MOUSE_SGR, MODE_FOCUS, MODE_NEW_LINE };
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		CHECK_EQ(term_has(inner, modes[i]), term_has(outer, modes[i]));
	CHECK(!term_has(outer, MODE_SYNC) && !term_has(outer, MODE_RESIZE_REPORT));
	CHECK_STR(term_title(inner), term_title(outer));
	CHECK_EQ(inner->screen->keys.flags[inner->screen->keys.depth],
	    outer->screen->keys.flags[outer->screen->keys.depth]);
	CHECK(memcmp(inner->modify, outer->modify, sizeof inner->modify) == 0);
	CHECK_EQ(inner->cursor_shape, outer->cursor_shape);
	CHECK(term_at_rest(outer) && term_on_alternate(outer));
}

static void
random_steps(uint64_t seed)
{
	struct buf bytes;
	test_seed(seed);
	begin(1 + (int)test_below(8), 2 + (int)test_below(23), (int)test_below(4),
	    (int)test_below(9));
	buf_init(&bytes, 10000);
	for (int i = 0; i < STEPS; i++) {
		traffic(&bytes);
		(void)term_write(inner, buf_bytes(&bytes), bytes.len);
		buf_drop(&bytes, bytes.len);
		if (test_below(15) == 0) {
			int rows = 1 + (int)test_below((size_t)term_rows(outer));
			int cols = 2 + (int)test_below((size_t)term_cols(outer) - 1);
			(void)term_resize(inner, rows, cols);
		}
		(void)draw();
		same();
		CHECK_EQ(draw(), 0);
	}
	buf_finish(&bytes);
	end();
}

TEST(whatever_is_written_it_is_shown)
{
	const char *one = getenv("TERM_SEED");
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		if (!one || strtoull(one, NULL, 10) == seed)
			random_steps(seed);
}

TEST(only_what_changed_is_drawn_again)
{
	begin(10, 40, 5, 20);
	for (int i = 0; i < 10; i++)
		write_to(inner, i ? "\r\nwords in a row of the screen" : "first");
	size_t all = draw();
	write_to(inner, "!");
	size_t row = draw();
	CHECK(row > 0 && row < 80 && 5 * row < all);
	write_to(inner, "\033[3;3H");
	CHECK_EQ(draw(), strlen("\033[3;3H"));
	write_to(inner, "\a");
	CHECK_EQ(draw(), 1);
	same();
	end();
}

TEST(the_edge_is_marked_and_the_rest_is_blank)
{
	uint8_t text[16];
	begin(2, 4, 2, 2);
	write_to(inner, "abcdefgh");
	(void)draw();
	static const char *const rows[] = { "abcd| ", "efgh| ", "----+ ", "      " };
	for (int y = 0; y < 4; y++)
		for (int x = 0; x < 6; x++) {
			CHECK_EQ(term_cell_text(outer, y, x, text, sizeof text), 1);
			CHECK_EQ(text[0], rows[y][x]);
		}
	end();
}

TEST(behind_it_all_is_as_it_was)
{
	struct buf was, is;
	buf_init(&was, OUT_MAX);
	buf_init(&is, OUT_MAX);
	begin(5, 20, 3, 10);
	write_to(outer, "the shell$ ls\r\none two\r\nthe shell$ ");
	struct term *other = fresh(8, 30);
	write_to(other, "the shell$ ls\r\none two\r\nthe shell$ \033[?1049h\033[?1049l");
	write_to(inner,
	    "\033[?1049h\033[?1h\033=\033[?1002;1006;2004h\033[>5u\033[>4;2m\033[4 q"
	    "\033[?25l\033[31mall on");
	(void)draw();
	same();
	term_frame_leave(&frame, inner, &out);
	CHECK_EQ(term_write(outer, buf_bytes(&out), out.len), 0);
	CHECK(!frame.shown);
	describe(&was, other);
	describe(&is, outer);
	CHECK(was.len == is.len && memcmp(buf_bytes(&was), buf_bytes(&is), is.len) == 0);
	buf_drop(&out, out.len);
	term_frame_leave(&frame, inner, &out); /* there is none */
	CHECK_EQ(out.len, 0);
	term_free(other);
	buf_finish(&was);
	buf_finish(&is);
	end();
}

TEST(without_memory_it_says_so)
{
	begin(5, 20, 3, 10);
	write_to(inner, "text");
	struct buf small;
	buf_init(&small, 10);
	CHECK_EQ(term_frame_draw(&frame, inner, 8, 30, &small), ERR_NOMEM);
	buf_finish(&small);
	(void)draw();
	same();
	/* The owner had none: the next one is whole, and says again what was not heard. */
	write_to(inner, "\033[?1h\a");
	CHECK_EQ(term_frame_draw(&frame, inner, 8, 30, &out), 0);
	buf_drop(&out, out.len);
	term_frame_lost(&frame);
	(void)draw();
	same();
	term_frame_leave(&frame, inner, &out);
	CHECK_EQ(term_write(outer, buf_bytes(&out), out.len), 0);
	CHECK(!term_on_alternate(outer));
	end();
}
