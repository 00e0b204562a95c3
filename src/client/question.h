/*
 * One question that ssh asks, from its asking to its answer: it came through the door
 * (door.h), and the answer goes back on a socket that only the asking program has.
 */
#ifndef CLIENT_QUESTION_H
#define CLIENT_QUESTION_H

#include "client/prompt.h"
#include "sys/loop.h"

struct question {
	struct watch watch; /* fn NULL: nobody asks */
	struct buf said; /* by the asking program */
	struct prompt prompt;
	bool known; /* what is asked */
	bool unattended;
};

/* Takes the socket.  While a question is open, another one is refused, and false.
 * `unattended`: so is all but a notice. */
bool question_open(struct question *q, struct loop *loop, int fd, bool unattended);
/* It wants an answer. */
bool question_stands(const struct question *q);
/* Takes keys off the head of *keys; it ends with an answer and when the person cancels all of
 * it. */
enum prompt_event question_keys(struct question *q, struct loop *loop, struct span *keys);
/* Ends it without an answer; takes one that is not open. */
void question_close(struct question *q, struct loop *loop);

#endif
