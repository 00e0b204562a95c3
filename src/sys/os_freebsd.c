#include "sys/os.h"

#include "base/hex.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysctl.h>
#include <sys/user.h>
#include <unistd.h>

/* No clock counts a sleep but the time of day; if that is set, we only look once too often. */
const clockid_t os_awake_clock = CLOCK_UPTIME, os_boot_clock = CLOCK_REALTIME;

int
os_program_path(char *ret_path, size_t len)
{
	int name[] = { CTL_KERN, KERN_PROC, KERN_PROC_PATHNAME, -1 };
	return sysctl(name, sizeof name / sizeof *name, ret_path, &len, NULL, 0);
}

void
os_machine_id(uint8_t ret_id[16])
{
	char text[64] = "";
	size_t len = sizeof text - 1;
	if (sysctlbyname("kern.hostuuid", text, &len, NULL, 0) < 0)
		text[0] = 0;
	(void)hex_uuid(text, ret_id);
}

void
os_boot_id(uint8_t ret_id[16])
{
	memset(ret_id, 0, 16);
}

/* sysctl(3), KERN_PROC_PID */
static bool
process(pid_t pid, struct kinfo_proc *ret)
{
	int name[] = { CTL_KERN, KERN_PROC, KERN_PROC_PID, pid };
	size_t size = sizeof *ret;
	return sysctl(name, sizeof name / sizeof *name, ret, &size, NULL, 0) == 0
	    && size == sizeof *ret;
}

uint64_t
os_process_start(pid_t pid)
{
	struct kinfo_proc p;
	return process(pid, &p)
	    ? (uint64_t)p.ki_start.tv_sec * 1000000 + (uint64_t)p.ki_start.tv_usec
	    : 0;
}

void
os_process_name(pid_t pid, char *ret_name, size_t len)
{
	struct kinfo_proc p;
	ret_name[0] = 0;
	if (process(pid, &p))
		snprintf(ret_name, len, "%s", p.ki_comm);
}
