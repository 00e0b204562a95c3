#include "tunnel/tunnel.h"

#include "base/err.h"
#include "tunnel/channel.h"
#include "tunnel/rights.h"

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

/* ---- room ---- */

/* A listener gets at most so many times as many as are left: there are always some for
 * another one, however many there are (dynamic thresholds: Choudhury, Hahne 1998). */
enum { OF_WHAT_IS_LEFT = 4 };

/* For the agent and the display; what is forwarded has none. */
static size_t
kept(const struct tunnel *t, enum open_kind kind)
{
	if (t->engine->client)
		return 0;
	return kind == OPEN_AGENT  ? TUNNEL_AGENT_KEPT
	    : kind == OPEN_DISPLAY ? TUNNEL_DISPLAY_KEPT
				   : 0;
}

/* Of those of ours that have come by the same listener as one that leads there. */
static size_t
count(const struct tunnel *t, enum open_kind kind, uint32_t forward)
{
	size_t n = 0;
	for (const struct channel *c = t->channels; c; c = c->next)
		n += c->ours && c->to.forward == forward
		    && (kept(t, c->to.kind) ? c->to.kind : OPEN_FORWARD) == kind;
	return n;
}

/* Kept, and not used yet. */
static size_t
unused(const struct tunnel *t, enum open_kind kind)
{
	size_t n = count(t, kind, 0);
	return n < kept(t, kind) ? kept(t, kind) - n : 0;
}

bool
tunnel_has_room(const struct tunnel *t, const struct target *to)
{
	size_t own = kept(t, to->kind);
	size_t n = count(t, own ? to->kind : OPEN_FORWARD, to->forward);
	size_t taken = t->n_ours + unused(t, OPEN_AGENT) + unused(t, OPEN_DISPLAY);
	size_t left = taken < TUNNEL_OPEN ? TUNNEL_OPEN - taken : 0;
	size_t room = loop_room(t->loop);
	/* Of the loop's, too. */
	size_t spare = own || t->engine->client ? 0 : loop_room_max(t->loop) / 8;
	if (t->n_ours >= TUNNEL_OPEN || t->next_id >= UINT32_MAX - 2 || room <= spare)
		return false;
	return n < own || n - own < OF_WHAT_IS_LEFT * left;
}

/* ---- channels ---- */

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
	bool room = t->n_ours < TUNNEL_OPEN && t->next_id < UINT32_MAX - 2;
	struct channel *c = room ? add(t, t->next_id, true) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	bool streams = channel_stream(c);
	if (!channel_socket(c, fd) || !streams) {
		c->gone = true; /* the other end has not heard of it */
		return;
	}
	t->next_id += 2;
	channel_ours(c, to);
}

static struct channel *
find(const struct tunnel *t, uint32_t id)
{
	for (struct channel *c = t->channels; c; c = c->next)
		if (c->id == id)
			return c;
	return NULL;
}

/* Why not; NULL: it may be, and has a stream. */
static const char *
refusal(struct tunnel *t, const struct msg_open *m, struct channel *c)
{
	if (!rights_open(!t->engine->client, m->kind)
	    || !t->events->allows(t->owner, m, &c->to)
	    || !rights_lead(m->kind, c->to.kind))
		return "not allowed";
	return loop_room(t->loop) && channel_stream(c) ? NULL : CONNECT_NO_ROOM;
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
	const char *why = refusal(t, m, c);
	if (why) {
		channel_refuse(c, why);
		return 0;
	}
	(void)stream_on_ack(c->stream, 0, m->limit);
	channel_connect(c);
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
	return channel_closed(c);
}

void
tunnel_turn(struct tunnel *t)
{
	struct channel **place = &t->channels;
	t->look_ups = 0;
	for (const struct channel *c = t->channels; c; c = c->next)
		t->look_ups += c->connect && c->connect->pid > 0;
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
