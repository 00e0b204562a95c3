/* One end of a tunnel gets whatever the other may say, and its sockets what they may: the
 * accounts stay right, and at the end nothing is left. */
#include "base/err.h"
#include "fuzz.h"
#include "stream/engine.h"
#include "tunnel/channel.h"
#include "tunnel/socks.h"
#include "tunnel/tunnel.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 64 * 1024, SOCKETS = 16, STEPS = 2000 };

enum step { SAY, DATA, TURN, OPEN, WRITE, CLOSE, READ, STEP_KINDS };

static struct world {
	struct loop loop;
	struct engine engine;
	struct link link;
	struct tunnel tunnel;
	int ours[SOCKETS]; /* the far ends of what tunnel_open was given */
	size_t n;
} w;

static bool
allows(void *owner, const struct msg_open *m, struct target *ret_to)
{
	(void)owner;
	if (m->kind == 1) { /* nobody is there */
		ret_to->kind = OPEN_UNIX;
		snprintf(ret_to->host, sizeof ret_to->host, "/nowhere");
	}
	return m->kind < 4;
}

static int
ask(void *owner, struct buf *in, struct buf *out, struct target *to)
{
	(void)owner;
	int known = socks_ask(in, out, to);
	if (known > 0) {
		MUST(to->kind == OPEN_TCP && to->host[0]);
		to->kind = OPEN_UNIX; /* not into the network */
		snprintf(to->host, sizeof to->host, "/nowhere");
	}
	return known;
}

static void
failed(void *owner, const struct target *to, const char *why)
{
	(void)owner;
	(void)to;
	MUST(why[0]);
}

static const struct tunnel_events events = { .look_up = resolve_start,
	.allows = allows,
	.ask = ask,
	.answer = socks_answer,
	.failed = failed };

static int
say(struct span *in)
{
	static const enum msg_type types[] = { MSG_OPEN, MSG_OPENED, MSG_FAILED,
		MSG_CLOSE };
	enum msg_type type = types[take_number(in, 1) % 4];
	union msg m = { 0 };
	uint32_t id = STREAM_CHANNELS + take_number(in, 1) % 24;
	if (type == MSG_OPEN)
		m.open = (struct msg_open){ .stream = id,
			.limit = take_number(in, 2),
			.kind = (uint8_t)(take_number(in, 1) % 6),
			.host = take(in, 3) };
	else if (type == MSG_OPENED)
		m.opened = (struct msg_opened){ id, take_number(in, 2) };
	else if (type == MSG_FAILED)
		m.failed = (struct msg_failed){ id, take(in, take_number(in, 1) % 100) };
	else
		m.close = (struct msg_close){ id };
	return tunnel_take(&w.tunnel, type, &m);
}

/* Bytes, or the end, of a channel, where they belong. */
static int
data(struct span *in)
{
	uint32_t id = STREAM_CHANNELS + take_number(in, 1) % 24;
	struct stream *s = engine_stream(&w.engine, id);
	uint32_t n = take_number(in, 1);
	if (!s)
		return 0;
	return n ? stream_on_data(s, s->in_got, take(in, n), 1)
		 : stream_on_end(s, s->in_got, 1);
}

static void
open_one(struct span *in)
{
	int pair[2];
	struct target to = { .kind = OPEN_TCP, .host = "x", .port = 1 };
	if (w.n == SOCKETS
	    || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		return;
	w.ours[w.n++] = pair[0];
	tunnel_open(&w.tunnel, pair[1], take_number(in, 1) % 2 ? &to : NULL);
}

static void
use_one(enum step step, struct span *in)
{
	uint8_t bytes[256];
	size_t i = w.n ? take_number(in, 1) % w.n : 0;
	if (!w.n)
		return;
	struct span some = take(in, step == WRITE ? take_number(in, 1) : 0);
	ssize_t n = 0;
	if (step == WRITE)
		n = send(w.ours[i], some.p, some.n, MSG_NOSIGNAL);
	else if (step == READ)
		n = recv(w.ours[i], bytes, sizeof bytes, 0);
	else
		n = shutdown(w.ours[i], SHUT_RDWR);
	(void)n;
	for (struct channel *c = w.tunnel.channels; c; c = c->next) {
		c->readable = true; /* as the loop would say */
		c->full = false;
	}
}

static void
check(void)
{
	size_t n = 0;
	for (struct channel *c = w.tunnel.channels; c; c = c->next) {
		MUST(engine_stream(&w.engine, c->stream->id) == c->stream);
		n++;
	}
	MUST(n == w.tunnel.n_ours + w.tunnel.n_theirs);
	MUST(w.engine.n_streams == n + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct span in = { bytes, size };
	int err = 0;
	signal(SIGPIPE, SIG_IGN);
	w = (struct world){ 0 };
	engine_init(&w.engine, true);
	MUST(engine_open(&w.engine, STREAM_CONTROL, RANK_CONTROL, ROOM, ROOM));
	link_init(&w.link, 1);
	MUST(engine_add(&w.engine, &w.link) == 0);
	tunnel_init(&w.tunnel, &w.loop, &w.engine, &events, NULL);
	for (int i = 0; in.n && !err && i < STEPS; i++) {
		enum step step = take_number(&in, 1) % STEP_KINDS;
		if (step == SAY)
			err = say(&in);
		else if (step == DATA)
			err = data(&in);
		else if (step == TURN)
			tunnel_turn(&w.tunnel);
		else if (step == OPEN)
			open_one(&in);
		else
			use_one(step, &in);
		check();
	}
	MUST(err <= 0);
	tunnel_finish(&w.tunnel);
	MUST(w.engine.n_streams == 1);
	engine_remove(&w.engine, &w.link);
	link_finish(&w.link);
	engine_finish(&w.engine);
	for (size_t i = 0; i < w.n; i++)
		close(w.ours[i]);
	return 0;
}
