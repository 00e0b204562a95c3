#include "screen/plain_output.h"

#include "term/width.h"
#include "test.h"

enum { NOT_PLAIN = -2 };

/* From column 3 of ten: cells, -1: more than text. */
static int
of(const char *text)
{
	int cells;
	width_init();
	struct span bytes = { (const uint8_t *)text, strlen(text) };
	return plain_output(bytes, 3, 10, &cells) ? cells : NOT_PLAIN;
}

TEST(text_is_for_so_many_cells)
{
	CHECK_EQ(of(""), 0);
	CHECK_EQ(of("ls -l"), 5);
	CHECK_EQ(of("\xd0\xb6"), 1);
	CHECK_EQ(of("\xe4\xb8\xad"), 2);
}

TEST(the_last_column_is_not_reached)
{
	CHECK_EQ(of("123456"), 6);
	CHECK_EQ(of("1234567"), NOT_PLAIN);
	CHECK_EQ(of("12345\xe4\xb8\xad"), NOT_PLAIN);
	CHECK_EQ(of("\033[99Cx"), NOT_PLAIN);
	CHECK_EQ(of("\033[99C\bx"), -1);
	CHECK_EQ(of("\r123456789"), -1);
	CHECK_EQ(of("\r1234567890"), NOT_PLAIN);
	CHECK_EQ(of("\033[5;8Hab"), -1);
	CHECK_EQ(of("\033[5;8Habc"), NOT_PLAIN);
	CHECK_EQ(of("\033[99999999999Hab"), -1);
}

TEST(what_writes_erases_and_goes_elsewhere_is_plain)
{
	static const char *const those[] = { "\b\b\b", "\r", "\033[K", "\033[1K",
		"\033[4X", "\033[m", "\033[38;5;240ma\033[39m", "\033[38:2::1:2:3m",
		"\033[2A", "\033[B", "\033[3D", "\033[7G", "\033[4d",
		"\033[?25l\033[?12l\033[?25h\033[?12;25h", "\033(B" };
	for (size_t i = 0; i < sizeof those / sizeof *those; i++)
		CHECK_EQ(of(those[i]), -1);
}

/* Or it is not known what it does, or it is not whole. */
TEST(what_may_move_something_is_not)
{
	static const char *const those[] = { "\n", "\t", "\007", "\016", "\x7f",
		"\b\b\b\b", "\033[@", "\033[P", "\033[L", "\033[M", "\033[S", "\033[J",
		"\033[?1049h", "\033[?2027h", "\033[4h", "\033[r", "\033[s", "\033[6n",
		"\033[>4m", "\033[?K", "\033[2 q", "\033[!p", "\033(0", "\0337", "\033M",
		"\033c", "\033]2;x\007", "\033", "\033[", "\033[3", "\033[?", "\033(",
		"\xd0", "\xff", "e\xcc\x81", "\xf0\x9f\x98\x80",
		"\033[111111111111111111111111111111111111C" };
	for (size_t i = 0; i < sizeof those / sizeof *those; i++)
		CHECK_EQ(of(those[i]), NOT_PLAIN);
}
