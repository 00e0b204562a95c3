/*
 * What the person is told while the link does not answer.
 *
 *     on a terminal       one line: the trouble (status.h), or what ssh asks (prompt.h)
 *     without one         a line on stderr when it lasts, and one when it is over
 *
 * ... and what has happened meanwhile (while_away.h): as that line, until a key shows that somebody
 * is there, and in a new window as a message above all that is shown, too.
 */
#ifndef CLIENT_NOTIFIER_H
#define CLIENT_NOTIFIER_H

#include "reconnect/reconnect.h"
#include "client/status.h"
#include "client/while_away.h"
#include "screen/console.h"

struct notifier {
	struct console *console;
	struct reconnect *reconnect;
	const char *host;
	bool off; /* BELAY_STATUS: only what a person has to act on is shown */
	bool silent; /* nothing is said on stderr */
	char escape; /* that the status line tells of; 0: none */
	uint64_t since_us; /* since when the link does not answer; 0: it does */
	uint64_t first_us; /* since when the first login gets no answer; 0: it does */
	bool said_first;
	struct status shown; /* what the line says, as it was when it was written, */
	uint64_t again_us; /* and when to write it anew */
	bool offers; /* the line asks for a login, in this turn */
	bool said_dropping; /* where it cannot be drawn */
	bool said_login; /* the same, */
	uint64_t undrawn_us; /* since when it cannot be; 0: it can */
	bool said_lost; /* a person without a status line was told */
	struct while_away away; /* what the line says while the link answers, and */
	uint64_t away_us; /* since when; 0: it says nothing */
};

void notifier_init(struct notifier *t, struct console *console,
    struct reconnect *reconnect, const char *host);
/* Shows what is amiss; returns when to look again, 0: nothing is.  `over`: the session is,
 * or is about to be. */
uint64_t notifier_turn(struct notifier *t, bool over, uint64_t now_us);

/* Something has happened while nobody saw it.  `fresh`: the window shows nothing of the session
 * yet; then it is a line above that, too, which may scroll away, and is there where nothing
 * can be drawn over a screen that is not full. */
void notifier_away(struct notifier *t, const struct while_away *a, bool fresh,
    uint64_t now_us);

#endif
