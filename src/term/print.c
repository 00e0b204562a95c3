/* Characters become cells. */
#include "base/err.h"
#include "term/line.h"
#include "term/state.h"

#include <string.h>

/* ---- the tables of styles, clusters and links ---- */

enum { SWEEP_CELLS = 16 };

static void
mark_grid(struct term *t, const struct grid *g)
{
	for (int y = 0; y < g->rows; y++) {
		struct row *r = &g->row[y];
		if (r->lazy == LAZY_TORN)
			row_settle(g, r);
		t->tables.work += ROW_WORK + r->used;
		if (r->lazy)
			intern_mark(&t->tables.styles, r->with.style);
		for (int x = 0; x < r->used; x++) {
			intern_mark(&t->tables.styles, r->cells[x].style);
			if (r->cells[x].ch & CELL_CLUSTER)
				intern_mark(&t->clusters, r->cells[x].ch & CELL_NUMBER);
		}
	}
}

struct span
style_packed(const struct term *t, uint32_t id)
{
	struct span bytes = intern_get(&t->tables.styles, id);
	return (struct span){ bytes.p, bytes.n ? bytes.n : 1 };
}

static struct style
style_get(const struct term *t, uint32_t id)
{
	struct style s;
	style_unpack(&s, style_packed(t, id).p);
	return s;
}

/* Forgets what no cell uses any more. */
static void
sweep(struct term *t)
{
	memset(t->style_cache, 0, sizeof t->style_cache);
	memset(t->cluster_cache, 0, sizeof t->cluster_cache);
	t->flat_len = 0;
	intern_unmark(&t->tables.styles);
	intern_unmark(&t->clusters);
	intern_unmark(&t->links);
	mark_grid(t, &t->main.grid);
	mark_grid(t, &t->alternate.grid);
	intern_mark(&t->tables.styles, t->pen_id);
	intern_mark(&t->tables.styles, t->erase_id);
	intern_mark(&t->links, t->pen.link);
	for (uint32_t id = 1; id <= t->tables.styles.entry_high; id++)
		if (intern_is_marked(&t->tables.styles, id))
			intern_mark(&t->links, style_get(t, id).link);
	/* For a number of cells that were looked at there must be a new entry. */
	uint32_t least = (uint32_t)(t->main.grid.rows * t->main.grid.cols / SWEEP_CELLS);
	if (intern_sweep(&t->tables.styles, least) || intern_sweep(&t->clusters, least)
	    || intern_sweep(&t->links, least))
		t->err = ERR_NOMEM;
}

static uint32_t
number_of(struct term *t, struct intern *in, struct span s)
{
	uint32_t id;
	if (intern_add(in, s, &id) != ERR_FULL || t->written < t->sweep_after)
		return id;
	sweep(t);
	/* In vain: all of it is in use, and will be for a while. */
	if (intern_add(in, s, &id))
		t->sweep_after = t->written + SWEEP_PAUSE;
	return id;
}

uint32_t
style_id(struct term *t, const struct style *s)
{
	static const struct style plain;
	if (style_equal(s, &plain))
		return 0;
	uint32_t hash = (s->fg ^ s->bg * 3 ^ s->attr * 5 ^ s->ul ^ s->link) * 0x9e3779b1;
	struct style_cached *known = &t->style_cache[hash >> 25 & (STYLE_CACHE - 1)];
	if (style_equal(s, &known->style) && known->id)
		return known->id;
	uint8_t bytes[STYLE_PACKED_MAX];
	uint32_t id = number_of(t, &t->tables.styles,
	    (struct span){ bytes, style_pack(s, bytes) });
	if (id == 0)
		t->err = ERR_NOMEM;
	*known = (struct style_cached){ *s, id };
	return id;
}

uint32_t
link_id(struct term *t, struct span link)
{
	return link.n <= LINK_MAX ? number_of(t, &t->links, link) : 0;
}

uint32_t
cluster_id(struct term *t, struct span text)
{
	return number_of(t, &t->clusters, text);
}

static void
update_pen(struct term *t)
{
	t->pen_id = style_id(t, &t->pen);
	t->pen_changed = false;
}

void
print_pen(struct term *t)
{
	if (t->pen_changed)
		update_pen(t);
}

struct cell
erased_cell(struct term *t)
{
	struct style erased = { .bg = t->pen.bg };
	if (t->pen.bg == COLOUR_DEFAULT)
		return CELL_BLANK;
	t->erase_id = style_id(t, &erased);
	return (struct cell){ ' ', t->erase_id };
}

struct style
cell_style(const struct term *t, struct cell c)
{
	return style_get(t, c.style);
}

struct span
cell_text(const struct term *t, struct cell c, uint8_t own[4])
{
	if (c.ch & CELL_CLUSTER)
		return intern_get(&t->clusters, c.ch & CELL_NUMBER);
	return (struct span){ own, utf8_put(c.ch & CELL_CHAR, own) };
}

void
cell_note_joined(const struct term *t, struct cell *c)
{
	uint8_t own[4];
	if (line_width(cell_text(t, *c, own), false) != (c->ch & CELL_WIDE ? 2 : 1))
		c->ch |= CELL_JOINED;
}

/* ---- the text of a row ---- */

/* Where the text goes on with cells of a style, of n bytes at most; there is a mark before
 * that if it takes one.  If there is no such place the row has no text, and this is some
 * place for what would come into it. */
static inline uint8_t *
text_begin(const struct term *t, struct row *r, uint32_t style, size_t n)
{
	uint8_t *p = r->text + r->text_len;
	size_t most = 1 + STYLE_PACKED_MAX + n;
	r->texted = r->texted && r->text_len + most <= row_text_room(term_grid(t)->cols);
	if (!r->texted)
		return r->text;
	if (style == r->text_style)
		return p;
	struct span packed = style_packed(t, style);
	r->texted = !(*packed.p & STYLE_LINK);
	*p++ = MARK_STYLE;
	memcpy(p, packed.p, STYLE_PACKED_MAX);
	return p + packed.n;
}

/* The cells have come: their text is [from, end). */
static inline void
text_end(struct row *r, uint32_t style, const uint8_t *from, const uint8_t *end)
{
	if (!r->texted)
		return;
	if (style != r->text_style)
		r->text_mark = (uint32_t)(from - r->text);
	r->text_style = style;
	r->text_len = (uint32_t)(end - r->text);
}

/* Text of a style comes to stand at x. */
static void
note_text(const struct term *t, struct row *r, int x, uint32_t style, struct span s)
{
	r->texted = r->texted && r->used == x;
	uint8_t *p = text_begin(t, r, style, s.n);
	if (!r->texted)
		return;
	memcpy(p, s.p, s.n);
	text_end(r, style, p, p + s.n);
}

static void
note_char(struct term *t, struct row *r, int x, uint32_t ch)
{
	uint8_t bytes[4];
	note_text(t, r, x, t->pen_id, (struct span){ bytes, utf8_put(ch, bytes) });
}

/* ---- placing ---- */

/* Goes on in the next row, where the line is continued. */
static void
wrap(struct term *t, bool spacer)
{
	int row = t->row, bottom = term_grid(t)->rows - 1;
	bool whole = t->left == 0 && t->right == term_grid(t)->cols - 1;
	bool moves = row < bottom || t->bottom == bottom;
	struct row *r = term_row(t);
	if (whole && moves) {
		r->wrapped = true;
		r->spacer = spacer;
	}
	t->col = t->col >= t->left ? t->left : 0;
	t->pending = false;
	t->join = JOIN_NONE;
	line_down(t);
	/* Scrolling within margins has torn the two rows apart. */
	if (whole && moves && t->row == row && row > t->top) {
		r = grid_row(term_grid(t), row - 1);
		r->wrapped = true;
		r->spacer = spacer;
	}
}

static void
after_print(struct term *t, int end, int limit)
{
	if (end <= limit) {
		t->col = end;
		t->join = JOIN_BEFORE;
		return;
	}
	t->col = limit;
	t->pending = term_has(t, MODE_AUTOWRAP);
	t->join = JOIN_AT;
}

/* A wide character does not fit into the last column. */
static void
skip_last(struct term *t, int limit)
{
	if (!term_has(t, MODE_AUTOWRAP)) {
		t->col = limit - 1;
		return;
	}
	if (limit == term_grid(t)->cols - 1) {
		struct row *r = term_row(t);
		row_split(r, limit);
		r->texted = r->texted && r->used <= limit;
		if (r->used > limit)
			r->used = (uint16_t)limit;
	}
	wrap(t, limit == term_grid(t)->cols - 1);
}

/* Most characters come behind all others of their row. */
static inline bool
append(struct term *t, uint32_t ch, int width, int limit)
{
	struct row *r = term_row(t);
	int x = t->col;
	if (r->used != x || x + width > limit || term_has(t, MODE_INSERT))
		return false;
	note_char(t, r, x, ch);
	r->cells[x] = (struct cell){ ch, t->pen_id };
	if (width == 2) {
		r->cells[x].ch |= CELL_WIDE;
		r->cells[x + 1] = (struct cell){ CELL_TAIL, t->pen_id };
		r->wide = true;
	}
	r->used = (uint16_t)(x + width);
	t->col = x + width;
	t->join = JOIN_BEFORE;
	return true;
}

static void
insert_cells(struct term *t, struct row *r, int at, int end, int n)
{
	row_shift(term_grid(t), r, at, end, n, erased_cell(t));
	if (r->lazy)
		row_settle(term_grid(t), r);
}

static void
place(struct term *t, uint32_t ch, int width)
{
	if (t->pen_changed)
		update_pen(t);
	if (t->pending)
		wrap(t, false);
	int limit = right_limit(t);
	if (append(t, ch, width, limit))
		return;
	if (width == 2 && t->col == limit) {
		if (limit <= (t->col >= t->left ? t->left : 0))
			return; /* a single column */
		skip_last(t, limit);
		limit = right_limit(t);
	}
	int cols = term_grid(t)->cols, x = t->col;
	struct row *r = term_row(t);
	if (term_has(t, MODE_INSERT) && x + width <= limit)
		insert_cells(t, r, x, limit + 1, width);
	row_fill_to(term_grid(t), r, x);
	row_split(r, x);
	row_split(r, x + width);
	note_char(t, r, x, ch);
	r->cells[x] = (struct cell){ ch, t->pen_id };
	if (width == 2) {
		r->cells[x].ch |= CELL_WIDE;
		r->cells[x + 1] = (struct cell){ CELL_TAIL, t->pen_id };
		r->wide = true;
	}
	if (r->used < x + width)
		r->used = (uint16_t)(x + width);
	if (x + width == cols)
		r->spacer = false;
	after_print(t, x + width, limit);
}

/* Among letters: of pictographs most are as wide everywhere. */
static inline bool
is_odd(uint8_t kind)
{
	return kind_in_doubt(kind) && kind >> 2 != BREAK_PICT;
}

/* ---- joining ---- */

/* The place of the character to join. */
static int
join_column(const struct term *t)
{
	return row_head(term_row(t), t->join == JOIN_BEFORE ? t->col - 1 : t->col);
}

/* The number of a cell's text with one more character; 0 if it holds no more. */
static uint32_t
longer_cluster(struct term *t, struct cell c, uint32_t ch)
{
	uint8_t text[CLUSTER_CHARS_MAX * 4], own[4];
	struct span old = cell_text(t, c, own);
	size_t count = 0;
	for (size_t i = 0; i < old.n; i++)
		count += (old.p[i] & 0xc0) != 0x80;
	if (count >= CLUSTER_CHARS_MAX || old.n + 4 > sizeof text)
		return 0;
	memcpy(text, old.p, old.n);
	size_t n = old.n + utf8_put(ch, text + old.n);
	return cluster_id(t, (struct span){ text, n });
}

/* Adds a character to the cell to join; false if it holds no more. */
static bool
append_char(struct term *t, int x, uint32_t ch)
{
	struct row *r = term_row(t);
	struct cell *c = &r->cells[x];
	uint8_t bytes[4];
	uint32_t base = c->ch & ~(uint32_t)(CELL_WIDE | CELL_JOINED);
	struct cluster_cached *known =
	    &t->cluster_cache[(base * 31 + ch) % CLUSTER_CACHE];
	if (!known->id || known->base != base || known->last != ch) {
		uint32_t id = longer_cluster(t, *c, ch);
		*known = (struct cluster_cached){ base, ch, id };
	}
	if (known->id == 0)
		return false;
	c->ch = CELL_CLUSTER | known->id | (c->ch & (CELL_WIDE | CELL_JOINED));
	row_doubt(r, x);
	note_text(t, r, c->ch & CELL_WIDE ? x + 2 : x + 1, r->text_style,
	    (struct span){ bytes, utf8_put(ch, bytes) });
	return true;
}

/* A narrow cell became a wide one. */
static void
widen(struct term *t, int x)
{
	struct row *r = term_row(t);
	int limit = right_limit(t);
	row_split(r, x + 2);
	r->cells[x].ch |= CELL_WIDE;
	r->cells[x + 1] = (struct cell){ CELL_TAIL, r->cells[x].style };
	r->wide = true;
	if (r->used < x + 2)
		r->used = (uint16_t)(x + 2);
	if (x + 2 == term_grid(t)->cols)
		r->spacer = false;
	after_print(t, x + 2, limit);
}

/* With grapheme clusters on: whether the character was joined to the one before. */
static bool
join_cluster(struct term *t, uint32_t ch, uint8_t kind)
{
	struct grapheme g = t->grapheme;
	if (!t->join || !grapheme_continues(&g, kind))
		return false;
	int x = join_column(t);
	uint8_t text[CLUSTER_CHARS_MAX * 4 + 4], own[4];
	struct cell c = row_cell(term_row(t), x);
	struct span old = cell_text(t, c, own);
	memcpy(text, old.p, old.n);
	int width = line_width((struct span){ text, old.n + utf8_put(ch, text + old.n) },
	    true);
	bool wider = width == 2 && !(c.ch & CELL_WIDE);
	if (wider && t->join == JOIN_AT && kind_width(kind) > 0)
		return false; /* it does not fit */
	if (!append_char(t, x, ch))
		return true;
	t->grapheme = g;
	term_row(t)->texted = false;
	if (wider && t->join == JOIN_BEFORE)
		widen(t, x);
	cell_note_joined(t, &term_row(t)->cells[x]);
	return true;
}

void
print_char(struct term *t, uint32_t ch)
{
	if (ch >= 0x80 && ch < 0xa0)
		return;
	uint8_t kind = char_kind(ch);
	int width = kind_width(kind);
	t->charsets.single = 0;
	if (term_has(t, MODE_GRAPHEMES)) {
		if (join_cluster(t, ch, kind) || width == 0)
			return;
		t->grapheme = (struct grapheme){ 0 };
		grapheme_continues(&t->grapheme, kind);
	} else if (width == 0) {
		if (t->join)
			append_char(t, join_column(t), ch);
		return;
	}
	place(t, ch, width);
	if (is_odd(kind) && t->join)
		row_doubt(term_row(t), join_column(t));
}

/* As many copies of a character as the row takes from the cursor on, at most n; returns how
 * many. */
static int
put_copies(struct term *t, uint32_t ch, int width, int n)
{
	struct grid *g = term_grid(t);
	struct row *r = term_row(t);
	int x = t->col, limit = right_limit(t);
	int room = (limit + 1 - x) / width, fit = (limit - x) / width;
	n = n < room ? n : room;
	if (n <= 0)
		return 0;
	int end = x + n * width;
	if (term_has(t, MODE_INSERT) && fit > 0)
		insert_cells(t, r, x, limit + 1, (n < fit ? n : fit) * width);
	row_fill_to(g, r, x);
	row_split(r, x);
	row_split(r, end);
	r->texted = r->texted && r->used == x;
	uint8_t *from = text_begin(t, r, t->pen_id, 4 * (size_t)n), *text = from;
	struct cell head = { ch | (uint32_t)(width - 1) * CELL_WIDE, t->pen_id };
	struct cell tail = { CELL_TAIL, t->pen_id };
	for (int i = x; i < end; i += width) {
		r->cells[i] = head;
		if (width == 2)
			r->cells[i + 1] = tail;
		if (r->texted)
			text += utf8_put(ch, text);
	}
	text_end(r, t->pen_id, from, text);
	r->wide |= width == 2;
	if (r->used < end)
		r->used = (uint16_t)end;
	if (end == g->cols)
		r->spacer = false;
	t->tables.work += (uint64_t)(end - x);
	after_print(t, end, limit);
	return n;
}

void
print_again(struct term *t, int n)
{
	uint8_t own[4];
	uint32_t ch;
	struct grapheme g = { 0 };
	if (!t->join || n <= 0)
		return;
	struct span text = cell_text(t, row_cell(term_row(t), join_column(t)), own);
	utf8_get(text.p, text.p + text.n, &ch);
	uint8_t kind = char_kind(ch);
	grapheme_continues(&g, kind);
	struct grapheme alone = g;
	/* The first may join what is there, and each the one before. */
	bool joins = kind_width(kind) == 0 || grapheme_continues(&g, kind);
	while (n > 0) {
		print_char(t, ch);
		n--;
		if (joins)
			continue;
		if (t->pending && n > 0)
			wrap(t, false);
		int put = put_copies(t, ch, kind_width(kind), n);
		if (put > 0)
			t->grapheme = alone;
		n -= put;
		/* Without autowrap the rest goes over the last column. */
		if (t->join == JOIN_AT && !t->pending)
			break;
	}
}

/* ---- ASCII ---- */

/* By way of a charset: one at a time. */
static void
print_slowly(struct term *t, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct charsets *cs = &t->charsets;
		uint8_t set = cs->g[cs->single ? cs->single : cs->shifted];
		t->parser.at = p + i;
		print_char(t, charset_char(set, p[i]));
	}
}

static void
put_run(struct term *t, struct row *r, int x, const uint8_t *p, int n)
{
	row_fill_to(term_grid(t), r, x);
	if (r->wide) {
		row_split(r, x);
		row_split(r, x + n);
	}
	note_text(t, r, x, t->pen_id, (struct span){ p, (size_t)n });
	struct cell *c = r->cells + x;
	for (int i = 0; i < n; i++)
		c[i] = (struct cell){ p[i], t->pen_id };
	if (r->used < x + n)
		r->used = (uint16_t)(x + n);
}

void
print_ascii(struct term *t, const uint8_t *p, size_t n)
{
	const struct charsets *cs = &t->charsets;
	const uint8_t *end = p + n;
	if (cs->g[cs->shifted] != CHARSET_ASCII || cs->single) {
		print_slowly(t, p, n);
		return;
	}
	/* It may continue a cluster, after what may come before anything. */
	if (t->join && t->grapheme.last == BREAK_PREPEND && term_has(t, MODE_GRAPHEMES)) {
		print_char(t, *p++);
		if (p == end)
			return;
	}
	if (t->pen_changed)
		update_pen(t);
	while (p < end) {
		t->parser.at = p;
		if (t->pending)
			wrap(t, false);
		int limit = right_limit(t), room = limit + 1 - t->col;
		int k = end - p < room ? (int)(end - p) : room;
		struct row *r = term_row(t);
		if (term_has(t, MODE_INSERT) && t->col < limit)
			insert_cells(t, r, t->col, limit + 1,
			    k < limit - t->col ? k : limit - t->col);
		put_run(t, r, t->col, p, k);
		p += k;
		if (t->col + k == term_grid(t)->cols)
			r->spacer = false;
		after_print(t, t->col + k, limit);
		/* Without autowrap the rest goes over the last column. */
		if (p < end && !t->pending && t->col == limit && t->join == JOIN_AT)
			p = end - 1;
	}
	t->grapheme = (struct grapheme){ .started = true };
}

/* ---- text that needs no care ---- */

/* The top bits of those of eight bytes that are not printable ASCII.  Above the first one
 * they may be wrong. */
static uint64_t
not_ascii(uint64_t v)
{
	const uint64_t ones = 0x0101010101010101, tops = ones * 0x80;
	uint64_t del = v ^ ones * 0x7f;
	return ((v - ones * 0x20) | v | ((del - ones) & ~del)) & tops;
}

/* A cell as the one number that it is in memory, which is quicker to write. */
static inline void
put_cell(struct cell *c, uint32_t ch, uint32_t style)
{
	const struct cell one = { 1, 0 }, none = { 0, style };
	uint64_t step, v;
	_Static_assert(sizeof *c == sizeof v, "a cell is a number");
	memcpy(&step, &one, sizeof step);
	memcpy(&v, &none, sizeof v);
	v += step * ch;
	memcpy(c, &v, sizeof v);
}

/* Eight characters become cells. */
static inline void
put_eight(struct cell *c, const uint8_t *p, uint32_t style)
{
#ifndef __OPTIMIZE_SIZE__
#pragma GCC unroll 8
#endif
	for (int i = 0; i < 8; i++)
		put_cell(&c[i], p[i], style);
}

/* Those of the eight bytes at p that are ASCII come to c, at most `room`; with `loose` other
 * cells behind them may be written.  Returns how many. */
static inline int
put_ascii(struct cell *c, const uint8_t *p, int room, uint32_t style, bool loose)
{
	uint64_t others = not_ascii(eight_bytes(p));
	if (!others && room >= 8) {
		put_eight(c, p, style);
		return 8;
	}
	int n = others ? __builtin_ctzll(others) / 8 : 8;
	n = n < room ? n : room;
	if (loose)
		put_eight(c, p, style);
	for (int i = 0; i < n && !loose; i++)
		put_cell(&c[i], p[i], style);
	return n;
}

/* One character beyond ASCII and its width; false if it needs care. */
static inline bool
plain_char(const uint8_t *p, int room, uint32_t *ret_ch, size_t *ret_len, int *ret_width)
{
	*ret_len = utf8_get_quick(p, ret_ch);
	uint8_t kind = char_kind(*ret_ch);
	*ret_width = kind_width(kind);
	return *ret_width > 0 && *ret_width <= room && *ret_ch >= 0xa0
	    && *ret_ch != CHAR_BAD && !is_odd(kind);
}

/* Whether text can come to stand at the cursor as it is. */
static inline bool
takes_text(const struct term *t, const struct row *r)
{
	const struct charsets *cs = &t->charsets;
	uint64_t slow = mode_bit(MODE_INSERT) | mode_bit(MODE_GRAPHEMES);
	return !t->pending && cs->g[cs->shifted] == CHARSET_ASCII && !cs->single
	    && r->used >= t->col && (r->used == t->col || !r->wide) && !(t->modes & slow);
}

const uint8_t *
print_text(struct term *t, const uint8_t *p, const uint8_t *end)
{
	struct row *r = term_row(t);
	int x = t->col, limit = right_limit(t), wide = 0, width;
	if (!takes_text(t, r))
		return p;
	print_pen(t);
	bool append = r->used == x;
	uint32_t style = t->pen_id, ch;
	size_t len;
	r->texted = r->texted && append;
	uint8_t *from = text_begin(t, r, style, 4 * (size_t)(limit + 1 - x) + 8);
	uint8_t *text = from;
	while (end - p >= 8) {
		struct cell *c = r->cells + x;
		if (*p < 0x80) {
			int n = put_ascii(c, p, limit - x, style, append);
			memcpy(text, p, 8);
			text += n;
			x += n;
			p += n;
			if (n < 8 && *p < 0x80)
				break;
			continue;
		}
		if (!append || !plain_char(p, limit - x, &ch, &len, &width))
			break;
		put_cell(c, ch | (uint32_t)(width - 1) * CELL_WIDE, style);
		put_cell(c + 1, CELL_TAIL, style);
		memcpy(text, p, 4);
		text += len;
		wide |= width;
		x += width;
		p += len;
	}
	if (x == t->col)
		return p;
	t->col = x;
	t->join = JOIN_BEFORE;
	text_end(r, style, from, text);
	r->wide |= wide > 1;
	if (r->used < x)
		r->used = (uint16_t)x;
	return p;
}
