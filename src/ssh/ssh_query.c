#include "ssh/ssh_query.h"

#include "base/log.h"
#include "sys/child.h"
#include "sys/sys.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ANSWER_MAX = 256 * 1024,
	READ_MAX = 16 * 1024,
	AGAIN_US = 3 * 1000000, /* a `Match exec` may hang where the network is gone */
};

static void
close_answer(struct ssh_query *a)
{
	if (!a->watch.fn)
		return;
	loop_remove(a->loop, &a->watch);
	close(a->watch.fd);
	close(a->err);
	a->watch.fn = NULL;
}

/* What the configuration has run ends, too. */
static void
end_ssh(struct ssh_query *a)
{
	if (a->pid > 0) {
		kill(-a->pid, SIGKILL);
		waitpid(a->pid, NULL, 0);
	}
	a->pid = 0;
	close_answer(a);
}

static void
finished(struct ssh_query *a, enum ssh_query_state state)
{
	end_ssh(a);
	a->until_us = 0;
	a->state = state;
	a->known(a->owner);
}

/* False: no more comes, or what has come is too much. */
static bool
read_answer(struct ssh_query *a)
{
	ssize_t n = 1;
	while (n > 0 && a->answer.len < ANSWER_MAX / 2)
		n = sys_read_into(a->watch.fd, &a->answer, READ_MAX);
	return n == 0;
}

static void
on_answer(void *owner, short revents)
{
	struct ssh_query *a = owner;
	(void)revents;
	if (!read_answer(a))
		close_answer(a); /* ssh_query_reap goes on: it depends on how ssh ends */
}

static pid_t
start_ssh(struct ssh_query *a, int fds[3])
{
	const struct options *o = a->options;
	static const char *const itself[] = { "-F", "none", "--" };
	size_t n = 0, n_words = 0;
	while (a->with_command ? n_words == 0 || o->ssh_argv[n_words]
			       : &o->ssh_argv[n_words] != o->command)
		n_words++;
	char **argv = calloc(n_words + 8, sizeof *argv);
	if (!argv)
		return -1;
	argv[n++] = (char *)(uintptr_t)a->ssh;
	argv[n++] = (char *)(uintptr_t) "-G";
	for (size_t i = 0; a->itself && i < sizeof itself / sizeof *itself; i++)
		argv[n++] = (char *)(uintptr_t)itself[i];
	if (a->itself)
		argv[n++] = (char *)(uintptr_t)o->destination;
	for (size_t i = 1; !a->itself && i <= n_words; i++) {
		/* What it says now is not for the user's log: the last one counts. */
		if (i == o->options_end && o->log)
			argv[n++] = (char *)(uintptr_t) "-E/dev/null";
		if (i < n_words)
			argv[n++] = o->ssh_argv[i];
	}
	pid_t pid = child_start(argv, true, fds);
	free(argv);
	return pid;
}

static void
ask(struct ssh_query *a)
{
	int fds[3];
	a->pid = start_ssh(a, fds);
	if (a->pid < 0) {
		a->pid = 0;
		finished(a, ASKER_FAILED);
		return;
	}
	close(fds[0]);
	a->err = fds[2]; /* kept open, so that a warning does not kill it */
	a->watch =
	    (struct watch){ .fd = fds[1], .events = POLLIN, .fn = on_answer, .owner = a };
	if (!loop_add_kept(a->loop, &a->watch))
		finished(a, ASKER_FAILED);
}

void
ssh_query_start(struct ssh_query *a, struct loop *loop, const struct options *o,
    const char *ssh, bool again, void (*known)(void *owner), void *owner)
{
	*a = (struct ssh_query){ .loop = loop,
		.options = o,
		.ssh = ssh,
		.state = ASKER_ASKS,
		.again = again,
		.with_command = o->background || o->subsystem,
		.until_us = again ? loop->now_us + AGAIN_US : 0,
		.known = known,
		.owner = owner };
	buf_init(&a->answer, ANSWER_MAX);
	ask(a);
}

/* What ssh has by itself is known, or (empty) is not: then nothing is as it has it. */
static void
compare(struct ssh_query *a, struct span by_itself)
{
	ssh_config_compare(&a->config, by_itself);
	finished(a, ASKER_WHOLE);
}

static void
take_answer(struct ssh_query *a, bool ok)
{
	struct span none = { (const uint8_t *)"", 0 };
	ok = ok && ssh_config_is_whole(buf_span(&a->answer));
	if (a->itself) {
		compare(a, ok ? buf_span(&a->answer) : none);
		return;
	}
	if (!ok && a->options->command[0] && !a->with_command) {
		a->with_command = true;
		buf_drop(&a->answer, a->answer.len);
		ask(a);
		return;
	}
	if (!ok) {
		finished(a, ASKER_FAILED);
		return;
	}
	ssh_config_from_options(&a->config, a->options);
	ssh_config_read(&a->config, &a->answer);
	a->itself = a->config.n_unknown > 0 && !a->again;
	if (a->itself)
		ask(a);
	else
		finished(a, ASKER_WHOLE);
}

bool
ssh_query_asks(const struct ssh_query *a)
{
	return a->state == ASKER_ASKS;
}

void
ssh_query_reap(struct ssh_query *a)
{
	int status;
	if (a->pid <= 0 || !child_ended(a->pid, &status))
		return;
	a->pid = 0;
	if (a->watch.fn)
		(void)read_answer(a);
	close_answer(a);
	take_answer(a,
	    WIFEXITED(status) && WEXITSTATUS(status) == 0
		&& a->answer.len < ANSWER_MAX / 2);
}

void
ssh_query_turn(struct ssh_query *a, uint64_t now_us)
{
	if (!a->until_us || now_us < a->until_us)
		return;
	log_say(LOG_VERBOSE,
	    "ssh -G does not answer: going on with what it has said last");
	finished(a, ASKER_FAILED);
}

bool
ssh_query_take(struct ssh_query *a, struct ssh_config *config)
{
	if (a->state != ASKER_WHOLE)
		return false;
	ssh_config_finish(config);
	*config = a->config;
	a->config = (struct ssh_config){ 0 };
	a->state = ASKER_NONE;
	return true;
}

void
ssh_query_finish(struct ssh_query *a)
{
	end_ssh(a);
	ssh_config_finish(&a->config);
	buf_finish(&a->answer);
	a->state = ASKER_NONE;
	a->until_us = 0;
}
