#include "server/questions.h"

#include "test.h"

enum { ROOM = 4096, A = 0, B = 1 };

static struct questions q;
static struct typed typed[2];
static struct buf waits[2], given, out;
static uint64_t now_us;

static void
begin(void)
{
	questions_init(&q);
	memset(typed, 0, sizeof typed);
	for (int i = 0; i < 2; i++)
		buf_init(&waits[i], ROOM);
	buf_init(&given, ROOM);
	buf_init(&out, ROOM);
	now_us = 1;
}

static void
end(void)
{
	questions_finish(&q);
	for (int i = 0; i < 2; i++)
		buf_finish(&waits[i]);
	buf_finish(&given);
	buf_finish(&out);
}

/* What comes of a client; all of it that may goes to the program. */
static void
comes(int i, const char *bytes, size_t n)
{
	CHECK_EQ(buf_put(&waits[i], bytes, n), 0);
	for (;;) {
		size_t drop;
		struct span told;
		n = typed_look(&typed[i], &q, i, buf_span(&waits[i]), &drop, &told);
		CHECK(n <= waits[i].len && n + drop <= waits[i].len && (!n || !drop));
		CHECK(!told.n || told.p + told.n == buf_bytes(&waits[i]) + n);
		if (n)
			CHECK_EQ(buf_put(&given, buf_bytes(&waits[i]), n), 0);
		if (!n && !drop)
			return;
		buf_drop(&waits[i], n + drop);
		typed_took(&typed[i], n + drop);
	}
}

static void
types(int i, const char *text)
{
	comes(i, text, strlen(text));
}

static void
asks(const char *would, unsigned questions, int answerer)
{
	struct span text = { (const uint8_t *)would, strlen(would) };
	questions_asked(&q, text, questions, answerer, now_us);
	typed_asked(&typed[!answerer], text, questions, 0);
}

static const char *
text(struct buf *b)
{
	return b->len ? buf_str(b) : "";
}

TEST(of_two_terminals_the_typists_answers)
{
	begin();
	asks("\033[5;1R\033[?62c", 2, A);
	types(B, "\033[7;3R\033[?1;2c");
	types(A, "\033[5;1R\033[?62c");
	CHECK_STR(text(&given), "\033[5;1R\033[?62c");
	CHECK_EQ(questions_deadline(&q, 5), 0);
	types(B, "\033[1;2R"); /* F3 with Shift */
	CHECK_STR(text(&given), "\033[5;1R\033[?62c\033[1;2R");
	end();
}

TEST(keys_between_answers_are_kept)
{
	begin();
	asks("\033[5;1R", 1, A);
	types(B, "ls \033[7;3R-l\033[A");
	CHECK_STR(text(&given), "ls -l\033[A");
	end();
}

TEST(the_model_answers_where_the_terminal_cannot_in_time)
{
	begin();
	asks("\033[5;1R\033[0n", 3, A);
	CHECK_EQ(questions_deadline(&q, 0), now_us + QUESTIONS_WAIT_US);
	CHECK_EQ(questions_deadline(&q, 7), now_us + QUESTIONS_WAIT_US + 14);
	questions_turn(&q, false, &typed[A], 100, &out);
	CHECK_STR(text(&out), "\033[5;1R\033[0n");
	CHECK_EQ(questions_deadline(&q, 5), 0);
	/* Its own come when it is back; that of the colours is too late as well. */
	types(A, "\033]11;rgb:0/0/0\033\\x\033[9;9R\033[0n\033[9;9R");
	CHECK_STR(text(&given), "x\033[9;9R");
	end();
}

TEST(a_terminal_that_has_had_the_time_knows_no_answer)
{
	begin();
	asks("\033[?1u\033[?62c", 2, A);
	types(A, "\033[?62c");
	questions_turn(&q, true, &typed[A], 100, &out);
	CHECK_EQ(out.len, 0);
	types(A, "\033[?1u");
	CHECK_STR(text(&given), "\033[?62c\033[?1u");
	end();
}

TEST(a_late_answer_is_awaited_for_a_time_only)
{
	begin();
	asks("\033[5;1R", 1, A);
	questions_turn(&q, false, &typed[A], 100, &out);
	typed_turn(&typed[A], 50, true, now_us);
	now_us += 100 * QUESTIONS_LATE_US;
	typed_turn(&typed[A], 50, true, now_us);
	typed_turn(&typed[A], 100, true, now_us + QUESTIONS_LATE_US - 1);
	types(A, "\033[5");
	CHECK_EQ(given.len, 0);
	typed_turn(&typed[A], 100, true, now_us + QUESTIONS_LATE_US);
	types(A, "");
	CHECK_STR(text(&given), "\033[5");
	types(A, ";1R");
	CHECK_STR(text(&given), "\033[5;1R");
	end();
}

TEST(a_persons_escape_is_not_held)
{
	begin();
	asks("\033[5;1R", 1, B);
	types(A, "\033");
	CHECK_STR(text(&given), "\033");
	end();
}

TEST(what_is_pasted_is_no_answer)
{
	begin();
	asks("\033[5;1R", 1, B);
	types(A, "\033[200~\033[5;1R\033[201~");
	CHECK_STR(text(&given), "\033[200~\033[5;1R\033[201~");
	end();
}

/* Two terminals answer everything in random pieces between random keys: the program gets each
 * key, in its order, and of each question one answer. */
static void
run(void)
{
	static const char *const keys[] = { "a", "\033[A", "\033OP", "\r", "\xc3\xa4",
		"\033x", "\033[<0;1;1M", "\033[I" };
	static const char *const replies[] = { "\033[5;1R", "\033[?62;1c", "\033[0n",
		"\033[?7;1$y", "\033[8;24;80t", "\033[?1u", "\033]11;rgb:0/0/0\a",
		"\033P>|a\033\\" };
	enum { KEYS = 8, REPLIES = 8 };
	struct buf sent[2], wanted[2];
	int answerer = (int)test_below(2);
	begin();
	for (int i = 0; i < 2; i++) {
		buf_init(&sent[i], ROOM);
		buf_init(&wanted[i], ROOM);
	}
	for (size_t n = test_below(10); n; n--) {
		const char *reply = replies[test_below(REPLIES)];
		asks(reply, 1, answerer);
		for (int i = 0; i < 2; i++) {
			for (size_t k = test_below(4); k; k--) {
				const char *key = keys[test_below(KEYS)];
				buf_print(&sent[i], "%s", key);
				buf_print(&wanted[i], "%s", key);
			}
			buf_print(&sent[i], "%s", reply);
			if (i == answerer)
				buf_print(&wanted[i], "%s", reply);
		}
	}
	for (int i = 0; i < 2; i++) {
		while (sent[i].len) {
			size_t n = 1 + test_below(sent[i].len);
			/* A terminal writes an answer at once; the ESC that ends a piece is a key. */
			while (n < sent[i].len && buf_bytes(&sent[i])[n - 1] == 033)
				n++;
			comes(i, (const char *)buf_bytes(&sent[i]), n);
			buf_drop(&sent[i], n);
		}
		CHECK_EQ(waits[i].len, 0);
		CHECK_STR(text(&given), text(&wanted[i]));
		buf_drop(&given, given.len);
		buf_finish(&sent[i]);
		buf_finish(&wanted[i]);
	}
	end();
}

TEST(each_question_has_one_answer)
{
	for (unsigned seed = 1; seed < 20000; seed++) {
		test_seed(seed);
		run();
	}
}
