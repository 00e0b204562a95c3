/* Two ends of a tunnel, joined by buffers instead of a network; the sockets are real. */
#include "base/err.h"
#include "stream/engine.h"
#include "test.h"
#include "tunnel/channel.h"
#include "tunnel/listener.h"
#include "tunnel/socks.h"
#include "tunnel/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

enum { ROOM = 1024 * 1024, TURNS_MAX = 2000, MUCH = 600 * 1000 };

static struct end {
	struct engine engine;
	struct link link;
	struct buf out;
	struct tunnel tunnel;
	bool allowed;
	const char *failed;
} near, far;
static struct loop loop;
static int far_fd; /* where far's connections lead: our end of it */

static bool
allows(void *owner, const struct msg_open *m, struct target *ret_to)
{
	const struct end *e = owner;
	ret_to->kind = m->kind;
	ret_to->port = m->port;
	snprintf(ret_to->host, sizeof ret_to->host, "%.*s", (int)m->host.n,
	    (const char *)m->host.p);
	return e->allowed;
}

static void
failed(void *owner, const struct target *to, const char *why)
{
	struct end *e = owner;
	static char text[100];
	(void)to;
	snprintf(text, sizeof text, "%s", why);
	e->failed = text;
}

static const struct tunnel_events events = { .look_up = resolve_start,
	.allows = allows,
	.failed = failed };

static void
link_up(struct end *e)
{
	link_init(&e->link, loop.now_us);
	CHECK_EQ(engine_add(&e->engine, &e->link), 0);
}

static void
end_init(struct end *e, bool client)
{
	*e = (struct end){ .allowed = true };
	engine_init(&e->engine, client);
	buf_init(&e->out, 8 * ROOM);
	CHECK(engine_open(&e->engine, STREAM_CONTROL, RANK_CONTROL, ROOM, ROOM));
	tunnel_init(&e->tunnel, &loop, &e->engine, &events, e);
}

static void
position(struct end *from, struct end *to)
{
	struct buf b;
	buf_init(&b, ROOM);
	CHECK_EQ(engine_positions(&from->engine, &b), 0);
	CHECK_EQ(engine_set_positions(&to->engine, buf_span(&b)), 0);
	buf_finish(&b);
}

static void
connected(void)
{
	position(&near, &far);
	position(&far, &near);
	link_up(&near);
	link_up(&far);
}

static void
cut(struct end *e)
{
	engine_remove(&e->engine, &e->link);
	link_finish(&e->link);
	buf_drop(&e->out, e->out.len);
}

static void
begin(void)
{
	static const int none[] = { 0 };
	static bool once;
	signal(SIGPIPE, SIG_IGN);
	if (!once)
		CHECK_EQ(loop_init(&loop, none), 0);
	once = true;
	end_init(&near, true);
	end_init(&far, false);
	connected();
}

static void
end_finish(struct end *e)
{
	tunnel_finish(&e->tunnel);
	cut(e);
	engine_finish(&e->engine);
	buf_finish(&e->out);
}

static void
finish(void)
{
	end_finish(&near);
	end_finish(&far);
}

/* What one end has sent, into the other. */
static int
carry(struct end *from, struct end *to)
{
	struct frame f;
	enum msg_type type;
	union msg m;
	int err = 0;
	(void)engine_fill(&from->engine, &from->link, &from->out, ROOM, loop.now_us);
	for (long len; !err && (len = frame_parse(buf_span(&from->out), &f)) > 0;) {
		err = engine_frame(&to->engine, &to->link, &f, loop.now_us);
		buf_drop(&from->out, (size_t)len);
	}
	while (!err && (err = engine_told(&to->engine, &type, &m)) > 0)
		err = tunnel_take(&to->tunnel, type, &m);
	return err;
}

static bool (*is_over)(void);
static int turns, error;

static uint64_t
turn(void *owner, uint64_t now_us)
{
	(void)owner;
	tunnel_turn(&near.tunnel);
	tunnel_turn(&far.tunnel);
	if (!(error = carry(&near, &far)))
		error = carry(&far, &near);
	tunnel_watch(&near.tunnel);
	tunnel_watch(&far.tunnel);
	if (error || is_over() || ++turns == TURNS_MAX)
		loop_stop(&loop);
	return now_us + 1000;
}

/* Lets both ends run until it is over; false: that never comes. */
static bool
run_until(bool (*over)(void))
{
	loop.turn = turn;
	loop.stopped = false;
	turns = error = 0;
	is_over = over;
	loop_run(&loop);
	return !error && turns < TURNS_MAX;
}

/* A connection of near's that leads to a socket pair's end, as if connect() had made it. */
static int
connection(void)
{
	int here[2], there[2];
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, here), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, there), 0);
	struct target to = { .kind = OPEN_TCP, .host = "127.0.0.1", .port = 1 };
	tunnel_open(&near.tunnel, here[0], &to);
	struct channel *c = channel_new(&far.tunnel, near.tunnel.next_id - 2, false);
	CHECK(c && channel_stream(c));
	far.tunnel.their_next_id = near.tunnel.next_id;
	far.tunnel.channels = c;
	far.tunnel.n_theirs++;
	CHECK(channel_socket(c, there[0]));
	c->phase = CHANNEL_FLOWING;
	c->opened_due = true;
	near.tunnel.channels->open_due = false;
	(void)stream_ack(near.tunnel.channels->stream);
	CHECK_EQ(stream_on_ack(c->stream, 0, CHANNEL_WINDOW), 0);
	far_fd = there[1];
	return here[1];
}

static bool
none_left(void)
{
	return !tunnel_busy(&near.tunnel) && !tunnel_busy(&far.tunnel);
}

static bool
has(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n >= 0 || errno != EAGAIN;
}

static bool
far_has(void)
{
	return has(far_fd);
}

static int here_fd;

static bool
here_has(void)
{
	return has(here_fd);
}

TEST(bytes_and_ends_go_both_ways)
{
	char text[20] = "";
	begin();
	int fd = connection();
	CHECK_EQ(write(fd, "there", 5), 5);
	CHECK(run_until(far_has));
	CHECK_EQ(read(far_fd, text, sizeof text), 5);
	CHECK_EQ(shutdown(fd, SHUT_WR), 0);
	CHECK(run_until(far_has));
	CHECK_EQ(read(far_fd, text, sizeof text), 0); /* half closed */
	CHECK_EQ(write(far_fd, "and back", 8), 8);
	here_fd = fd;
	CHECK(run_until(here_has));
	CHECK_EQ(read(fd, text, sizeof text), 8);
	CHECK(tunnel_busy(&near.tunnel) && tunnel_busy(&far.tunnel));
	close(far_fd);
	CHECK(run_until(none_left));
	CHECK_EQ(read(fd, text, sizeof text), 0);
	CHECK_EQ(near.engine.n_streams, 1); /* control */
	CHECK_EQ(far.engine.n_streams, 1);
	close(fd);
	finish();
}

static int
listening(struct target *ret_to)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	CHECK_EQ(listen(fd, 1), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*ret_to = (struct target){ .kind = OPEN_TCP,
		.host = "127.0.0.1",
		.port = ntohs(in.sin_port) };
	return fd;
}

static int listener;

static bool
far_accepted_and_has(void)
{
	if (far_fd < 0)
		far_fd = accept(listener, NULL, NULL);
	return far_fd >= 0 && far_has();
}

/* The end is known before the other end has the stream. */
TEST(who_ends_at_once_is_heard)
{
	struct target to;
	int pair[2];
	begin();
	listener = listening(&to);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	close(pair[1]);
	tunnel_open(&near.tunnel, pair[0], &to);
	near.tunnel.channels->readable = true; /* its end goes with the OPEN */
	far_fd = -1;
	CHECK(run_until(far_accepted_and_has));
	CHECK_EQ(read(far_fd, &to, 1), 0);
	close(far_fd);
	CHECK(run_until(none_left));
	close(listener);
	finish();
}

static uint64_t sent, taken;

/* Writes and reads as much as goes; now and then the link is cut. */
static bool
exchanged(void)
{
	uint8_t bytes[3000];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)((sent + i) * 7 + (sent + i) / 251);
	size_t left = (size_t)(MUCH - sent);
	ssize_t n = write(here_fd, bytes, left < sizeof bytes ? left : sizeof bytes);
	sent += n > 0 ? (uint64_t)n : 0;
	if (sent == MUCH)
		shutdown(here_fd, SHUT_WR);
	n = read(far_fd, bytes, test_below(sizeof bytes) + 1);
	for (ssize_t i = 0; i < n; i++, taken++)
		if (bytes[i] != (uint8_t)(taken * 7 + taken / 251))
			return true;
	if (test_below(10) == 0) {
		cut(&near);
		cut(&far);
		connected();
	}
	return n == 0;
}

TEST(every_byte_once_through_any_number_of_cuts)
{
	test_seed(1);
	for (int run = 0; run < 5; run++) {
		begin();
		here_fd = connection();
		sent = taken = 0;
		CHECK(run_until(exchanged));
		CHECK_EQ(taken, MUCH);
		close(far_fd);
		CHECK(run_until(none_left));
		close(here_fd);
		finish();
	}
}

TEST(who_closes_everything_is_told_to_the_other)
{
	begin();
	int fd = connection();
	CHECK_EQ(write(far_fd, "unread", 6), 6);
	close(fd); /* the rest has nobody to go to */
	CHECK(run_until(far_has));
	CHECK_EQ(write(far_fd, "more", 4), 4);
	close(far_fd);
	CHECK(run_until(none_left));
	finish();
}

static bool
far_sent(void)
{
	return stream_in_flight(far.tunnel.channels->stream) > 0;
}

/* With many, each reads little ahead: what is sent in the same turn counts no more. */
TEST(who_was_sent_at_once_is_read_from_again)
{
	static const uint8_t bytes[40 * 1000];
	begin();
	int fd = connection();
	far.tunnel.n_ours = TUNNEL_OPEN;
	CHECK_EQ(write(far_fd, bytes, sizeof bytes), sizeof bytes);
	far.tunnel.channels->readable = true;
	CHECK(run_until(far_sent));
	far.tunnel.n_ours = 0;
	CHECK(far.tunnel.channels->watch.events & POLLIN);
	close(fd);
	close(far_fd);
	CHECK(run_until(none_left));
	finish();
}

static int accepted;

static bool
near_has_room(void *owner)
{
	struct target to = { .kind = OPEN_TCP };
	(void)owner;
	return tunnel_has_room(&near.tunnel, &to);
}

static void
on_accepted(void *owner, int fd)
{
	(void)owner;
	accepted++;
	close(fd);
}

/* Who comes when there is no room waits, and is not turned away. */
TEST(who_has_no_room_waits)
{
	struct listener l = { .has_room = near_has_room, .accepted = on_accepted };
	struct target on = { .kind = OPEN_TCP, .host = "127.0.0.1" };
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	char text[LISTENER_TEXT];
	unsigned port;
	begin();
	CHECK_EQ(listener_open(&l, &loop, &on, NULL, &port, text), 0);
	in.sin_port = htons((uint16_t)port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
	near.tunnel.n_ours = TUNNEL_OPEN;
	l.watches[0].fn(&l, POLLIN);
	CHECK_EQ(accepted, 0);
	near.tunnel.n_ours = 0;
	CHECK_EQ(listener_turn(&l, l.paused_until_us), 0);
	l.watches[0].fn(&l, POLLIN);
	CHECK_EQ(accepted, 1);
	close(fd);
	listener_close(&l);
	finish();
}

static bool
near_failed(void)
{
	return near.failed != NULL;
}

TEST(what_is_not_allowed_is_refused)
{
	int pair[2];
	struct target to = { .kind = OPEN_TCP, .host = "127.0.0.1", .port = 1 };
	begin();
	far.allowed = false;
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	tunnel_open(&near.tunnel, pair[0], &to);
	CHECK(run_until(near_failed));
	CHECK(strcmp(near.failed, "not allowed") == 0);
	CHECK(run_until(none_left));
	CHECK_EQ(read(pair[1], &to, 1), 0);
	close(pair[1]);
	finish();
}

TEST(opens_are_bounded)
{
	struct target to = { .kind = OPEN_TCP, .host = "127.0.0.1", .port = 1 };
	int pair[2];
	begin();
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	for (int i = 0; i < TUNNEL_OPEN; i++)
		tunnel_open(&near.tunnel, dup(pair[0]), &to);
	CHECK(!tunnel_has_room(&near.tunnel, &to));
	tunnel_open(&near.tunnel, dup(pair[0]), &to);
	CHECK_EQ(near.tunnel.n_ours, TUNNEL_OPEN);
	for (uint32_t i = 0; i < TUNNEL_OPEN; i++) {
		union msg m = { .open = { .stream = STREAM_CHANNELS + 1 + 2 * i } };
		near.allowed = false;
		CHECK_EQ(tunnel_take(&near.tunnel, MSG_OPEN, &m), 0);
	}
	union msg m = { .open = { .stream = STREAM_CHANNELS + 1 + 2 * TUNNEL_OPEN } };
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_OPEN, &m), ERR_FULL);
	close(pair[0]);
	close(pair[1]);
	finish();
}

TEST(what_the_other_end_must_not_say)
{
	union msg m = { 0 };
	begin();
	int fd = connection();
	uint32_t id = near.tunnel.channels->stream->id;
	static const uint32_t bad[] = { 0, STREAM_MAIN, STREAM_CHANNELS, UINT32_MAX };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		m.open = (struct msg_open){ .stream = bad[i] };
		CHECK_EQ(tunnel_take(&near.tunnel, MSG_OPEN, &m), ERR_STREAM);
	}
	m.open = (struct msg_open){ .stream = id + 1 };
	near.allowed = false;
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_OPEN, &m), 0);
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_OPEN, &m), ERR_STREAM); /* twice */
	m.opened = (struct msg_opened){ id + 1, 1 };
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_OPENED, &m), ERR_STATE); /* its own */
	m.opened = (struct msg_opened){ id + 100, 1 };
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_OPENED, &m), ERR_STREAM);
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_CLOSE, &m), ERR_STREAM);
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_FAILED, &m), ERR_STREAM);
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_EXIT, &m), ERR_UNKNOWN);
	m.opened = (struct msg_opened){ id, 1000 };
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_OPENED, &m), 0);
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_OPENED, &m), ERR_STATE);
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_FAILED, &m), ERR_STATE);
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_CLOSE, &m), 0);
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_CLOSE, &m), ERR_STATE);
	close(fd);
	close(far_fd);
	finish();
}

/* ---- a peer that takes more than its due ---- */

static bool was_connected;

/* Any service that could be reached from here. */
static int
service(struct target *ret_to)
{
	was_connected = false;
	return listening(ret_to);
}

static int
ask_socks(void *owner, struct buf *in, struct buf *out, struct target *to)
{
	(void)owner;
	return socks_ask(in, out, to);
}

static const struct tunnel_events socks_events = { .look_up = resolve_start,
	.allows = allows,
	.ask = ask_socks,
	.answer = socks_answer,
	.failed = failed };

/* The far end is a program of its own that says what it likes; near is a client. */
static int
hostile_open(uint32_t stream, uint8_t kind)
{
	union msg m = { .open = { .stream = stream,
			    .limit = CHANNEL_WINDOW,
			    .kind = kind,
			    .host = { (const uint8_t *)"", 0 } } };
	int err = tunnel_take(&near.tunnel, MSG_OPEN, &m);
	tunnel_turn(&near.tunnel);
	return err;
}

static void
hostile_socks(uint32_t stream, unsigned port)
{
	uint8_t connect[] = { 4, 1, (uint8_t)(port >> 8), (uint8_t)port, 127, 0, 0, 1,
		0 };
	struct stream *s = engine_stream(&near.engine, stream);
	struct buf told; /* to whoever connects anew: what may be sent of each stream */
	buf_init(&told, ROOM);
	CHECK_EQ(engine_positions(&near.engine, &told), 0);
	buf_finish(&told);
	if (s)
		(void)stream_on_data(s, 0, (struct span){ connect, sizeof connect }, 1);
	for (int i = 0; i < 10; i++)
		tunnel_turn(&near.tunnel);
}

static bool
is_connected(int fd)
{
	int peer = accept(fd, NULL, NULL);
	if (peer >= 0)
		close(peer);
	return peer >= 0;
}

/* Nobody acknowledges stream 0: FAILED fits no more at some time. */
TEST(a_refused_channel_connects_nowhere_whatever_has_room)
{
	struct target to;
	begin();
	int fd = service(&to);
	near.tunnel.events = &socks_events;
	near.allowed = false;
	near.engine.streams[0]->out.max = 64 * 1024;
	uint32_t stream = STREAM_CHANNELS + 1;
	int err = 0;
	while (!err && near.tunnel.n_theirs < 3) {
		err = hostile_open(stream, 0);
		CHECK_EQ(err, 0);
		stream += 2;
	}
	for (size_t i = 1; i <= near.tunnel.n_theirs; i++)
		hostile_socks(stream - 2 * (uint32_t)i, to.port);
	CHECK(!is_connected(fd));
	CHECK_EQ(near.engine.n_streams, 1); /* what is sent on them goes nowhere */
	while (!(err = hostile_open(stream, OPEN_FORWARD)))
		stream += 2;
	CHECK_EQ(err, ERR_FULL);
	CHECK_EQ(near.tunnel.n_theirs, TUNNEL_OPEN);
	CHECK_EQ(near.engine.n_streams, 1);
	close(fd);
	finish();
}

/* Each kind, by each end, with an owner that allows everything. */
TEST(what_is_not_in_the_table_is_refused)
{
	static const struct {
		bool client; /* who takes it */
		uint8_t kind;
	} may[] = { { false, OPEN_TCP }, { false, OPEN_UNIX } };
	begin();
	for (int client = 0; client < 2; client++)
		for (unsigned kind = 0; kind < 256; kind++) {
			struct tunnel *t = client ? &near.tunnel : &far.tunnel;
			uint32_t stream = t->their_next_id;
			union msg m = {
				.open = { .stream = stream,
				    .kind = (uint8_t)kind,
				    .host = { (const uint8_t *)"/nowhere", 8 } }
			};
			bool right = false;
			for (size_t i = 0; i < sizeof may / sizeof *may; i++)
				right |= may[i].client == client && may[i].kind == kind;
			CHECK_EQ(tunnel_take(t, MSG_OPEN, &m), 0);
			const struct channel *c = t->channels;
			while (c->next)
				c = c->next;
			/* Allowed, and connecting has failed; or not allowed. */
			CHECK_EQ(strcmp(c->why, "not allowed") != 0, right);
			if (kind == OPEN_TCP && right)
				continue; /* a name, which is looked up */
			CHECK(!c->stream && c->phase == CHANNEL_REFUSED);
			size_t before = t->n_theirs;
			tunnel_turn(t);
			CHECK_EQ(t->n_theirs, before - 1);
		}
	finish();
}

static enum open_kind leads_to;

static bool
leads(void *owner, const struct msg_open *m, struct target *ret_to)
{
	(void)owner;
	(void)m;
	ret_to->kind = leads_to;
	return true;
}

/* An owner that is wrong about where a kind leads gives no right that the kind has not. */
TEST(a_kind_leads_only_where_it_may)
{
	static const struct tunnel_events wrong = { .look_up = resolve_start,
		.allows = leads,
		.ask = ask_socks,
		.answer = socks_answer,
		.failed = failed };
	static const uint8_t kinds[] = { OPEN_AGENT, OPEN_DISPLAY };
	begin();
	near.tunnel.events = &wrong;
	for (size_t i = 0; i < sizeof kinds; i++) {
		leads_to = OPEN_SOCKS;
		CHECK_EQ(hostile_open(STREAM_CHANNELS + 1 + 4 * (uint32_t)i, kinds[i]),
		    0);
		CHECK(!tunnel_busy(&near.tunnel)); /* FAILED, and gone */
		leads_to = OPEN_NOTHING;
		CHECK_EQ(hostile_open(STREAM_CHANNELS + 3 + 4 * (uint32_t)i, kinds[i]),
		    0);
		CHECK(!tunnel_busy(&near.tunnel));
	}
	leads_to = OPEN_SOCKS; /* of a forward it is right */
	CHECK_EQ(hostile_open(STREAM_CHANNELS + 101, OPEN_FORWARD), 0);
	CHECK(tunnel_busy(&near.tunnel));
	CHECK_EQ(near.tunnel.channels->phase, CHANNEL_ASKING);
	finish();
}

/* What is said on a stream before its OPENED is more than was allowed. */
TEST(nothing_is_taken_before_it_is_agreed)
{
	begin();
	near.tunnel.events = &socks_events;
	near.engine.streams[0]->out.max = 0; /* OPENED cannot be told */
	leads_to = OPEN_SOCKS;
	struct tunnel_events one = socks_events;
	one.allows = leads;
	near.tunnel.events = &one;
	CHECK_EQ(hostile_open(STREAM_CHANNELS + 1, OPEN_FORWARD), 0);
	struct stream *s = near.tunnel.channels->stream;
	struct buf b;
	buf_init(&b, ROOM);
	CHECK_EQ(engine_positions(&near.engine, &b), 0);
	CHECK_EQ(b.len, POSITION_LEN); /* of stream 0 */
	CHECK_EQ(stream_on_data(s, 0, (struct span){ (const uint8_t *)"x", 1 }, 1),
	    ERR_CREDIT);
	union msg m = { .close = { STREAM_CHANNELS + 1 } };
	CHECK_EQ(tunnel_take(&near.tunnel, MSG_CLOSE, &m), ERR_STATE);
	near.engine.streams[0]->out.max = ROOM;
	tunnel_turn(&near.tunnel);
	CHECK_EQ(stream_on_data(s, 0, (struct span){ (const uint8_t *)"x", 1 }, 1), 0);
	buf_finish(&b);
	finish();
}

/* ---- room ---- */

static size_t
fill(const struct target *to)
{
	static int pair[2] = { -1, -1 };
	size_t n = 0;
	if (pair[0] < 0)
		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	for (; tunnel_has_room(&far.tunnel, to); n++)
		tunnel_open(&far.tunnel, dup(pair[0]), to);
	return n;
}

/* Idle connections of one listener leave room for others, the agent and the display. */
TEST(every_listener_has_room_of_its_own)
{
	struct target one = { .kind = OPEN_FORWARD, .forward = 1 },
		      two = { .kind = OPEN_FORWARD, .forward = 2 },
		      agent = { .kind = OPEN_AGENT }, display = { .kind = OPEN_DISPLAY };
	begin();
	size_t n = fill(&one);
	CHECK(n > 250 && n < TUNNEL_OPEN - TUNNEL_AGENT_KEPT - TUNNEL_DISPLAY_KEPT);
	size_t others = fill(&two);
	CHECK(others >= 8);
	for (uint32_t i = 3; i < 20; i++)
		(void)fill(&(struct target){ .kind = OPEN_FORWARD, .forward = i });
	CHECK(fill(&agent) >= TUNNEL_AGENT_KEPT);
	CHECK(fill(&display) >= TUNNEL_DISPLAY_KEPT);
	CHECK(far.tunnel.n_ours <= TUNNEL_OPEN);
	finish();
}

/* However many names are to be looked up, few are at once, and the rest waits. */
static size_t look_ups;

static pid_t
look_up_for_ever(const char *host, unsigned port, int family, int *ret_fd)
{
	(void)host;
	(void)port;
	(void)family;
	static int silent[2] = { -1, -1 };
	if (silent[0] < 0)
		CHECK_EQ(pipe(silent), 0);
	*ret_fd = dup(silent[0]);
	look_ups++;
	pid_t pid = fork();
	if (!pid)
		for (;;)
			pause();
	return pid;
}

TEST(look_ups_are_bounded)
{
	static const struct tunnel_events slow = { .look_up = look_up_for_ever,
		.allows = allows,
		.failed = failed };
	begin();
	far.tunnel.events = &slow;
	for (uint32_t i = 0; i < 2 * TUNNEL_LOOK_UPS; i++) {
		union msg m = { .open = { .stream = STREAM_CHANNELS + 2 * i,
				    .kind = OPEN_TCP,
				    .port = 1,
				    .host = { (const uint8_t *)"name", 4 } } };
		CHECK_EQ(tunnel_take(&far.tunnel, MSG_OPEN, &m), 0);
		tunnel_turn(&far.tunnel);
	}
	CHECK_EQ(look_ups, TUNNEL_LOOK_UPS);
	CHECK_EQ(far.tunnel.n_theirs, 2 * TUNNEL_LOOK_UPS);
	finish();
}

/* A loop that is full: everything that would be added has an answer. */
TEST(a_full_loop_is_an_answer)
{
	static struct watch many[LOOP_WATCHES];
	struct target to = { .kind = OPEN_TCP, .host = "127.0.0.1", .port = 1 };
	struct listener l = { .accepted = on_accepted };
	char text[LISTENER_TEXT];
	unsigned port;
	begin();
	size_t n = 0;
	for (; n < LOOP_WATCHES; n++) {
		many[n] = (struct watch){ .fd = -1 };
		if (!loop_add(&loop, &many[n]))
			break;
	}
	CHECK(n <= LOOP_WATCHES - LOOP_KEPT);
	CHECK_EQ(loop_room(&loop), 0);
	CHECK(!tunnel_has_room(&near.tunnel, &to));
	tunnel_open(&near.tunnel, dup(0), &to);
	tunnel_turn(&near.tunnel);
	CHECK(!tunnel_busy(&near.tunnel));
	to.port = 0;
	CHECK(listener_open(&l, &loop, &to, NULL, &port, text) < 0);
	CHECK(strstr(text, "no room for more listeners") != NULL);
	union msg m = { .open = { .stream = STREAM_CHANNELS,
			    .kind = OPEN_TCP,
			    .port = 1,
			    .host = { (const uint8_t *)"127.0.0.1", 9 } } };
	CHECK_EQ(tunnel_take(&far.tunnel, MSG_OPEN, &m), 0);
	CHECK_STR(far.tunnel.channels->why, CONNECT_NO_ROOM);
	for (size_t i = 0; i < n; i++)
		loop_remove(&loop, &many[i]);
	finish();
}

/* The last descriptors are not for connections. */
TEST(who_comes_when_few_descriptors_are_left_waits)
{
	struct target to = { .kind = OPEN_TCP, .host = "127.0.0.1", .port = 1 };
	begin();
	CHECK(tunnel_has_room(&near.tunnel, &to));
	size_t max = loop.fds_max;
	int fds[100], n = 0, next;
	while ((next = dup(0)) < 80)
		fds[n++] = next;
	close(next);
	loop.fds_max = (size_t)next + LOOP_FDS_KEPT;
	CHECK(!tunnel_has_room(&near.tunnel, &to));
	loop.fds_max++;
	CHECK(tunnel_has_room(&near.tunnel, &to));
	tunnel_open(&near.tunnel, dup(0), &to); /* the last one, and it is let in */
	tunnel_turn(&near.tunnel);
	CHECK_EQ(near.tunnel.n_ours, 1);
	CHECK(!tunnel_has_room(&near.tunnel, &to));
	loop.fds_max = max;
	while (n)
		close(fds[--n]);
	finish();
}
