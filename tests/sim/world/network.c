#define _GNU_SOURCE 1
#include "kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { GIVES_UP_US = 120 * 1000000 };

static struct wire *wires;
struct network network;

bool
wire_is_cut_off(const struct wire *w)
{
	return w->lost || world.machines[w->from].address != w->address;
}

static bool
wire_answers(const struct wire *w)
{
	return network.weather == WEATHER_FAIR && !wire_is_cut_off(w) && !w->dead;
}

/* Before the network changes. */
static void
note_heard(void)
{
	for (struct wire *w = wires; w; w = w->next)
		if (wire_answers(w))
			w->heard_us = world.now_us;
}

static uint64_t
arrives_us(const struct wire *w, const struct packet *p)
{
	return p->sent_us + w->latency_us;
}

/* A packet that the network holds back comes when it is fair again: network_is asks. */
static void
deliver(void *arg)
{
	struct wire *w = arg;
	if (!wire_answers(w))
		return;
	for (int to = 0; to < 2; to++)
		while (w->packets[to] && arrives_us(w, w->packets[to]) <= world.now_us) {
			struct packet *p = w->packets[to];
			struct wire_end *e = &w->ends[to];
			w->packets[to] = p->next;
			w->waiting[to] -= p->bytes.len;
			if (e->open)
				bytes_put(&e->in, p->bytes.p + p->bytes.head,
				    p->bytes.len);
			e->ended |= p->end;
			if (to == 0)
				w->told_us = world.now_us;
			free(p->bytes.p);
			free(p);
			changed();
		}
}

void
wire_send(struct wire_end *from, const void *p, size_t n, bool end)
{
	struct wire *w = from->wire;
	int to = from == &w->ends[0];
	struct packet *packet = calloc(1, sizeof *packet), **at = &w->packets[to];
	packet->sent_us = world.now_us;
	packet->end = end;
	bytes_put(&packet->bytes, p, n);
	while (*at)
		at = &(*at)->next;
	*at = packet;
	w->waiting[to] += n;
	world_at(arrives_us(w, packet), deliver, w);
}

struct wire *
wire_make(int from, uint64_t latency_us, struct file *ret[2])
{
	struct wire *w = calloc(1, sizeof *w);
	w->latency_us = latency_us;
	w->heard_us = w->told_us = world.now_us;
	w->from = from;
	w->address = world.machines[from].address;
	w->next = wires;
	wires = w;
	for (int i = 0; i < 2; i++) {
		w->ends[i] = (struct wire_end){ .peer = &w->ends[!i],
			.wire = w,
			.open = true };
		ret[i] = file_new(KIND_OF_WIRE);
		ret[i]->u.wire = &w->ends[i];
	}
	return w;
}

/* A system gives up what nobody has acknowledged for so long. */
static void
gives_up(void *arg)
{
	struct wire *w = arg;
	if (wire_is_cut_off(w))
		w->ends[0].reset = w->ends[1].reset = true;
	changed();
}

static void
give_up_later(void)
{
	for (struct wire *w = wires; w; w = w->next)
		if (wire_is_cut_off(w))
			world_at(world.now_us + GIVES_UP_US, gives_up, w);
}

void
network_is(enum weather weather)
{
	note_heard();
	network.weather = weather;
	for (struct wire *w = wires; w; w = w->next)
		deliver(w);
}

void
network_cut(bool lost)
{
	note_heard();
	for (struct wire *w = wires; w; w = w->next) {
		w->lost |= lost;
		w->dead |= !lost;
		for (int i = 0; i < 2 && !lost; i++)
			w->ends[i].reset = true;
	}
	give_up_later();
	changed();
}

void
network_moves(int which, uint32_t address)
{
	note_heard();
	world.machines[which].address = address;
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &world.procs[i];
		for (size_t fd = 0; fd < FDS_MAX && p->state != FREE; fd++)
			if (p->fds[fd] && p->fds[fd]->kind == KIND_OF_NET
			    && p->fds[fd]->u.net.machine == which)
				p->fds[fd]->u.net.told = true;
	}
	for (struct wire *w = wires; w; w = w->next)
		deliver(w);
	give_up_later();
	changed();
}

int
os_process_connection(pid_t pid)
{
	struct proc *p = proc_of(pid);
	for (int fd = 0; p && fd < FDS_MAX; fd++)
		if (p->fds[fd] && p->fds[fd]->kind == KIND_OF_WIRE) {
			file_keep(p->fds[fd]);
			return install(p->fds[fd], 0, true);
		}
	return -1;
}

/* A system that is probed is asked each second. */
bool
os_tcp_look(int fd, struct os_tcp *ret)
{
	const struct file *f = file_at(fd);
	if (!f || f->kind != KIND_OF_WIRE)
		return false;
	const struct wire *w = f->u.wire->wire;
	uint64_t silent_us = wire_answers(w) ? 0 : world.now_us - w->heard_us;
	*ret = (struct os_tcp){ .connected = true,
		.unanswered = silent_us > 1000000,
		.answered_us = silent_us,
		.told_us = world.now_us - w->told_us,
		.received = w->ends[0].in.put };
	return true;
}

int
os_net_open(void)
{
	struct file *f = file_new(KIND_OF_NET);
	f->u.net.machine = world.current->machine;
	return install(f, 0, true);
}

unsigned
os_net_read(int fd)
{
	struct file *f = file_at(fd);
	bool told = f && f->u.net.told;
	if (f)
		f->u.net.told = false;
	return told ? OS_NET_MOVED : 0;
}

/* ---- datagrams ---- */

struct datagram {
	uint32_t from, to;
	uint16_t from_port, to_port;
	size_t n;
	struct datagram *next;
	uint8_t bytes[];
};

struct datagrams {
	int machine;
	uint32_t local, to; /* 0: not connected */
	uint16_t port, to_port;
	struct datagram *queue;
	size_t n;
	struct datagrams *next;
};

static struct datagrams *sockets;
static uint16_t last_port;

struct datagrams *
datagrams_new(int which)
{
	struct datagrams *d = calloc(1, sizeof *d);
	d->machine = which;
	d->next = sockets;
	sockets = d;
	return d;
}

void
datagrams_drop(struct datagrams *d)
{
	struct datagrams **at = &sockets;
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	while (d->queue) {
		struct datagram *one = d->queue;
		d->queue = one->next;
		free(one);
	}
	free(d);
}

bool
datagrams_any(const struct datagrams *d)
{
	return d->queue;
}

static uint32_t
address_of(const struct sockaddr *a, uint16_t *ret_port)
{
	const struct sockaddr_in *in = (const void *)a;
	*ret_port = ntohs(in->sin_port);
	return ntohl(in->sin_addr.s_addr);
}

int
datagrams_connect(struct datagrams *d, const struct sockaddr *to)
{
	uint32_t here = world.machines[d->machine].address;
	if (to->sa_family != AF_INET || !here) {
		errno = ENETUNREACH;
		return -1;
	}
	d->local = here;
	d->port = d->port ? d->port : (uint16_t)(40000 + ++last_port);
	d->to = address_of(to, &d->to_port);
	return 0;
}

int
datagrams_bind(struct datagrams *d, const struct sockaddr *at)
{
	uint16_t port;
	uint32_t address = address_of(at, &port);
	if (address && address != world.machines[d->machine].address) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	for (const struct datagrams *o = sockets; o && port; o = o->next)
		if (o != d && o->machine == d->machine && o->port == port) {
			errno = EADDRINUSE;
			return -1;
		}
	d->port = port;
	return 0;
}

void
datagrams_name(const struct datagrams *d, struct sockaddr_in *ret)
{
	*ret = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(d->port),
		.sin_addr.s_addr = htonl(d->local) };
}

static void
arrive(void *arg)
{
	enum { QUEUE_MAX = 256 };
	struct datagram *one = arg, **end;
	for (struct datagrams *d = sockets; d; d = d->next) {
		bool its = world.machines[d->machine].address == one->to
		    && d->port == one->to_port
		    && (!d->to || (d->to == one->from && d->to_port == one->from_port));
		if (!its || d->n == QUEUE_MAX)
			continue;
		for (end = &d->queue; *end; end = &(*end)->next)
			continue;
		*end = one;
		d->n++;
		changed();
		return;
	}
	free(one);
}

/* What does not get through is lost; now and then one is overtaken by the next. */
ssize_t
datagrams_send(struct datagrams *d, const struct sockaddr *to, const void *p, size_t n)
{
	uint16_t port = d->to_port;
	uint32_t address = to ? address_of(to, &port) : d->to;
	uint32_t here = world.machines[d->machine].address;
	if (!here || !address || (d->local && d->local != here)) {
		errno = ENETUNREACH;
		return -1;
	}
	if (network.weather != WEATHER_FAIR || network.no_datagrams
	    || world_chance(network.loses))
		return (ssize_t)n;
	struct datagram *one = calloc(1, sizeof *one + n);
	*one = (struct datagram){ here, address, d->port, port, n, NULL };
	memcpy(one->bytes, p, n);
	uint64_t late_us = world_chance(10) ? world_random(20000) : 0;
	world_at(world.now_us + network.latency_us / 2 + 1 + late_us, arrive, one);
	return (ssize_t)n;
}

ssize_t
datagrams_receive(struct datagrams *d, void *p, size_t n, struct sockaddr_in *ret_from)
{
	struct datagram *one = d->queue;
	d->queue = one->next;
	d->n--;
	n = n < one->n ? n : one->n;
	memcpy(p, one->bytes, n);
	if (ret_from)
		*ret_from = (struct sockaddr_in){ .sin_family = AF_INET,
			.sin_port = htons(one->from_port),
			.sin_addr.s_addr = htonl(one->from) };
	free(one);
	return (ssize_t)n;
}

void
network_end(void)
{
	last_port = 0;
	while (wires) {
		struct wire *w = wires;
		wires = w->next;
		for (int i = 0; i < 2; i++) {
			free(w->ends[i].in.p);
			while (w->packets[i]) {
				struct packet *p = w->packets[i];
				w->packets[i] = p->next;
				free(p->bytes.p);
				free(p);
			}
		}
		free(w);
	}
	network = (struct network){ 0 };
}
