#include "ssh/mux.h"
#include "base/err.h"
#include "test.h"

static long
look(const char *bytes, size_t n, struct mux_request *ret)
{
	return mux_look((struct span){ (const uint8_t *)bytes, n }, ret);
}

#define LOOK(literal, ret) look(literal, sizeof(literal) - 1, ret)

TEST(what_a_client_asks)
{
	static const struct {
		const char *bytes;
		enum mux_type type;
	} table[] = {
		{ "\0\0\0\x8\0\0\0\1\0\0\0\4", MUX_HELLO },
		{ "\0\0\0\x8\x10\0\0\4\0\0\0\7", MUX_CHECK },
		{ "\0\0\0\x8\x10\0\0\5\0\0\0\7", MUX_EXIT },
		{ "\0\0\0\x8\x10\0\0\x9\0\0\0\7", MUX_STOP },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct mux_request r;
		for (size_t n = 0; n < 12; n++)
			CHECK_EQ(look(table[i].bytes, n, &r), 0);
		CHECK_EQ(look(table[i].bytes, 12, &r), 12);
		CHECK_EQ(r.type, table[i].type);
		CHECK_EQ(r.number, i ? 7 : 4);
	}
}

TEST(a_forward)
{
	struct mux_request r;
	static const char local[] =
	    "\0\0\0\x2a\x10\0\0\6\0\0\0\1\0\0\0\1\0\0\0\0\0\0\x1f\x90\0\0\0\x9"
	    "localhost\0\0\0\x50";
	CHECK_EQ(LOOK("\0\0\0\x25\x10\0\0\6\0\0\0\1\0\0\0\1\0\0\0\0\0\0\x1f\x90\0\0\0\x9"
		      "localhost\0\0\0\x50",
		     &r),
	    41);
	CHECK(r.type == MUX_FORWARD && r.kind == MUX_LOCAL && r.number == 1);
	CHECK(r.listen.host.n == 0 && r.listen.port == 8080 && r.connect.port == 80);
	CHECK_BYTES(r.connect.host.p, r.connect.host.n, "localhost");
	CHECK_EQ(LOOK("\0\0\0\x21\x10\0\0\7\0\0\0\2\0\0\0\2\0\0\0\1*\0\0\0\1\0\0\0\2/s"
		      "\xff\xff\xff\xfe",
		     &r),
	    0);
	CHECK_EQ(LOOK("\0\0\0\x1f\x10\0\0\7\0\0\0\2\0\0\0\2\0\0\0\1*\0\0\0\1\0\0\0\2/s"
		      "\xff\xff\xff\xfe",
		     &r),
	    35);
	CHECK(r.type == MUX_CANCEL && r.kind == MUX_REMOTE && r.connect.port == MUX_PATH);
	for (size_t n = 4; n < sizeof local - 2; n++) /* shorter than it says */
		CHECK(look(local, n, &r) == 0);
}

TEST(what_is_none)
{
	static const struct {
		const char *bytes;
		size_t n;
	} table[] = {
		{ "\0\0\0\0", 4 },
		{ "\0\0\0\4\0\0\0\1", 8 }, /* no number */
		{ "\xff\xff\xff\xff", 4 },
		{ "\0\0\0\x8\0\0\0\1\0\0\0\3", 12 }, /* another version */
		{ "\0\0\0\x8\x10\0\0\6\0\0\0\1", 12 }, /* no fields */
		/* a kind, a port and texts that there cannot be */
		{ "\0\0\0\x1c\x10\0\0\6\0\0\0\1\0\0\0\4\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1",
		    32 },
		{ "\0\0\0\x1c\x10\0\0\6\0\0\0\1\0\0\0\1\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\1",
		    32 },
		{ "\0\0\0\x1c\x10\0\0\6\0\0\0\1\0\0\0\1\0\0\0\0\xff\xff\xff\xfe\0\0\0\0\0\0\0\1",
		    32 },
		{ "\0\0\0\x1c\x10\0\0\6\0\0\0\1\0\0\0\1\xff\xff\xff\xff\0\0\0\1\0\0\0\0\0\0\0\1",
		    32 },
		{ "\0\0\0\x1d\x10\0\0\6\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\0\1\0\0\0\0\0\0\0\1",
		    33 },
	};
	struct mux_request r;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (look(table[i].bytes, table[i].n, &r) != ERR_MESSAGE)
			FAIL("%zu is taken", i);
}

TEST(what_is_for_the_links_ssh_need_not_be_whole)
{
	struct mux_request r;
	CHECK_EQ(LOOK("\0\0\1\0\x10\0\0\2\0\0\0\1", &r), 12);
	CHECK_EQ(r.type, MUX_OTHER);
	CHECK_EQ(mux_length((struct span){ (const uint8_t *)"\0\0\1\0", 4 }), 0);
}

TEST(the_answers)
{
	struct buf out;
	buf_init(&out, 1024);
	mux_put_hello(&out);
	mux_put_ok(&out, 1);
	mux_put_alive(&out, 2, 258);
	mux_put_port(&out, 3, 8080);
	mux_put_failure(&out, 4, "no");
	CHECK_BYTES(buf_bytes(&out), out.len,
	    "\0\0\0\x8\0\0\0\1\0\0\0\4"
	    "\0\0\0\x8\x80\0\0\1\0\0\0\1"
	    "\0\0\0\xc\x80\0\0\5\0\0\0\2\0\0\1\2"
	    "\0\0\0\xc\x80\0\0\7\0\0\0\3\0\0\x1f\x90"
	    "\0\0\0\xe\x80\0\0\3\0\0\0\4\0\0\0\2no");
	CHECK(!out.failed);
	buf_finish(&out);
	buf_init(&out, 8);
	mux_put_hello(&out);
	CHECK(out.failed);
	buf_finish(&out);
}
