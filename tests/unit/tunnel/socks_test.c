#include "test.h"
#include "tunnel/socks.h"

static struct target to;
static struct buf in, out;

static void
begin(void)
{
	to = (struct target){ 0 };
	buf_init(&in, 1024);
	buf_init(&out, 1024);
}

static void
end(void)
{
	buf_finish(&in);
	buf_finish(&out);
}

static int
say(const void *bytes, size_t n)
{
	CHECK_EQ(buf_put(&in, bytes, n), 0);
	return socks_ask(&in, &out, &to);
}

/* Byte by byte: only the last one tells.  Returns that. */
static int
say_slowly(const char *bytes, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		CHECK_EQ(say(bytes + i, 1), 0);
	return say(bytes + n - 1, 1);
}

static bool
out_is(const char *bytes, size_t n)
{
	bool same = out.len == n && (!n || memcmp(buf_bytes(&out), bytes, n) == 0);
	buf_drop(&out, out.len);
	return same;
}

TEST(version_4)
{
	begin();
	CHECK_EQ(say_slowly("\4\1\0\120\12\0\0\1user", 13), 1); /* with its NUL */
	CHECK(strcmp(to.host, "10.0.0.1") == 0 && to.port == 80 && to.kind == OPEN_TCP);
	CHECK_EQ(in.len, 0);
	socks_answer(&to, true, &out);
	CHECK(out_is("\0\132\0\0\0\0\0\0", 8));
	socks_answer(&to, false, &out);
	CHECK(out_is("\0\133\0\0\0\0\0\0", 8));
	end();
}

TEST(version_4a_has_a_name)
{
	begin();
	CHECK_EQ(say_slowly("\4\1\1\273\0\0\0\1\0example.org", 21), 1);
	CHECK(strcmp(to.host, "example.org") == 0 && to.port == 443);
	end();
}

TEST(version_5)
{
	begin();
	CHECK_EQ(say_slowly("\5\2\2\0", 4), 0);
	CHECK(out_is("\5\0", 2));
	CHECK_EQ(say_slowly("\5\1\0\3\13example.org\0\26", 18), 1);
	CHECK(strcmp(to.host, "example.org") == 0 && to.port == 22);
	socks_answer(&to, true, &out);
	CHECK(out_is("\5\0\0\1\0\0\0\0\0\0", 10));
	socks_answer(&to, false, &out);
	CHECK(out_is("\5\5\0\1\0\0\0\0\0\0", 10));
	end();
}

TEST(version_5_with_addresses)
{
	begin();
	CHECK_EQ(say("\5\1\0", 3), 0);
	CHECK_EQ(say("\5\1\0\1\177\0\0\1\0\120", 10), 1);
	CHECK(strcmp(to.host, "127.0.0.1") == 0 && to.port == 80);
	end();
	begin();
	CHECK_EQ(say("\5\1\0", 3), 0);
	CHECK_EQ(say("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\120more", 26), 1);
	CHECK(strcmp(to.host, "::1") == 0 && to.port == 80);
	CHECK_EQ(in.len, 4); /* what the connection itself begins with */
	end();
}

TEST(what_is_not_done_is_refused)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *answer;
		size_t n_answer;
	} cases[] = {
		{ "GET / HTTP/1.0\r\n", 16, "", 0 },
		{ "\4\2\0\120\12\0\0\1", 9, "\0\133\0\0\0\0\0\0", 8 }, /* BIND */
		{ "\4\1\0\120\0\0\0\1\0", 10, "\0\133\0\0\0\0\0\0", 8 }, /* no name */
		{ "\5\1\2", 3, "\5\377", 2 }, /* passwords only */
		{ "\5\1\0\5\2\0\1\177\0\0\1\0\120", 13, "\5\0\5\7\0\1\0\0\0\0\0\0", 12 },
		{ "\5\1\0\5\1\0\7\177\0\0\1\0\120", 13, "\5\0\5\10\0\1\0\0\0\0\0\0", 12 },
		{ "\5\1\0\4\1\0\1\177\0\0\1\0\120", 13, "\5\0\5\10\0\1\0\0\0\0\0\0", 12 },
		{ "\5\1\0\5\1\0\3\0\0\120", 10, "\5\0", 2 }, /* an empty name */
		{ "\5\1\0\5\1\0\3\2a\0\0\120", 12, "\5\0", 2 }, /* a NUL in it */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin();
		CHECK_EQ(say(cases[i].bytes, cases[i].n), -1);
		CHECK(out_is(cases[i].answer, cases[i].n_answer));
		end();
	}
}

/* Whatever is said, in whatever pieces: no more than one answer a step, and an end. */
TEST(nonsense_does_no_harm)
{
	test_seed(1);
	for (int run = 0; run < 2000; run++) {
		begin();
		int known = 0;
		for (int i = 0; i < 300 && !known; i++) {
			uint8_t byte = (uint8_t)test_below(test_below(4) ? 6 : 256);
			known = say(i ? &byte : (const uint8_t *)"\5", 1);
		}
		CHECK(known >= -1 && known <= 1);
		CHECK(known < 1 || (to.kind == OPEN_TCP && to.host[0]));
		end();
	}
}
