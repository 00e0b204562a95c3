#include "base/log.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

static const char *name = "belay";
static const char *line_end = "\n";
static int shown = LOG_NOTICE;
static bool is_utf8;
static void (*before)(void *owner);
static void *before_owner;

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
log_before(void (*fn)(void *owner), void *owner)
{
	before = fn;
	before_owner = owner;
}

void
log_say(enum log_level level, const char *fmt, ...)
{
	char text[2048]; /* a question of ssh's, and who asks */
	va_list ap;
	if ((int)level > shown)
		return;
	if (before)
		before(before_owner);
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	text_printable(text, is_utf8); /* it may be the host's */
	fprintf(stderr, "%s: %s%s", name, text, line_end);
	fflush(stderr);
}
