/*
 * What the fuzz targets share.  A target is LLVMFuzzerTestOneInput: under libFuzzer
 * (tests/fuzz/run) it gets what the fuzzer makes up, under replay.c the corpus.  Whatever
 * comes in, a MUST that is not so is a finding.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) ((cond) ? (void)0 : found(__FILE__, __LINE__, #cond))

__attribute__((noreturn)) static inline void
found(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

/* Takes n bytes off the input; fewer if there are no more. */
static inline struct span
take(struct span *in, size_t n)
{
	struct span s = { in->p, n < in->n ? n : in->n };
	in->p += s.n;
	in->n -= s.n;
	return s;
}

/* A number of up to four bytes off the input; 0 at its end. */
static inline uint32_t
take_number(struct span *in, size_t width)
{
	struct span s = take(in, width);
	uint32_t v = 0;
	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | s.p[i];
	return v;
}

#endif
