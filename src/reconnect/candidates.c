#include "reconnect/candidates.h"

#include <string.h>

bool
candidates_add(struct candidates *c, struct attempt *a)
{
	if (c->n == CANDIDATES_MAX)
		return false;
	c->list[c->n++] = a;
	return true;
}

void
candidates_remove(struct candidates *c, const struct attempt *a)
{
	size_t i = 0;
	while (i < c->n && c->list[i] != a)
		i++;
	if (i == c->n)
		return;
	c->n--;
	memmove(&c->list[i], &c->list[i + 1], (c->n - i) * sizeof *c->list);
}

bool
candidates_has(const struct candidates *c, const struct attempt *a)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i] == a)
			return true;
	return false;
}

struct attempt *
candidates_youngest(const struct candidates *c)
{
	return c->n ? c->list[c->n - 1] : NULL;
}

static struct attempt *
find(const struct candidates *c, bool (*is)(struct attempt *a))
{
	for (size_t i = 0; i < c->n; i++)
		if (is(c->list[i]))
			return c->list[i];
	return NULL;
}

static bool
is_first(struct attempt *a)
{
	return a->carrier.first;
}

static bool
may_ask(struct attempt *a)
{
	return a->carrier.asks;
}

static bool
prompts(struct attempt *a)
{
	return attempt_prompt(a) != NULL;
}

static bool
asks_nobody(struct attempt *a)
{
	return !a->carrier.first && !a->carrier.asks;
}

struct attempt *
candidates_first(const struct candidates *c)
{
	return find(c, is_first);
}

struct attempt *
candidates_asking(const struct candidates *c)
{
	return find(c, may_ask);
}

struct attempt *
candidates_prompting(const struct candidates *c)
{
	return find(c, prompts);
}

struct attempt *
candidates_oldest_unasking(const struct candidates *c)
{
	return find(c, asks_nobody);
}
