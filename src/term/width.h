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

/* The tables of width_table.h. */
enum {
	WIDTH_PAGE = 64,
	WIDTH_END = 0x20000,
	HANGUL_FIRST = 0xac00,
	HANGUL_LAST = 0xd7a3,
	HANGUL_FINALS = 28,
};
extern const uint8_t width_index[];
extern uint8_t width_pages[][WIDTH_PAGE]; /* nothing before width_init */
/* Lays the table out, once a process: term_new does.  Written out it would be a tenth of
 * the server's size. */
void width_init(void);
uint8_t char_kind_beyond(uint32_t ch);

/* A character's break class and its width (0, 1 or 2 cells), in one byte. */
static inline uint8_t
char_kind(uint32_t ch)
{
	if (ch >= WIDTH_END)
		return char_kind_beyond(ch);
	if (ch >= HANGUL_FIRST && ch <= HANGUL_LAST
	    && (ch - HANGUL_FIRST) % HANGUL_FINALS == 0)
		return BREAK_HANGUL_LV << 2 | 2;
	return width_pages[width_index[ch / WIDTH_PAGE]][ch % WIDTH_PAGE];
}

/* The same, the width only. */
static inline int
char_width(uint32_t ch)
{
	if (ch >= WIDTH_END)
		return char_kind_beyond(ch) & 3;
	return width_pages[width_index[ch / WIDTH_PAGE]][ch % WIDTH_PAGE] & 3;
}

static inline int
kind_width(uint8_t kind)
{
	return kind & 3;
}

/* Terminals disagree about how wide these are, or join them to what is before: marks with a width,
 * letters of a syllable, flags, joiners, and pictographs, of which some know less. */
static inline bool
kind_in_doubt(uint8_t kind)
{
	enum {
		AGREED = 1 << BREAK_OTHER | 1 << BREAK_HANGUL_L | 1 << BREAK_HANGUL_LV
		    | 1 << BREAK_HANGUL_LVT
	};
	return !(AGREED >> (kind >> 2) & 1);
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

/* The same where four bytes can be read, quick with what is most of the text in the world. */
static inline size_t
utf8_get_quick(const uint8_t *p, uint32_t *ret_ch)
{
	unsigned c = p[0], second = p[1] ^ 0x80u, third = p[2] ^ 0x80u;
	if (c - 0xe1 < 15 && c != 0xed && (second | third) < 0x40) {
		*ret_ch = (c & 15) << 12 | second << 6 | third;
		return 3;
	}
	if (c - 0xc2 < 30 && second < 0x40) {
		*ret_ch = (c & 31) << 6 | second;
		return 2;
	}
	unsigned fourth = p[3] ^ 0x80u;
	if (c - 0xf0 < 4 && (second | third | fourth) < 0x40
	    && (c > 0xf0 || second > 0xf)) {
		*ret_ch = (c & 7) << 18 | second << 12 | third << 6 | fourth;
		return 4;
	}
	return utf8_get(p, p + 4, ret_ch);
}

/* Encodes into at most 4 bytes, returns how many. */
static inline size_t
utf8_put(uint32_t ch, uint8_t bytes[4])
{
	if (ch < 0x80) {
		bytes[0] = (uint8_t)ch;
		return 1;
	}
	if (ch < 0x800) {
		bytes[0] = (uint8_t)(0xc0 | ch >> 6);
		bytes[1] = (uint8_t)(0x80 | (ch & 0x3f));
		return 2;
	}
	if (ch < 0x10000) {
		bytes[0] = (uint8_t)(0xe0 | ch >> 12);
		bytes[1] = (uint8_t)(0x80 | (ch >> 6 & 0x3f));
		bytes[2] = (uint8_t)(0x80 | (ch & 0x3f));
		return 3;
	}
	bytes[0] = (uint8_t)(0xf0 | ch >> 18);
	bytes[1] = (uint8_t)(0x80 | (ch >> 12 & 0x3f));
	bytes[2] = (uint8_t)(0x80 | (ch >> 6 & 0x3f));
	bytes[3] = (uint8_t)(0x80 | (ch & 0x3f));
	return 4;
}

#endif
