#define _GNU_SOURCE 1
#include "kernel.h"

#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- bytes ---- */

void
bytes_put(struct bytes *b, const void *p, size_t n)
{
	if (b->head + b->len + n > b->cap) {
		if (b->len)
			memmove(b->p, b->p + b->head, b->len);
		b->head = 0;
		if (b->len + n > b->cap) {
			b->cap = 2 * (b->len + n) + 256;
			b->p = realloc(b->p, b->cap);
		}
	}
	memcpy(b->p + b->head + b->len, p, n);
	b->len += n;
	b->put += n;
}

size_t
bytes_get(struct bytes *b, void *p, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n)
		memcpy(p, b->p + b->head, n);
	b->head += n;
	b->len -= n;
	b->got += n;
	if (!b->len)
		b->head = 0;
	return n;
}

/* ---- files, of whatever kind ---- */

static void
file_close(struct file *f)
{
	switch (f->kind) {
	case KIND_OF_PIPE_IN:
	case KIND_OF_PIPE_OUT:
		if (f->kind == KIND_OF_PIPE_IN)
			f->u.pipe->readers--;
		else
			f->u.pipe->writers--;
		if (!f->u.pipe->readers && !f->u.pipe->writers) {
			free(f->u.pipe->bytes.p);
			free(f->u.pipe);
		}
		break;
	case KIND_OF_SOCKET:
		sock_drop(f->u.sock);
		break;
	case KIND_OF_LISTENER:
		listener_drop(f);
		break;
	case KIND_OF_MASTER:
		if (--f->u.pty->masters == 0)
			terminal_hang_up(f->u.pty);
		break;
	case KIND_OF_SLAVE:
		f->u.pty->slaves--;
		break;
	case KIND_OF_DATAGRAMS:
		datagrams_drop(f->u.datagrams);
		break;
	case KIND_OF_FILE:
		if (f->u.file.node->locker == f)
			f->u.file.node->locker = NULL;
		break;
	case KIND_OF_WIRE:
		f->u.wire->open = false;
		if (f->u.wire->in.len || f->u.wire->reset) {
			f->u.wire->peer->reset |= !wire_is_cut_off(f->u.wire->wire);
			changed();
		} else {
			wire_send(f->u.wire, "", 0, true);
		}
		break;
	default:
		break;
	}
}

void
file_keep(struct file *f)
{
	f->refs++;
}

void
file_drop(struct file *f)
{
	if (--f->refs)
		return;
	file_close(f);
	free(f);
	changed();
}

struct file *
file_new(enum kind kind)
{
	struct file *f = calloc(1, sizeof *f);
	f->kind = kind;
	f->refs = 1;
	return f;
}

struct file *
file_null(void)
{
	return file_new(KIND_OF_NULL);
}

void
proc_close(struct proc *p)
{
	for (size_t i = 0; i < FDS_MAX; i++)
		if (p->fds[i]) {
			file_drop(p->fds[i]);
			p->fds[i] = NULL;
		}
}

struct file *
file_at(int fd)
{
	if (fd >= 0 && fd < FDS_MAX && world.current->fds[fd])
		return world.current->fds[fd];
	errno = EBADF;
	return NULL;
}

/* The descriptor, or -1: the file is dropped. */
int
install(struct file *f, int from, bool cloexec)
{
	struct proc *p = world.current;
	for (int fd = from; fd < FDS_MAX && !proc_fails(FAIL_DESCRIPTORS); fd++)
		if (!p->fds[fd]) {
			p->fds[fd] = f;
			p->cloexec[fd] = cloexec;
			return fd;
		}
	file_drop(f);
	errno = EMFILE;
	return -1;
}

int
sim_close(int fd)
{
	struct file *f = file_at(fd);
	if (!f)
		return -1;
	world.current->fds[fd] = NULL;
	world.current->cloexec[fd] = false;
	file_drop(f);
	return 0;
}

/* ---- reading, writing, waiting ---- */

static short
ready(const struct file *f)
{
	short in = 0;
	switch (f->kind) {
	case KIND_OF_PIPE_IN:
		return (short)((f->u.pipe->bytes.len ? POLLIN : 0)
		    | (f->u.pipe->writers ? 0 : POLLHUP));
	case KIND_OF_PIPE_OUT:
		return f->u.pipe->readers
		    ? (f->u.pipe->bytes.len + PIPE_MAX / 16 <= f->u.pipe->max ? POLLOUT
									      : 0)
		    : POLLOUT | POLLERR;
	case KIND_OF_SOCKET:
		if (f->u.sock->in.len || f->u.sock->messages || f->u.sock->ended)
			in |= POLLIN;
		if (!f->u.sock->connected)
			return POLLHUP | POLLOUT;
		if (!f->u.sock->peer)
			return in | POLLHUP | POLLOUT | POLLIN;
		return (short)(in | (f->u.sock->peer->in.len < SOCK_MAX ? POLLOUT : 0));
	case KIND_OF_LISTENER:
		return f->u.listener.n ? POLLIN : 0;
	case KIND_OF_MASTER:
		if (f->u.pty->to_master.len)
			in |= POLLIN;
		if (f->u.pty->had_slave && !f->u.pty->slaves)
			in |= POLLHUP;
		return (short)(in | (f->u.pty->to_slave.len < TTY_MAX ? POLLOUT : 0));
	case KIND_OF_SLAVE:
		if (!f->u.pty->masters)
			return POLLIN | POLLHUP | POLLERR | POLLOUT;
		return (short)((f->u.pty->to_slave.len ? POLLIN : 0)
		    | (f->u.pty->to_master.len < TTY_MAX ? POLLOUT : 0));
	case KIND_OF_DATAGRAMS:
		return (short)((datagrams_any(f->u.datagrams) ? POLLIN : 0) | POLLOUT);
	case KIND_OF_NET:
		return f->u.net.told ? POLLIN : 0;
	case KIND_OF_WIRE:
		if (f->u.wire->reset)
			return POLLIN | POLLOUT | POLLERR | POLLHUP;
		return (short)((f->u.wire->in.len || f->u.wire->ended ? POLLIN : 0)
		    | (f->u.wire->wire->waiting[f->u.wire == &f->u.wire->wire->ends[0]]
				< WIRE_MAX
			    ? POLLOUT
			    : 0));
	default:
		return POLLIN | POLLOUT;
	}
}

struct polled {
	struct pollfd *fds;
	nfds_t n;
};

static bool
may_poll(void *arg)
{
	struct polled *p = arg;
	bool any = false;
	for (nfds_t i = 0; i < p->n; i++) {
		p->fds[i].revents = 0;
		if (p->fds[i].fd < 0)
			continue;
		const struct file *f = p->fds[i].fd < FDS_MAX
		    ? world.current->fds[p->fds[i].fd]
		    : NULL;
		p->fds[i].revents = f
		    ? (short)(ready(f) & (p->fds[i].events | POLLERR | POLLHUP))
		    : POLLNVAL;
		any |= p->fds[i].revents != 0;
	}
	return any;
}

/* What is polled stands on the stack: what the program has at file scope is not there while it
 * waits. */
int
sim_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct pollfd *copy = alloca((n + 1) * sizeof *copy);
	struct polled polled = { copy, n };
	uint64_t until_us = timeout_ms < 0
	    ? 0
	    : world.now_us + (uint64_t)timeout_ms * 1000 + 1;
	if (timeout_ms == 0)
		until_us = world.now_us;
	if (n)
		memcpy(copy, fds, n * sizeof *copy);
	if (proc_wait(may_poll, &polled, until_us) < 0)
		return -1;
	int ready = 0;
	(void)may_poll(&polled);
	for (nfds_t i = 0; i < n; i++) {
		fds[i].revents = copy[i].revents;
		ready += fds[i].revents != 0;
	}
	return ready;
}

int
sim___poll_chk(struct pollfd *fds, nfds_t n, int timeout_ms, size_t room)
{
	(void)room;
	return sim_poll(fds, n, timeout_ms);
}

bool
may_read(void *arg)
{
	return ready(arg) & (POLLIN | POLLHUP | POLLERR);
}

bool
may_write(void *arg)
{
	return ready(arg) & (POLLOUT | POLLERR);
}

/* 0, or -1 with errno: it cannot be now. */
int
wait_for(struct file *f, bool (*may)(void *arg))
{
	while (!may(f)) {
		if (f->nonblock) {
			errno = EAGAIN;
			return -1;
		}
		/* It stays open: nobody but this process could close it. */
		int waited = proc_wait(may, f, 0);
		/* SA_RESTART, as all of belay's signals have it */
		if (waited < 0 && may == may_write)
			return -1;
	}
	return 0;
}

ssize_t
sim_read(int fd, void *p, size_t n)
{
	struct file *f = file_at(fd);
	if (!f || wait_for(f, may_read))
		return -1;
	changed();
	/* Less than is asked for, now and then. */
	if (n > 1 && f->kind != KIND_OF_FILE && world_chance(5))
		n = 1 + world_random(n - 1);
	switch (f->kind) {
	case KIND_OF_PIPE_IN:
		return (ssize_t)bytes_get(&f->u.pipe->bytes, p, n);
	case KIND_OF_SOCKET:
		return (ssize_t)bytes_get(&f->u.sock->in, p, n);
	case KIND_OF_MASTER:
		if (!f->u.pty->to_master.len && f->u.pty->had_slave
		    && !f->u.pty->slaves) {
			errno = EIO;
			return -1;
		}
		return (ssize_t)bytes_get(&f->u.pty->to_master, p, n);
	case KIND_OF_SLAVE:
		return f->u.pty->masters ? (ssize_t)bytes_get(&f->u.pty->to_slave, p, n)
					 : 0;
	case KIND_OF_FILE:
		n = (size_t)file_read(f, p, n, f->u.file.at);
		f->u.file.at += (off_t)n;
		return (ssize_t)n;
	case KIND_OF_WIRE:
		if (f->u.wire->reset && !f->u.wire->in.len) {
			errno = ECONNRESET;
			return -1;
		}
		return (ssize_t)bytes_get(&f->u.wire->in, p, n);
	default:
		return 0;
	}
}

ssize_t
sim___read_chk(int fd, void *p, size_t n, size_t room)
{
	(void)room;
	return sim_read(fd, p, n);
}

ssize_t
broken(void)
{
	if (world.current->handlers[SIGPIPE] == SIG_DFL)
		world.current->pending |= UINT64_C(1) << SIGPIPE;
	errno = EPIPE;
	return -1;
}

size_t
at_most(size_t n, size_t len, size_t max)
{
	size_t room = max > len ? max - len : 0;
	return n < room ? n : room;
}

ssize_t
sim_write(int fd, const void *p, size_t n)
{
	struct file *f = file_at(fd);
	size_t done = 0;
	if (!f)
		return -1;
	if (f->kind == KIND_OF_FILE) {
		if (f->append)
			f->u.file.at = (off_t)f->u.file.node->data.len;
		ssize_t written = file_write(f, p, n, f->u.file.at);
		if (written > 0)
			f->u.file.at += written;
		return written;
	}
	while (done < n || !n) {
		size_t some = n - done;
		if (wait_for(f, may_write))
			return done ? (ssize_t)done : -1;
		changed();
		const uint8_t *at = (const uint8_t *)p + done;
		switch (f->kind) {
		case KIND_OF_PIPE_OUT:
			if (!f->u.pipe->readers)
				return broken();
			some = at_most(some, f->u.pipe->bytes.len, f->u.pipe->max);
			bytes_put(&f->u.pipe->bytes, at, some);
			break;
		case KIND_OF_SOCKET:
			if (!f->u.sock->peer || f->u.sock->peer->ended)
				return broken();
			some = at_most(some, f->u.sock->peer->in.len, SOCK_MAX);
			bytes_put(&f->u.sock->peer->in, at, some);
			break;
		case KIND_OF_MASTER:
			some = at_most(some, f->u.pty->to_slave.len, TTY_MAX);
			terminal_type(f->u.pty, at, some);
			break;
		case KIND_OF_SLAVE:
			if (!f->u.pty->masters) {
				errno = EIO;
				return -1;
			}
			some = at_most(some, f->u.pty->to_master.len, TTY_MAX);
			terminal_write(f->u.pty, at, some);
			break;
		case KIND_OF_WIRE:
			if (f->u.wire->reset)
				return broken();
			wire_send(f->u.wire, at, some, false);
			break;
		default:
			return (ssize_t)n;
		}
		done += some;
		if (!n || (f->nonblock && done))
			break;
	}
	return (ssize_t)done;
}

ssize_t
sim_writev(int fd, const struct iovec *iov, int n)
{
	ssize_t done = 0;
	for (int i = 0; i < n; i++) {
		if (!iov[i].iov_len)
			continue;
		ssize_t some = sim_write(fd, iov[i].iov_base, iov[i].iov_len);
		if (some < 0)
			return done ? done : -1;
		done += some;
		if ((size_t)some < iov[i].iov_len)
			break;
	}
	return done;
}

/* ---- making descriptors ---- */

void
pipe_make(size_t max, struct file *ret[2])
{
	struct pipe_ends *e = calloc(1, sizeof *e);
	*e = (struct pipe_ends){ .max = max, .readers = 1, .writers = 1 };
	ret[0] = file_new(KIND_OF_PIPE_IN);
	ret[1] = file_new(KIND_OF_PIPE_OUT);
	ret[0]->u.pipe = ret[1]->u.pipe = e;
}

int
install_both(struct file *const files[2], int fds[2], bool cloexec)
{
	fds[0] = install(files[0], 0, cloexec);
	if (fds[0] < 0) {
		file_drop(files[1]);
		return -1;
	}
	fds[1] = install(files[1], 0, cloexec);
	if (fds[1] < 0) {
		sim_close(fds[0]);
		errno = EMFILE;
		return -1;
	}
	return 0;
}

int
sim_pipe(int fds[2])
{
	struct file *files[2];
	pipe_make(PIPE_MAX, files);
	return install_both(files, fds, false);
}

int
sim_dup(int fd)
{
	return sim_fcntl(fd, F_DUPFD, 0);
}

int
sim_dup2(int fd, int to)
{
	struct file *f = file_at(fd);
	struct proc *p = world.current;
	if (!f || to < 0 || to >= FDS_MAX)
		return -1;
	if (fd == to)
		return to;
	file_keep(f);
	if (p->fds[to])
		file_drop(p->fds[to]);
	p->fds[to] = f;
	p->cloexec[to] = false;
	return to;
}

int
sim_fcntl(int fd, int command, ...)
{
	struct file *f = file_at(fd);
	va_list ap;
	va_start(ap, command);
	int arg = va_arg(ap, int);
	va_end(ap);
	if (!f)
		return -1;
	switch (command) {
	case F_GETFL:
		return (f->nonblock ? O_NONBLOCK : 0) | O_RDWR;
	case F_SETFL:
		f->nonblock = arg & O_NONBLOCK;
		return 0;
	case F_GETFD:
		return world.current->cloexec[fd] ? FD_CLOEXEC : 0;
	case F_SETFD:
		world.current->cloexec[fd] = arg & FD_CLOEXEC;
		return 0;
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		file_keep(f);
		return install(f, arg, command == F_DUPFD_CLOEXEC);
	default:
		errno = EINVAL;
		return -1;
	}
}

/* ---- sys/os.h, of descriptors ---- */

int
os_pipe_unread(int fd)
{
	const struct file *f = file_at(fd);
	if (f && f->kind == KIND_OF_PIPE_OUT)
		return (int)f->u.pipe->bytes.len;
	if (f && f->kind == KIND_OF_SOCKET && f->u.sock->peer)
		return (int)f->u.sock->peer->in.len;
	return -1;
}

void
os_close_from(int first)
{
	for (int fd = first; fd < FDS_MAX; fd++)
		if (world.current->fds[fd])
			(void)sim_close(fd);
}
