#include "base/trace.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

bool trace_is_on;
static FILE *file;

int
trace_open(const char *path)
{
	trace_close();
	if (!path || !*path)
		return 0;
	file = fopen(path, "ae");
	if (!file)
		return -1;
	setvbuf(file, NULL, _IOLBF, 0);
	trace_is_on = true;
	return 0;
}

void
trace_close(void)
{
	if (file)
		fclose(file);
	file = NULL;
	trace_is_on = false;
}

void
trace_write(uint64_t now_us, const char *part, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	if (!file)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	text_printable(text, false);
	fprintf(file, "%llu.%06llu %-8s %s\n", (unsigned long long)(now_us / 1000000),
	    (unsigned long long)(now_us % 1000000), part, text);
}
