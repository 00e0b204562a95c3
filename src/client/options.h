/*
 * ssh's command line, parsed as ssh(1) does it: options before and after the
 * destination, bundled letters, values glued or separate, "--"; everything behind is
 * the command.  belay's own options are long.
 */
#ifndef CLIENT_OPTIONS_H
#define CLIENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct options {
	char **ssh_argv; /* the whole line without belay's own options, NULL-terminated;
			  * [0] is a place for the program */
	char **link_args; /* the options that the link's ssh gets too, NULL-terminated */
	size_t n_link_args;
	char words[128][3]; /* "-x" for each letter */
	const char *destination; /* NULL: none given */
	char **command; /* NULL-terminated; points into ssh_argv */
	bool direct; /* something that is ssh's alone */
	bool no_command, background, null_stdin, subsystem; /* -N -f -n -s */
	bool no_tty; /* -T */
	unsigned tty; /* -t: asked for, twice: forced */
	bool quiet;
	unsigned verbose;
	char escape; /* -e; 0: none */
	bool help, version; /* --help, --version */
	const char *bad_option; /* the first one that is not known, or lacks its value */
};

/* Whether this letter takes a value; negative if ssh does not know it. */
int options_has_value(char letter);
/* Returns 0, or ERR_NOMEM.  The strings belong to argv. */
int options_parse(struct options *o, int argc, char **argv);
void options_finish(struct options *o);

#endif
