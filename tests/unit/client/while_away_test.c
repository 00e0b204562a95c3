#include "client/while_away.h"
#include "test.h"

#include <stdlib.h>
#include <time.h>

enum { NOON = 12 * 3600, LINE_MAX = 512 };

static struct while_away a;
static char line[LINE_MAX];

static void
take(uint8_t what, uint8_t more, uint32_t count, uint32_t ago_s, const char *text)
{
	struct msg_away m = { .what = what,
		.more = more,
		.count = count,
		.ago_s = ago_s,
		.text = { (const uint8_t *)text, strlen(text) } };
	if (what == AWAY_ENDED)
		m.how = EXIT_STATUS;
	while_away_take(&a, &m, NOON);
}

static const char *
said(size_t width)
{
	while_away_line(&a, width, true, NOON, line);
	CHECK(strlen(line) <= width);
	return line;
}

static void
begin(void)
{
	a = (struct while_away){ 0 };
	CHECK_EQ(setenv("TZ", "UTC0", 1), 0);
	tzset();
}

TEST(the_line_has_all_in_the_order_of_the_host)
{
	begin();
	take(AWAY_ENDED, 3, 1, 600, "make");
	CHECK(!a.whole);
	take(AWAY_NOTICE, 2, 2, 540, "tests pass");
	take(AWAY_BELL, 1, 1, 60, "");
	take(AWAY_QUIET, 0, 1, 86400, "");
	CHECK(a.whole && a.n == 4);
	CHECK_STR(said(200),
	    "while away: make ended (0) 11:50; 2 notices: tests pass 11:51; bell 11:59; "
	    "quiet since Wed 12:00");
	/* What comes behind a whole one is another. */
	take(AWAY_BELL, 0, 3, 0, "");
	CHECK_STR(said(200), "while away: 3 bells 12:00");
}

TEST(what_matters_least_is_left_out_first_and_then_texts_are_cut)
{
	begin();
	take(AWAY_ENDED, 2, 1, 600, "a-long-name-of-a-program");
	take(AWAY_NOTICE, 1, 1, 540, "the tests have passed");
	take(AWAY_BELL, 0, 1, 60, "");
	CHECK_STR(said(79),
	    "while away: a-long-name-of-a-program ended (0) 11:50; notice: the tests 11:51");
	CHECK_STR(said(60), "while away: a-long-name-of-a-program ended (0) 11:50");
	CHECK_STR(said(39), "a-long-name-of-a-p ended (0) 11:50");
	CHECK_STR(said(24), "a-long ended (0) 11:50");
	for (size_t width = 0; width < 200; width++)
		(void)said(width);
}

TEST(what_programs_have_written_does_nothing_to_the_terminal)
{
	begin();
	take(AWAY_NOTICE, 0, 1, 0, "\033[2J\342\200\256evil\303\244");
	CHECK_STR(said(80), "while away: notice: ?[2J?evil\303\244 12:00");
	while_away_line(&a, 80, false, NOON, line);
	CHECK(!strpbrk(line, "\033\303\342"));
}

TEST(signals_are_told_as_such)
{
	struct msg_away m = { .what = AWAY_ENDED,
		.count = 2,
		.how = EXIT_SIGNAL,
		.status = 9 };
	begin();
	m.text = (struct span){ (const uint8_t *)"cc", 2 };
	while_away_take(&a, &m, NOON);
	CHECK_STR(said(80), "while away: cc ended (signal 9) and 1 before 12:00");
	CHECK_EQ(while_away_status(&a.notes[0]), 137);
	m.how = EXIT_UNKNOWN;
	m.count = 1;
	while_away_take(&a, &m, NOON);
	CHECK_STR(said(80), "while away: cc ended 12:00");
}

TEST(a_host_may_say_what_it_likes)
{
	struct msg_away m = { .what = 99, .count = 1 };
	begin();
	while_away_take(&a, &m, NOON);
	CHECK(a.whole && !a.n);
	CHECK_STR(said(80), "");
	m = (struct msg_away){ .what = AWAY_BELL }; /* none at all */
	while_away_take(&a, &m, NOON);
	CHECK(!a.n);
	m = (struct msg_away){ .what = AWAY_BELL,
		.more = 255,
		.count = 1,
		.ago_s = UINT32_MAX };
	for (int i = 0; i < 300; i++)
		while_away_take(&a, &m, NOON);
	CHECK_EQ(a.n, WHILE_AWAY_NOTES);
	(void)said(200);
}
