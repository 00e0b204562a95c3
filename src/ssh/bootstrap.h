/*
 * From the login shell of the host to belay-server: the command line that ssh is given,
 * and the conversation until the server takes over.  No I/O.  The host's part of it is two
 * programs for its shell, find.sh and install.sh.
 *
 *   ssh HOST "exec sh -c '...' belay MARK ..."     any login shell reaches a POSIX sh
 *       the right belay-server is there, carried or installed:
 *                                         MARK start Linux x86_64
 *                                         exec belay-server attach MARK
 *                                         MARK ready          frames follow
 *       it is not:                        MARK need Linux x86_64
 *           <-- a script (of fixed length), which looks for a directory that takes the
 *               server and can execute it
 *                                         MARK refused DIR: why
 *                                         MARK send gz DIR    (or "raw")
 *           <-- the program
 *                                         MARK run, or refused ..., in the end failed
 *           <-- the prelude once more
 *                                         MARK ready
 *
 * A host that is not known to run belay-server may run another program in its place
 * (sshd_config(5), ForceCommand), for which nothing on stdin is meant: there the prelude is
 * written only behind `start` or `run`, and ssh's LocalCommand says `MARK login`, so that
 * silence can be told from a slow login.
 *
 * MARK is random, and what is on lines without it is noise of the host's start-up files:
 * it is dropped, and bounded.
 */
#ifndef SSH_BOOTSTRAP_H
#define SSH_BOOTSTRAP_H

#include "base/buf.h"

enum { BOOTSTRAP_MARK_LEN = 24, BOOTSTRAP_WORD_MAX = 64, BOOTSTRAP_TEXT_MAX = 256 };

enum bootstrap_event {
	BOOTSTRAP_MORE, /* nothing yet */
	BOOTSTRAP_LOGIN, /* ssh is in (its LocalCommand says so): the host runs what it runs */
	BOOTSTRAP_START, /* the server that is there is run: it says the next word, or is damaged */
	BOOTSTRAP_READY, /* what follows in the input are frames */
	BOOTSTRAP_NEED, /* no server there: bootstrap_script is next, for `os` and `machine` */
	BOOTSTRAP_SEND, /* the program is to be sent, packed by gzip if `gz` */
	BOOTSTRAP_RUN, /* it has landed and is started: the prelude is to be sent (again) */
	BOOTSTRAP_REFUSED, /* `text`: a directory that does not do, and why */
	BOOTSTRAP_FAILED, /* no directory does */
};

struct bootstrap {
	char mark[BOOTSTRAP_MARK_LEN + 1];
	const char *build; /* which server is wanted */
	char os[BOOTSTRAP_WORD_MAX], machine[BOOTSTRAP_WORD_MAX];
	/* the same, as soon as anything is known of the host; "": nothing is */
	char host_os[BOOTSTRAP_WORD_MAX], host_machine[BOOTSTRAP_WORD_MAX];
	char keeper[BOOTSTRAP_WORD_MAX]; /* "screen", "tmux", or what else is there */
	bool gz;
	char text[BOOTSTRAP_TEXT_MAX];
	size_t noise; /* bytes of it so far */
};

/* `random`: at least BOOTSTRAP_MARK_LEN / 2 random bytes for the mark. */
void bootstrap_init(struct bootstrap *b, const char *build, const uint8_t *random);
/* The command line for ssh.  hello: the first frame, which goes with it, since sshd takes
 * nothing on stdin before the command runs (its channel opens with a window of 0, and that
 * would cost a round trip); empty: it comes on stdin.  It holds no secret: others on the
 * host can see it.  prelude: bytes that are already written to ssh's stdin
 * when it starts, and that a host without a server must skip.  fresh: do not use a
 * server that is there (it did not work). */
int bootstrap_command(const struct bootstrap *b, struct span hello, size_t prelude,
    bool fresh, struct buf *out);
/* The script that makes the server land, sizes in bytes of the program packed by gzip
 * (0: there is none) and as it is. */
int bootstrap_script(const struct bootstrap *b, size_t gz_size, size_t raw_size,
    struct buf *out);
/* The command line for ssh that takes away what has landed, and what it has left there. */
int bootstrap_remove(struct buf *out);
/* Takes lines off the head of `in`.  An event, or ERR_NOISE when there is too much
 * before the first line of ours. */
int bootstrap_input(struct bootstrap *b, struct buf *in);

#endif
