#include "client/overlay.h"
#include "test.h"

enum { ROWS = 5, COLS = 20 };

/* A program's model, as belay has it, and the terminal that it all goes to. */
static struct {
	struct term *model, *terminal;
	struct overlay overlay;
	struct buf out;
} t;

static void
begin(bool unknown)
{
	struct term_options o = { .rows = ROWS, .cols = COLS, .unknown = unknown };
	CHECK_EQ(term_new(&o, &t.model), 0);
	o.unknown = false;
	CHECK_EQ(term_new(&o, &t.terminal), 0);
	overlay_init(&t.overlay, t.model);
	buf_init(&t.out, 64 * 1024);
}

static void
end(void)
{
	term_free(t.model);
	term_free(t.terminal);
	buf_finish(&t.out);
}

static void
program(const char *text)
{
	CHECK_EQ(term_write(t.model, text, strlen(text)), 0);
	CHECK_EQ(term_write(t.terminal, text, strlen(text)), 0);
}

/* What the overlay wants written reaches the terminal only. */
static void
flush(void)
{
	CHECK_EQ(term_write(t.terminal, buf_bytes(&t.out), t.out.len), 0);
	buf_drop(&t.out, t.out.len);
}

static void
show(const char *text)
{
	overlay_show(&t.overlay, text, &t.out);
	flush();
}

static void
hide(void)
{
	overlay_hide(&t.overlay, &t.out);
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
same(void)
{
	struct buf a, b;
	snapshot(t.model, &a);
	snapshot(t.terminal, &b);
	bool equal = a.len == b.len && memcmp(buf_bytes(&a), buf_bytes(&b), a.len) == 0;
	buf_finish(&a);
	buf_finish(&b);
	return equal;
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
		CHECK(overlay_shown(&t.overlay));
		CHECK(!same());
		show("second, longer than the width of this terminal");
		hide();
		CHECK(!overlay_shown(&t.overlay));
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
	CHECK(t.overlay.row > 0);
	hide();
	program("\r\n");
	show("text");
	CHECK_EQ(t.overlay.row, 0);
	end();
}

TEST(nothing_is_drawn_within_a_sequence)
{
	begin(false);
	program("\033[2J\033[H\033[3");
	overlay_show(&t.overlay, "text", &t.out);
	CHECK_EQ(t.out.len, 0);
	CHECK(!overlay_shown(&t.overlay));
	end();
}

TEST(where_nothing_is_known_the_title_carries_it)
{
	begin(true);
	program("hello");
	overlay_show(&t.overlay, "text", &t.out);
	const char *asked = "\033[6n\033[22;2t\033]2;text\033\\";
	CHECK_STR(buf_str(&t.out), asked);
	buf_drop(&t.out, t.out.len);
	overlay_show(&t.overlay, "again", &t.out);
	CHECK_STR(buf_str(&t.out), "\033]2;again\033\\");
	buf_drop(&t.out, t.out.len);
	overlay_hide(&t.overlay, &t.out);
	CHECK_STR(buf_str(&t.out), "\033[23;2t");
	end();
}

TEST(a_terminal_that_says_where_its_cursor_is_may_be_drawn_on)
{
	begin(true);
	program("1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n10\r\n");
	overlay_show(&t.overlay, "text", &t.out);
	CHECK(t.overlay.titled);
	uint8_t typed[] = "ab\033[5;1Rcd";
	CHECK_EQ(overlay_filter(&t.overlay, typed, sizeof typed - 1), 4);
	CHECK(memcmp(typed, "abcd", 4) == 0);
	buf_drop(&t.out, t.out.len);
	show("text");
	CHECK(t.overlay.row >= 0 && !t.overlay.titled);
	end();
}

TEST(only_an_answer_to_our_question_is_taken_from_what_is_typed)
{
	uint8_t typed[] = "\033[5;1R";
	begin(true);
	CHECK_EQ(overlay_filter(&t.overlay, typed, sizeof typed - 1), sizeof typed - 1);
	show("text");
	uint8_t other[] = "\033[A\033[1;5\033[;R";
	CHECK_EQ(overlay_filter(&t.overlay, other, sizeof other - 1), sizeof other - 1);
	CHECK(t.overlay.asked);
	end();
}
