#include "client/ending.h"

/* Constants, in microseconds. */
/* for the host to hear that this client leaves; a second signal is one behind that */
static const uint64_t leave_patience_us = 500 * 1000;
/* for the last acknowledgement, and for ssh to end */
static const uint64_t end_patience_us = 3 * 1000000;

/* What a transition does besides the actions of the caller. */
enum {
	LEAVE = ENDING_LEAVE,
	RECONNECT = ENDING_RECONNECT,
	FINISH = ENDING_END_STREAMS | ENDING_COOK | ENDING_BYE_DONE,
	DETACH = ENDING_COOK | ENDING_KEEP | ENDING_BYE_DETACHED,
	HOW = ENDING_SAY_HOW,
	ACTIONS = 2 * ENDING_LEAVE - 1,
	STATUS = 1 << 16, /* the exit status is the event's */
	FAILED = 1 << 17, /* the exit status is that of a failed connection */
	PATIENCE = 1 << 18, /* the deadline of an end begins */
	MOMENT = 1 << 19, /* a shorter one */
	NOW = 1 << 20, /* the deadline has come */
	RETURNS = 1 << 21, /* of a session that returns: it is left instead */
	RESUMED = 1 << 22, /* of one that returns and was there before: the same */
	DELIVERED = 1 << 23,
	REPLACES = 1 << 24, /* of a session that is replaceable: another one begins */
	SPARES = 1 << 25, /* of one that is whole here: it is gone, and nothing else */
	IS_GONE = 1 << 26,
};

struct rule {
	bool goes; /* false: the state stays */
	enum ending_state next;
	unsigned does;
};

#define GO(state, does) \
	{ \
		true, state, does \
	}
#define DO(does) \
	{ \
		false, 0, does \
	}
#define END(does) GO(ENDING_OVER, LEAVE | (does))
#define ABANDON GO(ENDING_ABANDONING, ENDING_COOK | FAILED | PATIENCE)
#define HANG_UP(unless) GO(ENDING_HANGING_UP, ENDING_COOK | FAILED | PATIENCE | (unless))

/* What is not in it changes nothing. */
static const struct rule rules[ENDING_STATES][ENDING_EVENTS] = {
	[ENDING_STARTING] = {
		[ENDING_UP] = GO(ENDING_RUNNING, 0),
		[ENDING_EXIT] = GO(ENDING_DRAINING, STATUS),
		[ENDING_KEY] = ABANDON,
		[ENDING_TERM] = END(FAILED),
		[ENDING_TERM_AGAIN] = END(FAILED),
		[ENDING_TERMINAL_GONE] = ABANDON,
		[ENDING_FORWARD_FAILED] = ABANDON,
		[ENDING_LOST] = DO(RECONNECT),
		[ENDING_CLOSED] = DO(RECONNECT),
		[ENDING_GONE] = END(FAILED | ENDING_SAY_GONE),
		[ENDING_STOP] = END(STATUS),
	},
	[ENDING_RUNNING] = {
		[ENDING_EXIT] = GO(ENDING_DRAINING, STATUS),
		[ENDING_KEY] = HANG_UP(RETURNS | HOW),
		[ENDING_TERM] = HANG_UP(RETURNS),
		[ENDING_TERM_AGAIN] = HANG_UP(RETURNS),
		[ENDING_TERMINAL_GONE] = HANG_UP(RETURNS),
		[ENDING_FORWARD_FAILED] = HANG_UP(RESUMED | HOW),
		[ENDING_LOST] = DO(RECONNECT),
		[ENDING_CLOSED] = DO(RECONNECT),
		[ENDING_GONE] = END(FAILED | ENDING_SAY_GONE | REPLACES),
		[ENDING_STOP] = END(STATUS),
	},
	[ENDING_AGAIN] = {
		[ENDING_UP] = GO(ENDING_RUNNING, 0),
		[ENDING_EXIT] = GO(ENDING_DRAINING, STATUS),
		[ENDING_KEY] = END(FAILED),
		[ENDING_TERM] = END(FAILED),
		[ENDING_TERM_AGAIN] = END(FAILED),
		[ENDING_TERMINAL_GONE] = END(FAILED),
		[ENDING_FORWARD_FAILED] = ABANDON,
		[ENDING_LOST] = DO(RECONNECT),
		[ENDING_CLOSED] = DO(RECONNECT),
		[ENDING_GONE] = END(FAILED | ENDING_SAY_GONE | REPLACES),
		[ENDING_STOP] = END(STATUS),
	},
	[ENDING_DRAINING] = {
		[ENDING_EXIT] = DO(STATUS),
		[ENDING_SHOWN] = DO(ENDING_COOK), /* as ssh, while connections are open */
		[ENDING_DRAINED] = GO(ENDING_DONE, FINISH | ENDING_FORGET | PATIENCE),
		[ENDING_KEY] = HANG_UP(RETURNS | HOW),
		[ENDING_TERM] = HANG_UP(RETURNS),
		[ENDING_TERM_AGAIN] = HANG_UP(RETURNS),
		[ENDING_TERMINAL_GONE] = HANG_UP(RETURNS),
		[ENDING_FORWARD_FAILED] = HANG_UP(RESUMED | HOW),
		[ENDING_LOST] = DO(RECONNECT),
		[ENDING_CLOSED] = DO(RECONNECT),
		[ENDING_GONE] = END(FAILED | ENDING_SAY_GONE | SPARES),
		[ENDING_STOP] = END(STATUS),
	},
	[ENDING_DONE] = {
		[ENDING_EXIT] = DO(STATUS),
		[ENDING_HURRY] = DO(NOW),
		[ENDING_TERM_AGAIN] = END(FAILED),
		[ENDING_LOST] = END(0),
		[ENDING_CLOSED] = END(0),
		[ENDING_GONE] = END(0),
		[ENDING_FLUSHED] = END(DELIVERED),
		[ENDING_DEADLINE] = END(0),
		[ENDING_STOP] = END(STATUS),
	},
	[ENDING_LEAVING] = {
		[ENDING_EXIT] = DO(STATUS),
		[ENDING_HURRY] = DO(NOW),
		[ENDING_TERM_AGAIN] = END(FAILED),
		[ENDING_LOST] = END(0),
		[ENDING_CLOSED] = END(0),
		[ENDING_GONE] = END(FAILED | ENDING_SAY_GONE),
		[ENDING_FLUSHED] = END(DELIVERED),
		[ENDING_DEADLINE] = END(0),
		[ENDING_STOP] = END(STATUS),
	},
	[ENDING_ABANDONING] = {
		[ENDING_UP] = GO(ENDING_HANGING_UP, 0),
		[ENDING_EXIT] = DO(STATUS),
		[ENDING_HURRY] = DO(NOW),
		[ENDING_TERM] = END(FAILED),
		[ENDING_TERM_AGAIN] = END(FAILED),
		[ENDING_LOST] = DO(RECONNECT),
		[ENDING_CLOSED] = DO(RECONNECT),
		[ENDING_GONE] = END(0),
		[ENDING_DEADLINE] = END(ENDING_SAY_UNTOLD),
		[ENDING_STOP] = END(STATUS),
	},
	[ENDING_HANGING_UP] = {
		[ENDING_EXIT] = DO(STATUS),
		[ENDING_HURRY] = DO(NOW),
		[ENDING_TERM_AGAIN] = END(FAILED),
		[ENDING_LINKED] = GO(ENDING_HUNG_UP, ENDING_BYE_HANGUP),
		[ENDING_LOST] = DO(RECONNECT),
		[ENDING_CLOSED] = DO(RECONNECT),
		[ENDING_GONE] = END(0),
		[ENDING_DEADLINE] = END(ENDING_SAY_UNTOLD),
		[ENDING_STOP] = END(STATUS),
	},
	[ENDING_HUNG_UP] = {
		[ENDING_EXIT] = DO(STATUS),
		[ENDING_HURRY] = DO(NOW),
		[ENDING_TERM_AGAIN] = END(FAILED),
		/* A closed window hangs ssh up as well, perhaps before it has sent our BYE. */
		[ENDING_LOST] = GO(ENDING_HANGING_UP, RECONNECT),
		[ENDING_CLOSED] = END(0),
		[ENDING_GONE] = END(0),
		[ENDING_DEADLINE] = END(0),
		[ENDING_STOP] = END(STATUS),
	},
	[ENDING_OVER] = {
		/* It came before what ended the session, and is taken behind it. */
		[ENDING_EXIT] = DO(STATUS),
	},
};
#undef GO
#undef DO
#undef END
#undef ABANDON
#undef HANG_UP

static const char *const state_names[ENDING_STATES] = {
	[ENDING_STARTING] = "starting",
	[ENDING_RUNNING] = "running",
	[ENDING_AGAIN] = "beginning again",
	[ENDING_DRAINING] = "draining",
	[ENDING_DONE] = "done",
	[ENDING_LEAVING] = "leaving",
	[ENDING_ABANDONING] = "abandoning",
	[ENDING_HANGING_UP] = "hanging up",
	[ENDING_HUNG_UP] = "hung up",
	[ENDING_OVER] = "over",
};

/* timeout(1) sends two signals at once, and so may the end of a terminal. */
static bool
again(struct ending *e, uint64_t now_us)
{
	if (!e->term_us)
		e->term_us = now_us;
	return now_us - e->term_us > leave_patience_us;
}

/* A session that can be come back to is left where another is hung up; one that has nothing
 * to lose is replaced when it is gone, and one that has given all is not missed. */
static struct rule
choose(const struct ending *e, struct rule rule)
{
	if (e->whole && rule.does & SPARES)
		return (struct rule){ .does = IS_GONE };
	if (e->replaceable && rule.does & REPLACES)
		return (struct rule){ true, ENDING_AGAIN, ENDING_SAY_GONE | ENDING_ANEW };
	bool leaves = e->returns
	    && (rule.does & RETURNS || (rule.does & RESUMED && e->resumed));
	if (leaves)
		return (struct rule){ true, ENDING_LEAVING,
			DETACH | (rule.does & HOW) | FAILED | MOMENT };
	rule.does &= ~(unsigned)HOW;
	return rule;
}

unsigned
ending_on(struct ending *e, enum ending_event event, int status, uint64_t now_us)
{
	if (event == ENDING_TERM && again(e, now_us))
		event = ENDING_TERM_AGAIN;
	if (event == ENDING_FLUSHED && e->awaits && e->state == ENDING_DONE)
		return 0;
	struct rule rule = choose(e, rules[e->state][event]);
	if (rule.goes)
		e->state = rule.next;
	if (rule.does & STATUS)
		e->status = status;
	if (rule.does & FAILED)
		e->status = EXIT_FAILED;
	if (rule.does & PATIENCE)
		e->deadline_us = now_us + (e->gone ? 0 : end_patience_us);
	if (rule.does & MOMENT)
		e->deadline_us = now_us + leave_patience_us;
	if (rule.does & NOW)
		e->deadline_us = now_us;
	if (rule.does & DELIVERED)
		e->delivered = true;
	e->gone |= (rule.does & IS_GONE) != 0;
	if (e->state == ENDING_OVER)
		e->deadline_us = 0;
	if (!e->returns)
		rule.does &= ~(unsigned)ENDING_FORGET;
	return rule.does & ACTIONS;
}

uint64_t
ending_deadline(const struct ending *e)
{
	return e->deadline_us;
}

bool
ending_begun(const struct ending *e)
{
	return e->state != ENDING_STARTING && e->state != ENDING_RUNNING
	    && e->state != ENDING_AGAIN;
}

bool
ending_near(const struct ending *e)
{
	return ending_begun(e) && (e->state != ENDING_DRAINING || e->gone);
}

bool
ending_hangs_up(const struct ending *e)
{
	return e->state == ENDING_ABANDONING || e->state == ENDING_HANGING_UP
	    || e->state == ENDING_HUNG_UP;
}

const char *
ending_state_name(enum ending_state state)
{
	return state < ENDING_STATES ? state_names[state] : "?";
}
