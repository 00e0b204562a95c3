/*
 * SOCKS, the part of the server: 4 and 4a (the protocol's memo), 5 without authentication
 * (RFC 1928), CONNECT only; as ssh's -D.
 */
#ifndef TUNNEL_SOCKS_H
#define TUNNEL_SOCKS_H

#include "base/buf.h"
#include "tunnel/connect.h"

/* Takes what it understands off `in`, puts what is to be answered at once onto `out`.
 * Returns 1 when it is known where to (*to), 0: more is needed, -1: it is nonsense, or not
 * done.  *to keeps what has been agreed in between, and is zeroed at first. */
int socks_ask(struct buf *in, struct buf *out, struct target *to);
/* The answer when the connection is open, or cannot be. */
void socks_answer(const struct target *to, bool open, struct buf *out);

#endif
