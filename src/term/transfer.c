#include "term/transfer.h"

#include <string.h>

enum { ZDLE = 0x18, CAN = 0x18, CANCELS = 5, CAPITALS = 2 };

static const char zmodem[] = "**\x18"
			     "B0";
static const char trzsz[] = "::TRZSZ:TRANSFER:";

/* Goes on with a pattern that is matched up to here; how much of it is, with this byte.  Both
 * begin with a character twice, and have no other beginning within them but that character. */
static uint8_t
match(const char *pattern, uint8_t matched, uint8_t byte)
{
	uint8_t first = (uint8_t)*pattern;
	if (byte == (uint8_t)pattern[matched])
		return matched + 1;
	if (byte != first)
		return 0;
	return matched && (uint8_t)pattern[matched - 1] == first ? 2 : 1;
}

/* The second digit of a header's type. */
static void
on_header(struct transfer *t, uint8_t type)
{
	if (type == '0' || type == '1')
		t->kind = TRANSFER_ZMODEM;
	else if (type == '8' && t->kind == TRANSFER_ZMODEM)
		t->kind = TRANSFER_NONE;
}

/* Whether this byte ends "#DATA:" or its like. */
static bool
ends_line(struct transfer *t, uint8_t byte)
{
	bool capital = (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
	bool ends = byte == ':' && t->line > CAPITALS;
	if (byte == '#')
		t->line = 1;
	else if (!capital || !t->line)
		t->line = 0;
	else if (t->line <= CAPITALS)
		t->line++;
	return ends;
}

static void
take(struct transfer *t, uint8_t byte, uint64_t now_us)
{
	bool goes_on = false;
	if (t->zmodem == sizeof zmodem - 1) {
		on_header(t, byte);
		goes_on = t->kind == TRANSFER_ZMODEM;
		t->zmodem = 0;
	} else {
		t->zmodem = match(zmodem, t->zmodem, byte);
	}
	t->trzsz = match(trzsz, t->trzsz, byte);
	if (t->trzsz == sizeof trzsz - 1) {
		t->kind = TRANSFER_TRZSZ;
		t->trzsz = 0;
		goes_on = true;
	}
	t->cancels = byte == CAN ? t->cancels + 1 : 0;
	goes_on |= t->kind == TRANSFER_ZMODEM && byte == ZDLE;
	goes_on |= t->kind == TRANSFER_TRZSZ && ends_line(t, byte);
	if (t->kind == TRANSFER_ZMODEM && t->cancels >= CANCELS)
		t->kind = TRANSFER_NONE;
	if (t->cancels >= CANCELS)
		t->cancels = CANCELS;
	if (goes_on)
		t->until_us = now_us + TRANSFER_QUIET_US;
}

void
transfer_output(struct transfer *t, struct span bytes, uint64_t now_us)
{
	if (!transfer_is_on(t, now_us))
		t->kind = TRANSFER_NONE;
	for (size_t i = 0; i < bytes.n; i++) {
		uint8_t byte = bytes.p[i];
		bool plain = byte != (uint8_t)*zmodem && byte != (uint8_t)*trzsz;
		if (plain && !t->zmodem && !t->trzsz && t->kind == TRANSFER_NONE)
			continue;
		take(t, byte, now_us);
	}
}

void
transfer_input(struct transfer *t, struct span bytes, uint64_t now_us)
{
	/* An upload's lines are long: any "#" may begin one. */
	int sign = t->kind == TRANSFER_ZMODEM ? ZDLE : '#';
	if (transfer_is_on(t, now_us) && bytes.n && memchr(bytes.p, sign, bytes.n))
		t->until_us = now_us + TRANSFER_QUIET_US;
}

bool
transfer_is_on(const struct transfer *t, uint64_t now_us)
{
	return t->kind != TRANSFER_NONE && now_us < t->until_us;
}
