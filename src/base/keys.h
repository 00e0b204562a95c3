/*
 * The keys in what a terminal sends: a pure decoder, a byte at a time.
 *
 *     text, controls           themselves
 *     CSI code ; modifiers u   keys in kitty's coding: what they are; with the event (pressed,
 *                              repeated, released) and the text that they are, if asked for
 *     CSI 200 ~ ... CSI 201 ~  pasted text, while a program wants to be told (mode 2004)
 *     arrows, pages            KEYS_BACK and KEYS_ON
 *     other sequences          no key: focus, mouse, answers ...
 */
#ifndef BASE_KEYS_H
#define BASE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	KEYS_NONE = -1, /* no key, or in the middle of one */
	KEYS_CTRL_C = 3,
	KEYS_CTRL_D = 4,
	KEYS_BACKSPACE = 8,
	KEYS_CTRL_U = 21,
	KEYS_DELETE = 127,
	KEYS_BACK = 0x1000, /* Left, Up, Page Up */
	KEYS_ON, /* Right, Down, Page Down */
};

/* What a byte ended. */
enum keys_ended {
	KEYS_NOTHING, /* it stands within a sequence */
	KEYS_BYTE, /* none: it is text or a control */
	KEYS_META, /* ESC and this byte */
	KEYS_CSI,
	KEYS_SS3,
	KEYS_MOUSE, /* CSI M and three bytes */
};

/* Zeroed at the beginning. */
struct keys {
	unsigned state;
	/* Of a sequence; they stay until the next one begins. */
	unsigned numbers[3]; /* its parameters; 0: not given */
	unsigned event; /* kitty's, behind the second: 2 repeated, 3 released */
	uint8_t part; /* how many colons precede within a parameter */
	uint8_t lead; /* < = > ? before the first; 0: none */
	uint8_t ended; /* enum keys_ended, of the last byte */
	bool texts; /* the third parameter has more than one character */
	bool pasting; /* what comes was pasted */
};

/* The key that a byte completes: a byte of text, a control, KEYS_BACK or KEYS_ON. */
int keys_take(struct keys *k, uint8_t byte);
/* The last byte was ESC: a key by itself, or the beginning of a sequence. */
bool keys_after_escape(const struct keys *k);
/* That ESC was a key by itself: what comes begins anew. */
void keys_escape_alone(struct keys *k);
/* Whether the key is Enter. */
bool keys_is_enter(int key);
/* Whether a byte can change nothing but be itself: most can. */
static inline bool
keys_plain(const struct keys *k, uint8_t byte)
{
	return k->state == 0 && byte != 033;
}

#endif
