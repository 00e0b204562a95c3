/* Unix sockets between processes of one user, and descriptors sent over them. */
#ifndef SYS_SOCK_H
#define SYS_SOCK_H

#include "base/buf.h"

#include <sys/types.h>

/* Makes sure that `dir` is a directory of ours that nobody else can write to: mode 0700
 * when it is made.  0, or -1 with errno (EPERM: it is somebody else's). */
int sock_private_dir(const char *dir);
/* Whether it is one, and not made.  Where its name cannot be taken from us either, as below a
 * directory that is sticky or nobody else's, what lies in it is ours. */
bool sock_is_private(const char *dir);
/* Listens at this path.  Returns a non-blocking descriptor or -1. */
int sock_listen(const char *path);
/* Connects; the other side must belong to our user (else EPERM).  One that is too busy is
 * waited for, but not for ever (EAGAIN).  Descriptor or -1. */
int sock_connect(const char *path);
/* The same, non-blocking: who is too busy to take it is not waited for. */
int sock_try(const char *path);
/* The same where others may connect too: the mode is 0777 less `mask`. */
int sock_listen_for_all(const char *path, unsigned mask);
/* Connects, whoever listens there; non-blocking.  Descriptor or -1. */
int sock_connect_any(const char *path);
/* The same to a name without a file, as unix(7) has it; elsewhere than on Linux -1. */
int sock_connect_abstract(const char *name);
/* Whether a socket is there that nobody listens on any more. */
bool sock_is_stale(const char *path);
/* Accepts a connection of our own user; -1 when there is none (others are closed). */
int sock_accept(int listener);

/* Sends bytes (at least one) together with descriptors, blocking; 0 or -1. */
int sock_send_fds(int fd, struct span bytes, const int *fds, size_t n_fds);
/* Receives bytes onto b, and up to max_fds descriptors (close-on-exec) that came with
 * them.  Returns bytes, 0 when nothing is there now, -1 at the end or on an error. */
ssize_t sock_receive_fds(int fd, struct buf *b, size_t max, int *ret_fds, size_t max_fds,
    size_t *ret_n);

#endif
