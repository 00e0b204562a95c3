/*
 * For whom the keys are: a table of states and events; no I/O.
 *
 *                 the person logs in again             ssh asks
 *     PROGRAM ---------------------------> HELD <-----------------> ANSWER
 *        ^ ^                                 |        answered        |
 *        | +---- the link is there, or ^C ---+                        | the question goes
 *        |                                                            v by itself
 *        +------------------------ Enter, ^C, ^D ------------------- DROP
 *
 * The rule: for whom keys are never changes within a line, unless the person cancels.  A
 * question takes keys only after the person has asked for the login, and when it goes by
 * itself the rest of the line is thrown away: it may be a secret.  What the table does not
 * say changes nothing.
 *
 * Keys typed while ssh logs in and asks nothing are held: they are the program's once the
 * link is there.  If a question follows, or the login ends, they may have been a secret too,
 * and are thrown away.
 *
 * The Enter that asks for the login is the status line's, or the program's, and never both.
 * It is the line's where the line has stood for as long as a person takes to notice it, and
 * nothing that was typed before waits for the program.  When such a line goes by itself, what
 * is typed just then may have been for it, and is thrown away.
 *
 * So it is when another program begins in the place of one that is gone (LATE, too).
 *
 *     PROGRAM <--- something typed waits ---> OFFER ---- Enter ----> the login
 *        ^         the line has stood           |
 *        +--------- noticed, too <--- LATE <----+ the line goes by itself
 */
#ifndef SCREEN_KEYBOARD_H
#define SCREEN_KEYBOARD_H

#include "base/buf.h"
#include "base/keys.h"

enum {
	KEYBOARD_HELD_MAX = 1024,
	KEYBOARD_NOTICED_US = 700
	    * 1000, /* a person has seen the line, or that it has gone */
};

enum keyboard_state {
	KEYBOARD_NOBODY, /* they are not read */
	KEYBOARD_PROGRAM,
	KEYBOARD_OFFER, /* the same, but Enter is the status line's */
	KEYBOARD_LATE, /* thrown away: the line has just gone */
	KEYBOARD_LATE_SAID, /* the same, and the person was told */
	KEYBOARD_LINE, /* for ~C */
	KEYBOARD_HELD, /* a login that may ask runs; at the beginning of a line */
	KEYBOARD_HELD_PART, /* the same, within a line */
	KEYBOARD_ANSWER,
	/* thrown away up to Enter; then they are for ... */
	KEYBOARD_DROP, /* the program */
	KEYBOARD_DROP_HELD, /* the login goes on without the question */
	KEYBOARD_DROP_ANSWER, /* another question than this line was begun for */
	KEYBOARD_STATES
};

enum keyboard_event {
	KEYBOARD_OPENS,
	KEYBOARD_CLOSES,
	KEYBOARD_ASKS, /* the person has asked for a login that may ask */
	KEYBOARD_QUESTION, /* one is open, and another was open before or none */
	KEYBOARD_WITHDRAWN, /* it is not open any more */
	KEYBOARD_FAILED, /* the login is over without a link, or is not needed any more */
	KEYBOARD_READY, /* it has become the link */
	KEYBOARD_TYPED, /* a key that is none of the following */
	KEYBOARD_ENTER, /* what it ends is complete */
	KEYBOARD_CANCEL,
	KEYBOARD_LINE_OPENS,
	KEYBOARD_LINE_ENDS,
	KEYBOARD_OFFERS, /* the status line asks for a login, has stood, and nothing waits */
	KEYBOARD_RECALLS, /* something typed waits */
	KEYBOARD_GOES, /* the status line does not ask for a login any more */
	KEYBOARD_ANEW, /* another program than the keys were typed for has begun */
	KEYBOARD_SETTLES, /* the person has seen that it has gone */
	KEYBOARD_EVENTS
};

/* What the caller is to do; bits. */
enum keyboard_action {
	KEYBOARD_GIVE = 1, /* what is held is the program's: then keyboard_forget */
	KEYBOARD_SAY = 2, /* what was held has been thrown away: the person is told */
	KEYBOARD_LOGIN = 4, /* the person asks for a login that may ask */
	KEYBOARD_SAY_LATE =
	    8, /* a key that came late is thrown away: the person is told */
};

struct keyboard {
	enum keyboard_state state;
	bool asks; /* a login may ask */
	unsigned question; /* that is open; 0: none */
	struct keys keys; /* while they are held or thrown away */
	uint8_t held[KEYBOARD_HELD_MAX];
	size_t n_held;
	bool overflowed; /* more was typed than can be held: none of it is kept */
	uint64_t
	    stands_us; /* since when the status line asks for a login; 0: it does not */
	uint64_t gone_us; /* when it last ceased to */
	bool anew; /* LATE behind another program's beginning */
	/* it has stood; or something waits, and the key that it names is another */
	bool noticed;
};

/* Takes an event; returns the actions. */
unsigned keyboard_on(struct keyboard *k, enum keyboard_event event);
/* How it stands with ssh: whether a login may ask, the number of the open question (0:
 * none).  Makes events of what has changed; returns the actions. */
unsigned keyboard_asked(struct keyboard *k, bool asks, unsigned question);
/* The login has become the link. */
unsigned keyboard_ready(struct keyboard *k);
/* Whether the status line asks for a login, and something typed `waits` for the program, or
 * may yet become something that does.  To be called before keys are taken, and at
 * keyboard_deadline. */
void keyboard_offer(struct keyboard *k, bool stands, bool waits, uint64_t now_us);
/* Another program has begun than what is typed now was meant for: it is thrown away until the
 * person has noticed. */
void keyboard_anew(struct keyboard *k, uint64_t now_us);
/* That is so.  What was typed meanwhile has to be read before keyboard_offer is called again. */
bool keyboard_is_anew(const struct keyboard *k);
/* When the next key will be for another; 0: when something has changed. */
uint64_t keyboard_deadline(const struct keyboard *k);
/* In the state OFFER: takes an Enter off the head of *keys that was `typed`; other keys stay,
 * for the program.  Returns the actions. */
unsigned keyboard_take_offered(struct keyboard *k, struct span *keys, bool typed);
/* In the states LATE: throws *keys away.  Returns the actions. */
unsigned keyboard_take_late(struct keyboard *k, struct span *keys);
/* The program gets them, Enter perhaps not among them. */
bool keyboard_is_programs(const struct keyboard *k);
/* In the states HELD and DROP: takes keys off the head of *keys up to the end of the state.
 * True: they cancel the login. */
bool keyboard_take(struct keyboard *k, struct span *keys);
/* Keys are thrown away up to Enter. */
bool keyboard_drops(const struct keyboard *k);
/* Leaves nothing of what was held in memory. */
void keyboard_forget(struct keyboard *k);

#endif
