/* What ssh's own words on stderr say about why it ended. */
#ifndef SSH_SSH_ERRORS_H
#define SSH_SSH_ERRORS_H

enum ssh_errors {
	SSH_ERROR_NONE,
	SSH_ERROR_HOST_KEY, /* the host's key is not the one it had */
	SSH_ERROR_LOGIN, /* the login was refused */
	SSH_ERROR_UNREACHED, /* it never spoke with the host's sshd */
	SSH_ERROR_NO_SESSION, /* logged in, but nothing may run there */
	SSH_ERROR_LOST, /* the connection broke */
};

/* `said` may be NULL. */
enum ssh_errors ssh_errors(const char *said);

#endif
