#include "screen/cursor_reports.h"

#include <string.h>

void
cursor_reports_want(struct cursor_reports *c, uint64_t now_us)
{
	c->wanted = true;
	c->failed = c->silent = false;
	c->wanted_us = now_us;
}

/* An answer has its time from the question on, however late that could be asked. */
static uint64_t
fails_us(const struct cursor_reports *c)
{
	bool awaited = c->open && c->counts;
	return (awaited ? c->asked_us : c->wanted_us) + CURSOR_WAIT_US;
}

void
cursor_reports_at(struct cursor_reports *c, uint64_t now_us)
{
	if (c->wanted && now_us >= fails_us(c)) {
		bool unanswered = c->open && c->counts;
		c->silent = unanswered && !c->asked_by_page;
		c->by_page &= !unanswered;
		c->wanted = false;
		c->failed = true;
	}
	if (c->open && now_us >= c->asked_us + CURSOR_LATE_US)
		c->open = false;
}

enum { ESCAPE_LEN = 2 /* ESC, and [ behind it, are a person's as well */ };

static uint64_t
held_until(const struct cursor_reports *c)
{
	return c->held_us + (c->n_held <= ESCAPE_LEN ? CURSOR_ESCAPE_US : CURSOR_WAIT_US);
}

uint64_t
cursor_reports_deadline(const struct cursor_reports *c)
{
	uint64_t fails = c->wanted ? fails_us(c) : 0,
		 held = c->n_held ? held_until(c) : 0;
	return !fails || (held && held < fails) ? held : fails;
}

bool
cursor_reports_again(const struct cursor_reports *c, uint64_t now_us)
{
	return c->failed && !c->silent && now_us >= c->wanted_us + CURSOR_AGAIN_US;
}

bool
cursor_reports_due(const struct cursor_reports *c)
{
	return c->wanted && !c->open;
}

void
cursor_reports_ask(struct cursor_reports *c, struct cursor_place foretold,
    uint64_t now_us, struct buf *out)
{
	c->open = c->counts = true;
	c->asked_by_page = c->by_page;
	c->asked_us = now_us;
	c->foretold = foretold;
	buf_print(out, c->by_page ? "\033[?6n" : "\033[6n");
}

void
cursor_reports_late(struct cursor_reports *c)
{
	c->counts = false;
}

/* Returns the length of the answer at the head of the bytes, "ESC [ row ; column R", or with
 * DECXCPR "ESC [ ? row ; column ; page R"; 0 if there is none; all of them, with *ret_whole
 * false, if it may become one. */
static size_t
parse(const uint8_t *p, size_t n, bool by_page, struct cursor_place *ret_place,
    bool *ret_whole)
{
	int parts[3] = { 0, 0, 0 }, given = 0;
	size_t i = 0;
	*ret_whole = false;
	for (const char *head = by_page ? "\033[?" : "\033["; *head; head++, i++) {
		if (i == n)
			return n;
		if (p[i] != (uint8_t)*head)
			return 0;
	}
	for (int part = 0; part < 2 + by_page; part++) {
		size_t begin = i;
		for (; i < n && p[i] >= '0' && p[i] <= '9' && i < begin + 4; i++)
			parts[part] = parts[part] * 10 + p[i] - '0';
		if (i == n)
			return n;
		if (i == begin)
			return 0;
		given++;
		if (p[i] != ';')
			break;
		i++;
	}
	if (given < 2 || i == n || p[i] != 'R')
		return i == n ? n : 0;
	*ret_place = (struct cursor_place){ parts[0] - 1, parts[1] - 1 };
	*ret_whole = true;
	return i + 1;
}

/* Whether it is no key: F3 with modifiers is in the first row, and its column one more than
 * a set of four or, with kitty's locks, eight bits. */
static bool
is_answer(const struct cursor_reports *c, struct cursor_place at)
{
	enum { MODIFIERS_FIRST = 1, MODIFIERS_LAST = 15, LOCKS = 64 };
	bool key = at.col >= MODIFIERS_FIRST
	    && (at.col <= MODIFIERS_LAST || at.col >= LOCKS);
	bool foretold = (c->foretold.row == 0 || c->foretold.row < 0)
	    && at.col == c->foretold.col;
	return c->asked_by_page || at.row > 0 || !key || foretold;
}

/* The beginning of an answer, `len` bytes at the end of the keys: more of it may come. */
static bool
hold(struct cursor_reports *c, const uint8_t *bytes, size_t len, uint64_t since_us,
    uint64_t now_us)
{
	if (len <= ESCAPE_LEN && !(c->wanted && c->counts))
		return false;
	c->n_held = len;
	c->held_us = since_us;
	if (now_us >= held_until(c))
		c->n_held = 0;
	memcpy(c->held, bytes, c->n_held);
	return c->n_held;
}

size_t
cursor_reports_filter(struct cursor_reports *c, uint8_t *bytes, size_t n, uint64_t now_us,
    struct cursor_place *ret_place, bool *ret_counts)
{
	bool whole;
	uint64_t since_us = c->n_held ? c->held_us : now_us;
	*ret_counts = false;
	memmove(bytes + c->n_held, bytes, n);
	memcpy(bytes, c->held, c->n_held);
	n += c->n_held;
	c->n_held = 0;
	for (size_t i = 0; c->open && i < n;) {
		struct cursor_place at;
		size_t len = parse(bytes + i, n - i, c->asked_by_page, &at, &whole);
		if (!len || (whole && !is_answer(c, at)) || len > CURSOR_REPORT_MAX
		    || (!whole && !hold(c, bytes + i, len, since_us, now_us))) {
			i++;
			continue;
		}
		if (whole) {
			*ret_place = at;
			*ret_counts = c->counts;
			c->wanted &= !c->counts;
			c->open = false;
			memmove(bytes + i, bytes + i + len, n - i - len);
		}
		n -= len;
	}
	return n;
}
