#include "tunnel/forward.h"

#include <stdio.h>
#include <string.h>

static bool
copy(char ret[TARGET_MAX], const char *text, size_t n)
{
	if (n >= TARGET_MAX)
		return false;
	memcpy(ret, text, n);
	ret[n] = 0;
	return true;
}

/* Digits up to `end`. */
static bool
port(const char *text, const char *end, unsigned *ret_port)
{
	unsigned n = 0;
	if (text == end || end - text > 5)
		return false;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = 10 * n + (unsigned)(*text - '0');
	}
	*ret_port = n;
	return n < 65536;
}

/* "80", "[host]:80", "/path". */
static bool
ssh_config_end(struct target *t, const char *text, size_t n, bool *ret_named)
{
	const char *end = text + n;
	*ret_named = false;
	if (n && text[0] == '/') {
		t->kind = OPEN_UNIX;
		return copy(t->host, text, n);
	}
	t->kind = OPEN_TCP;
	if (!n || text[0] != '[')
		return port(text, end, &t->port);
	const char *close = end - 1;
	while (close > text && *close != ']')
		close--;
	*ret_named = true;
	return close > text && close + 1 < end && close[1] == ':'
	    && copy(t->host, text + 1, (size_t)(close - text - 1))
	    && port(close + 2, end, &t->port);
}

/* What no address, or "" or "*", means for who listens. */
static void
listen_host(struct target *t, bool named, bool gateway)
{
	if (t->kind == OPEN_UNIX)
		return;
	if (named && !t->host[0])
		strcpy(t->host, "*");
	if (!named)
		strcpy(t->host, gateway ? "*" : "localhost");
}

bool
forward_from_config(struct forward *f, enum forward_kind kind, bool dynamic, bool gateway,
    struct span line)
{
	const char *text = (const char *)line.p;
	const char *space = memchr(line.p, ' ', line.n);
	size_t first = space ? (size_t)(space - text) : line.n;
	bool named;
	*f = (struct forward){ .kind = kind };
	if (!ssh_config_end(&f->listen, text, first, &named))
		return false;
	listen_host(&f->listen, named, gateway && kind == FORWARD_LOCAL);
	if (dynamic)
		f->connect.kind = OPEN_SOCKS;
	if (dynamic || !space)
		return dynamic;
	if (!ssh_config_end(&f->connect, space + 1, line.n - first - 1, &named))
		return false;
	/* So -G shows a -R without a destination. */
	if (strcmp(f->connect.host, "socks") == 0 && !f->connect.port)
		f->connect = (struct target){ .kind = OPEN_SOCKS };
	return f->connect.kind != OPEN_TCP || named;
}

/* ---- as typed ---- */

enum { FIELDS = 4 };

struct field {
	const char *p;
	size_t n;
	bool path;
};

/* Parts between colons; what is in brackets may have some.  0: there are too many, or a
 * bracket that nothing closes. */
static size_t
split(const char *value, struct field fields[FIELDS])
{
	size_t n = 0;
	const char *p = value;
	while (n < FIELDS) {
		struct field *f = &fields[n++];
		const char *end = NULL;
		if (*p == '[' && (end = strchr(p, ']')))
			*f = (struct field){ p + 1, (size_t)(end++ - p - 1), false };
		if (!end) {
			end = p + strcspn(p, ":");
			*f = (struct field){ p, (size_t)(end - p), *p == '/' };
		}
		if (!*end)
			return n;
		if (*end != ':')
			return 0;
		p = end + 1;
	}
	return 0; /* too many */
}

static bool
field_port(const struct field *f, unsigned *ret_port)
{
	return port(f->p, f->p + f->n, ret_port);
}

/* The first one or two parts; returns how many, 0: they are wrong. */
static size_t
listen_fields(struct target *t, const struct field *f, size_t n, bool gateway)
{
	if (f[0].path) {
		t->kind = OPEN_UNIX;
		return copy(t->host, f[0].p, f[0].n) ? 1 : 0;
	}
	t->kind = OPEN_TCP;
	bool named = n == 2;
	if (named && (!copy(t->host, f[0].p, f[0].n) || !field_port(&f[1], &t->port)))
		return 0;
	if (!named && !field_port(&f[0], &t->port))
		return 0;
	if (named && strcmp(t->host, "*") == 0)
		t->host[0] = 0;
	listen_host(t, named, gateway);
	return n;
}

bool
forward_from_option(struct forward *f, char letter, bool gateway, const char *value)
{
	struct field fields[FIELDS];
	size_t n = split(value, fields), to = 0;
	*f = (struct forward){ .kind = letter == 'R' ? FORWARD_REMOTE : FORWARD_LOCAL };
	if (!n)
		return false;
	bool path = n > 1 && fields[n - 1].path;
	bool dynamic = letter == 'D'
	    || (letter == 'R' && n <= 2 && !path && (n == 1 || !fields[0].path));
	if (!dynamic)
		to = path ? 1 : 2;
	if (n <= to || n - to > 2 || (fields[0].path && n - to > 1))
		return false;
	if (!listen_fields(&f->listen, fields, n - to,
		gateway && f->kind == FORWARD_LOCAL))
		return false;
	f->connect.kind = OPEN_SOCKS;
	if (dynamic)
		return true;
	f->connect.kind = path ? OPEN_UNIX : OPEN_TCP;
	return copy(f->connect.host, fields[n - to].p, fields[n - to].n)
	    && f->connect.host[0]
	    && (path || field_port(&fields[n - 1], &f->connect.port));
}

void
forward_text(const struct target *t, char *ret_text, size_t len)
{
	if (t->kind == OPEN_SOCKS)
		snprintf(ret_text, len, "SOCKS");
	else if (t->kind == OPEN_UNIX)
		snprintf(ret_text, len, "%s", t->host);
	else
		snprintf(ret_text, len, strchr(t->host, ':') ? "[%s]:%u" : "%s:%u",
		    t->host, t->port);
}
