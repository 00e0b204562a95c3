/* With a shell script in ssh's place, which says and does what each test writes into it. */
#include "ssh/ssh_query.h"
#include "sys/sys.h"
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

enum { PATIENCE_US = 20 * 1000 * 1000 };

static char dir[] = "/tmp/query-test-XXXXXX", script[64];
static struct loop loop;
static struct ssh_query query;
static struct options options;
static struct ssh_config config;
static int times;

static void
on_known(void *owner)
{
	CHECK(owner == &query);
	times++;
}

static void
write_script(const char *text)
{
	FILE *file = fopen(script, "w");
	CHECK(file && fprintf(file, "#!/bin/sh\n%s\n", text) > 0 && fclose(file) == 0);
	CHECK_EQ(chmod(script, 0700), 0);
}

static void
begin(const char *text, bool again)
{
	static char host[] = "host", *argv[] = { NULL, host, NULL };
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	CHECK(mkdtemp(dir));
	snprintf(script, sizeof script, "%s/ssh", dir);
	write_script(text);
	signal(SIGPIPE, SIG_IGN);
	loop = (struct loop){ .now_us = sys_now_us() };
	options = (struct options){ .ssh_argv = argv,
		.command = argv + 2,
		.destination = host,
		.escape = '~' };
	times = 0;
	ssh_query_start(&query, &loop, &options, script, again, on_known, &query);
}

/* One turn of a client's loop; SIGCHLD may come at any time. */
static void
turn(void)
{
	loop.now_us = sys_now_us();
	for (size_t i = 0; i < loop.n_watches; i++) {
		struct watch *w = loop.watches[i];
		if (w && w->events && sys_wait(w->fd, w->events, 0))
			w->fn(w->owner, w->events);
	}
	ssh_query_reap(&query);
	ssh_query_turn(&query, loop.now_us);
	poll(NULL, 0, 1);
}

static void
wait_known(void)
{
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	while (!times && sys_now_us() < end_us)
		turn();
	CHECK_EQ(times, 1);
	CHECK(!ssh_query_asks(&query) && query.pid == 0);
}

static void
end(void)
{
	ssh_query_finish(&query);
	ssh_config_finish(&config);
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	unlink(script);
	CHECK_EQ(rmdir(dir), 0);
}

/* What a session has already. */
static void
have(void)
{
	struct buf text;
	buf_init(&text, 1024);
	buf_print(&text, "hostname old\nlocalforward 1 [a]:2\n");
	ssh_config_from_options(&config, &options);
	ssh_config_read(&config, &text);
}

static void
check_old(void)
{
	CHECK(!ssh_query_take(&query, &config));
	CHECK_BYTES(config.hostname.p, config.hostname.n, "old");
	CHECK(config.tells_forwards && config.n_forwards == 1);
}

TEST(a_whole_answer_is_taken_once)
{
	begin("echo hostname new; echo port 7", false);
	wait_known();
	have();
	CHECK(ssh_query_take(&query, &config));
	CHECK_BYTES(config.hostname.p, config.hostname.n, "new");
	CHECK(config.port == 7 && config.n_forwards == 0 && !config.for_ssh.n);
	CHECK(!ssh_query_take(&query, &config));
	CHECK_EQ(config.port, 7);
	end();
}

TEST(nothing_but_a_whole_answer_replaces_another)
{
	static const char *const scripts[] = {
		"exit 0", /* nothing at all */
		"echo hostname new; exit 1",
		"echo hostname new; kill -9 $$",
		"echo port 22", /* not the host's */
		"echo hostname new; printf 'port 2'", /* cut */
		"echo 'unknown option -- G' >&2; exit 255",
		"echo hostname new; head -c 200000 /dev/zero", /* more than there is room for */
		"echo hostname new; exec /no/such/program 2>/dev/null",
	};
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		begin(scripts[i], i % 2);
		have();
		wait_known();
		check_old();
		end();
	}
}

TEST(one_that_cannot_be_started_fails_at_once)
{
	begin("exit 0", false);
	ssh_query_finish(&query);
	times = 0;
	ssh_query_start(&query, &loop, &options, "/no/such/ssh", true, on_known, &query);
	CHECK_EQ(times, 1);
	have();
	check_old();
	end();
}

/* ssh(1): -f and -s want a command, and so may the configuration. */
TEST(the_command_is_told_where_ssh_wants_one)
{
	static char host[] = "host", word[] = "sftp";
	static char *argv[] = { NULL, host, word, NULL };
	static const char wants[] = "[ $# = 3 ] || exit 255; echo hostname $3",
			  refuses[] = "[ $# = 2 ] || exit 255; echo hostname $2";
	for (int i = 0; i < 3; i++) {
		begin("sleep 30", false);
		ssh_query_finish(&query);
		write_script(i < 2 ? wants : refuses);
		options.ssh_argv = argv;
		options.command = argv + 2;
		options.subsystem = i == 0;
		ssh_query_start(&query, &loop, &options, script, false, on_known, &query);
		wait_known();
		have();
		CHECK(ssh_query_take(&query, &config));
		CHECK(config.hostname.n == 4);
		CHECK_EQ(memcmp(config.hostname.p, i < 2 ? "sftp" : "host", 4), 0);
		end();
	}
}

TEST(the_users_log_gets_nothing)
{
	static char log[] = "-E", file[] = "/log", host[] = "host", end_[] = "--",
		    word[] = "cat";
	static const struct {
		char *argv[8];
		size_t end;
	} lines[] = { { { NULL, log, file, host, word }, 4 },
		{ { NULL, host, log, file, word }, 4 },
		{ { NULL, log, file, end_, host, word }, 3 } };
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		begin("sleep 30", false);
		ssh_query_finish(&query);
		write_script(
		    "while [ $# -gt 0 ]; do case $1 in -E) shift; l=$1;; -E*) l=${1#-E};; "
		    "--) break;; esac; shift; done; echo hostname $l");
		options.ssh_argv = (char **)(uintptr_t)lines[i].argv;
		options.command = options.ssh_argv + (i < 2 ? 4 : 5);
		options.options_end = lines[i].end;
		options.log = file;
		ssh_query_start(&query, &loop, &options, script, false, on_known, &query);
		wait_known();
		have();
		CHECK(ssh_query_take(&query, &config));
		CHECK_BYTES(config.hostname.p, config.hostname.n, "/dev/null");
		end();
	}
}

TEST(an_abandoned_one_says_nothing_and_takes_nothing)
{
	begin("echo hostname new; sleep 30", true);
	have();
	for (int i = 0; i < 20; i++)
		turn();
	CHECK(ssh_query_asks(&query));
	ssh_query_finish(&query);
	CHECK(times == 0 && !ssh_query_asks(&query));
	check_old();
	end();
}

/* Whether a process of this name's file is there. */
static bool
runs(pid_t group)
{
	return kill(-group, 0) == 0 || errno != ESRCH;
}

TEST(one_that_hangs_is_not_waited_for_again)
{
	begin("echo hostname new; sleep 30 & sleep 30; exit 0", true);
	pid_t group = query.pid;
	have();
	CHECK(query.until_us > loop.now_us);
	turn();
	query.until_us = loop.now_us; /* time has passed */
	wait_known();
	check_old();
	/* nor does what the configuration has run stay; init may take a moment to reap it */
	for (int i = 0; i < 5000 && runs(group); i++)
		poll(NULL, 0, 1);
	CHECK(!runs(group));
	end();
}

TEST(at_first_it_is_waited_for)
{
	begin("sleep 0.2; echo hostname new", false);
	CHECK_EQ(query.until_us, 0);
	wait_known();
	CHECK(ssh_query_take(&query, &config));
	end();
}

TEST(what_still_holds_its_output_holds_up_nothing)
{
	begin("echo hostname new; sleep 30 & exit 0", false);
	pid_t group = query.pid;
	wait_known();
	CHECK(ssh_query_take(&query, &config));
	kill(-group, SIGKILL);
	end();
}

static const char defaults[] = "case \"$*\" in *'-F none -- host') echo hostname host; "
			       "echo newword no; %s exit;; esac; echo hostname new; %s";

static bool
is_for_ssh(const char *by_itself, const char *here)
{
	char text[512];
	snprintf(text, sizeof text, defaults, by_itself, here);
	begin(text, false);
	wait_known();
	CHECK(ssh_query_take(&query, &config));
	bool is = config.for_ssh.n > 0;
	end();
	return is;
}

TEST(a_keyword_that_is_not_known_is_compared_with_what_ssh_has_by_itself)
{
	CHECK(!is_for_ssh("", ""));
	CHECK(!is_for_ssh("", "echo newword no"));
	CHECK(is_for_ssh("", "echo newword yes"));
	CHECK(is_for_ssh("", "echo newword no; echo other 1"));
	CHECK(!is_for_ssh("echo other 1;", "echo newword no; echo other 1"));
	CHECK(is_for_ssh("echo other 1;", "echo newword no"));
	/* where that cannot be told, it is ssh's */
	CHECK(is_for_ssh("exit 1;", "echo newword no"));
}
