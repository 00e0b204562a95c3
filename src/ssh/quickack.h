/*
 * While ssh logs in, what arrives on the connection that we made is acknowledged at once.
 *
 * sshd turns Nagle's algorithm off only when the command starts: until then what it says
 * waits for the acknowledgement of what it said before, and our system keeps that back for
 * up to 40 ms, in case ssh has an answer for it to travel with.
 *
 *     connection --> [ssh reads]
 *         '--------> [os_arrivals] --> acknowledge
 */
#ifndef SSH_QUICKACK_H
#define SSH_QUICKACK_H

#include "sys/loop.h"

struct quickack {
	struct loop *loop; /* NULL: not started, or stopped */
	struct watch arrivals;
	int connection; /* as long as this is open, so is the connection */
};

/* Takes the connection over: ssh has another descriptor of it. */
void quickack_start(struct quickack *q, struct loop *loop, int connection);
/* Leaves the connection to ssh.  Takes one that is zeroed or stopped. */
void quickack_stop(struct quickack *q);

#endif
