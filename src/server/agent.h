/*
 * The socket of a session for ssh-agent's protocol, at one path for its life.
 *
 *     program --> SESSION.agent --> holder --> the link's SSH_AUTH_SOCK --> sshd --> ssh
 *
 * The ssh of each link forwards the user's agent, as it does without belay, so the agent
 * knows by which hosts a request came and what may not be asked from afar.  The holder only
 * leads bytes on, to the link in use.
 */
#ifndef SERVER_AGENT_H
#define SERVER_AGENT_H

#include "tunnel/listener.h"

enum {
	AGENT_PATH_MAX = 108, /* unix(7) */
	AGENT_CONNECTIONS = 64, /* at once; one more waits to be accepted */
};

struct agent_pipe;

struct agent {
	struct loop *loop;
	struct listener listener;
	char path[TARGET_MAX]; /* "": there is none */
	struct agent_pipe *pipes; /* a list */
	size_t n;
};

/* Listens beside the session's socket, or where nobody else can make the path anew
 * (rundir_kept); a listener like this one leads its connections on.  0, or -1: there is no
 * agent then. */
int agent_open(struct agent *a, struct loop *loop, const char *session_path,
    const struct listener *like);
/* Whether agent_connect can take one more. */
bool agent_has_room(const struct agent *a);
/* The session's socket is another one now. */
void agent_again(struct agent *a, const char *session_path);
void agent_close(struct agent *a);
/* Leads a connection on to the socket at `path`, which must be our user's; closes it when
 * there is none, or are too many.  `link` is only compared. */
void agent_connect(struct agent *a, int fd, const char *path, const void *link);
/* The link is gone: what leads there ends. */
void agent_cut(struct agent *a, const void *link);
/* Moves what goes.  Returns when to call it again; 0: on events only. */
uint64_t agent_turn(struct agent *a, uint64_t now_us);

#endif
