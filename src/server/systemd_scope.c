#include "server/systemd_scope.h"

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

/* A path of the system's, in two parts, below $BELAY_ROOT (for tests); valid until the next
 * call. */
static const char *
place(const char *dir, const char *name)
{
	static char path[PATH_MAX_LEN];
	const char *root = getenv("BELAY_ROOT");
	snprintf(path, sizeof path, "%s%s%s", root ? root : "", dir, name);
	return path;
}

/* What is in a file; "" if it is not there. */
static const char *
read_file(const char *path, struct buf *b)
{
	const char *text;
	buf_drop(b, b->len);
	return sys_read_file(path, b) == 0 && (text = buf_str(b)) ? text : "";
}

/* strstr(3) costs a static program 2 KB. */
static const char *
find(const char *text, const char *word)
{
	size_t n = strlen(word);
	while (*text && strncmp(text, word, n) != 0)
		text++;
	return *text ? text : NULL;
}

static bool
in_login(struct buf *b)
{
	const char *scope = find(read_file(place("/proc/self/cgroup", ""), b),
	    "/session-");
	return scope && find(scope, ".scope");
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
	for (const char *at = text; (at = find(at, key)); at++) {
		const char *value = at + sizeof key - 1;
		bool active = at == text || at[-1] == '\n';
		bool yes = (*value && strchr("yYtT1", *value))
		    || strncmp(value, "on", 2) == 0;
		s->yes |= yes && active;
		s->no |= !yes;
	}
}

static void
look_in(const char *dir, struct buf *b, struct setting *s)
{
	const struct dirent *entry;
	char name[PATH_MAX_LEN];
	look(place(dir, "/systemd/logind.conf"), b, s);
	DIR *entries = opendir(place(dir, "/systemd/logind.conf.d"));
	while (entries && (entry = readdir(entries))) {
		snprintf(name, sizeof name, "/systemd/logind.conf.d/%s", entry->d_name);
		look(place(dir, name), b, s);
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
	return text && strncmp(text, "b true", 6) == 0 && !find(text, quoted);
}

static bool
move(struct buf *b)
{
	char name[64], pid[16];
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	snprintf(name, sizeof name, "belay-%s.scope", pid);
	const char *argv[] = { "busctl", "--user", "call", MANAGER,
		"/org/freedesktop/systemd1", MANAGER ".Manager", "StartTransientUnit",
		"ssa(sv)a(sa(sv))", name, "fail", "2", "PIDs", "au", "1", pid,
		"CollectMode", "s", "inactive-or-failed", "0", NULL };
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
	return move(b) && access(place("/var/lib/systemd/linger/", user), F_OK) == 0;
}

bool
systemd_scope_leave_login(void)
{
	struct buf b;
	buf_init(&b, FILE_MAX);
	bool left = leave(&b);
	buf_finish(&b);
	return left;
}
