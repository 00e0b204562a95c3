/* The network's part runs in a network of its own, the sleep's in a time of its own: both
 * want root. */
#define _GNU_SOURCE 1
#include "sys/netwatch.h"
#include "sys/os.h"
#include "sys/sys.h"
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/wait.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

enum { PATIENCE_MS = 10000 };

static struct loop loop;
static struct netwatch watch;

static void
ip(const char *what)
{
	char line[256];
	snprintf(line, sizeof line, "ip %s", what);
	if (system(line))
		FAIL("%s: does not work", line);
}

static void
start(void)
{
	netwatch_close(&watch);
	loop = (struct loop){ 0 };
	netwatch_open(&watch, &loop);
	CHECK(watch.net.fd >= 0);
}

static void
pass_on(void)
{
	while (sys_wait(watch.net.fd, POLLIN, 0))
		watch.net.fn(watch.net.owner, POLLIN);
}

/* A network with an interface, its other end, and an address of it; news are read. */
static void
network(void)
{
	if (geteuid() || system("ip -V >/dev/null 2>&1") || unshare(CLONE_NEWNET))
		SKIP("no network of one's own: this wants root, and the program ip");
	ip("link set lo up");
	if (system("ip link add v0 type veth peer name v1 2>/dev/null"))
		SKIP("no virtual interfaces in this kernel");
	ip("link set v0 up");
	ip("link set v1 up");
	ip("addr add 192.0.2.1/24 dev v0");
	start();
	while (!watch.links) { /* the carrier comes when the kernel gets to it */
		if (!sys_wait(watch.net.fd, POLLIN, PATIENCE_MS))
			FAIL("the interface has no carrier");
		pass_on();
	}
	start();
}

static bool left; /* the last event told that an address is gone */

/* Whether what the kernel has said by now leads to an event; exactly one does then. */
static bool
told(void)
{
	pass_on();
	uint64_t at_us = netwatch_deadline(&watch);
	if (!at_us)
		return false;
	CHECK_EQ(netwatch_turn(&watch, at_us - 1), 0);
	unsigned what = netwatch_turn(&watch, at_us);
	left = what & NETWATCH_LEFT;
	CHECK_EQ(what & ~(unsigned)NETWATCH_LEFT, NETWATCH_MOVED);
	CHECK_EQ(netwatch_turn(&watch, at_us + NETWATCH_SETTLE_MAX_US), 0);
	CHECK_EQ(netwatch_deadline(&watch), 0);
	return true;
}

/* The same for what the kernel says only after a while. */
static void
wait_until_told(void)
{
	while (!told())
		if (!sys_wait(watch.net.fd, POLLIN, PATIENCE_MS))
			FAIL("nothing comes");
}

static bool
here(const char *address)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(1) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(1) };
	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		return netwatch_address_is_here((struct sockaddr *)&v4);
	CHECK_EQ(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	return netwatch_address_is_here((struct sockaddr *)&v6);
}

TEST(addresses_come_and_go)
{
	network();
	CHECK(!told());
	ip("addr add 192.0.2.2/24 dev v0");
	CHECK(told() && !left);
	CHECK(here("192.0.2.2"));
	ip("addr del 192.0.2.2/24 dev v0");
	CHECK(told() && left);
	CHECK(!here("192.0.2.2"));
	ip("addr add 198.51.100.1/24 dev v1");
	CHECK(told() && !left);
	ip("route add default dev v0");
	CHECK(told() && !left);
	ip("route replace default dev v1 src 198.51.100.1");
	CHECK(told() && left); /* the way out is another */
	ip("route del default");
	CHECK(told() && left);
	netwatch_close(&watch);
}

TEST(an_address_of_ipv6_is_told_when_it_can_be_used)
{
	network();
	if (system("ip addr add 2001:db8::1/64 dev v0 2>/dev/null"))
		SKIP("no IPv6 in this kernel");
	told(); /* its route; it may be tried too early, but not only then */
	while (!here("2001:db8::1"))
		wait_until_told();
	ip("addr del 2001:db8::1/64 dev v0");
	wait_until_told();
	CHECK(!here("2001:db8::1"));
	netwatch_close(&watch);
}

TEST(routes_come_and_go)
{
	network();
	ip("route add default via 192.0.2.9");
	CHECK(told());
	ip("route del default via 192.0.2.9");
	CHECK(told());
	netwatch_close(&watch);
}

TEST(a_link_with_an_address_loses_its_carrier)
{
	network();
	ip("link set v1 down");
	wait_until_told();
	CHECK(here("192.0.2.1"));
	ip("link set v1 up");
	wait_until_told();
	netwatch_close(&watch);
}

TEST(what_cannot_matter_is_not_told)
{
	network();
	ip("neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev v0");
	ip("link set v0 alias nothing");
	ip("link set v0 mtu 1400");
	ip("link add w0 type veth peer name w1");
	ip("link set w0 up"); /* with a link-local address only */
	/* These two fail without IPv6. */
	(void)!system("ip -6 route add fe80:1::/64 dev v0 2>/dev/null");
	(void)!system(
	    "ip -6 route add multicast ff05::/16 dev v0 table main 2>/dev/null");
	ip("addr add 127.0.0.9/8 dev lo");
	CHECK(!told());
	/* A lease renewed in the moment it was made would be taken for a new one. */
	ip("addr add 192.0.2.3/24 dev v0 valid_lft 1000 preferred_lft 1000");
	CHECK(told());
	uint64_t renewed_us = sys_now_us() + 200 * 1000;
	while (sys_now_us() < renewed_us)
		ip("addr show >/dev/null");
	ip("addr change 192.0.2.3/24 dev v0 valid_lft 900 preferred_lft 900");
	CHECK(!told());
	netwatch_close(&watch);
}

TEST(a_burst_is_told_once_and_after_half_a_second_at_the_latest)
{
	network();
	ip("addr add 192.0.2.4/24 dev v0");
	pass_on();
	uint64_t first_us = netwatch_deadline(&watch) - NETWATCH_SETTLE_US;
	while (netwatch_deadline(&watch) < first_us + NETWATCH_SETTLE_MAX_US) {
		uint64_t before_us = netwatch_deadline(&watch);
		ip("route add 198.51.100.0/24 dev v0");
		ip("route del 198.51.100.0/24 dev v0");
		pass_on();
		CHECK(netwatch_deadline(&watch) > before_us);
	}
	CHECK_EQ(netwatch_deadline(&watch), first_us + NETWATCH_SETTLE_MAX_US);
	CHECK(told());
	netwatch_close(&watch);
}

TEST(what_is_lost_is_told)
{
	network();
	CHECK_EQ(setsockopt(watch.net.fd, SOL_SOCKET, SO_RCVBUF, &(int){ 1 },
		     sizeof(int)),
	    0);
	for (int i = 0; i < 20; i++) /* only noise fits */
		ip("link set v0 alias nothing");
	CHECK(told());
	netwatch_close(&watch);
}

TEST(some_addresses_are_always_here_or_never)
{
	CHECK(here("127.0.0.1"));
	CHECK(here("127.0.0.77"));
	CHECK(!here("192.0.2.200"));
	CHECK(netwatch_address_is_here(&(struct sockaddr){ .sa_family = AF_UNIX }));
}

/* ---- sleep ---- */

/* Sets this process's boot clock: forward from its children's point of view. */
static bool
sleep_for(int seconds)
{
	char line[64];
	int fd, n = snprintf(line, sizeof line, "boottime %d 0", seconds);
	if (unshare(CLONE_NEWTIME))
		return false;
	fd = open("/proc/self/timens_offsets", O_WRONLY);
	bool set = fd >= 0 && write(fd, line, (size_t)n) == n;
	close(fd);
	fd = open("/proc/self/ns/time_for_children", O_RDONLY);
	bool there = set && setns(fd, CLONE_NEWTIME) == 0;
	close(fd);
	return there;
}

/* Bits: 1 it could not be tried, 2 told too early, 4 not told, 8 told twice. */
static int
wakes(void)
{
	start();
	int wrong = netwatch_turn(&watch, sys_now_us()) ? 2 : 0;
	if (!sleep_for(7200))
		return 1;
	if (netwatch_turn(&watch, sys_now_us()) != NETWATCH_WOKE)
		wrong |= 4;
	if (netwatch_turn(&watch, sys_now_us()))
		wrong |= 8;
	return wrong;
}

TEST(a_sleep_is_told_once)
{
	int status;
	pid_t pid = fork(); /* nothing leads back out of that time */
	if (pid == 0)
		_exit(wakes());
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	if (WEXITSTATUS(status) == 1)
		SKIP("no time of one's own: this wants root");
	CHECK_EQ(WEXITSTATUS(status), 0);
}

static int turns;
static unsigned seen;

static uint64_t
look(void *owner, uint64_t now_us)
{
	(void)owner;
	seen |= netwatch_turn(&watch, now_us);
	if (++turns == 2)
		loop_stop(&loop);
	return 0; /* nothing but the jump ends the wait; or the alarm, the test */
}

/* A sleep is to the kernel a jump of this clock by hours; here it is a nanosecond. */
TEST(a_jump_of_the_clock_wakes_the_loop_and_is_no_sleep)
{
	struct timex jump = { .modes = ADJ_SETOFFSET | ADJ_NANO, .time.tv_usec = 1 };
	start();
	CHECK(watch.wake.fd >= 0);
	loop_remove(&loop, &watch.net);
	loop.turn = look;
	if (adjtimex(&jump) < 0)
		SKIP("the clock may not be set: this wants root");
	alarm(PATIENCE_MS / 1000);
	loop_run(&loop);
	alarm(0);
	CHECK_EQ(turns, 2);
	CHECK_EQ(seen, 0);
	CHECK(!sys_wait(watch.wake.fd, POLLIN, 0));
	netwatch_close(&watch);
}
