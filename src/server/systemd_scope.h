/*
 * Where logind ends a user's processes with the last login (KillUserProcesses=yes), the
 * session goes into a scope of the user's own service manager, which logind leaves alone:
 *
 *     not in a login's scope (/proc/self/cgroup)   -> nothing
 *     no file of logind's configuration says yes   -> nothing
 *     logind says no (busctl)                      -> nothing
 *     else StartTransientUnit (busctl --user)
 *
 * So elsewhere it costs the reading of a few files.  The manager itself ends with the last
 * login unless it lingers, which is the user's to decide.
 */
#ifndef SERVER_SYSTEMD_SCOPE_H
#define SERVER_SYSTEMD_SCOPE_H

#include <stdbool.h>

/* Called before the session's program is started.  False: the session ends with the last
 * login all the same. */
bool systemd_scope_leave_login(void);

#endif
