#include "base/log.h"
#include "client/x11.h"
#include "test.h"

static struct target to;
static unsigned screen;

TEST(displays)
{
	CHECK(x11_display(":0", &to, &screen));
	CHECK_STR(to.host, "/tmp/.X11-unix/X0");
	CHECK(to.kind == OPEN_UNIX && screen == 0);
	CHECK(x11_display("unix:12.3", &to, &screen));
	CHECK_STR(to.host, "/tmp/.X11-unix/X12");
	CHECK_EQ(screen, 3);
	CHECK(x11_display("localhost:10.0", &to, &screen));
	CHECK_STR(to.host, "localhost");
	CHECK(to.kind == OPEN_TCP && to.port == 6010);
	CHECK(x11_display("/tmp/launch-x/org.xquartz:0", &to, &screen));
	CHECK(to.kind == OPEN_UNIX);
	static const char *const bad[] = { "", "x", ":", ":x", ":0x", ":0.x", ":60000",
		"host:" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!x11_display(bad[i], &to, &screen));
}

TEST(a_cookie_is_the_end_of_a_line)
{
	uint8_t cookie[X11_COOKIE];
	CHECK(
	    x11_cookie("h/unix:0  MIT-MAGIC-COOKIE-1  000102030405060708090a0b0c0d0e0f\n",
		cookie));
	CHECK(cookie[0] == 0 && cookie[15] == 15);
	CHECK(!x11_cookie("h/unix:0  MIT-MAGIC-COOKIE-1  0001\n", cookie));
	CHECK(!x11_cookie("h/unix:0  XDM-AUTHORIZATION-1  0001\n", cookie));
	CHECK(!x11_cookie("", cookie));
}

/* The first bytes of a connection; little or big endian. */
static void
setup(struct buf *b, char order, const uint8_t cookie[X11_COOKIE])
{
	bool big = order == 'B';
	const uint8_t head[12] = { (uint8_t)order, 0, big ? 0 : 11, big ? 11 : 0, 0, 0,
		big ? 0 : 18, big ? 18 : 0, big ? 0 : 16, big ? 16 : 0 };
	CHECK_EQ(buf_put(b, head, sizeof head), 0);
	CHECK_EQ(buf_put(b, "MIT-MAGIC-COOKIE-1\0\0", 20), 0);
	CHECK_EQ(buf_put(b, cookie, X11_COOKIE), 0);
}

TEST(the_made_cookie_becomes_the_real_one)
{
	struct x11 x = { .on = true, .has_real = true };
	memset(x.made, 'm', sizeof x.made);
	memset(x.real, 'r', sizeof x.real);
	for (const char *order = "lB"; *order; order++) {
		struct buf whole, in;
		buf_init(&whole, 1024);
		buf_init(&in, 1024);
		setup(&whole, *order, x.made);
		for (size_t i = 0; i < whole.len; i++) {
			CHECK_EQ(x11_first(&x, &in), 0); /* not all of it yet */
			CHECK_EQ(buf_put(&in, buf_bytes(&whole) + i, 1), 0);
		}
		CHECK_EQ(x11_first(&x, &in), 1);
		CHECK_EQ(in.len, whole.len);
		CHECK(memcmp(buf_bytes(&in), buf_bytes(&whole), 32) == 0);
		CHECK(memcmp(buf_bytes(&in) + 32, x.real, X11_COOKIE) == 0);
		buf_finish(&whole);
		buf_finish(&in);
	}
}

TEST(another_cookie_gets_nowhere)
{
	static const uint8_t other[X11_COOKIE] = "guessed";
	struct x11 x = { .on = true, .has_real = true };
	struct buf in;
	memset(x.made, 'm', sizeof x.made);
	buf_init(&in, 1024);
	setup(&in, 'l', other);
	CHECK_EQ(x11_first(&x, &in), -1);
	buf_drop(&in, in.len);
	setup(&in, 'x', x.made); /* no byte order */
	CHECK_EQ(x11_first(&x, &in), -1);
	buf_drop(&in, in.len);
	CHECK_EQ(buf_put(&in, "l\0\13\0\0\0\0\0\0\0\0\0", 12), 0); /* none at all */
	CHECK_EQ(x11_first(&x, &in), -1);
	buf_finish(&in);
}

TEST(connections_that_come_late)
{
	struct x11 x = { .on = true };
	CHECK(x11_allows(&x, 0) && x11_allows(&x, UINT64_MAX));
	x.refuse_us = 100;
	CHECK(x11_allows(&x, 99) && !x11_allows(&x, 100));
	x.on = false;
	CHECK(!x11_allows(&x, 0));
}

TEST(no_cookie_that_allows_less_no_display)
{
	static const uint8_t nowhere[] = "/no/such/xauth";
	struct x11 x;
	struct ssh_config c = { .x11 = true,
		.x11_timeout_s = 5,
		.xauth = { nowhere, sizeof nowhere - 1 } };
	log_init("test", LOG_QUIET);
	setenv("DISPLAY", ":0", 1);
	x11_init(&x, &c, 1);
	CHECK(!x.on && !x11_allows(&x, 1));
	c.x11_trusted = true; /* then the display may want none */
	x11_init(&x, &c, 1);
	CHECK(x.on && !x.has_real && x11_allows(&x, UINT64_MAX));
}
