/*
 * Hands a connection to ssh where its ProxyCommand has no stderr of ours to take it from: for an
 * ssh that becomes a master by itself, OpenSSH gives that command none (sshconnect.c,
 * ControlPersist).  So there is a socket with a path, in a directory of ours, up to the moment
 * when the command has come to it.
 */
#ifndef SSH_HANDOVER_H
#define SSH_HANDOVER_H

#include "sys/loop.h"

#include <stdbool.h>

enum { HANDOVER_PATH_MAX = 108 };

struct handover {
	struct loop *loop; /* NULL: zeroed, or done */
	struct watch listener;
	char path[HANDOVER_PATH_MAX];
	int taker; /* who has come; -1: nobody yet */
	int connection; /* its own; -1: none yet */
};

/* False: there cannot be one. */
bool handover_open(struct handover *h, struct loop *loop, const char *path);
/* To whom comes, or has come.  It stays the caller's. */
void handover_give(struct handover *h, int connection);
/* Takes a zeroed one. */
void handover_close(struct handover *h);

#endif
