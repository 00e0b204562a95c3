#include "test.h"

#define vfprintf own_vfprintf
int own_vfprintf(FILE *restrict file, const char *restrict format, va_list args);
#include "server/static/vfprintf.c"
#undef vfprintf

#include <limits.h>

enum { TEXT_MAX = 2048 };

/* What it writes to a file, and whether it returns how much that is. */
__attribute__((format(printf, 2, 3))) static void
own(char ret_text[TEXT_MAX], const char *fmt, ...)
{
	va_list ap;
	FILE *file = tmpfile();
	CHECK(file != NULL);
	va_start(ap, fmt);
	int n = own_vfprintf(file, fmt, ap);
	va_end(ap);
	rewind(file);
	size_t len = fread(ret_text, 1, TEXT_MAX - 1, file);
	ret_text[len] = 0;
	fclose(file);
	CHECK_EQ(n, (int)len);
}

#define SAME(...) \
	do { \
		char got[TEXT_MAX], wanted[TEXT_MAX]; \
		own(got, __VA_ARGS__); \
		snprintf(wanted, sizeof wanted, __VA_ARGS__); \
		CHECK_STR(got, wanted); \
	} while (0)

TEST(text_and_strings)
{
	const char *text = "text";
	SAME("nothing %% to convert");
	SAME("%s|%10s|%-10s|%.2s|%-6.3s|%.0s", text, text, text, text, text, text);
	SAME("%*s|%-*s|%*s|%.*s", 7, text, 7, text, -7, text, 3, text);
	SAME("%c%3c%-3c|", 'a', 'b', 'c');
}

TEST(a_string_without_an_end_is_read_as_far_as_asked)
{
	const char bytes[3] = { 'a', 'b', 'c' };
	SAME("%.*s", 3, bytes);
}

TEST(numbers)
{
	static const int values[] = { 0, 1, -1, 9, 10, -10, 123456, INT_MAX, INT_MIN };
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		int v = values[i];
		SAME("%d|%i|%8d|%-8d|%08d|%.4d|%8.4d|%-8.4d|", v, v, v, v, v, v, v, v);
		SAME("%u|%x|%8x|%08x|%02x|%.3u|", (unsigned)v, (unsigned)v, (unsigned)v,
		    (unsigned)v, (unsigned)v, (unsigned)v);
		SAME("%.0d|%*.*d|%04x", v, 9, 5, v, (unsigned)v);
	}
}

TEST(lengths)
{
	SAME("%ld|%lu|%lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
	SAME("%lld|%llu|%llx", LLONG_MIN, ULLONG_MAX, ULLONG_MAX);
	SAME("%jd|%ju|%zu|%zx|%td", INTMAX_MIN, UINTMAX_MAX, SIZE_MAX, SIZE_MAX,
	    (ptrdiff_t)-5);
	SAME("%hd|%hu|%hhu", (short)-3, (unsigned short)40000, (unsigned char)200);
	SAME("%p", (void *)&test_count);
}

TEST(more_than_a_piece)
{
	char text[3 * PIECE];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	SAME("%s", text);
	SAME("%600d|%s", 7, text + PIECE);
}

TEST(a_file_that_takes_nothing)
{
	FILE *full = fopen("/dev/full", "w");
	if (!full)
		SKIP("there is no /dev/full");
	setvbuf(full, NULL, _IONBF, 0);
	va_list none;
	memset(&none, 0, sizeof none);
	CHECK_EQ(own_vfprintf(full, "text", none), -1);
	fclose(full);
}
