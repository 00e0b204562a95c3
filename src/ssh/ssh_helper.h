/*
 * What passes between belay and the programs that ssh starts for it: belay itself, in
 * another role.  ssh's stderr is a unix socket; what ssh starts inherits it, and so has a
 * way to belay that nobody else has, without a path.
 *
 *     belay ---- connection ----> [stderr] ---> belay --pass-connection
 *                                                     | stdout
 *                                                     v
 *                                                    ssh    ProxyUseFdpass, ssh_config(5)
 *
 *     belay <------ a socket ---- [stderr] ---- belay, as SSH_ASKPASS, ssh(1)
 *           <---- "HINT\0TEXT\0", answer ---->       | stdout
 *                   on that socket                   v
 *                                                   ssh
 *
 *     belay <------ a socket ---- [stderr] ---- belay --local-command
 *           ----- our stdout ---->                  | becomes the shell, whose stdout it is
 *                on that socket                     v
 *                                                 what LocalCommand says, ssh_config(5)
 */
#ifndef SSH_SSH_HELPER_H
#define SSH_SSH_HELPER_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	SSH_HELPER_ARG_MAX = 512,
	SSH_HELPER_ENV = 4, /* variables, with the end */
	SSH_HELPER_HINT_MAX = 16, /* with its NUL */
	SSH_HELPER_TEXT_MAX = 1024, /* of a question, */
	SSH_HELPER_ANSWER_MAX = 1000, /* and its answer: ssh takes no longer ones */
};

/* The option with which ssh takes a connection from us, by its stderr or by the socket of this
 * path (handover.h; NULL: none); false if there is no such way here: ssh hands the command to
 * $SHELL. */
bool ssh_helper_proxy_option(const char *path, char ret_option[SSH_HELPER_ARG_MAX]);
/* Sends the connection; 0 or -1.  It stays the caller's. */
int ssh_helper_pass(int door, int connection);

/* The variables that make ssh ask us; false if there is no such way here. */
bool ssh_helper_ask_env(char store[SSH_HELPER_ARG_MAX], char *ret_env[SSH_HELPER_ENV]);
/* The same, only for what ssh has to say and not to ask: it asks on the terminal.  With its
 * own stderr on a terminal it would say it there. */
bool ssh_helper_notify_env(char store[SSH_HELPER_ARG_MAX], char *ret_env[SSH_HELPER_ENV]);
/* The program that runs its fourth descriptor (3), a script for $SHELL, with our stdout in the
 * place of its own; false if there is no such way here. */
bool ssh_helper_local_command(char ret_program[SSH_HELPER_ARG_MAX]);
/* Whether ssh without a terminal asks the user's own program (ssh(1), SSH_ASKPASS). */
bool ssh_helper_has_askpass(void);
/* Whether a terminal controls us that lets us read, whatever stdin is: ssh asks there. */
bool ssh_helper_has_terminal(void);
/* Reads what ssh and its children say on stderr onto b, as sys_read_into does; *ret_asking
 * is a socket if there was a question, else -1.  Whoever asks for our stdout gets it. */
ssize_t ssh_helper_read(int door, struct buf *b, size_t max, int *ret_asking);

/* Whether this is what we were started for. */
bool ssh_helper_called(int argc, char **argv);
int ssh_helper_main(int argc, char **argv);

#endif
