#include "ssh/programs.h"

#include "sys/child.h"
#include "sys/os.h"
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { UNPACK_CHUNK = 64 * 1024 };

static bool
same_file(const char *path, const struct stat *other)
{
	struct stat st;
	return stat(path, &st) == 0 && st.st_dev == other->st_dev
	    && st.st_ino == other->st_ino;
}

/* A script called ssh may run us, and we that script.  Below an ssh of ours there may be
 * another of us (a ProxyCommand), but not many. */
static bool
calls_itself(void)
{
	enum { DEPTH_MAX = 4 };
	const char *told = getenv("BELAY_DEPTH");
	char depth[2] = { told && *told >= '0' && *told < '9' ? (char)(*told + 1) : '1',
		0 };
	(void)setenv("BELAY_DEPTH", depth, 1);
	return depth[0] > '0' + DEPTH_MAX;
}

int
programs_ssh(char ret_path[PROGRAM_PATH_MAX])
{
	const char *named = getenv("BELAY_SSH"), *path = getenv("PATH");
	char self[PROGRAM_PATH_MAX];
	struct stat self_st = { 0 };
	if (calls_itself())
		return -1;
	if (os_program_path(self, sizeof self) == 0)
		(void)stat(self, &self_st);
	if (named && named[0]) {
		snprintf(ret_path, PROGRAM_PATH_MAX, "%s", named);
		return access(ret_path, X_OK) || same_file(ret_path, &self_st) ? -1 : 0;
	}
	for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
		size_t n = strcspn(p, ":");
		int len = snprintf(ret_path, PROGRAM_PATH_MAX, "%.*s/ssh", (int)n,
		    n ? p : ".");
		if (len < PROGRAM_PATH_MAX && access(ret_path, X_OK) == 0
		    && !same_file(ret_path, &self_st))
			return 0;
		p += n + (p[n] == ':');
	}
	return -1;
}

/* The name comes from the host: it must not lead out of the directory. */
static bool
plain_word(const char *s)
{
	return s[0] && s[0] != '.' && !strchr(s, '/');
}

/* What uname(1) says of machines that one server is for. */
static const struct {
	const char *machine, *server;
} other_names[] = {
	{ "i486", "i386" },
	{ "i586", "i386" },
	{ "i686", "i386" },
	{ "armv5tel", "armv6l" },
	{ "armv5tejl", "armv6l" },
	{ "armv8l", "armv7l" },
};

static const char *
server_machine(const char *machine)
{
	for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++)
		if (strcmp(other_names[i].machine, machine) == 0)
			return other_names[i].server;
	return machine;
}

/* For a host that cannot do it itself: its program goes as it is. */
static int
unpack(char *path, struct buf *raw)
{
	char gzip[] = "gzip", options[] = "-dc";
	char *argv[] = { gzip, options, path, NULL };
	int fds[3], status;
	pid_t pid = child_start(argv, false, fds);
	if (pid < 0)
		return -1;
	close(fds[0]);
	do
		(void)sys_wait(fds[1], POLLIN, -1);
	while (raw->len + UNPACK_CHUNK <= raw->max
	    && sys_read_into(fds[1], raw, UNPACK_CHUNK) >= 0);
	close(fds[1]);
	close(fds[2]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status == 0 && raw->len ? 0 : -1;
}

static bool
read_server(const char *dir, const char *os, const char *machine, struct buf *raw,
    struct buf *gz)
{
	char plain[2 * PROGRAM_PATH_MAX], packed[2 * PROGRAM_PATH_MAX];
	snprintf(plain, sizeof plain, "%s/%s-%s", dir, os, machine);
	snprintf(packed, sizeof packed, "%s/%s-%s.gz", dir, os, machine);
	bool is_packed = sys_read_file(packed, gz) == 0;
	if (!is_packed)
		buf_drop(gz, gz->len);
	return sys_read_file(plain, raw) == 0 || (is_packed && unpack(packed, raw) == 0);
}

int
programs_server(const char *os, const char *machine, struct buf *raw, struct buf *gz)
{
	static const char *const beside[] = { "servers", "../lib/belay/servers" };
	const char *named = getenv("BELAY_SERVERS");
	char self[PROGRAM_PATH_MAX], dir[2 * PROGRAM_PATH_MAX];
	if (!plain_word(os) || !plain_word(machine))
		return -1;
	machine = server_machine(machine);
	if (named && named[0])
		return read_server(named, os, machine, raw, gz) ? 0 : -1;
	if (os_program_path(self, sizeof self) == 0) {
		char *slash = strrchr(self, '/');
		if (slash)
			*slash = 0;
		for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
			snprintf(dir, sizeof dir, "%s/%s", self, beside[i]);
			if (read_server(dir, os, machine, raw, gz))
				return 0;
		}
	}
	return read_server(BELAY_LIBDIR "/servers", os, machine, raw, gz) ? 0 : -1;
}
