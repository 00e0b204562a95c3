#include "screen/predictions.h"

#include "base/hash.h"
#include "sys/tty.h"

#include <string.h>

enum {
	ANSWER_US =
	    CURSOR_WAIT_US, /* at the beginning: most terminals answer in a few ms */
	ASK_AGAIN_US = 500 * 1000, /* the program writes, or the terminal is slow */
	ASKED_MAX = 4,
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

/* What the predictor has not been told yet; then what it wants. */
static const struct predict_view *
view(struct predictions *o)
{
	uint64_t off = display_offset(o->display), now_us = o->loop->now_us;
	uint64_t work = term_work(o->display->model);
	if (o->resized || (off == o->off && work != o->work))
		predict_resized(o->predict, now_us);
	if (off != o->off)
		predict_output(o->predict, off, now_us);
	o->resized = false;
	o->off = off;
	o->work = work;
	return predict_view(o->predict, now_us);
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
	return may_ask(o) || left_behind || hash_of(view(o)) != o->drawn;
}

/* Beside the program's cursor, without a mode that changes what that means. */
static void
move(int columns, struct buf *out)
{
	if (columns)
		buf_print(out, "\033[%d%c", columns < 0 ? -columns : columns,
		    columns < 0 ? 'D' : 'C');
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
	o->row = -1;
	o->ahead = 0;
	o->drawn = 0;
	o->moved.on &= !program;
}

static void
draw_cells(struct predictions *o, const struct predict_view *v, struct buf *out)
{
	struct style plain = { 0 }, pen = { 0 };
	int col = -1;
	(void)term_neutral(o->display->model, out);
	for (size_t i = 0; i < v->n; i++) {
		const struct predict_cell *c = &v->cells[i];
		if (c->col != col)
			buf_print(out, "\033[%d;%dH", v->row + 1, c->col + 1);
		style_put(out, &pen, &c->style);
		(void)buf_put(out, c->text, c->len);
		pen = c->style;
		col = c->col + c->width;
	}
	style_put(out, &pen, &plain);
	(void)term_settle(o->display->model, out);
	o->row = v->row;
	o->lo = v->cells[0].col;
	o->hi = col;
}

static void
draw(void *overlay, struct buf *out)
{
	struct predictions *o = overlay;
	const struct predict_view *v = view(o);
	int row, col;
	if (may_ask(o))
		want_place(o);
	o->drawn = hash_of(v);
	if (!o->drawn)
		return;
	if (v->n)
		draw_cells(o, v, out);
	term_cursor(o->display->model, &row, &col);
	o->ahead = v->col - col;
	move(o->ahead, out);
}

static void
forgotten(void *overlay)
{
	struct predictions *o = overlay;
	o->row = -1;
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
	o->row = -1;
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
	forgotten, ahead };

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

void
predictions_keys(struct predictions *o, struct span keys, uint64_t off)
{
	if (o->predict && keys.n)
		predict_keys(o->predict, keys, off, o->loop->now_us);
}

void
predictions_dropped(struct predictions *o)
{
	if (o->predict)
		predict_resized(o->predict, o->loop->now_us);
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
		predict_hint(o->predict, &hint, o->loop->now_us);
}

void
predictions_link(struct predictions *o, uint64_t rtt_us, bool in_doubt)
{
	struct predict_link link = { rtt_us ? rtt_us : o->link.rtt_us, in_doubt };
	if (!o->predict
	    || (link.rtt_us == o->link.rtt_us && in_doubt == o->link.in_doubt))
		return;
	o->link = link;
	predict_link(o->predict, &link, o->loop->now_us);
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
		predict_tick(o->predict, now_us);
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
