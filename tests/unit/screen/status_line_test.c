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
	uint64_t now;
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
	t.now = 1;
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
	cursor_reports_late(&t.reports);
}

/* What the overlay wants written reaches the terminal only. */
static void
flush(void)
{
	CHECK_EQ(term_write(t.terminal, buf_bytes(&t.out), t.out.len), 0);
	buf_drop(&t.out, t.out.len);
}

static const struct overlay_ops *const ops = &status_line_ops;

static void
ask(void)
{
	struct cursor_place place;
	term_cursor(t.model, &place.row, &place.col);
	if (!term_cursor_known(t.model))
		place.row = -1;
	if (cursor_reports_due(&t.reports))
		cursor_reports_ask(&t.reports, place, t.now, &t.out);
}

/* As a display does it, without a program's bytes. */
static void
refresh(void)
{
	cursor_reports_at(&t.reports, t.now);
	if (!term_at_rest(t.model) || !ops->stale(&t.line))
		return;
	ops->lift(&t.line, false, &t.out);
	ops->draw(&t.line, NULL, &t.out);
	CHECK(!ops->stale(&t.line));
	ask();
}

static void
want(const char *text)
{
	status_line_want(&t.line, text, t.now);
	refresh();
}

static void answer(void);

/* On a terminal that answers. */
static void
show(const char *text)
{
	want(text);
	flush();
	if (t.reports.open)
		answer();
	refresh();
	flush();
}

/* On one that does not, long enough. */
static void
show_mute(const char *text)
{
	want(text);
	t.now += CURSOR_WAIT_US;
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
	status_line_want(&t.line, NULL, t.now);
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
	size_t n = cursor_reports_filter(&t.reports, bytes, strlen(text), t.now, &at,
	    &counts);
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
	cursor_reports_late(&t.reports);
	if (!again && asks)
		cursor_reports_want(&t.reports, t.now);
	ask();
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

TEST(before_it_appears_the_terminal_is_asked_once)
{
	begin(false);
	program("\033[2J\033[Hone\r\n$ ");
	want("text");
	CHECK_STR(buf_str(&t.out), "\033[6n");
	flush();
	want("another");
	CHECK(!t.out.len && !is_shown());
	answer();
	refresh();
	CHECK_EQ(t.line.row, 0);
	flush();
	want("a third");
	CHECK(!strstr(buf_str(&t.out), "6n"));
	flush();
	hide();
	want("text");
	CHECK_STR(buf_str(&t.out), "\033[6n");
	end();
}

/* It sees a character wider or narrower than the model, as terminals see U+2601 U+FE0F. */
TEST(the_cursor_is_put_where_the_terminal_says_that_it_is)
{
	char left[64];
	begin(false);
	program("\033[2J\033[Hone\r\n\342\230\201\357\270\217  us$ ");
	want("text");
	flush();
	type("\033[2;9R", left);
	refresh();
	CHECK_EQ(t.line.row, 0);
	CHECK(strstr(buf_str(&t.out), "\033[2;9H"));
	flush();
	status_line_want(&t.line, NULL, t.now);
	ops->lift(&t.line, true, &t.out);
	const char *undone = buf_str(&t.out), *last = NULL;
	for (const char *at = undone; (at = strstr(at, "H")); at++)
		last = at;
	CHECK(last && last - undone >= 5 && strncmp(last - 5, "\033[2;9", 5) == 0);
	end();
}

TEST(a_row_in_which_widths_are_in_doubt_is_not_drawn_over)
{
	static const char *const texts[] = { "\342\230\201\357\270\217", /* VS16 */
		"1\357\270\217\342\203\243", /* a keycap */
		"\360\237\221\215\360\237\217\275", /* a skin tone */
		"\360\237\221\250\342\200\215\360\237\221\251" }; /* ZWJ */
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		begin(false);
		program("\033[2J\033[H");
		program(texts[i]);
		program(" is there\r\ntwo\r\n$ ");
		show("text");
		CHECK_EQ(t.line.row, 1);
		hide();
		end();
	}
}

TEST(what_the_model_does_not_understand_is_asked_about)
{
	static const char *const unknown[] = { "\033Pq#0~~\033\\",
		"\033_Ga=T,f=100;AAAA\033\\", "\033]1337;File=inline=1:AAAA\a",
		"\033[?3l", "\033[1;1;2;2$z", "\033#3",
		"\033Ptmux;\033\033_G\033\033\\\033\\" };
	static const char *const known[] = { "\033P$qm\033\\", "\033]133;A\a",
		"\033]1337;CurrentDir=/\a", "\033]7;file:///\a", "\033[?2026h",
		"\033[>4;2m" };
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		begin(true);
		program("\033[2J\033[Hone\r\n$ ");
		CHECK(term_cursor_known(t.model));
		program(unknown[i]);
		if (term_cursor_known(t.model))
			test_fail(__FILE__, __LINE__, "unknown %zu is taken as known", i);
		CHECK(!term_row_known(t.model, 0));
		end();
	}
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		begin(true);
		program("\033[2J\033[Hone\r\n$ ");
		program(known[i]);
		if (!term_cursor_known(t.model) || !term_row_known(t.model, 0))
			test_fail(__FILE__, __LINE__, "known %zu is not", i);
		end();
	}
}

TEST(where_nothing_is_known_the_title_carries_it)
{
	begin(true);
	program("hello");
	want("text");
	CHECK_STR(buf_str(&t.out), "\033[6n");
	buf_drop(&t.out, t.out.len);
	t.now += CURSOR_WAIT_US;
	want("text");
	CHECK_STR(buf_str(&t.out), "\033[22;2t\033]2;text\033\\");
	buf_drop(&t.out, t.out.len);
	want("again");
	CHECK_STR(buf_str(&t.out), "\033]2;again\033\\");
	buf_drop(&t.out, t.out.len);
	status_line_want(&t.line, NULL, t.now);
	ops->lift(&t.line, true, &t.out);
	CHECK_STR(buf_str(&t.out), "\033[23;2t");
	end();
}

/* Of whose screen the model knows nothing but where the cursor is. */
TEST(on_a_new_terminal_it_is_shown_from_the_first_prompt_on)
{
	char left[64];
	begin(true);
	term_forget(t.model); /* by a login, before the program */
	program("Last login: today\r\n$ ");
	want("text");
	flush();
	type("\033[2;3R", left);
	refresh();
	CHECK_EQ(t.line.row, ROWS - 1);
	flush();
	hide();
	CHECK(equals(t.terminal, t.other));
	program("more\r\n$ ");
	show("text");
	CHECK(t.line.row >= 0);
	hide();
	CHECK(equals(t.terminal, t.other));
	end();
	/* Whatever width its prompt has there. */
	begin(true);
	program("Last login: today\r\n\342\230\201\357\270\217 $ ");
	want("text");
	type("\033[2;6R", left);
	refresh();
	CHECK_EQ(t.line.row, ROWS - 1);
	end();
}

/* Something may stand there. */
TEST(a_row_that_somebody_may_have_been_in_is_not_drawn_over)
{
	static const char *const programs[] = { "\033[4;1Hmenu\033[1;1H$ ",
		"a\r\nb\r\nc\r\nd\r\ne\033[4A\r$ ", "\033Pq#0~\033\\\033[A$ ",
		"\033[?1049h\033[?1049l\033[1;1H$ ", "1\r\n2\r\n3\r\n4\r\n$ " };
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		begin(true);
		program(programs[i]);
		show("text");
		if (t.line.row == ROWS - 1)
			test_fail(__FILE__, __LINE__, "case %zu is drawn over", i);
		end();
	}
}

TEST(a_terminal_that_does_not_answer_has_the_title_though_all_is_known)
{
	char left[64];
	begin(false);
	program("\033[2J\033[Hone\r\n$ ");
	show_mute("text");
	CHECK(t.line.titled && t.line.row < 0);
	/* nor does what comes late count, but it is no key */
	type("a\033[2;3Rb", left);
	CHECK_STR(left, "ab");
	refresh();
	CHECK(t.line.titled && t.line.row < 0);
	hide();
	/* five seconds later it is one */
	show_mute("text");
	t.now += CURSOR_LATE_US;
	cursor_reports_at(&t.reports, t.now);
	type("\033[2;3R", left);
	CHECK_STR(left, "\033[2;3R");
	end();
}

TEST(a_terminal_that_says_where_its_cursor_is_may_be_drawn_on)
{
	begin(true);
	program("1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n10\r\n");
	want("text");
	CHECK(!is_shown());
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
	want("text");
	type("\033[A\033[1;5\033[;R", left);
	CHECK_STR(left, "\033[A\033[1;5\033[;R");
	CHECK(t.reports.open);
	end();
}

/* ESC [ 1 ; modifiers R. */
TEST(a_modified_f3_is_no_answer)
{
	char left[64];
	begin(true);
	program("abcd");
	want("text");
	type("\033[1;2R\033[1;6R\033[1;129R", left);
	CHECK_STR(left, "\033[1;2R\033[1;6R\033[1;129R");
	type("\033[1;5R", left); /* as foretold */
	CHECK_STR(left, "");
	CHECK(!t.reports.open);
	hide();
	/* where the answer is another, no key is */
	t.reports.by_page = true;
	want("text");
	CHECK(strstr(buf_str(&t.out), "\033[?6n"));
	type("\033[1;5R\033[?1;2;1R", left);
	CHECK_STR(left, "\033[1;5R");
	CHECK(!t.reports.open);
	hide();
	want("text");
	type("\033[?1;2R", left);
	CHECK_STR(left, "");
	end();
}

TEST(a_program_that_writes_behind_the_question_is_asked_about_again)
{
	char left[64];
	begin(false);
	program("\033[2J\033[Hone\r\n$ ");
	want("text");
	flush();
	program("x");
	type("\033[2;3R", left); /* from before */
	CHECK_STR(left, "");
	CHECK(!is_shown() && cursor_reports_due(&t.reports));
	ask();
	answer();
	refresh();
	CHECK_EQ(t.line.row, 0);
	end();
}

TEST(an_answer_may_come_in_two_parts)
{
	char left[64];
	begin(true);
	want("text");
	type("a\033[5;", left);
	CHECK_STR(left, "a");
	type("1Rb", left);
	CHECK_STR(left, "b");
	CHECK(!t.reports.open);
	hide();
	program("\033[c\r\n");
	term_forget(t.model);
	ops->forgotten(&t.line);
	want("text");
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
	show_mute("text");
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
		CHECK(!t.reports.open);
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
	type("\033[1;1R", left); /* as it was in between */
	CHECK_EQ(t.out.len, 0);
	ask();
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
	want("text");
	CHECK(!t.line.titled);
	show_mute("later");
	CHECK(t.line.titled);
	status_line_want(&t.line, NULL, t.now);
	ops->lift(&t.line, false, &t.out);
	answer();
	CHECK(!is_shown());
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
			if (t.reports.open)
				answer();
			hide();
			if (!equals(t.terminal, t.other))
				test_fail(__FILE__, __LINE__, "step %d", step);
		}
		end();
	}
}
