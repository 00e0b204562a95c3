#include "ssh/mux_server.h"

#include "base/err.h"
#include "sys/fd_queue.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	QUEUE_MAX = MUX_FRAME_MAX + FD_QUEUE_READ,
	MODE_MASK = 0177, /* as ssh has it */
};

enum conn_state { CONN_ASKS, CONN_WAITS, CONN_PASSES, CONN_CLOSES, CONN_OVER };

/* One end of a connection, and what has come from there. */
struct end {
	struct watch watch;
	struct fd_queue in;
};

struct mux_conn {
	struct mux_server *server;
	enum conn_state state;
	struct end user, ssh; /* what we say to the user stands in ssh.in, too */
	uint32_t request; /* CONN_WAITS: its number, */
	size_t number; /* ... and the owner's */
	bool greeted; /* the other ssh has said hello to us, not to the user */
};

/* ---- a connection ---- */

static void
set_events(struct end *e, const struct end *other, bool reads)
{
	reads &= fd_queue_has_room(&e->in);
	e->watch.events = (short)((reads ? POLLIN : 0)
	    | (other->in.bytes.len ? POLLOUT : 0));
}

/* What belongs to it is freed in the turn: a handler may be running. */
static void
move(struct mux_conn *c)
{
	bool passes = c->state == CONN_PASSES;
	if (!fd_queue_send(&c->ssh.in, c->user.watch.fd)
	    || (passes && !fd_queue_send(&c->user.in, c->ssh.watch.fd))
	    || (c->state == CONN_CLOSES && !c->ssh.in.bytes.len))
		c->state = CONN_OVER;
	if (c->state == CONN_OVER) {
		c->user.watch.events = c->ssh.watch.events = 0;
		return;
	}
	set_events(&c->user, &c->ssh, c->state != CONN_CLOSES);
	if (c->state == CONN_PASSES)
		set_events(&c->ssh, &c->user, true);
}

static bool
came(const struct watch *w, short revents, struct fd_queue *in)
{
	bool reads = revents & (POLLIN | POLLHUP | POLLERR);
	return !reads || fd_queue_receive(in, w->fd);
}

/* ---- passing on ---- */

/* The hello of the other ssh is for us. */
static void
take_hello(struct mux_conn *c)
{
	long n = c->greeted ? 0 : mux_length(buf_span(&c->ssh.in.bytes));
	if (n < 0)
		c->state = CONN_OVER;
	if (n > 0) {
		fd_queue_drop(&c->ssh.in, (size_t)n);
		c->greeted = true;
	}
}

static void
on_ssh(void *owner, short revents)
{
	struct mux_conn *c = owner;
	bool more = came(&c->ssh.watch, revents, &c->ssh.in);
	take_hello(c);
	if (!more)
		c->state = c->greeted ? CONN_CLOSES : CONN_OVER;
	if (c->greeted || c->state == CONN_OVER)
		move(c);
}

static bool
connect_ssh(struct mux_conn *c)
{
	struct mux_server *m = c->server;
	struct buf hello;
	int fd = m->link ? sock_try(m->link) : -1;
	if (fd < 0)
		return false;
	c->ssh.watch =
	    (struct watch){ .fd = fd, .events = POLLIN, .fn = on_ssh, .owner = c };
	buf_init(&hello, FD_QUEUE_READ);
	mux_put_hello(&hello);
	bool ok = sys_write_all(fd, buf_bytes(&hello), hello.len) == 0
	    && loop_add(m->loop, &c->ssh.watch);
	buf_finish(&hello);
	if (ok)
		return true;
	close(fd);
	c->ssh.watch = (struct watch){ .fd = -1 };
	return false;
}

/* What we have said has gone by then: who asks on waits for it. */
static void
pass(struct mux_conn *c, uint32_t request)
{
	if (!c->ssh.in.bytes.len && connect_ssh(c)) {
		c->state = CONN_PASSES;
		return;
	}
	mux_put_failure(&c->ssh.in.bytes, request, "there is no connection now");
	c->state = CONN_CLOSES;
}

/* ---- what is asked ---- */

static void
stop_listening(struct mux_server *m)
{
	if (!m->path[0])
		return;
	loop_remove(m->loop, &m->listener);
	close(m->listener.fd);
	unlink(m->path);
	m->path[0] = 0;
}

static void
say(struct mux_conn *c, uint32_t request, struct mux_answer a)
{
	struct buf *out = &c->ssh.in.bytes;
	c->state = CONN_ASKS;
	switch (a.how) {
	case MUX_DONE:
		if (a.port)
			mux_put_port(out, request, a.port);
		else
			mux_put_ok(out, request);
		break;
	case MUX_LATER:
		c->request = request;
		c->number = a.number;
		c->state = CONN_WAITS;
		break;
	case MUX_REFUSED:
		mux_put_failure(out, request, a.why);
	}
}

static void
answer(struct mux_conn *c, const struct mux_request *r)
{
	struct mux_server *m = c->server;
	struct buf *out = &c->ssh.in.bytes;
	switch (r->type) {
	case MUX_HELLO:
		break;
	case MUX_CHECK:
		mux_put_alive(out, r->number, (uint32_t)getpid());
		break;
	case MUX_EXIT:
		mux_put_ok(out, r->number);
		m->exits = true;
		break;
	case MUX_STOP:
		mux_put_ok(out, r->number);
		stop_listening(m);
		m->stopped = true;
		break;
	case MUX_FORWARD:
	case MUX_CANCEL:
		say(c, r->number, m->events->forward(m->owner, r));
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
	while (c->state == CONN_ASKS
	    && (n = mux_look(buf_span(&c->user.in.bytes), &r)) > 0) {
		answer(c, &r);
		if (c->state != CONN_PASSES) /* that one is not ours */
			fd_queue_drop(&c->user.in, (size_t)n);
		else if (!fd_queue_send(&c->ssh.in, c->user.watch.fd))
			n = -1;
	}
	if (n < 0 || c->ssh.in.bytes.failed
	    || (c->state == CONN_ASKS && c->user.in.n_fds))
		c->state = CONN_OVER;
}

static void
on_user(void *owner, short revents)
{
	struct mux_conn *c = owner;
	bool more = came(&c->user.watch, revents, &c->user.in);
	take_requests(c);
	if (!more)
		c->state = CONN_OVER;
	move(c);
}

static void
on_connection(void *owner, short revents)
{
	struct mux_server *m = owner;
	struct mux_conn **place = m->conns, *c = NULL;
	(void)revents;
	while (place < m->conns + MUX_SERVER_CONNS && *place)
		place++;
	if (place == m->conns + MUX_SERVER_CONNS) {
		m->listener.events = 0; /* until one has gone */
		return;
	}
	int fd = sock_accept(m->listener.fd);
	if (fd < 0 || !(c = calloc(1, sizeof *c))) {
		if (fd >= 0)
			close(fd);
		return;
	}
	*c = (struct mux_conn){ .server = m,
		.user.watch = { .fd = fd, .events = POLLIN, .fn = on_user, .owner = c },
		.ssh.watch.fd = -1 };
	fd_queue_init(&c->user.in, QUEUE_MAX);
	fd_queue_init(&c->ssh.in, QUEUE_MAX);
	mux_put_hello(&c->ssh.in.bytes);
	*place = c;
	if (!loop_add(m->loop, &c->user.watch))
		c->state = CONN_OVER;
	move(c);
}

/* ---- all of it ---- */

int
mux_server_open(struct mux_server *m, struct loop *loop, const char *path,
    const struct mux_server_events *events, void *owner)
{
	int fd = sock_listen_for_all(path, MODE_MASK);
	if (fd < 0)
		return -1;
	*m = (struct mux_server){ .loop = loop, .events = events, .owner = owner };
	m->listener =
	    (struct watch){ .fd = fd, .events = POLLIN, .fn = on_connection, .owner = m };
	snprintf(m->path, sizeof m->path, "%s", path);
	if (!loop_add_kept(loop, &m->listener))
		stop_listening(m);
	return 0;
}

static void
close_end(struct loop *loop, struct end *e)
{
	loop_remove(loop, &e->watch);
	if (e->watch.fn)
		close(e->watch.fd);
	fd_queue_finish(&e->in);
}

static void
free_conn(struct mux_server *m, size_t i)
{
	struct mux_conn *c = m->conns[i];
	close_end(m->loop, &c->user);
	close_end(m->loop, &c->ssh);
	free(c);
	m->conns[i] = NULL;
	m->listener.events = POLLIN;
}

bool
mux_server_serves(const struct mux_server *m)
{
	for (size_t i = 0; i < MUX_SERVER_CONNS; i++)
		if (m->conns[i] && m->conns[i]->state == CONN_PASSES)
			return true;
	return false;
}

void
mux_server_turn(struct mux_server *m, const char *link)
{
	m->link = link;
	for (size_t i = 0; m->loop && i < MUX_SERVER_CONNS; i++) {
		struct mux_conn *c = m->conns[i];
		if (c && c->state == CONN_WAITS) {
			say(c, c->request, m->events->later(m->owner, c->number));
			take_requests(c);
			move(c);
		}
		if (c && c->state == CONN_OVER)
			free_conn(m, i);
	}
}

void
mux_server_close(struct mux_server *m)
{
	if (!m->loop)
		return;
	stop_listening(m);
	for (size_t i = 0; i < MUX_SERVER_CONNS; i++)
		if (m->conns[i])
			free_conn(m, i);
	*m = (struct mux_server){ 0 };
}
