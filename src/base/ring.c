#include "base/ring.h"

#include "base/err.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

enum {
	CAP_MIN = 4 * 1024,
	CAP_KEPT = 4 * 1024 * 1024, /* what an empty ring may keep while bytes flow */
};

void
ring_init(struct ring *r, size_t max)
{
	*r = (struct ring){ .max = max };
}

void
ring_finish(struct ring *r)
{
	if (r->mem)
		(void)munmap(r->mem, r->cap);
	ring_init(r, r->max);
}

struct span
ring_at(const struct ring *r, size_t off)
{
	if (off >= r->len)
		return (struct span){ (const uint8_t *)"", 0 };
	size_t at = (r->head + off) & (r->cap - 1), n = r->len - off;
	return (struct span){ r->mem + at, n < r->cap - at ? n : r->cap - at };
}

/* So that there is room for `need` bytes in all. */
static int
grow(struct ring *r, size_t need)
{
	size_t cap = r->cap ? r->cap : CAP_MIN;
	if (need <= r->cap)
		return 0;
	while (cap < need)
		cap *= 2;
	uint8_t *mem = mmap(NULL, cap, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return ERR_NOMEM;
	size_t len = 0;
	for (struct span some; (some = ring_at(r, len)).n; len += some.n)
		memcpy(mem + len, some.p, some.n);
	ring_finish(r);
	r->mem = mem;
	r->cap = cap;
	r->len = len;
	return 0;
}

/* The room behind the last byte, in one piece. */
static size_t
tail_room(const struct ring *r, uint8_t **ret_room)
{
	size_t at = r->cap ? (r->head + r->len) & (r->cap - 1) : 0;
	size_t room = r->cap - r->len;
	*ret_room = r->mem + at;
	return room < r->cap - at ? room : r->cap - at;
}

size_t
ring_reserve(struct ring *r, size_t n)
{
	if (n > r->max - r->len)
		n = r->max - r->len;
	(void)grow(r, r->len + n); /* without memory, what there is */
	return n < r->cap - r->len ? n : r->cap - r->len;
}

size_t
ring_room(struct ring *r, size_t n, uint8_t **ret_room)
{
	n = ring_reserve(r, n);
	size_t room = tail_room(r, ret_room);
	return n < room ? n : room;
}

void
ring_added(struct ring *r, size_t n)
{
	assert(n <= r->cap - r->len);
	r->len += n;
}

int
ring_put(struct ring *r, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	if (n > r->max - r->len)
		return ERR_FULL;
	int err = grow(r, r->len + n);
	while (!err && n) {
		uint8_t *to;
		size_t room = tail_room(r, &to), some = n < room ? n : room;
		memcpy(to, p, some);
		r->len += some;
		p += some;
		n -= some;
	}
	return err;
}

void
ring_drop(struct ring *r, size_t n)
{
	assert(n <= r->len);
	r->len -= n;
	r->head = r->len ? (r->head + n) & (r->cap - 1) : 0;
	if (!r->len && r->cap > CAP_KEPT)
		ring_finish(r);
}

void
ring_replace(struct ring *r, size_t from, size_t to, const uint8_t *bytes, size_t n)
{
	assert(from <= to && to <= r->len && n <= to - from);
	size_t mask = r->cap - 1, len = from;
	for (size_t i = 0; i < n; i++, len++)
		r->mem[(r->head + len) & mask] = bytes[i];
	for (; to < r->len; to++, len++)
		r->mem[(r->head + len) & mask] = r->mem[(r->head + to) & mask];
	r->len = len;
}

void
ring_trim(struct ring *r)
{
	if (!r->len)
		ring_finish(r);
}

bool
ring_spare(const struct ring *r)
{
	return !r->len && r->cap > CAP_MIN;
}
