/* Taking away what was drawn over a few cells. */
#include "base/err.h"
#include "term/paint.h"

/* Whole characters: half of a wide one that was drawn over has taken the other with it.  One in
 * doubt may be wide there, or one with its neighbours. */
static void
widen(const struct row *r, int cols, int most, int *lo, int *hi)
{
	*lo = row_head(r, *lo);
	while (*lo > 0 && cell_in_doubt(row_cell(r, row_head(r, *lo - 1))))
		*lo = row_head(r, *lo - 1);
	for (; *hi < cols; (*hi)++) {
		bool tail = row_cell(r, *hi).ch & CELL_TAIL;
		bool doubt = cell_in_doubt(row_cell(r, row_head(r, *hi - 1)));
		if (!tail && (!doubt || *hi >= most))
			break;
	}
}

/* On neutral ground.  `beside`: what is drawn left of them stays. */
static void
put_again(struct line_writer *w, int row, int lo, int hi, bool beside)
{
	static const struct style plain;
	const struct term *t = w->t;
	const struct grid *g = term_grid(t);
	const struct row *r = grid_row(g, row);
	int end = r->used;
	widen(r, g->cols, term_row_room(t, row), &lo, &hi);
	/* What a wide character had no room for nobody draws over, and erasing it would part
	 * the line. */
	if (r->spacer && hi == g->cols)
		hi--;
	/* Drawing far behind a row's cells has put blanks before it. */
	if (lo > end && !r->wrapped && !beside)
		lo = end;
	paint_go_to(w, row, lo);
	if (lo < end)
		line_put(w, r, lo, hi < end ? hi : end);
	line_style(w, &plain);
	w->style_id = 0;
	/* Blanks that nobody has written, as they were; but EL would part a line that goes on. */
	int blank = lo > end ? lo : end;
	if (blank < hi && !r->wrapped)
		paint_print(w, "\033[K");
	else if (blank < hi)
		paint_print(w, "\033[%dX", hi - blank);
}

static bool
are_cells(const struct grid *g, int row, int lo, int hi)
{
	return row >= 0 && row < g->rows && lo >= 0 && lo < hi && hi <= g->cols;
}

int
term_repaint_cells(const struct term *t, int row, int lo, int hi, struct buf *out)
{
	struct line_writer w;
	struct charsets charsets;
	struct paint_pen pen = paint_pen_now(t);
	if (!are_cells(term_grid(t), row, lo, hi))
		return 0;
	line_begin(&w, t, out, false);
	w.fixed = true;
	paint_neutral(&w, &pen, &charsets);
	put_again(&w, row, lo, hi, false);
	paint_settle(&w, &charsets);
	return out->failed ? ERR_NOMEM : 0;
}

int
term_repaint_behind(const struct term *t, int row, int lo, int hi, struct buf *out)
{
	struct line_writer w;
	bool clusters = term_has(t, MODE_GRAPHEMES);
	if (!are_cells(term_grid(t), row, lo, hi))
		return 0;
	line_begin(&w, t, out, false);
	w.fixed = true;
	w.clusters = clusters;
	put_again(&w, row, lo, hi, true);
	line_clusters(&w, clusters);
	return out->failed ? ERR_NOMEM : 0;
}
