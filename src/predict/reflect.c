#include "predict/state.h"

#include <string.h>

/* ---- time ---- */

uint64_t
reflect_echo_us(const struct predict *p)
{
	return p->stats.echo_us ? p->stats.echo_us : p->link.rtt_us;
}

static void
note_echo(struct predict *p, uint64_t us)
{
	uint64_t was = p->stats.echo_us;
	p->stats.echo_us = was ? was - was / 8 + us / 8 : us;
	preference_echo(&p->preference, reflect_echo_us(p));
	preference_reflected(&p->preference, us);
}

/* When a key counts as reflected though nothing was seen of it; 0: never. */
uint64_t
reflect_given_up_at(const struct predict *p, const struct pending *k)
{
	uint64_t since = k->typed_us > p->recovered_us ? k->typed_us : p->recovered_us;
	if (k->acked_us)
		return k->acked_us + ECHO_MAX_US;
	if (p->link.in_doubt)
		return 0;
	return since
	    + (p->told ? TOLD_US
		       : reflect_echo_us(p) + reflect_echo_us(p) / 2 + UNTOLD_US);
}

/* ---- keys that are reflected ---- */

static void
remove_keys(struct predict *p, int n)
{
	p->count -= n;
	memmove(p->keys, p->keys + n, (size_t)p->count * sizeof *p->keys);
}

/* The line is that of the screen. */
void
reflect_anchor(struct predict *p)
{
	struct screen_line *to = &p->derived.line;
	size_t head = offsetof(struct screen_line, cells);
	memcpy(to, &p->now, head + (size_t)p->now.cols * sizeof *to->cells);
	p->puzzled = false;
}

static void
count_right(struct predict *p, const struct pending *k, uint64_t now)
{
	p->stats.at_once += k->at_once;
	p->stats.early += k->shown && !k->at_once;
	if (k->key.class != KEY_TEXT)
		return;
	p->stats.reflected++;
	p->stats.echo_sum_us += now - k->typed_us;
	p->stats.glyph_sum_us += (k->shown ? k->shown_us : now) - k->typed_us;
	if (k->typed_us >= p->recovered_us && !p->link.in_doubt)
		note_echo(p, now - k->typed_us);
}

/* What is known of the prompt is wrong if text behind it is. */
static void
count_wrong(struct predict *p, const struct pending *k)
{
	const struct screen_line *l = &p->derived.line;
	p->stats.wrong += k->shown;
	if (k->key.class == KEY_TEXT) {
		prompt_memory_drop(&p->memory, prompt_at(l, l->col, true));
		trust_tell(p, CONF_MISS);
		trust_note_unheard(p);
	} else if (k->shown) {
		trust_tell(p, CONF_MISS);
	}
}

/* Whether output of now may be the answer to a key: the host says so, or it is so many eighths
 * of a round trip old. */
static bool
may_be_reflected(const struct predict *p, const struct pending *k, uint64_t now,
    unsigned eighths)
{
	if (p->told && p->hint.out_off >= p->out_off)
		return k->off <= p->hint.in_off;
	return k->acked_us || now - k->typed_us >= p->link.rtt_us / 8 * eighths;
}

/* Derives the keys from the first on, as far as they are foreseen; returns how many that are,
 * and *ret_best: so many that the line is the one on the screen; -1: none.  Text that is erased
 * again leaves the screen as it was: then as many as are old enough, or else as few as there
 * can be. */
static int
derive_keys(struct predict *p, struct step steps[PREDICT_KEYS_MAX], uint64_t now,
    int *ret_best)
{
	int i = 0;
	bool may = true, likely = true;
	derive_begin(&p->derived, &p->input);
	for (*ret_best = -1;; i++) {
		if (i > 0) {
			may = may && may_be_reflected(p, &p->keys[i - 1], now, 4);
			likely = likely && may_be_reflected(p, &p->keys[i - 1], now, 7);
		}
		if (may && (likely || *ret_best < 0)
		    && derive_matches(&p->derived, &p->now))
			*ret_best = i;
		if (i == p->count
		    || !derive_key(&p->derived, &p->keys[i].key, i, trust_is_canonical(p),
			&steps[i]))
			return i;
	}
}

/* A cell of the line that the keys stand over: whether it changed as this key foretold. */
static bool
has_changed(const struct predict *p, const struct step *s, int key)
{
	if (s->at < 0 || p->derived.over[s->at].what != OVER_TEXT
	    || p->derived.over[s->at].key != key)
		return false;
	const struct term_cell *was = &p->derived.line.cells[s->at];
	const struct term_cell *is = &p->now.cells[s->at];
	return was->ch != is->ch || was->style != is->style;
}

/* The screen is as the first n keys foretold. */
static void
take_keys(struct predict *p, int n, uint64_t now)
{
	struct step steps[PREDICT_KEYS_MAX];
	const struct screen_line *l = &p->derived.line;
	int best;
	bool match = false, first = false;
	struct prompt prompt = prompt_at(l, l->col, p->after_enter);
	bool begins = l->col == p->input.from;
	int count = p->count;
	p->count = n;
	(void)derive_keys(p, steps, now, &best);
	p->count = count;
	for (int i = 0; i < n; i++) {
		bool changed = has_changed(p, &steps[i], i);
		match |= changed;
		first |= changed && i == 0;
		count_right(p, &p->keys[i], now);
	}
	if (match)
		trust_note_match(p);
	if (first && begins && p->confidence != CONF_SECRET)
		prompt_memory_add(&p->memory, prompt);
	p->input.reach = steps[n - 1].reach;
	remove_keys(p, n);
	reflect_anchor(p);
}

/* These count as reflected, and nothing was seen of them. */
void
reflect_give_up(struct predict *p, int n, uint64_t now)
{
	for (int i = 0; i < n; i++) {
		const struct pending *k = &p->keys[i];
		if (k->key.class == KEY_HARD)
			trust_pass_hard(p, k->key.ch, now);
		else if (k->key.class == KEY_TEXT || k->shown)
			count_wrong(p, k);
	}
	remove_keys(p, n);
	if (p->puzzled)
		p->input.known = false;
	if (!p->unsettled)
		reflect_anchor(p);
	trust_consider(p);
}

/* ---- the cursor is where no number of keys would bring it ---- */

/* How many keys the output reflects: those that the host has said were in time for it.  If it
 * says nothing, those that are old enough, but only where too many are no harm. */
static int
overdue(const struct predict *p, uint64_t now)
{
	bool guess = !p->told && !confidence_shows(p->confidence, false);
	int n = 0;
	for (int i = 0; i < p->count; i++)
		if (p->keys[i].acked_us
		    || (guess && p->keys[i].typed_us + reflect_echo_us(p) <= now))
			n = i + 1;
	return n;
}

/* The text of a key that was foreseen, or went over the end of the row, is there. */
static bool
stands_in_row(const struct predict *p, int x, uint32_t ch)
{
	struct term_cell c;
	int row = p->derived.line.row;
	if (row < 0 || row >= p->now.rows || x >= p->now.cols)
		return false;
	term_cells(p->term, row, x, 1, &c);
	return c.ch == ch;
}

struct passed {
	bool hard, wrapped;
	uint8_t last; /* the class of the last key */
};

/* Judges the keys that were reflected with a leap of the cursor; the first m were foreseen.
 * Text that is not there any more is wrong only if no other key can have taken it away. */
static struct passed
judge_keys(struct predict *p, int n, int m, const struct step *steps, uint64_t now)
{
	struct passed r = { .last = KEY_NONE };
	for (int i = 0; i < n; i++) {
		const struct pending *k = &p->keys[i];
		int x = i < m ? steps[i].at : m ? steps[m - 1].col : p->derived.line.col;
		bool text = k->key.class == KEY_TEXT && i <= m && x >= 0;
		bool there = text && stands_in_row(p, x, k->key.ch);
		r.last = k->key.class;
		if (k->key.class == KEY_HARD)
			trust_pass_hard(p, k->key.ch, now);
		r.hard |= k->key.class == KEY_HARD;
		r.wrapped |= there && i == m;
		if (there || (i < m && !text))
			count_right(p, k, now);
		else if ((n <= m || (n == m + 1 && i == m)) && (text || k->shown))
			count_wrong(p, k);
	}
	return r;
}

/* Where the input is after the leap. */
static void
follow_input(struct predict *p, const struct passed *passed)
{
	const struct screen_line *l = &p->now;
	struct input *in = &p->input;
	bool here = in->known && in->row == l->row;
	if (passed->wrapped && !here && !passed->hard) {
		*in = (struct input){ true, l->row, 0, l->col };
	} else if (here && !passed->hard && passed->last != KEY_NONE) {
		in->from = in->from < l->col ? in->from : l->col;
		if (passed->last != KEY_SOFT || in->reach < l->col)
			in->reach = l->col;
	} else {
		if (!passed->hard)
			trust_tell(p, CONF_MOVED);
		in->known = false;
	}
}

static void
leap(struct predict *p, int m, const struct step *steps, uint64_t now)
{
	int n = overdue(p, now);
	if (m < p->count && n <= m && may_be_reflected(p, &p->keys[m], now, 4))
		n = m + 1;
	/* What is shown is hidden until that was a mistake, or the rest of the output is there. */
	if (n <= m && p->count && !trust_knows_prompt(p, &p->now)
	    && confidence_shows(p->confidence, false)) {
		p->puzzled = true;
		return;
	}
	struct passed passed = judge_keys(p, n, m, steps, now);
	follow_input(p, &passed);
	remove_keys(p, n);
	reflect_anchor(p);
}

/* ---- output ---- */

/* Rows that left the screen took what is known of it along. */
static void
scroll_along(struct predict *p)
{
	struct screen_line *l = &p->derived.line;
	uint64_t by = p->now.gone - l->gone;
	if (p->now.alternate || l->alternate || by == 0)
		return;
	int rows = by < TERM_SIDE_MAX ? (int)by : TERM_SIDE_MAX;
	int *const along[] = { &l->row, &p->input.row, &p->hard_row };
	for (size_t i = 0; i < sizeof along / sizeof *along; i++)
		*along[i] -= *along[i] >= 0 ? rows : 0;
	l->gone = p->now.gone;
}

void
reflect_output(struct predict *p, uint64_t now)
{
	struct step steps[PREDICT_KEYS_MAX];
	int best, m;
	screen_line_read(&p->now, p->term);
	p->unsettled = p->now.hindrances & (TERM_UNFINISHED | TERM_CURSOR_HIDDEN);
	if (p->unsettled)
		return;
	bool other = p->now.alternate != p->derived.line.alternate;
	scroll_along(p);
	m = derive_keys(p, steps, now, &best);
	if (other)
		best = -1;
	if (best > 0)
		take_keys(p, best, now);
	else if (best == 0)
		reflect_anchor(p);
	else
		leap(p, m, steps, now);
	if (other) {
		reflect_anchor(p);
		trust_enter_context(p, now);
	}
	trust_consider(p);
}
