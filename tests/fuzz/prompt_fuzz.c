/* A question of ssh's and the keys that answer it: the line is printable, within its width,
 * says who asks and shows the text from its beginning, page by page; no secret is shown, least
 * of all by the host's wish; what is cancelled leaves nothing. */
#include "fuzz.h"
#include "screen/prompt.h"

#include <stdio.h>
#include <string.h>

enum { WIDTHS = 200, ROOMY = 60 };

static void
check_line(struct prompt *p, size_t width, char line[WIDTHS + 1])
{
	char head[64];
	prompt_line(p, "host", width, line);
	MUST(strlen(line) <= width);
	for (const char *c = p->text; *c; c++)
		MUST(*c >= ' ' && *c < 0x7f);
	for (const char *c = line; *c; c++)
		MUST(*c >= ' ' && *c < 0x7f);
	MUST(p->page < p->pages);
	if (width < ROOMY)
		return;
	int n = snprintf(head, sizeof head, "belay: %s %s: %.10s",
	    p->by_host ? "host" : "ssh", p->kind == PROMPT_NOTICE ? "says" : "asks",
	    p->text);
	MUST(p->page || strncmp(line, head, (size_t)n) == 0);
}

static void
check_rights(const struct prompt *p)
{
	MUST(!p->by_host || !p->echo);
	MUST(p->text[0] != '(' || p->by_host || p->kind != PROMPT_SECRET);
}

/* Whoever does not see all of it has not agreed to it. */
static void
check_agreed(const struct prompt *p, enum prompt_event event)
{
	MUST(event != PROMPT_ANSWERED || !p->echo || p->seen);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const hints[] = { "", "confirm", "none" };
	struct prompt p;
	char before[WIDTHS + 1], after[WIDTHS + 1];
	if (size < 2)
		return 0;
	size_t width = data[0] % WIDTHS, text = data[1] < size - 2 ? data[1] : size - 2;
	struct span keys = { data + 2 + text, size - 2 - text };
	prompt_init(&p, hints[data[0] % 3], (struct span){ data + 2, text });
	check_rights(&p);
	check_line(&p, width, before);
	size_t page = p.page;
	enum prompt_event event = prompt_keys(&p, &keys);
	MUST(event != PROMPT_MORE || keys.n == 0);
	MUST(p.len <= PROMPT_ANSWER_MAX && p.answer[p.len] == 0);
	check_agreed(&p, event);
	check_line(&p, width, after);
	MUST(p.echo || p.page != page || strcmp(before, after) == 0);
	if (event != PROMPT_CANCELLED)
		prompt_wipe(&p);
	for (size_t i = 0; i < sizeof p.answer; i++)
		MUST(p.answer[i] == 0);
	return 0;
}
