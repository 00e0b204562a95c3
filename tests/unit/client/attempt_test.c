/* With a shell script in ssh's place.  $m is the mark; what it says behind that is the
 * bootstrap's. */
#include "client/attempt.h"
#include "sys/child.h"
#include "sys/sys.h"
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ssh takes what is on its stdin. */
#define TAKE "dd bs=1000 count=1 of=/dev/null 2>&1; "

enum { PATIENCE_US = 20 * 1000 * 1000 };

static char dir[] = "/tmp/attempt-test-XXXXXX", script[64];
static struct loop loop;
static struct engine engine;
static struct attempt attempt;
static struct ssh_config config;
static uint64_t skipped_us; /* of virtual time */

static void
begin(const char *text, bool quiet)
{
	static char host[] = "host", *args[] = { NULL };
	static struct options options;
	FILE *file;
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	CHECK(mkdtemp(dir));
	snprintf(script, sizeof script, "%s/ssh", dir);
	file = fopen(script, "w");
	CHECK(file
	    && fprintf(file,
		   "#!/bin/sh\nfor last; do :; done\nlast=${last##*\\' belay }\n"
		   "m=${last%%%% *}\n%s\n",
		   text)
		> 0
	    && fclose(file) == 0);
	CHECK_EQ(chmod(script, 0700), 0);
	signal(SIGPIPE, SIG_IGN);
	skipped_us = 0;
	loop = (struct loop){ .now_us = sys_now_us() };
	engine_init(&engine, true);
	options = (struct options){ .command = args, .link_args = args, .destination = host };
	buf_init(&config.text, 64);
	CHECK_EQ(buf_put(&config.text, "x", 1), 0); /* ssh -G has answered */
	config.silent = quiet;
	struct attempt_plan plan = { .options = &options,
		.wanted = &config,
		.ssh = script,
		.first = true,
		.hold_errors = true,
		.hello = { (const uint8_t *)"hello", 5 } };
	CHECK_EQ(attempt_start(&attempt, &loop, &plan), 0);
}

/* One turn of a client's loop. */
static void
turn(void)
{
	int status;
	loop.now_us = sys_now_us() + skipped_us;
	for (size_t i = 0; i < loop.n_watches; i++) {
		struct watch *w = loop.watches[i];
		if (w && w->events && sys_wait(w->fd, w->events, 0))
			w->fn(w->owner, w->events);
	}
	if (attempt.phase < ATTEMPT_LINK) {
		attempt_input(&attempt, &engine);
		attempt_output(&attempt);
	}
	(void)attempt_tick(&attempt, loop.now_us);
	if (attempt.pid > 0 && child_ended(attempt.pid, &status))
		attempt_ended(&attempt, &engine, &loop, status);
	poll(NULL, 0, 1);
}

/* `skips`: time passes quickly. */
static void
wait_over(bool skips)
{
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	for (int n = 0; attempt.phase != ATTEMPT_OVER && sys_now_us() < end_us; n++) {
		turn();
		if (skips && n % 100 == 99)
			skipped_us += 1000 * 1000;
	}
	CHECK_EQ(attempt.phase, ATTEMPT_OVER);
}

static void
end(void)
{
	int status;
	attempt_close(&attempt, &loop);
	if (attempt.pid > 0) {
		kill(attempt.pid, SIGKILL);
		CHECK_EQ(waitpid(attempt.pid, &status, 0), attempt.pid);
	}
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	buf_finish(&config.text);
	engine_finish(&engine);
	unlink(script);
	CHECK_EQ(rmdir(dir), 0);
}

TEST(a_write_that_fails_ends_it_at_once)
{
	begin("exec sleep 60", false);
	turn();
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CHECK(full >= 0 && dup2(full, attempt.io.out.fd) >= 0);
	close(full);
	CHECK_EQ(buf_put(&attempt.io.link.queue, "x", 1), 0);
	attempt_output(&attempt);
	CHECK(attempt.phase == ATTEMPT_OVER && attempt.why == WHY_CUT);
	CHECK(strstr(attempt.text, "No space"));
	CHECK(attempt.may_have_begun);
	end();
}

TEST(closed_pipes_of_an_ssh_that_lives_on_are_not_waited_for_for_ever)
{
	begin("exec sleep 60 <&- >&-", false);
	wait_over(true);
	CHECK_EQ(attempt.why, WHY_CUT);
	end();
}

TEST(only_what_shows_that_nothing_has_begun_counts)
{
	static const struct {
		const char *script;
		bool quiet, skips;
		enum attempt_why why;
		bool may_have_begun;
	} cases[] = {
		{ "exit 0", false, false, WHY_NO_SERVER, false },
		{ "echo noise; exit 7", true, false, WHY_NO_SERVER, false },
		{ "exit 255", false, false, WHY_ENDED, true },
		{ "kill -9 $$", false, false, WHY_ENDED, true },
		{ "echo 'channel 0: open failed: x' >&2; exit 255", false, false,
		    WHY_SILENT, false },
		{ "echo $m start; exit 1", false, false, WHY_DAMAGED, false },
		{ "echo $m start; exit 255", false, false, WHY_DAMAGED, false },
		{ "echo $m start; exit 255", true, false, WHY_DAMAGED, true },
		{ "echo $m start; kill -9 $$", false, false, WHY_ENDED, true },
		{ "echo $m start; echo 'client_loop: x' >&2; exit 255", false, false,
		    WHY_ENDED, true },
		{ TAKE "echo $m start; exec sleep 60", false, true, WHY_DAMAGED, true },
		{ "echo $m start; echo $m ready; exit 0", false, false, WHY_DAMAGED, true },
		{ "echo $m ready; echo nonsense; exec sleep 60", false, false,
		    WHY_PROTOCOL, true },
		{ "echo $m need No Machine; exec sleep 60", false, false, WHY_NO_SERVER,
		    false },
		{ "echo $m failed; exec sleep 60", false, false, WHY_NO_PLACE, false },
		{ "echo $m run; exit 0", false, false, WHY_NO_SERVER, false },
		{ "echo $m run; echo $m ready; exit 0", false, false, WHY_NO_SERVER, true },
		{ "cat >/dev/null; exit 3", false, true, WHY_NO_SERVER, false },
		{ TAKE "exec sleep 60", false, true, WHY_SILENT, true },
		{ "head -c 2000000 /dev/zero; exec sleep 60", false, false, WHY_NOISE, true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(cases[i].script, cases[i].quiet);
		wait_over(cases[i].skips);
		CHECK_EQ(attempt.why, cases[i].why);
		CHECK_EQ(attempt.may_have_begun, cases[i].may_have_begun);
		end();
	}
}
