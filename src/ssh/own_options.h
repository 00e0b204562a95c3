/*
 * belay's own options, which are long: one table, out of which come the parser, the usage,
 * the completions (`--completions`) and the check of the manual page.
 */
#ifndef SSH_OWN_OPTIONS_H
#define SSH_OWN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct options;

enum own_kind {
	OWN_FLAG, /* no value */
	OWN_FIRST, /* no value, and only as the first word (main.c) */
	OWN_SESSION, /* the name or id of a session */
	OWN_SESSIONS, /* several, with "," between them; or --idle */
	OWN_RENAME, /* SESSION:NAME */
	OWN_COUNT, /* a number of 32 bits */
	OWN_ROWS, /* the same, or "all": UINT32_MAX */
	OWN_TIME, /* as options_time takes it */
	OWN_WORD, /* the one word that is its value's name */
	OWN_TEXT, /* any but an empty one */
	OWN_CHOICE, /* one of its choices; their number, an unsigned */
};

struct own_option {
	const char *name;
	enum own_kind kind;
	const char *value; /* its name; NULL: it has none */
	const char *help; /* a few words */
	size_t at,
	    given; /* in struct options: where the value goes, and that there is one */
	const char *choices; /* "a|b|c" */
	bool setting; /* it may stand in a configuration file, too */
};

/* Number i of the table; NULL behind the last. */
const struct own_option *own_option(size_t i);
/* The option of this name, of `len` bytes; NULL: there is none. */
const struct own_option *own_option_find(const char *name, size_t len);
/* Whether the command line has it. */
bool own_option_given(const struct own_option *option, const struct options *o);
/* What the option allows as its value, in words. */
const char *own_option_allows(const struct own_option *option);
/* Takes the value (NULL for a flag).  False: it is none that the option takes. */
bool
own_option_set(const struct own_option *option, struct options *o, const char *value);

#endif
