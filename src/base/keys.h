/*
 * The keys in what a terminal sends: a pure decoder, a byte at a time, the one that escapes,
 * questions and predictions have.
 *
 *     text, controls           themselves
 *     CSI code ; modifiers u   keys in kitty's coding (its "keyboard protocol"): what they are,
 *                              by their event, alternates and text as far as they are given
 *     CSI 27 ; modifiers ; code ~   the same as xterm's modifyOtherKeys has it
 *     CSI 200 ~ ... CSI 201 ~  pasted text, while a program wants to be told (mode 2004)
 *     arrows, pages            KEYS_BACK and KEYS_ON
 *     SS3                      the keypad: what is printed on the key
 *     other sequences          no key: focus, mouse, answers; strings too (OSC, DCS, APC)
 *
 * A key that is released is none.  Locks (Caps, Num) are no modifiers.
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
	KEYS_TEXT, /* what stands in `text`, which is more than one byte */
};

enum { KEYS_TEXT_MAX = 32 }; /* bytes of a key's text; more is no key */

/* What a byte ended. */
enum keys_ended {
	KEYS_NOTHING, /* it stands within a sequence */
	KEYS_BYTE, /* none: it is text or a control */
	KEYS_META, /* ESC and this byte */
	KEYS_CSI,
	KEYS_SS3,
	KEYS_MOUSE, /* CSI M and three bytes */
	KEYS_STRING, /* an answer of the terminal's: OSC, DCS or APC */
};

/* Zeroed at the beginning. */
struct keys {
	unsigned state;
	/* Of a sequence; they stay until the next one begins. */
	unsigned numbers[3]; /* its parameters; 0: not given */
	unsigned shifted,
	    base; /* kitty's alternates, behind the first: with Shift, and of the
				 * key in this place on the layout that shortcuts are for */
	unsigned event; /* kitty's, behind the second: 2 repeated, 3 released */
	unsigned further; /* the character after the first of the text */
	uint8_t part; /* how many colons precede within a parameter */
	uint8_t
	    lead; /* < = > ? before the first, or what stands before the letter; 0: none */
	uint8_t final; /* the letter of a CSI sequence */
	uint8_t ended; /* enum keys_ended, of the last byte */
	bool texts; /* the third parameter has more than one character */
	bool pasting; /* what comes was pasted */
	/* Counts down with each key since one was released: more than 0, the terminal tells
	 * of those. */
	uint8_t releases;
	uint8_t n_text; /* of KEYS_TEXT, in UTF-8 */
	uint8_t text[KEYS_TEXT_MAX];
};

/* The key that a byte completes: a byte of text, a control, KEYS_BACK, KEYS_ON or
 * KEYS_TEXT. */
int keys_take(struct keys *k, uint8_t byte);
/* What the last byte ended is no key that was pressed: a released one, a modifier by itself,
 * the mouse, the focus, an answer. */
bool keys_silent(const struct keys *k);
/* It is an answer of the terminal's, or looks like one. */
bool keys_answers(const struct keys *k);
/* It is a released key. */
bool keys_released(const struct keys *k);
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
