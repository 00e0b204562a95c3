#include "predict/predict.h"

#include "base/err.h"
#include "predict/state.h"

#include <stdlib.h>

/* ---- time and output ---- */

/* What the host has said of the keys counts when its output is there. */
static void
acknowledge(struct predict *p, uint64_t now)
{
	if (!p->told || p->hint.out_off > p->out_off)
		return;
	for (int i = 0; i < p->count && p->keys[i].off <= p->hint.in_off; i++)
		if (!p->keys[i].acked_us)
			p->keys[i].acked_us = now;
}

/* Whether there is something that would be shown, if it were late enough. */
static bool
is_predicted(const struct predict *p)
{
	return p->count > 0 && p->keys[0].key.class >= KEY_TEXT
	    && p->keys[0].key.class <= KEY_RIGHT
	    && confidence_shows(p->confidence, preference_shows_all(&p->preference));
}

void
predict_advance(struct predict *p, uint64_t now)
{
	int n = 0;
	for (int i = 0; i < p->count; i++) {
		uint64_t at = reflect_given_up_at(p, &p->keys[i]);
		if (at && at <= now)
			n = i + 1;
	}
	if (n > 0)
		reflect_give_up(p, n, now);
	if (is_predicted(p))
		preference_waited(&p->preference, now - p->keys[0].typed_us);
}

void
predict_output(struct predict *p, uint64_t off, uint64_t now_us)
{
	p->out_off = off;
	acknowledge(p, now_us);
	reflect_output(p, now_us);
	predict_advance(p, now_us);
}

/* ---- keys ---- */

/* One hard key stands for all that is in flight. */
static void
drop_all(struct predict *p, uint64_t off, uint64_t now)
{
	p->count = 1;
	p->keys[0] = (struct pending){
		.key = { .class = KEY_HARD },
		.off = off,
		.typed_us = now,
	};
	p->last_hard_off = off;
}

static void
begin_input(struct predict *p)
{
	const struct screen_line *l = &p->derived.line;
	struct input *in = &p->input;
	if (!in->known || in->row != l->row)
		*in = (struct input){ true, l->row, l->col, l->col };
	else if (in->from > l->col)
		in->from = l->col;
}

static void
add_key(struct predict *p, struct key key, uint64_t off, uint64_t now)
{
	if (key.class == KEY_NONE)
		return;
	if (key.class == KEY_OTHER || p->count == PREDICT_KEYS_MAX) {
		drop_all(p, off, now);
		return;
	}
	if (p->confidence == CONF_SECRET)
		key = (struct key){ .class = KEY_HARD };
	trust_consider_prompt(p);
	if (!p->puzzled && !p->unsettled)
		begin_input(p);
	if (key.class == KEY_HARD)
		p->last_hard_off = off;
	p->stats.keys++;
	p->keys[p->count++] = (struct pending){ .key = key, .off = off, .typed_us = now };
}

void
predict_keys(struct predict *p, struct span bytes, uint64_t off, uint64_t now_us)
{
	bool pasted = bytes.n > PREDICT_READ_MAX;
	predict_advance(p, now_us);
	keyclass_begin(&p->keyclass);
	for (size_t i = 0; i < bytes.n; i++) {
		struct key key = keyclass_take(&p->keyclass, bytes.p[i]);
		if (!pasted)
			add_key(p, key, off + i + 1, now_us);
	}
	if (pasted)
		drop_all(p, off + bytes.n, now_us);
	add_key(p, keyclass_end(&p->keyclass), off + bytes.n, now_us);
}

/* ---- the rest of what happens ---- */

void
predict_hint(struct predict *p, const struct predict_hint *hint, uint64_t now_us)
{
	const struct predict_hint *was = &p->hint;
	bool other = !p->told || was->echo != hint->echo
	    || was->canonical != hint->canonical || was->isig != hint->isig
	    || was->group != hint->group;
	p->told = true;
	p->hint = *hint;
	p->keyclass.erase = hint->erase;
	if (other)
		trust_enter_context(p, now_us);
	/* Not by time alone: of a host that has fallen silent nothing would be heard. */
	p->proven |= now_us >= p->quiet_us;
	trust_consider(p);
	acknowledge(p, now_us);
	predict_advance(p, now_us);
}

void
predict_link(struct predict *p, const struct predict_link *link, uint64_t now_us)
{
	if (p->link.in_doubt && !link->in_doubt) {
		/* What the host tells first may have been so before. */
		uint64_t quiet_us = now_us + HARD_QUIET_US + reflect_echo_us(p);
		p->recovered_us = now_us;
		p->quiet_us = p->quiet_us > quiet_us ? p->quiet_us : quiet_us;
	}
	p->link = *link;
	p->preference.in_doubt = link->in_doubt;
	preference_echo(&p->preference, reflect_echo_us(p));
	predict_advance(p, now_us);
}

void
predict_resized(struct predict *p, uint64_t now_us)
{
	screen_line_read(&p->now, p->term);
	if (p->count)
		drop_all(p, p->keys[p->count - 1].off, now_us);
	p->input.known = false;
	p->unsettled = p->now.hindrances & (TERM_UNFINISHED | TERM_CURSOR_HIDDEN);
	reflect_anchor(p);
	trust_tell(p, CONF_MOVED);
	predict_advance(p, now_us);
}

void
predict_tick(struct predict *p, uint64_t now_us)
{
	predict_advance(p, now_us);
}

static void
sooner(uint64_t *deadline, uint64_t at)
{
	if (at && (!*deadline || at < *deadline))
		*deadline = at;
}

uint64_t
predict_deadline(const struct predict *p)
{
	uint64_t at = 0;
	if (p->count == 0)
		return 0;
	for (int i = 0; i < p->count; i++)
		sooner(&at, reflect_given_up_at(p, &p->keys[i]));
	if (is_predicted(p) && preference_waits(&p->preference) && !p->preference.glitch_keys)
		sooner(&at, p->keys[0].typed_us + PREFERENCE_GLITCH_US);
	return at;
}

/* ---- the predictor ---- */

int
predict_new(const struct term *term, enum predict_mode mode, struct predict **ret)
{
	struct predict *p = calloc(1, sizeof *p);
	*ret = p;
	if (!p)
		return ERR_NOMEM;
	p->term = term;
	p->preference.mode = (uint8_t)mode;
	p->confidence = CONF_TENTATIVE;
	p->hard_row = -1;
	screen_line_read(&p->now, term);
	reflect_anchor(p);
	prompt_memory_enter(&p->memory, p->now.alternate + UINT64_C(1));
	return 0;
}

void
predict_free(struct predict *p)
{
	free(p);
}

void
predict_set_mode(struct predict *p, enum predict_mode mode)
{
	p->preference.mode = (uint8_t)mode;
}

enum confidence
predict_confidence(const struct predict *p)
{
	return p->confidence;
}

const struct predict_stats *
predict_stats(const struct predict *p)
{
	return &p->stats;
}
