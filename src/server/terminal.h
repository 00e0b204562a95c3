/*
 * What programs on the host know of the client's terminal.  Where the host has no description of
 * it (terminfo(5)), the client's own is kept in belay's cache, and TERMINFO_DIRS names that for
 * the session.
 */
#ifndef SERVER_TERMINAL_H
#define SERVER_TERMINAL_H

#include "wire/msg.h"

/* Puts what the client says of its terminal into the environment of the session that begins.
 * False: the host does not know it, and the client has a description to send. */
bool terminal_begin(const struct msg_hello *hello);

#endif
