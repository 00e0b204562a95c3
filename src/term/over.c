/* Drawing over a terminal that the program believes to have for itself, and leaving it. */
#include "base/err.h"
#include "term/paint.h"

#include <string.h>

int
term_neutral(const struct term *t, struct buf *out)
{
	struct line_writer w;
	struct charsets charsets;
	struct paint_pen pen = paint_pen_now(t);
	line_begin(&w, t, out, false);
	paint_neutral(&w, &pen, &charsets);
	return out->failed ? ERR_NOMEM : 0;
}

int
term_settle(const struct term *t, struct buf *out)
{
	struct line_writer w;
	struct paint_pen pen = paint_pen_now(t);
	line_begin(&w, t, out, false);
	w.clusters = term_has(t, MODE_GRAPHEMES);
	struct charsets charsets = paint_ascii(&pen);
	paint_settle(&w, &charsets);
	return out->failed ? ERR_NOMEM : 0;
}

int
term_settle_ahead(const struct term *t, int ahead, struct buf *out)
{
	struct line_writer w;
	struct paint_pen pen = paint_pen_now(t);
	struct charsets charsets = paint_ascii(&pen);
	line_begin(&w, t, out, false);
	if (term_has(t, MODE_SIDE_MARGINS))
		paint_mode(&w, MODE_SIDE_MARGINS, true);
	if (pen.origin)
		paint_mode(&w, MODE_ORIGIN, true);
	paint_go_to(&w, t->row - (pen.origin ? t->top : 0), t->col + ahead);
	line_style(&w, &t->pen);
	paint_charsets(&w, &charsets, &t->charsets);
	if (!term_has(t, MODE_AUTOWRAP))
		paint_mode(&w, MODE_AUTOWRAP, false);
	return out->failed ? ERR_NOMEM : 0;
}

/* ---- leaving ---- */

static void
undo_keys(struct line_writer *w, const struct key_flags *k)
{
	if (k->depth)
		paint_print(w, "\033[<%du", k->depth);
	/* What lay below the stack goes with the last entry only if more are popped. */
	if (k->flags[0])
		paint_print(w, "\033[=0u");
}

/* The keys of a screen that is not shown. */
static void
undo_hidden(struct line_writer *w)
{
	const struct key_flags *k = &w->t->alternate.keys;
	if (!k->depth && !k->flags[0])
		return;
	paint_mode(w, MODE_ALT_1049, true);
	undo_keys(w, k);
	paint_mode(w, MODE_ALT_1049, false);
}

static void
undo_modes(struct line_writer *w)
{
	uint64_t first = MODES_AT_FIRST;
	for (int m = 0; m < MODE_COUNT; m++) {
		bool on = first >> m & 1;
		bool is = (w->t->modes | w->t->apart) >> m & 1;
		if (mode_table[m].kind != MODE_SPECIAL && is != on)
			paint_mode(w, (enum mode)m, on);
	}
	if (term_has(w->t, MODE_GRAPHEMES))
		paint_mode(w, MODE_GRAPHEMES, false);
}

static void
undo_colours(struct line_writer *w)
{
	const struct colour *colours = w->t->colours;
	for (int i = 0; colours && i < COLOUR_COUNT; i++) {
		if (!colours[i].set)
			continue;
		if (i < PALETTE_SIZE)
			paint_print(w, "\033]104;%d\033\\", i);
		else
			paint_print(w, "\033]%d\033\\",
			    i - PALETTE_SIZE + DYNAMIC_FIRST + 100);
	}
}

static void
undo_tabs(struct line_writer *w)
{
	paint_print(w, "\r\033[3g");
	for (int x = 0; x < w->t->main.grid.cols; x += TAB_WIDTH) {
		if (x > 0)
			paint_print(w, "\033[%dC", TAB_WIDTH);
		paint_print(w, "\033H");
	}
}

/* What moves the cursor is done between a saving and a restoring of it. */
static void
undo_places(struct line_writer *w, bool origin)
{
	const struct term *t = w->t;
	bool margins = t->top > 0 || t->bottom < t->main.grid.rows - 1;
	bool tabs = !tabs_are_default(t);
	const struct saved *s = &t->main.saved;
	bool alternate = term_on_alternate(t);
	/* Leaving origin mode has moved the cursor already. */
	if (origin)
		paint_go_to(w, alternate ? s->row : t->row, alternate ? s->col : t->col);
	if (!margins && !tabs)
		return;
	paint_print(w, "\0337");
	if (margins)
		paint_print(w, "\033[r");
	if (tabs)
		undo_tabs(w);
	paint_print(w, "\0338");
}

int
term_undo(const struct term *t, struct buf *out)
{
	struct line_writer w;
	struct charsets charsets;
	struct paint_pen pen = paint_pen_now(t);
	enum { CAN = 0x18 };
	line_begin(&w, t, out, false);
	if (!term_at_rest(t))
		paint_print(&w, "%c", CAN);
	if (!term_on_alternate(t)) {
		undo_hidden(&w);
	} else {
		const struct saved *s = &t->main.saved;
		undo_keys(&w, &t->alternate.keys);
		line_begin(&w, t, out, false);
		w.style = pen.style;
		paint_mode(&w, MODE_ALT_1049, false);
		pen = (struct paint_pen){ s->pen, s->charsets, s->origin };
		pen.style.link = t->pen.link;
	}
	paint_neutral(&w, &pen, &charsets);
	line_clusters(&w, false);
	for (int i = 1; i < 4; i++)
		if (charsets.g[i])
			paint_print(&w, "\033%cB", '(' + i);
	undo_places(&w, pen.origin);
	undo_modes(&w);
	undo_keys(&w, &t->main.keys);
	for (int i = 0; i < MODIFY_COUNT; i++)
		if (t->modify[i] != MODIFY_UNSET)
			paint_print(&w, "\033[>%dm", i);
	if (t->cursor_shape)
		paint_print(&w, "\033[0 q");
	for (int i = 0; i < t->title_count; i++)
		paint_print(&w, "\033[23;0t");
	undo_colours(&w);
	if (t->told[TOLD_PROGRESS])
		paint_print(&w, "\033]9;4;0\033\\");
	if (t->told[TOLD_POINTER])
		paint_print(&w, "\033]22;\033\\");
	return out->failed ? ERR_NOMEM : 0;
}
