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
 *
 * Full: peers and users decide how many connections there are, so these get no more than
 * loop_room() tells.  The rest, of watches and of descriptors, is kept for the few that a
 * program needs itself: its links, its own sockets.  A caller that cannot add has to have an
 * answer to it.
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

enum {
	LOOP_WATCHES = 1280,
	LOOP_KEPT = 128, /* of them, for the program itself */
	LOOP_FDS_KEPT = 32, /* descriptors: a link, and another that is begun */
};

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
	uint64_t due_us; /* what the last turn wanted, and how often that passed in vain */
	unsigned in_vain;
	size_t fds_max; /* so many descriptors may be open: RLIMIT_NOFILE */
	bool stopped;
	struct watch signal_watch;
};

/* Handles these signals (0-terminated) by way of on_signal.  One loop a program. */
int loop_init(struct loop *l, const int *signals);
/* Adds one of those whose number others decide; false: there is no room. */
__attribute__((warn_unused_result)) bool loop_add(struct loop *l, struct watch *w);
/* Adds one that may have a place that is kept: a program has a fixed number of them. */
__attribute__((warn_unused_result)) bool loop_add_kept(struct loop *l, struct watch *w);
/* How many more of those whose number others decide there is room for: in the loop, and
 * below the limit of descriptors. */
size_t loop_room(const struct loop *l);
/* So many there are at most. */
size_t loop_room_max(const struct loop *l);
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
