#include "tunnel/socks.h"

#include <arpa/inet.h>
#include <string.h>

enum {
	CONNECT = 1,
	V4_HEAD = 8, /* version, command, port, address; then the user's name and a NUL */
	V5_HEAD = 4, /* version, command, 0, kind of address */
	V5_IPV4 = 1,
	V5_NAME = 3,
	V5_IPV6 = 4,
	V5_NO_METHOD = 0xff,
};

static bool
set_host(struct target *to, const uint8_t *name, size_t n)
{
	if (!n || n >= sizeof to->host || memchr(name, 0, n))
		return false;
	memcpy(to->host, name, n);
	to->host[n] = 0;
	to->kind = OPEN_TCP;
	return true;
}

static unsigned
port_at(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static int
refuse_v4(struct buf *out, const struct target *to)
{
	socks_answer(to, false, out);
	return -1;
}

static int
ask_v4(struct buf *in, struct buf *out, struct target *to)
{
	const uint8_t *p = buf_bytes(in), *name = NULL;
	if (in->len < V4_HEAD)
		return 0;
	const uint8_t *end = p + in->len, *user = p + V4_HEAD,
		      *last = memchr(user, 0, (size_t)(end - user));
	bool named = !p[4] && !p[5] && !p[6] && p[7]; /* 4a */
	if (last && named) {
		name = last + 1;
		last = memchr(name, 0, (size_t)(end - name));
	}
	if (!last)
		return 0;
	to->socks = 4;
	to->port = port_at(p + 2);
	if (p[1] != CONNECT)
		return refuse_v4(out, to);
	if (named && !set_host(to, name, (size_t)(last - name)))
		return refuse_v4(out, to);
	if (!named) {
		(void)inet_ntop(AF_INET, p + 4, to->host, sizeof to->host);
		to->kind = OPEN_TCP;
	}
	buf_drop(in, (size_t)(last + 1 - p));
	return 1;
}

/* Which methods there are: without authentication has to be among them. */
static int
greet_v5(struct buf *in, struct buf *out, struct target *to)
{
	const uint8_t *p = buf_bytes(in);
	if (in->len < 2 || in->len < 2U + p[1])
		return 0;
	bool ok = memchr(p + 2, 0, p[1]) != NULL;
	buf_putc(out, 5);
	buf_putc(out, ok ? 0 : (char)V5_NO_METHOD);
	buf_drop(in, 2U + p[1]);
	to->socks = 5;
	return ok ? 0 : -1;
}

static void
say_v5(struct buf *out, uint8_t how)
{
	const uint8_t answer[] = { 5, how, 0, V5_IPV4, 0, 0, 0, 0, 0, 0 };
	(void)buf_put(out, answer, sizeof answer);
}

static int
ask_v5(struct buf *in, struct buf *out, struct target *to)
{
	enum { NOT_DONE = 7, NO_SUCH_KIND = 8 };
	const uint8_t *p = buf_bytes(in);
	if (in->len < V5_HEAD + 1)
		return 0;
	size_t n = p[3] == V5_IPV4 ? 4 : p[3] == V5_IPV6 ? 16 : 1U + p[4];
	if (p[0] != 5 || p[1] != CONNECT
	    || (p[3] != V5_IPV4 && p[3] != V5_IPV6 && p[3] != V5_NAME)) {
		say_v5(out, p[1] != CONNECT ? NOT_DONE : NO_SUCH_KIND);
		return -1;
	}
	if (in->len < V5_HEAD + n + 2)
		return 0;
	if (p[3] == V5_NAME && !set_host(to, p + V5_HEAD + 1, p[4]))
		return -1;
	if (p[3] != V5_NAME)
		(void)inet_ntop(p[3] == V5_IPV4 ? AF_INET : AF_INET6, p + V5_HEAD,
		    to->host, sizeof to->host);
	to->kind = OPEN_TCP;
	to->port = port_at(p + V5_HEAD + n);
	buf_drop(in, V5_HEAD + n + 2);
	return 1;
}

int
socks_ask(struct buf *in, struct buf *out, struct target *to)
{
	if (!to->socks && in->len && *buf_bytes(in) == 4)
		return ask_v4(in, out, to);
	if (!to->socks && in->len && *buf_bytes(in) != 5)
		return -1;
	if (!to->socks && in->len && greet_v5(in, out, to) < 0)
		return -1;
	return to->socks ? ask_v5(in, out, to) : 0;
}

void
socks_answer(const struct target *to, bool open, struct buf *out)
{
	enum { V4_GRANTED = 90, V4_FAILED = 91, V5_REFUSED = 5 };
	const uint8_t v4[8] = { 0, open ? V4_GRANTED : V4_FAILED };
	if (to->socks == 4)
		(void)buf_put(out, v4, sizeof v4);
	else
		say_v5(out, open ? 0 : V5_REFUSED);
}
