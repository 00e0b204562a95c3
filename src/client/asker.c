#include "client/asker.h"

#include "sys/child.h"
#include "sys/sys.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 256 * 1024, READ_MAX = 16 * 1024 };

static void
close_answer(struct asker *a)
{
	if (!a->watch.fn)
		return;
	loop_remove(a->loop, &a->watch);
	close(a->watch.fd);
	close(a->err);
	a->watch.fn = NULL;
}

static void
on_answer(void *owner, short revents)
{
	struct asker *a = owner;
	(void)revents;
	if (sys_read_into(a->watch.fd, &a->answer, READ_MAX) >= 0
	    && a->answer.len < ANSWER_MAX / 2)
		return;
	close_answer(a);
	config_parse(a->config, buf_span(&a->answer));
	a->known(a->owner);
}

static pid_t
start_ssh(const struct options *o, const char *ssh, int fds[3])
{
	size_t n = 0, n_words = 0;
	while (&o->ssh_argv[n_words] != o->command)
		n_words++;
	char **argv = calloc(n_words + 3, sizeof *argv);
	if (!argv)
		return -1;
	argv[n++] = (char *)(uintptr_t)ssh;
	argv[n++] = (char *)(uintptr_t) "-G";
	for (size_t i = 1; i < n_words; i++)
		argv[n++] = o->ssh_argv[i];
	pid_t pid = child_start(argv, true, fds);
	free(argv);
	return pid;
}

void
asker_start(struct asker *a, struct loop *loop, const struct options *o, const char *ssh,
    struct config *config, void (*known)(void *owner), void *owner)
{
	int fds[3];
	*a = (struct asker){ .loop = loop,
		.config = config,
		.known = known,
		.owner = owner };
	buf_init(&a->answer, ANSWER_MAX);
	config_from_options(config, o);
	a->pid = start_ssh(o, ssh, fds);
	if (a->pid < 0) {
		a->pid = 0;
		known(owner);
		return;
	}
	close(fds[0]);
	a->err = fds[2]; /* kept open, so that a warning does not kill it */
	a->watch =
	    (struct watch){ .fd = fds[1], .events = POLLIN, .fn = on_answer, .owner = a };
	loop_add(loop, &a->watch);
}

void
asker_reap(struct asker *a)
{
	if (a->pid > 0 && child_ended(a->pid, &(int){ 0 }))
		a->pid = 0;
}

void
asker_finish(struct asker *a)
{
	if (a->pid > 0) {
		kill(a->pid, SIGKILL);
		waitpid(a->pid, NULL, 0);
		a->pid = 0;
	}
	close_answer(a);
	buf_finish(&a->answer);
}
