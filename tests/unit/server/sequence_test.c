#include "server/sequence.h"
#include "test.h"

/* The answer that the bytes end, or ANSWER_NONE; they are one sequence, and whole. */
static enum answer_kind
kind_of(const char *bytes)
{
	struct sequence s = { 0 };
	size_t n = strlen(bytes);
	for (size_t i = 0; i < n; i++)
		CHECK_EQ(sequence_take(&s, (uint8_t)bytes[i]), i + 1 == n);
	return (enum answer_kind)s.kind;
}

TEST(answers_are_told_from_keys)
{
	static const struct {
		const char *bytes;
		enum answer_kind kind;
	} cases[] = {
		{ "a", ANSWER_NONE },
		{ "\033[A", ANSWER_NONE }, /* cursor up */
		{ "\033OP", ANSWER_NONE }, /* F1 */
		{ "\033[1;5C", ANSWER_NONE },
		{ "\033[15~", ANSWER_NONE },
		{ "\033[3;7R", ANSWER_CURSOR },
		{ "\033[?1;2c", ANSWER_IDENTITY },
		{ "\033[>41;354;0c", ANSWER_IDENTITY },
		{ "\033[0n", ANSWER_STATUS },
		{ "\033[?2004;1$y", ANSWER_MODE },
		{ "\033[8;24;80t", ANSWER_WINDOW },
		{ "\033[?1u", ANSWER_KEYBOARD },
		{ "\033]11;rgb:0/0/0\033\\", ANSWER_STRING },
		{ "\033]11;rgb:0/0/0\007", ANSWER_STRING },
		{ "\033P1$r0m\033\\", ANSWER_STRING },
		{ "\033_Gi=1;OK\033\\", ANSWER_STRING },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (kind_of(cases[i].bytes) != cases[i].kind)
			FAIL("%s is %d", cases[i].bytes + 1, kind_of(cases[i].bytes));
}

/* What is pasted may look like anything. */
TEST(nothing_within_a_paste_is_an_answer)
{
	static const char paste[] = "\033[200~text\033[3;7R\033]11;x\007\033[201~";
	struct sequence s = { 0 };
	for (size_t i = 0; i < sizeof paste - 1; i++) {
		(void)sequence_take(&s, (uint8_t)paste[i]);
		if (i > 6 && i < sizeof paste - 2)
			CHECK(s.pasting);
	}
	CHECK(!s.pasting);
	CHECK(sequence_take(&s, 'x'));
}

/* X10's: three bytes of any value behind CSI M. */
TEST(a_mouse_s_bytes_are_not_looked_into)
{
	static const char bytes[] = "\033[M \033[a";
	struct sequence s = { 0 };
	for (size_t i = 0; i < 6; i++)
		CHECK_EQ(sequence_take(&s, (uint8_t)bytes[i]), i == 5);
	CHECK(sequence_take(&s, 'a'));
}

TEST(any_bytes_leave_a_state_that_text_gets_out_of)
{
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct sequence s = { 0 };
		test_seed(seed);
		for (unsigned n = test_below(200); n; n--)
			(void)sequence_take(&s, (uint8_t)test_below(256));
		/* CAN, and what may still be within a paste or a mouse's report */
		for (int i = 0; i < 4; i++)
			(void)sequence_take(&s, 030);
		CHECK(sequence_take(&s, 'x'));
		CHECK(s.kind < ANSWER_KINDS);
	}
}
