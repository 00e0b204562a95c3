/*
 * `belay-server hold`: one session.  Owns the pty and the streams, and outlives every
 * connection.
 *
 *      pty <----> stream 1 <----> engine <----> links (stdin and stdout of a relay each)
 *                 stream 0 (window size, exit status)
 *                                               listener: relays bring new links
 *
 * The session ends when the program has ended and the client has everything, when the
 * client hangs up, or when no client has come for `linger`.
 */
#ifndef SERVER_HOLD_H
#define SERVER_HOLD_H

enum { HOLD_LISTENER = 3 }; /* the descriptor on which a holder gets its listener */

/* Descriptor 0 is the first relay's connection, HOLD_LISTENER the socket at `path`.
 * Returns the exit status. */
int hold_main(const char *path);

#endif
