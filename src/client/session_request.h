/*
 * What is wanted of the host: which program, on what, in which session.  Out of the command
 * line, ssh's configuration, and what this machine remembers.
 */
#ifndef CLIENT_SESSION_REQUEST_H
#define CLIENT_SESSION_REQUEST_H

#include "client/saved_sessions.h"
#include "predict/preference.h"
#include "ssh/ssh_config.h"

struct session_request {
	/* the machine of the session that was left; zeros: any */
	uint8_t machine[ID_LEN];
	enum hello_kind kind;
	enum hello_request how; /* of the first hello */
	struct buf command;
	struct span term; /* of the terminal, in the configuration; empty: TERM */
	enum predict_mode predict; /* what is typed is shown at once */
	bool datagrams; /* the host is asked for a link of datagrams */
	bool raw; /* our stdin is a terminal that has to be raw */
	bool returns; /* a shell, which may be left and come back to */
	bool
	    again; /* the session is gone, and this window had it: it is to begin again */
	bool manages; /* belay's own work on the host: --list and its like */
	uint8_t id[ID_LEN]; /* of the session; until it is met, as chosen by us */
	struct saved_place place; /* where we are */
	struct saved_session left; /* the session to come back to; begun_ms 0: none */
	struct saved_others others; /* what was left, and is not come back to */
};

void session_request_init(struct session_request *w);
void session_request_finish(struct session_request *w);

/* Whether the command line asks for belay's own work on the host. */
bool session_request_manages(const struct options *o);
/* What is to be run, and on what, as ssh decides it; may change what of the configuration
 * counts.  False if that is ssh's alone. */
bool session_request_program(struct session_request *w, const struct options *o,
    struct ssh_config *c);
/* In which session; one that this machine has saved is held from now on. */
void session_request_session(struct session_request *w, const struct options *o,
    const struct ssh_config *c, struct saved_hold *saved);

/* Another machine answers than that of the session which was to be come back to: to one that
 * was left on this machine (NULL: on none), or to a new one. */
void session_request_elsewhere(struct session_request *w, const struct options *o,
    struct saved_hold *saved, const uint8_t *machine);

#endif
