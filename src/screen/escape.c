#include "screen/escape.h"

enum { CONTROL_SOCKET_Z = 'Z' & 31 };

static const struct {
	char key;
	unsigned char command;
} commands[] = {
	{ '.', ESCAPE_LEAVE },
	{ CONTROL_SOCKET_Z, ESCAPE_SUSPEND },
	{ '?', ESCAPE_HELP },
	{ 'R', ESCAPE_RECONNECT },
	{ 'k', ESCAPE_DROP },
	{ '#', ESCAPE_LIST },
	{ 'B', ESCAPE_BREAK },
	{ 'v', ESCAPE_LOUDER },
	{ 'V', ESCAPE_QUIETER },
	{ 'C', ESCAPE_LINE },
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

void
escape_init(struct escape *e, char character)
{
	*e = (struct escape){ .character = character, .line_start = true };
}

static enum escape_command
command_of(int key)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (commands[i].key == key)
			return commands[i].command;
	return ESCAPE_NONE;
}

char
escape_key(enum escape_command command)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (commands[i].command == command)
			return commands[i].key;
	return 0;
}

bool
escape_in_paste(const struct escape *e)
{
	return e->keys.pasting;
}

/* What a byte completes; most bytes are themselves. */
static int
track(struct escape *e, uint8_t c)
{
	if (!keys_plain(&e->keys, c))
		return keys_take(&e->keys, c);
	e->keys.ended = KEYS_BYTE;
	return c;
}

void
escape_skip(struct escape *e, struct span in)
{
	for (size_t i = 0; i < in.n; i++)
		(void)track(e, in.p[i]);
}

static void
put(struct buf *out, const uint8_t *bytes, size_t n)
{
	(void)buf_put(out, bytes, n); /* there is room */
}

/* All that is held but the first bytes of it. */
static void
give(struct escape *e, size_t from, struct buf *out)
{
	put(out, e->held + from, e->n_held - from);
	e->n_held = 0;
}

void
escape_was_text(struct escape *e, struct buf *out)
{
	put(out, e->held, e->n_command);
	e->n_command = 0;
	e->line_start = false;
}

static bool
is_escape(const struct escape *e, int key)
{
	return e->character && key == (uint8_t)e->character;
}

/* The key behind the escape character; the command, or what goes to the host. */
static enum escape_command
take_pending(struct escape *e, int key, bool last, bool typed, struct buf *out)
{
	enum escape_command command = typed && last ? command_of(key) : ESCAPE_NONE;
	bool twice = typed && is_escape(e, key); /* sends one */
	e->pending = false;
	e->line_start = command || keys_is_enter(key);
	e->n_command = e->n_held;
	if (command)
		e->n_held = 0;
	else
		give(e, twice ? e->n_escape : 0, out);
	return command;
}

/* A report between the escape and its command: that of a released key keeps its place behind
 * the escape. */
static void
pass_report(struct escape *e, size_t from, struct buf *out)
{
	if (keys_released(&e->keys))
		return;
	put(out, e->held + from, e->n_held - from);
	e->n_held = (uint8_t)from;
}

/* A byte goes to the host at once, or is held: from the escape on, and what may be the escape
 * until it is known. */
static void
hold(struct escape *e, uint8_t c, bool is_key, struct buf *out)
{
	if (e->n_held == ESCAPE_HELD_MAX) {
		give(e, 0, out);
		e->pending = e->line_start = false;
	}
	if (e->pending || (is_key && e->character && e->line_start))
		e->held[e->n_held++] = c;
	else
		buf_putc(out, (char)c);
}

/* A key, or a report, is complete; its bytes, if they are held, begin at n_before. */
static enum escape_command
take(struct escape *e, int key, bool last, bool is_key, struct buf *out)
{
	if (keys_silent(&e->keys)) {
		if (e->pending)
			pass_report(e, e->n_before, out);
	} else if (e->pending) {
		return take_pending(e, key, last, is_key, out);
	} else if (is_key && e->line_start && is_escape(e, key)) {
		e->pending = true;
		e->n_escape = e->n_held;
	} else {
		e->line_start = keys_is_enter(key);
	}
	if (!e->pending)
		give(e, 0, out);
	return ESCAPE_NONE;
}

enum escape_command
escape_filter(struct escape *e, struct span *in, bool typed, struct buf *out)
{
	while (in->n) {
		uint8_t c = *in->p++;
		in->n--;
		bool is_key = typed && !e->keys.pasting;
		hold(e, c, is_key, out);
		int key = track(e, c);
		if (e->keys.ended == KEYS_NOTHING)
			continue;
		enum escape_command command = take(e, key, in->n == 0, is_key, out);
		e->n_before = e->n_held;
		if (command)
			return command;
	}
	/* No person types the beginning of a sequence, but ESC. */
	if (!e->pending)
		give(e, 0, out);
	e->n_before = e->pending ? e->n_before : 0;
	return ESCAPE_NONE;
}
