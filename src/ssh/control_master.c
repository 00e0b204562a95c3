#include "ssh/control_master.h"

#include "sys/sock.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { CONTROL_PATH_MAX = 256 };

/* False: it does not fit, or is no path of a file here. */
static bool
control_path(const struct ssh_config *c, char ret_path[CONTROL_PATH_MAX])
{
	int n = snprintf(ret_path, CONTROL_PATH_MAX, "%.*s", (int)c->control_path.n,
	    (const char *)c->control_path.p);
	return n < CONTROL_PATH_MAX && ret_path[0] == '/';
}

bool
control_master_shares(const struct ssh_config *c)
{
	char path[CONTROL_PATH_MAX];
	if (!c->control_path.n)
		return false;
	return c->control_persist || !control_path(c, path) || access(path, F_OK) == 0;
}

bool
control_master_listens(const struct ssh_config *c)
{
	char path[CONTROL_PATH_MAX];
	if (!c->control_path.n || !control_path(c, path))
		return false;
	int fd = sock_connect_any(path);
	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno == EAGAIN; /* its queue is full: ssh would wait */
}

/* PROTOCOL.mux: a hello of version 4, and the request to end, each behind its length. */
int
control_master_end(const char *path)
{
	static const uint8_t hello[] = { 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 4 },
			     terminate[] = { 0, 0, 0, 8, 0x10, 0, 0, 5, 0, 0, 0, 0 };
	int fd = sock_try(path);
	if (fd < 0)
		return -1;
	(void)sys_write_both(fd, (struct span){ hello, sizeof hello },
	    (struct span){ terminate, sizeof terminate });
	return fd;
}
