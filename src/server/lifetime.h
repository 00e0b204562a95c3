/*
 * When a session is over: a table of phases and events, and one of what is waited for; no
 * I/O, no clock of its own.
 *
 *          STARTED          PROGRAM_ENDED
 *     NEW ---------> RUNNING ---------> ENDED
 *      |                |                 |
 *      |  nobody is     |  no client      |  no client has come for `linger`, or the
 *      |  connected     |  has come for   |  clients have everything and are gone, or
 *      |                |  `linger`       |  have had it for LIFETIME_EXIT_US
 *      v                v                 v
 *                     OVER  <--- from each: KILLED, HUNG_UP, SIGNALLED, NONSENSE
 */
#ifndef SERVER_LIFETIME_H
#define SERVER_LIFETIME_H

#include <stdbool.h>
#include <stdint.h>

enum lifetime_phase {
	LIFETIME_NEW, /* no client has said yet what it wants */
	LIFETIME_RUNNING,
	LIFETIME_ENDED, /* the exit status is told; the clients have to fetch it */
	LIFETIME_OVER,
	LIFETIME_PHASES
};

enum lifetime_event {
	LIFETIME_STARTED, /* the program runs */
	LIFETIME_PROGRAM_ENDED, /* and what it wrote is read */
	LIFETIME_KILLED, /* by ASK, from this user on the host */
	LIFETIME_HUNG_UP, /* its owner ended it, or was killed (a program on pipes) */
	LIFETIME_SIGNALLED, /* SIGTERM, SIGINT */
	LIFETIME_NONSENSE, /* the only client of a command cannot be understood */
	LIFETIME_EVENTS
};

/* Why it is over. */
enum lifetime_end {
	LIFETIME_GOES_ON,
	LIFETIME_BY_KILL,
	LIFETIME_BY_HANGUP,
	LIFETIME_BY_SIGNAL,
	LIFETIME_BY_NONSENSE,
	LIFETIME_REFUSED, /* nobody is there for whom it could start */
	LIFETIME_UNUSED, /* its client broke off before it knew of the session */
	LIFETIME_LEFT, /* no client has come for `linger` */
	LIFETIME_DELIVERED, /* the clients have everything */
};

enum {
	/* A client whose first login broke before it heard of the session has given up. */
	LIFETIME_UNUSED_US = 60 * 1000000,
	LIFETIME_EXIT_US = 2
	    * 1000000, /* a link may deliver its last bytes for so long */
};

/* What is so at the moment. */
struct lifetime_facts {
	bool connected; /* any relay or link is there, also one that only asks */
	bool kept; /* a client that keeps the session (CLAIM_STAY) has a link */
	bool used; /* one of these has chosen its link: it knows of the session */
	bool delivered; /* the clients that count have everything that was written */
};

/* A zeroed one is that of a new session. */
struct lifetime {
	enum lifetime_phase phase;
	enum lifetime_end end;
	uint64_t
	    linger_us; /* so long the session waits for a client; the owner says it */
	bool used; /* as in the facts, once and for all */
	uint64_t away_us; /* since when nobody keeps it; 0: somebody does */
	/* the client has tried more than once to make the session: until then, once it has
	 * ended, it stays in the way of an attempt that arrives late */
	uint64_t late_us;
	uint64_t
	    delivered_us; /* since when the clients have everything; 0: they have not */
};

/* What does not belong to the phase changes nothing. */
void lifetime_on(struct lifetime *l, enum lifetime_event event);
/* Looks at the facts.  Returns when to be called again (0: when a fact has changed); the
 * phase is LIFETIME_OVER if the session is. */
uint64_t
lifetime_turn(struct lifetime *l, const struct lifetime_facts *facts, uint64_t now_us);

#endif
