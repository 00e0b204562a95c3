#include "client/while_away.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	PART_MAX = 256,
	DAY_S = 20 * 3600,
	NARROW = 40,
	SIGNALLED = 128,
	TEXT_LEAST = 4,
};

void
while_away_take(struct while_away *a, const struct msg_away *m, int64_t now_s)
{
	if (a->whole)
		*a = (struct while_away){ 0 };
	a->whole = !m->more;
	if (a->n == WHILE_AWAY_NOTES || !away_name(m->what) || !m->count)
		return;
	struct while_away_note *n = &a->notes[a->n++];
	*n = (struct while_away_note){ .what = m->what,
		.how = m->how,
		.count = m->count,
		.status = m->status,
		.at_s = now_s - m->ago_s };
	snprintf(n->text, sizeof n->text, "%.*s", (int)away_cut(m->text, AWAY_TEXT_MAX),
	    m->text.n ? (const char *)m->text.p : "");
}

unsigned
while_away_status(const struct while_away_note *n)
{
	return n->status + (n->how == EXIT_SIGNAL ? SIGNALLED : 0);
}

/* "make ended (0) 12:04"; of another day "Mon 12:04". */
static void
put_part(const struct while_away_note *n, size_t text_max, bool utf8, int64_t now_s,
    char ret_part[PART_MAX])
{
	struct msg_away m = { .what = n->what,
		.how = n->how,
		.count = n->count,
		.status = n->status,
		.text = { (const uint8_t *)n->text, strlen(n->text) } };
	char when[32] = "";
	time_t at = (time_t)n->at_s;
	struct tm tm;
	struct buf words;
	buf_init(&words, PART_MAX);
	away_words(&m, text_max, &words);
	if (localtime_r(&at, &tm))
		(void)strftime(when, sizeof when,
		    now_s - n->at_s < DAY_S ? " %H:%M" : " %a %H:%M", &tm);
	snprintf(ret_part, PART_MAX, "%s%s%s", words.len ? buf_str(&words) : "",
	    n->what == AWAY_QUIET ? " since" : "", when);
	text_printable(ret_part, utf8);
	buf_finish(&words);
}

/* Appends it, if it fits within `width` whatever its text is cut to. */
static bool
append(const struct while_away_note *n, size_t width, bool utf8, int64_t now_s,
    char *line)
{
	char part[PART_MAX];
	size_t len = strlen(line);
	for (size_t max = AWAY_TEXT_MAX; max >= TEXT_LEAST; max = max * 3 / 4) {
		put_part(n, max, utf8, now_s, part);
		if (len + strlen(part) > width)
			continue;
		memcpy(line + len, part, strlen(part) + 1);
		return true;
	}
	return false;
}

void
while_away_line(const struct while_away *a, size_t width, bool utf8, int64_t now_s,
    char *ret_line)
{
	const char *before = width < NARROW ? "" : "while away: ";
	ret_line[0] = 0;
	for (size_t i = 0; i < a->n; i++) {
		size_t len = strlen(ret_line), more = strlen(before);
		if (len + more > width)
			return;
		memcpy(ret_line + len, before, more + 1);
		if (!append(&a->notes[i], width, utf8, now_s, ret_line)) {
			ret_line[len] = 0;
			return;
		}
		before = "; ";
	}
}
