#include "predict/predict.h"
#include "term/read.h"

#include "base/err.h"
#include "test.h"

enum { ROWS = 5, COLS = 20, MS = 1000, RTT = 100 * MS };

static struct term *term;
static struct predict *p;
static uint64_t now, in_off, out_off;

static void
begin(enum predict_mode mode)
{
	struct term_options o = { ROWS, COLS, 100, 1 << 16, false };
	struct predict_link link = { .rtt_us = RTT };
	CHECK_EQ(term_new(&o, &term), 0);
	CHECK_EQ(predict_new(term, mode, &p), 0);
	now = 10 * 1000 * MS;
	in_off = out_off = 0;
	predict_link(p, &link, now);
}

static void
end(void)
{
	predict_free(p);
	term_free(term);
}

static void
later(uint64_t ms)
{
	now += ms * MS;
	predict_tick(p, now);
}

static void
type_bytes(const char *bytes, size_t n)
{
	predict_keys(p, (struct span){ (const uint8_t *)bytes, n }, in_off, now);
	in_off += n;
}

/* Each byte a read, but for sequences. */
static void
type(const char *text)
{
	while (*text) {
		size_t n = *text == 033 ? strlen(text) : 1;
		type_bytes(text, n);
		text += n;
	}
}

static void
output(const char *bytes)
{
	out_off += strlen(bytes);
	CHECK_EQ(term_write(term, bytes, strlen(bytes)), 0);
	predict_output(p, out_off, now);
}

/* The host: -echo, canonical ...: so it is, and the program has had all that was typed. */
static void
hint(const char *settings, uint64_t group)
{
	struct predict_hint h = {
		.in_off = in_off,
		.out_off = out_off,
		.echo = strchr(settings, 'E'),
		.canonical = strchr(settings, 'C'),
		.isig = true,
		.erase = 0x7f,
		.group = group,
	};
	predict_hint(p, &h, now);
}

/* Cells as COLUMN:TEXT, then the cursor's column if it was moved. */
static const char *
shown(void)
{
	static char text[512];
	const struct predict_view *v = predict_view(p, now);
	size_t n = 0;
	int row, col;
	term_cursor(term, &row, &col);
	CHECK_EQ(v->row, row);
	CHECK(v->moved == (v->col != col));
	for (size_t i = 0; i < v->n; i++) {
		const struct predict_cell *c = &v->cells[i];
		bool joins = i > 0
		    && v->cells[i - 1].col + v->cells[i - 1].width == c->col;
		if (!joins)
			n += (size_t)snprintf(text + n, sizeof text - n,
			    "%s%d:", n ? " " : "", c->col);
		n += (size_t)snprintf(text + n, sizeof text - n, "%.*s", c->len, c->text);
	}
	if (v->moved)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s|%d", n ? " " : "",
		    v->col);
	text[n] = 0;
	return text;
}

/* At a prompt where one key was echoed. */
static void
begin_sure(enum predict_mode mode)
{
	begin(mode);
	output("$ ");
	type("x");
	later(100);
	output("x");
	CHECK_EQ(predict_confidence(p), CONF_SURE);
}

/* ---- what is shown ---- */

TEST(nothing_before_an_echo_matched_then_at_once)
{
	begin(PREDICT_ADAPTIVE);
	output("$ ");
	type("ls");
	CHECK_STR(shown(), "");
	CHECK_EQ(predict_view(p, now)->hidden, 2);
	later(100);
	output("l");
	CHECK_STR(shown(), "3:s |4");
	type(" -");
	CHECK_STR(shown(), "3:s - |6");
	later(100);
	output("s");
	CHECK_STR(shown(), "4: - |6");
	output(" -");
	CHECK_STR(shown(), "");
	end();
}

TEST(the_first_key_at_a_prompt_that_was_seen)
{
	begin_sure(PREDICT_ADAPTIVE);
	type("\r");
	later(100);
	output("\r\nout\r\n");
	CHECK_EQ(predict_confidence(p), CONF_TENTATIVE);
	type("y");
	CHECK_STR(shown(), "");
	output("$ ");
	CHECK_STR(shown(), "2:y |3");
	end();
}

TEST(a_hard_key_that_leaves_the_cursor_there_makes_no_new_prompt)
{
	begin_sure(PREDICT_ADAPTIVE);
	type("\x7f");
	later(100);
	output("\b \b");
	type("\x12");
	later(100);
	output("\0337\r\nsearch: \0338");
	later(1000);
	type("h");
	CHECK_STR(shown(), "");
	end();
}

TEST(never_in_the_last_column_nor_behind_it)
{
	begin_sure(PREDICT_ADAPTIVE);
	type("abcdefghijklmnopqrstuvw");
	CHECK_STR(shown(), "3:abcdefghijklmnop |19");
	CHECK_EQ(predict_view(p, now)->hidden, 7);
	/* Wrapped where it was not foreseen, it is still believed. */
	later(100);
	output("abcdefghijklmnopq \r");
	CHECK_EQ(predict_confidence(p), CONF_SURE);
	end();
}

TEST(wide_characters_are_whole)
{
	begin_sure(PREDICT_ADAPTIVE);
	type_bytes("\xe4\xbd\xa0", 3);
	type_bytes("a", 1);
	CHECK_STR(shown(),
	    "3:\xe4\xbd\xa0"
	    "a |6");
	CHECK_EQ(predict_view(p, now)->cells[0].width, 2);
	type("\x7f\x7f");
	CHECK_STR(shown(), "");
	/* Nothing is drawn over half of one, and nothing of unsure width at all. */
	later(100);
	output("\xe4\xbd\xa0\b\b");
	later(1000);
	type("b");
	CHECK_STR(shown(), "");
	end();
	begin_sure(PREDICT_ADAPTIVE);
	type_bytes("\xf0\x9f\x98\x80", 4);
	type("a");
	CHECK_STR(shown(), "");
	end();
}

TEST(what_stands_right_of_the_cursor_is_not_shifted)
{
	begin_sure(PREDICT_ADAPTIVE);
	output("\0337 tail\0338");
	type("ab");
	CHECK_STR(shown(), "3:ab |5");
	/* What was typed over it comes back. */
	type("\x7f");
	CHECK_STR(shown(), "3:a |4");
	end();
}

TEST(erasing_stays_within_the_input)
{
	begin_sure(PREDICT_ADAPTIVE);
	type("\x7f");
	CHECK_STR(shown(), "2:  |2");
	/* What was typed over what is erased does not bring that back. */
	type("y\x7f");
	CHECK_STR(shown(), "2:  |2");
	type("\x7f");
	CHECK_STR(shown(), "2:  |2");
	CHECK_EQ(predict_view(p, now)->hidden, 1);
	end();
}

TEST(moving_stays_within_the_input)
{
	begin_sure(PREDICT_ADAPTIVE);
	type("\033[D");
	CHECK_STR(shown(), "|2");
	type("\033[D");
	CHECK_STR(shown(), "|2");
	end();
	begin_sure(PREDICT_ADAPTIVE);
	type("\033[C");
	CHECK_STR(shown(), "");
	end();
	begin_sure(PREDICT_ADAPTIVE);
	type("\033[D");
	type("\033OC");
	type("a");
	CHECK_STR(shown(), "3:a |4");
	end();
}

TEST(behind_a_soft_key_nothing_until_it_is_reflected)
{
	begin_sure(PREDICT_ADAPTIVE);
	type("a\001b");
	CHECK_STR(shown(), "3:a |4");
	later(100);
	output("a");
	CHECK_STR(shown(), "");
	output("\b\b");
	CHECK_EQ(predict_confidence(p), CONF_SURE);
	CHECK_STR(shown(), "2:b |3");
	end();
}

TEST(a_hard_key_hides_nothing_that_was_typed_before_it)
{
	begin_sure(PREDICT_ADAPTIVE);
	type("a\rb");
	CHECK_STR(shown(), "3:a |4");
	CHECK_EQ(predict_confidence(p), CONF_SURE);
	later(100);
	output("a\r\n");
	CHECK_EQ(predict_confidence(p), CONF_TENTATIVE);
	CHECK_STR(shown(), "");
	end();
}

/* ---- mistakes ---- */

TEST(what_puzzles_is_hidden_at_once)
{
	begin_sure(PREDICT_ADAPTIVE);
	type("a");
	later(100);
	output("\033[5;1H");
	CHECK_STR(shown(), "");
	/* It was only the first half of a redraw. */
	output("\033[1;4Ha");
	type("b");
	CHECK_STR(shown(), "4:b |5");
	end();
}

TEST(what_the_host_has_shown_otherwise_is_a_mistake)
{
	begin_sure(PREDICT_ADAPTIVE);
	hint("", 1);
	type("a");
	later(100);
	output("a");
	type("q");
	CHECK_STR(shown(), "4:q |5");
	later(100);
	hint("", 1);
	CHECK_EQ(predict_confidence(p), CONF_SURE);
	later(50);
	CHECK_EQ(predict_confidence(p), CONF_TENTATIVE);
	CHECK_STR(shown(), "");
	CHECK_EQ(predict_stats(p)->wrong, 1);
	end();
}

TEST(a_key_that_was_given_may_be_shown_a_little_later)
{
	begin_sure(PREDICT_ADAPTIVE);
	hint("", 1);
	type("a");
	later(100);
	output("a");
	type("b");
	later(100);
	hint("", 1);
	later(40);
	CHECK_STR(shown(), "4:b |5");
	output("b");
	later(100);
	CHECK_EQ(predict_confidence(p), CONF_SURE);
	CHECK_EQ(predict_stats(p)->wrong, 0);
	end();
}

/* After a text and its erasure the cursor is where it was: that they are reflected the host
 * has to say, or the time. */
TEST(keys_are_not_taken_for_reflected_too_soon)
{
	begin_sure(PREDICT_ADAPTIVE);
	type("ab");
	later(80);
	type("\x7f");
	later(20);
	output("a");
	CHECK_STR(shown(), "");
	CHECK_EQ(predict_view(p, now)->hidden, 0);
	output("b");
	later(80);
	output("\b \b");
	type("c");
	CHECK_STR(shown(), "4:c |5");
	end();
}

TEST(three_text_keys_without_an_echo_are_enough)
{
	begin(PREDICT_EXPERIMENTAL);
	output("$ ");
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(predict_confidence(p), CONF_TENTATIVE);
		type("j");
		later(1000);
	}
	CHECK_EQ(predict_confidence(p), CONF_DEAF);
	type("j");
	CHECK_STR(shown(), "2:j |3");
	predict_set_mode(p, PREDICT_ALWAYS);
	CHECK_STR(shown(), "");
	later(100);
	output("j");
	CHECK_EQ(predict_confidence(p), CONF_SURE);
	end();
}

TEST(output_that_no_key_explains)
{
	begin_sure(PREDICT_ADAPTIVE);
	output("\r\n[1] done\r\n");
	CHECK_EQ(predict_confidence(p), CONF_TENTATIVE);
	output("$ ");
	CHECK_EQ(predict_confidence(p), CONF_SURE);
	end();
}

/* ---- what the host tells ---- */

TEST(a_secret_is_never_shown)
{
	for (int mode = 0; mode < PREDICT_MODES; mode++) {
		begin_sure((enum predict_mode)mode);
		/* Typed ahead of its prompt, and behind it */
		type("\rhunter");
		hint("EC", 2);
		later(100);
		output("\r\n");
		hint("C", 2);
		CHECK_EQ(predict_confidence(p), CONF_SECRET);
		output("Password: ");
		type("2");
		CHECK_STR(shown(), "");
		type("\x7f\x7f\033[D");
		CHECK_STR(shown(), "");
		/* What was typed while it was secret is not shown afterwards either. */
		struct predict_hint h = { .in_off = 0, .out_off = out_off, .group = 3 };
		predict_hint(p, &h, now);
		CHECK(predict_confidence(p) != CONF_SECRET);
		type("z");
		CHECK_STR(shown(), "");
		end();
	}
}

TEST(the_kernel_echoes_where_the_host_says_so)
{
	begin(PREDICT_ADAPTIVE);
	hint("EC", 1);
	CHECK_EQ(predict_confidence(p), CONF_KERNEL);
	type("a");
	/* Not before they are told once more when they are a second old, and an echo. */
	CHECK_STR(shown(), "");
	later(1099);
	hint("EC", 1);
	CHECK_STR(shown(), "");
	later(1);
	CHECK_STR(shown(), "");
	hint("EC", 1);
	CHECK_STR(shown(), "0:a |1");
	/* Arrows are echoed as ^[[D there. */
	type("\033[D");
	CHECK_STR(shown(), "0:a |1");
	end();
}

/* The link has died between the command and its prompt: that nothing is heard of other settings
 * says nothing, and what is typed blindly may be a password. */
TEST(in_an_outage_the_kernels_settings_do_not_come_of_age)
{
	struct predict_link doubt = { RTT, true }, well = { RTT, false };
	begin(PREDICT_ALWAYS);
	output("$ sudo ls\r\n");
	hint("EC", 2);
	later(300);
	predict_link(p, &doubt, now);
	type("ab");
	later(5000);
	type("c");
	CHECK_STR(shown(), "");
	/* What has happened meanwhile comes a moment later. */
	predict_link(p, &well, now);
	later(10);
	hint("EC", 2);
	CHECK_STR(shown(), "");
	later(10);
	hint("C", 2);
	later(2000);
	CHECK_STR(shown(), "");
	end();
}

TEST(or_they_were_before)
{
	struct predict_link doubt = { RTT, true };
	begin(PREDICT_ALWAYS);
	output("$ cat\r\n");
	hint("EC", 2);
	later(1500);
	hint("EC", 2);
	type("a");
	CHECK_STR(shown(), "0:a |1");
	predict_link(p, &doubt, now);
	later(2000);
	CHECK_STR(shown(), "0:a |1");
	end();
}

TEST(behind_a_hard_key_the_kernel_is_asked_again)
{
	begin(PREDICT_ADAPTIVE);
	hint("EC", 1);
	later(2000);
	type("a\r");
	later(100);
	output("a\r\n");
	CHECK_EQ(predict_confidence(p), CONF_TENTATIVE);
	hint("EC", 1);
	CHECK_EQ(predict_confidence(p), CONF_KERNEL);
	type("s");
	CHECK_STR(shown(), "");
	later(200);
	CHECK_STR(shown(), "");
	hint("EC", 1);
	CHECK_STR(shown(), "0:s |1");
	end();
}

TEST(another_context_has_its_own_prompts)
{
	begin_sure(PREDICT_ADAPTIVE);
	hint("", 1);
	type("a");
	later(100);
	output("a");
	CHECK_EQ(predict_confidence(p), CONF_SURE);
	hint("", 2);
	CHECK_EQ(predict_confidence(p), CONF_TENTATIVE);
	hint("", 1);
	output("\r\n$ ");
	CHECK_EQ(predict_confidence(p), CONF_TENTATIVE);
	end();
	/* The other screen is another context, too. */
	begin_sure(PREDICT_ADAPTIVE);
	output("\033[?1049h\033[H$ ");
	CHECK_EQ(predict_confidence(p), CONF_TENTATIVE);
	output("\033[?1049l");
	CHECK_EQ(predict_confidence(p), CONF_TENTATIVE);
	end();
}

TEST(output_cannot_reflect_what_the_program_was_not_given)
{
	begin_sure(PREDICT_ADAPTIVE);
	hint("", 1);
	type("a");
	later(100);
	output("a");
	type("bc\x7f");
	later(100);
	struct predict_hint h = { .in_off = in_off - 2,
		.out_off = out_off + 1,
		.group = 1 };
	predict_hint(p, &h, now);
	output("b");
	CHECK_EQ(predict_view(p, now)->hidden, 0);
	type("d");
	CHECK_STR(shown(), "5:d |6");
	end();
}

/* ---- where nothing may be drawn ---- */

TEST(what_hinders)
{
	static const char *const modes[] = { "\033[4h", "\033[?25l",
		"\033[?69h\033[2;10s\033[1;4H", "\033(0", "\033[", "\xe4" };
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		begin_sure(PREDICT_EXPERIMENTAL);
		type("a");
		CHECK_STR(shown(), "3:a |4");
		output(modes[i]);
		CHECK_STR(shown(), "");
		end();
	}
	begin_sure(PREDICT_EXPERIMENTAL);
	output("\033[1;20Hx");
	type("a");
	CHECK_STR(shown(), "");
	end();
}

TEST(rows_that_are_not_known)
{
	struct term_options o = { ROWS, COLS, 0, 0, true };
	CHECK_EQ(term_new(&o, &term), 0);
	CHECK_EQ(predict_new(term, PREDICT_EXPERIMENTAL, &p), 0);
	predict_link(p, &(struct predict_link){ .rtt_us = RTT }, now);
	output("$ ");
	type("a");
	CHECK_STR(shown(), "");
	term_cursor_is(term, 2, 2);
	predict_output(p, out_off, now);
	CHECK_STR(shown(), "");
	/* Known from the cursor on */
	output("\033[K");
	type("b");
	CHECK_STR(shown(), "2:ab |4");
	output("\033[4G\033[1K\033[3G");
	CHECK_STR(shown(), "2:ab |4");
	end();
	/* A line that goes on in the next row, where nothing was written */
	begin_sure(PREDICT_EXPERIMENTAL);
	output("\r\n1234567890123456789\xe4\xbd\xa0\033[2;11H\033[9X");
	type("a");
	CHECK_STR(shown(), "");
	end();
	/* Behind a cluster of unsure width */
	begin_sure(PREDICT_EXPERIMENTAL);
	output("e\xcc\x81");
	type("a");
	CHECK_STR(shown(), "");
	end();
}

/* ---- how it is shown ---- */

TEST(the_look_is_that_of_the_cell_to_its_left)
{
	begin_sure(PREDICT_ALWAYS);
	type("r");
	later(100);
	output("\033[31mr\033[32m");
	type("ab");
	const struct predict_view *v = predict_view(p, now);
	CHECK_EQ(v->n, 2);
	CHECK_EQ(v->cells[0].style.fg, COLOUR_INDEXED | 1);
	CHECK_EQ(v->cells[1].style.fg, COLOUR_INDEXED | 1);
	CHECK(!v->cells[0].underlined && !v->cells[0].style.attr);
	end();
	begin_sure(PREDICT_ALWAYS);
	type("\r");
	later(100);
	output("\r\n\033[31m$ \033[1m");
	type("a");
	v = predict_view(p, now);
	CHECK_EQ(v->n, 1);
	CHECK_EQ(v->cells[0].style.fg, COLOUR_INDEXED | 1);
	CHECK_EQ(v->cells[0].style.attr, ATTR_BOLD);
	end();
}

TEST(in_an_outage_keys_stay_and_are_underlined)
{
	struct predict_link gone = { .rtt_us = RTT, .in_doubt = true },
			    back = { .rtt_us = RTT };
	begin_sure(PREDICT_ADAPTIVE);
	type("a");
	predict_link(p, &gone, now);
	for (int i = 0; i < 100; i++)
		later(1000);
	type("b\rcd");
	CHECK_STR(shown(), "3:ab |5");
	const struct predict_view *v = predict_view(p, now);
	CHECK(v->cells[0].underlined);
	CHECK_EQ(v->cells[0].style.attr, 1 << ATTR_UNDERLINE_SHIFT);
	CHECK_EQ(v->hidden, 3);
	predict_link(p, &back, now);
	CHECK_STR(shown(), "3:ab |5");
	output("ab");
	CHECK_STR(shown(), "");
	CHECK_EQ(predict_stats(p)->wrong, 0);
	CHECK_EQ(predict_stats(p)->echo_us, RTT);
	end();
}

TEST(adaptive_waits_until_it_is_late)
{
	struct predict_link quick = { .rtt_us = 5 * MS };
	begin(PREDICT_ADAPTIVE);
	predict_link(p, &quick, now);
	output("$ ");
	type("x");
	later(5);
	output("x");
	type("a");
	CHECK_STR(shown(), "");
	CHECK_EQ(predict_deadline(p), now + PREFERENCE_GLITCH_US);
	later(250);
	CHECK_STR(shown(), "3:a |4");
	end();
}

/* ---- bounds ---- */

TEST(too_many_keys_are_given_up)
{
	begin_sure(PREDICT_ADAPTIVE);
	for (int i = 0; i < PREDICT_KEYS_MAX; i++)
		type("a");
	CHECK_EQ(predict_view(p, now)->hidden, PREDICT_KEYS_MAX - 16);
	type("b");
	CHECK_EQ(predict_view(p, now)->hidden, 1);
	CHECK_STR(shown(), "");
	type("c");
	CHECK_STR(shown(), "");
	end();
}

TEST(pasted_text_and_reports_are_not_typed)
{
	char many[PREDICT_READ_MAX + 1];
	memset(many, 'a', sizeof many);
	begin_sure(PREDICT_ADAPTIVE);
	type_bytes(many, sizeof many);
	CHECK_STR(shown(), "");
	end();
	begin_sure(PREDICT_ADAPTIVE);
	type_bytes("\033[200~ab\033[201~c", 15);
	CHECK_STR(shown(), "");
	end();
	begin_sure(PREDICT_ADAPTIVE);
	type("ab");
	type_bytes("\033[I", 3);
	CHECK_STR(shown(), "");
	CHECK_EQ(predict_stats(p)->keys, 3);
	end();
}

TEST(another_size)
{
	begin_sure(PREDICT_ADAPTIVE);
	type("ab");
	CHECK_EQ(term_resize(term, 3, 10), 0);
	predict_resized(p, now);
	CHECK_STR(shown(), "");
	CHECK_EQ(predict_confidence(p), CONF_TENTATIVE);
	end();
}

TEST(what_is_counted)
{
	begin_sure(PREDICT_ADAPTIVE);
	type("a");
	(void)shown();
	later(100);
	output("a");
	const struct predict_stats *s = predict_stats(p);
	CHECK_EQ(s->keys, 2);
	CHECK_EQ(s->at_once, 1);
	CHECK_EQ(s->early, 0);
	CHECK_EQ(s->wrong, 0);
	CHECK_EQ(s->reflected, 2);
	CHECK_EQ(s->echo_sum_us, 200 * MS);
	CHECK_EQ(s->glyph_sum_us, 100 * MS);
	CHECK_EQ(s->echo_us, 100 * MS);
	end();
}

TEST(without_memory_there_is_none)
{
	struct term_options o = { ROWS, COLS, 0, 0, false };
	CHECK_EQ(term_new(&o, &term), 0);
	test_fail_malloc(1);
	CHECK_EQ(predict_new(term, PREDICT_ALWAYS, &p), ERR_NOMEM);
	CHECK(test_malloc_failed() && !p);
	end();
}
