#include "tunnel/channel.h"

#include "base/err.h"
#include "sys/sys.h"
#include "tunnel/rights.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_MAX = 2 * 32
	    * 1000, /* whole frames (engine.c): what is left goes by itself */
	OUT_MAX = FLIGHT_BULK + CHANNEL_AHEAD
};

/* ---- the phases: what is done in each ---- */

enum {
	ASKS = 1, /* looks for where to in what is said */
	CONNECTS = 2,
	READS = 4, /* its socket */
	WRITES = 8, /* to its socket */
	IS_ANSWERED = 16, /* OPENED, FAILED of the other end */
	CLOSES = 32,
	REFUSES = 64, /* FAILED, and nothing else */
};

static const unsigned phases[CHANNEL_PHASES] = {
	[CHANNEL_REFUSED] = REFUSES,
	[CHANNEL_ASKING] = ASKS | READS,
	[CHANNEL_OPENING] = READS | IS_ANSWERED,
	[CHANNEL_CONNECTING] = CONNECTS,
	[CHANNEL_FLOWING] = READS | WRITES | CLOSES,
};

static bool
does(const struct channel *c, unsigned what)
{
	return phases[c->phase] & what;
}

/* ---- its life ---- */

struct channel *
channel_new(struct tunnel *t, uint32_t id, bool ours)
{
	struct channel *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	*c = (struct channel){ .tunnel = t, .id = id, .ours = ours, .watch.fd = -1 };
	buf_init(&c->early, CHANNEL_EARLY);
	buf_init(&c->first, CHANNEL_EARLY);
	return c;
}

bool
channel_stream(struct channel *c)
{
	c->stream = engine_open(c->tunnel->engine, c->id, RANK_BULK, OUT_MAX,
	    CHANNEL_WINDOW);
	if (c->stream)
		c->stream->unconfirmed = true; /* until OPENED */
	return c->stream != NULL;
}

static void
close_all(struct channel *c)
{
	if (c->watch.fd >= 0) {
		loop_remove(c->tunnel->loop, &c->watch);
		close(c->watch.fd);
	}
	c->watch.fd = -1;
	if (c->stream)
		engine_close(c->tunnel->engine, c->stream);
	c->stream = NULL;
	buf_finish(&c->early);
	buf_finish(&c->first);
}

static void
forget_connect(struct channel *c)
{
	if (c->connect)
		connect_cancel(c->connect);
	free(c->connect);
	c->connect = NULL;
}

void
channel_free(struct channel *c)
{
	forget_connect(c);
	close_all(c);
	free(c);
}

void
channel_refuse(struct channel *c, const char *why)
{
	close_all(c);
	c->phase = CHANNEL_REFUSED;
	c->to = (struct target){ 0 };
	snprintf(c->why, sizeof c->why, "%s", why);
}

/* Only notes it: the turn does the work. */
static void
on_ready(void *owner, short revents)
{
	struct channel *c = owner;
	if (revents & (POLLIN | POLLHUP | POLLERR))
		c->readable = true;
	if (revents & (POLLOUT | POLLHUP | POLLERR))
		c->full = false;
}

bool
channel_socket(struct channel *c, int fd)
{
	c->watch = (struct watch){ .fd = fd, .fn = on_ready, .owner = c };
	if (loop_add(c->tunnel->loop, &c->watch))
		return true;
	close(fd);
	c->watch.fd = -1;
	return false;
}

/* ---- this end leads it on ---- */

static enum open_kind
asks_itself(const struct target *to)
{
	return to->kind == OPEN_SOCKS || to->kind == OPEN_X11 ? to->kind : OPEN_NOTHING;
}

/* The program that asked is told, ahead of everything else.  ERR_NOMEM: it is not. */
static int
answer(struct channel *c, bool open)
{
	struct buf out;
	buf_init(&out, CHANNEL_EARLY);
	c->tunnel->events->answer(&c->to, open, &out);
	bool put = c->ours ? buf_put(&c->first, buf_bytes(&out), out.len) == 0
			   : stream_write(c->stream, buf_bytes(&out), out.len) == out.len;
	buf_finish(&out);
	return put && !out.failed ? 0 : ERR_NOMEM;
}

/* The connection comes to nothing; the other end thinks that it is open. */
static void
give_up(struct channel *c)
{
	c->phase = CHANNEL_FLOWING;
	c->broken = c->read_over = true;
	stream_end(c->stream);
}

static void
on_connected(void *owner, int fd, const char *why)
{
	struct channel *c = owner;
	bool open = fd >= 0 && channel_socket(c, fd);
	if (fd >= 0 && !open)
		why = CONNECT_NO_ROOM;
	if (!open)
		c->tunnel->events->failed(c->tunnel->owner, &c->to, why);
	if (c->asks && answer(c, open))
		open = false;
	if (open) {
		c->phase = CHANNEL_FLOWING;
		c->opened_due |= !c->asks;
	} else if (c->asks) {
		give_up(c);
	} else {
		channel_refuse(c, why);
	}
}

/* When there is room for its look-up. */
static void
connect_turn(struct channel *c)
{
	struct tunnel *t = c->tunnel;
	if (c->connect)
		return; /* on its way */
	if (t->look_ups >= TUNNEL_LOOK_UPS && connect_looks_up(&c->to))
		return;
	c->connect = malloc(sizeof *c->connect);
	if (!c->connect) {
		on_connected(c, -1, err_text(ERR_NOMEM));
		return;
	}
	connect_start(c->connect, t->loop, t->events->look_up, &c->to, on_connected, c);
	t->look_ups += c->connect->pid > 0;
}

void
channel_connect(struct channel *c)
{
	c->asks = asks_itself(&c->to);
	c->phase = c->asks ? CHANNEL_ASKING : CHANNEL_CONNECTING;
	c->opened_due = c->asks;
	if (!c->asks)
		connect_turn(c);
}

void
channel_ours(struct channel *c, const struct target *to)
{
	c->to = *to;
	c->asks = asks_itself(to);
	c->phase = c->asks ? CHANNEL_ASKING : CHANNEL_OPENING;
	c->open_due = !c->asks;
}

/* ---- where to ---- */

/* Takes what the other end says, as the socket's is read. */
static void
take_early(struct channel *c)
{
	struct span held = stream_held(c->stream);
	size_t room = c->early.max - c->early.len, n = held.n < room ? held.n : room;
	if (buf_put(&c->early, held.p, n) == 0)
		stream_take(c->stream, n);
}

/* False: without memory. */
static bool
pass_early(struct channel *c)
{
	struct span early = buf_span(&c->early);
	return c->ours ? stream_write(c->stream, early.p, early.n) == early.n
		       : buf_put(&c->first, early.p, early.n) == 0;
}

static void
ask(struct channel *c)
{
	const struct tunnel_events *events = c->tunnel->events;
	struct buf out;
	buf_init(&out, CHANNEL_EARLY);
	enum open_kind kind = c->to.kind;
	if (!c->ours)
		take_early(c);
	int known = events->ask ? events->ask(c->tunnel->owner, &c->early, &out, &c->to)
				: -1;
	if (known > 0 && !rights_lead(kind, c->to.kind))
		known = -1;
	if (!known && c->early.len == c->early.max)
		known = -1; /* it will not get any longer */
	if (c->ours)
		(void)sys_write_both(c->watch.fd, buf_span(&out), (struct span){ 0 });
	else
		(void)stream_write(c->stream, buf_bytes(&out), out.len);
	buf_finish(&out);
	bool over = c->read_over || stream_drained(c->stream);
	/* What stands behind the question has been read: it goes on, or the connection ends. */
	if (known > 0 && !pass_early(c))
		known = -1;
	if (known < 0 || (!known && over)) {
		give_up(c);
		c->gone = c->ours; /* the other end has not heard of it */
	} else if (known && c->ours) {
		c->phase = CHANNEL_OPENING;
		c->open_due = true;
	} else if (known) {
		c->phase = CHANNEL_CONNECTING; /* the turn does */
	}
}

/* ---- what the other end has said ---- */

int
channel_opened(struct channel *c, uint64_t limit)
{
	if (!c->ours || !does(c, IS_ANSWERED) || c->open_due)
		return ERR_STATE;
	c->phase = CHANNEL_FLOWING;
	c->agreed = true;
	c->stream->unconfirmed = false;
	if (c->asks && answer(c, true))
		give_up(c);
	return stream_on_ack(c->stream, 0, limit);
}

int
channel_failed(struct channel *c, struct span why)
{
	char text[sizeof c->why];
	if (!c->ours || !does(c, IS_ANSWERED) || c->open_due)
		return ERR_STATE;
	snprintf(text, sizeof text, "%.*s", (int)(why.n < sizeof text ? why.n : 0),
	    (const char *)why.p);
	c->tunnel->events->failed(c->tunnel->owner, &c->to,
	    text[0] ? text : "no reason given");
	if (c->asks) {
		(void)answer(c, false);
		(void)sys_write_both(c->watch.fd, buf_span(&c->first),
		    (struct span){ 0 });
	}
	c->gone = true;
	return 0;
}

int
channel_closed(struct channel *c)
{
	if (!c->agreed || c->close_got)
		return ERR_STATE;
	c->close_got = true;
	return 0;
}

/* ---- messages that are due ---- */

static void
tell(struct channel *c)
{
	struct engine *e = c->tunnel->engine;
	struct stream *s = c->stream;
	bool promised = false;
	if (does(c, REFUSES)) {
		struct msg_failed m = { c->id,
			{ (const uint8_t *)c->why, strlen(c->why) } };
		c->gone = engine_tell(e, MSG_FAILED, &m);
		return;
	}
	if (c->open_due) {
		struct msg_open m = { .stream = s->id,
			.limit = CHANNEL_WINDOW,
			.kind = (uint8_t)c->to.kind,
			.forward = c->to.kind == OPEN_FORWARD ? c->to.forward : 0,
			.port = (uint16_t)c->to.port,
			.host = { (const uint8_t *)c->to.host, strlen(c->to.host) } };
		c->open_due = !engine_tell(e, MSG_OPEN, &m);
		promised = !c->open_due;
	}
	if (c->opened_due) {
		struct msg_opened m = { s->id, CHANNEL_WINDOW };
		c->agreed = engine_tell(e, MSG_OPENED, &m);
		c->opened_due = !c->agreed;
		s->unconfirmed = !c->agreed;
		promised = c->agreed;
	}
	if (promised)
		(void)stream_ack(s); /* says the same */
}

/* The other end takes nothing more: what it has sent is here already, and goes on to the
 * socket; then that is closed. */
static void
close_turn(struct channel *c)
{
	struct stream *s = c->stream;
	if (!does(c, CLOSES) || !c->agreed)
		return;
	bool taken = c->broken || (stream_drained(s) && c->write_over);
	bool given = c->close_got || stream_delivered(s);
	if (!c->close_sent && taken && given) {
		struct msg_close m = { s->id };
		c->close_sent = engine_tell(c->tunnel->engine, MSG_CLOSE, &m);
	}
	c->gone |= c->close_sent && c->close_got;
}

/* ---- bytes ---- */

/* Each has its part of CHANNEL_AHEAD, and a read at the least. */
static size_t
ahead(const struct tunnel *t)
{
	size_t part = CHANNEL_AHEAD / (t->n_ours + t->n_theirs);
	return part > READ_MAX ? part : READ_MAX;
}

static bool
may_read(const struct channel *c)
{
	if (!does(c, READS) || c->read_over || c->close_got || c->watch.fd < 0)
		return false;
	if (does(c, ASKS))
		return c->early.len < c->early.max;
	return stream_unsent(c->stream) < ahead(c->tunnel) && stream_room(c->stream);
}

static ssize_t
read_some(struct channel *c)
{
	uint8_t *room;
	if (does(c, ASKS))
		return sys_read_into(c->watch.fd, &c->early, c->early.max - c->early.len);
	size_t n = stream_space(c->stream, READ_MAX, &room);
	if (!n)
		return 0;
	ssize_t got = read(c->watch.fd, room, n);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got > 0)
		stream_wrote(c->stream, (size_t)got);
	return got > 0 ? got : -1;
}

static void
read_turn(struct channel *c)
{
	if (!c->readable || !may_read(c))
		return;
	c->readable = false;
	ssize_t n = read_some(c);
	if (n > 0)
		c->tunnel->bytes_in += (uint64_t)n;
	if (n >= 0)
		return;
	c->read_over = true;
	if (!does(c, ASKS))
		stream_end(c->stream);
}

static void
write_turn(struct channel *c)
{
	if (!does(c, WRITES))
		return;
	struct span first = buf_span(&c->first), held = stream_held(c->stream);
	if (c->broken) {
		stream_take(c->stream, held.n);
		return;
	}
	if (c->watch.fd < 0 || c->full)
		return;
	if (first.n + held.n) {
		ssize_t n = sys_write_both(c->watch.fd, first, held);
		c->broken = n < 0;
		size_t wrote = n < 0 ? 0 : (size_t)n;
		c->full = wrote < first.n + held.n;
		c->tunnel->bytes_out += wrote;
		size_t of_first = wrote < first.n ? wrote : first.n;
		buf_drop(&c->first, of_first);
		stream_take(c->stream, wrote - of_first);
	}
	if (!c->first.len && stream_drained(c->stream) && !c->write_over) {
		(void)shutdown(c->watch.fd, SHUT_WR);
		c->write_over = true;
	}
}

void
channel_turn(struct channel *c)
{
	if (c->gone)
		return;
	read_turn(c);
	if (does(c, ASKS) && (c->ours || c->agreed))
		ask(c);
	if (does(c, CONNECTS))
		connect_turn(c);
	if (!does(c, CONNECTS))
		forget_connect(c);
	write_turn(c);
	tell(c);
	close_turn(c);
}

void
channel_watch(struct channel *c)
{
	short events = may_read(c) ? POLLIN : 0;
	if (c->full && !c->broken)
		events |= POLLOUT;
	c->watch.events = events;
}
