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
command_of(uint8_t c)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if ((uint8_t)commands[i].key == c)
			return commands[i].command;
	return ESCAPE_NONE;
}

bool
escape_in_paste(const struct escape *e)
{
	return e->keys.pasting;
}

static void
track(struct escape *e, uint8_t c)
{
	if (!keys_plain(&e->keys, c))
		(void)keys_take(&e->keys, c);
}

void
escape_skip(struct escape *e, struct span in)
{
	for (size_t i = 0; i < in.n; i++)
		track(e, in.p[i]);
}

void
escape_was_text(struct escape *e, enum escape_command command, struct buf *out)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (commands[i].command == command)
			buf_print(out, "%c%c", e->character, commands[i].key);
	e->line_start = false;
}

/* The key behind the escape character; the command, or what goes to the host. */
static enum escape_command
take_pending(struct escape *e, uint8_t c, bool last, bool typed, struct buf *out)
{
	enum escape_command command = typed && last ? command_of(c) : ESCAPE_NONE;
	e->pending = false;
	if (command)
		e->line_start = true;
	else if (!typed || c != (uint8_t)e->character) /* twice sends one */
		buf_putc(out, e->character);
	return command;
}

enum escape_command
escape_filter(struct escape *e, struct span *in, bool typed, struct buf *out)
{
	while (in->n) {
		uint8_t c = *in->p++;
		in->n--;
		track(e, c);
		bool is_key = typed && !e->keys.pasting;
		if (e->pending) {
			enum escape_command command = take_pending(e, c, in->n == 0,
			    is_key, out);
			if (command)
				return command;
		} else if (e->character && is_key && e->line_start
		    && c == (uint8_t)e->character) {
			e->pending = true;
			continue;
		}
		e->line_start = c == '\r' || c == '\n';
		buf_putc(out, (char)c);
	}
	return ESCAPE_NONE;
}
