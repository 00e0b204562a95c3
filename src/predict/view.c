#include "predict/state.h"

#include "term/width.h"

#include <string.h>

static bool
may_show(const struct predict *p)
{
	bool all = preference_shows_all(&p->preference);
	return p->confidence != CONF_SECRET && preference_shows(&p->preference)
	    && confidence_shows(p->confidence, all)
	    && (all || p->proven || p->confidence != CONF_KERNEL) && !p->puzzled
	    && !p->unsettled && !(p->derived.line.hindrances & TERM_CURSOR_UNKNOWN);
}

/* Derives what may be seen; returns how many keys that are. */
static int
derive_view(struct predict *p, int from, int to)
{
	struct derived *d = &p->derived;
	struct step step;
	int n = 0;
	derive_begin(d, &p->input);
	for (; n < p->count; n++) {
		const struct key *k = &p->keys[n].key;
		bool text = k->class == KEY_TEXT;
		if (d->col < from || d->col + (text ? k->width : 0) > to)
			break;
		if (!derive_key(d, k, n, trust_is_canonical(p), &step))
			break;
	}
	return n;
}

/* As what stands left of it in the input, or else as what is written next will look. */
static struct style
style_at(const struct predict *p, int x, const struct predict_cell *left)
{
	const struct derived *d = &p->derived;
	struct style s = term_pen(p->term), blank = { .bg = s.bg };
	if (d->over[x].what == OVER_BLANK)
		return blank;
	if (x > d->from && d->over[x - 1].what == OVER_NOTHING)
		s = term_cell_style(p->term, d->line.row, x - 1);
	else if (x > d->from && left)
		s = left->style;
	s.link = 0;
	s.attr &= ~(uint32_t)ATTR_PROTECTED;
	return s;
}

static void
add_cell(struct predict *p, int x)
{
	struct predict_view *v = &p->view;
	const struct over_cell *o = &p->derived.over[x];
	struct predict_cell *c = &p->cells[v->n];
	uint8_t text[4];
	*c = (struct predict_cell){
		.col = x,
		.width = o->width,
		.len = (uint8_t)utf8_put(o->ch, text),
		.underlined = preference_underlines(&p->preference),
		.off = p->keys[o->key].off,
	};
	memcpy(c->text, text, c->len);
	c->style = style_at(p, x, v->n ? c - 1 : NULL);
	if (c->underlined && o->what == OVER_TEXT && !(c->style.attr & ATTR_UNDERLINE))
		c->style.attr |= 1u << ATTR_UNDERLINE_SHIFT;
	v->n++;
}

static void
note_view(struct predict *p, int n, uint64_t now)
{
	for (int i = 0; i < p->count; i++) {
		struct pending *k = &p->keys[i];
		if (i < n && !k->shown) {
			k->shown = true;
			k->shown_us = now;
			k->at_once = !k->viewed;
		}
		k->viewed = true;
	}
}

const struct predict_view *
predict_view(struct predict *p, uint64_t now_us)
{
	const struct derived *d = &p->derived;
	struct predict_view *v = &p->view;
	int from, to, room, n = 0;
	predict_advance(p, now_us);
	*v = (struct predict_view){ .cells = p->cells };
	term_cursor(p->term, &v->row, &v->col);
	if (may_show(p)) {
		term_row_extent(p->term, v->row, &from, &to);
		room = term_row_room(p->term, v->row);
		to = to < room ? to : room;
		n = derive_view(p, from, to);
		for (int x = d->lo; x < d->hi; x++)
			if (x >= from && x < to
			    && (d->over[x].what == OVER_TEXT
				|| d->over[x].what == OVER_BLANK))
				add_cell(p, x);
		v->moved = v->col != d->col;
		v->col = d->col;
		v->off = n ? p->keys[n - 1].off : 0;
	}
	v->hidden = (size_t)(p->count - n);
	note_view(p, n, now_us);
	return v;
}
