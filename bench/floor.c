/*
 * What a key costs a process at least that stands between a terminal and ssh: it waits, reads
 * the key, passes it on by a pipe, and its answer back.  No session, no model, no frames.
 *
 *    floor bare COMMAND...       so
 *    floor glyph COMMAND...      and shows each key at once, as a prediction is
 *    floor again COMMAND...      and wakes up once more behind each answer and writes, as a
 *                                client does that acknowledges what it has got
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { LATER_MS = 20, LATER_BYTES = 50 };

static struct termios before;

static void
must(bool ok)
{
	if (!ok)
		_exit(2);
}

static void
raw(void)
{
	struct termios t;
	must(tcgetattr(0, &t) == 0);
	before = t;
	cfmakeraw(&t);
	must(tcsetattr(0, TCSANOW, &t) == 0);
}

/* ssh with its ends in pipes. */
static pid_t
start(char **argv, int fds[2])
{
	int in[2], out[2];
	must(pipe(in) == 0 && pipe(out) == 0);
	pid_t pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		must(dup2(in[0], 0) == 0 && dup2(out[1], 1) == 1);
		close(in[1]);
		close(out[0]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	fds[0] = out[0];
	fds[1] = in[1];
	return pid;
}

static void
pass(int in, int out, bool glyph, bool again)
{
	struct pollfd fds[] = { { .fd = 0, .events = POLLIN },
		{ .fd = in, .events = POLLIN } };
	char bytes[4096] = { 0 };
	int wait_ms = -1, later = open("/dev/null", O_WRONLY);
	for (;;) {
		int ready = poll(fds, 2, wait_ms);
		must(ready >= 0);
		if (ready == 0)
			must(write(later, bytes, LATER_BYTES) == LATER_BYTES);
		wait_ms = -1;
		if (fds[0].revents) {
			ssize_t n = read(0, bytes, sizeof bytes);
			if (n <= 0)
				return;
			if (glyph && n == 1 && bytes[0] >= ' ')
				must(write(1, (char[]){ bytes[0], '\b' }, 2) == 2);
			must(write(out, bytes, (size_t)n) == n);
		}
		if (fds[1].revents) {
			ssize_t n = read(in, bytes, sizeof bytes);
			if (n <= 0)
				return;
			must(write(1, bytes, (size_t)n) == n);
			wait_ms = again ? LATER_MS : -1;
		}
	}
}

int
main(int argc, char **argv)
{
	int fds[2];
	must(argc > 2);
	bool again = strcmp(argv[1], "again") == 0;
	bool glyph = again || strcmp(argv[1], "glyph") == 0;
	raw();
	pid_t pid = start(argv + 2, fds);
	pass(fds[0], fds[1], glyph, again);
	close(fds[1]);
	(void)waitpid(pid, NULL, 0);
	(void)tcsetattr(0, TCSANOW, &before);
	return 0;
}
