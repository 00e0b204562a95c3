#include "client/options.h"

#include "base/err.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What belay does with an option of ssh. */
enum treatment {
	LINK, /* the link's ssh gets it too */
	DIRECT, /* the whole line is ssh's alone */
	NO_COMMAND,
	BACKGROUND,
	NULL_STDIN,
	SUBSYSTEM,
	TTY,
	NO_TTY,
	QUIET,
	VERBOSE,
	ESCAPE,
};

struct option {
	char letter;
	bool has_value;
	enum treatment treatment;
};

/* ssh(1) of OpenSSH 10; -1 and -2 are of the past but still parsed. */
static const struct option table[] = {
	{ '1', false, DIRECT },
	{ '2', false, LINK },
	{ '4', false, LINK },
	{ '6', false, LINK },
	{ 'A', false, LINK },
	{ 'a', false, LINK },
	{ 'B', true, LINK },
	{ 'b', true, LINK },
	{ 'C', false, LINK },
	{ 'c', true, LINK },
	{ 'D', true, LINK },
	{ 'E', true, LINK },
	{ 'e', true, ESCAPE },
	{ 'F', true, LINK },
	{ 'f', false, BACKGROUND },
	{ 'G', false, DIRECT },
	{ 'g', false, LINK },
	{ 'I', true, LINK },
	{ 'i', true, LINK },
	{ 'J', true, LINK },
	{ 'K', false, LINK },
	{ 'k', false, LINK },
	{ 'L', true, LINK },
	{ 'l', true, LINK },
	{ 'M', false, LINK },
	{ 'm', true, LINK },
	{ 'N', false, NO_COMMAND },
	{ 'n', false, NULL_STDIN },
	{ 'O', true, DIRECT },
	{ 'o', true, LINK },
	{ 'P', true, LINK },
	{ 'p', true, LINK },
	{ 'Q', true, DIRECT },
	{ 'q', false, QUIET },
	{ 'R', true, LINK },
	{ 'S', true, LINK },
	{ 's', false, SUBSYSTEM },
	{ 'T', false, NO_TTY },
	{ 't', false, TTY },
	{ 'V', false, DIRECT },
	{ 'v', false, VERBOSE },
	{ 'W', true, DIRECT },
	{ 'w', true, LINK },
	{ 'X', false, LINK },
	{ 'x', false, LINK },
	{ 'Y', false, LINK },
	{ 'y', false, LINK },
	{ 'Z', false, DIRECT },
};

static const struct option *
find(char letter)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].letter == letter)
			return &table[i];
	return NULL;
}

int
options_has_value(char letter)
{
	const struct option *opt = find(letter);
	return opt ? opt->has_value : -1;
}

/* ssh.c: one character, ^X, or "none". */
static char
escape_char(const char *value)
{
	if (value[0] == '^' && value[1] && !value[2])
		return (char)(value[1] & 31);
	return value[0] && !value[1] ? value[0] : 0;
}

static void
treat(struct options *o, const struct option *opt, const char *value)
{
	switch (opt->treatment) {
	case DIRECT:
		o->direct = true;
		break;
	case NO_COMMAND:
		o->no_command = true;
		break;
	case BACKGROUND:
		o->background = true;
		break;
	case NULL_STDIN:
		o->null_stdin = true;
		break;
	case SUBSYSTEM:
		o->subsystem = true;
		break;
	case TTY: /* ssh: the last of -t and -T counts */
		o->tty++;
		o->no_tty = false;
		break;
	case NO_TTY:
		o->no_tty = true;
		o->tty = 0;
		break;
	case QUIET:
		o->quiet = true;
		break;
	case VERBOSE:
		o->verbose++;
		break;
	case ESCAPE:
		o->escape = escape_char(value);
		break;
	case LINK:
		break;
	}
}

/* Hands an option on to the link's ssh, taken out of its bundle. */
static void
for_link(struct options *o, const struct option *opt, char *value)
{
	char *word = o->words[(unsigned char)opt->letter];
	word[0] = '-';
	word[1] = opt->letter;
	o->link_args[o->n_link_args++] = word;
	if (opt->has_value)
		o->link_args[o->n_link_args++] = value;
}

/* One word that begins with "-": letters, the last of which may take a value.  Returns
 * how many words were used. */
static int
parse_word(struct options *o, char **words, int n)
{
	for (char *p = words[0] + 1; *p; p++) {
		const struct option *opt = find(*p);
		bool glued = p[1] != 0;
		if (!opt || (opt->has_value && !glued && n < 2)) {
			o->bad_option = words[0];
			return 1;
		}
		char *value = !opt->has_value ? NULL : glued ? p + 1 : words[1];
		treat(o, opt, value);
		if (opt->treatment == LINK || opt->treatment == QUIET
		    || opt->treatment == VERBOSE)
			for_link(o, opt, value);
		if (opt->has_value)
			return glued ? 1 : 2;
	}
	return 1;
}

static void
parse_long(struct options *o, const char *word)
{
	if (strcmp(word, "--help") == 0)
		o->help = true;
	else if (strcmp(word, "--version") == 0)
		o->version = true;
	else
		o->bad_option = word;
}

int
options_parse(struct options *o, int argc, char **argv)
{
	*o = (struct options){ .escape = '~' };
	size_t letters = 0; /* a bundle of n letters becomes n words */
	for (int i = 1; i < argc; i++)
		letters += strlen(argv[i]) + 1;
	o->ssh_argv = calloc((size_t)argc + 2, sizeof *o->ssh_argv);
	o->link_args = calloc(letters + 1, sizeof *o->link_args);
	if (!o->ssh_argv || !o->link_args)
		return ERR_NOMEM;
	int n_ssh = 1, i = 1;
	bool options_ended = false;
	while (i < argc && !o->bad_option) {
		char *word = argv[i];
		int used = 1;
		if (!options_ended && strcmp(word, "--") == 0) {
			options_ended = true;
		} else if (!options_ended && strncmp(word, "--", 2) == 0) {
			parse_long(o, word);
			i++;
			continue; /* not for ssh */
		} else if (!options_ended && word[0] == '-' && word[1]) {
			used = parse_word(o, argv + i, argc - i);
		} else if (!o->destination) {
			o->destination = word;
			options_ended = false; /* ssh looks for options again here */
		} else {
			break;
		}
		while (used--)
			o->ssh_argv[n_ssh++] = argv[i++];
	}
	o->command = o->ssh_argv + n_ssh;
	while (i < argc)
		o->ssh_argv[n_ssh++] = argv[i++];
	return 0;
}

void
options_finish(struct options *o)
{
	free(o->ssh_argv);
	free(o->link_args);
	*o = (struct options){ 0 };
}
