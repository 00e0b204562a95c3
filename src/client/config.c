#include "client/config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Options that `ssh -G` does not tell of: where errors go, and a jump host, beside which
 * ssh takes no ProxyCommand. */
static bool
has_own_way(const struct options *o)
{
	for (size_t i = 0; i < o->n_link_args; i++) {
		const char *word = o->link_args[i];
		if (word[0] == '-' && word[1] && !word[2] && strchr("EJy", word[1]))
			return true;
		i += word[0] == '-' && options_has_value(word[1]) > 0;
	}
	return false;
}

void
config_from_options(struct config *c, const struct options *o)
{
	*c = (struct config){ .no_command = o->no_command,
		.subsystem = o->subsystem,
		.null_stdin = o->null_stdin,
		.background = o->background,
		.escape = o->escape,
		.asks_about_keys = true,
		.unix_mask = 0177,
		.ssh_connects = has_own_way(o) };
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
add_forward(struct config *c, bool remote, bool dynamic, struct span line)
{
	if (c->n_forwards < CONFIG_FORWARDS) {
		c->forwards[c->n_forwards++] = (struct config_forward){ remote, dynamic,
			line };
		return;
	}
	/* Too many: all of them are ssh's, and ports are free only when it has ended. */
	c->tells_forwards = false;
	c->one_link = true;
}

/* ssh -G tells of one that leads to a unix socket twice: first, by what it listens on, as
 * of a dynamic one. */
static void
set_local_forward(struct config *c, struct span value)
{
	const uint8_t *space = memchr(value.p, ' ', value.n);
	size_t kept = 0, first = space ? (size_t)(space - value.p) : value.n;
	for (size_t i = 0; i < c->n_forwards; i++) {
		const struct config_forward *f = &c->forwards[i];
		if (!f->dynamic || f->line.n != first
		    || memcmp(f->line.p, value.p, first) != 0)
			c->forwards[kept++] = *f;
	}
	c->n_forwards = kept;
	add_forward(c, false, false, value);
}

static void
set_remote_forward(struct config *c, struct span value)
{
	add_forward(c, true, false, value);
}

static void
set_dynamic_forward(struct config *c, struct span value)
{
	add_forward(c, false, true, value);
}

static void
set_tunnel(struct config *c, struct span value)
{
	c->one_link |= !is(value, "no") && !is(value, "false");
}

static void
set_gateway_ports(struct config *c, struct span value)
{
	c->gateway_ports = yes(value);
}

static void
set_exit_on_forward_failure(struct config *c, struct span value)
{
	c->exit_on_forward_failure = yes(value);
}

static void
set_unix_mask(struct config *c, struct span value)
{
	c->unix_mask = 0;
	for (size_t i = 0; i < value.n && value.p[i] >= '0' && value.p[i] <= '7'; i++)
		c->unix_mask = (8 * c->unix_mask + (unsigned)(value.p[i] - '0')) & 0777;
}

static void
set_unix_unlink(struct config *c, struct span value)
{
	c->unix_unlink = yes(value);
}

static void
set_forward_agent(struct config *c, struct span value)
{
	c->forward_agent = is(value, "no") ? (struct span){ value.p, 0 } : value;
}

static void
set_identity_agent(struct config *c, struct span value)
{
	c->identity_agent = value;
}

static void
set_x11(struct config *c, struct span value)
{
	c->x11 = yes(value);
}

static void
set_x11_trusted(struct config *c, struct span value)
{
	c->x11_trusted = yes(value);
}

static void
set_xauth(struct config *c, struct span value)
{
	c->xauth = value;
}

static void
set_hostname(struct config *c, struct span value)
{
	c->hostname = value;
}

static unsigned
number(struct span value)
{
	unsigned n = 0;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9' || n > 100 * 1000 * 1000)
			return 0;
		n = 10 * n + (unsigned)(value.p[i] - '0');
	}
	return n;
}

static void
set_x11_timeout(struct config *c, struct span value)
{
	c->x11_timeout_s = number(value);
}

static void
set_port(struct config *c, struct span value)
{
	c->port = number(value);
}

static void
set_family(struct config *c, struct span value)
{
	c->family = is(value, "inet") ? CONFIG_INET
	    : is(value, "inet6")      ? CONFIG_INET6
				      : CONFIG_ANY;
}

static void
set_connect_timeout(struct config *c, struct span value)
{
	c->connect_timeout_s = number(value); /* "none": 0 */
}

static void
set_keepalive(struct config *c, struct span value)
{
	c->keepalive = yes(value);
}

static void
set_fdpass(struct config *c, struct span value)
{
	(void)value;
	c->can_be_handed = true;
}

static void
set_key_checking(struct config *c, struct span value)
{
	c->asks_about_keys &= is(value, "ask");
}

static void
set_known_hosts(struct config *c, struct span value)
{
	c->keeps_no_keys = is(value, "none") || is(value, "/dev/null");
}

static void
set_batch_mode(struct config *c, struct span value)
{
	if (yes(value))
		c->asks_about_keys = false;
}

static void
set_control_path(struct config *c, struct span value)
{
	c->control_path = is(value, "none") ? (struct span){ value.p, 0 } : value;
}

static void
set_control_persist(struct config *c, struct span value)
{
	c->control_persist = !is(value, "no") && !is(value, "false");
}

static void
set_local_command(struct config *c, struct span value)
{
	c->local_command = is(value, "none") ? (struct span){ value.p, 0 } : value;
}

static void
set_permit_local(struct config *c, struct span value)
{
	c->permits_local = yes(value);
}

static void
set_log_level(struct config *c, struct span value)
{
	/* The first is what ssh calls QUIET itself. */
	c->silent = is(value, "SILENT") || is(value, "QUIET") || is(value, "FATAL");
}

/* Anything but "no" is for ssh. */
static void
set_for_ssh(struct config *c, struct span value)
{
	if (!is(value, "no") && !is(value, "false") && !is(value, "none"))
		c->ssh_connects = true;
}

static void
set_attempts(struct config *c, struct span value)
{
	if (!is(value, "1"))
		c->ssh_connects = true;
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
	{ "localforward", set_local_forward },
	{ "remoteforward", set_remote_forward },
	{ "dynamicforward", set_dynamic_forward },
	{ "gatewayports", set_gateway_ports },
	{ "exitonforwardfailure", set_exit_on_forward_failure },
	{ "streamlocalbindmask", set_unix_mask },
	{ "streamlocalbindunlink", set_unix_unlink },
	{ "forwardagent", set_forward_agent },
	{ "identityagent", set_identity_agent },
	{ "forwardx11", set_x11 },
	{ "forwardx11trusted", set_x11_trusted },
	{ "forwardx11timeout", set_x11_timeout },
	{ "xauthlocation", set_xauth },
	{ "tunnel", set_tunnel },
	{ "hostname", set_hostname },
	{ "port", set_port },
	{ "addressfamily", set_family },
	{ "connecttimeout", set_connect_timeout },
	{ "tcpkeepalive", set_keepalive },
	{ "proxyusefdpass", set_fdpass },
	{ "stricthostkeychecking", set_key_checking },
	{ "userknownhostsfile", set_known_hosts },
	{ "batchmode", set_batch_mode },
	{ "controlpath", set_control_path },
	{ "controlpersist", set_control_persist },
	{ "loglevel", set_log_level },
	{ "localcommand", set_local_command },
	{ "permitlocalcommand", set_permit_local },
	{ "connectionattempts", set_attempts },
	{ "proxycommand", set_for_ssh },
	{ "proxyjump", set_for_ssh },
	{ "bindaddress", set_for_ssh },
	{ "bindinterface", set_for_ssh },
	{ "canonicalizehostname", set_for_ssh },
	{ "canonicalizepermittedcnames", set_for_ssh },
	{ "checkhostip", set_for_ssh },
	{ "nohostauthenticationforlocalhost", set_for_ssh },
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
		if (key.n == strlen(keywords[i].keyword)
		    && strncasecmp((const char *)key.p, keywords[i].keyword, key.n) == 0)
			keywords[i].set(c, value);
}

void
config_parse(struct config *c, struct span text)
{
	c->tells_forwards = text.n > 0;
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
	if (c->tells_forwards)
		snprintf(ret_words[n++], CONFIG_OVERRIDE_LEN,
		    "-oClearAllForwardings=yes");
	if (terminal && c->ipqos.n && c->ipqos.n < 32)
		snprintf(ret_words[n++], CONFIG_OVERRIDE_LEN, "-oIPQoS=%.*s",
		    (int)c->ipqos.n, (const char *)c->ipqos.p);
	return n;
}

bool
config_connects(const struct config *c, bool asks, bool key_known)
{
	if (!c->can_be_handed || c->ssh_connects || !c->hostname.n || !c->port)
		return false;
	return !asks || !c->asks_about_keys || (key_known && !c->keeps_no_keys);
}
