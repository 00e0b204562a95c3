/*
 * `belay-server hold`: one session.  Owns the program and its clients (clients.h), and
 * outlives every connection.
 *
 *      program <--> peers: a client's streams <--> links (a relay's stdin and stdout)
 *                          another's streams  <--> links
 *                                                  listener: relays bring new links,
 *                                                  or ask about the session
 *
 * The session ends when the program has ended and the client has everything, when the
 * client hangs up or was killed (a program on pipes), when somebody on the host kills it,
 * or when no client has come for `linger`.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

enum { SESSION_LISTENER = 3 }; /* the descriptor on which a holder gets its listener */

/* Descriptor 0 is the first relay's connection, SESSION_LISTENER the socket at `path`.
 * Returns the exit status. */
int session_main(const char *path);
/* In the process that was to become the holder: it cannot.  Descriptor 0 is the relay's
 * connection, which hears of it; the socket is removed. */
void session_cannot(const char *path);

#endif
