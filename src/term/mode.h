/*
 * The modes that programs switch, in one table: what follows from it are the numbers of
 * the modes here, what SM, RM and DECRQM do, what a snapshot sets, what is undone when
 * belay ends, and doc/SEQUENCES.md.
 */
#ifndef TERM_MODE_H
#define TERM_MODE_H

#include <stdbool.h>
#include <stdint.h>

enum mode_kind {
	MODE_PLAIN, /* only remembered */
	MODE_MOUSE, /* what is reported: one of them at a time */
	MODE_ENCODING, /* how the mouse is reported: one of them at a time */
	MODE_SPECIAL, /* does something when switched: mode.c; never saved */
};

/* name, whether it is ANSI's (SM without ?), number, whether it is on at first, kind,
 * what it is, where that is written */
#define MODES(M) \
	M(KEYBOARD_LOCK, true, 2, false, PLAIN, "keyboard locked (KAM)", \
	    "ECMA-48 7.2.7") \
	M(INSERT, true, 4, false, SPECIAL, "insert mode (IRM)", "ECMA-48 7.2.10") \
	M(SEND_RECEIVE, true, 12, true, PLAIN, "no local echo (SRM)", "ECMA-48 7.2.15") \
	M(NEW_LINE, true, 20, false, PLAIN, "LF is CR LF (LNM)", "ECMA-48 ed. 4, LNM") \
	M(CURSOR_KEYS, false, 1, false, PLAIN, "application cursor keys", \
	    "VT510 DECCKM") \
	M(SMOOTH, false, 4, false, PLAIN, "smooth scrolling", "VT510 DECSCLM") \
	M(REVERSE_SCREEN, false, 5, false, PLAIN, "reverse screen", "VT510 DECSCNM") \
	M(ORIGIN, false, 6, false, SPECIAL, "origin mode", "VT510 DECOM") \
	M(AUTOWRAP, false, 7, true, SPECIAL, "autowrap", "VT510 DECAWM") \
	M(AUTOREPEAT, false, 8, true, PLAIN, "keys repeat", "VT510 DECARM") \
	M(MOUSE_X10, false, 9, false, MOUSE, "mouse: presses", "xterm ctlseqs") \
	M(CURSOR_BLINK, false, 12, false, PLAIN, "blinking cursor", "xterm ctlseqs") \
	M(CURSOR_SHOWN, false, 25, true, PLAIN, "cursor shown", "VT510 DECTCEM") \
	M(COLUMN_SWITCH, false, 40, false, PLAIN, "80/132 allowed", "xterm ctlseqs") \
	M(REVERSE_WRAP, false, 45, false, PLAIN, "reverse wraparound", "xterm ctlseqs") \
	M(ALT_47, false, 47, false, SPECIAL, "alternate screen", "xterm ctlseqs") \
	M(KEYPAD, false, 66, false, PLAIN, "application keypad", "VT510 DECNKM") \
	M(BACKSPACE, false, 67, false, PLAIN, "backarrow sends BS", "VT510 DECBKM") \
	M(SIDE_MARGINS, false, 69, false, SPECIAL, "left/right margins", \
	    "VT510 DECLRMM") \
	M(SIXEL_DISPLAY, false, 80, false, PLAIN, "sixel display mode", "VT340 DECSDM") \
	M(MOUSE_CLICKS, false, 1000, false, MOUSE, "mouse: clicks", "xterm ctlseqs") \
	M(MOUSE_HIGHLIGHT, false, 1001, false, MOUSE, "mouse: highlight", \
	    "xterm ctlseqs") \
	M(MOUSE_DRAG, false, 1002, false, MOUSE, "mouse: and drags", "xterm ctlseqs") \
	M(MOUSE_MOTION, false, 1003, false, MOUSE, "mouse: all motion", "xterm ctlseqs") \
	M(FOCUS, false, 1004, false, PLAIN, "focus is reported", "xterm ctlseqs") \
	M(MOUSE_UTF8, false, 1005, false, ENCODING, "mouse as UTF-8", "xterm ctlseqs") \
	M(MOUSE_SGR, false, 1006, false, ENCODING, "mouse as SGR", "xterm ctlseqs") \
	M(WHEEL_KEYS, false, 1007, false, PLAIN, \
	    "wheel sends keys on the alternate screen", "xterm ctlseqs") \
	M(SCROLL_OUTPUT, false, 1010, false, PLAIN, "scroll down on output", \
	    "xterm ctlseqs") \
	M(SCROLL_KEY, false, 1011, false, PLAIN, "scroll down on a key", \
	    "xterm ctlseqs") \
	M(MOUSE_URXVT, false, 1015, false, ENCODING, "mouse as urxvt", "xterm ctlseqs") \
	M(MOUSE_PIXELS, false, 1016, false, ENCODING, "mouse in pixels", \
	    "xterm ctlseqs") \
	M(ESC_META, false, 1036, false, PLAIN, "meta sends ESC", "xterm ctlseqs") \
	M(ESC_ALT, false, 1039, false, PLAIN, "alt sends ESC", "xterm ctlseqs") \
	M(BELL_URGENT, false, 1042, false, PLAIN, "bell is urgent", "xterm ctlseqs") \
	M(BELL_RAISE, false, 1043, false, PLAIN, "bell raises", "xterm ctlseqs") \
	M(ALT_1047, false, 1047, false, SPECIAL, "alternate screen", "xterm ctlseqs") \
	M(SAVE_1048, false, 1048, false, SPECIAL, "cursor saved", "xterm ctlseqs") \
	M(ALT_1049, false, 1049, false, SPECIAL, "alternate screen, cursor saved", \
	    "xterm ctlseqs") \
	M(PASTE, false, 2004, false, PLAIN, "bracketed paste", "xterm ctlseqs") \
	M(SYNC, false, 2026, false, PLAIN, "synchronised output", \
	    "contour: synchronized output") \
	M(GRAPHEMES, false, 2027, false, SPECIAL, "grapheme clusters", \
	    "contour: Unicode core") \
	M(SCHEME, false, 2031, false, PLAIN, "colour scheme is reported", \
	    "contour: color palette update") \
	M(RESIZE_REPORT, false, 2048, false, PLAIN, "size is reported in band", \
	    "T. Culverhouse: in-band resize") \
	M(WIN32_INPUT, false, 9001, false, PLAIN, "win32 input", \
	    "microsoft/terminal #4999")

#define MODE_NUMBER(name, ansi, number, on, kind, what, source) MODE_##name,
enum mode { MODES(MODE_NUMBER) MODE_COUNT };
#undef MODE_NUMBER

/* What is on at first. */
#define MODE_ON(name, ansi, number, on, kind, what, source) \
	| (on ? UINT64_C(1) << MODE_##name : 0)
#define MODES_AT_FIRST (0 MODES(MODE_ON))

struct mode_info {
	uint16_t number;
	bool ansi;
	uint8_t kind;
};

extern const struct mode_info mode_table[MODE_COUNT];

/* The mode of a number; MODE_COUNT: unknown. */
enum mode mode_find(int number, bool ansi);

static inline uint64_t
mode_bit(enum mode m)
{
	return UINT64_C(1) << m;
}

/* The modes of which only one of a kind is on at a time. */
#define MODE_EXCLUSIVE(name, ansi, number, on, kind, what, source) \
	| (MODE_##kind == MODE_MOUSE || MODE_##kind == MODE_ENCODING \
		? UINT64_C(1) << MODE_##name \
		: 0)
#define MODES_EXCLUSIVE (UINT64_C(0) MODES(MODE_EXCLUSIVE))

/* What is left on when m goes on or off in a set of modes. */
uint64_t mode_switched(uint64_t set, enum mode m, bool on);

#endif
