/* `open`, on a pseudo-terminal of the test's, with a session in another process (holder.h). */
#include "server/holder.h"

#include "server/open.h"

#include <stdlib.h>
#include <sys/ioctl.h>

static struct visit v;
static pid_t pid;
static int screen; /* the other end of its terminal */
static char shown[64 * 1024];
static size_t n;

static void
begin(const char *command)
{
	struct msg_hello m = visit_hello(command);
	unsetenv("BELAY_SESSION");
	holder_begin();
	m.kind = KIND_PTY;
	visit_begin(&v, &m);
	visit_until(&v, VISIT_WELCOME);
}

/* As `ssh -t HOST .cache/belay/open` has it run. */
static void
start(const char *which, bool read_only)
{
	struct open_plan plan = { .which = which, .read_only = read_only };
	struct winsize size = { .ws_row = 10, .ws_col = 40 };
	screen = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK(screen >= 0 && grantpt(screen) == 0 && unlockpt(screen) == 0);
	CHECK_EQ(ioctl(screen, TIOCSWINSZ, &size), 0);
	n = 0;
	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		test_ends_too();
		setsid();
		int tty = open(ptsname(screen), O_RDWR);
		for (int fd = 0; fd < 3; fd++)
			dup2(tty, fd);
		for (int fd = 3; fd < 100; fd++)
			close(fd);
		_exit(open_main(&plan));
	}
}

static void
look(void)
{
	if (!sys_wait(screen, POLLIN, 5))
		return;
	ssize_t got = read(screen, shown + n, sizeof shown - 1 - n);
	n += got > 0 ? (size_t)got : 0;
	shown[n] = 0;
}

static void
until_shown(const char *text)
{
	uint64_t end_us = sys_now_us() + HOLDER_PATIENCE_US;
	shown[n] = 0;
	while (!strstr(shown, text) && sys_now_us() < end_us) {
		look();
		if (v.state < VISIT_BYE)
			visit_turn(&v);
	}
	if (!strstr(shown, text))
		FAIL("\"%s\" is not shown: \"%s\"", text, shown);
}

static void
type(const char *keys)
{
	CHECK_EQ(write(screen, keys, strlen(keys)), strlen(keys));
}

static int
status(void)
{
	int how;
	uint64_t end_us = sys_now_us() + HOLDER_PATIENCE_US;
	while (waitpid(pid, &how, WNOHANG) == 0) {
		CHECK(sys_now_us() < end_us);
		look();
		if (v.state < VISIT_BYE)
			visit_turn(&v);
	}
	return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static void
end(void)
{
	close(screen);
	visit_end(&v);
	if (holder)
		CHECK_EQ(kill(holder, SIGTERM), 0);
	holder_end();
}

static const char program[] = "stty raw -echo; echo ready; while read line; do "
			      "test \"$line\" = q && exit 7; echo \"got $line\"; done";

TEST(a_session_is_come_to_typed_into_and_left)
{
	begin(program);
	visit_until_says(&v, "ready");
	start("02", false);
	until_shown("ready"); /* what stands on its screen */
	type("one\n");
	until_shown("got one");
	type("~.");
	CHECK_EQ(status(), 0);
	end();
}

TEST(a_tilde_twice_is_one)
{
	begin(program);
	visit_until_says(&v, "ready");
	start("02", false);
	until_shown("ready");
	type("~~x\n");
	until_shown("got ~x");
	type("~.");
	CHECK_EQ(status(), 0);
	end();
}

TEST(the_program_s_end_is_its_status)
{
	begin(program);
	visit_until_says(&v, "ready");
	start("02", false);
	until_shown("ready");
	type("q\n");
	CHECK_EQ(status(), 7);
	end();
}

TEST(who_was_there_is_sent_away)
{
	begin(program);
	visit_until_says(&v, "ready");
	start("02", false);
	until_shown("ready");
	visit_until(&v, VISIT_BYE);
	CHECK_EQ(v.code, BYE_TAKEN);
	type("~.");
	CHECK_EQ(status(), 0);
	end();
}

TEST(who_only_looks_on_types_nothing)
{
	begin(program);
	visit_until_says(&v, "ready");
	start("02", true);
	until_shown("ready");
	type("one\n");
	visit_type(&v, "two\n");
	until_shown("got two");
	CHECK(!strstr(shown, "got one"));
	type("~.");
	CHECK_EQ(status(), 0);
	end();
}

TEST(what_is_not_there_is_said)
{
	begin(program);
	start("nothing", false);
	until_shown("nothing: no session of that name");
	CHECK_EQ(status(), 255);
	end();
}

TEST(a_session_that_is_ended_meanwhile_is_lost)
{
	begin(program);
	visit_until_says(&v, "ready");
	start("02", false);
	until_shown("ready");
	CHECK_EQ(kill(holder, SIGTERM), 0);
	CHECK_EQ(status(), 255);
	end();
}
