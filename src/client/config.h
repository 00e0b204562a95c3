/*
 * What the user's configuration asks for, as `ssh -G` tells it (ssh_config(5)): only what
 * belay carries out itself.  Pure; the session runs ssh.
 */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include "base/buf.h"
#include "client/options.h"

enum config_tty { CONFIG_TTY_AUTO, CONFIG_TTY_NO, CONFIG_TTY_YES, CONFIG_TTY_FORCE };

struct config {
	enum config_tty tty; /* RequestTTY, and -t and -T */
	bool no_command, subsystem; /* SessionType, and -N and -s */
	bool null_stdin; /* StdinNull, and -n */
	bool background; /* ForkAfterAuthentication, and -f */
	char escape; /* EscapeChar, and -e; 0: none */
	struct span remote_command; /* in the text that was parsed; empty: none */
	bool forwards; /* ports that only one ssh at a time can have */
	struct span ipqos; /* its first value, of terminals; empty: ssh did not tell */
	bool
	    tells_type; /* ssh knows SessionType, StdinNull and ForkAfterAuthentication */
};

enum { CONFIG_OVERRIDES = 5, CONFIG_OVERRIDE_LEN = 64 };

/* The options that the link's ssh gets, as argument words, against what belay carries out
 * itself; a terminal's traffic keeps its class although the link has none. */
size_t config_overrides(const struct config *c, bool terminal,
    char ret_words[CONFIG_OVERRIDES][CONFIG_OVERRIDE_LEN]);

/* What the command line alone says, for when ssh does not know -G. */
void config_from_options(struct config *c, const struct options *o);
/* Takes the output of `ssh -G`, which includes what the command line says; what it does
 * not mention stays. */
void config_parse(struct config *c, struct span text);

#endif
