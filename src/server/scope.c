#include "server/scope.h"

#include "base/buf.h"
#include "sys/child.h"
#include "sys/sys.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOGIND "org.freedesktop.login1"
#define MANAGER "org.freedesktop.systemd1"

enum {
	FILE_MAX = 64 * 1024,
	PATH_MAX_LEN = 512,
	MOVE_MS = 1000, /* how long the manager may take to move us */
	LOOK_MS = 5,
};

/* A file of the system, below $BELAY_ROOT in tests; "" if it is not there. */
static const char *
read_file(const char *path, struct buf *b)
{
	char full[PATH_MAX_LEN];
	const char *root = getenv("BELAY_ROOT"), *text;
	buf_drop(b, b->len);
	snprintf(full, sizeof full, "%s%s", root ? root : "", path);
	return sys_read_file(full, b) == 0 && (text = buf_str(b)) ? text : "";
}

static bool
in_login(struct buf *b)
{
	const char *scope = strstr(read_file("/proc/self/cgroup", b), "/session-");
	return scope && strstr(scope, ".scope");
}

/* ---- logind's configuration ---- */

struct setting {
	bool yes; /* a file says so */
	bool no; /* a file says so, or the vendor's in a comment: it is the default */
};

static void
look(const char *path, struct buf *b, struct setting *s)
{
	static const char key[] = "KillUserProcesses=";
	const char *text = read_file(path, b);
	for (const char *at = text; (at = strstr(at, key)); at++) {
		const char *value = at + sizeof key - 1;
		bool active = at == text || at[-1] == '\n';
		bool yes = (*value && strchr("yYtT1", *value)) || strncmp(value, "on", 2) == 0;
		s->yes |= yes && active;
		s->no |= !yes;
	}
}

static void
look_in(const char *dir, struct buf *b, struct setting *s)
{
	char path[PATH_MAX_LEN];
	const char *root = getenv("BELAY_ROOT");
	const struct dirent *entry;
	snprintf(path, sizeof path, "%s/systemd/logind.conf", dir);
	look(path, b, s);
	snprintf(path, sizeof path, "%s%s/systemd/logind.conf.d", root ? root : "", dir);
	DIR *entries = opendir(path);
	while (entries && (entry = readdir(entries))) {
		snprintf(path, sizeof path, "%s/systemd/logind.conf.d/%s", dir,
		    entry->d_name);
		look(path, b, s);
	}
	if (entries)
		closedir(entries);
}

/* ---- questions to the managers ---- */

/* execvp(3) changes no word. */
static bool
done(const char *const argv[], struct buf *out)
{
	char *const *words = (char *const *)(uintptr_t)argv;
	return child_run(words, (struct span){ NULL, 0 }, out) == 0;
}

/* Whether logind itself says so, for this user. */
static bool
ends_with_login(const char *user, struct buf *b)
{
	static const char *const argv[] = { "busctl", "get-property", LOGIND,
		"/org/freedesktop/login1", LOGIND ".Manager", "KillUserProcesses",
		"KillExcludeUsers", NULL };
	char quoted[64];
	buf_drop(b, b->len);
	snprintf(quoted, sizeof quoted, "\"%s\"", user);
	if (!done(argv, b))
		return false;
	const char *text = buf_str(b);
	return text && strncmp(text, "b true", 6) == 0 && !strstr(text, quoted);
}

static bool
move(struct buf *b)
{
	char name[64], pid[16];
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	snprintf(name, sizeof name, "belay-%s.scope", pid);
	const char *argv[] = { "busctl", "--user", "call", MANAGER, "/org/freedesktop/systemd1",
		MANAGER ".Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))", name, "fail",
		"2", "PIDs", "au", "1", pid, "CollectMode", "s", "inactive-or-failed", "0",
		NULL };
	if (!done(argv, NULL))
		return false;
	/* What the session starts from now on has to be there, too. */
	for (int ms = 0; in_login(b); ms += LOOK_MS) {
		if (ms >= MOVE_MS)
			return false;
		(void)poll(NULL, 0, LOOK_MS);
	}
	return true;
}

static bool
lingers(const char *user)
{
	char path[PATH_MAX_LEN];
	const char *root = getenv("BELAY_ROOT");
	snprintf(path, sizeof path, "%s/var/lib/systemd/linger/%s", root ? root : "",
	    user);
	return access(path, F_OK) == 0;
}

static bool
leave(struct buf *b)
{
	static const char *const dirs[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib",
		"/lib" };
	struct setting s = { 0 };
	const char *user = getenv("USER");
	if (!in_login(b))
		return true;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		look_in(dirs[i], b, &s);
	if (!user)
		user = "";
	if ((s.no && !s.yes) || !ends_with_login(user, b))
		return true;
	return move(b) && lingers(user);
}

bool
scope_leave_login(void)
{
	struct buf b;
	buf_init(&b, FILE_MAX);
	bool left = leave(&b);
	buf_finish(&b);
	return left;
}
