#include "base/log.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	TEXT_MAX = 2048, /* a question of ssh's, and who asks */
	NAME_SHOWN = 56,
	NAME_MAX_BYTES = NAME_SHOWN + 5, /* with what stands around the text */
};

static const char *name = "belay";
static const char *line_end = "\n";
static int shown = LOG_NOTICE;
static bool is_utf8;
static void (*shows)(void *owner, const char *line);
static void *shows_owner;

void
log_init(const char *program, int level)
{
	name = program;
	shown = level;
}

int
log_louder(int by)
{
	shown += by;
	if (shown < LOG_QUIET)
		shown = LOG_QUIET;
	if (shown > LOG_VERBOSE)
		shown = LOG_VERBOSE;
	return shown;
}

void
log_utf8(bool utf8)
{
	is_utf8 = utf8;
}

void
log_line_end(const char *end)
{
	line_end = end;
}

void
log_to(void (*fn)(void *owner, const char *line), void *owner)
{
	shows = fn;
	shows_owner = owner;
}

static void
show(const char *prefix, const char *between, const char *fmt, va_list ap)
{
	char text[TEXT_MAX], line[TEXT_MAX + NAME_MAX_BYTES];
	vsnprintf(text, sizeof text, fmt, ap);
	text_printable(text, is_utf8); /* it may be the host's */
	snprintf(line, sizeof line, "%.*s%s%s%s", NAME_SHOWN, prefix, between, text,
	    line_end);
	if (shows) {
		shows(shows_owner, line);
		return;
	}
	fputs(line, stderr);
	fflush(stderr);
}

void
log_say(enum log_level level, const char *fmt, ...)
{
	va_list ap;
	if ((int)level > shown)
		return;
	va_start(ap, fmt);
	show(name, ": ", fmt, ap);
	va_end(ap);
}

void
log_as_ssh(enum log_level level, const char *fmt, ...)
{
	va_list ap;
	if ((int)level > shown)
		return;
	va_start(ap, fmt);
	show("", "", fmt, ap);
	va_end(ap);
}
