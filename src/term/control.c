/* Controls, escape sequences, charsets, resets. */
#include "base/err.h"
#include "term/state.h"
#include "term/tables.h"

#include <string.h>

/* ---- charsets ---- */

enum { GRAPHICS_FIRST = 0x5f, UK_POUND = '#' };

/* VT510: DEC special graphics, from 5f on. */
static const uint16_t graphics[] = { 0xa0, 0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a,
	0xb0, 0xb1, 0x2424, 0x240b, 0x2518, 0x2510, 0x250c, 0x2514, 0x253c, 0x23ba,
	0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524, 0x2534, 0x252c, 0x2502, 0x2264,
	0x2265, 0x3c0, 0x2260, 0xa3, 0xb7 };

uint32_t
charset_char(uint8_t charset, uint8_t c)
{
	if (charset == CHARSET_GRAPHICS && c >= GRAPHICS_FIRST)
		return graphics[c - GRAPHICS_FIRST];
	if (charset == CHARSET_UK && c == UK_POUND)
		return 0xa3;
	return c;
}

uint8_t
charset_source(uint8_t charset, uint32_t ch)
{
	for (uint8_t c = 0x20; c < 0x7f; c++)
		if (charset_char(charset, c) == ch)
			return c;
	return 0;
}

static void
designate(struct term *t, int slot, uint8_t final)
{
	t->charsets.g[slot] = final == '0' ? CHARSET_GRAPHICS
	    : final == 'A'		   ? CHARSET_UK
					   : CHARSET_ASCII;
}

/* ---- C0 ---- */

static void
enquiry(struct term *t)
{
	(void)t;
}

static void
bell(struct term *t)
{
	t->news.bells++;
}

static void
backspace(struct term *t)
{
	int left = t->col >= t->left ? t->left : 0;
	bool reverse = term_has(t, MODE_REVERSE_WRAP) && term_has(t, MODE_AUTOWRAP);
	if (t->col > left)
		cursor_to(t, t->row, t->col - 1);
	else if (reverse && t->row > t->top)
		cursor_to(t, t->row - 1, t->right);
	else
		cursor_to(t, t->row, t->col);
}

static void
tab(struct term *t)
{
	int col = tab_next(t, t->col);
	/* As xterm: behind the last column it goes on waiting there. */
	if (col != t->col)
		cursor_to(t, t->row, col);
}

static void
carriage_return(struct term *t)
{
	cursor_to(t, t->row, t->col >= t->left ? t->left : 0);
}

static void
line_feed(struct term *t)
{
	row_cut(grid_row_as_is(term_grid(t), t->row));
	line_down(t);
	if (term_has(t, MODE_NEW_LINE))
		carriage_return(t);
}

static void
shift_out(struct term *t)
{
	t->charsets.shifted = 1;
}

static void
shift_in(struct term *t)
{
	t->charsets.shifted = 0;
}

void
control(struct term *t, uint8_t c)
{
	switch (c) {
#define CONTROL(code, function, what, source) \
	case code: \
		function(t); \
		break;
		CONTROLS(CONTROL)
#undef CONTROL
	default:
		break;
	}
}

/* ---- ESC ---- */

static void
align(struct term *t)
{
	struct grid *g = term_grid(t);
	margins_reset(t);
	cursor_absolute(t, 0, 0);
	fill_rows(t, 0, g->rows, (struct cell){ 'E', 0 });
}

static void
keypad_application(struct term *t)
{
	t->modes |= mode_bit(MODE_KEYPAD);
}

static void
keypad_numeric(struct term *t)
{
	t->modes &= ~mode_bit(MODE_KEYPAD);
}

static void
next_line(struct term *t)
{
	row_cut(grid_row_as_is(term_grid(t), t->row));
	line_down(t);
	carriage_return(t);
}

static void
tab_here(struct term *t)
{
	tab_set(t, t->col, true);
}

static void
single_shift_2(struct term *t)
{
	t->charsets.single = 2;
}

static void
single_shift_3(struct term *t)
{
	t->charsets.single = 3;
}

static void
identify(struct term *t)
{
	csi(t, (struct span){ (const uint8_t *)"\033[c", 3 });
}

static void
lock_2(struct term *t)
{
	t->charsets.shifted = 2;
}

static void
lock_3(struct term *t)
{
	t->charsets.shifted = 3;
}

void
escape(struct term *t, struct span s)
{
	uint8_t between = s.n == 3 ? s.p[1] : 0, final = s.n ? s.p[s.n - 1] : 0;
	if (s.n < 2 || s.n > 3)
		return;
	/* 94-character sets go to G0 .. G3; none of those for 96 is known. */
	if (between >= '(' && between <= '+') {
		designate(t, between - '(', final);
		return;
	}
#define ESCAPE(inter, last, function, what, source) \
	if (between == (inter) && final == (last)) { \
		function(t); \
		return; \
	}
	ESCAPES(ESCAPE)
#undef ESCAPE
	/* DECDWL and its kin; DECBI, DECFI */
	if (between == '#' || (!between && (final == '6' || final == '9')))
		strayed(t);
}

/* ---- resets ---- */

/* VT510: DECSTR; and what of today's modes xterm resets with it. */
void
reset_soft(struct term *t)
{
	uint64_t on = mode_bit(MODE_CURSOR_SHOWN) | mode_bit(MODE_AUTOWRAP);
	uint64_t off = mode_bit(MODE_INSERT) | mode_bit(MODE_ORIGIN)
	    | mode_bit(MODE_CURSOR_KEYS) | mode_bit(MODE_KEYPAD)
	    | mode_bit(MODE_KEYBOARD_LOCK) | mode_bit(MODE_SIDE_MARGINS)
	    | mode_bit(MODE_REVERSE_WRAP);
	t->modes = (t->modes | on) & ~off;
	t->pen = (struct style){ 0 };
	t->pen_changed = true;
	t->charsets = (struct charsets){ 0 };
	t->screen->saved = (struct saved){ 0 };
	margins_reset(t);
}

static void
state_reset(struct term *t)
{
	reset_soft(t);
	t->modes = t->modes_saved = MODES_AT_FIRST;
	t->apart = 0;
	t->main.saved = t->alternate.saved = (struct saved){ 0 };
	t->main.keys = t->alternate.keys = (struct key_flags){ 0 };
	t->cursor_shape = 0;
	t->input = false;
	memset(t->modify, MODIFY_UNSET, sizeof t->modify);
	tabs_reset(t);
}

void
reset_hard(struct term *t)
{
	alternate_leave(t);
	titles_free(t);
	state_reset(t);
	if (t->colours)
		colours_reset(t);
	cursor_absolute(t, 0, 0);
	erase_rows(t, 0, term_grid(t)->rows, false);
	history_clear(&t->history);
	image_erased(t);
}
