/*
 * Whether keys go by datagrams: a table of states and events; no I/O, no clock of its own.
 *
 *           OFFERED         ANSWERED         SILENT
 *      OFF --------> PROBE ---------> UP <---------> DOUBT
 *                      |              ^     ANSWERED   |
 *                 TIMER|              |ANSWERED        |TIMER, if ssh answers
 *                      +-----------> DARK <------------+
 *
 *      UP      what is urgent goes by datagrams; another network: a new socket
 *      DOUBT   ... and by ssh as well, if there is one; a new socket every 5 s
 *      DARK    by ssh only; a question a minute, and at each event
 */
#ifndef RECONNECT_DATAGRAM_POLICY_H
#define RECONNECT_DATAGRAM_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum datagram_state {
	DATAGRAM_OFF,
	DATAGRAM_PROBE,
	DATAGRAM_UP,
	DATAGRAM_DOUBT,
	DATAGRAM_DARK,
	DATAGRAM_STATES
};

enum datagram_event {
	DATAGRAM_OFFERED, /* the host has said where, and with which keys */
	DATAGRAM_ANSWERED,
	DATAGRAM_SILENT, /* a question has waited for too long */
	DATAGRAM_MOVED, /* the network has changed, or the machine woke up */
	DATAGRAM_ALONE, /* ssh does not answer any more */
	DATAGRAM_GONE, /* somebody on the way says that nobody listens there */
	DATAGRAM_BROKEN, /* the host has said what cannot be, or no numbers are left */
	DATAGRAM_TIMER, /* datagram_policy.deadline_us has passed; ssh answers */
	DATAGRAM_TIMER_ALONE, /* the same; it does not */
	DATAGRAM_EVENTS
};

/* What the caller is to do; bits, in this order. */
enum datagram_action {
	DATAGRAM_LEAVE = 1, /* the link is taken out of the engine */
	DATAGRAM_OPEN_ALL = 2, /* a socket to each address, instead of those there are */
	DATAGRAM_OPEN_ONE = 4, /* a new socket, which is used from now on */
	DATAGRAM_ASK = 8, /* a datagram that is to be answered is sent now */
	DATAGRAM_JOIN = 16, /* the link is given to the engine */
	DATAGRAM_FALL = 32, /* what it carries goes by ssh at once, if there is one */
};

struct datagram_policy {
	enum datagram_state state;
	uint64_t deadline_us; /* when to send TIMER or TIMER_ALONE; 0: never */
};

/* Takes an event; returns the actions. */
unsigned
datagram_policy_on(struct datagram_policy *p, enum datagram_event event, uint64_t now_us);
const char *datagram_state_name(enum datagram_state state);

#endif
