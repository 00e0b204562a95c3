#include "screen/prompt.h"

#include "sys/sys.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	HOST_SHOWN = 50, /* columns of its name */
	ANSWER_SHOWN = 12, /* at least; longer ones show their end */
	NARROW = 50, /* a window in which words have to be saved */
};

/* ---- the question ---- */

static bool
continues(uint8_t byte)
{
	return (byte & 0xc0) == 0x80; /* UTF-8 */
}

/* The text may be the host's: it must not move the cursor. */
static void
clean(char ret_text[PROMPT_TEXT_MAX], struct span text)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n && n < PROMPT_TEXT_MAX - 1; i++) {
		uint8_t c = text.p[i];
		bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
		if (blank && n && ret_text[n - 1] != ' ')
			ret_text[n++] = ' ';
		else if (!blank && c >= 0x80 && !continues(c))
			ret_text[n++] = '?';
		else if (c > ' ' && c < 0x7f)
			ret_text[n++] = (char)c;
	}
	while (n && ret_text[n - 1] == ' ')
		n--;
	ret_text[n] = 0;
}

/* What ssh itself asks (OpenSSH's readpass.c, sshconnect.c, sshconnect2.c); what the host
 * writes it begins with "(user@host) ", since 8.9. */
static bool
is_sshs_own(const char *text)
{
	static const char *const beginnings[] = { "Enter passphrase for ",
		"Bad passphrase, try again for ", "Enter PIN ",
		"The authenticity of host ", "Please type 'yes'",
		"Confirm user presence " };
	static const char password[] = "'s password:";
	size_t len = strlen(text);
	for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
		if (strncmp(text, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return text[0] != '(' && len >= sizeof password
	    && strcmp(text + len - (sizeof password - 1), password) == 0;
}

/* Its question about a host key, which has no hint of its own. */
static bool
is_about_key(const char *text)
{
	return strncmp(text, "The authenticity of host ", 25) == 0
	    || strncmp(text, "Please type 'yes'", 17) == 0;
}

void
prompt_init(struct prompt *p, const char *hint, struct span text)
{
	*p = (struct prompt){ 0 };
	clean(p->text, text);
	if (strcmp(hint, "none") == 0)
		p->kind = PROMPT_NOTICE;
	else if (strcmp(hint, "confirm") == 0)
		p->kind = PROMPT_CONFIRM;
	p->by_host = p->kind == PROMPT_SECRET && !is_sshs_own(p->text);
	p->echo = p->kind == PROMPT_CONFIRM || is_about_key(p->text);
}

/* ---- its line ---- */

static size_t
less(size_t from, size_t by)
{
	return from > by ? from - by : 0;
}

static void
put_head(const struct prompt *p, const char *host, size_t width, char ret_head[80])
{
	const char *verb = p->kind == PROMPT_NOTICE ? "says" : "asks";
	size_t most = width / 3 < HOST_SHOWN ? width / 3 : HOST_SHOWN;
	if (width < NARROW)
		snprintf(ret_head, 80, "%s: ", p->by_host ? "host" : "ssh");
	else
		snprintf(ret_head, 80, "belay: %.*s %s: ", (int)most,
		    p->by_host ? host : "ssh", verb);
}

static void
put_tail(const struct prompt *p, size_t width, char ret_tail[64])
{
	bool more = p->page + 1 < p->pages;
	const char *keys = width < NARROW ? ""
	    : p->echo && more		  ? ", Enter: more"
					  : ", arrows";
	ret_tail[0] = 0;
	if (p->kind == PROMPT_NOTICE && !p->unattended)
		snprintf(ret_tail, 64, "%s (^C cancels)", p->pages > 1 ? "..." : "");
	else if (p->kind == PROMPT_NOTICE && p->pages > 1)
		snprintf(ret_tail, 64, "...");
	else if (p->pages > 1)
		snprintf(ret_tail, 64, " (%zu/%zu%s)", p->page + 1, p->pages, keys);
}

/* The columns that are kept for what put_tail says of pages. */
static size_t
tail_width(const struct prompt *p, size_t width)
{
	if (p->kind == PROMPT_NOTICE)
		return strlen("...");
	if (width < NARROW)
		return strlen(" (9/99)");
	return strlen(p->echo ? " (9/99, Enter: more)" : " (9/99, arrows)");
}

/* Divides the text into pages; returns the bytes of one. */
static size_t
divide(struct prompt *p, size_t room, size_t tail)
{
	size_t len = strlen(p->text);
	p->pages = 1;
	if (len > room) {
		room = room > tail ? room - tail : 1;
		p->pages = (len + room - 1) / room;
	}
	if (p->page >= p->pages)
		p->page = p->pages - 1;
	p->seen |= p->page + 1 == p->pages;
	return room;
}

void
prompt_line(struct prompt *p, const char *host, size_t width, char *ret_line)
{
	char head[80], tail[64];
	size_t kept = 2; /* a blank, the cursor */
	if (p->echo)
		kept += width < NARROW ? ANSWER_SHOWN / 3 : ANSWER_SHOWN;
	if (p->kind == PROMPT_NOTICE && !p->unattended)
		kept += strlen(" (^C cancels)");
	put_head(p, host, width, head);
	size_t one = divide(p, less(width, strlen(head) + kept), tail_width(p, width));
	put_tail(p, width, tail);
	int n = snprintf(ret_line, width + 1, "%s%.*s%s ", head, (int)one,
	    p->text + p->page * one, tail);
	if (!p->echo || n < 0 || (size_t)n >= width)
		return;
	size_t room = width - (size_t)n - 1, skip = less(p->len, room);
	snprintf(ret_line + n, width + 1 - (size_t)n, "%s", p->answer + skip);
}

void
prompt_was_said(struct prompt *p)
{
	p->page = 0;
	p->pages = 1;
	p->seen = true;
}

static void
turn(struct prompt *p, bool on)
{
	if (on && p->page + 1 < p->pages)
		p->page++;
	else if (!on && p->page)
		p->page--;
}

/* ---- the answer ---- */

void
prompt_wipe(struct prompt *p)
{
	sys_wipe(p->answer, sizeof p->answer);
	sys_wipe(p->keys.text, sizeof p->keys.text);
	sys_wipe(p->keys.numbers, sizeof p->keys.numbers);
	p->len = 0;
}

static void
take_back(struct prompt *p)
{
	while (p->len && continues((uint8_t)p->answer[p->len - 1]))
		p->answer[--p->len] = 0;
	if (p->len)
		p->answer[--p->len] = 0;
}

static void
type(struct prompt *p, uint8_t byte)
{
	if (p->kind == PROMPT_NOTICE || byte < ' ' || p->len == PROMPT_ANSWER_MAX)
		return;
	if (p->echo && byte >= 0x80)
		return; /* no answer that is seen has such letters */
	p->answer[p->len++] = (char)byte;
}

/* All of it or nothing. */
static void
type_text(struct prompt *p, const uint8_t *text, size_t n)
{
	for (size_t i = 0; i < n && p->len + n - i <= PROMPT_ANSWER_MAX; i++)
		type(p, text[i]);
}

static enum prompt_event
enter(struct prompt *p)
{
	if (p->kind == PROMPT_NOTICE)
		return PROMPT_MORE;
	if (!p->echo || p->seen || !p->pages)
		return PROMPT_ANSWERED;
	turn(p, true); /* nobody agrees to what was not shown */
	return PROMPT_MORE;
}

static enum prompt_event
key(struct prompt *p, int code)
{
	switch (code) {
	case KEYS_CTRL_C:
	case KEYS_CTRL_D:
		prompt_wipe(p);
		return PROMPT_CANCELLED;
	case '\r':
	case '\n':
		return enter(p);
	case KEYS_BACKSPACE:
	case KEYS_DELETE:
		take_back(p);
		break;
	case KEYS_CTRL_U:
		prompt_wipe(p);
		break;
	case KEYS_BACK:
	case KEYS_ON:
		turn(p, code == KEYS_ON);
		break;
	case KEYS_TEXT:
		type_text(p, p->keys.text, p->keys.n_text);
		break;
	case KEYS_NONE:
		break;
	default:
		type(p, (uint8_t)code);
	}
	return PROMPT_MORE;
}

enum prompt_event
prompt_keys(struct prompt *p, struct span *keys)
{
	enum prompt_event event = PROMPT_MORE;
	while (keys->n && event == PROMPT_MORE) {
		event = key(p, keys_take(&p->keys, *keys->p++));
		keys->n--;
	}
	return event;
}

bool
prompt_agrees(const struct prompt *p)
{
	return !p->len || strcasecmp(p->answer, "y") == 0
	    || strcasecmp(p->answer, "yes") == 0;
}
