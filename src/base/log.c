#include "base/log.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum {
	TEXT_MAX = 2048, /* a question of ssh's, and who asks */
	NAME_SHOWN = 56,
	NAME_MAX_BYTES = NAME_SHOWN + 5, /* with what stands around the text */
};

static const char *name = "belay";
static const char *line_end = "\n";
static int shown = LOG_NOTICE;
static int ssh_fd = -1; /* stderr */
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

/* `fd`: instead of whoever shows lines; -1: not. */
static void
show(const char *prefix, const char *between, const char *end, int fd, const char *fmt,
    va_list ap)
{
	char text[TEXT_MAX], line[TEXT_MAX + NAME_MAX_BYTES];
	vsnprintf(text, sizeof text, fmt, ap);
	text_printable(text, is_utf8); /* it may be the host's */
	snprintf(line, sizeof line, "%.*s%s%s%s", NAME_SHOWN, prefix, between, text, end);
	if (fd >= 0) {
		dprintf(fd, "%s", line);
		return;
	}
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
	show(name, ": ", line_end, -1, fmt, ap);
	va_end(ap);
}

void
log_as_ssh_to(int fd)
{
	ssh_fd = fd;
}

int
log_as_ssh_fd(enum log_level level)
{
	if ((int)level > shown)
		return -1;
	return ssh_fd < 0 ? STDERR_FILENO : ssh_fd;
}

void
log_as_ssh(enum log_level level, const char *fmt, ...)
{
	va_list ap;
	if ((int)level > shown)
		return;
	va_start(ap, fmt);
	show("", "", "\r\n", ssh_fd, fmt, ap);
	va_end(ap);
}
