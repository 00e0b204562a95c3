#include "base/keys.h"

#include <stddef.h>

enum { ESCAPE = 27, PASTE_BEGINS = 200, PASTE_ENDS = 201, PAGE_UP = 5, PAGE_DOWN = 6 };
enum { NUMBER_MAX = 0x10ffff, RELEASED = 3 };

/* Where the decoder is in what a terminal sends. */
enum state {
	KEYS,
	AFTER_ESCAPE,
	CSI_FIRST, /* in its first number */
	CSI_SECOND,
	CSI_THIRD,
	CSI_REST,
	SS3,
	MOUSE, /* three bytes follow */
	MOUSE_LAST = MOUSE + 2,
};

bool
keys_after_escape(const struct keys *k)
{
	return k->state == AFTER_ESCAPE;
}

void
keys_escape_alone(struct keys *k)
{
	if (k->state == AFTER_ESCAPE)
		k->state = KEYS;
}

bool
keys_is_enter(int key)
{
	return key == '\r' || key == '\n';
}

/* CSI code ; modifiers u, as kitty has it: a key of which a program wants to be told in
 * this way. */
static int
coded_key(const struct keys *k)
{
	enum { SHIFT = 1, CONTROL = 4 };
	unsigned code = k->numbers[0];
	unsigned modifiers = k->numbers[1] ? k->numbers[1] - 1 : 0;
	if (k->event == RELEASED)
		return KEYS_NONE;
	if (modifiers & CONTROL && code >= 'a' && code <= 'z')
		return (int)(code - 'a' + 1);
	if (code > KEYS_DELETE || modifiers & ~(unsigned)SHIFT)
		return KEYS_NONE;
	return (int)code;
}

static int
arrow(uint8_t letter)
{
	if (letter == 'A' || letter == 'D')
		return KEYS_BACK;
	return letter == 'B' || letter == 'C' ? KEYS_ON : KEYS_NONE;
}

/* CSI number ~ */
static int
numbered(struct keys *k)
{
	unsigned number = k->numbers[0];
	if (number == PASTE_BEGINS || number == PASTE_ENDS)
		k->pasting = number == PASTE_BEGINS;
	return number == PAGE_UP ? KEYS_BACK : number == PAGE_DOWN ? KEYS_ON : KEYS_NONE;
}

/* Where a digit belongs; NULL: it is not looked at. */
static unsigned *
number_at(struct keys *k)
{
	if (k->part == 1 && k->state == CSI_SECOND)
		return &k->event;
	return k->part == 0 && k->state < CSI_REST ? &k->numbers[k->state - CSI_FIRST]
						   : NULL;
}

/* A byte within "ESC [ number ; number letter". */
static int
csi(struct keys *k, uint8_t byte)
{
	enum state state = k->state;
	unsigned *number = number_at(k);
	if (byte >= '0' && byte <= '9') {
		if (number && *number <= NUMBER_MAX)
			*number = *number * 10 + byte - '0';
	} else if (byte == ';') {
		k->state = state < CSI_REST ? state + 1 : CSI_REST;
		k->part = 0;
	} else if (byte == ':') {
		k->part += k->part < UINT8_MAX;
		k->texts |= state == CSI_THIRD;
	} else if (byte >= '<' && byte <= '?') {
		k->lead = byte;
	} else if (byte >= '@') {
		bool old_mouse = byte == 'M' && state == CSI_FIRST && !k->lead;
		k->state = old_mouse ? MOUSE : KEYS;
		k->ended = old_mouse ? KEYS_NOTHING : KEYS_CSI;
		return byte == 'u' ? coded_key(k)
		    : byte == '~'  ? numbered(k)
				   : arrow(byte);
	}
	return KEYS_NONE;
}

/* A byte behind ESC. */
static int
after_escape(struct keys *k, uint8_t byte)
{
	*k = (struct keys){ .pasting = k->pasting };
	k->state = byte == '[' ? CSI_FIRST : byte == 'O' ? SS3 : KEYS;
	k->ended = k->state == KEYS ? KEYS_META : KEYS_NOTHING;
	return KEYS_NONE;
}

int
keys_take(struct keys *k, uint8_t byte)
{
	k->ended = KEYS_NOTHING;
	if (k->state >= MOUSE) { /* three bytes of any value */
		k->ended = k->state == MOUSE_LAST ? KEYS_MOUSE : KEYS_NOTHING;
		k->state = k->state == MOUSE_LAST ? KEYS : k->state + 1;
		return KEYS_NONE;
	}
	if (byte == ESCAPE) {
		k->state = AFTER_ESCAPE;
		return KEYS_NONE;
	}
	if (k->state == KEYS || byte < ' ') {
		k->ended = KEYS_BYTE;
		return byte;
	}
	if (k->state == AFTER_ESCAPE)
		return after_escape(k, byte);
	if (k->state != SS3)
		return csi(k, byte);
	k->state = KEYS;
	k->ended = KEYS_SS3;
	return byte == 'M' ? '\r' : arrow(byte); /* the keypad's Enter */
}
