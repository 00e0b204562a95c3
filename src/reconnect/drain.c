#include "reconnect/drain.h"

#include "sys/child.h"
#include "sys/sys.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { LAST_MS = 10000 }; /* ssh ends within this */

__attribute__((noreturn)) static void
wait_and_drain(void)
{
	char bytes[4096];
	setsid(); /* what ends a job of the terminal is for its members */
	while (read(STDIN_FILENO, bytes, sizeof bytes) > 0)
		;
	while (sys_wait(CHILD_ALSO, POLLIN, LAST_MS)
	    && read(CHILD_ALSO, bytes, sizeof bytes) > 0)
		;
	_exit(0);
}

void
drain_start(struct drain *d, int ssh_stdout)
{
	int ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	drain_stop(d);
	if (null < 0 || pipe(ends) < 0) {
		if (null >= 0)
			close(null);
		return;
	}
	sys_cloexec(ends[0]);
	sys_cloexec(ends[1]);
	pid_t pid = child_fork((int[]){ ends[0], null, null }, ssh_stdout);
	if (pid == 0)
		wait_and_drain();
	close(null);
	close(ends[0]);
	if (pid < 0)
		close(ends[1]);
	else
		*d = (struct drain){ pid, ends[1] };
}

void
drain_stop(struct drain *d)
{
	if (d->end)
		close(d->end);
	d->end = 0;
}

void
drain_reap(struct drain *d)
{
	int status;
	if (d->pid > 0 && child_ended(d->pid, &status))
		d->pid = 0;
}
