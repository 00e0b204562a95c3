/*
 * Finds characters, controls and sequences in a stream of bytes.
 *
 * A sequence that is whole in the bytes at hand is taken from there.  One that is not is
 * gathered in `held`, so that a snapshot in its midst can give the same bytes again:
 * without the controls inside it, which act at once, and, where it became too long to be
 * understood, replaced by a short one that is as unknown.
 *
 * UTF-8 throughout: bytes 80 to 9F are no controls, and neither are the characters so
 * encoded, as in the terminals of today (xterm differs for the latter).
 */
#ifndef TERM_PARSER_H
#define TERM_PARSER_H

#include "base/buf.h"

enum {
	SEQUENCE_MAX = 256, /* of ESC and CSI sequences, in bytes */
	STRING_MAX = 8 * 1024, /* of OSC, DCS and the like */
};

enum parser_state {
	PARSER_GROUND,
	PARSER_CHAR, /* within a UTF-8 sequence */
	PARSER_ESCAPE,
	PARSER_CSI,
	PARSER_OSC,
	PARSER_STRING, /* DCS, SOS, PM, APC; ESC k where that is one */
};

struct term;

struct parser {
	uint8_t state;
	struct buf held; /* what came of the unfinished sequence */
	const uint8_t *chunk, *at; /* what is read now, and how far it is */
};

void parser_init(struct parser *p);
void parser_finish(struct parser *p);
void parser_run(struct term *t, const uint8_t *bytes, size_t n);

#endif
