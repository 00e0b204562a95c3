#include "sys/fd_queue.h"

#include "sys/sock.h"
#include "sys/sys.h"

#include <string.h>
#include <unistd.h>

void
fd_queue_init(struct fd_queue *q, size_t max)
{
	*q = (struct fd_queue){ .n_fds = 0 };
	buf_init(&q->bytes, max);
}

void
fd_queue_finish(struct fd_queue *q)
{
	while (q->n_fds)
		close(q->fds[--q->n_fds]);
	buf_finish(&q->bytes);
}

bool
fd_queue_has_room(const struct fd_queue *q)
{
	return q->bytes.max - q->bytes.len >= FD_QUEUE_READ;
}

bool
fd_queue_receive(struct fd_queue *q, int from)
{
	int fd;
	size_t n;
	if (!fd_queue_has_room(q))
		return true;
	ssize_t len = sock_receive_fds(from, &q->bytes, FD_QUEUE_READ, &fd, 1, &n);
	if (n && q->n_fds == FD_QUEUE_FDS) {
		close(fd);
		return false;
	}
	if (n) { /* it ends what is received at once, and is the last byte's */
		q->at[q->n_fds] = q->bytes.len - 1;
		q->fds[q->n_fds++] = fd;
	}
	return len >= 0;
}

void
fd_queue_drop(struct fd_queue *q, size_t n)
{
	buf_drop(&q->bytes, n);
	for (size_t i = 0; i < q->n_fds; i++)
		q->at[i] -= n < q->at[i] ? n : q->at[i];
}

/* The byte with which it comes has to be by itself: who takes it reads no more. */
static bool
send_descriptor(struct fd_queue *q, int to)
{
	struct span byte = { buf_bytes(&q->bytes), 1 };
	int err = sock_send_fds(to, byte, q->fds, 1);
	close(q->fds[0]);
	q->n_fds--;
	memmove(q->fds, q->fds + 1, q->n_fds * sizeof *q->fds);
	memmove(q->at, q->at + 1, q->n_fds * sizeof *q->at);
	fd_queue_drop(q, 1);
	return err == 0;
}

bool
fd_queue_send(struct fd_queue *q, int to)
{
	while (q->bytes.len) {
		struct span bytes = buf_span(&q->bytes), nothing = { 0 };
		if (q->n_fds && !q->at[0]) {
			if (!send_descriptor(q, to))
				return false;
			continue;
		}
		if (q->n_fds)
			bytes.n = q->at[0];
		ssize_t n = sys_write_both(to, bytes, nothing);
		if (n <= 0)
			return n == 0;
		fd_queue_drop(q, (size_t)n);
	}
	return true;
}
