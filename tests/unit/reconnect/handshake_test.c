/* Over a link of no kind, whose bytes each test puts in itself. */
#include "reconnect/handshake.h"
#include "reconnect/host.h"

static struct link host;
static struct engine engine;
static struct handshake handshake;

static void
begin(void)
{
	link_init(&host, 1);
	engine_init(&engine, true);
	handshake = (struct handshake){ 0 };
}

static void
end(void)
{
	link_finish(&host);
	engine_finish(&engine);
}

static void
host_says(enum msg_type type, const void *m)
{
	struct buf out;
	buf_init(&out, FRAME_MAX);
	CHECK_EQ(msg_put(&out, type, m), 0);
	CHECK_EQ(link_received(&host, buf_span(&out)), 0);
	buf_finish(&out);
}

static enum handshake_event
take(void)
{
	return handshake_take(&handshake, &host, &engine);
}

TEST(hello_goes_before_what_follows_it)
{
	begin();
	CHECK_EQ(handshake_begin(&host, host_span("hello"), host_span("data")), 0);
	CHECK_BYTES(buf_bytes(&host.queue), host.queue.len, "hellodata");
	CHECK_EQ(handshake_begin(&host, host_span(""), host_span("again")), 0);
	CHECK_BYTES(buf_bytes(&host.queue), host.queue.len, "hellodataagain");
	end();
}

TEST(a_hello_that_does_not_fit_is_an_error)
{
	static uint8_t much[LINK_QUEUE_MAX + 1];
	begin();
	CHECK(handshake_begin(&host, (struct span){ much, sizeof much }, host_span(""))
	    < 0);
	end();
}

TEST(welcome_is_taken_in_any_pieces_and_nothing_behind_it)
{
	struct msg_welcome m = host_welcome();
	struct msg_ping ping = { 5 };
	struct buf bytes;
	buf_init(&bytes, FRAME_MAX);
	CHECK_EQ(msg_put(&bytes, MSG_WELCOME, &m), 0);
	for (size_t at = 1; at < bytes.len; at++) {
		struct frame f;
		begin();
		CHECK_EQ(take(), HANDSHAKE_MORE);
		CHECK_EQ(link_received(&host, (struct span){ buf_bytes(&bytes), at }), 0);
		CHECK_EQ(take(), HANDSHAKE_MORE);
		CHECK_EQ(link_received(&host,
			     (struct span){ buf_bytes(&bytes) + at, bytes.len - at }),
		    0);
		host_says(MSG_PING, &ping);
		CHECK_EQ(take(), HANDSHAKE_WELCOME);
		CHECK(handshake.boot_id[0] == 1 && handshake.session[ID_LEN - 1] == 2);
		CHECK_EQ(handshake.begun_ms, 77);
		CHECK(strcmp(handshake.name, "work") == 0);
		CHECK(link_frame(&host, &f) > 0 && f.type == MSG_PING);
		end();
	}
	buf_finish(&bytes);
}

TEST(what_a_host_must_not_say_is_wrong)
{
	uint8_t position[POSITION_LEN] = { 0 };
	struct msg_welcome m = host_welcome();
	struct msg_ping ping = { 5 };
	begin();
	m.version = PROTOCOL_VERSION + 1;
	host_says(MSG_WELCOME, &m);
	CHECK(take() == HANDSHAKE_WRONG && strstr(handshake.text, "version"));
	end();

	begin();
	CHECK(engine_open(&engine, 1, RANK_BULK, 100, 100));
	m = host_welcome();
	position[3] = 1; /* the stream; */
	position[11] = 9; /* so many of its bytes have been received */
	m.positions = (struct span){ position, sizeof position };
	host_says(MSG_WELCOME, &m);
	CHECK(take() == HANDSHAKE_WRONG && strstr(handshake.text, "never sent"));
	end();

	begin();
	host_says(MSG_PING, &ping);
	CHECK(take() == HANDSHAKE_WRONG && strstr(handshake.text, "protocol"));
	end();

	begin();
	CHECK_EQ(link_received(&host, host_span("no frame of ours at all")), 0);
	CHECK_EQ(take(), HANDSHAKE_WRONG);
	end();
}

TEST(a_bad_name_is_none)
{
	struct msg_welcome m = host_welcome();
	begin();
	m.name = host_span("\033[2J");
	host_says(MSG_WELCOME, &m);
	CHECK(take() == HANDSHAKE_WELCOME && !handshake.name[0]);
	end();
}

TEST(a_host_may_say_which_machine_it_is)
{
	struct msg_machine machine;
	struct buf more;
	memset(machine.machine, 4, ID_LEN);
	for (int known = 0; known < 2; known++) {
		struct msg_welcome m = host_welcome();
		struct msg_refuse refused = { .code = REFUSE_GONE };
		buf_init(&more, FRAME_MAX);
		/* one of a later version, which is skipped */
		CHECK_EQ(buf_put(&more, "\0\0\0\2\177x", 6), 0);
		if (known)
			CHECK_EQ(msg_put(&more, MSG_MACHINE, &machine), 0);
		m.more = refused.more = buf_span(&more);
		begin();
		host_says(MSG_WELCOME, &m);
		CHECK_EQ(take(), HANDSHAKE_WELCOME);
		CHECK_EQ(handshake.machine[ID_LEN - 1], known ? 4 : 0);
		end();
		begin();
		host_says(MSG_REFUSE, &refused);
		CHECK_EQ(take(), HANDSHAKE_REFUSED);
		CHECK_EQ(handshake.machine[0], known ? 4 : 0);
		end();
		buf_finish(&more);
	}
}

TEST(refuse_tells_why)
{
	static uint8_t much[HANDSHAKE_TEXT_MAX];
	struct msg_refuse m = { .code = REFUSE_CANNOT, .text = host_span("full") };
	memset(m.boot, 3, ID_LEN);
	memset(much, 'x', sizeof much);
	begin();
	host_says(MSG_REFUSE, &m);
	CHECK_EQ(take(), HANDSHAKE_REFUSED);
	CHECK(handshake.code == REFUSE_CANNOT && handshake.boot_id[5] == 3);
	CHECK(strcmp(handshake.text, "full") == 0);
	end();
	begin();
	m.text = (struct span){ much, sizeof much }; /* longer than there is room for */
	host_says(MSG_REFUSE, &m);
	CHECK(take() == HANDSHAKE_REFUSED && !handshake.text[0]);
	end();
}

TEST(what_is_left_is_told_without_controls)
{
	static char much[4 * HANDSHAKE_TEXT_MAX];
	struct buf more;
	struct msg_welcome m = host_welcome();
	struct msg_remains left = { .at_s = 99,
		.there = 1,
		.directory = host_span("~/\033]0;title\a\r\n\xe2\x80\xae"),
		.running = host_span("make\033[2J") };
	begin();
	host_says(MSG_WELCOME, &m); /* as older servers */
	CHECK_EQ(take(), HANDSHAKE_WELCOME);
	CHECK(!handshake.remains.any);
	end();
	memset(left.boot, 1, ID_LEN);
	for (int same = 1; same >= 0; same--) {
		left.boot[0] = (uint8_t)same;
		buf_init(&more, FRAME_MAX);
		CHECK_EQ(msg_put(&more, MSG_REMAINS, &left), 0);
		m.more = buf_span(&more);
		begin();
		host_says(MSG_WELCOME, &m);
		CHECK_EQ(take(), HANDSHAKE_WELCOME);
		CHECK(handshake.remains.any && handshake.remains.there);
		CHECK_EQ(handshake.remains.rebooted, !same);
		CHECK_EQ(handshake.remains.booted_s, 99);
		for (const char *p = handshake.remains.directory; *p; p++)
			CHECK(*p >= ' ');
		CHECK(!strchr(handshake.remains.running, 033));
		end();
		buf_finish(&more);
	}
	memset(much, 'x', sizeof much);
	left.directory = left.running = (struct span){ (uint8_t *)much, sizeof much };
	buf_init(&more, FRAME_MAX);
	CHECK_EQ(msg_put(&more, MSG_REMAINS, &left), 0);
	m.more = buf_span(&more);
	begin();
	host_says(MSG_WELCOME, &m);
	CHECK_EQ(take(), HANDSHAKE_WELCOME);
	CHECK_EQ(strlen(handshake.remains.running), HANDSHAKE_TEXT_MAX - 1);
	end();
	buf_finish(&more);
}

TEST(a_host_that_refuses_may_stay)
{
	static const uint8_t later[] = { 0, 0, 0, 3, 250, 1, 2 };
	struct msg_again again = { AGAIN_VERSION };
	struct msg_refuse m = { .code = REFUSE_GONE };
	struct buf more;
	buf_init(&more, FRAME_MAX);
	CHECK_EQ(buf_put(&more, later, sizeof later), 0);
	m.more = buf_span(&more);
	begin();
	host_says(MSG_REFUSE, &m);
	CHECK_EQ(take(), HANDSHAKE_REFUSED);
	CHECK(!handshake.stays);
	end();
	CHECK_EQ(msg_put(&more, MSG_AGAIN, &again), 0);
	m.more = buf_span(&more);
	begin();
	host_says(MSG_REFUSE, &m);
	CHECK_EQ(take(), HANDSHAKE_REFUSED);
	CHECK(handshake.stays);
	end();
	buf_finish(&more);
}
