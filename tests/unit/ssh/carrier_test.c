/* With a shell script in ssh's place.  $m is the mark; what it says behind that is the
 * bootstrap's. */
#include "ssh/carrier.h"
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

static char dir[] = "/tmp/carrier-test-XXXXXX", script[64];
static struct loop loop;
static struct carrier carrier;
static struct ssh_config config;
static uint64_t skipped_us; /* of virtual time */
static bool known = true; /* a server of ours has run there */
static int told_ready, told_over, asked; /* how often */
static int pipes[2] = { -1, -1 }; /* as they have been handed out */

static void
begin_with(const struct options *options, bool first, const char *text, bool quiet)
{
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
	buf_init(&config.text, 64);
	CHECK_EQ(buf_put(&config.text, "x", 1), 0); /* ssh -G has answered */
	config.silent = quiet;
	struct carrier_plan plan = { .options = options,
		.wanted = &config,
		.ssh = script,
		.first = first,
		.known = known,
		.adopts = !known,
		.hold_errors = true,
		.hello = { (const uint8_t *)"hello", 5 },
		.first_bytes = { (const uint8_t *)"first", 5 } };
	told_ready = told_over = asked = 0;
	CHECK_EQ(carrier_start(&carrier, &loop, &plan), 0);
}

static void
begin(const char *text, bool quiet)
{
	static char host[] = "host", *args[] = { NULL };
	static const struct options options = { .command = args,
		.link_args = args,
		.destination = host };
	begin_with(&options, true, text, quiet);
}

static void
take_events(void)
{
	struct carrier_event event;
	while (carrier_next(&carrier, &event)) {
		CHECK(!told_over); /* nothing comes behind it */
		if (event.told == CARRIER_TELLS_READY) {
			told_ready++;
			memcpy(pipes, event.fds, sizeof pipes);
		} else if (event.told == CARRIER_TELLS_OVER) {
			told_over++;
			CHECK_EQ(carrier.phase, CARRIER_OVER);
		} else {
			asked++;
			close(event.fds[0]);
		}
	}
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
	take_events();
	(void)carrier_tick(&carrier, loop.now_us);
	if (carrier_reap(&carrier, &status)) {
		take_events();
		carrier_ended(&carrier, status, true);
	}
	take_events();
	poll(NULL, 0, 1);
}

/* `skips`: time passes quickly. */
static void
wait_over(bool skips)
{
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	for (int n = 0; !told_over && sys_now_us() < end_us; n++) {
		turn();
		if (skips && n % 100 == 99)
			skipped_us += 1000 * 1000;
	}
	CHECK_EQ(told_over, 1);
}

static void
end(void)
{
	int status;
	for (int i = 0; i < 2; i++) {
		if (pipes[i] >= 0)
			close(pipes[i]);
		pipes[i] = -1;
	}
	carrier_close(&carrier);
	if (carrier.pid > 0) {
		kill(carrier.pid, SIGKILL);
		CHECK_EQ(waitpid(carrier.pid, &status, 0), carrier.pid);
	}
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	buf_finish(&config.text);
	unlink(script);
	CHECK_EQ(rmdir(dir), 0);
}

TEST(a_write_that_fails_ends_it_at_once)
{
	begin("exec sleep 60", false);
	turn();
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CHECK(full >= 0 && dup2(full, carrier.to.fd) >= 0);
	close(full);
	CHECK_EQ(buf_put(&carrier.out, "x", 1), 0);
	take_events();
	CHECK(told_over && carrier.why == CARRIER_CUT);
	CHECK(strstr(carrier.text, "No space"));
	CHECK(carrier.may_have_begun);
	end();
}

TEST(ready_hands_out_the_pipes_and_what_they_held)
{
	begin("read -r line; echo noise; echo $m start; echo $m ready; "
	      "printf frames; cat",
	    false);
	CHECK_EQ(buf_put(&carrier.out, "\n", 1), 0);
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	while (!told_ready && sys_now_us() < end_us)
		turn();
	CHECK_EQ(told_ready, 1);
	CHECK(carrier.server == SERVER_FOUND && pipes[0] >= 0 && pipes[1] >= 0);
	while (carrier.in.len < 6 && sys_now_us() < end_us) {
		(void)sys_read_into(pipes[0], &carrier.in, 100);
		poll(NULL, 0, 1);
	}
	CHECK_BYTES(buf_bytes(&carrier.in), carrier.in.len, "frames");
	carrier_serves(&carrier);
	CHECK_EQ(carrier.phase, CARRIER_SERVES);
	close(pipes[1]); /* cat ends, and so does ssh */
	pipes[1] = -1;
	wait_over(false);
	CHECK(carrier.why == CARRIER_ENDED && carrier.may_have_begun);
	end();
}

TEST(the_stdin_of_one_that_is_given_up_stays_until_it_has_ended)
{
	begin("trap '' TERM; echo $m start; echo $m ready; exec cat >/dev/null", false);
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	while (!told_ready && sys_now_us() < end_us)
		turn();
	CHECK_EQ(told_ready, 1);
	int in = pipes[1];
	pipes[1] = -1;
	carrier_keep(&carrier, in);
	carrier_close(&carrier);
	for (int i = 0; i < 20; i++)
		turn();
	CHECK(carrier.pid > 0 && carrier.last == in && fcntl(in, F_GETFD) >= 0);
	kill(carrier.pid, SIGKILL);
	while (carrier.pid > 0 && sys_now_us() < end_us)
		turn();
	CHECK(carrier.last == 0 && fcntl(in, F_GETFD) < 0);
	end();
}

TEST(the_first_bytes_are_sent_again_behind_an_upload)
{
	begin("head -c 5 >/dev/null; echo $m run; head -c 5; echo; exit 0", false);
	wait_over(false);
	CHECK(carrier.why == CARRIER_NO_SERVER && carrier.server == SERVER_SENT);
	end();
}

TEST(a_login_that_is_refused_and_one_that_is_cancelled)
{
	begin("echo 'x: Permission denied (publickey).' >&2; exit 255", false);
	wait_over(false);
	CHECK_EQ(carrier.why, CARRIER_LOGIN);
	end();
	begin("exec sleep 60", false);
	carrier_cancel(&carrier);
	wait_over(false);
	CHECK_EQ(carrier.why, CARRIER_LOGIN);
	end();
	begin("echo 'Host key verification failed.' >&2; exit 255", false);
	wait_over(false);
	CHECK_EQ(carrier.why, CARRIER_HOST_KEY);
	end();
}

TEST(one_that_cannot_be_started_leaves_nothing)
{
	static char host[] = "host", *args[] = { NULL };
	struct options options = { .command = args,
		.link_args = args,
		.destination = host };
	struct carrier_plan plan = { .options = &options,
		.wanted = &config,
		.ssh = "/no/such/ssh",
		.first_bytes = { (const uint8_t *)"first", 5 } };
	loop = (struct loop){ .now_us = sys_now_us() };
	CHECK(carrier_start(&carrier, &loop, &plan) < 0);
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	carrier_close(&carrier);
}

TEST(a_zeroed_one_does_nothing)
{
	struct carrier none = { 0 };
	struct carrier_event event;
	int status;
	CHECK(!carrier_next(&none, &event) && !carrier_reap(&none, &status));
	CHECK_EQ(carrier_tick(&none, 1), 0);
	carrier_close(&none);
}

TEST(one_that_does_not_end_is_killed)
{
	begin("trap '' TERM; echo $m need No Machine; while :; do sleep 1; done", false);
	wait_over(false);
	carrier_close(&carrier);
	CHECK(carrier.kill_us);
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	for (int n = 0; carrier.pid > 0 && sys_now_us() < end_us; n++) {
		turn();
		skipped_us += n > 20 ? 1000 * 1000 : 0;
	}
	CHECK_EQ(carrier.pid, 0);
	end();
}

TEST(closed_pipes_of_an_ssh_that_lives_on_are_not_waited_for_for_ever)
{
	begin("exec sleep 60 <&- >&-", false);
	wait_over(true);
	CHECK_EQ(carrier.why, CARRIER_CUT);
	end();
}

TEST(only_what_shows_that_nothing_has_begun_counts)
{
	static const struct {
		const char *script;
		bool quiet, skips;
		enum carrier_why why;
		bool may_have_begun;
	} cases[] = {
		{ "exit 0", false, false, CARRIER_NO_SERVER, false },
		{ "echo noise; exit 7", true, false, CARRIER_NO_SERVER, false },
		{ "exit 255", false, false, CARRIER_ENDED, true },
		{ "kill -9 $$", false, false, CARRIER_ENDED, true },
		{ "echo 'channel 0: open failed: x' >&2; exit 255", false, false,
		    CARRIER_SILENT, false },
		{ "echo $m start; exit 1", false, false, CARRIER_DAMAGED, false },
		{ "echo $m start; exit 255", false, false, CARRIER_DAMAGED, false },
		{ "echo $m start; exit 255", true, false, CARRIER_DAMAGED, true },
		{ "echo $m start; kill -9 $$", false, false, CARRIER_ENDED, true },
		{ "echo $m start; echo 'client_loop: x' >&2; exit 255", false, false,
		    CARRIER_ENDED, true },
		{ TAKE "echo $m start; exec sleep 60", false, true, CARRIER_DAMAGED,
		    true },
		{ "echo $m start; echo $m ready; exit 0", false, false, CARRIER_DAMAGED,
		    true },
		{ "echo $m need No Machine; exec sleep 60", false, false,
		    CARRIER_NO_SERVER, false },
		{ "echo $m failed; exec sleep 60", false, false, CARRIER_NO_PLACE,
		    false },
		{ "echo $m run; exit 0", false, false, CARRIER_NO_SERVER, false },
		{ "echo $m run; echo $m ready; exit 0", false, false, CARRIER_NO_SERVER,
		    true },
		{ "cat >/dev/null; exit 3", false, true, CARRIER_NO_SERVER, false },
		{ TAKE "exec sleep 60", false, true, CARRIER_SILENT, true },
		{ "head -c 2000000 /dev/zero; exec sleep 60", false, false, CARRIER_NOISE,
		    true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(cases[i].script, cases[i].quiet);
		wait_over(cases[i].skips);
		CHECK_EQ(carrier.why, cases[i].why);
		CHECK_EQ(carrier.may_have_begun, cases[i].may_have_begun);
		end();
	}
}

/* ---- a host that is not known ---- */

static void
begin_unknown(const char *text)
{
	known = false;
	begin(text, false);
	known = true;
}

TEST(a_program_in_place_of_ours_is_run_once_and_gets_nothing)
{
	static const struct {
		const char *script;
		bool skips;
		enum carrier_why why;
		int status;
		const char *output;
	} cases[] = {
		/* it has done something: that was it */
		{ "echo opened; exit 0", false, CARRIER_FOREIGN, 0, "opened\n" },
		{ "echo denied; exit 7", false, CARRIER_FOREIGN, 7, "denied\n" },
		{ "exit 0", false, CARRIER_FOREIGN, 0, "" },
		{ "printf 'no end of line'", false, CARRIER_FOREIGN, 0,
		    "no end of line" },
		/* perhaps it has only refused our command line */
		{ "exit 1", false, CARRIER_NO_SERVER, 0, NULL },
		{ "echo \"unknown command: $m\"; exit 1", false, CARRIER_NO_SERVER, 0,
		    NULL },
		/* it wanted the input, which is not there */
		{ "echo $m login; read -r line && exit 0; exit 0", true,
		    CARRIER_NO_SERVER, 0, NULL },
		{ "echo $m login; cat", true, CARRIER_NO_SERVER, 0, NULL },
		{ "echo $m login; exec sleep 60", true, CARRIER_SILENT, 0, NULL },
		/* the local command's own words are not the host's */
		{ "echo $m login; echo here; exit 3", false, CARRIER_FOREIGN, 3,
		    "here\n" },
		{ "exit 255", false, CARRIER_ENDED, 0, NULL },
		{ "echo $m start; exit 0", false, CARRIER_DAMAGED, 0, NULL },
		{ "echo noise; echo $m need No Machine; exec sleep 60", false,
		    CARRIER_NO_SERVER, 0, NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct carrier_foreign f;
		begin_unknown(cases[i].script);
		wait_over(cases[i].skips);
		CHECK_EQ(carrier.why, cases[i].why);
		if (carrier.why == CARRIER_FOREIGN) {
			carrier_give_away(&carrier, &f);
			CHECK(f.pid == 0 && WIFEXITED(f.status));
			CHECK_EQ(WEXITSTATUS(f.status), cases[i].status);
			CHECK_STR(f.output.len ? buf_str(&f.output) : "",
			    cases[i].output);
			buf_finish(&f.output);
			buf_finish(&f.errors);
			close(f.in);
			close(f.out);
			close(f.err);
		}
		end();
	}
}

TEST(nothing_is_on_its_stdin_before_a_word_of_ours)
{
	/* what has come before the mark is all that `read` could give */
	begin_unknown("IFS= read -r -t 1 line; [ \"$line\" ] && exit 9; echo $m start; "
		      "head -c 5; echo; exit 0");
	wait_over(false);
	CHECK_EQ(carrier.why, CARRIER_DAMAGED);
	CHECK_EQ(carrier.first_bytes.len, 5);
	end();
}

TEST(what_has_no_end_is_handed_over_while_it_runs)
{
	struct carrier_foreign f;
	int status;
	begin_unknown("head -c 300000 /dev/zero; exec cat");
	wait_over(false);
	CHECK_EQ(carrier.why, CARRIER_FOREIGN);
	carrier_give_away(&carrier, &f);
	CHECK(f.pid > 0 && f.in >= 0 && f.out >= 0 && f.output.len > 60000);
	close(f.in);
	for (size_t n = 1; n;) {
		struct buf more;
		buf_init(&more, 400000);
		(void)sys_wait(f.out, POLLIN, -1);
		n = sys_read_into(f.out, &more, 300000) < 0 ? 0 : 1;
		buf_finish(&more);
	}
	CHECK_EQ(waitpid(f.pid, &status, 0), f.pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(f.out);
	close(f.err);
	buf_finish(&f.output);
	buf_finish(&f.errors);
	end();
}
