/*
 * A link with its two descriptors: bytes in and out for the engine.
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
	struct buf queue; /* written to `out` as it takes it */
	const struct loop *loop; /* for the time */
	bool full; /* `out` took no more: it is asked first */
	bool copies; /* nothing can be lent to it */
	bool heard; /* something has been read */
	uint64_t moved; /* bytes read and written */
	uint64_t moved_us; /* when that was */
	uint64_t counted, counted_us; /* as it was when a second began, and when */
	uint64_t moved_before; /* as it was when memory was given back last */
	bool broken; /* the other side is gone; the owner closes */
};

/* A link without descriptors yet.  `readable` is called when there is something to
 * read; the owner then calls pipe_read. */
void pipe_init(struct pipe *io, void (*readable)(void *owner, short revents), void *owner,
    uint64_t now_us);
/* Takes the descriptors (makes them non-blocking) and watches them; false: the loop has no
 * room, and pipe_close is all that can be done. */
bool pipe_open(struct pipe *io, struct loop *loop, int in, int out);
/* Closes the descriptors and frees the memory; takes a zeroed or closed one. */
void pipe_close(struct pipe *io, struct loop *loop);

/* Gives memory back when nothing has moved for a moment.  Returns when to call it again;
 * 0: when something has moved. */
uint64_t pipe_trim(struct pipe *io, uint64_t now_us);

/* Reads what is there into link.in; false at the end of file (then broken is set). */
bool pipe_read(struct pipe *io);
/* When there may be something to write or to doubt: as engine_deadline, but while the
 * descriptor takes no more, nothing can be sent.  0: on events only. */
uint64_t pipe_deadline(const struct pipe *io, const struct engine *e);
/* Fills the queue from the engine (NULL: only writes) and writes what goes. */
void pipe_write(struct pipe *io, struct engine *e, uint64_t now_us);

#endif
