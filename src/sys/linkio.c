#include "sys/linkio.h"

#include "sys/sys.h"

#include <unistd.h>

enum {
	READ_MAX = 64 * 1024,
	/* Bytes of frames that wait for the descriptor: little, so that urgent ones are not
	 * behind many others. */
	QUEUE_FULL = 64 * 1024,
	QUEUE_MAX = 2 * FRAME_MAX,
};

static void
on_writable(void *owner, short revents)
{
	struct linkio *io = owner;
	if (revents & POLLERR || sys_write_from(io->out.fd, &io->queue) < 0)
		io->broken = true;
}

void
linkio_init(struct linkio *io, void (*readable)(void *owner, short revents), void *owner,
    uint64_t now_us)
{
	*io = (struct linkio){
		.in = { .fd = -1, .events = POLLIN, .fn = readable, .owner = owner },
		.out = { .fd = -1, .fn = on_writable, .owner = io }
	};
	link_init(&io->link, now_us);
	buf_init(&io->queue, QUEUE_MAX);
}

void
linkio_open(struct linkio *io, struct loop *loop, int in, int out)
{
	io->in.fd = in;
	io->out.fd = out;
	sys_nonblock(in);
	sys_nonblock(out);
	loop_add(loop, &io->in);
	loop_add(loop, &io->out);
}

static void
close_watch(struct watch *w, struct loop *loop)
{
	loop_remove(loop, w);
	if (w->fn && w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

void
linkio_close(struct linkio *io, struct loop *loop)
{
	close_watch(&io->in, loop);
	close_watch(&io->out, loop);
	link_finish(&io->link);
	buf_finish(&io->queue);
}

bool
linkio_read(struct linkio *io)
{
	/* No more than fits: frames that are whole are taken before the next call. */
	if (sys_read_into(io->in.fd, &io->link.in, READ_MAX) < 0)
		io->broken = true;
	return !io->broken;
}

void
linkio_write(struct linkio *io, struct engine *e, uint64_t now_us)
{
	bool more = true;
	while (more && !io->broken) {
		size_t before = io->queue.len;
		more = e && before < QUEUE_FULL / 2
		    && engine_fill(e, &io->link, &io->queue, QUEUE_FULL - before, now_us);
		if (io->queue.len == before)
			more = false;
		if (io->out.fd >= 0 && sys_write_from(io->out.fd, &io->queue) < 0)
			io->broken = true;
	}
	io->out.events = io->queue.len ? POLLOUT : 0;
}
