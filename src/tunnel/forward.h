/*
 * One forward that the user asks for (-L, -R, -D and their like), as `ssh -G` tells it
 * (ssh_config(5): LocalForward, RemoteForward, DynamicForward) or as it is typed on a
 * command line (ssh(1)).  Pure.
 */
#ifndef TUNNEL_FORWARD_H
#define TUNNEL_FORWARD_H

#include "tunnel/connect.h"

enum forward_kind { FORWARD_LOCAL, FORWARD_REMOTE };

struct forward {
	enum forward_kind kind; /* which end listens */
	struct target listen; /* as listener_open takes it */
	struct target connect; /* without a kind: who connects says where to (SOCKS) */
};

/* "8080 [host]:80", "[*]:8080 /path" ...: a line of `ssh -G` behind its keyword.
 * `dynamic`: it has no second word.  `gateway`: who names no address to listen on means
 * all of them (GatewayPorts).  False: it cannot be understood. */
bool forward_from_config(struct forward *f, enum forward_kind kind, bool dynamic,
    bool gateway, struct span line);
/* The value of -L, -R or -D. */
bool forward_from_option(struct forward *f, char letter, bool gateway, const char *value);
/* The end that listens, or that is connected to, as text. */
void forward_text(const struct target *t, char *ret_text, size_t len);

#endif
