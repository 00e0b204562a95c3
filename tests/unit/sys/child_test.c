#define _GNU_SOURCE 1
#include "sys/child.h"

#include "sys/sys.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { MANY = 500 };

static int
status_of(pid_t pid)
{
	int status;
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
open_many(int first, bool close_them)
{
	for (int fd = first; fd < MANY; fd++)
		if (close_them)
			close(fd);
		else
			CHECK(dup2(STDERR_FILENO, fd) == fd); /* stays open over exec */
}

/* How many are open, in the child. */
static int
count_open(void)
{
	int n = 0;
	for (int fd = 0; fd < 2 * MANY; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

TEST(a_child_has_what_it_is_given_and_nothing_else)
{
	int pipes[2];
	CHECK(sys_pipe(pipes) == 0);
	open_many(10, false);
	pid_t pid = child_fork((int[]){ 0, pipes[1], 2 }, -1);
	if (pid == 0)
		_exit(count_open() == 3 && write(1, "x", 1) == 1 ? 0 : 1);
	char byte = 0;
	CHECK_EQ(status_of(pid), 0);
	CHECK(read(pipes[0], &byte, 1) == 1 && byte == 'x');
	pid = child_fork(NULL, pipes[1]);
	if (pid == 0)
		_exit(count_open() == 4 && read(0, &byte, 1) == 0
			    && write(CHILD_ALSO, "y", 1) == 1
			    && (fcntl(CHILD_ALSO, F_GETFD) & FD_CLOEXEC)
			? 0
			: 1);
	CHECK_EQ(status_of(pid), 0);
	CHECK(read(pipes[0], &byte, 1) == 1 && byte == 'y');
	open_many(10, true);
	close(pipes[0]);
	close(pipes[1]);
}

static void
no_handler(int sig)
{
	(void)sig;
}

TEST(its_signals_are_as_a_program_expects_them)
{
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, no_handler);
	CHECK(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
	pid_t pid = child_fork(NULL, -1);
	if (pid == 0) {
		sigset_t now;
		sigprocmask(SIG_BLOCK, NULL, &now);
		for (int sig = 1; sig < NSIG; sig++)
			if (sigismember(&now, sig) == 1)
				_exit(1);
		raise(SIGHUP);
		_exit(2);
	}
	CHECK_EQ(status_of(pid), -SIGHUP);
	CHECK(sigprocmask(SIG_UNBLOCK, &blocked, NULL) == 0);
	signal(SIGHUP, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

TEST(programs_are_started_with_three_descriptors)
{
	static char *const argv[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
		(char *)(uintptr_t) "for fd in /dev/fd/*; do [ -e $fd ] && echo ${fd##*/}; done; :",
		NULL };
	char said[64] = { 0 };
	int fds[3];
	struct buf out;
	open_many(10, false);
	buf_init(&out, sizeof said);
	CHECK_EQ(child_run(argv, (struct span){ 0 }, &out), 0);
	CHECK_STR(buf_str(&out), "0\n1\n2\n");
	buf_finish(&out);
	pid_t pid = child_start(argv, true, fds);
	CHECK(pid > 0);
	for (size_t n = 0; n < sizeof said - 1 && sys_wait(fds[1], POLLIN, 10000);) {
		ssize_t got = read(fds[1], said + n, sizeof said - 1 - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	CHECK_EQ(status_of(pid), 0);
	CHECK_STR(said, "0\n1\n2\n");
	open_many(10, true);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

TEST(a_program_reads_from_a_descriptor)
{
	static char *const argv[] = { (char *)(uintptr_t) "cat", NULL };
	struct buf out;
	FILE *in = tmpfile();
	CHECK(in && fputs("not this", in) > 0 && fflush(in) == 0);
	CHECK_EQ(lseek(fileno(in), 4, SEEK_SET), 4);
	buf_init(&out, 64);
	CHECK_EQ(child_run_on(argv, fileno(in), &out), 0);
	CHECK_STR(buf_str(&out), "this");
	buf_finish(&out);
	fclose(in);
}

TEST(one_that_is_not_there_is_told)
{
	static char *const argv[] = { (char *)(uintptr_t) "/nowhere/program", NULL };
	int fds[3];
	CHECK(child_start(argv, false, fds) < 0);
	CHECK_EQ(errno, ENOENT);
	CHECK_EQ(child_run(argv, (struct span){ 0 }, NULL), 127);
}
