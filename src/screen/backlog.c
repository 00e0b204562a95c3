#include "screen/backlog.h"

#include <string.h>

static const char paste_begins[] = "\033[200~", paste_ends[] = "\033[201~";

enum { BRACKET = sizeof paste_ends - 1 };

void
backlog_typed(struct backlog *b, uint64_t now_us)
{
	b->typed_us = now_us;
}

static void
let_go(struct backlog *b, struct stream *s)
{
	*b = (struct backlog){ .typed_us = b->typed_us };
	s->out_hold = UINT64_MAX;
}

uint64_t
backlog_turn(struct backlog *b, struct stream *s, bool away, uint64_t now_us)
{
	if (away) {
		if (!b->holds)
			s->out_hold = s->out_high;
		b->holds = true;
		b->back_us = 0;
		return 0;
	}
	if (!b->holds)
		return 0;
	if (!b->back_us)
		b->back_us = now_us;
	uint64_t quiet_us = b->typed_us + BACKLOG_QUIET_US;
	uint64_t most_us = b->back_us + BACKLOG_MAX_US;
	uint64_t at_us = quiet_us < most_us ? quiet_us : most_us;
	if (now_us >= at_us || !backlog_unsent(s)) {
		let_go(b, s);
		return 0;
	}
	return at_us;
}

size_t
backlog_unsent(const struct stream *s)
{
	return (size_t)(stream_written(s) - s->out_high);
}

size_t
backlog_doubtful(const struct stream *s)
{
	return stream_unacked(s) - backlog_unsent(s);
}

static uint8_t
byte_at(const struct stream *s, size_t off)
{
	return *ring_at(&s->out, off).p;
}

static bool
stands_at(const struct stream *s, size_t off, const char *bracket)
{
	for (size_t i = 0; i < BRACKET; i++)
		if (byte_at(s, off + i) != (uint8_t)bracket[i])
			return false;
	return true;
}

/* Whether the first bracket of a paste, from `off` on, is the end of one. */
static bool
ends_a_paste(const struct stream *s, size_t off)
{
	for (; off + BRACKET <= s->out.len; off++) {
		if (stands_at(s, off, paste_begins))
			return false;
		if (stands_at(s, off, paste_ends))
			return true;
	}
	return false;
}

size_t
backlog_drop(struct stream *s)
{
	size_t n = backlog_unsent(s), off = backlog_doubtful(s);
	size_t kept = ends_a_paste(s, off) ? BRACKET : 0;
	if (n)
		stream_replace(s, s->out_high, s->out_high + n,
		    (struct span){ (const uint8_t *)paste_ends, kept });
	return n - kept;
}

bool
backlog_is_an_enter(const struct stream *s)
{
	return s->out.len == 1 && byte_at(s, 0) == '\r';
}

size_t
backlog_characters(const struct stream *s)
{
	size_t n = 0;
	for (size_t off = 0; off < s->out.len;) {
		struct span piece = ring_at(&s->out, off);
		for (size_t i = 0; i < piece.n; i++)
			n += (piece.p[i] & 0xc0) != 0x80; /* not within one of UTF-8 */
		off += piece.n;
	}
	return n;
}
