#include "wire/away_words.h"

const char *
away_name(uint8_t what)
{
	static const char *const names[] = { [AWAY_ENDED] = "ended",
		[AWAY_NOTICE] = "notice",
		[AWAY_BELL] = "bell",
		[AWAY_QUIET] = "quiet" };
	return what < sizeof names / sizeof *names ? names[what] : NULL;
}

size_t
away_cut(struct span text, size_t max)
{
	size_t n = max < AWAY_TEXT_MAX ? max : AWAY_TEXT_MAX;
	if (text.n <= n)
		return text.n;
	while (n && (text.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

void
away_words(const struct msg_away *m, size_t max, struct buf *out)
{
	const char *name = away_name(m->what);
	int n = (int)away_cut(m->text, max);
	const char *text = n ? (const char *)m->text.p : "";
	if (!name)
		return;
	if (m->what == AWAY_ENDED) {
		buf_print(out, "%.*s ended", n, text);
		if (m->how)
			buf_print(out, m->how == EXIT_SIGNAL ? " (signal %u)" : " (%u)",
			    m->status);
		if (m->count > 1)
			buf_print(out, " and %u before", m->count - 1);
		return;
	}
	if (m->count > 1)
		buf_print(out, "%u %ss", m->count, name);
	else
		buf_print(out, "%s", name);
	if (n)
		buf_print(out, ": %.*s", n, text);
}
