/* What ssh's own words on stderr say about why it ended. */
#ifndef SSH_SSH_ERRORS_H
#define SSH_SSH_ERRORS_H

#include <stdbool.h>

enum ssh_errors {
	SSH_ERROR_NONE,
	SSH_ERROR_HOST_KEY, /* the host's key is not the one it had */
	SSH_ERROR_LOGIN, /* the login was refused */
	/* It never spoke with the host's sshd: */
	SSH_ERROR_UNREACHED, /* for a reason that is none of those below */
	SSH_ERROR_NO_NAME, /* the host's name is not known */
	SSH_ERROR_NO_NETWORK, /* there is no route for such addresses from here */
	SSH_ERROR_NO_WAY, /* on the way somebody said that the host is not there */
	SSH_ERROR_REFUSED, /* the host takes no connections on that port */
	SSH_ERROR_SILENT, /* nothing came in time */
	SSH_ERROR_NO_SESSION, /* logged in, but nothing may run there */
	SSH_ERROR_LOST, /* the connection broke */
	SSH_ERRORS
};

/* `said` may be NULL. */
enum ssh_errors ssh_errors(const char *said);
/* Another host key, as ssh tells of it; empty where it does not (a key that is not known). */
struct ssh_errors_key {
	char fingerprint[80]; /* of the key that was shown: "SHA256:..." */
	char place
	    [64]; /* of the one that is known: "known_hosts:12", the end of its path */
};

void ssh_errors_key(const char *said, struct ssh_errors_key *ret);
/* Whether it never spoke with the host for a reason that may pass with the next network: no
 * route, no answer, no name server; while this machine is not `online`, also no such name.
 * Not where somebody has refused. */
bool ssh_errors_no_way(const char *said, bool online);

#endif
