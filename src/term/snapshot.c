/*
 * What makes a fresh terminal equal, in this order:
 *
 *     history, main screen, what is kept of the other one, its saved cursor,
 *     alternate screen, its saved cursor,
 *     titles, colours, tabs, modes ..., margins, cursor, the unfinished sequence
 *
 * Rows are written one after the other from where the cursor is, so that what a terminal
 * shows is scrolled away, not erased.
 *
 * The window may have another size when this arrives.  So a line that goes on in the next
 * row is left to the terminal to break, and the rows where the cursor is put are counted
 * from the last one: it may come to stand too low then, but never on what is to stay.
 */
#include "base/err.h"
#include "term/paint.h"

#include <string.h>

static const struct style plain;
/* Behind the text of a row, the rest of it in the plain style.  The blank is for a window of
 * another width, where the text may end in the last column. */
#define PLAIN_END " \033[K"

static void
put(struct line_writer *w, const char *text)
{
	if (buf_put(w->out, text, strlen(text)))
		w->out->failed = true;
}

/* An OSC. */
static void
put_title(struct line_writer *w, int number, const char *title)
{
	paint_print(w, "\033]%d;", number);
	put(w, title ? title : "");
	put(w, "\033\\");
}

/* Behind the last column: the next character wraps by itself.  But what was too wide to fit
 * may be gone, or only be a wide cluster with its second character: there a blank is first,
 * which is written over. */
static void
put_wrap(struct line_writer *w, bool spacer, bool fits)
{
	line_clusters(w, false);
	if (!fits)
		return;
	line_end(w);
	/* The wide one is an ideographic space. */
	put(w, spacer ? "\xe3\x80\x80\b\b" : " \b");
}

/* The row came in when a character in this colour wrapped, and a terminal has filled it so. */
static bool
is_filled(struct style first)
{
	return first.bg != COLOUR_DEFAULT;
}

/* ---- history ---- */

struct history_painter {
	struct line_writer *w;
	struct span link; /* which is on */
	int cols, col;
	bool filled;
};

static bool
same_bytes(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void
history_style(struct history_painter *p, const struct style *style, struct span link)
{
	line_style(p->w, style);
	if (same_bytes(p->link, link))
		return;
	p->link = link;
	put(p->w, "\033]8;");
	if (link.n && buf_put(p->w->out, link.p, link.n))
		p->w->out->failed = true;
	put(p->w, link.n ? "\033\\" : ";\033\\");
}

static void
history_plain(struct history_painter *p)
{
	history_style(p, &plain, (struct span){ NULL, 0 });
	line_clusters(p->w, false);
}

/* What begins where the cursor is. */
static void
put_part(struct line_writer *w, uint8_t part)
{
	const char *prompt = w->t->told[TOLD_PROMPT];
	if (part)
		put_title(w, 133, part == ROW_OUTPUT ? "C" : prompt ? prompt : "A");
}

/* A cell after the other, breaking lines where the terminal will. */
static void
put_cells(struct history_painter *p, struct span text)
{
	struct line_reader r;
	struct line_cell c;
	line_read(&r, text);
	while (line_next(&r, &c)) {
		if (c.width > p->cols)
			continue;
		if (p->col + c.width > p->cols) {
			if (c.clusters)
				history_plain(p);
			put_wrap(p->w, c.width == 2 && p->col == p->cols - 1, c.clusters);
			p->filled = is_filled(r.style);
			p->col = 0;
		}
		history_style(p, &r.style, r.link);
		line_put_text(p->w, c.text, c.clusters);
		p->col += c.width;
	}
}

/* Returns whether the line goes on, at p->col. */
static bool
put_history_row(struct history_painter *p, const struct history_row *row)
{
	bool on = row->flags & ROW_WRAPPED;
	if (p->col == 0)
		put_part(p->w, row->flags & ROW_PARTS);
	if (!on && p->col == 0 && !(row->flags & ROW_MARKED)
	    && row->text.n <= (size_t)p->cols) {
		if (row->text.n && buf_put(p->w->out, row->text.p, row->text.n))
			p->w->out->failed = true;
	} else {
		put_cells(p, row->text);
	}
	if (on)
		return true;
	history_plain(p);
	if (p->filled && p->col < p->cols)
		put(p->w, PLAIN_END);
	put(p->w, "\r\n");
	p->col = 0;
	p->filled = false;
	return false;
}

uint64_t
term_first(const struct term *t, const struct term_limits *limits)
{
	const struct history *h = &t->history;
	uint64_t first = h->first > limits->from_row ? h->first : limits->from_row;
	uint64_t at = h->next;
	size_t bytes = 0;
	while (at > first && h->next - at < limits->rows_max) {
		bytes += history_get(h, at - 1).text.n + 2;
		if (bytes > limits->bytes_max)
			break;
		at--;
	}
	return at;
}

/* Returns whether the main screen's first row continues the last one's line; *ret_spacer:
 * behind a cell that a wide character did not fit into. */
static bool
put_history(struct line_writer *w, uint64_t from, bool *ret_spacer)
{
	const struct history *h = &w->t->history;
	struct history_painter p = { .w = w, .cols = w->t->main.grid.cols };
	bool on = false;
	for (uint64_t i = from; i < h->next; i++) {
		struct history_row row = history_get(h, i);
		on = put_history_row(&p, &row);
		*ret_spacer = row.flags & ROW_SPACER;
	}
	if (!on)
		return false;
	history_plain(&p);
	if (p.col == p.cols - *ret_spacer)
		return true;
	put(w, "\r\n");
	return false;
}

/* ---- screens ---- */

/* The first column behind the cursor, and what waits there. */
static int
behind_cursor(const struct term *t)
{
	return t->col + (t->pending || t->join == JOIN_AT);
}

static void
put_plain_rest(struct line_writer *w)
{
	line_end(w);
	put(w, PLAIN_END);
}

/* The same behind the cursor, which stays there. */
static void
put_rest(struct line_writer *w, const struct row *r, bool filled)
{
	int behind = behind_cursor(w->t);
	struct cell c = row_cell(r, behind);
	struct style style = cell_style(w->t, c);
	if (behind >= term_grid(w->t)->cols || (!filled && !c.style))
		return;
	line_clusters(w, false);
	line_style(w, &style);
	w->style_id = c.style;
	put(w, "\033[K");
}

/* Up to where a row is drawn; `goes_on`: at least that it wraps. */
static int
row_end(const struct line_writer *w, const struct grid *g, int y, bool goes_on)
{
	const struct row *r = grid_row(g, y);
	int end = paint_row_end(r);
	if (w->stays && y == w->t->row)
		return paint_settled(w->t);
	if (r->wrapped)
		end = r->spacer ? g->cols - 1 : g->cols;
	return end > goes_on ? end : goes_on;
}

static void
put_rows(struct line_writer *w, const struct grid *g, int from, int to, bool goes_on,
    bool spacer)
{
	for (int y = from; y < to; y++) {
		const struct row *r = grid_row(g, y);
		int end = row_end(w, g, y, goes_on);
		struct cell first = row_cell(r, 0);
		bool wide = first.ch & CELL_WIDE && !(first.ch & CELL_CLUSTER);
		bool filled = goes_on && is_filled(cell_style(w->t, first));
		if (goes_on)
			put_wrap(w, spacer, spacer && !wide);
		if (!goes_on && y > from) {
			line_end(w);
			put(w, "\r\n");
		}
		/* A line that goes on is there when its first cell is. */
		int head = goes_on && r->part ? 1 : 0;
		line_put(w, r, 0, head);
		put_part(w, r->part);
		line_put(w, r, head, end);
		if (w->stays && y == w->t->row)
			put_rest(w, r, filled);
		else if (filled && end < g->cols - r->spacer)
			put_plain_rest(w);
		goes_on = r->wrapped;
		spacer = r->spacer;
	}
	line_end(w);
}

static bool
is_first(const struct saved *s)
{
	static const struct charsets ascii;
	return s->row == 0 && s->col == 0 && !s->pending && !s->origin
	    && style_equal(&s->pen, &plain)
	    && memcmp(&s->charsets, &ascii, sizeof ascii) == 0;
}

/* The cursor as it was saved, then what saves it, then neutral ground. */
static void
put_saved(struct line_writer *w, const struct screen *s, const char *save)
{
	static const struct charsets ascii;
	const struct saved *saved = &s->saved;
	if (saved->origin)
		paint_mode(w, MODE_ORIGIN, true);
	paint_go_to(w, saved->row, saved->col);
	if (saved->pending && !s->grid.rows) {
		put(w, " ");
	} else if (saved->pending && !grid_row(&s->grid, saved->row)->spacer) {
		int col = row_head(grid_row(&s->grid, saved->row), saved->col);
		paint_go_to(w, saved->row, col);
		line_put(w, grid_row(&s->grid, saved->row), col, saved->col + 1);
	}
	line_style(w, &saved->pen);
	paint_charsets(w, &ascii, &saved->charsets);
	put(w, save);
	paint_charsets(w, &saved->charsets, &ascii);
	line_end(w);
	if (saved->origin)
		paint_mode(w, MODE_ORIGIN, false);
}

static void
put_keys(struct line_writer *w, const struct key_flags *k)
{
	if (k->flags[0])
		paint_print(w, "\033[=%du", k->flags[0]);
	for (int i = 1; i <= k->depth; i++)
		paint_print(w, "\033[>%du", k->flags[i]);
}

static void
put_tabs(struct line_writer *w)
{
	if (tabs_are_default(w->t))
		return;
	put(w, "\033[3g");
	for (int x = 0; x < w->t->main.grid.cols; x++)
		if (tab_is_set(w->t, x))
			paint_print(w, "\033[%dG\033H", x + 1);
}

static bool
has_margins(const struct term *t)
{
	return t->top > 0 || t->bottom < t->main.grid.rows - 1;
}

/* The rest of a row is as EL leaves it. */
static bool
is_erased(const struct term *t, const struct row *r, int from)
{
	struct cell c = row_cell(r, from);
	struct style style = cell_style(t, c), colour = { .bg = style.bg };
	for (int x = from; x < r->used; x++)
		if (!cell_equal(r->cells[x], c))
			return false;
	return from >= t->main.grid.cols
	    || (c.ch == ' ' && style_equal(&style, &colour)
		&& (r->used == t->main.grid.cols || !c.style));
}

/* Nothing stands behind the cursor, and nothing that is restored later moves it. */
static bool
is_at_the_end(const struct term *t)
{
	const struct grid *g = &t->main.grid;
	int y = g->rows - 1;
	if (t->screen != &t->main || has_margins(t) || term_has(t, MODE_ORIGIN)
	    || term_has(t, MODE_SIDE_MARGINS))
		return false;
	while (y > t->row && row_is_blank(grid_row(g, y)) && !grid_row(g, y)->part)
		y--;
	return y == t->row && is_erased(t, grid_row(g, y), behind_cursor(t));
}

/* Where the cursor's line begins, if the cursor is at the end of all; else the number of
 * rows. */
static int
last_line(const struct term *t, int from, bool goes_on)
{
	const struct grid *g = &t->main.grid;
	int first = t->row;
	if (first < from || !is_at_the_end(t))
		return g->rows;
	while (first > from && grid_row(g, first - 1)->wrapped)
		first--;
	/* The line comes to be in the cursor's row by what is drawn there; what paint_settle
	 * draws last leaves nobody to erase the rest. */
	const struct row *r = term_row(t);
	bool empty = first < t->row && paint_settled(t) == 0
	    && ((!t->pending && !t->join) || r->part
		|| is_filled(cell_style(t, row_cell(r, 0)))
		|| row_cell(r, behind_cursor(t)).style);
	return empty || (first == from && goes_on) ? g->rows : first;
}

/* The alternate screen's own, while it is shown; its rows count from the corner. */
static void
put_alternate_kept(struct line_writer *w)
{
	const struct screen *s = &w->t->alternate;
	bool from_below = w->from_below;
	w->from_below = false;
	put_keys(w, &s->keys);
	if (!is_first(&s->saved))
		put_saved(w, s, "\0337");
	w->from_below = from_below;
}

/* What a screen that is not shown has kept takes a look at it, which saves the cursor. */
static bool
put_hidden(struct line_writer *w)
{
	const struct screen *s = &w->t->alternate;
	if (is_first(&s->saved) && !s->keys.depth && !s->keys.flags[0])
		return false;
	put(w, "\033[?1049h");
	put_alternate_kept(w);
	put(w, "\033[?1049l");
	return true;
}

static void
put_keys_and_saved(struct line_writer *w)
{
	const struct term *t = w->t;
	put_keys(w, &t->main.keys);
	if (t->screen != &t->main)
		put_saved(w, &t->main, "\033[?1049h");
	else if (put_hidden(w) || !is_first(&t->main.saved))
		put_saved(w, &t->main, "\0337");
}

/* The last line comes last, and the cursor stays behind it, whatever the window's width is:
 * so the rows below it are there before. */
static void
put_main(struct line_writer *w, int from, bool goes_on, bool spacer)
{
	const struct grid *g = &w->t->main.grid;
	int last = last_line(w->t, from, goes_on);
	w->from_below = true;
	put_rows(w, g, from, last, goes_on, spacer);
	for (int y = last > from ? last : from + 1; y < g->rows; y++)
		put(w, "\r\n");
	put_keys_and_saved(w);
	put_tabs(w);
	if (last == g->rows)
		return;
	paint_go_to(w, last, 0);
	w->stays = true;
	put_rows(w, g, last, w->t->row + 1, false, false);
}

static void
put_screens(struct line_writer *w, int from, bool goes_on, bool spacer)
{
	const struct term *t = w->t;
	put_main(w, from, goes_on, spacer);
	if (t->screen == &t->main)
		return;
	w->from_below = false;
	w->fixed = true; /* of another width it is drawn anew by the program */
	put(w, "\033[H");
	put_rows(w, &t->alternate.grid, 0, t->alternate.grid.rows, false, false);
	put_alternate_kept(w);
}

/* ---- the rest ---- */

/* One that is not known is the terminal's own, unless another was told before. */
static void
put_titles(struct line_writer *w)
{
	static const int told_numbers[] = { 7, 9, 22, 1337 };
	const struct term *t = w->t;
	bool icon = false, window = false;
	for (int i = 0; i <= t->title_count; i++) {
		bool now = i == t->title_count;
		const struct title *title = now ? &t->title : &t->titles[i];
		if ((title->icon || icon) && (now || title->which != TITLE_WINDOW))
			put_title(w, 1, title->icon);
		if ((title->window || window) && (now || title->which != TITLE_ICON))
			put_title(w, 2, title->window);
		icon |= title->icon != NULL;
		window |= title->window != NULL;
		if (!now)
			paint_print(w, "\033[22;%dt", title->which);
	}
	for (int i = 0; i < TOLD_PROMPT; i++)
		if (t->told[i])
			put_title(w,
			    told_numbers[i < TOLD_VARIABLES ? i : TOLD_VARIABLES],
			    t->told[i]);
}

static void
put_colours(struct line_writer *w)
{
	const struct colour *c = w->t->colours;
	for (int i = 0; c && i < COLOUR_COUNT; i++, c++) {
		if (!c->set)
			continue;
		if (i < PALETTE_SIZE)
			paint_print(w, "\033]4;%d", i);
		else
			paint_print(w, "\033]%d", i - PALETTE_SIZE + DYNAMIC_FIRST);
		paint_print(w, ";rgb:%04x/%04x/%04x\033\\", c->rgb[0], c->rgb[1],
		    c->rgb[2]);
	}
}

/* Modes that only are remembered, and first what XTSAVE keeps of them. */
static void
put_modes(struct line_writer *w)
{
	const struct term *t = w->t;
	uint64_t set = MODES_AT_FIRST;
	for (int i = 0; i < MODE_COUNT; i++) {
		enum mode m = (enum mode)i;
		bool saved = t->modes_saved >> i & 1;
		if (mode_table[i].kind == MODE_SPECIAL
		    || saved == (MODES_AT_FIRST >> i & 1))
			continue;
		paint_mode(w, m, saved);
		paint_print(w, "\033[?%ds", mode_table[i].number);
		set = mode_switched(set, m, saved);
	}
	for (int i = 0; i < MODE_COUNT; i++) {
		enum mode m = (enum mode)i;
		if (mode_table[i].kind == MODE_SPECIAL
		    || (set >> i & 1) == term_has(t, m))
			continue;
		set = mode_switched(set, m, term_has(t, m));
		if (m != MODE_SYNC || !term_has(t, m))
			paint_mode(w, m, term_has(t, m));
	}
}

static void
put_state(struct line_writer *w)
{
	static const struct charsets ascii;
	const struct term *t = w->t;
	put_titles(w);
	put_colours(w);
	put_modes(w);
	for (int i = 0; i < MODIFY_COUNT; i++)
		if (t->modify[i] != MODIFY_UNSET)
			paint_print(w, "\033[>%d;%dm", i, t->modify[i]);
	if (t->cursor_shape)
		paint_print(w, "\033[%d q", t->cursor_shape);
	if (has_margins(t)) {
		paint_print(w, "\033[%d;%dr", t->top + 1, t->bottom + 1);
		w->from_below = false;
	}
	paint_settle(w, &ascii);
	if (t->input)
		put_title(w, 133, "B");
	if (term_has(t, MODE_SYNC))
		paint_mode(w, MODE_SYNC, true);
	struct span held = buf_span(&t->parser.held);
	if (held.n && buf_put(w->out, held.p, held.n))
		w->out->failed = true;
}

int
term_snapshot_parts(const struct term *t, const struct term_limits *limits,
    struct buf *out, size_t *ret_screens)
{
	struct line_writer w;
	bool spacer = false;
	uint64_t gone = t->history.next;
	int from = limits->from_row > gone ? (int)(limits->from_row - gone) : 0;
	line_begin(&w, t, out, false);
	put(&w, "\033[J");
	bool goes_on = put_history(&w, term_first(t, limits), &spacer);
	*ret_screens = out->len;
	put_screens(&w, from, goes_on, goes_on && spacer);
	put_state(&w);
	return out->failed ? ERR_NOMEM : 0;
}

int
term_snapshot(const struct term *t, const struct term_limits *limits, struct buf *out)
{
	size_t screens;
	return term_snapshot_parts(t, limits, out, &screens);
}
