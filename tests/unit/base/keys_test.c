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
		} else if (key == KEYS_TEXT) {
			memcpy(text + n, k.text, k.n_text);
			n += k.n_text;
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
	CHECK_STR(decoded("\033[97u\033[98;2u\033[99;5u\033[13u\033OM"), "aB^C^M^M");
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
	CHECK_STR(decoded("\033[97:65:99;2:1;65u\033[98;1:2u"), "Ab");
	CHECK_STR(decoded("\033[97;1:3u\033[99;5:3u"), "");
	CHECK_EQ(k.event, 3);
	CHECK_STR(decoded("\033[1092:1060:97;;1092u"), "\xd1\x84");
	CHECK_EQ(k.numbers[0], 1092);
	CHECK_EQ(k.numbers[2], 1092);
	CHECK(!k.texts);
	CHECK_STR(decoded("\033[101;;101:769u"), "e\xcc\x81");
	CHECK(k.texts);
}

TEST(released_keys_do_nothing)
{
	CHECK_STR(decoded("\033[1;1:3A\033[5;1:3~\033[127;1:3u\033[13;129:3u"), "");
	CHECK(keys_silent(&k) && keys_released(&k));
	CHECK_STR(decoded("\033[1;1:1A\033[1;1:2B\033[6;1:2~"), "<>>");
	CHECK(!keys_silent(&k));
}

TEST(a_terminal_that_tells_of_released_keys_is_known_for_a_while)
{
	(void)decoded("\033[97;1:3u");
	CHECK(k.releases);
	(void)decoded("abcdefghijklmnop");
	CHECK(!k.releases);
}

TEST(locks_are_no_modifiers)
{
	CHECK_STR(decoded("\033[13;129u\033[99;197u\033[127;65u\033[57414;129u"),
	    "^M^C\x7f^M");
	CHECK_STR(decoded("\033[97;65u\033[97;66u\033[49;65u"), "Aa1");
}

TEST(control_is_heard_on_other_layouts)
{
	CHECK_STR(decoded("\033[1089::99;5u\033[99;6u\033[1091::117;5u\033[93;5u"),
	    "^C^C^U^]");
	/* without the other layout's key it is none; nor with Super */
	CHECK_STR(decoded("\033[1089;5u\033[99;13u"), "");
}

TEST(shift_and_text_are_what_the_terminal_says)
{
	CHECK_STR(decoded("\033[96:126;2u\033[96;2;126u\033[96;2u\033[126;2u"), "~~~~");
	CHECK_STR(decoded("\033[233u\033[0;;27425u"), "\xc3\xa9\xe6\xac\xa1");
	/* no characters: private, surrogate, beyond Unicode */
	CHECK_STR(decoded("\033[57400;129u\033[55296u\033[1114112u\033[99999999999u"),
	    "1");
	CHECK_STR(decoded("\033[57500u\033[128u\033[0u\033[u"), "");
}

TEST(text_of_a_key_has_a_bound)
{
	char bytes[256] = "\033[0;;9999";
	for (int i = 0; i < 30; i++)
		strcat(bytes, ":9999");
	CHECK_STR(decoded(strcat(bytes, "u")), "");
	CHECK_STR(decoded("a"), "a");
}

TEST(xterms_other_keys)
{
	CHECK_STR(decoded("\033[27;5;99~\033[27;2;13~\033[27;2;126~\033[27;6;67~"),
	    "^C^M~^C");
	CHECK_STR(decoded("\033[27;2;49~\033[27;3;120~\033[27;2;9~\033[27;5;4~"), "1^I");
}

TEST(the_keypad)
{
	CHECK_STR(decoded("\033OM\033On\033Oj\033Ok\033Op\033Oy\033Ow\033OX"),
	    "^M.*+097=");
	CHECK_STR(decoded("\033O5M\033O2n"), "^M.");
	CHECK_STR(decoded("\033[57409u\033[57419;1:2u\033[57420u"), ".<>");
}

TEST(answers_are_no_keys)
{
	static const char *const answers[] = { "\033[?3u", "\033[?13u", "\033[?2026;2$y",
		"\033]11;rgb:0000/0303/0d0d\033\\", "\033]4;1;rgb:00/00/00\a",
		"\033P>|kitty(0.30.1)\033\\", "\033P1$r0m\033\\", "\033P0+r524742\033\\",
		"\033P!|00000000\033\\", "\033_Gi=31;OK\033\\", "\033[>1;4000;30c",
		"\033]lterm\033\\" };
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		CHECK_STR(decoded(answers[i]), "");
		CHECK(keys_silent(&k));
		CHECK_STR(decoded("a"), "a");
	}
}

/* Alt with a letter begins as they do; what is typed behind it is not swallowed. */
TEST(alt_begins_no_answer)
{
	CHECK_STR(decoded("\033Pab\033]x\033_y"), "abxy");
	CHECK_STR(decoded("\033P1\x03z"), "^Cz");
	CHECK_STR(decoded("\033P1\rab"), "^Mab");
	CHECK_STR(decoded("\033]11;r\033[Aa"), "<a");
}

TEST(what_is_no_key_is_told_from_one)
{
	static const struct {
		const char *bytes;
		bool silent;
	} table[] = {
		{ "\033[I", true },
		{ "\033[O", true },
		{ "\033[<0;1;1M", true },
		{ "\033[M !!", true },
		{ "\033[57441;2u", true },
		{ "\033[57358;65u", true },
		{ "\033[15~", false },
		{ "\033[A", false },
		{ "\033x", false },
		{ "\033OP", false },
		{ "\033[97;3u", false },
		{ "a", false },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		(void)decoded(table[i].bytes);
		CHECK_EQ(keys_silent(&k), table[i].silent);
	}
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
