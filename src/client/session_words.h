/*
 * What a person is told of a session: lines without an end, appended to a buffer; nothing where
 * there is nothing to say.  No I/O.
 */
#ifndef CLIENT_SESSION_WORDS_H
#define CLIENT_SESSION_WORDS_H

#include "client/again.h"
#include "reconnect/handshake.h"
#include "reconnect/reconnect.h"
#include "client/session_request.h"

/* Another session, or the one that was left, has begun: which, or how the other is reached. */
void session_words_begun(const struct session_request *w, const struct options *o,
    const struct handshake *h, struct buf *ret);
/* It goes on without us: how to come back to it, or to end it. */
void
session_words_left(const uint8_t id[ID_LEN], const struct options *o, struct buf *ret);
/* It is gone: why, as far as that is known. */
const char *session_words_gone(const struct reconnect_gone *g, bool looks_on);
/* What is gone, and what the person may do; escape 0: there is none. */
void session_words_asks(const char *gone, char escape, struct buf *ret);
/* Another host key is shown. */
void session_words_stranger(const struct ssh_errors_key *key, struct buf *ret);
/* Of what was typed so much has not left us, or nobody knows whether it has arrived. */
void session_words_unsent(size_t unsent, struct buf *ret);
void session_words_doubtful(size_t doubtful, struct buf *ret);

#endif
