/* Child processes. */
#ifndef SYS_CHILD_H
#define SYS_CHILD_H

#include "base/buf.h"

#include <sys/types.h>

/* Every program that is started finds its own number in BELAY_CHILD. */
void child_says_its_number(void);

/* Starts argv[0] (found on PATH), its stdin and stdout sockets, its stderr a pipe; our ends
 * are non-blocking.  `detached`: in a session of its own, away from the terminal.
 * Returns the pid, or -1 with errno (also when the program cannot be executed). */
pid_t child_start(char *const argv[], bool detached, int ret_in_out_err[3]);
/* The same, with a unix socket as its stderr, over which its own children can be sent
 * descriptors, and with these variables ("NAME=value", NULL-terminated) in its
 * environment. */
pid_t child_start_with_socket(char *const argv[], char *const env[], bool detached,
    int ret_in_out_err[3]);

/* Starts argv[0] with these variables, in a session of its own; its stdin, stdout and stderr
 * are /dev/null.  The pid, or -1 with errno. */
pid_t child_start_aside(char *const argv[], char *const env[]);

/* As child_start, with our own stdin and stdout, and in our process group. */
pid_t child_start_beside(char *const argv[], int *ret_err);

/* Runs a program to its end, for a moment: `in` is its stdin, what it says goes onto `out`
 * (NULL: nowhere).  Returns its exit status, 127 when it is not there, or -1. */
int child_run(char *const argv[], struct span in, struct buf *out);
/* The same with a descriptor above 2 as its stdin, from where that stands. */
int child_run_on(char *const argv[], int in, struct buf *out);

/* Whether it has ended; then *ret_status is as from waitpid. */
bool child_ended(pid_t pid, int *ret_status);
enum { CHILD_ALSO = 3 };
/* fork(2), for a child that has nothing of ours but what it is given: signals are at their
 * defaults and none is blocked, `stdio` (NULL: /dev/null) are its 0, 1 and 2, `also` (-1:
 * none) is its CHILD_ALSO, close-on-exec, and all else is closed.  Of `stdio` each is above 2
 * or in its place.  It has to end with _exit(2) or exec(3). */
pid_t child_fork(const int stdio[3], int also);

#endif
