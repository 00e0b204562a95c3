#include "ssh/own_options.h"

#include "base/session_name.h"
#include "ssh/options.h"

#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct options, field)
#define FLAG(name, field, help) \
	{ \
		name, OWN_FLAG, NULL, help, AT(field), 0, NULL, false \
	}
#define TEXT(name, kind, field, value, help) \
	{ \
		name, kind, value, help, AT(field), 0, NULL, false \
	}
/* What may stand in a configuration file as well (client/settings.h). */
#define SETTING(name, kind, field, value, help) \
	{ \
		name, kind, value, help, AT(field), 0, NULL, true \
	}

static const struct own_option table[] = {
	FLAG("new", fresh, "start another session"),
	{ "return", OWN_CHOICE, "WHEN",
	    "come back to a shell that was left: auto, always or never", AT(returns), 0,
	    "auto|always|never", true },
	{ "again", OWN_CHOICE, "WHEN",
	    "begin again when the session is gone: auto, ask, always or never", AT(again),
	    0, "auto|ask|always|never", true },
	SETTING("keep-history", OWN_FLAG, keep_history, NULL,
	    "the host keeps what a shell shows for after its restart"),
	SETTING("keep-max", OWN_COUNT, keep_mib, "MIB", "... of each at most so much"),
	TEXT("session", OWN_SESSION, session, "NAME", "come to this session, or make it"),
	FLAG("share", share, "beside its other clients"),
	FLAG("read-only", read_only, "only look on"),
	SETTING("fit", OWN_FLAG, fit, NULL, "as small as the smallest window of all"),
	{ "predict", OWN_CHOICE, "MODE",
	    "show what is typed at once: adaptive, always, never or experimental",
	    AT(predict), AT(has_predict), "never|adaptive|always|experimental", true },
	{ "history", OWN_ROWS, "ROWS", "rows of history for a new terminal, or all",
	    AT(history), AT(has_history), NULL, true },
	{ "history-time", OWN_COUNT, "SECONDS", "how long the screen may take for them",
	    AT(history_time_s), AT(has_history_time), NULL, true },
	{ "redraw", OWN_CHOICE, "WHEN",
	    "the program draws anew when it is come back to: auto, always or never",
	    AT(redraw), 0, "auto|always|never", true },
	SETTING("linger", OWN_TIME, linger_s, "TIME",
	    "how long the session is kept when nobody comes back"),
	SETTING("give-up", OWN_TIME, give_up_s, "TIME",
	    "how long a host that is lost is tried"),
	SETTING("on-lost", OWN_TEXT, on_lost, "COMMAND", "run it when the host is lost"),
	SETTING("on-back", OWN_TEXT, on_back, "COMMAND", "run it when the host is back"),
	SETTING("on-away", OWN_TEXT, on_away, "COMMAND",
	    "run it on the return if something happened there meanwhile"),
	SETTING("sftp", OWN_WORD, own_sftp, "own",
	    "any sftp-server, without sshd's options"),
	SETTING("wait", OWN_FLAG, wait, NULL,
	    "wait for a way to the host, also with a command"),
	{ "udp", OWN_CHOICE, "WHEN",
	    "datagrams beside ssh, where they get through: auto, never or only", AT(udp),
	    0, "auto|never|only", true },
	SETTING("alone", OWN_FLAG, alone, NULL,
	    "a login of its own, not one for all windows"),
	FLAG("list", list, "print the sessions"),
	FLAG("restore", restore, "open the windows of before this machine's last start"),
	FLAG("print", print, "... or print their command lines"),
	TEXT("restore-with", OWN_TEXT, restore_with, "COMMAND",
	    "... by this command, as xterm -e"),
	FLAG("json", json, "... as JSON, also of --status"),
	FLAG("status", status, "how the belays that run here are doing"),
	FLAG("forward", forward, "add -L, -R and -D to one that runs"),
	FLAG("cancel", cancel, "drop -L, -R and -D of one that runs"),
	TEXT("kill", OWN_SESSIONS, kill, "SESSIONS",
	    "end them: a,b,c; --idle: shells that do nothing"),
	TEXT("detach", OWN_SESSION, detach, "SESSION", "send its clients away"),
	TEXT("rename", OWN_RENAME, rename, "SESSION:NAME", "call it otherwise"),
	{ "autossh", OWN_FIRST, NULL, "as the first word: take autossh's command line", 0,
	    0, NULL, false },
	FLAG("config", config, "print what is set for the destination, and where"),
	FLAG("forget", forget, "what was found out about the host"),
	FLAG("remove", remove, "take all that belay has left off the host"),
	FLAG("completions", completions, "print this table for a shell's completion"),
	FLAG("help", help, "print this"),
	FLAG("version", version, "print the version"),
};

const struct own_option *
own_option(size_t i)
{
	return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

const struct own_option *
own_option_find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
			return &table[i];
	return NULL;
}

static bool
parse_count(const char *value, uint32_t *ret_n)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);
	*ret_n = (uint32_t)n;
	return *value >= '0' && *value <= '9' && !*end && n <= UINT32_MAX;
}

static bool
is_name(const char *name, size_t len)
{
	return session_name_ok((struct span){ (const uint8_t *)name, len });
}

static bool
are_names(const char *value)
{
	for (bool more = strcmp(value, "--idle") != 0; more;) {
		size_t n = strcspn(value, ",");
		if (!is_name(value, n))
			return false;
		more = value[n] != 0;
		value += n + more;
	}
	return true;
}

/* Which of the words "a|b|c" it is. */
static bool
parse_choice(const char *words, const char *value, unsigned *ret_i)
{
	size_t len = strlen(value);
	for (*ret_i = 0; *words; ++*ret_i) {
		size_t n = strcspn(words, "|");
		if (n == len && memcmp(words, value, n) == 0)
			return true;
		words += n + (words[n] != 0);
	}
	return false;
}

_Static_assert(sizeof table / sizeof *table <= 64, "own_given has a bit for each");

bool
own_option_given(const struct own_option *option, const struct options *o)
{
	return o->own_given >> (option - table) & 1;
}

bool
own_option_set(const struct own_option *option, struct options *o, const char *value)
{
	char *fields = (char *)o;
	void *at = fields + option->at;
	const char *colon = value ? strchr(value, ':') : NULL;
	o->own_given |= (uint64_t)1 << (option - table);
	if (option->given)
		*(bool *)(fields + option->given) = true;
	switch (option->kind) {
	case OWN_FLAG:
		*(bool *)at = true;
		return true;
	case OWN_SESSION:
		*(const char **)at = value;
		return is_name(value, strlen(value));
	case OWN_SESSIONS:
		*(const char **)at = value;
		return are_names(value);
	case OWN_RENAME:
		*(const char **)at = value;
		return colon && is_name(value, (size_t)(colon - value))
		    && is_name(colon + 1, strlen(colon + 1));
	case OWN_COUNT:
		return parse_count(value, at);
	case OWN_ROWS:
		if (strcmp(value, "all") != 0)
			return parse_count(value, at);
		*(uint32_t *)at = UINT32_MAX;
		return true;
	case OWN_TIME:
		return options_time(value, at);
	case OWN_CHOICE:
		return parse_choice(option->choices, value, at);
	case OWN_WORD:
		*(bool *)at = strcmp(value, option->value) == 0;
		return *(bool *)at;
	case OWN_TEXT:
		*(const char **)at = value;
		return value[0] != 0;
	case OWN_FIRST:
		break;
	}
	return false;
}

const char *
own_option_allows(const struct own_option *option)
{
	static const char *const allowed[] = {
		[OWN_FLAG] = "it takes no value",
		[OWN_FIRST] = "it can only be the first word",
		[OWN_SESSION] =
		    "a session's name (letters, digits and . _ - + @, at most 64)"
		    " or the beginning of its id",
		[OWN_SESSIONS] =
		    "names of sessions or beginnings of their ids, with commas"
		    " between them, or --idle",
		[OWN_RENAME] =
		    "SESSION:NAME, the name of letters, digits and . _ - + @, at"
		    " most 64",
		[OWN_COUNT] = "a number",
		[OWN_ROWS] = "a number, or all",
		[OWN_TIME] = "a time: 90, 30m, 12h, 7d or 4w",
		[OWN_TEXT] = "any text but an empty one",
	};
	switch (option->kind) {
	case OWN_WORD:
		return option->value;
	case OWN_CHOICE:
		return option->choices;
	default:
		return allowed[option->kind];
	}
}
