#include "predict/keyclass.h"

#include "term/width.h"

enum {
	ESCAPE = 27,
	BELL = 7,
	DEL = 127,
	SHIFT = 1,
	ALT = 2,
	CONTROL = 4,
	LOCKS = 64 | 128, /* caps lock, num lock: kitty counts them as modifiers */
	RELEASED = 3,
	KITTY_FUNCTIONAL = 57344, /* to 63743: keys without a character */
	KITTY_FUNCTIONAL_END = 63744,
	STRING_MAX = 8192, /* bytes; an answer that is longer is none */
};

/* ---- widths ---- */

/* Of these some terminals, or fonts, make two columns (Unicode annex 11, ambiguous), or
 * disagree by their age.  Letters of alphabets that count as ambiguous are left out: no
 * terminal in a UTF-8 locale has them wide unless it is told to. */
static const struct {
	uint32_t first, last;
} doubtful[] = {
	{ 0x00a1, 0x00bf }, /* signs of Latin-1 */
	{ 0x00d7, 0x00d7 },
	{ 0x00f7, 0x00f7 },
	{ 0x02b0, 0x036f }, /* modifiers, marks */
	{ 0x0900, 0x10ff }, /* scripts whose characters form clusters */
	{ 0x1100, 0x11ff }, /* parts of Hangul */
	{ 0x1780, 0x17ff },
	{ 0x1a00, 0x1cff },
	{ 0x2000, 0x2bff }, /* punctuation, arrows, lines, symbols */
	{ 0x3248, 0x324f },
	{ 0xd7b0, 0xf8ff }, /* parts of Hangul, private use */
	{ 0xfe00, 0xfe2f },
	{ 0xfff0, 0xffff },
	{ 0x10000, 0x1ffff }, /* emoji, flags, rare scripts */
	{ 0xe0000, 0x10ffff },
};

int
key_width(uint32_t ch)
{
	uint8_t class = char_kind(ch) >> 2;
	if (ch < 0x80)
		return ch >= ' ' && ch != DEL;
	if (class != BREAK_OTHER && class != BREAK_HANGUL_LV && class != BREAK_HANGUL_LVT)
		return 0;
	for (size_t i = 0; i < sizeof doubtful / sizeof *doubtful; i++)
		if (ch >= doubtful[i].first && ch <= doubtful[i].last)
			return 0;
	return ch < 0xa0 ? 0 : char_width(ch);
}

/* ---- classes ---- */

static struct key of_class(enum key_class class)
{
	return (struct key){ .class = (uint8_t) class };
}

static struct key
text(uint32_t ch)
{
	if (ch < ' ' || ch > 0x10ffff || (ch >= 0xd800 && ch < 0xe000))
		return of_class(KEY_HARD);
	return (struct key){ ch, KEY_TEXT, (uint8_t)key_width(ch) };
}

/* What readline, zsh, fish and emacs have on their controls; the others are hard. */
static const uint8_t control_class[32] = {
	['A' - '@'] = KEY_SOFT,
	['E' - '@'] = KEY_SOFT,
	['B' - '@'] = KEY_SOFT,
	['F' - '@'] = KEY_SOFT,
	['K' - '@'] = KEY_REWRITE,
	['N' - '@'] = KEY_REWRITE,
	['P' - '@'] = KEY_REWRITE,
	['U' - '@'] = KEY_REWRITE,
	['W' - '@'] = KEY_REWRITE,
	['Y' - '@'] = KEY_REWRITE,
};

static struct key
byte_key(const struct keyclass *kc, uint8_t byte)
{
	if (byte == DEL || (kc->erase && byte == kc->erase))
		return of_class(KEY_ERASE);
	if (byte >= ' ')
		return text(byte);
	struct key key = of_class(control_class[byte] ? control_class[byte] : KEY_HARD);
	key.ch = byte;
	return key;
}

/* ESC and a byte. */
static struct key
meta_key(uint8_t byte)
{
	if (byte == 'b' || byte == 'f')
		return of_class(KEY_SOFT);
	return of_class(byte == 'd' || byte == DEL ? KEY_REWRITE : KEY_HARD);
}

static enum key_class
arrow_class(uint8_t final, bool modified)
{
	switch (final) {
	case 'A':
	case 'B':
		return KEY_REWRITE;
	case 'C':
		return modified ? KEY_SOFT : KEY_RIGHT;
	case 'D':
		return modified ? KEY_SOFT : KEY_LEFT;
	case 'H':
	case 'F':
		return KEY_SOFT;
	default:
		return KEY_HARD;
	}
}

/* CSI number ~, as VT220 and rxvt have Home, End and Del; the brackets around a paste. */
static enum key_class
numbered_class(unsigned number)
{
	switch (number) {
	case 1:
	case 4:
	case 7:
	case 8:
		return KEY_SOFT;
	case 3:
		return KEY_REWRITE;
	case 200:
	case 201:
		return KEY_OTHER;
	default:
		return KEY_HARD;
	}
}

/* CSI code ; modifiers : event ; text u */
static struct key
coded_key(const struct keyclass *kc)
{
	const struct keys *k = &kc->keys;
	unsigned code = k->numbers[0], held = k->numbers[1] ? k->numbers[1] - 1 : 0;
	held &= ~(unsigned)LOCKS;
	if (code >= KITTY_FUNCTIONAL && code < KITTY_FUNCTIONAL_END)
		return of_class(KEY_HARD);
	if (k->numbers[2])
		return k->texts ? of_class(KEY_HARD) : text(k->numbers[2]);
	if (held == ALT && code < 0x80)
		return meta_key((uint8_t)code);
	if (held == CONTROL && code >= 'a' && code <= 'z')
		return byte_key(kc, (uint8_t)(code & 31));
	if (held == SHIFT && code >= 'a' && code <= 'z')
		return text(code - 'a' + 'A');
	if (held)
		return of_class(KEY_HARD);
	return code <= DEL ? byte_key(kc, (uint8_t)code) : text(code);
}

/* Focus, mouse, and answers to what a program has asked. */
static bool
is_report(const struct keys *k, uint8_t final)
{
	if (k->lead || final == 'R' || final == 'y' || final == 'n' || final == 'c'
	    || final == 't')
		return true;
	return (final == 'I' || final == 'O') && !k->numbers[0];
}

/* Shift, Control and their like as keys of their own, where all keys are reported. */
static bool
is_silent(const struct keys *k, uint8_t final)
{
	enum { FIRST = 57441, LAST = 57454, LOCKS_FIRST = 57358, LOCKS_LAST = 57360 };
	unsigned code = k->numbers[0];
	return k->event == RELEASED
	    || (final == 'u'
		&& ((code >= FIRST && code <= LAST)
		    || (code >= LOCKS_FIRST && code <= LOCKS_LAST)));
}

static struct key
csi_key(const struct keyclass *kc, uint8_t final)
{
	const struct keys *k = &kc->keys;
	if (is_report(k, final))
		return of_class(KEY_OTHER);
	if (is_silent(k, final))
		return of_class(KEY_NONE);
	if (final == 'u')
		return coded_key(kc);
	if (final == '~')
		return of_class(numbered_class(k->numbers[0]));
	return of_class(arrow_class(final, k->numbers[1] > 1));
}

/* ---- text of several bytes ---- */

static struct key
utf8_key(struct keyclass *kc, uint8_t byte)
{
	uint32_t ch;
	kc->utf8[kc->have++] = byte;
	size_t n = utf8_get(kc->utf8, kc->utf8 + kc->have, &ch);
	if (n == 0)
		return of_class(KEY_NONE);
	kc->have = 0;
	return ch == CHAR_BAD ? of_class(KEY_HARD) : text(ch);
}

/* ---- answers that are strings ---- */

static bool
begins_string(uint8_t byte)
{
	return byte == ']' || byte == 'P' || byte == '_' || byte == '^' || byte == 'X';
}

static struct key
string_byte(struct keyclass *kc, uint8_t byte)
{
	bool over = byte == BELL || (byte == '\\' && keys_after_escape(&kc->keys));
	(void)keys_take(&kc->keys, byte == ESCAPE ? ESCAPE : ' ');
	kc->string = !over && ++kc->string_len < STRING_MAX;
	return of_class(kc->string ? KEY_NONE : KEY_OTHER);
}

/* ---- reads ---- */

void
keyclass_begin(struct keyclass *kc)
{
	kc->fresh = true;
}

struct key
keyclass_take(struct keyclass *kc, uint8_t byte)
{
	bool first = kc->fresh;
	kc->fresh = false;
	if (kc->string)
		return string_byte(kc, byte);
	/* It was told as a key when its read ended. */
	if (first && byte != '[' && byte != 'O')
		keys_escape_alone(&kc->keys);
	if (kc->have && (byte & 0xc0) != 0x80)
		kc->have = 0;
	bool pasted = kc->keys.pasting;
	(void)keys_take(&kc->keys, byte);
	if (pasted && kc->keys.ended)
		return of_class(KEY_OTHER);
	switch ((enum keys_ended)kc->keys.ended) {
	case KEYS_BYTE:
		return byte >= 0x80 ? utf8_key(kc, byte) : byte_key(kc, byte);
	case KEYS_META:
		kc->string = begins_string(byte);
		kc->string_len = 0;
		return kc->string ? of_class(KEY_NONE) : meta_key(byte);
	case KEYS_CSI:
		return csi_key(kc, byte);
	case KEYS_SS3:
		return of_class(arrow_class(byte, false));
	case KEYS_MOUSE:
	case KEYS_STRING:
		return of_class(KEY_OTHER);
	case KEYS_NOTHING:
		break;
	}
	return of_class(KEY_NONE);
}

struct key
keyclass_end(struct keyclass *kc)
{
	if (kc->string && kc->string_len == 0) { /* Alt and a bracket */
		kc->string = false;
		return of_class(KEY_HARD);
	}
	return of_class(
	    !kc->string && keys_after_escape(&kc->keys) ? KEY_HARD : KEY_NONE);
}
