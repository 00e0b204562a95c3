/*
 * Connections that several ssh share (ControlMaster, ssh_config(5)), seen from outside: ssh
 * itself finds them, and makes them.
 */
#ifndef SSH_CONTROL_MASTER_H
#define SSH_CONTROL_MASTER_H

#include "ssh/ssh_config.h"

#include <stdbool.h>

/* Whether ssh would use a shared connection, or leave one: then the connection is not to be
 * ours. */
bool control_master_shares(const struct ssh_config *c);
/* Whether a process listens at ControlPath: ssh will use its connection, which may be long
 * dead. */
bool control_master_listens(const struct ssh_config *c);
/* Tells the master of this socket to end, with all its sessions; one that is stopped does it when
 * it goes on.  It takes that only as long as the descriptor is open that is returned, and the
 * caller's; hung up when it has; -1: there is none. */
int control_master_end(const char *path);

#endif
