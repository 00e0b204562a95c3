#include "screen/status_line.h"

#include "term/read.h"

#include <stdio.h>
#include <string.h>

void
status_line_init(struct status_line *o, struct term *term, struct cursor_reports *reports,
    bool utf8)
{
	*o = (struct status_line){ .term = term,
		.reports = reports,
		.utf8 = utf8,
		.row = -1 };
}

void
status_line_want(struct status_line *o, const char *text, uint64_t now_us)
{
	o->now_us = now_us;
	o->wanted = text != NULL;
	o->asked &= o->wanted;
	if (text)
		snprintf(o->text, sizeof o->text, "%s", text);
}

static bool
shown(const void *overlay)
{
	const struct status_line *o = overlay;
	return o->row >= 0 || o->titled || o->moved.on;
}

static bool
is_free(const struct term *t, int row, bool alone)
{
	int cursor_row, col;
	term_cursor(t, &cursor_row, &col);
	int from, to;
	term_row_extent(t, row, &from, &to);
	return row != cursor_row && from == 0 && to == term_cols(t)
	    && term_row_room(t, row) >= term_cols(t) - !alone;
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
 * line of its own, if there is any; in a new terminal, where none is known, the last one. */
static int
choose_row(const struct status_line *o)
{
	const struct term *t = o->term;
	if (!term_cursor_known(t) || term_rows(t) < 2 || (!o->utf8 && !term_is_ascii(t)))
		return -1;
	int row = first_free(t, true);
	if (row < 0)
		row = first_free(t, false);
	if (row < 0 && term_row_untouched(t, term_rows(t) - 1))
		row = term_rows(t) - 1;
	return row;
}

static int
shown_len(const struct status_line *o)
{
	int len = (int)strlen(o->drawn), cols = term_row_room(o->term, o->row);
	return len < cols ? len : cols;
}

/* Behind the last column there is nothing to erase, and some terminals would erase that. */
static void
draw_row(struct status_line *o, const int *ahead, struct buf *out)
{
	int cols = term_row_room(o->term, o->row), len = shown_len(o);
	(void)term_neutral(o->term, out);
	buf_print(out, "\033[%d;1H\033[7m%.*s\033[m", o->row + 1, len, o->drawn);
	if (len < cols && cols == term_cols(o->term))
		buf_print(out, "\033[K");
	else if (len < cols)
		buf_print(out, "\033[%dX", cols - len);
	if (ahead)
		(void)term_settle_ahead(o->term, *ahead, out);
	else
		(void)term_settle(o->term, out);
}

/* XTWINOPS 22 and 23 keep the window's title meanwhile. */
static void
draw_title(struct status_line *o, struct buf *out)
{
	if (!o->titled)
		buf_print(out, "\033[22;2t");
	buf_print(out, "\033]2;%s\033\\", o->drawn);
	o->titled = true;
}

static void
lift_title(struct status_line *o, struct buf *out)
{
	if (o->titled)
		buf_print(out, "\033[23;2t");
	o->titled = false;
}

/* The terminal has to be asked: for the first time since the line is wanted, or since that
 * could not be done, or because something came that the model does not understand. */
static bool
has_to_ask(const struct status_line *o)
{
	return !o->asked || cursor_reports_again(o->reports, o->now_us)
	    || (!term_cursor_known(o->term) && !o->reports->failed);
}

static int
its_row(const struct status_line *o)
{
	return o->row >= 0 ? o->row : o->reports->failed ? -1 : choose_row(o);
}

/* As it is wanted. */
static bool
is_there(const struct status_line *o)
{
	int row = its_row(o);
	bool shows = row >= 0 ? row == o->row : o->titled;
	return shows && strcmp(o->text, o->drawn) == 0;
}

static bool
stale(const void *overlay)
{
	const struct status_line *o = overlay;
	if (!o->wanted)
		return o->row >= 0 || o->titled;
	if (o->reports->wanted) /* the answer will tell where it is, or is to be */
		return false;
	return has_to_ask(o) || !is_there(o);
}

/* A line that has moved is not to be found before the terminal has answered; if the program
 * writes first, it has the screen. */
static void
lift(void *overlay, bool program, struct buf *out)
{
	struct status_line *o = overlay;
	if (o->row >= 0)
		(void)term_repaint_cells(o->term, o->row, 0,
		    term_row_room(o->term, o->row), out);
	if (program || !o->wanted)
		lift_title(o, out);
	o->row = -1;
	o->moved.on &= !program;
}

static void
draw(void *overlay, const int *ahead, struct buf *out)
{
	struct status_line *o = overlay;
	if (!o->wanted) {
		lift(o, false, out);
		return;
	}
	if (!o->reports->wanted && has_to_ask(o))
		cursor_reports_want(o->reports, o->now_us);
	o->asked = true;
	if (o->reports->wanted || is_there(o))
		return;
	memcpy(o->drawn, o->text, sizeof o->drawn);
	o->row = its_row(o);
	o->moved.on &= o->row < 0;
	if (o->row < 0) {
		draw_title(o, out);
		return;
	}
	lift_title(o, out);
	if (!term_row_known(o->term, o->row))
		term_row_is_blank(o->term, o->row);
	draw_row(o, ahead, out);
}

static void
forgotten(void *overlay)
{
	struct status_line *o = overlay;
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
note_place(struct status_line *o)
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
note_size(struct status_line *o, int rows, int cols)
{
	o->moved.taller |= rows > o->moved.rows;
	o->moved.other_width |= cols != o->moved.cols;
	if (cols < o->moved.narrowest)
		o->moved.narrowest = cols;
}

static bool
resizing(void *overlay, int rows, int cols)
{
	struct status_line *o = overlay;
	if (o->row >= 0 && !term_on_alternate(o->term))
		note_place(o);
	o->row = -1;
	if (o->moved.on)
		note_size(o, rows, cols);
	return o->moved.on;
}

/* The line stands `at` a row now, and before (or, below the cursor, behind) that too if it
 * was broken.  Returns how many rows at the top go away. */
static int
take_parts(struct status_line *o, int at, struct buf *out)
{
	bool above = o->moved.row < o->moved.cursor;
	int parts = (o->moved.len + o->moved.narrowest - 1) / o->moved.narrowest;
	if (parts == 1 || at < 0 || at >= term_rows(o->term))
		return 0;
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
take_moved(struct status_line *o, int row, int col, struct buf *out)
{
	struct term *t = o->term;
	int by = o->moved.row - o->moved.cursor;
	o->moved.on = false;
	if (o->moved.other_width && o->moved.width > o->moved.narrowest) {
		term_cursor_is(t, row, col); /* nobody knows where it is */
		return;
	}
	(void)term_neutral(t, out);
	int gone = take_parts(o, row + by, out);
	term_cursor_moved(t, row - gone, col, by < 0 ? -by : 0, by > 0 ? by : 0);
	(void)term_settle(t, out);
	row += by - gone;
	if (term_row_known(t, row))
		(void)term_repaint_cells(t, row, 0, term_row_room(t, row), out);
}

static bool
located(void *overlay, int row, int col, bool told, struct buf *out)
{
	struct status_line *o = overlay;
	if (!o->moved.on || told)
		return false;
	take_moved(o, row, col, out);
	return true;
}

static int
row_of(const void *overlay)
{
	const struct status_line *o = overlay;
	return o->wanted ? its_row(o) : -1;
}

static bool
stays(const void *overlay, const struct overlay_reach *reach)
{
	const struct status_line *o = overlay;
	return o->row != reach->row && (o->row < 0 || reach->row >= 0) && !o->moved.on;
}

const struct overlay_ops status_line_ops = { shown, stale, lift, draw, resizing, located,
	forgotten, NULL, row_of, stays, NULL };
