#include "predict/keyclass.h"
#include "term/width.h"

#include "test.h"

static struct keyclass kc;

/* The classes of one read, a letter each; text is itself. */
static const char *
classes(const char *bytes)
{
	static const char letters[KEY_CLASSES] = {
		[KEY_ERASE] = '-',
		[KEY_LEFT] = '<',
		[KEY_RIGHT] = '>',
		[KEY_SOFT] = 'S',
		[KEY_REWRITE] = 'R',
		[KEY_HARD] = '!',
		[KEY_OTHER] = '?',
	};
	static char text[256];
	size_t n = 0;
	width_init();
	keyclass_begin(&kc);
	for (bool more = true; more;) {
		more = *bytes;
		struct key key = more ? keyclass_take(&kc, (uint8_t)*bytes++)
				      : keyclass_end(&kc);
		if (key.class == KEY_TEXT && key.ch < 0x80)
			text[n++] = (char)key.ch;
		else if (key.class == KEY_TEXT)
			text[n++] = (char)('0' + key.width);
		else if (key.class != KEY_NONE)
			text[n++] = letters[key.class];
	}
	text[n] = 0;
	return text;
}

TEST(keys_and_their_classes)
{
	static const struct {
		const char *bytes, *classes;
	} table[] = {
		{ "ls -l", "ls -l" },
		{ "\x7f", "-" },
		{ "\r\t\x03\x04\x1a\x12", "!!!!!!" },
		{ "\x01\x05\x15\x17\x0b\x10\x0e", "SSRRRRR" },
		{ "\033[D\033[C\033OD\033OC", "<><>" },
		{ "\033[A\033OB\033[H\033OF\033[1~\033[4~\033[3~", "RRSSSSR" },
		{ "\033[1;5D\033[1;3C\033b\033f\033d", "SSSSR" },
		{ "\033[5~\033[15~\033OP\033x\033[1;2P", "!!!!!" },
		{ "\033[I\033[O", "??" }, /* focus */
		{ "\033[<0;3;4M\033[<0;3;4m\033[M !!", "???" }, /* mouse */
		{ "\033[24;80R\033[?62;22c\033[>1;2;3c\033[0n\033[?2026;2$y", "?????" },
		{ "\033]11;rgb:0000/0000/0000\033\\a", "?a" },
		{ "\033]11;rgb:0000/0000/0000\aa", "?a" },
		{ "\033P1$r0m\033\\a", "?a" },
		{ "\033[200~ab\rc\033[201~d", "??????d" },
		/* kitty: text as a code, as a report, with Shift; a release is none */
		{ "\033[97u\033[97;;98u\033[97;2u\033[97;1:3u", "abA" },
		{ "\033[13u\033[127u\033[27u\033[99;5u\033[117;5u", "!-!!R" },
		{ "\033[101;;101:769u\033[97;9u\033[57399u", "!!!" },
		{ "\033[57441;2u\033[1;1:3D\033[1;1:1D\033[98;3u", "<S" },
		{ "\xff\xc3z", "!z" },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		kc = (struct keyclass){ 0 };
		CHECK_STR(classes(table[i].bytes), table[i].classes);
	}
}

TEST(widths_that_no_terminal_doubts)
{
	kc = (struct keyclass){ 0 };
	/* Latin, Cyrillic, CJK, Hangul, kana */
	CHECK_STR(classes("\xc3\xa9\xc3\xbc\xd0\xb6\xe4\xbd\xa0\xed\x95\x9c\xe3\x81\x82"),
	    "111222");
	/* a box, an arrow, section, a mark, emoji, a joiner, private use, a flag */
	CHECK_STR(classes("\xe2\x94\x80\xe2\x86\x92\xc2\xa7\xcc\x81\xf0\x9f\x98\x80"
			  "\xe2\x80\x8d\xee\x82\xb0\xf0\x9f\x87\xa9"),
	    "00000000");
	CHECK_STR(classes("\xc2\xa0\xc2\x85"), "10"); /* a blank, a control */
}

TEST(an_escape_that_ends_a_read_is_a_key)
{
	kc = (struct keyclass){ 0 };
	CHECK_STR(classes("\033"), "!");
	CHECK_STR(classes("k"), "k");
	/* If it was the beginning of a sequence, that is one more. */
	CHECK_STR(classes("\033"), "!");
	CHECK_STR(classes("[D"), "<");
	CHECK_STR(classes("\033["), "");
	CHECK_STR(classes("Dx"), "<x");
	CHECK_STR(classes("\033]"), "!");
	CHECK_STR(classes("a"), "a");
}

TEST(characters_may_come_in_pieces)
{
	kc = (struct keyclass){ 0 };
	CHECK_STR(classes("\xe4\xbd"), "");
	CHECK_STR(classes("\xa0"), "2");
	CHECK_STR(classes("\xe4"), "");
	CHECK_STR(classes("a"), "a");
}

TEST(the_host_says_what_erases)
{
	kc = (struct keyclass){ .erase = 8 };
	CHECK_STR(classes("\b\x7f"), "--");
	kc.erase = 0;
	CHECK_STR(classes("\b"), "!");
}

TEST(an_answer_that_never_ends_is_none)
{
	char bytes[100];
	kc = (struct keyclass){ 0 };
	memset(bytes, 'a', sizeof bytes - 1);
	bytes[sizeof bytes - 1] = 0;
	CHECK_STR(classes("\033]11"), "");
	for (int i = 0; i < 200 && kc.string; i++)
		(void)classes(bytes);
	CHECK(!kc.string);
	CHECK_STR(classes("b"), "b");
}
