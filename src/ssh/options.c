#include "ssh/options.h"

#include "base/err.h"
#include "base/hash.h"
#include "ssh/own_options.h"

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
	STDIO,
	LOG,
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
	{ 'E', true, LOG },
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
	{ 'W', true, STDIO },
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

/* ssh.c: one character, ^X, or "none"; of another one ssh says that it is wrong. */
static void
set_escape(struct options *o, const char *value)
{
	if (value[0] == '^' && (value[1] & 0xc0) == 0x40 && !value[2])
		o->escape = (char)(value[1] & 31);
	else
		o->escape = value[0] && !value[1] ? value[0] : 0;
	o->direct |= !o->escape && strcmp(value, "none") != 0;
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
		set_escape(o, value);
		break;
	case STDIO:
		o->stdio_forward = value;
		break;
	case LOG:
		o->log = value;
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

/* One word that begins with "-": letters, the last of which may take a value.  What is
 * wrong, or newer than we are, is for ssh to tell.  Returns how many words were used. */
static int
parse_word(struct options *o, char **words, int n)
{
	for (char *p = words[0] + 1; *p; p++) {
		const struct option *opt = find(*p);
		bool glued = p[1] != 0;
		if (!opt || (opt->has_value && !glued && n < 2)) {
			o->direct = true;
			return 1;
		}
		char *value = !opt->has_value ? NULL : glued ? p + 1 : words[1];
		treat(o, opt, value);
		if (opt->treatment == LINK || opt->treatment == QUIET
		    || opt->treatment == VERBOSE || opt->treatment == LOG)
			for_link(o, opt, value);
		if (opt->has_value)
			return glued ? 1 : 2;
	}
	return 1;
}

/* ---- belay's own options, all long ---- */

bool
options_time(const char *value, uint32_t *ret_s)
{
	static const struct {
		char letter;
		uint32_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
		{ 'w', 604800 } };
	char *end;
	unsigned long n = strtoul(value, &end, 10);
	uint64_t unit = 1;
	if (*value < '0' || *value > '9' || n > UINT32_MAX)
		return false;
	for (size_t i = 0; *end && i < sizeof units / sizeof *units; i++)
		if ((*end | 32) == units[i].letter && !end[1]) {
			unit = units[i].seconds;
			end++;
		}
	*ret_s = n * unit > UINT32_MAX ? UINT32_MAX : (uint32_t)(n * unit);
	return !*end && *ret_s;
}

/* One word that begins with "--"; a value follows behind "=" or as the next word.
 * Returns how many words were used. */
static int
parse_long(struct options *o, char **words, int n)
{
	const char *name = words[0] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct own_option *option = own_option_find(name, len);
	bool next = option && option->value && !equals;
	const char *value = equals ? equals + 1 : next && n > 1 ? words[1] : NULL;
	if (option && !option->value == !value && own_option_set(option, o, value))
		return next ? 2 : 1;
	o->bad_option = words[0];
	o->bad_value = value;
	return 1;
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
			o->options_end = (size_t)n_ssh;
		} else if (!options_ended && strncmp(word, "--", 2) == 0) {
			i += parse_long(o, argv + i, argc - i);
			continue; /* not for ssh */
		} else if (!options_ended && word[0] == '-' && word[1]) {
			used = parse_word(o, argv + i, argc - i);
		} else if (!o->destination) {
			o->destination = word; /* ssh looks for options again here */
			o->n_before = o->n_link_args;
		} else {
			break;
		}
		while (used--)
			o->ssh_argv[n_ssh++] = argv[i++];
	}
	o->command = o->ssh_argv + n_ssh;
	if (!options_ended)
		o->options_end = (size_t)n_ssh;
	while (i < argc)
		o->ssh_argv[n_ssh++] = argv[i++];
	return 0;
}

void
options_set_destination(struct options *o, const char *destination)
{
	o->destination = destination;
	o->n_before = o->n_link_args;
}

/* With the NUL, so that words do not run together. */
static uint64_t
hash_word(uint64_t hash, const char *word)
{
	return hash_bytes(hash, word, strlen(word) + 1);
}

uint64_t
options_key(const struct options *o)
{
	uint64_t hash = HASH_BEGIN;
	for (size_t i = 0; i < o->n_link_args; i++)
		hash = hash_word(hash, o->link_args[i]);
	return hash_word(hash, o->destination);
}

static void
put_word(const char *word, struct buf *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_./:@%+=,";
	if (*word && !word[strspn(word, plain)]) {
		buf_print(out, "%s", word);
		return;
	}
	buf_putc(out, '\'');
	for (; *word; word++)
		if (*word == '\'')
			buf_print(out, "'\\''");
		else
			buf_putc(out, *word);
	buf_putc(out, '\'');
}

void
options_put(const struct options *o, struct buf *out)
{
	for (size_t i = 0; i < o->n_before; i++) {
		put_word(o->link_args[i], out);
		buf_putc(out, ' ');
	}
	put_word(o->destination, out);
	for (size_t i = o->n_before; i < o->n_link_args; i++) {
		buf_putc(out, ' ');
		put_word(o->link_args[i], out);
	}
}

void
options_finish(struct options *o)
{
	free(o->ssh_argv);
	free(o->link_args);
	*o = (struct options){ 0 };
}
