/*
 * What the user has run when the host is lost and when it is back (--on-lost, --on-back):
 * commands of /bin/sh, beside the loop, one at a time.
 *
 *     up --no answer for 3 s--> on-lost --answers, and on-lost has ended--> on-back
 *
 * An outage that is shorter is none.  What happens while a command runs is told when it has
 * ended, if it is still so.  The environment of both: BELAY_DESTINATION, and BELAY_OUTAGE, the
 * seconds without an answer so far.
 */
#ifndef CLIENT_HOOKS_H
#define CLIENT_HOOKS_H

#include "ssh/options.h"

#include <sys/types.h>

struct hooks {
	const char *commands[2]; /* on-lost, on-back; NULL: none */
	const char *destination;
	pid_t pid; /* of the one that runs; 0: none */
	bool lost; /* on-lost was the last */
	uint64_t since_us, until_us; /* of the outage; until 0: it lasts */
};

/* Borrows the options; the environment is asked for what they leave open. */
void hooks_init(struct hooks *h, const struct options *o);
/* The host has not answered since then (0: it does).  Returns when to call it again; 0: on
 * events only. */
uint64_t hooks_turn(struct hooks *h, uint64_t down_us, uint64_t now_us);
/* A child has ended: perhaps it was one of these. */
void hooks_reap(struct hooks *h);

#endif
