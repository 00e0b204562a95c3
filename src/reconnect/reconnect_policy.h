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
 * Attempts run side by side.  One from which nothing is learned for longer than the logins
 * of this session take, or for a moment while a key or an event says that things may be
 * better, gets another beside it: at most two, three if a person asks for it, and the first
 * that is ready wins.  When two run and the younger one stalls too, a fresh one takes the
 * elder's place, each but the first after twice as long as the one before, unless it is the
 * network that is silent.  FAILED is told of each attempt
 * that ends, and counts when it was the last one.
 *
 * A first login that could not get to the host is over (GIVE_UP), unless the policy `waits`:
 * then FIRST_WAIT leads to another, for ever.  One that is refused is over, too, unless the policy
 * `insists`: then FIRST_REFUSED leads to another, after minutes.
 *
 * A refused login leads to DOUBT_ASK or DOWN_ASK, where nothing is tried until a person
 * says so: servers lock accounts that are hammered.  Of a client that is unattended it is
 * tried again after minutes.
 *
 * What shows another host key is not the host: another network with the same address, a
 * captive portal, a VPN that is off.  A session that is gone leads to DOWN_GONE, where only a
 * person acts.  DOUBT_STRANGER or DOWN_STRANGER wait for a change of the
 * network or for a person, never for a timer.
 */
#ifndef RECONNECT_RECONNECT_POLICY_H
#define RECONNECT_RECONNECT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum policy_state {
	POLICY_FIRST, /* the first login; ssh talks to the person itself */
	POLICY_FIRST_WAIT, /* it could not get to the host */
	POLICY_FIRST_REFUSED, /* nobody is there to ask */
	POLICY_UP,
	POLICY_DOUBT_TRY, /* the link does not answer; a spare one is tried beside it */
	POLICY_DOUBT_WAIT,
	POLICY_DOUBT_ASK,
	POLICY_DOUBT_STRANGER, /* another machine answers there */
	POLICY_DOWN_TRY, /* no link; one attempt runs */
	POLICY_DOWN_WAIT,
	POLICY_DOWN_ASK,
	POLICY_DOWN_STRANGER,
	POLICY_DOWN_GONE, /* the session is, and a person says whether another begins */
	POLICY_STATES
};

enum policy_event {
	POLICY_READY, /* an attempt shook hands: it is the link now */
	POLICY_FAILED, /* an attempt ended */
	POLICY_UNREACHED, /* the same: it never got to the host, which may be there later */
	POLICY_REFUSED, /* an attempt ended: the login was refused */
	POLICY_STRANGER, /* an attempt ended: another machine than the host answers there */
	/* An attempt that asks nobody anything ended, as the login wants a person (FIRST; else
	 * it is refused). */
	POLICY_UNASKED,
	POLICY_LOST, /* the link ended */
	POLICY_DOUBT, /* the link does not answer */
	POLICY_HEARD, /* the link answers again */
	POLICY_NUDGE, /* a key: a person waits */
	POLICY_MOVED, /* a change of the network, a wake: something may be better now */
	POLICY_PERSON, /* a person asks for a login with prompts */
	POLICY_SHARED, /* another window has logged in for all */
	POLICY_GONE, /* the session is not there any more: POLICY_DOWN_GONE */
	POLICY_TIMER, /* policy_deadline has passed */
	POLICY_EVENTS
};

/* What the caller is to do; bits. */
enum policy_action {
	/* start an attempt that asks nobody anything, beside those that run */
	POLICY_CONNECT = 1,
	POLICY_CONNECT_ASK = 2, /* start an attempt that may prompt */
	POLICY_ABANDON = 4, /* end all attempts that run (no event follows) */
	/* end the oldest attempt that asks nobody anything, before the other action */
	POLICY_DROP = 16,
	POLICY_GIVE_UP = 8, /* the first login failed */
};

struct policy {
	enum policy_state state;
	unsigned tries; /* failed attempts in a row */
	unsigned refusals; /* refused logins since a link was up, if unattended */
	bool unattended; /* no person can say so; to be set behind policy_init */
	bool waits; /* a first login that could not get to the host is tried again */
	bool insists; /* a first login that was refused is, if unattended */
	/* Nothing runs beside the attempt: a person is asked, or there can be but one.  The
	 * caller says it; of one that may ask, and after UNASKED, the policy knows it. */
	bool held;
	bool may_ask;
	/* Keys go by other means meanwhile, and nobody is told.  The caller says it. */
	bool lean;
	/* The host's system does not answer the youngest: that it is slow is no reason to give
	 * it time.  The caller says it. */
	bool dead;
	bool moved; /* the network has changed since the youngest attempt began */
	unsigned running; /* attempts side by side */
	unsigned joined; /* started beside others, since none was running */
	unsigned most; /* so many may run beside each other */
	uint64_t told_us; /* when something was learned from the youngest */
	/* a key or an event says that things may be better: it may be silent for so long; 0 */
	uint64_t hurry_us;
	uint64_t login_us; /* the longest silence in the last login that worked */
	unsigned short_lives; /* links in a row that died as soon as they were up */
	uint64_t up_us; /* when the link came up */
	uint64_t tried_us; /* when the last attempt started */
	uint64_t deadline_us; /* 0: none */
	uint64_t random; /* state of the jitter */
};

void policy_init(struct policy *p, uint64_t seed);
/* The first login begins, for the first time or anew. */
void policy_begin(struct policy *p, uint64_t now_us);
/* Something was learned from the youngest attempt: it gets on. */
void policy_progress(struct policy *p, uint64_t now_us);
/* A login has worked in which nothing was learned for so long at the most. */
void policy_measured(struct policy *p, uint64_t silence_us);
/* Takes an event; returns the actions. */
unsigned policy_on(struct policy *p, enum policy_event event, uint64_t now_us);
/* When to send POLICY_TIMER; 0 never. */
uint64_t policy_deadline(const struct policy *p);
/* Nothing is tried by itself: the person has to know. */
bool policy_wants_person(enum policy_state state);
bool policy_meets_stranger(enum policy_state state);
const char *policy_state_name(enum policy_state state);
const char *policy_event_name(enum policy_event event);

#endif
