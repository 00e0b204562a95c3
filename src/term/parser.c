#include "term/parser.h"

#include "base/err.h"
#include "term/state.h"

enum { BEL = 0x07, CAN = 0x18, SUB = 0x1a, ESC = 0x1b, DEL = 0x7f };

/* What stands for a sequence that is too long: as long unknown whatever follows. */
static const char *const too_long[] = {
	[PARSER_ESCAPE] = "\033   ",
	[PARSER_CSI] = "\033[0<",
	[PARSER_OSC] = "\033]9999;",
	[PARSER_STRING] = "\033X",
};

void
parser_init(struct parser *p)
{
	*p = (struct parser){ 0 };
	buf_init(&p->held, STRING_MAX);
}

void
parser_finish(struct parser *p)
{
	buf_finish(&p->held);
}

static size_t
longest(const struct parser *p)
{
	return p->state == PARSER_OSC || p->state == PARSER_STRING ? STRING_MAX
								   : SEQUENCE_MAX;
}

/* Gathers bytes of an unfinished sequence. */
static void
hold(struct term *t, const uint8_t *from, const uint8_t *end)
{
	struct parser *p = &t->parser;
	size_t n = (size_t)(end - from);
	if (p->held.len + n <= longest(p) && buf_put(&p->held, from, n) == 0)
		return;
	const char *instead = too_long[p->state];
	buf_drop(&p->held, p->held.len);
	size_t len = 0;
	while (instead[len])
		len++;
	/* Nothing can be kept without memory: the sequence is lost. */
	if (buf_put(&p->held, instead, len)) {
		p->state = PARSER_GROUND;
		t->err = ERR_NOMEM;
	}
}

/* The whole sequence: [from, end) comes after what is held. */
static struct span
whole(struct term *t, const uint8_t *from, const uint8_t *end)
{
	struct parser *p = &t->parser;
	struct span s = { from, (size_t)(end - from) };
	if (p->held.len) {
		hold(t, from, end);
		return buf_span(&p->held);
	}
	if (s.n > longest(p))
		s.n = 0;
	return s;
}

static void
end_sequence(struct parser *p)
{
	p->state = PARSER_GROUND;
	if (p->held.len)
		buf_drop(&p->held, p->held.len);
}

/* ---- each state: reads on from p, returns how far it came; `from` is where the part of
 * the sequence in this chunk begins ---- */

/* A control inside a sequence acts at once and is no part of it. */
static const uint8_t *
control_within(struct term *t, const uint8_t *from, const uint8_t *p)
{
	if (*p == CAN || *p == SUB) {
		end_sequence(&t->parser);
		return p + 1;
	}
	if (*p == ESC) {
		end_sequence(&t->parser);
		t->parser.state = PARSER_ESCAPE;
		hold(t, p, p + 1);
		return p + 1;
	}
	hold(t, from, p);
	if (*p != DEL)
		control(t, *p);
	return p + 1;
}

static const uint8_t *
read_escape(struct term *t, const uint8_t *from, const uint8_t *end)
{
	struct parser *ps = &t->parser;
	const uint8_t *p = from;
	if (ps->held.len == 0)
		p++; /* ESC itself */
	for (; p < end; p++) {
		uint8_t c = *p;
		bool first = ps->held.len + (size_t)(p - from) == 1;
		ps->at = p;
		if (c < 0x20 || c == DEL)
			return control_within(t, from, p);
		if (c < 0x30)
			continue;
		if (c >= 0x80) {
			end_sequence(ps);
			return p;
		}
		if (first
		    && (c == '[' || c == ']' || c == 'P' || c == 'X' || c == '^'
			|| c == '_' || (c == 'k' && t->string_k))) {
			ps->state = c == '[' ? PARSER_CSI
			    : c == ']'	     ? PARSER_OSC
					     : PARSER_STRING;
			hold(t, from, p + 1);
			return p + 1;
		}
		struct span s = whole(t, from, p + 1);
		escape(t, s);
		end_sequence(ps);
		return p + 1;
	}
	hold(t, from, end);
	return end;
}

static const uint8_t *
read_csi(struct term *t, const uint8_t *from, const uint8_t *end)
{
	struct parser *ps = &t->parser;
	for (const uint8_t *p = from; p < end; p++) {
		uint8_t c = *p;
		if (c >= 0x20 && c < 0x40)
			continue;
		ps->at = p;
		if (c < 0x20 || c == DEL)
			return control_within(t, from, p);
		if (c >= 0x80) {
			end_sequence(ps);
			return p;
		}
		csi(t, whole(t, from, p + 1));
		end_sequence(ps);
		return p + 1;
	}
	hold(t, from, end);
	return end;
}

/* Its end is BEL (of OSC only) or ESC, which begins the next sequence: ESC \ is none. */
static const uint8_t *
read_string(struct term *t, const uint8_t *from, const uint8_t *end)
{
	struct parser *ps = &t->parser;
	for (const uint8_t *p = from; p < end; p++) {
		uint8_t c = *p;
		if (c >= 0x20
		    || (c != ESC && c != CAN && c != SUB
			&& (c != BEL || ps->state != PARSER_OSC)))
			continue;
		ps->at = p;
		if (c == ESC || c == BEL) {
			struct span s = whole(t, from, p);
			if (s.n >= 2 && ps->state == PARSER_OSC)
				osc(t, (struct span){ s.p + 2, s.n - 2 });
			else if (s.n >= 2 && s.p[1] == 'P')
				dcs(t, (struct span){ s.p + 2, s.n - 2 });
			else if (s.n >= 2 && s.p[1] == '_')
				image_drawn(t); /* kitty's */
		} else {
			image_drawn(t); /* as far as it came it may have been drawn */
		}
		end_sequence(ps);
		return c == ESC ? p : p + 1;
	}
	hold(t, from, end);
	return end;
}

/* The rest of a character whose first bytes are held. */
static const uint8_t *
read_char(struct term *t, const uint8_t *p)
{
	struct parser *ps = &t->parser;
	uint32_t ch;
	size_t before = ps->held.len;
	ps->at = p;
	if (buf_put(&ps->held, p, 1)) {
		end_sequence(ps);
		return p + 1;
	}
	struct span s = buf_span(&ps->held);
	size_t len = utf8_get(s.p, s.p + s.n, &ch);
	if (len == 0)
		return p + 1;
	end_sequence(ps);
	print_char(t, ch);
	/* What does not belong to it stands for itself. */
	return len > before ? p + 1 : p;
}

/* A character beyond ASCII. */
static const uint8_t *
begin_char(struct term *t, const uint8_t *p, const uint8_t *end)
{
	uint32_t ch;
	size_t len = utf8_get(p, end, &ch);
	if (len == 0) {
		t->parser.state = PARSER_CHAR;
		if (buf_put(&t->parser.held, p, (size_t)(end - p)))
			t->parser.state = PARSER_GROUND;
		return end;
	}
	/* What breaks off is known for it by the byte after it. */
	bool broken = ch == CHAR_BAD && utf8_get(p, p + len, &(uint32_t){ 0 }) == 0;
	p += len;
	t->parser.at = broken ? p : p - 1;
	print_char(t, ch);
	return p;
}

static const uint8_t *
read_ascii(struct term *t, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *from = p;
	while (p < end && *p >= 0x20 && *p < DEL)
		p++;
	t->parser.at = from;
	print_ascii(t, from, (size_t)(p - from));
	return p;
}

static const uint8_t *
read_ground(struct term *t, const uint8_t *p, const uint8_t *end)
{
	if (*p >= 0x20) {
		p = print_text(t, p, end);
		if (p == end)
			return p;
	}
	if (*p >= 0x80)
		return begin_char(t, p, end);
	if (*p >= 0x20 && *p < DEL)
		return read_ascii(t, p, end);
	t->parser.at = p;
	if (*p == ESC) {
		const uint8_t *behind = csi_simple(t, p, end);
		if (behind == p)
			t->parser.state = PARSER_ESCAPE;
		return behind;
	}
	if (*p != DEL)
		control(t, *p);
	return p + 1;
}

void
parser_run(struct term *t, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;
	t->parser.chunk = p;
	while (p < end) {
		switch (t->parser.state) {
		case PARSER_GROUND:
			do
				p = read_ground(t, p, end);
			while (p < end && t->parser.state == PARSER_GROUND);
			break;
		case PARSER_CHAR:
			p = read_char(t, p);
			break;
		case PARSER_ESCAPE:
			p = read_escape(t, p, end);
			break;
		case PARSER_CSI:
			p = read_csi(t, p, end);
			break;
		default:
			p = read_string(t, p, end);
		}
	}
	t->written += n;
	t->parser.chunk = t->parser.at = NULL;
}
