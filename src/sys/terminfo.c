#include "sys/terminfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
terminfo_name(struct span term, char ret_name[TERMINFO_NAME_MAX])
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+.";
	if (!term.n || term.n >= TERMINFO_NAME_MAX || term.p[0] == '.')
		return false;
	memcpy(ret_name, term.p, term.n);
	ret_name[term.n] = 0;
	return strspn(ret_name, allowed) == term.n;
}

/* Below the name's first letter, or its number (macOS, where names differ by more than case). */
static bool
is_there(const char *dir, size_t n, const char *name, char ret_path[TERMINFO_PATH_MAX])
{
	for (int i = 0; n && i < 2; i++) {
		int len = snprintf(ret_path, TERMINFO_PATH_MAX,
		    i ? "%.*s/%x/%s" : "%.*s/%c/%s", (int)n, dir, name[0], name);
		if (len < TERMINFO_PATH_MAX && access(ret_path, R_OK) == 0)
			return true;
	}
	return false;
}

bool
terminfo_find_in(const char *dir, const char *name, char ret_path[TERMINFO_PATH_MAX])
{
	return is_there(dir, strlen(dir), name, ret_path);
}

static bool
find_in_any(const char *dirs, const char *name, char ret_path[TERMINFO_PATH_MAX])
{
	for (size_t n = 0; dirs && *dirs; dirs += n + (dirs[n] != 0)) {
		n = strcspn(dirs, ":");
		if (is_there(dirs, n, name, ret_path))
			return true;
	}
	return false;
}

bool
terminfo_find(const char *name, char ret_path[TERMINFO_PATH_MAX])
{
	char own[TERMINFO_PATH_MAX];
	const char *home = getenv("HOME");
	int n = snprintf(own, sizeof own, "%s/.terminfo", home ? home : "");
	return find_in_any(getenv("TERMINFO"), name, ret_path)
	    || (n < (int)sizeof own && terminfo_find_in(own, name, ret_path))
	    || find_in_any(getenv("TERMINFO_DIRS"), name, ret_path)
	    || find_in_any("/etc/terminfo:/lib/terminfo:/usr/share/terminfo:"
			   "/usr/lib/terminfo:/usr/local/share/terminfo:"
			   "/usr/local/lib/terminfo:/usr/share/lib/terminfo:"
			   "/opt/homebrew/share/terminfo",
		name, ret_path);
}
