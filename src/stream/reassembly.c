#include "stream/reassembly.h"

#include <stdlib.h>
#include <string.h>

struct reassembly *
reassembly_new(size_t window)
{
	struct reassembly *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->window = window;
	r->end_at = UINT64_MAX;
	return r;
}

void
reassembly_free(struct reassembly *r)
{
	if (r)
		free(r->bytes);
	free(r);
}

/* ---- ranges ---- */

static void
drop_range(struct ranges *rs, size_t i)
{
	rs->n--;
	memmove(&rs->list[i], &rs->list[i + 1], (rs->n - i) * sizeof *rs->list);
}

/* Where it touches others it becomes one with them.  False: it would be one too many. */
static bool
add_range(struct ranges *rs, uint64_t from, uint64_t to)
{
	size_t i = 0;
	while (i < rs->n && rs->list[i].to < from)
		i++;
	if (i == rs->n || rs->list[i].from > to) {
		if (rs->n == RANGES_MAX)
			return false;
		memmove(&rs->list[i + 1], &rs->list[i], (rs->n - i) * sizeof *rs->list);
		rs->n++;
		rs->list[i] = (struct range){ from, to };
		return true;
	}
	struct range *range = &rs->list[i];
	range->from = from < range->from ? from : range->from;
	range->to = to > range->to ? to : range->to;
	while (i + 1 < rs->n && rs->list[i + 1].from <= range->to) {
		if (rs->list[i + 1].to > range->to)
			range->to = rs->list[i + 1].to;
		drop_range(rs, i + 1);
	}
	return true;
}

static void
forget_before(struct ranges *rs, uint64_t offset)
{
	while (rs->n && rs->list[0].to <= offset)
		drop_range(rs, 0);
	if (rs->n && rs->list[0].from < offset)
		rs->list[0].from = offset;
}

/* ---- ahead of their turn ---- */

void
reassembly_put(struct reassembly *r, uint64_t offset, struct span bytes)
{
	if (!r->bytes)
		r->bytes = malloc(r->window);
	if (!bytes.n || !r->bytes || !add_range(&r->early, offset, offset + bytes.n))
		return;
	size_t at = (size_t)(offset % r->window), end = r->window - at;
	size_t n = bytes.n < end ? bytes.n : end;
	memcpy(r->bytes + at, bytes.p, n);
	memcpy(r->bytes, bytes.p + n, bytes.n - n);
}

struct span
reassembly_at(const struct reassembly *r, uint64_t offset)
{
	size_t i = 0;
	while (i < r->early.n && r->early.list[i].to <= offset)
		i++;
	if (i == r->early.n || r->early.list[i].from > offset)
		return (struct span){ 0 };
	size_t at = (size_t)(offset % r->window), end = r->window - at;
	uint64_t n = r->early.list[i].to - offset;
	return (struct span){ r->bytes + at, n < end ? (size_t)n : end };
}

void
reassembly_got(struct reassembly *r, uint64_t offset)
{
	forget_before(&r->early, offset);
	if (r->early.n)
		return;
	free(r->bytes);
	r->bytes = NULL;
}

/* ---- to be sent again ---- */

void
reassembly_lost(struct reassembly *r, uint64_t from, uint64_t to)
{
	if (add_range(&r->again, from, to))
		return;
	/* With the one behind it, or with the last. */
	size_t i = 0;
	while (i + 1 < r->again.n && r->again.list[i].from < to)
		i++;
	const struct range *other = &r->again.list[i];
	(void)add_range(&r->again, from < other->from ? from : other->to,
	    from < other->from ? other->from : to);
}

void
reassembly_done(struct reassembly *r, uint64_t offset)
{
	forget_before(&r->again, offset);
}
