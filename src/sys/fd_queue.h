/*
 * Bytes and descriptors on their way from one unix socket to another, in their order: a descriptor
 * comes with a byte, and goes with that.
 *
 * Full: beyond `max` bytes, or FD_QUEUE_FDS descriptors that wait, nothing is received.
 */
#ifndef SYS_FD_QUEUE_H
#define SYS_FD_QUEUE_H

#include "base/buf.h"

enum { FD_QUEUE_FDS = 4, FD_QUEUE_READ = 32 * 1024 };

struct fd_queue {
	struct buf bytes;
	int fds[FD_QUEUE_FDS];
	size_t at[FD_QUEUE_FDS]; /* with which byte each goes */
	size_t n_fds;
};

/* `max` is more than FD_QUEUE_READ. */
void fd_queue_init(struct fd_queue *q, size_t max);
/* Closes what is left; takes a zeroed one. */
void fd_queue_finish(struct fd_queue *q);

bool fd_queue_has_room(const struct fd_queue *q);
/* Takes what is there; false: the end, an error, or too many descriptors. */
bool fd_queue_receive(struct fd_queue *q, int from);
/* Sends what is taken now; false: nobody takes it. */
bool fd_queue_send(struct fd_queue *q, int to);
/* Drops the first n bytes, with which no descriptor comes. */
void fd_queue_drop(struct fd_queue *q, size_t n);

#endif
