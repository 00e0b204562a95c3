#include "server/rundir.h"

#include "base/hex.h"
#include "sys/os.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEND_US = 500 * 1000 };

static bool
format_ok(int n)
{
	return n > 0 && n < SESSION_PATH_MAX;
}

/* dir/ID with the first n bytes of the id as digits. */
static bool
join_id(const char *dir, const uint8_t *id, size_t n, char ret_path[SESSION_PATH_MAX])
{
	struct buf name;
	buf_init(&name, 2 * ID_LEN + 1);
	bool ok = hex_put(&name, (struct span){ id, n }) == 0
	    && format_ok(
		snprintf(ret_path, SESSION_PATH_MAX, "%s/%s", dir, buf_str(&name)));
	buf_finish(&name);
	return ok;
}

/* A directory in the home of its own for each boot: homes may be shared by hosts. */
static bool
home_dir(char ret_dir[SESSION_PATH_MAX])
{
	const char *home = getenv("HOME");
	char state[SESSION_PATH_MAX];
	uint8_t boot[ID_LEN];
	if (!home || home[0] != '/')
		return false;
	os_boot_id(boot);
	return format_ok(snprintf(state, sizeof state, "%s/.local/state/belay", home))
	    && join_id(state, boot, 4, ret_dir);
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

int
rundir_connect(const uint8_t id[ID_LEN])
{
	char dir[SESSION_PATH_MAX], path[SESSION_PATH_MAX];
	for (size_t i = 0; candidate(i, dir); i++) {
		struct stat st;
		if (!dir[0] || lstat(dir, &st) < 0 || !join_id(dir, id, ID_LEN, path))
			continue;
		int fd = sock_connect(path);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* False: enough. */
static bool
each_in(const char *dir, bool (*each)(void *owner, int fd), void *owner)
{
	struct stat st;
	if (lstat(dir, &st) < 0 || st.st_uid != geteuid())
		return true;
	DIR *entries = opendir(dir);
	const struct dirent *entry;
	bool more = true;
	while (entries && more && (entry = readdir(entries))) {
		char path[SESSION_PATH_MAX];
		if (strlen(entry->d_name) != 2 * ID_LEN
		    || !format_ok(
			snprintf(path, sizeof path, "%s/%s", dir, entry->d_name)))
			continue;
		int fd = sock_try(path);
		if (fd >= 0)
			more = each(owner, fd);
	}
	if (entries)
		closedir(entries);
	return more;
}

struct mending {
	const uint8_t *id; /* NULL: all */
	uint64_t end_us;
};

/* Asks a holder, which was started with the path of its socket. */
static void
mend(void *owner, pid_t pid, const char *path)
{
	const struct mending *m = owner;
	char own[SESSION_PATH_MAX];
	const char *name = strrchr(path, '/');
	if (m->id
	    && (!join_id("", m->id, ID_LEN, own) || !name || strcmp(name, own) != 0))
		return;
	if (access(path, F_OK) == 0 || kill(pid, RUNDIR_SIGNAL) < 0)
		return;
	while (access(path, F_OK) < 0 && sys_now_us() < m->end_us)
		(void)poll(NULL, 0, 2);
}

void
rundir_mend(const uint8_t *id)
{
	struct mending m = { id, sys_now_us() + MEND_US };
	os_each_process("hold", mend, &m);
}

void
rundir_each(bool (*each)(void *owner, int fd), void *owner)
{
	char dir[SESSION_PATH_MAX];
	rundir_mend(NULL);
	for (size_t i = 0; candidate(i, dir); i++)
		if (dir[0] && !each_in(dir, each, owner))
			return;
}

static int
listen_in(const char *dir, const uint8_t id[ID_LEN], char ret_path[SESSION_PATH_MAX])
{
	if (!join_id(dir, id, ID_LEN, ret_path)) {
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
