#include "sys/netwatch.h"

#include "base/hash.h"
#include "sys/os.h"
#include "sys/sys.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SLEEP_US = 1000000 }; /* shorter sleeps add up until it is so much */

/* ---- addresses ---- */

/* The address within a socket's; NULL if it is of no use beyond its link. */
static const void *
useful(const struct sockaddr *sa, size_t *ret_len)
{
	if (sa && sa->sa_family == AF_INET) {
		*ret_len = sizeof(struct in_addr);
		return &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	}
	if (!sa || sa->sa_family != AF_INET6)
		return NULL;
	const struct in6_addr *a =
	    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	*ret_len = sizeof *a;
	return IN6_IS_ADDR_LINKLOCAL(a) ? NULL : a;
}

/* Of most of what links tell nothing matters; this changes only if a link that has an
 * address goes up or down. */
static uint64_t
links_now(void)
{
	struct ifaddrs *all;
	uint64_t sum = 0; /* in whatever order they come */
	if (getifaddrs(&all) < 0)
		return 0;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		size_t len;
		const void *address = useful(a->ifa_addr, &len);
		if (address && a->ifa_flags & IFF_RUNNING
		    && !(a->ifa_flags & IFF_LOOPBACK))
			sum += hash_bytes(hash_bytes(HASH_BEGIN, address, len),
			    a->ifa_name, strlen(a->ifa_name));
	}
	freeifaddrs(all);
	return sum;
}

bool
netwatch_has_network(const struct netwatch *n)
{
	return !n->loop || n->net.fd < 0 || n->links;
}

bool
netwatch_address_is_here(const struct sockaddr *address)
{
	struct sockaddr_storage any = { 0 };
	bool v6 = address->sa_family == AF_INET6;
	size_t len = v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (!v6 && address->sa_family != AF_INET)
		return true;
	memcpy(&any, address, len);
	if (v6)
		((struct sockaddr_in6 *)&any)->sin6_port = 0;
	else
		((struct sockaddr_in *)&any)->sin_port = 0;
	int fd = socket(any.ss_family, SOCK_DGRAM, 0);
	if (fd < 0)
		return true;
	bool gone = bind(fd, (struct sockaddr *)&any, (socklen_t)len) < 0
	    && (errno == EADDRNOTAVAIL || errno == ENODEV);
	close(fd);
	return !gone;
}

/* The address from which this machine would go to any other; nothing is sent.  False: there
 * is no route. */
static bool
way_out(const struct sockaddr *to, socklen_t len, struct sockaddr_storage *ret_from)
{
	int fd = socket(to->sa_family, SOCK_DGRAM, 0);
	socklen_t from_len = sizeof *ret_from;
	*ret_from = (struct sockaddr_storage){ 0 };
	bool there = fd >= 0 && connect(fd, to, len) == 0
	    && getsockname(fd, (struct sockaddr *)ret_from, &from_len) == 0;
	if (fd >= 0)
		close(fd);
	return there;
}

/* To addresses of documentation (RFC 5737, RFC 3849), for which there is the default route. */
static bool
way_out_4(struct sockaddr_storage *ret_from)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(0xcb007101) };
	return way_out((struct sockaddr *)&to, sizeof to, ret_from);
}

static bool
way_out_6(struct sockaddr_storage *ret_from)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
		.sin6_port = htons(9),
		.sin6_addr = { .s6_addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } } };
	return way_out((struct sockaddr *)&to, sizeof to, ret_from);
}

static uint64_t
hash_of(const struct sockaddr *address)
{
	size_t len;
	const void *bytes = useful(address, &len);
	return bytes ? hash_bytes(HASH_BEGIN, bytes, len) : 0;
}

static bool
had(const uint64_t *list, size_t n, uint64_t one)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == one)
			return true;
	return false;
}

static size_t
addresses_now(uint64_t ret_here[NETWATCH_ADDRESSES])
{
	struct ifaddrs *all;
	size_t n = 0;
	if (getifaddrs(&all) < 0)
		return 0;
	for (const struct ifaddrs *a = all; a && n < NETWATCH_ADDRESSES;
	     a = a->ifa_next) {
		uint64_t one = hash_of(a->ifa_addr);
		if (one && !had(ret_here, n, one))
			ret_here[n++] = one;
	}
	freeifaddrs(all);
	return n;
}

/* Whether something that connections may have come from is not what it was. */
static bool
look_around(struct netwatch *n)
{
	uint64_t here[NETWATCH_ADDRESSES] = { 0 }, ways[2];
	struct sockaddr_storage from;
	bool left = false;
	size_t n_here = addresses_now(here);
	ways[0] = way_out_4(&from) ? hash_of((struct sockaddr *)&from) : 0;
	ways[1] = way_out_6(&from) ? hash_of((struct sockaddr *)&from) : 0;
	for (size_t i = 0; i < n->n_here; i++)
		left |= !had(here, n_here, n->here[i]);
	for (size_t i = 0; i < 2; i++)
		left |= n->ways[i] && n->ways[i] != ways[i];
	memcpy(n->here, here, sizeof here);
	memcpy(n->ways, ways, sizeof ways);
	n->n_here = n_here;
	return left;
}

bool
netwatch_is_online(void)
{
	struct sockaddr_storage from;
	return way_out_4(&from) || way_out_6(&from);
}

/* ---- events ---- */

static void
on_net(void *owner, short revents)
{
	struct netwatch *n = owner;
	unsigned seen = os_net_read(n->net.fd);
	uint64_t links = seen & (OS_NET_LINK | OS_NET_MOVED) ? links_now() : n->links;
	(void)revents;
	if (seen & OS_NET_MOVED || links != n->links) {
		n->last_us = sys_now_us();
		if (!n->first_us)
			n->first_us = n->last_us;
	}
	n->links = links;
}

static void
on_wake(void *owner, short revents)
{
	struct netwatch *n = owner;
	(void)revents;
	os_wake_read(n->wake.fd); /* netwatch_turn looks whether it was sleep */
}

static uint64_t
ahead_us(void)
{
	uint64_t boot_us = sys_boot_us(), now_us = sys_now_us();
	return boot_us > now_us ? boot_us - now_us : 0;
}

static void
add(struct netwatch *n, struct watch *w, int fd, void (*fn)(void *, short))
{
	*w = (struct watch){ .fd = fd, .events = POLLIN, .fn = fn, .owner = n };
	if (fd < 0 || loop_add_kept(n->loop, w))
		return;
	close(fd);
	w->fd = -1;
}

static void
remove_watch(struct netwatch *n, struct watch *w)
{
	if (w->fd < 0)
		return;
	loop_remove(n->loop, w);
	close(w->fd);
	w->fd = -1;
}

void
netwatch_open(struct netwatch *n, struct loop *loop)
{
	*n = (struct netwatch){ .loop = loop, .slept_us = ahead_us() };
	add(n, &n->net, os_net_open(), on_net);
	add(n, &n->wake, os_wake_open(), on_wake);
	n->links = links_now();
	(void)look_around(n);
}

void
netwatch_close(struct netwatch *n)
{
	if (!n->loop)
		return;
	remove_watch(n, &n->net);
	remove_watch(n, &n->wake);
	*n = (struct netwatch){ 0 };
}

uint64_t
netwatch_deadline(const struct netwatch *n)
{
	if (!n->first_us)
		return 0;
	uint64_t quiet_us = n->last_us + NETWATCH_SETTLE_US;
	uint64_t most_us = n->first_us + NETWATCH_SETTLE_MAX_US;
	return quiet_us < most_us ? quiet_us : most_us;
}

unsigned
netwatch_turn(struct netwatch *n, uint64_t now_us)
{
	unsigned what = 0;
	uint64_t slept_us = ahead_us(), due_us = netwatch_deadline(n);
	if (slept_us > n->slept_us + SLEEP_US) {
		n->slept_us = slept_us;
		what |= NETWATCH_WOKE;
	}
	if (due_us && now_us >= due_us) {
		n->first_us = n->last_us = 0;
		what |= NETWATCH_MOVED | (look_around(n) ? NETWATCH_LEFT : 0);
	}
	return what;
}
