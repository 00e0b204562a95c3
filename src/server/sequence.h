/*
 * The sequences in what a terminal sends, and which of them are its answers; not what keys they
 * are (base/keys.h, which a server is not to carry).
 */
#ifndef SERVER_SEQUENCE_H
#define SERVER_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

enum answer_kind {
	ANSWER_NONE,
	ANSWER_CURSOR, /* CPR; or F3 with modifiers */
	ANSWER_IDENTITY, /* DA */
	ANSWER_STATUS, /* DSR */
	ANSWER_MODE, /* DECRPM */
	ANSWER_WINDOW, /* XTWINOPS */
	ANSWER_KEYBOARD, /* kitty's flags */
	ANSWER_STRING, /* OSC, DCS, APC */
	ANSWER_KINDS,
};

/* Zeroed at the beginning. */
struct sequence {
	uint8_t state; /* 0: none is under way */
	uint8_t
	    lead; /* < = > ?, or what stands before the letter, or a string's; 0: none */
	uint8_t kind; /* enum answer_kind, of the one that the last byte has ended */
	bool pasting; /* between CSI 200 ~ and CSI 201 ~ */
	uint16_t number; /* the first parameter */
	bool further; /* there are more */
};

/* Returns whether nothing is under way behind this byte. */
bool sequence_take(struct sequence *s, uint8_t byte);

#endif
