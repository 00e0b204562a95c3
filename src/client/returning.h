/*
 * Whether a shell that was left is come back to, without being asked for by its name.
 *
 * By itself (--return=auto) only where a person sits, and only to what the person means: the
 * session that was left in this very window, or one whose client was cut off (its machine or
 * its window went).  A program that drives a terminal (expect, TRAMP) must never type into
 * what another one has left.  Pure.
 */
#ifndef CLIENT_RETURNING_H
#define CLIENT_RETURNING_H

#include "client/saved_sessions.h"

/* A terminal on which nothing is known to drive belay in a person's place: it is the one
 * that controls this process, which has been started by a shell there, TERM names more than
 * a `dumb` one, and there are escapes.  `expect` and `xterm -e` make belay itself the leader
 * of the terminal's session: which of them it was, nobody can tell. */
bool returning_by_person(const char *term, bool escapes, bool controls, bool leads);

/* A terminal that is certainly driven by a program, as TRAMP's: TERM names none, and no key
 * of it is for us.  Nobody would come back to what is left there: it ends as under ssh. */
bool returning_by_program(const char *term, bool escapes);

/* Whether the session was left in this very window. */
bool returning_to_window(const struct saved_session *m, const struct saved_place *here);

/* Whether `belay host` here comes back to this session, which no client has. */
bool returning_may(enum options_return when, const struct saved_session *m,
    const struct saved_place *here);

#endif
