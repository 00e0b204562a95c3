#include "server/terminal.h"

#include "server/rights.h"
#include "sys/sys.h"
#include "sys/terminfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 128 };

/* Belay's cache, as find.sh has it. */
static bool
cache(char ret_dir[TERMINFO_PATH_MAX])
{
	const char *dir = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	bool own = dir && dir[0] == '/';
	if (!own && !home)
		return false;
	int n = snprintf(ret_dir, TERMINFO_PATH_MAX, "%s%s/belay/terminfo",
	    own ? dir : home, own ? "" : "/.cache");
	return n < TERMINFO_PATH_MAX - TERMINFO_NAME_MAX - 4;
}

static void
keep(const char *dir, const char *name, struct span entry)
{
	char path[TERMINFO_PATH_MAX + TERMINFO_NAME_MAX + 4];
	snprintf(path, sizeof path, "%s/%c/%s", dir, name[0], name);
	(void)sys_replace_file(path, entry);
}

/* Nothing behind the colon is where curses looks by itself. */
static void
name_directory(const char *dir)
{
	char dirs[4 * TERMINFO_PATH_MAX];
	const char *before = getenv("TERMINFO_DIRS");
	int n = snprintf(dirs, sizeof dirs, "%s:%s", dir, before ? before : "");
	if (n < (int)sizeof dirs)
		(void)setenv("TERMINFO_DIRS", dirs, 1);
}

/* False: it is not known, and `entry` is empty. */
static bool
describe(const char *name, struct span entry)
{
	char dir[TERMINFO_PATH_MAX], path[TERMINFO_PATH_MAX];
	if (terminfo_find(name, path) || !cache(dir))
		return true;
	if (entry.n)
		keep(dir, name, entry);
	if (!terminfo_find_in(dir, name, path))
		return entry.n > 0; /* it cannot be kept: as with ssh */
	name_directory(dir);
	return true;
}

/* What sshd has let through goes first. */
static void
put(const char *variable, struct span value)
{
	char text[WORD_MAX];
	if (!value.n || value.n >= sizeof text)
		return;
	memcpy(text, value.p, value.n);
	text[value.n] = 0;
	(void)setenv(variable, text, 0);
}

bool
terminal_begin(const struct msg_hello *hello)
{
	char name[TERMINFO_NAME_MAX];
	enum role role = rights_role(hello->flags, true);
	union msg more;
	if (hello->kind != KIND_PTY || rights_of(role, MSG_TERMINAL, 0) != RIGHT_ALLOWED
	    || !msg_find(hello->more, MSG_TERMINAL, &more))
		return true;
	put("COLORTERM", more.terminal.colors);
	put("TERM_PROGRAM", more.terminal.program);
	put("TERM_PROGRAM_VERSION", more.terminal.version);
	return !terminfo_name(hello->term, name) || describe(name, more.terminal.entry)
	    || !more.terminal.described;
}
