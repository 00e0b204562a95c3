/* Our stderr is a pipe of the test's while something is passed on. */
#include "autossh/stderr_tee.h"
#include "sys/sys.h"
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static struct loop loop;
static struct stderr_tee tee;
static int ssh, ours, saved;

static void
begin(void)
{
	int from[2], to[2];
	CHECK(pipe(from) == 0 && pipe(to) == 0);
	saved = dup(STDERR_FILENO);
	dup2(to[1], STDERR_FILENO);
	close(to[1]);
	ours = to[0];
	ssh = from[1];
	CHECK_EQ(fcntl(from[0], F_SETFL, O_NONBLOCK), 0);
	CHECK_EQ(fcntl(ours, F_SETFL, O_NONBLOCK), 0);
	loop = (struct loop){ .fds_max = 100 };
	stderr_tee_init(&tee, &loop);
	stderr_tee_begin(&tee, from[0]);
}

static void
turn(void)
{
	for (size_t i = 0; i < loop.n_watches; i++) {
		struct watch *w = loop.watches[i];
		if (w && w->events && w->fd >= 0 && sys_wait(w->fd, w->events, 0))
			w->fn(w->owner, w->events);
	}
}

static void
end(void)
{
	stderr_tee_finish(&tee);
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ours);
	if (ssh >= 0)
		close(ssh);
}

static void
say(const char *text)
{
	CHECK_EQ(write(ssh, text, strlen(text)), strlen(text));
	turn();
}

static const char *
shown(void)
{
	static char text[4096];
	ssize_t n = read(ours, text, sizeof text - 1);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

TEST(what_ssh_says_is_shown_and_remembered)
{
	char line[64];
	begin();
	CHECK(!stderr_tee_last_line(&tee, line, sizeof line));
	say("first\nsecond\r\n");
	CHECK_STR(shown(), "first\nsecond\r\n");
	CHECK_STR(stderr_tee_said(&tee), "first\nsecond\r\n");
	CHECK(stderr_tee_last_line(&tee, line, sizeof line));
	CHECK_STR(line, "second");
	end();
}

TEST(a_line_for_the_log_controls_no_terminal)
{
	char line[64];
	begin();
	say("a\033]2;x\007b\n");
	CHECK(stderr_tee_last_line(&tee, line, sizeof line));
	CHECK_STR(line, "a?]2;x?b");
	end();
}

TEST(only_the_end_of_much_is_remembered)
{
	char word[16];
	begin();
	for (int i = 0; i < 5000; i++) {
		snprintf(word, sizeof word, "%d\n", i);
		say(word);
		(void)shown();
	}
	size_t n = strlen(stderr_tee_said(&tee));
	CHECK(n >= 2048 && n <= 64 * 1024);
	CHECK(strstr(stderr_tee_said(&tee), "4999\n"));
	end();
}

/* Then ssh waits, as it would by itself, and belay does not. */
TEST(a_reader_that_is_stuck_holds_up_nobody_but_ssh)
{
	static char much[1024];
	begin();
	memset(much, 'x', sizeof much);
	CHECK_EQ(fcntl(ssh, F_SETFL, O_NONBLOCK), 0);
	int n = 0;
	for (int idle = 0; idle < 3 && n < 1000; turn()) {
		bool went = write(ssh, much, sizeof much) > 0;
		idle = went ? 0 : idle + 1;
		n += went;
	}
	CHECK(n < 1000); /* both pipes, and what may be held, are full */
	size_t got = 0;
	for (int idle = 0; idle < 3; turn()) {
		size_t more = strlen(shown());
		idle = more ? 0 : idle + 1;
		got += more;
	}
	CHECK_EQ(got, (size_t)n * sizeof much);
	end();
}

TEST(the_rest_is_shown_at_the_end_and_the_next_begins_anew)
{
	int from[2];
	begin();
	CHECK_EQ(write(ssh, "last words", 10), 10);
	stderr_tee_end(&tee);
	CHECK_STR(shown(), "last words");
	CHECK_STR(stderr_tee_said(&tee), "last words");
	CHECK_EQ(pipe(from), 0);
	CHECK_EQ(fcntl(from[0], F_SETFL, O_NONBLOCK), 0);
	close(ssh);
	ssh = from[1];
	stderr_tee_begin(&tee, from[0]);
	CHECK_STR(tee.said.len ? stderr_tee_said(&tee) : "", "");
	say("another");
	CHECK_STR(stderr_tee_said(&tee), "another");
	end();
}
