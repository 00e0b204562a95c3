/*
 * The windows of before: after this machine has been started again, one for each session that was
 * open when it went down (--restore).
 */
#ifndef CLIENT_RESTORE_H
#define CLIENT_RESTORE_H

#include "client/saved_sessions.h"

enum { RESTORE_MAX = 64 };

/* Of the sessions that this machine has saved, those that were open when it went down, the oldest
 * first; how many.  A machine that goes down closes the windows first: so what was left by its
 * window's end counts, if that was no more than a moment before the last sign of that time. */
size_t restore_choose(const struct saved_session *list, size_t n,
    const uint8_t boot[ID_LEN], const struct saved_session *ret_list[RESTORE_MAX]);
/* Opens them in the terminal that this runs in, or by the command `with` (NULL: none is given), or
 * prints their command lines; the exit status. */
int restore_main(const char *with, bool print);

#endif
