/* SipHash-2-4 with 128 bits (Aumasson, Bernstein 2012): without the key nothing can be learned
 * from its value, neither of the key nor of what was hashed.  Pure. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include "base/buf.h"

enum { SIPHASH_LEN = 16 };

void siphash(const uint8_t key[SIPHASH_LEN], struct span of, uint8_t ret[SIPHASH_LEN]);

#endif
