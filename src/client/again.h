/*
 * A shell whose session is gone: whether another begins in its place, and what is said of it.
 *
 *     --again      the host was restarted, and it is    the session ended, was killed, or it
 *                  known to be the same machine         is not known which machine answers
 *     auto         at once                              the line asks
 *     ask          the line asks                        the line asks
 *     always       at once                              at once
 *     never        the end                              the end
 *
 * Pure.
 */
#ifndef CLIENT_AGAIN_H
#define CLIENT_AGAIN_H

#include "reconnect/handshake.h"
#include "reconnect/reconnect.h"

enum { AGAIN_TEXT_MAX = 1024 };

/* What was typed for the program that is gone. */
struct again_typed {
	size_t unsent; /* bytes, thrown away */
	size_t doubtful; /* sent, and perhaps never read */
};

enum reconnect_next
again_next(enum options_again when, const struct reconnect_gone *gone);
/* "host restarted 12:04; new shell in ~/src/x (was: make -j8); ...".  `rebooted` counts where the
 * host tells nothing (an older server). */
void again_text(const struct handshake_remains *r, bool rebooted,
    const struct again_typed *typed, int64_t now_s, char ret_text[AGAIN_TEXT_MAX]);

#endif
