/*
 * Where the terminal's cursor is: the question (DSR 6) and the terminal's answer (CPR, ECMA-48
 * 8.3.14: ESC [ row ; column R), which comes among the keys.  Pure.
 *
 * An answer counts if it belongs to the last question, and if the program has written nothing
 * since that was asked.
 */
#ifndef SCREEN_CURSOR_REPORTS_H
#define SCREEN_CURSOR_REPORTS_H

#include "base/buf.h"

enum {
	CURSOR_REPORT_MAX = 12, /* bytes held of an answer that is not complete yet */
	CURSOR_ASKED_MAX = 4, /* questions that are open; a terminal may never answer */
};

struct cursor_reports {
	unsigned asked; /* questions that are not answered yet */
	bool late; /* the program has written since the last one */
	uint8_t held[CURSOR_REPORT_MAX];
	size_t n_held;
};

struct cursor_place {
	int row, col; /* from 0 */
};

/* Appends the question, whatever is open. */
void cursor_reports_ask(struct cursor_reports *c, struct buf *out);
/* The same if no answer that would count is on its way. */
void cursor_reports_ask_once(struct cursor_reports *c, struct buf *out);
/* The program writes. */
void cursor_reports_late(struct cursor_reports *c);
/* Takes the answers out of the keys, in place; returns the bytes left.  There must be room
 * for CURSOR_REPORT_MAX more: what looked like the beginning of an answer and is none comes
 * with what follows it.  *ret_counts: one of the answers counts, and it is *ret_place. */
size_t cursor_reports_filter(struct cursor_reports *c, uint8_t *bytes, size_t n,
    struct cursor_place *ret_place, bool *ret_counts);

#endif
