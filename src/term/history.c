#include "term/history.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_SIZE = 32 * 1024, /* of memory, unless one row needs more */
	FLAG_SHIFT = 27,
	END_MASK = (1 << FLAG_SHIFT) - 1,
};

struct slot {
	uint32_t end; /* of its text; the flags above it */
	uint32_t later; /* its offset, counted from the chunk's */
};

struct history_chunk {
	uint64_t first; /* the number of its first row, which may be dropped already */
	uint64_t offset;
	uint32_t count, dropped;
	uint32_t size;
	uint8_t data[];
};

void
history_init(struct history *h, size_t rows_max, size_t bytes_max)
{
	*h = (struct history){ .rows_max = rows_max, .bytes_max = bytes_max };
}

static void
free_chunks(struct history *h, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++) {
		h->bytes -= h->chunks[i]->size;
		free(h->chunks[i]);
	}
	memmove(h->chunks + from, h->chunks + from + n,
	    (h->chunk_count - from - n) * sizeof *h->chunks);
	h->chunk_count -= n;
}

void
history_clear(struct history *h)
{
	if (h->chunk_count)
		free_chunks(h, 0, h->chunk_count);
	h->first = h->next;
}

void
history_finish(struct history *h)
{
	history_clear(h);
	free(h->chunks);
	history_init(h, h->rows_max, h->bytes_max);
}

/* ---- within a chunk ---- */

static struct slot
get_slot(const struct history_chunk *c, uint32_t i)
{
	struct slot s;
	memcpy(&s, c->data + c->size - (i + 1) * sizeof s, sizeof s);
	return s;
}

static void
set_slot(struct history_chunk *c, uint32_t i, struct slot s)
{
	memcpy(c->data + c->size - (i + 1) * sizeof s, &s, sizeof s);
}

/* Where row i begins. */
static uint32_t
begin_of(const struct history_chunk *c, uint32_t i)
{
	return i ? get_slot(c, i - 1).end & END_MASK : 0;
}

static bool
has_room(const struct history_chunk *c, size_t n, uint64_t offset)
{
	return begin_of(c, c->count) + (c->count + 1) * sizeof(struct slot) + n <= c->size
	    && offset - c->offset <= UINT32_MAX;
}

/* ---- the chunks ---- */

static int
add_chunk(struct history *h, size_t n, uint64_t offset)
{
	size_t size = n + sizeof(struct slot);
	if (size < CHUNK_SIZE - sizeof(struct history_chunk))
		size = CHUNK_SIZE - sizeof(struct history_chunk);
	if (size > END_MASK)
		return ERR_NOMEM;
	if (h->chunk_count == h->chunk_cap) {
		size_t cap = h->chunk_cap ? h->chunk_cap * 2 : 16;
		struct history_chunk **chunks = malloc(cap * sizeof *chunks);
		if (!chunks)
			return ERR_NOMEM;
		if (h->chunk_count)
			memcpy(chunks, h->chunks, h->chunk_count * sizeof *chunks);
		free(h->chunks);
		h->chunks = chunks;
		h->chunk_cap = cap;
	}
	struct history_chunk *c = malloc(sizeof *c + size);
	if (!c)
		return ERR_NOMEM;
	*c = (struct history_chunk){ h->next, offset, 0, 0, (uint32_t)size };
	h->chunks[h->chunk_count++] = c;
	h->bytes += size;
	return 0;
}

/* Whole chunks only: their memory is what counts. */
static void
drop_bytes(struct history *h)
{
	size_t n = 0, bytes = h->bytes;
	while (n < h->chunk_count && bytes > h->bytes_max)
		bytes -= h->chunks[n++]->size;
	if (n == 0)
		return;
	h->first = n < h->chunk_count ? h->chunks[n]->first : h->next;
	free_chunks(h, 0, n);
}

static void
drop_rows(struct history *h)
{
	while (h->next - h->first > h->rows_max) {
		struct history_chunk *c = h->chunks[0];
		uint64_t over = h->next - h->first - h->rows_max;
		uint32_t left = c->count - c->dropped;
		uint32_t n = over < left ? (uint32_t)over : left;
		h->first += n;
		c->dropped += n;
		if (n == left)
			free_chunks(h, 0, 1);
	}
}

void
history_bound(struct history *h, size_t rows_max, size_t bytes_max)
{
	h->rows_max = rows_max;
	h->bytes_max = bytes_max;
	drop_bytes(h);
	drop_rows(h);
}

/* As often as there is room for it, which is once or more. */
static size_t
fill_chunk(struct history_chunk *c, const struct history_row *row, size_t count)
{
	size_t n = row->text.n, done = 0;
	uint32_t begin = begin_of(c, c->count);
	struct slot s = { .later = (uint32_t)(row->offset - c->offset) };
	do {
		if (n)
			memcpy(c->data + begin, row->text.p, n);
		begin += (uint32_t)n;
		s.end = begin | (uint32_t)row->flags << FLAG_SHIFT;
		set_slot(c, c->count++, s);
	} while (++done < count && has_room(c, n, row->offset));
	return done;
}

/* The chunk for a row of n bytes; NULL: there is none. */
static struct history_chunk *
chunk_for(struct history *h, size_t n, uint64_t offset, int *ret_err)
{
	struct history_chunk *c = h->chunk_count ? h->chunks[h->chunk_count - 1] : NULL;
	*ret_err = 0;
	if (c && has_room(c, n, offset))
		return c;
	*ret_err = add_chunk(h, n, offset);
	if (*ret_err)
		return NULL;
	drop_bytes(h);
	return h->chunk_count ? h->chunks[h->chunk_count - 1] : NULL;
}

int
history_push(struct history *h, const struct history_row *row, size_t count)
{
	int err = 0;
	while (count) {
		struct history_chunk *c = h->rows_max
		    ? chunk_for(h, row->text.n, row->offset, &err)
		    : NULL;
		/* Numbers go on without a gap: what is before is not kept either. */
		if (!c) {
			h->next += count;
			history_clear(h);
			return err;
		}
		size_t n = fill_chunk(c, row, count);
		h->next += n;
		count -= n;
		drop_rows(h);
	}
	return 0;
}

/* The chunk that has a row. */
static size_t
chunk_of(const struct history *h, uint64_t number)
{
	size_t low = 0, high = h->chunk_count - 1;
	while (low < high) {
		size_t mid = (low + high + 1) / 2;
		if (h->chunks[mid]->first <= number)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

struct history_row
history_get(const struct history *h, uint64_t number)
{
	const struct history_chunk *c = h->chunks[chunk_of(h, number)];
	uint32_t i = (uint32_t)(number - c->first), begin = begin_of(c, i);
	struct slot s = get_slot(c, i);
	return (struct history_row){
		.text = { c->data + begin, (s.end & END_MASK) - begin },
		.flags = (uint8_t)(s.end >> FLAG_SHIFT),
		.offset = c->offset + s.later,
	};
}

/* The flags of the last row; 0 if there is none. */
static uint8_t
last_flags(const struct history *h)
{
	if (h->chunk_count == 0)
		return 0;
	const struct history_chunk *c = h->chunks[h->chunk_count - 1];
	return (uint8_t)(get_slot(c, c->count - 1).end >> FLAG_SHIFT);
}

bool
history_open(const struct history *h)
{
	return last_flags(h) & ROW_WRAPPED;
}

bool
history_short(const struct history *h)
{
	return (last_flags(h) & (ROW_WRAPPED | ROW_SPACER)) == (ROW_WRAPPED | ROW_SPACER);
}

void
history_close(struct history *h)
{
	if (!history_open(h))
		return;
	struct history_chunk *c = h->chunks[h->chunk_count - 1];
	struct slot s = get_slot(c, c->count - 1);
	s.end &= ~((uint32_t)(ROW_WRAPPED | ROW_SPACER) << FLAG_SHIFT);
	set_slot(c, c->count - 1, s);
}

void
history_take_back(struct history *h, uint64_t number)
{
	while (h->chunk_count && h->next > number) {
		struct history_chunk *c = h->chunks[h->chunk_count - 1];
		if (c->first + c->dropped >= number) {
			h->next = c->first + c->dropped;
			free_chunks(h, h->chunk_count - 1, 1);
		} else {
			c->count = (uint32_t)(number - c->first);
			h->next = number;
		}
	}
}

uint64_t
history_after(const struct history *h, uint64_t offset)
{
	uint64_t low = h->first, high = h->next;
	while (low < high) {
		uint64_t mid = low + (high - low) / 2;
		if (history_get(h, mid).offset <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
