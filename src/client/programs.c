#include "client/programs.h"

#include "sys/os.h"
#include "sys/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
same_file(const char *path, const struct stat *other)
{
	struct stat st;
	return stat(path, &st) == 0 && st.st_dev == other->st_dev
	    && st.st_ino == other->st_ino;
}

int
programs_ssh(char ret_path[PROGRAM_PATH_MAX])
{
	const char *named = getenv("BELAY_SSH"), *path = getenv("PATH");
	char self[PROGRAM_PATH_MAX];
	struct stat self_st = { 0 };
	if (named && named[0]) {
		snprintf(ret_path, PROGRAM_PATH_MAX, "%s", named);
		return access(ret_path, X_OK);
	}
	if (os_program_path(self, sizeof self) == 0)
		(void)stat(self, &self_st);
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

static bool
read_server(const char *dir, const char *os, const char *machine, struct buf *raw,
    struct buf *gz)
{
	char path[2 * PROGRAM_PATH_MAX];
	snprintf(path, sizeof path, "%s/%s-%s", dir, os, machine);
	if (sys_read_file(path, raw))
		return false;
	snprintf(path, sizeof path, "%s/%s-%s.gz", dir, os, machine);
	if (sys_read_file(path, gz))
		buf_drop(gz, gz->len);
	return true;
}

int
programs_server(const char *os, const char *machine, struct buf *raw, struct buf *gz)
{
	static const char *const beside[] = { "servers", "../lib/belay/servers" };
	const char *named = getenv("BELAY_SERVERS");
	char self[PROGRAM_PATH_MAX], dir[2 * PROGRAM_PATH_MAX];
	if (!plain_word(os) || !plain_word(machine))
		return -1;
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
