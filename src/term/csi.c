/* Control sequences: CSI, parameters, a final byte. */
#include "base/err.h"
#include "term/state.h"
#include "term/tables.h"

#include <string.h>

typedef void csi_function(struct term *t, const struct params *ps);

/* ---- the cursor ---- */

static void
cursor_up(struct term *t, const struct params *ps)
{
	int stop = t->row >= t->top ? t->top : 0, row = t->row - param_or(ps, 0, 1);
	cursor_to(t, row > stop ? row : stop, t->col);
}

static void
cursor_down(struct term *t, const struct params *ps)
{
	int stop = t->row <= t->bottom ? t->bottom : term_grid(t)->rows - 1;
	int row = t->row + param_or(ps, 0, 1);
	cursor_to(t, row < stop ? row : stop, t->col);
}

static void
cursor_right(struct term *t, const struct params *ps)
{
	int stop = right_limit(t), col = t->col + param_or(ps, 0, 1);
	cursor_to(t, t->row, col < stop ? col : stop);
}

/* Margins stop it in origin mode only. */
static void
cursor_by(struct term *t, int rows, int cols)
{
	bool origin = term_has(t, MODE_ORIGIN);
	int row = t->row + rows, col = t->col + cols;
	cursor_to(t, origin && row > t->bottom ? t->bottom : row,
	    origin && col > t->right ? t->right : col);
}

static void
cursor_right_by(struct term *t, const struct params *ps)
{
	cursor_by(t, 0, param_or(ps, 0, 1));
}

static void
cursor_down_by(struct term *t, const struct params *ps)
{
	cursor_by(t, param_or(ps, 0, 1), 0);
}

static void
cursor_left(struct term *t, const struct params *ps)
{
	int stop = t->col >= t->left ? t->left : 0, col = t->col - param_or(ps, 0, 1);
	cursor_to(t, t->row, col > stop ? col : stop);
}

static int
line_start(const struct term *t)
{
	return t->col >= t->left ? t->left : 0;
}

static void
cursor_next_line(struct term *t, const struct params *ps)
{
	cursor_down(t, ps);
	cursor_to(t, t->row, line_start(t));
}

static void
cursor_previous_line(struct term *t, const struct params *ps)
{
	cursor_up(t, ps);
	cursor_to(t, t->row, line_start(t));
}

static void
cursor_position(struct term *t, const struct params *ps)
{
	cursor_absolute(t, param_or(ps, 0, 1) - 1, param_or(ps, 1, 1) - 1);
}

/* A column alone says nothing about the row. */
static void
cursor_column(struct term *t, const struct params *ps)
{
	int col = param_or(ps, 0, 1) - 1;
	if (term_has(t, MODE_ORIGIN))
		col = col + t->left < t->right ? col + t->left : t->right;
	cursor_to(t, t->row, col);
}

static void
cursor_row(struct term *t, const struct params *ps)
{
	int col = t->col - (term_has(t, MODE_ORIGIN) ? t->left : 0);
	cursor_absolute(t, param_or(ps, 0, 1) - 1, col);
}

static void
restore_sco(struct term *t, const struct params *ps)
{
	(void)ps;
	cursor_restore(t);
}

/* ---- tabs ---- */

static void
tab_forward(struct term *t, const struct params *ps)
{
	int col = t->col, n = param_or(ps, 0, 1);
	for (; n > 0 && col < right_limit(t); n--)
		col = tab_next(t, col);
	if (col != t->col)
		cursor_to(t, t->row, col);
}

static void
tab_back(struct term *t, const struct params *ps)
{
	int col = t->col, n = param_or(ps, 0, 1);
	int stop = term_has(t, MODE_ORIGIN) ? t->left : 0;
	for (; n > 0 && col > stop; n--)
		col = tab_previous(t, col);
	cursor_to(t, t->row, col > stop ? col : stop);
}

static void
tab_clear(struct term *t, const struct params *ps)
{
	if (ps->v[0] == 0)
		tab_set(t, t->col, false);
	else if (ps->v[0] == 3)
		memset(t->tabs, 0, sizeof t->tabs);
}

static void
tabs_every_8(struct term *t, const struct params *ps)
{
	if (ps->v[0] == 5)
		tabs_reset(t);
}

/* ---- erasing, inserting, deleting ---- */

/* Terminals differ in what is erased behind the last column (cursor_at_edge), and whether the
 * cursor goes on waiting there: as most do (tests/unit/term/test_edge.py), it does; EL 0, ECH, DCH and ICH
 * change nothing, ED 0 erases the last cell. */
static void
erase_in_display(struct term *t, int what, bool selective)
{
	int cols = term_grid(t)->cols, rows = term_grid(t)->rows;
	bool waits = cursor_at_edge(t);
	if (what == 0) {
		if (t->col > 0)
			erase_columns(t, t->row, t->col, cols, selective);
		erase_rows(t, t->col > 0 ? t->row + 1 : t->row, rows, selective);
	} else if (what == 1) {
		erase_rows(t, 0, t->row, selective);
		erase_columns(t, t->row, 0, t->col + 1, selective);
	} else if (what == 2) {
		erase_rows(t, 0, rows, selective);
	}
	if (what == 2 || (what == 0 && !t->row && !t->col))
		image_erased(t);
	cursor_to(t, t->row, t->col);
	t->pending = waits;
}

static void
erase_display(struct term *t, const struct params *ps)
{
	if (ps->v[0] == 3)
		history_clear(&t->history);
	else
		erase_in_display(t, ps->v[0], false);
}

static void
erase_display_selective(struct term *t, const struct params *ps)
{
	erase_in_display(t, ps->v[0], true);
}

static void
erase_in_line(struct term *t, int what, bool selective)
{
	int cols = term_grid(t)->cols;
	bool waits = cursor_at_edge(t);
	if (what == 0 && !waits)
		erase_columns(t, t->row, t->col, cols, selective);
	else if (what == 1)
		erase_columns(t, t->row, 0, t->col + 1, selective);
	else if (what == 2)
		erase_columns(t, t->row, 0, cols, selective);
	t->pending |= waits;
}

static void
erase_line(struct term *t, const struct params *ps)
{
	erase_in_line(t, ps->v[0], false);
}

static void
erase_line_selective(struct term *t, const struct params *ps)
{
	erase_in_line(t, ps->v[0], true);
}

static void
erase_chars(struct term *t, const struct params *ps)
{
	int end = t->col + param_or(ps, 0, 1), cols = term_grid(t)->cols;
	if (!cursor_at_edge(t))
		erase_columns(t, t->row, t->col, end < cols ? end : cols, false);
}

static bool
between_side_margins(const struct term *t)
{
	return t->col >= t->left && t->col <= t->right;
}

static void
insert_chars(struct term *t, const struct params *ps)
{
	if (cursor_at_edge(t))
		return;
	cursor_to(t, t->row, t->col);
	if (between_side_margins(t))
		row_shift(term_grid(t), grid_row_as_is(term_grid(t), t->row), t->col,
		    t->right + 1, param_or(ps, 0, 1), erased_cell(t));
}

static void
delete_chars(struct term *t, const struct params *ps)
{
	if (cursor_at_edge(t))
		return;
	cursor_to(t, t->row, t->col);
	if (between_side_margins(t))
		row_shift(term_grid(t), grid_row_as_is(term_grid(t), t->row), t->col,
		    t->right + 1, -param_or(ps, 0, 1), erased_cell(t));
}

static bool
between_margins(const struct term *t)
{
	return t->row >= t->top && t->row <= t->bottom && between_side_margins(t);
}

static void
insert_lines(struct term *t, const struct params *ps)
{
	if (!between_margins(t))
		return;
	scroll_down(t, t->row, param_or(ps, 0, 1));
	cursor_to(t, t->row, t->left);
}

/* Deleted lines are not scrolled away: they do not go to the history. */
static void
delete_lines(struct term *t, const struct params *ps)
{
	if (!between_margins(t))
		return;
	if (t->row == 0 && t->screen == &t->main)
		history_close(&t->history);
	delete_rows(t, t->row, param_or(ps, 0, 1));
	cursor_to(t, t->row, t->left);
}

static void
pan_down(struct term *t, const struct params *ps)
{
	scroll_up(t, t->top, param_or(ps, 0, 1));
	cursor_stays(t);
}

static void
pan_up(struct term *t, const struct params *ps)
{
	/* With more parameters it is mouse tracking by highlighting. */
	if (ps->n == 1)
		scroll_down(t, t->top, param_or(ps, 0, 1));
	cursor_stays(t);
}

/* Columns from `from` to the right margin move by n cells, in all rows between margins. */
static void
move_columns(struct term *t, int from, int n)
{
	struct grid *g = term_grid(t);
	cursor_stays(t);
	if (!between_margins(t))
		return;
	row_touched(t, t->top);
	grid_shift(g, t->top, t->bottom, from, t->right + 1, n, erased_cell(t));
}

static void
shift_left(struct term *t, const struct params *ps)
{
	move_columns(t, t->left, -param_or(ps, 0, 1));
}

static void
shift_right(struct term *t, const struct params *ps)
{
	move_columns(t, t->left, param_or(ps, 0, 1));
}

static void
insert_columns(struct term *t, const struct params *ps)
{
	move_columns(t, t->col, param_or(ps, 0, 1));
}

static void
delete_columns(struct term *t, const struct params *ps)
{
	move_columns(t, t->col, -param_or(ps, 0, 1));
}

static void
repeat(struct term *t, const struct params *ps)
{
	int n = param_or(ps, 0, 1), cols = term_grid(t)->cols;
	print_again(t, n < cols ? n : cols);
}

/* ---- modes ---- */

static void
switch_alternate(struct term *t, bool on)
{
	if (!on)
		alternate_leave(t);
	else if (alternate_enter(t))
		t->err = ERR_NOMEM;
}

/* As xterm: whether there is something to switch or not. */
static void
switch_alternate_saving(struct term *t, bool on)
{
	bool was = t->screen == &t->alternate;
	if (on)
		cursor_save(t);
	if (on && was)
		erase_rows(t, 0, term_grid(t)->rows, false);
	if (!on && was)
		t->row = t->main.saved.row; /* the other one was not the main screen's */
	switch_alternate(t, on);
	if (!on)
		cursor_restore(t);
}

static void
switch_special(struct term *t, enum mode m, bool on)
{
	switch (m) {
	case MODE_ORIGIN:
		cursor_absolute(t, 0, 0);
		break;
	case MODE_SIDE_MARGINS:
		t->left = 0;
		t->right = term_grid(t)->cols - 1;
		cursor_to(t, t->row, t->col);
		break;
	case MODE_GRAPHEMES:
		t->join = JOIN_NONE;
		break;
	case MODE_ALT_47:
	case MODE_ALT_1047:
		switch_alternate(t, on);
		break;
	case MODE_SAVE_1048:
		on ? cursor_save(t) : cursor_restore(t);
		break;
	case MODE_ALT_1049:
		switch_alternate_saving(t, on);
		break;
	default:
		break;
	}
}

/* Those that stand for something that is seen elsewhere have no state of their own. */
static bool
has_state(enum mode m)
{
	return m != MODE_ALT_47 && m != MODE_ALT_1047 && m != MODE_ALT_1049
	    && m != MODE_SAVE_1048;
}

void
mode_set(struct term *t, enum mode m, bool on)
{
	uint64_t bit = mode_bit(m);
	if (has_state(m))
		t->modes = mode_switched(t->modes, m, on);
	t->apart = on ? t->apart | (bit & MODES_EXCLUSIVE) : t->apart & ~bit;
	if (mode_table[m].kind == MODE_SPECIAL)
		switch_special(t, m, on);
}

static void
switch_modes(struct term *t, const struct params *ps, bool ansi, bool on)
{
	enum { COLUMNS_132 = 3 }; /* DECCOLM */
	for (size_t i = 0; i < ps->n; i++) {
		enum mode m = mode_find(ps->v[i], ansi);
		if (m != MODE_COUNT)
			mode_set(t, m, on);
		else if (!ansi && ps->v[i] == COLUMNS_132)
			strayed(t); /* clears the screen where mode 40 allows it */
	}
}

static void
modes_on(struct term *t, const struct params *ps)
{
	switch_modes(t, ps, true, true);
}

static void
modes_off(struct term *t, const struct params *ps)
{
	switch_modes(t, ps, true, false);
}

static void
modes_on_private(struct term *t, const struct params *ps)
{
	switch_modes(t, ps, false, true);
}

static void
modes_off_private(struct term *t, const struct params *ps)
{
	switch_modes(t, ps, false, false);
}

static void
modes_save(struct term *t, const struct params *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		enum mode m = mode_find(ps->v[i], false);
		if (m == MODE_COUNT || mode_table[m].kind == MODE_SPECIAL)
			continue;
		t->modes_saved = (t->modes_saved & ~mode_bit(m))
		    | (t->modes & mode_bit(m));
	}
}

static void
modes_restore(struct term *t, const struct params *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		enum mode m = mode_find(ps->v[i], false);
		if (m != MODE_COUNT && mode_table[m].kind != MODE_SPECIAL)
			mode_set(t, m, t->modes_saved >> m & 1);
	}
}

/* ---- margins, looks ---- */

static void
margins(struct term *t, const struct params *ps)
{
	int rows = term_grid(t)->rows;
	int top = param_or(ps, 0, 1) - 1, bottom = param_or(ps, 1, rows) - 1;
	if (bottom >= rows)
		bottom = rows - 1;
	if (top >= bottom)
		return;
	t->top = top;
	t->bottom = bottom;
	cursor_absolute(t, 0, 0);
}

static void
side_margins_or_save(struct term *t, const struct params *ps)
{
	int cols = term_grid(t)->cols;
	int left = param_or(ps, 0, 1) - 1, right = param_or(ps, 1, cols) - 1;
	if (!term_has(t, MODE_SIDE_MARGINS)) {
		cursor_save(t);
		return;
	}
	if (right >= cols)
		right = cols - 1;
	if (left >= right)
		return;
	t->left = left;
	t->right = right;
	cursor_absolute(t, 0, 0);
}

static void
render(struct term *t, const struct params *ps)
{
	style_sgr(&t->pen, ps);
	t->pen_changed = true;
}

static void
protect(struct term *t, const struct params *ps)
{
	t->pen.attr &= ~(uint32_t)ATTR_PROTECTED;
	if (ps->v[0] == 1)
		t->pen.attr |= ATTR_PROTECTED;
	t->pen_changed = true;
}

static void
cursor_style(struct term *t, const struct params *ps)
{
	enum { SHAPE_LAST = 6 };
	if (ps->v[0] <= SHAPE_LAST)
		t->cursor_shape = (uint8_t)ps->v[0];
}

static void
reset_soft_csi(struct term *t, const struct params *ps)
{
	(void)ps;
	reset_soft(t);
}

/* ---- keyboards ---- */

static void
modify_keys(struct term *t, const struct params *ps)
{
	if (!(ps->given & 1))
		memset(t->modify, MODIFY_UNSET, sizeof t->modify);
	else if (ps->v[0] < MODIFY_COUNT)
		t->modify[ps->v[0]] = (uint8_t)(ps->n > 1 ? ps->v[1] & 127
							  : MODIFY_UNSET);
}

static void
modify_keys_off(struct term *t, const struct params *ps)
{
	int which = param_given_or(ps, 0, 2);
	if (which < MODIFY_COUNT)
		t->modify[which] = MODIFY_UNSET;
}

enum { KEYS_ALL = 31 };

static void
keys_ask(struct term *t, const struct params *ps)
{
	const struct key_flags *k = &t->screen->keys;
	(void)ps;
	answer(t, "\033[?%uu", k->flags[k->depth]);
}

static void
keys_set(struct term *t, const struct params *ps)
{
	struct key_flags *k = &t->screen->keys;
	uint8_t v = ps->v[0] & KEYS_ALL;
	int how = param_or(ps, 1, 1);
	if (how == 1)
		k->flags[k->depth] = v;
	else if (how == 2)
		k->flags[k->depth] |= v;
	else if (how == 3)
		k->flags[k->depth] &= (uint8_t)~v;
}

/* A full stack loses its oldest entry. */
static void
keys_push(struct term *t, const struct params *ps)
{
	struct key_flags *k = &t->screen->keys;
	if (k->depth == KEYS_STACK_MAX)
		memmove(k->flags, k->flags + 1, KEYS_STACK_MAX);
	else
		k->depth++;
	k->flags[k->depth] = ps->v[0] & KEYS_ALL;
}

static void
keys_pop(struct term *t, const struct params *ps)
{
	struct key_flags *k = &t->screen->keys;
	for (int n = param_or(ps, 0, 1); n > 0; n--) {
		k->flags[k->depth] = 0;
		if (k->depth == 0)
			break;
		k->depth--;
	}
}

/* ---- questions ---- */

/* What we are for programs: a VT220 with colour. */
static void
identify_1(struct term *t, const struct params *ps)
{
	if (ps->v[0] == 0)
		answer(t, "\033[?62;22c");
}

static void
identify_2(struct term *t, const struct params *ps)
{
	if (ps->v[0] == 0)
		answer(t, "\033[>1;0;0c");
}

static void
identify_3(struct term *t, const struct params *ps)
{
	if (ps->v[0] == 0)
		answer(t, "\033P!|00000000\033\\");
}

static void
report_cursor(struct term *t, const char *prefix, const char *page)
{
	bool origin = term_has(t, MODE_ORIGIN);
	answer(t, "\033[%s%d;%d%sR", prefix, t->row + 1 - (origin ? t->top : 0),
	    t->col + 1 - (origin ? t->left : 0), page);
}

static void
report(struct term *t, const struct params *ps)
{
	if (ps->v[0] == 5)
		answer(t, "\033[0n");
	else if (ps->v[0] == 6)
		report_cursor(t, "", "");
}

static void
report_private(struct term *t, const struct params *ps)
{
	if (ps->v[0] == 6)
		report_cursor(t, "?", ";1");
	else if (ps->v[0] == 996)
		answer_scheme(t);
}

static void
ask_mode(struct term *t, const struct params *ps)
{
	answer_mode(t, ps->v[0], true);
}

static void
ask_mode_private(struct term *t, const struct params *ps)
{
	answer_mode(t, ps->v[0], false);
}

static void
ask_version(struct term *t, const struct params *ps)
{
	if (ps->v[0] == 0)
		answer(t, "\033P>|belay\033\\");
}

static void
window(struct term *t, const struct params *ps)
{
	enum { REPORTS_FIRST = 11, REPORTS_LAST = 21 };
	switch (ps->v[0]) {
	case 18:
		answer(t, "\033[8;%d;%dt", term_grid(t)->rows, term_grid(t)->cols);
		break;
	case 22:
		title_push(t, param_or(ps, 1, 0));
		break;
	case 23:
		title_pop(t, param_or(ps, 1, 0));
		break;
	default:
		if (ps->v[0] >= REPORTS_FIRST && ps->v[0] <= REPORTS_LAST)
			t->questions++;
	}
}

/* ---- finding the function ---- */

#define CSI_KEY(prefix, inter, final) ((prefix) << 16 | (inter) << 8 | (final))

/* Rectangles are without a prefix; and what of the rest leaves the screen alone. */
static bool
may_draw(int key)
{
	return key >> 16 == 0 && !memchr("ipqxy|~", key & 0xff, 7);
}

static void
perform(struct term *t, int key, const struct params *ps)
{
	switch (key) {
#define CSI(pre, between, last, function, what, source) \
	case CSI_KEY(pre, between, last): \
		function(t, ps); \
		break;
		CSIS(CSI)
#undef CSI
	default:
		if (may_draw(key))
			strayed(t);
	}
}

/* The bytes up to the m, where that is among the first six of the eight at p; else 0. */
static uint64_t
sgr_text(const uint8_t *p)
{
	const uint64_t ones = 0x010101010101, tops = ones * 0x80;
	uint64_t v = eight_bytes(p), other = v ^ ones * 'm';
	uint64_t found = (other - ones) & ~other & tops;
	return found ? v & (found ^ (found - 1)) : 0;
}

static struct style
style_changed(const struct style *s, const struct sgr_known *by)
{
	return (struct style){
		.fg = (s->fg & by->keeps.fg) | by->sets.fg,
		.bg = (s->bg & by->keeps.bg) | by->sets.bg,
		.ul = (s->ul & by->keeps.ul) | by->sets.ul,
		.attr = (s->attr & by->keeps.attr) | by->sets.attr,
		.link = s->link,
	};
}

/* SGR keeps, sets or clears each bit of a pen, whatever the others are: so two pens say what
 * it does to any. */
static void
sgr_learn(struct sgr_known *known, uint64_t text, const struct params *ps)
{
	known->text = text;
	known->sets = (struct style){ 0 };
	known->keeps = (struct style){ ~0u, ~0u, ~0u, ~0u, ~0u };
	style_sgr(&known->sets, ps);
	style_sgr(&known->keeps, ps);
}

/* ESC [, a private prefix, parameters, an intermediate, the final byte. */
void
csi(struct term *t, struct span s)
{
	struct params ps;
	if (s.n < 3)
		return;
	uint8_t final = s.p[s.n - 1], prefix = 0, inter = 0;
	struct span text = { s.p + 2, s.n - 3 };
	if (text.n && *text.p >= '<' && *text.p <= '?') {
		prefix = *text.p;
		text = (struct span){ text.p + 1, text.n - 1 };
	}
	size_t len = params_read(&ps, text);
	if (text.n == len + 1)
		inter = text.p[len];
	if (text.n > len + 1 || (text.n > len && inter >= 0x30))
		return;
	perform(t, CSI_KEY(prefix, inter, final), &ps);
}

/* One with a prefix or an intermediate at `from`: if it is whole, it need not be gathered. */
static const uint8_t *
csi_at_hand(struct term *t, const uint8_t *p, const uint8_t *from, const uint8_t *end)
{
	const uint8_t *last = from;
	while (last < end && *last >= 0x20 && *last < 0x40)
		last++;
	if (last == end || *last < 0x40 || *last > 0x7e || last - p >= SEQUENCE_MAX)
		return p;
	t->parser.at = last;
	csi(t, (struct span){ p, (size_t)(last - p) + 1 });
	return last + 1;
}

const uint8_t *
csi_simple(struct term *t, const uint8_t *p, const uint8_t *end)
{
	struct params ps;
	if (end - p < 3 || p[1] != '[')
		return p;
	/* Programs write the same few SGR again and again. */
	uint64_t text = end - p >= 10 ? sgr_text(p + 2) : 0;
	struct sgr_known *known = &t->sgr_known[text * 0x9e3779b97f4a7c15 >> 59];
	if (text && known->text == text) {
		t->pen = style_changed(&t->pen, known);
		t->pen_changed = true;
		return p + 10 - __builtin_clzll(text) / 8;
	}
	const uint8_t *last = p + 2;
	last += params_read(&ps, (struct span){ last, (size_t)(end - last) });
	if (last == end || *last < 0x40 || *last > 0x7e || last - p >= SEQUENCE_MAX)
		return csi_at_hand(t, p, last, end);
	t->parser.at = last;
	perform(t, CSI_KEY(0, 0, *last), &ps);
	if (text && *last == 'm')
		sgr_learn(known, text, &ps);
	return last + 1;
}
