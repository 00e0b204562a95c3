#include "server/lifetime.h"

#include <stddef.h>

static const struct {
	enum lifetime_phase next; /* none goes back to NEW: that is, the same */
	enum lifetime_end end;
} events[LIFETIME_PHASES][LIFETIME_EVENTS] = {
	[LIFETIME_NEW] = {
		[LIFETIME_STARTED] = { LIFETIME_RUNNING, LIFETIME_GOES_ON },
		[LIFETIME_SIGNALLED] = { LIFETIME_OVER, LIFETIME_BY_SIGNAL },
	},
	[LIFETIME_RUNNING] = {
		[LIFETIME_PROGRAM_ENDED] = { LIFETIME_ENDED, LIFETIME_GOES_ON },
		[LIFETIME_KILLED] = { LIFETIME_OVER, LIFETIME_BY_KILL },
		[LIFETIME_HUNG_UP] = { LIFETIME_OVER, LIFETIME_BY_HANGUP },
		[LIFETIME_SIGNALLED] = { LIFETIME_OVER, LIFETIME_BY_SIGNAL },
		[LIFETIME_NONSENSE] = { LIFETIME_OVER, LIFETIME_BY_NONSENSE },
	},
	[LIFETIME_ENDED] = {
		[LIFETIME_KILLED] = { LIFETIME_OVER, LIFETIME_BY_KILL },
		[LIFETIME_HUNG_UP] = { LIFETIME_OVER, LIFETIME_BY_HANGUP },
		[LIFETIME_SIGNALLED] = { LIFETIME_OVER, LIFETIME_BY_SIGNAL },
		[LIFETIME_NONSENSE] = { LIFETIME_OVER, LIFETIME_BY_NONSENSE },
	},
};

enum waited_for { NOBODY_CONNECTED, AWAY, AWAY_UNUSED, DELIVERED, DELIVERED_TO_ALL };

static const uint64_t LINGER = UINT64_MAX;

/* What ends a phase, and how long it has to be so; for a client that is away no longer than
 * the owner has said. */
static const struct {
	enum lifetime_phase phase;
	enum waited_for what;
	uint64_t wait_us;
	enum lifetime_end end;
} waits[] = {
	{ LIFETIME_NEW, NOBODY_CONNECTED, 0, LIFETIME_REFUSED },
	{ LIFETIME_RUNNING, AWAY, LINGER, LIFETIME_LEFT },
	{ LIFETIME_RUNNING, AWAY_UNUSED, LIFETIME_UNUSED_US, LIFETIME_UNUSED },
	{ LIFETIME_ENDED, DELIVERED_TO_ALL, 0, LIFETIME_DELIVERED },
	{ LIFETIME_ENDED, DELIVERED, LIFETIME_EXIT_US, LIFETIME_DELIVERED },
	{ LIFETIME_ENDED, AWAY, LINGER, LIFETIME_LEFT },
	{ LIFETIME_ENDED, AWAY_UNUSED, LIFETIME_UNUSED_US, LIFETIME_UNUSED },
};

static void
become(struct lifetime *l, enum lifetime_phase phase, enum lifetime_end end)
{
	l->phase = phase;
	l->end = end;
}

void
lifetime_on(struct lifetime *l, enum lifetime_event event)
{
	if (events[l->phase][event].next)
		become(l, events[l->phase][event].next, events[l->phase][event].end);
}

static void
note(struct lifetime *l, const struct lifetime_facts *facts, uint64_t now_us)
{
	l->used |= facts->used;
	if (facts->kept)
		l->away_us = 0;
	else if (!l->away_us)
		l->away_us = now_us;
	if (l->phase != LIFETIME_ENDED || !facts->delivered)
		l->delivered_us = 0;
	else if (!l->delivered_us)
		l->delivered_us = now_us;
}

/* Since when it is so; 0: it is not. */
static uint64_t
since(const struct lifetime *l, const struct lifetime_facts *facts, enum waited_for what,
    uint64_t now_us)
{
	switch (what) {
	case NOBODY_CONNECTED:
		return facts->connected ? 0 : now_us;
	case AWAY:
		return l->used ? l->away_us : 0;
	case AWAY_UNUSED:
		return l->used ? 0 : l->away_us;
	case DELIVERED:
		return l->delivered_us;
	case DELIVERED_TO_ALL:
		return facts->connected ? 0 : l->delivered_us;
	}
	return 0;
}

uint64_t
lifetime_turn(struct lifetime *l, const struct lifetime_facts *facts, uint64_t now_us)
{
	uint64_t at = 0;
	enum lifetime_phase phase = l->phase;
	note(l, facts, now_us);
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		uint64_t since_us = since(l, facts, waits[i].what, now_us);
		uint64_t wait_us = waits[i].wait_us;
		if (waits[i].phase != phase || !since_us)
			continue;
		if (waits[i].what != DELIVERED && wait_us > l->linger_us)
			wait_us = l->linger_us;
		if (wait_us > LINGER - since_us)
			continue; /* for ever */
		uint64_t due_us = since_us + wait_us;
		if (phase == LIFETIME_ENDED && due_us < l->late_us)
			due_us = l->late_us;
		if (now_us >= due_us) {
			become(l, LIFETIME_OVER, waits[i].end);
			return 0;
		}
		if (!at || due_us < at)
			at = due_us;
	}
	return at;
}
