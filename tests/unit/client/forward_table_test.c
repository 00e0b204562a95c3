#include "base/err.h"
#include "base/log.h"
#include "client/forward_table.h"
#include "sys/tcp.h"
#include "test.h"

#include <sys/socket.h>

enum { ROOM = 64 * 1024 };

static struct loop loop;
static struct engine engine;
static struct forward_table forwards;
static struct ssh_config config;

static void
begin(const char *told)
{
	static const int none[] = { 0 };
	static bool once;
	static struct options o;
	if (!once)
		CHECK_EQ(loop_init(&loop, none), 0);
	once = true;
	log_init("test", LOG_QUIET);
	ssh_config_from_options(&config, &o);
	ssh_config_parse(&config, (struct span){ (const uint8_t *)told, strlen(told) });
	engine_init(&engine, true);
	CHECK(engine_open(&engine, STREAM_CONTROL, RANK_CONTROL, ROOM, ROOM));
	CHECK_EQ(forward_table_init(&forwards, &loop, &engine, &config, "host"), 0);
}

static void
end(void)
{
	forward_table_finish(&forwards);
	engine_finish(&engine);
}

static uint32_t next_stream = STREAM_CHANNELS + 1;

/* Whether the host may open that; a refusal is told, and the stream gone. */
static bool
may_open(uint8_t kind, uint32_t forward, const char *host, unsigned port)
{
	union msg m = { .open = { .stream = next_stream,
			    .kind = kind,
			    .forward = forward,
			    .port = (uint16_t)port,
			    .host = { (const uint8_t *)host, strlen(host) } } };
	struct stream *control = engine_stream(&engine, STREAM_CONTROL);
	struct frame f;
	next_stream += 2;
	CHECK_EQ(forward_table_take(&forwards, MSG_OPEN, &m), 0);
	(void)forward_table_turn(&forwards, 1);
	bool failed = frame_parse(ring_at(&control->out, 0), &f) > 0
	    && f.type == MSG_FAILED && !tunnel_busy(&forwards.tunnel);
	ring_drop(&control->out, control->out.len);
	return !failed;
}

/* It is for the link's ssh to forward; a session that asks is of an older server. */
TEST(nobody_asks_the_agent_by_way_of_us)
{
	setenv("SSH_AUTH_SOCK", "/tmp/there-may-be-one", 1);
	next_stream = STREAM_CHANNELS + 1;
	begin("forwardagent yes\nidentityagent SSH_AUTH_SOCK\n");
	CHECK(forwards.agent && !forwards.told_agent);
	CHECK(!may_open(OPEN_AGENT, 0, "", 0));
	CHECK(forwards.told_agent); /* the person, once */
	CHECK(!may_open(OPEN_AGENT, 0, "", 0));
	end();
	unsetenv("SSH_AUTH_SOCK");
}

TEST(the_host_may_open_only_what_was_asked_for)
{
	char told[100];
	int fd = tcp_listen(0);
	CHECK(fd >= 0);
	unsetenv("SSH_AUTH_SOCK");
	next_stream = STREAM_CHANNELS + 1;
	snprintf(told, sizeof told,
	    "localforward 1 [h]:2\nremoteforward 3 [127.0.0.1]:%u\n", tcp_port(fd));
	begin(told);
	CHECK(!may_open(OPEN_TCP, 0, "127.0.0.1", tcp_port(fd)));
	CHECK(!may_open(OPEN_UNIX, 0, "/tmp/x", 0));
	CHECK(!may_open(OPEN_AGENT, 0, "", 0));
	CHECK(!may_open(OPEN_DISPLAY, 0, "", 0));
	CHECK(!may_open(0, 0, "", 0));
	CHECK(!may_open(OPEN_FORWARD, 0, "", 0)); /* that is a local one */
	CHECK(!may_open(OPEN_FORWARD, 2, "", 0)); /* there is none */
	CHECK(!may_open(OPEN_FORWARD, 1, "", 0)); /* the host does not listen yet */
	union msg m = { .listening = { 1, 3, { (const uint8_t *)"", 0 } } };
	CHECK_EQ(forward_table_take(&forwards, MSG_LISTENING, &m), 0);
	CHECK(
	    may_open(OPEN_FORWARD, 1, "elsewhere", 22)); /* where is not for it to say */
	CHECK_STR(forwards.list[1].forward.connect.host, "127.0.0.1");
	end();
	close(fd);
}

TEST(what_the_host_must_not_say_about_forwards)
{
	begin("localforward 1 [h]:2\n");
	union msg m = { .listening = { 0, 3, { (const uint8_t *)"", 0 } } };
	CHECK_EQ(forward_table_take(&forwards, MSG_LISTENING, &m), ERR_STATE);
	m.listening.forward = 1;
	CHECK_EQ(forward_table_take(&forwards, MSG_LISTENING, &m), ERR_STATE);
	end();
}

TEST(a_forward_that_fails_ends_only_who_says_so)
{
	static const char text[] = "127.0.0.1:3: Address in use";
	union msg m = { .listening = { 0, 0,
			    { (const uint8_t *)text, sizeof text - 1 } } };
	begin("remoteforward 3 [h]:2\n");
	CHECK(!forward_table_settled(&forwards));
	CHECK_EQ(forward_table_take(&forwards, MSG_LISTENING, &m), 0);
	CHECK(forward_table_settled(&forwards) && !forwards.failed);
	end();
	begin("remoteforward 3 [h]:2\nexitonforwardfailure yes\n");
	CHECK_EQ(forward_table_take(&forwards, MSG_LISTENING, &m), 0);
	CHECK(forwards.failed);
	end();
}

TEST(what_fails_later_ends_nothing)
{
	static const char text[] = "127.0.0.1:3: Address in use";
	union msg good = { .listening = { 0, 3, { (const uint8_t *)"", 0 } } };
	union msg bad = { .listening = { 0, 0,
			      { (const uint8_t *)text, sizeof text - 1 } } };
	begin("remoteforward 3 [h]:2\nexitonforwardfailure yes\n");
	CHECK_EQ(forward_table_take(&forwards, MSG_LISTENING, &good), 0);
	CHECK_EQ(forward_table_take(&forwards, MSG_LISTENING, &bad),
	    0); /* when we came back */
	CHECK(!forwards.failed);
	struct forward more = forwards.list[0].forward;
	CHECK(forward_table_add(&forwards, &more)); /* ~C */
	bad.listening.forward = 1;
	CHECK_EQ(forward_table_take(&forwards, MSG_LISTENING, &bad), 0);
	CHECK(!forwards.failed);
	end();
}

TEST(what_is_told_twice_counts_once)
{
	/* ssh -G tells of a forward to a unix socket as a dynamic one, too. */
	begin("dynamicforward 7\ndynamicforward 8\nlocalforward 7 /tmp/x\n");
	CHECK_EQ(forwards.n, 2);
	CHECK(forwards.list[0].forward.listen.port == 8);
	CHECK(forwards.list[1].forward.connect.kind == OPEN_UNIX);
	end();
}

/* ---- SOCKS, where the host says where to ---- */

/* Asks by the host's connection for a place, by SOCKS 4a; whether it may be connected to. */
static bool
leads_to(uint32_t forward, const char *host, unsigned port)
{
	struct tunnel *t = &forwards.tunnel;
	struct msg_open open = { .kind = OPEN_FORWARD, .forward = forward };
	struct target to = { 0 };
	struct buf in, out;
	const uint8_t head[] = { 4, 1, (uint8_t)(port >> 8), (uint8_t)port, 0, 0, 0, 1,
		0 };
	CHECK(t->events->allows(t->owner, &open, &to) && to.kind == OPEN_SOCKS);
	buf_init(&in, 1024);
	buf_init(&out, 1024);
	CHECK_EQ(buf_put(&in, head, sizeof head), 0);
	CHECK_EQ(buf_put(&in, host, strlen(host) + 1), 0);
	int known = t->events->ask(t->owner, &in, &out, &to);
	CHECK(known == 1 || (known == -1 && out.len == 8));
	buf_finish(&in);
	buf_finish(&out);
	return known == 1;
}

TEST(the_host_leads_on_only_to_what_the_configuration_permits)
{
	union msg m = { .listening = { 0, 3, { (const uint8_t *)"", 0 } } };
	begin("remoteforward 3 [socks]:0\npermitremoteopen a:80 *:25\n");
	CHECK_EQ(forward_table_take(&forwards, MSG_LISTENING, &m), 0);
	CHECK(leads_to(0, "a", 80) && leads_to(0, "x", 25) && !leads_to(0, "x", 80));
	end();
	begin("remoteforward 3 [socks]:0\npermitremoteopen none\n");
	CHECK_EQ(forward_table_take(&forwards, MSG_LISTENING, &m), 0);
	CHECK(!leads_to(0, "a", 80));
	end();
	begin("remoteforward 3 [socks]:0\npermitremoteopen any\n");
	CHECK_EQ(forward_table_take(&forwards, MSG_LISTENING, &m), 0);
	CHECK(leads_to(0, "a", 80));
	end();
}

TEST(what_is_asked_for_here_is_not_limited)
{
	struct tunnel *t = &forwards.tunnel;
	struct target to = { 0 };
	struct buf in, out;
	begin("permitremoteopen none\n");
	buf_init(&in, 1024);
	buf_init(&out, 1024);
	CHECK_EQ(buf_put(&in, "\4\1\0\120\0\0\0\1\0a", 11), 0);
	CHECK_EQ(t->events->ask(t->owner, &in, &out, &to), 1); /* -D */
	buf_finish(&in);
	buf_finish(&out);
	end();
}
