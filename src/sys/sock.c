#define _GNU_SOURCE 1
#include "sys/sock.h"

#include "sys/os.h"
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, FDS_MAX = 8, CONNECT_S = 2 };

bool
sock_is_private(const char *dir)
{
	struct stat st;
	if (lstat(dir, &st) < 0)
		return false;
	errno = EPERM;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
}

int
sock_private_dir(const char *dir)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -1;
	return sock_is_private(dir) ? 0 : -1;
}

static int
address(const char *path, struct sockaddr_un *ret_addr)
{
	*ret_addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof ret_addr->sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(ret_addr->sun_path, path, strlen(path) + 1);
	return 0;
}

static int
close_failed(int fd)
{
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* A socket for that path; -1 with errno. */
static int
make(const char *path, struct sockaddr_un *ret_addr)
{
	int fd = address(path, ret_addr) ? -1 : socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd >= 0)
		sys_cloexec(fd);
	return fd;
}

int
sock_listen(const char *path)
{
	struct sockaddr_un addr;
	int fd = make(path, &addr);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, BACKLOG) < 0
	    || sys_nonblock(fd))
		return close_failed(fd);
	return fd;
}

int
sock_listen_for_all(const char *path, unsigned mask)
{
	mode_t before = umask((mode_t)mask);
	int fd = sock_listen(path), saved = errno;
	umask(before);
	errno = saved;
	return fd;
}

int
sock_connect_any(const char *path)
{
	struct sockaddr_un addr;
	int fd = make(path, &addr);
	if (fd < 0)
		return -1;
	if (sys_nonblock(fd) || connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
		return close_failed(fd);
	return fd;
}

int
sock_connect_abstract(const char *name)
{
	struct sockaddr_un addr;
	size_t len = strlen(name);
	if (len + 1 >= sizeof addr.sun_path)
		return -1;
	int fd = make("", &addr);
	if (fd < 0)
		return -1;
	memcpy(addr.sun_path + 1, name, len);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
	if (sys_nonblock(fd) || connect(fd, (struct sockaddr *)&addr, size) < 0)
		return close_failed(fd);
	return fd;
}

bool
sock_is_stale(const char *path)
{
	struct stat st;
	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	int fd = sock_connect_any(path), saved = errno;
	if (fd >= 0)
		close(fd);
	errno = EADDRINUSE;
	return fd < 0 && saved == ECONNREFUSED;
}

static bool
is_ours(int fd)
{
	uid_t uid;
	if (os_peer_uid(fd, &uid) == 0 && uid == geteuid())
		return true;
	errno = EPERM;
	return false;
}

int
sock_connect(const char *path)
{
	static const struct timeval patience = { .tv_sec = CONNECT_S }, none;
	struct sockaddr_un addr;
	int fd = make(path, &addr);
	if (fd < 0)
		return -1;
	/* unix(7), SO_SNDTIMEO: as long as the listener's queue is full.  Elsewhere than on
	 * Linux it is not waited for at all. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || !is_ours(fd))
		return close_failed(fd);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
	return fd;
}

int
sock_try(const char *path)
{
	int fd = sock_connect_any(path);
	return fd < 0 || is_ours(fd) ? fd : close_failed(fd);
}

int
sock_accept(int listener)
{
	int fd = accept(listener, NULL, NULL);
	if (fd < 0)
		return -1;
	sys_cloexec(fd);
	if (sys_nonblock(fd) || !is_ours(fd))
		return close_failed(fd);
	return fd;
}

union fd_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

int
sock_send_fds(int fd, struct span bytes, const int *fds, size_t n_fds)
{
	union fd_control control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes.p, .iov_len = bytes.n };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(n_fds * sizeof(int)) };
	if (n_fds == 0 || n_fds > FDS_MAX || bytes.n == 0) {
		errno = EINVAL;
		return -1;
	}
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	ssize_t n;
	while ((n = sendmsg(fd, &msg, 0)) < 0 && (errno == EINTR || errno == EAGAIN))
		sys_wait(fd, POLLOUT, -1);
	if (n < 0)
		return -1;
	return sys_write_all(fd, bytes.p + n, bytes.n - (size_t)n);
}

ssize_t
sock_receive_fds(int fd, struct buf *b, size_t max, int *ret_fds, size_t max_fds,
    size_t *ret_n)
{
	union fd_control control;
	uint8_t *room;
	*ret_n = 0;
	if (buf_room(b, max, &room))
		return -1;
	struct iovec iov = { .iov_base = room, .iov_len = max };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	ssize_t n = recvmsg(fd, &msg, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	buf_added(b, (size_t)n);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int got;
			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof got);
			sys_cloexec(got);
			if (*ret_n < max_fds)
				ret_fds[(*ret_n)++] = got;
			else
				close(got);
		}
	}
	return n;
}
