/* A login on a pseudo-terminal, as sshd makes it. */
#ifndef SERVER_LOGIN_H
#define SERVER_LOGIN_H

#include "sys/tty.h"

struct login {
	struct span term; /* the client's TERM; may be empty */
	struct span modes; /* its terminal settings, as tty_encode_modes gives them */
	struct tty_size size;
};

/* Starts the user's login shell.  Returns its pid and the master of its terminal
 * (non-blocking, close-on-exec), or -1 with errno. */
pid_t login_start(const struct login *login, int *ret_master);

#endif
