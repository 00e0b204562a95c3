/*
 * What a key is likely to do to the screen, from the bytes that a terminal sends.
 *
 *     text       stands at the cursor: printable UTF-8, kitty's reports of text
 *     erase      takes the character left of the cursor away
 *     left right move the cursor within what was typed
 *     soft       moves it somewhere in the same line: Home, End, by words
 *     rewrite    changes the line in a way that is not foreseen: Up, Down, Del, ^U ...
 *     hard       does anything: Enter, Tab, Escape, ^C, unknown sequences
 *     other      nothing that was typed: pasted text, reports of the mouse, focus, answers
 *
 * The bytes come read by read: an ESC that ends a read is a key by itself.
 */
#ifndef PREDICT_KEYCLASS_H
#define PREDICT_KEYCLASS_H

#include "base/keys.h"

#include <stddef.h>

enum key_class {
	KEY_NONE, /* no key, or in the middle of one */
	KEY_TEXT,
	KEY_ERASE,
	KEY_LEFT,
	KEY_RIGHT,
	KEY_SOFT,
	KEY_REWRITE,
	KEY_HARD,
	KEY_OTHER,
	KEY_CLASSES
};

struct key {
	uint32_t ch; /* of text, and of controls: what it is */
	uint8_t class; /* enum key_class */
	/* Of text: 1 or 2 columns; 0: it is not foreseen how wide it is. */
	uint8_t width;
};

/* Zeroed at the beginning. */
struct keyclass {
	struct keys keys;
	uint8_t utf8[4]; /* an unfinished character */
	uint8_t have;
	uint8_t erase; /* one more byte that erases, the host's VERASE; 0: none */
	bool fresh; /* nothing of this read was taken */
	bool string; /* within an answer, ESC ] ... or ESC P ... */
	uint32_t string_len;
};

/* A read begins. */
void keyclass_begin(struct keyclass *kc);
/* The key that a byte completes. */
struct key keyclass_take(struct keyclass *kc, uint8_t byte);
/* The read has ended: the key that this completes. */
struct key keyclass_end(struct keyclass *kc);

/* How many columns a character takes on every terminal: 1, or 2; 0: that is in doubt, as with
 * emoji, joiners, marks and symbols that some fonts have wide. */
int key_width(uint32_t ch);

#endif
