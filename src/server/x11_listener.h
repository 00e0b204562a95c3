/*
 * A display for programs of a session, which is the client's X display (-X): a port of this
 * host, its number in DISPLAY, and a cookie for it in the user's authority file, as sshd
 * does it (X11UseLocalhost).
 */
#ifndef SERVER_X11_LISTENER_H
#define SERVER_X11_LISTENER_H

#include "tunnel/listener.h"

enum { COOKIE_MAX = 256 };

struct x11_listener {
	struct listener listener;
	unsigned number;
	uint32_t screen;
	char protocol[64], cookie[COOKIE_MAX];
};

/* Listens; a listener like this one leads the connections on.  0, or -1: there is no
 * display then. */
int x11_listener_open(struct x11_listener *d, struct loop *loop,
    const struct msg_display *m, const struct listener *like);
void x11_listener_close(struct x11_listener *d);
/* Another client has come, whose cookie is another: programs started from now on show that
 * one.  A child of ours has xauth(1) note it. */
void x11_listener_renew(struct x11_listener *d, const struct msg_display *m);
/* In the program's process: sets DISPLAY, and has xauth(1) note the cookie. */
void x11_listener_environment(const struct x11_listener *d);

#endif
