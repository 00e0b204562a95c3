/*
 * What the program asks its terminal, of which it may have several, near and far: one of them
 * answers, once, or else the model.
 *
 *     program ---- question ----> every terminal
 *                    |               |
 *                    | model's       | theirs, among the keys
 *                    v               v
 *                 it waits       of the answerer: goes to the program
 *                    |           of the others: late, dropped
 *                    |
 *                    +-- 1 s and two round trips later, and the answerer's link does not answer:
 *                        the model's goes to the program, and the answerer's is late
 *
 * The answerer is who typed last.  An answer is told by its form; one that looks like it and is
 * not expected is a key.  Pure.
 */
#ifndef SERVER_QUESTIONS_H
#define SERVER_QUESTIONS_H

#include "base/buf.h"
#include "server/sequence.h"

enum {
	QUESTIONS_MAX = 16, /* that wait; more are the terminal's alone */
	QUESTIONS_TEXT = 2 * 1024, /* bytes of the model's answers that wait */
	QUESTIONS_WAIT_US = 1000 * 1000,
	QUESTIONS_LATE_US = 5 * 1000
	    * 1000, /* a terminal that has the question by then answers */
};

/* Of one client: its keys with the answers among them.  Zeroed at the beginning. */
struct typed {
	struct sequence sequence;
	size_t decoded; /* of the bytes that wait, so many were looked at: */
	size_t pass; /* the first go to the program, */
	size_t drop; /* the next are a late answer */
	bool begun; /* the program has the beginning of what was decoded last */
	uint8_t late[ANSWER_KINDS]; /* so many answers will come and are not wanted */
	uint64_t
	    late_off; /* the terminal has been asked when its output is acknowledged to here */
	uint64_t late_us; /* it was not by then */
};

/* Of a session.  Zeroed at the beginning. */
struct questions {
	struct {
		uint8_t kind;
		uint16_t len;
	} list[QUESTIONS_MAX]; /* the model's answers, which wait */
	size_t n;
	struct buf text;
	uint64_t asked_us; /* the last of them */
	int answerer; /* its place in the list of clients */
};

void questions_init(struct questions *q);
void questions_finish(struct questions *q);

/* The program has asked so many questions, and the model would say this: of the terminal's colours
 * it may know nothing.  They go to the terminal of `answerer`, whose answers count. */
void questions_asked(struct questions *q, struct span would, unsigned questions,
    int answerer, uint64_t now_us);
/* Another client, which has been asked too; its answers to the same are late. */
void typed_asked(struct typed *y, struct span would, unsigned questions, uint64_t off);
/* How long a terminal has for its answer, on a link of this round trip. */
uint64_t questions_patience_us(uint64_t rtt_us);
/* When questions_turn is due; 0: nothing waits. */
uint64_t questions_deadline(const struct questions *q, uint64_t rtt_us);
/* It is due.  `answers`: the answerer's link does, so its terminal has had the time.  Else what
 * waits goes to `out`, and is late of the answerer (NULL: it is gone), whose output ends at `off`. */
void questions_turn(struct questions *q, bool answers, struct typed *answerer,
    uint64_t off, struct buf *out);

/* How many of the bytes that wait of a client (place `i`) may go to the program; those that are
 * to be dropped first are *ret_drop, and then none may.  *ret_told: a string that the terminal has
 * answered is the last of them; n 0: none is. */
size_t typed_look(struct typed *y, struct questions *q, int i, struct span held,
    size_t *ret_drop, struct span *ret_told);
/* So many have gone, or were dropped. */
void typed_took(struct typed *y, size_t n);
/* Time goes on: `acked` of its output, and whether it is here. */
void typed_turn(struct typed *y, uint64_t acked, bool here, uint64_t now_us);

#endif
