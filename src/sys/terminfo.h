/* Where this system has the compiled descriptions of terminals, terminfo(5). */
#ifndef SYS_TERMINFO_H
#define SYS_TERMINFO_H

#include "base/buf.h"

enum { TERMINFO_NAME_MAX = 64, TERMINFO_PATH_MAX = 1024 };

/* The name of a terminal (TERM), which is part of a path; false: it is none. */
bool terminfo_name(struct span term, char ret_name[TERMINFO_NAME_MAX]);
/* Looks where curses does: TERMINFO, ~/.terminfo, TERMINFO_DIRS (ncurses(3), ENVIRONMENT), then
 * where systems have them.  False: there is none. */
bool terminfo_find(const char *name, char ret_path[TERMINFO_PATH_MAX]);
/* The same in one directory. */
bool
terminfo_find_in(const char *dir, const char *name, char ret_path[TERMINFO_PATH_MAX]);

#endif
