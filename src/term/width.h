/*
 * How wide a character is, and which characters belong together in one cell (grapheme
 * clusters, Unicode annex 29).  The data are Unicode's, by way of tools/unicode.
 */
#ifndef TERM_WIDTH_H
#define TERM_WIDTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum break_class {
	BREAK_OTHER,
	BREAK_EXTEND,
	BREAK_ZWJ,
	BREAK_PREPEND,
	BREAK_SPACING,
	BREAK_REGIONAL,
	BREAK_PICT,
	BREAK_HANGUL_L,
	BREAK_HANGUL_V,
	BREAK_HANGUL_T,
	BREAK_HANGUL_LVT,
	BREAK_HANGUL_LV,
};

enum { CHAR_VS16 = 0xfe0f, CHAR_BAD = 0xfffd };

/* A character's break class and its width (0, 1 or 2 cells), in one byte. */
uint8_t char_kind(uint32_t ch);

static inline int
kind_width(uint8_t kind)
{
	return kind & 3;
}

/* What has been seen of a cluster; all zero before its first character. */
struct grapheme {
	uint8_t last; /* the break class of its last character */
	bool started;
	bool pict; /* a pictograph and nothing but extenders since */
	bool odd; /* an odd number of regional indicators */
};

/* Whether a character of this kind continues the cluster.  If not, it begins the next one,
 * which g then describes. */
bool grapheme_continues(struct grapheme *g, uint8_t kind);

/* Decodes one character of [p, end), p < end.  Returns the bytes it takes, 0 if more are
 * needed; what is no UTF-8 counts as CHAR_BAD (Unicode, 3.9: maximal subparts). */
size_t utf8_get(const uint8_t *p, const uint8_t *end, uint32_t *ret_ch);
/* Encodes into at most 4 bytes, returns how many. */
size_t utf8_put(uint32_t ch, uint8_t bytes[4]);

#endif
