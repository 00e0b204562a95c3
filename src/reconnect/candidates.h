/*
 * The attempts that run side by side: which of them is meant.  None of it is theirs: an
 * attempt is entered when it starts, and taken out when it is over or has become the link.
 */
#ifndef RECONNECT_CANDIDATES_H
#define RECONNECT_CANDIDATES_H

#include "reconnect/attempt.h"

enum { CANDIDATES_MAX = 3 };

struct candidates {
	struct attempt *list[CANDIDATES_MAX]; /* the oldest first */
	size_t n;
};

/* False: there is no room. */
bool candidates_add(struct candidates *c, struct attempt *a);
/* Takes one that is not among them. */
void candidates_remove(struct candidates *c, const struct attempt *a);
bool candidates_has(const struct candidates *c, const struct attempt *a);
/* Each NULL if there is none. */
struct attempt *candidates_youngest(const struct candidates *c);
/* Whose ssh talks to the person itself. */
struct attempt *candidates_first(const struct candidates *c);
/* That may ask by way of belay. */
struct attempt *candidates_asking(const struct candidates *c);
/* That asks or tells something now. */
struct attempt *candidates_prompting(const struct candidates *c);
/* The oldest of those that ask nobody anything. */
struct attempt *candidates_oldest_unasking(const struct candidates *c);

#endif
