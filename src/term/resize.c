/*
 * Another size.  The lines of the main screen are broken anew:
 *
 *     the latest rows of history \                          / history
 *                                 > text > cells, laid out <
 *     the rows of the screen     /                          \ the screen
 *
 * Rows come back from the history when the screen was full and has room now.  The cursor
 * stays on the character it was on.  The alternate screen is cut or padded: programs draw
 * it anew.
 */
#include "base/err.h"
#include "term/line.h"

#include <string.h>

struct place {
	int row, col;
};

struct layout {
	struct term *t;
	const struct history *rows; /* what is laid out */
	int cols;
	struct grid *grid; /* where to; NULL: it is only counted */
	struct place at;
	struct place from, to; /* the cursor: its row and column among `rows`, and then */
	uint64_t first; /* the number of the first of `rows` */
	uint64_t marks[TERM_MARKS]; /* the rows of the marks then */
};

/* ---- laying out ---- */

static void
new_row(struct layout *l, bool wrapped, bool spacer)
{
	if (l->grid) {
		l->grid->row[l->at.row].wrapped = wrapped;
		l->grid->row[l->at.row].spacer = spacer;
	}
	l->at.row++;
	l->at.col = 0;
}

static void
lay_cell(struct layout *l, const struct line_reader *r, const struct line_cell *c)
{
	struct term *t = l->t;
	struct row *row = &l->grid->row[l->at.row];
	struct cell *cell = &row->cells[l->at.col];
	uint32_t ch;
	size_t len = utf8_get(c->text.p, c->text.p + c->text.n, &ch);
	/* By way of the pen, so that its link is not swept away. */
	t->pen = r->style;
	t->pen.link = link_id(t, r->link);
	*cell = (struct cell){ ch, style_id(t, &t->pen) };
	if (len < c->text.n) {
		row->used = (uint16_t)(l->at.col + 1);
		uint32_t id = cluster_id(t, c->text);
		if (id)
			cell->ch = CELL_CLUSTER | id;
	}
	if (c->width == 2) {
		cell->ch |= CELL_WIDE;
		cell[1] = (struct cell){ CELL_TAIL, cell->style };
		row->wide = true;
	}
	if (cell->ch & CELL_CLUSTER)
		cell_note_joined(t, cell);
	row->used = (uint16_t)(l->at.col + c->width);
}

/* The cursor is at a cell of the row, or behind them. */
static void
note_cursor(struct layout *l, int row, int from, int to, bool end)
{
	if (l->from.row != row || l->from.col < from || (l->from.col >= to && !end))
		return;
	l->to = l->at;
	l->to.col += l->from.col - from;
}

static void
note_marks(struct layout *l, int number)
{
	for (int i = 0; i < TERM_MARKS; i++)
		if (l->t->marks[i].row == l->first + (uint64_t)number)
			l->marks[i] = l->first + (uint64_t)l->at.row;
}

static void
lay_row(struct layout *l, int number, const struct history_row *row)
{
	struct line_reader r;
	struct line_cell c;
	int col = 0;
	bool wrapped = row->flags & ROW_WRAPPED;
	if (l->grid)
		l->grid->row[l->at.row].part |= row->flags & ROW_PARTS;
	note_marks(l, number);
	line_read(&r, row->text);
	while (line_next(&r, &c)) {
		if (c.width > l->cols)
			continue;
		if (l->at.col + c.width > l->cols)
			new_row(l, true, c.width == 2 && l->at.col == l->cols - 1);
		note_cursor(l, number, col, col + c.width, false);
		if (l->grid)
			lay_cell(l, &r, &c);
		l->at.col += c.width;
		col += c.width;
	}
	note_cursor(l, number, col, col, true);
	if (!wrapped)
		new_row(l, false, false);
}

/* Returns how many rows it takes. */
static int
lay_out(struct layout *l)
{
	l->at = (struct place){ 0, 0 };
	for (uint64_t i = l->rows->first; i < l->rows->next; i++) {
		struct history_row row = history_get(l->rows, i);
		lay_row(l, (int)(i - l->rows->first), &row);
	}
	return l->at.col ? l->at.row + 1 : l->at.row;
}

/* ---- what is laid out ---- */

/* The last row of the main screen that must not be lost. */
static int
last_row(const struct term *t, int cursor_row)
{
	const struct grid *g = &t->main.grid;
	int y = g->rows - 1;
	while (y > cursor_row && grid_row(g, y)->used == 0)
		y--;
	return y;
}

/* Where the logical line begins that ends before row `end`; at most `most` rows back. */
static uint64_t
line_start(const struct history *h, uint64_t end, uint64_t most)
{
	uint64_t at = end - 1;
	while (at > h->first && end - at < most
	    && history_get(h, at - 1).flags & ROW_WRAPPED)
		at--;
	return at;
}

/* The first row of history to take back.  Too many do no harm: they are put there again. */
static uint64_t
taken_back(const struct term *t, int rows)
{
	const struct history *h = &t->history;
	uint64_t at = h->next, most = 4 * (uint64_t)rows;
	if (history_open(h))
		at = line_start(h, at, most);
	if (last_row(t, 0) < t->main.grid.rows - 1)
		return at;
	while (at > h->first && h->next - at < most)
		at = line_start(h, at, most);
	return at;
}

static int
copy_rows(struct term *t, struct history *to, uint64_t from, int last)
{
	struct grid *g = &t->main.grid;
	for (uint64_t i = from; i < t->history.next; i++) {
		struct history_row row = history_get(&t->history, i);
		if (history_push(to, &row, 1))
			return ERR_NOMEM;
	}
	for (int y = 0; y <= last; y++) {
		const struct row *next = grid_row(g, y < g->rows - 1 ? y + 1 : y);
		struct history_row row = { .offset = t->written };
		row.flags = line_store(t, grid_row(g, y), next, history_short(to),
		    &t->scratch, &row.text);
		if (y == last)
			row.flags &= (uint8_t) ~(ROW_WRAPPED | ROW_SPACER);
		if (t->scratch.failed || history_push(to, &row, 1))
			return ERR_NOMEM;
	}
	return 0;
}

/* ---- the new screen ---- */

static void
copy_cells(struct row *to, const struct row *from, int cols)
{
	struct row own = *to;
	*to = *from;
	to->cells = own.cells;
	to->text = own.text;
	to->texted = false;
	if (to->used > cols)
		to->used = (uint16_t)cols;
	memcpy(to->cells, from->cells, to->used * sizeof *to->cells);
}

/* The rows above `top` go to the history, those from there on to the screen. */
static void
share_out(struct term *t, struct grid *laid, int total, int top, uint64_t from,
    uint64_t offset)
{
	struct grid *g = &t->main.grid;
	history_take_back(&t->history, from);
	/* A line that is longer than what is taken back is cut there. */
	history_close(&t->history);
	for (int y = 0; y < top; y++) {
		struct history_row row = { .offset = offset };
		row.flags = line_store(t, &laid->row[y],
		    &laid->row[y + 1 < total ? y + 1 : y], history_short(&t->history),
		    &t->scratch, &row.text);
		if (t->scratch.failed || history_push(&t->history, &row, 1))
			t->err = ERR_NOMEM;
		t->scratch.failed = false;
	}
	for (int y = 0; y < g->rows && top + y < total; y++)
		copy_cells(&g->row[y], &laid->row[top + y], g->cols);
	g->row[g->rows - 1].wrapped = g->row[g->rows - 1].spacer = false;
}

/* Lays the rows out and puts them in place; *cursor goes along. */
static int
reflow(struct term *t, struct history *rows, uint64_t from, int new_rows, int new_cols,
    struct place *cursor)
{
	struct layout l = { .t = t,
		.rows = rows,
		.cols = new_cols,
		.from = *cursor,
		.first = from };
	struct grid laid, fresh;
	struct style pen = t->pen;
	l.from.row += (int)(t->history.next - from);
	for (int i = 0; i < TERM_MARKS; i++)
		l.marks[i] = t->marks[i].row;
	int total = lay_out(&l);
	/* The cursor may be beyond all cells. */
	if (total <= l.to.row)
		total = l.to.row + 1;
	int top = total > new_rows ? total - new_rows : 0;
	if (top > l.to.row)
		top = l.to.row;
	if (grid_init(&laid, total, new_cols, &t->tables))
		return ERR_NOMEM;
	if (grid_init(&fresh, new_rows, new_cols, &t->tables)) {
		grid_finish(&laid);
		return ERR_NOMEM;
	}
	grid_finish(&t->main.grid);
	/* What is being laid out counts as in use. */
	t->main.grid = laid;
	l.grid = &t->main.grid;
	lay_out(&l);
	t->pen = pen;
	laid = t->main.grid;
	t->main.grid = fresh;
	for (int y = 0; y < new_rows; y++)
		t->main.grid.row[y].known = true;
	uint64_t offset = from < t->history.next ? history_get(&t->history, from).offset
						 : t->written;
	share_out(t, &laid, total, top, from, offset);
	grid_finish(&laid);
	for (int i = 0; i < TERM_MARKS; i++)
		t->marks[i].row = l.marks[i];
	*cursor = (struct place){ l.to.row - top, l.to.col };
	return 0;
}

static int
resize_main(struct term *t, int rows, int cols, struct place *cursor)
{
	struct history all;
	int last = last_row(t, cursor->row);
	bool wide = row_cell(grid_row(&t->main.grid, 0), 0).ch & CELL_WIDE;
	/* line_store puts a blank there. */
	if (cursor->row == 0 && history_short(&t->history) && !wide)
		cursor->col++;
	marks_settle(t);
	uint64_t from = taken_back(t, rows);
	history_init(&all, SIZE_MAX, SIZE_MAX);
	int err = copy_rows(t, &all, from, last);
	t->scratch.failed = false;
	if (!err)
		err = reflow(t, &all, from, rows, cols, cursor);
	history_finish(&all);
	return err;
}

static int
resize_alternate(struct term *t, int rows, int cols)
{
	struct grid *old = &t->alternate.grid, fresh;
	if (grid_init(&fresh, rows, cols, &t->tables))
		return ERR_NOMEM;
	for (int y = 0; y < rows; y++)
		fresh.row[y].known = true;
	for (int y = 0; y < rows && y < old->rows; y++) {
		struct row *r = grid_row(old, y);
		row_split(r, cols);
		if (cols != old->cols || y == rows - 1)
			r->wrapped = r->spacer = false;
		copy_cells(&fresh.row[y], r, cols);
		fresh.row[y].doubt = r->doubt;
	}
	grid_finish(old);
	*old = fresh;
	return 0;
}

static void
clamp_saved(struct saved *s, int rows, int cols)
{
	s->pending = false;
	s->row = s->row < rows ? s->row : rows - 1;
	s->col = s->col < cols ? s->col : cols - 1;
}

static int
side(int v)
{
	return v < 1 ? 1 : v > TERM_SIDE_MAX ? TERM_SIDE_MAX : v;
}

int
term_resize(struct term *t, int rows, int cols)
{
	bool alternate = term_on_alternate(t);
	int old_cols = term_cols(t);
	rows = side(rows);
	cols = side(cols);
	if (rows == term_rows(t) && cols == old_cols)
		return 0;
	t->err = 0;
	t->flat_len = 0;
	print_pen(t); /* it has its number, and so is kept */
	struct place cursor = { t->row, t->col + t->pending };
	if (alternate)
		cursor = (struct place){ t->main.saved.row, t->main.saved.col };
	if (alternate && resize_alternate(t, rows, cols))
		return ERR_NOMEM;
	if (resize_main(t, rows, cols, &cursor)) {
		/* The two screens must fit together. */
		if (alternate)
			resize_alternate(t, t->main.grid.rows, t->main.grid.cols);
		return ERR_NOMEM;
	}
	for (int x = old_cols; x < cols; x++)
		tab_set(t, x, x % TAB_WIDTH == 0);
	clamp_saved(&t->main.saved, rows, cols);
	clamp_saved(&t->alternate.saved, rows, cols);
	if (alternate) {
		t->main.saved.row = cursor.row;
		t->main.saved.col = cursor.col < cols ? cursor.col : cols - 1;
		cursor = (struct place){ t->row, t->col };
	}
	margins_reset(t);
	cursor_to(t, cursor.row, cursor.col);
	t->pending = !alternate && cursor.col >= cols && term_has(t, MODE_AUTOWRAP);
	marks_watch(t); /* they have moved along */
	if (term_has(t, MODE_RESIZE_REPORT))
		answer(t, "\033[48;%d;%d;0;0t", rows, cols);
	return t->err;
}
