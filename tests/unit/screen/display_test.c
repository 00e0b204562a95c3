/* A display with three overlays, and a model of a terminal that gets what it writes. */
#define _GNU_SOURCE
#include "base/err.h"
#include "screen/display.h"
#include "screen/predictions.h"
#include "screen/status_line.h"
#include "sys/sys.h"
#include "term/describe.h"
#include "term/read.h"
#include "term/traffic.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>

enum { ROOM = 1024 * 1024, HISTORY = 50, SEEDS = 400, STEPS = 60 };

/* Some cells of one row, as predictions are. */
struct cells {
	struct term *model;
	unsigned wanted, drawn; /* numbers of what is wanted and drawn; 0: nothing */
	int by, width; /* its row, from the cursor's, and its width */
	int row, lo, hi; /* where it stands; row -1: nowhere */
	struct {
		bool on;
		int by; /* its row, from the cursor's */
		int width, narrowest; /* needed, and that the window was since */
	} moved; /* drawn, and then the window changed its size */
};

static struct loop loop; /* one a process */

static struct {
	struct display display;
	struct stream stream;
	struct status_line status;
	struct cells cells;
	struct predictions predictions;
	uint64_t typed; /* bytes */
	struct term *terminal, *other; /* other: gets the program's bytes only */
	struct buf answers; /* of the terminal */
	bool mute;
	int in; /* the terminal's end */
	uint64_t written; /* by the program */
} t;

static bool
cells_shown(const void *overlay)
{
	const struct cells *c = overlay;
	return c->row >= 0 || c->moved.on;
}

static bool
cells_stale(const void *overlay)
{
	const struct cells *c = overlay;
	return c->wanted != c->drawn;
}

static void
cells_lift(void *overlay, bool program, struct buf *out)
{
	struct cells *c = overlay;
	if (c->row >= 0)
		(void)term_repaint_cells(c->model, c->row, c->lo, c->hi, out);
	c->row = -1;
	c->drawn = 0;
	c->moved.on &= !program;
}

static void
cells_draw(void *overlay, const int *ahead, struct buf *out)
{
	struct cells *c = overlay;
	int row, col, cols = term_cols(c->model);
	if (c->row >= 0 && c->drawn == c->wanted)
		return;
	cells_lift(c, false, out);
	term_cursor(c->model, &row, &col);
	row += c->by;
	int hi = col + c->width < cols - 2 ? col + c->width : cols - 2;
	c->drawn = c->wanted;
	if (!c->wanted || !term_row_known(c->model, row))
		return;
	int room = term_row_room(c->model, row);
	hi = hi < room ? hi : room;
	if (hi <= col)
		return;
	c->row = row;
	c->lo = col;
	c->hi = hi;
	(void)term_neutral(c->model, out);
	buf_print(out, "\033[%d;%dH\033[4m", row + 1, col + 1);
	for (int x = col; x < hi; x++)
		buf_putc(out, (char)('A' + x % 26));
	buf_print(out, "\033[m");
	(void)(ahead ? term_settle_ahead(c->model, *ahead, out)
		     : term_settle(c->model, out));
}

/* It stands `by` rows from the cursor's, and is broken with it if the window is too narrow. */
static bool
cells_resizing(void *overlay, int rows, int cols)
{
	struct cells *c = overlay;
	(void)rows;
	if (c->row >= 0 && !term_on_alternate(c->model)) {
		int width = term_width_needed(c->model, c->row);
		int row, col;
		term_cursor(c->model, &row, &col);
		c->moved.on = true;
		c->moved.by = c->row - row;
		c->moved.width = width > c->hi ? width : c->hi;
		c->moved.narrowest = cols;
	}
	if (cols < c->moved.narrowest)
		c->moved.narrowest = cols;
	c->row = -1;
	c->drawn = 0;
	return c->moved.on;
}

static bool
cells_located(void *overlay, int row, int col, bool told, struct buf *out)
{
	struct cells *c = overlay;
	if (!c->moved.on)
		return false;
	c->moved.on = false;
	if (c->moved.width > c->moved.narrowest)
		return false;
	int by = c->moved.by;
	if (!told)
		term_cursor_moved(c->model, row, col, by < 0 ? -by : 0, by > 0 ? by : 0);
	term_cursor(c->model, &row, &col);
	if (term_row_known(c->model, row + by))
		(void)term_repaint_cells(c->model, row + by, c->lo, c->hi, out);
	return true;
}

static void
cells_forgotten(void *overlay)
{
	struct cells *c = overlay;
	c->row = -1;
	c->drawn = 0;
	c->moved.on = false;
}

static int
cells_row(const void *overlay)
{
	const struct cells *c = overlay;
	int row, col;
	term_cursor(c->model, &row, &col);
	return c->row < 0 ? row + c->by : c->drawn == c->wanted ? c->row : -1;
}

static bool
cells_stay(const void *overlay, const struct overlay_reach *reach)
{
	const struct cells *c = overlay;
	bool beside = reach->row >= 0
	    && (c->row != reach->row || reach->hi <= c->lo || reach->lo >= c->hi);
	return !c->moved.on && (c->row < 0 || beside);
}

static const struct overlay_ops cells_ops = { cells_shown, cells_stale, cells_lift,
	cells_draw, cells_resizing, cells_located, cells_forgotten, NULL, cells_row,
	cells_stay, NULL };

static struct term *
fresh(int rows, int cols, size_t history_rows)
{
	struct term *term;
	struct term_options o = { .rows = rows,
		.cols = cols,
		.history_rows = history_rows,
		.history_bytes = ROOM };
	CHECK_EQ(term_new(&o, &term), 0);
	return term;
}

static bool
may_ask(void *owner)
{
	(void)owner;
	return !t.mute;
}

/* The terminal is a pipe that poll(2) finds writable while it is empty: a turn of the display
 * writes once, as much as it may. */
static void
begin_with(int rows, int cols, size_t history_rows)
{
	static const int none[] = { 0 };
	int fds[2];
	memset(&t, 0, sizeof t);
	if (!loop.fds_max)
		CHECK_EQ(loop_init(&loop, none), 0);
	CHECK_EQ(sys_pipe(fds), 0);
	CHECK(fcntl(fds[1], F_SETPIPE_SZ, 4096) > 0);
	CHECK(sys_nonblock(fds[0]) == 0);
	t.in = fds[0];
	stream_init(&t.stream, STREAM_MAIN, RANK_TERMINAL, ROOM, ROOM);
	t.stream.in_promised = ROOM;
	display_open(&t.display, &loop, fds[1], &t.stream);
	t.display.may_ask = may_ask;
	struct term *model = fresh(rows, cols, 0);
	t.display.model = model;
	status_line_init(&t.status, model, &t.display.reports, true);
	display_add(&t.display, &status_line_ops, &t.status);
	t.cells = (struct cells){ .model = model, .row = -1 };
	display_add(&t.display, &cells_ops, &t.cells);
	predictions_open(&t.predictions, &t.display, &loop, PREDICT_EXPERIMENTAL);
	CHECK(t.predictions.predict);
	t.terminal = fresh(rows, cols, history_rows);
	t.other = fresh(rows, cols, history_rows);
	buf_init(&t.answers, ROOM);
	term_answer_to(t.terminal, &t.answers);
}

static void
begin(int rows, int cols)
{
	begin_with(rows, cols, 0);
}

static void
answers_come(void)
{
	uint8_t keys[256 + CURSOR_REPORT_MAX];
	while (t.answers.len) {
		size_t n = t.answers.len < 256 ? t.answers.len : 256;
		memcpy(keys, buf_bytes(&t.answers), n);
		buf_drop(&t.answers, n);
		(void)display_filter(&t.display, keys, n);
	}
}

/* What was written arrives, and is answered. */
static bool
arrives(void)
{
	uint8_t bytes[4096];
	ssize_t n = read(t.in, bytes, sizeof bytes);
	if (n > 0)
		CHECK_EQ(term_write(t.terminal, bytes, (size_t)n), 0);
	answers_come();
	return n > 0;
}

static void
end(void)
{
	int out = t.display.watch.fd;
	t.display.write_max = 0;
	while (arrives())
		;
	display_close(&t.display, &loop);
	predictions_close(&t.predictions);
	close(out);
	close(t.in);
	stream_finish(&t.stream);
	buf_finish(&t.answers);
	term_free(t.terminal);
	term_free(t.other);
}

static void
program(struct span bytes)
{
	CHECK_EQ(stream_on_data(&t.stream, t.written, bytes, 1), 0);
	CHECK_EQ(term_write(t.other, bytes.p, bytes.n), 0);
	t.written += bytes.n;
	t.stream.in_promised = t.written + ROOM;
}

static void
says(const char *text)
{
	program((struct span){ (const uint8_t *)text, strlen(text) });
}

/* Everything is written, and answered or given up. */
static void
settle(void)
{
	bool comes;
	do {
		(void)display_turn(&t.display);
		comes = arrives();
		if (!comes && display_deadline(&t.display))
			loop.now_us = display_deadline(&t.display) + 1;
		else if (!comes)
			break;
	} while (true);
	CHECK_EQ(t.display.watch.events, 0);
	CHECK_EQ(stream_held(&t.stream).n, 0);
}

/* Nothing of ours stands on the terminal; what is wanted comes back with the next turn. */
static void
lifted(void)
{
	struct status_line wanted = t.status;
	unsigned cells = t.cells.wanted;
	status_line_want(&t.status, NULL, loop.now_us);
	t.cells.wanted = 0;
	predict_set_mode(t.predictions.predict, PREDICT_NEVER);
	t.predictions.view = NULL;
	settle();
	CHECK(t.predictions.row < 0 && !t.predictions.ahead);
	status_line_want(&t.status, wanted.wanted ? wanted.text : NULL, loop.now_us);
	t.cells.wanted = cells;
	predict_set_mode(t.predictions.predict, PREDICT_EXPERIMENTAL);
	t.predictions.view = NULL;
}

static bool
same(struct term *a, struct term *b)
{
	struct buf one, two;
	buf_init(&one, SIZE_MAX / 2);
	buf_init(&two, SIZE_MAX / 2);
	describe(&one, a);
	describe(&two, b);
	bool equal = one.len == two.len
	    && memcmp(buf_bytes(&one), buf_bytes(&two), one.len) == 0;
	if (!equal && getenv("TERM_SEED") && !getenv("TERM_SEEDS"))
		printf("is:\n%s\nwanted:\n%s\n", buf_str(&one), buf_str(&two));
	buf_finish(&one);
	buf_finish(&two);
	return equal;
}

static void
resize(int rows, int cols)
{
	CHECK_EQ(term_resize(t.terminal, rows, cols), 0);
	CHECK_EQ(term_resize(t.other, rows, cols), 0);
	display_resize(&t.display, rows, cols);
}

static void
want_cells(int by, int width)
{
	static unsigned number;
	t.cells.by = by;
	t.cells.width = width;
	t.cells.wanted = width ? ++number : 0;
}

/* What a display shows that lets nothing through which a terminal would obey. */
static const char *
shows_harmless(const char *const *pieces, bool utf8)
{
	static char shown[256];
	static const int signals[] = { 0 };
	int fds[2];
	uint64_t at = 0;
	if (!loop.fds_max)
		CHECK_EQ(loop_init(&loop, signals), 0);
	CHECK(sys_pipe(fds) == 0 && sys_nonblock(fds[0]) == 0);
	stream_init(&t.stream, STREAM_MAIN, RANK_BULK, 1, ROOM);
	t.stream.in_promised = ROOM;
	display_open(&t.display, &loop, fds[1], &t.stream);
	display_harmless(&t.display, utf8);
	for (; *pieces; pieces++) {
		struct span piece = { (const uint8_t *)*pieces, strlen(*pieces) };
		CHECK_EQ(stream_on_data(&t.stream, at, piece, 1), 0);
		at += piece.n;
		CHECK(display_turn(&t.display));
		CHECK_EQ(t.display.watch.events, 0);
	}
	CHECK_EQ(stream_on_end(&t.stream, at, 1), 0);
	CHECK(display_turn(&t.display));
	CHECK(display_drained(&t.display));
	ssize_t n = read(fds[0], shown, sizeof shown - 1);
	shown[n > 0 ? n : 0] = 0;
	display_close(&t.display, &loop);
	stream_finish(&t.stream);
	close(fds[0]);
	close(fds[1]);
	return shown;
}

TEST(nothing_harmful_is_shown_of_what_is_only_text)
{
	CHECK_STR(shows_harmless((const char *const[]){ "one\n\033]52;c;eA\a", "two\n",
				     NULL },
		      true),
	    "one\n?]52;c;eA?two\n");
	CHECK_STR(shows_harmless((const char *const[]){ "a\xe2", "\x82\xac\xe2\x80\xae\n",
				     NULL },
		      true),
	    "a\xe2\x82\xac?\n");
	CHECK_STR(shows_harmless((const char *const[]){ "\xc3\xa4\n", NULL }, false),
	    "?\n");
	CHECK_STR(shows_harmless((const char *const[]){ "no end", NULL }, true),
	    "no end");
}

TEST(a_turn_lifts_writes_and_draws_in_one_write)
{
	begin(5, 30);
	says("\033[2J\033[Hone\r\n$ ");
	status_line_want(&t.status, "status", loop.now_us);
	settle();
	want_cells(0, 3);
	CHECK(display_turn(&t.display));
	uint8_t bytes[4096];
	ssize_t n = read(t.in, bytes, sizeof bytes);
	CHECK(n > 0);
	CHECK_EQ(read(t.in, bytes + n, 1), -1);
	CHECK_EQ(term_write(t.terminal, bytes, (size_t)n), 0);
	CHECK(t.status.row >= 0 && t.cells.row == 1);
	says("ls");
	want_cells(0, 2);
	CHECK(display_turn(&t.display));
	n = read(t.in, bytes, sizeof bytes - 1);
	CHECK(n > 0);
	bytes[n] = 0;
	CHECK_EQ(term_write(t.terminal, bytes, (size_t)n), 0);
	char *program_at = strstr((char *)bytes, "ls");
	CHECK(program_at && strstr(program_at, "status") && strstr(program_at, "EF"));
	/* Nothing new: nothing is written. */
	CHECK(display_turn(&t.display));
	CHECK_EQ(read(t.in, bytes, 1), -1);
	lifted();
	CHECK(same(t.terminal, t.other));
	end();
}

TEST(nothing_of_ours_goes_inside_a_sequence)
{
	begin(5, 30);
	says("\033[2J\033[H$ \033[3");
	status_line_want(&t.status, "status", loop.now_us);
	want_cells(0, 3);
	display_bell(&t.display);
	settle();
	CHECK(t.status.row < 0 && t.cells.row < 0);
	CHECK(same(t.terminal, t.other));
	says("1m\xe4\xb8");
	settle();
	CHECK(t.status.row < 0);
	CHECK(same(t.terminal, t.other));
	says("\xad");
	settle();
	CHECK(t.status.row >= 0 && t.cells.row >= 0);
	CHECK(!t.display.rings);
	lifted();
	CHECK(same(t.terminal, t.other));
	end();
}

TEST(wide_characters_at_the_edges_come_back_whole)
{
	begin(5, 20);
	says("\033[2J\033[H\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\033[1;2H");
	want_cells(0, 4);
	settle();
	CHECK(t.cells.lo == 1 && t.cells.hi == 5);
	lifted();
	CHECK(same(t.terminal, t.other));
	end();
}

TEST(a_row_that_goes_on_in_the_next_still_does)
{
	begin(5, 10);
	says("\033[2J\033[H0123456789abc\033[1;3H\033[2X\033[1;3H");
	want_cells(0, 4);
	settle();
	CHECK_EQ(t.cells.row, 0);
	want_cells(0, 0);
	settle();
	CHECK(grid_row(term_grid(t.terminal), 0)->wrapped);
	CHECK(same(t.terminal, t.other));
	end();
}

/* A shift is for the next character only, which is to be the program's. */
TEST(nothing_is_drawn_before_a_shifted_character)
{
	begin(5, 30);
	says("\033[2J\033[H\033*0$ \033N");
	status_line_want(&t.status, "status", loop.now_us);
	want_cells(0, 3);
	settle();
	CHECK(t.status.row < 0 && t.cells.row < 0);
	says("q");
	settle();
	CHECK(t.status.row >= 0 && t.cells.row >= 0);
	lifted();
	CHECK(same(t.terminal, t.other));
	end();
}

/* The last column was left blank, since the wide character had no room there. */
TEST(a_line_that_goes_on_with_a_wide_character_still_does)
{
	begin(5, 10);
	says("\033[2J\033[H012345678\xe4\xb8\xad\033[1;1H");
	want_cells(0, 8);
	settle();
	CHECK_EQ(t.cells.row, 0);
	lifted();
	CHECK(grid_row(term_grid(t.terminal), 0)->spacer);
	CHECK(same(t.terminal, t.other));
	end();
}

/* The program has not drawn all of it since it was resized last. */
TEST(an_alternate_screen_that_is_known_in_part_is_resized)
{
	begin(5, 20);
	says("\033[?1049h\033[2J\033[Hone\r\ntwo\r\n");
	settle();
	term_forget(t.display.model);
	says("\033[3;1H\033[2K$ ");
	want_cells(0, 4);
	settle();
	CHECK_EQ(t.cells.row, 2);
	resize(6, 15);
	want_cells(0, 0);
	settle();
	CHECK(same(t.terminal, t.other));
	CHECK(!term_row_known(t.display.model, 0) && term_row_known(t.display.model, 2));
	end();
}

TEST(behind_an_alternate_screen_that_is_none_nothing_is_known)
{
	for (int one = 0; one < 2; one++) {
		begin(5, 20);
		t.display.one_screen = one;
		says("$ vi\r\n\033[?1049h\033[2J\033[Hone\r\ntwo\r\n");
		settle();
		says("\033[?1049l");
		settle();
		CHECK_EQ(term_row_known(t.display.model, 0), !one);
		CHECK_EQ(term_cursor_known(t.display.model), !one);
		end();
	}
}

TEST(both_are_found_on_the_main_screen_when_it_is_resized)
{
	static const struct {
		const char *status;
		int by, width, rows, cols;
	} cases[] = { { NULL, 0, 4, 5, 12 }, { NULL, 0, 4, 8, 30 },
		{ NULL, -1, 4, 4, 20 }, { "status", 0, 4, 5, 12 },
		{ "status", 0, 4, 9, 40 }, { "a status line", 0, 4, 5, 8 },
		{ "a status line", -1, 3, 5, 8 } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(5, 20);
		says("\033[2J\033[Hone\r\ntwo\r\n$ ");
		status_line_want(&t.status, cases[i].status, loop.now_us);
		want_cells(cases[i].by, cases[i].width);
		settle();
		CHECK(t.cells.row >= 0 && !cases[i].status == (t.status.row < 0));
		resize(cases[i].rows, cases[i].cols);
		status_line_want(&t.status, NULL, loop.now_us);
		want_cells(0, 0);
		settle();
		if (!same(t.terminal, t.other))
			FAIL("case %zu leaves a trace", i);
		end();
	}
}

TEST(a_reader_that_has_gone_is_told_once)
{
	begin(5, 20);
	close(t.in);
	says("hello");
	signal(SIGPIPE, SIG_IGN);
	CHECK(!display_turn(&t.display));
	says("more");
	CHECK(display_turn(&t.display));
	CHECK_EQ(stream_held(&t.stream).n, 0);
	t.in = open("/dev/null", O_RDONLY);
	end();
}

TEST(text_of_ours_comes_behind_the_programs)
{
	uint8_t bytes[4096] = "";
	begin(5, 30);
	says("\033[2J\033[Hone\r\n$ ");
	status_line_want(&t.status, "status", loop.now_us);
	want_cells(0, 3);
	settle();
	says("ls");
	CHECK(display_say(&t.display, "belay: a notice\r\n"));
	CHECK(read(t.in, bytes, sizeof bytes - 1) > 0);
	char *ls = strstr((char *)bytes, "ls"), *notice = strstr((char *)bytes, "belay");
	CHECK(ls && notice && ls < notice);
	/* The model has seen it, and all is drawn again. */
	CHECK_EQ(term_write(t.terminal, bytes, strlen((char *)bytes)), 0);
	CHECK_EQ(term_write(t.other, notice, strlen(notice)), 0);
	settle();
	CHECK(t.status.row >= 0 && t.cells.row == 2);
	lifted();
	CHECK(same(t.terminal, t.other));
	end();
}

TEST(or_before_what_has_come_and_is_not_shown)
{
	char bytes[4096] = "";
	begin(5, 30);
	says("one\r\n");
	CHECK(display_say_above(&t.display, "notice\r\n"));
	CHECK(read(t.in, bytes, sizeof bytes - 1) > 0);
	CHECK_STR(bytes, "notice\r\none\r\n");
	/* Not inside a sequence. */
	says("\033[3");
	CHECK(display_turn(&t.display));
	says("1mred");
	CHECK(display_say_above(&t.display, "notice\r\n"));
	memset(bytes, 0, sizeof bytes);
	CHECK(read(t.in, bytes, sizeof bytes - 1) > 0);
	CHECK_STR(bytes, "\033[31mrednotice\r\n");
	end();
}

/* Inside it would be swallowed, and the program's next bytes with it. */
TEST(text_of_ours_waits_for_the_end_of_a_sequence)
{
	char bytes[4096] = "";
	begin(5, 30);
	says("\033[2J\033[H\033[3");
	CHECK(display_say(&t.display, "notice\r\n"));
	CHECK(read(t.in, bytes, sizeof bytes - 1) > 0);
	CHECK(!strstr(bytes, "notice"));
	says("1mred");
	CHECK(display_turn(&t.display));
	memset(bytes, 0, sizeof bytes);
	CHECK(read(t.in, bytes, sizeof bytes - 1) > 0);
	CHECK(strncmp(bytes, "1mrednotice\r\n", 13) == 0);
	end();
}

TEST(others_get_a_terminal_without_overlays)
{
	begin(5, 30);
	says("\033[2J\033[Hone\r\n$ ");
	status_line_want(&t.status, "status", loop.now_us);
	want_cells(0, 3);
	settle();
	display_yield(&t.display);
	while (arrives())
		;
	CHECK(same(t.terminal, t.other));
	CHECK(!term_cursor_known(t.display.model));
	end();
}

/* Without memory nothing half is written, and no byte of the program's is lost. */
TEST(without_memory_the_programs_bytes_arrive)
{
	for (long n = 1; n < 12; n++) {
		begin(5, 30);
		says("\033[2J\033[Hone\r\n$ ");
		test_fail_malloc(n);
		status_line_want(&t.status, "status", loop.now_us);
		want_cells(0, 3);
		(void)display_turn(&t.display);
		(void)display_say(&t.display, "notice\r\n");
		(void)display_turn(&t.display);
		test_fail_malloc(0);
		CHECK(!t.display.before.failed && !t.display.after.failed);
		settle();
		end();
	}
}

/* ---- what is typed ---- */

static void
hint(uint64_t input, unsigned modes)
{
	struct msg_echoed m = { input, t.written, (uint8_t)modes, 0x7f, 7 };
	predictions_hint(&t.predictions, &m);
}

static void types(const char *keys);

/* The text of a row of the terminal, without blanks behind it. */
static void
shows(int row, const char *text)
{
	char is[TERM_SIDE_MAX * 4 + 1];
	size_t len = 0, end = 0;
	for (int x = 0; x < term_cols(t.terminal); x++) {
		len += term_cell_text(t.terminal, row, x, (uint8_t *)is + len, 4);
		end = len && is[len - 1] != ' ' ? len : end;
	}
	is[end] = 0;
	CHECK_STR(is, text);
}

TEST(what_is_typed_stands_there_and_goes_without_a_trace)
{
	begin(5, 30);
	says("\033[2J\033[H$ ");
	settle();
	types("ls");
	settle();
	CHECK(t.predictions.row == 0 && t.predictions.lo == 2 && t.predictions.hi == 4);
	CHECK_EQ(t.predictions.ahead, 2);
	int row, col;
	term_cursor(t.terminal, &row, &col);
	CHECK(row == 0 && col == 4);
	says("l");
	settle();
	CHECK(t.predictions.lo == 3 && t.predictions.ahead == 1);
	says("s");
	settle();
	CHECK(t.predictions.row < 0 && !t.predictions.ahead);
	CHECK(same(t.terminal, t.other));
	types("\x7f");
	settle();
	CHECK_EQ(t.predictions.ahead, -1);
	shows(0, "$ l");
	types("X");
	settle();
	shows(0, "$ lX");
	types("\x7f");
	settle();
	shows(0, "$ l");
	lifted();
	CHECK(same(t.terminal, t.other));
	end();
}

/* The status line asks; the cursor stands behind what was typed, and that is known. */
TEST(an_answer_that_tells_nothing_new_takes_nothing_away)
{
	begin(5, 30);
	says("\033[2J\033[H$ ");
	settle();
	types("ls");
	settle();
	CHECK_EQ(t.predictions.ahead, 2);
	cursor_reports_want(&t.display.reports, loop.now_us);
	settle();
	CHECK(!t.display.reports.open && !t.display.reports.wanted);
	CHECK(t.predictions.row == 0 && t.predictions.ahead == 2);
	lifted();
	CHECK(same(t.terminal, t.other));
	end();
}

TEST(a_password_is_never_there)
{
	begin(5, 30);
	says("\033[2J\033[HPassword: ");
	hint(0, ECHOED_CANONICAL | ECHOED_SIGNALS);
	settle();
	types("secret");
	settle();
	CHECK(t.predictions.row < 0 && !t.predictions.ahead);
	CHECK(same(t.terminal, t.other));
	end();
}

TEST(the_cursor_that_is_ahead_is_where_it_is_asked_for)
{
	begin(5, 20);
	says("\033[2J\033[Hone\r\n$ ");
	settle();
	types("abc");
	settle();
	CHECK_EQ(t.predictions.ahead, 3);
	resize(5, 25);
	int row, col;
	settle();
	term_cursor(t.display.model, &row, &col);
	CHECK(row == 1 && col == 2);
	lifted();
	CHECK(same(t.terminal, t.other));
	end();
}

/* ---- asking where the cursor is ---- */

static bool
asks(void)
{
	uint8_t bytes[4096];
	(void)display_turn(&t.display);
	ssize_t n = read(t.in, bytes, sizeof bytes - 1);
	bytes[n > 0 ? n : 0] = 0;
	return n > 0 && strstr((char *)bytes, "\033[6n");
}

static void
comes(const char *keys)
{
	uint8_t bytes[64 + CURSOR_REPORT_MAX];
	memcpy(bytes, keys, strlen(keys));
	CHECK_EQ(display_filter(&t.display, bytes, strlen(keys)), strlen(keys));
}

/* Its answer might be taken for the other's. */
TEST(nothing_is_asked_while_the_program_waits_for_an_answer)
{
	static const struct {
		const char *question, *answer;
	} cases[] = { { "\033[?6n", "\033[?5;5;1R" }, { "\033[c", "\033[?62;c" },
		{ "\033]11;?\a", "\033]11;rgb:0/0/0\a" }, { "\033[14t", "\033[4;1;1t" },
		{ "\033[?2026$p", "\033[?2026;2$y" },
		{ "\033P$qm\033\\", "\033P1$r0m\033\\" } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(5, 20);
		says("\033[2J\033[H$ ");
		settle();
		says(cases[i].question);
		status_line_want(&t.status, "status", loop.now_us);
		if (asks())
			FAIL("case %zu is asked", i);
		comes("a\033[A\033[I\033[<0;1;1M"); /* no answers */
		CHECK(!asks());
		comes(cases[i].answer);
		CHECK(asks());
		end();
	}
}

TEST(a_terminal_that_does_not_answer_the_program_is_asked_a_second_later)
{
	begin(5, 20);
	says("\033[2J\033[H$ \033[c");
	settle();
	buf_drop(&t.answers, t.answers.len);
	says("\033[c");
	(void)display_turn(&t.display);
	loop.now_us += 1000 * 1000;
	status_line_want(&t.status, "status", loop.now_us);
	CHECK(asks());
	end();
}

TEST(where_nothing_may_be_asked_the_title_is_used)
{
	begin(5, 20);
	t.mute = true;
	says("\033[2J\033[H$ ");
	status_line_want(&t.status, "status", loop.now_us);
	CHECK(!asks());
	settle();
	CHECK(t.status.titled && t.status.row < 0);
	end();
}

/* As xterm has it: relative to the margins. */
TEST(nothing_of_ours_goes_into_a_file_that_is_sent)
{
	static const char opening[] = "rz\r**\x18"
				      "B00000000000000\r\x8a\x11";
	begin(8, 40);
	says("$ ");
	settle();
	says(opening);
	status_line_want(&t.status, "no answer", loop.now_us);
	types("x");
	CHECK(display_say(&t.display, "hello\r\n"));
	display_bell(&t.display);
	(void)display_turn(&t.display);
	(void)arrives();
	CHECK(display_transfers(&t.display) && same(t.terminal, t.other));
	CHECK_EQ(display_deadline(&t.display), t.display.transfer.until_us);
	loop.now_us = t.display.transfer.until_us;
	settle();
	CHECK(!same(t.terminal, t.other));
	end();
}

TEST(in_origin_mode_the_answer_counts_from_the_margins)
{
	begin(6, 20);
	says("\033[2J\033[H1\r\n2\r\n3\033[3;6r\033[?6h\033[2;3H");
	status_line_want(&t.status, "status", loop.now_us);
	settle();
	CHECK_EQ(t.status.row, 0);
	lifted();
	CHECK(same(t.terminal, t.other));
	end();
}

/* ---- random traffic ---- */

static void
random_wishes(void)
{
	static const char *const texts[] = { NULL, "s", "belay: no answer",
		"a line that is longer than most of these terminals are wide" };
	if (test_below(3) == 0)
		status_line_want(&t.status, texts[test_below(4)], loop.now_us);
	if (test_below(2) == 0)
		want_cells((int)test_below(3) - 1, (int)test_below(9));
}

static void
types(const char *keys)
{
	struct span bytes = { (const uint8_t *)keys, strlen(keys) };
	predictions_keys(&t.predictions, bytes, t.typed);
	t.typed += bytes.n;
}

/* What is typed, what the host tells of it, and time. */
static void
random_keys(void)
{
	static const char *const keys[] = { "a", "b", "ls -l", "\xd0\xb6", "\xe4\xb8\xad",
		"\x7f", "\033[D", "\033[C", "\r", "\t", "\033OA",
		"\033[200~pasted\033[201~" };
	loop.now_us += test_below(100 * 1000);
	for (size_t n = test_below(4); n; n--)
		types(keys[test_below(sizeof keys / sizeof *keys)]);
	static const char *const plain[] = { "a", "ls -l", "\xd0\xb6", "\xe4\xb8\xad",
		"\b", "\b \b", "\033[?25la\033[2;3H\033[?25h", "b\033[K",
		"\r$ \033[31mls\033[m\b", "\033[2X", "\033[C", "\033[3Gz" };
	if (test_below(3) == 0)
		says(plain[test_below(sizeof plain / sizeof *plain)]);
	if (test_below(4) == 0) {
		struct msg_echoed m = { .input = t.typed - test_below(t.typed + 1),
			.output = t.written,
			.modes = (uint8_t)test_below(8),
			.erase = 0x7f,
			.group = (uint32_t)test_below(3) };
		predictions_hint(&t.predictions, &m);
	}
	if (test_below(4) == 0)
		predictions_link(&t.predictions, test_below(500 * 1000), test_below(2));
	(void)predictions_turn(&t.predictions);
}

/* As if the program had drawn all of it. */
static void
becomes_known(void)
{
	struct term *model = t.display.model;
	for (int y = 0; y < term_rows(model); y++)
		grid_row(term_grid(model), y)->known = true;
	model->row_unknown = false;
}

/* The main screen is changed while nothing is drawn, and known afterwards: what terminals make
 * of drawn lines is the status line's test. */
static void
random_resize(void)
{
	int rows = 3 + (int)test_below(6), cols = 4 + (int)test_below(20);
	settle();
	if (!term_on_alternate(t.display.model) || !term_at_rest(t.display.model))
		lifted();
	resize(rows, cols);
	becomes_known();
}

/* Of ours, behind all that has come. */
static void
random_text(void)
{
	static const char text[] = "belay: host: no answer\r\n";
	settle();
	if (!term_at_rest(t.other) || term_shift_waits(t.other))
		return;
	CHECK(display_say(&t.display, text));
	CHECK_EQ(term_write(t.other, text, sizeof text - 1), 0);
}

static void
run(void)
{
	/* A terminal takes lines back from its scrollback, which the model does not have. */
	bool resizes = test_below(2);
	begin_with(3 + (int)test_below(6), 4 + (int)test_below(20),
	    resizes ? 0 : HISTORY);
	for (int step = 0; step < STEPS; step++) {
		struct buf bytes;
		buf_init(&bytes, 4096);
		for (size_t n = test_below(4); n; n--)
			traffic(&bytes);
		program(buf_span(&bytes));
		buf_finish(&bytes);
		random_wishes();
		random_keys();
		t.display.write_max = 1 + test_below(test_below(2) ? 40 : 900);
		for (size_t n = test_below(4); n; n--) {
			(void)display_turn(&t.display);
			(void)arrives();
		}
		if (test_below(12) == 0)
			random_text();
		if (resizes && test_below(12) == 0)
			random_resize();
		if (test_below(3))
			continue;
		lifted();
		if (!same(t.terminal, t.other))
			FAIL("step %d leaves a trace", step);
	}
	end();
}

TEST(no_overlay_leaves_a_trace)
{
	traffic_seeds(SEEDS, run);
}
