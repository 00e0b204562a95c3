/*
 * How long a client that has lost its host goes on trying.  A shell and a tunnel for ever: a
 * person, or what keeps the tunnel, ends them.  A command as long as the host keeps it; but
 * where the command line bounds ssh's own silence (ServerAliveInterval), so long.  In the
 * configuration that ends nothing: many have it for all hosts.  Pure.
 */
#ifndef CLIENT_GIVE_UP_H
#define CLIENT_GIVE_UP_H

#include "ssh/options.h"
#include "wire/msg.h"

/* In seconds; 0: for ever.  linger_s: so long the host keeps the session; `command`: there is
 * one. */
uint32_t
give_up_s(const struct options *o, enum hello_kind kind, bool command, uint32_t linger_s);

#endif
