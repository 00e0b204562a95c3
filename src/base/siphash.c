#include "base/siphash.h"

static uint64_t
load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	while (n--)
		v = v << 8 | p[n];
	return v;
}

static void
store(uint64_t v, uint8_t *p)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t
turn(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void
rounds(uint64_t v[4], int n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = turn(v[1], 13) ^ v[0];
		v[3] = turn(v[3], 16) ^ v[2];
		v[0] = turn(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = turn(v[1], 17) ^ v[2];
		v[3] = turn(v[3], 21) ^ v[0];
		v[2] = turn(v[2], 32);
	}
}

static void
compress(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

void
siphash(const uint8_t key[SIPHASH_LEN], struct span of, uint8_t ret[SIPHASH_LEN])
{
	uint64_t k0 = load(key, 8), k1 = load(key + 8, 8);
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee,
		k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	size_t at = 0;
	for (; at + 8 <= of.n; at += 8)
		compress(v, load(of.p + at, 8));
	compress(v, load(of.p + at, of.n - at) | (uint64_t)of.n << 56);
	v[2] ^= 0xee;
	rounds(v, 4);
	store(v[0] ^ v[1] ^ v[2] ^ v[3], ret);
	v[1] ^= 0xdd;
	rounds(v, 4);
	store(v[0] ^ v[1] ^ v[2] ^ v[3], ret + 8);
}
