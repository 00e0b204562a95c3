#include "server/sftp_policy.h"

#include <string.h>
#include <strings.h>

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

static void
skip_blanks(struct span *s)
{
	while (s->n && is_blank(*s->p)) {
		s->p++;
		s->n--;
	}
}

static struct span
take_line(struct span *text)
{
	const uint8_t *end = memchr(text->p, '\n', text->n);
	struct span line = { text->p, end ? (size_t)(end - text->p) : text->n };
	size_t used = line.n + (end != NULL);
	text->p += used;
	text->n -= used;
	return line;
}

/* Up to a blank, or for a keyword to '='. */
static struct span
take_word(struct span *line, bool keyword)
{
	struct span word = { line->p, 0 };
	while (word.n < line->n && !is_blank(word.p[word.n])
	    && !(keyword && word.p[word.n] == '='))
		word.n++;
	line->p += word.n;
	line->n -= word.n;
	skip_blanks(line);
	return word;
}

static struct span
take_keyword(struct span *line)
{
	struct span word = take_word(line, true);
	if (line->n && *line->p == '=') {
		line->p++;
		line->n--;
		skip_blanks(line);
	}
	return word;
}

static bool
is_word(struct span word, const char *name)
{
	return word.n == strlen(name)
	    && strncasecmp((const char *)word.p, name, word.n) == 0;
}

static bool
is_exactly(struct span word, const char *name)
{
	return word.n == strlen(name) && memcmp(word.p, name, word.n) == 0;
}

/* What neither sshd nor a shell takes for anything but itself. */
static bool
is_plain(struct span s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._,+-%";
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(plain, s.p[i]))
			return false;
	return true;
}

/* The words with a blank between them; false: they are not all plain, or too long. */
static bool
put_words(struct sftp_policy *p, struct span words)
{
	size_t n = 0;
	while (words.n) {
		struct span word = take_word(&words, false);
		if (!is_plain(word) || n + word.n + 2 > sizeof p->command)
			return false;
		if (n)
			p->command[n++] = ' ';
		memcpy(p->command + n, word.p, word.n);
		n += word.n;
	}
	p->command[n] = 0;
	return true;
}

static void
subsystem(struct sftp_policy *p, struct span rest)
{
	struct span name = take_word(&rest, false), words = rest;
	bool ours = is_exactly(name, "sftp");
	if (!ours && is_plain(name))
		return;
	struct span first = take_word(&words, false);
	bool internal = is_exactly(first, "internal-sftp");
	if (!ours || p->in_match || p->said != SFTP_NOT_SAID || !first.n
	    || (!internal && first.p[0] != '/') || !put_words(p, internal ? words : rest))
		p->said = SFTP_UNCLEAR;
	else
		p->said = internal ? SFTP_INTERNAL : SFTP_COMMAND;
}

bool
sftp_policy_next(struct sftp_policy *p, struct span *text, struct span *ret_patterns)
{
	while (text->n) {
		struct span line = take_line(text);
		skip_blanks(&line);
		struct span keyword = take_keyword(&line);
		if (is_word(keyword, "Match"))
			p->in_match = true;
		else if (is_word(keyword, "Subsystem"))
			subsystem(p, line);
		else if (is_word(keyword, "ForceCommand") && !is_word(line, "none"))
			p->said = SFTP_UNCLEAR; /* it may look at what is asked for */
		else if (is_word(keyword, "Include")) {
			*ret_patterns = line;
			return true;
		} else if (keyword.n && memchr(keyword.p, '"', keyword.n))
			p->said = SFTP_UNCLEAR; /* one of these in quotes */
	}
	return false;
}

int
sftp_policy_pattern(struct span *patterns, struct span *ret_pattern)
{
	struct span word = take_word(patterns, false);
	const uint8_t *star = word.n ? memchr(word.p, '*', word.n) : NULL;
	*ret_pattern = word;
	if (!word.n)
		return 0;
	for (size_t i = 0; i < word.n; i++) {
		struct span one = { word.p + i, 1 };
		if (!is_plain(one) && word.p + i != star)
			return -1;
		if (star && word.p + i > star && word.p[i] == '/')
			return -1;
	}
	return 1;
}

bool
sftp_policy_matches(struct span pattern, const char *name)
{
	size_t from = pattern.n, len = strlen(name);
	while (from && pattern.p[from - 1] != '/')
		from--;
	struct span last = { pattern.p + from, pattern.n - from };
	const uint8_t *star = last.n ? memchr(last.p, '*', last.n) : NULL;
	size_t head = star ? (size_t)(star - last.p) : last.n;
	size_t tail = star ? last.n - head - 1 : 0;
	if (star ? len < head + tail : len != head)
		return false;
	return !(name[0] == '.' && !head) && memcmp(name, last.p, head) == 0
	    && memcmp(name + len - tail, last.p + last.n - tail, tail) == 0;
}
