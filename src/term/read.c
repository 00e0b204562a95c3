/* Reading the screen of a model. */
#include "term/read.h"

#include "term/state.h"

static struct term_cell
read_cell(const struct term *t, struct cell c)
{
	uint8_t own[4];
	struct term_cell r = { .style = c.style, .width = c.ch & CELL_WIDE ? 2 : 1 };
	if (c.ch & CELL_TAIL) {
		r.width = 0;
		return r;
	}
	r.ch = c.ch & CELL_CHAR;
	if (c.ch & CELL_CLUSTER) {
		struct span text = cell_text(t, c, own);
		r.cluster = true;
		r.ch = CHAR_BAD;
		if (text.n > 0)
			utf8_get(text.p, text.p + text.n, &r.ch);
	}
	return r;
}

void
term_cells(const struct term *t, int row, int x, int n, struct term_cell *ret_cells)
{
	const struct row *r = grid_row(term_grid(t), row);
	for (int i = 0; i < n; i++)
		ret_cells[i] = read_cell(t, row_cell(r, x + i));
	int last = term_grid(t)->cols - 1 - x;
	if (r->spacer && last >= 0 && last < n)
		ret_cells[last].spacer = true;
}

size_t
term_cell_text(const struct term *t, int row, int x, uint8_t *text, size_t room)
{
	uint8_t own[4];
	struct cell c = row_cell(grid_row(term_grid(t), row), x);
	if (c.ch & CELL_TAIL)
		return 0;
	struct span s = cell_text(t, c, own);
	size_t n = s.n < room ? s.n : room;
	memcpy(text, s.p, n);
	return n;
}

struct style
term_cell_style(const struct term *t, int row, int x)
{
	return cell_style(t, row_cell(grid_row(term_grid(t), row), x));
}

struct style
term_pen(const struct term *t)
{
	return t->pen;
}

void
term_row_extent(const struct term *t, int row, int *ret_from, int *ret_to)
{
	const struct row *r = grid_row(term_grid(t), row);
	int cols = term_grid(t)->cols;
	*ret_from = r->known ? 0 : r->known_from ? r->known_from : cols;
	*ret_to = r->doubt && r->doubt <= cols ? r->doubt - 1 : cols;
	if (t->row_unknown || *ret_from > *ret_to)
		*ret_from = *ret_to;
}

unsigned
term_hindrances(const struct term *t)
{
	const struct charsets *cs = &t->charsets;
	bool margins = t->left > 0 || t->right < term_grid(t)->cols - 1;
	bool mapped = cs->g[cs->shifted] != CHARSET_ASCII || cs->single;
	return (unsigned)(term_at_rest(t) ? 0 : TERM_UNFINISHED)
	    | (t->pending ? TERM_WRAPS : 0)
	    | (term_has(t, MODE_INSERT) ? TERM_INSERTS : 0)
	    | (term_has(t, MODE_CURSOR_SHOWN) ? 0 : TERM_CURSOR_HIDDEN)
	    | (margins ? TERM_SIDE_MARGINS : 0) | (mapped ? TERM_CHARSET : 0)
	    | (t->row_unknown ? TERM_CURSOR_UNKNOWN : 0)
	    | (term_has(t, MODE_AUTOWRAP) ? 0 : TERM_NO_WRAP)
	    | (term_has(t, MODE_GRAPHEMES) ? TERM_CLUSTERS : 0);
}
