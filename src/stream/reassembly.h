/*
 * What a stream keeps of a link that loses frames: bytes that came ahead of their turn, and
 * ranges that were lost on their way to the peer.
 *
 *     in    got                      early.list[0]   .list[1]
 *      -----|.........(missing).......|======|........|====|....
 *
 *     out   acked     again.list[0]     .list[1]            next
 *      -----|~~~~~~~~~~|XXXX|~~~~~~~~~~~~~~~|XX|~~~~~~~~~~~~~|
 *
 * Full: bytes that would make one range more than RANGES_MAX are dropped, and sent again by
 * the peer; a range to be sent again is joined with its neighbour, and what lies between is
 * sent twice.
 */
#ifndef STREAM_REASSEMBLY_H
#define STREAM_REASSEMBLY_H

#include "base/buf.h"

enum { RANGES_MAX = 256 };

/* By offset; none touch. */
struct ranges {
	struct range {
		uint64_t from, to;
	} list[RANGES_MAX];
	size_t n;
};

struct reassembly {
	struct ranges early; /* of what the peer has sent */
	uint8_t *bytes; /* of those, at offset % window; NULL: there are none */
	size_t window;
	uint64_t end_at; /* the peer has ended at this offset; UINT64_MAX: not known */
	struct ranges again; /* of what we have sent */
};

/* For a stream of which at most so many bytes from `got` on may come.  NULL: no memory. */
struct reassembly *reassembly_new(size_t window);
/* Takes NULL. */
void reassembly_free(struct reassembly *r);

/* Keeps bytes that may come, if there is room for them. */
void reassembly_put(struct reassembly *r, uint64_t offset, struct span bytes);
/* The bytes from this offset on that are there and lie in one piece; .n 0: none.  Valid until
 * the next call. */
struct span reassembly_at(const struct reassembly *r, uint64_t offset);
/* Forgets what lies before this offset. */
void reassembly_got(struct reassembly *r, uint64_t offset);

/* This range was lost: it is to be sent again. */
void reassembly_lost(struct reassembly *r, uint64_t from, uint64_t to);
/* What lies before this offset need not be sent any more. */
void reassembly_done(struct reassembly *r, uint64_t offset);

#endif
