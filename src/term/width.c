#include "term/width.h"

#include "term/width_table.h"

void
width_init(void)
{
	uint8_t *at = width_pages[0];
	if (*at)
		return; /* no class is 0 */
	for (size_t i = 0; i < sizeof table_runs; i += 2)
		for (unsigned n = table_runs[i + 1]; n; n--)
			*at++ = table_runs[i];
}

uint8_t
char_kind_beyond(uint32_t ch)
{
	for (size_t i = 0; i < sizeof table_beyond / sizeof *table_beyond; i++)
		if (ch >= table_beyond[i].first && ch <= table_beyond[i].last)
			return table_beyond[i].kind;
	return BREAK_OTHER << 2 | 1;
}

/* The rules GB6 to GB12 of annex 29; what is no character of text never comes here. */
static bool
continues(const struct grapheme *g, enum break_class next)
{
	switch (next) {
	case BREAK_EXTEND:
	case BREAK_ZWJ:
	case BREAK_SPACING:
		return true;
	case BREAK_PICT:
		return g->pict && g->last == BREAK_ZWJ;
	case BREAK_REGIONAL:
		return g->last == BREAK_REGIONAL && g->odd;
	case BREAK_HANGUL_L:
	case BREAK_HANGUL_LV:
	case BREAK_HANGUL_LVT:
		return g->last == BREAK_HANGUL_L;
	case BREAK_HANGUL_V:
		return g->last == BREAK_HANGUL_L || g->last == BREAK_HANGUL_V
		    || g->last == BREAK_HANGUL_LV;
	case BREAK_HANGUL_T:
		return g->last == BREAK_HANGUL_V || g->last == BREAK_HANGUL_T
		    || g->last == BREAK_HANGUL_LV || g->last == BREAK_HANGUL_LVT;
	default:
		return false;
	}
}

bool
grapheme_continues(struct grapheme *g, uint8_t kind)
{
	enum break_class next = kind >> 2;
	bool joined = g->started && (g->last == BREAK_PREPEND || continues(g, next));
	bool extender = next == BREAK_EXTEND || next == BREAK_ZWJ;
	g->pict = next == BREAK_PICT || (joined && extender && g->pict);
	g->odd = next == BREAK_REGIONAL && !(joined && g->odd);
	g->last = next;
	g->started = true;
	return joined;
}

/* How long the sequence is that a byte begins; 0: none begins so.  The range of the
 * second byte keeps overlong forms, surrogates and what is beyond Unicode out. */
static size_t
utf8_lead(uint8_t c, uint8_t *ret_low, uint8_t *ret_high)
{
	*ret_low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	*ret_high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	return c < 0x80 ? 1
	    : c < 0xc2	? 0
	    : c < 0xe0	? 2
	    : c < 0xf0	? 3
	    : c < 0xf5	? 4
			: 0;
}

size_t
utf8_get(const uint8_t *p, const uint8_t *end, uint32_t *ret_ch)
{
	uint8_t low, high;
	size_t len = utf8_lead(*p, &low, &high);
	*ret_ch = CHAR_BAD;
	if (len == 0)
		return 1;
	uint32_t ch = len == 1 ? *p : *p & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if (p + i == end)
			return 0;
		if (p[i] < low || p[i] > high)
			return i;
		ch = ch << 6 | (p[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	*ret_ch = ch;
	return len;
}
