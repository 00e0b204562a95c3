/*
 * Random traffic: what programs write, in random order, cut anywhere; and now and then
 * what nobody writes.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include "base/buf.h"

#include "test.h"

static const char *const traffic_texts[] = { "a", "hello", "x y  z", "   ",
	"\xe4\xb8\xad", "\xe4\xb8\xad\xe6\x96\x87", "e\xcc\x81", "\xcc\x81",
	"\xe2\x9d\xa4\xef\xb8\x8f", "\xef\xb8\x8f", "\xe2\x9d\xa4",
	"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9", "\xe2\x80\x8d",
	"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", "\xf0\x9f\x87\xa9",
	"\xe1\x84\x80\xe1\x85\xa1", "1\xef\xb8\x8f\xe2\x83\xa3", "\xd8\x80", "q`~_#",
	"\xff", "\xe4\xb8", "lqqqk", "0123456789012345678901234567890123456789" };

static const char *const traffic_controls[] = { "\r", "\n", "\r\n", "\b", "\t", "\016",
	"\017", "\v", "\x18", "\033", "\033[", "\033]", "\x7f", "\a" };

/* %d is a small number, %r a random one. */
static const char *const traffic_sequences[] = { "\0337", "\0338", "\033D", "\033E",
	"\033H", "\033M", "\033N", "\033O", "\033c", "\033n", "\033o", "\033=", "\033>",
	"\033#8", "\033(0", "\033(B", "\033)0", "\033)A", "\033*0", "\033+A", "\033[%d@",
	"\033[%dA", "\033[%dB", "\033[%dC", "\033[%dD", "\033[%dE", "\033[%dF",
	"\033[%dG", "\033[%d;%dH", "\033[H", "\033[%dI", "\033[J", "\033[1J", "\033[2J",
	"\033[3J", "\033[?J", "\033[?2J", "\033[K", "\033[1K", "\033[2K", "\033[?K",
	"\033[?1K", "\033[%dL", "\033[%dM", "\033[%dP", "\033[%dS", "\033[%dT",
	"\033[?5W", "\033[%dX", "\033[%dZ", "\033[%d`", "\033[%da", "\033[%db",
	"\033[%dd", "\033[%de", "\033[g", "\033[3g", "\033[4h", "\033[4l", "\033[20h",
	"\033[20l", "\033[m", "\033[1m", "\033[31m", "\033[44m", "\033[38;5;%dm",
	"\033[48;2;%d;%d;%dm", "\033[4:3m", "\033[58:5:%dm", "\033[7;9;53m",
	"\033[0;1;2;3;4;5;6;8m", "\033[%dm", "\033[39;49m", "\033[>4;%dm", "\033[>4m",
	"\033[>m", "\033[>%dn", "\033[5n", "\033[6n", "\033[c", "\033[!p", "\033[?%d$p",
	"\033[%d q", "\033[1\"q", "\033[0\"q", "\033[%d;%dr", "\033[r", "\033[s",
	"\033[%d;%ds", "\033[u", "\033[22;0t", "\033[22;1t", "\033[22;2t", "\033[23;0t",
	"\033[23;1t", "\033[23;2t", "\033[>%du", "\033[<%du", "\033[=%d;%du", "\033[?u",
	"\033[%d @", "\033[%d A", "\033[%d'}", "\033[%d'~", "\033[?6h", "\033[?6l",
	"\033[?7h", "\033[?7l", "\033[?25l", "\033[?45h", "\033[?69h", "\033[?69h",
	"\033[?69l", "\033[?47h", "\033[?47l", "\033[?1047h", "\033[?1047l",
	"\033[?1048h", "\033[?1048l", "\033[?1049h", "\033[?1049l", "\033[?1049l",
	"\033[?1000h", "\033[?1002h", "\033[?1003l", "\033[?1006h", "\033[?1016h",
	"\033[?1015l", "\033[?1004h", "\033[?2004h", "\033[?2004l", "\033[?2026h",
	"\033[?2026l", "\033[?2027h", "\033[?2027h", "\033[?2027l", "\033[?2031h",
	"\033[?2048h", "\033[?1s", "\033[?1000s", "\033[?1000r", "\033[?25s", "\033[?25r",
	"\033]0;t%d\a", "\033]1;icon\033\\", "\033]2;\033\\", "\033]2;window %d\033\\",
	"\033]7;file://h/%d\033\\", "\033]9;4;1;%d\a", "\033]9;4;0\a", "\033]22;wait\a",
	"\033]22;\a", "\033]133;A\a", "\033]133;A;redraw=0\033\\", "\033]133;A;k=s\a",
	"\033]133;B\a", "\033]133;C\a", "\033]133;D;%d\a",
	"\033]1337;SetUserVar=v%d=eA==\a", "\033]1337;SetUserVar=w=\a", "\033]4;%d;rgb:1/22/fff\a", "\033]4;%d;#123456\a",
	"\033]10;#fff;#000\a", "\033]104\a", "\033]104;%d\a", "\033]110\a",
	"\033]8;;http://x/%d\033\\", "\033]8;id=a;http://y\033\\", "\033]8;;\033\\",
	"\033]52;c;AAAA\a", "\033P$qm\033\\", "\033_Gx\033\\", "\033P1;2q###",
	"\033[?1;2;3", "\033[12;", "\033]2;unfinished", "\033[1;2;3;4;5;6;7<m", "\033 F",
	"\033%G" };

#define TRAFFIC_PICK(list) list[test_below(sizeof list / sizeof *list)]

static inline void
traffic_sequence(struct buf *out)
{
	for (const char *s = TRAFFIC_PICK(traffic_sequences); *s; s++) {
		if (*s == '%' && s[1] == 'd') {
			size_t wide = test_below(8) == 0 ? 300 : 14;
			buf_print(out, "%zu", test_below(wide));
			s++;
		} else {
			buf_putc(out, *s);
		}
	}
}

/* Something that is one thing, mostly. */
static inline void
traffic(struct buf *out)
{
	size_t kind = test_below(20);
	if (kind < 8)
		buf_print(out, "%s", TRAFFIC_PICK(traffic_texts));
	else if (kind < 11)
		buf_print(out, "%s", TRAFFIC_PICK(traffic_controls));
	else if (kind < 19)
		traffic_sequence(out);
	else
		buf_putc(out, (char)test_below(256));
}

/* Runs a check for `n` seeds; for TERM_SEED only, or for TERM_SEEDS from there on. */
static inline void
traffic_seeds(uint64_t n, void (*check)(void))
{
	const char *one = getenv("TERM_SEED"), *many = getenv("TERM_SEEDS");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1;
	n = many ? strtoull(many, NULL, 10) : one ? 1 : n;
	for (uint64_t seed = first; seed < first + n; seed++) {
		test_seed(seed);
		check();
	}
}

#endif
