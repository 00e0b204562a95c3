#include "screen/output.h"

#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

/* poll(2) says that a terminal or a pipe takes so much without blocking. */
enum { BLOCKING_WRITE = 512, MODEL_WRITE = 4 * 1024, OURS_MAX = 1024 * 1024 };

static void
on_writable(void *owner, short revents)
{
	(void)owner; /* the turn of the loop writes */
	(void)revents;
}

void
output_open(struct output *output, struct loop *loop, int fd, struct stream *stream)
{
	int again = isatty(fd) ? tty_reopen(fd) : -1;
	*output = (struct output){ .stream = stream,
		.own = again >= 0,
		.blocks = again < 0,
		.watch = { .fd = again < 0 ? fd : again,
		    .fn = on_writable,
		    .owner = output } };
	buf_init(&output->ours, OURS_MAX);
	if (again < 0 && sys_nonblock_stdio(fd) == 0)
		output->blocks = false;
	/* Without a place it is asked by itself before every write. */
	output->blocks |= !loop_add_kept(loop, &output->watch);
}

static ssize_t
write_some(struct output *output, struct span held)
{
	if (!output->blocks)
		return write(output->watch.fd, held.p, held.n);
	if (!sys_wait(output->watch.fd, POLLOUT, 0)) {
		errno = EAGAIN;
		return -1;
	}
	return write(output->watch.fd, held.p,
	    held.n < BLOCKING_WRITE ? held.n : BLOCKING_WRITE);
}

/* Writes some of it; the bytes that need not be written again, or -1: not now. */
static ssize_t
put(struct output *output, struct span bytes)
{
	ssize_t n = output->broken ? (ssize_t)bytes.n : write_some(output, bytes);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR)
		return -1;
	output->broken = true;
	return 0;
}

bool
output_write(struct output *output)
{
	if (!output->stream)
		return true;
	bool was_broken = output->broken;
	ssize_t n = 0;
	while (output->ours.len && (n = put(output, buf_span(&output->ours))) >= 0)
		buf_drop(&output->ours, (size_t)n);
	struct span held = stream_held(output->stream);
	/* A slice of the model's work, then what is typed has its turn. */
	uint64_t until = output->term ? term_work(output->term) + TERM_SLICE : 0;
	while (held.n && n >= 0) {
		if (output->term && held.n > MODEL_WRITE)
			held.n = MODEL_WRITE;
		if ((n = put(output, held)) < 0)
			break;
		if (output->term && !output->broken)
			(void)term_write(output->term, held.p, (size_t)n);
		stream_take(output->stream, (size_t)n);
		held = stream_held(output->stream);
		if (output->term && term_work(output->term) > until)
			break;
	}
	output->watch.events = held.n || output->ours.len ? POLLOUT : 0;
	return output->broken == was_broken;
}

bool
output_drained(const struct output *output)
{
	return !output->stream || (stream_drained(output->stream) && !output->ours.len);
}

void
output_close(struct output *output, struct loop *loop)
{
	if (!output->stream)
		return;
	loop_remove(loop, &output->watch);
	if (output->own)
		close(output->watch.fd);
	buf_finish(&output->ours);
	output->stream = NULL;
}
