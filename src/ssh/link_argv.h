/*
 * The command line of a link's ssh, out of a plan: what belay overrides, what the user has
 * said, the destination, and the command.  What stands first counts (ssh_config(5)), but for
 * letters of which the last one does (ssh.c).  No I/O.
 */
#ifndef SSH_LINK_ARGV_H
#define SSH_LINK_ARGV_H

#include "ssh/carrier.h"
#include "ssh/shared_login.h"

enum { LINK_ARGV_LOCAL_MAX = 2048 };

struct link_argv {
	char **
	    words; /* NULL-terminated; they point to here, into the plan and its options */
	char timeout[48], local[LINK_ARGV_LOCAL_MAX];
	char socket[SHARED_LOGIN_PATH_MAX + 2], linger[32];
	char overrides[SSH_CONFIG_OVERRIDES][SSH_CONFIG_OVERRIDE_LEN];
};

/* `mark`: the bootstrap's, with which LocalCommand says that ssh is in; `proxy`: the option by
 * which ssh is handed its connection; NULL: it connects itself; `local`: the program that runs
 * the user's LocalCommand (ssh_helper.h); NULL: there is none.  0, or ERR_NOMEM: then there is
 * nothing to be finished. */
int link_argv_make(struct link_argv *a, const struct carrier_plan *plan,
    const char *command, const char *mark, char *proxy, const char *local);
/* Whether the link's ssh runs a command of the user's here. */
bool link_argv_runs_local(const struct carrier_plan *plan);
void link_argv_finish(struct link_argv *a);

#endif
