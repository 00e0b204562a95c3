/* Fixed-width numbers as bytes, big endian. */
#ifndef WIRE_BYTES_H
#define WIRE_BYTES_H

#include <stdint.h>

static inline void
put_be(uint8_t *p, uint64_t v, unsigned width)
{
	while (width--) {
		p[width] = (uint8_t)v;
		v >>= 8;
	}
}

static inline uint64_t
get_be(const uint8_t *p, unsigned width)
{
	uint64_t v = 0;
	while (width--)
		v = v << 8 | *p++;
	return v;
}

#endif
