#include "sys/tcp.h"

#include "sys/sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 16 };

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

int
tcp_listen(unsigned port)
{
	struct sockaddr_in at = loopback(port);
	int fd = prepared(socket(AF_INET, SOCK_STREAM, 0));
	if (fd < 0)
		return -1;
	/* What still closes from the last time is in nobody's way. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, BACKLOG) < 0)
		return close_failed(fd);
	return fd;
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
	bool v6 = address->ss_family == AF_INET6;
	int fd = start_connecting((const struct sockaddr *)address,
	    v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
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
	return prepared(accept(listener, NULL, NULL));
}
