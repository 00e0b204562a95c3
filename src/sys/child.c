#include "sys/child.h"

#include "sys/os.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_NO_CHILD = 126 };

static void
default_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			signal(sig, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool
take_stdio(const int stdio[3])
{
	int null = stdio ? -1 : open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		if (dup2(stdio ? stdio[i] : null, i) < 0)
			return false;
	return true;
}

pid_t
child_fork(const int stdio[3], int also)
{
	sigset_t all, before;
	sigfillset(&all);
	/* No handler of ours runs in the child, whose pipe for signals is ours. */
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid != 0) {
		int saved = errno;
		sigprocmask(SIG_SETMASK, &before, NULL);
		errno = saved;
		return pid;
	}
	default_signals();
	if (!take_stdio(stdio)
	    || (also >= 0 && (dup2(also, CHILD_ALSO) < 0 || sys_cloexec(CHILD_ALSO))))
		_exit(STATUS_NO_CHILD);
	os_close_from(also >= 0 ? CHILD_ALSO + 1 : CHILD_ALSO);
	return 0;
}

void
child_says_its_number(void)
{
	char number[32];
	snprintf(number, sizeof number, "%ld", (long)getpid());
	(void)setenv("BELAY_CHILD", number, 1);
}

/* Becomes the program; on failure tells errno to the one who waits for that. */
static void
become(char *const argv[], char *const env[], bool detached)
{
	os_batch(false);
	while (env && *env)
		(void)putenv(*env++);
	child_says_its_number();
	if (detached)
		setsid();
	execvp(argv[0], argv);
	int err = errno;
	(void)sys_write_all(CHILD_ALSO, &err, sizeof err);
	_exit(127);
}

static void
close_pair(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

/* Starts it with these; returns the pid, or -1 with errno. */
static pid_t
start(char *const argv[], char *const env[], bool detached, const int stdio[3])
{
	int report[2], failure = 0;
	if (sys_pipe(report))
		return -1;
	pid_t pid = child_fork(stdio, report[1]);
	if (pid == 0)
		become(argv, env, detached);
	close(report[1]);
	if (pid > 0 && sys_read_all(report[0], &failure, sizeof failure) == 0) {
		waitpid(pid, NULL, 0);
		errno = failure;
		pid = -1;
	}
	failure = errno;
	close(report[0]);
	errno = failure;
	return pid;
}

pid_t
child_start_aside(char *const argv[], char *const env[])
{
	return start(argv, env, true, NULL);
}

pid_t
child_start_beside(char *const argv[], int *ret_err)
{
	int err[2];
	if (sys_pipe(err))
		return -1;
	pid_t pid = start(argv, NULL, false,
	    (int[]){ STDIN_FILENO, STDOUT_FILENO, err[1] });
	int failure = errno;
	close(err[1]);
	if (pid < 0)
		close(err[0]);
	else
		sys_nonblock(err[0]);
	errno = failure;
	*ret_err = pid < 0 ? -1 : err[0];
	return pid;
}

/* Both ends close-on-exec; of a door [1] is the child's.  The child's output comes through
 * one: a pipe takes a page at a time, and wakes its writer for every one, so bulk costs a
 * tenth more of both sides together.  Its input is a pipe, since pages can be lent to one
 * (os_pipe_lend). */
static int
channel(int ret_fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ret_fds) < 0)
		return -1;
	sys_cloexec(ret_fds[0]);
	sys_cloexec(ret_fds[1]);
	return 0;
}

static pid_t
start_piped(char *const argv[], char *const env[], bool detached, bool door,
    int ret_in_out_err[3])
{
	int in[2], out[2], err[2], failure;
	/* What the child has to keep, ssh copies again and again while it grows. */
	const int room = 1024 * 1024;
	if (sys_pipe(in))
		return -1;
	if (channel(out))
		goto no_out;
	(void)setsockopt(out[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	if (door ? channel(err) : sys_pipe(err))
		goto no_err;
	pid_t pid = start(argv, env, detached, (int[]){ in[0], out[1], err[1] });
	if (pid < 0)
		goto no_child;
	close(in[0]);
	close(out[1]);
	close(err[1]);
	sys_nonblock(in[1]);
	sys_nonblock(out[0]);
	sys_nonblock(err[0]);
	ret_in_out_err[0] = in[1];
	ret_in_out_err[1] = out[0];
	ret_in_out_err[2] = err[0];
	return pid;
no_child:
	failure = errno;
	close_pair(err);
	errno = failure;
no_err:
	failure = errno;
	close_pair(out);
	errno = failure;
no_out:
	failure = errno;
	close_pair(in);
	errno = failure;
	return -1;
}

pid_t
child_start(char *const argv[], bool detached, int ret_in_out_err[3])
{
	return start_piped(argv, NULL, detached, false, ret_in_out_err);
}

pid_t
child_start_with_socket(char *const argv[], char *const env[], bool detached,
    int ret_in_out_err[3])
{
	return start_piped(argv, env, detached, true, ret_in_out_err);
}

/* Starts it; what it says can be read from *ret_output. */
static pid_t
begin_run(char *const argv[], int in, bool says, int *ret_output)
{
	int output[2];
	if (sys_pipe(output))
		return -1;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid = null < 0
	    ? -1
	    : child_fork((int[]){ in, says ? output[1] : null, null }, -1);
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (null >= 0)
		close(null);
	close(output[1]);
	*ret_output = output[0];
	if (pid < 0)
		close(output[0]);
	return pid;
}

static int
end_run(pid_t pid, int output, struct buf *out)
{
	int status;
	while (out && sys_read_into(output, out, out->max - out->len) > 0)
		continue;
	close(output);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1; /* somebody else has waited for it */
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
child_run(char *const argv[], struct span in, struct buf *out)
{
	int input[2], output;
	if (sys_pipe(input))
		return -1;
	pid_t pid = begin_run(argv, input[0], out, &output);
	close(input[0]);
	if (pid > 0)
		(void)sys_write_all(input[1], in.p,
		    in.n); /* little: it fits into the pipe */
	close(input[1]);
	return pid > 0 ? end_run(pid, output, out) : -1;
}

int
child_run_on(char *const argv[], int in, struct buf *out)
{
	int output;
	pid_t pid = begin_run(argv, in, out, &output);
	return pid > 0 ? end_run(pid, output, out) : -1;
}

bool
child_ended(pid_t pid, int *ret_status)
{
	return waitpid(pid, ret_status, WNOHANG) == pid;
}
