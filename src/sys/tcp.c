#include "sys/tcp.h"

#include "sys/sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 }; /* at most; listen(2) knows the limit of the system */

static struct sockaddr_in
loopback(unsigned port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int
close_failed(int fd)
{
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

static int
prepared(int fd)
{
	if (fd < 0 || sys_nonblock(fd) || sys_cloexec(fd))
		return close_failed(fd);
	return fd;
}

static socklen_t
length(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in);
}

int
tcp_listen_on(const struct sockaddr_storage *address)
{
	int fd = prepared(socket(address->ss_family, SOCK_STREAM, 0));
	if (fd < 0)
		return -1;
	/* What still closes from the last time is in nobody's way. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (address->ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int));
	if (bind(fd, (const struct sockaddr *)address, length(address)) < 0
	    || listen(fd, BACKLOG) < 0)
		return close_failed(fd);
	return fd;
}

int
tcp_listen(unsigned port)
{
	struct sockaddr_storage at = { 0 };
	struct sockaddr_in in = loopback(port);
	memcpy(&at, &in, sizeof in);
	return tcp_listen_on(&at);
}

bool
tcp_address(const char *text, unsigned port, struct sockaddr_storage *ret_address)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };
	*ret_address = (struct sockaddr_storage){ 0 };
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		memcpy(ret_address, &in, sizeof in);
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		memcpy(ret_address, &in6, sizeof in6);
	return ret_address->ss_family != 0;
}

unsigned
tcp_port(int fd)
{
	struct sockaddr_storage at;
	if (!tcp_local(fd, &at))
		return 0;
	/* The port stands at the same place in both. */
	return ntohs(((const struct sockaddr_in *)&at)->sin_port);
}

static int
start_connecting(const struct sockaddr *to, socklen_t len)
{
	int fd = prepared(socket(to->sa_family, SOCK_STREAM, 0));
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (connect(fd, to, len) < 0 && errno != EINPROGRESS)
		return close_failed(fd);
	return fd;
}

int
tcp_connect(unsigned port)
{
	struct sockaddr_in to = loopback(port);
	return start_connecting((struct sockaddr *)&to, sizeof to);
}

int
tcp_connect_to(const struct sockaddr_storage *address, bool keepalive)
{
	int fd = start_connecting((const struct sockaddr *)address, length(address));
	if (fd >= 0 && keepalive)
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){ 1 }, sizeof(int));
	return fd;
}

bool
tcp_local(int fd, struct sockaddr_storage *ret_address)
{
	socklen_t len = sizeof *ret_address;
	*ret_address = (struct sockaddr_storage){ 0 };
	return getsockname(fd, (struct sockaddr *)ret_address, &len) == 0;
}

void
tcp_address_text(const struct sockaddr_storage *a, char ret[TCP_ADDRESS_MAX])
{
	const void *at = a->ss_family == AF_INET6
	    ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
	    : (const void *)&((const struct sockaddr_in *)a)->sin_addr;
	if (!inet_ntop(a->ss_family, at, ret, TCP_ADDRESS_MAX))
		ret[0] = 0;
}

void
tcp_peer_text(int fd, char ret[TCP_ADDRESS_MAX])
{
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof peer;
	ret[0] = 0;
	if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0)
		tcp_address_text(&peer, ret);
}

void
tcp_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

int
tcp_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof err;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? errno : err;
}

int
tcp_accept(int listener)
{
	int fd = prepared(accept(listener, NULL, NULL));
	if (fd >= 0) /* of a unix socket it fails */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	return fd;
}
