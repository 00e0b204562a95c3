#include "reconnect/reconnect_policy.h"

#include <stddef.h>

/* Constants of the policy, in microseconds. */
static const uint64_t attempt_max_us = 20 * 1000000; /* one attempt may take so long */
/* nudges start attempts at most so often */
static const uint64_t nudge_gap_us = 500 * 1000;
static const uint64_t short_life_us = 100 * 1000; /* a link that lived shorter failed */
static const uint64_t short_life_wait_us[] = { 0, 0, 250000, 500000, 1000000 };
/* A quarter of what the outage has lasted, about. */
static const uint64_t wait_us[] = { 250000, 500000, 1000000, 2000000, 2000000, 2000000,
	2000000, 4000000, 4000000, 8000000, 8000000, 15000000, 15000000, 30000000 };

/* after a refused login, where there is nobody to ask: servers lock accounts */
static const uint64_t refused_wait_us[] = { 60000000, 120000000, 300000000, 600000000 };

/* Without a word from an attempt for so long there is another beside it: by itself, ... */
static const uint64_t stall_us = 2 * 1000000;
static const uint64_t stall_max_us = 16 * 1000000;
/* ... for a key or an event, and for a person who asks for it; besides what logins take. */
static const uint64_t nudged_stall_us = 1000 * 1000;
static const uint64_t person_stall_us = 500 * 1000;
enum { SIDE_BY_SIDE = 2, SIDE_BY_SIDE_PERSON = 3 };

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define LAST(a) (COUNT(a) - 1)

/* What a transition does besides changing the state. */
enum {
	CONNECT = POLICY_CONNECT,
	CONNECT_ASK = POLICY_CONNECT_ASK,
	ABANDON = POLICY_ABANDON,
	GIVE_UP = POLICY_GIVE_UP,
	BACK_OFF = 16, /* wait, longer each time */
	GAP = 32, /* if an attempt has just been made, a little later */
	ALIVE = 64, /* the link is up: forget the failures */
	KEEP = 256, /* the deadline stays: what runs goes on */
	LIFE = 128, /* wait if the link lived only for a moment, else connect */
	ALONE = 512, /* where there is nobody to ask: wait for long */
	JOIN = 1024, /* another attempt beside one that tells nothing */
};

struct rule {
	enum policy_state next;
	unsigned does;
};

#define STAY(state) \
	{ \
		state, 0 \
	}
static const struct rule rules[POLICY_STATES][POLICY_EVENTS] = {
	[POLICY_FIRST] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = { POLICY_FIRST, GIVE_UP },
		[POLICY_UNREACHED] = { POLICY_FIRST_WAIT, BACK_OFF }, /* if it waits */
		[POLICY_REFUSED] = { POLICY_FIRST_REFUSED, ABANDON | ALONE }, /* if it insists */
		[POLICY_STRANGER] = { POLICY_FIRST, ABANDON | GIVE_UP },
		[POLICY_UNASKED] = { POLICY_FIRST, ABANDON | CONNECT_ASK },
		[POLICY_LOST] = STAY(POLICY_FIRST),
		[POLICY_DOUBT] = STAY(POLICY_FIRST),
		[POLICY_HEARD] = STAY(POLICY_FIRST),
		[POLICY_NUDGE] = { POLICY_FIRST, JOIN },
		[POLICY_PERSON] = { POLICY_FIRST, JOIN },
		[POLICY_SHARED] = STAY(POLICY_FIRST),
		[POLICY_TIMER] = { POLICY_FIRST, JOIN },
		[POLICY_GONE] = STAY(POLICY_FIRST),
	},
	[POLICY_FIRST_WAIT] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = STAY(POLICY_FIRST_WAIT),
		[POLICY_UNREACHED] = STAY(POLICY_FIRST_WAIT),
		[POLICY_REFUSED] = STAY(POLICY_FIRST_WAIT),
		[POLICY_STRANGER] = STAY(POLICY_FIRST_WAIT),
		[POLICY_UNASKED] = STAY(POLICY_FIRST_WAIT),
		[POLICY_LOST] = STAY(POLICY_FIRST_WAIT),
		[POLICY_DOUBT] = STAY(POLICY_FIRST_WAIT),
		[POLICY_HEARD] = STAY(POLICY_FIRST_WAIT),
		[POLICY_NUDGE] = { POLICY_FIRST, CONNECT_ASK | GAP },
		[POLICY_PERSON] = { POLICY_FIRST, CONNECT_ASK | GAP },
		[POLICY_SHARED] = { POLICY_FIRST, CONNECT_ASK },
		[POLICY_TIMER] = { POLICY_FIRST, CONNECT_ASK },
		[POLICY_GONE] = STAY(POLICY_FIRST_WAIT),
	},
	[POLICY_FIRST_REFUSED] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = STAY(POLICY_FIRST_REFUSED),
		[POLICY_REFUSED] = STAY(POLICY_FIRST_REFUSED),
		[POLICY_STRANGER] = STAY(POLICY_FIRST_REFUSED),
		[POLICY_LOST] = STAY(POLICY_FIRST_REFUSED),
		[POLICY_DOUBT] = STAY(POLICY_FIRST_REFUSED),
		[POLICY_HEARD] = STAY(POLICY_FIRST_REFUSED),
		[POLICY_NUDGE] = STAY(POLICY_FIRST_REFUSED),
		[POLICY_PERSON] = { POLICY_FIRST, CONNECT_ASK },
		[POLICY_SHARED] = { POLICY_FIRST, CONNECT_ASK },
		[POLICY_TIMER] = { POLICY_FIRST, CONNECT_ASK },
		[POLICY_GONE] = STAY(POLICY_FIRST_REFUSED),
	},
	[POLICY_UP] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = STAY(POLICY_UP),
		[POLICY_REFUSED] = STAY(POLICY_UP),
		[POLICY_STRANGER] = STAY(POLICY_UP),
		[POLICY_LOST] = { POLICY_DOWN_TRY, LIFE },
		[POLICY_DOUBT] = { POLICY_DOUBT_TRY, CONNECT },
		[POLICY_HEARD] = STAY(POLICY_UP),
		[POLICY_NUDGE] = STAY(POLICY_UP),
		[POLICY_PERSON] = STAY(POLICY_UP),
		[POLICY_SHARED] = STAY(POLICY_UP),
		[POLICY_TIMER] = STAY(POLICY_UP),
		[POLICY_GONE] = { POLICY_DOWN_GONE, ABANDON },
	},
	[POLICY_DOUBT_TRY] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = { POLICY_DOUBT_WAIT, BACK_OFF },
		[POLICY_REFUSED] = { POLICY_DOUBT_ASK, ALONE },
		[POLICY_STRANGER] = { POLICY_DOUBT_STRANGER, 0 },
		[POLICY_LOST] = { POLICY_DOWN_TRY, KEEP },
		[POLICY_DOUBT] = STAY(POLICY_DOUBT_TRY),
		[POLICY_HEARD] = { POLICY_UP, ABANDON | ALIVE },
		[POLICY_NUDGE] = { POLICY_DOUBT_TRY, JOIN },
		[POLICY_PERSON] = { POLICY_DOUBT_TRY, JOIN },
		[POLICY_SHARED] = STAY(POLICY_DOUBT_TRY),
		[POLICY_TIMER] = { POLICY_DOUBT_WAIT, ABANDON | BACK_OFF },
		[POLICY_GONE] = { POLICY_DOWN_GONE, ABANDON },
	},
	[POLICY_DOUBT_WAIT] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = STAY(POLICY_DOUBT_WAIT),
		[POLICY_REFUSED] = { POLICY_DOUBT_ASK, ALONE },
		[POLICY_STRANGER] = STAY(POLICY_DOUBT_WAIT),
		[POLICY_LOST] = { POLICY_DOWN_WAIT, KEEP },
		[POLICY_DOUBT] = STAY(POLICY_DOUBT_WAIT),
		[POLICY_HEARD] = { POLICY_UP, ALIVE },
		[POLICY_NUDGE] = { POLICY_DOUBT_TRY, CONNECT | GAP },
		[POLICY_PERSON] = { POLICY_DOUBT_TRY, CONNECT | GAP },
		[POLICY_SHARED] = { POLICY_DOUBT_TRY, CONNECT },
		[POLICY_TIMER] = { POLICY_DOUBT_TRY, CONNECT },
		[POLICY_GONE] = { POLICY_DOWN_GONE, ABANDON },
	},
	[POLICY_DOUBT_ASK] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = STAY(POLICY_DOUBT_ASK),
		[POLICY_REFUSED] = { POLICY_DOUBT_ASK, ALONE },
		[POLICY_STRANGER] = STAY(POLICY_DOUBT_ASK),
		[POLICY_LOST] = { POLICY_DOWN_ASK, KEEP },
		[POLICY_DOUBT] = STAY(POLICY_DOUBT_ASK),
		[POLICY_HEARD] = { POLICY_UP, ALIVE },
		[POLICY_NUDGE] = STAY(POLICY_DOUBT_ASK),
		[POLICY_PERSON] = { POLICY_DOUBT_TRY, CONNECT_ASK },
		[POLICY_SHARED] = { POLICY_DOUBT_TRY, CONNECT },
		[POLICY_TIMER] = { POLICY_DOUBT_TRY, CONNECT }, /* only with ALONE */
		[POLICY_GONE] = { POLICY_DOWN_GONE, ABANDON },
	},
	[POLICY_DOUBT_STRANGER] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = STAY(POLICY_DOUBT_STRANGER),
		[POLICY_REFUSED] = STAY(POLICY_DOUBT_STRANGER),
		[POLICY_STRANGER] = STAY(POLICY_DOUBT_STRANGER),
		[POLICY_LOST] = { POLICY_DOWN_STRANGER, KEEP },
		[POLICY_DOUBT] = STAY(POLICY_DOUBT_STRANGER),
		[POLICY_HEARD] = { POLICY_UP, ALIVE },
		[POLICY_NUDGE] = STAY(POLICY_DOUBT_STRANGER),
		[POLICY_MOVED] = { POLICY_DOUBT_TRY, CONNECT | GAP },
		[POLICY_PERSON] = { POLICY_DOUBT_TRY, CONNECT_ASK },
		[POLICY_SHARED] = { POLICY_DOUBT_TRY, CONNECT },
		[POLICY_TIMER] = { POLICY_DOUBT_TRY, CONNECT }, /* only behind GAP */
		[POLICY_GONE] = { POLICY_DOWN_GONE, ABANDON },
	},
	[POLICY_DOWN_TRY] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = { POLICY_DOWN_WAIT, BACK_OFF },
		[POLICY_REFUSED] = { POLICY_DOWN_ASK, ALONE },
		[POLICY_STRANGER] = { POLICY_DOWN_STRANGER, 0 },
		[POLICY_LOST] = STAY(POLICY_DOWN_TRY),
		[POLICY_DOUBT] = STAY(POLICY_DOWN_TRY),
		[POLICY_HEARD] = STAY(POLICY_DOWN_TRY),
		[POLICY_NUDGE] = { POLICY_DOWN_TRY, JOIN },
		[POLICY_PERSON] = { POLICY_DOWN_TRY, JOIN },
		[POLICY_SHARED] = STAY(POLICY_DOWN_TRY),
		[POLICY_TIMER] = { POLICY_DOWN_WAIT, ABANDON | BACK_OFF },
		[POLICY_GONE] = { POLICY_DOWN_GONE, ABANDON },
	},
	[POLICY_DOWN_WAIT] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = STAY(POLICY_DOWN_WAIT),
		[POLICY_REFUSED] = { POLICY_DOWN_ASK, ALONE },
		[POLICY_STRANGER] = STAY(POLICY_DOWN_WAIT),
		[POLICY_LOST] = STAY(POLICY_DOWN_WAIT),
		[POLICY_DOUBT] = STAY(POLICY_DOWN_WAIT),
		[POLICY_HEARD] = STAY(POLICY_DOWN_WAIT),
		[POLICY_NUDGE] = { POLICY_DOWN_TRY, CONNECT | GAP },
		[POLICY_PERSON] = { POLICY_DOWN_TRY, CONNECT | GAP },
		[POLICY_SHARED] = { POLICY_DOWN_TRY, CONNECT },
		[POLICY_TIMER] = { POLICY_DOWN_TRY, CONNECT },
		[POLICY_GONE] = { POLICY_DOWN_GONE, ABANDON },
	},
	[POLICY_DOWN_ASK] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = STAY(POLICY_DOWN_ASK),
		[POLICY_REFUSED] = { POLICY_DOWN_ASK, ALONE },
		[POLICY_STRANGER] = STAY(POLICY_DOWN_ASK),
		[POLICY_LOST] = STAY(POLICY_DOWN_ASK),
		[POLICY_DOUBT] = STAY(POLICY_DOWN_ASK),
		[POLICY_HEARD] = STAY(POLICY_DOWN_ASK),
		[POLICY_NUDGE] = STAY(POLICY_DOWN_ASK),
		[POLICY_PERSON] = { POLICY_DOWN_TRY, CONNECT_ASK },
		[POLICY_SHARED] = { POLICY_DOWN_TRY, CONNECT },
		[POLICY_TIMER] = { POLICY_DOWN_TRY, CONNECT },
		[POLICY_GONE] = { POLICY_DOWN_GONE, ABANDON },
	},
	[POLICY_DOWN_STRANGER] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = STAY(POLICY_DOWN_STRANGER),
		[POLICY_REFUSED] = STAY(POLICY_DOWN_STRANGER),
		[POLICY_STRANGER] = STAY(POLICY_DOWN_STRANGER),
		[POLICY_LOST] = STAY(POLICY_DOWN_STRANGER),
		[POLICY_DOUBT] = STAY(POLICY_DOWN_STRANGER),
		[POLICY_HEARD] = STAY(POLICY_DOWN_STRANGER),
		[POLICY_NUDGE] = STAY(POLICY_DOWN_STRANGER),
		[POLICY_MOVED] = { POLICY_DOWN_TRY, CONNECT | GAP },
		[POLICY_PERSON] = { POLICY_DOWN_TRY, CONNECT_ASK },
		[POLICY_SHARED] = { POLICY_DOWN_TRY, CONNECT },
		[POLICY_TIMER] = { POLICY_DOWN_TRY, CONNECT }, /* only behind GAP */
		[POLICY_GONE] = { POLICY_DOWN_GONE, ABANDON },
	},
	[POLICY_DOWN_GONE] = {
		[POLICY_READY] = { POLICY_UP, ALIVE },
		[POLICY_FAILED] = STAY(POLICY_DOWN_GONE),
		[POLICY_REFUSED] = STAY(POLICY_DOWN_GONE),
		[POLICY_STRANGER] = STAY(POLICY_DOWN_GONE),
		[POLICY_LOST] = STAY(POLICY_DOWN_GONE),
		[POLICY_DOUBT] = STAY(POLICY_DOWN_GONE),
		[POLICY_HEARD] = STAY(POLICY_DOWN_GONE),
		[POLICY_NUDGE] = STAY(POLICY_DOWN_GONE),
		[POLICY_PERSON] = { POLICY_DOWN_TRY, CONNECT_ASK },
		[POLICY_SHARED] = STAY(POLICY_DOWN_GONE),
		[POLICY_TIMER] = STAY(POLICY_DOWN_GONE),
		[POLICY_GONE] = STAY(POLICY_DOWN_GONE),
	},
};
#undef STAY

static const char *const state_names[POLICY_STATES] = {
	[POLICY_FIRST] = "first login",
	[POLICY_FIRST_WAIT] = "first login, waiting",
	[POLICY_FIRST_REFUSED] = "first login, refused",
	[POLICY_UP] = "up",
	[POLICY_DOUBT_TRY] = "in doubt, connecting",
	[POLICY_DOUBT_WAIT] = "in doubt, waiting",
	[POLICY_DOUBT_ASK] = "in doubt, login refused",
	[POLICY_DOUBT_STRANGER] = "in doubt, another host key",
	[POLICY_DOWN_TRY] = "down, connecting",
	[POLICY_DOWN_WAIT] = "down, waiting",
	[POLICY_DOWN_ASK] = "down, login refused",
	[POLICY_DOWN_STRANGER] = "down, another host key",
	[POLICY_DOWN_GONE] = "down, session gone",
};

static const char *const event_names[POLICY_EVENTS] = {
	[POLICY_READY] = "ready",
	[POLICY_FAILED] = "attempt failed",
	[POLICY_UNREACHED] = "host not reached",
	[POLICY_REFUSED] = "login refused",
	[POLICY_STRANGER] = "another host key",
	[POLICY_UNASKED] = "login wants a person",
	[POLICY_LOST] = "link lost",
	[POLICY_DOUBT] = "link in doubt",
	[POLICY_HEARD] = "link heard",
	[POLICY_NUDGE] = "nudge",
	[POLICY_MOVED] = "network changed",
	[POLICY_PERSON] = "person",
	[POLICY_SHARED] = "login of another window",
	[POLICY_GONE] = "session gone",
	[POLICY_TIMER] = "timer",
};

void
policy_init(struct policy *p, uint64_t seed)
{
	*p = (struct policy){ .state = POLICY_FIRST, .random = seed * 2 + 1 };
}

/* Between 3/4 and 5/4 of it, so that many clients of one server do not come at once. */
static uint64_t
jitter(struct policy *p, uint64_t us)
{
	p->random ^= p->random << 13; /* xorshift64, Marsaglia 2003 */
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return us - us / 4 + p->random % (us / 2 + 1);
}

static bool
tries(const struct policy *p)
{
	return p->state == POLICY_FIRST || p->state == POLICY_DOUBT_TRY
	    || p->state == POLICY_DOWN_TRY;
}

/* ---- attempts side by side ---- */

/* None runs any more. */
static void
none_runs(struct policy *p)
{
	p->running = p->joined = p->most = 0;
	p->may_ask = false;
	p->hurry_us = 0;
}

static unsigned
connect_now(struct policy *p, unsigned how, uint64_t now_us)
{
	bool first = p->state == POLICY_FIRST;
	p->tried_us = p->told_us = now_us;
	p->running++;
	p->hurry_us = 0;
	p->moved = false;
	/* In the first login ssh talks to the person itself, and the caller sees when. */
	p->may_ask = how == POLICY_CONNECT_ASK && !first;
	/* A person may take long to type; the server's LoginGraceTime bounds it. */
	p->deadline_us = how == POLICY_CONNECT && !first ? now_us + attempt_max_us : 0;
	return how;
}

static uint64_t
more(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* So long the youngest attempt may be silent. */
static uint64_t
patience_us(const struct policy *p)
{
	uint64_t us = more(stall_us, p->login_us + stall_us / 2);
	for (unsigned i = 1; !p->dead && i < p->joined && us < stall_max_us; i++)
		us *= 2;
	if (p->hurry_us && p->running < p->most)
		us = us < p->hurry_us ? us : p->hurry_us;
	return us;
}

/* When the youngest attempt has been silent for too long; 0: never. */
static uint64_t
stalled_at(const struct policy *p)
{
	if (!tries(p) || !p->running || p->held || p->may_ask)
		return 0;
	return p->told_us + patience_us(p);
}

/* What a key or a person allows: sooner, and more of them. */
static void
hurry(struct policy *p, enum policy_event event)
{
	bool person = event == POLICY_PERSON;
	uint64_t us = person ? more(person_stall_us, p->login_us)
			     : more(nudged_stall_us, p->login_us + nudged_stall_us / 2);
	unsigned most = person ? SIDE_BY_SIDE_PERSON : SIDE_BY_SIDE;
	if (event == POLICY_TIMER)
		return;
	p->most = p->most > most ? p->most : most;
	p->hurry_us = p->hurry_us && p->hurry_us < us ? p->hurry_us : us;
}

/* Another beside one that tells nothing, or in the place of the elder of two. */
static unsigned
join(struct policy *p, enum policy_event event, uint64_t now_us)
{
	hurry(p, event);
	unsigned drop = 0;
	uint64_t at_us = stalled_at(p);
	if (!at_us || now_us < at_us)
		return 0;
	if (p->running >= more(SIDE_BY_SIDE, p->most)) {
		drop = POLICY_DROP;
		p->running--;
	}
	p->joined++;
	return drop | connect_now(p, POLICY_CONNECT, now_us);
}

void
policy_begin(struct policy *p, uint64_t now_us)
{
	bool held = p->held;
	none_runs(p);
	p->state = POLICY_FIRST;
	p->held = held;
	(void)connect_now(p, POLICY_CONNECT_ASK, now_us);
}

void
policy_progress(struct policy *p, uint64_t now_us)
{
	p->told_us = now_us;
}

void
policy_measured(struct policy *p, uint64_t silence_us)
{
	p->login_us = silence_us < stall_max_us / 2 ? silence_us : stall_max_us / 2;
}

/* ---- events ---- */

/* The link ended: connect at once, unless it has done nothing but die lately. */
static unsigned
after_life(struct policy *p, uint64_t now_us)
{
	p->short_lives = now_us < p->up_us + short_life_us ? p->short_lives + 1 : 0;
	size_t i = p->short_lives < LAST(short_life_wait_us) ? p->short_lives
							     : LAST(short_life_wait_us);
	if (!short_life_wait_us[i])
		return connect_now(p, POLICY_CONNECT, now_us);
	p->state = POLICY_DOWN_WAIT;
	p->deadline_us = now_us + jitter(p, short_life_wait_us[i]);
	return 0;
}

/* Ends the wait then.  Whoever types while nothing works is not to wait longer for that
 * afterwards. */
static void
hasten(struct policy *p, uint64_t at_us)
{
	p->deadline_us = at_us;
	if (p->tries)
		p->tries--;
}

static void
wait_alone(struct policy *p, uint64_t now_us)
{
	size_t i = p->refusals < LAST(refused_wait_us) ? p->refusals
						       : LAST(refused_wait_us);
	if (!p->unattended)
		return;
	p->refusals++;
	p->deadline_us = now_us + jitter(p, refused_wait_us[i]);
}

/* Of the states behind the first login what came to an attempt is less.  An attempt that has
 * met a stranger in the network before this one says nothing of this one. */
static enum policy_event
as_known(const struct policy *p, enum policy_event event)
{
	/* Another network may ask nobody: nobody is told what becomes of it. */
	if (event == POLICY_MOVED && p->lean && policy_wants_person(p->state))
		return POLICY_SHARED;
	if (event == POLICY_MOVED && !policy_meets_stranger(p->state))
		return POLICY_NUDGE;
	if (event == POLICY_STRANGER && p->moved && p->state != POLICY_FIRST)
		return POLICY_FAILED;
	/* It is over then, as where a stranger answers. */
	if (event == POLICY_REFUSED && p->state == POLICY_FIRST
	    && !(p->insists && p->unattended))
		return POLICY_STRANGER;
	if (event == POLICY_UNREACHED && !(p->state == POLICY_FIRST && p->waits)
	    && p->state != POLICY_FIRST_WAIT)
		return POLICY_FAILED;
	if (event == POLICY_UNASKED && p->state != POLICY_FIRST
	    && p->state != POLICY_FIRST_WAIT)
		return POLICY_REFUSED;
	return event;
}

/* One of several has ended: the others go on. */
static bool
goes_on(struct policy *p, enum policy_event event)
{
	bool others = event == POLICY_FAILED || event == POLICY_UNREACHED
	    || (event == POLICY_STRANGER && p->state != POLICY_FIRST);
	if (!others || p->running < 2)
		return false;
	p->running--;
	return true;
}

/* The policy's own timer is of the attempts that run, or of the youngest. */
static bool
only_stalls(const struct policy *p, enum policy_event event, uint64_t now_us)
{
	return event == POLICY_TIMER && tries(p)
	    && (!p->deadline_us || now_us < p->deadline_us);
}

/* Too soon behind the last attempt: a little later. */
static bool
puts_off(struct policy *p, unsigned does, uint64_t now_us)
{
	uint64_t at_us = p->tried_us + nudge_gap_us;
	if (!(does & GAP) || now_us >= at_us)
		return false;
	if (!p->deadline_us || p->deadline_us > at_us)
		hasten(p, at_us);
	return true;
}

static unsigned
follow(struct policy *p, struct rule rule, enum policy_event event, uint64_t now_us)
{
	unsigned out = rule.does & (ABANDON | GIVE_UP);
	if (rule.does & GAP)
		hasten(p, now_us);
	if (event == POLICY_TIMER || (rule.next != p->state && !(rule.does & KEEP)))
		p->deadline_us = 0;
	if (event == POLICY_REFUSED && p->running > 1)
		out |= ABANDON;
	p->held |= event == POLICY_UNASKED; /* the next one would want the person, too */
	p->state = rule.next;
	if (event == POLICY_READY || !tries(p) || out & (ABANDON | GIVE_UP))
		none_runs(p);
	if (rule.does & ALIVE) {
		p->tries = p->refusals = 0;
		if (event == POLICY_READY)
			p->up_us = now_us;
	}
	if (rule.does & BACK_OFF) {
		size_t i = p->tries < LAST(wait_us) ? p->tries : LAST(wait_us);
		p->tries++;
		p->deadline_us = now_us + jitter(p, wait_us[i]);
	}
	if (rule.does & ALONE)
		wait_alone(p, now_us);
	if (rule.does & LIFE)
		out |= after_life(p, now_us);
	if (rule.does & (CONNECT | CONNECT_ASK))
		out |= connect_now(p, rule.does & (CONNECT | CONNECT_ASK), now_us);
	return out;
}

unsigned
policy_on(struct policy *p, enum policy_event told, uint64_t now_us)
{
	enum policy_event event = as_known(p, told);
	p->moved |= told == POLICY_MOVED && tries(p);
	if (event == POLICY_TIMER && !policy_deadline(p))
		return 0;
	if (only_stalls(p, event, now_us))
		return join(p, event, now_us);
	struct rule rule = rules[p->state][event];
	if (rule.does & JOIN)
		return join(p, event, now_us);
	if (goes_on(p, event) || puts_off(p, rule.does, now_us))
		return 0;
	return follow(p, rule, event, now_us);
}

uint64_t
policy_deadline(const struct policy *p)
{
	uint64_t stalls_us = stalled_at(p);
	if (!stalls_us || (p->deadline_us && p->deadline_us < stalls_us))
		return p->deadline_us;
	return stalls_us;
}

bool
policy_meets_stranger(enum policy_state state)
{
	return state == POLICY_DOUBT_STRANGER || state == POLICY_DOWN_STRANGER;
}

bool
policy_wants_person(enum policy_state state)
{
	return state == POLICY_DOUBT_ASK || state == POLICY_DOWN_ASK
	    || state == POLICY_DOWN_GONE || policy_meets_stranger(state);
}

const char *
policy_state_name(enum policy_state state)
{
	return state < POLICY_STATES ? state_names[state] : "?";
}

const char *
policy_event_name(enum policy_event event)
{
	return event < POLICY_EVENTS ? event_names[event] : "?";
}
