#include "ssh/login_board.h"
#include "test.h"

#define SECOND ((uint64_t)1000 * 1000)
#define NOW (1000 * SECOND)

enum { ME = 7, OTHER = 8 };

static struct login_looker
looker(enum login_wish wish)
{
	return (struct login_looker){ .pid = ME,
		.now_us = NOW,
		.wish = wish,
		.limit = LOGIN_LINKS };
}

static enum login_sight
sees(const struct login_board *b, const struct login_looker *l)
{
	return login_board_look(b, l);
}

/* ---- what is done: all wishes and sights ---- */

TEST(each_wish_has_a_verdict_on_each_sight)
{
	static const char wanted[LOGIN_WISHES][LOGIN_SIGHTS + 1] = {
		/* free, master, led, asking, silent, denied */
		[LOGIN_QUIET] = "LRWxLx",
		[LOGIN_FIRST] = "LRWWLL",
		[LOGIN_PERSON] = "LRWLLL",
		[LOGIN_COMMAND] = "ARAAAA",
	};
	static const char letters[] = { [LOGIN_ALONE] = 'A',
		[LOGIN_LEAD] = 'L',
		[LOGIN_RIDE] = 'R',
		[LOGIN_WAIT] = 'W',
		[LOGIN_REFUSED] = 'x' };
	for (int w = 0; w < LOGIN_WISHES; w++)
		for (int s = 0; s < LOGIN_SIGHTS; s++)
			CHECK_EQ(letters[login_board_verdict((enum login_wish)w,
				     (enum login_sight)s)],
			    wanted[w][s]);
}

/* A person is never made to wait for another who is asked, nor is one that is without a person
 * ever made to ask. */
TEST(nobody_rides_where_there_is_no_master)
{
	for (int w = 0; w < LOGIN_WISHES; w++)
		for (int s = 0; s < LOGIN_SIGHTS; s++)
			if (s != LOGIN_MASTER)
				CHECK(login_board_verdict((enum login_wish)w,
					  (enum login_sight)s)
				    != LOGIN_RIDE);
}

/* ---- what is seen ---- */

TEST(an_empty_board_is_free)
{
	struct login_board b = { 0 };
	struct login_looker l = looker(LOGIN_QUIET);
	CHECK_EQ(sees(&b, &l), LOGIN_FREE);
}

TEST(who_leads_is_seen_by_the_others_only)
{
	struct login_board b = { 0 };
	struct login_looker l = looker(LOGIN_QUIET), other = l,
			    person = looker(LOGIN_PERSON);
	other.pid = OTHER;
	login_board_lead(&b, ME, &l);
	CHECK_EQ(sees(&b, &l), LOGIN_FREE);
	CHECK_EQ(sees(&b, &other), LOGIN_LED);
	other.silent = true;
	CHECK_EQ(sees(&b, &other), LOGIN_SILENT);
	other.silent = false;
	login_board_lead(&b, ME, &person);
	CHECK_EQ(sees(&b, &other), LOGIN_ASKING);
	login_board_leave(&b, OTHER, false, NOW); /* not its to give up */
	CHECK_EQ(sees(&b, &other), LOGIN_ASKING);
	login_board_leave(&b, ME, false, NOW);
	CHECK_EQ(sees(&b, &other), LOGIN_FREE);
}

TEST(a_refused_login_counts_for_all_for_a_while)
{
	struct login_board b = { 0 };
	struct login_looker l = looker(LOGIN_QUIET);
	login_board_lead(&b, OTHER, &l);
	login_board_leave(&b, OTHER, true, NOW - 29 * SECOND);
	CHECK_EQ(sees(&b, &l), LOGIN_DENIED);
	l.now_us += 2 * SECOND;
	CHECK_EQ(sees(&b, &l), LOGIN_FREE);
	l.now_us = SECOND; /* of another boot */
	CHECK_EQ(sees(&b, &l), LOGIN_FREE);
	l.now_us = NOW;
	login_board_publish(&b, "m1", false);
	b.master[0] = 0;
	CHECK_EQ(sees(&b, &l), LOGIN_FREE);
}

TEST(nobody_rides_on_what_it_avoids_and_nobody_new_on_what_is_doubted)
{
	struct login_board b = { 0 };
	const char *names[] = { "m0", "m1" };
	struct login_looker l = looker(LOGIN_QUIET), other = l;
	login_board_publish(&b, "m1", false);
	CHECK_EQ(sees(&b, &l), LOGIN_MASTER);
	l.avoided = names;
	l.n_avoided = 2;
	CHECK_EQ(sees(&b, &l), LOGIN_FREE);
	CHECK_EQ(sees(&b, &other), LOGIN_MASTER);
	login_board_lead(&b, ME, &l);
	other.pid = OTHER;
	CHECK_EQ(sees(&b, &other), LOGIN_LED);
	login_board_trust(&b, "m0"); /* another one */
	CHECK(b.doubted);
	login_board_trust(&b, "m1");
	CHECK_EQ(sees(&b, &other), LOGIN_MASTER);
	login_board_lead(&b, ME, &l);
	login_board_publish(&b, "m2", false);
	CHECK_EQ(sees(&b, &l), LOGIN_MASTER);
}

/* Some of what a host takes is kept for spares, unless that would cost a question. */
TEST(a_master_takes_so_many)
{
	for (int asked = 0; asked < 2; asked++) {
		struct login_board b = { 0 };
		const char *name = "m1";
		struct login_looker l = looker(LOGIN_QUIET);
		size_t room = LOGIN_LINKS + (asked ? LOGIN_SPARE : 0);
		login_board_publish(&b, name, asked);
		for (size_t i = 0; i < room; i++) {
			CHECK_EQ(sees(&b, &l), LOGIN_MASTER);
			login_board_ride(&b, 100 + (long)i, &name, 1);
		}
		CHECK_EQ(login_board_links(&b, name), room);
		CHECK_EQ(sees(&b, &l), LOGIN_FREE);
		login_board_ride(&b, 100, NULL, 0);
		CHECK_EQ(sees(&b, &l), LOGIN_MASTER);
		login_board_ride(&b, 101, &name, 1); /* the same once more */
		CHECK_EQ(login_board_links(&b, name), room - 1);
	}
}

TEST(a_command_rides_only_where_a_person_was_asked)
{
	struct login_board b = { 0 };
	struct login_looker l = looker(LOGIN_COMMAND);
	login_board_publish(&b, "m1", false);
	CHECK_EQ(sees(&b, &l), LOGIN_FREE);
	login_board_publish(&b, "m1", true);
	CHECK_EQ(sees(&b, &l), LOGIN_MASTER);
}

static bool
only_me(long pid)
{
	return pid == ME;
}

TEST(those_that_have_ended_are_taken_off)
{
	struct login_board b = { 0 };
	const char *names[] = { "m1", "m2" };
	struct login_looker l = looker(LOGIN_QUIET);
	login_board_ride(&b, OTHER, names, 2);
	login_board_ride(&b, ME, names, 1);
	login_board_lead(&b, OTHER, &l);
	login_board_prune(&b, only_me);
	CHECK_EQ(b.n_riders, 1);
	CHECK_EQ(b.riders[0].pid, ME);
	CHECK_EQ(b.leader, 0);
}

/* ---- as text ---- */

TEST(a_full_board_is_read_as_it_was_written)
{
	struct login_board b = { .asked = true, .refused_us = UINT64_MAX }, got;
	struct login_looker l = looker(LOGIN_PERSON);
	char text[LOGIN_TEXT_MAX];
	const char *name = "m0123456789abcdef0";
	login_board_publish(&b, name, true);
	b.refused_us = UINT64_MAX;
	b.beat = UINT64_MAX - 1;
	login_board_lead(&b, 4194303, &l);
	for (long i = 0; i < LOGIN_RIDERS + 3; i++)
		login_board_ride(&b, 4194304 + i, &name, 1);
	CHECK_EQ(b.n_riders, LOGIN_RIDERS);
	login_board_put(&b, text);
	CHECK(strlen(text) < LOGIN_TEXT_MAX - 1);
	login_board_get(&got, text);
	CHECK(memcmp(&got, &b, sizeof b) == 0);
}

TEST(what_is_no_board_is_an_empty_one)
{
	static const char *const texts[] = { "", "\n\n", "master", "master ../../x 0 0",
		"leader -1 1 1", "link 0 m1", "link 5 /tmp/x", "leader x",
		"master  0 0" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct login_board b, empty = { 0 };
		login_board_get(&b, texts[i]);
		CHECK(memcmp(&b, &empty, sizeof b) == 0);
	}
}
