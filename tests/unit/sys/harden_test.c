#include "sys/os.h"
#include "sys/sys.h"

#include "test.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { FINE, NOT_SO, NO_FILTERS = 77 };

static int
end_of(int (*in_child)(void))
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(in_child());
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Each of them fails otherwise when there is no filter. */
static bool
is_denied(void)
{
	return syscall(SYS_keyctl, 9999) < 0 && errno == EPERM
	    && syscall(SYS_unshare, -1L) < 0 && errno == EPERM
	    && syscall(SYS_add_key, NULL, NULL, NULL, 0, 0) < 0 && errno == EPERM
	    && syscall(SYS_umount2, "/nowhere", -1) < 0 && errno == EPERM;
}

static int
renounces(void)
{
	if (!os_renounce())
		return NO_FILTERS;
	return is_denied() && sys_now_us() ? FINE : NOT_SO;
}

static int
starts_others(void)
{
	if (!os_renounce())
		return NO_FILTERS;
	pid_t pid = fork();
	int status = -1;
	if (pid == 0) {
		if (!is_denied())
			_exit(NOT_SO);
		execl("/bin/sh", "sh", "-c", "echo it works | grep -q works", (char *)NULL);
		_exit(NOT_SO);
	}
	return waitpid(pid, &status, 0) == pid && status == 0 ? FINE : NOT_SO;
}

static int
hides(void)
{
	os_hide();
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? FINE : NOT_SO;
}

TEST(calls_that_are_renounced)
{
	int end = end_of(renounces);
	if (end == NO_FILTERS)
		SKIP("no filters of system calls here");
	CHECK_EQ(end, FINE);
	CHECK_EQ(syscall(SYS_keyctl, 9999), -1);
	CHECK(errno != EPERM);
}

TEST(what_is_started_later)
{
	int end = end_of(starts_others);
	if (end == NO_FILTERS)
		SKIP("no filters of system calls here");
	CHECK_EQ(end, FINE);
}

TEST(what_is_hidden)
{
	CHECK_EQ(end_of(hides), FINE);
}
