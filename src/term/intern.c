#include "term/intern.h"

#include "base/err.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

static uint32_t
slot_count(const struct intern *in)
{
	return in->entry_cap * 2;
}

static size_t
mark_bytes(uint32_t entries)
{
	return entries / 8 + 1;
}

/* FNV-1a, four bytes at a time where there are four. */
static uint32_t
hash_of(struct span s)
{
	uint64_t h = HASH_BEGIN;
	size_t i = 0;
	for (; i + 4 <= s.n; i += 4) {
		uint32_t four;
		memcpy(&four, s.p + i, 4);
		h = hash_step(h, four);
	}
	for (; i < s.n; i++)
		h = hash_step(h, s.p[i]);
	return (uint32_t)(h ^ h >> 29 ^ h >> 43);
}

int
intern_init(struct intern *in, uint32_t entries, uint32_t pool, uint32_t pool_max)
{
	*in = (struct intern){ .entry_cap = entries,
		.pool_cap = pool,
		.pool_max = pool_max };
	in->entries = calloc((size_t)entries + 1, sizeof *in->entries);
	in->slots = calloc(slot_count(in), sizeof *in->slots);
	in->marks = calloc(mark_bytes(entries), 1);
	in->pool = malloc(pool + INTERN_SLACK);
	if (in->entries && in->slots && in->marks && in->pool)
		return 0;
	intern_finish(in);
	return ERR_NOMEM;
}

void
intern_finish(struct intern *in)
{
	free(in->entries);
	free(in->slots);
	free(in->marks);
	free(in->pool);
	*in = (struct intern){ 0 };
}

const uint8_t intern_none[INTERN_SLACK];

/* The slot where the string is, or the free one where it belongs. */
static uint32_t *
find_slot(const struct intern *in, struct span s, uint32_t hash)
{
	uint32_t mask = slot_count(in) - 1;
	for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
		uint32_t id = in->slots[i];
		const struct intern_entry *e = &in->entries[id];
		if (id == 0)
			return &in->slots[i];
		if (e->hash == hash && e->len == s.n
		    && memcmp(in->pool + e->at, s.p, s.n) == 0)
			return &in->slots[i];
	}
}

int
intern_add(struct intern *in, struct span s, uint32_t *ret_id)
{
	*ret_id = 0;
	if (s.n == 0)
		return 0;
	uint32_t hash = hash_of(s);
	uint32_t *slot = find_slot(in, s, hash);
	*ret_id = *slot;
	if (*slot)
		return 0;
	if (in->used == in->entry_cap || s.n > in->pool_cap - in->pool_len)
		return ERR_FULL;
	uint32_t id = in->entry_free;
	if (id)
		in->entry_free = in->entries[id].at;
	else
		id = ++in->entry_high;
	in->entries[id] = (struct intern_entry){ in->pool_len, hash, (uint32_t)s.n };
	memcpy(in->pool + in->pool_len, s.p, s.n);
	in->pool_len += (uint32_t)s.n;
	in->used++;
	*ret_id = *slot = id;
	return 0;
}

void
intern_unmark(struct intern *in)
{
	memset(in->marks, 0, mark_bytes(in->entry_cap));
}

bool
intern_is_marked(const struct intern *in, uint32_t id)
{
	return in->marks[id / 8] >> id % 8 & 1;
}

/* Frees the entries that are not marked; returns the bytes of the others. */
static uint32_t
drop_unmarked(struct intern *in)
{
	uint32_t bytes = 0;
	in->entry_free = 0;
	in->used = 0;
	for (uint32_t id = 1; id <= in->entry_high; id++) {
		struct intern_entry *e = &in->entries[id];
		if (e->len && intern_is_marked(in, id)) {
			bytes += e->len;
			in->used++;
		} else {
			*e = (struct intern_entry){ .at = in->entry_free };
			in->entry_free = id;
		}
	}
	return bytes;
}

/* Moves what is in use to the front of `pool`, which may be the old one only if the
 * entries lie in it by rising numbers: so it never is. */
static void
move_pool(struct intern *in, uint8_t *pool, uint32_t cap)
{
	uint32_t len = 0;
	for (uint32_t id = 1; id <= in->entry_high; id++) {
		struct intern_entry *e = &in->entries[id];
		if (e->len) {
			memcpy(pool + len, in->pool + e->at, e->len);
			e->at = len;
			len += e->len;
		}
	}
	free(in->pool);
	in->pool = pool;
	in->pool_len = len;
	in->pool_cap = cap;
}

static void
fill_slots(struct intern *in)
{
	memset(in->slots, 0, slot_count(in) * sizeof *in->slots);
	for (uint32_t id = 1; id <= in->entry_high; id++)
		if (in->entries[id].len)
			*find_slot(in, intern_get(in, id), in->entries[id].hash) = id;
}

static int
grow_entries(struct intern *in)
{
	struct intern bigger = { .entry_cap = in->entry_cap * 2 };
	bigger.entries = calloc((size_t)bigger.entry_cap + 1, sizeof *in->entries);
	bigger.slots = malloc(slot_count(&bigger) * sizeof *in->slots);
	bigger.marks = calloc(mark_bytes(bigger.entry_cap), 1);
	if (!bigger.entries || !bigger.slots || !bigger.marks) {
		intern_finish(&bigger);
		return ERR_NOMEM;
	}
	memcpy(bigger.entries, in->entries, (in->entry_high + 1) * sizeof *in->entries);
	free(in->entries);
	free(in->slots);
	free(in->marks);
	in->entries = bigger.entries;
	in->slots = bigger.slots;
	in->marks = bigger.marks;
	in->entry_cap = bigger.entry_cap;
	return 0;
}

int
intern_sweep(struct intern *in, uint32_t least)
{
	int err = 0;
	uint32_t bytes = drop_unmarked(in);
	uint32_t cap = in->pool_cap;
	if (bytes > cap / 2 && cap < in->pool_max)
		cap = cap < in->pool_max / 2 ? cap * 2 : in->pool_max;
	uint8_t *pool = malloc(cap + INTERN_SLACK);
	if (pool)
		move_pool(in, pool, cap);
	else
		err = ERR_NOMEM;
	bool small = in->used > in->entry_cap / 2 || in->entry_cap < least;
	if (small && grow_entries(in))
		err = ERR_NOMEM;
	fill_slots(in);
	return err;
}

size_t
intern_bytes(const struct intern *in)
{
	return (in->entry_cap + 1) * sizeof *in->entries
	    + slot_count(in) * sizeof *in->slots + mark_bytes(in->entry_cap)
	    + in->pool_cap + INTERN_SLACK;
}
