#include "server/rundir.h"

#include "sys/os.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
hex(const uint8_t *bytes, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

static bool
format_ok(int n)
{
	return n > 0 && n < SESSION_PATH_MAX;
}

/* A directory in the home of its own for each boot: homes may be shared by hosts. */
static bool
home_dir(char ret_dir[SESSION_PATH_MAX])
{
	const char *home = getenv("HOME");
	uint8_t boot[ID_LEN];
	char boot_hex[2 * ID_LEN + 1];
	if (!home || home[0] != '/')
		return false;
	os_boot_id(boot);
	hex(boot, 4, boot_hex);
	return format_ok(snprintf(ret_dir, SESSION_PATH_MAX, "%s/.local/state/belay/%s",
	    home, boot_hex));
}

/* Candidate number i; false behind the last.  *ret_dir is empty if there is none such. */
static bool
candidate(size_t i, char ret_dir[SESSION_PATH_MAX])
{
	static const char *const shared[] = { "/tmp", "/var/tmp", "/dev/shm" };
	const size_t n_shared = sizeof shared / sizeof *shared;
	const char *dir = getenv("BELAY_RUN_DIR");
	ret_dir[0] = 0;
	if (i == 0) {
		if (dir && !format_ok(snprintf(ret_dir, SESSION_PATH_MAX, "%s", dir)))
			ret_dir[0] = 0;
	} else if (i <= n_shared) {
		snprintf(ret_dir, SESSION_PATH_MAX, "%s/belay-%lu", shared[i - 1],
		    (unsigned long)geteuid());
	} else if (!home_dir(ret_dir)) {
		ret_dir[0] = 0;
	}
	return i <= n_shared + 1;
}

static bool
socket_path(const char *dir, const uint8_t id[ID_LEN], char ret_path[SESSION_PATH_MAX])
{
	char name[2 * ID_LEN + 1];
	hex(id, ID_LEN, name);
	return format_ok(snprintf(ret_path, SESSION_PATH_MAX, "%s/%s", dir, name));
}

int
rundir_connect(const uint8_t id[ID_LEN])
{
	char dir[SESSION_PATH_MAX], path[SESSION_PATH_MAX];
	for (size_t i = 0; candidate(i, dir); i++) {
		struct stat st;
		if (!dir[0] || lstat(dir, &st) < 0 || !socket_path(dir, id, path))
			continue;
		int fd = sock_connect(path);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

static int
listen_in(const char *dir, const uint8_t id[ID_LEN], char ret_path[SESSION_PATH_MAX])
{
	if (!socket_path(dir, id, ret_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	sys_make_parents(dir);
	if (sock_private_dir(dir))
		return -1;
	int fd = sock_listen(ret_path);
	if (fd >= 0 || errno != EADDRINUSE)
		return fd;
	int other = sock_connect(ret_path);
	if (other >= 0) {
		close(other);
		errno = EADDRINUSE;
		return -1;
	}
	unlink(ret_path); /* left by a holder that was killed */
	return sock_listen(ret_path);
}

int
rundir_listen(const uint8_t id[ID_LEN], char ret_path[SESSION_PATH_MAX])
{
	char dir[SESSION_PATH_MAX];
	int err = ENOENT;
	for (size_t i = 0; candidate(i, dir); i++) {
		if (!dir[0])
			continue;
		int fd = listen_in(dir, id, ret_path);
		if (fd >= 0 || errno == EADDRINUSE)
			return fd;
		err = errno;
	}
	errno = err;
	return -1;
}
