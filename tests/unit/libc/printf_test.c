#include "test.h"

/* Under names of its own, beside the C library's. */
int
own_vsnprintf(char *restrict text, size_t len, const char *restrict format, va_list args);
__attribute__((format(printf, 3, 4))) int
own_snprintf(char *restrict text, size_t len, const char *restrict format, ...);
#define vsnprintf own_vsnprintf
#define snprintf own_snprintf
#include "libc/printf.c"
#undef vsnprintf
#undef snprintf

#include <limits.h>

enum { TEXT_MAX = 1024 };

#define SAME(...) \
	do { \
		char got[TEXT_MAX], wanted[TEXT_MAX]; \
		int n = own_snprintf(got, sizeof got, __VA_ARGS__); \
		CHECK_EQ(n, snprintf(wanted, sizeof wanted, __VA_ARGS__)); \
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

TEST(room_that_is_too_small)
{
	const char *text = "text that is longer";
	for (size_t len = 0; len < 40; len++) {
		char got[40], wanted[40];
		memset(got, 'x', sizeof got);
		memset(wanted, 'x', sizeof wanted);
		int n = own_snprintf(got, len, "%d %s %4d", 12, text, 5);
		const char *volatile format = "%d %s %4d";
		CHECK_EQ(n, snprintf(wanted, len, format, 12, text, 5));
		CHECK(memcmp(got, wanted, sizeof got) == 0);
	}
	CHECK_EQ(own_snprintf(NULL, 0, "%s", text), (int)strlen(text));
}
