#include "predict/screen_line.h"

void
screen_line_read(struct screen_line *l, const struct term *t)
{
	l->rows = term_rows(t);
	l->cols = term_cols(t);
	term_cursor(t, &l->row, &l->col);
	l->gone = term_gone(t);
	l->alternate = term_on_alternate(t);
	l->hindrances = term_hindrances(t);
	term_cells(t, l->row, 0, l->cols, l->cells);
}
