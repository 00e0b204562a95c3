#include "autossh/autossh_log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static int file = -1;
static int shown = -1; /* up to this severity; -1: not open */
static bool on_stderr;

int
autossh_log_open(const char *path, int level, bool debug)
{
	if (path) {
		file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		if (file < 0)
			return -1;
	} else {
		openlog("autossh", LOG_PID | (debug ? LOG_PERROR : 0), LOG_USER);
		on_stderr = debug;
	}
	shown = level;
	return 0;
}

static void
put(int severity, const char *text)
{
	char when[32];
	time_t now = time(NULL);
	if (severity > shown)
		return;
	if (file < 0) {
		syslog(severity, "%s", text);
		return;
	}
	strftime(when, sizeof when, "%Y/%m/%d %H:%M:%S", localtime(&now));
	dprintf(file, "%s autossh[%ld]: %s\n", when, (long)getpid(), text);
}

void
autossh_log(int severity, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	put(severity, text);
}

void
autossh_log_fatal(const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	put(SEVERITY_ERROR, text);
	if (!on_stderr)
		fprintf(stderr, "autossh: %s\n", text);
}
