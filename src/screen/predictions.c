#include "screen/predictions.h"

#include "base/hash.h"
#include "sys/tty.h"

#include <string.h>

enum {
	ANSWER_US =
	    CURSOR_WAIT_US, /* at the beginning: most terminals answer in a few ms */
	ASK_AGAIN_US = 500 * 1000, /* the program writes, or the terminal is slow */
	ASKED_MAX = 4,
	IN_PART = 2, /* no hash: what is drawn is no view */
};

/* ---- what is wanted ---- */

/* 0: there is nothing to draw. */
static uint64_t
hash_of(const struct predict_view *v)
{
	uint64_t hash = HASH_BEGIN;
	if (!v->n && !v->moved)
		return 0;
	hash = hash_bytes(hash, &v->row, sizeof v->row);
	hash = hash_bytes(hash, &v->col, sizeof v->col);
	for (size_t i = 0; i < v->n; i++) {
		const struct predict_cell *c = &v->cells[i];
		hash = hash_bytes(hash, &c->col, sizeof c->col);
		hash = hash_bytes(hash, c->text, c->len);
		hash = hash_bytes(hash, &c->style, sizeof c->style);
	}
	return hash | 1;
}

/* What the predictor has not been told yet; then what it wants, which is asked several times a
 * turn. */
static const struct predict_view *
view(struct predictions *o)
{
	uint64_t off = display_offset(o->display), now_us = o->loop->now_us;
	uint64_t work = term_work(o->display->model);
	if (o->view && now_us == o->view_us && off == o->off && work == o->work
	    && !o->resized)
		return o->view;
	if (o->resized || (off == o->off && work != o->work))
		predict_resized(o->predict, now_us);
	if (off != o->off)
		predict_output(o->predict, off, now_us);
	o->resized = false;
	o->off = off;
	o->work = work;
	o->view_us = now_us;
	o->view = predict_view(o->predict, now_us);
	o->wanted = hash_of(o->view);
	return o->view;
}

/* ---- the overlay ---- */

static bool
shown(const void *overlay)
{
	const struct predictions *o = overlay;
	return o->row >= 0 || o->ahead || o->moved.on;
}

static bool
may_ask(const struct predictions *o)
{
	return o->asked < ASKED_MAX && o->loop->now_us >= o->ask_us
	    && !term_cursor_known(o->display->model) && tty_is_raw();
}

static void
want_place(struct predictions *o)
{
	if (!o->display->reports.wanted)
		cursor_reports_want(&o->display->reports, o->loop->now_us);
	o->asked++;
	o->ask_us = o->loop->now_us + ASK_AGAIN_US;
}

static bool
stale(const void *overlay)
{
	struct predictions *o = (struct predictions *)(uintptr_t)overlay;
	bool left_behind = !o->drawn && o->ahead; /* by another size */
	(void)view(o);
	return may_ask(o) || left_behind || o->wanted != o->drawn;
}

/* Beside the program's cursor, without a mode that changes what that means. */
static void
move(int columns, struct buf *out)
{
	if (columns)
		buf_print(out, "\033[%d%c", columns < 0 ? -columns : columns,
		    columns < 0 ? 'D' : 'C');
}

/* `lo` and `hi` stay: where they were drawn a resized window may still have them. */
static void
forget_cells(struct predictions *o)
{
	o->row = -1;
	o->n_cells = 0;
	o->unsure = false;
}

static void
lift(void *overlay, bool program, struct buf *out)
{
	struct predictions *o = overlay;
	const struct term *t = o->display->model;
	if (o->row >= 0) {
		(void)term_repaint_cells(t, o->row, o->lo, o->hi, out);
	} else if (o->ahead && term_cursor_known(t)) {
		/* A mark would join the cell before the cursor only where that was written
		 * last: it is written again. */
		(void)term_neutral(t, out);
		(void)term_settle(t, out);
	} else {
		move(-o->ahead, out);
	}
	forget_cells(o);
	o->ahead = 0;
	o->drawn = 0;
	o->moved.on &= !program;
}

/* ---- what is drawn, and what is wanted ---- */

static int
end_of(const struct predict_cell *c)
{
	return c->col + c->width;
}

static void
note_cells(struct predictions *o, const struct predict_cell *cells, size_t n, int row)
{
	if (n == 0) {
		forget_cells(o);
		return;
	}
	memmove(o->cells, cells, n * sizeof *cells);
	o->n_cells = n;
	o->row = row;
	o->lo = cells[0].col;
	o->hi = end_of(&cells[n - 1]);
}

static bool
looks_same(const struct predict_cell *a, const struct predict_cell *b)
{
	return a->col == b->col && a->width == b->width && a->len == b->len
	    && memcmp(a->text, b->text, a->len) == 0 && style_equal(&a->style, &b->style);
}

/* Takes away what is drawn in columns that nothing is wanted in.  False: that may have taken
 * away what stands behind them, too. */
static bool
take_gone(const struct predictions *o, const struct predict_view *v, struct buf *out)
{
	size_t next = 0;
	int from = o->lo;
	bool ends = true;
	for (int x = o->lo; x <= o->hi; x++) {
		while (next < v->n && end_of(&v->cells[next]) <= x)
			next++;
		bool covered = next < v->n && v->cells[next].col <= x;
		if (!covered && x < o->hi)
			continue;
		if (from < x) {
			(void)term_repaint_behind(o->display->model, o->row, from, x,
			    out);
			ends = x == o->hi;
		}
		from = x + 1;
	}
	return ends;
}

/* On neutral ground.  `all`: also those that stand there as they are wanted. */
static void
draw_cells(const struct predictions *o, const struct predict_view *v, bool all,
    struct buf *out)
{
	struct style plain = { 0 }, pen = { 0 };
	int col = -1;
	size_t there = 0;
	for (size_t i = 0; i < v->n; i++) {
		const struct predict_cell *c = &v->cells[i];
		while (there < o->n_cells && o->cells[there].col < c->col)
			there++;
		if (!all && there < o->n_cells && looks_same(&o->cells[there], c))
			continue;
		if (c->col != col)
			buf_print(out, "\033[%d;%dH", v->row + 1, c->col + 1);
		style_put(out, &pen, &c->style);
		(void)buf_put(out, c->text, c->len);
		pen = c->style;
		col = end_of(c);
	}
	style_put(out, &pen, &plain);
}

static bool
is_drawn(const struct predictions *o, const struct predict_view *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (i == o->n_cells || !looks_same(&o->cells[i], &v->cells[i]))
			return false;
	return v->n == o->n_cells && (!v->n || v->row == o->row) && !o->unsure;
}

/* The cursor is not put by way of what stands before it: that may be drawn over. */
static void
make_drawn(struct predictions *o, const struct predict_view *v, int ahead,
    struct buf *out)
{
	const struct term *t = o->display->model;
	if (o->row >= 0 && o->row != v->row)
		lift(o, false, out);
	(void)term_neutral(t, out);
	bool all = o->unsure;
	if (o->row >= 0)
		all |= !take_gone(o, v, out);
	draw_cells(o, v, all, out);
	(void)term_settle_ahead(t, ahead, out);
}

static void
draw(void *overlay, const int *others_ahead, struct buf *out)
{
	struct predictions *o = overlay;
	const struct predict_view *v = view(o);
	int row, col;
	(void)others_ahead; /* there are none */
	if (may_ask(o))
		want_place(o);
	term_cursor(o->display->model, &row, &col);
	int ahead = v->col - col;
	if (!v->n && (o->row >= 0 || !ahead))
		lift(o, false, out);
	if (is_drawn(o, v))
		move(ahead - o->ahead, out);
	else
		make_drawn(o, v, ahead, out);
	o->ahead = ahead;
	note_cells(o, v->cells, v->n, v->row);
	o->unsure = false;
	o->drawn = o->wanted;
}

/* ---- while the program writes text ---- */

static int
row_of(const void *overlay)
{
	const struct predictions *o = overlay;
	int row, col;
	term_cursor(o->display->model, &row, &col);
	return o->row >= 0 ? o->row : row;
}

static bool
stays(const void *overlay, const struct overlay_reach *reach)
{
	const struct predictions *o = overlay;
	(void)reach;
	return !o->moved.on;
}

/* Text ends within a wide character. */
static bool
cuts(const struct predict_cell *c, int x)
{
	return c->col < x && x < end_of(c);
}

static void
pass(void *overlay, const struct overlay_reach *reach, struct buf *out)
{
	struct predictions *o = overlay;
	size_t n = 0;
	move(-o->ahead, out);
	o->ahead = 0;
	o->unsure |= o->n_cells && reach->row < 0;
	for (size_t i = 0; i < o->n_cells; i++) {
		const struct predict_cell *c = &o->cells[i];
		bool theirs = reach->row == o->row && c->col >= reach->lo
		    && c->col < reach->hi;
		o->unsure |= reach->row == o->row
		    && (cuts(c, reach->lo) || cuts(c, reach->hi));
		if (!theirs || cuts(c, reach->hi))
			o->cells[n++] = *c;
	}
	note_cells(o, o->cells, n, o->row);
	o->drawn = n ? IN_PART : 0;
}

static void
forgotten(void *overlay)
{
	struct predictions *o = overlay;
	forget_cells(o);
	o->ahead = 0;
	o->drawn = 0;
	o->moved.on = false;
	o->resized = true;
	o->asked = 0;
}

/* ---- another size ---- */

/* On the main screen it is broken with the cursor's row, if the window is too narrow. */
static bool
resizing(void *overlay, int rows, int cols)
{
	struct predictions *o = overlay;
	const struct term *t = o->display->model;
	(void)rows;
	if (o->row >= 0 && !term_on_alternate(t)) {
		int width = term_width_needed(t, o->row);
		o->moved.on = true;
		o->moved.width = width > o->hi ? width : o->hi;
		o->moved.narrowest = term_cols(t);
	}
	if (cols < o->moved.narrowest)
		o->moved.narrowest = cols;
	if (term_on_alternate(t) && term_cursor_known(t))
		o->ahead = 0; /* all of it is drawn again, and the cursor put */
	forget_cells(o);
	o->drawn = 0;
	o->resized = true;
	o->asked = 0;
	return o->moved.on || o->ahead;
}

static bool
is_beginning(const struct predictions *o)
{
	return !o->begun && display_offset(o->display) == o->begin;
}

/* From the corner on tmux and screen would scroll a whole screen away. */
static void
erase_below(struct predictions *o, int row, int col, struct buf *out)
{
	struct term *t = o->display->model;
	bool corner = row == 0 && col == 0;
	const char *erase = !corner ? "\033[J"
	    : term_rows(t) > 1	    ? "\033[K\n\033[J\033[A"
				    : "\033[K";
	term_cursor_is(t, row, col);
	(void)term_write(t, erase, strlen(erase));
	buf_print(out, "%s", erase);
}

/* It stands in the cursor's row. */
static bool
located(void *overlay, int row, int col, bool told, struct buf *out)
{
	struct predictions *o = overlay;
	struct term *t = o->display->model;
	bool here = o->moved.on && o->moved.width <= o->moved.narrowest;
	int known_row, known_col;
	/* An answer that says what was known changes nothing: the keys still wait. */
	term_cursor(t, &known_row, &known_col);
	o->resized |= !term_cursor_known(t) || known_row != row || known_col != col;
	o->moved.on = false;
	o->asked = 0;
	bool begins = is_beginning(o) && !told;
	o->begun = true;
	if (begins)
		erase_below(o, row, col, out);
	if (begins || !here)
		return begins;
	if (!told)
		term_cursor_moved(t, row, col, 0, 0);
	term_cursor(t, &row, &col);
	if (term_row_known(t, row)) {
		(void)term_repaint_cells(t, row, o->lo, o->hi, out);
		o->ahead = 0; /* the cursor is put where the program has it */
	}
	return true;
}

static int
ahead(const void *overlay)
{
	const struct predictions *o = overlay;
	return o->ahead;
}

static const struct overlay_ops ops = { shown, stale, lift, draw, resizing, located,
	forgotten, ahead, row_of, stays, pass };

/* ---- what happens ---- */

void
predictions_open(struct predictions *o, struct display *d, const struct loop *loop,
    enum predict_mode mode)
{
	*o = (struct predictions){ .display = d, .loop = loop, .row = -1 };
	if (!d->model || mode == PREDICT_NEVER
	    || predict_new(d->model, mode, &o->predict))
		return;
	o->off = o->begin = display_offset(d);
	if (!display_add(d, &ops, o))
		predictions_close(o);
}

void
predictions_close(struct predictions *o)
{
	predict_free(o->predict);
	o->predict = NULL;
}

/* What it wants may be something else now. */
static struct predict *
happens(struct predictions *o)
{
	o->view = NULL;
	return o->predict;
}

void
predictions_keys(struct predictions *o, struct span keys, uint64_t off)
{
	if (o->predict && keys.n)
		predict_keys(happens(o), keys, off, o->loop->now_us);
}

void
predictions_dropped(struct predictions *o)
{
	if (o->predict)
		predict_resized(happens(o), o->loop->now_us);
}

void
predictions_hint(struct predictions *o, const struct msg_echoed *m)
{
	struct predict_hint hint = { .in_off = m->input,
		.out_off = m->output,
		.echo = m->modes & ECHOED_ECHO,
		.canonical = m->modes & ECHOED_CANONICAL,
		.isig = m->modes & ECHOED_SIGNALS,
		.erase = m->erase,
		.group = m->group };
	if (o->predict)
		predict_hint(happens(o), &hint, o->loop->now_us);
}

void
predictions_link(struct predictions *o, uint64_t rtt_us, bool in_doubt)
{
	struct predict_link link = { rtt_us ? rtt_us : o->link.rtt_us, in_doubt };
	if (!o->predict
	    || (link.rtt_us == o->link.rtt_us && in_doubt == o->link.in_doubt))
		return;
	o->link = link;
	predict_link(happens(o), &link, o->loop->now_us);
}

bool
predictions_awaits(const struct predictions *o)
{
	return o->predict && o->asked && is_beginning(o)
	    && o->loop->now_us < o->ask_us - ASK_AGAIN_US + ANSWER_US;
}

bool
predictions_wants_hints(const struct predictions *o)
{
	return o->predict != NULL;
}

uint64_t
predictions_turn(struct predictions *o)
{
	if (!o->predict)
		return 0;
	uint64_t now_us = o->loop->now_us, at = predict_deadline(o->predict);
	if (at && now_us >= at) {
		predict_tick(happens(o), now_us);
		at = predict_deadline(o->predict);
	}
	if (is_beginning(o) && !o->asked && may_ask(o))
		want_place(o);
	if (predictions_awaits(o))
		loop_sooner(&at, o->ask_us - ASK_AGAIN_US + ANSWER_US);
	if (o->asked && o->asked < ASKED_MAX && now_us < o->ask_us
	    && !term_cursor_known(o->display->model))
		loop_sooner(&at, o->ask_us);
	return at;
}

const struct predict_stats *
predictions_stats(const struct predictions *o)
{
	return o->predict ? predict_stats(o->predict) : NULL;
}
