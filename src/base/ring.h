/*
 * A bounded ring of bytes that stay where they are: put at the tail, dropped from the head,
 * and never moved in between.
 *
 *      mem        mem + head                    mem + cap
 *       |.. tail) |  free  |  bytes, up to the end  |  and on from the beginning
 *
 * So the kernel may be told to read them later (vmsplice(2)), as long as nobody drops them
 * before it has.  When the ring grows, it goes to other memory; the old is given back to the
 * system as pages (mmap(2)), which whoever still reads them keeps as they were.
 *
 * Full: ring_put and ring_room take no more than `max` bytes in all.
 */
#ifndef BASE_RING_H
#define BASE_RING_H

#include "base/buf.h"

struct ring {
	uint8_t *mem;
	size_t head, len, cap; /* cap: a power of two, or 0 */
	size_t max; /* the most bytes it may hold */
};

void ring_init(struct ring *r, size_t max);
/* Gives the memory back; takes a zeroed one; the ring may be used again, empty. */
void ring_finish(struct ring *r);

/* Gets the memory for n bytes more, so that ring_put cannot fail for want of it.  Returns how
 * many it takes now, at most n. */
size_t ring_reserve(struct ring *r, size_t n);
/* Room for at most n more bytes in one piece: returns how many (0: full, or no memory), at
 * *ret_room, valid until the next call; ring_added tells how many were filled. */
size_t ring_room(struct ring *r, size_t n, uint8_t **ret_room);
void ring_added(struct ring *r, size_t n);
/* All of it, or an error: ERR_FULL, ERR_NOMEM. */
int ring_put(struct ring *r, const void *bytes, size_t n);

/* The bytes from `off` (counted from the first) on that lie in one piece; valid until they
 * are dropped or the ring takes more. */
struct span ring_at(const struct ring *r, size_t off);
/* Drops the first n bytes (n <= len). */
void ring_drop(struct ring *r, size_t n);
/* Puts n bytes in the place of those from `from` to `to`, which are at least as many.  What
 * stands behind them is moved: nobody may be reading it. */
void ring_replace(struct ring *r, size_t from, size_t to, const uint8_t *bytes, size_t n);

/* Gives the memory back, if the ring is empty. */
void ring_trim(struct ring *r);
/* Whether that would be worth the while. */
bool ring_spare(const struct ring *r);

#endif
