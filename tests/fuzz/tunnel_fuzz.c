/* One end of a tunnel gets whatever the other may say, and its sockets what they may: the
 * accounts stay right, nothing is connected to, looked up, read or written but by a right of
 * the peer, and at the end nothing is left. */
#include "base/err.h"
#include "fuzz.h"
#include "stream/engine.h"
#include "tunnel/channel.h"
#include "tunnel/socks.h"
#include "tunnel/tunnel.h"

#include "sys/sock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 64 * 1024, SOCKETS = 16, STEPS = 2000, IDS = 64, OURS = 0xffff };

/* FULL: the peer acknowledges nothing of the control stream; EMPTY: it has everything. */
enum step { SAY, DATA, TURN, OPEN, WRITE, CLOSE, READ, FULL, EMPTY, STEP_KINDS };

static char service_path[64]; /* a service of this machine */
static int service = -1;

static struct loop loop;

static struct world {
	struct engine engine;
	struct link link;
	struct tunnel tunnel;
	int ours[SOCKETS]; /* the far ends of what tunnel_open was given */
	size_t n;
} w;

/* ---- what the peer may have us do, as the protocol has it ---- */

/* Of each stream that the peer has opened. */
static struct ledger {
	bool opened, may, asks, failed;
} ledger[IDS];
/* Connections and look-ups that were permitted, and such as there were. */
static size_t permitted, looked_up, connected;

static bool
is_right(uint8_t kind, enum open_kind to)
{
	if (kind == OPEN_FORWARD)
		return to == OPEN_TCP || to == OPEN_UNIX || to == OPEN_SOCKS;
	return (kind == OPEN_AGENT && to == OPEN_UNIX)
	    || (kind == OPEN_DISPLAY && to == OPEN_X11);
}

/* The owner is wrong now and then: it allows what nobody may. */
static bool
allows(void *owner, const struct msg_open *m, struct target *ret_to)
{
	static const enum open_kind kinds[] = { OPEN_UNIX, OPEN_UNIX, OPEN_SOCKS,
		OPEN_TCP, OPEN_X11, OPEN_AGENT, OPEN_NOTHING, OPEN_FORWARD };
	struct ledger *one = &ledger[m->stream - STREAM_CHANNELS];
	bool consents = m->port % 4 > 0;
	(void)owner;
	ret_to->kind = kinds[m->forward % 8];
	ret_to->display = ret_to->kind == OPEN_X11;
	ret_to->forward = m->stream;
	snprintf(ret_to->host, sizeof ret_to->host, "%s",
	    ret_to->kind == OPEN_TCP  ? "look.up"
		: m->forward % 8 == 0 ? "/nowhere"
				      : service_path);
	one->may = consents && is_right(m->kind, ret_to->kind);
	one->asks = one->may && (ret_to->kind == OPEN_SOCKS || ret_to->kind == OPEN_X11);
	permitted += one->may && !one->asks;
	return consents;
}

static int
ask(void *owner, struct buf *in, struct buf *out, struct target *to)
{
	(void)owner;
	bool display = to->display;
	MUST(to->forward == OURS || ledger[to->forward - STREAM_CHANNELS].asks);
	int known = display ? (in->len > 3 ? 1 : 0) : socks_ask(in, out, to);
	if (known <= 0)
		return known;
	MUST(display || (to->kind == OPEN_TCP && to->host[0]));
	permitted += to->forward != OURS;
	to->kind = display ? OPEN_UNIX : OPEN_TCP;
	snprintf(to->host, sizeof to->host, "%s", display ? service_path : "look.up");
	return known;
}

static pid_t
look_up(const char *host, unsigned port, int family, int *ret_fd)
{
	(void)port;
	(void)family;
	(void)ret_fd;
	MUST(strcmp(host, "look.up") == 0);
	looked_up++;
	errno = ENOENT;
	return -1;
}

static void
failed(void *owner, const struct target *to, const char *why)
{
	(void)owner;
	(void)to;
	MUST(why[0]);
}

static void
answer(const struct target *to, bool open, struct buf *out)
{
	if (!to->display)
		socks_answer(to, open, out);
}

static const struct tunnel_events events = { .look_up = look_up,
	.allows = allows,
	.ask = ask,
	.answer = answer,
	.failed = failed };

/* ---- steps ---- */

static int
say(struct span *in)
{
	static const enum msg_type types[] = { MSG_OPEN, MSG_OPENED, MSG_FAILED,
		MSG_CLOSE };
	enum msg_type type = types[take_number(in, 1) % 4];
	union msg m = { 0 };
	uint32_t id = STREAM_CHANNELS + take_number(in, 1) % IDS;
	if (type == MSG_OPEN)
		m.open = (struct msg_open){ .stream = id,
			.limit = take_number(in, 2),
			.kind = (uint8_t)(take_number(in, 1) % 7),
			.forward = take_number(in, 1),
			.port = (uint16_t)take_number(in, 1),
			.host = take(in, 3) };
	else if (type == MSG_OPENED)
		m.opened = (struct msg_opened){ id, take_number(in, 2) };
	else if (type == MSG_FAILED)
		m.failed = (struct msg_failed){ id, take(in, take_number(in, 1) % 100) };
	else
		m.close = (struct msg_close){ id };
	int err = tunnel_take(&w.tunnel, type, &m);
	if (type == MSG_OPEN)
		ledger[id - STREAM_CHANNELS].opened |= !err;
	return err;
}

/* Bytes, or the end, of a channel, where they belong. */
static int
data(struct span *in)
{
	uint32_t id = STREAM_CHANNELS + take_number(in, 1) % IDS;
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
	struct target to = { .kind = OPEN_TCP, .host = "x", .port = 1, .forward = OURS };
	if (w.n == SOCKETS
	    || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		return;
	w.ours[w.n++] = pair[0];
	if (take_number(in, 1) % 2)
		to.kind = OPEN_SOCKS;
	tunnel_open(&w.tunnel, pair[1], &to);
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

/* What was told to the peer. */
static void
check_told(void)
{
	struct stream *control = engine_stream(&w.engine, STREAM_CONTROL);
	struct frame f;
	union msg m;
	long len;
	while ((len = frame_parse(ring_at(&control->out, 0), &f)) > 0) {
		MUST(msg_get(&f, &m) == 0);
		uint32_t id = m.close.stream; /* they begin alike */
		struct ledger *one = &ledger[id - STREAM_CHANNELS];
		if (f.type == MSG_FAILED) {
			MUST(one->opened && !one->failed);
			one->failed = true;
		}
		MUST(f.type != MSG_OPENED || (one->opened && one->may && !one->failed));
		MUST(f.type != MSG_CLOSE || !one->opened || (one->may && !one->failed));
		ring_drop(&control->out, (size_t)len);
	}
}

static void
check_channel(const struct channel *c)
{
	MUST(engine_stream(&w.engine, c->id) == c->stream);
	if (c->ours)
		return;
	const struct ledger *one = &ledger[c->id - STREAM_CHANNELS];
	MUST(one->may || c->phase == CHANNEL_REFUSED);
	MUST(c->phase != CHANNEL_ASKING || one->asks);
	if (c->phase != CHANNEL_REFUSED)
		return;
	MUST(!c->stream && c->watch.fd < 0 && !c->early.len && !c->first.len);
	MUST(!c->connect || c->connect->watch.fd < 0);
}

static void
check(void)
{
	size_t n = 0, streams = 1;
	for (struct channel *c = w.tunnel.channels; c; c = c->next) {
		check_channel(c);
		streams += c->stream != NULL;
		n++;
	}
	MUST(n == w.tunnel.n_ours + w.tunnel.n_theirs);
	MUST(w.engine.n_streams == streams);
	int fd;
	while ((fd = accept(service, NULL, NULL)) >= 0) {
		connected++;
		close(fd);
	}
	MUST(connected + looked_up <= permitted);
	check_told();
}

static void
remove_service(void)
{
	unlink(service_path);
}

static void
begin(void)
{
	static const int none[] = { 0 };
	w = (struct world){ 0 };
	memset(ledger, 0, sizeof ledger);
	permitted = looked_up = connected = 0;
	if (service < 0) {
		signal(SIGPIPE, SIG_IGN);
		snprintf(service_path, sizeof service_path, "/tmp/belay-fuzz-%ld",
		    (long)getpid());
		service = sock_listen(service_path);
		MUST(service >= 0 && loop_init(&loop, none) == 0);
		atexit(remove_service);
	}
	engine_init(&w.engine, true);
	MUST(engine_open(&w.engine, STREAM_CONTROL, RANK_CONTROL, ROOM, ROOM));
	link_init(&w.link, 1);
	MUST(engine_add(&w.engine, &w.link) == 0);
	tunnel_init(&w.tunnel, &loop, &w.engine, &events, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct span in = { bytes, size };
	int err = 0;
	begin();
	struct stream *control = engine_stream(&w.engine, STREAM_CONTROL);
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
		else if (step == FULL)
			control->out.max = control->out.len;
		else if (step == EMPTY)
			control->out.max = ROOM;
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
