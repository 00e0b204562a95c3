#include "term/style.h"

#include <string.h>

enum {
	SGR_UNDERLINE = 4,
	SGR_DOUBLE_UNDERLINE = 21,
	SGR_NO_UNDERLINE = 24,
	SGR_FG = 30, /* and the seven after it */
	SGR_FG_EXTENDED = 38,
	SGR_FG_DEFAULT = 39,
	SGR_BG = 40,
	SGR_BG_EXTENDED = 48,
	SGR_BG_DEFAULT = 49,
	SGR_UL_EXTENDED = 58,
	SGR_UL_DEFAULT = 59,
	SGR_FG_BRIGHT = 90,
	SGR_BG_BRIGHT = 100,
	EXTENDED_RGB = 2,
	EXTENDED_INDEXED = 5,
	PARAM_MAX = 65535,
};

/* Digits, from p on. */
static const uint8_t *
read_digits(const uint8_t *p, const uint8_t *end, uint32_t *ret_value)
{
	uint32_t v = 0, digit;
	for (; p < end && (digit = *p - (uint32_t)'0') <= 9; p++) {
		v = v * 10 + digit;
		v = v < PARAM_MAX ? v : PARAM_MAX;
	}
	*ret_value = v;
	return p;
}

size_t
params_read(struct params *ps, struct span text)
{
	const uint8_t *p = text.p, *end = text.p + text.n;
	uint32_t v, given = 0, sub = 0;
	size_t n = 0;
	for (;;) {
		const uint8_t *from = p;
		p = read_digits(p, end, &v);
		if (n < PARAMS_MAX) {
			ps->v[n] = (uint16_t)v;
			given |= (uint32_t)(p > from) << n;
			n++;
		}
		if (p == end || (*p != ';' && *p != ':'))
			break;
		if (n < PARAMS_MAX)
			sub |= (uint32_t)(*p == ':') << n;
		p++;
	}
	ps->n = n;
	ps->given = given;
	ps->sub = sub;
	return (size_t)(p - text.p);
}

/* ---- reading ---- */

/* Whether parameter i belongs to the one before it. */
static bool
is_sub(const struct params *ps, size_t i)
{
	return i < ps->n && ps->sub >> i & 1;
}

static uint32_t
rgb(const struct params *ps, size_t i)
{
	return COLOUR_RGB | (uint32_t)(ps->v[i] & 255) << 16
	    | (uint32_t)(ps->v[i + 1] & 255) << 8 | (ps->v[i + 2] & 255);
}

/* 38:2::R:G:B, 38:2:R:G:B, 38:5:N: `end` is behind its last part. */
static void
extended_colon(const struct params *ps, size_t i, size_t end, uint32_t *colour)
{
	int kind = ps->v[i + 1];
	if (kind == EXTENDED_INDEXED && end > i + 2)
		*colour = COLOUR_INDEXED | (ps->v[i + 2] & 255);
	else if (kind == EXTENDED_RGB && end > i + 5)
		*colour = rgb(ps, i + 3);
	else if (kind == EXTENDED_RGB && end > i + 4)
		*colour = rgb(ps, i + 2);
}

/* An extended colour at parameter i; returns the first parameter behind it. */
static size_t
extended(const struct params *ps, size_t i, uint32_t *colour)
{
	size_t end = i + 1;
	while (is_sub(ps, end))
		end++;
	if (end > i + 1) {
		extended_colon(ps, i, end, colour);
		return end;
	}
	int kind = i + 1 < ps->n ? ps->v[i + 1] : 0;
	if (kind == EXTENDED_INDEXED && i + 2 < ps->n) {
		*colour = COLOUR_INDEXED | (ps->v[i + 2] & 255);
		return i + 3;
	}
	if (kind == EXTENDED_RGB && i + 4 < ps->n) {
		*colour = rgb(ps, i + 2);
		return i + 5;
	}
	return ps->n;
}

static void
set_underline(struct style *s, uint32_t kind)
{
	if (kind <= UNDERLINE_LAST)
		s->attr = (s->attr & ~(uint32_t)ATTR_UNDERLINE)
		    | kind << ATTR_UNDERLINE_SHIFT;
}

static bool
set_colour(struct style *s, int v)
{
	if (v >= SGR_FG && v < SGR_FG + 8)
		s->fg = (uint32_t)(COLOUR_INDEXED + v - SGR_FG);
	else if (v >= SGR_BG && v < SGR_BG + 8)
		s->bg = (uint32_t)(COLOUR_INDEXED + v - SGR_BG);
	else if (v >= SGR_FG_BRIGHT && v < SGR_FG_BRIGHT + 8)
		s->fg = (uint32_t)(COLOUR_INDEXED + 8 + v - SGR_FG_BRIGHT);
	else if (v >= SGR_BG_BRIGHT && v < SGR_BG_BRIGHT + 8)
		s->bg = (uint32_t)(COLOUR_INDEXED + 8 + v - SGR_BG_BRIGHT);
	else
		return false;
	return true;
}

static void
set_attribute(struct style *s, int v)
{
	uint32_t a = s->attr;
	switch (v) {
#define ATTR_ON(name, on, off, text) \
	case on: \
		a |= ATTR_##name; \
		break;
		ATTRIBUTES(ATTR_ON)
#undef ATTR_ON
	default:
#define ATTR_OFF(name, on, off, text) a &= v == (off) ? ~(uint32_t)ATTR_##name : ~0u;
		ATTRIBUTES(ATTR_OFF)
#undef ATTR_OFF
	}
	s->attr = a;
}

static void
set_one(struct style *s, int v)
{
	switch (v) {
	case 0:
		*s = (struct style){ .attr = s->attr & ATTR_PROTECTED, .link = s->link };
		break;
	case SGR_UNDERLINE:
		set_underline(s, 1);
		break;
	case SGR_DOUBLE_UNDERLINE:
		set_underline(s, UNDERLINE_DOUBLE);
		break;
	case SGR_NO_UNDERLINE:
		set_underline(s, 0);
		break;
	case SGR_FG_DEFAULT:
		s->fg = COLOUR_DEFAULT;
		break;
	case SGR_BG_DEFAULT:
		s->bg = COLOUR_DEFAULT;
		break;
	case SGR_UL_DEFAULT:
		s->ul = COLOUR_DEFAULT;
		break;
	default:
		if (!set_colour(s, v))
			set_attribute(s, v);
	}
}

void
style_sgr(struct style *s, const struct params *ps)
{
	size_t i = 0;
	while (i < ps->n) {
		int v = ps->v[i];
		if (v == SGR_FG_EXTENDED || v == SGR_BG_EXTENDED
		    || v == SGR_UL_EXTENDED) {
			uint32_t *colour = v == SGR_FG_EXTENDED ? &s->fg
			    : v == SGR_BG_EXTENDED		? &s->bg
								: &s->ul;
			i = extended(ps, i, colour);
			continue;
		}
		if (v == SGR_UNDERLINE && is_sub(ps, i + 1))
			set_underline(s, ps->v[i + 1]);
		else
			set_one(s, v);
		do
			i++;
		while (is_sub(ps, i));
	}
}

/* ---- as bytes ---- */

static size_t
pack_colour(uint32_t colour, uint8_t whole, uint8_t index, uint8_t *bytes, size_t n)
{
	if (colour == COLOUR_DEFAULT)
		return n;
	if (index && (colour & COLOUR_KIND) == COLOUR_INDEXED) {
		*bytes |= index;
		bytes[n] = (uint8_t)colour;
		return n + 1;
	}
	*bytes |= whole;
	memcpy(bytes + n, &colour, sizeof colour);
	return n + sizeof colour;
}

size_t
style_pack(const struct style *s, uint8_t bytes[STYLE_PACKED_MAX])
{
	size_t n = 1;
	*bytes = s->attr ? STYLE_ATTR : 0;
	if (s->attr) {
		bytes[n++] = (uint8_t)s->attr;
		bytes[n++] = (uint8_t)(s->attr >> 8);
		bytes[n++] = (uint8_t)(s->attr >> 16);
	}
	n = pack_colour(s->fg, STYLE_FG, STYLE_FG_INDEX, bytes, n);
	n = pack_colour(s->bg, STYLE_BG, STYLE_BG_INDEX, bytes, n);
	n = pack_colour(s->ul, STYLE_UL, 0, bytes, n);
	return pack_colour(s->link, STYLE_LINK, 0, bytes, n);
}

static const uint8_t *
unpack_colour(const uint8_t *p, uint8_t parts, uint8_t whole, uint8_t index,
    uint32_t *colour)
{
	if (parts & index)
		*colour = COLOUR_INDEXED | *p++;
	else if (parts & whole) {
		memcpy(colour, p, sizeof *colour);
		p += sizeof *colour;
	}
	return p;
}

size_t
style_unpack(struct style *ret_style, const uint8_t *bytes)
{
	const uint8_t *p = bytes + 1;
	uint8_t parts = *bytes;
	*ret_style = (struct style){ 0 };
	if (parts & STYLE_ATTR) {
		ret_style->attr = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
		p += 3;
	}
	p = unpack_colour(p, parts, STYLE_FG, STYLE_FG_INDEX, &ret_style->fg);
	p = unpack_colour(p, parts, STYLE_BG, STYLE_BG_INDEX, &ret_style->bg);
	p = unpack_colour(p, parts, STYLE_UL, 0, &ret_style->ul);
	p = unpack_colour(p, parts, STYLE_LINK, 0, &ret_style->link);
	return (size_t)(p - bytes);
}

/* ---- writing ---- */

static char *
put_number(char *p, uint32_t v)
{
	if (v >= 100)
		*p++ = (char)('0' + v / 100 % 10);
	if (v >= 10)
		*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

/* ";38;5;N" and its like; `base` is 30 or 40. */
static char *
put_colour(char *p, uint32_t colour, uint32_t base)
{
	uint32_t v = colour & 0xffffff;
	if (colour == COLOUR_DEFAULT)
		return p;
	*p++ = ';';
	if ((colour & COLOUR_KIND) == COLOUR_INDEXED && v < 8)
		return put_number(p, base + v);
	if ((colour & COLOUR_KIND) == COLOUR_INDEXED && v < 16)
		return put_number(p, base + 60 + v - 8);
	p = put_number(p, base + 8);
	*p++ = ';';
	if ((colour & COLOUR_KIND) == COLOUR_INDEXED) {
		*p++ = '0' + EXTENDED_INDEXED;
		*p++ = ';';
		return put_number(p, v);
	}
	*p++ = '0' + EXTENDED_RGB;
	for (int shift = 16; shift >= 0; shift -= 8) {
		*p++ = ';';
		p = put_number(p, v >> shift & 255);
	}
	return p;
}

/* Colons: terminals that do not know 58 then do not take its parts for attributes. */
static char *
put_underline_colour(char *p, uint32_t colour)
{
	uint32_t v = colour & 0xffffff;
	if (colour == COLOUR_DEFAULT)
		return p;
	*p++ = ';';
	p = put_number(p, SGR_UL_EXTENDED);
	*p++ = ':';
	if ((colour & COLOUR_KIND) == COLOUR_INDEXED) {
		*p++ = '0' + EXTENDED_INDEXED;
		*p++ = ':';
		return put_number(p, v);
	}
	*p++ = '0' + EXTENDED_RGB;
	*p++ = ':';
	for (int shift = 16; shift >= 0; shift -= 8) {
		*p++ = ':';
		p = put_number(p, v >> shift & 255);
	}
	return p;
}

static char *
put_attributes(char *p, uint32_t attr)
{
	uint32_t underline = (attr & ATTR_UNDERLINE) >> ATTR_UNDERLINE_SHIFT;
#define ATTR_PUT(name, on, off, text) \
	if (attr & ATTR_##name) { \
		*p++ = ';'; \
		p = put_number(p, on); \
	}
	ATTRIBUTES(ATTR_PUT)
#undef ATTR_PUT
	if (underline) {
		*p++ = ';';
		*p++ = '0' + SGR_UNDERLINE;
	}
	if (underline > 1) {
		*p++ = ':';
		*p++ = (char)('0' + underline);
	}
	return p;
}

void
style_put_params(struct buf *out, const struct style *s)
{
	char text[160], *p = text;
	*p++ = '0';
	p = put_attributes(p, s->attr);
	p = put_colour(p, s->fg, SGR_FG);
	p = put_colour(p, s->bg, SGR_BG);
	p = put_underline_colour(p, s->ul);
	if (buf_put(out, text, (size_t)(p - text)))
		out->failed = true;
}

void
style_put(struct buf *out, const struct style *from, const struct style *to)
{
	static const struct style plain;
	if (style_alike(from, to))
		return;
	if (buf_put(out, "\033[", 2))
		out->failed = true;
	if (!style_alike(to, &plain))
		style_put_params(out, to);
	buf_putc(out, 'm');
}
