#include "ssh/ssh_config.h"

#include "base/hash.h"

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
ssh_config_from_options(struct ssh_config *c, const struct options *o)
{
	*c = (struct ssh_config){ .no_command = o->no_command,
		.subsystem = o->subsystem,
		.null_stdin = o->null_stdin,
		.background = o->background,
		.escape = o->escape,
		.identity = HASH_BEGIN,
		.asks_about_keys = true,
		.unix_mask = 0177,
		.ssh_connects = has_own_way(o) };
	if (o->tty)
		c->tty = o->tty > 1 ? SSH_CONFIG_TTY_FORCE : SSH_CONFIG_TTY_YES;
	else if (o->no_tty)
		c->tty = SSH_CONFIG_TTY_NO;
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
set_tty(struct ssh_config *c, struct span value)
{
	if (is(value, "force"))
		c->tty = SSH_CONFIG_TTY_FORCE;
	else if (yes(value))
		c->tty = SSH_CONFIG_TTY_YES;
	else if (is(value, "no") || is(value, "false"))
		c->tty = SSH_CONFIG_TTY_NO;
	else if (is(value, "auto"))
		c->tty = SSH_CONFIG_TTY_AUTO;
}

static void
set_session_type(struct ssh_config *c, struct span value)
{
	c->tells_type = true;
	c->no_command = is(value, "none");
	c->subsystem = is(value, "subsystem");
}

static void
set_null_stdin(struct ssh_config *c, struct span value)
{
	c->null_stdin = yes(value);
}

static void
set_background(struct ssh_config *c, struct span value)
{
	c->background = yes(value);
}

static void
set_escape(struct ssh_config *c, struct span value)
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
set_remote_command(struct ssh_config *c, struct span value)
{
	c->remote_command = is(value, "none") ? (struct span){ value.p, 0 } : value;
}

static void
set_ipqos(struct ssh_config *c, struct span value)
{
	const uint8_t *space = memchr(value.p, ' ', value.n);
	c->ipqos = (struct span){ value.p, space ? (size_t)(space - value.p) : value.n };
}

static void
add_forward(struct ssh_config *c, bool remote, bool dynamic, struct span line)
{
	if (c->n_forwards < SSH_CONFIG_FORWARDS) {
		c->forwards[c->n_forwards++] = (struct ssh_config_forward){ remote,
			dynamic, line };
		return;
	}
	/* Too many: all of them are ssh's, and ports are free only when it has ended. */
	c->tells_forwards = false;
	c->one_link = true;
}

/* ssh -G tells of one that leads to a unix socket twice: first, by what it listens on, as
 * of a dynamic one. */
static void
set_local_forward(struct ssh_config *c, struct span value)
{
	const uint8_t *space = memchr(value.p, ' ', value.n);
	size_t kept = 0, first = space ? (size_t)(space - value.p) : value.n;
	for (size_t i = 0; i < c->n_forwards; i++) {
		const struct ssh_config_forward *f = &c->forwards[i];
		if (!f->dynamic || f->line.n != first
		    || memcmp(f->line.p, value.p, first) != 0)
			c->forwards[kept++] = *f;
	}
	c->n_forwards = kept;
	add_forward(c, false, false, value);
}

static void
set_remote_forward(struct ssh_config *c, struct span value)
{
	add_forward(c, true, false, value);
}

static void
set_dynamic_forward(struct ssh_config *c, struct span value)
{
	add_forward(c, false, true, value);
}

static void
set_tunnel(struct ssh_config *c, struct span value)
{
	c->one_link |= !is(value, "no") && !is(value, "false");
}

static void
set_gateway_ports(struct ssh_config *c, struct span value)
{
	c->gateway_ports = yes(value);
}

static void
set_exit_on_forward_failure(struct ssh_config *c, struct span value)
{
	c->exit_on_forward_failure = yes(value);
}

static void
set_unix_mask(struct ssh_config *c, struct span value)
{
	c->unix_mask = 0;
	for (size_t i = 0; i < value.n && value.p[i] >= '0' && value.p[i] <= '7'; i++)
		c->unix_mask = (8 * c->unix_mask + (unsigned)(value.p[i] - '0')) & 0777;
}

static void
set_unix_unlink(struct ssh_config *c, struct span value)
{
	c->unix_unlink = yes(value);
}

static void
set_forward_agent(struct ssh_config *c, struct span value)
{
	c->forward_agent = is(value, "no") ? (struct span){ value.p, 0 } : value;
}

static void
set_identity_agent(struct ssh_config *c, struct span value)
{
	c->identity_agent = value;
}

static void
set_x11(struct ssh_config *c, struct span value)
{
	c->x11 = yes(value);
}

static void
set_x11_trusted(struct ssh_config *c, struct span value)
{
	c->x11_trusted = yes(value);
}

static void
set_xauth(struct ssh_config *c, struct span value)
{
	c->xauth = value;
}

static void
set_hostname(struct ssh_config *c, struct span value)
{
	c->hostname = value;
}

static void
set_user(struct ssh_config *c, struct span value)
{
	c->user = value;
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
set_x11_timeout(struct ssh_config *c, struct span value)
{
	c->x11_timeout_s = number(value);
}

static void
set_port(struct ssh_config *c, struct span value)
{
	c->port = number(value);
}

static void
set_family(struct ssh_config *c, struct span value)
{
	c->family = is(value, "inet") ? SSH_CONFIG_INET
	    : is(value, "inet6")      ? SSH_CONFIG_INET6
				      : SSH_CONFIG_ANY;
}

static void
set_connect_timeout(struct ssh_config *c, struct span value)
{
	c->connect_timeout_s = number(value); /* "none": 0 */
}

static void
set_keepalive(struct ssh_config *c, struct span value)
{
	c->keepalive = yes(value);
}

static void
set_fdpass(struct ssh_config *c, struct span value)
{
	(void)value;
	c->can_be_handed = true;
}

static void
set_key_checking(struct ssh_config *c, struct span value)
{
	c->asks_about_keys &= is(value, "ask");
}

static void
set_known_hosts(struct ssh_config *c, struct span value)
{
	c->known_hosts = value;
	c->keeps_no_keys = is(value, "none") || is(value, "/dev/null");
}

static void
set_global_known_hosts(struct ssh_config *c, struct span value)
{
	c->global_known_hosts = value;
}

static void
set_host_key_alias(struct ssh_config *c, struct span value)
{
	c->host_key_alias = is(value, "none") ? (struct span){ value.p, 0 } : value;
}

static void
set_batch_mode(struct ssh_config *c, struct span value)
{
	if (yes(value))
		c->asks_about_keys = false;
}

static void
set_control_path(struct ssh_config *c, struct span value)
{
	c->control_path = is(value, "none") ? (struct span){ value.p, 0 } : value;
}

static void
set_control_master(struct ssh_config *c, struct span value)
{
	c->control_master = yes(value) ? SSH_CONFIG_MASTER_YES
	    : is(value, "auto")	       ? SSH_CONFIG_MASTER_AUTO
				       : SSH_CONFIG_MASTER_NO;
}

static void
set_control_persist(struct ssh_config *c, struct span value)
{
	c->control_persist = !is(value, "no") && !is(value, "false");
	c->control_persist_s = number(value); /* "yes": 0 */
}

/* For a terminal ssh takes TERM from there (ssh_config(5), SetEnv; ssh -G says it as one
 * line each). */
static void
set_environment(struct ssh_config *c, struct span value)
{
	static const char term[] = "TERM=";
	size_t n = sizeof term - 1;
	if (value.n > n && memcmp(value.p, term, n) == 0 && !c->term.n)
		c->term = (struct span){ value.p + n, value.n - n };
}

static void
set_local_command(struct ssh_config *c, struct span value)
{
	c->local_command = is(value, "none") ? (struct span){ value.p, 0 } : value;
}

static void
set_permit_local(struct ssh_config *c, struct span value)
{
	c->permits_local = yes(value);
}

static void
set_log_level(struct ssh_config *c, struct span value)
{
	/* The first is what ssh calls QUIET itself. */
	c->silent = is(value, "SILENT") || is(value, "QUIET") || is(value, "FATAL");
}

/* ---- what a -R without a destination may lead to ---- */

/* The first one counts: it is said. */
static void
leave_to_ssh(struct ssh_config *c, struct span keyword)
{
	static const struct span nameless = { (const uint8_t *)"a keyword", 9 };
	if (!c->for_ssh.n)
		c->for_ssh = keyword.n ? keyword : nameless;
}

/* "host:80", "[address]:80", with "*" for all; names of services are ssh's. */
static bool
parse_open(struct span word, struct ssh_config_target *ret)
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
set_remote_open(struct ssh_config *c, struct span value)
{
	static const struct span keyword = { (const uint8_t *)"permitremoteopen", 16 };
	c->n_opens = 0;
	c->remote_open = is(value, "any") ? SSH_CONFIG_OPEN_ANY
	    : is(value, "none")		  ? SSH_CONFIG_OPEN_NONE
					  : SSH_CONFIG_OPEN_LISTED;
	if (c->remote_open != SSH_CONFIG_OPEN_LISTED)
		return;
	do {
		const uint8_t *space = memchr(value.p, ' ', value.n);
		size_t n = space ? (size_t)(space - value.p) : value.n;
		struct span word = { value.p, n };
		if (c->n_opens == SSH_CONFIG_OPENS
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
ssh_config_may_open(const struct ssh_config *c, const char *host, unsigned port)
{
	for (size_t i = 0; c->remote_open == SSH_CONFIG_OPEN_LISTED && i < c->n_opens;
	     i++) {
		const struct ssh_config_target *t = &c->opens[i];
		if ((is(t->host, "*") || is(t->host, host))
		    && (!t->port || t->port == port))
			return true;
	}
	return c->remote_open == SSH_CONFIG_OPEN_ANY;
}

/* Anything but "no" is for ssh. */
static void
set_for_ssh(struct ssh_config *c, struct span value)
{
	if (!is(value, "no") && !is(value, "false") && !is(value, "none"))
		c->ssh_connects = true;
}

static void
set_attempts(struct ssh_config *c, struct span value)
{
	if (!is(value, "1"))
		c->ssh_connects = true;
}

/* Every keyword of OpenSSH 10.5 and of those before it, with what Debian and Apple have added. */
static const struct keyword {
	const char *name;
	enum ssh_config_who who;
	void (*set)(struct ssh_config *c, struct span value);
} keywords[] = {
	{ "addkeystoagent", SSH_CONFIG_LINK, NULL },
	{ "addressfamily", SSH_CONFIG_OURS, set_family },
	{ "batchmode", SSH_CONFIG_LINK, set_batch_mode },
	{ "bindaddress", SSH_CONFIG_LINK, set_for_ssh },
	{ "bindinterface", SSH_CONFIG_LINK, set_for_ssh },
	{ "canonicaldomains", SSH_CONFIG_LINK, NULL },
	{ "canonicalizefallbacklocal", SSH_CONFIG_LINK, NULL },
	{ "canonicalizehostname", SSH_CONFIG_LINK, set_for_ssh },
	{ "canonicalizemaxdots", SSH_CONFIG_LINK, NULL },
	{ "canonicalizepermittedcnames", SSH_CONFIG_LINK, set_for_ssh },
	{ "casignaturealgorithms", SSH_CONFIG_LINK, NULL },
	{ "certificatefile", SSH_CONFIG_LINK, NULL },
	{ "challengeresponseauthentication", SSH_CONFIG_LINK, NULL },
	{ "channeltimeout", SSH_CONFIG_SSH, NULL },
	{ "checkhostip", SSH_CONFIG_LINK, set_for_ssh },
	{ "cipher", SSH_CONFIG_LINK, NULL },
	{ "ciphers", SSH_CONFIG_LINK, NULL },
	{ "clearallforwardings", SSH_CONFIG_OURS, NULL },
	{ "compression", SSH_CONFIG_LINK, NULL },
	{ "compressionlevel", SSH_CONFIG_LINK, NULL },
	{ "connectionattempts", SSH_CONFIG_LINK, set_attempts },
	{ "connecttimeout", SSH_CONFIG_OURS, set_connect_timeout },
	{ "controlmaster", SSH_CONFIG_LINK, set_control_master },
	{ "controlpath", SSH_CONFIG_LINK, set_control_path },
	{ "controlpersist", SSH_CONFIG_LINK, set_control_persist },
	{ "dsaauthentication", SSH_CONFIG_LINK, NULL },
	{ "dynamicforward", SSH_CONFIG_OURS, set_dynamic_forward },
	{ "enableescapecommandline", SSH_CONFIG_OURS, NULL },
	{ "enablesshkeysign", SSH_CONFIG_LINK, NULL },
	{ "escapechar", SSH_CONFIG_OURS, set_escape },
	{ "exitonforwardfailure", SSH_CONFIG_OURS, set_exit_on_forward_failure },
	{ "fingerprinthash", SSH_CONFIG_LINK, NULL },
	{ "forkafterauthentication", SSH_CONFIG_OURS, set_background },
	{ "forwardagent", SSH_CONFIG_LINK, set_forward_agent },
	{ "forwardx11", SSH_CONFIG_OURS, set_x11 },
	{ "forwardx11timeout", SSH_CONFIG_OURS, set_x11_timeout },
	{ "forwardx11trusted", SSH_CONFIG_OURS, set_x11_trusted },
	{ "gatewayports", SSH_CONFIG_OURS, set_gateway_ports },
	{ "globalknownhostsfile", SSH_CONFIG_LINK, set_global_known_hosts },
	{ "gssapiauthentication", SSH_CONFIG_LINK, NULL },
	{ "gssapiclientidentity", SSH_CONFIG_LINK, NULL },
	{ "gssapidelegatecredentials", SSH_CONFIG_LINK, NULL },
	{ "gssapikexalgorithms", SSH_CONFIG_LINK, NULL },
	{ "gssapikeyexchange", SSH_CONFIG_LINK, NULL },
	{ "gssapirenewalforcesrekey", SSH_CONFIG_LINK, NULL },
	{ "gssapiserveridentity", SSH_CONFIG_LINK, NULL },
	{ "gssapitrustdns", SSH_CONFIG_LINK, NULL },
	{ "hashknownhosts", SSH_CONFIG_LINK, NULL },
	{ "host", SSH_CONFIG_LINK, NULL },
	{ "hostbasedacceptedalgorithms", SSH_CONFIG_LINK, NULL },
	{ "hostbasedauthentication", SSH_CONFIG_LINK, NULL },
	{ "hostbasedkeytypes", SSH_CONFIG_LINK, NULL },
	{ "hostkeyalgorithms", SSH_CONFIG_LINK, NULL },
	{ "hostkeyalias", SSH_CONFIG_LINK, set_host_key_alias },
	{ "hostname", SSH_CONFIG_OURS, set_hostname },
	{ "identitiesonly", SSH_CONFIG_LINK, NULL },
	{ "identityagent", SSH_CONFIG_LINK, set_identity_agent },
	{ "identityfile", SSH_CONFIG_LINK, NULL },
	{ "ignoreunknown", SSH_CONFIG_LINK, NULL },
	{ "include", SSH_CONFIG_LINK, NULL },
	{ "ipqos", SSH_CONFIG_OURS, set_ipqos },
	{ "kbdinteractiveauthentication", SSH_CONFIG_LINK, NULL },
	{ "kbdinteractivedevices", SSH_CONFIG_LINK, NULL },
	{ "kerberosauthentication", SSH_CONFIG_LINK, NULL },
	{ "kerberostgtpassing", SSH_CONFIG_LINK, NULL },
	{ "kexalgorithms", SSH_CONFIG_LINK, NULL },
	{ "knownhostscommand", SSH_CONFIG_LINK, NULL },
	{ "localcommand", SSH_CONFIG_LINK, set_local_command },
	{ "localforward", SSH_CONFIG_OURS, set_local_forward },
	{ "loglevel", SSH_CONFIG_LINK, set_log_level },
	{ "logverbose", SSH_CONFIG_LINK, NULL },
	{ "macs", SSH_CONFIG_LINK, NULL },
	{ "match", SSH_CONFIG_LINK, NULL },
	{ "nohostauthenticationforlocalhost", SSH_CONFIG_LINK, set_for_ssh },
	{ "numberofpasswordprompts", SSH_CONFIG_LINK, NULL },
	{ "obscurekeystroketiming", SSH_CONFIG_LINK, NULL },
	{ "passwordauthentication", SSH_CONFIG_LINK, NULL },
	{ "permitlocalcommand", SSH_CONFIG_LINK, set_permit_local },
	{ "permitremoteopen", SSH_CONFIG_OURS, set_remote_open },
	{ "pkcs11provider", SSH_CONFIG_LINK, NULL },
	{ "port", SSH_CONFIG_OURS, set_port },
	{ "preferredauthentications", SSH_CONFIG_LINK, NULL },
	{ "protocol", SSH_CONFIG_LINK, NULL },
	{ "proxycommand", SSH_CONFIG_LINK, set_for_ssh },
	{ "proxyjump", SSH_CONFIG_LINK, set_for_ssh },
	{ "proxyusefdpass", SSH_CONFIG_OURS, set_fdpass },
	{ "pubkeyacceptedalgorithms", SSH_CONFIG_LINK, NULL },
	{ "pubkeyacceptedkeytypes", SSH_CONFIG_LINK, NULL },
	{ "pubkeyauthentication", SSH_CONFIG_LINK, NULL },
	{ "refuseconnection", SSH_CONFIG_LINK, NULL },
	{ "rekeylimit", SSH_CONFIG_LINK, NULL },
	{ "remotecommand", SSH_CONFIG_OURS, set_remote_command },
	{ "remoteforward", SSH_CONFIG_OURS, set_remote_forward },
	{ "requesttty", SSH_CONFIG_OURS, set_tty },
	{ "requiredrsasize", SSH_CONFIG_LINK, NULL },
	{ "revokedhostkeys", SSH_CONFIG_LINK, NULL },
	{ "rhostsrsaauthentication", SSH_CONFIG_LINK, NULL },
	{ "rsaauthentication", SSH_CONFIG_LINK, NULL },
	{ "securitykeyprovider", SSH_CONFIG_LINK, NULL },
	{ "sendenv", SSH_CONFIG_LINK, NULL },
	{ "serveralivecountmax", SSH_CONFIG_LINK, NULL },
	{ "serveraliveinterval", SSH_CONFIG_LINK, NULL },
	{ "sessiontype", SSH_CONFIG_OURS, set_session_type },
	{ "setenv", SSH_CONFIG_LINK, set_environment },
	{ "smartcarddevice", SSH_CONFIG_LINK, NULL },
	{ "stdinnull", SSH_CONFIG_OURS, set_null_stdin },
	{ "streamlocalbindmask", SSH_CONFIG_OURS, set_unix_mask },
	{ "streamlocalbindunlink", SSH_CONFIG_OURS, set_unix_unlink },
	{ "stricthostkeychecking", SSH_CONFIG_LINK, set_key_checking },
	{ "syslogfacility", SSH_CONFIG_LINK, NULL },
	{ "tag", SSH_CONFIG_LINK, NULL },
	{ "tcpkeepalive", SSH_CONFIG_OURS, set_keepalive },
	{ "tunnel", SSH_CONFIG_LINK, set_tunnel },
	{ "tunneldevice", SSH_CONFIG_LINK, NULL },
	{ "updatehostkeys", SSH_CONFIG_LINK, NULL },
	{ "usekeychain", SSH_CONFIG_LINK, NULL },
	{ "useprivilegedport", SSH_CONFIG_LINK, NULL },
	{ "user", SSH_CONFIG_LINK, set_user },
	{ "userknownhostsfile", SSH_CONFIG_LINK, set_known_hosts },
	{ "useroaming", SSH_CONFIG_LINK, NULL },
	{ "verifyhostkeydns", SSH_CONFIG_LINK, NULL },
	{ "versionaddendum", SSH_CONFIG_LINK, NULL },
	{ "visualhostkey", SSH_CONFIG_LINK, NULL },
	{ "warnweakcrypto", SSH_CONFIG_LINK, NULL },
	{ "xauthlocation", SSH_CONFIG_OURS, set_xauth },
};

bool
ssh_config_keyword(size_t i, const char **ret_name, enum ssh_config_who *ret_who)
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
keep_unknown(struct ssh_config *c, struct span line)
{
	if (c->n_unknown < SSH_CONFIG_UNKNOWN)
		c->unknown[c->n_unknown++] = line;
	else
		leave_to_ssh(c, key_of(line));
}

/* What decides which account of which machine it is, and as whom ssh comes there: sshd may
 * have a command in the place of ours for each of its keys. */
static const char *const identity_keywords[] = { "certificatefile", "hostkeyalias",
	"hostname", "identitiesonly", "identityagent", "identityfile", "pkcs11provider",
	"port", "proxycommand", "proxyjump", "user" };

static void
add_to_identity(struct ssh_config *c, struct span key, struct span line)
{
	size_t n = sizeof identity_keywords / sizeof *identity_keywords;
	for (size_t i = 0; i < n; i++)
		if (is(key, identity_keywords[i]))
			c->identity = hash_step(hash_bytes(c->identity, line.p, line.n),
			    '\n');
}

static void
parse_line(struct ssh_config *c, struct span line)
{
	struct span key = key_of(line), value = { line.p + line.n, 0 };
	const struct keyword *k = find(key);
	add_to_identity(c, key, line);
	if (key.n < line.n)
		value = (struct span){ key.p + key.n + 1, line.n - key.n - 1 };
	if (!k && line.n)
		keep_unknown(c, line);
	else if (k && k->set)
		k->set(c, value);
	else if (k && k->who == SSH_CONFIG_SSH && !is(value, "none") && !is(value, "no"))
		leave_to_ssh(c, key);
}

bool
ssh_config_is_whole(struct span text)
{
	bool has_host = false, ended = text.n && text.p[text.n - 1] == '\n';
	while (text.n)
		has_host |= is(key_of(next_line(&text)), "hostname");
	return ended && has_host;
}

void
ssh_config_parse(struct ssh_config *c, struct span text)
{
	c->tells_forwards = text.n > 0;
	c->remote_open = SSH_CONFIG_OPEN_ANY; /* for an ssh that does not know of it */
	while (text.n)
		parse_line(c, next_line(&text));
}

void
ssh_config_read(struct ssh_config *c, struct buf *text)
{
	c->text = *text;
	buf_init(text, c->text.max);
	ssh_config_parse(c, buf_span(&c->text));
}

void
ssh_config_finish(struct ssh_config *c)
{
	buf_finish(&c->text);
	*c = (struct ssh_config){ 0 };
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
is_unknown(const struct ssh_config *c, struct span line)
{
	for (size_t i = 0; i < c->n_unknown; i++)
		if (same(c->unknown[i], line))
			return true;
	return false;
}

void
ssh_config_compare(struct ssh_config *c, struct span by_itself)
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
ssh_config_overrides(const struct ssh_config *c, bool terminal,
    char ret_words[SSH_CONFIG_OVERRIDES][SSH_CONFIG_OVERRIDE_LEN])
{
	static const char *const types[] = { "-oSessionType=default", "-oStdinNull=no",
		"-oForkAfterAuthentication=no" };
	size_t n = 0;
	for (size_t i = 0; c->tells_type && i < sizeof types / sizeof *types; i++)
		snprintf(ret_words[n++], SSH_CONFIG_OVERRIDE_LEN, "%s", types[i]);
	if (c->tells_forwards)
		snprintf(ret_words[n++], SSH_CONFIG_OVERRIDE_LEN,
		    "-oClearAllForwardings=yes");
	if (terminal && c->ipqos.n && c->ipqos.n < 32)
		snprintf(ret_words[n++], SSH_CONFIG_OVERRIDE_LEN, "-oIPQoS=%.*s",
		    (int)c->ipqos.n, (const char *)c->ipqos.p);
	return n;
}

bool
ssh_config_connects(const struct ssh_config *c, bool asks, bool key_known)
{
	if (!c->can_be_handed || c->ssh_connects || !c->hostname.n || !c->port)
		return false;
	return !asks || !c->asks_about_keys || (key_known && !c->keeps_no_keys);
}
