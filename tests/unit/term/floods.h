/*
 * Floods: every sequence of the tables, with several parameters, again and again; and what
 * no table has.  The tables make them, so that none is forgotten.
 *
 *     floods(fn, owner)    calls fn for each
 */
#ifndef FLOODS_H
#define FLOODS_H

#include "term/mode.h"
#include "term/style.h"
#include "term/tables.h"
#include "term/term.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FLOOD_MAX = 16 * 1024 };

struct flood {
	char name[96];
	char text[FLOOD_MAX]; /* once */
	size_t len;
	bool made_up; /* of no table */
};

typedef void flood_function(void *owner, const struct flood *f);

struct flood_maker {
	struct flood f;
	flood_function *fn;
	void *owner;
};

static inline void
flood_text(struct flood_maker *m, const char *text, size_t n)
{
	memcpy(m->f.text + m->f.len, text, n);
	m->f.len += n;
}

__attribute__((format(printf, 2, 3))) static inline void
flood_print(struct flood_maker *m, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	m->f.len += (size_t)vsnprintf(m->f.text + m->f.len, 4096, fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3))) static inline void
flood_is(struct flood_maker *m, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(m->f.name, sizeof m->f.name, fmt, ap);
	va_end(ap);
	m->fn(m->owner, &m->f);
	m->f.len = 0;
}

static inline void
flood_csi(struct flood_maker *m, int prefix, int between, int last, const char *what)
{
	static const char *const params[] = { "", "0", "1", "2", "3", "5", "9", "18",
		"22", "23", "9999", "65535", "1;1", "3;20", "9;9", "65535;65535",
		"1;1;1;1",
		"1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23;24;25;26;27;"
		"28;29;30;31;32;33;34;35;36;37;38;39;40" };
	char pre[2] = { (char)prefix, 0 }, inter[2] = { (char)between, 0 };
	for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
		flood_print(m, "\033[%s%s%s%c", pre, params[i], inter, last);
		flood_is(m, "CSI %s %.20s %s %c: %.20s", pre, params[i], inter, last,
		    what);
	}
}

static inline void
flood_mode(struct flood_maker *m, int number, bool ansi)
{
	const char *pre = ansi ? "" : "?";
	flood_print(m, "\033[%s%dh", pre, number);
	flood_is(m, "SM %s%d", pre, number);
	flood_print(m, "\033[%s%dl", pre, number);
	flood_is(m, "RM %s%d", pre, number);
	flood_print(m, "\033[%s%dh\033[%s%dl", pre, number, pre, number);
	flood_is(m, "SM and RM %s%d", pre, number);
	flood_print(m, "\033[%s%d$p", pre, number);
	flood_is(m, "DECRQM %s%d", pre, number);
}

static inline void
flood_osc(struct flood_maker *m, int number)
{
	static const char *const bodies[] = { "", ";", ";?", ";x", ";1;?", ";#123456",
		";1;#123456", ";;http://host/", ";1;2;3;4;5;6;7;8;9;10;11;12" };
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		flood_print(m, "\033]%d%s\a", number, bodies[i]);
		flood_is(m, "OSC %d%s", number, bodies[i]);
	}
	flood_print(m, "\033]%d;%0*d\a", number, 1000, 7);
	flood_is(m, "OSC %d, long", number);
	flood_print(m, "\033]%d", number);
	for (int i = 0; i < 1000; i++)
		flood_print(m, ";%d;?", i % 256);
	flood_print(m, "\a");
	flood_is(m, "OSC %d, many", number);
}

static inline void
flood_dcs(struct flood_maker *m, const char *begins)
{
	static const char *const bodies[] = { "", "m", "r", "s", " q", "\"q", "436f",
		"436f;524742;41;41;41;41" };
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		flood_print(m, "\033P%s%s\033\\", begins, bodies[i]);
		flood_is(m, "DCS %s%s", begins, bodies[i]);
	}
}

/* UTF-8 of a character beyond ASCII. */
static inline void
flood_char(struct flood_maker *m, unsigned ch)
{
	if (ch < 0x800)
		flood_print(m, "%c%c", 0xc0 | ch >> 6, 0x80 | (ch & 63));
	else
		flood_print(m, "%c%c%c", 0xe0 | ch >> 12, 0x80 | (ch >> 6 & 63),
		    0x80 | (ch & 63));
}

/* What tables of the model may fill with, and what no table has. */
static inline void
flood_others(struct flood_maker *m)
{
	static const char *const texts[] = { "\x7f", "\377", "\300\200", "\360\237",
		"\033", "\033\033[", "\033[\030", "\r\n", "x\b", "\t", "x\r", "x\n",
		"\xcc\x81", "e\xcc\x81", "\xe4\xb8\xad", "\xe4\xb8\xad\b", "\xef\xb8\x8f",
		"\033[?99h", "\033[99z", "\033%G", "\033(0", "\033)0", "\033X\033\\",
		"\033]9999;x\a", "x\033[9999b", "\xe4\xb8\xad\033[9999b",
		"\033[9999;9999H", "\033[9999Gx", "\033[?1049h\033[?1049l", "\033H",
		"\033[3g\t", "\033M", "\033[1;2r\n", "\033#8\033[9999S",
		"\033[41m\033[2J", "\033[41m\033[K\033[42m\033[K", "\033[22;0t\033[23;0t",
		"\033[31m\033[32m" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		flood_print(m, "%s", texts[i]);
		char name[64] = "";
		for (size_t n = 0; n < m->f.len && n < 15; n++) {
			unsigned char c = (unsigned char)m->f.text[n];
			snprintf(name + strlen(name), 5,
			    c > 32 && c < 127 ? "%c" : "\\%o", c);
		}
		flood_is(m, "%s", name);
	}
	flood_text(m, "\0", 1);
	flood_is(m, "NUL");
	for (int i = 0; i < 800; i++)
		flood_print(m, "\033[38;2;%d;%d;%dmx", i * 7 % 256, i % 256, i / 256);
	flood_is(m, "many colours");
	for (int i = 0; i < 500; i++)
		flood_print(m, "\033[48;2;%d;%d;%dm\033[K", i * 7 % 256, i % 256,
		    i / 256);
	flood_is(m, "many backgrounds");
	for (int i = 0; i < 1000; i++)
		flood_print(m, "\033]8;;%d\ax", i);
	flood_is(m, "many links");
	for (unsigned base = 'a'; base <= 'z'; base++)
		for (unsigned mark = 0x300; mark < 0x370; mark++) {
			flood_print(m, "%c", base);
			flood_char(m, mark);
		}
	flood_is(m, "many clusters");
	flood_print(m, "e");
	for (unsigned mark = 0x300; mark < 0x370; mark++)
		flood_char(m, mark);
	flood_is(m, "many marks");
	for (unsigned ch = 0x4e00; ch < 0x5e00; ch++)
		flood_char(m, ch);
	flood_is(m, "many characters");
}

static inline void
floods(flood_function *fn, void *owner)
{
	static struct flood_maker maker;
	struct flood_maker *m = &maker;
	*m = (struct flood_maker){ .fn = fn, .owner = owner };
#define FLOOD(code, function, what, source) \
	flood_text(m, &(char){ code }, 1); \
	flood_is(m, "%.40s", what);
	CONTROLS(FLOOD)
#undef FLOOD
#define FLOOD(inter, last, function, what, source) \
	flood_text(m, (char[]){ '\033', inter, last }, 3); \
	if (!(inter)) \
		m->f.len = 0, flood_text(m, (char[]){ '\033', last }, 2); \
	flood_is(m, "ESC %c%c: %.40s", (inter) ? (inter) : ' ', last, what);
	ESCAPES(FLOOD)
#undef FLOOD
#define FLOOD(pre, between, last, function, what, source) \
	flood_csi(m, pre, between, last, what);
	CSIS(FLOOD)
#undef FLOOD
#define FLOOD(name, ansi, number, on, kind, what, source) flood_mode(m, number, ansi);
	MODES(FLOOD)
#undef FLOOD
#define FLOOD(code, function, what, source) flood_osc(m, code);
	OSCS(FLOOD)
#undef FLOOD
#define FLOOD(begins, function, what, source) flood_dcs(m, begins);
	DCSS(FLOOD)
#undef FLOOD
#define FLOOD(name, on, off, what) \
	flood_print(m, "\033[%dm\033[%dm", on, off); \
	flood_is(m, "SGR %d, %d", on, off);
	ATTRIBUTES(FLOOD)
#undef FLOOD
	m->f.made_up = true;
	flood_others(m);
}

/* What stands on the screen before: how the screen is set up. */
static const struct {
	const char *name;
	const char *begin;
	bool filled; /* then text everywhere */
	const char *end;
} flood_settings[] = {
	{ "fresh", "", false, "" },
	{ "full", "", true, "\033[2;5H" },
	{ "colour", "\033[41m\033[2J", true, "\033[2;5H" },
	{ "protected", "\033[1\"q", true, "\033[0\"q\033[44m\033[2;5H" },
	{ "rows", "\033[?1049h", true, "\033[2;20r\033[20;5H" },
	{ "insert", "", true, "\033[4h\033[2;1H" },
	{ "clusters", "\033[?2027h", true, "\033[1;5H" },
	{ "wide", "\xe4\xb8\xad\033[9999b", true, "\033[2;4H\033[41m" },
	{ "sides", "\033[?69h\033[2;70s", true, "\033[20;5H" },
};
enum { FLOOD_SETTINGS = sizeof flood_settings / sizeof *flood_settings, FLOOD_USUAL = 2 };

/* Sets a model up. */
static inline void
flood_set_up(struct term *t, int setting)
{
	static const char text[] =
	    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *begin = flood_settings[setting].begin,
		   *end = flood_settings[setting].end;
	int cells = flood_settings[setting].filled ? term_rows(t) * term_cols(t) : 0;
	(void)term_write(t, begin, strlen(begin));
	for (int i = 0, n; i < cells; i += n) {
		n = cells - i < (int)sizeof text - 1 ? cells - i : (int)sizeof text - 1;
		(void)term_write(t, text, (size_t)n);
	}
	(void)term_write(t, end, strlen(end));
}

#endif
