#include "screen/status_line.h"
#include "test.h"

enum { ROWS = 5, COLS = 20 };

/* A program's model, as belay has it, the terminal that it all goes to, and one that nobody
 * draws over. */
static struct {
	struct term *model, *terminal, *other;
	struct status_line line;
	struct cursor_reports reports;
	struct buf out;
} t;

static void
begin(bool unknown)
{
	struct term_options o = { .rows = ROWS, .cols = COLS, .unknown = unknown };
	CHECK_EQ(term_new(&o, &t.model), 0);
	o.unknown = false;
	CHECK_EQ(term_new(&o, &t.terminal), 0);
	CHECK_EQ(term_new(&o, &t.other), 0);
	memset(&t.reports, 0, sizeof t.reports);
	status_line_init(&t.line, t.model, &t.reports, true);
	buf_init(&t.out, 64 * 1024);
}

static void
end(void)
{
	term_free(t.model);
	term_free(t.terminal);
	term_free(t.other);
	buf_finish(&t.out);
}

static void
program(const char *text)
{
	CHECK_EQ(term_write(t.model, text, strlen(text)), 0);
	CHECK_EQ(term_write(t.terminal, text, strlen(text)), 0);
	CHECK_EQ(term_write(t.other, text, strlen(text)), 0);
}

/* What the overlay wants written reaches the terminal only. */
static void
flush(void)
{
	CHECK_EQ(term_write(t.terminal, buf_bytes(&t.out), t.out.len), 0);
	buf_drop(&t.out, t.out.len);
}

static const struct overlay_ops *const ops = &status_line_ops;

/* As a display does it, without a program's bytes. */
static void
refresh(void)
{
	if (!term_at_rest(t.model) || !ops->stale(&t.line))
		return;
	ops->lift(&t.line, false, &t.out);
	ops->draw(&t.line, &t.out);
	CHECK(!ops->stale(&t.line));
}

static void
want(const char *text)
{
	status_line_want(&t.line, text);
	refresh();
}

static void
show(const char *text)
{
	want(text);
	flush();
}

static bool
is_shown(void)
{
	return ops->shown(&t.line);
}

/* The program is about to write. */
static void
hide(void)
{
	status_line_want(&t.line, NULL);
	ops->lift(&t.line, true, &t.out);
	flush();
}

static void
snapshot(struct term *term, struct buf *out)
{
	struct term_limits limits = { .rows_max = 0 };
	buf_init(out, 1024 * 1024);
	CHECK_EQ(term_snapshot(term, &limits, out), 0);
}

static bool
equals(struct term *one, struct term *another)
{
	struct buf a, b;
	snapshot(one, &a);
	snapshot(another, &b);
	bool equal = a.len == b.len && memcmp(buf_bytes(&a), buf_bytes(&b), a.len) == 0;
	buf_finish(&a);
	buf_finish(&b);
	return equal;
}

static bool
same(void)
{
	return equals(t.model, t.terminal);
}

static size_t
type(const char *text, char *ret_left)
{
	uint8_t bytes[64 + CURSOR_REPORT_MAX];
	struct cursor_place at;
	bool counts;
	memcpy(bytes, text, strlen(text));
	size_t n = cursor_reports_filter(&t.reports, bytes, strlen(text), &at, &counts);
	if (counts && !ops->located(&t.line, at.row, at.col, false, &t.out))
		term_cursor_is(t.model, at.row, at.col);
	memcpy(ret_left, bytes, n);
	ret_left[n] = 0;
	return n;
}

/* The terminal says where its cursor is. */
static void
answer(void)
{
	int row, col;
	char text[32], left[64];
	term_cursor(t.terminal, &row, &col);
	snprintf(text, sizeof text, "\033[%d;%dR", row + 1, col + 1);
	CHECK_EQ(type(text, left), 0);
	flush();
}

/* The window, which breaks lines anew. */
static void
resize(int rows, int cols)
{
	CHECK_EQ(term_resize(t.terminal, rows, cols), 0);
	CHECK_EQ(term_resize(t.other, rows, cols), 0);
	if (rows == term_rows(t.model) && cols == term_cols(t.model))
		return;
	bool again = is_shown() && term_on_alternate(t.model);
	bool asks = ops->resizing(&t.line, rows, cols);
	CHECK_EQ(term_resize(t.model, rows, cols), 0);
	again ? term_forget_main(t.model) : term_forget(t.model);
	for (int row = 0; again && row < rows; row++)
		CHECK_EQ(term_repaint_cells(t.model, row, 0, cols, &t.out), 0);
	if (!again && asks)
		cursor_reports_ask(&t.reports, &t.out);
	flush();
}

TEST(it_is_taken_away_without_a_trace)
{
	static const char *const programs[] = { "\033[H\033[2Jone\r\ntwo\r\n$ ",
		"\033[H\033[2J\033[1;31mred\033[44m blue\033[5;3H",
		"\033[?1049h\033[2J\033[Hfull \xe4\xbd\xa0\xe5\xa5\xbd\033[2;4r\033[?6h\033[3;3Hx",
		"\033[2J\033[H\033(0lqqk\033[3;7H\0337\033[1;1H",
		"\033[2J\033[H\033[4hins\033[H" };
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		begin(false);
		program(programs[i]);
		show("first");
		CHECK(is_shown());
		CHECK(!same());
		show("second, longer than the width of this terminal");
		hide();
		CHECK(!is_shown());
		CHECK(same());
		program("more");
		CHECK(same());
		end();
	}
}

TEST(the_row_of_the_cursor_is_left_alone)
{
	begin(false);
	program("\033[2J\033[H$ ");
	show("text");
	CHECK(t.line.row > 0);
	hide();
	program("\r\n");
	show("text");
	CHECK_EQ(t.line.row, 0);
	end();
}

TEST(nothing_is_drawn_within_a_sequence)
{
	begin(false);
	program("\033[2J\033[H\033[3");
	want("text");
	CHECK_EQ(t.out.len, 0);
	CHECK(!is_shown());
	end();
}

TEST(where_nothing_is_known_the_title_carries_it)
{
	begin(true);
	program("hello");
	want("text");
	const char *asked = "\033[6n\033[22;2t\033]2;text\033\\";
	CHECK_STR(buf_str(&t.out), asked);
	buf_drop(&t.out, t.out.len);
	want("again");
	CHECK_STR(buf_str(&t.out), "\033]2;again\033\\");
	buf_drop(&t.out, t.out.len);
	status_line_want(&t.line, NULL);
	ops->lift(&t.line, true, &t.out);
	CHECK_STR(buf_str(&t.out), "\033[23;2t");
	end();
}

TEST(a_terminal_that_says_where_its_cursor_is_may_be_drawn_on)
{
	begin(true);
	program("1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n10\r\n");
	want("text");
	CHECK(t.line.titled);
	char left[64];
	type("ab\033[5;1Rcd", left);
	CHECK_STR(left, "abcd");
	buf_drop(&t.out, t.out.len);
	show("text");
	CHECK(t.line.row >= 0 && !t.line.titled);
	end();
}

TEST(only_an_answer_to_our_question_is_taken_from_what_is_typed)
{
	char left[64];
	begin(true);
	type("\033[5;1R", left);
	CHECK_STR(left, "\033[5;1R");
	show("text");
	type("\033[A\033[1;5\033[;R", left);
	CHECK_STR(left, "\033[A\033[1;5\033[;R");
	CHECK_EQ(t.reports.asked, 1);
	end();
}

TEST(an_answer_may_come_in_two_parts)
{
	char left[64];
	begin(true);
	show("text");
	type("a\033[5;", left);
	CHECK_STR(left, "a");
	type("1Rb", left);
	CHECK_STR(left, "b");
	CHECK_EQ(t.reports.asked, 0);
	hide();
	program("\033[c\r\n");
	term_forget(t.model);
	ops->forgotten(&t.line);
	show("text");
	type("\033[15", left); /* a key */
	CHECK_STR(left, "");
	type("~", left);
	CHECK_STR(left, "\033[15~");
	end();
}

TEST(it_is_drawn_when_it_changes)
{
	begin(false);
	program("\033[2J\033[H$ ");
	show("text");
	want("text");
	CHECK_EQ(t.out.len, 0);
	want("another");
	CHECK(t.out.len > 0);
	hide();
	want("another");
	CHECK(t.out.len > 0);
	end();
	begin(true);
	program("hello");
	show("text");
	CHECK(t.line.titled);
	want("text");
	CHECK_EQ(t.out.len, 0);
	end();
}

TEST(a_line_of_its_own_is_drawn_over_if_there_is_one)
{
	begin(false);
	program("\033[2J\033[Hlonger than the width of this\r\nb\r\n$ ");
	show("text");
	CHECK_EQ(t.line.row, 2);
	end();
}

/* Bytes that are not ASCII are other characters there, of other widths. */
TEST(without_utf8_only_ascii_is_drawn_over)
{
	begin(false);
	t.line.utf8 = false;
	program("\033[2J\033[Hone\r\ntwo\r\n$ ");
	show("text");
	CHECK_EQ(t.line.row, 0);
	hide();
	program("\xc3\xa9");
	show("text");
	CHECK(t.line.row < 0 && t.line.titled);
	end();
}

/* ---- another size ---- */

static const char line[] = "belay: no answer"; /* 16 columns */

TEST(on_the_alternate_screen_all_is_drawn_again)
{
	static const int sizes[][2] = { { 4, 10 }, { 9, 40 }, { 3, 20 }, { 5, 8 } };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		begin(false);
		program("\033[?1049h\033[2J\033[Hone\r\ntwo, which is longer\r\n$ ");
		show(line);
		resize(sizes[i][0], sizes[i][1]);
		CHECK(equals(t.terminal, t.other) && same());
		CHECK(!is_shown());
		CHECK_EQ(t.reports.asked, 0);
		show(line);
		CHECK(t.line.row >= 0);
		hide();
		CHECK(same());
		/* What the main screen shows nobody knows. */
		program("\033[?1049l");
		show(line);
		CHECK(t.line.row < 0);
		end();
	}
}

TEST(on_the_main_screen_it_is_found_by_the_cursor)
{
	static const struct {
		const char *program;
		int rows, cols;
	} cases[] = {
		/* Room below; the line is cut in two, or not, or the window is another height. */
		{ "\033[2J\033[Hone\r\ntwo\r\n$ ", 5, 10 },
		{ "\033[2J\033[Hone\r\ntwo\r\n$ ", 5, 7 },
		{ "\033[2J\033[Hone\r\ntwo\r\n$ ", 5, 17 },
		{ "\033[2J\033[Hone\r\ntwo\r\n$ ", 5, 30 },
		{ "\033[2J\033[Hone\r\ntwo\r\n$ ", 8, 20 },
		{ "\033[2J\033[Hone\r\ntwo\r\n$ ", 4, 20 },
		{ "\033[2J\033[Hone\r\ntwo\r\n$ ", 4, 10 },
		{ "\033[2J\033[Hone\r\n\033[1;31mtwo\033[m\r\n$ \033[34m", 5, 10 },
		{ "\033[2J\033[Hone\r\n$ two\033[2D", 5, 10 },
		/* No room below. */
		{ "\033[2J\033[H1\r\n2\r\n3\r\n4\r\n$ ", 5, 18 },
		{ "\033[2J\033[H1\r\n2\r\n3\r\n4\r\n$ ", 5, 30 },
		{ "\033[2J\033[H1\r\n2\r\n3\r\n4\r\n$ ", 9, 30 },
		/* The cursor is above it. */
		{ "\033[2J\033[H$ ", 5, 18 },
		{ "\033[2J\033[H$ ", 5, 10 },
		{ "\033[2J\033[H$ ", 7, 10 },
		{ "\033[2J\033[H$ ", 3, 30 },
		/* Lines go over the end of rows, at this width and at another height. */
		{ "\033[2J\033[Hone\r\ntwo, which is longer than that\r\n$ ", 9, 20 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(false);
		program(cases[i].program);
		show(line);
		CHECK(t.line.row >= 0);
		resize(cases[i].rows, cases[i].cols);
		CHECK(is_shown());
		answer();
		CHECK(!is_shown());
		if (!equals(t.terminal, t.other))
			test_fail(__FILE__, __LINE__, "case %zu leaves a trace", i);
		program("more");
		CHECK(equals(t.terminal, t.other));
		end();
	}
}

TEST(what_of_it_has_left_the_screen_is_left_alone)
{
	begin(false);
	program("\033[2J\033[H1\r\n2\r\n3\r\n4\r\n$ ");
	show(line);
	resize(5, 10);
	answer();
	CHECK(equals(t.terminal, t.other)); /* its first half is in the scrollback */
	show(line);
	CHECK(t.line.row >= 0);
	resize(3, 10);
	answer();
	CHECK(equals(t.terminal, t.other));
	end();
}

TEST(where_lines_are_broken_anew_nobody_knows)
{
	begin(false);
	program("\033[2J\033[Hone\r\ntwo, which is longer\r\n$ ");
	show(line);
	resize(5, 17);
	answer();
	CHECK(!is_shown());
	show(line);
	CHECK(t.line.row < 0 && t.line.titled);
	end();
}

TEST(sizes_may_follow_each_other_quickly)
{
	char left[64];
	begin(false);
	program("\033[2J\033[Hone\r\ntwo\r\n$ ");
	show(line);
	resize(5, 30);
	resize(8, 18);
	CHECK_EQ(t.reports.asked, 2);
	type("\033[1;1R", left); /* as it was in between */
	CHECK_EQ(t.out.len, 0);
	answer();
	CHECK(equals(t.terminal, t.other));
	CHECK(!is_shown());
	end();
}

TEST(the_title_is_for_a_terminal_that_does_not_answer)
{
	begin(false);
	program("\033[2J\033[Hone\r\n$ ");
	show("text");
	resize(5, 30);
	show("text");
	CHECK(!t.line.titled);
	show("a second later");
	CHECK(t.line.titled);
	answer();
	show("a second later");
	CHECK(t.line.row == 0 && !t.line.titled);
	hide();
	CHECK(equals(t.terminal, t.other));
	end();
}

TEST(a_program_that_writes_first_has_the_screen)
{
	begin(false);
	program("\033[2J\033[Hone\r\n$ ");
	show(line);
	resize(5, 30);
	hide();
	CHECK(!is_shown());
	answer();
	CHECK_EQ(t.out.len, 0);
	end();
}

/* Short lines on any window, and one window after another.  One that becomes higher and
 * cuts the line is left out: what is above it then may have come from the scrollback. */
TEST(any_sizes)
{
	enum { RUNS = 3000, WIDEST = 6, STEPS = 4 };
	for (int run = 0; run < RUNS; run++) {
		test_seed((uint64_t)run);
		begin(false);
		for (int step = 0; step < STEPS; step++) {
			program("\033[2J\033[H");
			for (size_t i = test_below(8); i; i--)
				program(test_below(4) ? "some\r\n" : "\r\n");
			program("$ ");
			show(line);
			int rows = 2 + (int)test_below(8);
			int cols = WIDEST + (int)test_below(20);
			if (rows > term_rows(t.model) && cols < (int)strlen(line))
				rows = term_rows(t.model);
			resize(rows, cols);
			if (t.reports.asked)
				answer();
			hide();
			if (!equals(t.terminal, t.other))
				test_fail(__FILE__, __LINE__, "step %d", step);
		}
		end();
	}
}
