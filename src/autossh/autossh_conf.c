#include "autossh/autossh_conf.h"

#include "base/err.h"
#include "ssh/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In front of the user's own words: the program, and up to two forwardings. */
enum { WORDS_BEFORE = 5 };

/* ---- the environment ---- */

static const struct number {
	const char *name;
	size_t offset;
	long low, high, without; /* the value if it is not given */
} numbers[] = {
	{ "AUTOSSH_POLL", offsetof(struct autossh_conf, poll_s), 1, INT_MAX, 600 },
	{ "AUTOSSH_FIRST_POLL", offsetof(struct autossh_conf, first_poll_s), 1, INT_MAX,
	    0 },
	{ "AUTOSSH_GATETIME", offsetof(struct autossh_conf, gate_s), 0, INT_MAX, 30 },
	{ "AUTOSSH_MAXSTART", offsetof(struct autossh_conf, max_start), -1, INT_MAX, -1 },
	{ "AUTOSSH_MAXLIFETIME", offsetof(struct autossh_conf, max_life_s), 0, INT_MAX,
	    0 },
	{ "AUTOSSH_LOGLEVEL", offsetof(struct autossh_conf, log_level), 0, 7, 6 },
};

static const struct text {
	const char *name;
	size_t offset;
} texts[] = {
	{ "AUTOSSH_MESSAGE", offsetof(struct autossh_conf, message) },
	{ "AUTOSSH_PATH", offsetof(struct autossh_conf, ssh) },
	{ "AUTOSSH_PIDFILE", offsetof(struct autossh_conf, pid_file) },
	{ "AUTOSSH_LOGFILE", offsetof(struct autossh_conf, log_file) },
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* As C writes integers: also 0x10 and 010. */
static bool
parse_number(const char *s, long low, long high, long *ret_n)
{
	char *end;
	errno = 0;
	long n = strtol(s, &end, 0);
	if (end == s || *end || errno || n < low || n > high)
		return false;
	*ret_n = n;
	return true;
}

static void
read_environment(struct autossh_conf *c, char *(*env)(const char *))
{
	for (size_t i = 0; i < COUNT(numbers); i++) {
		const struct number *v = &numbers[i];
		long *value = (long *)(void *)((char *)c + v->offset);
		const char *s = env(v->name);
		*value = v->without;
		if (s && !parse_number(s, v->low, v->high, value) && !c->error[0])
			snprintf(c->error, sizeof c->error,
			    "%s: not a number from %ld to %ld: %s", v->name, v->low,
			    v->high, s);
	}
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *s = env(texts[i].name);
		if (s && s[0])
			*(const char **)(void *)((char *)c + texts[i].offset) = s;
	}
	c->debug = env("AUTOSSH_DEBUG") != NULL;
	if (c->debug)
		c->log_level = 7;
	if (c->message && strlen(c->message) > AUTOSSH_MESSAGE_MAX && !c->error[0])
		snprintf(c->error, sizeof c->error,
		    "AUTOSSH_MESSAGE: longer than %d bytes", AUTOSSH_MESSAGE_MAX);
}

/* ---- the command line ---- */

static void
read_port(struct autossh_conf *c, const char *name, const char *value)
{
	char port[16];
	size_t n = strcspn(value, ":");
	bool good = n < sizeof port;
	snprintf(port, sizeof port, "%.*s", (int)n, value);
	good = good && parse_number(port, 0, AUTOSSH_PORT_MAX, &c->port);
	if (good && value[n])
		good = parse_number(value + n + 1, 1, AUTOSSH_PORT_MAX + 1,
		    &c->echo_port);
	if (!good && !c->error[0])
		snprintf(c->error, sizeof c->error, "%s: not a port from 0 to %d: %s",
		    name, AUTOSSH_PORT_MAX, value);
}

static void
add(struct autossh_conf *c, char *word)
{
	c->ssh_argv[c->n_ssh_argv++] = word;
}

/* One word that begins with "-": what is ssh's in it goes on, what is autossh's does not.
 * Returns how many words were used, 0 if it cannot be understood. */
static int
read_word(struct autossh_conf *c, char **argv, int n, char **room, const char **ret_port)
{
	char *word = *room, *value = NULL;
	size_t len = 0;
	int used = 1;
	word[len++] = '-';
	for (char *p = argv[0] + 1; *p; p++) {
		int has_value = *p == 'M' ? 1 : options_has_value(*p);
		bool glued = p[1] != 0;
		if (has_value < 0 || (has_value && !glued && n < 2))
			return 0;
		used = has_value && !glued ? 2 : 1;
		if (*p == 'M') {
			*ret_port = glued ? p + 1 : argv[1];
			break;
		}
		c->version = c->version || *p == 'V';
		c->background = c->background || *p == 'f';
		c->reads_stdin = c->reads_stdin && *p != 'N' && *p != 'n';
		if (*p != 'f')
			word[len++] = *p;
		if (has_value) {
			value = glued ? NULL : argv[1];
			len += (size_t)sprintf(word + len, "%s", p + 1);
			break;
		}
	}
	word[len] = 0;
	if (len > 1)
		add(c, word);
	if (value)
		add(c, value);
	*room += len + 1;
	return used;
}

static void
read_line(struct autossh_conf *c, int argc, char **argv, const char **ret_port)
{
	char *room = c->words;
	bool options_ended = false, destination = false;
	int i = 1;
	while (i < argc) {
		if (!options_ended && strcmp(argv[i], "--") == 0) {
			options_ended = true;
			add(c, argv[i++]);
		} else if (!options_ended && argv[i][0] == '-' && argv[i][1]) {
			int used = read_word(c, argv + i, argc - i, &room, ret_port);
			if (!used)
				break;
			i += used;
		} else if (!destination) {
			destination = true;
			options_ended = false; /* ssh looks for options again here */
			add(c, argv[i++]);
		} else {
			break;
		}
	}
	bool unknown = i < argc && !destination;
	if (i < argc && !options_ended && argv[i][0] == '-' && argv[i][1])
		unknown = true;
	if (unknown)
		snprintf(c->error, sizeof c->error,
		    "unknown option, or one without its value: %s", argv[i]);
	c->usage = !c->version && (unknown || !destination);
	while (i < argc)
		add(c, argv[i++]);
}

int
autossh_conf_read(struct autossh_conf *c, int argc, char **argv,
    char *(*env)(const char *name))
{
	const char *from_env = env("AUTOSSH_PORT"), *port = NULL;
	size_t room = 1;
	*c = (struct autossh_conf){ .n_ssh_argv = WORDS_BEFORE, .reads_stdin = true };
	for (int i = 1; i < argc; i++)
		room += strlen(argv[i]) + 2;
	c->words = calloc(room, 1);
	c->ssh_argv = calloc((size_t)argc + WORDS_BEFORE + 1, sizeof *c->ssh_argv);
	if (!c->words || !c->ssh_argv)
		return ERR_NOMEM;
	read_line(c, argc, argv, &port);
	if (c->version || c->usage)
		return 0;
	read_environment(c, env);
	if (port)
		read_port(c, "-M", port);
	else if (from_env && from_env[0])
		read_port(c, "AUTOSSH_PORT", from_env);
	else
		c->any_port = true;
	if (c->background) /* nobody sees why it does not work at first: try on */
		c->gate_s = 0;
	if (c->max_life_s && c->poll_s > c->max_life_s)
		c->poll_s = c->max_life_s;
	if (!c->first_poll_s)
		c->first_poll_s = c->poll_s;
	return 0;
}

char **
autossh_conf_argv(struct autossh_conf *c, char *program)
{
	char **first = c->ssh_argv + WORDS_BEFORE;
	static char local[] = "-L", remote[] = "-R";
	bool loop = c->port && !c->echo_port;
	snprintf(c->forward[0], sizeof c->forward[0], "%ld:127.0.0.1:%ld", c->port,
	    c->echo_port ? c->echo_port : c->port);
	snprintf(c->forward[1], sizeof c->forward[1], "%ld:127.0.0.1:%ld", c->port,
	    c->port + 1);
	if (loop) {
		*--first = c->forward[1];
		*--first = remote;
	}
	if (c->port) {
		*--first = c->forward[0];
		*--first = local;
	}
	*--first = program;
	return first;
}

void
autossh_conf_finish(struct autossh_conf *c)
{
	free(c->ssh_argv);
	free(c->words);
	*c = (struct autossh_conf){ 0 };
}
