/* Operating system commands and device control strings: titles, colours, hyperlinks. */
#include "base/err.h"
#include "term/state.h"
#include "term/tables.h"

#include <stdlib.h>
#include <string.h>

/* Takes what stands before `stop` off the text, and `stop` with it. */
static struct span
take_until(struct span *text, char stop)
{
	const uint8_t *end = text->n ? memchr(text->p, stop, text->n) : NULL;
	struct span s = { text->p, end ? (size_t)(end - text->p) : text->n };
	size_t n = s.n + (end != NULL);
	text->p += n;
	text->n -= n;
	return s;
}

/* A number of up to 6 digits; -1 if it is none. */
static int
number_of(struct span s)
{
	int v = 0;
	if (s.n == 0 || s.n > 6)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + s.p[i] - '0';
	}
	return v;
}

/* ---- titles ---- */

/* Its text without controls, of at most TITLE_MAX bytes that are whole characters. */
static void
set_title(struct term *t, char **title, struct span s)
{
	size_t n = 0, at = 0;
	uint32_t ch;
	free(*title);
	*title = NULL;
	if (s.n == 0)
		return;
	char *copy = malloc((s.n < TITLE_MAX ? s.n : TITLE_MAX) + 1);
	if (!copy) {
		t->err = ERR_NOMEM;
		return;
	}
	while (at < s.n) {
		size_t len = utf8_get(s.p + at, s.p + s.n, &ch);
		if (len == 0 || n + len > TITLE_MAX)
			break;
		bool text = ch >= 0x20 && (ch < 0x7f || ch >= 0xa0);
		/* A real U+FFFD may stay. */
		bool broken = ch == CHAR_BAD
		    && (len < 3 || memcmp(s.p + at, "\357\277\275", 3) != 0);
		if (text && !broken) {
			memcpy(copy + n, s.p + at, len);
			n += len;
		}
		at += len;
	}
	copy[n] = 0;
	if (n)
		*title = copy;
	else
		free(copy);
}

static void
osc_icon_title(struct term *t, int number, struct span s)
{
	(void)number;
	set_title(t, &t->title.icon, s);
}

static void
osc_window_title(struct term *t, int number, struct span s)
{
	(void)number;
	set_title(t, &t->title.window, s);
}

static void
osc_both_titles(struct term *t, int number, struct span s)
{
	osc_icon_title(t, number, s);
	osc_window_title(t, number, s);
}

static void
osc_directory(struct term *t, int number, struct span s)
{
	(void)number;
	set_title(t, &t->told[TOLD_DIRECTORY], s);
}

/* ---- what the person is told ---- */

static bool
is_text(struct span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static void
notice(struct term *t, struct span s)
{
	if (!s.n)
		return;
	set_title(t, &t->news.notice, s);
	t->news.notices++;
}

/* What begins with a number is ConEmu's: 4;STATE;PERCENT is progress, of which state 0 takes it
 * away. */
static void
osc_notice(struct term *t, int number, struct span s)
{
	struct span rest = s;
	(void)number;
	if (number_of(take_until(&rest, ';')) < 0)
		notice(t, s);
	else if (s.n >= 3 && memcmp(s.p, "4;", 2) == 0)
		set_title(t, &t->told[TOLD_PROGRESS],
		    s.p[2] == '0' ? (struct span){ 0 } : s);
}

/* KEY=VALUE:...;TEXT: several make one, until d=0 is not said; of title and body the later counts,
 * and what is encoded (e=1) has no words. */
static void
osc_notice_kitty(struct term *t, int number, struct span s)
{
	struct span keys = take_until(&s, ';');
	struct term_news *news = &t->news;
	bool more = false, plain = true;
	(void)number;
	while (keys.n) {
		struct span key = take_until(&keys, ':');
		if (key.n > 2 && memcmp(key.p, "p=", 2) == 0 && !is_text(key, "p=title")
		    && !is_text(key, "p=body"))
			return;
		more |= is_text(key, "d=0");
		plain &= !is_text(key, "e=1");
	}
	news->notice_begun |= s.n > 0;
	if (s.n)
		set_title(t, &news->notice, plain ? s : (struct span){ 0 });
	if (more)
		return;
	news->notices += news->notice_begun;
	news->notice_begun = false;
}

/* notify;TITLE;BODY */
static void
osc_notice_urxvt(struct term *t, int number, struct span s)
{
	(void)number;
	if (!is_text(take_until(&s, ';'), "notify"))
		return;
	struct span title = take_until(&s, ';');
	notice(t, s.n ? s : title);
}

/* A;OPTION;...: where a prompt only goes on (k=s) none begins. */
static void
prompt_begins(struct term *t, struct span s)
{
	if (is_text(s, "A;k=s"))
		return;
	term_row(t)->part = ROW_PROMPT;
	set_title(t, &t->told[TOLD_PROMPT], s);
}

/* A, B, C, or D;STATUS */
static void
osc_prompt(struct term *t, int number, struct span s)
{
	struct span rest = s, what = take_until(&rest, ';');
	(void)number;
	if (what.n != 1)
		return;
	t->input = *what.p == 'B';
	switch (*what.p) {
	case 'A':
		prompt_begins(t, s);
		break;
	case 'C':
		term_row(t)->part = ROW_OUTPUT;
		break;
	case 'D':
		t->news.commands++;
		t->news.status = number_of(take_until(&rest, ';'));
		break;
	default:
		break;
	}
}

/* A name; kitty's stack of them begins with a sign. */
static void
osc_pointer(struct term *t, int number, struct span s)
{
	(void)number;
	if (s.n == 0 || (s.p[0] >= 'a' && s.p[0] <= 'z'))
		set_title(t, &t->told[TOLD_POINTER], s);
}

static void
title_free(struct title *title)
{
	free(title->icon);
	free(title->window);
	*title = (struct title){ 0 };
}

void
titles_free(struct term *t)
{
	title_free(&t->title);
	for (int i = 0; i < TOLD_COUNT; i++) {
		free(t->told[i]);
		t->told[i] = NULL;
	}
	free(t->news.notice);
	t->news.notice = NULL;
	while (t->title_count > 0)
		title_free(&t->titles[--t->title_count]);
}

static void
copy_title(struct term *t, char **to, const char *from)
{
	if (from)
		set_title(t, to, (struct span){ (const uint8_t *)from, strlen(from) });
}

/* The oldest goes when it is full. */
void
title_push(struct term *t, int which)
{
	if (which > TITLE_WINDOW)
		return;
	if (t->title_count == TITLE_STACK_MAX) {
		title_free(&t->titles[0]);
		memmove(t->titles, t->titles + 1, sizeof t->titles - sizeof t->titles[0]);
		t->title_count--;
	}
	struct title *top = &t->titles[t->title_count++];
	*top = (struct title){ .which = (uint8_t)which };
	if (which != TITLE_WINDOW)
		copy_title(t, &top->icon, t->title.icon);
	if (which != TITLE_ICON)
		copy_title(t, &top->window, t->title.window);
}

static void
swap_text(char **a, char **b)
{
	char *text = *a;
	*a = *b;
	*b = text;
}

void
title_pop(struct term *t, int which)
{
	if (which > TITLE_WINDOW || t->title_count == 0)
		return;
	struct title *top = &t->titles[--t->title_count];
	if (which != TITLE_WINDOW && top->which != TITLE_WINDOW)
		swap_text(&t->title.icon, &top->icon);
	if (which != TITLE_ICON && top->which != TITLE_ICON)
		swap_text(&t->title.window, &top->window);
	title_free(top);
}

/* ---- colours ---- */

static int
hex_digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0'
	    : c >= 'a' && c <= 'f'  ? c - 'a' + 10
	    : c >= 'A' && c <= 'F'  ? c - 'A' + 10
				    : -1;
}

/* One to four hexadecimal digits, brought to 16 bits: as a fraction of the most they can
 * say, or as the highest digits. */
static bool
read_part(struct span s, bool fraction, uint16_t *ret)
{
	uint32_t v = 0, most = 0;
	if (s.n < 1 || s.n > 4)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int digit = hex_digit(s.p[i]);
		if (digit < 0)
			return false;
		v = v << 4 | (uint32_t)digit;
		most = most << 4 | 15;
	}
	*ret = (uint16_t)(fraction ? v * 0xffff / most : v << (16 - 4 * s.n));
	return true;
}

/* XParseColor: rgb:R/G/B and #RGB with more or fewer digits; names are not known. */
static bool
read_colour(struct span s, uint16_t rgb[3])
{
	if (s.n > 4 && memcmp(s.p, "rgb:", 4) == 0) {
		struct span rest = { s.p + 4, s.n - 4 };
		for (int i = 0; i < 3; i++)
			if (!read_part(take_until(&rest, '/'), true, &rgb[i]))
				return false;
		return rest.n == 0;
	}
	if (s.n < 4 || s.p[0] != '#' || (s.n - 1) % 3)
		return false;
	size_t n = (s.n - 1) / 3;
	for (size_t i = 0; i < 3; i++)
		if (!read_part((struct span){ s.p + 1 + i * n, n }, false, &rgb[i]))
			return false;
	return true;
}

static void
set_colour(struct term *t, int index, struct span s)
{
	struct colour c = { .set = true };
	if (s.n == 1 && *s.p == '?') {
		answer_colour(t, index);
		return;
	}
	if (!read_colour(s, c.rgb))
		return;
	if (!t->colours)
		t->colours = calloc(COLOUR_COUNT, sizeof *t->colours);
	if (t->colours)
		t->colours[index] = c;
	else
		t->err = ERR_NOMEM;
}

static void
reset_colour(struct term *t, int index)
{
	if (t->colours)
		t->colours[index] = (struct colour){ 0 };
}

void
term_answered(struct term *t, struct span answer)
{
	enum { PALETTE = 4 };
	uint16_t rgb[3];
	size_t end = answer.n && answer.p[answer.n - 1] == '\a' ? 1 : 2;
	if (answer.n < 2 + end || answer.p[0] != 033 || answer.p[1] != ']')
		return;
	struct span body = { answer.p + 2, answer.n - 2 - end };
	int which = number_of(take_until(&body, ';'));
	if (which == PALETTE) {
		int index = number_of(take_until(&body, ';'));
		which = index < 0 ? -1 : TERM_COLOUR_INDEXED + index;
	}
	if (which >= 0 && read_colour(body, rgb))
		(void)term_colour_is(t, which, rgb);
}

void
colours_reset(struct term *t)
{
	free(t->colours);
	t->colours = NULL;
}

static void
osc_palette(struct term *t, int number, struct span s)
{
	(void)number;
	while (s.n) {
		int index = number_of(take_until(&s, ';'));
		struct span value = take_until(&s, ';');
		if (index >= 0 && index < PALETTE_SIZE)
			set_colour(t, index, value);
	}
}

static void
osc_palette_reset(struct term *t, int number, struct span s)
{
	(void)number;
	if (s.n == 0 && t->colours)
		memset(t->colours, 0, PALETTE_SIZE * sizeof *t->colours);
	while (s.n) {
		int index = number_of(take_until(&s, ';'));
		if (index >= 0 && index < PALETTE_SIZE)
			reset_colour(t, index);
	}
}

/* Further colours are for the numbers that follow. */
static void
osc_dynamic(struct term *t, int number, struct span s)
{
	for (int i = number - DYNAMIC_FIRST; s.n && i < DYNAMIC_COUNT; i++)
		set_colour(t, PALETTE_SIZE + i, take_until(&s, ';'));
}

static void
osc_dynamic_reset(struct term *t, int number, struct span s)
{
	(void)s;
	reset_colour(t, PALETTE_SIZE + number - 100 - DYNAMIC_FIRST);
}

/* ---- hyperlinks ---- */

/* PARAMS;URI: no URI ends the link. */
static void
osc_link(struct term *t, int number, struct span s)
{
	struct span rest = s;
	(void)number;
	take_until(&rest, ';');
	bool clean = s.n <= LINK_MAX;
	for (size_t i = 0; clean && i < s.n; i++)
		clean = s.p[i] >= 0x20 && s.p[i] != 0x7f;
	t->pen.link = clean && rest.n ? link_id(t, s) : 0;
	t->pen_changed = true;
}

/* iTerm2's: images, and what draws nothing. */
static bool
is_image(struct span s)
{
	static const char *const names[] = { "File", "MultipartFile", "FilePart",
		"FileEnd" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i]);
		if (s.n >= n && memcmp(s.p, names[i], n) == 0)
			return true;
	}
	return false;
}

/* SetUserVar=NAME=VALUE: in the place of an older one, or of the last; a value that is too long
 * counts as empty. */
static void
set_variable(struct term *t, struct span s, size_t name_end)
{
	char **v = t->told + TOLD_VARIABLES;
	while (v < t->told + TOLD_PROMPT - 1 && *v
	    && strncmp(*v, (const char *)s.p, name_end) != 0)
		v++;
	set_title(t, v, (struct span){ s.p, s.n > TITLE_MAX ? name_end : s.n });
}

static void
osc_iterm2(struct term *t, int number, struct span s)
{
	struct span rest = s;
	(void)number;
	if (is_text(take_until(&rest, '='), "SetUserVar")) {
		take_until(&rest, '=');
		set_variable(t, s, (size_t)(rest.p - s.p));
	} else if (is_image(s)) {
		image_drawn(t);
	}
}

/* ---- finding the function ---- */

void
osc(struct term *t, struct span body)
{
	int number = number_of(take_until(&body, ';'));
	switch (number) {
#define OSC(code, function, what, source) \
	case code: \
		function(t, number, body); \
		break;
		OSCS(OSC)
#undef OSC
	default:
		break;
	}
}

void
dcs(struct term *t, struct span body)
{
#define DCS(begins, function, what, source) \
	if (body.n >= sizeof begins - 1 \
	    && memcmp(body.p, begins, sizeof begins - 1) == 0) { \
		function(t, \
		    (struct span){ body.p + sizeof begins - 1, \
			body.n - (sizeof begins - 1) }); \
		return; \
	}
	DCSS(DCS)
#undef DCS
	image_drawn(t); /* sixel images, and what is wrapped for another terminal */
}
