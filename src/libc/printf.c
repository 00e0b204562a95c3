/*
 * The static server's own snprintf and vsnprintf.  Those of musl can print floating-point
 * numbers and write to files, and so bring the arithmetic and all of stdio along: a tenth of
 * the program, more on machines that do the arithmetic in software.  These have what belay
 * prints: d i u x c s p and %, with the flags 0 and -, a width, a precision and the lengths
 * h, l, ll, z, j and t.  tests/doc looks that nothing else is asked for, and that the server
 * prints to no FILE; tests/unit/server compares this with the C library's.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS_MAX = 24 };

struct out {
	char *text;
	size_t room; /* with the NUL */
	size_t n; /* so much there would be if there were room */
};

/* One conversion: "%-8.3ld". */
struct spec {
	bool left, zeros;
	int width, precision; /* precision -1: none */
	char length; /* 'h', 'l', 'L' for ll, 'z', 'j', 't' or 0 */
	char type;
};

static void
put(struct out *o, const char *bytes, size_t n)
{
	if (o->n < o->room)
		memcpy(o->text + o->n, bytes, n < o->room - o->n ? n : o->room - o->n);
	o->n += n;
}

static void
fill(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, &c, 1);
}

/* `sign` stands before the zeros that fill the width, and behind the blanks. */
static void
put_field(struct out *o, const struct spec *s, const char *sign, const char *text, int n)
{
	int n_sign = (int)strlen(sign), room = s->width - n - n_sign;
	if (!s->left && !s->zeros)
		fill(o, ' ', room);
	put(o, sign, (size_t)n_sign);
	if (!s->left && s->zeros)
		fill(o, '0', room);
	put(o, text, (size_t)n);
	if (s->left)
		fill(o, ' ', room);
}

static void
put_number(struct out *o, struct spec *s, const char *sign, uintmax_t value)
{
	char digits[DIGITS_MAX];
	unsigned base = s->type == 'x' || s->type == 'p' ? 16 : 10;
	int at = DIGITS_MAX;
	for (; value || (at == DIGITS_MAX && s->precision); value /= base)
		digits[--at] = "0123456789abcdef"[value % base];
	while (DIGITS_MAX - at < s->precision && at > 0)
		digits[--at] = '0';
	s->zeros &= s->precision < 0;
	put_field(o, s, sign, digits + at, DIGITS_MAX - at);
}

static int
read_number(const char **fmt, va_list *ap)
{
	int n = 0;
	if (**fmt == '*') {
		++*fmt;
		return va_arg(*ap, int);
	}
	for (; **fmt >= '0' && **fmt <= '9'; ++*fmt)
		n = n * 10 + **fmt - '0';
	return n;
}

static struct spec
read_spec(const char **fmt, va_list *ap)
{
	struct spec s = { .precision = -1 };
	for (; **fmt == '-' || **fmt == '0'; ++*fmt)
		*(**fmt == '-' ? &s.left : &s.zeros) = true;
	s.width = read_number(fmt, ap);
	if (s.width < 0) {
		s.left = true;
		s.width = -s.width;
	}
	if (**fmt == '.') {
		++*fmt;
		s.precision = read_number(fmt, ap);
	}
	for (; **fmt && strchr("hlzjt", **fmt); ++*fmt)
		s.length = s.length == 'l' ? 'L' : **fmt;
	s.type = **fmt;
	if (**fmt)
		++*fmt;
	return s;
}

static intmax_t
signed_argument(char length, va_list *ap)
{
	switch (length) {
	case 'l':
		return va_arg(*ap, long);
	case 'L':
		return va_arg(*ap, long long);
	case 'j':
		return va_arg(*ap, intmax_t);
	case 'z':
	case 't':
		return va_arg(*ap, ptrdiff_t);
	default:
		return va_arg(*ap, int);
	}
}

static uintmax_t
unsigned_argument(char length, va_list *ap)
{
	switch (length) {
	case 'l':
		return va_arg(*ap, unsigned long);
	case 'L':
		return va_arg(*ap, unsigned long long);
	case 'j':
		return va_arg(*ap, uintmax_t);
	case 'z':
	case 't':
		return va_arg(*ap, size_t);
	default:
		return va_arg(*ap, unsigned);
	}
}

static void
put_string(struct out *o, const struct spec *s, const char *text)
{
	if (!text)
		text = "(null)";
	put_field(o, s, "", text,
	    (int)(s->precision < 0 ? strlen(text) : strnlen(text, (size_t)s->precision)));
}

static void
convert(struct out *o, struct spec *s, va_list *ap)
{
	intmax_t value;
	char c;
	switch (s->type) {
	case 'd':
	case 'i':
		value = signed_argument(s->length, ap);
		put_number(o, s, value < 0 ? "-" : "",
		    value < 0 ? -(uintmax_t)value : (uintmax_t)value);
		break;
	case 'u':
	case 'x':
		put_number(o, s, "", unsigned_argument(s->length, ap));
		break;
	case 'p':
		put_number(o, s, "0x", (uintptr_t)va_arg(*ap, void *));
		break;
	case 's':
		put_string(o, s, va_arg(*ap, const char *));
		break;
	case 'c':
		c = (char)va_arg(*ap, int);
		put_field(o, s, "", &c, 1);
		break;
	default:
		put(o, &s->type, s->type != 0);
	}
}

int
vsnprintf(char *restrict ret_text, size_t len, const char *restrict format, va_list args)
{
	struct out o = { .text = ret_text, .room = len };
	const char *fmt = format;
	va_list ap;
	va_copy(ap, args);
	while (*fmt) {
		size_t plain = strcspn(fmt, "%");
		put(&o, fmt, plain);
		fmt += plain;
		if (*fmt) {
			fmt++;
			struct spec s = read_spec(&fmt, &ap);
			convert(&o, &s, &ap);
		}
	}
	va_end(ap);
	if (len)
		ret_text[o.n < len ? o.n : len - 1] = 0;
	return (int)o.n;
}

int
snprintf(char *restrict ret_text, size_t len, const char *restrict format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(ret_text, len, format, ap);
	va_end(ap);
	return n;
}
