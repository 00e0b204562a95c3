/*
 * The user's X display for programs on the host (-X, -Y).  The host gets a cookie made for
 * the session; in what each connection says first it is replaced by the display's own,
 * which never leaves this machine (as ssh does it).
 */
#ifndef CLIENT_X11_H
#define CLIENT_X11_H

#include "ssh/ssh_config.h"
#include "tunnel/connect.h"

enum { X11_COOKIE = 16 }; /* bytes of an MIT-MAGIC-COOKIE-1 */

struct x11 {
	bool on;
	struct target to; /* the display's socket or port */
	unsigned screen;
	uint8_t made[X11_COOKIE], real[X11_COOKIE];
	bool has_real; /* else the display wants none, or refuses */
	uint64_t refuse_us; /* from then on (ForwardX11Timeout); 0: never */
};

/* Finds the display of DISPLAY and its cookie by xauth(1), if the configuration wants it
 * forwarded.  Programs that are not trusted (ForwardX11Trusted) get a cookie that allows
 * less, or, with a word, no display, since theirs would be the one that allows
 * all. */
void x11_init(struct x11 *x, const struct ssh_config *c, uint64_t now_us);
/* Whether a connection to the display may be opened now. */
bool x11_allows(const struct x11 *x, uint64_t now_us);
/* "host:1.0", ":0", "unix:0", "/path:0": where that is.  False: it is no display. */
bool x11_display(const char *name, struct target *ret_to, unsigned *ret_screen);
/* A line of `xauth list`: takes the cookie off its end. */
bool x11_cookie(const char *line, uint8_t ret_cookie[X11_COOKIE]);
/* What is sent to the host (MSG_DISPLAY). */
int x11_put(const struct x11 *x, struct buf *more);
/* What a connection says first: has the real cookie in place of the made one.  Returns 1,
 * 0: more is needed, -1: it does not have the made one. */
int x11_first(const struct x11 *x, struct buf *in);

#endif
