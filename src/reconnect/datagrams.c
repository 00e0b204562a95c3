#include "reconnect/datagrams.h"

#include "base/err.h"
#include "base/log.h"
#include "base/trace.h"
#include "sys/sys.h"
#include "sys/tcp.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	RANK_URGENT = 2, /* above ssh's LINK_RANK */
	TYPED_LATELY_US = 60 * 1000 * 1000,
	HEARTBEAT_TYPED_US = 5 * 1000 * 1000,
	HEARTBEAT_US = 25 * 1000 * 1000,
	BYE_MAX_US = 1000 * 1000,
};

void
datagrams_init(struct datagrams *ds, struct loop *loop, struct engine *engine)
{
	*ds = (struct datagrams){ .loop = loop, .engine = engine, .ssh_answers = true };
}

/* ---- sockets ---- */

static void
close_way(struct datagram_end *d, size_t i)
{
	struct datagram_way *way = &d->ways[i];
	if (!way->end)
		return;
	loop_remove(d->all->loop, &way->watch);
	close(way->watch.fd);
	*way = (struct datagram_way){ .watch.fd = -1 };
}

static void on_way(void *owner, short revents);

static bool
open_way(struct datagram_end *d, size_t i, size_t address)
{
	struct datagram_way *way = &d->ways[i];
	close_way(d, i);
	int fd = udp_connect(&d->addresses[address]);
	if (fd < 0)
		return false;
	*way = (struct datagram_way){ .end = d,
		.watch = { .fd = fd, .events = POLLIN, .fn = on_way, .owner = way } };
	if (loop_add_kept(d->all->loop, &way->watch))
		return true;
	close(fd);
	*way = (struct datagram_way){ .watch.fd = -1 };
	return false;
}

static void
open_all(struct datagram_end *d)
{
	for (size_t i = 0; i < DATAGRAMS_WAYS; i++) {
		close_way(d, i);
		if (i < d->n_addresses)
			(void)open_way(d, i, i);
	}
	d->all_ways = true;
}

/* To the address that is used, or where there is no way to that, to another. */
static void
open_one(struct datagram_end *d)
{
	size_t next = (d->way + 1) % DATAGRAMS_WAYS;
	for (size_t i = 0; i < d->n_addresses; i++) {
		size_t address = (d->address + i) % d->n_addresses;
		if (!open_way(d, next, address))
			continue;
		d->way = next;
		d->address = address;
		return;
	}
}

static void
send_there(void *owner, struct span bytes)
{
	const struct datagram_end *d = owner;
	for (size_t i = 0; i < DATAGRAMS_WAYS; i++)
		if (d->ways[i].end && (d->all_ways || i == d->way))
			udp_send(d->ways[i].watch.fd, bytes, NULL);
}

/* ---- events ---- */

static void
join(struct datagram_end *d)
{
	struct datagrams *ds = d->all;
	struct link *l = &d->io.link;
	uint8_t bulk = ds->ssh_answers ? 0 : RANK_URGENT;
	d->bulk = bulk;
	l->rank[LINK_URGENT] = RANK_URGENT;
	l->rank[LINK_BULK] = bulk;
	l->ranks_due = true;
	d->joined = engine_add(ds->engine, l) == 0;
}

static void
leave(struct datagram_end *d)
{
	engine_remove(d->all->engine, &d->io.link);
	d->io.link.doubted = false;
	d->joined = false;
}

static void
on_event(struct datagram_end *d, enum datagram_event event)
{
	enum datagram_state before = d->policy.state;
	uint64_t now_us = d->all->loop->now_us;
	unsigned actions = datagram_policy_on(&d->policy, event, now_us);
	if (before != d->policy.state) {
		log_say(LOG_VERBOSE, "datagrams: %s -> %s", datagram_state_name(before),
		    datagram_state_name(d->policy.state));
		TRACE(now_us, "datagrams", "%s -> %s", datagram_state_name(before),
		    datagram_state_name(d->policy.state));
	}
	if (actions & DATAGRAM_LEAVE && d->joined)
		leave(d);
	if (actions & DATAGRAM_OPEN_ALL)
		open_all(d);
	if (actions & DATAGRAM_OPEN_ONE)
		open_one(d);
	if (actions & (DATAGRAM_OPEN_ALL | DATAGRAM_OPEN_ONE))
		datagram_way_changed(&d->io, now_us);
	if (actions & DATAGRAM_ASK)
		datagram_ask(&d->io);
	/* The host may have put it to sleep, and forgotten what goes by it. */
	d->io.link.ranks_due |= d->joined && actions & DATAGRAM_ASK;
	if (actions & DATAGRAM_JOIN)
		join(d);
	if (actions & DATAGRAM_FALL && d->joined)
		engine_doubt(d->all->engine, &d->io.link, true);
}

static void
end_close(struct datagram_end *d)
{
	if (d->joined)
		leave(d);
	for (size_t i = 0; i < DATAGRAMS_WAYS; i++)
		close_way(d, i);
	link_close(&d->io.link);
	*d = (struct datagram_end){ 0 };
}

void
datagrams_finish(struct datagrams *ds)
{
	if (ds->used)
		end_close(ds->used);
	if (ds->next)
		end_close(ds->next);
	ds->used = ds->next = NULL;
}

/* ---- what comes ---- */

static void
take_frames(struct datagram_end *d)
{
	struct frame f;
	union msg m;
	struct link *l = &d->io.link;
	long len;
	while (d->joined && (len = link_frame(l, &f)) > 0) {
		if (f.type == MSG_BYE && !d->all->bye_us) /* else it answers ours */
			d->all->bye = msg_get(&f, &m) ? 0 : m.bye.code;
		else if (f.type == MSG_BYE)
			;
		else if (engine_frame(d->all->engine, l, &f, d->all->loop->now_us))
			l->broken = true;
		link_drop(l, len);
	}
	buf_drop(&l->in, l->in.len);
}

/* The host has answered there: it is the way. */
static void
use_way(struct datagram_end *d, size_t i)
{
	if (!d->all_ways)
		return;
	d->all_ways = false;
	d->way = i;
	d->address = i;
	for (size_t k = 0; k < DATAGRAMS_WAYS; k++)
		if (k != i)
			close_way(d, k);
}

static void
on_way(void *owner, short revents)
{
	struct datagram_way *way = owner;
	struct datagram_end *d = way->end;
	uint8_t bytes[2048];
	(void)revents;
	for (unsigned i = 0; i < DATAGRAM_AT_ONCE && way->end; i++) {
		errno = 0;
		ssize_t n = udp_receive(way->watch.fd, bytes, sizeof bytes, NULL);
		if (n < 0 && errno == ECONNREFUSED && way == &d->ways[d->way])
			on_event(d, DATAGRAM_GONE);
		if (n < 0)
			return;
		if (datagram_take(&d->io, bytes, (size_t)n, d->all->loop->now_us)
		    == DATAGRAM_DROPPED)
			continue;
		use_way(d, (size_t)(way - d->ways));
		if (d->io.answered_us != d->answered_us) {
			d->answered_us = d->io.answered_us;
			on_event(d, DATAGRAM_ANSWERED);
		}
		take_frames(d);
	}
}

/* ---- offers ---- */

static void
add_address(struct datagram_end *d, const char *text, unsigned port)
{
	struct sockaddr_storage a;
	if (d->n_addresses < DATAGRAMS_ADDRESSES && tcp_address(text, port, &a))
		d->addresses[d->n_addresses++] = a;
}

/* Not one that another network may have as well. */
static bool
is_global(const char *text)
{
	struct sockaddr_storage a;
	if (!tcp_address(text, 0, &a))
		return false;
	if (a.ss_family == AF_INET6) {
		const uint8_t *b = ((const struct sockaddr_in6 *)&a)->sin6_addr.s6_addr;
		return (b[0] & 0xe0) == 0x20; /* RFC 4291, 2000::/3 */
	}
	uint32_t ip = ntohl(((const struct sockaddr_in *)&a)->sin_addr.s_addr);
	/* RFC 1918, RFC 6598, and what is for this machine or link */
	return ip >> 24 != 10 && ip >> 24 != 127 && ip >> 24 != 0 && ip >> 20 != 0xac1
	    && ip >> 16 != 0xc0a8 && ip >> 16 != 0xa9fe && ip >> 22 != 0x6440 >> 6
	    && ip >> 28 < 0xe;
}

static bool
begin(struct datagrams *ds, struct datagram_end *d,
    const struct handshake_datagrams *offer, const struct datagrams_place *place)
{
	*d = (struct datagram_end){ .all = ds };
	add_address(d, place->peer, offer->port);
	/* A private one may be another machine's here. */
	if (strcmp(place->peer, offer->address) != 0
	    && (is_global(offer->address) || (place->direct && !place->peer[0])))
		add_address(d, offer->address, offer->port);
	add_address(d, place->other, offer->port);
	if (!d->n_addresses
	    || datagram_init(&d->io, offer->id, &offer->keys, send_there, d,
		ds->loop->now_us)) {
		link_close(&d->io.link);
		*d = (struct datagram_end){ 0 };
		return false;
	}
	on_event(d, DATAGRAM_OFFERED);
	return true;
}

static struct datagram_end *
other_end(struct datagrams *ds, const struct datagram_end *d)
{
	return d == &ds->ends[0] ? &ds->ends[1] : &ds->ends[0];
}

void
datagrams_offer(struct datagrams *ds, const struct handshake_datagrams *offer,
    const struct datagrams_place *place)
{
	if (ds->next)
		end_close(ds->next);
	ds->next = NULL;
	if (ds->used && ds->used->policy.state != DATAGRAM_UP) {
		end_close(ds->used);
		ds->used = NULL;
	}
	struct datagram_end *d = other_end(ds, ds->used);
	if (!begin(ds, d, offer, place))
		return;
	if (ds->used)
		ds->next = d;
	else
		ds->used = d;
}

/* The fresh keys are answered, or never will be. */
static void
next_turn(struct datagrams *ds)
{
	if (!ds->next || ds->next->policy.state == DATAGRAM_PROBE)
		return;
	struct datagram_end *goes = ds->next->policy.state == DATAGRAM_UP ? ds->used
									  : ds->next;
	if (goes == ds->used)
		ds->used = ds->next;
	ds->next = NULL;
	end_close(goes);
}

/* ---- turns ---- */

static void
on_both(struct datagrams *ds, enum datagram_event event)
{
	if (ds->used)
		on_event(ds->used, event);
	if (ds->next)
		on_event(ds->next, event);
}

void
datagrams_ssh(struct datagrams *ds, bool answers)
{
	bool before = ds->ssh_answers;
	ds->ssh_answers = answers;
	if (before && !answers)
		on_both(ds, DATAGRAM_ALONE);
}

void
datagrams_moved(struct datagrams *ds)
{
	on_both(ds, DATAGRAM_MOVED);
}

void
datagrams_yield(struct datagrams *ds)
{
	if (ds->used && ds->used->joined)
		engine_doubt(ds->engine, &ds->used->io.link, true);
}

bool
datagrams_up(const struct datagrams *ds)
{
	return ds->used && ds->used->joined && ds->used->policy.state == DATAGRAM_UP;
}

const struct datagram_end *
datagrams_used(const struct datagrams *ds)
{
	return ds->used;
}

/* Which classes go by it, said again where that has changed. */
static void
rank(struct datagram_end *d)
{
	bool bulk = !d->all->ssh_answers;
	if (!d->joined || bulk == d->bulk)
		return;
	d->bulk = bulk;
	engine_rank(d->all->engine, &d->io.link, RANK_URGENT, bulk ? RANK_URGENT : 0);
	d->io.link.ranks_due = true;
}

static void
beat(struct datagrams *ds, struct datagram_end *d)
{
	uint64_t written = engine_urgent_written(ds->engine);
	if (written != ds->written)
		ds->typed_us = ds->loop->now_us;
	ds->written = written;
	d->io.link.heartbeat_us = ds->loop->now_us < ds->typed_us + TYPED_LATELY_US
	    ? HEARTBEAT_TYPED_US
	    : HEARTBEAT_US;
}

static void
end_turn(struct datagrams *ds, struct datagram_end *d)
{
	uint64_t now_us = ds->loop->now_us;
	if (d->policy.deadline_us && now_us >= d->policy.deadline_us)
		on_event(d, ds->ssh_answers ? DATAGRAM_TIMER : DATAGRAM_TIMER_ALONE);
	if (d->policy.state == DATAGRAM_OFF
	    || (d->policy.state == DATAGRAM_DARK && !d->io.now))
		return; /* it was asked, and is not asked again before its time */
	rank(d);
	if (d->joined)
		beat(ds, d);
	link_write(&d->io.link, d->joined ? ds->engine : NULL, now_us);
	if (d->io.link.broken)
		on_event(d, DATAGRAM_BROKEN);
	else if (d->joined && d->io.link.doubted && d->policy.state == DATAGRAM_UP)
		on_event(d, DATAGRAM_SILENT);
}

void
datagrams_turn(struct datagrams *ds)
{
	next_turn(ds);
	if (ds->used)
		end_turn(ds, ds->used);
	if (ds->next)
		end_turn(ds, ds->next);
}

static uint64_t
end_deadline(const struct datagram_end *d)
{
	uint64_t at = d->policy.deadline_us;
	if ((d->policy.state != DATAGRAM_DARK && d->policy.state != DATAGRAM_OFF)
	    || (d->policy.state == DATAGRAM_DARK && d->io.now))
		loop_sooner(&at,
		    link_write_at(&d->io.link, d->joined ? d->all->engine : NULL));
	return at;
}

uint64_t
datagrams_deadline(const struct datagrams *ds)
{
	uint64_t at = ds->used ? end_deadline(ds->used) : 0;
	if (ds->next)
		loop_sooner(&at, end_deadline(ds->next));
	if (ds->bye_us)
		loop_sooner(&at, ds->bye_us + BYE_MAX_US);
	return at;
}

bool
datagrams_bye(struct datagrams *ds, enum bye_code code)
{
	struct msg_bye m = { .code = (uint16_t)code };
	if (!datagrams_up(ds))
		return false;
	struct datagram *d = &ds->used->io;
	if (!ds->bye_us && msg_put(&d->link.queue, MSG_BYE, &m))
		return false;
	if (!ds->bye_us)
		ds->bye_number = d->flight.next; /* and all behind it */
	ds->bye_us = ds->loop->now_us;
	d->now = true;
	link_write(&d->link, ds->engine, ds->loop->now_us);
	return true;
}

bool
datagrams_flushed(const struct datagrams *ds)
{
	return ds->bye_us
	    && (!datagrams_up(ds) || ds->used->io.flight.high >= ds->bye_number
		|| ds->loop->now_us >= ds->bye_us + BYE_MAX_US);
}
