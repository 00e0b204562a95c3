/* What ssh's own words on stderr say about why it ended. */
#ifndef CLIENT_SSH_WORDS_H
#define CLIENT_SSH_WORDS_H

enum ssh_words {
	SSH_WORDS_NONE,
	SSH_WORDS_HOST_KEY, /* the host's key is not the one it had */
	SSH_WORDS_LOGIN, /* the login was refused */
	SSH_WORDS_UNREACHED, /* it never spoke with the host's sshd */
	SSH_WORDS_NO_SESSION, /* logged in, but nothing may run there */
	SSH_WORDS_LOST, /* the connection broke */
};

/* `said` may be NULL. */
enum ssh_words ssh_words(const char *said);

#endif
