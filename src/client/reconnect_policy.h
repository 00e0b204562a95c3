/*
 * The reconnect policy: one table of states and events; no I/O, no clock of its own.
 *
 *            READY          DOUBT              FAILED
 *   FIRST ----------> UP ----------> DOUBT_TRY ------> DOUBT_WAIT
 *                     ^  <----------  (the old link stays; the first to answer wins)
 *                READY|    HEARD          |LOST            |LOST
 *                     |                   v                v
 *                     +------------- DOWN_TRY <------> DOWN_WAIT   (for ever)
 *                                            FAILED/TIMER
 *
 * A refused login leads to DOUBT_ASK or DOWN_ASK, where nothing is tried until a person
 * says so: servers lock accounts that are hammered.  Of a client that is unattended it is
 * tried again after minutes.
 */
#ifndef CLIENT_RECONNECT_POLICY_H
#define CLIENT_RECONNECT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum policy_state {
	POLICY_FIRST, /* the first login; ssh talks to the person itself */
	POLICY_UP,
	POLICY_DOUBT_TRY, /* the link does not answer; a spare one is tried beside it */
	POLICY_DOUBT_WAIT,
	POLICY_DOUBT_ASK,
	POLICY_DOWN_TRY, /* no link; one attempt runs */
	POLICY_DOWN_WAIT,
	POLICY_DOWN_ASK,
	POLICY_STATES
};

enum policy_event {
	POLICY_READY, /* an attempt shook hands: it is the link now */
	POLICY_FAILED, /* the attempt ended */
	POLICY_REFUSED, /* the attempt ended: the login was refused */
	POLICY_LOST, /* the link ended */
	POLICY_DOUBT, /* the link does not answer */
	POLICY_HEARD, /* the link answers again */
	/* a key, a change of the network, a wake: something may be better now */
	POLICY_NUDGE,
	POLICY_PERSON, /* a person asks for a login with prompts */
	POLICY_TIMER, /* policy_deadline has passed */
	POLICY_EVENTS
};

/* What the caller is to do; bits. */
enum policy_action {
	POLICY_CONNECT = 1, /* start an attempt that asks nobody anything */
	POLICY_CONNECT_ASK = 2, /* start an attempt that may prompt */
	POLICY_ABANDON = 4, /* end the attempt that runs (no event follows) */
	POLICY_GIVE_UP = 8, /* the first login failed */
};

struct policy {
	enum policy_state state;
	unsigned tries; /* failed attempts in a row */
	unsigned refusals; /* refused logins since a link was up, if unattended */
	bool unattended; /* no person can say so; to be set behind policy_init */
	unsigned short_lives; /* links in a row that died as soon as they were up */
	uint64_t up_us; /* when the link came up */
	uint64_t tried_us; /* when the last attempt started */
	uint64_t deadline_us; /* 0: none */
	uint64_t random; /* state of the jitter */
};

void policy_init(struct policy *p, uint64_t seed);
/* Takes an event; returns the actions. */
unsigned policy_on(struct policy *p, enum policy_event event, uint64_t now_us);
/* When to send POLICY_TIMER; 0 never. */
uint64_t policy_deadline(const struct policy *p);
const char *policy_state_name(enum policy_state state);
const char *policy_event_name(enum policy_event event);

#endif
