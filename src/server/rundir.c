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

enum {
	MEND_US = 500 * 1000,
	YOUNG_S = 60, /* a socket may be made, and not listening yet */
	UNIX_PATH_MAX = 100, /* unix(7) has it at 104 or 108 */
};

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
		if (!dir[0] || !sock_is_private(dir) || !join_id(dir, id, ID_LEN, path))
			continue;
		int fd = sock_connect(path);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

bool
rundir_kept(const char *session_path, char *ret_path, size_t len)
{
	const char *dir = session_path, *name = strrchr(session_path, '/');
	char home[SESSION_PATH_MAX];
	if (!name)
		return false;
	int n = (int)(name - session_path);
	if (!sys_way_is_ours(session_path)) {
		if (!home_dir(home))
			return false;
		sys_make_parents(home);
		if (sock_private_dir(home))
			return false;
		dir = home;
		n = (int)strlen(home);
	}
	n = snprintf(ret_path, len, "%.*s%s.agent", n, dir, name);
	return n > 0 && n < UNIX_PATH_MAX && (size_t)n < len && sys_way_is_ours(ret_path);
}

/* The sockets of a holder that was killed. */
static void
forget(const char *path)
{
	char agent[SESSION_PATH_MAX];
	unlink(path);
	if (format_ok(snprintf(agent, sizeof agent, "%s.agent", path)))
		unlink(agent);
	if (rundir_kept(path, agent, sizeof agent))
		unlink(agent);
}

static bool
is_left_behind(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && sys_wall_s() - (int64_t)st.st_mtime > YOUNG_S
	    && sock_is_stale(path);
}

/* Calls with all sockets in a directory, while it returns true. */
static bool
each_path(const char *dir, bool (*each)(const char *path, const void *key),
    const void *key)
{
	if (!sock_is_private(dir))
		return true;
	DIR *entries = opendir(dir);
	const struct dirent *entry;
	bool more = true;
	while (entries && more && (entry = readdir(entries))) {
		char path[SESSION_PATH_MAX];
		if (strlen(entry->d_name) == 2 * ID_LEN
		    && format_ok(
			snprintf(path, sizeof path, "%s/%s", dir, entry->d_name)))
			more = each(path, key);
	}
	if (entries)
		closedir(entries);
	return more;
}

/* Who is connected with whom. */
struct visit {
	bool (*each)(void *owner, int fd);
	void *owner;
};

static bool
visit(const char *path, const void *key)
{
	const struct visit *v = key;
	int fd = sock_try(path);
	if (fd >= 0)
		return v->each(v->owner, fd);
	if (errno == ECONNREFUSED && is_left_behind(path))
		forget(path);
	return true;
}

/* A sixteenth of the others, by the first digit: a host may have hundreds. */
static bool
sweep(const char *path, const void *key)
{
	const char *own = key;
	size_t digit = strlen(path) - 2 * ID_LEN;
	if (path[digit] == own[digit] && strcmp(path, own) != 0 && is_left_behind(path))
		forget(path);
	return true;
}

static bool
is_socket(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == geteuid();
}

bool
rundir_is_there(const char *session_path)
{
	char dir[SESSION_PATH_MAX], path[SESSION_PATH_MAX];
	const char *name = strrchr(session_path, '/');
	if (!name || name - session_path >= SESSION_PATH_MAX)
		return false;
	snprintf(dir, sizeof dir, "%.*s", (int)(name - session_path), session_path);
	bool there = sock_is_private(dir) && is_socket(session_path);
	for (size_t i = 0; !there && candidate(i, dir); i++)
		there = dir[0] && sock_is_private(dir)
		    && format_ok(snprintf(path, sizeof path, "%s%s", dir, name))
		    && is_socket(path);
	return there;
}

struct mending {
	const uint8_t *id; /* NULL: all */
	uint64_t end_us;
	bool asked, waits;
};

/* Asks or awaits a holder, which was started with the path of its socket. */
static void
mend(void *owner, pid_t pid, const char *path)
{
	struct mending *m = owner;
	char own[SESSION_PATH_MAX];
	const char *name = strrchr(path, '/');
	if (m->id
	    && (!join_id("", m->id, ID_LEN, own) || !name || strcmp(name, own) != 0))
		return;
	if (rundir_is_there(path))
		return;
	if (!m->waits) {
		m->asked |= kill(pid, RUNDIR_SIGNAL) == 0;
		return;
	}
	/* Asked anew each time: who removes sockets may do so again. */
	while (!rundir_is_there(path) && sys_now_us() < m->end_us
	    && kill(pid, RUNDIR_SIGNAL) == 0)
		(void)poll(NULL, 0, 2);
}

void
rundir_mend(const uint8_t *id)
{
	struct mending m = { .id = id, .end_us = sys_now_us() + MEND_US };
	/* All are asked before any is waited for: one may not be able to. */
	os_each_process("hold", mend, &m);
	m.waits = true;
	if (m.asked)
		os_each_process("hold", mend, &m);
}

void
rundir_each(bool (*each)(void *owner, int fd), void *owner)
{
	char dir[SESSION_PATH_MAX];
	struct visit v = { each, owner };
	rundir_mend(NULL);
	for (size_t i = 0; candidate(i, dir); i++)
		if (dir[0] && !each_path(dir, visit, &v))
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
	/* It may have been left by a holder that was killed. */
	if (fd < 0 && errno == EADDRINUSE && sock_is_stale(ret_path)
	    && unlink(ret_path) == 0)
		fd = sock_listen(ret_path);
	if (fd >= 0)
		(void)each_path(dir, sweep, ret_path);
	return fd;
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
