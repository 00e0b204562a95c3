/* With a host that is a script (host.h), and time that may be skipped. */
#include "reconnect/reconnect.h"
#include "reconnect/host.h"

#include "base/log.h"
#include "sys/sys.h"

#include <poll.h>
#include <signal.h>

enum { PATIENCE_US = 20 * 1000 * 1000, TOLD_MAX = 64 };

static struct test_session {
	struct loop loop;
	struct engine engine;
	struct options options;
	struct ssh_config config;
	struct reconnect reconnect;
	uint64_t skipped_us;
	enum reconnect_told told[TOLD_MAX]; /* and what else is needed of them */
	size_t n;
	struct reconnect_event last;
	char text[512];
	enum reconnect_next next; /* the answer to GONE */
	bool goes_on; /* after LOST */
	unsigned hellos, resumes, lent, returned;
	struct stream *main;
	uint64_t got_before; /* the last link was told */
} t;

static int
on_hello(void *owner, bool resume, struct buf *out)
{
	struct msg_hello m = { .version_min = 1, .version_max = PROTOCOL_VERSION };
	CHECK(owner == &t);
	struct buf positions;
	t.hellos++;
	t.resumes += resume;
	buf_init(&positions, 1000);
	CHECK_EQ(engine_positions(&t.engine, &positions), 0);
	m.positions = buf_span(&positions);
	int err = msg_put(out, MSG_HELLO, &m);
	buf_finish(&positions);
	return err;
}

static void
on_lend(void *owner, bool lent)
{
	CHECK(owner == &t);
	t.lent += lent;
	t.returned += !lent;
}

static const struct reconnect_needs needs = { on_hello, on_lend };

static void
begin(void)
{
	static char destination[] = "host", *args[] = { NULL };
	host_begin();
	signal(SIGPIPE, SIG_IGN);
	t = (struct test_session){ .next = RECONNECT_OVER, .goes_on = true };
	t.options = (struct options){ .command = args,
		.link_args = args,
		.ssh_argv = args,
		.destination = destination };
	t.loop.now_us = sys_now_us();
	engine_init(&t.engine, true);
	CHECK(engine_open(&t.engine, STREAM_CONTROL, RANK_CONTROL, 1000, 1000));
	t.main = engine_open(&t.engine, STREAM_MAIN, RANK_TERMINAL, 1000, 1000);
	CHECK(t.main);
	struct buf answer;
	buf_init(&answer, 1000);
	CHECK_EQ(buf_put(&answer, "host h\n", 7), 0);
	ssh_config_read(&t.config, &answer);
	reconnect_init(&t.reconnect, &t.loop, &t.engine, &t.options, host_ssh, &needs,
	    &t);
	t.reconnect.sharing.on = false;
}

static void
take_events(void)
{
	while (reconnect_next(&t.reconnect, &t.last)) {
		CHECK(t.n < TOLD_MAX);
		CHECK(
		    !t.n || t.told[t.n - 1] < RECONNECT_BYE); /* nothing behind the end */
		t.told[t.n++] = t.last.told;
		if (t.last.told == RECONNECT_UP)
			t.got_before = t.main->in_got;
		snprintf(t.text, sizeof t.text, "%s", t.last.text ? t.last.text : "");
		if (t.last.told == RECONNECT_GONE)
			reconnect_gone(&t.reconnect, t.next);
		else if (t.last.told == RECONNECT_ELSEWHERE)
			reconnect_elsewhere(&t.reconnect);
		else if (t.last.told == RECONNECT_LOST && t.goes_on)
			reconnect_on(&t.reconnect, POLICY_LOST);
	}
}

static void
turn(void)
{
	t.loop.now_us = sys_now_us() + t.skipped_us;
	for (size_t i = 0; i < t.loop.n_watches; i++) {
		struct watch *w = t.loop.watches[i];
		if (w && w->events && w->fd >= 0 && sys_wait(w->fd, w->events, 0))
			w->fn(w->owner, w->events);
	}
	reconnect_reap(&t.reconnect);
	reconnect_take(&t.reconnect);
	take_events();
	reconnect_receive(&t.reconnect);
	take_events();
	reconnect_send(&t.reconnect);
	take_events();
	(void)reconnect_deadline(&t.reconnect);
	poll(NULL, 0, 1);
}

/* Until this many events were told. */
static void
until(size_t n)
{
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	while (t.n < n && sys_now_us() < end_us)
		turn();
	if (t.n < n)
		FAIL("%zu of %zu events, the last %d; %s, %u logins", t.n, n,
		    t.n ? (int)t.told[t.n - 1] : 0,
		    policy_state_name(t.reconnect.policy.state), host_logins());
}

static void
until_state(enum policy_state state)
{
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	while (t.reconnect.policy.state != state && sys_now_us() < end_us)
		turn();
	CHECK_EQ(t.reconnect.policy.state, state);
}

static void
turns(unsigned n)
{
	while (n--)
		turn();
}

static void
skip(uint64_t us)
{
	t.skipped_us += us;
	turn();
}

/* What was told, all of it, in this order. */
#define CHECK_TOLD(...) \
	do { \
		static const enum reconnect_told want[] = { __VA_ARGS__ }; \
		until(sizeof want / sizeof *want); \
		for (size_t at = 0; at < sizeof want / sizeof *want; at++) \
			CHECK_EQ(t.told[at], want[at]); \
		CHECK_EQ(t.n, sizeof want / sizeof *want); \
	} while (0)

static void
start(void)
{
	reconnect_start(&t.reconnect, &t.config);
}

static void
end(void)
{
	reconnect_finish(&t.reconnect, false);
	for (size_t i = 0; i < RECONNECT_ATTEMPTS; i++)
		CHECK_EQ(t.reconnect.attempts[i].carrier.pid, 0);
	for (size_t i = 0; i < t.loop.n_watches; i++)
		CHECK(!t.loop.watches[i]);
	engine_finish(&t.engine);
	ssh_config_finish(&t.config);
	host_end();
}

static void
start_up(void)
{
	host_login(1, "ready; frames welcome; stay");
	start();
	CHECK_TOLD(RECONNECT_UP);
}

/* ---- links ---- */

TEST(a_first_login_becomes_the_link)
{
	begin();
	start_up();
	CHECK(reconnect_up(&t.reconnect) && reconnect_has_link(&t.reconnect));
	CHECK(t.hellos == 1 && t.resumes == 0 && t.lent == 1 && t.returned == 1);
	CHECK_EQ(t.last.attempt->handshake.session[0], 2);
	CHECK(!reconnect_asks(&t.reconnect) && !reconnect_late_s(&t.reconnect));
	end();
}

/* What is said of the session stands above what it shows. */
TEST(that_there_is_a_link_is_told_before_what_it_brings)
{
	begin();
	host_frame("data", MSG_DATA,
	    &(struct msg_data){ STREAM_MAIN, 0, host_span("a screen") });
	host_login(1, "ready; cat $host_dir/welcome $host_dir/data; stay");
	start();
	until(1);
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	while (t.main->in_got < 8 && sys_now_us() < end_us)
		turn();
	CHECK(t.main->in_got == 8 && t.got_before == 0);
	end();
}

TEST(a_link_that_ends_is_followed_by_another_which_resumes)
{
	begin();
	host_login(1, "ready; frames welcome; exit 255");
	host_login(2, "ready; frames welcome; stay");
	start();
	CHECK_TOLD(RECONNECT_UP, RECONNECT_LOST, RECONNECT_UP);
	CHECK(t.hellos == 2 && t.resumes == 1 && host_logins() == 2);
	end();
}

TEST(whether_ssh_ended_well_is_told)
{
	begin();
	t.goes_on = false;
	host_login(1, "ready; frames welcome; exit 0");
	start();
	CHECK_TOLD(RECONNECT_UP, RECONNECT_LOST);
	CHECK(t.last.clean && !reconnect_has_link(&t.reconnect));
	end();
}

TEST(a_link_that_is_silent_is_replaced_without_a_word)
{
	begin();
	host_login(1, "ready; frames welcome; exec sleep 600");
	host_login(2, "ready; frames welcome; stay");
	start();
	until(1);
	for (int i = 0; i < 40 && t.n < 2; i++) {
		skip(1000 * 1000);
		turns(20);
	}
	CHECK_TOLD(RECONNECT_UP, RECONNECT_UP);
	CHECK_EQ(t.resumes, 1);
	end();
}

TEST(of_two_attempts_the_first_that_answers_wins_and_the_other_ends)
{
	begin();
	host_login(1, "ready; frames welcome; exit 255");
	host_login(2, "exec sleep 600");
	host_login(3, "ready; frames welcome; stay");
	start();
	until(2);
	for (int i = 0; i < 60 && t.n < 3; i++) {
		skip(500 * 1000);
		turns(20);
	}
	CHECK_TOLD(RECONNECT_UP, RECONNECT_LOST, RECONNECT_UP);
	CHECK_EQ(t.reconnect.candidates.n, 0);
	end();
}

TEST(a_frame_that_is_none_ends_the_link)
{
	begin();
	host_login(1, "ready; frames welcome; printf '\\377\\377\\377\\377\\377'; stay");
	host_login(2, "ready; frames welcome; stay");
	start();
	CHECK_TOLD(RECONNECT_UP, RECONNECT_LOST, RECONNECT_UP);
	CHECK(!t.last.clean);
	end();
}

TEST(the_host_s_bye_is_the_end)
{
	begin();
	host_frame("bye", MSG_BYE, &(struct msg_bye){ .code = BYE_ENDED });
	host_login(1, "ready; frames welcome; frames bye; stay");
	start();
	CHECK_TOLD(RECONNECT_UP, RECONNECT_BYE);
	CHECK_EQ(t.last.code, BYE_ENDED);
	reconnect_on(&t.reconnect, POLICY_LOST);
	turns(5);
	CHECK_EQ(t.n, 2);
	end();
}

/* ---- sessions ---- */

TEST(a_session_that_is_gone_waits_for_the_word_of_the_owner)
{
	begin();
	host_refuse("gone", REFUSE_GONE, 1, 0);
	host_login(1, "ready; frames welcome; exit 255");
	host_login(2, "ready; frames gone; stay");
	start();
	CHECK_TOLD(RECONNECT_UP, RECONNECT_LOST, RECONNECT_GONE);
	CHECK(!t.last.gone.rebooted && !t.last.gone.machine_known);
	until_state(POLICY_DOWN_GONE);
	turns(5);
	CHECK_EQ(host_logins(), 2);
	end();
}

TEST(another_session_is_asked_for_on_the_same_link)
{
	begin();
	t.next = RECONNECT_ANEW;
	host_refuse("gone", REFUSE_GONE, 9, 0);
	host_login(1, "ready; frames welcome; exit 255");
	host_login(2, "ready; frames gone; frames welcome; stay");
	start();
	CHECK_TOLD(RECONNECT_UP, RECONNECT_LOST, RECONNECT_GONE, RECONNECT_UP);
	CHECK(t.reconnect.rebooted && host_logins() == 2);
	CHECK(t.hellos == 3 && t.resumes == 1);
	end();
}

TEST(what_another_machine_says_of_the_session_is_not_believed)
{
	begin();
	memset(t.reconnect.machine, 7, ID_LEN);
	host_refuse("gone", REFUSE_GONE, 1, 8);
	for (unsigned n = 1; n <= 4; n++)
		host_login(n, "ready; frames gone; stay");
	host_login(5, "ready; frames welcome; stay");
	start();
	until(1);
	CHECK(t.told[0] == RECONNECT_ELSEWHERE && t.last.machine[0] == 8);
	/* What was asked for from there on is gone on that machine: with no answer to that, a
	 * first login has come to nothing. */
	CHECK_TOLD(RECONNECT_ELSEWHERE, RECONNECT_GONE, RECONNECT_FAILED);
	end();
}

TEST(a_session_that_was_taken_over_is_the_end)
{
	begin();
	host_refuse("taken", REFUSE_TAKEN, 1, 0);
	host_login(1, "ready; frames welcome; exit 255");
	host_login(2, "ready; frames taken; stay");
	start();
	CHECK_TOLD(RECONNECT_UP, RECONNECT_LOST, RECONNECT_BYE);
	CHECK_EQ(t.last.code, BYE_TAKEN);
	end();
}

/* ---- logins that do not do ---- */

TEST(a_first_login_that_is_refused_is_the_end_in_ssh_s_words)
{
	begin();
	host_login(1, "echo 'h: Permission denied (publickey).' >&2; exit 255");
	start();
	CHECK_TOLD(RECONNECT_FAILED);
	CHECK(!t.last.text && t.lent == 1 && t.returned == 1);
	end();
}

TEST(a_later_one_waits_for_the_person)
{
	begin();
	host_login(1, "ready; frames welcome; exit 255");
	host_login(2, "echo 'h: Permission denied (publickey).' >&2; exit 255");
	host_login(3, "ready; frames welcome; stay");
	start();
	CHECK_TOLD(RECONNECT_UP, RECONNECT_LOST, RECONNECT_REFUSED);
	until_state(POLICY_DOWN_ASK);
	skip(3600ull * 1000 * 1000);
	turns(5);
	CHECK_EQ(host_logins(), 2);
	reconnect_on(&t.reconnect, POLICY_PERSON);
	CHECK(reconnect_asks(&t.reconnect));
	until(4);
	CHECK_EQ(t.told[3], RECONNECT_UP);
	end();
}

TEST(the_person_may_not_want_it_any_more)
{
	begin();
	host_login(1, "ready; frames welcome; exit 255");
	host_login(2, "echo 'h: Permission denied (publickey).' >&2; exit 255");
	start();
	until(3);
	until_state(POLICY_DOWN_ASK);
	reconnect_on(&t.reconnect, POLICY_PERSON);
	CHECK(reconnect_asks(&t.reconnect));
	reconnect_cancel(&t.reconnect);
	until_state(POLICY_DOWN_ASK);
	CHECK(!reconnect_asks(&t.reconnect));
	end();
}

static const char another_key[] =
    "echo '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @' >&2\n"
    "echo 'Host key verification failed.' >&2; exit 255";

TEST(another_host_key_is_waited_out_by_who_sees_it)
{
	begin();
	host_login(1, "ready; frames welcome; exit 255");
	host_login(2, another_key);
	start();
	CHECK_TOLD(RECONNECT_UP, RECONNECT_LOST, RECONNECT_STRANGER);
	CHECK_EQ(t.reconnect.policy.state, POLICY_DOWN_STRANGER);
	end();
}

TEST(and_ends_what_nobody_sees)
{
	begin();
	t.reconnect.key_ends = true;
	host_login(1, "ready; frames welcome; exit 255");
	host_login(2, another_key);
	start();
	CHECK_TOLD(RECONNECT_UP, RECONNECT_LOST, RECONNECT_FAILED);
	end();
}

/* ---- hosts that do not do ---- */

TEST(a_host_that_cannot_run_the_server_leads_to_plain_ssh)
{
	begin();
	host_login(1, "echo $m need Plan9 vax; exec sleep 600");
	start();
	CHECK_TOLD(RECONNECT_PLAIN);
	CHECK(t.last.remember && strstr(t.text, "vax"));
	end();
}

TEST(a_command_that_may_have_begun_is_not_run_again)
{
	begin();
	t.reconnect.command = true;
	t.reconnect.policy.waits = true;
	host_login(1,
	    "echo $m start; echo $m ready; echo 'ssh: connect to host h port 22: "
	    "No route to host' >&2; kill -9 $$"); /* perhaps it runs */
	host_login(2, "echo $m need Plan9 vax; exec sleep 600");
	start();
	for (int i = 0; i < 100 && !t.n; i++) {
		skip(1000 * 1000);
		turns(20);
	}
	CHECK_TOLD(RECONNECT_FAILED);
	CHECK(host_logins() == 2 && strstr(t.text, "may have been started"));
	end();
}

TEST(another_program_that_answers_is_the_session_s)
{
	begin();
	t.reconnect.adopts = true;
	host_login(1, "echo opened; exit 3");
	start();
	CHECK_TOLD(RECONNECT_FOREIGN);
	CHECK(t.last.foreign == &t.reconnect.foreign);
	CHECK(t.last.foreign->output.len == 7 && !t.last.foreign->pid);
	buf_finish(&t.reconnect.foreign.output);
	buf_finish(&t.reconnect.foreign.errors);
	end();
}

TEST(what_the_host_is_short_of_for_a_moment_is_asked_for_three_times_more)
{
	begin();
	host_refuse("later", REFUSE_LATER, 1, 0);
	for (unsigned n = 1; n <= 6; n++)
		host_login(n, "ready; frames later; stay");
	start();
	CHECK_TOLD(RECONNECT_PLAIN);
	CHECK(!t.last.remember && host_logins() == 4);
	end();
}

TEST(an_ssh_that_is_not_there_is_an_error_and_later_only_trouble)
{
	begin();
	strcpy(host_ssh, "/no/such/ssh");
	start();
	CHECK_TOLD(RECONNECT_FAILED);
	CHECK(strstr(t.text, "/no/such/ssh"));
	end();
}

/* ---- the end ---- */

TEST(our_bye_goes_behind_what_is_to_be_said)
{
	begin();
	host_login(1, "ready; frames welcome; cat >$host_dir/got");
	start();
	until(1);
	CHECK(reconnect_bye(&t.reconnect, BYE_DONE));
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	while (!reconnect_flushed(&t.reconnect) && sys_now_us() < end_us)
		turn();
	CHECK(reconnect_flushed(&t.reconnect));
	end();
}

TEST(without_a_link_there_is_no_bye)
{
	begin();
	start();
	turn();
	CHECK(!reconnect_bye(&t.reconnect, BYE_DONE) && !reconnect_flushed(&t.reconnect));
	CHECK(reconnect_late_s(&t.reconnect) > 0);
	end();
}
