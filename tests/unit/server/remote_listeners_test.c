#include "base/err.h"
#include "server/remote_listeners.h"
#include "sys/tcp.h"
#include "test.h"

enum { ROOM = 64 * 1024, SECOND_US = 1000000 };

static struct loop loop;
static struct engine engine;
static struct remote_listeners forwards;
static uint64_t now_us = 1000 * SECOND_US;

static void
begin(void)
{
	static const int none[] = { 0 };
	static bool once;
	if (!once)
		CHECK_EQ(loop_init(&loop, none), 0);
	once = true;
	engine_init(&engine, false);
	CHECK(engine_open(&engine, STREAM_CONTROL, RANK_CONTROL, ROOM, ROOM));
	remote_listeners_init(&forwards, &loop, &engine);
}

static void
end(void)
{
	remote_listeners_finish(&forwards);
	engine_finish(&engine);
}

static int
listen_on(uint32_t forward, const char *host, unsigned port)
{
	union msg m = { .listen = { forward, OPEN_TCP, (uint16_t)port,
			    { (const uint8_t *)host, strlen(host) } } };
	return remote_listeners_take(&forwards, MSG_LISTEN, &m);
}

/* The next message that was told to the client; false: there is none. */
static bool
told(struct msg_listening *ret, char text[100])
{
	struct stream *control = engine_stream(&engine, STREAM_CONTROL);
	struct frame f;
	union msg m;
	long len = frame_parse(ring_at(&control->out, 0), &f);
	if (len <= 0)
		return false;
	CHECK_EQ(f.type, MSG_LISTENING);
	CHECK_EQ(msg_get(&f, &m), 0);
	*ret = m.listening;
	snprintf(text, 100, "%.*s", (int)m.listening.text.n,
	    (const char *)m.listening.text.p);
	ring_drop(&control->out, (size_t)len);
	return true;
}

static bool
is_free(unsigned port)
{
	int fd = tcp_listen(port);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

TEST(it_listens_and_says_where)
{
	struct msg_listening m;
	char text[100];
	begin();
	CHECK_EQ(listen_on(7, "localhost", 0), 0);
	(void)remote_listeners_turn(&forwards, true, now_us);
	CHECK(told(&m, text));
	CHECK(m.forward == 7 && m.port != 0 && !text[0]);
	CHECK(!is_free(m.port));
	unsigned port = m.port;
	CHECK_EQ(listen_on(8, "127.0.0.1", port), 0); /* it is taken, by ourselves */
	(void)remote_listeners_turn(&forwards, true, now_us);
	CHECK(told(&m, text) && m.forward == 8 && strstr(text, "in use"));
	union msg un = { .unlisten = { 7 } };
	CHECK_EQ(remote_listeners_take(&forwards, MSG_UNLISTEN, &un), 0);
	CHECK(is_free(port));
	end();
}

TEST(the_ports_of_who_is_away_are_free_after_a_while)
{
	struct msg_listening m;
	char text[100];
	begin();
	CHECK_EQ(listen_on(0, "127.0.0.1", 0), 0);
	(void)remote_listeners_turn(&forwards, true, now_us);
	CHECK(told(&m, text));
	unsigned port = m.port;
	uint64_t at = remote_listeners_turn(&forwards, false, now_us += SECOND_US);
	CHECK_EQ(at, now_us + 60 * SECOND_US);
	(void)remote_listeners_turn(&forwards, false, now_us + 59 * SECOND_US);
	CHECK(!is_free(port)); /* a short outage changes nothing */
	(void)remote_listeners_turn(&forwards, false, now_us += 61 * SECOND_US);
	CHECK(is_free(port));
	CHECK(!told(&m, text));
	(void)remote_listeners_turn(&forwards, true, now_us += SECOND_US);
	CHECK(!is_free(port));
	CHECK(told(&m, text) && m.port == port && !text[0]);
	end();
}

TEST(a_port_that_was_taken_meanwhile_is_said)
{
	struct msg_listening m;
	char text[100];
	begin();
	CHECK_EQ(listen_on(0, "127.0.0.1", 0), 0);
	(void)remote_listeners_turn(&forwards, true, now_us);
	CHECK(told(&m, text));
	(void)remote_listeners_turn(&forwards, false, now_us += SECOND_US);
	(void)remote_listeners_turn(&forwards, false, now_us += 61 * SECOND_US);
	int fd = tcp_listen(m.port);
	CHECK(fd >= 0);
	(void)remote_listeners_turn(&forwards, true, now_us += SECOND_US);
	CHECK(told(&m, text) && strstr(text, "in use"));
	close(fd);
	end();
}

TEST(who_only_looks_on_forwards_nothing)
{
	struct msg_listening m;
	char text[100];
	begin();
	forwards.none = true;
	CHECK_EQ(listen_on(0, "127.0.0.1", 0), 0);
	(void)remote_listeners_turn(&forwards, true, now_us);
	CHECK(told(&m, text));
	CHECK_STR(text, "not allowed");
	union msg open = { .open = { .stream = STREAM_CHANNELS,
			       .kind = OPEN_TCP,
			       .port = 1,
			       .host = { (const uint8_t *)"127.0.0.1", 9 } } };
	CHECK_EQ(remote_listeners_take(&forwards, MSG_OPEN, &open), 0);
	(void)remote_listeners_turn(&forwards, true, now_us);
	CHECK(!tunnel_busy(&forwards.tunnel)); /* FAILED, and gone */
	end();
}

TEST(listening_is_bounded)
{
	begin();
	for (uint32_t i = 0; i < REMOTE_LISTENERS_MAX; i++)
		CHECK_EQ(listen_on(i, "not an address", 1), 0);
	CHECK_EQ(listen_on(99, "127.0.0.1", 0), ERR_FULL);
	union msg m = { 0 };
	CHECK_EQ(remote_listeners_take(&forwards, MSG_EXIT, &m), ERR_UNKNOWN);
	end();
}

TEST(the_kinds_of_the_server_are_not_for_the_client)
{
	static const uint8_t kinds[] = { 0, OPEN_FORWARD, OPEN_AGENT, OPEN_DISPLAY, 200 };
	begin();
	for (uint32_t i = 0; i < sizeof kinds; i++) {
		union msg m = { .open = { .stream = STREAM_CHANNELS + 2 * i,
				    .kind = kinds[i],
				    .host = { (const uint8_t *)"x", 1 } } };
		CHECK_EQ(remote_listeners_take(&forwards, MSG_OPEN, &m), 0);
		(void)remote_listeners_turn(&forwards, true, now_us);
		CHECK(!tunnel_busy(&forwards.tunnel));
	}
	end();
}

/* Ten clients share a session, each with as many ports as it may have. */
TEST(who_listens_when_there_is_no_room_is_told)
{
	enum { CLIENTS = 10 };
	static struct engine engines[CLIENTS];
	static struct remote_listeners all[CLIENTS];
	struct watch own = { .fd = -1 };
	size_t listen = 0, refused = 0;
	begin();
	for (size_t i = 0; i < CLIENTS; i++) {
		engine_init(&engines[i], false);
		struct stream *control = engine_open(&engines[i], STREAM_CONTROL,
		    RANK_CONTROL, ROOM, ROOM);
		remote_listeners_init(&all[i], &loop, &engines[i]);
		for (uint32_t n = 0; n < REMOTE_LISTENERS_MAX; n++) {
			union msg m = { .listen = { n, OPEN_TCP, 0,
					    { (const uint8_t *)"localhost", 9 } } };
			CHECK_EQ(remote_listeners_take(&all[i], MSG_LISTEN, &m), 0);
		}
		(void)remote_listeners_turn(&all[i], true, now_us);
		struct frame f;
		union msg m;
		for (long len; (len = frame_parse(ring_at(&control->out, 0), &f)) > 0;) {
			CHECK_EQ(msg_get(&f, &m), 0);
			char text[100];
			snprintf(text, sizeof text, "%.*s", (int)m.listening.text.n,
			    (const char *)m.listening.text.p);
			CHECK(!text[0] || strstr(text, "no room for more listeners"));
			listen += !text[0];
			refused += text[0] != 0;
			ring_drop(&control->out, (size_t)len);
		}
	}
	CHECK(listen >= 2 * REMOTE_LISTENERS_MAX);
	CHECK(refused > 0);
	CHECK_EQ(listen + refused, CLIENTS * REMOTE_LISTENERS_MAX);
	/* A link still has its place, and connections have some. */
	CHECK(loop_add_kept(&loop, &own));
	loop_remove(&loop, &own);
	CHECK(loop_room(&loop) >= loop_room_max(&loop) / 4 - 2);
	CHECK(remote_listeners_has_room(&all[0], OPEN_AGENT));
	CHECK(remote_listeners_has_room(&all[0], OPEN_DISPLAY));
	for (size_t i = 0; i < CLIENTS; i++) {
		remote_listeners_finish(&all[i]);
		engine_finish(&engines[i]);
	}
	end();
}
