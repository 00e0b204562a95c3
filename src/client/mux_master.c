#include "client/mux_master.h"

#include "base/log.h"
#include "ssh/control_master.h"
#include "sys/sock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static struct mux_answer
refused(const char *why)
{
	return (struct mux_answer){ .how = MUX_REFUSED, .why = why };
}

/* ssh says which port the host has chosen. */
static struct mux_answer
on_later(void *owner, size_t number)
{
	struct mux_master *m = owner;
	struct mux_answer a = { .how = MUX_DONE, .number = number };
	switch (forward_table_answer(m->forwards, number, &a.port)) {
	case FORWARD_LISTENS:
		break;
	case FORWARD_ASKED:
		a.how = MUX_LATER;
		break;
	case FORWARD_FAILED:
	case FORWARD_GONE:
		return refused("remote port forwarding failed");
	}
	return a;
}

static struct mux_answer
on_forward(void *owner, const struct mux_request *r)
{
	struct mux_master *m = owner;
	struct forward forward;
	size_t number;
	if (!to_forward(r, m->forwards->gateway, &forward))
		return refused("invalid forwarding");
	if (r->type == MUX_FORWARD)
		return forward_table_put(m->forwards, &forward, &number)
		    ? on_later(m, number)
		    : refused("Port forwarding failed");
	return forward_table_drop(m->forwards, &forward)
	    ? (struct mux_answer){ .how = MUX_DONE }
	    : refused("port not forwarded");
}

static const struct mux_server_events server_events = { on_forward, on_later };

/* ---- the master ---- */

static bool
has_path(const struct ssh_config *c)
{
	return c->control_path.n && c->control_path.n < MUX_SERVER_PATH_MAX
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
	char path[MUX_SERVER_PATH_MAX];
	*m = (struct mux_master){ .forwards = forwards,
		.goes = c->no_command,
		.persist_us = (uint64_t)1000000 * c->control_persist_s };
	snprintf(path, sizeof path, "%.*s", (int)c->control_path.n,
	    (const char *)c->control_path.p);
	if (c->control_master == SSH_CONFIG_MASTER_AUTO && sock_is_stale(path))
		unlink(path);
	if (mux_server_open(&m->server, loop, path, &server_events, m) == 0)
		return;
	if (errno == EADDRINUSE)
		log_as_ssh(LOG_ERROR,
		    "ControlSocket %s already exists, disabling multiplexing", path);
	else
		log_say(LOG_ERROR, "%s: %s", path, strerror(errno));
}

bool
mux_master_serves(const struct mux_master *m)
{
	return mux_server_serves(&m->server);
}

/* Whether nothing goes by its connection: what only listens does not count.  -O stop, with -N,
 * ends it then, and ControlPersist after a while. */
static uint64_t
idle_turn(struct mux_master *m, uint64_t now_us)
{
	bool used = mux_master_serves(m) || m->forwards->tunnel.channels;
	m->ends |= m->server.stopped && m->goes && !used;
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
	if (!m->server.loop)
		return 0;
	mux_server_turn(&m->server, link);
	m->ends |= m->server.exits;
	m->server.exits = false;
	return idle_turn(m, now_us);
}

void
mux_master_close(struct mux_master *m)
{
	mux_server_close(&m->server);
}
