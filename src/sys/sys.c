#include "sys/sys.h"

#include "base/err.h"
#include "sys/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SAY_MAX = 4096 };

static uint64_t
clock_us(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000 + 1;
}

uint64_t
sys_now_us(void)
{
	return clock_us(os_awake_clock);
}

uint64_t
sys_boot_us(void)
{
	return clock_us(os_boot_clock);
}

int64_t
sys_wall_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
sys_wall_s(void)
{
	return sys_wall_ms() / 1000;
}

/* explicit_bzero() is not everywhere. */
void
sys_wipe(void *bytes, size_t n)
{
	volatile unsigned char *p = bytes;
	while (n--)
		*p++ = 0;
}

void
sys_random(void *bytes, size_t n)
{
	if (os_random(bytes, n)) {
		sys_say(STDERR_FILENO, "belay: no random bytes: %s\n", strerror(errno));
		exit(255);
	}
}

bool
sys_lacks(int err)
{
	static const int lacks[] = { ENOMEM, EAGAIN, EMFILE, ENFILE, ENOBUFS, EINTR };
	for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++)
		if (err == lacks[i])
			return true;
	return false;
}

int
sys_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int stdio_flags[3] = { -1, -1, -1 }; /* as they were; -1: not changed */

int
sys_nonblock_stdio(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -1;
	if (flags & O_NONBLOCK)
		return 0;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -1;
	if (fd <= STDERR_FILENO)
		stdio_flags[fd] = flags;
	return 0;
}

void
sys_restore_stdio(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (stdio_flags[fd] >= 0)
			(void)fcntl(fd, F_SETFL, stdio_flags[fd]);
}

int
sys_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);
	return flags < 0 ? -1 : fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

void
sys_fix_stdio(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

int
sys_pipe(int ret_fds[2])
{
	if (pipe(ret_fds) < 0)
		return -1;
	sys_cloexec(ret_fds[0]);
	sys_cloexec(ret_fds[1]);
	return 0;
}

bool
sys_wait(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;
	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

bool
sys_hung_up(int fd)
{
	struct pollfd p = { .fd = fd };
	return poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP | POLLNVAL);
}

static bool
again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static bool was_short;

bool
sys_was_short(void)
{
	bool was = was_short;
	was_short = false;
	return was;
}

/* Where there is no memory for so much, less may find some, or the room that is there. */
static size_t
make_room(struct buf *b, size_t max, uint8_t **ret_room)
{
	int err = ERR_NOMEM;
	while (max && (err = buf_room(b, max, ret_room)) == ERR_NOMEM)
		max /= 4;
	was_short |= err == ERR_NOMEM;
	return err ? 0 : max;
}

ssize_t
sys_read_into(int fd, struct buf *b, size_t max)
{
	uint8_t *room = NULL;
	max = make_room(b, max, &room);
	if (!max)
		return 0;
	ssize_t n = read(fd, room, max);
	if (n > 0) {
		buf_added(b, (size_t)n);
		return n;
	}
	return n < 0 && again() ? 0 : -1;
}

ssize_t
sys_write_spans(int fd, const struct span *spans, size_t n)
{
	struct iovec iov[SYS_SPANS];
	int count = 0;
	for (size_t i = 0; i < n; i++)
		if (spans[i].n)
			iov[count++] = (struct iovec){ (void *)(uintptr_t)spans[i].p,
				spans[i].n };
	ssize_t wrote = count ? writev(fd, iov, count) : 0;
	return wrote < 0 && again() ? 0 : wrote;
}

ssize_t
sys_write_both(int fd, struct span first, struct span second)
{
	return sys_write_spans(fd, (struct span[]){ first, second }, 2);
}

int
sys_write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;
	while (n) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EAGAIN)
			sys_wait(fd, POLLOUT, -1);
		else if (w < 0 && errno != EINTR)
			return -1;
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		}
	}
	return 0;
}

void
sys_say(int fd, const char *fmt, ...)
{
	char text[SAY_MAX];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n > 0)
		(void)sys_write_all(fd, text,
		    (size_t)n < sizeof text ? (size_t)n : SAY_MAX - 1);
}

int
sys_read_all(int fd, void *bytes, size_t n)
{
	char *p = bytes;
	while (n) {
		ssize_t r = read(fd, p, n);
		if (r < 0 && errno == EAGAIN)
			sys_wait(fd, POLLIN, -1);
		else if (r == 0 || (r < 0 && errno != EINTR))
			return -1;
		if (r > 0) {
			p += r;
			n -= (size_t)r;
		}
	}
	return 0;
}

int
sys_read_file(const char *path, struct buf *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n;
	while ((n = sys_read_into(fd, b, 16 * 1024)) > 0)
		;
	close(fd);
	return n < 0 ? 0 : -1; /* -1 from sys_read_into is the end of the file */
}

void
sys_make_parents(const char *path)
{
	char part[4096];
	if (strlen(path) >= sizeof part)
		return;
	memcpy(part, path, strlen(path) + 1);
	for (char *p = part + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		(void)mkdir(part, 0700);
		*p = '/';
	}
}

bool
sys_way_is_ours(const char *path)
{
	char dir[4096];
	const char *home = getenv("HOME");
	struct stat st, home_st;
	bool at_home = false, has_home = home && stat(home, &home_st) == 0;
	if (path[0] != '/' || strlen(path) >= sizeof dir)
		return false;
	memcpy(dir, path, strlen(path) + 1);
	for (char *slash; !at_home && (slash = strrchr(dir, '/'));) {
		*slash = 0;
		const char *name = dir[0] ? dir : "/";
		at_home = has_home && stat(name, &st) == 0 && st.st_dev == home_st.st_dev
		    && st.st_ino == home_st.st_ino;
		if ((!at_home && lstat(name, &st) < 0) || !S_ISDIR(st.st_mode)
		    || (st.st_uid != geteuid() && st.st_uid != 0) || st.st_mode & 022)
			return false;
	}
	return true;
}

int
sys_replace_file(const char *path, struct span bytes)
{
	char temporary[4096];
	int n = snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
	if (n < 0 || (size_t)n >= sizeof temporary)
		return -1;
	sys_make_parents(path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	int err = sys_write_all(fd, bytes.p, bytes.n);
	if (close(fd) < 0 || err || rename(temporary, path) < 0) {
		unlink(temporary);
		return -1;
	}
	return 0;
}
