#include "screen/cursor_reports.h"

#include <string.h>

void
cursor_reports_ask(struct cursor_reports *c, struct buf *out)
{
	c->asked++;
	c->late = false;
	buf_print(out, "\033[6n");
}

void
cursor_reports_ask_once(struct cursor_reports *c, struct buf *out)
{
	if (!c->asked || (c->late && c->asked < CURSOR_ASKED_MAX))
		cursor_reports_ask(c, out);
}

void
cursor_reports_late(struct cursor_reports *c)
{
	c->late = true;
}

/* Returns the length of the answer at the head of the bytes; 0 if there is none; all of them,
 * with *ret_whole false, if it may become one. */
static size_t
parse(const uint8_t *p, size_t n, struct cursor_place *ret_place, bool *ret_whole)
{
	static const char ends[] = { ';', 'R' };
	int parts[2] = { 0, 0 };
	size_t i = 2;
	*ret_whole = false;
	if (n < 3 || p[0] != 033 || p[1] != '[')
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t begin = i;
		for (; i < n && p[i] >= '0' && p[i] <= '9' && i < begin + 4; i++)
			parts[part] = parts[part] * 10 + p[i] - '0';
		if (i == n)
			return n;
		if (i == begin || p[i] != ends[part])
			return 0;
		i++;
	}
	*ret_place = (struct cursor_place){ parts[0] - 1, parts[1] - 1 };
	*ret_whole = true;
	return i;
}

size_t
cursor_reports_filter(struct cursor_reports *c, uint8_t *bytes, size_t n,
    struct cursor_place *ret_place, bool *ret_counts)
{
	bool whole;
	*ret_counts = false;
	memmove(bytes + c->n_held, bytes, n);
	memcpy(bytes, c->held, c->n_held);
	n += c->n_held;
	c->n_held = 0;
	for (size_t i = 0; c->asked && i < n;) {
		size_t len = parse(bytes + i, n - i, ret_place, &whole);
		if (!len) {
			i++;
			continue;
		}
		if (whole) {
			*ret_counts = --c->asked == 0 && !c->late;
			memmove(bytes + i, bytes + i + len, n - i - len);
		} else {
			memcpy(c->held, bytes + i, len);
			c->n_held = len;
		}
		n -= len;
	}
	return n;
}
