/* Messages of the programs to a person, on stderr.  The pure layers never use it. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_QUIET = -1, /* -q: errors only */
	LOG_ERROR = -1,
	LOG_NOTICE = 0,
	LOG_VERBOSE = 1, /* -v */
};

void log_init(const char *program, int level);
/* Says more (1) or less (-1) than before; returns the level. */
int log_louder(int by);
/* The terminal's characters are UTF-8; until this is said only ASCII is shown. */
void log_utf8(bool utf8);
/* What ends a line: "\r\n" while the terminal is raw. */
void log_line_end(const char *end);
/* Who shows each line, its end included, instead of stderr; NULL: stderr does. */
void log_to(void (*fn)(void *owner, const char *line), void *owner);
/* One line: "program: text"; whatever is in the text, it cannot control the terminal. */
__attribute__((format(printf, 2, 3))) void
log_say(enum log_level level, const char *fmt, ...);
/* Where ssh's own words go (-E), instead of stderr; borrowed. */
void log_as_ssh_to(int fd);
/* That descriptor, for words of this level; -1: they are not said. */
int log_as_ssh_fd(enum log_level level);
/* The same in ssh's own words, which others look for: without the program. */
__attribute__((format(printf, 2, 3))) void
log_as_ssh(enum log_level level, const char *fmt, ...);

#endif
