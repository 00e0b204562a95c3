/* Prints what the terminal model understands, as doc/SEQUENCES.md must show it. */
#include "term/mode.h"
#include "term/style.h"
#include "term/tables.h"

#include <stdio.h>

static void
show(const char *sequence, const char *what, const char *source)
{
	printf("| `%s` | %s | %s |\n", sequence, what, source);
}

static void
show_csi(char prefix, char between, char final, const char *what, const char *source)
{
	char text[16], *p = text;
	*p++ = prefix ? prefix : 0;
	p -= prefix ? 0 : 1;
	*p++ = ' ';
	if (between == ' ')
		p += sprintf(p, "SP ");
	else if (between)
		p += sprintf(p, "%c ", between);
	sprintf(p, "%c", final);
	char whole[24];
	snprintf(whole, sizeof whole, "CSI %s", text[0] == ' ' ? text + 1 : text);
	show(whole, what, source);
}

int
main(void)
{
	char text[32];
#define CONTROL(code, function, what, source) \
	snprintf(text, sizeof text, "%02X", code); \
	show(text, what, source);
	CONTROLS(CONTROL)
#define ESCAPE(between, final, function, what, source) \
	snprintf(text, sizeof text, "ESC %s%c", (between) ? "# " : "", final); \
	show(text, what, source);
	ESCAPES(ESCAPE)
#define CSI(prefix, between, final, function, what, source) \
	show_csi(prefix, between, final, what, source);
	CSIS(CSI)
#define OSC(number, function, what, source) \
	snprintf(text, sizeof text, "OSC %d", number); \
	if (*what) \
		show(text, what, source);
	OSCS(OSC)
#define DCS(begins, function, what, source) show("DCS " begins, what, source);
	DCSS(DCS)
#define MODE(name, ansi, number, on, kind, what, source) \
	snprintf(text, sizeof text, "%s%d%s", ansi ? "" : "?", number, on ? " on" : ""); \
	show(text, what, source);
	MODES(MODE)
#define ATTR(name, on, off, what) \
	snprintf(text, sizeof text, "SGR %d, %d", on, off); \
	show(text, what, "ECMA-48 8.3.117");
	ATTRIBUTES(ATTR)
	return 0;
}
