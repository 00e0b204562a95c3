#include "term/grid.h"

#include "base/err.h"
#include "term/style.h"

#include <stdlib.h>
#include <string.h>

/* Cells from one row to the next. */
static size_t
stride(const struct grid *g)
{
	return (size_t)g->cols + ROW_SLACK;
}

size_t
grid_bytes(const struct grid *g)
{
	return (size_t)g->rows
	    * (sizeof *g->row + 2 * sizeof *g->order + stride(g) * sizeof *g->mem
		+ row_text_room(g->cols));
}

int
grid_init(struct grid *g, int rows, int cols, struct grid_tables *tables)
{
	size_t n = (size_t)rows;
	*g = (struct grid){ .rows = rows, .cols = cols, .tables = tables };
	g->row = calloc(n, sizeof *g->row);
	g->order = malloc(2 * n * sizeof *g->order);
	g->mem = malloc(n * stride(g) * sizeof *g->mem);
	g->texts = malloc(n * row_text_room(cols));
	if (!g->row || !g->order || !g->mem || !g->texts) {
		grid_finish(g);
		return ERR_NOMEM;
	}
	for (size_t y = 0; y < n; y++) {
		g->order[y] = (uint32_t)y;
		g->row[y].cells = g->mem + y * stride(g);
		g->row[y].text = g->texts + y * row_text_room(cols);
	}
	tables->work += ROW_WORK * n;
	return 0;
}

void
grid_finish(struct grid *g)
{
	free(g->row);
	free(g->order);
	free(g->mem);
	free(g->texts);
	*g = (struct grid){ 0 };
}

/* ---- a row ---- */

int
row_head(const struct row *r, int x)
{
	return x > 0 && x < r->used && r->cells[x].ch & CELL_TAIL ? x - 1 : x;
}

static inline void
touched(const struct grid *g, int cells)
{
	g->tables->work += (uint64_t)cells;
}

static void
fill(struct cell *cells, int from, int to, struct cell with)
{
	for (int x = from; x < to; x++)
		cells[x] = with;
}

static bool
is_plain_blank(struct cell c)
{
	return cell_equal(c, CELL_BLANK);
}

/* Without any cell. */
static void
row_empty(struct row *r)
{
	r->used = 0;
	r->wide = false;
	r->texted = true;
	r->text_len = r->text_mark = r->text_style = 0;
}

/* The blanks that are put behind the others come into the row's text as well. */
static void
pad_text(const struct grid *g, struct row *r, size_t n)
{
	enum { MARK = 2 };
	r->texted = r->texted && r->text_len + MARK + n <= row_text_room(g->cols);
	if (!r->texted)
		return;
	if (r->text_style) {
		r->text[r->text_len++] = MARK_STYLE;
		r->text[r->text_len++] = 0;
		r->text_mark = r->text_len;
		r->text_style = 0;
	}
	memset(r->text + r->text_len, ' ', n);
	r->text_len += (uint32_t)n;
}

void
row_pad(const struct grid *g, struct row *r, int x)
{
	touched(g, x - r->used);
	pad_text(g, r, (size_t)(x - r->used));
	fill(r->cells, r->used, x, CELL_BLANK);
	r->used = (uint16_t)x;
}

/* What stands there to its end is now what the terminal has there, too. */
static void
erased_from(struct row *r, int from)
{
	r->wrapped = r->spacer = false;
	if (!r->known && (!r->known_from || r->known_from > from))
		r->known_from = (uint16_t)from;
	if (r->doubt > from)
		r->doubt = 0;
}

void
row_erase(const struct grid *g, struct row *r, int from, int to, struct cell blank)
{
	if (from <= 0 && to == g->cols) {
		row_fill(g, r, blank);
		return;
	}
	touched(g, ROW_WORK);
	row_split(r, from);
	row_split(r, to);
	if (to == g->cols)
		erased_from(r, from);
	if (is_plain_blank(blank) && to >= r->used) {
		r->texted = r->texted && r->used <= from;
		if (r->used > from)
			r->used = (uint16_t)from;
		if (r->used == 0)
			row_empty(r);
		return;
	}
	r->texted = false;
	row_fill_to(g, r, from);
	touched(g, to - from);
	fill(r->cells, from, to, blank);
	if (r->used < to)
		r->used = (uint16_t)to;
}

/* ---- rows that are torn ---- */

/* The row that has its cells in another one's memory. */
static struct row *
borrower(const struct grid *g, const struct cell *memory)
{
	struct row *r = g->row;
	while (r->lazy != LAZY_TORN || r->torn != memory)
		r++;
	touched(g, (int)(r - g->row) / ROW_WORK);
	return r;
}

static void
swap_cells(struct cell *a, struct cell *b, int from, int to)
{
	for (int x = from; x < to; x++) {
		struct cell kept = a[x];
		a[x] = b[x];
		b[x] = kept;
	}
}

/* The row has its own memory back; its cells are there, unless it is hollow. */
static void
take_back(const struct grid *g, struct row *r)
{
	if (r->torn == r->cells)
		return;
	struct row *other = borrower(g, r->cells);
	if (!other->hollow || !r->hollow) {
		swap_cells(r->cells, r->torn, r->at, r->end);
		touched(g, r->end - r->at);
	}
	other->torn = r->torn;
	r->torn = r->cells;
}

static void
settle_torn(const struct grid *g, struct row *r)
{
	take_back(g, r);
	if (r->hollow && is_plain_blank(r->with) && r->used <= r->at)
		return;
	row_fill_to(g, r, r->at);
	if (r->hollow)
		fill(r->cells, r->at, r->end, r->with);
	if (r->used < r->end)
		r->used = r->end;
}

static inline bool
is_torn(const struct row *r, int left, int right)
{
	return r->lazy == LAZY_TORN && r->at == left && r->end == right;
}

/* Nothing has been lent yet. */
static void
tear(const struct grid *g, struct row *r, int left, int right)
{
	if (r->lazy)
		row_settle(g, r);
	row_split(r, left);
	row_split(r, right);
	r->hollow = r->used <= left;
	if (!r->hollow)
		row_fill_to(g, r, right);
	r->texted = false;
	r->lazy = LAZY_TORN;
	r->with = CELL_BLANK;
	r->torn = r->cells;
	r->at = (uint16_t)left;
	r->end = (uint16_t)right;
}

void
grid_mend(struct grid *g)
{
	for (int y = 0; g->torn && y < g->rows; y++)
		if (g->row[y].lazy == LAZY_TORN)
			g->row[y].lazy = LAZY_NOT;
	g->torn = false;
}

/* ---- what is only noted ---- */

/* Nothing was written there since it was erased so. */
static inline bool
is_untouched(const struct row *r)
{
	static const struct row like = { .texted = true, .known = true };
	enum { BEGIN = offsetof(struct row, used) };
	_Static_assert(offsetof(struct row, lazy) == BEGIN + 7, "eight bytes");
	return memcmp((const char *)r + BEGIN, (const char *)&like + BEGIN, 8) == 0
	    && !(r->text_len | r->doubt | r->part);
}

static inline void
note_all(const struct grid *g, struct row *r, struct cell with)
{
	uint8_t lazy = is_plain_blank(with) ? LAZY_NOT : LAZY_ALL;
	if (!lazy && is_untouched(r))
		return;
	if (r->lazy == LAZY_TORN)
		take_back(g, r);
	row_empty(r);
	r->wrapped = r->spacer = false;
	r->known = true;
	r->doubt = 0;
	r->part = 0;
	r->lazy = lazy;
	r->with = with;
}

void
row_fill(const struct grid *g, struct row *r, struct cell with)
{
	uint8_t part = r->part;
	touched(g, ROW_WORK);
	note_all(g, r, with);
	r->part = part;
}

void
grid_fill(struct grid *g, int from, int to, struct cell with)
{
	/* Where the ring begins again. */
	int end = g->rows - g->top, turn = end < from ? from : end > to ? to : end;
	const uint32_t *rows = g->order + g->top;
	touched(g, (to - from) * ROW_WORK);
	for (int y = from; y < turn; y++)
		note_all(g, &g->row[rows[y]], with);
	for (int y = turn; y < to; y++)
		note_all(g, &g->row[g->order[y - end]], with);
}

static bool
is_protected(const struct grid *g, uint32_t style)
{
	struct style s;
	if (style == 0)
		return false;
	style_unpack(&s, intern_get(&g->tables->styles, style).p);
	return s.attr & ATTR_PROTECTED;
}

void
row_veil(const struct grid *g, struct row *r, struct cell blank)
{
	bool known = r->known;
	uint16_t known_from = r->known_from;
	bool flat = r->lazy == LAZY_ALL || r->lazy == LAZY_VEIL;
	if (flat && cell_equal(r->with, blank))
		return;
	if (row_is_blank(r) && is_plain_blank(blank)) {
		row_cut(r);
		return;
	}
	touched(g, ROW_WORK);
	if (r->lazy == LAZY_MOVED || r->lazy == LAZY_TORN)
		row_settle(g, r);
	/* What is erased is not protected. */
	if (r->lazy == LAZY_ALL || row_is_blank(r)) {
		row_fill(g, r, blank);
		r->known = known;
		r->known_from = known_from;
		return;
	}
	int last = g->cols - 1;
	if (r->used <= last || !is_protected(g, r->cells[last].style))
		row_cut(r);
	r->texted = false;
	r->lazy = LAZY_VEIL;
	r->with = blank;
}

void
grid_veil(struct grid *g, int from, int to, struct cell blank)
{
	touched(g, (to - from) * ROW_WORK);
	for (int y = from; y < to; y++)
		row_veil(g, grid_row_as_is(g, y), blank);
}

/* What has gone out of [at, end) counts no more, and no half of a wide one stays. */
static void
narrow(struct row *r)
{
	int lo = r->at - r->by, hi = r->end - r->by;
	lo = lo > r->lo ? lo : r->lo;
	hi = hi < r->hi ? hi : r->hi;
	if (lo >= hi) {
		r->lo = r->hi = r->at;
		r->by = 0;
		return;
	}
	row_split(r, lo);
	row_split(r, hi);
	r->lo = (uint16_t)lo;
	r->hi = (uint16_t)hi;
}

/* Nothing has moved yet. */
static void
begin_shift(const struct grid *g, struct row *r, int at, int end, struct cell blank)
{
	row_split(r, at);
	row_split(r, end);
	if (!is_plain_blank(blank))
		row_fill_to(g, r, end);
	int hi = r->used < end ? r->used : end;
	r->lazy = LAZY_MOVED;
	r->with = blank;
	r->at = r->lo = (uint16_t)at;
	r->end = (uint16_t)end;
	r->hi = (uint16_t)(hi < at ? at : hi);
	r->by = 0;
}

/* What is not known moves to the right as well, and doubt is from there on. */
static void
shift_known(const struct grid *g, struct row *r, int at, int n)
{
	int from = r->known_from + (n > 0 && at < r->known_from ? n : 0);
	r->known_from = (uint16_t)(from < g->cols ? from : 0);
	if (r->doubt)
		row_doubt(r, at);
}

void
row_shift(const struct grid *g, struct row *r, int at, int end, int n, struct cell blank)
{
	int width = end - at;
	r->spacer = false;
	if (r->known_from || r->doubt)
		shift_known(g, r, at, n);
	if (end == g->cols)
		r->wrapped = false;
	if (!r->lazy && r->used <= at && is_plain_blank(blank))
		return;
	bool same = cell_equal(r->with, blank);
	touched(g, ROW_WORK);
	if (r->lazy == LAZY_ALL && same)
		return;
	if (r->lazy && (r->lazy != LAZY_MOVED || !same || r->at != at || r->end != end))
		row_settle(g, r);
	if (!r->lazy && r->used <= at && is_plain_blank(blank))
		return;
	r->texted = false;
	if (!r->lazy)
		begin_shift(g, r, at, end, blank);
	if (r->lo == r->hi)
		return;
	n = n > width ? width : n < -width ? -width : n;
	r->by = (int16_t)(r->by + n);
	narrow(r);
}

void
grid_shift(struct grid *g, int top, int bottom, int at, int end, int n, struct cell blank)
{
	touched(g, (bottom - top + 1) * ROW_WORK);
	for (int y = top; y <= bottom; y++)
		row_shift(g, grid_row_as_is(g, y), at, end, n, blank);
}

static void
settle_moved(struct row *r)
{
	int to = r->lo + r->by, end = r->hi + r->by;
	bool plain = is_plain_blank(r->with) && r->used <= r->end;
	memmove(r->cells + to, r->cells + r->lo,
	    (size_t)(r->hi - r->lo) * sizeof *r->cells);
	fill(r->cells, r->at, to, r->with);
	if (plain) {
		r->used = (uint16_t)end;
		return;
	}
	fill(r->cells, end, r->end, r->with);
	if (r->used < r->end)
		r->used = r->end;
}

/* The first cell from x on that is protected, or is not. */
static int
next_protected(const struct grid *g, const struct row *r, int x, bool is)
{
	uint32_t style = 0;
	bool found = false;
	for (; x < r->used; x++) {
		if (r->cells[x].style != style) {
			style = r->cells[x].style;
			found = is_protected(g, style);
		}
		if (found == is)
			break;
	}
	return x;
}

void
row_erase_unprotected(const struct grid *g, struct row *r, int from, int to,
    struct cell blank)
{
	bool known = r->known;
	uint16_t known_from = r->known_from;
	int x = from, end;
	touched(g, ROW_WORK + to - from);
	while (x < to && x < r->used) {
		x = next_protected(g, r, x, false);
		end = next_protected(g, r, x, true);
		if (end == r->used)
			break;
		if (x < to)
			row_erase(g, r, x, end < to ? end : to, blank);
		x = end;
	}
	if (x < to)
		row_erase(g, r, x, to, blank);
	r->known = known;
	r->known_from = known_from;
}

void
row_settle(const struct grid *g, struct row *r)
{
	uint8_t lazy = r->lazy;
	touched(g, g->cols);
	if (lazy == LAZY_TORN)
		settle_torn(g, r);
	r->lazy = LAZY_NOT;
	if (lazy == LAZY_MOVED)
		settle_moved(r);
	else if (lazy == LAZY_VEIL)
		row_erase_unprotected(g, r, 0, g->cols, r->with);
	if (lazy == LAZY_ALL || r->lazy == LAZY_ALL) {
		r->lazy = LAZY_NOT;
		fill(r->cells, 0, g->cols, r->with);
		r->used = (uint16_t)g->cols;
	}
	r->texted = false;
	if (r->used == 0)
		row_empty(r);
}

/* ---- scrolling ---- */

/* The line of a row does not go on behind it. */
static void
cut_after(struct grid *g, int y)
{
	if (y >= 0)
		row_cut(grid_row_as_is(g, y));
}

static size_t
order_bytes(int rows)
{
	return (size_t)rows * sizeof(uint32_t);
}

/* The rows from y on, which do not go over the end of the ring now. */
static uint32_t *
straight(struct grid *g, int y, int n)
{
	int behind = g->rows - g->top;
	uint32_t *room = g->order + g->rows;
	touched(g, n / ROW_WORK);
	if (y + g->top >= g->rows)
		return g->order + y - behind;
	if (y + n <= behind)
		return g->order + y + g->top;
	memcpy(room, g->order + g->top, order_bytes(behind));
	memcpy(room + behind, g->order, order_bytes(g->top));
	memcpy(g->order, room, order_bytes(g->rows));
	touched(g, g->rows / ROW_WORK);
	g->top = 0;
	return g->order + y;
}

/* The first n of the rows of a part come to stand behind the others. */
static void
turn_rows(struct grid *g, int top, int height, int n)
{
	uint32_t *part = straight(g, top, height), *room = g->order + g->rows;
	memcpy(room, part, order_bytes(n));
	memmove(part, part + n, order_bytes(height - n));
	memcpy(part + height - n, room, order_bytes(n));
}

void
grid_scroll_up(struct grid *g, int top, int bottom, int n, struct cell blank)
{
	int height = bottom - top + 1;
	n = n < height ? n : height;
	if (bottom < g->rows - 1)
		cut_after(g, bottom);
	if (top > 0)
		cut_after(g, top - 1);
	if (height == g->rows) {
		g->top += n;
		g->top -= g->top < g->rows ? 0 : g->rows;
	} else {
		turn_rows(g, top, height, n);
	}
	if (n > 1) {
		grid_fill(g, bottom - n + 1, bottom + 1, blank);
		return;
	}
	touched(g, ROW_WORK);
	note_all(g, grid_row_as_is(g, bottom), blank);
}

void
grid_scroll_down(struct grid *g, int top, int bottom, int n, struct cell blank)
{
	int height = bottom - top + 1;
	n = n < height ? n : height;
	cut_after(g, top - 1);
	cut_after(g, bottom);
	if (n < height)
		cut_after(g, bottom - n);
	if (height == g->rows) {
		g->top -= n;
		g->top += g->top < 0 ? g->rows : 0;
	} else {
		turn_rows(g, top, height, height - n);
	}
	grid_fill(g, top, top + n, blank);
}

/* What a row shows between the margins. */
struct part {
	struct cell *torn;
	struct cell with;
	bool hollow;
};

static struct part
part_of(const struct row *r)
{
	return (struct part){ r->torn, r->with, r->hollow };
}

static void
set_part(struct row *r, struct part p)
{
	r->torn = p.torn;
	r->with = p.with;
	r->hollow = p.hollow;
}

static int
common_divisor(int a, int b)
{
	return b ? common_divisor(b, a % b) : a;
}

/* The parts of the first n rows come behind the others: round by round, each is moved once. */
static void
turn_parts(struct grid *g, const uint32_t *rows, int height, int n)
{
	for (int begin = common_divisor(height, n) - 1; begin >= 0; begin--) {
		struct part first = part_of(&g->row[rows[begin]]);
		int to = begin, from = begin + n;
		while (from != begin) {
			set_part(&g->row[rows[to]], part_of(&g->row[rows[from]]));
			to = from;
			from += from + n < height ? n : n - height;
		}
		set_part(&g->row[rows[to]], first);
	}
}

/* The rows have parts of each other: of each is known what is known of all. */
static void
mix_known(struct grid *g, const uint32_t *rows, int height, int left)
{
	bool known = true, doubt = false;
	for (int i = 0; i < height; i++) {
		known &= g->row[rows[i]].known;
		doubt |= g->row[rows[i]].doubt > left;
	}
	for (int i = 0; i < height && !known; i++)
		row_forget(&g->row[rows[i]]);
	for (int i = 0; i < height && doubt; i++)
		row_doubt(&g->row[rows[i]], left);
}

/* n > 0: up. */
void
grid_scroll_box(struct grid *g, int top, int bottom, int left, int right, int n,
    struct cell blank)
{
	int height = bottom - top + 1, by = n < 0 ? -n : n;
	const uint32_t *rows = straight(g, top, height);
	bool wide = false;
	by = by < height ? by : height;
	g->torn = true;
	mix_known(g, rows, height, left);
	touched(g, height * ROW_WORK);
	for (int i = 0; i < height; i++) {
		struct row *r = &g->row[rows[i]];
		if (!is_torn(r, left, right))
			tear(g, r, left, right);
		wide |= r->wide;
		if (right == g->cols)
			row_cut(r);
	}
	if (by < height)
		turn_parts(g, rows, height, n > 0 ? by : height - by);
	for (int i = 0; wide && i < height; i++)
		g->row[rows[i]].wide = true;
	for (int i = n > 0 ? height - by : 0; by > 0; i++, by--) {
		g->row[rows[i]].hollow = true;
		g->row[rows[i]].with = blank;
	}
}
