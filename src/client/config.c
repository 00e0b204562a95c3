#include "client/config.h"

#include <stdio.h>
#include <string.h>

void
config_from_options(struct config *c, const struct options *o)
{
	*c = (struct config){ .no_command = o->no_command,
		.subsystem = o->subsystem,
		.null_stdin = o->null_stdin,
		.background = o->background,
		.escape = o->escape };
	if (o->tty)
		c->tty = o->tty > 1 ? CONFIG_TTY_FORCE : CONFIG_TTY_YES;
	else if (o->no_tty)
		c->tty = CONFIG_TTY_NO;
}

static bool
is(struct span s, const char *word)
{
	return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

static bool
yes(struct span value)
{
	return is(value, "yes") || is(value, "true");
}

static void
set_tty(struct config *c, struct span value)
{
	if (is(value, "force"))
		c->tty = CONFIG_TTY_FORCE;
	else if (yes(value))
		c->tty = CONFIG_TTY_YES;
	else if (is(value, "no") || is(value, "false"))
		c->tty = CONFIG_TTY_NO;
	else
		c->tty = CONFIG_TTY_AUTO;
}

static void
set_session_type(struct config *c, struct span value)
{
	c->tells_type = true;
	c->no_command = is(value, "none");
	c->subsystem = is(value, "subsystem");
}

static void
set_null_stdin(struct config *c, struct span value)
{
	c->null_stdin = yes(value);
}

static void
set_background(struct config *c, struct span value)
{
	c->background = yes(value);
}

static void
set_escape(struct config *c, struct span value)
{
	/* ssh prints control characters as \^X */
	if (value.n > 1 && value.p[0] == '\\') {
		value.p++;
		value.n--;
	}
	if (value.n == 2 && value.p[0] == '^')
		c->escape = (char)(value.p[1] & 31);
	else
		c->escape = value.n == 1 ? (char)value.p[0] : 0;
}

static void
set_remote_command(struct config *c, struct span value)
{
	c->remote_command = is(value, "none") ? (struct span){ value.p, 0 } : value;
}

static void
set_ipqos(struct config *c, struct span value)
{
	const uint8_t *space = memchr(value.p, ' ', value.n);
	c->ipqos = (struct span){ value.p, space ? (size_t)(space - value.p) : value.n };
}

static void
set_forwards(struct config *c, struct span value)
{
	c->forwards = value.n > 0;
}

static const struct {
	const char *keyword;
	void (*set)(struct config *c, struct span value);
} keywords[] = {
	{ "requesttty", set_tty },
	{ "sessiontype", set_session_type },
	{ "stdinnull", set_null_stdin },
	{ "forkafterauthentication", set_background },
	{ "escapechar", set_escape },
	{ "remotecommand", set_remote_command },
	{ "ipqos", set_ipqos },
	{ "localforward", set_forwards },
	{ "remoteforward", set_forwards },
	{ "dynamicforward", set_forwards },
};

static void
parse_line(struct config *c, struct span line)
{
	const uint8_t *space = memchr(line.p, ' ', line.n);
	if (!space)
		return;
	struct span key = { line.p, (size_t)(space - line.p) };
	struct span value = { space + 1, line.n - key.n - 1 };
	for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
		if (is(key, keywords[i].keyword))
			keywords[i].set(c, value);
}

void
config_parse(struct config *c, struct span text)
{
	while (text.n) {
		const uint8_t *nl = memchr(text.p, '\n', text.n);
		size_t len = nl ? (size_t)(nl - text.p) : text.n;
		parse_line(c, (struct span){ text.p, len });
		text.p += len + (nl != NULL);
		text.n -= len + (nl != NULL);
	}
}

size_t
config_overrides(const struct config *c, bool terminal,
    char ret_words[CONFIG_OVERRIDES][CONFIG_OVERRIDE_LEN])
{
	static const char *const types[] = { "-oSessionType=default", "-oStdinNull=no",
		"-oForkAfterAuthentication=no" };
	size_t n = 0;
	for (size_t i = 0; c->tells_type && i < sizeof types / sizeof *types; i++)
		snprintf(ret_words[n++], CONFIG_OVERRIDE_LEN, "%s", types[i]);
	if (terminal && c->ipqos.n && c->ipqos.n < 32)
		snprintf(ret_words[n++], CONFIG_OVERRIDE_LEN, "-oIPQoS=%.*s",
		    (int)c->ipqos.n, (const char *)c->ipqos.p);
	return n;
}
