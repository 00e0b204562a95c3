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
	BULK = 1024 * 1024, /* who moves so much gets larger pipes, */
	BULK_US = 1000 * 1000, /* and in such a time is in no hurry */
	LEND_MIN = 16 * 1024, /* less is copied as fast */
	TRIM_AFTER_US = 1000 * 1000,
	MUCH = 16 * 1024,
};

static void
moved(struct pipe *p, size_t n)
{
	bool was_bulk = p->moved >= BULK;
	if (!n)
		return;
	p->moved += n;
	p->moved_us = p->loop->now_us;
	if (p->moved_us >= p->counted_us + BULK_US) {
		if (p->moved - p->counted < BULK)
			os_batch(false);
		p->counted = p->moved - n;
		p->counted_us = p->moved_us;
	}
	if (p->link.congestion.bulk && p->moved - p->counted >= BULK)
		os_batch(true);
	if (!was_bulk && p->moved >= BULK) {
		os_pipe_grow(p->in.fd);
		os_pipe_grow(p->out.fd);
	}
}

/* The first reason counts. */
static void
breaks(struct pipe *p, int err)
{
	if (!p->link.broken)
		p->err = err;
	p->link.broken = true;
}

/* How much of the queue and of the bytes behind it is taken; -1: the other side is gone. */
static ssize_t
put_both(struct pipe *p, struct span behind)
{
	struct span queue = buf_span(&p->link.queue), nothing = { 0 };
	if (behind.n < LEND_MIN || p->copies)
		return sys_write_both(p->out.fd, queue, behind);
	ssize_t n = sys_write_both(p->out.fd, queue, nothing);
	if (n < 0 || (size_t)n < queue.n)
		return n;
	ssize_t lent = os_pipe_lend(p->out.fd, behind);
	if (lent < 0 && errno == EAGAIN)
		return n;
	if (lent < 0) {
		p->copies = true;
		lent = sys_write_both(p->out.fd, behind, nothing);
	}
	return lent < 0 ? -1 : n + lent;
}

/* Writes the queue, and these bytes behind it: only what is not taken is copied. */
static void
write_queue(struct pipe *p, struct span behind)
{
	if (p->full || p->out.fd < 0)
		return;
	ssize_t n = put_both(p, behind);
	if (n < 0) {
		breaks(p, errno == EPIPE || errno == ECONNRESET ? 0 : errno);
		return;
	}
	size_t wrote = (size_t)n, queued = p->link.queue.len;
	p->full = wrote < queued + behind.n;
	buf_drop(&p->link.queue, wrote < queued ? wrote : queued);
	wrote -= wrote < queued ? wrote : queued;
	if (buf_put(&p->link.queue, behind.p + wrote, behind.n - wrote))
		breaks(p, ENOMEM); /* a frame is torn */
	moved(p, (size_t)n);
}

static void
on_writable(void *owner, short revents)
{
	struct pipe *p = owner;
	p->full = false; /* the turn of the loop writes */
	if (revents & POLLERR)
		breaks(p, 0);
}

bool
pipe_open(struct pipe *p, int in, int out)
{
	p->in.fd = in;
	p->out.fd = out;
	sys_nonblock(in);
	sys_nonblock(out);
	return loop_add_kept(p->loop, &p->in) && loop_add_kept(p->loop, &p->out);
}

int
pipe_keep_out(struct pipe *p)
{
	int fd = p->out.fd;
	loop_remove(p->loop, &p->out);
	p->out.fd = -1;
	return fd;
}

static void
close_watch(struct watch *w, struct loop *loop)
{
	loop_remove(loop, w);
	if (w->fn && w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static void
close_pipe(struct link *l)
{
	struct pipe *p = (struct pipe *)l;
	close_watch(&p->in, p->loop);
	close_watch(&p->out, p->loop);
	os_batch(false);
	link_finish(l);
	l->ops = NULL;
}

static void
quiet(struct link *l)
{
	struct pipe *p = (struct pipe *)l;
	p->in.events = p->out.events = 0;
}

static bool
read_pipe(struct link *l)
{
	struct pipe *p = (struct pipe *)l;
	/* No more than fits: frames that are whole are taken before the next call. */
	size_t max = p->link.congestion.bulk ? READ_BULK : READ_MAX;
	errno = 0; /* the end of what is read sets none */
	ssize_t n = sys_read_into(p->in.fd, &p->link.in, max);
	p->link.heard |= n > 0;
	if (n < 0)
		breaks(p, errno);
	else
		moved(p, (size_t)n);
	return !p->link.broken;
}

static uint64_t
trim(struct link *l, uint64_t now_us)
{
	struct pipe *p = (struct pipe *)l;
	uint64_t at = p->moved_us + TRIM_AFTER_US;
	/* For a heartbeat's few bytes nobody needs to wake up again. */
	if (p->moved - p->moved_before < MUCH)
		return 0;
	if (!buf_spare(&p->link.in) && !buf_spare(&p->link.queue))
		return 0;
	if (now_us < at)
		return at;
	os_batch(false);
	buf_trim(&p->link.in);
	buf_trim(&p->link.queue);
	p->moved_before = p->moved;
	return 0;
}

static uint64_t
deadline(const struct link *l, const struct engine *e)
{
	const struct pipe *p = (const struct pipe *)l;
	return p->full ? link_doubt_at(&p->link) : engine_deadline(e, &p->link);
}

static void
write_pipe(struct link *l, struct engine *e, uint64_t now_us)
{
	struct pipe *p = (struct pipe *)l;
	bool more = true;
	while (more && !p->link.broken && !p->full) {
		size_t before = p->link.queue.len;
		struct span behind = { 0 };
		more = e && before < QUEUE_FULL / 2
		    && engine_fill_in_place(e, &p->link, &p->link.queue,
			QUEUE_FULL - before, now_us, &behind);
		if (p->link.queue.len == before)
			more = false;
		write_queue(p, behind);
	}
	p->out.events = p->link.queue.len ? POLLOUT : 0;
}

static const struct link_ops ops = { .name = "pipe",
	.read = read_pipe,
	.write = write_pipe,
	.deadline = deadline,
	.trim = trim,
	.quiet = quiet,
	.close = close_pipe };

void
pipe_init(struct pipe *p, struct loop *loop, void (*readable)(void *owner, short revents),
    void *owner)
{
	*p = (struct pipe){ .loop = loop,
		.in = { .fd = -1, .events = POLLIN, .fn = readable, .owner = owner },
		.out = { .fd = -1, .fn = on_writable, .owner = p } };
	link_init(&p->link, loop->now_us);
	p->link.ops = &ops;
}
