#include "sys/resolve.h"

#include "sys/child.h"
#include "sys/sys.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
look_up(const char *host, unsigned port, int family, struct resolve_answer *a)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;
	char service[8];
	snprintf(service, sizeof service, "%u", port & 0xffff);
	*a = (struct resolve_answer){ 0 };
	a->error = getaddrinfo(host, service, &hints, &all);
	a->system_error = errno;
	if (a->error)
		return;
	for (const struct addrinfo *i = all; i && a->n < RESOLVE_ADDRESSES;
	     i = i->ai_next)
		if (i->ai_family == AF_INET || i->ai_family == AF_INET6)
			memcpy(&a->addresses[a->n++], i->ai_addr, i->ai_addrlen);
	freeaddrinfo(all);
}

pid_t
resolve_start(const char *host, unsigned port, int family, int *ret_fd)
{
	struct resolve_answer answer;
	int answers[2];
	if (sys_pipe(answers))
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		child_default_signals();
		setsid(); /* ^C is for us, not for it alone */
		/* What it held open would be held open for as long as a name server is
		 * silent. */
		child_close_but(answers[1]);
		look_up(host, port, family, &answer);
		(void)sys_write_all(answers[1], &answer, sizeof answer);
		_exit(0);
	}
	int saved = errno;
	close(answers[1]);
	if (pid < 0)
		close(answers[0]);
	errno = saved;
	*ret_fd = pid < 0 ? -1 : answers[0];
	return pid;
}

void
resolve_take(pid_t pid, int fd, struct resolve_answer *ret)
{
	if (sys_read_all(fd, ret, sizeof *ret))
		*ret = (struct resolve_answer){ .error = EAI_FAIL };
	close(fd);
	waitpid(pid, NULL, 0); /* writing was the last that it did */
}

void
resolve_cancel(pid_t pid, int fd)
{
	close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

const char *
resolve_text(const struct resolve_answer *a)
{
	return a->error == EAI_SYSTEM ? strerror(a->system_error)
				      : gai_strerror(a->error);
}
