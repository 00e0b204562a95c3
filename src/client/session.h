/*
 * A session on the client's side: the terminal, the streams, the ssh children that come
 * and go, and the policy that decides when.
 *
 *    stdin  --> (escape) --> stream 1 --> engine --> attempt (ssh) --> host
 *    stdout <--- sink <----- stream 1 <---  "   <---    "
 *    stderr <--- sink <----- stream 2
 *                                    policy: which attempt, when
 */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include "client/options.h"

enum { SESSION_PLAIN_SSH = -1 };

/* Runs a login shell or a command on the host until it ends; returns the exit status.
 * SESSION_PLAIN_SSH: belay-server cannot run there, nothing has been run or read, and
 * plain ssh is to be used; *ret_command is what to run there on a terminal instead of a
 * login shell, or NULL. */
int session_run(const struct options *o, const char *ssh, const char **ret_command);

#endif
