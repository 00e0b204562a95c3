#include "base/keys.h"

enum { ESCAPE = 27, PASTE_BEGINS = 200, PASTE_ENDS = 201, PAGE_UP = 5, PAGE_DOWN = 6 };

/* Where the decoder is in what a terminal sends. */
enum state {
	KEYS,
	AFTER_ESCAPE,
	CSI_FIRST, /* in its first number */
	CSI_SECOND,
	CSI_REST,
	SS3,
	MOUSE, /* three bytes follow */
	MOUSE_LAST = MOUSE + 2,
};

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

/* A byte within "ESC [ number ; number letter". */
static int
csi(struct keys *k, uint8_t byte)
{
	enum state state = k->state;
	unsigned *number = &k->numbers[state == CSI_SECOND];
	if (byte >= '0' && byte <= '9') {
		if (state != CSI_REST && *number < 100000)
			*number = *number * 10 + byte - '0';
	} else if (byte == ';') {
		k->state = state == CSI_FIRST ? CSI_SECOND : CSI_REST;
	} else if (byte >= '@') {
		bool old_mouse = byte == 'M' && state == CSI_FIRST;
		k->state = old_mouse ? MOUSE : KEYS;
		return byte == 'u' ? coded_key(k)
		    : byte == '~'  ? numbered(k)
				   : arrow(byte);
	}
	return KEYS_NONE;
}

int
keys_take(struct keys *k, uint8_t byte)
{
	if (k->state >= MOUSE) { /* three bytes of any value */
		k->state = k->state == MOUSE_LAST ? KEYS : k->state + 1;
		return KEYS_NONE;
	}
	if (byte == ESCAPE) {
		k->state = AFTER_ESCAPE;
		return KEYS_NONE;
	}
	if (k->state == KEYS || byte < ' ')
		return byte;
	if (k->state != AFTER_ESCAPE && k->state != SS3)
		return csi(k, byte);
	bool after_ss3 = k->state == SS3;
	bool ss3 = !after_ss3 && byte == 'O';
	k->state = !after_ss3 && byte == '[' ? CSI_FIRST : ss3 ? SS3 : KEYS;
	k->numbers[0] = k->numbers[1] = 0;
	if (!after_ss3)
		return KEYS_NONE;
	return byte == 'M' ? '\r' : arrow(byte); /* the keypad's Enter */
}
