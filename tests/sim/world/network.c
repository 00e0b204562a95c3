#define _GNU_SOURCE 1
#include "kernel.h"

#include <stdlib.h>

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
wire_make(int from, int to, uint64_t latency_us, struct file *ret[2])
{
	struct wire *w = calloc(1, sizeof *w);
	(void)to;
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

void
network_end(void)
{
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
