#include "client/prompt.h"
#include "test.h"

static struct prompt p;

static void
ask(const char *hint, const char *text)
{
	prompt_init(&p, hint, (struct span){ (const uint8_t *)text, strlen(text) });
}

static struct span rest;

static enum prompt_event
keys(const char *text)
{
	rest = (struct span){ (const uint8_t *)text, strlen(text) };
	return prompt_keys(&p, &rest);
}

static const char *
line(size_t width)
{
	static char text[512];
	memset(text, 'x', sizeof text);
	prompt_line(&p, "host", width, text);
	CHECK(strlen(text) <= width);
	return text;
}

TEST(a_password)
{
	ask("", "me@host's password: ");
	CHECK(p.kind == PROMPT_SECRET && !p.echo);
	CHECK_STR(line(80), "belay: host: me@host's password: ");
	CHECK_EQ(keys("secr"), PROMPT_MORE);
	CHECK_STR(line(80), "belay: host: me@host's password: ");
	CHECK_EQ(keys("et \xc3\xa9\rmore"), PROMPT_ANSWERED);
	CHECK_BYTES(rest.p, rest.n, "more");
	CHECK_STR(p.answer, "secret \xc3\xa9");
	prompt_wipe(&p);
	for (size_t i = 0; i < sizeof p.answer; i++)
		CHECK_EQ(p.answer[i], 0);
	CHECK_EQ(p.len, 0);
}

TEST(taking_back)
{
	ask("", "code:");
	CHECK_EQ(keys("12x\x7f\b3\r"), PROMPT_ANSWERED);
	CHECK_STR(p.answer, "13");
	ask("", "code:");
	CHECK_EQ(keys("\x7f"
		      "a\xe2\x82\xac\x7f"
		      "b\x15"
		      "12\r"),
	    PROMPT_ANSWERED);
	CHECK_STR(p.answer, "12");
	ask("", "code:");
	CHECK_EQ(keys("a\xe2\x82\xac\x7f"
		      "b\r"),
	    PROMPT_ANSWERED);
	CHECK_STR(p.answer, "ab");
}

TEST(what_is_taken_back_is_gone)
{
	ask("", "code:");
	CHECK_EQ(keys("secret\x7f\x7f"), PROMPT_MORE);
	CHECK_EQ(p.answer[4], 0);
	CHECK_EQ(p.answer[5], 0);
	CHECK_EQ(keys("\x15"), PROMPT_MORE);
	CHECK_EQ(p.answer[0], 0);
}

TEST(cancelling_wipes)
{
	ask("", "code:");
	CHECK_EQ(keys("secret\x03"), PROMPT_CANCELLED);
	CHECK(!p.len && !p.answer[0] && !p.answer[5]);
	ask("", "code:");
	CHECK_EQ(keys("\x04"), PROMPT_CANCELLED);
	ask("", "code:");
	CHECK_EQ(keys("\033[99;5u"), PROMPT_CANCELLED);
	ask("", "code:");
	CHECK_EQ(keys("\033[12\x03"), PROMPT_CANCELLED);
}

TEST(what_terminals_send_is_no_part_of_an_answer)
{
	static const char *const sequences[] = { "\033[200~", "\033[201~", "\033[I",
		"\033OA", "\033[1;5C", "\033[<0;10;20M", "\033[<0;10;20m", "\033[M !\"",
		"\033[?1;2c", "\033x", "\033\033[A", "\033[57441;2u", "\033[97;3u" };
	for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
		ask("", "code:");
		CHECK_EQ(keys("12"), PROMPT_MORE);
		CHECK_EQ(keys(sequences[i]), PROMPT_MORE);
		CHECK_EQ(keys("34\r"), PROMPT_ANSWERED);
		CHECK_STR(p.answer, "1234");
	}
}

TEST(sequences_that_are_keys)
{
	ask("", "code:");
	CHECK_EQ(keys("\033[97u\033[98;2u\033[99u\033[127u"), PROMPT_MORE);
	CHECK_EQ(keys("\033[13u"), PROMPT_ANSWERED);
	CHECK_STR(p.answer, "ab");
	ask("", "code:");
	CHECK_EQ(keys("1\033OM"), PROMPT_ANSWERED);
}

TEST(keys_may_come_in_pieces)
{
	static const char whole[] = "1\033[200~23\033[201~4\033[99u5\r";
	ask("", "code:");
	for (size_t i = 0; i + 1 < sizeof whole; i++) {
		struct span one = { (const uint8_t *)whole + i, 1 };
		CHECK_EQ(prompt_keys(&p, &one),
		    i + 2 < sizeof whole ? PROMPT_MORE : PROMPT_ANSWERED);
	}
	CHECK_STR(p.answer, "1234c5");
}

TEST(an_answer_has_a_bound)
{
	ask("", "code:");
	for (int i = 0; i < PROMPT_ANSWER_MAX + 50; i++)
		CHECK_EQ(keys("x"), PROMPT_MORE);
	CHECK_EQ(p.len, PROMPT_ANSWER_MAX);
	CHECK_EQ(strlen(p.answer), PROMPT_ANSWER_MAX);
}

TEST(questions_with_yes_and_no_are_seen)
{
	ask("confirm", "Allow use of key?");
	CHECK(p.kind == PROMPT_CONFIRM && p.echo);
	CHECK_EQ(keys("no\xc3\xa9\r"), PROMPT_ANSWERED);
	CHECK_STR(line(80), "belay: host: Allow use of key? no");
	CHECK(!prompt_agrees(&p));
	ask("confirm", "Allow use of key?");
	CHECK_EQ(keys("\r"), PROMPT_ANSWERED);
	CHECK(prompt_agrees(&p));
	CHECK_EQ(keys("Yes\r"), PROMPT_ANSWERED);
	CHECK(prompt_agrees(&p));
	ask("", "Are you sure you want to continue connecting (yes/no/[fingerprint])? ");
	CHECK(p.kind == PROMPT_SECRET && p.echo);
}

TEST(a_notice_wants_no_answer)
{
	ask("none", "Confirm user presence for key ED25519-SK SHA256:abc");
	CHECK_EQ(p.kind, PROMPT_NOTICE);
	CHECK_EQ(keys("abc\r"), PROMPT_MORE);
	CHECK_EQ(p.len, 0);
	CHECK_STR(line(100),
	    "belay: host: Confirm user presence for key ED25519-SK SHA256:abc (^C cancels) ");
	CHECK_STR(line(60), "belay: host: Confirm user presence for key... (^C cancels) ");
	p.unattended = true;
	CHECK_STR(line(100),
	    "belay: host: Confirm user presence for key ED25519-SK SHA256:abc ");
	CHECK_EQ(keys("\x03"), PROMPT_CANCELLED);
}

TEST(a_question_cannot_move_the_cursor)
{
	ask("",
	    "\033[2J\033]0;x\007one\r\n\r\n  two\x9b"
	    "3\xc3\xa9\x7f\n");
	CHECK_STR(p.text, "[2J]0;xone two3?");
}

TEST(of_a_long_question_the_end_is_seen)
{
	char text[PROMPT_TEXT_MAX + 500];
	ask("", "The first part of it. The code that was sent:");
	CHECK_STR(line(40), "belay: host: ...he code that was sent: ");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	ask("", text);
	CHECK_EQ(strlen(p.text), PROMPT_TEXT_MAX - 1);
	for (size_t width = 0; width < 200; width++)
		(void)line(width);
}
