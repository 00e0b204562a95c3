/* What happens in a session while nobody sees it. */
#include "server/away.h"

#include "test.h"

#define S ((uint64_t)1000000)

enum { SHELL = 0, MAKE = 100, EDITOR = 200, BEGAN = 1000 };

/* A session on its clock; nobody sees it, but for who is said to. */
static struct away a;
static struct term_news news;
static struct away_facts f;
static struct msg_away m;

static void
begin(void)
{
	a = (struct away){ 0 };
	news = (struct term_news){ .status = -1 };
	f = (struct away_facts){ .now_us = BEGAN * S, .news = &news };
}

/* Goes on second by second to then, as the loop does it. */
static void
until(unsigned s)
{
	while (f.now_us < (BEGAN + s) * S) {
		f.now_us += S;
		(void)away_turn(&a, &f);
	}
}

static void
writes(void)
{
	f.output++;
	(void)away_turn(&a, &f);
}

static void
foreground(pid_t group, bool gone)
{
	away_foreground(&a, group, gone, group ? "make" : "sh", f.now_us);
	(void)away_turn(&a, &f);
}

static void
sees(void)
{
	f.seen_us = f.now_us;
	(void)away_turn(&a, &f);
}

static bool
get(enum away_what what)
{
	return away_get(&a, what, f.now_us, &m);
}

static bool
any(void)
{
	bool found = false;
	for (enum away_what what = AWAY_ENDED; what <= AWAY_QUIET; what++)
		found |= get(what);
	return found;
}

TEST(bells_and_notices_are_counted_and_the_last_is_told)
{
	static char words[] = "is \303\244 done";
	begin();
	(void)away_turn(&a, &f);
	CHECK(!any());
	until(10);
	news.bells += 2;
	(void)away_turn(&a, &f);
	until(20);
	news.bells++;
	news.notices = 1;
	news.notice = words;
	(void)away_turn(&a, &f);
	until(60);
	CHECK(get(AWAY_BELL) && m.count == 3 && m.ago_s == 40 && !m.text.n && !m.how);
	CHECK(get(AWAY_NOTICE) && m.count == 1 && m.ago_s == 40);
	CHECK(m.text.n == strlen(words) && memcmp(m.text.p, words, m.text.n) == 0);
	CHECK(!get(AWAY_ENDED) && !get(AWAY_QUIET));
	news.notice = NULL; /* there was no memory */
	CHECK(get(AWAY_NOTICE) && !m.text.n);
}

TEST(what_was_seen_is_forgotten_and_what_was_seen_soon_is_no_news)
{
	begin();
	until(10);
	news.bells = 1;
	sees(); /* in this moment: it is not known yet whether that gets there */
	CHECK(get(AWAY_BELL));
	until(12);
	CHECK(!away_is_news(&a, AWAY_BELL, f.now_us));
	sees();
	CHECK(!any());
	news.bells = 2;
	(void)away_turn(&a, &f);
	until(17);
	CHECK(away_is_news(&a, AWAY_BELL, f.now_us));
	CHECK(!away_is_news(&a, AWAY_BELL, f.now_us - 1));
	CHECK(!away_is_news(&a, AWAY_NOTICE, f.now_us));
	sees();
	CHECK(!any());
	/* Who has seen later things does not see less. */
	f.seen_us = 0;
	news.bells = 3;
	(void)away_turn(&a, &f);
	CHECK(get(AWAY_BELL) && m.count == 1);
}

TEST(a_program_that_was_long_in_the_foreground_ends)
{
	static const struct {
		unsigned from, to;
		bool gone;
		pid_t next;
		unsigned says; /* so many statuses */
		int status;
		bool noted;
		uint8_t how;
	} all[] = {
		{ 1, 31, true, SHELL, 1, 2, true, EXIT_STATUS },
		{ 1, 30, true, SHELL, 1, 2, false, 0 }, /* too short */
		{ 1, 31, false, SHELL, 0, 2, false, 0 }, /* it was stopped */
		{ 1, 31, true, EDITOR, 0, 2, true, EXIT_UNKNOWN },
		{ 1, 31, true, SHELL, 0, 2, true, EXIT_UNKNOWN },
		{ 1, 31, true, SHELL, 2, 2, true, EXIT_UNKNOWN }, /* of which line? */
		{ 1, 31, true, SHELL, 1, -1, true, EXIT_UNKNOWN },
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		begin();
		news.commands = 7;
		writes();
		until(all[i].from);
		CHECK(away_looks(&a, f.now_us));
		foreground(MAKE, true);
		CHECK(!away_looks(&a, f.now_us));
		until(all[i].to);
		news.commands += all[i].says;
		news.status = all[i].status;
		writes();
		foreground(all[i].next, all[i].gone);
		until(all[i].to + 1); /* where the shell's word is waited for */
		foreground(all[i].next, all[i].gone);
		CHECK_EQ(get(AWAY_ENDED), all[i].noted);
		if (!all[i].noted)
			continue;
		CHECK(m.count == 1 && m.text.n == 4 && memcmp(m.text.p, "make", 4) == 0);
		CHECK_EQ(m.how, all[i].how);
		CHECK_EQ(m.status, all[i].how ? (unsigned)all[i].status : 0u);
	}
}

/* A look may come between the end and the prompt. */
TEST(a_shell_that_says_statuses_is_waited_for_once)
{
	for (unsigned says = 0; says < 2; says++) {
		begin();
		news.commands = 7;
		writes();
		foreground(MAKE, false);
		until(40);
		foreground(SHELL, true);
		CHECK(!get(AWAY_ENDED) && !away_looks(&a, f.now_us));
		news.commands += says;
		news.status = 3;
		until(41);
		CHECK(away_looks(&a, f.now_us));
		foreground(SHELL, true);
		CHECK(get(AWAY_ENDED) && m.how == (says ? EXIT_STATUS : 0));
		foreground(EDITOR, false);
		CHECK_EQ(m.status, says ? 3 : 0);
	}
}

TEST(the_shell_at_its_prompt_does_not_end)
{
	begin();
	foreground(SHELL, false);
	until(100);
	foreground(MAKE, true);
	foreground(SHELL, true);
	CHECK(!any());
}

TEST(the_sessions_own_command_ends_with_what_is_known)
{
	enum { SIGNAL_9 = 9, STATUS_3 = 3 << 8 };
	begin();
	foreground(MAKE, false);
	until(40);
	away_exited(&a, STATUS_3, f.now_us);
	CHECK(get(AWAY_ENDED) && m.how == EXIT_STATUS && m.status == 3);
	begin();
	foreground(MAKE, false);
	until(40);
	away_exited(&a, SIGNAL_9, f.now_us);
	CHECK(get(AWAY_ENDED) && m.how == EXIT_SIGNAL && m.status == 9);
	/* A shell does not, and what ended before it stays as it was. */
	begin();
	foreground(MAKE, false);
	until(40);
	foreground(SHELL, true);
	away_exited(&a, STATUS_3, f.now_us);
	CHECK(get(AWAY_ENDED) && m.how == EXIT_UNKNOWN && m.count == 1);
}

/* For `wrote` seconds, and then for `silent` nothing. */
static void
output(unsigned wrote, unsigned silent)
{
	unsigned now = (unsigned)(f.now_us / S - BEGAN);
	for (unsigned s = 0; s <= wrote; s++) {
		until(now + s);
		writes();
	}
	until(now + wrote + silent);
}

TEST(a_long_silence_behind_output)
{
	begin();
	foreground(MAKE, false);
	output(3, 29);
	CHECK(!get(AWAY_QUIET));
	until(33);
	CHECK(get(AWAY_QUIET) && m.count == 1 && m.ago_s == 30 && !m.text.n);
	until(200);
	CHECK(get(AWAY_QUIET) && m.count == 1 && m.ago_s == 197);
	/* It goes on: that was a pause. */
	writes();
	CHECK(!get(AWAY_QUIET));
	until(300);
	CHECK(!get(AWAY_QUIET)); /* one line is no output */
	output(5, 30);
	CHECK(get(AWAY_QUIET));
	/* Who saw the last of it is told no more, also when it lasts. */
	sees();
	CHECK(!get(AWAY_QUIET));
	until(600);
	CHECK(!get(AWAY_QUIET));
}

TEST(a_prompt_is_silent)
{
	begin();
	foreground(SHELL, false);
	output(5, 100);
	CHECK(!any());
}

TEST(pauses_within_an_output_are_part_of_it)
{
	begin();
	foreground(MAKE, false);
	output(0, 20);
	output(0, 30);
	CHECK(get(AWAY_QUIET) && m.ago_s == 30);
}

TEST(it_says_when_it_wants_to_be_called)
{
	uint64_t at = 0;
	begin();
	CHECK_EQ(away_turn(&a, &f), 0);
	f.output = 1;
	CHECK_EQ(away_turn(&a, &f), f.now_us + S); /* to look at the foreground */
	until(1);
	foreground(MAKE, false);
	until(4);
	f.output = 2;
	CHECK_EQ(away_turn(&a, &f), f.now_us + S);
	until(5);
	foreground(MAKE, false);
	CHECK_EQ(away_turn(&a, &f), (BEGAN + 34) * S);
	CHECK_EQ(away_hook(&a, f.now_us, &at), 0);
	CHECK_EQ(at, 0);
	until(34);
	CHECK_EQ(away_turn(&a, &f), 0);
}

TEST(a_hook_is_told_each_kind_when_it_was_unseen_for_a_moment_and_not_too_often)
{
	uint64_t at = 0;
	begin();
	news.bells = 1;
	(void)away_turn(&a, &f);
	CHECK_EQ(away_hook(&a, f.now_us, &at), 0);
	CHECK_EQ(at, f.now_us + 5 * S);
	until(5);
	CHECK_EQ(away_hook(&a, f.now_us, &at), AWAY_BELL);
	at = 0;
	CHECK_EQ(away_hook(&a, f.now_us, &at), 0);
	CHECK_EQ(at, 0);
	news.bells = 2;
	news.notices = 1;
	(void)away_turn(&a, &f);
	until(10);
	CHECK_EQ(away_hook(&a, f.now_us, &at), AWAY_NOTICE);
	at = 0;
	CHECK_EQ(away_hook(&a, f.now_us, &at), 0);
	CHECK_EQ(at, (BEGAN + 35) * S);
	/* What is seen before that is not told. */
	sees();
	at = 0;
	CHECK_EQ(away_hook(&a, f.now_us + 100 * S, &at), 0);
	CHECK_EQ(at, 0);
}

TEST(a_long_text_is_cut_between_characters)
{
	static char words[200];
	begin();
	for (size_t i = 0; i < 60; i++)
		memcpy(words + 3 * i, "\342\202\254", 3);
	news.notices = 1;
	news.notice = words;
	(void)away_turn(&a, &f);
	CHECK(get(AWAY_NOTICE) && m.text.n == 78);
}
