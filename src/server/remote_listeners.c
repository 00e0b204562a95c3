#include "server/remote_listeners.h"

#include "base/err.h"
#include "server/rundir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OWNER_ONLY = 0177, /* mask of unix sockets */
	AWAY_US = 60 * 1000000, /* then its ports are free for others */
};

/* Where a client has us listen. */
struct remote {
	struct remote *next;
	struct remote_listeners *forwards;
	uint32_t id;
	struct target on;
	struct listener listener;
	bool listens, say_due;
	char text[LISTENER_TEXT]; /* why it does not listen */
};

static bool
copy_host(char ret_host[TARGET_MAX], struct span host)
{
	if (host.n >= TARGET_MAX || memchr(host.p, 0, host.n))
		return false;
	memcpy(ret_host, host.p, host.n);
	ret_host[host.n] = 0;
	return true;
}

/* ---- connections ---- */

static bool
allows(void *owner, const struct msg_open *m, struct target *ret_to)
{
	const struct remote_listeners *f = owner;
	ret_to->kind = m->kind;
	ret_to->port = m->port;
	return !f->none && (m->kind == OPEN_TCP || m->kind == OPEN_UNIX)
	    && copy_host(ret_to->host, m->host);
}

static void
failed(void *owner, const struct target *to, const char *why)
{
	(void)owner; /* the client is told, and tells the person */
	(void)to;
	(void)why;
}

static const struct tunnel_events events = { .look_up = getent_start,
	.allows = allows,
	.failed = failed };

/* ---- listening ---- */

static struct target
leads_to(const struct remote *r)
{
	return (struct target){ .kind = OPEN_FORWARD, .forward = r->id };
}

static void
on_accepted(void *owner, int fd)
{
	struct remote *r = owner;
	struct target to = leads_to(r);
	tunnel_open(&r->forwards->tunnel, fd, &to);
}

static bool
has_room(void *owner)
{
	const struct remote *r = owner;
	struct target to = leads_to(r);
	return tunnel_has_room(&r->forwards->tunnel, &to);
}

static void
remote_open(struct remote *r)
{
	static const struct listener_unix how = { .mask = OWNER_ONLY };
	unsigned port;
	r->listener = (struct listener){ .has_room = has_room,
		.accepted = on_accepted,
		.owner = r };
	r->say_due = true;
	r->text[0] = 0;
	r->listens = listener_open(&r->listener, r->forwards->tunnel.loop, &r->on, &how,
			 &port, r->text)
	    == 0;
	if (r->listens)
		r->on.port = port; /* the same again when it comes back */
}

static void
remote_free(struct remote_listeners *f, struct remote **place)
{
	struct remote *r = *place;
	*place = r->next;
	listener_close(&r->listener);
	free(r);
	f->n_remotes--;
}

static int
on_listen(struct remote_listeners *f, const struct msg_listen *m)
{
	if (f->n_remotes == REMOTE_LISTENERS_MAX)
		return ERR_FULL;
	struct remote *r = calloc(1, sizeof *r);
	if (!r)
		return ERR_NOMEM;
	*r = (struct remote){ .next = f->remotes,
		.forwards = f,
		.id = m->forward,
		.on = { .kind = m->kind, .port = m->port } };
	f->remotes = r;
	f->n_remotes++;
	if ((m->kind != OPEN_TCP && m->kind != OPEN_UNIX) || f->none
	    || !copy_host(r->on.host, m->host)) {
		snprintf(r->text, sizeof r->text, "not allowed");
		r->say_due = true;
	} else {
		remote_open(r);
	}
	return 0;
}

static void
on_unlisten(struct remote_listeners *f, uint32_t id)
{
	for (struct remote **place = &f->remotes; *place; place = &(*place)->next)
		if ((*place)->id == id) {
			remote_free(f, place);
			return;
		}
}

static void
say(struct remote_listeners *f, struct remote *r)
{
	struct msg_listening m = { .forward = r->id,
		.port = (uint16_t)r->on.port,
		.text = { (const uint8_t *)r->text, strlen(r->text) } };
	r->say_due = !engine_tell(f->tunnel.engine, MSG_LISTENING, &m);
}

/* ---- all of it ---- */

void
remote_listeners_init(struct remote_listeners *f, struct loop *loop,
    struct engine *engine)
{
	*f = (struct remote_listeners){ 0 };
	tunnel_init(&f->tunnel, loop, engine, &events, f);
}

void
remote_listeners_finish(struct remote_listeners *f)
{
	while (f->remotes)
		remote_free(f, &f->remotes);
	tunnel_finish(&f->tunnel);
}

int
remote_listeners_take(struct remote_listeners *f, enum msg_type type, const union msg *m)
{
	if (type == MSG_LISTEN)
		return on_listen(f, &m->listen);
	if (type == MSG_UNLISTEN) {
		on_unlisten(f, m->unlisten.forward);
		return 0;
	}
	return tunnel_take(&f->tunnel, type, m);
}

uint64_t
remote_listeners_turn(struct remote_listeners *f, bool here, uint64_t now_us)
{
	uint64_t at = 0;
	if (here)
		f->away_us = 0;
	else if (!f->away_us)
		f->away_us = now_us;
	bool away = f->away_us && now_us >= f->away_us + AWAY_US;
	for (struct remote *r = f->remotes; r; r = r->next) {
		if (away && r->listens) {
			listener_close(&r->listener);
			r->listens = false;
		} else if (here && !r->listens && !r->text[0]) {
			remote_open(r);
		}
		if (r->listens && f->away_us)
			loop_sooner(&at, f->away_us + AWAY_US);
		if (r->listens)
			loop_sooner(&at, listener_turn(&r->listener, now_us));
		if (r->say_due)
			say(f, r);
	}
	tunnel_turn(&f->tunnel);
	return at;
}

bool
remote_listeners_has_room(const struct remote_listeners *f, enum open_kind kind)
{
	return tunnel_has_room(&f->tunnel, &(struct target){ .kind = kind });
}

void
remote_listeners_connect(struct remote_listeners *f, enum open_kind kind, int fd)
{
	tunnel_open(&f->tunnel, fd, &(struct target){ .kind = kind });
}
