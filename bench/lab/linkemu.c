/*
 * An emulated link between two network namespaces: a TUN device in each, and between them
 * a network that is slow, narrow, dead, or has a NAT in front of its first side.
 *
 *    linkemu NETNS_A NETNS_B          (paths, as of /proc/PID/ns/net or /run/netns/NAME)
 *
 *    A: lnk0 --> [NAT] --> queue --(rate)--> delay --> lnk0 :B      and likewise back
 *
 * Addresses and routes are the caller's.  Commands come as lines on stdin, each answered
 * by "ok" or "error" on stdout; the link and its devices go when stdin ends.
 *
 *    delay MS     of each way
 *    rate KBIT    a second, of each way; 0: unlimited
 *    queue KIB    before the rate; what does not fit is dropped
 *    loss PERCENT of the packets of each way, the same ones each time
 *    udp WHAT     pass, block, block-out (from A) or block-in (to A): UDP alone is lost silently
 *    mtu BYTES    longer UDP packets are lost silently, as in some tunnels; 0: none are
 *    twice PERCENT, late PERCENT  of the packets come twice, or behind later ones
 *    down, up     everything is lost silently, also what is under way
 *    nat ADDRESS  A's packets come from there, each flow from a port of its own
 *    rebind       the NAT forgets its flows, as a router does that starts again
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { PACKET_MAX = 65536, LINE_MAX_LEN = 128, FIRST_PORT = 20000, PORTS = 65536 };

static void
die(const char *what)
{
	fprintf(stderr, "linkemu: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- NAT ---- */

struct nat {
	bool on;
	uint8_t outside[4];
	uint16_t last_port;
	/* Of each outside port the flow within; of TCP, and of UDP. */
	struct flow {
		uint8_t address[4];
		uint16_t port; /* 0: none */
	} flows[2][PORTS];
};

static struct nat nat;

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Sets a 16-bit word that the checksum (or NULL) covers: RFC 1624. */
static void
set16(uint8_t *at, uint16_t value, uint8_t *sum)
{
	if (sum) {
		uint32_t s = (uint16_t)~get16(sum);
		s += (uint16_t)~get16(at) + (uint32_t)value;
		s = (s & 0xffff) + (s >> 16);
		s = (s & 0xffff) + (s >> 16);
		sum[0] = (uint8_t)(~s >> 8);
		sum[1] = (uint8_t)~s;
	}
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Rewrites one end of a packet; both checksums cover the address, one the port. */
static void
set_end(uint8_t *ip, uint8_t *address, uint8_t *port, uint8_t *sum,
    const uint8_t *new_address, uint16_t new_port)
{
	for (int i = 0; i < 4; i += 2) {
		uint8_t before[2] = { address[i], address[i + 1] };
		set16(address + i, get16(new_address + i), ip + 10);
		if (sum)
			set16(before, get16(new_address + i), sum);
	}
	set16(port, new_port, sum);
}

static uint16_t
outside_port(struct flow *flows, const uint8_t *address, uint16_t port)
{
	for (unsigned p = FIRST_PORT; p < PORTS; p++)
		if (flows[p].port == port && memcmp(flows[p].address, address, 4) == 0)
			return (uint16_t)p;
	do
		nat.last_port = nat.last_port < FIRST_PORT ? FIRST_PORT
							   : nat.last_port + 1;
	while (flows[nat.last_port].port || nat.last_port < FIRST_PORT);
	flows[nat.last_port].port = port;
	memcpy(flows[nat.last_port].address, address, 4);
	return nat.last_port;
}

/* False: nothing for this packet to be translated to, it is dropped. */
static bool
translate(uint8_t *ip, size_t len, bool out)
{
	size_t head = (ip[0] & 15) * 4;
	bool udp = ip[9] == IPPROTO_UDP;
	if (len < 20 || ip[0] >> 4 != 4 || (!udp && ip[9] != IPPROTO_TCP)
	    || len < head + (udp ? 8 : 20) || get16(ip + 6) & 0x1fff)
		return false;
	uint8_t *l4 = ip + head, *sum = l4 + (udp ? 6 : 16);
	if (udp && get16(sum) == 0)
		sum = NULL; /* none was made */
	if (out) {
		uint16_t port = outside_port(nat.flows[udp], ip + 12, get16(l4));
		set_end(ip, ip + 12, l4, sum, nat.outside, port);
		return true;
	}
	struct flow *f = &nat.flows[udp][get16(l4 + 2)];
	if (!f->port || memcmp(ip + 16, nat.outside, 4) != 0)
		return false;
	set_end(ip, ip + 16, l4 + 2, sum, f->address, f->port);
	return true;
}

static void
forget_flows(void)
{
	memset(nat.flows, 0, sizeof nat.flows);
	nat.last_port += 1000; /* the next flows come from other ports */
}

/* ---- one way of the link ---- */

struct packet {
	struct packet *next;
	uint64_t due_ns;
	size_t len;
	uint8_t data[];
};

struct way {
	int from, to; /* the TUN devices */
	struct packet *first, **end; /* under way, in order */
	struct packet *held; /* until so many others have overtaken it */
	int held_for;
	uint64_t line_free_ns; /* when the rate has sent what is queued */
	uint64_t last_due_ns;
};

static struct way ways[2]; /* from A, and back */
static uint64_t delay_ns;
static double bits_per_ns; /* 0: unlimited */
static double queue_max = 256 * 1024;
static bool down;
static double loss, twice, late; /* of 1 */
static bool udp_blocked[2]; /* of each way */
static size_t udp_max; /* 0: any */

static bool
chance(double of_one)
{
	static uint64_t state = 1;
	state = state * 6364136223846793005 + 1442695040888963407;
	return (double)(state >> 33) / (double)(1ull << 31) < of_one;
}

static bool
is_dropped(const struct way *w, const uint8_t *data, size_t len)
{
	bool udp = len >= 20 && data[0] >> 4 == 4 && data[9] == IPPROTO_UDP;
	return down || chance(loss)
	    || (udp && (udp_blocked[w == &ways[1]] || (udp_max && len > udp_max)));
}

static void
drop_all(struct way *w)
{
	while (w->first) {
		struct packet *p = w->first;
		w->first = p->next;
		free(p);
	}
	w->end = &w->first;
	w->line_free_ns = w->last_due_ns = 0;
}

/* When it will have been sent at the link's rate; 0: the queue is full. */
static uint64_t
sent_ns(struct way *w, size_t len, uint64_t at_ns)
{
	if (bits_per_ns == 0)
		return at_ns;
	uint64_t begin_ns = w->line_free_ns > at_ns ? w->line_free_ns : at_ns;
	if ((double)(begin_ns - at_ns) * bits_per_ns / 8 + (double)len > queue_max)
		return 0;
	w->line_free_ns = begin_ns + (uint64_t)((double)len * 8 / bits_per_ns);
	return w->line_free_ns;
}

static struct packet *
copy(const uint8_t *data, size_t len, uint64_t due_ns)
{
	struct packet *p = malloc(sizeof *p + len);
	if (!p)
		die("malloc");
	p->next = NULL;
	p->due_ns = due_ns;
	p->len = len;
	memcpy(p->data, data, len);
	return p;
}

/* A delay that became shorter does not reorder: only what is to be late is overtaken, by the
 * next two. */
static void
put(struct way *w, const uint8_t *data, size_t len, uint64_t due_ns)
{
	if (due_ns < w->last_due_ns)
		due_ns = w->last_due_ns;
	w->last_due_ns = due_ns;
	struct packet *p = copy(data, len, due_ns);
	*w->end = p;
	w->end = &p->next;
	if (!w->held)
		return;
	if (w->held_for-- > 0)
		return;
	w->held->due_ns = due_ns;
	*w->end = w->held;
	w->end = &w->held->next;
	w->held = NULL;
}

static void
enter(struct way *w, uint8_t *data, size_t len, uint64_t at_ns)
{
	if (is_dropped(w, data, len)
	    || (nat.on && w == &ways[0] && !translate(data, len, true)))
		return;
	uint64_t sent = sent_ns(w, len, at_ns);
	if (!sent)
		return;
	if (!w->held && chance(late)) {
		w->held = copy(data, len, 0);
		w->held_for = 1;
		return;
	}
	put(w, data, len, sent + delay_ns);
	if (chance(twice))
		put(w, data, len, sent + delay_ns);
}

static void
take_packets(struct way *w)
{
	static uint8_t data[PACKET_MAX];
	ssize_t n;
	uint64_t at_ns = now_ns();
	for (int i = 0; i < 64 && (n = read(w->from, data, sizeof data)) > 0; i++)
		enter(w, data, (size_t)n, at_ns);
}

/* Delivers what is due; returns when to look again (0: nothing is under way). */
static uint64_t
deliver(struct way *w)
{
	while (w->first && w->first->due_ns <= now_ns()) {
		struct packet *p = w->first;
		w->first = p->next;
		if (!w->first)
			w->end = &w->first;
		if (!nat.on || w == &ways[0] || translate(p->data, p->len, false))
			(void)!write(w->to, p->data, p->len); /* a full device drops it */
		free(p);
	}
	return w->first ? w->first->due_ns : 0;
}

/* ---- commands ---- */

static bool
obey(const char *line)
{
	char word[16], what[64] = "";
	if (sscanf(line, "%15s %63s", word, what) < 1)
		return false;
	double value = atof(what);
	if (strcmp(word, "delay") == 0) {
		delay_ns = (uint64_t)(value * 1e6);
	} else if (strcmp(word, "rate") == 0) {
		bits_per_ns = value * 1000 / 1e9;
		ways[0].line_free_ns = ways[1].line_free_ns = 0;
	} else if (strcmp(word, "queue") == 0) {
		queue_max = value * 1024;
	} else if (strcmp(word, "loss") == 0) {
		loss = value / 100;
	} else if (strcmp(word, "twice") == 0) {
		twice = value / 100;
	} else if (strcmp(word, "late") == 0) {
		late = value / 100;
	} else if (strcmp(word, "mtu") == 0) {
		udp_max = (size_t)value;
	} else if (strcmp(word, "udp") == 0) {
		bool block = strcmp(what, "block") == 0;
		udp_blocked[0] = block || strcmp(what, "block-out") == 0;
		udp_blocked[1] = block || strcmp(what, "block-in") == 0;
	} else if (strcmp(word, "down") == 0) {
		down = true;
		drop_all(&ways[0]);
		drop_all(&ways[1]);
	} else if (strcmp(word, "up") == 0) {
		down = false;
	} else if (strcmp(word, "nat") == 0) {
		nat.on = inet_pton(AF_INET, what, nat.outside) == 1;
		return nat.on;
	} else if (strcmp(word, "rebind") == 0 && nat.on) {
		forget_flows();
	} else {
		return false;
	}
	return true;
}

/* False: stdin has ended. */
static bool
take_commands(void)
{
	static char line[LINE_MAX_LEN];
	static size_t len;
	char *end;
	ssize_t n = read(0, line + len, sizeof line - 1 - len);
	if (n <= 0)
		return false;
	len += (size_t)n;
	line[len] = 0;
	while ((end = strchr(line, '\n'))) {
		*end = 0;
		const char *answer = obey(line) ? "ok\n" : "error\n";
		if (write(1, answer, strlen(answer)) < 0)
			return false;
		len -= (size_t)(end + 1 - line);
		memmove(line, end + 1, len + 1);
	}
	return len < sizeof line - 1;
}

/* ---- running ---- */

static int
open_device(const char *netns)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(netns, O_RDONLY | O_CLOEXEC);
	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0)
		die(netns);
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq request = { .ifr_name = "lnk0", .ifr_flags = IFF_TUN | IFF_NO_PI };
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		die("/dev/net/tun");
	if (setns(home, CLONE_NEWNET) < 0)
		die("setns");
	close(home);
	close(there);
	return fd;
}

/* No slack in the timers, and ahead of ordinary processes, where that is allowed. */
static void
be_precise(void)
{
	struct sched_param first = { .sched_priority = 1 };
	(void)prctl(PR_SET_TIMERSLACK, 1);
	(void)sched_setscheduler(0, SCHED_RR, &first);
}

/* Waits for packets, commands, or the time when the next packet is due. */
static void
wait_for(struct pollfd fds[3], uint64_t due_ns)
{
	uint64_t at_ns = now_ns(), wait_ns = due_ns > at_ns ? due_ns - at_ns : 0;
	struct timespec wait = { .tv_sec = (time_t)(wait_ns / 1000000000),
		.tv_nsec = (long)(wait_ns % 1000000000) };
	if (ppoll(fds, 3, due_ns ? &wait : NULL, NULL) < 0)
		die("ppoll");
}

int
main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: linkemu NETNS_A NETNS_B\n", stderr);
		return 2;
	}
	int a = open_device(argv[1]), b = open_device(argv[2]);
	ways[0] = (struct way){ .from = a, .to = b, .end = &ways[0].first };
	ways[1] = (struct way){ .from = b, .to = a, .end = &ways[1].first };
	struct pollfd fds[3] = { { .fd = a, .events = POLLIN },
		{ .fd = b, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
	be_precise();
	for (;;) {
		uint64_t due_ns = deliver(&ways[0]), back_ns = deliver(&ways[1]);
		if (back_ns && (!due_ns || back_ns < due_ns))
			due_ns = back_ns;
		wait_for(fds, due_ns);
		if (fds[0].revents)
			take_packets(&ways[0]);
		if (fds[1].revents)
			take_packets(&ways[1]);
		if (fds[2].revents && !take_commands())
			return 0;
	}
}
