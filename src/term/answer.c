/* Answers to what programs ask, while nobody else is there to answer. */
#include "base/err.h"
#include "term/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 512 };

void
answer(struct term *t, const char *fmt, ...)
{
	char text[ANSWER_MAX];
	va_list ap;
	t->questions++;
	if (!t->answers)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n > 0 && n < ANSWER_MAX)
		buf_put(t->answers, text, (size_t)n);
}

void
answer_mode(struct term *t, int number, bool ansi)
{
	enum { UNKNOWN, ON, OFF };
	enum mode m = mode_find(number, ansi);
	int state = UNKNOWN;
	if (m == MODE_ALT_47 || m == MODE_ALT_1047 || m == MODE_ALT_1049)
		state = t->screen == &t->alternate ? ON : OFF;
	else if (m != MODE_COUNT && m != MODE_SAVE_1048)
		state = term_has(t, m) ? ON : OFF;
	answer(t, "\033[%s%d;%d$y", ansi ? "" : "?", number, state);
}

static const struct colour *
colour_of(const struct term *t, int index)
{
	if (t->colours && t->colours[index].set)
		return &t->colours[index];
	if (t->colours_own && t->colours_own[index].set)
		return &t->colours_own[index];
	return NULL;
}

/* Ended as the question was. */
void
answer_colour(struct term *t, int index)
{
	const struct colour *c = colour_of(t, index);
	const char *end = t->parser.at && *t->parser.at == '\a' ? "\a" : "\033\\";
	if (!c) {
		t->questions++;
		return;
	}
	if (index < PALETTE_SIZE)
		answer(t, "\033]4;%d;rgb:%04x/%04x/%04x%s", index, c->rgb[0], c->rgb[1],
		    c->rgb[2], end);
	else
		answer(t, "\033]%d;rgb:%04x/%04x/%04x%s",
		    index - PALETTE_SIZE + DYNAMIC_FIRST, c->rgb[0], c->rgb[1], c->rgb[2],
		    end);
}

/* Dark or light, as the background is. */
void
answer_scheme(struct term *t)
{
	enum { BACKGROUND = PALETTE_SIZE + 1, DARK = 1, LIGHT = 2 };
	const struct colour *c = colour_of(t, BACKGROUND);
	if (!c) {
		t->questions++;
		return;
	}
	int sum = c->rgb[0] * 3 / 10 + c->rgb[1] * 6 / 10 + c->rgb[2] / 10;
	answer(t, "\033[?997;%dn", sum > 0x7fff ? LIGHT : DARK);
}

static bool
is(struct span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

/* DECRQSS: how things are set. */
void
answer_status(struct term *t, struct span what)
{
	struct buf sgr;
	if (is(what, "m")) {
		buf_init(&sgr, ANSWER_MAX);
		style_put_params(&sgr, &t->pen);
		const char *text = buf_str(&sgr);
		if (text)
			answer(t, "\033P1$r%sm\033\\", text);
		buf_finish(&sgr);
	} else if (is(what, "r")) {
		answer(t, "\033P1$r%d;%dr\033\\", t->top + 1, t->bottom + 1);
	} else if (is(what, "s")) {
		answer(t, "\033P1$r%d;%ds\033\\", t->left + 1, t->right + 1);
	} else if (is(what, " q")) {
		answer(t, "\033P1$r%d q\033\\", t->cursor_shape);
	} else if (is(what, "\"q")) {
		answer(t, "\033P1$r%d\"q\033\\", t->pen.attr & ATTR_PROTECTED ? 1 : 0);
	} else {
		answer(t, "\033P0$r\033\\");
	}
}

/* XTGETTCAP: names in hexadecimal, one answer each. */
void
answer_capability(struct term *t, struct span names)
{
	static const struct {
		const char *name, *value;
	} known[] = {
		{ "436F", "323536" }, /* Co: 256 */
		{ "636F6C6F7273", "323536" }, /* colors: 256 */
		{ "524742", "38" }, /* RGB: 8 */
	};
	while (names.n) {
		const uint8_t *end = memchr(names.p, ';', names.n);
		size_t n = end ? (size_t)(end - names.p) : names.n;
		const char *value = NULL;
		char name[64];
		if (n < sizeof name) {
			for (size_t i = 0; i < n; i++) {
				name[i] = (char)(names.p[i] >= 'a' && names.p[i] <= 'f'
					? names.p[i] - 'a' + 'A'
					: names.p[i]);
				if (!memchr("0123456789ABCDEF", name[i], 16))
					return;
			}
			name[n] = 0;
			for (size_t i = 0; i < sizeof known / sizeof *known; i++)
				if (strcmp(known[i].name, name) == 0)
					value = known[i].value;
			if (value)
				answer(t, "\033P1+r%s=%s\033\\", name, value);
			else
				answer(t, "\033P0+r%s\033\\", name);
		}
		n += end != NULL;
		names = (struct span){ names.p + n, names.n - n };
	}
}
