#include "base/hex.h"
#include "sys/os.h"

#include <libproc.h>
#include <string.h>
#include <sys/sysctl.h>
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
