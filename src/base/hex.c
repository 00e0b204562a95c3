#include "base/hex.h"

#include "base/err.h"

static const char digits[] = "0123456789abcdef";

int
hex_put(struct buf *out, struct span bytes)
{
	uint8_t *room;
	int err = buf_room(out, 2 * bytes.n, &room);
	if (err)
		return err;
	for (size_t i = 0; i < bytes.n; i++) {
		*room++ = (uint8_t)digits[bytes.p[i] >> 4];
		*room++ = (uint8_t)digits[bytes.p[i] & 15];
	}
	buf_added(out, 2 * bytes.n);
	return 0;
}

static int
value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
hex_get(const char *text, struct buf *out)
{
	for (; *text; text += 2) {
		int high = value(text[0]), low = high < 0 ? -1 : value(text[1]);
		if (low < 0)
			return ERR_MESSAGE;
		uint8_t byte = (uint8_t)(high << 4 | low);
		int err = buf_put(out, &byte, 1);
		if (err)
			return err;
	}
	return 0;
}
