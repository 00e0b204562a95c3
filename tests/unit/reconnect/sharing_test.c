/* Of the two windows one is this process; the other writes on the board as our parent. */
#include "reconnect/sharing.h"
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char place[] = "/tmp/belay-sharing-XXXXXX";
static struct ssh_config config;
static struct sharing s;
static struct shared_login other;
static struct sharing_now now;
static uint64_t now_us;

enum { SECOND = 1000 * 1000 };

static void
begin(void)
{
	static const char text[] = "host h\nuser u\nhostname h\nport 22\n";
	struct buf answer;
	strcpy(place + sizeof place - 7, "XXXXXX");
	CHECK(mkdtemp(place));
	setenv("XDG_RUNTIME_DIR", place, 1);
	setenv("XDG_CACHE_HOME", place, 1);
	setenv("HOME", place, 1);
	config = (struct ssh_config){ 0 };
	buf_init(&answer, 1024);
	CHECK_EQ(buf_put(&answer, text, sizeof text - 1), 0);
	ssh_config_read(&config, &answer);
	s = (struct sharing){ .on = true, .ssh = "/ssh" };
	now = (struct sharing_now){ 0 };
	now_us = SECOND;
	other = (struct shared_login){ 0 };
	CHECK(shared_login_open(&other, &config, "/ssh"));
}

static void
end(void)
{
	char command[128];
	sharing_finish(&s, NULL);
	shared_login_close(&other);
	ssh_config_finish(&config);
	snprintf(command, sizeof command, "rm -r %s", place);
	CHECK_EQ(system(command), 0);
}

static enum login_verdict
ask(enum login_wish wish)
{
	return sharing_ask(&s, &config, wish, &now, now_us);
}

static enum sharing_news
turn(uint64_t us)
{
	now_us += us;
	return sharing_turn(&s, &now, now_us);
}

/* The other window writes. */
#define OTHER(...) \
	do { \
		struct login_board b; \
		CHECK(shared_login_take(&other, &b)); \
		__VA_ARGS__; \
		shared_login_put(&other, &b); \
	} while (0)

static long
other_pid(void)
{
	return (long)getppid();
}

/* A master of that name listens. */
static int
master_listens(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char path[SHARED_LOGIN_PATH_MAX];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	shared_login_path(&other, name, path);
	CHECK(fd >= 0 && strlen(path) < sizeof at.sun_path);
	strcpy(at.sun_path, path);
	CHECK(
	    bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 8) == 0);
	return fd;
}

static struct login_board
board(void)
{
	struct login_board b;
	CHECK(shared_login_read(&other, &b));
	return b;
}

TEST(where_it_is_not_wanted_each_is_alone)
{
	begin();
	s.on = false;
	CHECK_EQ(ask(LOGIN_FIRST), LOGIN_ALONE);
	CHECK(!s.login.open && !sharing_deadline(&s));
	CHECK_EQ(turn(SECOND), SHARING_NOTHING);
	end();
}

TEST(the_first_leads_and_says_when_it_is_there)
{
	begin();
	CHECK_EQ(ask(LOGIN_FIRST), LOGIN_LEAD);
	CHECK(s.leads && s.master[0] && board().leader == (long)getpid());
	now.leads = true;
	CHECK_EQ(turn(SECOND), SHARING_NOTHING);
	uint64_t beat = board().beat;
	CHECK_EQ(turn(SECOND), SHARING_NOTHING);
	CHECK(board().beat != beat); /* it lives */
	char name[LOGIN_NAME_MAX];
	strcpy(name, s.master);
	sharing_ready(&s, name, true);
	CHECK_STR(board().master, name);
	CHECK(!board().leader && board().asked
	    && login_board_links(&(struct login_board){ 0 }, name) == 0);
	struct login_board b = board();
	CHECK_EQ(login_board_links(&b, name), 1);
	end();
}

TEST(another_s_login_is_waited_for_and_ridden_on)
{
	begin();
	struct login_looker l = { .pid = other_pid(), .limit = LOGIN_LINKS };
	OTHER(login_board_lead(&b, other_pid(), &l));
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_WAIT);
	CHECK(s.waits && sharing_deadline(&s) > now_us);
	CHECK_EQ(turn(1000), SHARING_NOTHING);
	CHECK_EQ(turn(SECOND / 20), SHARING_GO_ON);
	OTHER(b.beat++);
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_WAIT);
	int fd = master_listens("m1");
	OTHER(login_board_publish(&b, "m1", false);
	      login_board_leave(&b, other_pid(), false, 0));
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_RIDE);
	CHECK_STR(s.master, "m1");
	CHECK(!s.waits);
	struct login_board b = board();
	CHECK_EQ(login_board_links(&b, "m1"), 1);
	close(fd);
	end();
}

TEST(a_leader_without_a_sign_of_life_is_one_no_more)
{
	begin();
	struct login_looker l = { .pid = other_pid(), .limit = LOGIN_LINKS };
	OTHER(login_board_lead(&b, other_pid(), &l));
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_WAIT);
	int n = 0;
	for (; n < 100 && s.waits; n++)
		if (turn(SECOND / 10) == SHARING_GO_ON)
			(void)ask(LOGIN_QUIET);
	CHECK_EQ(s.verdict, LOGIN_LEAD);
	CHECK(n >= 20 && n < 30); /* two seconds */
	/* and the one that goes on hears of it */
	CHECK_EQ(board().leader, (long)getpid());
	end();
}

/* Nobody's two seconds pass while this machine sleeps. */
TEST(a_sleep_of_this_process_is_not_the_leader_s_silence)
{
	begin();
	struct login_looker l = { .pid = other_pid(), .limit = LOGIN_LINKS };
	OTHER(login_board_lead(&b, other_pid(), &l));
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_WAIT);
	CHECK_EQ(turn(3600ull * SECOND), SHARING_GO_ON);
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_WAIT);
	end();
}

TEST(the_question_moves_to_who_has_a_person)
{
	begin();
	CHECK_EQ(ask(LOGIN_FIRST), LOGIN_LEAD);
	now.leads = now.asks = true;
	CHECK_EQ(turn(SECOND), SHARING_NOTHING);
	CHECK(board().asks);
	struct login_looker l = { .pid = other_pid(), .limit = LOGIN_LINKS };
	OTHER(login_board_lead(&b, other_pid(), &l));
	CHECK_EQ(turn(SECOND), SHARING_MOVED);
	CHECK(!s.leads);
	end();
}

TEST(a_refusal_holds_for_those_who_ask_nobody)
{
	begin();
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_LEAD);
	sharing_denied(&s);
	CHECK(!s.leads && board().refused_us);
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_REFUSED);
	CHECK_EQ(ask(LOGIN_PERSON), LOGIN_LEAD);
	end();
}

TEST(a_master_that_did_not_do_is_not_ridden_on_again)
{
	begin();
	int fd = master_listens("m1");
	OTHER(login_board_publish(&b, "m1", false));
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_RIDE);
	sharing_failed(&s, &config, "m1", false);
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_LEAD);
	close(fd);
	end();
}

TEST(after_three_failures_in_a_row_it_goes_alone)
{
	begin();
	for (int i = 0; i < 3; i++)
		sharing_failed(&s, &config, "m1", false);
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_ALONE);
	end();
}

TEST(what_a_host_takes_is_learned_and_remembered)
{
	begin();
	int fd = master_listens("m1");
	const char *names[] = { "m1", "m1", "m1", "m1" };
	OTHER(login_board_publish(&b, "m1", false);
	      login_board_ride(&b, other_pid(), names, 4));
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_RIDE);
	sharing_failed(&s, &config, "m1", true);
	/* four and this one were on it, of which a spare's place is kept free */
	CHECK_EQ(s.limit, 2);
	struct sharing later = { .on = true, .ssh = "/ssh" };
	struct sharing_now nothing = { 0 };
	(void)sharing_ask(&later, &config, LOGIN_QUIET, &nothing, now_us);
	CHECK_EQ(later.limit, 2);
	sharing_finish(&later, NULL);
	close(fd);
	end();
}

TEST(a_master_that_has_gone_without_a_word_is_none)
{
	begin();
	OTHER(login_board_publish(&b, "m1", false)); /* nothing listens */
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_LEAD);
	CHECK(!board().master[0]);
	end();
}

TEST(who_waits_for_a_person_sees_a_login_of_another)
{
	begin();
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_LEAD);
	sharing_denied(&s);
	now.wants = true;
	CHECK_EQ(turn(SECOND), SHARING_NOTHING);
	int fd = master_listens("m1");
	OTHER(login_board_publish(&b, "m1", true));
	CHECK_EQ(turn(SECOND), SHARING_THERE);
	close(fd);
	end();
}

TEST(what_rides_no_more_is_taken_off_the_board)
{
	begin();
	int fd = master_listens("m1");
	OTHER(login_board_publish(&b, "m1", false));
	CHECK_EQ(ask(LOGIN_QUIET), LOGIN_RIDE);
	strcpy(now.used[0], "m1");
	now.n_used = 1;
	CHECK_EQ(turn(SECOND), SHARING_NOTHING);
	struct login_board b = board();
	CHECK_EQ(login_board_links(&b, "m1"), 1);
	now.n_used = 0;
	CHECK_EQ(turn(SECOND), SHARING_NOTHING);
	b = board();
	CHECK_EQ(login_board_links(&b, "m1"), 0);
	close(fd);
	end();
}
