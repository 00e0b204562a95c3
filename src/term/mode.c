#include "term/mode.h"

_Static_assert(MODE_COUNT <= 64, "a set of modes is one number");

#define MODE_INFO(name, ansi, number, on, kind, what, source) \
	{ number, ansi, MODE_##kind },
const struct mode_info mode_table[MODE_COUNT] = { MODES(MODE_INFO) };
#undef MODE_INFO

enum mode
mode_find(int number, bool ansi)
{
	int m = 0;
	while (m < MODE_COUNT
	    && (mode_table[m].number != number || mode_table[m].ansi != ansi))
		m++;
	return (enum mode)m;
}

uint64_t
mode_switched(uint64_t set, enum mode m, bool on)
{
	enum mode_kind kind = mode_table[m].kind;
	if (kind == MODE_MOUSE || kind == MODE_ENCODING) {
		for (int other = 0; other < MODE_COUNT; other++)
			if (mode_table[other].kind == kind)
				set &= ~mode_bit((enum mode)other);
	}
	return on ? set | mode_bit(m) : set & ~mode_bit(m);
}
