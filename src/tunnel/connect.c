#include "tunnel/connect.h"

#include "sys/sock.h"
#include "sys/sys.h"
#include "sys/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static void
done(struct connect *c, int fd, const char *why)
{
	loop_remove(c->loop, &c->watch);
	c->watch.fd = -1;
	c->done(c->owner, fd, why);
}

static void try_next(struct connect *c);

static void
on_connected(void *owner, short revents)
{
	struct connect *c = owner;
	int fd = c->watch.fd;
	(void)revents;
	c->err = tcp_error(fd);
	if (!c->err) {
		done(c, fd, NULL);
		return;
	}
	loop_remove(c->loop, &c->watch);
	close(fd);
	c->watch.fd = -1;
	try_next(c);
}

static bool
watch(struct connect *c, int fd, short events, void (*fn)(void *owner, short revents))
{
	c->watch = (struct watch){ .fd = fd, .events = events, .fn = fn, .owner = c };
	return loop_add(c->loop, &c->watch);
}

static void
try_next(struct connect *c)
{
	while (c->next < c->answer.n) {
		int fd = tcp_connect_to(&c->answer.addresses[c->next++], false);
		if (fd >= 0 && watch(c, fd, POLLOUT, on_connected))
			return;
		if (fd >= 0) {
			close(fd);
			done(c, -1, CONNECT_NO_ROOM);
			return;
		}
		c->err = errno;
	}
	done(c, -1, strerror(c->err));
}

static void
on_resolved(void *owner, short revents)
{
	struct connect *c = owner;
	(void)revents;
	loop_remove(c->loop, &c->watch);
	resolve_take(c->pid, c->watch.fd, &c->answer);
	c->watch.fd = -1;
	c->pid = 0;
	if (c->answer.error)
		done(c, -1, resolve_text(&c->answer));
	else
		try_next(c);
}

static void
add_v4(struct resolve_answer *a, struct in_addr address, unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr = address };
	memcpy(&a->addresses[a->n++], &in, sizeof in);
}

static void
add_v6(struct resolve_answer *a, struct in6_addr address, unsigned port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port),
		.sin6_addr = address };
	memcpy(&a->addresses[a->n++], &in6, sizeof in6);
}

/* What needs no look-up: addresses, and localhost (RFC 6761 6.3). */
static bool
is_known(struct resolve_answer *a, const char *host, unsigned port)
{
	struct in_addr v4;
	struct in6_addr v6;
	if (inet_pton(AF_INET, host, &v4) == 1) {
		add_v4(a, v4, port);
	} else if (inet_pton(AF_INET6, host, &v6) == 1) {
		add_v6(a, v6, port);
	} else if (strcasecmp(host, "localhost") == 0) {
		add_v6(a, (struct in6_addr)IN6ADDR_LOOPBACK_INIT, port);
		add_v4(a, (struct in_addr){ htonl(INADDR_LOOPBACK) }, port);
	}
	return a->n > 0;
}

bool
connect_looks_up(const struct target *to)
{
	struct resolve_answer answer = { 0 };
	return to->kind != OPEN_UNIX && !is_known(&answer, to->host, to->port);
}

static void
look_up(struct connect *c, resolve_fn *start, const struct target *to)
{
	int fd;
	c->pid = start(to->host, to->port, AF_UNSPEC, &fd);
	if (c->pid <= 0) {
		done(c, -1, strerror(errno));
	} else if (!watch(c, fd, POLLIN, on_resolved)) {
		resolve_cancel(c->pid, fd);
		c->pid = 0;
		done(c, -1, CONNECT_NO_ROOM);
	}
}

void
connect_start(struct connect *c, struct loop *loop, resolve_fn *start,
    const struct target *to, void (*fn)(void *owner, int fd, const char *why),
    void *owner)
{
	int fd;
	*c = (struct connect){ .loop = loop, .watch.fd = -1, .done = fn, .owner = owner };
	if (!loop_room(loop)) {
		done(c, -1, CONNECT_NO_ROOM);
	} else if (to->kind == OPEN_UNIX) {
		/* As X's own clients and ssh: the file may be gone. */
		fd = to->display ? sock_connect_abstract(to->host) : -1;
		if (fd < 0)
			fd = sock_connect_any(to->host);
		done(c, fd, fd < 0 ? strerror(errno) : NULL);
	} else if (is_known(&c->answer, to->host, to->port)) {
		try_next(c);
	} else {
		look_up(c, start, to);
	}
}

void
connect_cancel(struct connect *c)
{
	if (!c->loop || c->watch.fd < 0)
		return;
	loop_remove(c->loop, &c->watch);
	if (c->pid > 0)
		resolve_cancel(c->pid, c->watch.fd);
	else
		close(c->watch.fd);
	c->watch.fd = -1;
	c->pid = 0;
}
