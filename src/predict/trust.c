#include "predict/state.h"

void
trust_tell(struct predict *p, enum confidence_event event)
{
	p->confidence = confidence_next(p->confidence, event);
}

/* What was shown to be so before no longer is. */
static void
begin_again(struct predict *p, uint64_t quiet_us)
{
	p->proven = p->told_kernel = p->input.known = false;
	if (p->quiet_us < quiet_us)
		p->quiet_us = quiet_us;
}

void
trust_pass_hard(struct predict *p, uint32_t ch, uint64_t now)
{
	trust_tell(p, CONF_HARD);
	begin_again(p, now + HARD_QUIET_US);
	p->after_enter = ch == '\r';
	p->hard_row = p->derived.line.row;
	p->hard_col = p->derived.line.col;
}

void
trust_enter_context(struct predict *p, uint64_t now)
{
	const struct predict_hint *h = &p->hint;
	uint64_t key = (h->group << 4)
	    ^ (uint64_t)(h->echo << 3 | h->canonical << 2 | h->isig << 1
		| (int)p->derived.line.alternate);
	prompt_memory_enter(&p->memory, key + 1);
	trust_tell(p, CONF_CONTEXT);
	begin_again(p, now + CONTEXT_QUIET_US + reflect_echo_us(p));
}

void
trust_note_unheard(struct predict *p)
{
	if (++p->unheard < UNHEARD_MAX)
		return;
	trust_tell(p, CONF_UNHEARD);
	p->unheard = 0;
}

void
trust_note_match(struct predict *p)
{
	trust_tell(p, CONF_MATCH);
	p->unheard = 0;
	/* That the kernel has echoed one key says nothing of the next. */
	p->proven |= !trust_is_canonical(p);
}

bool
trust_is_canonical(const struct predict *p)
{
	return p->told && p->hint.canonical;
}

/* No key that is in flight while the terminal is secret is kept. */
static void
wipe_keys(struct predict *p)
{
	for (int i = 0; i < p->count; i++)
		p->keys[i].key = (struct key){ .class = KEY_HARD };
}

static void
consider_host(struct predict *p)
{
	const struct predict_hint *h = &p->hint;
	if (!p->told)
		return;
	if (h->canonical && !h->echo) {
		trust_tell(p, CONF_TOLD_SECRET);
		wipe_keys(p);
	} else if (!h->canonical) {
		trust_tell(p, CONF_TOLD_PROGRAM);
	} else if (!p->told_kernel && p->last_hard_off <= h->in_off) {
		trust_tell(p, CONF_TOLD_KERNEL);
		p->told_kernel = true;
	}
}

bool
trust_knows_prompt(const struct predict *p, const struct screen_line *l)
{
	return prompt_memory_has(&p->memory, prompt_at(l, l->col, p->after_enter),
	    p->told);
}

/* The cursor may be behind a prompt at which keys were shown before.  If a hard key has left it
 * where it was, this is no new prompt: what is typed goes elsewhere, into a search maybe. */
void
trust_consider_prompt(struct predict *p)
{
	const struct screen_line *l = &p->derived.line;
	bool open = p->confidence == CONF_TENTATIVE
	    || (p->confidence == CONF_KERNEL && !p->proven);
	bool same = l->row == p->hard_row && l->col == p->hard_col;
	if (!open || same || p->puzzled || p->unsettled || !trust_knows_prompt(p, l))
		return;
	trust_tell(p, CONF_PROMPT);
	p->proven = true;
	p->input = (struct input){ true, l->row, l->col, l->col };
}

void
trust_consider(struct predict *p)
{
	consider_host(p);
	trust_consider_prompt(p);
}
