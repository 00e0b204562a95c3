#include "base/keys.h"

#include <stddef.h>
#include <string.h>

enum { ESCAPE = 27, BELL = 7 };
/* CSI number ~ */
enum { PAGE_UP = 5, PAGE_DOWN = 6, OTHER_KEY = 27, PASTE_BEGINS = 200, PASTE_ENDS = 201 };
enum { NUMBER_MAX = 0x10ffff, RELEASED = 3, RELEASES_LAST = 16 };

/* kitty's modifiers, less 1; xterm has the first three, and Meta where Super is. */
enum {
	SHIFT = 1,
	ALT = 2,
	CONTROL = 4,
	CAPS_LOCK = 64,
	NUM_LOCK = 128,
	LOCKS = CAPS_LOCK | NUM_LOCK,
};

/* kitty's numbers of keys that are no characters lie in Unicode's private use area. */
enum {
	PRIVATE_FIRST = 57344,
	PRIVATE_LAST = 63743,
	LOCKS_FIRST = 57358,
	LOCKS_LAST = 57360,
	KEYPAD_FIRST = 57399,
	MODIFIERS_FIRST = 57441,
	MODIFIERS_LAST = 57454,
};

/* Where the decoder is in what a terminal sends. */
enum state {
	KEYS,
	AFTER_ESCAPE,
	CSI_FIRST, /* in its first number */
	CSI_SECOND,
	CSI_THIRD,
	CSI_REST,
	SS3,
	MOUSE, /* three bytes follow */
	MOUSE_LAST = MOUSE + 2,
	STRING_BEGINS, /* what may be an answer: the second byte tells */
	STRING,
	STRING_ESCAPE,
};

bool
keys_after_escape(const struct keys *k)
{
	return k->state == AFTER_ESCAPE;
}

void
keys_escape_alone(struct keys *k)
{
	if (k->state == AFTER_ESCAPE)
		k->state = KEYS;
}

/* ---- keys in kitty's and xterm's coding ---- */

static bool
is_modifier(unsigned code)
{
	return (code >= LOCKS_FIRST && code <= LOCKS_LAST)
	    || (code >= MODIFIERS_FIRST && code <= MODIFIERS_LAST);
}

static bool
is_lower(unsigned code)
{
	return code >= 'a' && code <= 'z';
}

static bool
is_character(unsigned code)
{
	bool surrogate = code >= 0xd800 && code <= 0xdfff;
	bool private = code >= PRIVATE_FIRST && code <= PRIVATE_LAST;
	return code >= ' ' && code <= NUMBER_MAX && !surrogate && !private
	    && (code < KEYS_DELETE || code >= 0xa0);
}

/* In UTF-8, behind the text there is; what has no room makes it too long for a key. */
static void
put_text(struct keys *k, unsigned code)
{
	uint8_t bytes[4];
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const uint8_t leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (size_t i = n; i-- > 1; code >>= 6)
		bytes[i] = (uint8_t)(0x80 | (code & 0x3f));
	bytes[0] = (uint8_t)(leads[n] | code);
	if (k->n_text + n > KEYS_TEXT_MAX) {
		k->n_text = KEYS_TEXT_MAX + 1;
		return;
	}
	memcpy(k->text + k->n_text, bytes, n);
	k->n_text += (uint8_t)n;
}

/* The text so far as one key. */
static int
text_key(const struct keys *k)
{
	if (k->n_text == 1)
		return k->text[0];
	return k->n_text && k->n_text <= KEYS_TEXT_MAX ? KEYS_TEXT : KEYS_NONE;
}

static int
one_character(struct keys *k, unsigned code)
{
	k->n_text = 0;
	if (is_character(code))
		put_text(k, code);
	return text_key(k);
}

/* What is printed on the keypad's keys, then what they do without Num Lock. */
static int
keypad(unsigned code)
{
	static const short keys[] = { '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
		'.', '/', '*', '-', '+', '\r', '=', ',', KEYS_BACK, KEYS_ON, KEYS_BACK,
		KEYS_ON, KEYS_BACK, KEYS_ON };
	size_t i = code - KEYPAD_FIRST;
	return code >= KEYPAD_FIRST && i < sizeof keys / sizeof *keys ? keys[i]
								      : KEYS_NONE;
}

/* Control with a letter, on another layout than the Latin ones with the letter that is in its
 * place on those. */
static int
control_key(const struct keys *k, unsigned code)
{
	unsigned letter = code < 0x80 ? code : k->base;
	if (is_lower(letter))
		letter -= 'a' - 'A';
	return letter >= '@' && letter <= '_' ? (int)(letter & 31) : KEYS_NONE;
}

/* What Shift makes of a key, if the terminal does not say it: where the layouts differ, the
 * key itself; but the escape character has to be heard. */
static unsigned
with_shift(const struct keys *k, unsigned code, unsigned modifiers)
{
	bool shift = modifiers & SHIFT, caps = modifiers & CAPS_LOCK;
	if (shift && !caps && k->shifted)
		return k->shifted;
	if (is_lower(code))
		return shift != caps ? code - 'a' + 'A' : code;
	if (!shift)
		return code;
	return k->shifted ? k->shifted : code == '`' ? '~' : code;
}

/* A key with its modifiers: which a program wants to be told of in this way. */
static int
coded_key(struct keys *k, unsigned code, unsigned modifiers)
{
	unsigned held = modifiers & ~(unsigned)LOCKS;
	int pad = keypad(code);
	if (held & CONTROL && !(held & ~(unsigned)(CONTROL | SHIFT | ALT)))
		return control_key(k, code);
	if (held & ~(unsigned)SHIFT)
		return KEYS_NONE;
	if (pad != KEYS_NONE)
		return pad;
	if (code && (code < ' ' || code == KEYS_DELETE))
		return (int)code;
	return one_character(k, with_shift(k, code, modifiers));
}

static unsigned
modifiers_of(const struct keys *k)
{
	return k->numbers[1] ? k->numbers[1] - 1 : 0;
}

/* CSI code ; modifiers ; text u.  Text is what the key gave, on any layout. */
static int
kitty_key(struct keys *k)
{
	if (k->lead || is_modifier(k->numbers[0]))
		return KEYS_NONE;
	if (k->numbers[2] && !(modifiers_of(k) & CONTROL))
		return text_key(k);
	return coded_key(k, k->numbers[0], modifiers_of(k));
}

static int
arrow(uint8_t letter)
{
	if (letter == 'A' || letter == 'D')
		return KEYS_BACK;
	return letter == 'B' || letter == 'C' ? KEYS_ON : KEYS_NONE;
}

/* CSI number ~ */
static int
numbered(struct keys *k)
{
	unsigned number = k->numbers[0];
	if (number == PASTE_BEGINS || number == PASTE_ENDS)
		k->pasting = number == PASTE_BEGINS;
	if (number == OTHER_KEY && k->numbers[2]) {
		k->shifted = k->numbers[2]; /* Shift is in it */
		return coded_key(k, k->numbers[2], modifiers_of(k));
	}
	return number == PAGE_UP ? KEYS_BACK : number == PAGE_DOWN ? KEYS_ON : KEYS_NONE;
}

/* ---- sequences ---- */

/* A character of the third parameter is complete. */
static void
end_text(struct keys *k)
{
	unsigned code = k->part ? k->further : k->numbers[2];
	if (k->state == CSI_THIRD && is_character(code))
		put_text(k, code);
	k->further = 0;
}

/* Where a digit belongs; NULL: it is not looked at. */
static unsigned *
number_at(struct keys *k)
{
	if (k->part == 0)
		return k->state < CSI_REST ? &k->numbers[k->state - CSI_FIRST] : NULL;
	switch (k->state) {
	case CSI_FIRST:
		return k->part == 1 ? &k->shifted : k->part == 2 ? &k->base : NULL;
	case CSI_SECOND:
		return k->part == 1 ? &k->event : NULL;
	case CSI_THIRD:
		return &k->further;
	default:
		return NULL;
	}
}

static int
csi_ends(struct keys *k, uint8_t byte)
{
	bool old_mouse = byte == 'M' && k->state == CSI_FIRST && !k->lead
	    && !k->numbers[0];
	end_text(k);
	k->state = old_mouse ? MOUSE : KEYS;
	k->ended = old_mouse ? KEYS_NOTHING : KEYS_CSI;
	k->final = byte;
	if (k->event == RELEASED) {
		k->releases = RELEASES_LAST;
		return KEYS_NONE;
	}
	return byte == 'u'	      ? kitty_key(k)
	    : byte == '~' && !k->lead ? numbered(k)
	    : k->lead		      ? KEYS_NONE
				      : arrow(byte);
}

/* A byte within "ESC [ number ; number letter". */
static int
csi(struct keys *k, uint8_t byte)
{
	unsigned *number = number_at(k);
	if (byte >= '0' && byte <= '9') {
		if (number && *number <= NUMBER_MAX)
			*number = *number * 10 + byte - '0';
	} else if (byte == ';') {
		end_text(k);
		k->state += k->state < CSI_REST;
		k->part = 0;
	} else if (byte == ':') {
		end_text(k);
		k->part += k->part < UINT8_MAX;
		k->texts |= k->state == CSI_THIRD;
	} else if (byte >= '@') {
		return csi_ends(k, byte);
	} else {
		k->lead = byte;
	}
	return KEYS_NONE;
}

/* A byte behind ESC. */
static int
after_escape(struct keys *k, uint8_t byte)
{
	*k = (struct keys){ .pasting = k->pasting, .releases = k->releases };
	bool string = byte == ']' || byte == 'P' || byte == '_';
	k->state = byte == '[' ? CSI_FIRST
	    : byte == 'O'      ? SS3
	    : string	       ? STRING_BEGINS
			       : KEYS;
	k->ended = k->state == KEYS || string ? KEYS_META : KEYS_NOTHING;
	k->lead = string ? byte : 0;
	return KEYS_NONE;
}

/* Behind ESC and a letter, which may be a key with Alt: whether an answer begins so. */
static bool
begins_answer(const struct keys *k, uint8_t byte)
{
	bool digit = byte >= '0' && byte <= '9';
	switch (k->lead) {
	case ']':
		return digit || byte == 'l' || byte == 'L'; /* colours, titles */
	case 'P': /* DECRQSS, XTGETTCAP, XTVERSION, DA3 */
		return digit || byte == '>' || byte == '!';
	default:
		return byte == 'G'; /* kitty's images */
	}
}

static void
string(struct keys *k, uint8_t byte)
{
	bool ends = (byte == BELL && k->lead == ']')
	    || (byte == '\\' && k->state == STRING_ESCAPE);
	k->state = ends ? KEYS : STRING;
	k->ended = ends ? KEYS_STRING : KEYS_NOTHING;
}

/* The keypad in application mode (DECKPAM): as VT100's, and xterm's keys beside it. */
static int
ss3(struct keys *k, uint8_t byte)
{
	static const char letters[] = "M jklmnopqrstuvwxyX";
	static const char keys[] = "\r *+,-./0123456789=";
	const char *at = strchr(letters, byte);
	if (byte >= '0' && byte <= '9')
		return KEYS_NONE; /* a modifier */
	k->state = KEYS;
	k->ended = KEYS_SS3;
	return at && byte ? keys[at - letters] : arrow(byte);
}

/* The bytes of a mouse's report are of any value. */
static void
mouse(struct keys *k)
{
	k->ended = k->state == MOUSE_LAST ? KEYS_MOUSE : KEYS_NOTHING;
	k->state = k->state == MOUSE_LAST ? KEYS : k->state + 1;
}

static int
take(struct keys *k, uint8_t byte)
{
	if (k->state >= MOUSE && k->state <= MOUSE_LAST) {
		mouse(k);
		return KEYS_NONE;
	}
	if (byte == ESCAPE) {
		k->state = k->state == STRING ? STRING_ESCAPE : AFTER_ESCAPE;
		return KEYS_NONE;
	}
	if (k->state == STRING_ESCAPE && byte != '\\')
		k->state = AFTER_ESCAPE; /* another sequence */
	if (k->state == STRING_BEGINS)
		k->state = begins_answer(k, byte) ? STRING : KEYS;
	bool in_string = k->state == STRING || k->state == STRING_ESCAPE;
	if (in_string && (byte >= ' ' || byte == BELL)) {
		string(k, byte);
		return KEYS_NONE;
	}
	if (k->state == KEYS || byte < ' ') {
		/* A control within a sequence is a key; what follows of that is passed by, but a
		 * person's text is not. */
		k->state = in_string ? KEYS : k->state;
		k->ended = KEYS_BYTE;
		return byte;
	}
	return k->state == AFTER_ESCAPE ? after_escape(k, byte)
	    : k->state == SS3		? ss3(k, byte)
					: csi(k, byte);
}

int
keys_take(struct keys *k, uint8_t byte)
{
	k->ended = KEYS_NOTHING;
	int key = take(k, byte);
	if (key != KEYS_NONE && k->releases)
		k->releases--;
	return key;
}

bool
keys_silent(const struct keys *k)
{
	if (k->ended != KEYS_CSI)
		return k->ended == KEYS_MOUSE || k->ended == KEYS_STRING;
	bool focus = (k->final == 'I' || k->final == 'O') && !k->numbers[0];
	bool modifier = k->final == 'u' && is_modifier(k->numbers[0]);
	return k->lead || focus || modifier || keys_released(k);
}

bool
keys_released(const struct keys *k)
{
	return k->ended == KEYS_CSI && k->event == RELEASED;
}

bool
keys_is_enter(int key)
{
	return key == '\r' || key == '\n';
}

bool
keys_answers(const struct keys *k)
{
	bool mouse = k->lead == '<' || k->final == 'M';
	return k->ended == KEYS_STRING
	    || (k->ended == KEYS_CSI
		&& ((k->lead && !mouse) || memchr("Rcnt", k->final, 4)));
}
