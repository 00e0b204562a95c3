#include "client/sink.h"

#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

/* poll(2) says that a terminal or a pipe takes so much without blocking. */
enum { BLOCKING_WRITE = 512, OURS_MAX = 1024 * 1024 };

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
	buf_init(&sink->ours, OURS_MAX);
	if (again < 0 && sys_nonblock_stdio(fd) == 0)
		sink->blocks = false;
	/* Without a place it is asked by itself before every write. */
	sink->blocks |= !loop_add_kept(loop, &sink->watch);
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

/* Writes some of it; the bytes that need not be written again, or -1: not now. */
static ssize_t
put(struct sink *sink, struct span bytes)
{
	ssize_t n = sink->broken ? (ssize_t)bytes.n : write_some(sink, bytes);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR)
		return -1;
	sink->broken = true;
	return 0;
}

bool
sink_write(struct sink *sink)
{
	if (!sink->stream)
		return true;
	bool was_broken = sink->broken;
	ssize_t n = 0;
	while (sink->ours.len && (n = put(sink, buf_span(&sink->ours))) >= 0)
		buf_drop(&sink->ours, (size_t)n);
	struct span held = stream_held(sink->stream);
	while (held.n && n >= 0 && (n = put(sink, held)) >= 0) {
		if (sink->term && !sink->broken)
			(void)term_write(sink->term, held.p, (size_t)n);
		stream_take(sink->stream, (size_t)n);
		held = stream_held(sink->stream);
	}
	sink->watch.events = held.n || sink->ours.len ? POLLOUT : 0;
	return sink->broken == was_broken;
}

bool
sink_drained(const struct sink *sink)
{
	return !sink->stream || (stream_drained(sink->stream) && !sink->ours.len);
}

void
sink_close(struct sink *sink, struct loop *loop)
{
	if (!sink->stream)
		return;
	loop_remove(loop, &sink->watch);
	if (sink->own)
		close(sink->watch.fd);
	buf_finish(&sink->ours);
	sink->stream = NULL;
}
