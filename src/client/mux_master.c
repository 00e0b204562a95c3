#include "client/mux_master.h"

#include "base/err.h"
#include "base/log.h"
#include "ssh/control_master.h"
#include "ssh/mux.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	READ_MAX = 32 * 1024,
	QUEUE_MAX = MUX_FRAME_MAX + READ_MAX,
	FDS_MAX = 4, /* of a session: stdin, stdout and stderr */
	MODE_MASK = 0177, /* as ssh has it */
};

enum conn_state {
	CONN_ASKS, /* ... us */
	CONN_WAITS, /* for the host, which is to listen */
	CONN_PASSES, /* speaks with the link's ssh */
	CONN_CLOSES, /* when it has our answer */
	CONN_OVER,
};

/* One end of a connection, and what has come from there. */
struct end {
	struct watch watch;
	struct buf in;
	/* descriptors that came with a byte of `in`, and with which */
	int fds[FDS_MAX];
	size_t at[FDS_MAX];
	size_t n_fds;
};

struct mux_conn {
	struct mux_master *master;
	enum conn_state state;
	struct end user, ssh; /* what is said to the user stands in ssh.in */
	uint32_t number; /* CONN_WAITS: of the request, */
	size_t forward; /* ... and of the forward */
	bool greeted; /* the link's ssh has said hello to us, not to the user */
};

/* ---- the bytes ---- */

static bool
receive(struct end *e)
{
	int fd;
	size_t n;
	if (QUEUE_MAX - e->in.len < READ_MAX)
		return true;
	ssize_t len = sock_receive_fds(e->watch.fd, &e->in, READ_MAX, &fd, 1, &n);
	if (n && e->n_fds < FDS_MAX) {
		/* One that comes ends what is received at once: it is the last byte's. */
		e->at[e->n_fds] = e->in.len - 1;
		e->fds[e->n_fds++] = fd;
	} else if (n) {
		close(fd);
		return false;
	}
	return len >= 0;
}

static void
drop(struct end *from, size_t n)
{
	buf_drop(&from->in, n);
	for (size_t i = 0; i < from->n_fds; i++)
		from->at[i] -= n;
}

/* The byte with which a descriptor comes has to be by itself: who takes it reads no more. */
static bool
send_descriptor(struct end *from, int to)
{
	struct span byte = { buf_bytes(&from->in), 1 };
	int err = sock_send_fds(to, byte, from->fds, 1);
	close(from->fds[0]);
	from->n_fds--;
	memmove(from->fds, from->fds + 1, from->n_fds * sizeof *from->fds);
	memmove(from->at, from->at + 1, from->n_fds * sizeof *from->at);
	drop(from, 1);
	return err == 0;
}

/* False: nobody takes it. */
static bool
send_some(struct end *from, struct end *to)
{
	while (from->in.len) {
		struct span bytes = buf_span(&from->in), nothing = { 0 };
		if (from->n_fds && !from->at[0]) {
			if (!send_descriptor(from, to->watch.fd))
				return false;
			continue;
		}
		if (from->n_fds)
			bytes.n = from->at[0];
		ssize_t n = sys_write_both(to->watch.fd, bytes, nothing);
		if (n <= 0)
			return n == 0;
		drop(from, (size_t)n);
	}
	return true;
}

/* ---- a connection ---- */

static void
close_end(struct loop *loop, struct end *e)
{
	loop_remove(loop, &e->watch);
	if (e->watch.fn)
		close(e->watch.fd);
	while (e->n_fds)
		close(e->fds[--e->n_fds]);
	buf_finish(&e->in);
	e->watch = (struct watch){ .fd = -1 };
}

static void
set_events(struct end *e, const struct end *other, bool reads)
{
	reads &= QUEUE_MAX - e->in.len >= READ_MAX;
	e->watch.events = (short)((reads ? POLLIN : 0) | (other->in.len ? POLLOUT : 0));
}

/* What belongs to it is freed in the turn: a handler may be running. */
static void
move(struct mux_conn *c)
{
	bool passes = c->state == CONN_PASSES;
	if (!send_some(&c->ssh, &c->user) || (passes && !send_some(&c->user, &c->ssh))
	    || (c->state == CONN_CLOSES && !c->ssh.in.len))
		c->state = CONN_OVER;
	if (c->state == CONN_OVER) {
		c->user.watch.events = c->ssh.watch.events = 0;
		return;
	}
	set_events(&c->user, &c->ssh, c->state != CONN_CLOSES);
	if (c->state == CONN_PASSES)
		set_events(&c->ssh, &c->user, true);
}

static void
refuse(struct mux_conn *c, uint32_t number, const char *why)
{
	mux_put_failure(&c->ssh.in, number, why);
}

/* ---- passing on ---- */

/* The hello of the link's ssh is for us. */
static void
take_hello(struct mux_conn *c)
{
	long n = c->greeted ? 0 : mux_length(buf_span(&c->ssh.in));
	if (n < 0)
		c->state = CONN_OVER;
	if (n > 0) {
		buf_drop(&c->ssh.in, (size_t)n);
		c->greeted = true;
	}
}

static void
on_ssh(void *owner, short revents)
{
	struct mux_conn *c = owner;
	bool more = !(revents & (POLLIN | POLLHUP | POLLERR)) || receive(&c->ssh);
	take_hello(c);
	if (!more)
		c->state = CONN_CLOSES; /* when the user has the rest */
	if (c->greeted || c->state == CONN_OVER)
		move(c);
}

static void
pass(struct mux_conn *c, uint32_t number)
{
	struct mux_master *m = c->master;
	struct buf hello;
	int fd = m->link ? sock_try(m->link) : -1;
	buf_init(&hello, READ_MAX);
	mux_put_hello(&hello);
	c->ssh.watch =
	    (struct watch){ .fd = fd, .events = POLLIN, .fn = on_ssh, .owner = c };
	bool ok = fd >= 0 && !c->ssh.in.len
	    && sys_write_all(fd, buf_bytes(&hello), hello.len) == 0
	    && loop_add(m->loop, &c->ssh.watch);
	buf_finish(&hello);
	if (ok) {
		c->state = CONN_PASSES;
		return;
	}
	if (fd >= 0)
		close(fd);
	c->ssh.watch = (struct watch){ .fd = -1 };
	refuse(c, number, "there is no connection now");
	c->state = CONN_CLOSES;
}

/* ---- forwards ---- */

static bool
set_target(struct target *t, const struct mux_end *end)
{
	t->kind = end->port == MUX_PATH ? OPEN_UNIX : OPEN_TCP;
	t->port = end->port == MUX_PATH ? 0 : (unsigned)end->port;
	if (end->host.n >= TARGET_MAX)
		return false;
	memcpy(t->host, end->host.p, end->host.n);
	t->host[end->host.n] = 0;
	return true;
}

static bool
to_forward(const struct mux_request *r, bool gateway, struct forward *ret)
{
	*ret = (struct forward){ .kind = r->kind == MUX_REMOTE ? FORWARD_REMOTE
							       : FORWARD_LOCAL };
	if (!set_target(&ret->listen, &r->listen)
	    || !set_target(&ret->connect, &r->connect))
		return false;
	if (ret->listen.kind == OPEN_TCP && !ret->listen.host[0])
		strcpy(ret->listen.host,
		    gateway && ret->kind == FORWARD_LOCAL ? "*" : "localhost");
	if (!ret->connect.host[0])
		ret->connect = (struct target){ .kind = OPEN_SOCKS };
	return true;
}

static const char *
where(const struct forward *f)
{
	return f->kind == FORWARD_REMOTE ? "remote port forwarding failed"
					 : "Port forwarding failed";
}

static void
open_forward(struct mux_conn *c, const struct mux_request *r,
    const struct forward *forward)
{
	struct forward_table *f = c->master->forwards;
	unsigned port;
	if (!forward_table_put(f, forward, &c->forward)) {
		refuse(c, r->number, where(forward));
		return;
	}
	c->number = r->number;
	if (forward_table_answer(f, c->forward, &port) == FORWARD_ASKED)
		c->state = CONN_WAITS;
	else
		mux_put_ok(&c->ssh.in, r->number);
}

/* ssh says which port the host has chosen. */
static void
await(struct mux_conn *c)
{
	struct forward_table *f = c->master->forwards;
	unsigned port;
	enum forward_state state = forward_table_answer(f, c->forward, &port);
	if (state == FORWARD_ASKED)
		return;
	if (state != FORWARD_LISTENS)
		refuse(c, c->number, "remote port forwarding failed");
	else if (port)
		mux_put_port(&c->ssh.in, c->number, port);
	else
		mux_put_ok(&c->ssh.in, c->number);
	c->state = CONN_ASKS;
}

static void
change_forward(struct mux_conn *c, const struct mux_request *r)
{
	struct forward_table *f = c->master->forwards;
	struct forward forward;
	if (!to_forward(r, f->gateway, &forward))
		refuse(c, r->number, "invalid forwarding");
	else if (r->type == MUX_FORWARD)
		open_forward(c, r, &forward);
	else if (forward_table_drop(f, &forward))
		mux_put_ok(&c->ssh.in, r->number);
	else
		refuse(c, r->number, "port not forwarded");
}

/* ---- what is asked ---- */

static void
stop_listening(struct mux_master *m)
{
	if (!m->path[0])
		return;
	loop_remove(m->loop, &m->listener);
	close(m->listener.fd);
	unlink(m->path);
	m->path[0] = 0;
}

static void
answer(struct mux_conn *c, const struct mux_request *r)
{
	switch (r->type) {
	case MUX_HELLO:
		break;
	case MUX_CHECK:
		mux_put_alive(&c->ssh.in, r->number, (uint32_t)getpid());
		break;
	case MUX_EXIT:
		mux_put_ok(&c->ssh.in, r->number);
		c->master->ends = true;
		break;
	case MUX_STOP:
		mux_put_ok(&c->ssh.in, r->number);
		stop_listening(c->master);
		c->master->stopped = true;
		break;
	case MUX_FORWARD:
	case MUX_CANCEL:
		change_forward(c, r);
		break;
	case MUX_OTHER:
		pass(c, r->number);
	}
}

static void
take_requests(struct mux_conn *c)
{
	struct mux_request r;
	long n = 0;
	while (c->state == CONN_ASKS && (n = mux_look(buf_span(&c->user.in), &r)) > 0) {
		answer(c, &r);
		if (c->state != CONN_PASSES) /* it is not ours */
			drop(&c->user, (size_t)n);
	}
	if (n < 0 || c->ssh.in.failed || (c->state == CONN_ASKS && c->user.n_fds))
		c->state = CONN_OVER;
}

static void
on_user(void *owner, short revents)
{
	struct mux_conn *c = owner;
	bool more = !(revents & (POLLIN | POLLHUP | POLLERR)) || receive(&c->user);
	take_requests(c);
	if (!more)
		c->state = CONN_OVER;
	move(c);
}

static void
on_connection(void *owner, short revents)
{
	struct mux_master *m = owner;
	struct mux_conn **place = m->conns, *c = NULL;
	(void)revents;
	while (place < m->conns + MUX_MASTER_CONNS && *place)
		place++;
	if (place == m->conns + MUX_MASTER_CONNS) {
		m->listener.events = 0; /* until one has gone */
		return;
	}
	int fd = sock_accept(m->listener.fd);
	if (fd < 0 || !(c = calloc(1, sizeof *c))) {
		if (fd >= 0)
			close(fd);
		return;
	}
	*c = (struct mux_conn){ .master = m,
		.user.watch = { .fd = fd, .events = POLLIN, .fn = on_user, .owner = c },
		.ssh.watch.fd = -1 };
	buf_init(&c->user.in, QUEUE_MAX);
	buf_init(&c->ssh.in, QUEUE_MAX);
	mux_put_hello(&c->ssh.in);
	*place = c;
	if (!loop_add(m->loop, &c->user.watch))
		c->state = CONN_OVER;
	move(c);
}

/* ---- all of it ---- */

static bool
has_path(const struct ssh_config *c)
{
	return c->control_path.n && c->control_path.n < MUX_MASTER_PATH_MAX
	    && c->control_path.p[0] == '/';
}

bool
mux_master_wanted(const struct ssh_config *c)
{
	bool behind = c->no_command || c->background;
	if (!has_path(c) || (c->control_persist && !behind))
		return false;
	return c->control_master == SSH_CONFIG_MASTER_YES
	    || (c->control_master == SSH_CONFIG_MASTER_AUTO
		&& !control_master_listens(c));
}

bool
mux_master_is_all(const struct ssh_config *c)
{
	return c->control_persist && (c->no_command || c->background)
	    && mux_master_wanted(c);
}

void
mux_master_open(struct mux_master *m, struct loop *loop, const struct ssh_config *c,
    struct forward_table *forwards)
{
	char path[MUX_MASTER_PATH_MAX];
	snprintf(path, sizeof path, "%.*s", (int)c->control_path.n,
	    (const char *)c->control_path.p);
	if (c->control_master == SSH_CONFIG_MASTER_AUTO && sock_is_stale(path))
		unlink(path);
	int fd = sock_listen_for_all(path, MODE_MASK);
	if (fd < 0) {
		if (errno == EADDRINUSE)
			log_as_ssh(LOG_ERROR,
			    "ControlSocket %s already exists, disabling multiplexing",
			    path);
		else
			log_say(LOG_ERROR, "%s: %s", path, strerror(errno));
		return;
	}
	*m = (struct mux_master){ .loop = loop,
		.forwards = forwards,
		.goes = c->no_command,
		.persist_us = (uint64_t)1000000 * c->control_persist_s,
		.listener = { .fd = fd,
		    .events = POLLIN,
		    .fn = on_connection,
		    .owner = m } };
	memcpy(m->path, path, sizeof path);
	if (!loop_add_kept(loop, &m->listener))
		stop_listening(m);
}

static void
free_conn(struct mux_master *m, size_t i)
{
	struct mux_conn *c = m->conns[i];
	close_end(m->loop, &c->user);
	close_end(m->loop, &c->ssh);
	free(c);
	m->conns[i] = NULL;
	m->listener.events = POLLIN;
}

bool
mux_master_serves(const struct mux_master *m)
{
	for (size_t i = 0; i < MUX_MASTER_CONNS; i++)
		if (m->conns[i] && m->conns[i]->state == CONN_PASSES)
			return true;
	return false;
}

/* Nothing goes by its connection: what only listens does not count. */
static uint64_t
persist_turn(struct mux_master *m, uint64_t now_us)
{
	bool used = mux_master_serves(m) || m->forwards->tunnel.channels;
	m->ends |= m->stopped && m->goes && !used;
	if (!m->persist_us || used) {
		m->idle_us = 0;
		return 0;
	}
	if (!m->idle_us)
		m->idle_us = now_us;
	m->ends |= now_us - m->idle_us >= m->persist_us;
	return m->idle_us + m->persist_us;
}

uint64_t
mux_master_turn(struct mux_master *m, const char *link, uint64_t now_us)
{
	if (!m->loop)
		return 0;
	m->link = link;
	for (size_t i = 0; i < MUX_MASTER_CONNS; i++) {
		struct mux_conn *c = m->conns[i];
		if (c && c->state == CONN_WAITS) {
			await(c);
			take_requests(c);
			move(c);
		}
		if (c && c->state == CONN_OVER)
			free_conn(m, i);
	}
	return persist_turn(m, now_us);
}

void
mux_master_close(struct mux_master *m)
{
	if (!m->loop)
		return;
	stop_listening(m);
	for (size_t i = 0; i < MUX_MASTER_CONNS; i++)
		if (m->conns[i])
			free_conn(m, i);
	*m = (struct mux_master){ 0 };
}
