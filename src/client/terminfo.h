/* The description of the terminal that belay runs in, for hosts that have none. */
#ifndef CLIENT_TERMINFO_H
#define CLIENT_TERMINFO_H

#include "base/buf.h"

/* No compiled description is longer, term(5). */
enum { TERMINFO_MAX = 32 * 1024 };

/* Appends a compiled description in the traditional format, term(5), which every curses reads:
 * what it cannot say, numbers beyond 32,767, it says as that.  ERR_MESSAGE: it is none; ERR_FULL,
 * ERR_NOMEM. */
int terminfo_traditional(struct span compiled, struct buf *out);
/* Appends this machine's description of `term`.  False: there is none. */
bool terminfo_read(struct span term, struct buf *out);

#endif
