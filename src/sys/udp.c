#define _GNU_SOURCE 1 /* struct in6_pktinfo */
#define __APPLE_USE_RFC_3542 1
#include "sys/udp.h"

#include "sys/sys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 512 * 1024 };

/* Room for one control message. */
union control {
	struct cmsghdr align;
	uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static int
open_socket(int family)
{
	int size = RECEIVE_BUFFER;
	int fd = socket(family, SOCK_DGRAM, 0);
	if (fd < 0)
		return -1;
	sys_nonblock(fd);
	sys_cloexec(fd);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return fd;
}

/* Of both families, or where the system has no IPv6 of the other. */
static int
open_dual(void)
{
	int off = 0, on = 1;
	int fd = open_socket(AF_INET6);
	if (fd < 0)
		return open_socket(AF_INET);
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
	return fd;
}

static int
bind_port(int fd, unsigned port)
{
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof at;
	if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return -1;
	if (at.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&at)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)&at)->sin_port = htons((uint16_t)port);
	return bind(fd, (struct sockaddr *)&at, len);
}

int
udp_listen(unsigned first, unsigned last, unsigned start, unsigned *ret_port)
{
	int fd = open_dual();
	unsigned n = last - first + 1;
	if (fd < 0)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		*ret_port = first + (start + i) % n;
		if (bind_port(fd, *ret_port) == 0)
			return fd;
		if (errno != EADDRINUSE && errno != EACCES)
			break;
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static socklen_t
length(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					: sizeof(struct sockaddr_in);
}

int
udp_connect(const struct sockaddr_storage *to)
{
	int fd = open_socket(to->ss_family);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)to, length(to)) == 0)
		return fd;
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

ssize_t
udp_receive(int fd, uint8_t *bytes, size_t max, struct udp_way *ret_way)
{
	union control control;
	struct sockaddr_storage from = { 0 };
	struct iovec io = { bytes, max };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	if (ret_way) {
		m.msg_name = &from;
		m.msg_namelen = sizeof from;
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
	}
	ssize_t n = recvmsg(fd, &m, 0);
	if (n < 0 || !ret_way)
		return n;
	*ret_way = (struct udp_way){ .peer = from };
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct in6_pktinfo info;
		if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof info);
		ret_way->local = info.ipi6_addr;
	}
	return n;
}

void
udp_send(int fd, struct span bytes, const struct udp_way *way)
{
	union control control;
	static const struct in6_addr unknown;
	struct iovec io = { (void *)(uintptr_t)bytes.p, bytes.n };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	if (way) {
		m.msg_name = (void *)(uintptr_t)&way->peer;
		m.msg_namelen = length(&way->peer);
	}
	if (way && way->peer.ss_family == AF_INET6
	    && memcmp(&way->local, &unknown, sizeof unknown) != 0) {
		struct in6_pktinfo info = { .ipi6_addr = way->local };
		memset(&control, 0, sizeof control);
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof info);
		control.align.cmsg_level = IPPROTO_IPV6;
		control.align.cmsg_type = IPV6_PKTINFO;
		control.align.cmsg_len = CMSG_LEN(sizeof info);
		memcpy(CMSG_DATA(&control.align), &info, sizeof info);
	}
	/* The first error may be of an earlier datagram (ICMP). */
	if (sendmsg(fd, &m, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
		(void)sendmsg(fd, &m, MSG_NOSIGNAL);
}

bool
udp_same_peer(const struct udp_way *a, const struct udp_way *b)
{
	const struct sockaddr_in6 *a6 = (const void *)&a->peer,
				  *b6 = (const void *)&b->peer;
	const struct sockaddr_in *a4 = (const void *)&a->peer,
				 *b4 = (const void *)&b->peer;
	if (a->peer.ss_family != b->peer.ss_family)
		return false;
	if (a->peer.ss_family == AF_INET6)
		return a6->sin6_port == b6->sin6_port
		    && memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
	return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}
