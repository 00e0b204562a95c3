/* The cursor, and the cells of the screen it is on. */
#include "base/err.h"
#include "term/line.h"
#include "term/state.h"

#include <string.h>

/* ---- the cursor ---- */

static int
clamp(int v, int low, int high)
{
	return v < low ? low : v > high ? high : v;
}

void
cursor_to(struct term *t, int row, int col)
{
	t->row = clamp(row, 0, term_grid(t)->rows - 1);
	t->col = clamp(col, 0, term_grid(t)->cols - 1);
	t->pending = false;
	t->join = JOIN_NONE;
	row_touched(t, t->row);
}

void
cursor_stays(struct term *t)
{
	bool waits = cursor_at_edge(t);
	cursor_to(t, t->row, t->col);
	t->pending = waits;
}

/* What was written relative to an unknown row stands nobody knows where; if it is nothing
 * but a cleared screen, that does not matter. */
static void
row_becomes_known(struct term *t)
{
	const struct grid *g = term_grid(t);
	bool cleared = true;
	if (!t->row_unknown)
		return;
	t->row_unknown = false;
	for (int y = 0; y < g->rows; y++)
		cleared &= g->row[y].known && row_is_blank(&g->row[y]);
	for (int y = 0; y < g->rows; y++)
		if (cleared)
			g->row[y].known = true;
		else
			row_forget(&g->row[y]);
}

void
cursor_absolute(struct term *t, int row, int col)
{
	row_becomes_known(t);
	t->untouched = false;
	if (!term_has(t, MODE_ORIGIN)) {
		cursor_to(t, row, col);
		return;
	}
	cursor_to(t, clamp(row, 0, t->bottom - t->top) + t->top,
	    clamp(col, 0, t->right - t->left) + t->left);
}

void
cursor_save(struct term *t)
{
	t->screen->saved = (struct saved){
		.row = t->row,
		.col = t->col,
		.pending = cursor_at_edge(t),
		.origin = term_has(t, MODE_ORIGIN),
		.row_unknown = t->row_unknown,
		.pen = t->pen,
		.charsets = t->charsets,
	};
	t->screen->saved.pen.link = 0;
	t->screen->saved.charsets.single = 0;
}

void
cursor_restore(struct term *t)
{
	const struct saved *s = &t->screen->saved;
	uint32_t link = t->pen.link;
	bool clear_of_margins = t->right == term_grid(t)->cols - 1 || s->col > t->right;
	if (t->row_unknown && !s->row_unknown)
		row_becomes_known(t);
	t->row_unknown = s->row_unknown;
	cursor_to(t, s->row, s->col);
	t->modes &= ~mode_bit(MODE_ORIGIN);
	if (s->origin) {
		t->modes |= mode_bit(MODE_ORIGIN);
		cursor_to(t, clamp(t->row, t->top, t->bottom),
		    clamp(t->col, t->left, t->right));
	}
	/* Only where the next character could have waited by itself. */
	t->pending = s->pending && clear_of_margins && t->col == term_grid(t)->cols - 1
	    && t->row == s->row && !term_row(t)->spacer;
	t->pen = s->pen;
	t->pen.link = link;
	t->pen_changed = true;
	t->charsets = s->charsets;
}

/* ---- scrolling ---- */

static bool
full_width(const struct term *t)
{
	return t->left == 0 && t->right == term_grid(t)->cols - 1;
}

/* How many rows from y on are as one, none further than `end`. */
static int
alike(const struct grid *g, int y, int end)
{
	const struct row *first = grid_row_as_is(g, y);
	int n = 1;
	for (; y + n < end; n++) {
		const struct row *r = grid_row_as_is(g, y + n);
		if (r->lazy != first->lazy || r->used || r->wrapped || r->part
		    || (r->lazy && !cell_equal(r->with, first->with)))
			break;
	}
	return n;
}

/* Rows of one cell, many at once maybe.  They are as one but for a blank that the row above
 * owes to the first. */
static bool
is_uniform(const struct term *t, const struct row *r)
{
	return (r->lazy == LAZY_ALL || row_is_blank(r)) && !r->wrapped && !r->part
	    && !history_short(&t->history);
}

static struct span
flat_text(struct term *t, struct cell c)
{
	if (cell_equal(c, CELL_BLANK))
		return (struct span){ NULL, 0 };
	if (!t->flat_len || !cell_equal(c, t->flat))
		t->flat_len = (uint8_t)line_store_all(t, c, t->flat_text);
	t->flat = c;
	return (struct span){ t->flat_text, t->flat_len };
}

static void
remember_rows(struct term *t, int n)
{
	const struct grid *g = term_grid(t);
	const struct parser *p = &t->parser;
	if (t->watched)
		t->watched = t->watched > n ? t->watched - n : 0;
	uint64_t offset = t->written + (p->at ? (uint64_t)(p->at - p->chunk) + 1 : 0);
	if (t->history.rows_max == 0) {
		t->history.first = t->history.next += (uint64_t)n;
		return;
	}
	for (int y = 0, same; y < n; y += same) {
		const struct row *r = grid_row_as_is(g, y);
		struct history_row row = { .offset = offset };
		same = 1;
		if (is_uniform(t, r)) {
			same = alike(g, y, n);
			row.text = flat_text(t, r->lazy ? r->with : CELL_BLANK);
			row.flags = row.text.n ? ROW_MARKED : 0;
		} else {
			bool matters = r->spacer && y + 1 < g->rows;
			const struct row *next = matters ? grid_row(g, y + 1) : NULL;
			row.flags = line_store(t, grid_row(g, y), next,
			    history_short(&t->history), &t->scratch, &row.text);
		}
		t->tables.work += row.text.n * (size_t)same + ROW_WORK;
		if (t->scratch.failed || history_push(&t->history, &row, (size_t)same))
			t->err = ERR_NOMEM;
		t->scratch.failed = false;
	}
}

static void
move_up(struct term *t, int top, int n, bool kept)
{
	struct grid *g = term_grid(t);
	int height = t->bottom - top + 1;
	if (height <= 0 || n <= 0)
		return;
	n = n < height ? n : height;
	if (!full_width(t)) {
		row_touched(t, top);
		grid_scroll_box(g, top, t->bottom, t->left, t->right + 1, n,
		    erased_cell(t));
		return;
	}
	bool leave = kept && top == 0 && t->screen == &t->main;
	if (!leave || t->bottom < g->rows - 1)
		row_touched(t, top);
	if (leave)
		remember_rows(t, n);
	grid_scroll_up(g, top, t->bottom, n, erased_cell(t));
}

void
scroll_up(struct term *t, int top, int n)
{
	move_up(t, top, n, true);
}

void
delete_rows(struct term *t, int top, int n)
{
	move_up(t, top, n, false);
}

void
scroll_down(struct term *t, int top, int n)
{
	struct grid *g = term_grid(t);
	int height = t->bottom - top + 1;
	if (height <= 0 || n <= 0)
		return;
	n = n < height ? n : height;
	row_touched(t, top);
	if (!full_width(t)) {
		grid_scroll_box(g, top, t->bottom, t->left, t->right + 1, -n,
		    erased_cell(t));
		return;
	}
	if (top == 0 && t->screen == &t->main)
		history_close(&t->history);
	grid_scroll_down(g, top, t->bottom, n, erased_cell(t));
}

static bool
within_side_margins(const struct term *t)
{
	return t->col >= t->left && t->col <= t->right;
}

void
line_down(struct term *t)
{
	int row = t->row;
	if (row != t->bottom)
		cursor_to(t, row + 1, t->col);
	else if (within_side_margins(t))
		scroll_up(t, t->top, 1);
	cursor_to(t, t->row, t->col);
}

void
line_up(struct term *t)
{
	if (t->row != t->top)
		cursor_to(t, t->row - 1, t->col);
	else if (within_side_margins(t))
		scroll_down(t, t->top, 1);
	cursor_to(t, t->row, t->col);
}

/* ---- erasing ---- */

void
erase_columns(struct term *t, int row, int from, int to, bool selective)
{
	struct grid *g = term_grid(t);
	struct row *r = grid_row_as_is(g, row);
	cursor_to(t, t->row, t->col);
	row_touched(t, row);
	struct cell blank = erased_cell(t);
	if (from == 0 && to == g->cols)
		selective ? row_veil(g, r, blank) : row_fill(g, r, blank);
	else if (selective)
		row_erase_unprotected(g, grid_row(g, row), from, to, blank);
	else
		row_erase(g, grid_row(g, row), from, to, blank);
}

void
fill_rows(struct term *t, int from, int to, struct cell with)
{
	struct grid *g = term_grid(t);
	if (from >= to)
		return;
	row_touched(t, from);
	if (from > 0)
		row_cut(grid_row_as_is(g, from - 1));
	else if (t->screen == &t->main)
		history_close(&t->history);
	if (from == 0 && to == g->rows)
		grid_mend(g);
	grid_fill(g, from, to, with);
	cursor_to(t, t->row, t->col);
}

void
erase_rows(struct term *t, int from, int to, bool selective)
{
	struct grid *g = term_grid(t);
	struct cell blank = erased_cell(t);
	if (!selective) {
		fill_rows(t, from, to, blank);
		return;
	}
	row_touched(t, from);
	grid_veil(g, from, to, blank);
	cursor_to(t, t->row, t->col);
}

/* ---- tabs ---- */

bool
tab_is_set(const struct term *t, int col)
{
	return t->tabs[col / 8] >> col % 8 & 1;
}

void
tab_set(struct term *t, int col, bool on)
{
	uint8_t bit = (uint8_t)(1u << col % 8);
	t->tabs[col / 8] = (uint8_t)(on ? t->tabs[col / 8] | bit
					: t->tabs[col / 8] & ~bit);
}

void
tabs_reset(struct term *t)
{
	_Static_assert(TAB_WIDTH == 8, "a byte is a tab's width");
	memset(t->tabs, 1, sizeof t->tabs);
}

/* As far as there are columns. */
bool
tabs_are_default(const struct term *t)
{
	for (int x = 0; x < term_grid(t)->cols; x++)
		if (tab_is_set(t, x) != (x % TAB_WIDTH == 0))
			return false;
	return true;
}

int
tab_next(const struct term *t, int col)
{
	int limit = right_limit(t);
	while (col < limit && !tab_is_set(t, ++col))
		;
	return col;
}

int
tab_previous(const struct term *t, int col)
{
	while (col > 0 && !tab_is_set(t, --col))
		;
	return col;
}

/* ---- the two screens ---- */

void
margins_reset(struct term *t)
{
	t->top = t->left = 0;
	t->bottom = term_grid(t)->rows - 1;
	t->right = term_grid(t)->cols - 1;
	cursor_to(t, t->row, t->col);
}

int
alternate_enter(struct term *t)
{
	if (t->screen == &t->alternate)
		return 0;
	struct screen *s = &t->alternate;
	int err = grid_init(&s->grid, t->main.grid.rows, t->main.grid.cols, &t->tables);
	if (err)
		return err;
	for (int y = 0; y < s->grid.rows; y++)
		s->grid.row[y].known = true;
	t->screen = s;
	cursor_stays(t);
	return 0;
}

void
alternate_leave(struct term *t)
{
	if (t->screen == &t->main)
		return;
	grid_finish(&t->alternate.grid);
	t->screen = &t->main;
	cursor_stays(t);
}
