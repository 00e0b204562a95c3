/*
 * What the user has run when the host is lost and when it is back (--on-lost, --on-back), and when
 * something has happened there meanwhile (--on-away): commands of /bin/sh, beside the loop, one at
 * a time.
 *
 *     up --no answer for 3 s--> on-lost --answers, and on-lost has ended--> on-back
 *
 * An outage that is shorter is none.  What happens while a command runs is told when it has
 * ended, if it is still so.  The environment of both: BELAY_DESTINATION, and BELAY_OUTAGE, the
 * seconds without an answer so far; of the third BELAY_DESTINATION and what has happened
 * (while_away.h).
 */
#ifndef CLIENT_HOOKS_H
#define CLIENT_HOOKS_H

#include "client/while_away.h"
#include "ssh/options.h"

#include <sys/types.h>

enum { HOOKS_AWAY_MAX = 512 };

struct hooks {
	const char *commands[3]; /* on-lost, on-back, on-away; NULL: none */
	const char *destination;
	pid_t pid; /* of the one that runs; 0: none */
	bool lost; /* on-lost was the last */
	uint64_t since_us, until_us; /* of the outage; until 0: it lasts */
	struct while_away_note away; /* to be told; count 0: nothing */
	char happened[HOOKS_AWAY_MAX]; /* all of that, in words */
};

/* Borrows the options; the environment is asked for what they leave open. */
void hooks_init(struct hooks *h, const struct options *o);
/* The host has not answered since then (0: it does).  Returns when to call it again; 0: on
 * events only. */
uint64_t hooks_turn(struct hooks *h, uint64_t down_us, uint64_t now_us);
/* Something has happened, of which this is the most important; said in a later turn. */
void hooks_away(struct hooks *h, const struct while_away_note *most, const char *all);
/* A child has ended: perhaps it was one of these. */
void hooks_reap(struct hooks *h);

#endif
