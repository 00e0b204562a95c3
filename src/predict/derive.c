#include "predict/derive.h"

#include <string.h>

void
derive_begin(struct derived *d, const struct input *input)
{
	const struct screen_line *l = &d->line;
	bool known = input->known && input->row == l->row && input->from <= l->col;
	if (d->lo < d->hi)
		memset(d->over + d->lo, 0, (size_t)(d->hi - d->lo) * sizeof *d->over);
	d->lo = TERM_SIDE_MAX;
	d->hi = 0;
	d->col = l->col;
	d->from = known ? input->from : l->col;
	d->reach = known && input->reach > l->col ? input->reach : l->col;
}

static void
put_over(struct derived *d, int x, struct over_cell cell)
{
	d->over[x] = cell;
	d->lo = x < d->lo ? x : d->lo;
	d->hi = x + 1 > d->hi ? x + 1 : d->hi;
}

/* The width of what stands there, over the line or in it; 0: the second half of something. */
static int
width_at(const struct derived *d, int x)
{
	switch ((enum over)d->over[x].what) {
	case OVER_TEXT:
		return d->over[x].width;
	case OVER_TAIL:
		return 0;
	case OVER_BLANK:
		return 1;
	case OVER_NOTHING:
		break;
	}
	return d->line.cells[x].width;
}

static bool
blank_at(const struct derived *d, int x)
{
	const struct term_cell *c = &d->line.cells[x];
	if (d->over[x].what)
		return d->over[x].what == OVER_BLANK || d->over[x].ch == ' ';
	return c->ch == ' ' && !c->cluster;
}

static bool
step_text(struct derived *d, const struct key *key, int number)
{
	int x = d->col, w = key->width;
	/* Never into the last column, never half of a wide one. */
	if (w == 0 || x + w >= d->line.cols || !width_at(d, x) || !width_at(d, x + w))
		return false;
	for (int i = 0; i < w; i++) {
		bool erased = d->over[x + i].what == OVER_BLANK || d->over[x + i].erased;
		put_over(d, x + i,
		    (struct over_cell){ .ch = i ? 0 : key->ch,
			.what = i ? OVER_TAIL : OVER_TEXT,
			.width = (uint8_t)(i ? 0 : w),
			.erased = erased,
			.key = (int16_t)number });
	}
	d->col += w;
	d->reach = d->reach + w > d->col ? d->reach + w : d->col;
	d->reach = d->reach < d->line.cols ? d->reach : d->line.cols;
	return true;
}

/* What was typed over the line goes as if it had not been; what stands in it becomes blank, if
 * what will come to stand there is. */
static void
erase_cell(struct derived *d, int x, bool typed, bool blank, int number)
{
	if (typed && !d->over[x].erased)
		put_over(d, x, (struct over_cell){ 0 });
	else if (typed || blank)
		put_over(d, x,
		    (struct over_cell){ ' ', OVER_BLANK, 1, false, (int16_t)number });
}

static bool
step_erase(struct derived *d, int number)
{
	int x = d->col - 1;
	if (x < d->from)
		return false;
	x -= !width_at(d, x);
	if (x < d->from)
		return false;
	bool typed = d->over[x].what == OVER_TEXT, blank = blank_at(d, d->col);
	for (int i = x; i < d->col; i++)
		erase_cell(d, i, typed, blank, number);
	d->reach -= d->col - x;
	d->col = x;
	return true;
}

static bool
step_left(struct derived *d)
{
	int x = d->col - 1;
	if (x >= d->from)
		x -= !width_at(d, x);
	if (x < d->from)
		return false;
	d->col = x;
	return true;
}

static bool
step_right(struct derived *d)
{
	int w = width_at(d, d->col);
	if (w == 0 || d->col + w > d->reach || d->col + w >= d->line.cols)
		return false;
	d->col += w;
	return true;
}

bool
derive_key(struct derived *d, const struct key *key, int number, bool canonical,
    struct step *ret_step)
{
	enum { HINDERED = TERM_WRAPS | TERM_INSERTS | TERM_SIDE_MARGINS | TERM_CHARSET };
	bool done = false;
	int was = d->col;
	if (d->line.hindrances & HINDERED)
		return false;
	switch ((enum key_class)key->class) {
	case KEY_TEXT:
		done = step_text(d, key, number);
		break;
	case KEY_ERASE:
		done = step_erase(d, number);
		break;
	case KEY_LEFT:
		done = !canonical && step_left(d);
		break;
	case KEY_RIGHT:
		done = !canonical && step_right(d);
		break;
	default:
		break;
	}
	if (done)
		*ret_step = (struct step){ (int16_t)(key->class == KEY_TEXT ? was : -1),
			(int16_t)d->col, (int16_t)d->reach };
	return done;
}

bool
derive_matches(const struct derived *d, const struct screen_line *now)
{
	if (now->row != d->line.row || now->col != d->col)
		return false;
	for (int x = d->lo; x < d->hi; x++)
		if (d->over[x].what == OVER_TEXT
		    && (now->cells[x].ch != d->over[x].ch || now->cells[x].cluster))
			return false;
	return true;
}
