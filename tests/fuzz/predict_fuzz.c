/*
 * Predicted echo: keys, output, hints, sizes and time in any order.  What is to be drawn is
 * always within the screen and what the model knows of it, never in the last column nor half
 * over a wide character; in a secret nothing is, in any mode, and of the keys that were typed
 * before it ended nothing ever is; time goes on.
 *
 *     byte             mode and size
 *     operation, n     n bytes of keys or output follow; or what it takes
 */
#include "fuzz.h"
#include "predict/predict.h"
#include "term/read.h"

#include <string.h>

enum { ROWS_MAX = 8, COLS_MAX = 40, NOT_IN_VIEW = 128 * 2, STEPS_MAX = 4 };
enum { KEYS, OUTPUT, HINT, LINK, RESIZE, TICK, FORGET, MODE, OPERATIONS };

struct play {
	struct term *term;
	struct predict *predict;
	uint64_t now, in_off, out_off;
	uint64_t secret_off; /* what was typed up to here is never shown */
	bool secret;
};

static void
check_cell(const struct play *p, const struct predict_view *v,
    const struct predict_cell *c)
{
	int from, to;
	MUST(!p->secret && c->off > p->secret_off && c->off <= p->in_off);
	MUST(c->col >= 0 && c->col + c->width < term_cols(p->term));
	MUST(c->width == 1 || c->width == 2);
	MUST(c->len >= 1 && c->len <= 4 && c->text[0] != 0x7f
	    && (uint8_t)c->text[0] >= ' ');
	term_row_extent(p->term, v->row, &from, &to);
	MUST(c->col >= from && c->col < to);
	MUST(c->col < term_row_room(p->term, v->row));
}

/* Both halves of a wide character are drawn over, or none is. */
static void
check_wide(const struct play *p, const struct predict_view *v)
{
	struct term_cell cells[COLS_MAX];
	bool over[COLS_MAX] = { false };
	term_cells(p->term, v->row, 0, term_cols(p->term), cells);
	for (size_t i = 0; i < v->n; i++)
		for (int k = 0; k < v->cells[i].width; k++)
			over[v->cells[i].col + k] = true;
	for (int x = 0; x + 1 < term_cols(p->term); x++)
		MUST(cells[x].width != 2 || over[x] == over[x + 1]);
}

static void
check_view(struct play *p)
{
	const struct predict_view *v = predict_view(p->predict, p->now);
	int row, col, next = 0;
	term_cursor(p->term, &row, &col);
	MUST(v->row == row && row < term_rows(p->term));
	MUST(v->col >= 0 && v->col < term_cols(p->term));
	MUST(v->moved || v->col == col);
	MUST(v->n <= NOT_IN_VIEW && v->hidden <= PREDICT_KEYS_MAX);
	MUST(!p->secret || (v->n == 0 && !v->moved));
	MUST(!p->secret || predict_confidence(p->predict) == CONF_SECRET);
	for (size_t i = 0; i < v->n; i++) {
		check_cell(p, v, &v->cells[i]);
		MUST(v->cells[i].col >= next);
		next = v->cells[i].col + v->cells[i].width;
	}
	check_wide(p, v);
}

/* What a tick was wanted for does not come again. */
static void
tick(struct play *p, uint64_t us)
{
	p->now += us;
	predict_tick(p->predict, p->now);
	uint64_t deadline = predict_deadline(p->predict);
	MUST(!deadline || deadline > p->now);
	for (int i = 0; deadline && i < STEPS_MAX; i++) {
		p->now = deadline;
		predict_tick(p->predict, p->now);
		deadline = predict_deadline(p->predict);
		MUST(!deadline || deadline > p->now);
	}
}

static void
give_hint(struct play *p, struct span *in)
{
	uint32_t what = take_number(in, 1), back = take_number(in, 1);
	struct predict_hint h = {
		.echo = what & 1,
		.canonical = what & 2,
		.isig = what & 4,
		.erase = what & 8 ? 8 : 0x7f,
		.group = what >> 6,
		.in_off = p->in_off > back % 16 ? p->in_off - back % 16 : 0,
		.out_off = p->out_off + (what & 16 ? back / 16 : 0),
	};
	if (p->secret)
		p->secret_off = p->in_off;
	p->secret = h.canonical && !h.echo;
	if (p->secret)
		p->secret_off = p->in_off;
	predict_hint(p->predict, &h, p->now);
}

static void
resize(struct play *p, struct span *in)
{
	int rows = 1 + (int)(take_number(in, 1) % ROWS_MAX);
	int cols = 1 + (int)(take_number(in, 1) % COLS_MAX);
	(void)term_resize(p->term, rows, cols);
	predict_resized(p->predict, p->now);
}

static void
forget(struct play *p, struct span *in)
{
	uint32_t where = take_number(in, 1);
	if (where & 1)
		term_forget(p->term);
	else
		term_cursor_is(p->term, (int)(where >> 1 & 7), (int)(where >> 4));
	predict_resized(p->predict, p->now);
}

static void
step(struct play *p, struct span *in)
{
	uint32_t operation = take_number(in, 1);
	struct span bytes;
	switch (operation % OPERATIONS) {
	case KEYS:
		bytes = take(in, take_number(in, 1));
		predict_keys(p->predict, bytes, p->in_off, p->now);
		p->in_off += bytes.n;
		break;
	case OUTPUT:
		bytes = take(in, take_number(in, 1));
		(void)term_write(p->term, bytes.p, bytes.n);
		p->out_off += bytes.n;
		predict_output(p->predict, p->out_off, p->now);
		break;
	case HINT:
		give_hint(p, in);
		break;
	case LINK:
		predict_link(p->predict,
		    &(struct predict_link){ .rtt_us = take_number(in, 2) * 16,
			.in_doubt = operation & 64 },
		    p->now);
		break;
	case RESIZE:
		resize(p, in);
		break;
	case TICK:
		tick(p, take_number(in, 2) * 64);
		break;
	case FORGET:
		forget(p, in);
		break;
	case MODE:
		predict_set_mode(p->predict,
		    (enum predict_mode)(take_number(in, 1) % PREDICT_MODES));
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { data, size };
	struct play p = { .now = 1000 * 1000 };
	uint32_t first = take_number(&in, 2);
	struct term_options o = {
		.rows = 1 + (int)(first >> 2 & 7),
		.cols = 1 + (int)(first >> 5 & 31),
		.unknown = first >> 15 & 1,
	};
	MUST(term_new(&o, &p.term) == 0);
	MUST(predict_new(p.term, (enum predict_mode)(first & 3), &p.predict) == 0);
	while (in.n) {
		step(&p, &in);
		check_view(&p);
	}
	predict_free(p.predict);
	term_free(p.term);
	return 0;
}
