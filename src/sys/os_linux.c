#define _GNU_SOURCE 1
#include "sys/os.h"

#include "base/hex.h"
#include "sys/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { FDS_MAX = 4096 };

/* Linux has it since 3.17. */
int
os_random(void *bytes, size_t n)
{
	if (getrandom(bytes, n, 0) == (ssize_t)n)
		return 0;
	int fd = errno == ENOSYS ? open("/dev/urandom", O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return -1;
	int err = sys_read_all(fd, bytes, n);
	close(fd);
	return err;
}

int
os_program_path(char *ret_path, size_t len)
{
	ssize_t n = readlink("/proc/self/exe", ret_path, len - 1);
	if (n < 0)
		return -1;
	ret_path[n] = 0;
	return 0;
}

/* random(4): /proc/sys/kernel/random/boot_id is a UUID. */
void
os_boot_id(uint8_t ret_id[16])
{
	struct buf b;
	buf_init(&b, 64 * 1024);
	bool known = sys_read_file("/proc/sys/kernel/random/boot_id", &b) == 0;
	(void)hex_uuid(known && buf_str(&b) ? buf_str(&b) : "", ret_id);
	buf_finish(&b);
}

/* machine-id(5), and where it was before that. */
void
os_machine_id(uint8_t ret_id[16])
{
	static const char *const paths[] = { "/etc/machine-id",
		"/var/lib/dbus/machine-id" };
	memset(ret_id, 0, 16);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct buf b;
		buf_init(&b, 64 * 1024);
		bool known = sys_read_file(paths[i], &b) == 0 && buf_str(&b)
		    && hex_uuid(buf_str(&b), ret_id) == 0;
		buf_finish(&b);
		if (known)
			return;
	}
}

int
os_pipe_unread(int writing_end)
{
	int n;
	if (ioctl(writing_end, SIOCOUTQ, &n) == 0) /* a socket: unix(7) */
		return n;
	return ioctl(writing_end, FIONREAD, &n) < 0 ? -1 : n;
}

/* pipe(7), F_SETPIPE_SZ.  What is in flight fits into it, so who writes is woken up by
 * acknowledgements and not by every read; where a user has too many (pipe-user-pages-soft),
 * less does. */
void
os_pipe_grow(int fd)
{
	int size = 256 * 1024;
	if (fcntl(fd, F_SETPIPE_SZ, 4 * size) < 0 && fcntl(fd, F_SETPIPE_SZ, size) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

/* By system calls: musl has the functions, but they do nothing. */
void
os_batch(bool on)
{
	static const struct sched_param none;
	static bool ours;
	if (on == ours || (on && syscall(SYS_sched_getscheduler, 0) != SCHED_OTHER))
		return;
	(void)syscall(SYS_sched_setscheduler, 0, on ? SCHED_BATCH : SCHED_OTHER, &none);
	ours = on;
}

/* By its system call, which musl has not; before Linux 5.9 one by one, more than a loop
 * watches. */
void
os_close_from(int first)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
#endif
	for (int fd = first; fd < FDS_MAX; fd++)
		close(fd);
}

/* proc(5), /proc/PID/cmdline: the words, each with its NUL. */
static const char *
word_behind(const char *word, const char *end)
{
	const char *nul = memchr(word, 0, (size_t)(end - word));
	return nul && nul + 1 < end ? nul + 1 : NULL;
}

void
os_each_process(const char *word,
    void (*each)(void *owner, pid_t pid, const char *argument), void *owner)
{
	DIR *entries = opendir("/proc");
	const struct dirent *entry;
	while (entries && (entry = readdir(entries))) {
		char path[32 + sizeof entry->d_name];
		struct buf b;
		int pid = atoi(entry->d_name);
		if (pid <= 0)
			continue;
		snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
		buf_init(&b, 64 * 1024);
		const char *text = sys_read_file(path, &b) == 0 ? buf_str(&b) : NULL;
		const char *first = text ? word_behind(text, text + b.len) : NULL;
		const char *second = first ? word_behind(first, text + b.len) : NULL;
		if (second && strcmp(first, word) == 0)
			each(owner, pid, second);
		buf_finish(&b);
	}
	if (entries)
		closedir(entries);
}

/* vmsplice(2) */
ssize_t
os_pipe_lend(int fd, struct span bytes)
{
	struct iovec all = { (void *)(uintptr_t)bytes.p, bytes.n };
	return vmsplice(fd, &all, 1, SPLICE_F_NONBLOCK);
}

/* proc(5), /proc/PID/comm */
void
os_process_name(pid_t pid, char *ret_name, size_t len)
{
	char path[64];
	struct buf b;
	ret_name[0] = 0;
	snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	buf_init(&b, 64 * 1024);
	if (sys_read_file(path, &b) == 0 && b.len)
		snprintf(ret_name, len, "%.*s", (int)b.len - 1, (char *)buf_bytes(&b));
	buf_finish(&b);
}

/* proc(5), /proc/PID/cmdline: each word ends with a zero */
void
os_process_words(pid_t pid, char *ret_words, size_t len)
{
	char path[64];
	struct buf b;
	snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
	buf_init(&b, 64 * 1024);
	(void)sys_read_file(path, &b);
	size_t n = b.len < len ? b.len : len;
	for (size_t i = 0; i < n; i++)
		ret_words[i] = buf_bytes(&b)[i] ? (char)buf_bytes(&b)[i] : ' ';
	ret_words[n ? n - 1 : 0] = 0;
	buf_finish(&b);
}

void
os_process_directory(pid_t pid, char *ret_path, size_t len)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%ld/cwd", (long)pid);
	ssize_t n = readlink(path, ret_path, len - 1);
	ret_path[n > 0 ? n : 0] = 0;
}

/* proc(5), /proc/PID/stat: a number behind the second field, which is a name in brackets, of any
 * letters; 0: it cannot be read. */
static uint64_t
process_stat(pid_t pid, int behind_name)
{
	char path[64];
	struct buf b;
	uint64_t number = 0;
	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	buf_init(&b, 64 * 1024);
	const char *text = sys_read_file(path, &b) == 0 ? buf_str(&b) : NULL;
	const char *field = text ? strrchr(text, ')') : NULL;
	for (int i = 0; field && i < behind_name; i++)
		field = strchr(field + 1, ' ');
	if (field)
		number = strtoull(field, NULL, 10);
	buf_finish(&b);
	return number;
}

uint64_t
os_process_start(pid_t pid)
{
	return process_stat(pid, 20);
}

bool
os_session_alone(pid_t leader)
{
	DIR *entries = opendir("/proc");
	const struct dirent *entry;
	bool alone = entries && process_stat(leader, 4) == (uint64_t)leader;
	while (alone && (entry = readdir(entries))) {
		int pid = atoi(entry->d_name);
		if (pid > 0 && pid != leader)
			alone = process_stat(pid, 4) != (uint64_t)leader;
	}
	if (entries)
		closedir(entries);
	return alone;
}

/* Not getpwuid(): a static program has no other source either, and in it that is 6 KB.
 * passwd(5): the user's number is the third of seven fields, the shell the last. */
int
os_user_shell(char *ret_path, size_t len)
{
	enum { FILE_MAX = 1024 * 1024 };
	struct buf b;
	char *rest = NULL, *line, uid[32];
	int err = -1;
	snprintf(uid, sizeof uid, ":%lu:", (unsigned long)geteuid());
	buf_init(&b, FILE_MAX);
	if (sys_read_file("/etc/passwd", &b) == 0 && buf_put(&b, "", 1) == 0)
		rest = (char *)buf_bytes(&b);
	while (err && (line = strsep(&rest, "\n"))) {
		const char *password = strchr(line, ':');
		const char *at = password ? strchr(password + 1, ':') : NULL;
		if (!at || strncmp(at, uid, strlen(uid)) != 0)
			continue;
		snprintf(ret_path, len, "%s", strrchr(line, ':') + 1);
		err = 0;
	}
	buf_finish(&b);
	return err;
}

int
os_peer_uid(int fd, uid_t *ret_uid)
{
	struct ucred cred;
	socklen_t len = sizeof cred;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -1;
	*ret_uid = cred.uid;
	return 0;
}

/* ---- acknowledgements: tcp(7), TCP_QUICKACK ---- */

/* Whether there is an event is looked at again when it is fetched, and what has arrived may
 * have been read by then; but the connection is still writable. */
int
os_arrivals_open(int connection)
{
	struct epoll_event in = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, connection, &in) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The option is not permanent: it goes with the next that is sent in answer.  If what has
 * arrived has not been read yet, it is acknowledged when it is. */
void
os_arrivals_acknowledge(int arrivals, int connection)
{
	struct epoll_event event;
	(void)epoll_wait(arrivals, &event, 1, 0);
	(void)setsockopt(connection, IPPROTO_TCP, TCP_QUICKACK, &(int){ 1 }, sizeof(int));
}

/* ---- the network: rtnetlink(7) ---- */

int
os_net_open(void)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR
		    | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_ROUTE);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&to, sizeof to) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The value of an attribute, at least n bytes long, among those in `len` bytes; or NULL. */
static const void *
attribute(const struct rtattr *a, size_t len, unsigned type, size_t n)
{
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == type && RTA_PAYLOAD(a) >= n)
			return RTA_DATA(a);
	return NULL;
}

static bool
address_matters(const struct nlmsghdr *h)
{
	enum { USELESS = IFA_F_DEPRECATED | IFA_F_DADFAILED, AT_ONCE_CS = 10 };
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof *m) || m->ifa_scope >= RT_SCOPE_LINK)
		return false;
	if (h->nlmsg_type == RTM_DELADDR)
		return true;
	if (m->ifa_flags & USELESS
	    || (m->ifa_flags & IFA_F_TENTATIVE && !(m->ifa_flags & IFA_F_OPTIMISTIC)))
		return false;
	const struct ifa_cacheinfo *times = attribute(IFA_RTA(m), IFA_PAYLOAD(h),
	    IFA_CACHEINFO, sizeof *times);
	/* Changed later than made: only its lifetimes have been set anew. */
	return !times || times->tstamp - times->cstamp <= AT_ONCE_CS;
}

static bool
route_matters(const struct nlmsghdr *h)
{
	const struct rtmsg *m = NLMSG_DATA(h);
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof *m) || m->rtm_table == RT_TABLE_LOCAL
	    || m->rtm_flags & RTM_F_CLONED)
		return false;
	if (m->rtm_family != AF_INET6)
		return true;
	const unsigned char *to = attribute(RTM_RTA(m), RTM_PAYLOAD(h), RTA_DST, 16);
	bool multicast = to && to[0] == 0xff;
	bool link_local = to && to[0] == 0xfe && (to[1] & 0xc0) == 0x80;
	return !multicast && !link_local;
}

static unsigned
net_message(const struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return address_matters(h) ? OS_NET_MOVED : 0;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return route_matters(h) ? OS_NET_MOVED : 0;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return OS_NET_LINK;
	default:
		return 0;
	}
}

unsigned
os_net_read(int fd)
{
	union {
		struct nlmsghdr first;
		char bytes[16 * 1024];
	} in;
	unsigned seen = 0;
	for (;;) {
		ssize_t n = recv(fd, &in, sizeof in, 0);
		if (n < 0 && errno == ENOBUFS) { /* some were lost: they may be any */
			seen |= OS_NET_MOVED;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return seen;
		size_t left = (size_t)n;
		for (const struct nlmsghdr *h = &in.first; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left))
			seen |= net_message(h);
	}
}

/* ---- sleep ---- */

const clockid_t os_awake_clock = CLOCK_MONOTONIC, os_boot_clock = CLOCK_BOOTTIME;

/* A timer for a time of day that is far away.  The kernel cancels it, and so wakes its
 * reader, when that clock jumps ahead of the monotonic one: also on every resume, since 3.0.
 * A timer of the boot clock would tell a sleep only when it is over that timer's end. */
static void
wait_for_jump(int fd)
{
	enum { FAR_S = 365 * 24 * 3600 };
	struct itimerspec at = { .it_value.tv_sec = (time_t)sys_wall_s() + FAR_S };
	(void)timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL);
}

int
os_wake_open(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd >= 0)
		wait_for_jump(fd);
	return fd;
}

void
os_wake_read(int fd)
{
	uint64_t times;
	ssize_t n = read(fd, &times, sizeof times);
	(void)n; /* ECANCELED; or, once a year, that it has come */
	wait_for_jump(fd);
}
