#include "client/escape.h"
#include "test.h"

/* Types a text at once; checks what goes to the host, and the commands as letters:
 * L(eave) S(uspend) H(elp) R(econnect) # B(reak) v V, in their places in the text. */
static void
check_typed(char character, const char *typed, const char *wanted)
{
	static const char letters[] = { [ESCAPE_LEAVE] = 'L',
		[ESCAPE_SUSPEND] = 'S',
		[ESCAPE_HELP] = 'H',
		[ESCAPE_RECONNECT] = 'R',
		[ESCAPE_LIST] = '#',
		[ESCAPE_BREAK] = 'B',
		[ESCAPE_LOUDER] = 'v',
		[ESCAPE_QUIETER] = 'V' };
	for (size_t piece = 1; piece <= strlen(typed) + 1; piece++) {
		struct escape e;
		struct buf out;
		escape_init(&e, character);
		buf_init(&out, 1000);
		for (size_t at = 0; at < strlen(typed); at += piece) {
			size_t left = strlen(typed) - at;
			struct span in = { (const uint8_t *)typed + at, left };
			enum escape_command command;
			in.n = piece < left ? piece : left;
			while ((command = escape_filter(&e, &in, &out)))
				buf_print(&out, "<%c>", letters[command]);
			CHECK_EQ(in.n, 0);
		}
		CHECK_STR(buf_str(&out), wanted);
		buf_finish(&out);
	}
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
		CHECK_EQ(escape_filter(&e, &in, &out), ESCAPE_NONE);
		CHECK_BYTES(buf_bytes(&out), out.len, "\0\r\0");
		buf_finish(&out);
	}
}
