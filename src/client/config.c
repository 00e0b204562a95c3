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
	else if (is(value, "auto"))
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

/* ---- what a -R without a destination may lead to ---- */

/* The first one counts: it is said. */
static void
leave_to_ssh(struct config *c, struct span keyword)
{
	static const struct span nameless = { (const uint8_t *)"a keyword", 9 };
	if (!c->for_ssh.n)
		c->for_ssh = keyword.n ? keyword : nameless;
}

/* "host:80", "[address]:80", with "*" for all; names of services are ssh's. */
static bool
parse_open(struct span word, struct config_target *ret)
{
	static const uint8_t brackets[] = "[]";
	const uint8_t *end = word.p + word.n, *colon = NULL;
	bool bracket = word.n && word.p[0] == brackets[0];
	const uint8_t *close = bracket ? memchr(word.p, brackets[1], word.n) : NULL;
	if (bracket && (!close || close + 1 == end || close[1] != ':'))
		return false;
	colon = bracket ? close + 1 : memchr(word.p, ':', word.n);
	if (!colon || memchr(colon + 1, ':', (size_t)(end - colon - 1)))
		return false;
	ret->host = bracket ? (struct span){ word.p + 1, (size_t)(close - word.p - 1) }
			    : (struct span){ word.p, (size_t)(colon - word.p) };
	struct span port = { colon + 1, (size_t)(end - colon - 1) };
	ret->port = number(port);
	return ret->host.n && (is(port, "*") || (ret->port && ret->port < 65536));
}

static void
set_remote_open(struct config *c, struct span value)
{
	static const struct span keyword = { (const uint8_t *)"permitremoteopen", 16 };
	c->n_opens = 0;
	c->remote_open = is(value, "any") ? CONFIG_OPEN_ANY
	    : is(value, "none")		  ? CONFIG_OPEN_NONE
					  : CONFIG_OPEN_LISTED;
	if (c->remote_open != CONFIG_OPEN_LISTED)
		return;
	do {
		const uint8_t *space = memchr(value.p, ' ', value.n);
		size_t n = space ? (size_t)(space - value.p) : value.n;
		struct span word = { value.p, n };
		if (c->n_opens == CONFIG_OPENS
		    || !parse_open(word, &c->opens[c->n_opens])) {
			leave_to_ssh(c, keyword);
			return;
		}
		c->n_opens++;
		value.p += n + (space != NULL);
		value.n -= n + (space != NULL);
	} while (value.n);
}

bool
config_may_open(const struct config *c, const char *host, unsigned port)
{
	for (size_t i = 0; c->remote_open == CONFIG_OPEN_LISTED && i < c->n_opens; i++) {
		const struct config_target *t = &c->opens[i];
		if ((is(t->host, "*") || is(t->host, host))
		    && (!t->port || t->port == port))
			return true;
	}
	return c->remote_open == CONFIG_OPEN_ANY;
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

/* Every keyword of OpenSSH 10.5 and of those before it, with what Debian and Apple have added. */
static const struct keyword {
	const char *name;
	enum config_who who;
	void (*set)(struct config *c, struct span value);
} keywords[] = {
	{ "addkeystoagent", CONFIG_LINK, NULL },
	{ "addressfamily", CONFIG_OURS, set_family },
	{ "batchmode", CONFIG_LINK, set_batch_mode },
	{ "bindaddress", CONFIG_LINK, set_for_ssh },
	{ "bindinterface", CONFIG_LINK, set_for_ssh },
	{ "canonicaldomains", CONFIG_LINK, NULL },
	{ "canonicalizefallbacklocal", CONFIG_LINK, NULL },
	{ "canonicalizehostname", CONFIG_LINK, set_for_ssh },
	{ "canonicalizemaxdots", CONFIG_LINK, NULL },
	{ "canonicalizepermittedcnames", CONFIG_LINK, set_for_ssh },
	{ "casignaturealgorithms", CONFIG_LINK, NULL },
	{ "certificatefile", CONFIG_LINK, NULL },
	{ "challengeresponseauthentication", CONFIG_LINK, NULL },
	{ "channeltimeout", CONFIG_SSH, NULL },
	{ "checkhostip", CONFIG_LINK, set_for_ssh },
	{ "cipher", CONFIG_LINK, NULL },
	{ "ciphers", CONFIG_LINK, NULL },
	{ "clearallforwardings", CONFIG_OURS, NULL },
	{ "compression", CONFIG_LINK, NULL },
	{ "compressionlevel", CONFIG_LINK, NULL },
	{ "connectionattempts", CONFIG_LINK, set_attempts },
	{ "connecttimeout", CONFIG_OURS, set_connect_timeout },
	{ "controlmaster", CONFIG_LINK, NULL },
	{ "controlpath", CONFIG_LINK, set_control_path },
	{ "controlpersist", CONFIG_LINK, set_control_persist },
	{ "dsaauthentication", CONFIG_LINK, NULL },
	{ "dynamicforward", CONFIG_OURS, set_dynamic_forward },
	{ "enableescapecommandline", CONFIG_OURS, NULL },
	{ "enablesshkeysign", CONFIG_LINK, NULL },
	{ "escapechar", CONFIG_OURS, set_escape },
	{ "exitonforwardfailure", CONFIG_OURS, set_exit_on_forward_failure },
	{ "fingerprinthash", CONFIG_LINK, NULL },
	{ "forkafterauthentication", CONFIG_OURS, set_background },
	{ "forwardagent", CONFIG_LINK, set_forward_agent },
	{ "forwardx11", CONFIG_OURS, set_x11 },
	{ "forwardx11timeout", CONFIG_OURS, set_x11_timeout },
	{ "forwardx11trusted", CONFIG_OURS, set_x11_trusted },
	{ "gatewayports", CONFIG_OURS, set_gateway_ports },
	{ "globalknownhostsfile", CONFIG_LINK, NULL },
	{ "gssapiauthentication", CONFIG_LINK, NULL },
	{ "gssapiclientidentity", CONFIG_LINK, NULL },
	{ "gssapidelegatecredentials", CONFIG_LINK, NULL },
	{ "gssapikexalgorithms", CONFIG_LINK, NULL },
	{ "gssapikeyexchange", CONFIG_LINK, NULL },
	{ "gssapirenewalforcesrekey", CONFIG_LINK, NULL },
	{ "gssapiserveridentity", CONFIG_LINK, NULL },
	{ "gssapitrustdns", CONFIG_LINK, NULL },
	{ "hashknownhosts", CONFIG_LINK, NULL },
	{ "host", CONFIG_LINK, NULL },
	{ "hostbasedacceptedalgorithms", CONFIG_LINK, NULL },
	{ "hostbasedauthentication", CONFIG_LINK, NULL },
	{ "hostbasedkeytypes", CONFIG_LINK, NULL },
	{ "hostkeyalgorithms", CONFIG_LINK, NULL },
	{ "hostkeyalias", CONFIG_LINK, NULL },
	{ "hostname", CONFIG_OURS, set_hostname },
	{ "identitiesonly", CONFIG_LINK, NULL },
	{ "identityagent", CONFIG_LINK, set_identity_agent },
	{ "identityfile", CONFIG_LINK, NULL },
	{ "ignoreunknown", CONFIG_LINK, NULL },
	{ "include", CONFIG_LINK, NULL },
	{ "ipqos", CONFIG_OURS, set_ipqos },
	{ "kbdinteractiveauthentication", CONFIG_LINK, NULL },
	{ "kbdinteractivedevices", CONFIG_LINK, NULL },
	{ "kerberosauthentication", CONFIG_LINK, NULL },
	{ "kerberostgtpassing", CONFIG_LINK, NULL },
	{ "kexalgorithms", CONFIG_LINK, NULL },
	{ "knownhostscommand", CONFIG_LINK, NULL },
	{ "localcommand", CONFIG_LINK, set_local_command },
	{ "localforward", CONFIG_OURS, set_local_forward },
	{ "loglevel", CONFIG_LINK, set_log_level },
	{ "logverbose", CONFIG_LINK, NULL },
	{ "macs", CONFIG_LINK, NULL },
	{ "match", CONFIG_LINK, NULL },
	{ "nohostauthenticationforlocalhost", CONFIG_LINK, set_for_ssh },
	{ "numberofpasswordprompts", CONFIG_LINK, NULL },
	{ "obscurekeystroketiming", CONFIG_LINK, NULL },
	{ "passwordauthentication", CONFIG_LINK, NULL },
	{ "permitlocalcommand", CONFIG_LINK, set_permit_local },
	{ "permitremoteopen", CONFIG_OURS, set_remote_open },
	{ "pkcs11provider", CONFIG_LINK, NULL },
	{ "port", CONFIG_OURS, set_port },
	{ "preferredauthentications", CONFIG_LINK, NULL },
	{ "protocol", CONFIG_LINK, NULL },
	{ "proxycommand", CONFIG_LINK, set_for_ssh },
	{ "proxyjump", CONFIG_LINK, set_for_ssh },
	{ "proxyusefdpass", CONFIG_OURS, set_fdpass },
	{ "pubkeyacceptedalgorithms", CONFIG_LINK, NULL },
	{ "pubkeyacceptedkeytypes", CONFIG_LINK, NULL },
	{ "pubkeyauthentication", CONFIG_LINK, NULL },
	{ "refuseconnection", CONFIG_LINK, NULL },
	{ "rekeylimit", CONFIG_LINK, NULL },
	{ "remotecommand", CONFIG_OURS, set_remote_command },
	{ "remoteforward", CONFIG_OURS, set_remote_forward },
	{ "requesttty", CONFIG_OURS, set_tty },
	{ "requiredrsasize", CONFIG_LINK, NULL },
	{ "revokedhostkeys", CONFIG_LINK, NULL },
	{ "rhostsrsaauthentication", CONFIG_LINK, NULL },
	{ "rsaauthentication", CONFIG_LINK, NULL },
	{ "securitykeyprovider", CONFIG_LINK, NULL },
	{ "sendenv", CONFIG_LINK, NULL },
	{ "serveralivecountmax", CONFIG_LINK, NULL },
	{ "serveraliveinterval", CONFIG_LINK, NULL },
	{ "sessiontype", CONFIG_OURS, set_session_type },
	{ "setenv", CONFIG_LINK, NULL },
	{ "smartcarddevice", CONFIG_LINK, NULL },
	{ "stdinnull", CONFIG_OURS, set_null_stdin },
	{ "streamlocalbindmask", CONFIG_OURS, set_unix_mask },
	{ "streamlocalbindunlink", CONFIG_OURS, set_unix_unlink },
	{ "stricthostkeychecking", CONFIG_LINK, set_key_checking },
	{ "syslogfacility", CONFIG_LINK, NULL },
	{ "tag", CONFIG_LINK, NULL },
	{ "tcpkeepalive", CONFIG_OURS, set_keepalive },
	{ "tunnel", CONFIG_LINK, set_tunnel },
	{ "tunneldevice", CONFIG_LINK, NULL },
	{ "updatehostkeys", CONFIG_LINK, NULL },
	{ "usekeychain", CONFIG_LINK, NULL },
	{ "useprivilegedport", CONFIG_LINK, NULL },
	{ "user", CONFIG_LINK, NULL },
	{ "userknownhostsfile", CONFIG_LINK, set_known_hosts },
	{ "useroaming", CONFIG_LINK, NULL },
	{ "verifyhostkeydns", CONFIG_LINK, NULL },
	{ "versionaddendum", CONFIG_LINK, NULL },
	{ "visualhostkey", CONFIG_LINK, NULL },
	{ "warnweakcrypto", CONFIG_LINK, NULL },
	{ "xauthlocation", CONFIG_OURS, set_xauth },
};

bool
config_keyword(size_t i, const char **ret_name, enum config_who *ret_who)
{
	if (i >= sizeof keywords / sizeof *keywords)
		return false;
	*ret_name = keywords[i].name;
	*ret_who = keywords[i].who;
	return true;
}

/* ---- the text ---- */

/* Takes a line off the text. */
static struct span
next_line(struct span *text)
{
	const uint8_t *nl = memchr(text->p, '\n', text->n);
	struct span line = { text->p, nl ? (size_t)(nl - text->p) : text->n };
	text->p += line.n + (nl != NULL);
	text->n -= line.n + (nl != NULL);
	return line;
}

static struct span
key_of(struct span line)
{
	const uint8_t *space = memchr(line.p, ' ', line.n);
	return (struct span){ line.p, space ? (size_t)(space - line.p) : line.n };
}

/* ssh has mixed letters in one of them. */
static const struct keyword *
find(struct span key)
{
	for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
		if (key.n == strlen(keywords[i].name)
		    && strncasecmp((const char *)key.p, keywords[i].name, key.n) == 0)
			return &keywords[i];
	return NULL;
}

static void
keep_unknown(struct config *c, struct span line)
{
	if (c->n_unknown < CONFIG_UNKNOWN)
		c->unknown[c->n_unknown++] = line;
	else
		leave_to_ssh(c, key_of(line));
}

static void
parse_line(struct config *c, struct span line)
{
	struct span key = key_of(line), value = { line.p + line.n, 0 };
	const struct keyword *k = find(key);
	if (key.n < line.n)
		value = (struct span){ key.p + key.n + 1, line.n - key.n - 1 };
	if (!k && line.n)
		keep_unknown(c, line);
	else if (k && k->set)
		k->set(c, value);
	else if (k && k->who == CONFIG_SSH && !is(value, "none") && !is(value, "no"))
		leave_to_ssh(c, key);
}

bool
config_is_whole(struct span text)
{
	bool has_host = false, ended = text.n && text.p[text.n - 1] == '\n';
	while (text.n)
		has_host |= is(key_of(next_line(&text)), "hostname");
	return ended && has_host;
}

void
config_parse(struct config *c, struct span text)
{
	c->tells_forwards = text.n > 0;
	c->remote_open = CONFIG_OPEN_ANY; /* for an ssh that does not know of it */
	while (text.n)
		parse_line(c, next_line(&text));
}

void
config_read(struct config *c, struct buf *text)
{
	c->text = *text;
	buf_init(text, c->text.max);
	config_parse(c, buf_span(&c->text));
}

void
config_finish(struct config *c)
{
	buf_finish(&c->text);
	*c = (struct config){ 0 };
}

static bool
same(struct span a, struct span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool
says(struct span text, struct span line)
{
	while (text.n)
		if (same(next_line(&text), line))
			return true;
	return false;
}

static bool
is_unknown(const struct config *c, struct span line)
{
	for (size_t i = 0; i < c->n_unknown; i++)
		if (same(c->unknown[i], line))
			return true;
	return false;
}

void
config_compare(struct config *c, struct span by_itself)
{
	for (size_t i = 0; i < c->n_unknown; i++)
		if (!says(by_itself, c->unknown[i]))
			leave_to_ssh(c, key_of(c->unknown[i]));
	/* What is not there any more has been set, too: to nothing. */
	while (by_itself.n) {
		struct span line = next_line(&by_itself);
		if (line.n && !find(key_of(line)) && !is_unknown(c, line))
			leave_to_ssh(c, (struct span){ 0 });
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
