/*
 * How a cell looks, beside its character.
 *
 * A colour is one number: its kind in the high byte, then an index or red, green, blue.
 * A style has no padding, so that equal styles are equal bytes.
 */
#ifndef TERM_STYLE_H
#define TERM_STYLE_H

#include "base/buf.h"

enum {
	COLOUR_DEFAULT = 0,
	COLOUR_INDEXED = 1 << 24,
	COLOUR_RGB = 2 << 24,
	COLOUR_KIND = 255 << 24,
};

/* The attributes that one SGR number switches on and another off:
 * name, on, off, what else is switched off with it. */
#define ATTRIBUTES(A) \
	A(BOLD, 1, 22, "bold") \
	A(FAINT, 2, 22, "faint") \
	A(ITALIC, 3, 23, "italic") \
	A(BLINK, 5, 25, "blink") \
	A(FAST_BLINK, 6, 25, "fast blink") \
	A(INVERSE, 7, 27, "inverse") \
	A(HIDDEN, 8, 28, "hidden") \
	A(STRIKE, 9, 29, "struck out") \
	A(FRAMED, 51, 54, "framed") \
	A(ENCIRCLED, 52, 54, "encircled") \
	A(OVERLINE, 53, 55, "overlined") \
	A(SUPERSCRIPT, 73, 75, "superscript") \
	A(SUBSCRIPT, 74, 75, "subscript")

#define ATTR_BIT(name, on, off, text) ATTR_BIT_##name,
enum { ATTRIBUTES(ATTR_BIT) ATTR_BIT_COUNT };
#undef ATTR_BIT

#define ATTR_MASK(name, on, off, text) ATTR_##name = 1 << ATTR_BIT_##name,
enum {
	ATTRIBUTES(ATTR_MASK) ATTR_UNDERLINE_SHIFT = 16,
	ATTR_UNDERLINE = 7 << ATTR_UNDERLINE_SHIFT, /* 0 to 5, as in SGR 4:N */
	/* Not of SGR, which does not touch it: DECSCA. */
	ATTR_PROTECTED = 1 << 20,
};
#undef ATTR_MASK

enum { UNDERLINE_DOUBLE = 2, UNDERLINE_LAST = 5 };

struct style {
	uint32_t fg, bg, ul;
	uint32_t attr;
	uint32_t link; /* a number in the table of hyperlinks; 0: none */
};

enum { PARAMS_MAX = 32 };

/* The parameters of a control sequence. */
struct params {
	size_t n;
	uint16_t v[PARAMS_MAX];
	uint32_t given; /* bits: has digits */
	uint32_t sub; /* bits: stands after a colon */
};

/* Reads parameters from text, up to the first byte that is none of theirs, and returns how
 * many bytes that took.  There is always at least one; more than PARAMS_MAX are dropped. */
size_t params_read(struct params *ps, struct span text);
/* A parameter, or what stands for it when it is missing or 0. */
static inline int
param_or(const struct params *ps, size_t i, int missing)
{
	return i < ps->n && ps->v[i] ? ps->v[i] : missing;
}
/* The same for those that may be 0. */
static inline int
param_given_or(const struct params *ps, size_t i, int missing)
{
	return i < ps->n && ps->given >> i & 1 ? ps->v[i] : missing;
}

/* Changes a style as SGR says; what is unknown is passed by. */
void style_sgr(struct style *s, const struct params *ps);
/* The SGR sequence that makes `from` look like `to`, hyperlink and protection left
 * aside; nothing if they are equal. */
void style_put(struct buf *out, const struct style *from, const struct style *to);
/* A style as bytes: one that says which of its parts follow, then these. */
enum {
	STYLE_ATTR = 1, /* 3 bytes */
	STYLE_FG = 2, /* 4 bytes, as in struct style */
	STYLE_BG = 4,
	STYLE_UL = 8,
	STYLE_FG_INDEX = 16, /* a byte: a colour of the palette */
	STYLE_BG_INDEX = 32,
	STYLE_LINK = 64, /* 4 bytes: its number */
	STYLE_PACKED_MAX = 1 + 3 + 4 + 4 + 4 + 4,
};
/* Returns how many bytes that is. */
size_t style_pack(const struct style *s, uint8_t bytes[STYLE_PACKED_MAX]);
size_t style_unpack(struct style *ret_style, const uint8_t *bytes);
/* The parameters of the SGR that makes a style from nothing: "0;1;31". */
void style_put_params(struct buf *out, const struct style *s);

static inline bool
style_equal(const struct style *a, const struct style *b)
{
	return a->fg == b->fg && a->bg == b->bg && a->ul == b->ul && a->attr == b->attr
	    && a->link == b->link;
}

/* Whether they look the same: links and protection left aside. */
static inline bool
style_alike(const struct style *a, const struct style *b)
{
	return a->fg == b->fg && a->bg == b->bg && a->ul == b->ul
	    && (a->attr & ~(uint32_t)ATTR_PROTECTED)
	    == (b->attr & ~(uint32_t)ATTR_PROTECTED);
}

#endif
