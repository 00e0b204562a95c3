/* Prints the text of the screen that the bytes of stdin make: 24 rows of 80 columns. */
#include "term/state.h"

#include <stdio.h>

enum { ROWS = 24, COLS = 80, BYTES_MAX = 1 << 20 };

static void
show_row(const struct term *t, const struct row *r)
{
	for (int x = 0; x < r->used; x++) {
		uint8_t own[4];
		struct span s = cell_text(t, r->cells[x], own);
		if (!(r->cells[x].ch & CELL_TAIL))
			fwrite(s.p, 1, s.n, stdout);
	}
	putchar('\n');
}

int
main(void)
{
	static uint8_t bytes[BYTES_MAX];
	struct term *t;
	struct term_options o = { ROWS, COLS, 0, 0, false };
	size_t n = fread(bytes, 1, sizeof bytes, stdin);
	if (term_new(&o, &t) || term_write(t, bytes, n))
		return 1;
	for (int y = 0; y < ROWS; y++)
		show_row(t, grid_row(&t->screen->grid, y));
	term_free(t);
	return 0;
}
