/* With a host that is a script (host.h). */
#include "reconnect/attempt.h"
#include "reconnect/host.h"

#include "sys/sys.h"

#include <poll.h>
#include <signal.h>

enum { PATIENCE_US = 20 * 1000 * 1000 };

static struct loop loop;
static struct engine engine;
static struct attempt attempt;
static struct ssh_config config;

static void
begin(const char *script, bool secret)
{
	static char destination[] = "host", *args[] = { NULL };
	static const struct options options = { .command = args,
		.link_args = args,
		.ssh_argv = args,
		.destination = destination };
	struct buf answer;
	host_begin();
	signal(SIGPIPE, SIG_IGN);
	host_refuse("gone", REFUSE_GONE, 1, 0);
	host_login(1, script);
	loop = (struct loop){ .now_us = sys_now_us() };
	engine_init(&engine, true);
	buf_init(&answer, 1000);
	CHECK_EQ(buf_put(&answer, "host h\n", 7), 0);
	ssh_config_read(&config, &answer);
	struct attempt_plan plan = { .secret = secret,
		.hello = host_span("HELLO"),
		.prelude = host_span("typed") };
	plan.carrier = (struct carrier_plan){ .options = &options,
		.wanted = &config,
		.ssh = host_ssh,
		.known = true };
	CHECK_EQ(attempt_start(&attempt, &loop, &plan), 0);
}

static void
turn(void)
{
	loop.now_us = sys_now_us();
	for (size_t i = 0; i < loop.n_watches; i++) {
		struct watch *w = loop.watches[i];
		if (w && w->events && w->fd >= 0 && sys_wait(w->fd, w->events, 0))
			w->fn(w->owner, w->events);
	}
	attempt_turn(&attempt, &engine);
	(void)attempt_reap(&attempt, &engine);
	(void)carrier_tick(&attempt.carrier, loop.now_us);
	poll(NULL, 0, 1);
}

static void
until(enum attempt_phase phase)
{
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	while (attempt.phase < phase && sys_now_us() < end_us)
		turn();
	CHECK_EQ(attempt.phase, phase);
}

static void
end(void)
{
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	attempt_close(&attempt);
	while (attempt.carrier.pid > 0 && sys_now_us() < end_us)
		turn();
	CHECK_EQ(attempt.carrier.pid, 0);
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	engine_finish(&engine);
	ssh_config_finish(&config);
	host_end();
}

TEST(what_the_host_welcomes_becomes_the_link)
{
	begin("ready; frames welcome; stay", false);
	until(ATTEMPT_LINK);
	CHECK_EQ(attempt.handshake.session[0], 2);
	CHECK_STR(attempt.handshake.name, "work");
	CHECK_EQ(attempt.carrier.phase, CARRIER_SERVES);
	end();
}

TEST(and_stays_one_when_ssh_has_ended_since)
{
	begin("ready; frames welcome; printf behind; exit 0", false);
	until(ATTEMPT_LINK);
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	while (
	    (attempt.carrier.pid > 0 || !attempt.io.link.broken) && sys_now_us() < end_us)
		turn();
	CHECK(attempt.phase == ATTEMPT_LINK && attempt.clean && attempt.io.link.broken);
	CHECK_BYTES(buf_bytes(&attempt.io.link.in), attempt.io.link.in.len, "behind");
	end();
}

TEST(a_hello_that_others_may_see_goes_with_the_command_line)
{
	begin("head -c 5 >$host_dir/got; ready; frames welcome; stay", false);
	until(ATTEMPT_LINK);
	CHECK_EQ(system("test $(cat $host_dir/got) = typed"), 0);
	end();
}

TEST(and_a_secret_one_by_stdin)
{
	begin("head -c 10 >$host_dir/got; ready; frames welcome; stay", true);
	until(ATTEMPT_LINK);
	CHECK_EQ(system("test $(cat $host_dir/got) = HELLOtyped"), 0);
	end();
}

TEST(a_refusal_is_its_end_and_may_be_answered_by_another_hello)
{
	begin("ready; frames gone; frames welcome; stay", false);
	until(ATTEMPT_OVER);
	CHECK(attempt.why == WHY_REFUSED && attempt.handshake.code == REFUSE_GONE);
	CHECK(attempt.handshake.stays && !attempt.carrier.may_have_begun);
	CHECK_STR(attempt_text(&attempt), "no");
	CHECK_EQ(attempt_again(&attempt, host_span("HELLO")), 0);
	CHECK_EQ(attempt.phase, ATTEMPT_HELLO);
	until(ATTEMPT_LINK);
	end();
}

TEST(nonsense_is_its_end)
{
	begin("ready; printf '\\377\\377\\377\\377\\377'; stay", false);
	until(ATTEMPT_OVER);
	CHECK_EQ(attempt.why, WHY_PROTOCOL);
	CHECK(attempt_text(&attempt)[0]);
	end();
}

TEST(ssh_s_end_is_its_end)
{
	begin("echo 'h: Permission denied (publickey).' >&2; exit 255", false);
	until(ATTEMPT_OVER);
	CHECK(attempt.why == WHY_CARRIER && attempt.carrier.why == CARRIER_LOGIN);
	CHECK(!attempt.clean && !attempt_prompt(&attempt) && !attempt_question(&attempt));
	end();
}

TEST(one_that_is_cancelled_is_over_as_a_refused_login_is)
{
	begin("exec sleep 600", false);
	attempt_cancel(&attempt);
	until(ATTEMPT_OVER);
	CHECK_EQ(attempt.carrier.why, CARRIER_LOGIN);
	end();
}

TEST(one_that_cannot_be_started_leaves_nothing)
{
	struct attempt_plan plan = { .hello = host_span("HELLO") };
	static char destination[] = "host", *args[] = { NULL };
	static const struct options options = { .command = args,
		.link_args = args,
		.destination = destination };
	static const struct ssh_config none;
	plan.carrier = (struct carrier_plan){ .options = &options,
		.wanted = &none,
		.ssh = "/no/such/ssh" };
	loop = (struct loop){ .now_us = sys_now_us() };
	CHECK(attempt_start(&attempt, &loop, &plan) < 0);
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
}
