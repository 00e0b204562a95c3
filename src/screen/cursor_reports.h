/*
 * Where the terminal's cursor is: the question (DSR 6) and the terminal's answer (CPR, ECMA-48
 * 8.3.14: ESC [ row ; column R), which comes among the keys.  Pure.
 *
 *     wanted ---- it may be asked ----> open ---- the answer ----> it counts
 *        |                               |
 *        |          250 ms               |  the program writes: it does not count, and is
 *        +----------> failed <-----------+  asked anew behind the answer
 *
 * The 250 ms count from the question on, or from the wish while that cannot be asked.
 * One question is open at a time, and for 5 s an answer is taken from the keys.  Where it has
 * failed nobody waits for it any more, but it counts.
 *
 * The answer looks as a modified F3 does on some terminals (ESC [ 1 ; modifiers R): in the first
 * row it is taken if no such key, or exactly as foretold.  Terminals that are known to answer
 * DECXCPR are asked by that, whose answer is no key's.
 */
#ifndef SCREEN_CURSOR_REPORTS_H
#define SCREEN_CURSOR_REPORTS_H

#include "base/buf.h"

enum {
	CURSOR_REPORT_MAX = 16, /* bytes held of an answer that is not complete yet */
	CURSOR_WAIT_US = 250 * 1000,
	CURSOR_LATE_US = 5 * 1000 * 1000,
	CURSOR_AGAIN_US = 6 * 1000 * 1000, /* where it could not be asked */
	CURSOR_ESCAPE_US = 25 * 1000, /* a person's ESC is held no longer */
};

struct cursor_place {
	int row, col; /* from 0, as they are reported; -1: not known */
};

struct cursor_reports {
	bool by_page; /* the terminal is known to answer DECXCPR */
	bool wanted, failed;
	bool silent; /* failed, though nothing stood between question and answer */
	bool open;
	bool counts; /* the program has not written since it was asked */
	bool asked_by_page;
	uint64_t wanted_us, asked_us;
	struct cursor_place foretold;
	uint8_t held[CURSOR_REPORT_MAX];
	size_t n_held;
	uint64_t held_us; /* since when */
};

/* Somebody wants to know, from now on. */
void cursor_reports_want(struct cursor_reports *c, uint64_t now_us);
/* Time goes on: what is late fails. */
void cursor_reports_at(struct cursor_reports *c, uint64_t now_us);
/* When to call that next; 0: not by itself. */
uint64_t cursor_reports_deadline(const struct cursor_reports *c);
/* It failed because it could not be asked, and that is long enough ago to try again. */
bool cursor_reports_again(const struct cursor_reports *c, uint64_t now_us);
/* It is wanted, and no question is open. */
bool cursor_reports_due(const struct cursor_reports *c);
/* Appends the question.  `foretold`: the answer, as far as it is known. */
void cursor_reports_ask(struct cursor_reports *c, struct cursor_place foretold,
    uint64_t now_us, struct buf *out);
/* The program writes, or the window has another size: an answer to what is open does not
 * count. */
void cursor_reports_late(struct cursor_reports *c);
/* Takes the answers out of the keys, in place; returns the bytes left.  There must be room
 * for CURSOR_REPORT_MAX more: what looked like the beginning of an answer and is none comes
 * with what follows it, or (n may be 0) when cursor_reports_deadline has passed.  Its first
 * byte alone, which is also a key, is held only while the answer is waited for.
 * *ret_counts: one of the answers counts, and it is *ret_place. */
size_t cursor_reports_filter(struct cursor_reports *c, uint8_t *bytes, size_t n,
    uint64_t now_us, struct cursor_place *ret_place, bool *ret_counts);

#endif
