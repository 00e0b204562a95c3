#include "screen/prompt.h"
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
	CHECK_STR(line(80), "belay: ssh asks: me@host's password: ");
	CHECK_EQ(keys("secr"), PROMPT_MORE);
	CHECK_STR(line(80), "belay: ssh asks: me@host's password: ");
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
	CHECK_STR(p.answer, "aB");
	ask("", "code:");
	CHECK_EQ(keys("1\033OM"), PROMPT_ANSWERED);
	ask("", "code:");
	CHECK_EQ(keys("\033[233;;233u\033[57404;129u\033[27;2;65~"), PROMPT_MORE);
	CHECK_EQ(keys("\033[57414;129u"), PROMPT_ANSWERED);
	CHECK_STR(p.answer,
	    "\xc3\xa9"
	    "5A");
	ask("", "code:");
	CHECK_EQ(keys("\033[1089::99;5u"), PROMPT_CANCELLED);
}

TEST(released_keys_do_nothing)
{
	ask("", "code:");
	CHECK_EQ(keys("1\033[49;1:3u2\033[50;1:3u\033[127;1:3u\033[99;5:3u"),
	    PROMPT_MORE);
	CHECK_EQ(keys("\033[13;1:3u\033[57442;5u"), PROMPT_MORE);
	CHECK_EQ(keys("\033[13;1:1u"), PROMPT_ANSWERED);
	CHECK_STR(p.answer, "12");
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
	CHECK_STR(line(80), "belay: ssh asks: Allow use of key? no");
	CHECK(!prompt_agrees(&p));
	ask("confirm", "Allow use of key?");
	CHECK_EQ(keys("\r"), PROMPT_ANSWERED);
	CHECK(prompt_agrees(&p));
	CHECK_EQ(keys("Yes\r"), PROMPT_ANSWERED);
	CHECK(prompt_agrees(&p));
	ask("",
	    "The authenticity of host 'x' can't be established ... (yes/no/[fingerprint])? ");
	CHECK(p.kind == PROMPT_SECRET && p.echo);
	ask("", "Please type 'yes', 'no' or the fingerprint: ");
	CHECK(p.kind == PROMPT_SECRET && p.echo);
}

TEST(a_notice_wants_no_answer)
{
	ask("none", "Confirm user presence for key ED25519-SK SHA256:abc");
	CHECK_EQ(p.kind, PROMPT_NOTICE);
	CHECK_EQ(keys("abc\r"), PROMPT_MORE);
	CHECK_EQ(p.len, 0);
	CHECK_STR(line(100),
	    "belay: ssh says: Confirm user presence for key ED25519-SK SHA256:abc (^C cancels) ");
	CHECK_STR(line(62),
	    "belay: ssh says: Confirm user presence for k... (^C cancels) ");
	p.unattended = true;
	CHECK_STR(line(100),
	    "belay: ssh says: Confirm user presence for key ED25519-SK SHA256:abc ");
	CHECK_EQ(keys("\x03"), PROMPT_CANCELLED);
}

TEST(a_question_cannot_move_the_cursor)
{
	ask("",
	    "\033[2J\033]0;x\007one\r\n\r\n  two\x9b"
	    "3\xc3\xa9\x7f\n");
	CHECK_STR(p.text, "[2J]0;xone two3?");
}

/* ---- who asks ---- */

TEST(the_line_says_who_asks)
{
	static const char *const own[] = {
		"Enter passphrase for key '/home/me/.ssh/id': ",
		"Enter passphrase for id: ", "Bad passphrase, try again for id: ",
		"Enter PIN for ED25519-SK key id: ", "me@host's password: ",
		"The authenticity of host 'x' can't be established."
	};
	static const char *const others[] = { "(me@host) Password: ", "Password: ", "",
		"(me@host) Enter passphrase for key '/home/me/.ssh/id': ",
		"(me@host) me@host's password: ", " (me@host) x's password: ",
		"(me@host) The authenticity of host 'x' ... (yes/no)? " };
	for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
		ask("", own[i]);
		CHECK(!p.by_host);
		CHECK_EQ(strncmp(line(80), "belay: ssh asks: ", 17), 0);
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		ask("", others[i]);
		CHECK(p.by_host);
		CHECK_EQ(strncmp(line(80), "belay: host asks: ", 18), 0);
	}
}

TEST(the_host_does_not_switch_echo_on)
{
	static const char *const texts[] = { "(me@host) Continue (yes/no)? ",
		"(yes/no) Password: ",
		"(me@host) The authenticity of host (yes/no/[fingerprint])? ", "yes/no?",
		"Are you sure you want to continue connecting (yes/no/[fingerprint])? " };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		ask("", texts[i]);
		CHECK(p.by_host && !p.echo);
		(void)keys("secret");
		CHECK(!strstr(line(100), "secret"));
	}
}

/* ---- long questions ---- */

static const char about_key[] =
    "The authenticity of host 'testhost (192.0.2.7)' can't be established.\n"
    "ED25519 key fingerprint is SHA256:0123456789abcdefghijklmnopqrstuvwxyzABCDEFG.\n"
    "This key is not known by any other names.\n"
    "Are you sure you want to continue connecting (yes/no/[fingerprint])? ";

TEST(a_long_question_comes_in_pages_from_its_beginning)
{
	char all[PROMPT_TEXT_MAX] = "";
	ask("", about_key);
	CHECK_STR(line(80),
	    "belay: ssh asks: The authenticity of host 'tes (1/9, Enter: more) ");
	for (size_t i = 0; i < p.pages; i++) {
		const char *from = line(80) + strlen("belay: ssh asks: ");
		const char *end = NULL;
		for (const char *at = from; (at = strstr(at, " (")); at++)
			end = at;
		CHECK(end != NULL);
		strncat(all, from, (size_t)(end - from));
		CHECK_EQ(p.seen, i + 1 == p.pages);
		CHECK_EQ(keys("\033[B"), PROMPT_MORE);
	}
	CHECK_STR(all, p.text);
}

TEST(nobody_agrees_to_what_was_not_shown)
{
	ask("", about_key);
	(void)line(80);
	CHECK_EQ(keys("yes"), PROMPT_MORE);
	for (size_t page = 1; page < p.pages; page++) {
		CHECK_EQ(keys("\r"), PROMPT_MORE);
		CHECK_EQ(p.page, page);
		CHECK(strstr(line(80), ") yes") != NULL);
	}
	CHECK_EQ(keys("\r"), PROMPT_ANSWERED);
	CHECK_STR(p.answer, "yes");
	ask("confirm", about_key);
	(void)line(80);
	CHECK_EQ(keys("\r"), PROMPT_MORE);
	ask("confirm", about_key);
	prompt_was_said(&p);
	CHECK_EQ(keys("\r"), PROMPT_ANSWERED);
}

TEST(pages_turn_back_too)
{
	ask("", about_key);
	(void)line(80);
	(void)keys("\033[D\033OB\033[6~\033[C");
	CHECK_EQ(p.page, 3);
	(void)keys("\033OA\033[5~");
	CHECK_EQ(p.page, 1);
	for (int i = 0; i < 50; i++)
		(void)keys("\033[B");
	CHECK_EQ(p.page, p.pages - 1);
	CHECK_EQ(p.len, 0);
	(void)line(500); /* the window is wider now */
	CHECK_EQ(p.page, 0);
}

TEST(a_secret_is_answered_on_any_page)
{
	ask("",
	    "(me@host) The first part of it, which is long. The code that was sent to you:");
	CHECK_STR(line(60), "belay: host asks: (me@host) The first part  (1/4, arrows) ");
	CHECK_EQ(keys("1234\r"), PROMPT_ANSWERED);
}

TEST(padding_does_not_hide_who_asks)
{
	char text[PROMPT_TEXT_MAX + 500];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	memcpy(text, "(me@host) ", 10);
	memset(text + 10, ' ', 300);
	ask("", text);
	CHECK(strncmp(p.text, "(me@host) xxx", 13) == 0);
	CHECK(strncmp(line(80), "belay: host asks: (me@host) xxx", 31) == 0);
	memset(text, 'x', sizeof text - 1);
	ask("", text);
	CHECK_EQ(strlen(p.text), PROMPT_TEXT_MAX - 1);
	for (size_t width = 0; width < 200; width++)
		(void)line(width);
}

TEST(a_long_answer_shows_its_end)
{
	ask("", about_key);
	(void)line(80);
	(void)keys("SHA256:0123456789abcdefghijklmnopqrstuvwxyz");
	CHECK(strlen(line(80)) < 80);
	CHECK_STR(line(80) + strlen(line(80)) - 12, "opqrstuvwxyz");
}

TEST(a_narrow_window)
{
	ask("", "(me@host) One-time password: ");
	CHECK_STR(line(20), "host: (me@h (1/6) ");
}
