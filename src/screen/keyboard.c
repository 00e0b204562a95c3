#include "screen/keyboard.h"

#include "sys/sys.h"

enum {
	GIVE = KEYBOARD_GIVE,
	SAY = KEYBOARD_SAY,
	LOGIN = KEYBOARD_LOGIN,
	SAY_LATE = KEYBOARD_SAY_LATE,
	FORGET = 16,
};

struct rule {
	unsigned char
	    next; /* a keyboard_state; 0, with nothing to do: the same as before */
	unsigned char does;
};

/* clang-format off */
static const struct rule rules[KEYBOARD_STATES][KEYBOARD_EVENTS] = {
	[KEYBOARD_NOBODY] = {
		[KEYBOARD_OPENS] = { KEYBOARD_PROGRAM, 0 },
	},
	[KEYBOARD_PROGRAM] = {
		[KEYBOARD_ASKS] = { KEYBOARD_HELD, FORGET },
		[KEYBOARD_LINE_OPENS] = { KEYBOARD_LINE, 0 },
		[KEYBOARD_OFFERS] = { KEYBOARD_OFFER, 0 },
		[KEYBOARD_ANEW] = { KEYBOARD_LATE, FORGET },
	},
	[KEYBOARD_OFFER] = {
		[KEYBOARD_ASKS] = { KEYBOARD_HELD, FORGET },
		[KEYBOARD_TYPED] = { KEYBOARD_PROGRAM, 0 },
		[KEYBOARD_ENTER] = { KEYBOARD_OFFER, LOGIN },
		[KEYBOARD_CANCEL] = { KEYBOARD_PROGRAM, 0 },
		[KEYBOARD_LINE_OPENS] = { KEYBOARD_LINE, 0 },
		[KEYBOARD_RECALLS] = { KEYBOARD_PROGRAM, 0 },
		[KEYBOARD_GOES] = { KEYBOARD_LATE, 0 },
		[KEYBOARD_ANEW] = { KEYBOARD_LATE, FORGET },
	},
	[KEYBOARD_LATE] = {
		[KEYBOARD_ASKS] = { KEYBOARD_HELD, FORGET },
		[KEYBOARD_TYPED] = { KEYBOARD_LATE_SAID, SAY_LATE },
		[KEYBOARD_ENTER] = { KEYBOARD_LATE_SAID, SAY_LATE },
		[KEYBOARD_CANCEL] = { KEYBOARD_LATE_SAID, SAY_LATE },
		[KEYBOARD_SETTLES] = { KEYBOARD_PROGRAM, 0 },
		[KEYBOARD_ANEW] = { KEYBOARD_LATE, FORGET },
	},
	[KEYBOARD_LATE_SAID] = {
		[KEYBOARD_ASKS] = { KEYBOARD_HELD, FORGET },
		[KEYBOARD_SETTLES] = { KEYBOARD_PROGRAM, 0 },
		[KEYBOARD_ANEW] = { KEYBOARD_LATE, FORGET },
	},
	[KEYBOARD_LINE] = {
		[KEYBOARD_LINE_ENDS] = { KEYBOARD_PROGRAM, 0 },
	},
	[KEYBOARD_HELD] = {
		[KEYBOARD_QUESTION] = { KEYBOARD_ANSWER, FORGET },
		[KEYBOARD_FAILED] = { KEYBOARD_PROGRAM, FORGET | SAY },
		[KEYBOARD_READY] = { KEYBOARD_PROGRAM, GIVE },
		[KEYBOARD_TYPED] = { KEYBOARD_HELD_PART, 0 },
		[KEYBOARD_CANCEL] = { KEYBOARD_PROGRAM, FORGET },
		[KEYBOARD_ANEW] = { KEYBOARD_LATE, FORGET },
	},
	[KEYBOARD_HELD_PART] = {
		[KEYBOARD_QUESTION] = { KEYBOARD_DROP_ANSWER, FORGET },
		[KEYBOARD_FAILED] = { KEYBOARD_DROP, FORGET },
		[KEYBOARD_READY] = { KEYBOARD_PROGRAM, GIVE },
		[KEYBOARD_ENTER] = { KEYBOARD_HELD, 0 },
		[KEYBOARD_CANCEL] = { KEYBOARD_PROGRAM, FORGET },
		[KEYBOARD_ANEW] = { KEYBOARD_LATE, FORGET },
	},
	[KEYBOARD_ANSWER] = {
		[KEYBOARD_QUESTION] = { KEYBOARD_DROP_ANSWER, 0 },
		[KEYBOARD_WITHDRAWN] = { KEYBOARD_DROP_HELD, 0 },
		[KEYBOARD_FAILED] = { KEYBOARD_DROP, 0 },
		[KEYBOARD_READY] = { KEYBOARD_DROP, 0 },
		[KEYBOARD_ENTER] = { KEYBOARD_HELD, 0 },
		[KEYBOARD_CANCEL] = { KEYBOARD_PROGRAM, 0 },
		[KEYBOARD_ANEW] = { KEYBOARD_LATE, FORGET },
	},
	[KEYBOARD_DROP] = {
		[KEYBOARD_ENTER] = { KEYBOARD_PROGRAM, 0 },
		[KEYBOARD_CANCEL] = { KEYBOARD_PROGRAM, 0 },
		[KEYBOARD_ANEW] = { KEYBOARD_LATE, FORGET },
	},
	[KEYBOARD_DROP_HELD] = {
		[KEYBOARD_QUESTION] = { KEYBOARD_DROP_ANSWER, 0 },
		[KEYBOARD_FAILED] = { KEYBOARD_DROP, 0 },
		[KEYBOARD_READY] = { KEYBOARD_DROP, 0 },
		[KEYBOARD_ENTER] = { KEYBOARD_HELD, 0 },
		[KEYBOARD_CANCEL] = { KEYBOARD_PROGRAM, 0 },
		[KEYBOARD_ANEW] = { KEYBOARD_LATE, FORGET },
	},
	[KEYBOARD_DROP_ANSWER] = {
		[KEYBOARD_WITHDRAWN] = { KEYBOARD_DROP_HELD, 0 },
		[KEYBOARD_FAILED] = { KEYBOARD_DROP, 0 },
		[KEYBOARD_READY] = { KEYBOARD_DROP, 0 },
		[KEYBOARD_ENTER] = { KEYBOARD_ANSWER, 0 },
		[KEYBOARD_CANCEL] = { KEYBOARD_PROGRAM, 0 },
		[KEYBOARD_ANEW] = { KEYBOARD_LATE, FORGET },
	},
};
/* clang-format on */

void
keyboard_forget(struct keyboard *k)
{
	sys_wipe(k->held, sizeof k->held);
	k->n_held = 0;
	k->overflowed = false;
}

unsigned
keyboard_on(struct keyboard *k, enum keyboard_event event)
{
	if (event == KEYBOARD_CLOSES) {
		keyboard_forget(k);
		*k = (struct keyboard){ 0 };
		return 0;
	}
	struct rule rule = rules[k->state][event];
	unsigned does = rule.does & (GIVE | LOGIN | SAY_LATE);
	if (rule.does & SAY && (k->n_held || k->overflowed))
		does |= SAY;
	if (rule.does & FORGET)
		keyboard_forget(k);
	if (rule.next && (keyboard_is_programs(k) || k->state == KEYBOARD_ANSWER))
		k->keys = (struct keys){ 0 }; /* others have decoded what came before */
	if (rule.next)
		k->state = rule.next;
	return does;
}

unsigned
keyboard_asked(struct keyboard *k, bool asks, unsigned question)
{
	bool begins = asks && !k->asks, ends = !asks && k->asks;
	unsigned before = k->question, does = 0;
	k->asks = asks;
	k->question = asks ? question : 0;
	if (begins)
		does |= keyboard_on(k, KEYBOARD_ASKS);
	if (ends)
		does |= keyboard_on(k, KEYBOARD_FAILED);
	else if (k->question != before)
		does |= keyboard_on(k,
		    k->question ? KEYBOARD_QUESTION : KEYBOARD_WITHDRAWN);
	return does;
}

unsigned
keyboard_ready(struct keyboard *k)
{
	k->asks = false;
	k->question = 0;
	return keyboard_on(k, k->overflowed ? KEYBOARD_FAILED : KEYBOARD_READY);
}

bool
keyboard_drops(const struct keyboard *k)
{
	return k->state >= KEYBOARD_DROP;
}

bool
keyboard_is_programs(const struct keyboard *k)
{
	return k->state == KEYBOARD_PROGRAM || k->state == KEYBOARD_OFFER;
}

/* ---- the status line that asks for a login ---- */

static bool
is_late(const struct keyboard *k)
{
	return k->state == KEYBOARD_LATE || k->state == KEYBOARD_LATE_SAID;
}

void
keyboard_offer(struct keyboard *k, bool stands, bool waits, uint64_t now_us)
{
	if (stands && !k->stands_us)
		k->stands_us = now_us;
	if (!stands && k->stands_us) {
		k->stands_us = 0;
		k->gone_us = now_us;
		k->anew = false;
		(void)keyboard_on(k, KEYBOARD_GOES);
	}
	/* Half a paste is worse than none. */
	if (is_late(k) && now_us >= k->gone_us + KEYBOARD_NOTICED_US && !k->keys.pasting)
		(void)keyboard_on(k, KEYBOARD_SETTLES);
	k->noticed = stands && (waits || now_us >= k->stands_us + KEYBOARD_NOTICED_US);
	if (waits)
		(void)keyboard_on(k, KEYBOARD_RECALLS);
	else if (k->noticed)
		(void)keyboard_on(k, KEYBOARD_OFFERS);
}

bool
keyboard_is_anew(const struct keyboard *k)
{
	return k->anew && is_late(k);
}

void
keyboard_anew(struct keyboard *k, uint64_t now_us)
{
	k->stands_us = 0;
	k->gone_us = now_us;
	k->anew = true;
	(void)keyboard_on(k, KEYBOARD_ANEW);
}

uint64_t
keyboard_deadline(const struct keyboard *k)
{
	if (is_late(k) && !k->keys.pasting)
		return k->gone_us + KEYBOARD_NOTICED_US;
	return k->stands_us && !k->noticed ? k->stands_us + KEYBOARD_NOTICED_US : 0;
}

unsigned
keyboard_take_offered(struct keyboard *k, struct span *keys, bool typed)
{
	for (size_t i = 0; i < keys->n && typed && !k->keys.pasting; i++) {
		int key = keys_take(&k->keys, keys->p[i]);
		if (!keys_is_enter(key) && key != KEYS_NONE)
			break;
		if (key == KEYS_NONE)
			continue;
		keys->p += i + 1;
		keys->n -= i + 1;
		k->keys = (struct keys){ 0 };
		return keyboard_on(k, KEYBOARD_ENTER);
	}
	return keyboard_on(k, KEYBOARD_TYPED);
}

unsigned
keyboard_take_late(struct keyboard *k, struct span *keys)
{
	unsigned does = keys->n ? keyboard_on(k, KEYBOARD_TYPED) : 0;
	for (; keys->n; keys->n--)
		(void)keys_take(&k->keys, *keys->p++);
	return does;
}

/* ---- keys that wait, or go nowhere ---- */

static bool
holds(const struct keyboard *k)
{
	return k->state == KEYBOARD_HELD || k->state == KEYBOARD_HELD_PART;
}

static void
hold(struct keyboard *k, uint8_t byte)
{
	if (k->n_held == KEYBOARD_HELD_MAX) {
		keyboard_forget(k);
		k->overflowed = true;
	}
	if (!k->overflowed)
		k->held[k->n_held++] = byte;
}

static enum keyboard_event
event_of(const struct keyboard *k, int key)
{
	if (keys_is_enter(key))
		return KEYBOARD_ENTER;
	/* For a program that is not there yet ^D, and pasted text, are as all else. */
	bool cancels = key == KEYS_CTRL_C ? !(holds(k) && k->keys.pasting)
					  : key == KEYS_CTRL_D && !holds(k);
	return cancels ? KEYBOARD_CANCEL : KEYBOARD_TYPED;
}

bool
keyboard_take(struct keyboard *k, struct span *keys)
{
	while (keys->n && (holds(k) || keyboard_drops(k))) {
		uint8_t byte = *keys->p++;
		bool dropped = keyboard_drops(k);
		int key = keys_take(&k->keys, byte);
		keys->n--;
		if (!dropped)
			hold(k, byte);
		if (key == KEYS_NONE)
			continue;
		enum keyboard_event event = event_of(k, key);
		(void)keyboard_on(k, event);
		if (event == KEYBOARD_CANCEL)
			return true;
		if (dropped && !keyboard_drops(k))
			break;
	}
	return false;
}
