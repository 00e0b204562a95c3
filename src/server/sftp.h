/* sftp's server as sshd would run it, or one of belay's own choosing. */
#ifndef SERVER_SFTP_H
#define SERVER_SFTP_H

#include "server/sftp_policy.h"

struct sftp {
	const char *program; /* of the environment, or static; NULL: the user's shell */
	char command[SFTP_COMMAND_MAX]; /* the shell's, or the program's arguments */
};

/* What is to be run: what sshd's configuration says, or (`own`) the sftp-server that is found
 * first, without arguments.  NULL, or why it cannot be known: the client leaves it to sshd. */
const char *sftp_choose(struct sftp *s, bool own);
/* Executes it; returns on failure. */
void sftp_exec(const struct sftp *s, const char *shell);

#endif
