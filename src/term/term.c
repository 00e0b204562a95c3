#include "term/term.h"

#include "base/err.h"
#include "term/state.h"

#include <stdlib.h>
#include <string.h>

enum {
	STYLES_FIRST = 512, /* room in the tables at first */
	STYLES_MAX = 64 * 1024
	    * 1024, /* bytes: more than two screens of the largest size */
	CLUSTERS_FIRST = 64,
	CLUSTERS_MAX = 4 * 1024 * 1024,
	LINKS_FIRST = 16,
	LINKS_MAX = 1024 * 1024,
	ROW_MAX = 16 * 1024 * 1024, /* bytes of a row in history */
};

static int
bounded(int side)
{
	return side < 1 ? 1 : side > TERM_SIDE_MAX ? TERM_SIDE_MAX : side;
}

static int
tables_init(struct term *t)
{
	if (intern_init(&t->tables.styles, STYLES_FIRST, STYLES_FIRST * STYLE_PACKED_MAX,
		STYLES_MAX)
	    || intern_init(&t->clusters, CLUSTERS_FIRST, CLUSTERS_FIRST * 16,
		CLUSTERS_MAX)
	    || intern_init(&t->links, LINKS_FIRST, 2 * LINK_MAX, LINKS_MAX))
		return ERR_NOMEM;
	return 0;
}

int
term_new(const struct term_options *o, struct term **ret_term)
{
	struct term *t = calloc(1, sizeof *t);
	*ret_term = NULL;
	if (!t)
		return ERR_NOMEM;
	width_init();
	parser_init(&t->parser);
	history_init(&t->history, o->history_rows, o->history_bytes);
	buf_init(&t->scratch, ROW_MAX);
	t->screen = &t->main;
	t->touched = UINT64_MAX;
	if (tables_init(t)
	    || grid_init(&t->main.grid, bounded(o->rows), bounded(o->cols), &t->tables)) {
		term_free(t);
		return ERR_NOMEM;
	}
	t->modes = t->modes_saved = MODES_AT_FIRST;
	memset(t->modify, MODIFY_UNSET, sizeof t->modify);
	tabs_reset(t);
	margins_reset(t);
	t->row_unknown = t->watches = t->untouched = o->unknown;
	t->main.saved.row_unknown = t->alternate.saved.row_unknown = o->unknown;
	for (int y = 0; y < t->main.grid.rows; y++)
		t->main.grid.row[y].known = !o->unknown;
	*ret_term = t;
	return 0;
}

void
term_free(struct term *t)
{
	if (!t)
		return;
	titles_free(t);
	free(t->colours);
	free(t->colours_own);
	intern_finish(&t->tables.styles);
	intern_finish(&t->clusters);
	intern_finish(&t->links);
	grid_finish(&t->main.grid);
	grid_finish(&t->alternate.grid);
	history_finish(&t->history);
	buf_finish(&t->scratch);
	parser_finish(&t->parser);
	free(t);
}

static bool
begins_with(struct span text, const char *word)
{
	size_t n = strlen(word);
	return text.n >= n && memcmp(text.p, word, n) == 0;
}

void
term_is_called(struct term *t, struct span name)
{
	t->string_k = begins_with(name, "tmux") || begins_with(name, "screen");
}

int
term_write(struct term *t, const void *bytes, size_t n)
{
	t->err = 0;
	if (n > 0)
		parser_run(t, bytes, n);
	return t->err;
}

uint64_t
term_work(const struct term *t)
{
	return t->tables.work + t->written;
}

int
term_rows(const struct term *t)
{
	return t->main.grid.rows;
}

int
term_cols(const struct term *t)
{
	return t->main.grid.cols;
}

void
term_cursor(const struct term *t, int *ret_row, int *ret_col)
{
	*ret_row = t->row;
	*ret_col = t->col;
}

void
term_origin(const struct term *t, int *ret_row, int *ret_col)
{
	bool origin = term_has(t, MODE_ORIGIN);
	*ret_row = origin ? t->top : 0;
	*ret_col = origin ? t->left : 0;
}

bool
term_on_alternate(const struct term *t)
{
	return t->screen == &t->alternate;
}

bool
term_wants_focus(const struct term *t)
{
	return term_has(t, MODE_FOCUS);
}

bool
term_wants_scheme(const struct term *t)
{
	return term_has(t, MODE_SCHEME);
}

void
term_answer_to(struct term *t, struct buf *out)
{
	t->answers = out;
}

int
term_colour_is(struct term *t, int which, const uint16_t rgb[3])
{
	int index = which >= TERM_COLOUR_INDEXED ? which - TERM_COLOUR_INDEXED
						 : PALETTE_SIZE + which - DYNAMIC_FIRST;
	if (which < DYNAMIC_FIRST || index >= COLOUR_COUNT
	    || (which >= TERM_COLOUR_INDEXED && index >= PALETTE_SIZE))
		return 0;
	if (!t->colours_own)
		t->colours_own = calloc(COLOUR_COUNT, sizeof *t->colours_own);
	if (!t->colours_own)
		return ERR_NOMEM;
	struct colour *c = &t->colours_own[index];
	memcpy(c->rgb, rgb, sizeof c->rgb);
	c->set = true;
	return 0;
}

uint64_t
term_gone(const struct term *t)
{
	return t->history.next;
}

uint64_t
term_gone_at(const struct term *t, uint64_t offset)
{
	return history_after(&t->history, offset);
}

void
term_history_bound(struct term *t, size_t rows_max, size_t bytes_max)
{
	history_bound(&t->history, rows_max, bytes_max);
}

uint64_t
term_oldest(const struct term *t)
{
	return t->history.first;
}

bool
term_at_rest(const struct term *t)
{
	return t->parser.state == PARSER_GROUND;
}

bool
term_shift_waits(const struct term *t)
{
	return t->charsets.single;
}

/* ---- what is known of the terminal ---- */

bool
term_row_known(const struct term *t, int row)
{
	return !t->row_unknown && row >= 0 && row < term_grid(t)->rows
	    && grid_row(term_grid(t), row)->known;
}

bool
term_row_untouched(const struct term *t, int row)
{
	return t->untouched && !t->row_unknown && !term_on_alternate(t) && row > t->row
	    && grid_row(term_grid(t), row)->used == 0;
}

void
term_row_is_blank(struct term *t, int row)
{
	grid_row(term_grid(t), row)->known = true;
}

bool
term_row_blank(const struct term *t, int row)
{
	return term_row_known(t, row) && row_is_blank(grid_row(term_grid(t), row));
}

bool
term_cursor_known(const struct term *t)
{
	return !t->row_unknown;
}

bool
term_is_ascii(const struct term *t)
{
	const struct grid *g = term_grid(t);
	for (int y = 0; y < g->rows; y++) {
		const struct row *r = grid_row(g, y);
		for (int x = 0; x < r->used; x++)
			if (r->cells[x].ch >= 0x80)
				return false;
	}
	return true;
}

bool
term_row_alone(const struct term *t, int row)
{
	const struct grid *g = term_grid(t);
	return !grid_row(g, row)->wrapped && (row == 0 || !grid_row(g, row - 1)->wrapped);
}

int
term_row_room(const struct term *t, int row)
{
	const struct row *r = grid_row(term_grid(t), row);
	int most = term_grid(t)->cols - !term_row_alone(t, row);
	return r->wrapped && r->used < most ? r->used : most;
}

static void
forget_screen(struct screen *s)
{
	for (int y = 0; y < s->grid.rows; y++)
		row_forget(&s->grid.row[y]);
	s->saved.row_unknown = true;
}

void
strayed(struct term *t)
{
	struct grid *g = term_grid(t);
	if (!t->watches)
		return;
	for (int y = 0; y < g->rows; y++)
		row_forget(&g->row[y]);
	t->row_unknown = true;
	t->untouched = false;
	t->join = JOIN_NONE;
}

/* Until the rows that it may be on have left. */
void
image_drawn(struct term *t)
{
	t->image_until = t->history.next + (uint64_t)t->main.grid.rows;
	t->image_alternate = term_on_alternate(t);
	strayed(t);
}

void
image_erased(struct term *t)
{
	if (!term_on_alternate(t))
		t->image_until = 0;
	t->image_alternate = false;
}

bool
term_shows_image(const struct term *t)
{
	return term_on_alternate(t) ? t->image_alternate
				    : t->history.next < t->image_until;
}

unsigned
term_questions(const struct term *t)
{
	return t->questions;
}

void
term_forget(struct term *t)
{
	forget_screen(&t->main);
	forget_screen(&t->alternate);
	t->row_unknown = true;
	t->untouched &= t->written == 0; /* a login's questions come before the program */
}

void
term_forget_main(struct term *t)
{
	forget_screen(&t->main);
	t->alternate.saved.row_unknown = true;
}

int
term_width_needed(const struct term *t, int row)
{
	const struct grid *g = term_grid(t);
	int first = row < t->row ? row : t->row, last = row < t->row ? t->row : row;
	int width = t->col + 1;
	for (int y = first; y <= last; y++) {
		if (y != t->row && !term_row_alone(t, y))
			return TERM_SIDE_MAX + 1;
		if (grid_row(g, y)->used > width)
			width = grid_row(g, y)->used;
	}
	return term_row_alone(t, t->row) ? width : TERM_SIDE_MAX + 1;
}

/* What was written since stands relative to the cursor: it moves with it. */
void
term_cursor_is(struct term *t, int row, int col)
{
	struct grid *g = term_grid(t);
	if (row < 0 || row >= g->rows || col < 0 || col >= g->cols)
		return;
	if (t->row_unknown) {
		int by = row - t->row;
		if (by > 0)
			grid_scroll_down(g, 0, g->rows - 1, by, CELL_BLANK);
		else if (by < 0)
			grid_scroll_up(g, 0, g->rows - 1, -by, CELL_BLANK);
		/* Rows that came in at the bottom, or were erased, are where the model has them
		 * if the terminal has scrolled as far; else nobody knows what was above. */
		for (int y = 0; by && y < g->rows; y++)
			row_forget(&g->row[y]);
		t->row_unknown = false;
		t->row = row;
	}
	if (t->row != row) {
		cursor_to(t, row, col);
		term_forget(t);
		t->row_unknown = false;
	} else if (t->col != col) {
		/* Something in the row is wider there, or narrower; it has not wrapped. */
		cursor_to(t, row, col);
		row_forget(grid_row(g, row));
	}
}

void
term_cursor_moved(struct term *t, int row, int col, int above, int below)
{
	struct grid *g = term_grid(t);
	int by = row - t->row;
	if (row < 0 || row >= g->rows || col < 0 || col >= g->cols)
		return;
	if (by > 0)
		grid_scroll_down(g, 0, g->rows - 1, by, CELL_BLANK);
	else if (by < 0)
		grid_scroll_up(g, 0, g->rows - 1, -by, CELL_BLANK);
	for (int y = 0; y < g->rows; y++)
		if (y >= row - above && y <= row + below && y - by >= 0
		    && y - by < g->rows)
			grid_row(g, y)->known = true;
		else
			row_forget(grid_row(g, y));
	t->row_unknown = false;
	if (!t->pending || t->col != col)
		cursor_to(t, row, col);
	t->row = row;
}

size_t
term_memory(const struct term *t)
{
	size_t colours = (t->colours != NULL) + (t->colours_own != NULL);
	return sizeof *t + grid_bytes(&t->main.grid) + grid_bytes(&t->alternate.grid)
	    + intern_bytes(&t->tables.styles) + intern_bytes(&t->clusters)
	    + intern_bytes(&t->links) + t->history.bytes
	    + t->history.chunk_cap * sizeof *t->history.chunks + t->scratch.cap
	    + t->parser.held.cap + colours * COLOUR_COUNT * sizeof(struct colour);
}

const char *
term_title(const struct term *t)
{
	return t->title.window ? t->title.window : "";
}

const struct term_news *
term_news(const struct term *t)
{
	return &t->news;
}
