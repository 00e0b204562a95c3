/*
 * A child that outlives this process when that is killed, for a moment: it reads on what ssh
 * writes, and drops it.  Else ssh could not write any more, and would end before it has told
 * the host that its input is over; the command would look like one whose connection broke,
 * and be kept.
 *
 *     this process --(a pipe)--> child       its end tells: read on
 *     ssh's stdout ------------> both
 */
#ifndef RECONNECT_DRAIN_H
#define RECONNECT_DRAIN_H

#include <stdbool.h>
#include <sys/types.h>

/* A zeroed one has no child. */
struct drain {
	pid_t pid; /* 0: none */
	int end; /* of the pipe */
};

/* For this link, and no other any more.  Without a process to spare there is none. */
void drain_start(struct drain *d, int ssh_stdout);
/* The link is over: so is the child, when ssh has ended. */
void drain_stop(struct drain *d);
/* A child has ended: perhaps it was this one. */
void drain_reap(struct drain *d);

#endif
