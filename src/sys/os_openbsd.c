#include "sys/os.h"

#include "base/hex.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysctl.h>
#include <unistd.h>

const clockid_t os_awake_clock = CLOCK_UPTIME, os_boot_clock = CLOCK_BOOTTIME;

/* The system does not tell; but the bootstrap and most shells' users start a program that
 * must know by its whole path. */
int
os_program_path(char *ret_path, size_t len)
{
	int name[] = { CTL_KERN, KERN_PROC_ARGS, getpid(), KERN_PROC_ARGV };
	union {
		char *first; /* of pointers into this */
		char bytes[64 * 1024];
	} args;
	size_t size = sizeof args;
	if (sysctl(name, sizeof name / sizeof *name, &args, &size, NULL, 0) < 0
	    || args.first[0] != '/' || strlen(args.first) >= len)
		return -1;
	memcpy(ret_path, args.first, strlen(args.first) + 1);
	return 0;
}

void
os_machine_id(uint8_t ret_id[16])
{
	int name[] = { CTL_HW, HW_UUID };
	char text[64] = "";
	size_t len = sizeof text - 1;
	if (sysctl(name, 2, text, &len, NULL, 0) < 0)
		text[0] = 0;
	(void)hex_uuid(text, ret_id);
}

void
os_boot_id(uint8_t ret_id[16])
{
	memset(ret_id, 0, 16);
}

/* sysctl(2), KERN_PROC_PID */
static bool
process(pid_t pid, struct kinfo_proc *ret)
{
	int name[] = { CTL_KERN, KERN_PROC, KERN_PROC_PID, pid, sizeof *ret, 1 };
	size_t size = sizeof *ret;
	return sysctl(name, sizeof name / sizeof *name, ret, &size, NULL, 0) == 0
	    && size == sizeof *ret;
}

uint64_t
os_process_start(pid_t pid)
{
	struct kinfo_proc p;
	return process(pid, &p) ? p.p_ustart_sec * (uint64_t)1000000 + p.p_ustart_usec
				: 0;
}

void
os_process_name(pid_t pid, char *ret_name, size_t len)
{
	struct kinfo_proc p;
	ret_name[0] = 0;
	if (process(pid, &p))
		snprintf(ret_name, len, "%s", p.p_comm);
}
