#include "client/escapes.h"

#include "base/log.h"
#include "client/client.h"

#include <stdio.h>

enum { TEXT_MAX = 32 * 1024 };

/* Shows text that begins with the escape as it was typed. */
static void
show(struct client *s, const char *typed, struct buf *text)
{
	struct buf all;
	buf_init(&all, 2 * TEXT_MAX);
	buf_print(&all, "%c%s%s", s->config.escape, typed, buf_str(text));
	const char *shown = buf_str(&all);
	if (shown)
		console_say(&s->console, shown);
	buf_finish(&all);
	buf_finish(text);
}

static void
leave(struct client *s)
{
	(void)client_end(s, ENDING_KEY);
	if (!reconnect_has_link(&s->reconnect))
		(void)client_end(s, ENDING_HURRY);
}

static void
suspend(struct client *s)
{
	console_suspend(&s->console);
}

static void
help(struct client *s)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	escapes_help(s->config.escape, &text);
	show(s, "?\r\n", &text);
}

/* With questions, where the host wants a login. */
static void
connect_again(struct client *s)
{
	bool up = s->reconnect.policy.state == POLICY_UP;
	reconnect_on(&s->reconnect, up ? POLICY_DOUBT : POLICY_PERSON);
}

static void
drop_typed(struct client *s)
{
	size_t n = console_drop(&s->console);
	size_t sent = reconnect_up(&s->reconnect) ? 0 : backlog_doubtful(s->main);
	struct buf text;
	buf_init(&text, TEXT_MAX);
	buf_print(&text, "belay: %zu byte%s that you typed %s dropped", n,
	    n == 1 ? "" : "s", n == 1 ? "is" : "are");
	if (sent)
		buf_print(&text, "; %zu before that may have arrived", sent);
	buf_print(&text, "\r\n");
	show(s, "k\r\n", &text);
}

static void
say_connection(struct client *s)
{
	struct report r = client_report(s);
	struct buf text;
	buf_init(&text, TEXT_MAX);
	buf_print(&text, "%s: ", r.destination);
	report_line(&r, &text);
	buf_print(&text, "\r\n");
	report_forwards(&r, "\r\n", &text);
	show(s, "#\r\n", &text);
}

static void
send_break(struct client *s)
{
	(void)engine_tell(&s->engine, MSG_BREAK, &(struct msg_brk){ 0 });
}

static void
say_level(struct client *s, int by, const char *typed)
{
	struct buf text;
	int level = log_louder(by);
	buf_init(&text, TEXT_MAX);
	buf_print(&text, " [%s]\r\n",
	    level == LOG_VERBOSE     ? "VERBOSE"
		: level == LOG_QUIET ? "QUIET"
				     : "INFO");
	show(s, typed, &text);
}

static void
louder(struct client *s)
{
	say_level(s, 1, "v");
}

static void
quieter(struct client *s)
{
	say_level(s, -1, "V");
}

static void
open_line(struct client *s)
{
	console_line(&s->console, "\nbelay> ");
}

static const struct {
	enum escape_command command;
	void (*fn)(struct client *s);
	const char *help;
} escapes[] = {
	{ ESCAPE_LEAVE, leave, "leave; a shell goes on, a command ends" },
	{ ESCAPE_SUSPEND, suspend, "suspend belay" },
	{ ESCAPE_RECONNECT, connect_again, "connect again now" },
	{ ESCAPE_DROP, drop_typed, "drop what was typed and is not sent yet" },
	{ ESCAPE_LIST, say_connection, "say how the connection is" },
	{ ESCAPE_BREAK, send_break, "send a BREAK to the terminal" },
	{ ESCAPE_QUIETER, quieter, "say less of what belay does" },
	{ ESCAPE_LOUDER, louder, "say more of what belay does" },
	{ ESCAPE_LINE, open_line, "open a command line, for forwards" },
	{ ESCAPE_HELP, help, "this message" },
};

enum { N_ESCAPES = sizeof escapes / sizeof *escapes };

void
escapes_do(struct client *s, enum escape_command command)
{
	for (size_t i = 0; i < N_ESCAPES; i++)
		if (escapes[i].command == command)
			escapes[i].fn(s);
}

/* As it is typed: the character and a key, which may be a control character. */
static void
put_keys(char character, enum escape_command command, struct buf *out)
{
	int key = escape_key(command);
	buf_print(out, key < ' ' ? " %c^%c " : " %c%c  ", character,
	    key < ' ' ? key + '@' : key);
}

void
escapes_help(char character, struct buf *out)
{
	buf_print(out, "Supported escape sequences:\r\n");
	for (size_t i = 0; i < N_ESCAPES; i++) {
		put_keys(character, escapes[i].command, out);
		buf_print(out, " - %s\r\n", escapes[i].help);
	}
	buf_print(out,
	    " %c%c   - send the escape character by typing it twice\r\n"
	    "(Note that escapes are only recognized immediately after newline.)\r\n",
	    character, character);
}
