#include "screen/escape.h"
#include "test.h"

static const char letters[] = { [ESCAPE_LEAVE] = 'L',
	[ESCAPE_SUSPEND] = 'S',
	[ESCAPE_HELP] = 'H',
	[ESCAPE_RECONNECT] = 'R',
	[ESCAPE_LIST] = '#',
	[ESCAPE_BREAK] = 'B',
	[ESCAPE_LOUDER] = 'v',
	[ESCAPE_QUIETER] = 'V',
	[ESCAPE_LINE] = 'C' };

/* What is read in pieces of this size. */
static void
check_pieces(char character, const char *keys, size_t piece, const char *wanted)
{
	struct escape e;
	struct buf out;
	escape_init(&e, character);
	buf_init(&out, 10000);
	for (size_t at = 0; at < strlen(keys); at += piece) {
		size_t left = strlen(keys) - at;
		struct span in = { (const uint8_t *)keys + at,
			piece < left ? piece : left };
		bool typed = in.n <= ESCAPE_TYPED_MAX;
		enum escape_command command;
		while ((command = escape_filter(&e, &in, typed, &out)))
			buf_print(&out, "<%c>", letters[command]);
		CHECK_EQ(in.n, 0);
	}
	if (strcmp(buf_str(&out), wanted) != 0)
		test_fail(__FILE__, __LINE__, "\"%s\" by %zu is \"%s\", not \"%s\"", keys,
		    piece, buf_str(&out), wanted);
	buf_finish(&out);
}

/* Types a text; checks what goes to the host, and the commands as letters: L(eave)
 * S(uspend) H(elp) R(econnect) # B(reak) v V C, in their places in the text. */
static void
check_typed(char character, const char *typed, const char *wanted)
{
	check_pieces(character, typed, 1, wanted);
}

static void
check_read_at_once(const char *keys, const char *wanted)
{
	check_pieces('~', keys, strlen(keys), wanted);
}

TEST(plain_typing_goes_through)
{
	check_typed('~', "", "");
	check_typed('~', "ls -la\rcat ~/x\r", "ls -la\rcat ~/x\r");
}

TEST(the_escape_counts_at_the_beginning_of_a_line_only)
{
	check_typed('~', "~.", "<L>");
	check_typed('~', "\r~.", "\r<L>");
	check_typed('~', "\n~.", "\n<L>");
	check_typed('~', "a~.", "a~.");
	check_typed('~', " ~.", " ~.");
}

TEST(every_command_has_its_key)
{
	check_typed('~', "~.~?~R~\x1a", "<L><H><R><S>");
}

TEST(behind_a_command_a_line_begins)
{
	check_typed('~', "a\r~?~.", "a\r<H><L>");
	check_typed('~', "~?ls\r", "<H>ls\r");
}

TEST(twice_sends_one)
{
	check_typed('~', "~~.", "~.");
	check_typed('~', "~~~.", "~~.");
	check_typed('~', "~~\r~.", "~\r<L>");
}

TEST(before_another_key_it_is_sent_as_it_is)
{
	check_typed('~', "~x", "~x");
	check_typed('~', "~x~.", "~x~.");
	check_typed('~', "~\r~.", "~\r<L>");
	check_typed('~', "~/bin\r", "~/bin\r");
}

TEST(every_command_is_known)
{
	check_typed('~', "~#~B~v~V~R~\x1a~x", "<#><B><v><V><R><S>~x");
}

TEST(the_character_may_be_another)
{
	check_typed('%', "%.", "<L>");
	check_typed('%', "~.%~.", "~.%~.");
	check_typed('%', "\r%?", "\r<H>");
	check_typed('\x1d', "\x1d.", "<L>");
	check_typed('\xe9', "\xe9.\xe9\xe9", "<L>\xe9");
}

TEST(without_a_character_nothing_is_a_command)
{
	check_typed(0, "~.\r~.\r~?", "~.\r~.\r~?");
}

TEST(a_zero_byte_is_a_key_like_others)
{
	for (int character = 0; character <= '~'; character += '~') {
		struct escape e;
		struct buf out;
		struct span in = { (const uint8_t *)"\0\r\0", 3 };
		escape_init(&e, (char)character);
		buf_init(&out, 100);
		CHECK_EQ(escape_filter(&e, &in, true, &out), ESCAPE_NONE);
		CHECK_BYTES(buf_bytes(&out), out.len, "\0\r\0");
		buf_finish(&out);
	}
}

/* ---- other codings ---- */

/* The keys of a text in kitty's coding, each pressed and released. */
static const char *
as_kitty(const char *text, bool all)
{
	static char coded[1024];
	size_t n = 0;
	for (const char *c = text; *c; c++) {
		if (all)
			n += (size_t)sprintf(coded + n, "\033[57441;2u\033[%d;1:1u", *c);
		else
			coded[n++] = *c;
		n += (size_t)sprintf(coded + n, "\033[%d;1:3u", *c);
	}
	coded[n] = 0;
	return coded;
}

TEST(released_keys_part_no_escape)
{
	struct escape e;
	for (int all = 0; all < 2; all++) {
		const char *keys = as_kitty("\r~", all);
		struct span in = { (const uint8_t *)keys, strlen(keys) };
		struct buf out;
		escape_init(&e, '~');
		buf_init(&out, 1000);
		CHECK_EQ(escape_filter(&e, &in, true, &out), ESCAPE_NONE);
		CHECK(e.pending && e.keys.releases);
		in = (struct span){ (const uint8_t *)".", 1 };
		CHECK_EQ(escape_filter(&e, &in, true, &out), ESCAPE_LEAVE);
		escape_was_text(&e, &out);
		/* all of it, if it was text after all */
		buf_putc(&out, 0);
		CHECK(strstr(buf_str(&out), all ? "\033[126;1:1u" : "~\033[126;1:3u."));
		buf_finish(&out);
	}
}

TEST(an_escape_may_be_a_sequence)
{
	check_read_at_once("\r\033[96;2;126u\033[46u", "\r<L>");
	check_read_at_once("\033[27;2;126~.", "<L>");
	check_read_at_once("\033[13u~\033On", "\033[13u<L>");
	check_read_at_once("~\033[122;5u", "<S>");
	check_read_at_once("~\033[114:82;2u", "<R>");
	check_read_at_once("\033[126u\033[126u", "\033[126u");
	check_read_at_once("\033[126u\033[120u", "\033[126u\033[120u");
}

TEST(reports_part_no_line)
{
	check_read_at_once("\r\033[I\033[<35;1;1M~\033[<35;1;2M.",
	    "\r\033[I\033[<35;1;1M\033[<35;1;2M<L>");
	check_typed('~', "\r\033[I~.", "\r\033[I<L>");
	check_typed('~', "\033[A~.", "\033[A~.");
	check_read_at_once("~\033[15~.", "~\033[15~.");
	check_read_at_once("~\033x.", "~\033x.");
}

TEST(what_is_held_has_a_bound)
{
	char keys[400] = "~";
	for (int i = 0; i < 20; i++)
		strcat(keys, "\033[126;2:3u");
	check_typed('~', strcat(keys, "."), keys);
}

/* ---- pasted text ---- */

TEST(two_or_three_keys_may_be_read_at_once)
{
	check_read_at_once("\r~.", "\r<L>");
	check_read_at_once("~C", "<C>");
	check_read_at_once("ls\r~R", "ls\r<R>");
	check_read_at_once("~~x", "~x");
}

TEST(an_escape_with_something_behind_it_was_pasted)
{
	check_read_at_once("\r~C\r!command\r", "\r~C\r!command\r");
	check_read_at_once("~.\r", "~.\r");
	check_read_at_once("~?~.", "~?~.");
	check_read_at_once("~.~", "~.~");
}

TEST(an_escape_behind_much_was_pasted)
{
	char keys[200];
	memset(keys, ' ', sizeof keys);
	strcpy(keys + 100, "\r~C");
	check_read_at_once(keys, keys);
	strcpy(keys + 100, "\r~~C");
	check_read_at_once(keys, keys);
	/* Its next piece begins within the escape. */
	strcpy(keys + 100, "\r~C\r!command\r");
	check_pieces('~', keys, 102, keys);
	check_pieces('~', keys, 104, keys);
}

TEST(in_brackets_nothing_is_an_escape)
{
	static const char *const pasted[] = { "\033[200~\r~C\033[201~",
		"\033[200~~C\033[201~", "\033[200~\r~.\r\033[201~",
		"\033[200~a\r~~b\033[201~", "\033[200~\r~C\r!command\r\033[201~" };
	for (size_t i = 0; i < sizeof pasted / sizeof *pasted; i++)
		for (size_t piece = 1; piece < 30; piece++)
			check_pieces('~', pasted[i], piece, pasted[i]);
	check_typed('~', "\033[200~\r~.\033[201~\r~.", "\033[200~\r~.\033[201~\r<L>");
	check_typed('~', "\033[200;1~\r\033[20~\r~.", "\033[200;1~\r\033[20~\r~.");
}

TEST(brackets_that_went_elsewhere_count)
{
	struct escape e;
	struct buf out;
	struct span in = { (const uint8_t *)"\r~.", 3 };
	escape_init(&e, '~');
	buf_init(&out, 100);
	escape_skip(&e, (struct span){ (const uint8_t *)"\033[200~x", 7 });
	CHECK(escape_in_paste(&e));
	CHECK_EQ(escape_filter(&e, &in, true, &out), ESCAPE_NONE);
	CHECK_STR(buf_str(&out), "\r~.");
	buf_finish(&out);
}

TEST(a_command_may_turn_out_to_be_text)
{
	struct escape e;
	struct buf out;
	escape_init(&e, '%');
	buf_init(&out, 100);
	struct span in = { (const uint8_t *)"%C", 2 };
	CHECK_EQ(escape_filter(&e, &in, true, &out), ESCAPE_LINE);
	escape_was_text(&e, &out);
	CHECK_STR(buf_str(&out), "%C");
	CHECK(!e.line_start);
	buf_finish(&out);
}
