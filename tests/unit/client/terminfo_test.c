#include "client/terminfo.h"

#include "base/err.h"
#include "test.h"

#include <string.h>

#define BYTES(text) ((struct span){ (const uint8_t *)(text), sizeof(text) - 1 })

/* Names of 3 bytes, one boolean, two numbers, one string of 3 bytes; term(5). */
#define WIDE_HEAD "\x1e\2\3\0\1\0\2\0\1\0\3\0"
#define HEAD "\x1a\1\3\0\1\0\2\0\1\0\3\0"
/* At an odd place behind the strings: a boolean, a number and a string of extended names. */
#define EXTENDED_HEAD "\1\0\1\0\1\0\4\0\xa\0"
#define EXTENDED_STRINGS "\0\0\0\0\2\0\4\0s\0A\0N\0S\0\0\0"

/* Converts; whether that is what comes out. */
static bool
becomes(struct span compiled, struct span want)
{
	struct buf out;
	buf_init(&out, TERMINFO_MAX);
	bool same = terminfo_traditional(compiled, &out) == 0 && out.len == want.n
	    && memcmp(buf_bytes(&out), want.p, want.n) == 0;
	buf_finish(&out);
	return same;
}

static int
convert(struct span compiled)
{
	struct buf out;
	buf_init(&out, TERMINFO_MAX);
	int err = terminfo_traditional(compiled, &out);
	buf_finish(&out);
	return err;
}

#define PLAIN \
	"ab\0" \
	"\1" \
	"\x50\0\xff\xff" \
	"\0\0" \
	"es\0"
#define WIDE \
	"ab\0" \
	"\1" \
	"\0\0\1\0\xfe\xff\xff\xff" \
	"\0\0" \
	"es\0"
#define NARROW \
	"ab\0" \
	"\1" \
	"\xff\x7f\xfe\xff" \
	"\0\0" \
	"es\0"
#define WIDE_MORE \
	"\0" EXTENDED_HEAD "\1\0" \
	"\0\0\0\1" EXTENDED_STRINGS
#define NARROW_MORE \
	"\0" EXTENDED_HEAD "\1\0" \
	"\xff\x7f" EXTENDED_STRINGS

TEST(what_is_traditional_stays)
{
	CHECK(becomes(BYTES(HEAD PLAIN), BYTES(HEAD PLAIN)));
	CHECK(becomes(BYTES(HEAD NARROW NARROW_MORE), BYTES(HEAD NARROW NARROW_MORE)));
}

TEST(numbers_of_four_bytes_become_two)
{
	CHECK(becomes(BYTES(WIDE_HEAD WIDE), BYTES(HEAD NARROW)));
}

TEST(those_of_extended_capabilities_do_too)
{
	CHECK(becomes(BYTES(WIDE_HEAD WIDE WIDE_MORE), BYTES(HEAD NARROW NARROW_MORE)));
}

TEST(what_is_cut_off_or_something_else_is_none)
{
	static const char whole[] = WIDE_HEAD WIDE WIDE_MORE;
	size_t plain = sizeof WIDE_HEAD WIDE - 1;
	for (size_t n = 0; n < sizeof whole - 1; n++) {
		bool ends = n == plain || n == plain + 1;
		CHECK_EQ(convert((struct span){ (const uint8_t *)whole, n }),
		    ends ? 0 : ERR_MESSAGE);
	}
	CHECK_EQ(convert(BYTES("\x7f"
			       "ELF          ")),
	    ERR_MESSAGE);
	CHECK_EQ(convert(BYTES("\x1e\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")),
	    ERR_MESSAGE);
}
