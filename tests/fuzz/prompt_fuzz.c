/* A question of ssh's and the keys that answer it: the line stays printable and within its
 * width, and what is cancelled leaves nothing. */
#include "client/prompt.h"
#include "fuzz.h"

#include <string.h>

enum { WIDTHS = 200 };

static void
check_line(const struct prompt *p, size_t width)
{
	char line[WIDTHS + 1];
	prompt_line(p, "host", width, line);
	MUST(strlen(line) <= width);
	for (const char *c = p->text; *c; c++)
		MUST(*c >= ' ' && *c < 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const hints[] = { "", "confirm", "none" };
	struct prompt p;
	if (size < 2)
		return 0;
	size_t width = data[0] % WIDTHS, text = data[1] < size - 2 ? data[1] : size - 2;
	struct span keys = { data + 2 + text, size - 2 - text };
	prompt_init(&p, hints[data[0] % 3], (struct span){ data + 2, text });
	enum prompt_event event = prompt_keys(&p, &keys);
	MUST(event != PROMPT_MORE || keys.n == 0);
	MUST(p.len <= PROMPT_ANSWER_MAX && p.answer[p.len] == 0);
	check_line(&p, width);
	if (event != PROMPT_CANCELLED)
		prompt_wipe(&p);
	for (size_t i = 0; i < sizeof p.answer; i++)
		MUST(p.answer[i] == 0);
	return 0;
}
