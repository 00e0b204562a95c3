/*
 * The keys in what a terminal sends: a pure decoder, a byte at a time.
 *
 *     text, controls           themselves
 *     CSI code ; modifiers u   keys in kitty's coding: what they are
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

/* Zeroed at the beginning. */
struct keys {
	unsigned state;
	unsigned numbers[2]; /* of a sequence */
	bool pasting; /* what comes was pasted */
};

/* The key that a byte completes: a byte of text, a control, KEYS_BACK or KEYS_ON. */
int keys_take(struct keys *k, uint8_t byte);
/* Whether the key is Enter. */
bool keys_is_enter(int key);
/* Whether a byte can change nothing but be itself: most can. */
static inline bool
keys_plain(const struct keys *k, uint8_t byte)
{
	return k->state == 0 && byte != 033;
}

#endif
