#include "client/sink.h"

#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

/* poll(2) says that a terminal or a pipe takes so much without blocking. */
enum { BLOCKING_WRITE = 512 };

static void
on_writable(void *owner, short revents)
{
	(void)owner; /* the turn of the loop writes */
	(void)revents;
}

void
sink_open(struct sink *sink, struct loop *loop, int fd, struct stream *stream)
{
	int again = isatty(fd) ? tty_reopen(fd) : -1;
	*sink = (struct sink){ .stream = stream,
		.own = again >= 0,
		.blocks = again < 0,
		.watch = { .fd = again < 0 ? fd : again,
		    .fn = on_writable,
		    .owner = sink } };
	if (again < 0 && sys_nonblock_stdio(fd) == 0)
		sink->blocks = false;
	loop_add(loop, &sink->watch);
}

static ssize_t
write_some(struct sink *sink, struct span held)
{
	if (!sink->blocks)
		return write(sink->watch.fd, held.p, held.n);
	if (!sys_wait(sink->watch.fd, POLLOUT, 0)) {
		errno = EAGAIN;
		return -1;
	}
	return write(sink->watch.fd, held.p,
	    held.n < BLOCKING_WRITE ? held.n : BLOCKING_WRITE);
}

bool
sink_write(struct sink *sink)
{
	if (!sink->stream)
		return true;
	bool was_broken = sink->broken;
	struct span held = stream_held(sink->stream);
	while (held.n) {
		ssize_t n = sink->broken ? (ssize_t)held.n : write_some(sink, held);
		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				break;
			sink->broken = true;
			continue;
		}
		stream_take(sink->stream, (size_t)n);
		held = stream_held(sink->stream);
	}
	sink->watch.events = held.n ? POLLOUT : 0;
	return sink->broken == was_broken;
}

bool
sink_drained(const struct sink *sink)
{
	return !sink->stream || stream_drained(sink->stream);
}

void
sink_close(struct sink *sink, struct loop *loop)
{
	if (!sink->stream)
		return;
	loop_remove(loop, &sink->watch);
	if (sink->own)
		close(sink->watch.fd);
	sink->stream = NULL;
}
