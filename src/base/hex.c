#include "base/hex.h"

#include "base/err.h"

#include <string.h>

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

int
hex_uuid(const char *text, uint8_t ret_bytes[16])
{
	size_t n = 0;
	memset(ret_bytes, 0, 16);
	for (; *text && n < 32; text++) {
		char c = *text >= 'A' && *text <= 'F' ? (char)(*text - 'A' + 'a') : *text;
		int v = value(c);
		if (v >= 0)
			ret_bytes[n / 2] |= (uint8_t)(n % 2 ? v : v << 4);
		else if (c != '-')
			break;
		n += v >= 0;
	}
	if (n == 32 && value(*text) < 0)
		return 0;
	memset(ret_bytes, 0, 16);
	return ERR_MESSAGE;
}
