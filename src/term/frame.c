#include "term/frame.h"

#include "base/err.h"
#include "base/hash.h"
#include "term/paint.h"

#include <stdlib.h>

/* Of the modes those that the program alone has to do with: it would be told the window's size, or
 * hold the picture back. */
#define NOT_TOLD (mode_bit(MODE_SYNC) | mode_bit(MODE_RESIZE_REPORT))

_Static_assert(sizeof((struct term_frame_told *)0)->modify == MODIFY_COUNT,
    "as the model's");

static void
tell_mode(struct line_writer *w, uint64_t *shown, enum mode m, bool on)
{
	if (mode_table[m].kind == MODE_SPECIAL || (*shown >> m & 1) == on)
		return;
	*shown ^= mode_bit(m);
	paint_mode(w, m, on);
}

/* Off comes first: terminals have one mode of the mouse at a time. */
static void
tell_modes(struct line_writer *w, uint64_t *shown, uint64_t to)
{
	for (int on = 0; on < 2; on++)
		for (int m = 0; m < MODE_COUNT; m++)
			if ((to >> m & 1) == (uint64_t)on)
				tell_mode(w, shown, (enum mode)m, on);
}

static void
tell_modify(struct line_writer *w, struct term_frame_told *f, const uint8_t *to)
{
	for (int i = 0; i < MODIFY_COUNT; i++) {
		if (f->modify[i] == to[i])
			continue;
		f->modify[i] = to[i];
		if (to[i] == MODIFY_UNSET)
			paint_print(w, "\033[>%dm", i);
		else
			paint_print(w, "\033[>%d;%dm", i, to[i]);
	}
}

static void
tell_keys(struct line_writer *w, struct term_frame_told *f, uint8_t keys, uint8_t shape)
{
	if (f->keys != keys)
		paint_print(w, "\033[=%du", keys);
	if (f->shape != shape)
		paint_print(w, "\033[%d q", shape);
	f->keys = keys;
	f->shape = shape;
}

static uint64_t
hash_text(const char *text)
{
	return hash_bytes(HASH_BEGIN, text, strlen(text));
}

/* What the terminal knows besides cells; the cursor last. */
static void
tell_state(struct line_writer *w, struct term_frame_told *f, bool drawn)
{
	const struct term *t = w->t;
	const struct key_flags *keys = &t->screen->keys;
	uint64_t title = hash_text(term_title(t));
	if (f->title != title) {
		paint_print(w, "\033]2;");
		(void)buf_put(w->out, term_title(t), strlen(term_title(t)));
		paint_print(w, "\033\\");
	}
	if (f->bells != t->news.bells)
		paint_print(w, "\a");
	tell_modify(w, f, t->modify);
	tell_keys(w, f, keys->flags[keys->depth], t->cursor_shape);
	if (drawn || f->row != t->row || f->col != t->col)
		paint_go_to(w, t->row, t->col);
	tell_modes(w, &f->modes, t->modes & ~NOT_TOLD);
	f->title = title;
	f->bells = t->news.bells;
	f->row = t->row;
	f->col = t->col;
}

/* The screen's edges, where the window goes on. */
static void
draw_edge(struct line_writer *w, const struct term_frame *f)
{
	if (f->rows > f->in_rows) {
		paint_print(w, "\033[%d;1H\033[2m", f->in_rows + 1);
		for (int x = 0; x < f->in_cols; x++)
			paint_print(w, "-");
		paint_print(w, f->cols > f->in_cols ? "+\033[m" : "\033[m");
	}
	for (int y = 0; f->cols > f->in_cols && y < f->in_rows; y++)
		paint_print(w, "\033[%d;%dH\033[2m|\033[m", y + 1, f->in_cols + 1);
}

/* A row, from the beginning of its line; a full one ends in the last column, where nothing may be
 * erased. */
static void
draw_row(struct line_writer *w, const struct row *r, int cols)
{
	int end = r->used < cols ? r->used : cols;
	line_put(w, r, 0, end);
	line_end(w);
	if (end < cols)
		paint_print(w, "\033[%dX", cols - end);
}

static bool
draw_rows(struct line_writer *w, struct term_frame *f)
{
	struct buf text, *out = w->out;
	bool any = false;
	buf_init(&text, out->max);
	for (int y = 0; y < f->in_rows; y++) {
		text.len = 0;
		w->out = &text;
		paint_go_to(w, y, 0);
		draw_row(w, grid_row(term_grid(w->t), y), f->in_cols);
		uint64_t hash = hash_bytes(HASH_BEGIN, buf_bytes(&text), text.len);
		w->out = out;
		out->failed |= text.failed;
		if (hash == f->shown[y])
			continue;
		f->shown[y] = hash;
		if (!any)
			tell_mode(w, &f->told.modes, MODE_CURSOR_SHOWN, false);
		any = true;
		if (buf_put(out, buf_bytes(&text), text.len))
			out->failed = true;
	}
	buf_finish(&text);
	return any;
}

/* A first picture, or one of another size. */
static int
begin(struct line_writer *w, struct term_frame *f, int rows, int cols)
{
	const struct grid *g = term_grid(w->t);
	uint64_t *shown = calloc((size_t)g->rows, sizeof *shown);
	if (!shown)
		return ERR_NOMEM;
	free(f->shown);
	f->shown = shown;
	f->in_rows = g->rows;
	f->in_cols = g->cols;
	f->rows = rows;
	f->cols = cols;
	if (!f->told.entered) {
		paint_print(w, "\033[?1049h");
		f->told = (struct term_frame_told){ .entered = true,
			.modes = MODES_AT_FIRST,
			.title = hash_text(""),
			.bells = w->t->news.bells };
		memset(f->told.modify, MODIFY_UNSET, sizeof f->told.modify);
	}
	paint_print(w, "\033[H\033[2J");
	draw_edge(w, f);
	return 0;
}

int
term_frame_draw(struct term_frame *f, const struct term *t, int rows, int cols,
    struct buf *out)
{
	struct line_writer w;
	const struct grid *g = term_grid(t);
	line_begin(&w, t, out, false);
	w.fixed = true;
	f->before = f->told;
	bool anew = !f->shown || f->in_rows != g->rows || f->in_cols != g->cols
	    || f->rows != rows || f->cols != cols;
	if (anew && begin(&w, f, rows, cols))
		return ERR_NOMEM;
	tell_state(&w, &f->told, draw_rows(&w, f) || anew);
	if (out->failed)
		term_frame_lost(f);
	return out->failed ? ERR_NOMEM : 0;
}

void
term_frame_lost(struct term_frame *f)
{
	f->told = f->before;
	f->rows = 0;
}

void
term_frame_leave(struct term_frame *f, const struct term *t, struct buf *out)
{
	struct line_writer w;
	uint8_t unset[MODIFY_COUNT];
	if (f->told.entered) {
		line_begin(&w, t, out, false);
		memset(unset, MODIFY_UNSET, sizeof unset);
		tell_modify(&w, &f->told, unset);
		tell_keys(&w, &f->told, 0, 0);
		tell_modes(&w, &f->told.modes, MODES_AT_FIRST);
		paint_print(&w, "\033[?1049l");
	}
	term_frame_free(f);
}

void
term_frame_free(struct term_frame *f)
{
	free(f->shown);
	*f = (struct term_frame){ 0 };
}
