/*
 * A login that the windows of one destination share: OpenSSH's multiplexing (ControlMaster,
 * ssh_config(5)) under belay's control.
 *
 *     directory of ours, 0700 (run_dir.h)
 *       login-KEY     the board (login_board.h), and behind it all that has to be equal
 *       mXXXXXXXX     a master's socket, under a random name
 *
 * Equal has to be the whole answer of `ssh -G` but for what belay carries itself, and what of
 * the environment ssh looks at.  The key of the file's name is only a hash, so the text is
 * compared.
 *
 * Who makes the login starts its ssh as a master that goes on by itself (ControlPersist): once
 * logged in, it is a process of its own, in no window's group, and ends LINGER_S after its
 * last session.
 */
#ifndef SSH_SHARED_LOGIN_H
#define SSH_SHARED_LOGIN_H

#include "ssh/login_board.h"
#include "ssh/run_dir.h"
#include "ssh/ssh_config.h"

enum {
	SHARED_LOGIN_LINGER_S = 10,
	SHARED_LOGIN_PATH_MAX = RUN_DIR_MAX + LOGIN_NAME_MAX,
};

/* A zeroed one has no board. */
struct shared_login {
	bool open;
	int fd;
	uint64_t key;
	int ending[2]; /* of masters that were told to end; 0: none */
	char dir[RUN_DIR_MAX];
};

/* Whether such a login may be shared at all: nothing of it is one window's alone. */
bool shared_login_may(const struct ssh_config *c);
/* Goes to the board of this configuration; false: there is none, then s has none. */
bool
shared_login_open(struct shared_login *s, const struct ssh_config *c, const char *ssh);
/* Takes this process's links off, and its lead. */
void shared_login_close(struct shared_login *s);

/* Reads the board, without those that have ended. */
bool shared_login_read(const struct shared_login *s, struct login_board *ret);
/* The same, and nobody else writes until shared_login_put or _leave; false: another does that
 * now. */
bool shared_login_take(const struct shared_login *s, struct login_board *ret);
void shared_login_put(const struct shared_login *s, const struct login_board *b);
void shared_login_leave(const struct shared_login *s);

/* A name for a new master. */
void shared_login_name(char ret_name[LOGIN_NAME_MAX]);
void shared_login_path(const struct shared_login *s, const char *name,
    char ret_path[SHARED_LOGIN_PATH_MAX]);
/* Whether something listens there. */
bool shared_login_listens(const struct shared_login *s, const char *name);
/* Tells a master that nobody needs to end; one that is stopped does so when it goes on, if s is
 * still there then. */
void shared_login_end(struct shared_login *s, const char *name);

#endif
