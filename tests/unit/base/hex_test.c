#include "base/err.h"
#include "base/hex.h"
#include "test.h"

TEST(bytes_there_and_back)
{
	uint8_t all[256];
	struct buf text, bytes;
	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	buf_init(&text, 1024);
	buf_init(&bytes, 1024);
	CHECK_EQ(hex_put(&text, (struct span){ all, sizeof all }), 0);
	CHECK_EQ(text.len, 512);
	CHECK(strncmp(buf_str(&text), "000102", 6) == 0);
	CHECK_EQ(hex_get(buf_str(&text), &bytes), 0);
	CHECK(bytes.len == 256 && memcmp(buf_bytes(&bytes), all, 256) == 0);
	buf_finish(&text);
	buf_finish(&bytes);
}

TEST(what_is_no_pair_of_digits_is_refused)
{
	static const char *const bad[] = { "0", "000", "0g", "g0", "AB", "00 ", " 00",
		"-" };
	struct buf out;
	buf_init(&out, 16);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_EQ(hex_get(bad[i], &out), ERR_MESSAGE);
	buf_finish(&out);
	buf_init(&out, 1);
	CHECK_EQ(hex_get("0000", &out), ERR_FULL);
	buf_finish(&out);
}

TEST(a_uuid)
{
	static const char *const bad[] = { "", "0", "\n",
		"zz112233-4455-6677-8899-aabbccddeeff",
		"00112233-4455-6677-8899-aabbccddeef",
		"00112233-4455-6677-8899-aabbccddeeff0" };
	static const uint8_t zeros[16];
	uint8_t bytes[16];
	for (int upper = 0; upper < 2; upper++) {
		CHECK_EQ(hex_uuid(upper ? "00112233-4455-6677-8899-AABBCCDDEEFF"
					: "00112233-4455-6677-8899-aabbccddeeff\n",
			     bytes),
		    0);
		for (int i = 0; i < 16; i++)
			CHECK_EQ(bytes[i], 0x11 * i);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_EQ(hex_uuid(bad[i], bytes), ERR_MESSAGE);
		CHECK(memcmp(bytes, zeros, sizeof zeros) == 0);
	}
}
