#include "base/siphash.h"
#include "test.h"

/* vectors_sip128 of the reference implementation: the key is 00 01 02 ..., so is the text. */
TEST(it_gives_the_reference_s_values)
{
	static const uint8_t of_none[] = { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
		0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93 };
	static const uint8_t of_one[] = { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
		0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45 };
	uint8_t key[SIPHASH_LEN], text[1] = { 0 }, got[SIPHASH_LEN];
	for (uint8_t i = 0; i < SIPHASH_LEN; i++)
		key[i] = i;
	siphash(key, (struct span){ text, 0 }, got);
	CHECK(memcmp(got, of_none, sizeof got) == 0);
	siphash(key, (struct span){ text, 1 }, got);
	CHECK(memcmp(got, of_one, sizeof got) == 0);
}
