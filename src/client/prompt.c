#include "client/prompt.h"

#include "sys/sys.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, CTRL_U = 21, ESCAPE = 27, DELETE = 127 };

/* Where the parser is in what a terminal sends. */
enum state {
	KEYS,
	AFTER_ESCAPE,
	CSI_FIRST, /* in its first number */
	CSI_SECOND,
	CSI_REST,
	SS3,
	MOUSE, /* three bytes follow */
	MOUSE_LAST = MOUSE + 2,
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

void
prompt_init(struct prompt *p, const char *hint, struct span text)
{
	*p = (struct prompt){ 0 };
	clean(p->text, text);
	if (strcmp(hint, "none") == 0)
		p->kind = PROMPT_NOTICE;
	else if (strcmp(hint, "confirm") == 0)
		p->kind = PROMPT_CONFIRM;
	/* ssh's question about a host key has no hint of its own. */
	p->echo = p->kind == PROMPT_CONFIRM || strstr(p->text, "(yes/no");
}

void
prompt_line(const struct prompt *p, const char *host, size_t width, char *ret_line)
{
	char head[64];
	const char *echo = p->echo ? p->answer : "";
	const char *keys = p->kind == PROMPT_NOTICE && !p->unattended ? " (^C cancels)"
								      : "";
	snprintf(head, sizeof head, "belay: %.50s: ", host);
	size_t used = strlen(head) + strlen(keys) + strlen(echo)
	    + 2; /* a space, a cursor */
	size_t room = width > used ? width - used : 0, len = strlen(p->text);
	size_t cut = room > 3 ? room - 3 : 0;
	if (len > room && p->kind == PROMPT_NOTICE) /* it ends with a fingerprint */
		snprintf(ret_line, width + 1, "%s%.*s...%s ", head, (int)cut, p->text,
		    keys);
	else if (len <= room)
		snprintf(ret_line, width + 1, "%s%s%s %s", head, p->text, keys, echo);
	else
		snprintf(ret_line, width + 1, "%s...%s%s %s", head, p->text + len - cut,
		    keys, echo);
}

/* ---- the answer ---- */

void
prompt_wipe(struct prompt *p)
{
	sys_wipe(p->answer, sizeof p->answer);
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

static enum prompt_event
key(struct prompt *p, unsigned code)
{
	switch (code) {
	case CTRL_C:
	case CTRL_D:
		prompt_wipe(p);
		return PROMPT_CANCELLED;
	case '\r':
	case '\n':
		return p->kind == PROMPT_NOTICE ? PROMPT_MORE : PROMPT_ANSWERED;
	case BACKSPACE:
	case DELETE:
		take_back(p);
		break;
	case CTRL_U:
		prompt_wipe(p);
		break;
	default:
		type(p, (uint8_t)code);
	}
	return PROMPT_MORE;
}

/* CSI code ; modifiers u, as kitty has it: a key of which a program wants to be told in
 * this way. */
static enum prompt_event
coded_key(struct prompt *p)
{
	enum { SHIFT = 1, CONTROL = 4 };
	unsigned code = p->numbers[0];
	unsigned modifiers = p->numbers[1] ? p->numbers[1] - 1 : 0;
	if (modifiers & CONTROL && code >= 'a' && code <= 'z')
		return key(p, code - 'a' + 1);
	if (code > DELETE || modifiers & ~(unsigned)SHIFT)
		return PROMPT_MORE;
	return key(p, code);
}

/* A byte within "ESC [ number ; number letter". */
static enum prompt_event
csi(struct prompt *p, uint8_t byte)
{
	enum state state = p->state;
	unsigned *number = &p->numbers[state == CSI_SECOND];
	if (byte >= '0' && byte <= '9') {
		if (state != CSI_REST && *number < 100000)
			*number = *number * 10 + byte - '0';
	} else if (byte == ';') {
		p->state = state == CSI_FIRST ? CSI_SECOND : CSI_REST;
	} else if (byte >= '@') {
		bool old_mouse = byte == 'M' && state == CSI_FIRST;
		p->state = old_mouse ? MOUSE : KEYS;
		if (byte == 'u')
			return coded_key(p);
	}
	return PROMPT_MORE;
}

static enum prompt_event
step(struct prompt *p, uint8_t byte)
{
	if (p->state >= MOUSE) { /* three bytes of any value */
		p->state = p->state == MOUSE_LAST ? KEYS : p->state + 1;
		return PROMPT_MORE;
	}
	if (byte == ESCAPE) {
		p->state = AFTER_ESCAPE;
		return PROMPT_MORE;
	}
	if (p->state == KEYS || byte < ' ')
		return key(p, byte);
	if (p->state != AFTER_ESCAPE && p->state != SS3)
		return csi(p, byte);
	bool enter = p->state == SS3 && byte == 'M'; /* the keypad's */
	bool ss3 = p->state == AFTER_ESCAPE && byte == 'O';
	p->state = p->state == AFTER_ESCAPE && byte == '[' ? CSI_FIRST : ss3 ? SS3 : KEYS;
	p->numbers[0] = p->numbers[1] = 0;
	return enter ? key(p, '\r') : PROMPT_MORE;
}

enum prompt_event
prompt_keys(struct prompt *p, struct span *keys)
{
	enum prompt_event event = PROMPT_MORE;
	while (keys->n && event == PROMPT_MORE) {
		event = step(p, *keys->p++);
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
