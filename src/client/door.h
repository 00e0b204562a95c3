/*
 * What passes between belay and the programs that ssh starts for it: belay itself, in
 * another role.  ssh's stderr is a unix socket; what ssh starts inherits it, and so has a
 * way to belay that nobody else has, without a path.
 *
 *     belay ---- connection ----> [stderr] ---> belay --pass-connection
 *                                                     | stdout
 *                                                     v
 *                                                    ssh    ProxyUseFdpass, ssh_config(5)
 */
#ifndef CLIENT_DOOR_H
#define CLIENT_DOOR_H

#include <stdbool.h>
#include <stddef.h>

enum { DOOR_ARG_MAX = 512 };

/* The option with which ssh takes a connection from us; false if there is no such way
 * here: ssh hands the command to $SHELL. */
bool door_proxy_option(char ret_option[DOOR_ARG_MAX]);
/* Sends the connection; 0 or -1.  It stays the caller's. */
int door_pass(int door, int connection);

/* Whether this is what we were started for. */
bool door_called(int argc, char **argv);
int door_main(int argc, char **argv);

#endif
