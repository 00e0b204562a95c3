/*
 * What passes between belay and the programs that ssh starts for it: belay itself, in
 * another role.  ssh's stderr is a unix socket; what ssh starts inherits it, and so has a
 * way to belay that nobody else has, without a path.
 *
 *     belay ---- connection ----> [stderr] ---> belay --pass-connection
 *                                                     | stdout
 *                                                     v
 *                                                    ssh    ProxyUseFdpass, ssh_config(5)
 *
 *     belay <------ a socket ---- [stderr] ---- belay, as SSH_ASKPASS, ssh(1)
 *           <---- "HINT\0TEXT\0", answer ---->       | stdout
 *                   on that socket                   v
 *                                                   ssh
 */
#ifndef CLIENT_DOOR_H
#define CLIENT_DOOR_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	DOOR_ARG_MAX = 512,
	DOOR_ENV = 4, /* variables, with the end */
	DOOR_HINT_MAX = 16, /* with its NUL */
};

/* The option with which ssh takes a connection from us; false if there is no such way
 * here: ssh hands the command to $SHELL. */
bool door_proxy_option(char ret_option[DOOR_ARG_MAX]);
/* Sends the connection; 0 or -1.  It stays the caller's. */
int door_pass(int door, int connection);

/* The variables that make ssh ask us; false if there is no such way here. */
bool door_ask_env(char store[DOOR_ARG_MAX], char *ret_env[DOOR_ENV]);
/* The same, only for what ssh has to say and not to ask: it asks on the terminal.  With its
 * own stderr on a terminal it would say it there. */
bool door_notify_env(char store[DOOR_ARG_MAX], char *ret_env[DOOR_ENV]);
/* Reads what ssh and its children say on stderr onto b, as sys_read_into does; *ret_asking
 * is a socket if there was a question, else -1. */
ssize_t door_read(int door, struct buf *b, size_t max, int *ret_asking);

/* Whether this is what we were started for. */
bool door_called(int argc, char **argv);
int door_main(int argc, char **argv);

#endif
