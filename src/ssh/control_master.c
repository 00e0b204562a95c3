#include "ssh/control_master.h"

#include "sys/sock.h"

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
