#include "server/sequence.h"

#include <string.h>

enum { ESC = 033, BEL = 7 };

enum state {
	TEXT,
	ESCAPE,
	CSI,
	SS3,
	MOUSE_1, /* of the three bytes behind CSI M, which may be any */
	MOUSE_2,
	MOUSE_3,
	STRING_BEGINS, /* or the key was Alt and this letter */
	STRING,
	STRING_ESCAPE,
};

static enum state
after_escape(struct sequence *s, uint8_t byte)
{
	s->lead = 0;
	s->number = 0;
	s->further = false;
	switch (byte) {
	case '[':
		return CSI;
	case 'O':
		return SS3;
	case ']':
	case 'P':
	case '_':
		s->lead = byte;
		return STRING_BEGINS;
	default:
		return TEXT;
	}
}

/* As base/keys.c has it. */
static bool
begins_answer(uint8_t lead, uint8_t byte)
{
	bool digit = byte >= '0' && byte <= '9';
	return lead == ']' ? digit || byte == 'l' || byte == 'L'
	    : lead == 'P'  ? digit || byte == '>' || byte == '!'
			   : byte == 'G';
}

static enum state
ends(struct sequence *s, uint8_t final)
{
	static const char finals[] = "Rcntyu";
	static const uint8_t kinds[] = { ANSWER_CURSOR, ANSWER_IDENTITY, ANSWER_STATUS,
		ANSWER_WINDOW, ANSWER_MODE, ANSWER_KEYBOARD };
	enum { PASTE_BEGINS = 200, PASTE_ENDS = 201, ONLY_WITH_LEAD = 4 };
	const char *at = strchr(finals, final);
	bool key = at && at - finals >= ONLY_WITH_LEAD && !s->lead;
	s->kind = at && !key ? kinds[at - finals] : ANSWER_NONE;
	if (final == '~' && (s->number == PASTE_BEGINS || s->number == PASTE_ENDS))
		s->pasting = s->number == PASTE_BEGINS;
	return final == 'M' && !s->lead && !s->number ? MOUSE_1 : TEXT;
}

static enum state
csi(struct sequence *s, uint8_t byte)
{
	if (byte >= '0' && byte <= '9') {
		if (!s->further && s->number < 1000)
			s->number = (uint16_t)(s->number * 10 + byte - '0');
		return CSI;
	}
	if (byte >= '@' && byte <= '~')
		return ends(s, byte);
	if (byte == ';' || byte == ':')
		s->further = true;
	else
		s->lead = byte;
	return byte < ' ' || byte > '~' ? TEXT : CSI;
}

static enum state
string(struct sequence *s, uint8_t byte)
{
	bool whole = (byte == BEL && s->lead == ']')
	    || (byte == '\\' && s->state == STRING_ESCAPE);
	if (whole)
		s->kind = ANSWER_STRING;
	return whole || (byte < ' ' && byte != BEL) ? TEXT : STRING;
}

static enum state
next(struct sequence *s, uint8_t byte)
{
	if (s->state >= MOUSE_1 && s->state <= MOUSE_3)
		return s->state == MOUSE_3 ? TEXT : s->state + 1;
	if (byte == ESC)
		return s->state == STRING ? STRING_ESCAPE : ESCAPE;
	if (s->state == STRING_ESCAPE && byte != '\\')
		s->state = ESCAPE; /* another sequence */
	switch (s->state) {
	case ESCAPE:
		return after_escape(s, byte);
	case CSI:
		return csi(s, byte);
	case STRING_BEGINS:
		return begins_answer(s->lead, byte) ? STRING : TEXT;
	case STRING:
	case STRING_ESCAPE:
		return string(s, byte);
	default:
		return TEXT;
	}
}

bool
sequence_take(struct sequence *s, uint8_t byte)
{
	s->kind = ANSWER_NONE;
	s->state = (uint8_t)next(s, byte);
	return s->state == TEXT;
}
