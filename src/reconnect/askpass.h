/*
 * One question that ssh asks, from its asking to its answer: it came through the door
 * (ssh_helper.h), and the answer goes back on a socket that only the asking program has.
 */
#ifndef RECONNECT_ASKPASS_H
#define RECONNECT_ASKPASS_H

#include "screen/prompt.h"
#include "sys/loop.h"

struct askpass {
	struct watch watch; /* fn NULL: nobody asks */
	struct buf said; /* by the asking program */
	struct prompt prompt;
	bool known; /* what is asked */
	bool unattended;
};

/* Takes the socket.  While a question is open, another one is refused, and false.
 * `unattended`: so is all but a notice. */
bool askpass_open(struct askpass *q, struct loop *loop, int fd, bool unattended);
/* It wants an answer. */
bool askpass_stands(const struct askpass *q);
/* Takes keys off the head of *keys; it ends with an answer and when the person cancels all of
 * it. */
enum prompt_event askpass_keys(struct askpass *q, struct loop *loop, struct span *keys);
/* Ends it without an answer; takes one that is not open. */
void askpass_close(struct askpass *q, struct loop *loop);

#endif
