#include "ssh/connector.h"

#include "base/log.h"
#include "base/trace.h"
#include "sys/netwatch.h"
#include "sys/resolve.h"
#include "sys/sys.h"
#include "sys/tcp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EVERYTHING, IPV4 }; /* the lookups */
enum { TRIES = 2 * ADDRESS_RACE_ADDRESSES };

static void
drop_try(struct connector *d, size_t i)
{
	struct watch *w = &d->tries[i];
	if (w->fd < 0)
		return;
	loop_remove(d->loop, w);
	close(w->fd);
	w->fd = -1;
}

void
connector_cancel(struct connector *d)
{
	if (!d->loop)
		return;
	for (size_t i = 0; i < DIALER_LOOKUPS; i++)
		if (d->lookups[i].watch.fd >= 0) {
			loop_remove(d->loop, &d->lookups[i].watch);
			resolve_cancel(d->lookups[i].pid, d->lookups[i].watch.fd);
		}
	for (size_t i = 0; i < TRIES; i++)
		drop_try(d, i);
	d->loop = NULL;
}

void
connector_other_family(const struct connector *d, const char *address,
    char ret[TCP_ADDRESS_MAX])
{
	struct sockaddr_storage a;
	ret[0] = 0;
	for (size_t i = 0; tcp_address(address, 0, &a) && i < d->dial.n; i++) {
		const struct sockaddr_storage *other = &d->dial.ones[i].address;
		if (other->ss_family == a.ss_family)
			continue;
		tcp_address_text(other, ret);
		return;
	}
}

static void
done(struct connector *d, int fd)
{
	connector_cancel(d);
	d->done(d->owner, fd);
}

static void
not_connected(struct connector *d, int error)
{
	snprintf(d->words, sizeof d->words, "ssh: connect to host %s port %u: %s",
	    d->host, d->port, error ? strerror(error) : "failure");
	done(d, -1);
}

/* ---- addresses ---- */

static void
say(const struct connector *d, int number, const char *what)
{
	char host[NI_MAXHOST];
	const struct sockaddr_storage *a = &d->dial.ones[number].address;
	if (getnameinfo((const struct sockaddr *)a, sizeof *a, host, sizeof host, NULL, 0,
		NI_NUMERICHOST)
	    != 0)
		return;
	TRACE(d->loop->now_us, "connect", "%s port %u: %s", host, d->port, what);
	log_say(LOG_VERBOSE, "%s port %u: %s", host, d->port, what);
}

static void
failed(struct connector *d, int number, int error)
{
	say(d, number, strerror(error));
	drop_try(d, (size_t)number);
	drop_try(d, (size_t)number + ADDRESS_RACE_ADDRESSES);
	address_race_failed(&d->dial, number, error);
}

static void
on_connected(void *owner, short revents)
{
	struct connector *d = owner;
	(void)revents;
	for (int i = 0; i < TRIES; i++) {
		struct watch *w = &d->tries[i];
		int number = i % ADDRESS_RACE_ADDRESSES;
		if (w->fd < 0 || !sys_wait(w->fd, POLLOUT, 0))
			continue;
		int error = tcp_error(w->fd);
		if (error) {
			failed(d, number, error);
			continue;
		}
		int fd = w->fd;
		loop_remove(d->loop, w);
		w->fd = -1;
		say(d, number, "connected");
		tcp_blocking(fd);
		done(d, fd);
		return;
	}
}

/* The errno of what has failed at once, or 0. */
static int
try(struct connector *d, size_t i)
{
	int fd = tcp_connect_to(&d->dial.ones[i % ADDRESS_RACE_ADDRESSES].address,
	    d->keepalive);
	if (fd < 0)
		return errno;
	d->tries[i] =
	    (struct watch){ .fd = fd, .events = POLLOUT, .fn = on_connected, .owner = d };
	if (loop_add_kept(d->loop, &d->tries[i]))
		return 0;
	drop_try(d, i);
	return EMFILE;
}

static void
try_first(struct connector *d, int number)
{
	int error = try(d, (size_t)number);
	if (error)
		failed(d, number, error);
	else
		say(d, number, "connecting");
}

static void
try_again(struct connector *d)
{
	for (size_t i = 0; i < ADDRESS_RACE_ADDRESSES; i++) {
		if (d->tries[i].fd < 0)
			continue;
		drop_try(d, i + ADDRESS_RACE_ADDRESSES);
		(void)try(d,
		    i + ADDRESS_RACE_ADDRESSES); /* if it cannot, the first goes on */
	}
}

void
connector_hurry(struct connector *d)
{
	if (d->loop)
		address_race_hurry(&d->dial);
}

/* ---- names ---- */

void
connector_prefer(struct connector *d, const struct connector_order *order)
{
	d->order = *order;
}

/* 0: before the others, 2: behind them. */
static int
place(const struct connector_order *order, const struct sockaddr_storage *address)
{
	char text[TCP_ADDRESS_MAX];
	tcp_address_text(address, text);
	if (text[0] && strcmp(text, order->first) == 0)
		return 0;
	for (size_t i = 0; text[0] && i < sizeof order->last / sizeof *order->last; i++)
		if (strcmp(text, order->last[i]) == 0)
			return 2;
	return 1;
}

void
connector_order(const struct connector_order *order, struct sockaddr_storage *addresses,
    size_t n)
{
	struct sockaddr_storage sorted[ADDRESS_RACE_ADDRESSES];
	size_t put = 0;
	n = n < ADDRESS_RACE_ADDRESSES ? n : ADDRESS_RACE_ADDRESSES;
	for (int where = 0; where < 3; where++)
		for (size_t i = 0; i < n; i++)
			if (place(order, &addresses[i]) == where)
				sorted[put++] = addresses[i];
	memcpy(addresses, sorted, put * sizeof *addresses);
}

static void
on_answer(struct connector *d, size_t which)
{
	struct lookup *l = &d->lookups[which];
	struct resolve_answer answer;
	loop_remove(d->loop, &l->watch);
	resolve_take(l->pid, l->watch.fd, &answer);
	l->watch.fd = -1;
	if (d->order.first[0] || d->order.last[0][0])
		connector_order(&d->order, answer.addresses, answer.n);
	if (which == EVERYTHING && answer.error && !d->dial.n) {
		snprintf(d->words, sizeof d->words,
		    "ssh: Could not resolve hostname %.100s: %s", d->host,
		    resolve_text(&answer));
		done(d, -1);
	} else if (which == EVERYTHING || answer.n) {
		address_race_add(&d->dial, answer.addresses, answer.n,
		    which == EVERYTHING, d->loop->now_us);
	}
}

static void
on_everything(void *owner, short revents)
{
	(void)revents;
	on_answer(owner, EVERYTHING);
}

static void
on_ipv4(void *owner, short revents)
{
	(void)revents;
	on_answer(owner, IPV4);
}

static int
look_up(struct connector *d, size_t which, int family)
{
	struct lookup *l = &d->lookups[which];
	l->pid = resolve_start(d->host, d->port, family, &l->watch.fd);
	if (l->pid < 0)
		return -1;
	l->watch.events = POLLIN;
	l->watch.fn = which == EVERYTHING ? on_everything : on_ipv4;
	l->watch.owner = d;
	if (loop_add_kept(d->loop, &l->watch))
		return 0;
	resolve_cancel(l->pid, l->watch.fd);
	l->watch.fd = -1;
	errno = EMFILE;
	return -1;
}

/* An address needs no look-up, unless it is of a family that is not wanted: that says so. */
static bool
is_address(struct connector *d, int family)
{
	struct sockaddr_storage address;
	if (!tcp_address(d->host, d->port, &address)
	    || (family != AF_UNSPEC && family != address.ss_family))
		return false;
	address_race_add(&d->dial, &address, 1, true, d->loop->now_us);
	return true;
}

/* ---- all of it ---- */

int
connector_start(struct connector *d, struct loop *loop, const struct ssh_config *c,
    unsigned timeout_s, void (*on_done)(void *owner, int fd), void *owner)
{
	static const int families[] = { [SSH_CONFIG_ANY] = AF_UNSPEC,
		[SSH_CONFIG_INET] = AF_INET,
		[SSH_CONFIG_INET6] = AF_INET6 };
	*d = (struct connector){ .loop = loop,
		.port = c->port,
		.timeout_s = timeout_s,
		.keepalive = c->keepalive,
		.done = on_done,
		.owner = owner };
	address_race_init(&d->dial);
	for (size_t i = 0; i < DIALER_LOOKUPS; i++)
		d->lookups[i].watch.fd = -1;
	for (size_t i = 0; i < TRIES; i++)
		d->tries[i].fd = -1;
	if (c->hostname.n >= sizeof d->host) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(d->host, c->hostname.p, c->hostname.n);
	if (is_address(d, families[c->family]))
		return 0;
	if (look_up(d, EVERYTHING, families[c->family])
	    || (c->family == SSH_CONFIG_ANY && look_up(d, IPV4, AF_INET))) {
		connector_cancel(d);
		return -1;
	}
	return 0;
}

bool
connector_asks_again(const struct connector *d)
{
	for (size_t i = 0; d->loop && i < TRIES; i++)
		if (d->tries[i].fd >= 0)
			return true;
	return false;
}

bool
connector_is_cut_off(const struct connector *d)
{
	bool tries = false;
	for (size_t i = 0; d->loop && i < TRIES; i++) {
		struct sockaddr_storage local;
		if (d->tries[i].fd < 0)
			continue;
		tries = true;
		if (!tcp_local(d->tries[i].fd, &local)
		    || netwatch_address_is_here((struct sockaddr *)&local))
			return false;
	}
	return tries;
}

uint64_t
connector_tick(struct connector *d, uint64_t now_us)
{
	int number;
	if (!d->loop)
		return 0;
	while ((number = address_race_next(&d->dial, now_us)) >= 0) {
		/* As with ssh, looking names up is not bounded by ConnectTimeout. */
		if (!d->deadline_us && d->timeout_s)
			d->deadline_us = now_us + d->timeout_s * (uint64_t)1000000;
		try_first(d, number);
	}
	if (address_race_again(&d->dial, now_us))
		try_again(d);
	if (address_race_over(&d->dial)) {
		not_connected(d, address_race_error(&d->dial));
		return now_us;
	}
	if (d->deadline_us && now_us >= d->deadline_us) {
		not_connected(d, ETIMEDOUT);
		return now_us;
	}
	uint64_t at = d->deadline_us;
	loop_sooner(&at, address_race_deadline(&d->dial));
	return at;
}
