/*
 * belay's own socket on this machine: other processes of the user ask a belay that runs how
 * it is doing, and add and drop forwards.  One line of a request, the answer up to the end.
 *
 *     status            a row of columns (report.h)
 *     status json       a line of JSON
 *     forward L80:x:80  or KL80, as after ~C: "ok" or "no", and why
 */
#ifndef CLIENT_CONTROL_SOCKET_H
#define CLIENT_CONTROL_SOCKET_H

#include "base/buf.h"
#include "ssh/options.h"
#include "sys/loop.h"

enum { CONTROL_SOCKET_REQUEST_MAX = 512 };

struct control_socket {
	struct loop *loop;
	struct watch listener;
	char path[108]; /* as in sockaddr_un; "": not there */
	/* Answers a request onto `out`. */
	void (*asked)(void *owner, const char *request, struct buf *out);
	void *owner;
};

/* Where no directory for it can be had there is no socket, and nothing else is amiss. */
void control_socket_open(struct control_socket *c, struct loop *loop,
    void (*asked)(void *owner, const char *request, struct buf *out), void *owner);
void control_socket_close(struct control_socket *c);

/* `belay --status`: the ones that run, as a table or as JSON.  Returns an exit status. */
int control_socket_status(const struct options *o);
/* `belay --forward` and `--cancel`: passes -L, -R and -D of the command line to those that
 * are connected to its destination. */
int control_socket_forward(const struct options *o);

#endif
