#include "screen/overlay.h"

#include <stdio.h>
#include <string.h>

void
overlay_init(struct overlay *o, struct term *term, bool utf8)
{
	*o = (struct overlay){ .term = term, .utf8 = utf8, .row = -1 };
}

bool
overlay_shown(const struct overlay *o)
{
	return o->row >= 0 || o->titled || o->moved.on;
}

static bool
is_free(const struct term *t, int row, bool alone)
{
	int cursor_row, col;
	term_cursor(t, &cursor_row, &col);
	return row != cursor_row && term_row_known(t, row)
	    && (!alone || term_row_alone(t, row));
}

static int
first_free(const struct term *t, bool alone)
{
	int rows = term_rows(t);
	if (is_free(t, rows - 1, alone) && !term_row_known(t, 0))
		return rows - 1;
	for (int y = 0; y < rows; y++)
		if (is_free(t, y, alone))
			return y;
	return -1;
}

/* The top row, or the bottom one, or any that is known and has not the cursor; one that is a
 * line of its own, if there is any. */
static int
choose_row(const struct overlay *o)
{
	const struct term *t = o->term;
	if (!term_cursor_known(t) || term_rows(t) < 2 || (!o->utf8 && !term_is_ascii(t)))
		return -1;
	int row = first_free(t, true);
	return row >= 0 ? row : first_free(t, false);
}

static int
shown_len(const struct overlay *o)
{
	int len = (int)strlen(o->text), cols = term_cols(o->term);
	return len < cols ? len : cols;
}

/* Behind the last column there is nothing to erase, and some terminals would erase that. */
static void
draw(struct overlay *o, struct buf *out)
{
	int len = shown_len(o);
	(void)term_neutral(o->term, out);
	buf_print(out, "\033[%d;1H\033[7m%.*s\033[m%s", o->row + 1, len, o->text,
	    len < term_cols(o->term) ? "\033[K" : "");
	(void)term_repaint(o->term, 0, 0, out);
}

/* XTWINOPS 22 and 23 keep the window's title meanwhile. */
static void
draw_title(struct overlay *o, struct buf *out)
{
	if (!o->titled)
		buf_print(out, "\033[22;2t");
	buf_print(out, "\033]2;%s\033\\", o->text);
	o->titled = true;
}

static void
ask(struct overlay *o, struct buf *out)
{
	o->asked++;
	buf_print(out, "\033[6n");
}

void
overlay_show(struct overlay *o, const char *text, struct buf *out)
{
	if (!term_at_rest(o->term))
		return;
	int row = o->row >= 0 ? o->row : choose_row(o);
	bool is_there = row >= 0 ? row == o->row : o->titled;
	/* The terminal's answer will tell where it is, or is to be. */
	bool comes = o->moved.on && !o->titled;
	if ((is_there || comes) && strncmp(o->text, text, sizeof o->text - 1) == 0)
		return;
	if (!term_cursor_known(o->term) && !o->asked)
		ask(o, out);
	if (row >= 0 && o->titled)
		overlay_hide(o, out);
	o->row = row;
	snprintf(o->text, sizeof o->text, "%s", text);
	if (row >= 0)
		draw(o, out);
	else
		draw_title(o, out);
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
	o->moved.on = false;
}

void
overlay_forget(struct overlay *o)
{
	term_forget(o->term);
	o->row = -1;
	o->moved.on = false;
}

/* ---- another size ---- */

/* How many rows behind one are blank; those beyond the last one are. */
static int
blank_behind(const struct term *t, int row)
{
	int n = 1;
	while (row + n < term_rows(t) && term_row_blank(t, row + n))
		n++;
	return row + n < term_rows(t) ? n - 1 : TERM_SIDE_MAX;
}

static void
note_place(struct overlay *o)
{
	int col;
	o->moved.on = true;
	o->moved.row = o->row;
	term_cursor(o->term, &o->moved.cursor, &col);
	o->moved.len = shown_len(o);
	o->moved.rows = term_rows(o->term);
	o->moved.cols = o->moved.narrowest = term_cols(o->term);
	o->moved.width = term_width_needed(o->term, o->row);
	o->moved.blank = blank_behind(o->term, o->row);
	o->moved.other_width = o->moved.taller = false;
}

static void
note_size(struct overlay *o, int rows, int cols)
{
	o->moved.taller |= rows > o->moved.rows;
	o->moved.other_width |= cols != o->moved.cols;
	if (cols < o->moved.narrowest)
		o->moved.narrowest = cols;
}

void
overlay_resize(struct overlay *o, int rows, int cols, struct buf *out)
{
	struct term *t = o->term;
	if (rows == term_rows(t) && cols == term_cols(t))
		return;
	bool again = o->row >= 0 && term_on_alternate(t) && term_known(t);
	if (o->row >= 0 && !term_on_alternate(t))
		note_place(o);
	(void)term_resize(t, rows, cols);
	term_forget(t);
	o->row = -1;
	if (again) {
		term_redrawn(t);
		(void)term_repaint(t, 0, rows, out);
	} else if (o->moved.on) {
		note_size(o, rows, cols);
		ask(o, out);
	}
}

/* The line stands `at` a row now, and before (or, below the cursor, behind) that too if it
 * was broken.  Returns how many rows at the top go away. */
static int
take_parts(struct overlay *o, int at, struct buf *out)
{
	bool above = o->moved.row < o->moved.cursor;
	int parts = (o->moved.len + o->moved.narrowest - 1) / o->moved.narrowest;
	if (parts == 1 || at < 0 || at >= term_rows(o->term))
		return 0;
	(void)term_neutral(o->term, out);
	/* It was in the first row: what is before it now can only be its own beginning. */
	if (above && o->moved.row == 0 && !o->moved.taller) {
		int gone = at < parts ? at : parts - 1;
		if (gone)
			buf_print(out, "\033[H\033[%dM", gone);
		return gone;
	}
	/* Or its end behind it, if not the blank that was there. */
	for (int i = 1; !above && parts - 1 <= o->moved.blank && i < parts; i++)
		if (at + i < term_rows(o->term))
			buf_print(out, "\033[%d;1H\033[K", at + i + 1);
	return 0;
}

/* The terminal has said where its cursor is, since the last change. */
static void
take_moved(struct overlay *o, int row, int col, struct buf *out)
{
	struct term *t = o->term;
	int by = o->moved.row - o->moved.cursor;
	o->moved.on = false;
	if (o->moved.other_width && o->moved.width > o->moved.narrowest) {
		term_cursor_is(t, row, col); /* nobody knows where it is */
		return;
	}
	int gone = take_parts(o, row + by, out);
	term_cursor_moved(t, row - gone, col, by < 0 ? -by : 0, by > 0 ? by : 0);
	row += by - gone;
	(void)term_repaint(t, row, term_row_known(t, row) ? 1 : 0, out);
}

/* ---- what the terminal says ---- */

/* CPR (ECMA-48 8.3.14): ESC [ row ; column R.  Returns the length at the head of the bytes;
 * 0 if there is none; all of them, with *ret_whole false, if it may become one. */
static size_t
cursor_report(const uint8_t *p, size_t n, int ret_place[2], bool *ret_whole)
{
	static const char ends[] = { ';', 'R' };
	size_t i = 2;
	*ret_whole = false;
	if (n < 3 || p[0] != 033 || p[1] != '[')
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t begin = i;
		ret_place[part] = 0;
		for (; i < n && p[i] >= '0' && p[i] <= '9' && i < begin + 4; i++)
			ret_place[part] = ret_place[part] * 10 + p[i] - '0';
		if (i == n)
			return n;
		if (i == begin || p[i] != ends[part])
			return 0;
		i++;
	}
	*ret_whole = true;
	return i;
}

static void
take_answer(struct overlay *o, const int place[2], struct buf *out)
{
	if (--o->asked)
		return; /* the window has changed since that was asked for */
	if (o->moved.on)
		take_moved(o, place[0] - 1, place[1] - 1, out);
	else
		term_cursor_is(o->term, place[0] - 1, place[1] - 1);
}

size_t
overlay_filter(struct overlay *o, uint8_t *bytes, size_t n, struct buf *out)
{
	int place[2];
	bool whole;
	memmove(bytes + o->n_held, bytes, n);
	memcpy(bytes, o->held, o->n_held);
	n += o->n_held;
	o->n_held = 0;
	for (size_t i = 0; o->asked && i < n;) {
		size_t len = cursor_report(bytes + i, n - i, place, &whole);
		if (!len) {
			i++;
			continue;
		}
		if (whole) {
			take_answer(o, place, out);
			memmove(bytes + i, bytes + i + len, n - i - len);
		} else {
			memcpy(o->held, bytes + i, len);
			o->n_held = len;
		}
		n -= len;
	}
	return n;
}
