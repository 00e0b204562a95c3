#define _GNU_SOURCE 1
#include "sys/os.h"

#include "sys/sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_getfd /* headers older than Linux 5.6, or Debian 11's */
#define SYS_pidfd_getfd 438
#endif

enum {
	TCP_SYN_SENT = 2, /* of the kernel's states */
	DEPTH_MAX = 4, /* ssh, its shell, another ssh, its shell */
	CHILDREN_MAX = 1024, /* bytes of their numbers */
	PROBE_S = 1,
	PROBES = 127, /* the most that there can be: nothing ends for want of an answer */
};

/* ---- a connection ---- */

bool
os_tcp_look(int fd, struct os_tcp *ret_tcp)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0
	    || len < offsetof(struct tcp_info, tcpi_segs_out))
		return false;
	*ret_tcp = (struct os_tcp){
		.connected = info.tcpi_state != TCP_SYN_SENT,
		.unanswered = info.tcpi_unacked || info.tcpi_probes,
		.answered_us = (uint64_t)info.tcpi_last_ack_recv * 1000,
		.told_us = (uint64_t)info.tcpi_last_data_recv * 1000,
		.received = info.tcpi_bytes_received,
	};
	return true;
}

static int
option(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof value;
	return getsockopt(fd, level, name, &value, &len) < 0 ? -1 : value;
}

static void
set(int fd, int level, int name, int value)
{
	if (value >= 0)
		(void)setsockopt(fd, level, name, &value, sizeof value);
}

void
os_tcp_probe(int fd, struct os_tcp_probed *ret_before)
{
	*ret_before = (struct os_tcp_probed){ option(fd, SOL_SOCKET, SO_KEEPALIVE),
		option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
		option(fd, IPPROTO_TCP, TCP_KEEPINTVL),
		option(fd, IPPROTO_TCP, TCP_KEEPCNT) };
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, PROBE_S);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_S);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

void
os_tcp_probe_no_more(int fd, const struct os_tcp_probed *before)
{
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, before->idle_s);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, before->interval_s);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, before->count);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, before->on);
}

/* ---- a process and those that it has started ---- */

/* Whether it has found what it looks for behind a descriptor; `link`: where that leads. */
typedef bool look_fn(void *owner, pid_t pid, int fd, const char *link);

static bool
look_at_descriptors(pid_t pid, look_fn *look, void *owner)
{
	char path[64];
	bool found = false;
	struct dirent *entry;
	snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
	DIR *dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		char link[64];
		ssize_t n = entry->d_name[0] == '.'
		    ? -1
		    : readlinkat(dirfd(dir), entry->d_name, link, sizeof link - 1);
		if (n < 0)
			continue;
		link[n] = 0;
		found = look(owner, pid, atoi(entry->d_name), link);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool
look_at_all(pid_t pid, look_fn *look, void *owner, int depth)
{
	char path[64], text[CHILDREN_MAX], *at = text;
	if (look_at_descriptors(pid, look, owner))
		return true;
	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
	int fd = depth < DEPTH_MAX ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	for (long child; (child = strtol(at, &at, 10)) > 0;)
		if (look_at_all((pid_t)child, look, owner, depth + 1))
			return true;
	return false;
}

static bool
is_terminal(void *owner, pid_t pid, int fd, const char *link)
{
	(void)owner;
	(void)pid;
	(void)fd;
	return strcmp(link, "/dev/tty") == 0;
}

bool
os_process_asks(pid_t pid)
{
	return look_at_all(pid, is_terminal, NULL, 0);
}

static bool
is_tcp(int fd)
{
	struct os_tcp tcp;
	int domain = option(fd, SOL_SOCKET, SO_DOMAIN);
	return (domain == AF_INET || domain == AF_INET6)
	    && option(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM
	    && !option(fd, SOL_SOCKET, SO_ACCEPTCONN) && os_tcp_look(fd, &tcp);
}

static bool
take_connection(void *owner, pid_t pid, int fd, const char *link)
{
	int *ret_fd = owner;
	if (strncmp(link, "socket:", 7) != 0)
		return false;
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	int copy = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	if (process >= 0)
		close(process);
	if (copy >= 0 && is_tcp(copy)) {
		*ret_fd = copy;
		return true;
	}
	if (copy >= 0)
		close(copy);
	return false;
}

int
os_process_connection(pid_t pid)
{
	int fd = -1;
	(void)look_at_all(pid, take_connection, &fd, 0);
	return fd;
}
