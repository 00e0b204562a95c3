/* FNV-1a of 64 bits (Fowler, Noll, Vo 1991): for what nobody makes collide on purpose. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* One step; a byte, or what stands for one. */
static inline uint64_t
hash_step(uint64_t hash, uint64_t byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static inline uint64_t
hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
	const uint8_t *p = (const uint8_t *)bytes;
	for (size_t i = 0; i < n; i++)
		hash = hash_step(hash, p[i]);
	return hash;
}

#endif
