/*
 * Hosts where belay-server cannot run, or another program does in its place (forges, forced
 * commands, network gear), so that the next run goes to plain ssh at once.  Remembered by
 * host_cache.c.
 */
#ifndef SSH_PLAIN_HOSTS_H
#define SSH_PLAIN_HOSTS_H

#include "ssh/ssh_config.h"

/* What there keeps a shell over a cut instead. */
enum plain_keeper { PLAIN_NONE, PLAIN_SCREEN, PLAIN_TMUX };

enum plain_keeper plain_keeper_of(const char *name);
/* The command to run on a terminal instead of a login shell; NULL: none. */
const char *plain_command(enum plain_keeper keeper);

/* Why plain ssh is to be used, or NULL. */
const char *plain_hosts_has(const struct ssh_config *c, enum plain_keeper *ret_keeper);
/* Remembering may fail: then it costs the next run a little time. */
void plain_hosts_remember(const struct ssh_config *c, enum plain_keeper keeper);

#endif
