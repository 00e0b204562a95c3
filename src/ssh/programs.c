#include "ssh/programs.h"

#include "sys/child.h"
#include "sys/os.h"
#include "sys/sys.h"

#include <fcntl.h>
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

/* Below an ssh of ours there may be another of us (a ProxyCommand), but not many. */
static bool
is_too_deep(void)
{
	enum { DEPTH_MAX = 4 };
	const char *told = getenv("BELAY_DEPTH");
	char depth[2] = { told && *told >= '0' && *told < '9' ? (char)(*told + 1) : '1',
		0 };
	(void)setenv("BELAY_DEPTH", depth, 1);
	return depth[0] > '0' + DEPTH_MAX;
}

static bool
is_script(const char *path)
{
	char begin[2] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is = fd >= 0 && read(fd, begin, sizeof begin) == (ssize_t)sizeof begin
	    && begin[0] == '#' && begin[1] == '!';
	if (fd >= 0)
		close(fd);
	return is;
}

/* Whether another belay has started us as its ssh, by way of a script: we have become what it
 * started, or are started by that. */
static bool
is_in_place_of_ssh(const char *tried)
{
	const char *child = getenv("BELAY_CHILD");
	char first[PROGRAM_PATH_MAX];
	long started = child ? strtol(child, NULL, 10) : 0;
	snprintf(first, sizeof first, "%.*s", (int)strcspn(tried, ":"), tried);
	if (!is_script(first))
		return false;
	return started == (long)getpid() || started == (long)getppid();
}

static bool
is_tried(const char *tried, const char *path)
{
	size_t len = strlen(path);
	for (; *tried; tried += tried[strcspn(tried, ":")] == ':') {
		size_t n = strcspn(tried, ":");
		if (n == len && memcmp(tried, path, n) == 0)
			return true;
		tried += n;
	}
	return false;
}

static bool
is_ssh(const char *path, const struct stat *self, const char *tried)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0
	    && !same_file(path, self) && !is_tried(tried, path);
}

/* Number i of the places to look in; false: there is none. */
static bool
ssh_place(const char **path, char ret[PROGRAM_PATH_MAX])
{
	while (**path) {
		size_t n = strcspn(*path, ":");
		int len = snprintf(ret, PROGRAM_PATH_MAX, "%.*s/ssh", n ? (int)n : 1,
		    n ? *path : ".");
		*path += n + ((*path)[n] == ':');
		if (len < PROGRAM_PATH_MAX)
			return true;
	}
	return false;
}

static bool
find_ssh(const char *tried, char ret_path[PROGRAM_PATH_MAX])
{
	const char *named = getenv("BELAY_SSH"), *path = getenv("PATH");
	char self[PROGRAM_PATH_MAX];
	struct stat self_st = { 0 };
	if (os_program_path(self, sizeof self) == 0)
		(void)stat(self, &self_st);
	if (named && named[0] && !is_tried(tried, named)) {
		snprintf(ret_path, PROGRAM_PATH_MAX, "%s", named);
		return is_ssh(ret_path, &self_st, "");
	}
	path = path ? path : "/usr/bin:/bin";
	while (ssh_place(&path, ret_path))
		if (is_ssh(ret_path, &self_st, tried))
			return true;
	return false;
}

int
programs_ssh(char ret_path[PROGRAM_PATH_MAX], bool *ret_in_place)
{
	const char *told = getenv("BELAY_TRIED");
	char tried[2 * PROGRAM_PATH_MAX] = "", all[3 * PROGRAM_PATH_MAX];
	*ret_in_place = told && is_in_place_of_ssh(told);
	if (*ret_in_place)
		snprintf(tried, sizeof tried, "%s", told);
	if (is_too_deep() || !find_ssh(tried, ret_path))
		return -1;
	snprintf(all, sizeof all, "%s%s%s", tried, tried[0] ? ":" : "", ret_path);
	(void)setenv("BELAY_TRIED", all, 1);
	return 0;
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

/* ---- where the servers are ---- */

enum { PLACES = 3 };

/* The directories to look in, best first; returns how many.  `named`: the user has said it. */
static size_t
places(char ret[PLACES][PROGRAM_PATH_MAX], bool *named)
{
	static const char *const beside[] = { "servers", "../lib/belay/servers" };
	const char *told = getenv("BELAY_SERVERS");
	char self[PROGRAM_PATH_MAX];
	size_t n = 0;
	*named = told && told[0];
	if (*named) {
		snprintf(ret[0], PROGRAM_PATH_MAX, "%s", told);
		return 1;
	}
	if (os_program_path(self, sizeof self) == 0) {
		char *slash = strrchr(self, '/');
		if (slash)
			*slash = 0;
		for (; n < sizeof beside / sizeof *beside; n++)
			if (snprintf(ret[n], PROGRAM_PATH_MAX, "%s/%s", self, beside[n])
			    >= PROGRAM_PATH_MAX)
				ret[n][0] = 0;
	}
	snprintf(ret[n], PROGRAM_PATH_MAX, "%s/servers", BELAY_LIBDIR);
	return n + 1;
}

/* False: the name would lead elsewhere. */
static bool
name_of(const char *os, const char *machine, char ret_name[SERVER_NAME_MAX])
{
	int n = snprintf(ret_name, SERVER_NAME_MAX, "%s-%s", os, server_machine(machine));
	return plain_word(os) && plain_word(machine) && n < SERVER_NAME_MAX;
}

static int
open_server(const char *dir, const char *name, const char *end)
{
	char path[2 * PROGRAM_PATH_MAX];
	snprintf(path, sizeof path, "%s/%s%s", dir, name, end);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* ---- reading them ---- */

/* For a host that cannot do it itself: its program goes as it is. */
static bool
unpack(int fd, struct buf *raw)
{
	char gzip[] = "gzip", options[] = "-dc";
	char *argv[] = { gzip, options, NULL };
	buf_drop(raw, raw->len);
	return lseek(fd, 0, SEEK_SET) == 0 && child_run_on(argv, fd, raw) == 0
	    && raw->len;
}

static bool
read_file(int fd, struct buf *b)
{
	enum { CHUNK = 16 * 1024 };
	buf_drop(b, b->len);
	if (lseek(fd, 0, SEEK_SET) != 0)
		return false;
	while (b->max - b->len >= CHUNK && sys_read_into(fd, b, CHUNK) > 0)
		continue;
	return b->len && b->max - b->len >= CHUNK;
}

static bool
read_server(const char *dir, const char *name, struct buf *raw, struct buf *gz)
{
	int packed = open_server(dir, name, ".gz"), plain = open_server(dir, name, "");
	bool has_packed = packed >= 0 && read_file(packed, gz);
	if (!has_packed)
		buf_drop(gz, gz->len);
	bool has = (plain >= 0 && read_file(plain, raw))
	    || (has_packed && unpack(packed, raw));
	if (packed >= 0)
		close(packed);
	if (plain >= 0)
		close(plain);
	return has;
}

/* The server says which build it is of (--build), so that this stands in it. */
static bool
is_of_this_build(struct buf *raw)
{
	static const char build[] = BELAY_BUILD;
	const uint8_t *p = buf_bytes(raw), *end = p + raw->len;
	while ((p = memchr(p, build[0], (size_t)(end - p)))) {
		if ((size_t)(end - p) < sizeof build - 1)
			return false;
		if (memcmp(p, build, sizeof build - 1) == 0)
			return true;
		p++;
	}
	return false;
}

/* ---- keeping one ---- */

void
programs_keep(struct programs_kept *k, const char *os, const char *machine)
{
	char dirs[PLACES][PROGRAM_PATH_MAX];
	bool named;
	size_t n = places(dirs, &named);
	if (k->fd || !name_of(os, machine, k->name))
		return;
	for (size_t i = 0; i < 2 * n && !k->fd; i++) {
		k->packed = i % 2 == 0;
		int fd = open_server(dirs[i / 2], k->name, k->packed ? ".gz" : "");
		k->fd = fd < 0 ? 0 : fd;
	}
}

void
programs_drop(struct programs_kept *k)
{
	if (k->fd)
		close(k->fd);
	*k = (struct programs_kept){ 0 };
}

static bool
read_kept(const struct programs_kept *k, const char *name, struct buf *raw,
    struct buf *gz)
{
	buf_drop(gz, gz->len);
	if (!k || !k->fd || strcmp(k->name, name) != 0)
		return false;
	return k->packed ? read_file(k->fd, gz) && unpack(k->fd, raw)
			 : read_file(k->fd, raw);
}

int
programs_server(const struct programs_kept *k, const char *os, const char *machine,
    struct buf *raw, struct buf *gz)
{
	char dirs[PLACES][PROGRAM_PATH_MAX], name[SERVER_NAME_MAX];
	bool named;
	size_t n = places(dirs, &named);
	if (!name_of(os, machine, name))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (read_server(dirs[i], name, raw, gz)
		    && (named || is_of_this_build(raw)))
			return 0;
	return read_kept(k, name, raw, gz) && (named || is_of_this_build(raw)) ? 0 : -1;
}
