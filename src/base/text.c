#include "base/text.h"

#include <stdint.h>

struct range {
	uint32_t first, last;
};

/* Unicode's general categories Cc, Cf, Zl and Zp, and what is no character. */
static const struct range unwanted[] = {
	{ 0x0000, 0x001f },
	{ 0x007f, 0x009f },
	{ 0x00ad, 0x00ad },
	{ 0x0600, 0x0605 },
	{ 0x061c, 0x061c },
	{ 0x06dd, 0x06dd },
	{ 0x070f, 0x070f },
	{ 0x0890, 0x0891 },
	{ 0x08e2, 0x08e2 },
	{ 0x180e, 0x180e },
	{ 0x200b, 0x200f },
	{ 0x2028, 0x202e },
	{ 0x2060, 0x206f },
	{ 0xd800, 0xdfff },
	{ 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb },
	{ 0xfffe, 0xffff },
	{ 0x110bd, 0x110bd },
	{ 0x110cd, 0x110cd },
	{ 0x13430, 0x1343f },
	{ 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe007f },
};

static bool
is_wanted(uint32_t c)
{
	for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
		if (c >= unwanted[i].first && c <= unwanted[i].last)
			return false;
	return true;
}

/* The length of the character at the head, as RFC 3629 has it; 0: there is none. */
static size_t
decode(const unsigned char *p, uint32_t *ret_c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1
	    : p[0] < 0xc0      ? 0
	    : p[0] < 0xe0      ? 2
	    : p[0] < 0xf0      ? 3
	    : p[0] < 0xf8      ? 4
			       : 0;
	*ret_c = n > 1 ? p[0] & (0x7fu >> n) : p[0];
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) /* the text's end is none either */
			return 0;
		*ret_c = *ret_c << 6 | (p[i] & 0x3f);
	}
	return n && *ret_c >= least[n] && *ret_c <= 0x10ffff ? n : 0;
}

void
text_printable(char *text, bool utf8)
{
	char *out = text;
	for (const char *in = text; *in;) {
		uint32_t c;
		size_t n = decode((const unsigned char *)in, &c);
		bool good = n && is_wanted(c) && (utf8 || n == 1);
		if (!good)
			*out++ = '?';
		for (size_t i = 0; good && i < n; i++)
			*out++ = in[i];
		in += n ? n : 1;
	}
	*out = 0;
}
