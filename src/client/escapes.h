/*
 * What the escapes do (ssh(1), ESCAPE CHARACTERS): one table of their help and their
 * functions.  Which keys they have is screen/escape.h's.
 */
#ifndef CLIENT_ESCAPES_H
#define CLIENT_ESCAPES_H

#include "base/buf.h"
#include "screen/escape.h"

struct client;

/* Does what was typed. */
void escapes_do(struct client *s, enum escape_command command);
/* Appends what ~? shows: a line for each escape. */
void escapes_help(char character, struct buf *out);

#endif
