#include "reconnect/datagram_policy.h"

enum { SECOND_US = 1000 * 1000 };

/* How long a state lasts before TIMER; 0: no matter how long. */
static const uint32_t lasts_us[DATAGRAM_STATES] = {
	[DATAGRAM_PROBE] = 5 * SECOND_US,
	[DATAGRAM_DOUBT] = 5 * SECOND_US,
	[DATAGRAM_DARK] = 60 * SECOND_US,
};

enum {
	KEEP = 256, /* the deadline stays as it is */
	LEAVE = DATAGRAM_LEAVE,
	ALL = DATAGRAM_OPEN_ALL,
	ONE = DATAGRAM_OPEN_ONE,
	ASK = DATAGRAM_ASK,
	JOIN = DATAGRAM_JOIN,
	FALL = DATAGRAM_FALL,
};

struct rule {
	enum datagram_state next;
	unsigned does;
};

#define STAY(state) \
	{ \
		state, KEEP \
	}
static const struct rule rules[DATAGRAM_STATES][DATAGRAM_EVENTS] = {
	[DATAGRAM_OFF] = {
		[DATAGRAM_OFFERED] = { DATAGRAM_PROBE, ALL | ASK },
		[DATAGRAM_ANSWERED] = STAY(DATAGRAM_OFF), /* it is broken, or not there */
		[DATAGRAM_SILENT] = STAY(DATAGRAM_OFF),
		[DATAGRAM_MOVED] = STAY(DATAGRAM_OFF),
		[DATAGRAM_ALONE] = STAY(DATAGRAM_OFF),
		[DATAGRAM_GONE] = STAY(DATAGRAM_OFF),
		[DATAGRAM_BROKEN] = STAY(DATAGRAM_OFF),
		[DATAGRAM_TIMER] = STAY(DATAGRAM_OFF),
		[DATAGRAM_TIMER_ALONE] = STAY(DATAGRAM_OFF),
	},
	[DATAGRAM_PROBE] = {
		[DATAGRAM_OFFERED] = { DATAGRAM_PROBE, ALL | ASK },
		[DATAGRAM_ANSWERED] = { DATAGRAM_UP, JOIN },
		[DATAGRAM_SILENT] = STAY(DATAGRAM_PROBE),
		[DATAGRAM_MOVED] = { DATAGRAM_PROBE, ALL | ASK },
		[DATAGRAM_ALONE] = STAY(DATAGRAM_PROBE),
		[DATAGRAM_GONE] = STAY(DATAGRAM_PROBE), /* another address may be the one */
		[DATAGRAM_BROKEN] = { DATAGRAM_OFF, 0 },
		[DATAGRAM_TIMER] = { DATAGRAM_DARK, 0 },
		[DATAGRAM_TIMER_ALONE] = { DATAGRAM_PROBE, ALL | ASK },
	},
	[DATAGRAM_UP] = {
		[DATAGRAM_OFFERED] = STAY(DATAGRAM_UP), /* tried beside it */
		[DATAGRAM_ANSWERED] = STAY(DATAGRAM_UP),
		[DATAGRAM_SILENT] = { DATAGRAM_DOUBT, ONE | ASK },
		[DATAGRAM_MOVED] = { DATAGRAM_UP, ONE | ASK },
		[DATAGRAM_ALONE] = STAY(DATAGRAM_UP),
		[DATAGRAM_GONE] = { DATAGRAM_DOUBT, FALL },
		[DATAGRAM_BROKEN] = { DATAGRAM_OFF, LEAVE },
		[DATAGRAM_TIMER] = STAY(DATAGRAM_UP),
		[DATAGRAM_TIMER_ALONE] = STAY(DATAGRAM_UP),
	},
	[DATAGRAM_DOUBT] = {
		[DATAGRAM_OFFERED] = { DATAGRAM_PROBE, LEAVE | ALL | ASK },
		[DATAGRAM_ANSWERED] = { DATAGRAM_UP, 0 },
		[DATAGRAM_SILENT] = STAY(DATAGRAM_DOUBT),
		[DATAGRAM_MOVED] = { DATAGRAM_DOUBT, ONE | ASK },
		[DATAGRAM_ALONE] = STAY(DATAGRAM_DOUBT),
		[DATAGRAM_GONE] = STAY(DATAGRAM_DOUBT),
		[DATAGRAM_BROKEN] = { DATAGRAM_OFF, LEAVE },
		[DATAGRAM_TIMER] = { DATAGRAM_DARK, LEAVE },
		[DATAGRAM_TIMER_ALONE] = { DATAGRAM_DOUBT, ONE | ASK },
	},
	[DATAGRAM_DARK] = {
		[DATAGRAM_OFFERED] = { DATAGRAM_PROBE, ALL | ASK },
		[DATAGRAM_ANSWERED] = { DATAGRAM_UP, JOIN },
		[DATAGRAM_SILENT] = STAY(DATAGRAM_DARK),
		[DATAGRAM_MOVED] = { DATAGRAM_PROBE, ALL | ASK },
		[DATAGRAM_ALONE] = { DATAGRAM_PROBE, ALL | ASK },
		[DATAGRAM_GONE] = STAY(DATAGRAM_DARK),
		[DATAGRAM_BROKEN] = { DATAGRAM_OFF, 0 },
		[DATAGRAM_TIMER] = { DATAGRAM_DARK, ALL | ASK },
		[DATAGRAM_TIMER_ALONE] = { DATAGRAM_PROBE, ALL | ASK },
	},
};

unsigned
datagram_policy_on(struct datagram_policy *p, enum datagram_event event, uint64_t now_us)
{
	const struct rule *rule = &rules[p->state][event];
	p->state = rule->next;
	if (!(rule->does & KEEP))
		p->deadline_us = lasts_us[p->state] ? now_us + lasts_us[p->state] : 0;
	return rule->does & ~(unsigned)KEEP;
}

const char *
datagram_state_name(enum datagram_state state)
{
	static const char *const names[DATAGRAM_STATES] = {
		[DATAGRAM_OFF] = "off",
		[DATAGRAM_PROBE] = "probing",
		[DATAGRAM_UP] = "up",
		[DATAGRAM_DOUBT] = "in doubt",
		[DATAGRAM_DARK] = "no answer",
	};
	return names[state];
}
