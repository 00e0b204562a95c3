/*
 * belay's own configuration: what its options say, once and for all, for hosts.
 *
 *     ~/.config/belay/config     below XDG_CONFIG_HOME, if that is set
 *     /etc/belay/config
 *
 * The grammar is that of ssh_config(5): `Host` with patterns, `Match` with host, originalhost,
 * user, localuser and all, then lines of a keyword and its value; the first value that is
 * obtained counts.  A keyword is the long option of belay's, dashes and case left out
 * (HistoryTime, history-time).  The command line comes first, then the environment (BELAY_HISTORY_TIME
 * and so on), then the user's file, then the system's.
 */
#ifndef CLIENT_SETTINGS_H
#define CLIENT_SETTINGS_H

#include "ssh/ssh_config.h"

enum { SETTINGS_ERROR_MAX = 512, SETTINGS_SOURCE_MAX = 256, SETTINGS_MAX = 32 };

/* What Host and Match look at. */
struct settings_facts {
	const char *host; /* as ssh resolves it */
	const char *original; /* as it was typed */
	const char *user; /* there */
	const char *local_user; /* NULL: who runs this process */
};

struct settings {
	struct {
		const char *name; /* NULL: none */
		char value[SETTINGS_SOURCE_MAX];
		char source[SETTINGS_SOURCE_MAX]; /* "FILE:LINE", or "BELAY_..." */
	} list[SETTINGS_MAX]; /* what was set, other than on the command line */
	size_t n;
	char *texts[2]; /* of the files, into which values point */
	char error[SETTINGS_ERROR_MAX]; /* "": none */
};

/* Sets in `o` what the command line has left open, for its destination as ssh resolves it.
 * False: a mistake, and `error` says where. */
bool settings_read(struct settings *s, struct options *o, const struct ssh_config *c);
/* One file of them (tests); one that is not there sets nothing. */
bool settings_read_file(struct settings *s, struct options *o,
    const struct settings_facts *facts, const char *path);
/* The same of a text. */
bool settings_read_text(struct settings *s, struct options *o,
    const struct settings_facts *facts, const char *name, char *text);
void settings_finish(struct settings *s);
/* Prints them, for --config. */
void settings_print(const struct settings *s);
/* Whether a name matches a list of patterns, with `separator` between them: "*", "?", and "!" for
 * those that must not match (ssh_config(5), PATTERNS).  Case counts not. */
bool settings_matches(const char *patterns, char separator, const char *name);

#endif
