/*
 * A model as text, whole: two models are equal when their texts are.  What is not state
 * (the numbers of styles, memory, how many bytes were written) is not in it, and history
 * is shown by lines, however they are broken into rows.
 */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include "term/line.h"

#include <string.h>

static inline void
describe_style(struct buf *out, const struct style *s, struct span link)
{
	buf_print(out, "{%x %x %x %x %.*s}", s->fg, s->bg, s->ul, s->attr, (int)link.n,
	    (const char *)link.p);
}

static inline void
describe_part(struct buf *out, int part)
{
	if (part)
		buf_print(out, "(%s)", part == ROW_OUTPUT ? "output" : "prompt");
}

static inline void
describe_row(struct buf *out, const struct term *t, const struct row *r, int cols)
{
	uint32_t style = UINT32_MAX;
	describe_part(out, r->part);
	for (int x = 0; x < cols; x++) {
		struct cell c = row_cell(r, x);
		uint8_t own[4];
		struct span text = cell_text(t, c, own);
		if (c.style != style) {
			struct style s = cell_style(t, c);
			describe_style(out, &s, intern_get(&t->links, s.link));
			style = c.style;
		}
		if (c.ch & CELL_TAIL)
			buf_print(out, ">");
		else
			buf_print(out, "%s%.*s%s", text.n > 1 ? "<" : "", (int)text.n,
			    (const char *)text.p,
			    text.n <= 1		   ? ""
				: c.ch & CELL_WIDE ? ">W"
						   : ">");
	}
	buf_print(out, "|%s%s\n", r->wrapped ? " wrapped" : "",
	    r->spacer ? " spacer" : "");
}

static inline void
describe_pen(struct buf *out, const struct term *t, const struct style *pen)
{
	describe_style(out, pen, intern_get(&t->links, pen->link));
	buf_print(out, "\n");
}

static inline void
describe_charsets(struct buf *out, const struct charsets *c)
{
	buf_print(out, "charsets %d%d%d%d %d %d\n", c->g[0], c->g[1], c->g[2], c->g[3],
	    c->shifted, c->single);
}

static inline void
describe_screen(struct buf *out, const struct term *t, const struct screen *s)
{
	const struct saved *v = &s->saved;
	bool pending = v->pending
	    && (!s->grid.rows || !grid_row(&s->grid, v->row)->spacer);
	for (int y = 0; y < s->grid.rows; y++)
		describe_row(out, t, grid_row(&s->grid, y), s->grid.cols);
	buf_print(out, "saved %d %d %d %d\n", v->row, v->col, pending, v->origin);
	describe_pen(out, t, &v->pen);
	describe_charsets(out, &v->charsets);
	buf_print(out, "keys");
	for (int i = 0; i <= s->keys.depth; i++)
		buf_print(out, " %d", s->keys.flags[i]);
	buf_print(out, "\n");
}

static inline void
describe_history(struct buf *out, const struct term *t)
{
	static const struct style plain;
	const struct history *h = &t->history;
	struct style style = plain;
	struct span link = { NULL, 0 };
	bool on = false, marked = false;
	size_t blanks = 0;
	for (uint64_t i = h->first; i < h->next; i++) {
		struct history_row row = history_get(h, i);
		struct line_reader r;
		struct line_cell c;
		if (!on) {
			style = plain, link.n = 0;
			marked = row.flags & ROW_PARTS;
		}
		line_read(&r, row.text);
		while (line_next(&r, &c)) {
			/* Blanks at the end of a line, as far as they are plain, do not count. */
			if (*c.text.p == ' ' && c.text.n == 1
			    && style_equal(&r.style, &plain) && !r.link.n) {
				blanks++;
				continue;
			}
			if (blanks) {
				describe_style(out, &plain,
				    (struct span){ (const uint8_t *)"", 0 });
				style = plain;
				link.n = 0;
			}
			for (; blanks; blanks--)
				buf_putc(out, ' ');
			if (!style_equal(&style, &r.style) || link.n != r.link.n
			    || (link.n && memcmp(link.p, r.link.p, link.n)))
				describe_style(out, &r.style, r.link);
			style = r.style;
			link = r.link;
			buf_print(out, "%.*s%s", (int)c.text.n, (const char *)c.text.p,
			    c.width == 2 ? ">" : "");
		}
		on = row.flags & ROW_WRAPPED;
		if (on)
			continue;
		buf_print(out, "|%s\n", marked ? " marked" : "");
		blanks = 0;
	}
	if (!on)
		return;
	/* A blank before what once was a wide character counts as one. */
	bool wide = row_cell(grid_row(&t->main.grid, 0), 0).ch & CELL_WIDE;
	blanks += history_short(h) && !wide;
	buf_print(out, "+%zu ...%s%s\n", blanks, history_short(h) && wide ? " spacer" : "",
	    marked ? " marked" : "");
}

static inline void
describe_title(struct buf *out, const struct title *title)
{
	buf_print(out, "title %d %s; %s\n", title->which, title->icon ? title->icon : "-",
	    title->window ? title->window : "-");
}

/* Beside the screens. */
static inline void
describe_state(struct buf *out, const struct term *t)
{
	buf_print(out, "cursor %d %d pending %d join %d\n", t->row, t->col, t->pending,
	    t->join);
	if (t->join && term_has(t, MODE_GRAPHEMES))
		buf_print(out, "grapheme %d %d %d\n", t->grapheme.last, t->grapheme.pict,
		    t->grapheme.odd);
	buf_print(out, "margins %d %d %d %d\n", t->top, t->bottom, t->left, t->right);
	describe_pen(out, t, &t->pen);
	describe_charsets(out, &t->charsets);
	buf_print(out, "modes %llx saved %llx\n", (unsigned long long)t->modes,
	    (unsigned long long)t->modes_saved);
	for (int i = 0; i < TOLD_PROMPT; i++)
		if (t->told[i])
			buf_print(out, "told %d %s\n", i, t->told[i]);
	buf_print(out, "input %d\n", t->input);
	buf_print(out, "shape %d\ntabs", t->cursor_shape);
	for (int x = 0; x < t->main.grid.cols; x++)
		if (tab_is_set(t, x))
			buf_print(out, " %d", x);
	buf_print(out, "\nmodify");
	for (int i = 0; i < MODIFY_COUNT; i++)
		buf_print(out, " %d", t->modify[i]);
	buf_print(out, "\n");
	for (int i = 0; i < t->title_count; i++)
		describe_title(out, &t->titles[i]);
	describe_title(out, &t->title);
	for (int i = 0; t->colours && i < COLOUR_COUNT; i++)
		if (t->colours[i].set)
			buf_print(out, "colour %d %x %x %x\n", i, t->colours[i].rgb[0],
			    t->colours[i].rgb[1], t->colours[i].rgb[2]);
	buf_print(out, "parser %d ", t->parser.state);
	for (size_t i = 0; i < t->parser.held.len; i++)
		buf_print(out, "%02x", buf_bytes(&t->parser.held)[i]);
	buf_print(out, "\n");
}

static inline void
describe(struct buf *out, const struct term *t)
{
	describe_history(out, t);
	buf_print(out, "main\n");
	describe_screen(out, t, &t->main);
	buf_print(out, "alternate\n");
	describe_screen(out, t, &t->alternate);
	describe_state(out, t);
}

#endif
