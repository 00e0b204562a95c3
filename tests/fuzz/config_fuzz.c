/* What `ssh -G` says, of the host and by itself: no limit is dropped.  What is not known and
 * not as ssh has it by itself, and what is not understood, is for ssh; the host leads a -R to
 * nothing that a line does not name; every forward is kept, or all are ssh's. */
#include "fuzz.h"
#include "ssh/ssh_config.h"
#include "tunnel/forward.h"

#include <string.h>
#include <strings.h>

enum { WORD_MAX = 300 };

static bool
is_known(const char *key)
{
	const char *name;
	enum ssh_config_who who;
	for (size_t i = 0; ssh_config_keyword(i, &name, &who); i++)
		if (strcasecmp(name, key) == 0)
			return true;
	return false;
}

static bool
inside(struct span s, struct span text)
{
	return !s.n || (s.p >= text.p && s.p + s.n <= text.p + text.n);
}

/* The text as lines, each a string; the fuzzer's NULs are ends of lines, too. */
static char *
line_at(char **text)
{
	char *line = *text;
	*text = strchr(line, '\n');
	if (*text)
		*(*text)++ = 0;
	return line;
}

static bool
has_line(const char *text, const char *line)
{
	size_t n = strlen(line);
	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && (!at[n] || at[n] == '\n'))
			return true;
	return false;
}

/* Whether one of the words of the line is exactly that: written as PermitRemoteOpen has it. */
static bool
names(const char *line, const char *host, const char *port)
{
	char word[4][WORD_MAX], copy[WORD_MAX * 8];
	snprintf(word[0], WORD_MAX, "%s:%s", host, port);
	snprintf(word[1], WORD_MAX, "[%s]:%s", host, port);
	snprintf(copy, sizeof copy, "%s", line);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		if (strcmp(w, word[0]) == 0 || strcmp(w, word[1]) == 0)
			return true;
	return false;
}

/* The port is asked for as a number, and may be written with zeros before it. */
static void
check_open(const struct ssh_config *c, const char *limit)
{
	static const char *const hosts[] = { "a", "127.0.0.1", "::1", "*", "localhost" };
	static const struct {
		unsigned n;
		const char *text;
	} ports[] = { { 1, "1" }, { 80, "80" } };
	bool any = !limit || strcmp(limit, "any") == 0;
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		for (size_t j = 0; j < sizeof ports / sizeof *ports; j++) {
			const char *h = hosts[i], *p = ports[j].text;
			if (!ssh_config_may_open(c, h, ports[j].n) || any || c->for_ssh.n)
				continue;
			MUST(limit);
			MUST(strstr(limit, ":0") || names(limit, h, p)
			    || names(limit, "*", p) || names(limit, h, "*")
			    || names(limit, "*", "*"));
		}
}

static void
check_forwards(const struct ssh_config *c, size_t told)
{
	MUST(c->n_forwards <= told);
	MUST(c->n_forwards <= SSH_CONFIG_FORWARDS);
	for (size_t i = 0; i < c->n_forwards; i++) {
		const struct ssh_config_forward *one = &c->forwards[i];
		struct forward f;
		if (!forward_from_config(&f, one->remote ? FORWARD_REMOTE : FORWARD_LOCAL,
			one->dynamic, c->gateway_ports, one->line))
			continue;
		MUST(f.listen.port < 65536 && f.connect.port < 65536);
		MUST(strlen(f.listen.host) < TARGET_MAX);
		/* nobody listens for all who was not told to */
		MUST(strcmp(f.listen.host, "*") != 0 || c->gateway_ports
		    || one->line.p[0] == '[');
	}
}

/* The same, read by other code: what the last line of a limit is, and what is unknown. */
static void
check(const struct ssh_config *c, char *here, const char *by_itself)
{
	const char *limit = NULL, *trusted = "", *x11 = "";
	size_t forwards = 0;
	while (here) {
		char *line = line_at(&here), key[WORD_MAX];
		size_t n = strcspn(line, " ");
		const char *value = line[n] ? line + n + 1 : "";
		if (!*line || n >= sizeof key)
			continue;
		snprintf(key, sizeof key, "%.*s", (int)n, line);
		MUST(is_known(key) || c->for_ssh.n || has_line(by_itself, line));
		MUST(strcasecmp(key, "channeltimeout") != 0 || strcmp(value, "none") == 0
		    || strcmp(value, "no") == 0 || c->for_ssh.n);
		forwards += strcasecmp(key, "localforward") == 0
		    || strcasecmp(key, "remoteforward") == 0
		    || strcasecmp(key, "dynamicforward") == 0;
		if (strcasecmp(key, "permitremoteopen") == 0)
			limit = value;
		if (strcasecmp(key, "forwardx11trusted") == 0)
			trusted = value;
		if (strcasecmp(key, "forwardx11") == 0)
			x11 = value;
	}
	MUST(!c->x11_trusted || strcmp(trusted, "yes") == 0
	    || strcmp(trusted, "true") == 0);
	MUST(!c->x11 || strcmp(x11, "yes") == 0 || strcmp(x11, "true") == 0);
	check_forwards(c, forwards);
	check_open(c, limit);
}

/* A copy without NULs, as text. */
static char *
text_of(struct span bytes)
{
	char *text = malloc(bytes.n + 1);
	if (!text)
		abort();
	for (size_t i = 0; i < bytes.n; i++)
		text[i] = bytes.p[i] ? (char)bytes.p[i] : ' ';
	text[bytes.n] = 0;
	return text;
}

/* "here", a byte 0xff, and what ssh says by itself. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct options o = { .escape = '~' };
	const uint8_t *cut = size ? memchr(data, 0xff, size) : NULL;
	struct span first = { data, cut ? (size_t)(cut - data) : size };
	struct span rest = { cut ? cut + 1 : data, cut ? size - first.n - 1 : 0 };
	char *here = text_of(first), *by_itself = text_of(rest);
	struct buf text;
	struct ssh_config c = { 0 };
	MUST(!ssh_config_may_open(&c, "a", 1));
	ssh_config_from_options(&c, &o);
	buf_init(&text, size + 1);
	if (first.n && buf_put(&text, here, first.n))
		abort();
	ssh_config_read(&c, &text);
	if (c.n_unknown)
		ssh_config_compare(&c, (struct span){ (uint8_t *)by_itself, rest.n });
	struct span own = buf_span(&c.text);
	MUST(inside(c.hostname, own) && inside(c.remote_command, own)
	    && inside(c.control_path, own) && inside(c.local_command, own)
	    && inside(c.xauth, own) && inside(c.ipqos, own));
	check(&c, here, by_itself);
	ssh_config_finish(&c);
	buf_finish(&text);
	free(here);
	free(by_itself);
	return 0;
}
