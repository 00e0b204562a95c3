/*
 * A master of ControlPath, for those who connect to it (mux.h): answers what `ssh -O` asks, and
 * passes all else, sessions above all, on to an ssh that is a master at another socket.
 *
 *     ASKS ---------> WAITS: the host has to answer
 *      |  ^-------------+
 *      +---> PASSES: bytes and descriptors, to that ssh and back
 *      +---> CLOSES: when our answer has gone
 *
 * Full: MUX_SERVER_CONNS at a time; others wait.
 */
#ifndef SSH_MUX_SERVER_H
#define SSH_MUX_SERVER_H

#include "ssh/mux.h"
#include "sys/loop.h"

enum { MUX_SERVER_CONNS = 64, MUX_SERVER_PATH_MAX = 108 };

struct mux_answer {
	enum { MUX_DONE, MUX_LATER, MUX_REFUSED } how;
	unsigned port; /* MUX_DONE: that the host has chosen; 0: it was named */
	size_t number; /* MUX_LATER: by which it is asked for again */
	const char *why; /* MUX_REFUSED */
};

struct mux_server_events {
	/* MUX_FORWARD or MUX_CANCEL */
	struct mux_answer (*forward)(void *owner, const struct mux_request *r);
	/* What has become of one that was put off. */
	struct mux_answer (*later)(void *owner, size_t number);
};

struct mux_conn;

struct mux_server {
	struct loop *loop; /* NULL: there is none */
	const struct mux_server_events *events;
	void *owner;
	char path[MUX_SERVER_PATH_MAX]; /* empty: it does not listen (any more) */
	struct watch listener;
	const char *link; /* the socket of the other ssh; NULL: there is none now */
	struct mux_conn *conns[MUX_SERVER_CONNS];
	bool exits; /* -O exit was asked */
	bool stopped; /* -O stop was */
};

/* Listens; 0 or -1 with errno. */
int mux_server_open(struct mux_server *m, struct loop *loop, const char *path,
    const struct mux_server_events *events, void *owner);
/* In each turn of the loop. */
void mux_server_turn(struct mux_server *m, const char *link);
/* Somebody's bytes go on to the other ssh. */
bool mux_server_serves(const struct mux_server *m);
/* Takes a zeroed one. */
void mux_server_close(struct mux_server *m);

#endif
