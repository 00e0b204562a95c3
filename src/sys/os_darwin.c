#include "base/hex.h"
#include "sys/os.h"
#include "sys/sys.h"

#include <libproc.h>
#include <string.h>
#include <sys/event.h>
#include <sys/sysctl.h>
#include <time.h>
#include <unistd.h>

const clockid_t os_awake_clock = CLOCK_UPTIME_RAW, os_boot_clock = CLOCK_MONOTONIC;

int
os_program_path(char *ret_path, size_t len)
{
	return proc_pidpath(getpid(), ret_path, (uint32_t)len) > 0 ? 0 : -1;
}

void
os_machine_id(uint8_t ret_id[16])
{
	memset(ret_id, 0, 16);
}

void
os_boot_id(uint8_t ret_id[16])
{
	char text[64] = "";
	size_t len = sizeof text - 1;
	if (sysctlbyname("kern.bootsessionuuid", text, &len, NULL, 0) < 0)
		text[0] = 0;
	(void)hex_uuid(text, ret_id);
}

uint64_t
os_process_start(pid_t pid)
{
	struct proc_bsdinfo info;
	int n = proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, (int)sizeof info);
	return n == (int)sizeof info
	    ? info.pbi_start_tvsec * 1000000 + info.pbi_start_tvusec
	    : 0;
}

void
os_process_name(pid_t pid, char *ret_name, size_t len)
{
	ret_name[0] = 0;
	(void)proc_name(pid, ret_name, (uint32_t)len);
}

/* ---- sleep ---- */

/* NOT RUN YET, only compiled: there was no Mac.
 *
 * A timer of a clock that goes on in sleep, again and again: a sleep that outlasts it ends with it.
 * IOKit's notification of a wake-up wants a run loop, and an answer before each sleep, which waits
 * half a minute for a process that is stopped. */
enum { WAKE_S = 15 };

static int
wake_arm(int fd)
{
	struct kevent timer;
	EV_SET(&timer, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT,
	    NOTE_ABSOLUTE | NOTE_SECONDS | NOTE_MACH_CONTINUOUS_TIME, time(NULL) + WAKE_S,
	    NULL);
	return kevent(fd, &timer, 1, NULL, 0, NULL);
}

int
os_wake_open(void)
{
	int fd = kqueue();
	if (fd >= 0 && (sys_cloexec(fd) || wake_arm(fd) < 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void
os_wake_read(int fd)
{
	struct kevent event;
	const struct timespec at_once = { 0 };
	(void)kevent(fd, NULL, 0, &event, 1, &at_once);
	(void)wake_arm(fd);
}
