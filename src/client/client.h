/*
 * A session on the client's side: what is run, what the console and the reach (which have
 * files of their own) tell each other, and how it ends: ended, hung up, or left running.
 *
 *    stdin  --> console --> stream 1 --> engine --> reach (attempts, policy) --> host
 *    stdout <-- console <-- stream 1 <--   "   <--    "
 *    stderr <-- console <-- stream 2
 *
 * A session that `returns`, a login shell on a terminal, is left when we are ended from
 * outside, and remembered (saved_sessions.h); any other is hung up.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "ssh/background.h"
#include "ssh/options.h"

enum { CLIENT_PLAIN_SSH = -1 };

/* How plain ssh is run then. */
struct client_plain {
	const char *command; /* on a terminal, instead of a login shell; NULL: none */
	bool keeps; /* a tunnel: again whenever it ends */
	bool forks; /* this ssh knows ForkAfterAuthentication */
	char local_command[1024]; /* what the user has ssh run here; "": nothing */
	struct background *background; /* somebody may wait until it is in; or NULL */
};

/* Runs a login shell or a command on the host until it ends; returns the exit status.
 * CLIENT_PLAIN_SSH: belay-server cannot run there, nothing has been run or read, and
 * plain ssh is to be used. */
int client_run(const struct options *o, const char *ssh, struct client_plain *ret_plain);

#endif
