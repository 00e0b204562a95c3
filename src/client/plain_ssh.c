#include "client/plain_ssh.h"

#include "autossh/autossh.h"
#include "base/log.h"
#include "client/ending.h"
#include "ssh/bootstrap.h"
#include "ssh/ssh_helper.h"
#include "sys/child.h"
#include "sys/sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMAND_MAX = 16 * 1024 };

/* sftp's stdout is a pipe, whoever looks on. */
static bool
somebody_looks_on(enum hello_kind kind)
{
	return isatty(STDERR_FILENO) && (isatty(STDOUT_FILENO) || kind == KIND_SFTP);
}

static void
say(const struct plain_ssh *p, const char *destination, const char *why)
{
	if (p->command)
		log_say(LOG_NOTICE, "%s: %s; after a cut run it again: %s", destination,
		    p->command + strlen("exec "), why);
	else
		log_say(LOG_NOTICE, "%s: plain ssh, which does not survive a cut%s: %s",
		    destination, p->keeps ? ", but is run again" : "", why);
}

void
plain_ssh_choose(struct plain_ssh *p, const struct options *o,
    const struct session_request *request, const struct ssh_config *config,
    enum plain_keeper keeper, const char *why)
{
	bool shell = request->kind == KIND_PTY && request->raw && !request->command.len;
	struct span local = config->local_command;
	*p = (struct plain_ssh){ .command = shell ? plain_command(keeper) : NULL,
		.keeps = config->no_command,
		.forks = config->tells_type };
	if (somebody_looks_on(request->kind))
		say(p, o->destination, why);
	if (local.n >= sizeof p->local_command)
		p->keeps = false;
	else if (config->permits_local)
		memcpy(p->local_command, local.p, local.n);
}

/* For argv, which nobody writes to. */
static char *
word(const char *text)
{
	return (char *)(uintptr_t)text;
}

static char **
new_argv(size_t n)
{
	char **argv = calloc(n, sizeof *argv);
	if (!argv)
		log_say(LOG_ERROR, "out of memory");
	return argv;
}

/* `before`: options of ours, NULL behind the last.  With a command of ours the line has none,
 * so that it may stand behind it. */
static int
become_ssh(const struct options *o, char *ssh, const char *const *before,
    const char *command)
{
	size_t n = 0, n_before = 0;
	signal(SIGPIPE, SIG_DFL);
	while (o->ssh_argv[n + 1])
		n++;
	while (before[n_before])
		n_before++;
	char **argv = new_argv(1 + n_before + n + 2), **to = argv;
	if (!argv)
		return EXIT_FAILED;
	*to++ = ssh;
	for (size_t i = 0; i < n_before; i++)
		*to++ = word(before[i]);
	memcpy(to, o->ssh_argv + 1, n * sizeof *to);
	to[n] = word(command);
	child_says_its_number();
	execv(ssh, argv);
	log_say(LOG_ERROR, "cannot execute %s: %s", ssh, strerror(errno));
	free(argv);
	return EXIT_FAILED;
}

static int
remove_from_host(const struct options *o, char *ssh)
{
	static const char *const before[] = { "-T", "-oRemoteCommand=none",
		"-oClearAllForwardings=yes", NULL };
	struct buf command;
	buf_init(&command, COMMAND_MAX);
	int status = EXIT_FAILED;
	if (bootstrap_remove(&command))
		log_say(LOG_ERROR, "out of memory");
	else
		status = become_ssh(o, ssh, before, buf_str(&command));
	buf_finish(&command);
	return status;
}

/* Where the destination stands in ssh_argv, or the "--" in front of it. */
static size_t
destination_at(const struct options *o, size_t *ret_n)
{
	size_t n = 0, at = 0;
	while (o->ssh_argv[++n])
		if (o->ssh_argv[n] == o->destination)
			at = strcmp(o->ssh_argv[n - 1 + (n == 1)], "--") == 0 ? n - 1 : n;
	*ret_n = n;
	return at;
}

/* A tunnel: plain ssh carries it, and is run again whenever it ends, unless that is at
 * once.  That a link is dead ssh has to notice.
 *
 * For -f ssh tells this process that it is in (ssh_config(5), LocalCommand: run after the
 * login), which a ssh that goes by way of another one would not. */
static int
keep_ssh(struct plain_ssh *p, const struct options *o)
{
	char local[sizeof p->local_command + 64], *before[8], **to = before;
	size_t n, at = destination_at(o, &n);
	snprintf(local, sizeof local, "-oLocalCommand=kill -URG %ld; %s", (long)getpid(),
	    p->local_command);
	*to++ = word("belay");
	*to++ = word("-M0");
	if (p->forks)
		*to++ = word("-oForkAfterAuthentication=no");
	if (p->background.waits) {
		background_let_go(STDOUT_FILENO); /* ssh does so now */
		*to++ = word("-oControlPath=none");
		*to++ = word("-oPermitLocalCommand=yes");
		*to++ = local;
	}
	size_t n_before = (size_t)(to - before);
	char **argv = new_argv(n_before + n + 2);
	if (!argv)
		return EXIT_FAILED;
	memcpy(argv, before, n_before * sizeof *argv);
	to = argv + n_before;
	for (size_t i = 1; i < n; i++) {
		if (i == at)
			*to++ = word("-oServerAliveInterval=5");
		*to++ = o->ssh_argv[i];
	}
	(void)setenv("AUTOSSH_GATETIME", "5", 0);
	int status = autossh_keep((int)(to - argv), argv, &p->background, o->verbose);
	free(argv);
	return status ? EXIT_FAILED : 0;
}

/* ---- another program, which runs already ---- */

enum { COPY_MAX = 64 * 1024 };

/* Bytes on their way from one descriptor to another; at their end both are -1. */
struct copy {
	int from, to;
	struct buf waiting;
};

static void
close_from(struct copy *c)
{
	if (c->from > STDERR_FILENO)
		close(c->from);
	c->from = -1;
}

static void
close_to(struct copy *c)
{
	if (c->to > STDERR_FILENO)
		close(c->to);
	c->to = -1;
	buf_drop(&c->waiting, c->waiting.len);
}

/* One of the two is ready.  Nothing more is read before the other has taken all. */
static void
copy_some(struct copy *c)
{
	struct span nothing = { 0 };
	if (!c->waiting.len && c->from >= 0
	    && sys_read_into(c->from, &c->waiting, COPY_MAX) < 0)
		close_from(c);
	if (c->waiting.len) {
		ssize_t n = sys_write_both(c->to, buf_span(&c->waiting), nothing);
		buf_drop(&c->waiting, n < 0 ? 0 : (size_t)n);
		if (n < 0) {
			close_from(c); /* nobody takes it */
			close_to(c);
		}
	}
	if (c->from < 0 && !c->waiting.len)
		close_to(c);
}

static void
await(const struct copy *c, struct pollfd *ret)
{
	*ret = c->waiting.len ? (struct pollfd){ .fd = c->to, .events = POLLOUT }
			      : (struct pollfd){ .fd = c->from, .events = POLLIN };
}

static bool
copy_errors(const struct carrier_foreign *f)
{
	struct buf said;
	int asking = -1;
	buf_init(&said, COPY_MAX);
	ssize_t n = f->door ? ssh_helper_read(f->err, &said, COPY_MAX / 2, &asking)
			    : sys_read_into(f->err, &said, COPY_MAX / 2);
	if (asking >= 0)
		close(asking); /* it is in: nothing is asked any more */
	(void)sys_write_all(STDERR_FILENO, buf_bytes(&said), said.len);
	buf_finish(&said);
	return n >= 0;
}

/* Copies until the program has closed its output. */
static void
pump(const struct carrier_foreign *f, bool null_stdin)
{
	struct copy in = { .from = null_stdin ? -1 : STDIN_FILENO, .to = f->in };
	struct copy out = { .from = f->out, .to = STDOUT_FILENO };
	bool says = true;
	buf_init(&in.waiting, 2 * COPY_MAX);
	buf_init(&out.waiting, 2 * COPY_MAX);
	sys_nonblock_stdio(STDOUT_FILENO);
	if (null_stdin)
		close_to(&in);
	while (out.from >= 0 || out.waiting.len || says) {
		struct pollfd p[3] = { [2] = { .fd = says ? f->err : -1,
					   .events = POLLIN } };
		await(&in, &p[0]);
		await(&out, &p[1]);
		if (poll(p, 3, -1) <= 0)
			continue;
		if (p[0].revents)
			copy_some(&in);
		if (p[1].revents)
			copy_some(&out);
		if (p[2].revents)
			says = copy_errors(f);
	}
	close_from(&in);
	close_to(&in);
	buf_finish(&in.waiting);
	buf_finish(&out.waiting);
	sys_restore_stdio();
	close(f->err);
}

int
plain_ssh_go_on(struct plain_ssh *p)
{
	struct carrier_foreign *f = &p->foreign;
	int status = f->status;
	(void)sys_write_all(STDERR_FILENO, buf_bytes(&f->errors), f->errors.len);
	if (sys_write_all(STDOUT_FILENO, buf_bytes(&f->output), f->output.len) == 0
	    && f->pid > 0)
		pump(f, p->null_stdin);
	while (f->pid > 0 && waitpid(f->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	buf_finish(&f->output);
	buf_finish(&f->errors);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

int
plain_ssh_run(struct plain_ssh *p, const struct options *o, char *ssh)
{
	static const char *const none[] = { NULL }, *const on_terminal[] = { "-t", NULL };
	if (p->removes)
		return remove_from_host(o, ssh);
	return p->keeps ? keep_ssh(p, o)
			: become_ssh(o, ssh, p->command ? on_terminal : none, p->command);
}
