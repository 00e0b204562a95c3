/*
 * A link over two descriptors, which lose nothing: ssh's pipes on the client, the relay's
 * stdin and stdout on the host.
 *
 *     in ---> link.in ---> (the owner takes frames)
 *     out <--- queue <--- engine_fill
 *       ^---------------- what a stream keeps (ring.h), lent to a pipe
 *
 * What is lent is acknowledged by the other end before the stream drops it, so the pipe has
 * been read by then; one of a link that is given up may show what stands there later, in
 * frames of what was acknowledged before, which the other end drops.
 */
#ifndef LINK_PIPE_H
#define LINK_PIPE_H

#include "stream/engine.h"
#include "sys/loop.h"

struct pipe {
	struct link link;
	struct watch in, out; /* fd -1: not open */
	struct loop *loop;
	bool full; /* `out` took no more: it is asked first */
	bool copies; /* nothing can be lent to it */
	int err; /* errno of what broke the link; 0: the other side has closed it */
	uint64_t moved; /* bytes read and written */
	uint64_t moved_us; /* when that was */
	uint64_t counted, counted_us; /* as it was when a second began, and when */
	uint64_t moved_before; /* as it was when memory was given back last */
};

/* A link without descriptors yet.  `readable` is called when there is something to
 * read; the owner then calls link_read. */
void pipe_init(struct pipe *p, struct loop *loop,
    void (*readable)(void *owner, short revents), void *owner);
/* Takes the descriptors (makes them non-blocking) and watches them; false: the loop has no
 * room, and link_close is all that can be done. */
bool pipe_open(struct pipe *p, int in, int out);
/* Gives `out` to the caller, who closes it; the link can only be closed then.  -1: there is
 * none. */
int pipe_keep_out(struct pipe *p);

#endif
