#include "screen/plain_output.h"

#include "predict/keyclass.h"
#include "term/width.h"

#include <string.h>

enum {
	ESC = 0x1b,
	PARAMS_MAX = 32
}; /* parameters beyond are not looked at: it is not plain */

struct place {
	int col, cols;
	bool text; /* nothing else yet */
};

/* To a column, at most the last. */
static void
go_to(struct place *at, int col)
{
	at->col = col < 0 ? 0 : col < at->cols ? col : at->cols - 1;
}

/* A sequence behind CSI: its parameters in digits and ';', or '?' and 12 or 25; its final byte. */
struct sequence {
	int params[2]; /* the first ones; 0: none */
	bool private, known; /* known: of a private one, the mode */
	uint8_t final;
};

static const uint8_t *
read_sequence(const uint8_t *p, const uint8_t *end, struct sequence *s)
{
	int i = 0, n = 0;
	*s = (struct sequence){ .private = p < end && *p == '?' };
	for (p += s->private; p < end && n < PARAMS_MAX; p++, n++) {
		bool digit = *p >= '0' && *p <= '9';
		if (digit && i < 2)
			s->params[i] = s->params[i] < 10000 ? s->params[i] * 10 + *p - '0'
							    : 10000;
		i += *p == ';';
		if (digit || *p == ';' || (*p == ':' && !s->private))
			continue;
		s->final = *p;
		break;
	}
	s->known = i == 0 ? s->params[0] == 12 || s->params[0] == 25
			  : i == 1 && s->params[0] == 12 && s->params[1] == 25;
	return s->final ? p + 1 : NULL;
}

static bool
obey(struct place *at, const struct sequence *s)
{
	int by = s->params[0] ? s->params[0] : 1;
	if (s->private)
		return s->known && (s->final == 'h' || s->final == 'l');
	switch (s->final) {
	case 'C':
		go_to(at, at->col + by);
		return true;
	case 'D':
		go_to(at, at->col - by);
		return true;
	case 'G':
		go_to(at, by - 1);
		return true;
	case 'H':
		go_to(at, s->params[1] - 1);
		return true;
	case 'A':
	case 'B':
	case 'K':
	case 'X':
	case 'd':
	case 'm':
		return true;
	default:
		return false;
	}
}

/* Returns what is behind it; NULL: it is not plain. */
static const uint8_t *
take_escape(struct place *at, const uint8_t *p, const uint8_t *end)
{
	struct sequence s;
	at->text = false;
	if (end - p >= 2 && p[0] == '(' && p[1] == 'B')
		return p + 2;
	if (p == end || *p != '[')
		return NULL;
	p = read_sequence(p + 1, end, &s);
	return p && obey(at, &s) ? p : NULL;
}

static const uint8_t *
take_control(struct place *at, const uint8_t *p)
{
	at->text = false;
	if (*p == '\r')
		at->col = 0;
	else if (*p == '\b' && at->col > 0)
		at->col--;
	else
		return NULL;
	return p + 1;
}

static const uint8_t *
take_text(struct place *at, const uint8_t *p, const uint8_t *end)
{
	uint32_t ch;
	size_t n = utf8_get(p, end, &ch);
	int width = n && ch != CHAR_BAD ? key_width(ch) : 0;
	at->col += width;
	return width && at->col < at->cols ? p + n : NULL;
}

bool
plain_output(struct span bytes, int col, int cols, int *ret_cells)
{
	const uint8_t *p = bytes.p, *end = p + bytes.n;
	struct place at = { col, cols, true };
	while (p && p < end)
		if (*p == ESC)
			p = take_escape(&at, p + 1, end);
		else if (*p < ' ' || *p == 0x7f)
			p = take_control(&at, p);
		else
			p = take_text(&at, p, end);
	*ret_cells = at.text ? at.col - col : -1;
	return p != NULL;
}
