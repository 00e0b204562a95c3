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

void
line_style(struct line_writer *w, const struct style *to)
{
	w->style_id = UINT32_MAX;
	style_put(w->out, &w->style, to);
	if (w->style.link != to->link)
		put_link(w, to->link);
	if (!w->stored && (w->style.attr ^ to->attr) & ATTR_PROTECTED)
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
	if (w->stored)
		to.attr &= ~(uint32_t)ATTR_PROTECTED;
	line_style(w, &to);
	w->style_id = c.style;
}

/* A run of ASCII in one style; returns where it ends. */
static int
put_ascii(struct line_writer *w, const struct cell *cells, int from, int to)
{
	uint8_t *room;
	uint32_t style = cells[from].style;
	int x = from;
	if (buf_room(w->out, (size_t)(to - from), &room)) {
		w->out->failed = true;
		return to;
	}
	while (x < to && cells[x].ch < 0x80 && cells[x].style == style) {
		room[x - from] = (uint8_t)cells[x].ch;
		x++;
	}
	buf_added(w->out, (size_t)(x - from));
	return x;
}

void
line_put(struct line_writer *w, const struct row *r, int from, int to)
{
	int x = from, used = to < r->used ? to : r->used;
	while (x < used) {
		struct cell c = r->cells[x];
		if (c.style != w->style_id)
			set_style(w, c);
		if (c.ch < 0x80) {
			line_clusters(w, false);
			x = put_ascii(w, r->cells, x, used);
		} else {
			if (!(c.ch & CELL_TAIL))
				put_cell(w, c);
			x++;
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
	struct span text = buf_span(out);
	if (text.n && memchr(text.p, 033, text.n))
		flags |= ROW_STYLED;
	if (text.n && memchr(text.p, MARK_CLUSTERS, text.n))
		flags |= ROW_RULED;
	return flags;
}

/* ---- reading ---- */

void
line_read(struct line_reader *r, struct span text)
{
	*r = (struct line_reader){ .p = text.p, .end = text.p + text.n };
}

/* ESC [ PARAMS m */
static void
read_sgr(struct line_reader *r)
{
	struct params ps;
	r->p += 2;
	r->p += params_read(&ps, (struct span){ r->p, (size_t)(r->end - r->p) });
	r->p += r->p < r->end;
	style_sgr(&r->style, &ps);
}

/* ESC ] 8 ; LINK ESC \ */
static void
read_link(struct line_reader *r)
{
	r->p += 4;
	const uint8_t *end = memchr(r->p, 033, (size_t)(r->end - r->p));
	r->link = (struct span){ r->p, end ? (size_t)(end - r->p) : 0 };
	if (r->link.n == 1)
		r->link.n = 0;
	r->p = end ? end + 2 : r->end;
}

bool
line_next(struct line_reader *r, struct line_cell *c)
{
	while (r->p < r->end && (*r->p == 033 || *r->p == MARK_CLUSTERS || *r->p == MARK_CHARS)) {
		if (*r->p != 033)
			r->clusters = *r->p++ == MARK_CLUSTERS;
		else if (r->p[1] == '[')
			read_sgr(r);
		else
			read_link(r);
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
	size_t len = r->clusters ? cluster_len(rest, &c->width) : marked_len(rest, &c->width);
	c->text = (struct span){ r->p, len };
	c->clusters = r->clusters;
	r->p += len;
	return true;
}
