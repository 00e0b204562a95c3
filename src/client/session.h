/*
 * A session on the client's side: the terminal, the streams, the ssh children that come
 * and go, and the policy that decides when.
 *
 *    keyboard --> escape --> stream 1 --> engine --> attempt (ssh) --> host
 *    screen   <------------- stream 1 <---  "   <---    "
 *                                    policy: which attempt, when
 */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include "client/options.h"

/* Runs a login shell on the host until it ends; returns the exit status. */
int session_run(const struct options *o, const char *ssh);

#endif
