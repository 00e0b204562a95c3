#include "term/grid.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

/* Cells from one row to the next. */
static size_t
stride(const struct grid *g)
{
	return (size_t)g->cols + ROW_SLACK;
}

size_t
grid_bytes(const struct grid *g)
{
	return (size_t)g->rows
	    * (sizeof *g->row + stride(g) * sizeof *g->mem + row_text_room(g->cols));
}

int
grid_init(struct grid *g, int rows, int cols)
{
	*g = (struct grid){ .rows = rows, .cols = cols };
	g->row = calloc((size_t)rows, sizeof *g->row);
	g->mem = malloc((size_t)rows * stride(g) * sizeof *g->mem);
	g->texts = malloc((size_t)rows * row_text_room(cols));
	if (!g->row || !g->mem || !g->texts) {
		grid_finish(g);
		return ERR_NOMEM;
	}
	for (int y = 0; y < rows; y++) {
		g->row[y].cells = g->mem + (size_t)y * stride(g);
		g->row[y].text = g->texts + (size_t)y * row_text_room(cols);
	}
	return 0;
}

void
grid_finish(struct grid *g)
{
	free(g->row);
	free(g->mem);
	free(g->texts);
	*g = (struct grid){ 0 };
}

/* ---- a row ---- */

int
row_head(const struct row *r, int x)
{
	return x > 0 && x < r->used && r->cells[x].ch & CELL_TAIL ? x - 1 : x;
}

static void
fill(struct cell *cells, int from, int to, struct cell with)
{
	for (int x = from; x < to; x++)
		cells[x] = with;
}

static bool
is_plain_blank(struct cell c)
{
	return c.ch == ' ' && c.style == 0;
}

/* Without any cell. */
static void
row_empty(struct row *r)
{
	r->wide = false;
	r->texted = true;
	r->text_len = r->text_mark = r->text_style = 0;
}

void
row_erase(struct row *r, int from, int to, int cols, struct cell blank)
{
	row_split(r, from);
	row_split(r, to);
	if (to == cols)
		r->wrapped = r->spacer = false;
	if (from == 0 && to == cols)
		r->known = true;
	if (is_plain_blank(blank) && to >= r->used) {
		r->texted = r->texted && r->used <= from;
		if (r->used > from)
			r->used = (uint16_t)from;
		if (r->used == 0)
			row_empty(r);
		return;
	}
	r->texted = false;
	row_fill_to(r, from);
	fill(r->cells, from, to, blank);
	if (r->used < to)
		r->used = (uint16_t)to;
}

/* Before cells are moved within [at, end): no half of a wide one may move alone. */
static int
prepare_move(struct row *r, int at, int end, int n)
{
	row_fill_to(r, end);
	row_split(r, at);
	row_split(r, end);
	r->spacer = r->texted = false;
	return n < end - at ? n : end - at;
}

void
row_insert(struct row *r, int at, int end, int n, int cols, struct cell blank)
{
	n = prepare_move(r, at, end, n);
	row_split(r, end - n);
	memmove(r->cells + at + n, r->cells + at,
	    (size_t)(end - at - n) * sizeof *r->cells);
	fill(r->cells, at, at + n, blank);
	if (end == cols)
		r->wrapped = false;
}

void
row_delete(struct row *r, int at, int end, int n, int cols, struct cell blank)
{
	n = prepare_move(r, at, end, n);
	row_split(r, at + n);
	memmove(r->cells + at, r->cells + at + n,
	    (size_t)(end - at - n) * sizeof *r->cells);
	fill(r->cells, end - n, end, blank);
	if (end == cols)
		r->wrapped = false;
}

/* ---- scrolling ---- */

static void
clear_row(struct grid *g, int y, struct cell blank)
{
	struct row *r = grid_row(g, y);
	*r = (struct row){ .cells = r->cells, .text = r->text, .known = true };
	row_empty(r);
	if (!is_plain_blank(blank))
		row_erase(r, 0, g->cols, g->cols, blank);
}

/* The line of a row does not go on behind it. */
static void
cut_after(struct grid *g, int y)
{
	if (y < 0)
		return;
	grid_row(g, y)->wrapped = false;
	grid_row(g, y)->spacer = false;
}

static void
move_row(struct grid *g, int from, int to)
{
	struct row moved = *grid_row(g, from);
	*grid_row(g, from) = *grid_row(g, to);
	*grid_row(g, to) = moved;
}

void
grid_scroll_up(struct grid *g, int top, int bottom, int n, struct cell blank)
{
	if (n > bottom - top + 1)
		n = bottom - top + 1;
	if (bottom < g->rows - 1)
		cut_after(g, bottom);
	if (top > 0)
		cut_after(g, top - 1);
	if (top == 0 && bottom == g->rows - 1) {
		g->top += n;
		g->top -= g->top < g->rows ? 0 : g->rows;
	} else {
		for (int y = top; y + n <= bottom; y++)
			move_row(g, y + n, y);
	}
	for (int y = bottom - n + 1; y <= bottom; y++)
		clear_row(g, y, blank);
}

void
grid_scroll_down(struct grid *g, int top, int bottom, int n, struct cell blank)
{
	if (n > bottom - top + 1)
		n = bottom - top + 1;
	cut_after(g, top - 1);
	cut_after(g, bottom);
	if (bottom - n >= top)
		cut_after(g, bottom - n);
	for (int y = bottom; y - n >= top; y--)
		move_row(g, y - n, y);
	for (int y = top; y < top + n; y++)
		clear_row(g, y, blank);
}

static void
copy_part(struct grid *g, int from, int to, int left, int right)
{
	struct row *src = grid_row(g, from), *dst = grid_row(g, to);
	row_fill_to(src, right);
	row_fill_to(dst, right);
	memcpy(dst->cells + left, src->cells + left,
	    (size_t)(right - left) * sizeof *dst->cells);
	dst->wide |= src->wide;
	dst->texted = false;
}

/* n > 0: up. */
void
grid_scroll_box(struct grid *g, int top, int bottom, int left, int right, int n,
    struct cell blank)
{
	int height = bottom - top + 1;
	int by = n < 0 ? -n : n;
	if (by > height)
		by = height;
	for (int y = top; y <= bottom; y++) {
		row_split(grid_row(g, y), left);
		row_split(grid_row(g, y), right);
		if (right == g->cols)
			cut_after(g, y);
	}
	for (int i = 0; i < height - by; i++) {
		if (n > 0)
			copy_part(g, top + i + by, top + i, left, right);
		else
			copy_part(g, bottom - i - by, bottom - i, left, right);
	}
	for (int i = 0; i < by; i++) {
		int y = n > 0 ? bottom - i : top + i;
		bool known = grid_row(g, y)->known;
		row_erase(grid_row(g, y), left, right, g->cols, blank);
		grid_row(g, y)->known = known;
	}
}
