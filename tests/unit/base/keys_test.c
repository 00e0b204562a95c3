#include "base/keys.h"
#include "test.h"

static struct keys k;

/* The keys of some bytes, as text: controls as ^X, the others as < and >. */
static const char *
decoded(const char *bytes)
{
	static char text[256];
	size_t n = 0;
	for (; *bytes; bytes++) {
		int key = keys_take(&k, (uint8_t)*bytes);
		if (key == KEYS_BACK || key == KEYS_ON) {
			text[n++] = key == KEYS_BACK ? '<' : '>';
		} else if (key >= 0 && key < ' ') {
			text[n++] = '^';
			text[n++] = (char)(key + '@');
		} else if (key >= 0) {
			text[n++] = (char)key;
		}
	}
	text[n] = 0;
	return text;
}

TEST(text_and_controls_are_themselves)
{
	CHECK_STR(decoded("a~\xc3\xa9\r\x03\x7f"), "a~\xc3\xa9^M^C\x7f");
}

TEST(sequences_are_no_keys)
{
	CHECK_STR(
	    decoded(
		"a\033[I\033[<0;10;20M\033[M !\"\033[?1;2c\033x\033[57441;2u\033[97;3ub"),
	    "ab");
}

TEST(keys_in_another_coding)
{
	CHECK_STR(decoded("\033[97u\033[98;2u\033[99;5u\033[13u\033OM"), "ab^C^M^M");
	CHECK_STR(decoded("\033[A\033[B\033[C\033[D\033OA\033OB\033[5~\033[6~\033[1;5C"),
	    "<>><<><>>");
}

TEST(a_control_within_a_sequence_is_a_key)
{
	CHECK_STR(decoded("\033[12\x03m"), "^C");
}

TEST(brackets_around_pasted_text)
{
	CHECK(!k.pasting);
	CHECK_STR(decoded("\033[200~a"), "a");
	CHECK(k.pasting);
	CHECK_STR(decoded("\033[20~\033[2~\033[13u"), "^M");
	CHECK(k.pasting);
	CHECK_STR(decoded("\033[201~b"), "b");
	CHECK(!k.pasting);
}

TEST(reports_of_kitty_say_what_a_key_was)
{
	/* another layout's key, an event, the text; released it is no key */
	CHECK_STR(decoded("\033[97:65:99;2:1;65u\033[98;1:2u"), "ab");
	CHECK_STR(decoded("\033[97;1:3u\033[99;5:3u"), "");
	CHECK_EQ(k.event, 3);
	CHECK_STR(decoded("\033[1092:102;;1092u"), "");
	CHECK_EQ(k.numbers[0], 1092);
	CHECK_EQ(k.numbers[2], 1092);
	CHECK(!k.texts);
	CHECK_STR(decoded("\033[101;;101:769u"), "e");
	CHECK(k.texts);
}

TEST(what_a_byte_ended)
{
	static const struct {
		const char *bytes;
		int ended;
	} table[] = {
		{ "a", KEYS_BYTE },
		{ "\033", KEYS_NOTHING },
		{ "b", KEYS_META },
		{ "\033[3~", KEYS_CSI },
		{ "\033OD", KEYS_SS3 },
		{ "\033[<0;1;1M", KEYS_CSI },
		{ "\033[M !!", KEYS_MOUSE },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		(void)decoded(table[i].bytes);
		CHECK_EQ(k.ended, table[i].ended);
	}
}

TEST(an_escape_may_be_a_key_by_itself)
{
	CHECK_STR(decoded("\033"), "");
	CHECK(keys_after_escape(&k));
	keys_escape_alone(&k);
	CHECK_STR(decoded("[a"), "[a");
	(void)decoded("\033[");
	CHECK(!keys_after_escape(&k));
	keys_escape_alone(&k);
	CHECK_STR(decoded("3~a"), "a");
}

TEST(what_is_plain_changes_nothing)
{
	CHECK(keys_plain(&k, 'a') && !keys_plain(&k, 033));
	(void)decoded("\033");
	CHECK(!keys_plain(&k, 'a'));
	(void)decoded("x");
	CHECK(keys_plain(&k, 'a'));
}
