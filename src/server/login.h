/* Starts the user's program as sshd does: a login shell or a command, on a
 * pseudo-terminal or on pipes. */
#ifndef SERVER_LOGIN_H
#define SERVER_LOGIN_H

#include "server/sftp.h"
#include "server/x11_listener.h"
#include "sys/tty.h"
#include "wire/msg.h"

struct login {
	enum hello_kind kind;
	struct span command; /* for the user's shell; empty: a login shell */
	struct span term; /* the client's TERM; may be empty */
	struct span modes; /* its terminal settings, as tty_encode_modes gives them */
	struct tty_size size;
	const char *agent; /* the socket for SSH_AUTH_SOCK; NULL: as it is */
	const struct x11_listener *display; /* for DISPLAY; NULL: as it is */
	const struct sftp *sftp; /* with KIND_SFTP only */
	const char *directory; /* where it begins, if it is there; "": at home */
	const char *session; /* its id, for the environment; may be NULL */
};

/* Our ends of what the program has as 0, 1 and 2: non-blocking, close-on-exec.  On a
 * pseudo-terminal `in` and `out` are the master, twice, and `err` is -1. */
struct login_fds {
	int in, out, err;
};

/* A variable of the holder's: the session ends with the last login, and says so. */
#define SESSION_ENDS "BELAY_ENDS_WITH_LOGIN"

/* Returns the pid, or -1 with errno. */
pid_t login_start(const struct login *login, struct login_fds *ret_fds);

#endif
