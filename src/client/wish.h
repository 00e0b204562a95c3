/*
 * What is wanted of the host: which program, on what, in which session.  Out of the command
 * line, ssh's configuration, and what this machine remembers.
 */
#ifndef CLIENT_WISH_H
#define CLIENT_WISH_H

#include "client/config.h"
#include "client/memory.h"

struct wish {
	enum hello_kind kind;
	enum hello_wish how; /* of the first hello */
	struct buf command;
	bool raw; /* our stdin is a terminal that has to be raw */
	bool returns; /* a shell, which may be left and come back to */
	bool manages; /* belay's own work on the host: --list and its like */
	uint8_t id[ID_LEN]; /* of the session; until it is met, as chosen by us */
	struct memory left; /* the session to come back to; begun_ms 0: none */
};

void wish_init(struct wish *w);
void wish_finish(struct wish *w);

/* Whether the command line asks for belay's own work on the host. */
bool wish_manages(const struct options *o);
/* What is to be run, and on what, as ssh decides it; may change what of the configuration
 * counts.  False if that is ssh's alone. */
bool wish_program(struct wish *w, const struct options *o, struct config *c);
/* In which session. */
void wish_session(struct wish *w, const struct options *o);

#endif
