#define _GNU_SOURCE 1
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct pty *ptys;
static int last_pty;

void
terminal_hang_up(struct pty *t)
{
	if (t->session)
		proc_signal(-t->session, SIGHUP);
	if (t->foreground && t->foreground != t->session)
		proc_signal(-t->foreground, SIGHUP);
}

static struct pty *
pty_new(unsigned rows, unsigned cols)
{
	struct pty *t = calloc(1, sizeof *t);
	t->number = ++last_pty;
	t->size = (struct winsize){ (unsigned short)rows, (unsigned short)cols, 0, 0 };
	t->termios = (struct termios){ .c_iflag = ICRNL | IXON,
		.c_oflag = OPOST | ONLCR,
		.c_cflag = CS8 | CREAD,
		.c_lflag = ISIG | ICANON | ECHO | ECHOE | IEXTEN };
	t->termios.c_cc[VINTR] = 3;
	t->termios.c_cc[VERASE] = 127;
	t->termios.c_cc[VMIN] = 1;
	t->next = ptys;
	ptys = t;
	return t;
}

void
terminal_resize(struct file *master, unsigned rows, unsigned cols)
{
	struct pty *t = master->u.pty;
	t->size.ws_row = (unsigned short)rows;
	t->size.ws_col = (unsigned short)cols;
	if (t->foreground)
		proc_signal(-t->foreground, SIGWINCH);
}

/* What the program writes, as the line discipline passes it on. */
void
terminal_write(struct pty *t, const uint8_t *p, size_t n)
{
	bool lines = (t->termios.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR);
	for (size_t i = 0; i < n; i++) {
		if (lines && p[i] == '\n')
			bytes_put(&t->to_master, "\r", 1);
		bytes_put(&t->to_master, p + i, 1);
	}
}

void
terminal_type(struct pty *t, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = p[i];
		if (t->termios.c_lflag & ISIG && c == t->termios.c_cc[VINTR]) {
			if (t->foreground)
				proc_signal(-t->foreground, SIGINT);
			continue;
		}
		if (c == '\r' && t->termios.c_iflag & ICRNL)
			c = '\n';
		bytes_put(&t->to_slave, &c, 1);
		if (t->termios.c_lflag & ECHO)
			terminal_write(t, &c, 1);
	}
}

static struct pty *
pty_at(int fd)
{
	const struct file *f = file_at(fd);
	if (f && (f->kind == KIND_OF_MASTER || f->kind == KIND_OF_SLAVE))
		return f->u.pty;
	if (f)
		errno = ENOTTY;
	return NULL;
}

int
sim_isatty(int fd)
{
	return pty_at(fd) != NULL;
}

int
sim_tcgetattr(int fd, struct termios *ret)
{
	const struct pty *t = pty_at(fd);
	if (t)
		*ret = t->termios;
	return t ? 0 : -1;
}

int
sim_tcsetattr(int fd, int when, const struct termios *new)
{
	struct pty *t = pty_at(fd);
	(void)when;
	if (t)
		t->termios = *new;
	return t ? 0 : -1;
}

pid_t
sim_tcgetpgrp(int fd)
{
	const struct pty *t = pty_at(fd);
	return t ? t->foreground : -1;
}

pid_t
sim_tcgetsid(int fd)
{
	const struct pty *t = pty_at(fd);
	return t ? t->session : -1;
}

int
sim_tcsendbreak(int fd, int duration)
{
	(void)duration;
	return pty_at(fd) ? 0 : -1;
}

int
sim_posix_openpt(int flags)
{
	struct file *f = file_new(KIND_OF_MASTER);
	f->u.pty = pty_new(24, 80);
	f->u.pty->masters = 1;
	f->nonblock = flags & O_NONBLOCK;
	return install(f, 0, flags & O_CLOEXEC);
}

int
sim_grantpt(int fd)
{
	return pty_at(fd) ? 0 : -1;
}

int
sim_unlockpt(int fd)
{
	return pty_at(fd) ? 0 : -1;
}

char *
sim_ptsname(int fd)
{
	static char name[32];
	const struct pty *t = pty_at(fd);
	snprintf(name, sizeof name, "/dev/pts/%d", t ? t->number : 0);
	return t ? name : NULL;
}

char *
sim_ttyname(int fd)
{
	return sim_ptsname(fd);
}

int
sim_ioctl(int fd, unsigned long what, ...)
{
	struct pty *t = pty_at(fd);
	va_list ap;
	va_start(ap, what);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	if (!t)
		return -1;
	if (what == TIOCGWINSZ) {
		memcpy(arg, &t->size, sizeof t->size);
	} else if (what == TIOCSWINSZ) {
		if (memcmp(arg, &t->size, sizeof t->size) != 0 && t->foreground)
			proc_signal(-t->foreground, SIGWINCH);
		memcpy(&t->size, arg, sizeof t->size);
	} else if (what == TIOCSCTTY) {
		world.current->terminal = t;
		t->session = t->foreground = world.current->session;
	} else {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

static int
open_slave(struct pty *t, bool control, bool cloexec)
{
	struct file *f = file_new(KIND_OF_SLAVE);
	struct proc *p = world.current;
	f->u.pty = t;
	t->slaves++;
	t->had_slave = true;
	if (control && p->session == p->pid && !p->terminal) {
		p->terminal = t;
		t->session = t->foreground = p->session;
	}
	return install(f, 0, cloexec);
}

int
open_device(const char *path, int flags)
{
	if (strcmp(path, "/dev/null") == 0)
		return install(file_null(), 0, flags & O_CLOEXEC);
	if (strcmp(path, "/dev/tty") == 0 && world.current->terminal) {
		int fd = open_slave(world.current->terminal, false, flags & O_CLOEXEC);
		if (fd >= 0)
			file_at(fd)->by_tty = true;
		return fd;
	}
	for (struct pty *t = ptys; t; t = t->next) {
		char name[32];
		snprintf(name, sizeof name, "/dev/pts/%d", t->number);
		if (strcmp(name, path) == 0 && t->masters)
			return open_slave(t, !(flags & O_NOCTTY), flags & O_CLOEXEC);
	}
	errno = ENXIO;
	return -1;
}

bool
os_process_asks(pid_t pid)
{
	const struct proc *p = proc_of(pid);
	for (int fd = 0; p && fd < FDS_MAX; fd++)
		if (p->fds[fd] && p->fds[fd]->by_tty)
			return true;
	return false;
}

void
terminals_end(void)
{
	while (ptys) {
		struct pty *t = ptys;
		ptys = t->next;
		free(t->to_slave.p);
		free(t->to_master.p);
		free(t);
	}
	last_pty = 0;
}
