#include "client/overlay.h"

#include <string.h>

void
overlay_init(struct overlay *o, struct term *term)
{
	*o = (struct overlay){ .term = term, .row = -1 };
}

bool
overlay_shown(const struct overlay *o)
{
	return o->row >= 0 || o->titled;
}

/* The top row, or the bottom one, or any that is known and has not the cursor. */
static int
choose_row(const struct term *t)
{
	int rows = term_rows(t), row, col;
	term_cursor(t, &row, &col);
	if (!term_cursor_known(t) || rows < 2)
		return -1;
	if (row != rows - 1 && term_row_known(t, rows - 1) && !term_row_known(t, 0))
		return rows - 1;
	for (int y = 0; y < rows; y++)
		if (y != row && term_row_known(t, y))
			return y;
	return -1;
}

static void
draw(struct overlay *o, const char *text, struct buf *out)
{
	int cols = term_cols(o->term);
	(void)term_neutral(o->term, out);
	buf_print(out, "\033[%d;1H\033[7m%-*.*s\033[m", o->row + 1, cols, cols, text);
	(void)term_repaint(o->term, 0, 0, out);
}

/* XTWINOPS 22 and 23 keep the window's title meanwhile. */
static void
draw_title(struct overlay *o, const char *text, struct buf *out)
{
	if (!o->titled)
		buf_print(out, "\033[22;2t");
	buf_print(out, "\033]2;%s\033\\", text);
	o->titled = true;
}

void
overlay_show(struct overlay *o, const char *text, struct buf *out)
{
	if (!term_at_rest(o->term))
		return;
	if (!term_cursor_known(o->term) && !o->asked) {
		o->asked = true;
		buf_print(out, "\033[6n");
	}
	int row = o->row >= 0 ? o->row : choose_row(o->term);
	if (row < 0) {
		draw_title(o, text, out);
		return;
	}
	if (o->titled)
		overlay_hide(o, out);
	o->row = row;
	draw(o, text, out);
}

void
overlay_hide(struct overlay *o, struct buf *out)
{
	if (o->row >= 0)
		(void)term_repaint(o->term, o->row, 1, out);
	if (o->titled)
		buf_print(out, "\033[23;2t");
	o->row = -1;
	o->titled = false;
}

/* CPR (ECMA-48 8.3.14): ESC [ row ; column R.  Returns the length at the head of the bytes,
 * 0 if there is none. */
static size_t
cursor_report(const uint8_t *p, size_t n, int ret_place[2])
{
	size_t i = 2;
	if (n < 6 || p[0] != 033 || p[1] != '[')
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t begin = i;
		ret_place[part] = 0;
		for (; i < n && p[i] >= '0' && p[i] <= '9' && i < begin + 4; i++)
			ret_place[part] = ret_place[part] * 10 + p[i] - '0';
		if (i == begin || i == n || p[i] != (part ? 'R' : ';'))
			return 0;
		i++;
	}
	return i;
}

size_t
overlay_filter(struct overlay *o, uint8_t *bytes, size_t n)
{
	int place[2];
	for (size_t i = 0; o->asked && i < n; i++) {
		size_t len = cursor_report(bytes + i, n - i, place);
		if (!len)
			continue;
		term_cursor_is(o->term, place[0] - 1, place[1] - 1);
		memmove(bytes + i, bytes + i + len, n - i - len);
		o->asked = false;
		return n - len;
	}
	return n;
}
