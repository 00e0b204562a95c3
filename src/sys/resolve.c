#include "sys/resolve.h"

#include "sys/child.h"
#include "sys/sys.h"
#include "sys/tcp.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RESOLVE_NO_GETENT = 12345 }; /* none of getaddrinfo's */

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

/* One line for each address and kind of socket: the address, and other words. */
static void
take_lines(const char *text, unsigned port, int family, struct resolve_answer *a)
{
	char word[64];
	size_t n;
	for (; *text; text += n + (text[n] != 0)) {
		struct sockaddr_storage at;
		size_t len = strcspn(text, " \t\n");
		bool again = false;
		n = strcspn(text, "\n");
		snprintf(word, sizeof word, "%.*s", (int)len, text);
		if (len >= sizeof word || !tcp_address(word, port, &at)
		    || (family != AF_UNSPEC && at.ss_family != family))
			continue;
		for (size_t i = 0; i < a->n; i++)
			again |= memcmp(&a->addresses[i], &at, sizeof at) == 0;
		if (!again && a->n < RESOLVE_ADDRESSES)
			a->addresses[a->n++] = at;
	}
}

/* GNU's has "ahosts"; others know one address, by "hosts". */
static bool
getent(const char *database, const char *host, struct buf *out)
{
	char *argv[] = { (char *)(uintptr_t) "getent", (char *)(uintptr_t)database,
		(char *)(uintptr_t)host, NULL };
	int status = child_run(argv, (struct span){ 0 }, out);
	if (status == 127)
		errno = ENOSYS;
	return status == 0;
}

static void
look_up_by_getent(const char *host, unsigned port, int family, struct resolve_answer *a)
{
	struct buf out;
	buf_init(&out, 8 * 1024);
	*a = (struct resolve_answer){ .error = EAI_NONAME };
	errno = 0;
	bool known = host[0] != '-'
	    && (getent("ahosts", host, &out) || getent("hosts", host, &out));
	const char *text = known ? buf_str(&out) : NULL;
	if (text)
		take_lines(text, port, family, a);
	if (a->n)
		a->error = 0;
	else if (errno == ENOSYS)
		a->error = RESOLVE_NO_GETENT;
	buf_finish(&out);
}

/* What a child of ours finds out. */
static pid_t
ask_child(void (*ask)(const char *host, unsigned port, int family,
	      struct resolve_answer *a),
    const char *host, unsigned port, int family, int *ret_fd)
{
	struct resolve_answer answer = { 0 };
	int answers[2];
	if (sys_pipe(answers))
		return -1;
	/* What it held open would be held open for as long as a name server is silent. */
	pid_t pid = child_fork(NULL, answers[1]);
	if (pid == 0) {
		setsid(); /* ^C is for us, not for it alone */
		ask(host, port, family, &answer);
		(void)sys_write_all(CHILD_ALSO, &answer, sizeof answer);
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

pid_t
resolve_start(const char *host, unsigned port, int family, int *ret_fd)
{
	return ask_child(look_up, host, port, family, ret_fd);
}

pid_t
getent_start(const char *host, unsigned port, int family, int *ret_fd)
{
	return ask_child(look_up_by_getent, host, port, family, ret_fd);
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
	if (a->error == RESOLVE_NO_GETENT)
		return "the host has no getent(1) to look names up; use an address";
	return a->error == EAI_SYSTEM ? strerror(a->system_error)
				      : gai_strerror(a->error);
}
