#include "tunnel/tunnel.h"

#include "base/err.h"
#include "tunnel/channel.h"

#include <stdio.h>
#include <unistd.h>

void
tunnel_init(struct tunnel *t, struct loop *loop, struct engine *engine,
    const struct tunnel_events *events, void *owner)
{
	uint32_t even = STREAM_CHANNELS, odd = STREAM_CHANNELS + 1;
	*t = (struct tunnel){ .loop = loop,
		.engine = engine,
		.events = events,
		.owner = owner,
		.next_id = engine->client ? even : odd,
		.their_next_id = engine->client ? odd : even };
}

static void
drop(struct tunnel *t, struct channel **place)
{
	struct channel *c = *place;
	*place = c->next;
	if (c->ours)
		t->n_ours--;
	else
		t->n_theirs--;
	channel_free(c);
}

void
tunnel_finish(struct tunnel *t)
{
	while (t->channels)
		drop(t, &t->channels);
}

bool
tunnel_has_room(const struct tunnel *t)
{
	return t->n_ours < TUNNEL_OPEN && loop_has_room(t->loop)
	    && t->next_id < UINT32_MAX - 2;
}

static struct channel *
add(struct tunnel *t, uint32_t id, bool ours)
{
	struct channel *c = channel_new(t, id, ours);
	if (!c)
		return NULL;
	/* Behind the others: OPENs have to go out in the order of their numbers. */
	struct channel **last = &t->channels;
	while (*last)
		last = &(*last)->next;
	*last = c;
	t->opened++;
	if (ours)
		t->n_ours++;
	else
		t->n_theirs++;
	return c;
}

void
tunnel_open(struct tunnel *t, int fd, const struct target *to)
{
	struct channel *c = tunnel_has_room(t) ? add(t, t->next_id, true) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	t->next_id += 2;
	channel_socket(c, fd);
	c->asks = !to;
	c->phase = to ? CHANNEL_OPENING : CHANNEL_ASKING;
	c->open_due = to != NULL;
	if (to)
		c->to = *to;
}

static struct channel *
find(const struct tunnel *t, uint32_t id)
{
	for (struct channel *c = t->channels; c; c = c->next)
		if (c->stream->id == id)
			return c;
	return NULL;
}

static int
on_open(struct tunnel *t, const struct msg_open *m)
{
	if (m->stream < t->their_next_id || (m->stream - t->their_next_id) % 2
	    || m->stream > UINT32_MAX - 2)
		return ERR_STREAM;
	if (t->n_theirs == TUNNEL_OPEN)
		return ERR_FULL;
	struct channel *c = add(t, m->stream, false);
	if (!c)
		return ERR_NOMEM;
	t->their_next_id = m->stream + 2;
	(void)stream_on_ack(c->stream, 0, m->limit);
	if (!t->events->allows(t->owner, m, &c->to) || !loop_has_room(t->loop)) {
		c->failed_due = true;
		snprintf(c->why, sizeof c->why, "not allowed");
		return 0;
	}
	c->asks = !c->to.kind;
	channel_lead_on(c);
	return 0;
}

int
tunnel_take(struct tunnel *t, enum msg_type type, const union msg *m)
{
	if (type == MSG_OPEN)
		return on_open(t, &m->open);
	if (type != MSG_OPENED && type != MSG_FAILED && type != MSG_CLOSE)
		return ERR_UNKNOWN;
	/* They begin alike. */
	struct channel *c = find(t, m->close.stream);
	if (!c || c->gone)
		return ERR_STREAM;
	if (type == MSG_OPENED)
		return channel_opened(c, m->opened.limit);
	if (type == MSG_FAILED)
		return channel_failed(c, m->failed.text);
	if (c->close_got)
		return ERR_STATE;
	c->close_got = true;
	return 0;
}

void
tunnel_turn(struct tunnel *t)
{
	struct channel **place = &t->channels;
	while (*place) {
		channel_turn(*place);
		if ((*place)->gone)
			drop(t, place);
		else
			place = &(*place)->next;
	}
}

void
tunnel_watch(struct tunnel *t)
{
	for (struct channel *c = t->channels; c; c = c->next)
		channel_watch(c);
}

bool
tunnel_busy(const struct tunnel *t)
{
	return t->channels != NULL;
}
