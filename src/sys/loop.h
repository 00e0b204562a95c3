/*
 * The event loop: the one place where a program waits.
 *
 * Watches and timers belong to their owners and are registered by address.  A handler
 * may remove any watch, also its own or one that is about to be called.  Signals are
 * turned into calls at the end of a turn.
 *
 * Of many descriptors those that were ready lately are asked for by themselves; all of them
 * once a millisecond, and whenever these have nothing: the kernel looks at each it is asked
 * for, and hundreds of idle connections would cost more than what the others carry.
 */
#ifndef SYS_LOOP_H
#define SYS_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watch {
	int fd; /* -1: closed */
	short events; /* poll's; may be changed at any time; 0: not watched at all */
	void (*fn)(void *owner, short revents);
	void *owner;
	/* the loop's: the turn in which it was added, and was ready last */
	uint64_t since, ready;
};

enum { LOOP_WATCHES = 1280, LOOP_KEPT = 64 };

struct loop {
	struct watch *watches[LOOP_WATCHES]; /* NULL: free */
	size_t n_watches;
	/* Called at the end of each turn: does what the handlers have made possible, and
	 * returns when it wants to be called again (monotonic us; 0: only on events). */
	uint64_t (*turn)(void *owner, uint64_t now_us);
	void *turn_owner;
	void (*on_signal)(void *owner, int sig);
	uint64_t now_us; /* read once a turn */
	uint64_t turns; /* so many have been taken */
	uint64_t asked_us; /* when all descriptors were asked for */
	bool stopped;
	struct watch signal_watch;
};

/* Handles these signals (0-terminated) by way of on_signal.  One loop a program. */
int loop_init(struct loop *l, const int *signals);
void loop_add(struct loop *l, struct watch *w);
/* Whether there is room for one more of those whose number others decide; LOOP_KEPT are
 * kept for the rest. */
bool loop_has_room(const struct loop *l);
/* Also takes one that was never added. */
void loop_remove(struct loop *l, struct watch *w);
/* Runs until loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Deadlines, where 0 is never: *at becomes the candidate if that comes sooner. */
static inline void
loop_sooner(uint64_t *at, uint64_t candidate)
{
	if (candidate && (!*at || candidate < *at))
		*at = candidate;
}

#endif
