#include "term/line.h"

#include <string.h>

/* Characters after which the text that goes before looks like an emoji: a keycap's base
 * and pictographs are twice as wide then. */
static bool
widens(uint8_t base_kind, uint32_t base)
{
	return base_kind >> 2 == BREAK_PICT || base == '#' || base == '*'
	    || (base >= '0' && base <= '9');
}

/* The cluster at the front of a text, by annex 29. */
static size_t
cluster_len(struct span text, int *ret_width)
{
	struct grapheme g = { 0 };
	uint32_t ch, base = 0;
	size_t at = 0;
	int width = 0, count = 0;
	while (at < text.n) {
		size_t len = utf8_get(text.p + at, text.p + text.n, &ch);
		uint8_t kind = char_kind(ch);
		if (len == 0 || (!grapheme_continues(&g, kind) && at > 0))
			break;
		base = at ? base : ch;
		int w = kind_width(kind);
		if ((ch == CHAR_VS16 && widens(char_kind(base), base))
		    || (kind >> 2 == BREAK_REGIONAL && count == 1))
			w = 2;
		width = w > width ? w : width;
		at += len;
		count++;
	}
	*ret_width = width;
	return at ? at : text.n;
}

/* A character and the marks after it. */
static size_t
marked_len(struct span text, int *ret_width)
{
	uint32_t ch;
	size_t at = 0;
	*ret_width = 0;
	while (at < text.n) {
		size_t len = utf8_get(text.p + at, text.p + text.n, &ch);
		int w = kind_width(char_kind(ch));
		if (len == 0 || (w > 0 && at > 0))
			break;
		*ret_width = at ? *ret_width : w;
		at += len;
	}
	return at ? at : text.n;
}

int
line_width(struct span text, bool clusters)
{
	int width;
	size_t len = clusters ? cluster_len(text, &width) : marked_len(text, &width);
	return len == text.n ? width : 0;
}

/* ---- writing ---- */

void
line_begin(struct line_writer *w, const struct term *t, struct buf *out, bool stored)
{
	*w = (struct line_writer){ .out = out, .t = t, .stored = stored };
}

static void
put(struct line_writer *w, const void *p, size_t n)
{
	if (buf_put(w->out, p, n))
		w->out->failed = true;
}

static void
put_link(struct line_writer *w, uint32_t id)
{
	struct span link = intern_get(&w->t->links, id);
	put(w, "\033]8;", 4);
	if (link.n)
		put(w, link.p, link.n);
	else
		put(w, ";", 1);
	put(w, "\033\\", 2);
}

/* The style of a number, whole. */
static void
store_style(struct line_writer *w, uint32_t id)
{
	struct style s;
	uint8_t bytes[1 + STYLE_PACKED_MAX + 2] = { MARK_STYLE };
	struct span packed = style_packed(w->t, id);
	style_unpack(&s, packed.p);
	struct span link = intern_get(&w->t->links, s.link);
	memcpy(bytes + 1, packed.p, packed.n);
	size_t n = 1 + packed.n;
	if (s.link) {
		n -= sizeof s.link;
		bytes[n++] = (uint8_t)link.n;
		bytes[n++] = (uint8_t)(link.n >> 8);
	}
	put(w, bytes, n);
	put(w, link.p, link.n);
	w->marked = true;
	w->style_id = id;
}

void
line_style(struct line_writer *w, const struct style *to)
{
	w->style_id = UINT32_MAX;
	style_put(w->out, &w->style, to);
	if (w->style.link != to->link)
		put_link(w, to->link);
	if ((w->style.attr ^ to->attr) & ATTR_PROTECTED)
		put(w, to->attr & ATTR_PROTECTED ? "\033[1\"q" : "\033[0\"q", 5);
	w->style = *to;
}

void
line_clusters(struct line_writer *w, bool on)
{
	if (w->clusters == on)
		return;
	w->clusters = on;
	w->grapheme = (struct grapheme){ 0 };
	w->marked = true;
	if (w->stored)
		put(w, &(char){ on ? MARK_CLUSTERS : MARK_CHARS }, 1);
	else
		put(w, on ? "\033[?2027h" : "\033[?2027l", 8);
}

/* Whether a text would join the cell before, were it printed now. */
static bool
would_join(const struct line_writer *w, struct span text)
{
	struct grapheme g = w->grapheme;
	uint32_t ch;
	utf8_get(text.p, text.p + text.n, &ch);
	return grapheme_continues(&g, char_kind(ch));
}

static void
note_cluster(struct line_writer *w, struct span text)
{
	uint32_t ch;
	for (size_t at = 0; at < text.n;) {
		at += utf8_get(text.p + at, text.p + text.n, &ch);
		grapheme_continues(&w->grapheme, char_kind(ch));
	}
}

void
line_put_text(struct line_writer *w, struct span text, bool clusters)
{
	if (clusters && w->clusters && would_join(w, text))
		line_clusters(w, false);
	line_clusters(w, clusters);
	if (clusters)
		note_cluster(w, text);
	put(w, text.p, text.n);
}

static void
put_cell(struct line_writer *w, struct cell c)
{
	uint8_t own[4];
	struct span text = cell_text(w->t, c, own);
	line_put_text(w, text, c.ch & CELL_JOINED);
}

static void
set_style(struct line_writer *w, struct cell c)
{
	struct style to = cell_style(w->t, c);
	line_style(w, &to);
	w->style_id = c.style;
}

static void
put_blanks(struct line_writer *w, int n)
{
	for (; n > 0; n--)
		put(w, " ", 1);
}

bool
cell_in_doubt(struct cell c)
{
	return c.ch >= 0x80 && !(c.ch & CELL_TAIL)
	    && (c.ch & CELL_CLUSTER || kind_in_doubt(char_kind(c.ch & CELL_CHAR)));
}

/* Cells of one style that are single characters: as many as there are, up to one in doubt. */
static int
put_chars(struct line_writer *w, const struct cell *cells, int from, int to)
{
	uint8_t *room, *p;
	uint32_t style = cells[from].style;
	int x = from;
	if (buf_room(w->out, 4 * (size_t)(to - from), &room)) {
		w->out->failed = true;
		return to;
	}
	for (p = room; x < to && cells[x].style == style; x++) {
		if (cells[x].ch < 0x80)
			*p++ = (uint8_t)cells[x].ch;
		else if (cells[x].ch & CELL_CLUSTER)
			break;
		else if (!(cells[x].ch & CELL_TAIL))
			p += utf8_put(cells[x].ch & CELL_CHAR, p);
		if (cell_in_doubt(cells[x])) {
			x++;
			break;
		}
	}
	buf_added(w->out, (size_t)(p - room));
	return x;
}

/* What comes behind a cell in doubt is put where it belongs, unless a terminal that joins would join
 * it.  In a line that goes on it is not, since a window of another width breaks that elsewhere;
 * but for one of this width. */
static void
go_on_behind(struct line_writer *w, const struct row *r, int x)
{
	struct cell c = r->cells[x], next;
	struct line_writer joins = { .out = w->out };
	uint8_t own[4];
	x += c.ch & CELL_WIDE ? 2 : 1;
	next = row_cell(r, x);
	note_cluster(&joins, cell_text(w->t, c, own));
	bool goes_on = !(c.ch & CELL_JOINED) && x < r->used
	    && would_join(&joins, cell_text(w->t, next, own));
	if (x < term_grid(w->t)->cols && !goes_on && (w->fixed || !r->wrapped))
		buf_print(w->out, "\033[%dG", x + 1);
}

void
line_put(struct line_writer *w, const struct row *r, int from, int to)
{
	int x = from, used = to < r->used ? to : r->used;
	while (x < used) {
		struct cell c = r->cells[x];
		if (!(c.ch & CELL_CLUSTER))
			line_clusters(w, false);
		if (c.style != w->style_id)
			set_style(w, c);
		if (c.ch & CELL_CLUSTER) {
			put_cell(w, c);
			x++;
		} else if (c.ch & CELL_TAIL) {
			x++;
		} else {
			x = put_chars(w, r->cells, x, used);
		}
		if (cell_in_doubt(r->cells[x - 1]))
			go_on_behind(w, r, x - 1);
	}
	if (x < to && w->style_id != 0)
		set_style(w, CELL_BLANK);
	put_blanks(w, to - x);
}

/* ---- storing ---- */

/* ASCII of a style, in steps of eight cells; returns how many. */
static inline int
store_ascii(const struct cell *cells, int n, uint32_t style, uint8_t *p)
{
	enum { STEP = 8 };
	int done = 0;
	for (; done + STEP <= n; done += STEP) {
		uint32_t ch = 0, other = 0;
		for (int i = 0; i < STEP; i++) {
			ch |= cells[done + i].ch;
			other |= cells[done + i].style ^ style;
		}
		if (ch >= 0x80 || other)
			break;
		for (int i = 0; i < STEP; i++)
			p[done + i] = (uint8_t)cells[done + i].ch;
	}
	return done;
}

/* Cells without links that need no mode, as many as there are. */
static int
store_chars(struct line_writer *w, const struct cell *cells, int from, int to)
{
	uint8_t *room, *p;
	uint32_t style = w->style_id;
	int x = from;
	/* Behind what is needed more may be written. */
	size_t most = 1 + STYLE_PACKED_MAX + INTERN_SLACK;
	if (buf_room(w->out, most * (size_t)(to - from), &room)) {
		w->out->failed = true;
		return to;
	}
	for (p = room; x < to;) {
		uint32_t ch = cells[x].ch;
		int many = store_ascii(cells + x, to - x, style, p);
		x += many;
		p += many;
		if (many)
			continue;
		if (cells[x].style != style) {
			struct span packed = style_packed(w->t, cells[x].style);
			if (*packed.p & STYLE_LINK)
				break;
			style = cells[x].style;
			*p = MARK_STYLE;
			memcpy(p + 1, packed.p, STYLE_PACKED_MAX);
			p += 1 + packed.n;
			w->marked = true;
		}
		if (ch & CELL_CLUSTER) {
			struct span text = intern_get(&w->t->clusters, ch & CELL_NUMBER);
			if (ch & CELL_JOINED || text.n > INTERN_SLACK)
				break;
			memcpy(p, text.p, INTERN_SLACK);
			p += text.n;
		} else {
			p += utf8_put(ch & CELL_CHAR, p);
		}
		x += ch & CELL_WIDE ? 2 : 1;
	}
	w->style_id = style;
	buf_added(w->out, (size_t)(p - room));
	return x;
}

static void
store_cells(struct line_writer *w, const struct row *r, int to)
{
	int x = 0, used = to < r->used ? to : r->used;
	while (x < used) {
		struct cell c = r->cells[x];
		if (!(c.ch & CELL_JOINED)) {
			line_clusters(w, false);
			x = store_chars(w, r->cells, x, used);
			if (x >= used)
				break;
			c = r->cells[x];
		}
		if (c.style != w->style_id)
			store_style(w, c.style);
		if (c.ch & CELL_CLUSTER) {
			put_cell(w, c);
			x += c.ch & CELL_WIDE ? 2 : 1;
		}
	}
	if (x < to && w->style_id != 0)
		store_style(w, 0);
	put_blanks(w, to - x);
}

void
line_end(struct line_writer *w)
{
	static const struct style plain;
	line_clusters(w, false);
	if (!style_equal(&w->style, &plain))
		line_style(w, &plain);
	w->style_id = 0;
}

/* The text of cells that were only put behind each other, up to `end`, behind which there
 * are but blanks; false if it must be made. */
static bool
has_text(const struct row *r, int end, struct span *ret_text)
{
	uint32_t blanks = (uint32_t)(r->used - end), len = r->text_len - blanks;
	if (!r->texted || r->used < end || (r->wrapped && blanks)
	    || r->text_len - r->text_mark < blanks)
		return false;
	/* Of nothing but those blanks. */
	if (r->text_mark && len == r->text_mark && r->text_style == 0)
		len -= 2;
	*ret_text = (struct span){ r->text, len };
	return true;
}

/* The blanks at the end of a row look the same whether they are stored or not. */
static int
content_end(const struct row *r)
{
	int x = r->used;
	while (x > 0 && r->cells[x - 1].ch == ' ' && r->cells[x - 1].style == 0)
		x--;
	return x;
}

uint8_t
line_store(const struct term *t, const struct row *r, const struct row *next, bool spacer,
    struct buf *out, struct span *ret_text)
{
	struct line_writer w;
	int cols = t->main.grid.cols;
	uint8_t flags = r->part;
	int end = content_end(r);
	if (r->wrapped) {
		bool short_of = r->spacer && (!next || row_cell(next, 0).ch & CELL_WIDE);
		flags |= ROW_WRAPPED | (short_of ? ROW_SPACER : 0);
		end = short_of ? cols - 1 : cols;
	}
	spacer = spacer && !(row_cell(r, 0).ch & CELL_WIDE);
	if (!spacer && has_text(r, end, ret_text))
		return flags | (r->text_mark ? ROW_MARKED : 0);
	buf_drop(out, out->len);
	line_begin(&w, t, out, true);
	if (spacer)
		put(&w, " ", 1);
	store_cells(&w, r, end);
	line_clusters(&w, false);
	*ret_text = buf_span(out);
	return flags | (w.marked ? ROW_MARKED : 0);
}

size_t
line_store_all(const struct term *t, struct cell c, uint8_t text[FLAT_MAX])
{
	int more = t->main.grid.cols - 1;
	uint8_t *p = text;
	if (cell_equal(c, CELL_BLANK))
		return 0;
	if (c.style) {
		struct span packed = style_packed(t, c.style);
		*p++ = MARK_STYLE;
		memcpy(p, packed.p, STYLE_PACKED_MAX);
		p += packed.n;
	}
	*p++ = (uint8_t)c.ch;
	*p++ = MARK_REPEAT;
	*p++ = (uint8_t)more;
	*p++ = (uint8_t)(more >> 8);
	return (size_t)(p - text);
}

/* ---- reading ---- */

void
line_read(struct line_reader *r, struct span text)
{
	*r = (struct line_reader){ .p = text.p, .end = text.p + text.n };
}

/* Behind the mark. */
static void
read_style(struct line_reader *r)
{
	uint8_t bytes[STYLE_PACKED_MAX];
	size_t room = (size_t)(r->end - r->p);
	memcpy(bytes, r->p, room < sizeof bytes ? room : sizeof bytes);
	bytes[0] &= (uint8_t)~STYLE_LINK;
	const uint8_t *p = r->p + style_unpack(&r->style, bytes);
	r->style.attr &= ~(uint32_t)ATTR_PROTECTED;
	r->link = (struct span){ p, 0 };
	if (*r->p & STYLE_LINK) {
		r->link = (struct span){ p + 2, p[0] | (size_t)p[1] << 8 };
		p += 2 + r->link.n;
	}
	r->p = p;
}

static bool
next_cell(struct line_reader *r, struct line_cell *c)
{
	while (r->p < r->end
	    && (*r->p == MARK_STYLE || *r->p == MARK_CLUSTERS || *r->p == MARK_CHARS)) {
		uint8_t mark = *r->p++;
		if (mark == MARK_STYLE)
			read_style(r);
		else
			r->clusters = mark == MARK_CLUSTERS;
	}
	if (r->p >= r->end)
		return false;
	/* Its text ends before the next mark or sequence. */
	const uint8_t *stop = r->p + 1;
	if (stop < r->end && *stop < 0x80) {
		*c = (struct line_cell){ { r->p, 1 }, 1, r->clusters };
		if (*r->p < 0x80) {
			r->p++;
			return true;
		}
	}
	while (stop < r->end && *stop >= 0x80)
		stop++;
	/* A keycap begins with ASCII and may follow another one. */
	struct span rest = { r->p, (size_t)(stop - r->p) };
	size_t len = r->clusters ? cluster_len(rest, &c->width)
				 : marked_len(rest, &c->width);
	c->text = (struct span){ r->p, len };
	c->clusters = r->clusters;
	r->p += len;
	return true;
}

bool
line_next(struct line_reader *r, struct line_cell *c)
{
	if (r->repeat) {
		r->repeat--;
		*c = r->last;
		return true;
	}
	if (!next_cell(r, c))
		return false;
	if (r->p < r->end && *r->p == MARK_REPEAT) {
		r->repeat = (uint16_t)(r->p[1] | r->p[2] << 8);
		r->last = *c;
		r->p += 3;
	}
	return true;
}
