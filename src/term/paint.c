#include "term/paint.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BELOW_ALL = 9999 }; /* the row of CUP that any terminal takes as its last */

void
paint_print(struct line_writer *w, const char *fmt, ...)
{
	char text[64];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof text || buf_put(w->out, text, (size_t)n))
		w->out->failed = true;
}

void
paint_go_to(struct line_writer *w, int row, int col)
{
	int up = term_grid(w->t)->rows - 1 - row;
	paint_print(w, "\033[%d;%dH", w->from_below ? BELOW_ALL : row + 1, col + 1);
	if (w->from_below && up)
		paint_print(w, "\033[%dA", up);
}

void
paint_mode(struct line_writer *w, enum mode m, bool on)
{
	const struct mode_info *info = &mode_table[m];
	if (m == MODE_KEYPAD) /* DECKPAM: tmux and others do not know DECNKM */
		paint_print(w, "\033%c", on ? '=' : '>');
	else
		paint_print(w, "\033[%s%d%c", info->ansi ? "" : "?", info->number,
		    on ? 'h' : 'l');
}

static void
shift_to(struct line_writer *w, uint8_t slot)
{
	static const char *const shifts[] = { "\017", "\016", "\033n", "\033o" };
	paint_print(w, "%s", shifts[slot]);
}

void
paint_charsets(struct line_writer *w, const struct charsets *from,
    const struct charsets *to)
{
	static const char finals[CHARSET_COUNT] = { 'B', 'A', '0' };
	for (int i = 0; i < 4; i++)
		if (from->g[i] != to->g[i])
			paint_print(w, "\033%c%c", '(' + i, finals[to->g[i]]);
	if (from->shifted != to->shifted)
		shift_to(w, to->shifted);
	if (to->single)
		paint_print(w, "\033%c", to->single == 2 ? 'N' : 'O');
}

struct paint_pen
paint_pen_now(const struct term *t)
{
	return (struct paint_pen){ t->pen, t->charsets, term_has(t, MODE_ORIGIN) };
}

struct charsets
paint_ascii(const struct paint_pen *pen)
{
	struct charsets ascii = { { 0 }, 0, 0 };
	/* G1 to G3 do not matter while G0 is in use. */
	memcpy(ascii.g + 1, pen->charsets.g + 1, 3);
	return ascii;
}

void
paint_neutral(struct line_writer *w, const struct paint_pen *pen,
    struct charsets *ret_charsets)
{
	static const struct style plain;
	const struct term *t = w->t;
	struct charsets ascii = paint_ascii(pen);
	w->style = pen->style;
	line_style(w, &plain);
	w->style_id = 0;
	paint_charsets(w, &pen->charsets, &ascii);
	*ret_charsets = ascii;
	if (pen->origin)
		paint_mode(w, MODE_ORIGIN, false);
	if (term_has(t, MODE_SIDE_MARGINS))
		paint_mode(w, MODE_SIDE_MARGINS, false);
	if (term_has(t, MODE_INSERT))
		paint_mode(w, MODE_INSERT, false);
	if (!term_has(t, MODE_AUTOWRAP))
		paint_mode(w, MODE_AUTOWRAP, true);
	w->clusters = term_has(t, MODE_GRAPHEMES);
}

int
paint_row_end(const struct row *r)
{
	int x = r->used;
	while (x > 0 && r->cells[x - 1].ch == ' ' && r->cells[x - 1].style == 0)
		x--;
	return x;
}

void
paint_again(struct line_writer *w, const struct grid *g, int row, int col, bool as_it_is)
{
	const struct row *r = grid_row(g, row);
	int head = row_head(r, col);
	struct cell c = row_cell(r, head);
	bool origin = term_has(w->t, MODE_ORIGIN);
	uint8_t own[4];
	if (!w->stays)
		paint_go_to(w, row - (origin ? w->t->top : 0),
		    head - (origin ? w->t->left : 0));
	if (!as_it_is) {
		line_put(w, r, head, col + 1);
		return;
	}
	struct style style = cell_style(w->t, c);
	struct span text = cell_text(w->t, c, own);
	line_style(w, &style);
	if (buf_put(w->out, text.p, text.n))
		w->out->failed = true;
}

/* The column of what is drawn again. */
static int
again_at(const struct term *t)
{
	return t->join == JOIN_BEFORE ? t->col - 1 : t->col;
}

int
paint_settled(const struct term *t)
{
	return t->pending || t->join ? row_head(term_row(t), again_at(t)) : t->col;
}

/* The cursor, and what waits or joins there. */
static void
settle_cursor(struct line_writer *w)
{
	const struct term *t = w->t;
	const struct grid *g = term_grid(t);
	bool clusters = term_has(t, MODE_GRAPHEMES), origin = term_has(t, MODE_ORIGIN);
	if (!t->pending && !t->join) {
		if (w->stays)
			paint_mode(w, MODE_GRAPHEMES, w->clusters);
		else
			paint_go_to(w, t->row - (origin ? t->top : 0),
			    t->col - (origin ? t->left : 0));
		line_clusters(w, clusters);
		return;
	}
	bool stays = t->join == JOIN_AT && !t->pending;
	if (t->join)
		line_clusters(w, clusters);
	if (stays)
		paint_mode(w, MODE_AUTOWRAP, false);
	paint_again(w, g, t->row, again_at(t), t->join);
	line_clusters(w, clusters);
	/* Switching it, to what it is, parts what was joined. */
	if (!t->join)
		paint_mode(w, MODE_GRAPHEMES, clusters);
	if (stays)
		paint_mode(w, MODE_AUTOWRAP, true);
}

void
paint_settle(struct line_writer *w, const struct charsets *charsets)
{
	const struct term *t = w->t;
	if (term_has(t, MODE_SIDE_MARGINS)) {
		paint_mode(w, MODE_SIDE_MARGINS, true);
		if (t->left > 0 || t->right < term_grid(t)->cols - 1)
			paint_print(w, "\033[%d;%ds", t->left + 1, t->right + 1);
	}
	if (term_has(t, MODE_ORIGIN))
		paint_mode(w, MODE_ORIGIN, true);
	settle_cursor(w);
	line_style(w, &t->pen);
	paint_charsets(w, charsets, &t->charsets);
	if (!term_has(t, MODE_AUTOWRAP))
		paint_mode(w, MODE_AUTOWRAP, false);
	if (term_has(t, MODE_INSERT))
		paint_mode(w, MODE_INSERT, true);
}
