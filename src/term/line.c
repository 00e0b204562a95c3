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

/* The parts of a stored style, in this order: they follow the byte that has their bits.
 * A style is stored whole, not by what changed. */
enum {
	PART_ATTR = 1, /* 3 bytes */
	PART_FG = 2, /* 4 bytes, as in struct style */
	PART_BG = 4,
	PART_UL = 8,
	PART_FG_INDEX = 16, /* a byte: a colour of the palette */
	PART_BG_INDEX = 32,
	PART_LINK = 64, /* 2 bytes: its length, then as many */
	STYLE_MOST = 2 + 3 + 4 + 4 + 4 + 2,
};

static uint8_t *
store_colour(uint8_t *p, uint32_t colour, uint8_t *parts, uint8_t whole, uint8_t index)
{
	if (colour == COLOUR_DEFAULT)
		return p;
	if (index && (colour & COLOUR_KIND) == COLOUR_INDEXED) {
		*parts |= index;
		*p++ = (uint8_t)colour;
		return p;
	}
	*parts |= whole;
	memcpy(p, &colour, sizeof colour);
	return p + sizeof colour;
}

/* All but the link; returns the end. */
static uint8_t *
store_looks(uint8_t *p, const struct style *s)
{
	uint8_t *parts = p + 1;
	*p = MARK_STYLE;
	*parts = 0;
	p += 2;
	if (s->attr) {
		*parts |= PART_ATTR;
		*p++ = (uint8_t)s->attr;
		*p++ = (uint8_t)(s->attr >> 8);
		*p++ = (uint8_t)((s->attr & ~(uint32_t)ATTR_PROTECTED) >> 16);
	}
	p = store_colour(p, s->fg, parts, PART_FG, PART_FG_INDEX);
	p = store_colour(p, s->bg, parts, PART_BG, PART_BG_INDEX);
	return store_colour(p, s->ul, parts, PART_UL, 0);
}

static void
store_style(struct line_writer *w, const struct style *s)
{
	uint8_t bytes[STYLE_MOST], *p = store_looks(bytes, s);
	struct span link = intern_get(&w->t->links, s->link);
	if (link.n) {
		bytes[1] |= PART_LINK;
		*p++ = (uint8_t)link.n;
		*p++ = (uint8_t)(link.n >> 8);
	}
	put(w, bytes, (size_t)(p - bytes));
	if (link.n)
		put(w, link.p, link.n);
	w->marked = true;
	w->style = *s;
}

void
line_style(struct line_writer *w, const struct style *to)
{
	w->style_id = UINT32_MAX;
	if (w->stored) {
		store_style(w, to);
		return;
	}
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
	line_put_text(w, text, line_width(text, false) != (c.ch & CELL_WIDE ? 2 : 1));
}

static void
set_style(struct line_writer *w, struct cell c)
{
	struct style to = cell_style(w->t, c);
	line_style(w, &to);
	w->style_id = c.style;
}

/* Cells of one style that are single characters: as many as there are. */
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
	}
	buf_added(w->out, (size_t)(p - room));
	return x;
}

/* The same as line_put, for rows without clusters and links, as far as it goes: stored
 * rows are most of the work. */
static int
store_simple(struct line_writer *w, const struct cell *cells, int from, int to)
{
	uint8_t *room, *p;
	uint32_t style = w->style_id;
	int x = from;
	if (buf_room(w->out, (4 + STYLE_MOST) * (size_t)(to - from), &room)) {
		w->out->failed = true;
		return to;
	}
	for (p = room; x < to; x++) {
		uint32_t ch = cells[x].ch;
		if (cells[x].style != style) {
			struct style s = cell_style(w->t, cells[x]);
			if (s.link)
				break;
			p = store_looks(p, &s);
			w->marked = true;
			w->style = s;
			w->style_id = style = cells[x].style;
		}
		if (ch < 0x80)
			*p++ = (uint8_t)ch;
		else if (ch & CELL_CLUSTER)
			break;
		else if (!(ch & CELL_TAIL))
			p += utf8_put(ch & CELL_CHAR, p);
	}
	buf_added(w->out, (size_t)(p - room));
	return x;
}

void
line_put(struct line_writer *w, const struct row *r, int from, int to)
{
	int x = from, used = to < r->used ? to : r->used;
	while (x < used) {
		struct cell c = r->cells[x];
		bool single = !(c.ch & CELL_CLUSTER);
		if (single)
			line_clusters(w, false);
		if (single && w->stored && !w->style.link)
			x = store_simple(w, r->cells, x, used);
		if (x == used)
			break;
		c = r->cells[x];
		if (c.style != w->style_id)
			set_style(w, c);
		if (c.ch & CELL_CLUSTER) {
			put_cell(w, c);
			x++;
		} else if (c.ch & CELL_TAIL) {
			x++;
		} else {
			line_clusters(w, false);
			x = put_chars(w, r->cells, x, used);
		}
	}
	if (x < to && w->style_id != 0)
		set_style(w, CELL_BLANK);
	for (; x < to; x++)
		put(w, " ", 1);
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
    struct buf *out)
{
	struct line_writer w;
	int cols = t->main.grid.cols;
	uint8_t flags = 0;
	int end = content_end(r);
	buf_drop(out, out->len);
	line_begin(&w, t, out, true);
	if (spacer && !(row_cell(r, 0).ch & CELL_WIDE))
		put(&w, " ", 1);
	if (r->wrapped) {
		bool short_of = r->spacer && (!next || row_cell(next, 0).ch & CELL_WIDE);
		flags = ROW_WRAPPED | (short_of ? ROW_SPACER : 0);
		end = short_of ? cols - 1 : cols;
	}
	line_put(&w, r, 0, end);
	line_clusters(&w, false);
	return flags | (w.marked ? ROW_MARKED : 0);
}

/* ---- reading ---- */

void
line_read(struct line_reader *r, struct span text)
{
	*r = (struct line_reader){ .p = text.p, .end = text.p + text.n };
}

static const uint8_t *
read_colour(const uint8_t *p, uint8_t parts, uint8_t whole, uint8_t index,
    uint32_t *colour)
{
	if (parts & index)
		*colour = COLOUR_INDEXED | *p++;
	else if (parts & whole) {
		memcpy(colour, p, sizeof *colour);
		p += sizeof *colour;
	}
	return p;
}

/* Behind the mark. */
static void
read_style(struct line_reader *r)
{
	const uint8_t *p = r->p + 1;
	uint8_t parts = *r->p;
	r->style = (struct style){ 0 };
	if (parts & PART_ATTR) {
		r->style.attr = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
		p += 3;
	}
	p = read_colour(p, parts, PART_FG, PART_FG_INDEX, &r->style.fg);
	p = read_colour(p, parts, PART_BG, PART_BG_INDEX, &r->style.bg);
	p = read_colour(p, parts, PART_UL, 0, &r->style.ul);
	r->link = (struct span){ p, 0 };
	if (parts & PART_LINK) {
		r->link = (struct span){ p + 2, p[0] | (size_t)p[1] << 8 };
		p += 2 + r->link.n;
	}
	r->p = p;
}

bool
line_next(struct line_reader *r, struct line_cell *c)
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
