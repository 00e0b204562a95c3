#include "server/x11_listener.h"

#include "sys/child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* sshd_config(5), X11DisplayOffset; and how many it tries. */
enum { FIRST = 10, LAST = 1000, X11_PORT = 6000 };

/* It becomes a line of xauth's: letters, digits and -. */
static bool
copy_word(char *ret, size_t len, struct span word)
{
	if (!word.n || word.n >= len)
		return false;
	for (size_t i = 0; i < word.n; i++) {
		uint8_t c = word.p[i] | 32;
		if (!((c >= 'a' && c <= 'z') || (word.p[i] >= '0' && word.p[i] <= '9')
			|| word.p[i] == '-'))
			return false;
	}
	memcpy(ret, word.p, word.n);
	ret[word.n] = 0;
	return true;
}

int
x11_listener_open(struct x11_listener *d, struct loop *loop, const struct msg_display *m,
    const struct listener *like)
{
	char text[LISTENER_TEXT];
	unsigned port;
	*d = (struct x11_listener){ .listener = *like, .screen = m->screen };
	if (!copy_word(d->protocol, sizeof d->protocol, m->protocol)
	    || !copy_word(d->cookie, sizeof d->cookie, m->cookie))
		return -1;
	for (d->number = FIRST; d->number < LAST; d->number++) {
		struct target on = { .kind = OPEN_TCP,
			.host = "localhost",
			.port = X11_PORT + d->number };
		if (listener_open(&d->listener, loop, &on, NULL, &port, text) == 0)
			return 0;
	}
	d->number = 0;
	return -1;
}

void
x11_listener_close(struct x11_listener *d)
{
	listener_close(&d->listener);
	d->number = 0;
}

static void
note_cookie(const struct x11_listener *d)
{
	char lines[2 * COOKIE_MAX + 256];
	char *xauth[] = { (char *)(uintptr_t) "xauth", (char *)(uintptr_t) "-q",
		(char *)(uintptr_t) "-", NULL };
	snprintf(lines, sizeof lines, "remove unix:%u.%u\nadd unix:%u.%u %s %s\n",
	    d->number, (unsigned)d->screen, d->number, (unsigned)d->screen, d->protocol,
	    d->cookie);
	(void)child_run(xauth, (struct span){ (const uint8_t *)lines, strlen(lines) },
	    NULL);
}

void
x11_listener_renew(struct x11_listener *d, const struct msg_display *m)
{
	if (!d->number || !copy_word(d->cookie, sizeof d->cookie, m->cookie)
	    || child_fork(NULL, -1) != 0)
		return;
	note_cookie(d);
	_exit(0);
}

void
x11_listener_environment(const struct x11_listener *d)
{
	char name[64];
	snprintf(name, sizeof name, "localhost:%u.%u", d->number, (unsigned)d->screen);
	setenv("DISPLAY", name, 1);
	note_cookie(d);
}
