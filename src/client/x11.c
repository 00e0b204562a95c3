#include "client/x11.h"

#include "base/hex.h"
#include "base/log.h"
#include "sys/child.h"
#include "sys/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* X11's connection setup: byte order, unused, version, lengths of name and data, unused. */
enum { X11_PORT = 6000, X11_HEAD = 12, LIST_MAX = 16 * 1024, SECOND_US = 1000 * 1000 };
static const char protocol[] = "MIT-MAGIC-COOKIE-1";

bool
x11_display(const char *name, struct target *ret_to, unsigned *ret_screen)
{
	const char *colon = strrchr(name, ':');
	char *end;
	*ret_to = (struct target){ 0 };
	if (!colon || colon[1] < '0' || colon[1] > '9')
		return false;
	unsigned long number = strtoul(colon + 1, &end, 10);
	*ret_screen = *end == '.' ? (unsigned)strtoul(end + 1, &end, 10) : 0;
	size_t n = (size_t)(colon - name);
	if (*end || number > 59535 || n >= sizeof ret_to->host)
		return false;
	bool here = n == 0 || (n == 4 && memcmp(name, "unix", 4) == 0);
	ret_to->kind = here || name[0] == '/' ? OPEN_UNIX : OPEN_TCP;
	ret_to->port = (unsigned)(X11_PORT + number);
	if (here)
		snprintf(ret_to->host, sizeof ret_to->host, "/tmp/.X11-unix/X%lu",
		    number);
	else if (name[0] == '/') /* launchd's: the name itself is the socket's */
		snprintf(ret_to->host, sizeof ret_to->host, "%s", name);
	else
		memcpy(ret_to->host, name, n);
	return true;
}

bool
x11_cookie(const char *line, uint8_t ret_cookie[X11_COOKIE])
{
	const char *at = strstr(line, protocol);
	char digits[2 * X11_COOKIE + 1];
	struct buf bytes;
	if (!at || sscanf(at + strlen(protocol), " %32[0-9a-fA-F]", digits) != 1)
		return false;
	buf_init(&bytes, X11_COOKIE);
	bool ok = hex_get(digits, &bytes) == 0 && bytes.len == X11_COOKIE;
	if (ok)
		memcpy(ret_cookie, buf_bytes(&bytes), X11_COOKIE);
	buf_finish(&bytes);
	return ok;
}

/* Not trusted (-X without ForwardX11Trusted): a cookie that allows less, for a time. */
static void
generate(const struct ssh_config *c, const char *xauth, const char *display,
    struct buf *out)
{
	char dir[] = "/tmp/belay-x11-XXXXXX", path[sizeof dir + 8], seconds[16];
	if (!mkdtemp(dir)) /* xauth makes more files beside it */
		return;
	snprintf(path, sizeof path, "%s/cookie", dir);
	snprintf(seconds, sizeof seconds, "%u",
	    c->x11_timeout_s ? c->x11_timeout_s + 60 : 0);
	char *make[] = { (char *)(uintptr_t)xauth, (char *)(uintptr_t) "-f", path,
		(char *)(uintptr_t) "generate", (char *)(uintptr_t)display,
		(char *)(uintptr_t)protocol, (char *)(uintptr_t) "untrusted",
		(char *)(uintptr_t) "timeout", seconds, NULL };
	char *list[] = { (char *)(uintptr_t)xauth, (char *)(uintptr_t) "-f", path,
		(char *)(uintptr_t) "list", (char *)(uintptr_t)display, NULL };
	if (child_run(make, (struct span){ 0 }, NULL) == 0)
		(void)child_run(list, (struct span){ 0 }, out);
	unlink(path);
	rmdir(dir);
}

static void
find_cookie(struct x11 *x, const struct ssh_config *c, const char *display)
{
	char xauth[TARGET_MAX];
	struct buf out;
	/* FamilyLocal has no name: xauth(1) finds it as "unix". */
	char name[TARGET_MAX];
	snprintf(name, sizeof name, "%s%s", display[0] == ':' ? "unix" : "", display);
	snprintf(xauth, sizeof xauth, "%.*s", (int)c->xauth.n, (const char *)c->xauth.p);
	char *list[] = { c->xauth.n ? xauth : (char *)(uintptr_t) "xauth",
		(char *)(uintptr_t) "list", name, NULL };
	buf_init(&out, LIST_MAX);
	if (c->x11_trusted)
		(void)child_run(list, (struct span){ 0 }, &out);
	else
		generate(c, list[0], display, &out);
	x->has_real = out.len && buf_str(&out) && x11_cookie(buf_str(&out), x->real);
	buf_finish(&out);
}

void
x11_init(struct x11 *x, const struct ssh_config *c, uint64_t now_us)
{
	const char *display = getenv("DISPLAY");
	*x = (struct x11){ 0 };
	if (!c->x11 || !display || !x11_display(display, &x->to, &x->screen))
		return;
	x->on = true;
	sys_random(x->made, sizeof x->made);
	find_cookie(x, c, display);
	if (c->x11_trusted)
		return;
	if (c->x11_timeout_s) /* a second more, as ssh counts */
		x->refuse_us = now_us + (1 + (uint64_t)c->x11_timeout_s) * SECOND_US;
	if (!x->has_real) {
		log_say(LOG_ERROR,
		    "Warning: untrusted X11 forwarding setup failed: xauth key data not generated");
		x->on = false;
	}
}

bool
x11_allows(const struct x11 *x, uint64_t now_us)
{
	return x->on && (!x->refuse_us || now_us < x->refuse_us);
}

int
x11_put(const struct x11 *x, struct buf *more)
{
	struct buf cookie;
	buf_init(&cookie, 2 * X11_COOKIE);
	int err = hex_put(&cookie, (struct span){ x->made, X11_COOKIE });
	struct msg_display m = { x->screen,
		{ (const uint8_t *)protocol, strlen(protocol) }, buf_span(&cookie) };
	if (!err)
		err = msg_put(more, MSG_DISPLAY, &m);
	buf_finish(&cookie);
	return err;
}

/* Padded to four bytes, as everything in X11. */
static size_t
padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

int
x11_first(const struct x11 *x, struct buf *in)
{
	uint8_t *p = buf_bytes(in);
	if (in->len < X11_HEAD)
		return 0;
	bool big = p[0] == 'B';
	size_t name = (size_t)(big ? p[6] << 8 | p[7] : p[7] << 8 | p[6]);
	size_t data = (size_t)(big ? p[8] << 8 | p[9] : p[9] << 8 | p[8]);
	if ((!big && p[0] != 'l') || name != strlen(protocol) || data != X11_COOKIE)
		return -1;
	if (in->len < X11_HEAD + padded(name) + padded(data))
		return 0;
	uint8_t *cookie = p + X11_HEAD + padded(name), differ = 0;
	for (size_t i = 0; i < X11_COOKIE; i++)
		differ |= cookie[i] ^ x->made[i]; /* always in the same time */
	if (memcmp(p + X11_HEAD, protocol, name) != 0 || differ)
		return -1;
	if (x->has_real)
		memcpy(cookie, x->real, X11_COOKIE);
	return 1;
}
