/*
 * Byte strings that are kept once and named by a number: the styles, the clusters and the
 * hyperlinks of the cells.
 *
 *     slots, by hash         entries, by number          pool
 *     [ 3 ][ 0 ][ 1 ]  --->  [ at, len, hash ]  --->  ...bytes...
 *
 * Nobody counts references.  When a table is full (ERR_FULL) its owner marks what is still
 * in use and sweeps; a table that stays more than half full then grows, and so does one of
 * fewer entries than the owner's marking is worth.  So the work of a sweep is paid for by as
 * many new entries, and a table is at most about four times as large as what is in use, or
 * as that, and never larger than `max` bytes.
 *
 * Number 0 is no entry: the empty string.
 */
#ifndef TERM_INTERN_H
#define TERM_INTERN_H

#include "base/buf.h"

struct intern_entry {
	uint32_t at, hash;
	uint32_t len; /* 0: free, and `at` is the next free one */
};

struct intern {
	struct intern_entry *entries; /* from 1 on */
	uint32_t *slots;
	uint8_t *marks; /* bits */
	uint8_t *pool;
	uint32_t entry_cap; /* as many as the slots' count by half */
	uint32_t entry_high; /* entries that were ever used */
	uint32_t entry_free; /* the first free one below entry_high; 0: none */
	uint32_t used;
	uint32_t pool_len, pool_cap;
	uint32_t pool_max;
};

/* At first there is room for so many entries of so many bytes in all. */
int intern_init(struct intern *in, uint32_t entries, uint32_t pool, uint32_t pool_max);
/* Takes a zeroed one. */
void intern_finish(struct intern *in);

/* The number of a string, which is added if it is new (0 for the empty one).
 * ERR_FULL: sweep first, or it cannot be kept at all. */
int intern_add(struct intern *in, struct span s, uint32_t *ret_id);
/* The string of a number; valid until the next sweep or addition.  INTERN_SLACK bytes
 * behind it may be read, whatever they are. */
enum { INTERN_SLACK = 24 };
extern const uint8_t intern_none[INTERN_SLACK];
static inline struct span
intern_get(const struct intern *in, uint32_t id)
{
	if (id == 0 || id > in->entry_high)
		return (struct span){ intern_none, 0 };
	const struct intern_entry *e = &in->entries[id];
	return (struct span){ in->pool + e->at, e->len };
}

/* Between intern_unmark and intern_sweep everything in use is to be marked. */
void intern_unmark(struct intern *in);
static inline void
intern_mark(struct intern *in, uint32_t id)
{
	in->marks[id / 8] |= (uint8_t)(1u << id % 8);
}
bool intern_is_marked(const struct intern *in, uint32_t id);
/* Frees what is not marked; numbers in use stay.  Grows the table if that did not make
 * enough room, or if it has room for fewer than `least`; ERR_NOMEM then leaves it as it is,
 * swept. */
int intern_sweep(struct intern *in, uint32_t least);

/* The memory that it holds, in bytes. */
size_t intern_bytes(const struct intern *in);

#endif
