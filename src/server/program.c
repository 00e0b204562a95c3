#include "server/program.h"

#include "base/err.h"
#include "sys/os.h"

#include <errno.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

enum {
	READ_MAX = 128 * 1024, /* what cat(1) writes at once */
	SHORT_READ = 2048, /* a terminal gives at most a page at once: less was all */
	BULK = 1024 * 1024, /* who moves so much gets a larger pipe */
	/* the shell has ended, others keep the terminal: wait so long */
	QUIET_US = 100 * 1000,
};

static void
port_close(struct port *port)
{
	if (port->watch.fd < 0)
		return;
	loop_remove(port->program->loop, &port->watch);
	close(port->watch.fd);
	port->watch.fd = -1;
}

static void
moved(struct port *port, size_t n)
{
	bool was_bulk = port->moved >= BULK;
	port->moved += n;
	if (!was_bulk && port->moved >= BULK)
		os_pipe_grow(port->watch.fd);
}

/* A few reads make a packet. */
static void
port_read(struct program *p, struct port *port)
{
	uint8_t *room;
	size_t max;
	bool errors = port == &p->err;
	while (port->watch.fd >= 0
	    && (max = clients_space(p->clients, errors, READ_MAX, &room))) {
		ssize_t n = read(port->watch.fd, room, max);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			port_close(port); /* EIO: nobody has the terminal open any more */
		if (n <= 0)
			return;
		clients_wrote(p->clients, errors, (size_t)n);
		moved(port, (size_t)n);
		p->quiet_us = p->loop->now_us;
		if (n < SHORT_READ) {
			if (p->pty)
				echo_read(&p->echo, p->clients, port->watch.fd,
				    p->loop->now_us);
			return;
		}
	}
}

static void
port_write(struct program *p)
{
	struct span held;
	while (p->in.watch.fd >= 0 && (held = clients_input(p->clients)).n) {
		ssize_t n = write(p->in.watch.fd, held.p, held.n);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			port_close(&p->in); /* it reads no more */
			break;
		}
		clients_took(p->clients, (size_t)n);
		echo_wrote(&p->echo, p->clients, p->loop->now_us);
		moved(&p->in, (size_t)n);
	}
	while (p->in.watch.fd < 0 && (held = clients_input(p->clients)).n)
		clients_took(p->clients, held.n);
	if (p->in.watch.fd >= 0 && clients_input_over(p->clients))
		port_close(&p->in);
}

static void
on_output(void *owner, short revents)
{
	struct port *port = owner;
	(void)revents;
	port_read(port->program, port);
}

static void
on_input(void *owner, short revents)
{
	struct port *port = owner;
	if (revents & POLLERR)
		port_close(port); /* the reading end of the pipe is closed */
	else
		port_write(port->program);
}

void
program_init(struct program *p, struct loop *loop, struct clients *clients)
{
	*p = (struct program){ .loop = loop, .clients = clients, .pid = -1 };
	p->in.program = p->out.program = p->err.program = p;
	p->in.watch.fd = p->out.watch.fd = p->err.watch.fd = -1;
}

/* The first that a session adds: there is room. */
static void
port_open(struct port *port, int fd, void (*fn)(void *owner, short revents))
{
	port->watch = (struct watch){ .fd = fd, .fn = fn, .owner = port };
	if (fd >= 0 && !loop_add_kept(port->program->loop, &port->watch))
		port_close(port);
}

int
program_start(struct program *p, const struct login *login)
{
	struct login_fds fds;
	p->pty = login->kind == KIND_PTY;
	p->pid = login_start(login, &fds);
	if (p->pid < 0)
		return ERR_SYSTEM;
	port_open(&p->in, fds.in, on_input);
	port_open(&p->out, fds.out, on_output);
	port_open(&p->err, fds.err, on_output);
	return 0;
}

static short
reads(const struct program *p, const struct port *port)
{
	uint8_t *room;
	bool may = port->watch.fd >= 0
	    && clients_space(p->clients, port == &p->err, 1, &room);
	return may ? POLLIN : 0;
}

uint64_t
program_turn(struct program *p)
{
	if (p->pid < 0)
		return 0;
	port_write(p);
	p->in.watch.events = clients_input(p->clients).n ? POLLOUT : 0;
	p->out.watch.events = reads(p, &p->out);
	p->err.watch.events = reads(p, &p->err);
	uint64_t at = echo_turn(&p->echo, p->clients, program_tty(p), p->loop->now_us);
	if (!p->ended || !p->pty || p->out.watch.fd < 0)
		return at;
	if (!p->out.watch.events)
		p->quiet_us = p->loop->now_us; /* what it wrote cannot be read yet */
	loop_sooner(&at, p->quiet_us + QUIET_US);
	return at;
}

bool
program_over(const struct program *p)
{
	if (!p->ended)
		return false;
	if (p->out.watch.fd < 0 && p->err.watch.fd < 0)
		return true;
	return p->pty && p->loop->now_us >= p->quiet_us + QUIET_US;
}

void
program_ended(struct program *p, int status)
{
	p->ended = true;
	p->status = status;
	p->quiet_us = p->loop->now_us;
}

void
program_stop(struct program *p, uint32_t stream)
{
	if (p->pty)
		return;
	if (stream == STREAM_MAIN)
		port_close(&p->out);
	else if (stream == STREAM_ERROR)
		port_close(&p->err);
}

int
program_tty(const struct program *p)
{
	return p->pty ? p->out.watch.fd : -1;
}

void
program_break(struct program *p)
{
	if (p->pty && p->out.watch.fd >= 0)
		(void)tcsendbreak(p->out.watch.fd, 0);
}

pid_t
program_foreground(const struct program *p)
{
	pid_t group = p->pty && p->out.watch.fd >= 0 ? tcgetpgrp(p->out.watch.fd) : 0;
	return group > 0 ? group : p->pid;
}

void
program_resize(struct program *p, const struct tty_size *size)
{
	if (p->pty && p->out.watch.fd >= 0 && size->rows && size->cols)
		(void)tty_set_size(p->out.watch.fd, size);
}

void
program_redraw(const struct program *p)
{
	pid_t group = program_foreground(p);
	if (p->pty && !p->ended && group > 1)
		(void)kill(-group, SIGWINCH);
}

void
program_close(struct program *p)
{
	port_close(&p->in);
	port_close(&p->out);
	port_close(&p->err);
}
