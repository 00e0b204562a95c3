/* The first frame of a link: who we are, and what is wanted of the host. */
#ifndef CLIENT_HELLO_H
#define CLIENT_HELLO_H

#include "client/forward_table.h"
#include "client/session_request.h"
#include "ssh/options.h"
#include "stream/engine.h"

/* What it is made of; borrowed. */
struct hello {
	const struct options *options;
	const struct session_request *request;
	const struct forward_table *forwards;
	const uint8_t *client_id; /* ID_LEN bytes */
	struct engine *engine; /* what we hold of each stream */
	bool describes; /* the terminal: the host does not know it */
	uint32_t
	    late_s; /* an earlier attempt may have begun it, or will in so long; 0: none */
};

/* How long the host keeps a session that nobody comes back to; seconds. */
uint32_t hello_linger_s(const struct options *o, const struct session_request *request);
/* Appends it; `resume`: this client has been there.  ERR_FULL, ERR_NOMEM. */
int hello_put(const struct hello *h, bool resume, struct buf *out);

#endif
