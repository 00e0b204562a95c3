#include "tunnel/listener.h"

#include "sys/sock.h"
#include "sys/sys.h"
#include "sys/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	PAUSE_US = 200 * 1000,
	AT_ONCE = 32, /* connections accepted in one turn */
};

static const char no_room[] = "no room for more listeners";

static void
set_events(struct listener *l, short events)
{
	for (size_t i = 0; i < LISTENER_SOCKETS; i++)
		l->watches[i].events = events;
}

/* Accepts no more for a moment. */
static void
pause_listener(struct listener *l)
{
	l->paused_until_us = l->loop->now_us + PAUSE_US;
	set_events(l, 0);
}

static void
on_readable(void *owner, short revents)
{
	struct listener *l = owner;
	(void)revents;
	for (size_t i = 0; i < LISTENER_SOCKETS; i++)
		for (int n = 0;
		     l->watches[i].fd >= 0 && !l->paused_until_us && n < AT_ONCE; n++) {
			bool room = !l->has_room || l->has_room(l->owner);
			int fd = room ? tcp_accept(l->watches[i].fd) : -1;
			if (fd >= 0)
				l->accepted(l->owner, fd);
			else if (!room || errno == EMFILE || errno == ENFILE)
				pause_listener(l);
			else
				break;
		}
}

/* A quarter of the room is for connections: listeners alone are of no use. */
static bool
add(struct listener *l, int fd)
{
	struct watch *w = l->watches[0].fd < 0 ? &l->watches[0] : &l->watches[1];
	bool room = loop_room(l->loop) > loop_room_max(l->loop) / 4;
	*w = (struct watch){ .fd = fd, .events = POLLIN, .fn = on_readable, .owner = l };
	if (room && loop_add(l->loop, w))
		return true;
	close(fd);
	w->fd = -1;
	return false;
}

static void
say(char ret_text[LISTENER_TEXT], const char *host, unsigned port, const char *why)
{
	const char *form = strchr(host, ':') ? "[%s]:%u: %s" : "%s:%u: %s";
	snprintf(ret_text, LISTENER_TEXT, form, host, port, why);
}

static int
listen_on(struct listener *l, const char *host, unsigned port, unsigned *ret_port,
    char ret_text[LISTENER_TEXT])
{
	struct sockaddr_storage at;
	if (!tcp_address(host, port, &at) || (l->family && at.ss_family != l->family)) {
		snprintf(ret_text, LISTENER_TEXT, "%s: not an address to listen on",
		    host);
		return -1;
	}
	int fd = tcp_listen_on(&at);
	if (fd < 0) {
		say(ret_text, host, port, strerror(errno));
		return -1;
	}
	if (!add(l, fd)) {
		say(ret_text, host, port, no_room);
		errno = ENOBUFS;
		return -1;
	}
	*ret_port = tcp_port(fd);
	return 0;
}

/* As with ssh, one of two addresses is enough: the other kind may not be there. */
static int
listen_on_both(struct listener *l, const char *const hosts[2], unsigned port,
    unsigned *ret_port, char ret_text[LISTENER_TEXT])
{
	char other[LISTENER_TEXT];
	if (l->family)
		return listen_on(l, hosts[l->family == AF_INET6], port, ret_port,
		    ret_text);
	int first = listen_on(l, hosts[0], port, ret_port, ret_text);
	if (first < 0 && errno == EADDRINUSE)
		return -1; /* half a port would be somebody else's */
	int second = listen_on(l, hosts[1], first ? port : *ret_port, ret_port, other);
	if (second < 0 && errno == EADDRINUSE) {
		memcpy(ret_text, other, sizeof other);
		listener_close(l);
		return -1;
	}
	return first && second ? -1 : 0;
}

static int
listen_unix(struct listener *l, const char *path, const struct listener_unix *how,
    char ret_text[LISTENER_TEXT])
{
	if (how->unlink && unlink(path) < 0 && errno != ENOENT) {
		snprintf(ret_text, LISTENER_TEXT, "%s: %s", path, strerror(errno));
		return -1;
	}
	int fd = sock_listen_for_all(path, how->mask);
	if (fd < 0 && errno == EADDRINUSE && sock_is_stale(path) && unlink(path) == 0)
		fd = sock_listen_for_all(path, how->mask);
	if (fd < 0) {
		snprintf(ret_text, LISTENER_TEXT, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (!add(l, fd)) {
		snprintf(ret_text, LISTENER_TEXT, "%s: %s", path, no_room);
		unlink(path);
		return -1;
	}
	snprintf(l->path, sizeof l->path, "%s", path);
	return 0;
}

static void
begin(struct listener *l, struct loop *loop)
{
	l->loop = loop;
	l->path[0] = 0;
	l->paused_until_us = 0;
	for (size_t i = 0; i < LISTENER_SOCKETS; i++)
		l->watches[i].fd = -1;
}

int
listener_open_at(struct listener *l, struct loop *loop,
    const struct resolve_answer *addresses, unsigned *ret_port,
    char ret_text[LISTENER_TEXT])
{
	size_t n = 0;
	begin(l, loop);
	*ret_port = 0;
	for (size_t i = 0; i < addresses->n && n < LISTENER_SOCKETS; i++) {
		int fd = tcp_listen_on(&addresses->addresses[i]);
		if (fd < 0)
			continue;
		add(l, fd);
		*ret_port = tcp_port(fd);
		n++;
	}
	if (!n)
		snprintf(ret_text, LISTENER_TEXT, "%s", strerror(errno));
	return n ? 0 : -1;
}

int
listener_open(struct listener *l, struct loop *loop, const struct target *on,
    const struct listener_unix *how, unsigned *ret_port, char ret_text[LISTENER_TEXT])
{
	static const char *const loopback[2] = { "127.0.0.1", "::1" };
	static const char *const all[2] = { "0.0.0.0", "::" };
	begin(l, loop);
	*ret_port = on->port;
	if (on->kind == OPEN_UNIX)
		return listen_unix(l, on->host, how, ret_text);
	if (strcasecmp(on->host, "localhost") == 0)
		return listen_on_both(l, loopback, on->port, ret_port, ret_text);
	if (strcmp(on->host, "*") == 0)
		return listen_on_both(l, all, on->port, ret_port, ret_text);
	return listen_on(l, on->host, on->port, ret_port, ret_text);
}

void
listener_close(struct listener *l)
{
	for (size_t i = 0; l->loop && i < LISTENER_SOCKETS; i++) {
		if (l->watches[i].fd < 0)
			continue;
		loop_remove(l->loop, &l->watches[i]);
		close(l->watches[i].fd);
		l->watches[i].fd = -1;
	}
	if (l->path[0])
		unlink(l->path);
	l->path[0] = 0;
}

uint64_t
listener_turn(struct listener *l, uint64_t now_us)
{
	if (l->paused_until_us && now_us >= l->paused_until_us) {
		l->paused_until_us = 0;
		set_events(l, POLLIN);
	}
	return l->paused_until_us;
}
