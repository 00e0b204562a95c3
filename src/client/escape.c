#include "client/escape.h"

enum { CONTROL_Z = 'Z' & 31 };

void
escape_init(struct escape *e, char character)
{
	*e = (struct escape){ .character = character, .line_start = true };
}

static enum escape_command
command_of(uint8_t c)
{
	switch (c) {
	case '.':
		return ESCAPE_LEAVE;
	case CONTROL_Z:
		return ESCAPE_SUSPEND;
	case '?':
		return ESCAPE_HELP;
	case 'R':
		return ESCAPE_RECONNECT;
	case '#':
		return ESCAPE_LIST;
	case 'B':
		return ESCAPE_BREAK;
	case 'v':
		return ESCAPE_LOUDER;
	case 'V':
		return ESCAPE_QUIETER;
	case 'C':
		return ESCAPE_LINE;
	default:
		return ESCAPE_NONE;
	}
}

enum escape_command
escape_filter(struct escape *e, struct span *in, struct buf *out)
{
	while (in->n) {
		uint8_t c = *in->p++;
		in->n--;
		if (e->pending) {
			enum escape_command command = command_of(c);
			e->pending = false;
			if (command) {
				e->line_start = true;
				return command;
			}
			if (c != (uint8_t)e->character) /* twice sends one */
				buf_putc(out, e->character);
		} else if (e->character && e->line_start && c == (uint8_t)e->character) {
			e->pending = true;
			continue;
		}
		e->line_start = c == '\r' || c == '\n';
		buf_putc(out, (char)c);
	}
	return ESCAPE_NONE;
}
