#include "predict/prompt_memory.h"

#include "base/hash.h"

/* ---- prompts ---- */

enum { SHAPE_HEAD = 3, SHAPE_TAIL = 2 };

/* FNV-1a, a character at a time. */
static uint64_t
hash_cells(uint64_t hash, const struct screen_line *l, int from, int to)
{
	for (int x = from; x < to; x++)
		hash = hash_step(hash, l->cells[x].ch);
	return hash;
}

static bool
is_blank(const struct screen_line *l, int col)
{
	for (int x = 0; x < col; x++)
		if (l->cells[x].ch != ' ')
			return false;
	return true;
}

/* $ # % > and a blank. */
static bool
ends_as_of_a_shell(const struct screen_line *l, int col)
{
	if (col < SHAPE_HEAD + SHAPE_TAIL || l->cells[col - 1].ch != ' ')
		return false;
	uint32_t ch = l->cells[col - 2].ch;
	return ch == '$' || ch == '#' || ch == '%' || ch == '>';
}

struct prompt
prompt_at(const struct screen_line *l, int col, bool after_enter)
{
	struct prompt p = { 0 };
	if (col <= 0 || (is_blank(l, col) && !after_enter))
		return p;
	p.exact = hash_cells(HASH_BEGIN, l, 0, col);
	if (ends_as_of_a_shell(l, col))
		p.shape = hash_cells(hash_cells(HASH_BEGIN, l, 0, SHAPE_HEAD), l,
		    col - SHAPE_TAIL, col);
	return p;
}

/* ---- the memory ---- */

void
prompt_memory_enter(struct prompt_memory *m, uint64_t context)
{
	uint8_t oldest = 0;
	for (uint8_t i = 0; i < MEMORY_CONTEXTS; i++) {
		struct prompt_context *c = &m->contexts[i];
		if (c->used && c->key == context) {
			c->used = ++m->count;
			m->now = i;
			return;
		}
		if (c->used < m->contexts[oldest].used)
			oldest = i;
	}
	m->now = oldest;
	m->contexts[oldest] = (struct prompt_context){ .key = context,
		.used = ++m->count };
}

bool
prompt_memory_has(const struct prompt_memory *m, struct prompt prompt, bool shapes)
{
	const struct prompt_context *c = &m->contexts[m->now];
	for (int i = 0; prompt.exact && i < MEMORY_PROMPTS; i++)
		if (c->prompts[i].exact == prompt.exact
		    || (shapes && prompt.shape && c->prompts[i].shape == prompt.shape))
			return true;
	return false;
}

void
prompt_memory_add(struct prompt_memory *m, struct prompt prompt)
{
	struct prompt_context *c = &m->contexts[m->now];
	if (!prompt.exact || prompt_memory_has(m, prompt, false))
		return;
	c->prompts[c->next] = prompt;
	c->next = (c->next + 1) % MEMORY_PROMPTS;
}

void
prompt_memory_drop(struct prompt_memory *m, struct prompt prompt)
{
	struct prompt_context *c = &m->contexts[m->now];
	for (int i = 0; i < MEMORY_PROMPTS; i++)
		if (c->prompts[i].exact == prompt.exact
		    || (prompt.shape && c->prompts[i].shape == prompt.shape))
			c->prompts[i] = (struct prompt){ 0 };
}
