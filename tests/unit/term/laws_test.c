/* What holds whatever the traffic was. */
#include "describe.h"
#include "traffic.h"

#include "base/err.h"
#include "term/frame.h"
#include "test.h"

enum { SEEDS = 1000, STEPS = 60, HISTORY = 1000 };

static const struct term_limits ALL = { 0, SIZE_MAX, SIZE_MAX };

static struct term *
fresh(int rows, int cols)
{
	struct term *t;
	struct term_options o = { rows, cols, HISTORY, SIZE_MAX, false };
	CHECK_EQ(term_new(&o, &t), 0);
	return t;
}

static void
give(struct term *t, const struct buf *b)
{
	CHECK_EQ(term_write(t, buf_bytes(b), b->len), 0);
}

static void
check_same(const struct buf *a, const struct buf *b)
{
	if (getenv("TERM_SEED") && !getenv("TERM_SEEDS"))
		printf("was:\n%.*s\nis:\n%.*s\n", (int)a->len, (const char *)buf_bytes(a),
		    (int)b->len, (const char *)buf_bytes(b));
	CHECK_EQ(b->len, a->len);
	CHECK(memcmp(buf_bytes(a), buf_bytes(b), a->len) == 0);
}

static void
make_traffic(struct buf *b, int steps)
{
	buf_init(b, 1 << 20);
	for (int i = 0; i < steps; i++)
		traffic(b);
}

static void
for_seeds(void (*check)(void))
{
	traffic_seeds(SEEDS, check);
}

/* ---- bytes may come in any pieces ---- */

static void
check_pieces(void)
{
	struct buf b, was, is;
	int rows = 1 + (int)test_below(8), cols = 2 + (int)test_below(23);
	struct term *whole = fresh(rows, cols), *pieces = fresh(rows, cols);
	make_traffic(&b, STEPS);
	buf_print(&b, "\033\\!");
	give(whole, &b);
	for (size_t at = 0; at < b.len;) {
		size_t n = 1 + test_below(test_below(2) ? 3 : 40);
		n = n < b.len - at ? n : b.len - at;
		CHECK_EQ(term_write(pieces, buf_bytes(&b) + at, n), 0);
		at += n;
	}
	buf_init(&was, SIZE_MAX / 2);
	buf_init(&is, SIZE_MAX / 2);
	describe(&was, whole);
	describe(&is, pieces);
	check_same(&was, &is);
	buf_finish(&b);
	buf_finish(&was);
	buf_finish(&is);
	term_free(whole);
	term_free(pieces);
}

TEST(the_cuts_in_the_bytes_do_not_matter)
{
	for_seeds(check_pieces);
}

/* ---- what is quick is the same ---- */

/* Lines as programs write them, in many scripts and colours, with what breaks them. */
static void
make_prose(struct buf *b, int steps)
{
	static const char *const parts[] = { "plain text and more of it, on and on ", "x",
		"ab ", "abcdefgh", "12345678901234567", "中文字符 ", "日本語テキスト",
		"한국어 ", "naïve café ", "\xf0\x9f\x98\x80",
		"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb ", "e\xcc\x81", "Ω≈ç√ ",
		"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", "\r\n", "\r\n", "\r", "\xc2\x85",
		"\xc2\xa0", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x90\x8d\x88",
		"\xf0\x8f\xbf\xbf", "\xe0\x9f\xbf", "\xf8\x90\x80\x80", "\xef\xbf\xbd",
		"\xe2\x80\x8b", "\xc3", "\x7f", "\t", "\033[38;5;123m",
		"\033[38;2;1;22;133m", "\033[m", "\033[0m", "\033[1;31m", "\033[5;3H",
		"\033[K", "\033[038;0005;7m", "\033[99999;1m", "\033[4:3m", "\033[;1m",
		"\033[1;;3m", "\033[48;5;7m", "\033[1\"q", "\033[3P", "\033[2X",
		"\033]8;;http://x\033\\", "\033]8;;\033\\", "\033[>1m", "\033[1 m" };
	buf_init(b, 1 << 20);
	for (int i = 0; i < steps; i++)
		buf_print(b, "%s", TRAFFIC_PICK(parts));
}

/* Eight bytes and more are read at once: not where there is but one. */
static void
check_bytes(void)
{
	struct buf b, was, is;
	int rows = 1 + (int)test_below(8), cols = 1 + (int)test_below(100);
	struct term *whole = fresh(rows, cols), *single = fresh(rows, cols);
	make_prose(&b, STEPS * 3);
	give(whole, &b);
	for (size_t at = 0; at < b.len; at++)
		CHECK_EQ(term_write(single, buf_bytes(&b) + at, 1), 0);
	buf_init(&was, SIZE_MAX / 2);
	buf_init(&is, SIZE_MAX / 2);
	describe(&was, whole);
	describe(&is, single);
	check_same(&was, &is);
	buf_finish(&b);
	buf_finish(&was);
	buf_finish(&is);
	term_free(whole);
	term_free(single);
}

TEST(text_is_the_same_at_once_and_byte_by_byte)
{
	for_seeds(check_bytes);
}

/* The text that a row has is what its cells are stored as. */
static void
check_texts(void)
{
	struct buf b, out, other;
	struct term *t = fresh(6, 2 + (int)test_below(80));
	buf_init(&out, SIZE_MAX / 2);
	buf_init(&other, SIZE_MAX / 2);
	for (int i = 0; i < STEPS; i++) {
		make_prose(&b, 1 + (int)test_below(12));
		if (test_below(4) == 0)
			traffic(&b);
		give(t, &b);
		buf_finish(&b);
		for (int y = 0; y < 6; y++) {
			struct row *r = grid_row(&t->main.grid, y), cells = *r;
			struct row *next = grid_row(&t->main.grid, y < 5 ? y + 1 : y);
			struct span has, made;
			cells.texted = false;
			CHECK_EQ(line_store(t, r, next, false, &out, &has),
			    line_store(t, &cells, next, false, &other, &made));
			test_same_bytes(__FILE__, __LINE__, "text", has.p, has.n, made.p,
			    made.n);
		}
	}
	buf_finish(&out);
	buf_finish(&other);
	term_free(t);
}

TEST(the_text_of_a_row_is_that_of_its_cells)
{
	for_seeds(check_texts);
}

/* ---- the numbers of rows ---- */

static void
check_numbers(void)
{
	struct buf b;
	struct term *whole = fresh(3, 10), *slow = fresh(3, 10);
	make_traffic(&b, STEPS);
	give(whole, &b);
	bool cleared = term_oldest(whole) > 0;
	for (size_t at = 0; at < b.len && !cleared; at++) {
		uint64_t before = term_gone(slow);
		CHECK_EQ(term_gone_at(whole, at), before);
		CHECK_EQ(term_write(slow, buf_bytes(&b) + at, 1), 0);
		CHECK(term_gone(slow) >= before);
	}
	buf_finish(&b);
	term_free(whole);
	term_free(slow);
}

TEST(which_rows_were_gone_at_an_offset_is_known)
{
	for_seeds(check_numbers);
}

/* ---- leaving a terminal ---- */

static void
check_undone(const struct term *t)
{
	static const struct style plain;
	CHECK(t->modes == MODES_AT_FIRST);
	CHECK(style_equal(&t->pen, &plain));
	CHECK(t->screen == &t->main);
	CHECK_EQ(t->top, 0);
	CHECK_EQ(t->bottom, term_rows(t) - 1);
	CHECK_EQ(t->left, 0);
	CHECK_EQ(t->right, term_cols(t) - 1);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(t->charsets.g[i], 0);
	CHECK_EQ(t->charsets.shifted, 0);
	CHECK_EQ(t->main.keys.depth, 0);
	CHECK_EQ(t->main.keys.flags[0], 0);
	CHECK_EQ(t->alternate.keys.depth, 0);
	CHECK_EQ(t->alternate.keys.flags[0], 0);
	CHECK_EQ(t->cursor_shape, 0);
	CHECK_EQ(t->title_count, 0);
	CHECK(tabs_are_default(t));
	CHECK(term_at_rest(t));
	for (int i = 0; i < MODIFY_COUNT; i++)
		CHECK_EQ(t->modify[i], MODIFY_UNSET);
	for (int i = 0; t->colours && i < COLOUR_COUNT; i++)
		CHECK(!t->colours[i].set);
}

static void
check_undo(void)
{
	struct buf b, undo;
	struct term *t = fresh(2 + (int)test_below(8), 2 + (int)test_below(23));
	make_traffic(&b, STEPS);
	give(t, &b);
	buf_init(&undo, 100000);
	CHECK_EQ(term_undo(t, &undo), 0);
	give(t, &undo);
	check_undone(t);
	/* And then there is nothing left to undo. */
	buf_drop(&undo, undo.len);
	CHECK_EQ(term_undo(t, &undo), 0);
	CHECK_EQ(undo.len, 0);
	buf_finish(&b);
	buf_finish(&undo);
	term_free(t);
}

TEST(all_that_was_switched_on_is_undone)
{
	for_seeds(check_undo);
}

/* VTE keeps apart the modes of the mouse of which xterm has one at a time. */
static void
check_mouse_undone(const char *sequences, const char *undone)
{
	struct buf undo;
	struct term *t = fresh(2, 10);
	buf_init(&undo, 1000);
	CHECK_EQ(term_write(t, sequences, strlen(sequences)), 0);
	CHECK_EQ(term_undo(t, &undo), 0);
	CHECK_STR(buf_str(&undo), undone);
	buf_finish(&undo);
	term_free(t);
}

TEST(each_mode_of_the_mouse_that_was_on_is_switched_off)
{
	check_mouse_undone("\033[?1000h", "\033[?1000l");
	check_mouse_undone("\033[?1000;1002;1006h", "\033[?1000l\033[?1002l\033[?1006l");
	check_mouse_undone("\033[?1000;1003h\033[?1003l", "\033[?1000l");
	check_mouse_undone("\033[?1000;1003h\033[?1000;1003l", "");
	check_mouse_undone("\033[?1000;1002h\033c", "");
	check_mouse_undone("\033[?1002s\033[?1000h\033[?1002r", "\033[?1000l");
}

/* A program that only pushes titles leaves the terminal its own. */
TEST(a_title_that_nobody_set_is_not_told)
{
	struct term *t = fresh(2, 10);
	struct buf b;
	buf_init(&b, 1000);
	CHECK_EQ(term_write(t, "\033[22;0t", 8), 0);
	CHECK_EQ(term_snapshot(t, &ALL, &b), 0);
	CHECK(!strstr(buf_str(&b), "\033]") && strstr(buf_str(&b), "\033[22;0t"));
	/* But one that was set and taken back is. */
	buf_drop(&b, b.len);
	static const char taken_back[] = "\033]2;x\a\033[22;0t\033]2;\a";
	CHECK_EQ(term_write(t, taken_back, sizeof taken_back - 1), 0);
	CHECK_EQ(term_snapshot(t, &ALL, &b), 0);
	CHECK(strstr(buf_str(&b), "\033]2;x\033\\\033[22;0t\033]2;\033\\"));
	buf_finish(&b);
	term_free(t);
}

static void
check_told(struct term *t, const char *text)
{
	struct buf b;
	buf_init(&b, 100000);
	CHECK_EQ(term_snapshot(t, &ALL, &b), 0);
	if (!strstr(buf_str(&b), text))
		FAIL("not told: %s", text + 1);
	buf_finish(&b);
}

/* As many as there is room for, and none half. */
TEST(variables_are_told)
{
	struct term *t = fresh(2, 10);
	struct buf b;
	buf_init(&b, 100000);
	for (int i = 0; i < VARIABLES_MAX; i++)
		buf_print(&b, "\033]1337;SetUserVar=v%d=eA==\a", i);
	buf_print(&b, "\033]1337;SetUserVar=v1=eQ==\033\\\033]1337;SetUserVar=v=\a");
	give(t, &b);
	check_told(t,
	    "\033]1337;SetUserVar=v0=eA==\033\\\033]1337;SetUserVar=v1=eQ==\033\\");
	check_told(t, "\033]1337;SetUserVar=v14=eA==\033\\\033]1337;SetUserVar=v=\033\\");
	CHECK(t->told[TOLD_PROMPT - 1] && !t->told[TOLD_PROMPT]);
	buf_drop(&b, b.len);
	buf_print(&b, "\033]1337;SetUserVar=v1=");
	for (int i = 0; i < TITLE_MAX; i++)
		buf_putc(&b, 'A');
	buf_putc(&b, '\a');
	give(t, &b);
	check_told(t, "\033]1337;SetUserVar=v1=\033\\");
	buf_finish(&b);
	term_free(t);
}

/* In its row, wherever that is by now: on the screen, in the history, with another width. */
TEST(where_prompts_and_outputs_begin_is_told)
{
	static const char text[] =
	    "\033]133;A;redraw=0\a$ \033]133;B\als\r\n\033]133;C\aone\r\n"
	    "\033]133;D;0\a\033]133;A;redraw=0\a$ \033]133;A;k=s\a> ";
	struct term *t = fresh(4, 10);
	CHECK_EQ(term_write(t, text, sizeof text - 1), 0);
	check_told(t, "\033[J\033]133;A;redraw=0\033\\$ ls\r\n\033]133;C\033\\one\r\n");
	check_told(t, "\033]133;A;redraw=0\033\\$ > ");
	CHECK_EQ(term_write(t, "\r\n\n\n", 4), 0);
	check_told(t, "\033[J\033]133;A;redraw=0\033\\$ ls\r\n\033]133;C\033\\one\r\n");
	CHECK_EQ(term_resize(t, 3, 3), 0);
	check_told(t, "\033[J\033]133;A;redraw=0\033\\$ ls\r\n\033]133;C\033\\one\r\n");
	/* What is cleared has none; input that has begun goes on. */
	CHECK_EQ(term_write(t, "\033[H\033[2J\033[3J\033]133;B\a", 20), 0);
	check_told(t, "\033]133;B\033\\");
	for (int y = 0; y < 3; y++)
		CHECK_EQ(grid_row(&t->main.grid, y)->part, 0);
	term_free(t);
}

/* ---- drawing over it ---- */

/* As overlays draw; and what was never written still was not, which another size shows. */
static void
check_cells(void)
{
	struct buf b, bytes, was, is;
	int rows = 2 + (int)test_below(7), cols = 2 + (int)test_below(23);
	struct term *t = fresh(rows, cols), *terminal = fresh(rows, cols);
	make_traffic(&b, STEPS);
	buf_print(&b, "\033\\!");
	give(t, &b);
	give(terminal, &b);
	buf_init(&bytes, 100000);
	buf_init(&was, SIZE_MAX / 2);
	buf_init(&is, SIZE_MAX / 2);
	describe(&was, t);
	int row = (int)test_below((size_t)rows);
	int most = term_row_room(t, row);
	int lo = most ? (int)test_below((size_t)most) : 0;
	int hi = most ? lo + 1 + (int)test_below((size_t)(most - lo)) : 0;
	int drawn = (int)test_below((size_t)(hi - lo) + 1);
	CHECK_EQ(term_neutral(t, &bytes), 0);
	buf_print(&bytes, "\033[%d;%dH\033[7m%.*s\033[m", row + 1, lo + 1, drawn,
	    "a status line, or what a person has typed");
	CHECK_EQ(term_settle(t, &bytes), 0);
	CHECK_EQ(term_repaint_cells(t, row, lo, hi, &bytes), 0);
	give(terminal, &bytes);
	describe(&is, terminal);
	check_same(&was, &is);
	rows = 1 + (int)test_below(9);
	cols = 1 + (int)test_below(25);
	CHECK_EQ(term_resize(t, rows, cols), 0);
	CHECK_EQ(term_resize(terminal, rows, cols), 0);
	buf_drop(&was, was.len);
	buf_drop(&is, is.len);
	describe(&was, t);
	describe(&is, terminal);
	check_same(&was, &is);
	buf_finish(&b);
	buf_finish(&bytes);
	buf_finish(&was);
	buf_finish(&is);
	term_free(t);
	term_free(terminal);
}

TEST(cells_that_were_drawn_over_come_back_without_a_trace)
{
	for_seeds(check_cells);
}

/* The last column of a row whose line goes on with a wide character. */
TEST(a_row_that_is_drawn_again_to_its_end_goes_on_with_a_wide_character)
{
	static const char text[] = "012345678\xe4\xb8\xad";
	struct term *t = fresh(3, 10);
	struct buf bytes, was, is;
	buf_init(&bytes, 100000);
	buf_init(&was, SIZE_MAX / 2);
	buf_init(&is, SIZE_MAX / 2);
	CHECK_EQ(term_write(t, text, sizeof text - 1), 0);
	describe(&was, t);
	CHECK_EQ(term_repaint_cells(t, 0, 0, 10, &bytes), 0);
	give(t, &bytes);
	describe(&is, t);
	check_same(&was, &is);
	buf_finish(&bytes);
	buf_finish(&was);
	buf_finish(&is);
	term_free(t);
}

/* A terminal may take a cluster for one column or for two. */
TEST(what_stands_behind_a_cluster_is_put_there)
{
	static const char prompt[] = "a\xe2\x98\x81\xef\xb8\x8f  us-east-1 $ ";
	struct term *t = fresh(2, 40);
	struct buf b;
	buf_init(&b, 1000);
	CHECK_EQ(term_write(t, prompt, sizeof prompt - 1), 0);
	CHECK_EQ(term_snapshot(t, &ALL, &b), 0);
	CHECK(strstr(buf_str(&b), "\xef\xb8\x8f\033[3G  us"));
	buf_drop(&b, b.len);
	CHECK_EQ(term_repaint_cells(t, 0, 0, 40, &b), 0);
	CHECK(strstr(buf_str(&b), "\xef\xb8\x8f\033[3G  us"));
	buf_finish(&b);
	term_free(t);
}

/* A terminal that joins clusters whatever it is told, as kitty does; its mode 2027 is on. */
static void
give_joining(struct term *terminal, struct buf *b)
{
	static const char mode[] = "\033[?2027";
	enum { MODE_LEN = sizeof mode };
	uint8_t *p = buf_bytes(b);
	for (size_t at = 0; at < b->len;) {
		bool is_mode = b->len - at >= MODE_LEN
		    && memcmp(p + at, mode, sizeof mode - 1) == 0;
		if (!is_mode)
			CHECK_EQ(term_write(terminal, p + at, 1), 0);
		at += is_mode ? MODE_LEN : 1;
	}
	buf_drop(b, b->len);
}

/* What terminals agree about: it stands in the same columns. */
static void
check_letters(const struct term *t, const struct term *terminal)
{
	const struct grid *is = term_grid(t), *shown = term_grid(terminal);
	for (int y = 0; y < is->rows; y++)
		for (int x = 0; x < is->cols; x++) {
			uint32_t ch = row_cell(grid_row(is, y), x).ch;
			if (ch > ' ' && ch < 0x7f)
				CHECK_EQ(row_cell(grid_row(shown, y), x).ch, ch);
		}
}

/* Rows whose lines do not go on. */
static void
write_doubtful(struct term *t, int rows, int cols)
{
	static const char *const parts[] = { "ab", "x", "  ", "中", "❤\xef\xb8\x8f", "नि",
		"நி", "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", /* a skin tone */
		"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
		"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", "\xf0\x9f\x87\xa9",
		"1\xef\xb8\x8f\xe2\x83\xa3", "\xe1\x84\x92\xe1\x85\xa1", "e\xcc\x81" };
	struct buf b;
	buf_init(&b, 100000);
	for (int y = 0; y < rows; y++) {
		buf_print(&b, "\033[%d;1H", y + 1);
		for (int x = 0; x < cols - 8 && test_below(12); x += 4)
			buf_print(&b, "%s", TRAFFIC_PICK(parts));
	}
	give(t, &b);
	buf_finish(&b);
}

static void
check_joining(void)
{
	int rows = 1 + (int)test_below(4), cols = 12 + (int)test_below(30);
	struct term *t = fresh(rows, cols), *terminal = fresh(rows, cols);
	struct term *larger = fresh(rows, cols + 3);
	struct term_frame frame = { 0 };
	struct buf b;
	buf_init(&b, 100000);
	CHECK_EQ(term_write(terminal, "\033[?2027h", 8), 0);
	CHECK_EQ(term_write(larger, "\033[?2027h", 8), 0);
	if (test_below(2))
		CHECK_EQ(term_write(t, "\033[?1049h", 8), 0);
	write_doubtful(t, rows, cols);
	CHECK_EQ(term_snapshot(t, &ALL, &b), 0);
	give_joining(terminal, &b);
	check_letters(t, terminal);
	int row = (int)test_below((size_t)rows), lo = (int)test_below((size_t)cols);
	int hi = lo + 1 + (int)test_below((size_t)(cols - lo));
	buf_print(&b, "\033[%d;%dH%.*s", row + 1, lo + 1, hi - lo,
	    "what is drawn over them for a while and more of it");
	give_joining(terminal, &b);
	CHECK_EQ(term_repaint_cells(t, row, lo, hi, &b), 0);
	give_joining(terminal, &b);
	check_letters(t, terminal);
	CHECK_EQ(term_frame_draw(&frame, t, rows, cols + 3, &b), 0);
	give_joining(larger, &b);
	check_letters(t, larger);
	for (int y = 0; y < rows; y++)
		CHECK_EQ(row_cell(grid_row(term_grid(larger), y), cols).ch, '|');
	term_frame_free(&frame);
	buf_finish(&b);
	term_free(t);
	term_free(terminal);
	term_free(larger);
}

TEST(a_terminal_that_joins_has_all_else_where_it_belongs)
{
	for_seeds(check_joining);
}

/* ---- coming back after an outage ---- */

/* The text that went by.  Whether a row that was gone at the cut goes on in the next one
 * is lost, and with it the blanks between. */
static void
describe_text(struct buf *out, const struct term *t)
{
	for (uint64_t i = t->history.first; i < t->history.next; i++) {
		struct line_reader r;
		struct line_cell c;
		line_read(&r, history_get(&t->history, i).text);
		while (line_next(&r, &c))
			if (*c.text.p != ' ')
				buf_print(out, "%.*s %x ", (int)c.text.n,
				    (const char *)c.text.p, r.style.attr);
	}
}

/* What is on the screens and in the history, and where the cursor is. */
static void
describe_seen(struct buf *out, const struct term *t)
{
	describe_text(out, t);
	for (int y = 0; y < term_rows(t); y++)
		describe_row(out, t, grid_row(&t->main.grid, y), term_cols(t));
	for (int y = 0; y < t->alternate.grid.rows; y++)
		describe_row(out, t, grid_row(&t->alternate.grid, y), term_cols(t));
	buf_print(out, "%d %d\n", t->row, t->col);
	describe_pen(out, t, &t->pen);
	buf_print(out, "%llx\n", (unsigned long long)t->modes);
}

/* Traffic that leaves the history alone. */
static void
kind_traffic(struct buf *b)
{
	make_traffic(b, STEPS);
	for (size_t i = 0; i + 1 < b->len; i++) {
		uint8_t *p = buf_bytes(b) + i;
		if (p[0] == 033 && p[1] == 'c')
			p[1] = '7';
		if (i + 3 < b->len && memcmp(p, "\033[3J", 4) == 0)
			p[2] = '2';
	}
}

static void
check_resync(void)
{
	struct buf b, bytes, was, is;
	uint64_t lost;
	struct term *host = fresh(4, 12), *client = fresh(4, 12);
	kind_traffic(&b);
	size_t seen = test_below(b.len);
	CHECK_EQ(term_write(client, buf_bytes(&b), seen), 0);
	/* A terminal shows half a character as a broken one, whatever comes next. */
	for (; client->parser.state == PARSER_CHAR && seen < b.len; seen++)
		CHECK_EQ(term_write(client, buf_bytes(&b) + seen, 1), 0);
	CHECK_EQ(term_write(host, buf_bytes(&b), seen), 0);
	buf_init(&bytes, SIZE_MAX / 2);
	buf_init(&was, SIZE_MAX / 2);
	buf_init(&is, SIZE_MAX / 2);
	term_mark(host, 0);
	CHECK_EQ(term_undo(client, &bytes), 0);
	CHECK_EQ(term_write(host, buf_bytes(&b) + seen, b.len - seen), 0);
	struct term_limits from = ALL;
	CHECK_EQ(term_resume(host, 0, &from, &bytes, &lost), 0);
	CHECK_EQ(lost, 0);
	CHECK_EQ(term_snapshot(host, &from, &bytes), 0);
	give(client, &bytes);
	describe_seen(&was, host);
	describe_seen(&is, client);
	check_same(&was, &is);
	buf_finish(&b);
	buf_finish(&bytes);
	buf_finish(&was);
	buf_finish(&is);
	term_free(host);
	term_free(client);
}

TEST(a_resync_gives_each_missed_row_once)
{
	for_seeds(check_resync);
}

/* ---- memory ---- */

/* Each allocation in turn fails: an error at most, and the model can go on. */
TEST(without_memory_the_model_goes_on)
{
	for (long n = 1;; n++) {
		struct term *t;
		struct buf b, snapshot;
		test_seed(7);
		make_traffic(&b, 400);
		struct term_options o = { 6, 20, 50, 100000, false };
		test_fail_malloc(n);
		if (term_new(&o, &t)) {
			CHECK(test_malloc_failed());
			buf_finish(&b);
			continue;
		}
		int err = term_write(t, buf_bytes(&b), b.len);
		int resized = term_resize(t, 9, 13);
		bool failed = test_malloc_failed();
		CHECK(err == 0 || (err == ERR_NOMEM && failed));
		CHECK(resized == 0 || (resized == ERR_NOMEM && failed));
		CHECK_EQ(term_write(t, "\033\\ok\r\n", 6), 0);
		buf_init(&snapshot, SIZE_MAX / 2);
		CHECK_EQ(term_snapshot(t, &ALL, &snapshot), 0);
		buf_finish(&snapshot);
		buf_finish(&b);
		term_free(t);
		if (!failed)
			return;
	}
}

TEST(history_keeps_within_its_bounds)
{
	struct term *t;
	struct term_options o = { 5, 80, 100000, 1 << 20, false };
	CHECK_EQ(term_new(&o, &t), 0);
	size_t before = term_memory(t);
	for (int i = 0; i < 50000; i++)
		CHECK_EQ(term_write(t, "0123456789012345678901234567890123456789\r\n",
			     42),
		    0);
	CHECK(term_memory(t) - before < (1 << 20) + 100000);
	CHECK(term_gone(t) == 49996);
	CHECK(term_oldest(t) > 20000 && term_oldest(t) < 40000);
	term_history_bound(t, 1000, 1 << 20);
	CHECK_EQ(term_oldest(t), term_gone(t) - 1000);
	term_history_bound(t, 1000, 0);
	CHECK_EQ(term_oldest(t), term_gone(t));
	CHECK(term_memory(t) - before < 100000);
	CHECK_EQ(term_write(t, "on\r\n", 4), 0);
	CHECK(term_gone(t) == 49997);
	term_free(t);
}

TEST(a_hundred_thousand_rows_fit_into_12_mib)
{
	char line[82];
	struct term *t;
	struct term_options o = { 24, 80, 100000, SIZE_MAX, false };
	memset(line, 'x', 80);
	memcpy(line + 80, "\r\n", 2);
	CHECK_EQ(term_new(&o, &t), 0);
	for (int i = 0; i < 100023; i++)
		CHECK_EQ(term_write(t, line, sizeof line), 0);
	CHECK_EQ(term_gone(t) - term_oldest(t), 100000);
	CHECK(term_memory(t) <= 12 * 1024 * 1024);
	term_free(t);
}

/* ---- limits, colours ---- */

TEST(a_snapshot_has_as_much_history_as_is_asked_for)
{
	struct term *t = fresh(3, 10), *again = fresh(3, 10);
	struct buf b;
	uint64_t lost;
	struct term_limits two = { 0, 2, SIZE_MAX }, bytes = { 0, SIZE_MAX, 20 };
	buf_init(&b, 10000);
	for (int i = 0; i < 10; i++)
		buf_print(&b, "line %d\r\n", i);
	give(t, &b);
	CHECK_EQ(term_gone(t), 8);
	buf_drop(&b, b.len);
	CHECK_EQ(term_snapshot(t, &two, &b), 0);
	give(again, &b);
	CHECK_EQ(term_gone(again), 2);
	buf_drop(&b, b.len);
	buf_drop(&b, b.len);
	CHECK_EQ(term_resume(t, 0, &bytes, &b, &lost), 0);
	CHECK_EQ(lost, 6);
	/* What does not fit is an error. */
	buf_finish(&b);
	buf_init(&b, 10);
	CHECK_EQ(term_snapshot(t, &two, &b), ERR_NOMEM);
	buf_finish(&b);
	term_free(t);
	term_free(again);
}

TEST(the_terminals_own_colours_are_told)
{
	static const uint16_t white[3] = { 0xffff, 0xffff, 0xffff };
	static const char ask[] = "\033]11;?\a\033]4;3;?\a\033]10;?\a\033[?996n";
	struct term *t = fresh(2, 10);
	struct buf answers;
	buf_init(&answers, 1000);
	term_answer_to(t, &answers);
	CHECK_EQ(term_colour_is(t, 11, white), 0);
	CHECK_EQ(term_colour_is(t, TERM_COLOUR_INDEXED + 3, white), 0);
	CHECK_EQ(term_colour_is(t, 20, white), 0);
	CHECK_EQ(term_colour_is(t, TERM_COLOUR_INDEXED + 256, white), 0);
	CHECK_EQ(term_write(t, ask, sizeof ask - 1), 0);
	CHECK_BYTES(buf_bytes(&answers), answers.len,
	    "\033]11;rgb:ffff/ffff/ffff\a\033]4;3;rgb:ffff/ffff/ffff\a\033[?997;2n");
	buf_finish(&answers);
	term_free(t);
}

static void
check_string_k(const char *name, bool is_string)
{
	struct term *t;
	struct term_options o = { .rows = 2, .cols = 20 };
	CHECK_EQ(term_new(&o, &t), 0);
	term_is_called(t, (struct span){ (const uint8_t *)name, strlen(name) });
	CHECK_EQ(term_write(t, "\033kname\033\\x", 9), 0);
	CHECK_EQ(t->col, is_string ? 1 : 5);
	term_free(t);
}

TEST(a_name_as_screen_has_it_is_text_elsewhere)
{
	check_string_k("screen", true);
	check_string_k("screen.xterm-256color", true);
	check_string_k("tmux-256color", true);
	check_string_k("xterm-256color", false);
	check_string_k("scree", false);
	check_string_k("", false);
}

TEST(sizes_are_brought_to_their_bounds)
{
	struct term *t = fresh(0, 100000);
	CHECK_EQ(term_rows(t), 1);
	CHECK_EQ(term_cols(t), TERM_SIDE_MAX);
	CHECK_EQ(term_resize(t, 100000, -1), 0);
	CHECK_EQ(term_rows(t), TERM_SIDE_MAX);
	CHECK_EQ(term_cols(t), 1);
	term_free(t);
}

/* Each cell with a link, a cluster and a style of its own: some are not kept, nothing grows
 * without bound, and it does not take for ever. */
TEST(what_nobody_writes_keeps_within_its_bounds)
{
	struct term *t = fresh(100, 200);
	char text[2100];
	memset(text, 'u', sizeof text);
	for (int i = 0; i < 20000; i++) {
		int n = snprintf(text, sizeof text,
		    "\033[38;2;%d;%d;7m\033]8;;http://%d/", i & 255, i >> 8, i);
		text[n] = 'u';
		CHECK_EQ(term_write(t, text, 2000), 0);
		n = snprintf(text, sizeof text, "\033\\e\xcc\x81\xcc%c", 0x80 + i % 64);
		CHECK_EQ(term_write(t, text, (size_t)n), 0);
	}
	CHECK(term_memory(t) < 12 << 20);
	term_free(t);
}
