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

#endif
