#include "screen/cursor_reports.h"
#include "test.h"

#include <string.h>

enum { MS = 1000 };

static const struct cursor_place unknown = { -1, -1 };
static struct cursor_reports reports;
static uint64_t now;
static char left[256];
static struct cursor_place place;

/* Wanted at the time 1 s; later times are told in ms from then on. */
static void
begin(void)
{
	now = 1000 * MS;
	reports = (struct cursor_reports){ 0 };
	cursor_reports_want(&reports, now);
}

static void
at_ms(unsigned ms)
{
	now = (1000 + (uint64_t)ms) * MS;
	cursor_reports_at(&reports, now);
}

static void
ask(struct cursor_place foretold)
{
	struct buf out;
	buf_init(&out, 100);
	CHECK(cursor_reports_due(&reports));
	cursor_reports_ask(&reports, foretold, now, &out);
	CHECK_STR(buf_str(&out), reports.by_page ? "\033[?6n" : "\033[6n");
	buf_finish(&out);
}

/* Whether an answer counts; what is left of the keys is in `left`. */
static bool
keys(const char *text)
{
	bool counts;
	uint8_t bytes[256];
	size_t n = strlen(text);
	memcpy(bytes, text, n);
	n = cursor_reports_filter(&reports, bytes, n, now, &place, &counts);
	memcpy(left, bytes, n);
	left[n] = 0;
	return counts;
}

TEST(an_answer_is_taken_out_of_the_keys)
{
	begin();
	ask(unknown);
	CHECK(keys("ab\033[12;34Rcd"));
	CHECK_STR(left, "abcd");
	CHECK(place.row == 11 && place.col == 33);
	CHECK(!reports.wanted && !reports.failed && !reports.open);
	CHECK(!keys("\033[12;34R"));
	CHECK_STR(left, "\033[12;34R");
}

TEST(one_that_comes_in_pieces_too)
{
	begin();
	ask(unknown);
	CHECK(!keys("a\033[1"));
	CHECK_STR(left, "a");
	CHECK(keys("2;3Rb"));
	CHECK_STR(left, "b");
}

/* A terminal's answer may be read in two parts, of which the first is ESC alone. */
TEST(one_that_is_parted_behind_its_first_byte_too)
{
	begin();
	ask(unknown);
	CHECK(!keys("a\033"));
	CHECK_STR(left, "a");
	CHECK(keys("[2;3Rb"));
	CHECK_STR(left, "b");
	begin();
	ask(unknown);
	CHECK(!keys("\033["));
	CHECK_STR(left, "");
	CHECK(keys("2;3R"));
}

TEST(the_escape_of_a_person_is_held_for_a_moment_only)
{
	begin();
	ask(unknown);
	at_ms(100);
	CHECK(!keys("\033"));
	CHECK_STR(left, "");
	CHECK_EQ(cursor_reports_deadline(&reports), (1000 + 125) * MS);
	at_ms(124);
	CHECK(!keys(""));
	CHECK_STR(left, "");
	at_ms(125);
	CHECK(!keys(""));
	CHECK_STR(left, "\033");
	CHECK_EQ(cursor_reports_deadline(&reports), (1000 + 250) * MS);
	at_ms(130);
	CHECK(!keys("\033x")); /* no answer begins so */
	CHECK_STR(left, "\033x");
	at_ms(250);
	CHECK(!keys("\033")); /* nobody waits for the answer any more */
	CHECK_STR(left, "\033");
	begin();
	CHECK(!keys("\033")); /* nor yet */
	CHECK_STR(left, "\033");
}

TEST(more_of_an_answer_is_held_as_long_as_that_is_waited_for)
{
	begin();
	ask(unknown);
	CHECK(!keys("\033[12"));
	at_ms(249);
	CHECK(!keys(""));
	CHECK_STR(left, "");
	at_ms(250);
	CHECK(!keys(""));
	CHECK_STR(left, "\033[12");
}

/* ESC [ 1 ; 2 R is Shift-F3. */
TEST(in_the_first_row_a_key_is_a_key)
{
	begin();
	ask(unknown);
	CHECK(!keys("\033[1;2R"));
	CHECK_STR(left, "\033[1;2R");
	CHECK(keys("\033[1;40R"));
	begin();
	ask((struct cursor_place){ 0, 1 });
	CHECK(keys("\033[1;2R"));
	begin();
	reports.by_page = true;
	ask(unknown);
	CHECK(!keys("\033[1;2R"));
	CHECK(keys("\033[?1;2;1R"));
}

TEST(what_is_not_answered_fails_and_late_answers_are_dropped)
{
	begin();
	ask(unknown);
	CHECK_EQ(cursor_reports_deadline(&reports), now + CURSOR_WAIT_US);
	at_ms(249);
	CHECK(reports.wanted);
	at_ms(250);
	CHECK(!reports.wanted && reports.failed && reports.silent);
	CHECK(!cursor_reports_again(&reports, now + CURSOR_AGAIN_US));
	CHECK(keys("a\033[2;3Rb")); /* it counts all the same */
	CHECK_STR(left, "ab");
	begin();
	ask(unknown);
	at_ms(5001);
	CHECK(!keys("\033[2;3R"));
	CHECK_STR(left, "\033[2;3R");
}

TEST(what_could_not_be_asked_fails_and_is_tried_again)
{
	begin();
	at_ms(250);
	CHECK(reports.failed && !reports.silent);
	CHECK(!cursor_reports_again(&reports, now));
	CHECK(cursor_reports_again(&reports, now + CURSOR_AGAIN_US));
}

/* As at the beginning of a session, where it is wanted before the terminal is raw. */
TEST(an_answer_has_its_time_from_the_question_on)
{
	begin();
	at_ms(249);
	ask(unknown);
	at_ms(251);
	CHECK(reports.wanted && !reports.failed);
	CHECK_EQ(cursor_reports_deadline(&reports), (1000 + 249) * MS + CURSOR_WAIT_US);
	CHECK(keys("\033[2;3R"));
	CHECK(!reports.failed);
	begin();
	at_ms(249);
	ask(unknown);
	at_ms(499);
	CHECK(reports.failed && reports.silent);
}

TEST(where_the_program_writes_the_answer_counts_no_more)
{
	begin();
	ask(unknown);
	cursor_reports_late(&reports);
	CHECK(!cursor_reports_due(&reports));
	CHECK(!keys("\033[2;3R"));
	CHECK_STR(left, "");
	ask(unknown); /* behind that answer */
	CHECK(keys("\033[2;4R"));
	begin();
	ask(unknown);
	cursor_reports_late(&reports);
	at_ms(250);
	CHECK(reports.failed && !reports.silent);
}
