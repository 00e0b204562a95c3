#include "base/buf.h"

#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CAP_MIN = 256,
	CAP_KEPT = 4 * 1024 * 1024, /* what an empty buffer may keep while bytes flow, */
	CAP_IDLE = 4 * 1024, /* and afterwards */
};

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_finish(struct buf *b)
{
	free(b->mem);
	*b = (struct buf){ .max = b->max };
}

static int
grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : CAP_MIN;
	while (cap < need)
		cap *= 2;
	uint8_t *mem = malloc(cap);
	if (!mem)
		return ERR_NOMEM;
	if (b->len)
		memcpy(mem, b->mem + b->head, b->len);
	free(b->mem);
	b->mem = mem;
	b->head = 0;
	b->cap = cap;
	return 0;
}

int
buf_room(struct buf *b, size_t n, uint8_t **ret_room)
{
	if (n > b->max - b->len)
		return ERR_FULL;
	if (n > b->cap - b->head - b->len) {
		if (b->head >= b->len && b->len + n <= b->cap) {
			memmove(b->mem, b->mem + b->head, b->len);
			b->head = 0;
		} else {
			/* Moving less than is there, again and again, would cost more than
			 * the bytes: with twice the room it is rare. */
			size_t need = b->len + n;
			int err = grow(b, need > b->cap ? need : b->cap + 1);
			if (err)
				return err;
		}
	}
	*ret_room = b->mem + b->head + b->len;
	return 0;
}

void
buf_added(struct buf *b, size_t n)
{
	assert(n <= b->cap - b->head - b->len);
	b->len += n;
}

int
buf_put(struct buf *b, const void *bytes, size_t n)
{
	uint8_t *room;
	if (n == 0)
		return 0;
	int err = buf_room(b, n, &room);
	if (err)
		return err;
	memcpy(room, bytes, n);
	buf_added(b, n);
	return 0;
}

void
buf_print(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	uint8_t *room;
	if (n < 0 || buf_room(b, (size_t)n + 1, &room)) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf((char *)room, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_added(b, (size_t)n);
}

void
buf_putc(struct buf *b, char c)
{
	if (buf_put(b, &c, 1))
		b->failed = true;
}

void
buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->head += n;
	b->len -= n;
	if (b->len)
		return;
	b->head = 0;
	if (b->cap > CAP_KEPT)
		buf_trim(b);
}

void
buf_trim(struct buf *b)
{
	if (!b->len)
		buf_finish(b);
}

bool
buf_spare(const struct buf *b)
{
	return !b->len && b->cap > CAP_IDLE;
}

const char *
buf_str(struct buf *b)
{
	uint8_t *room;
	if (buf_room(b, 1, &room))
		return NULL;
	*room = 0;
	return (const char *)b->mem + b->head;
}
