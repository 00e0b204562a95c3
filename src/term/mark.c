/*
 * Where terminals were left.
 *
 *     what the terminal shows             |  what it has not seen
 *     line, line, line, line, half a li...|ne, line, line
 *                             ^row        ^its cursor, `up` rows below
 *
 * It is left at a line, not at a row: the sizes of its window and the model's may differ and
 * change, so that it may have other rows on its screen and in its scrollback than the
 * model believes.  It goes back to where the line begins and gets from there on what the
 * model has.  Rows above that change meanwhile, or that the cursor comes to, take the mark
 * along upwards.
 */
#include "base/err.h"
#include "term/line.h"

/* Whether a line goes on behind this row. */
static bool
goes_on(const struct term *t, uint64_t row)
{
	const struct history *h = &t->history;
	if (row >= h->next)
		return grid_row_as_is(&t->main.grid, (int)(row - h->next))->wrapped;
	return row >= h->first && history_get(h, row).flags & ROW_WRAPPED;
}

/* To where the line begins, as far as that is on the screen: what has left it cannot be
 * erased any more. */
static void
move_up_to(const struct term *t, struct mark *m, uint64_t row)
{
	while (row > t->history.next && goes_on(t, row - 1))
		row--;
	m->up += m->row - row;
	m->row = row;
}

void
mark_touched(struct term *t, int y)
{
	if (t->screen != &t->main)
		return;
	t->touched = t->history.next + (uint64_t)y;
	t->watched = y;
}

void
marks_watch(struct term *t)
{
	t->touched = UINT64_MAX;
	t->watched = 0;
	for (int i = 0; i < TERM_MARKS; i++)
		if (t->marks[i].row > t->history.next + (uint64_t)t->watched)
			t->watched = (int)(t->marks[i].row - t->history.next);
}

void
marks_settle(struct term *t)
{
	for (int i = 0; i < TERM_MARKS; i++)
		if (t->touched < t->marks[i].row)
			move_up_to(t, &t->marks[i], t->touched);
	marks_watch(t);
}

static int
cursor_row(const struct term *t)
{
	return term_on_alternate(t) ? t->main.saved.row : t->row;
}

void
term_mark(struct term *t, int which)
{
	struct mark *m = &t->marks[which];
	marks_settle(t);
	*m = (struct mark){ .row = t->history.next + (uint64_t)cursor_row(t) };
	move_up_to(t, m, m->row);
	marks_watch(t);
}

void
term_mark_copy(struct term *t, int from, int to)
{
	t->marks[to] = t->marks[from];
	marks_watch(t);
}

uint64_t
term_marked(struct term *t, int which)
{
	marks_settle(t);
	return t->marks[which].row;
}

bool
term_between_lines(const struct term *t)
{
	uint64_t row = t->history.next + (uint64_t)t->row;
	return term_at_rest(t)
	    && (term_on_alternate(t)
		|| (row_is_blank(term_row(t)) && (row == 0 || !goes_on(t, row - 1))));
}

int
term_resume(struct term *t, int which, struct term_limits *limits, struct buf *out,
    uint64_t *ret_lost)
{
	const struct mark *m = &t->marks[which];
	marks_settle(t);
	limits->from_row = m->row;
	uint64_t first = term_first(t, limits);
	*ret_lost = first > m->row ? first - m->row : 0;
	unsigned up = (unsigned)(m->up < TERM_SIDE_MAX ? m->up : TERM_SIDE_MAX);
	if (up)
		buf_print(out, "\033[%uA", up);
	/* Not from the corner on: tmux would scroll it into its history. */
	buf_print(out, "\r \033[J\r");
	return out->failed ? ERR_NOMEM : 0;
}
