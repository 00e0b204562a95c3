#include "autossh/tunnel_probe.h"

#include "sys/sys.h"
#include "sys/tcp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TRIES = 2 };

static void
close_end(struct tunnel_probe_end *e)
{
	if (e->watch.fd < 0)
		return;
	loop_remove(e->monitor->loop, &e->watch);
	close(e->watch.fd);
	e->watch.fd = -1;
	e->got = 0;
}

static bool
open_end(struct tunnel_probe_end *e, int fd, short events)
{
	close_end(e);
	e->watch.fd = fd;
	e->watch.events = events;
	if (loop_add_kept(e->monitor->loop, &e->watch))
		return true;
	close_end(e);
	return false;
}

static void
close_ends(struct tunnel_probe *m)
{
	close_end(&m->out);
	for (size_t i = 0; i < TUNNEL_PROBE_COMERS; i++)
		close_end(&m->in[i]);
	m->connected = false;
}

static void
finish(struct tunnel_probe *m, enum tunnel_probe_result result)
{
	close_ends(m);
	m->deadline_us = 0;
	m->result = result;
}

static void
attempt(struct tunnel_probe *m, uint64_t now_us)
{
	close_ends(m);
	m->tries++;
	m->deadline_us = now_us + m->timeout_us;
	int fd = tcp_connect(m->port);
	if (fd < 0)
		finish(m,
		    errno == ECONNREFUSED ? TUNNEL_PROBE_NOBODY : TUNNEL_PROBE_FAILED);
	else if (!open_end(&m->out, fd, POLLOUT))
		finish(m, TUNNEL_PROBE_FAILED);
}

static void
failed(struct tunnel_probe *m, enum tunnel_probe_result result)
{
	if (m->tries < TRIES && result != TUNNEL_PROBE_NOBODY)
		attempt(m, sys_now_us());
	else
		finish(m, result);
}

/* Reads what has come.  Returns false when the connection is of no use any more. */
static bool
compare(struct tunnel_probe_end *e)
{
	struct tunnel_probe *m = e->monitor;
	char bytes[TUNNEL_PROBE_LINE_MAX];
	ssize_t n = read(e->watch.fd, bytes, sizeof bytes);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0 || (size_t)n > m->line_len - e->got
	    || memcmp(m->line + e->got, bytes, (size_t)n) != 0)
		return false;
	e->got += (size_t)n;
	if (e->got == m->line_len)
		finish(m, TUNNEL_PROBE_OK);
	return true;
}

static void
on_in(void *owner, short revents)
{
	struct tunnel_probe_end *e = owner;
	(void)revents;
	if (!compare(e))
		close_end(e);
}

static void
on_out(void *owner, short revents)
{
	struct tunnel_probe_end *e = owner;
	struct tunnel_probe *m = e->monitor;
	if (m->connected) {
		/* Without an echo nothing comes here but the end. */
		if (revents & ~POLLOUT && !compare(e))
			failed(m, TUNNEL_PROBE_FAILED);
		return;
	}
	int err = tcp_error(e->watch.fd);
	if (err) {
		failed(m,
		    err == ECONNREFUSED ? TUNNEL_PROBE_NOBODY : TUNNEL_PROBE_FAILED);
		return;
	}
	/* The first bytes of a connection: there is room for them. */
	if (write(e->watch.fd, m->line, m->line_len) != (ssize_t)m->line_len) {
		failed(m, TUNNEL_PROBE_FAILED);
		return;
	}
	m->connected = true;
	e->watch.events = POLLIN;
}

static void
on_listener(void *owner, short revents)
{
	struct tunnel_probe *m = owner;
	int fd = tcp_accept(m->listener.fd);
	(void)revents;
	if (fd < 0)
		return;
	if (!m->deadline_us) { /* nobody has been asked */
		close(fd);
		return;
	}
	(void)open_end(&m->in[m->next_in], fd, POLLIN); /* else the test fails */
	m->next_in = (m->next_in + 1) % TUNNEL_PROBE_COMERS;
}

int
tunnel_probe_open(struct tunnel_probe *m, struct loop *loop, unsigned port, bool echo)
{
	*m = (struct tunnel_probe){ .loop = loop, .port = port, .echo = echo };
	m->listener =
	    (struct watch){ .fd = -1, .events = POLLIN, .fn = on_listener, .owner = m };
	m->out = (struct tunnel_probe_end){ { .fd = -1, .fn = on_out, .owner = &m->out },
		m, 0 };
	for (size_t i = 0; i < TUNNEL_PROBE_COMERS; i++)
		m->in[i] = (struct tunnel_probe_end){
			{ .fd = -1, .fn = on_in, .owner = &m->in[i] }, m, 0
		};
	if (echo)
		return 0;
	m->listener.fd = tcp_listen(port + 1);
	if (m->listener.fd >= 0 && loop_add_kept(loop, &m->listener))
		return 0;
	if (m->listener.fd >= 0) {
		close(m->listener.fd);
		m->listener.fd = -1;
		errno = EMFILE;
	}
	return -1;
}

void
tunnel_probe_close(struct tunnel_probe *m)
{
	if (!m->loop)
		return;
	tunnel_probe_stop(m);
	if (m->listener.fd >= 0) {
		loop_remove(m->loop, &m->listener);
		close(m->listener.fd);
	}
	*m = (struct tunnel_probe){ 0 };
}

void
tunnel_probe_start(struct tunnel_probe *m, const char *line, uint64_t timeout_us,
    uint64_t now_us)
{
	int n = snprintf(m->line, sizeof m->line, "%s", line);
	m->line_len = (size_t)n < sizeof m->line ? (size_t)n : sizeof m->line - 1;
	m->timeout_us = timeout_us;
	m->tries = 0;
	m->result = TUNNEL_PROBE_NOTHING;
	attempt(m, now_us);
}

void
tunnel_probe_stop(struct tunnel_probe *m)
{
	if (m->loop)
		finish(m, TUNNEL_PROBE_NOTHING);
}

enum tunnel_probe_result
tunnel_probe_turn(struct tunnel_probe *m, uint64_t now_us)
{
	if (m->deadline_us && now_us >= m->deadline_us)
		failed(m, TUNNEL_PROBE_FAILED);
	enum tunnel_probe_result result = m->result;
	m->result = TUNNEL_PROBE_NOTHING;
	return result;
}

uint64_t
tunnel_probe_deadline(const struct tunnel_probe *m)
{
	return m->deadline_us;
}
