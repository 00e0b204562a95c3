/* A console on pipes, or on a pseudo-terminal where it draws. */
#include "base/err.h"
#include "base/log.h"
#include "screen/console.h"
#include "sys/sys.h"
#include "sys/tty.h"
#include "test.h"

#include <fcntl.h>

enum { ROOM = 64 * 1024 };

static struct loop loop; /* one a process */

static struct {
	struct console console;
	struct stream main, errors;
	int keys; /* where the test types */
	int shown; /* where it reads what the console shows */
	int far[3]; /* the console's own ends */
	/* what the console has told */
	enum escape_command command;
	unsigned commands, typed, gone, cancelled, dropped, logins, late;
	char line[64];
	/* what it is told of ssh */
	bool asks;
	unsigned question;
	char answer[64];
} t;

static void
on_command(void *owner, enum escape_command command)
{
	(void)owner;
	t.command = command;
	t.commands++;
	if (command == ESCAPE_LINE)
		console_line(&t.console, "belay> ");
}

static void
on_typed(void *owner)
{
	(void)owner;
	t.typed++;
}

static void
on_login(void *owner)
{
	(void)owner;
	t.logins++;
}

static void
on_late(void *owner)
{
	(void)owner;
	t.late++;
}

static void
on_gone(void *owner)
{
	(void)owner;
	t.gone++;
}

static void
on_unread(void *owner, const struct stream *s)
{
	(void)owner;
	(void)s;
}

static void
on_asked(void *owner, bool *ret_asks, unsigned *ret_question)
{
	(void)owner;
	*ret_asks = t.asks;
	*ret_question = t.question;
}

static enum prompt_event
on_answer(void *owner, struct span *keys)
{
	(void)owner;
	size_t at = strlen(t.answer);
	while (keys->n) {
		char c = (char)*keys->p++;
		keys->n--;
		if (c == '\r') {
			t.question = 0;
			return PROMPT_ANSWERED;
		}
		t.answer[at++] = c;
	}
	return PROMPT_MORE;
}

static void
on_cancel(void *owner)
{
	(void)owner;
	t.cancelled++;
	t.asks = false;
}

static void
on_dropped(void *owner)
{
	(void)owner;
	t.dropped++;
}

static void
on_line(void *owner, const char *text)
{
	(void)owner;
	snprintf(t.line, sizeof t.line, "%s", text);
}

static const struct console_events events = { on_command, on_typed, on_login, on_gone,
	on_unread, on_asked, on_answer, on_cancel, on_dropped, on_late, on_line };

static void
begin(bool raw)
{
	static const int signals[] = { 0 };
	int in[2], out[2];
	memset(&t, 0, sizeof t);
	if (!loop.fds_max)
		CHECK_EQ(loop_init(&loop, signals), 0);
	loop.now_us = 1;
	CHECK(sys_pipe(in) == 0 && sys_pipe(out) == 0);
	CHECK(sys_nonblock(in[0]) == 0 && sys_nonblock(out[0]) == 0);
	t.keys = in[1];
	t.shown = out[0];
	struct console_fds fds = { in[0], out[1], open("/dev/null", O_WRONLY) };
	memcpy(t.far, (int[]){ fds.in, fds.out, fds.err }, sizeof t.far);
	stream_init(&t.main, STREAM_MAIN, RANK_TERMINAL, ROOM, ROOM);
	stream_init(&t.errors, STREAM_ERROR, RANK_TERMINAL, 1, ROOM);
	t.console.events = &events;
	console_open(&t.console, &loop, &fds, &t.main, raw ? NULL : &t.errors, raw,
	    raw ? '~' : 0, PREDICT_NEVER);
}

static void
end(void)
{
	console_close(&t.console);
	stream_finish(&t.main);
	stream_finish(&t.errors);
	for (int i = 0; i < 3; i++)
		close(t.far[i]);
	close(t.shown);
	if (t.keys >= 0)
		close(t.keys);
}

/* The loop's turn, with stdin readable. */
static void
turn_now(void)
{
	console_asked(&t.console);
	console_turn(&t.console, true);
	if (t.console.keys.events && sys_wait(t.console.keys.fd, POLLIN, 0))
		t.console.keys.fn(t.console.keys.owner, POLLIN);
	console_turn(&t.console, true);
}

static void
turn(void)
{
	turn_now();
	loop.now_us += 1000 * 1000;
}

static void
type(const char *text)
{
	CHECK_EQ(sys_write_all(t.keys, text, strlen(text)), 0);
	turn();
}

/* What the program is to get; the stream has it all. */
static const char *
given(void)
{
	static char text[ROOM + 1];
	size_t len = 0;
	for (struct span some; (some = ring_at(&t.main.out, len)).n; len += some.n)
		memcpy(text + len, some.p, some.n);
	text[len] = 0;
	return text;
}

TEST(keys_reach_the_program)
{
	begin(true);
	type("ls\r");
	CHECK_STR(given(), "ls\r");
	CHECK_EQ(t.typed, 1);
	end();
}

/* Each allocation fails once; what was typed all the same is given, once, in order. */
TEST(without_memory_no_key_is_lost)
{
	enum { PIECES = 40, LONG = 5000 };
	for (long n = 1; n < 12; n++) {
		char want[PIECES * 8 + LONG + 1] = "", much[LONG + 1];
		begin(true);
		memset(much, 'x', LONG);
		much[LONG] = 0;
		test_fail_malloc(n);
		for (int i = 0; i < PIECES; i++) {
			char text[16];
			snprintf(text, sizeof text, "k%d\r", i);
			strcat(want, text);
			type(text);
		}
		strcat(want, much);
		type(much);
		for (int i = 0; i < 8; i++)
			turn();
		test_fail_malloc(0);
		CHECK_STR(given(), want);
		CHECK(!t.gone);
		end();
	}
}

/* To read nothing, for want of room, is not the end of stdin. */
TEST(without_memory_stdin_does_not_end)
{
	enum { PIECE = 3000 };
	char text[PIECE + 1];
	memset(text, 'x', PIECE);
	text[PIECE] = 0;
	for (long n = 1; n < 5; n++) {
		begin(false);
		test_fail_malloc(n);
		for (int i = 0; i < 5; i++)
			type(text);
		for (int i = 0; i < 8; i++)
			turn();
		test_fail_malloc(0);
		CHECK(!t.console.ended && !t.main.out_ended);
		CHECK_EQ(strlen(given()), 5 * PIECE);
		close(t.keys);
		t.keys = -1;
		turn();
		CHECK(t.console.ended && t.main.out_ended);
		end();
	}
}

/* Keys that a login held are given when there is room, and not before those behind them. */
TEST(without_memory_what_was_held_waits)
{
	for (long n = 1; n < 4; n++) {
		begin(true);
		t.asks = true;
		console_asked(&t.console);
		type("held\r");
		CHECK_STR(given(), "");
		t.asks = false;
		test_fail_malloc(n);
		console_ready(&t.console);
		type("later\r");
		turn();
		turn();
		test_fail_malloc(0);
		CHECK_STR(given(), "held\rlater\r");
		end();
	}
}

TEST(a_full_stream_stops_the_reading_and_rings_once)
{
	char text[1024];
	begin(true);
	memset(text, 'x', sizeof text);
	for (int i = 0; i < ROOM / 1024 + 1; i++) {
		CHECK_EQ(sys_write_all(t.keys, text, sizeof text), 0);
		turn();
	}
	for (int i = 0; i < 20; i++)
		turn(); /* room for two bytes a key: half of what is left at once */
	CHECK_EQ(t.console.keys.events, 0);
	CHECK(strlen(given()) > ROOM - 64 - ESCAPE_HELD_MAX);
	uint8_t shown[8];
	CHECK_EQ(read(t.shown, shown, sizeof shown), 1);
	CHECK_EQ(shown[0], '\a');
	/* A question is answered all the same, and nothing behind it is lost. */
	t.asks = true;
	t.question = 1;
	turn();
	CHECK_EQ(t.console.keys.events, POLLIN);
	end();
}

TEST(escapes_are_for_belay)
{
	begin(true);
	type("~");
	type("?");
	CHECK_EQ(t.command, ESCAPE_HELP);
	type("a~?\r");
	CHECK_EQ(t.commands, 1);
	CHECK_STR(given(), "a~?\r");
	type("~~");
	CHECK_STR(given(), "a~?\r~");
	end();
}

TEST(what_is_pasted_is_text)
{
	begin(true);
	type("\033[200~\r~.\033[201~");
	CHECK_EQ(t.commands, 0);
	CHECK_STR(given(), "\033[200~\r~.\033[201~");
	CHECK_EQ(t.logins, 0);
	/* Without brackets: more stands behind it. */
	char text[ESCAPE_TYPED_MAX + 8];
	memset(text, 'x', sizeof text);
	memcpy(text, "\r~?", 3);
	text[sizeof text - 1] = 0;
	type(text);
	CHECK_EQ(t.commands, 0);
	end();
}

TEST(a_question_takes_the_keys_up_to_enter)
{
	begin(true);
	t.asks = true;
	t.question = 1;
	turn();
	type("secret\rnext\r");
	CHECK_STR(t.answer, "secret");
	CHECK_STR(given(), "");
	console_ready(&t.console);
	CHECK_STR(given(), "next\r");
	end();
}

/* ---- the status line that asks for a login ---- */

/* All that may stand there, and how long before the key. */
enum line { NO_LINE, APPEARS, STOOD, JUST_GONE, GONE };

/* A key at an instant around the line's appearing and vanishing. */
static void
key_at(enum line line, bool waits, const char *key)
{
	begin(true);
	if (waits)
		type("n");
	console_offer(&t.console, line != NO_LINE);
	loop.now_us += KEYBOARD_NOTICED_US - (line < STOOD);
	turn_now();
	if (line >= JUST_GONE)
		console_offer(&t.console, false);
	if (line >= JUST_GONE)
		loop.now_us += KEYBOARD_NOTICED_US - (line == JUST_GONE);
	CHECK_EQ(sys_write_all(t.keys, key, strlen(key)), 0);
	turn_now();
}

TEST(each_key_goes_to_one_place_at_every_instant)
{
	static const char *const keys[] = { "\r", "y", "\x03", "\033[A" };
	for (int line = NO_LINE; line <= GONE; line++)
		for (int waits = 0; waits < 2; waits++)
			for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
				bool enter = keys[i][0] == '\r';
				unsigned login = line == STOOD && !waits && enter;
				unsigned late = line == JUST_GONE && !waits;
				char want[16];
				snprintf(want, sizeof want, "%s%s", waits ? "n" : "",
				    login || late ? "" : keys[i]);
				key_at((enum line)line, waits, keys[i]);
				CHECK_STR(given(), want);
				CHECK_EQ(t.logins, login);
				CHECK_EQ(t.late, late);
				end();
			}
}

TEST(without_an_escape_character_enter_is_the_only_key)
{
	begin(true);
	t.console.escape.character = 0;
	type("n");
	console_offer(&t.console, true);
	loop.now_us += KEYBOARD_NOTICED_US;
	type("\r");
	CHECK_STR(given(), "n");
	CHECK_EQ(t.logins, 1);
	end();
}

/* An escape that has begun may become text. */
TEST(an_enter_behind_an_escape_character_is_the_programs)
{
	begin(true);
	console_offer(&t.console, true);
	loop.now_us += KEYBOARD_NOTICED_US;
	turn();
	type("~");
	turn();
	type("\r");
	CHECK_STR(given(), "~\r");
	CHECK_EQ(t.logins, 0);
	end();
}

TEST(what_is_typed_while_the_link_is_away_waits)
{
	begin(true);
	console_away(&t.console, true);
	turn();
	type("rm -rf x\r");
	CHECK_EQ(t.main.out_hold, 0);
	type("~");
	type("k");
	CHECK_EQ(t.command, ESCAPE_DROP);
	CHECK_EQ(backlog_drop(&t.main), 9);
	console_away(&t.console, false);
	turn();
	CHECK(t.main.out_hold == UINT64_MAX);
	CHECK_STR(given(), "");
	end();
}

TEST(a_login_that_fails_gives_nothing)
{
	begin(true);
	t.asks = true;
	turn();
	type("maybe a secret\r");
	t.asks = false;
	turn();
	CHECK_STR(given(), "");
	CHECK_EQ(t.dropped, 1);
	t.asks = true;
	turn();
	type("x\003");
	CHECK_EQ(t.cancelled, 1);
	end();
}

TEST(a_line_for_belay_ends_and_the_rest_is_the_programs)
{
	begin(true);
	type("~C");
	CHECK_EQ(t.console.keyboard.state, KEYBOARD_LINE);
	type("-L 80");
	CHECK_STR(t.line, "");
	type("80:h:80\nrest\r");
	CHECK_STR(t.line, "-L 8080:h:80");
	CHECK_STR(given(), "rest\r");
	end();
}

TEST(the_end_of_a_terminal_is_told_and_of_a_pipe_is_the_programs)
{
	begin(true);
	close(t.keys);
	t.keys = -1;
	turn();
	CHECK_EQ(t.gone, 1);
	CHECK(!t.main.out_ended);
	end();
	begin(false);
	type("data");
	close(t.keys);
	t.keys = -1;
	turn();
	CHECK_EQ(t.gone, 0);
	CHECK(t.main.out_ended);
	CHECK_STR(given(), "data");
	end();
}

TEST(output_goes_to_both_pipes_and_is_drained)
{
	uint8_t got[16];
	begin(false);
	t.main.in_promised = t.errors.in_promised = ROOM;
	CHECK_EQ(stream_on_data(&t.main, 0, (struct span){ (const uint8_t *)"out", 3 },
		     1),
	    0);
	turn();
	CHECK_EQ(read(t.shown, got, sizeof got), 3);
	CHECK(!console_drained(&t.console));
	CHECK_EQ(stream_on_end(&t.main, 3, 1), 0);
	CHECK_EQ(stream_on_end(&t.errors, 0, 1), 0);
	turn();
	CHECK(console_drained(&t.console));
	end();
}

/* ---- what belay says ---- */

/* Stdout and stderr are one pseudo-terminal, of which the test has the other end. */
static void
begin_predicting(const char *kind, enum predict_mode mode)
{
	char path[64];
	struct tty_size size = { 24, 80, 0, 0 };
	begin(true);
	console_close(&t.console);
	close(t.shown);
	t.shown = pty_open(path, sizeof path);
	int slave = open(path, O_RDWR | O_NOCTTY);
	CHECK(t.shown >= 0 && slave >= 0);
	CHECK_EQ(tty_set_size(slave, &size), 0);
	CHECK_EQ(dup2(slave, t.far[1]), t.far[1]);
	CHECK_EQ(dup2(slave, t.far[2]), t.far[2]);
	close(slave);
	setenv("TERM", kind, 1);
	struct console_fds fds = { t.far[0], t.far[1], t.far[2] };
	console_open(&t.console, &loop, &fds, &t.main, NULL, true, '~', mode);
	t.main.in_promised = ROOM;
}

static void
begin_terminal(const char *kind)
{
	begin_predicting(kind, PREDICT_NEVER);
}

static const char *
shows(size_t least)
{
	static char text[4096];
	size_t len = 0;
	ssize_t n = 1;
	/* A pseudo-terminal may hand over what was written in parts. */
	while (n > 0 && sys_wait(t.shown, POLLIN, len < least ? 5000 : 0)) {
		n = read(t.shown, text + len, sizeof text - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	text[len] = 0;
	return text;
}

#define CHECK_SHOWS(expected) CHECK_STR(shows(sizeof(expected) - 1), expected)

TEST(a_message_goes_by_way_of_the_display_and_not_into_a_sequence)
{
	static const char begun[] = "\033[3", rest[] = "1mred";
	begin_terminal("xterm");
	struct span bytes = { (const uint8_t *)begun, sizeof begun - 1 };
	CHECK_EQ(stream_on_data(&t.main, 0, bytes, 1), 0);
	turn();
	CHECK_SHOWS("\033[3");
	log_say(LOG_ERROR, "hello");
	console_say(&t.console, "and more");
	bytes = (struct span){ (const uint8_t *)rest, sizeof rest - 1 };
	CHECK_EQ(stream_on_data(&t.main, sizeof begun - 1, bytes, 1), 0);
	turn();
	/* The pseudo-terminal of the test is not raw. */
	CHECK_SHOWS("1mred\r\r\nbelay: hello\r\nand more");
	end();
}

/* Where the program's line goes on is known only when that is shown. */
TEST(a_message_begins_on_a_line_of_its_own_behind_what_comes_with_it)
{
	begin_terminal("xterm");
	struct span bytes = { (const uint8_t *)"half", 4 };
	CHECK_EQ(stream_on_data(&t.main, 0, bytes, 1), 0);
	log_say(LOG_ERROR, "hello");
	turn();
	CHECK_SHOWS("half\r\r\nbelay: hello\r\n");
	end();
}

/* What is said to the end is shown, even inside a sequence, which is cut off first. */
TEST(nothing_that_is_said_is_lost_at_the_end)
{
	static const char begun[] = "\033]2;title";
	begin_terminal("xterm");
	struct span bytes = { (const uint8_t *)begun, sizeof begun - 1 };
	CHECK_EQ(stream_on_data(&t.main, 0, bytes, 1), 0);
	turn();
	CHECK_SHOWS(begun);
	log_say(LOG_ERROR, "hello");
	console_close(&t.console);
	const char *text = shows(sizeof "xbelay: hello\r\n" - 1);
	CHECK(strchr(text, 0x18) && strstr(text, "belay: hello\r\n"));
	end();
}

/* ---- where the terminal's cursor is, at the beginning ---- */

static void
program_says(const char *text)
{
	struct span bytes = { (const uint8_t *)text, strlen(text) };
	CHECK_EQ(stream_on_data(&t.main, t.main.in_got, bytes, 1), 0);
}

/* Its first output has come before the terminal was raw. */
static void
begin_with_output(void)
{
	unsetenv("XTERM_VERSION");
	unsetenv("VTE_VERSION");
	begin_predicting("xterm", PREDICT_ALWAYS);
	program_says("$ ");
	CHECK_EQ(tty_raw(t.far[1]), 0);
	turn_now();
	CHECK_SHOWS("\033[6n");
}

TEST(the_terminal_is_asked_before_the_first_output)
{
	begin_with_output();
	type("\033[5;1R");
	CHECK_SHOWS("\033[J$ ");
	CHECK(!display_awaits(&t.console.out, loop.now_us));
	tty_cooked();
	end();
}

TEST(the_first_output_waits_no_longer_than_for_a_terminal)
{
	begin_with_output();
	turn_now();
	CHECK(!sys_wait(t.shown, POLLIN, 0));
	uint64_t at = console_turn(&t.console, true);
	CHECK(at > loop.now_us && at <= loop.now_us + CURSOR_WAIT_US);
	loop.now_us = at;
	turn_now();
	CHECK_SHOWS("$ ");
	tty_cooked();
	end();
}

/* ---- the terminal's answers, when a session ends while one is awaited ---- */

static bool
keys_wait(void)
{
	return sys_wait(t.far[0], POLLIN, 0);
}

/* The program asks something. */
static void
begin_asked(const char *question)
{
	begin_terminal("xterm");
	loop.now_us = sys_now_us();
	struct span bytes = { (const uint8_t *)question, strlen(question) };
	CHECK_EQ(stream_on_data(&t.main, 0, bytes, 1), 0);
	turn();
}

static void
types_a_line(struct console *c)
{
	console_line(c, "belay> ");
}

static void
lends(struct console *c)
{
	console_lend(c, true);
}

TEST(an_answer_that_is_awaited_is_read_before_others_have_the_terminal)
{
	static void (*const ways[])(
	    struct console *) = { console_leave, types_a_line, lends };
	static const struct {
		const char *question, *answer;
	} cases[] = { { "\033[6n", "\033[5;1R" },
		{ "\033[c\033]11;?\a", "\033[?62;c\033]11;rgb:0/0/0\033\\" } };
	for (size_t i = 0; i < 2; i++)
		for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
			begin_asked(cases[i].question);
			CHECK_EQ(sys_write_all(t.keys, cases[i].answer,
				     strlen(cases[i].answer)),
			    0);
			ways[way](&t.console);
			CHECK(!keys_wait());
			end();
		}
}

TEST(a_terminal_that_does_not_answer_is_not_waited_for_for_ever)
{
	begin_asked("\033[6n");
	uint64_t before = sys_now_us();
	console_leave(&t.console);
	CHECK(sys_now_us() - before < 5 * 1000 * 1000);
	CHECK_EQ(sys_write_all(t.keys, "ls\r", 3), 0);
	console_leave(&t.console);
	CHECK(keys_wait());
	end();
}

TEST(without_a_question_what_is_typed_stays_for_the_shell)
{
	begin_asked("$ ");
	CHECK_EQ(sys_write_all(t.keys, "ls\r", 3), 0);
	console_leave(&t.console);
	CHECK(keys_wait());
	end();
}

/* What the terminal had no room for, too. */
TEST(a_terminal_without_a_model_gets_all_that_is_said)
{
	begin_terminal("dumb");
	CHECK(!t.console.out.model);
	t.console.out.write_max = 3;
	log_say(LOG_ERROR, "hello");
	t.console.out.write_max = 0;
	console_close(&t.console);
	CHECK_SHOWS("belay: hello\r\n");
	end();
}

TEST(while_the_terminal_is_lent_messages_go_to_stderr)
{
	begin_terminal("xterm");
	console_lend(&t.console, true);
	log_say(LOG_ERROR, "hello");
	CHECK_SHOWS("belay: hello\r\n");
	CHECK_EQ(t.console.out.says.len, 0);
	console_lend(&t.console, false);
	end();
}

/* ---- another program in the place of one that is gone ---- */

TEST(what_was_typed_for_another_program_is_never_sent)
{
	begin(true);
	type("ls");
	CHECK_EQ(console_discard(&t.console), 2);
	CHECK_STR(given(), "");
	type("\033[200~half a paste");
	CHECK_EQ(console_discard(&t.console), 18);
	CHECK_STR(given(), ""); /* nor the end of one */
	CHECK_EQ(t.main.out_hold, 0);
	type("\033[201~y\r");
	CHECK_EQ(t.main.out_hold, 0); /* until the next turn it is held */
	CHECK_EQ(console_discard(&t.console), 8);
	type("~."); /* an escape is one, behind what went nowhere */
	CHECK(t.commands == 1 && t.command == ESCAPE_LEAVE);
	console_anew(&t.console);
	CHECK_EQ(t.main.out_hold, UINT64_MAX);
	CHECK_EQ(sys_write_all(t.keys, "y\r", 2), 0);
	turn_now();
	CHECK_STR(given(), "");
	CHECK_EQ(t.late, 1);
	loop.now_us += KEYBOARD_NOTICED_US;
	turn_now();
	type("ls\r");
	CHECK_STR(given(), "ls\r");
	end();
}

/* Belay was stopped, or the machine is busy. */
TEST(what_was_typed_too_soon_and_read_late_goes_nowhere)
{
	begin(true);
	console_anew(&t.console);
	CHECK_EQ(sys_write_all(t.keys, "y\r", 2), 0);
	loop.now_us += 10 * KEYBOARD_NOTICED_US;
	turn_now();
	CHECK_STR(given(), "");
	CHECK_EQ(t.late, 1);
	turn_now();
	type("ls\r");
	CHECK_STR(given(), "ls\r");
	end();
}
