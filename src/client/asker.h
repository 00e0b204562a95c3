/*
 * Asks `ssh -G` what the user's configuration wants (ssh_config(5)), some milliseconds,
 * before ssh connects: what is to be run goes with the command line, which saves a round
 * trip.  Where ssh does not know -G, the command line alone decides.
 */
#ifndef CLIENT_ASKER_H
#define CLIENT_ASKER_H

#include "client/config.h"
#include "sys/loop.h"

#include <sys/types.h>

struct asker {
	struct loop *loop;
	struct watch watch; /* what it says */
	struct buf answer;
	struct config *config;
	pid_t pid; /* 0: ended, or never started */
	int err;
	void (*known)(void *owner); /* called once */
	void *owner;
};

/* Fills *config, which keeps pointers into the asker, and calls `known`. */
void asker_start(struct asker *a, struct loop *loop, const struct options *o,
    const char *ssh, struct config *config, void (*known)(void *owner), void *owner);
/* A child has ended: perhaps it was ours. */
void asker_reap(struct asker *a);
/* Takes a zeroed one. */
void asker_finish(struct asker *a);

#endif
