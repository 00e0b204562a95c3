#include "base/text.h"
#include "test.h"

static char text[256];

static const char *
printable(const char *from, bool utf8)
{
	snprintf(text, sizeof text, "%s", from);
	text_printable(text, utf8);
	return text;
}

TEST(what_stands_there_stays)
{
	static const char *const texts[] = { "", "plain", " ~", "r\xc3\xa9sum\xc3\xa9",
		"\xe4\xbd\xa0\xe5\xa5\xbd", "\xf0\x9f\x98\x80", "\xc2\xa0",
		"\xf4\x8f\xbf\xbd" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		CHECK_STR(printable(texts[i], true), texts[i]);
}

TEST(what_controls_a_terminal_does_not)
{
	for (int c = 1; c < ' '; c++) {
		char one[] = { 'a', (char)c, 'b', 0 };
		CHECK_STR(printable(one, true), "a?b");
		CHECK_STR(printable(one, false), "a?b");
	}
	CHECK_STR(printable("a\x7f"
			    "b",
		      true),
	    "a?b");
	for (int c = 0x80; c < 0xa0; c++) {
		char raw[] = { 'a', (char)c, 'b', 0 };
		char coded[] = { 'a', '\xc2', (char)c, 'b', 0 };
		CHECK_STR(printable(raw, true), "a?b");
		CHECK_STR(printable(coded, true), "a?b");
	}
}

TEST(what_hides_or_turns_text_does_not)
{
	static const char *const ones[] = { "\xc2\xad", "\xd8\x9c", "\xe2\x80\x8b",
		"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9",
		"\xe2\x80\xaa", "\xe2\x80\xae", "\xe2\x81\xa0", "\xe2\x81\xa6",
		"\xe2\x81\xa9", "\xef\xbb\xbf", "\xef\xbf\xbb", "\xf3\xa0\x80\x81" };
	for (size_t i = 0; i < sizeof ones / sizeof *ones; i++)
		CHECK_STR(printable(ones[i], true), "?");
}

TEST(what_is_not_utf8_does_not)
{
	CHECK_STR(printable("\xc3", true), "?");
	CHECK_STR(printable("\xc3z", true), "?z");
	CHECK_STR(printable("\xe2\x80", true), "??");
	CHECK_STR(printable("\xc0\x9b", true), "??"); /* a longer form of a control */
	CHECK_STR(printable("\xe0\x82\x9b", true), "???");
	CHECK_STR(printable("\xed\xa0\x80", true), "?"); /* a surrogate */
	CHECK_STR(printable("\xf4\x90\x80\x80", true), "????");
	CHECK_STR(printable("\xff\xfe", true), "??");
}

/* There, a byte in the middle of a character may be a control. */
TEST(elsewhere_only_ascii_stays)
{
	CHECK_STR(printable("\xc3\x9b"
			    "2J",
		      false),
	    "?2J");
	CHECK_STR(printable("r\xc3\xa9sum\xc3\xa9", false), "r?sum?");
}

/* Whatever it is made of: decoded again, nothing in it is left to replace. */
TEST(any_bytes)
{
	for (uint64_t run = 0; run < 20000; run++) {
		char from[32], once[sizeof text];
		test_seed(run);
		size_t n = test_below(sizeof from);
		for (size_t i = 0; i < n; i++)
			from[i] = (char)(1 + test_below(255));
		from[n] = 0;
		snprintf(once, sizeof once, "%s", printable(from, run % 2));
		CHECK(strlen(once) <= n);
		CHECK_STR(printable(once, run % 2), once);
		for (const char *c = once; *c; c++)
			CHECK((unsigned char)*c >= ' ' && *c != 127);
	}
}
