/* What macOS and the BSDs have in common; os_darwin.c, os_freebsd.c and os_openbsd.c have the
 * rest. */
#include "sys/os.h"
#include "sys/sys.h"

#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
os_random(void *bytes, size_t n)
{
	arc4random_buf(bytes, n);
	return 0;
}

/* FIONREAD and its like tell what is to be read at this end, not at the other. */
int
os_pipe_unread(int writing_end)
{
	(void)writing_end;
	return -1;
}

void
os_pipe_grow(int fd)
{
	int size = 256 * 1024;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

/* closefrom(2) is not everywhere. */
void
os_close_from(int first)
{
	for (int fd = first; fd < getdtablesize(); fd++)
		close(fd);
}

void
os_batch(bool on)
{
	(void)on;
}

ssize_t
os_pipe_lend(int fd, struct span bytes)
{
	(void)fd;
	(void)bytes;
	errno = ENOSYS;
	return -1;
}

int
os_user_shell(char *ret_path, size_t len)
{
	const struct passwd *pw = getpwuid(geteuid());
	if (!pw || !pw->pw_shell)
		return -1;
	snprintf(ret_path, len, "%s", pw->pw_shell);
	return 0;
}

int
os_peer_uid(int fd, uid_t *ret_uid)
{
	gid_t gid;
	return getpeereid(fd, ret_uid, &gid);
}

/* Here TCP delays acknowledgements for all connections (sysctl) or for none. */
int
os_arrivals_open(int connection)
{
	(void)connection;
	return -1;
}

void
os_arrivals_acknowledge(int arrivals, int connection)
{
	(void)arrivals;
	(void)connection;
}

/* ---- the network: route(4) ---- */

int
os_net_open(void)
{
	int fd = socket(PF_ROUTE, SOCK_RAW, AF_UNSPEC);
	if (fd >= 0 && (sys_cloexec(fd) || sys_nonblock(fd))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Routes by way of a gateway: those of an interface come and go with its addresses, and one
 * to a host alone is mostly made for a connection. */
static bool
route_matters(const struct rt_msghdr *m, size_t len)
{
	return len >= sizeof *m && !m->rtm_errno && m->rtm_flags & RTF_GATEWAY
	    && !(m->rtm_flags & RTF_HOST);
}

/* All messages begin alike, only those about routes are long enough for all of this.  What
 * an address means is seen from the addresses that there are then, as with links. */
static unsigned
net_message(const struct rt_msghdr *m, size_t len)
{
	enum { HEAD = 4 };
	if (len < HEAD || m->rtm_version != RTM_VERSION)
		return 0;
	switch (m->rtm_type) {
	case RTM_ADD:
	case RTM_DELETE:
	case RTM_CHANGE:
		return route_matters(m, len) ? OS_NET_MOVED : 0;
	case RTM_NEWADDR:
	case RTM_DELADDR:
	case RTM_IFINFO:
		return OS_NET_LINK;
	default:
		return 0;
	}
}

unsigned
os_net_read(int fd)
{
	union {
		struct rt_msghdr first;
		char bytes[4 * 1024];
	} in;
	unsigned seen = 0;
	for (;;) { /* one message at a time */
		ssize_t n = read(fd, &in, sizeof in);
		if (n < 0 && errno == ENOBUFS) /* some were lost: they may be any */
			seen |= OS_NET_MOVED;
		else if (n <= 0 && !(n < 0 && errno == EINTR))
			return seen;
		else if (n > 0)
			seen |= net_message(&in.first, (size_t)n);
	}
}

/* ---- processes ---- */

/* Not looked for here. */
void
os_each_process(const char *word,
    void (*each)(void *owner, pid_t pid, const char *argument), void *owner)
{
	(void)word;
	(void)each;
	(void)owner;
}

#ifndef __APPLE__ /* os_darwin.c has them */
/* ---- sleep ---- */

/* Nothing tells; but the network goes down and comes back with the machine, and then the clocks are
 * compared. */
int
os_wake_open(void)
{
	return -1;
}

void
os_wake_read(int fd)
{
	(void)fd;
}
#endif

void
os_hide(void)
{
}

bool
os_renounce(void)
{
	return false;
}

bool
os_tcp_look(int fd, struct os_tcp *ret_tcp)
{
	(void)fd;
	(void)ret_tcp;
	return false;
}

void
os_tcp_probe(int fd, struct os_tcp_probed *ret_before)
{
	(void)fd;
	*ret_before = (struct os_tcp_probed){ 0 };
}

void
os_tcp_probe_no_more(int fd, const struct os_tcp_probed *before)
{
	(void)fd;
	(void)before;
}

int
os_process_connection(pid_t pid)
{
	(void)pid;
	return -1;
}

bool
os_process_asks(pid_t pid)
{
	(void)pid;
	return false;
}

/* ---- what is not asked for yet ---- */

void
os_process_words(pid_t pid, char *ret_words, size_t len)
{
	(void)pid;
	(void)len;
	ret_words[0] = 0;
}

void
os_process_directory(pid_t pid, char *ret_path, size_t len)
{
	(void)pid;
	(void)len;
	ret_path[0] = 0;
}

bool
os_session_alone(pid_t leader)
{
	(void)leader;
	return false;
}
