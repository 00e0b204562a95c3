/*
 * Names into addresses, without waiting for them: looking one up blocks, so a child of ours
 * does it and writes what it is told to a pipe.
 */
#ifndef SYS_RESOLVE_H
#define SYS_RESOLVE_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { RESOLVE_ADDRESSES = 16 };

struct resolve_answer {
	int error; /* getaddrinfo's; 0: there are addresses */
	int system_error; /* errno, with EAI_SYSTEM */
	size_t n;
	struct sockaddr_storage addresses[RESOLVE_ADDRESSES]; /* in the system's order */
};

/* Starts to look up.  `family`: AF_UNSPEC for all.  Returns the pid, and a descriptor to
 * give to resolve_take when it can be read; -1 with errno. */
typedef pid_t resolve_fn(const char *host, unsigned port, int family, int *ret_fd);
/* By getaddrinfo(). */
resolve_fn resolve_start;
/* By getent(1): a static program knows nothing of what the system's own library does
 * (nsswitch.conf(5)), and would grow by a sixth. */
resolve_fn getent_start;
/* Takes the answer, ends the child, closes the descriptor. */
void resolve_take(pid_t pid, int fd, struct resolve_answer *ret);
/* Ends it without an answer. */
void resolve_cancel(pid_t pid, int fd);
/* The text of an error. */
const char *resolve_text(const struct resolve_answer *a);

#endif
