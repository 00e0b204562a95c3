#include "link/pipe.h"

#include "sys/os.h"
#include "sys/sys.h"

#include <errno.h>
#include <unistd.h>

enum {
	READ_MAX = 64 * 1024,
	/* Where nobody types.  What is read at once goes on at once: whoever takes it is woken
	 * up so much less often. */
	READ_BULK = 256 * 1024,
	/* Bytes of frames that wait for the descriptor: little, so that urgent ones are not
	 * behind many others. */
	QUEUE_FULL = DATA_MAX + 4 * 1024,
	QUEUE_MAX = 2 * FRAME_MAX,
	BULK = 1024 * 1024, /* who moves so much gets larger pipes, */
	BULK_US = 1000 * 1000, /* and in such a time is in no hurry */
	LEND_MIN = 16 * 1024, /* less is copied as fast */
	TRIM_AFTER_US = 1000 * 1000,
	MUCH = 16 * 1024,
};

static void
moved(struct pipe *io, size_t n)
{
	bool was_bulk = io->moved >= BULK;
	if (!n)
		return;
	io->moved += n;
	io->moved_us = io->loop->now_us;
	if (io->moved_us >= io->counted_us + BULK_US) {
		if (io->moved - io->counted < BULK)
			os_batch(false);
		io->counted = io->moved - n;
		io->counted_us = io->moved_us;
	}
	if (io->link.congestion.bulk && io->moved - io->counted >= BULK)
		os_batch(true);
	if (!was_bulk && io->moved >= BULK) {
		os_pipe_grow(io->in.fd);
		os_pipe_grow(io->out.fd);
	}
}

/* How much of the queue and of the bytes behind it is taken; -1: the other side is gone. */
static ssize_t
put_both(struct pipe *io, struct span behind)
{
	struct span queue = buf_span(&io->queue), nothing = { 0 };
	if (behind.n < LEND_MIN || io->copies)
		return sys_write_both(io->out.fd, queue, behind);
	ssize_t n = sys_write_both(io->out.fd, queue, nothing);
	if (n < 0 || (size_t)n < queue.n)
		return n;
	ssize_t lent = os_pipe_lend(io->out.fd, behind);
	if (lent < 0 && errno == EAGAIN)
		return n;
	if (lent < 0) {
		io->copies = true;
		lent = sys_write_both(io->out.fd, behind, nothing);
	}
	return lent < 0 ? -1 : n + lent;
}

/* Writes the queue, and these bytes behind it: only what is not taken is copied. */
static void
write_queue(struct pipe *io, struct span behind)
{
	if (io->full || io->out.fd < 0)
		return;
	ssize_t n = put_both(io, behind);
	if (n < 0) {
		io->broken = true;
		return;
	}
	size_t wrote = (size_t)n, queued = io->queue.len;
	io->full = wrote < queued + behind.n;
	buf_drop(&io->queue, wrote < queued ? wrote : queued);
	wrote -= wrote < queued ? wrote : queued;
	if (buf_put(&io->queue, behind.p + wrote, behind.n - wrote))
		io->broken = true; /* a frame is torn */
	moved(io, (size_t)n);
}

static void
on_writable(void *owner, short revents)
{
	struct pipe *io = owner;
	io->full = false; /* the turn of the loop writes */
	if (revents & POLLERR)
		io->broken = true;
}

void
pipe_init(struct pipe *io, void (*readable)(void *owner, short revents), void *owner,
    uint64_t now_us)
{
	*io = (struct pipe){
		.in = { .fd = -1, .events = POLLIN, .fn = readable, .owner = owner },
		.out = { .fd = -1, .fn = on_writable, .owner = io }
	};
	link_init(&io->link, now_us);
	buf_init(&io->queue, QUEUE_MAX);
}

bool
pipe_open(struct pipe *io, struct loop *loop, int in, int out)
{
	io->loop = loop;
	io->in.fd = in;
	io->out.fd = out;
	sys_nonblock(in);
	sys_nonblock(out);
	return loop_add_kept(loop, &io->in) && loop_add_kept(loop, &io->out);
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
pipe_close(struct pipe *io, struct loop *loop)
{
	close_watch(&io->in, loop);
	close_watch(&io->out, loop);
	os_batch(false);
	link_finish(&io->link);
	buf_finish(&io->queue);
}

bool
pipe_read(struct pipe *io)
{
	/* No more than fits: frames that are whole are taken before the next call. */
	size_t max = io->link.congestion.bulk ? READ_BULK : READ_MAX;
	ssize_t n = sys_read_into(io->in.fd, &io->link.in, max);
	io->heard |= n > 0;
	if (n < 0)
		io->broken = true;
	else
		moved(io, (size_t)n);
	return !io->broken;
}

uint64_t
pipe_trim(struct pipe *io, uint64_t now_us)
{
	uint64_t at = io->moved_us + TRIM_AFTER_US;
	/* For a heartbeat's few bytes nobody needs to wake up again. */
	if (io->moved - io->moved_before < MUCH)
		return 0;
	if (!buf_spare(&io->link.in) && !buf_spare(&io->queue))
		return 0;
	if (now_us < at)
		return at;
	os_batch(false);
	buf_trim(&io->link.in);
	buf_trim(&io->queue);
	io->moved_before = io->moved;
	return 0;
}

uint64_t
pipe_deadline(const struct pipe *io, const struct engine *e)
{
	return io->full ? link_doubt_at(&io->link) : engine_deadline(e, &io->link);
}

void
pipe_write(struct pipe *io, struct engine *e, uint64_t now_us)
{
	bool more = true;
	while (more && !io->broken && !io->full) {
		size_t before = io->queue.len;
		struct span behind = { 0 };
		more = e && before < QUEUE_FULL / 2
		    && engine_fill_in_place(e, &io->link, &io->queue, QUEUE_FULL - before,
			now_us, &behind);
		if (io->queue.len == before)
			more = false;
		write_queue(io, behind);
	}
	io->out.events = io->queue.len ? POLLOUT : 0;
}
