#include "client/attempt.h"

#include "base/err.h"
#include "base/log.h"
#include "ssh/ssh_errors.h"
#include "ssh/ssh_helper.h"
#include "ssh/upload.h"
#include "sys/child.h"
#include "sys/netwatch.h"
#include "sys/os.h"
#include "sys/sys.h"
#include "sys/tcp.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	COMMAND_MAX = 8192, /* of the bootstrap */
	HELLO_ON_COMMAND_LINE = 2048,
	SAID_MAX = 8 * 1024,
	FIXED_ARGS = 32,
	HOLD_US = 3 * 1000000, /* stderr is held back so long: a person may be waiting */
	TAKEN_POLL_US = 200 * 1000, /* no event tells when the pipe has been read */
	SILENCE_US = 8 * 1000000,
	ENDS_US = 5
	    * 1000000, /* behind the end of its input a program may work so long */
	BROKEN_US = 10 * 1000000, /* ssh says in so long why its pipes are closed */
	TERM_TO_KILL_US = 2 * 1000000,
	STATUS_SSH_FAILED = 255, /* ssh(1), EXIT STATUS */
};

static void
over(struct attempt *a, enum attempt_why why, const char *text)
{
	if (a->phase == ATTEMPT_OVER)
		return;
	a->phase = ATTEMPT_OVER;
	a->why = why;
	snprintf(a->text, sizeof a->text, "%s", text);
}

/* Until the session is there, ssh's words are for the person. */
static void
show_errors(struct attempt *a)
{
	if (a->held || !a->first || a->said.len <= a->shown)
		return;
	(void)sys_write_all(STDERR_FILENO, buf_bytes(&a->said) + a->shown,
	    a->said.len - a->shown);
	a->shown = a->said.len;
}

/* ---- ssh's command line ---- */

/* The link overrides what belay does itself across links.  The first value of an option
 * counts (ssh_config(5)), so these stand before the user's own. */
static const char *const always[] = { "-T", "-oRemoteCommand=none", NULL };
/* A connection shared with others may be as dead as the one we replace. */
static const char *const again[] = { "-Snone", "-oControlMaster=no",
	"-oControlPersist=no", "-oPermitLocalCommand=no", NULL };
static const char *const unattended[] = { "-oBatchMode=yes", NULL };
/* Of -a and -A, and of -x, -X and -Y, the last one counts (ssh.c).  The agent is forwarded
 * by each link's ssh, if at all: what it knows of the way to the host, only ssh can tell. */
static const char *const no_agent[] = { "-a", NULL };
static const char *const no_display[] = { "-x", NULL };
static const char *const handed[] = { "-oProxyUseFdpass=yes", NULL };

static size_t
add_args(char **argv, size_t n, const char *const *args)
{
	while (*args)
		argv[n++] = (char *)(uintptr_t)*args++;
	return n;
}

static char **
build_argv(const struct attempt_plan *plan, const char *command, char *timeout,
    char *proxy, char overrides[SSH_CONFIG_OVERRIDES][SSH_CONFIG_OVERRIDE_LEN])
{
	const struct options *o = plan->options;
	char **argv = calloc(o->n_link_args + FIXED_ARGS + SSH_CONFIG_OVERRIDES,
	    sizeof *argv);
	if (!argv)
		return NULL;
	size_t n = 0;
	argv[n++] = (char *)(uintptr_t)plan->ssh;
	n = add_args(argv, n, always);
	size_t n_over = ssh_config_overrides(plan->wanted, plan->terminal, overrides);
	for (size_t i = 0; i < n_over; i++)
		argv[n++] = overrides[i];
	if (!plan->first || plan->alone)
		n = add_args(argv, n, again);
	if (!plan->first)
		argv[n++] = timeout;
	if (!plan->first && !plan->asks)
		n = add_args(argv, n, unattended);
	if (proxy) {
		n = add_args(argv, n, handed);
		argv[n++] = proxy;
	}
	for (size_t i = 0; i < o->n_before; i++)
		argv[n++] = o->link_args[i];
	/* What stands behind a destination counts less than its user and port; only "--"
	 * makes one out of what looks like an option. */
	bool behind = o->n_before < o->n_link_args;
	if (behind)
		argv[n++] = (char *)(uintptr_t)o->destination;
	for (size_t i = o->n_before; i < o->n_link_args; i++)
		argv[n++] = o->link_args[i];
	if (plan->wanted->tells_forwards) {
		n = add_args(argv, n, no_display);
		if (!plan->wanted->forward_agent.n)
			n = add_args(argv, n, no_agent);
	}
	argv[n++] = (char *)(uintptr_t) "--";
	if (!behind)
		argv[n++] = (char *)(uintptr_t)o->destination;
	argv[n++] = (char *)(uintptr_t)command;
	return argv;
}

static void
on_readable(void *owner, short revents)
{
	struct attempt *a = owner;
	(void)revents;
	(void)link_read(&a->io.link);
}

static void
on_stderr(void *owner, short revents)
{
	(void)revents;
	attempt_errors(owner);
}

/* ---- the connection ---- */

static void
not_connected(struct attempt *a)
{
	attempt_errors(a);
	buf_print(&a->said, "%s\r\n", a->connector.words);
	a->held = false;
	if (!a->silent)
		show_errors(a);
	over(a, WHY_ENDED, "");
}

static void
on_dialed(void *owner, int fd)
{
	struct attempt *a = owner;
	if (fd < 0) {
		not_connected(a);
		return;
	}
	(void)tcp_local(fd, &a->local);
	(void)ssh_helper_pass(a->err.fd, fd); /* fails if ssh has ended: that tells why */
	quickack_start(&a->quickack, a->loop, fd);
}

/* Whether we connect: then ssh is told to take the connection from us. */
static bool
dial(struct attempt *a, struct loop *loop, const struct attempt_plan *plan,
    char proxy[SSH_HELPER_ARG_MAX])
{
	if (!plan->config || !ssh_helper_proxy_option(proxy))
		return false;
	a->silent = plan->config->silent;
	return connector_start(&a->connector, loop, plan->config,
		   plan->first ? plan->config->connect_timeout_s
			       : plan->connect_timeout_s,
		   on_dialed, a)
	    == 0;
}

/* ---- starting ---- */

static int
start_ssh(struct attempt *a, struct loop *loop, const struct attempt_plan *plan,
    const char *command)
{
	char timeout[48], proxy[SSH_HELPER_ARG_MAX], askpass[SSH_HELPER_ARG_MAX];
	char overrides[SSH_CONFIG_OVERRIDES][SSH_CONFIG_OVERRIDE_LEN];
	char *env[SSH_HELPER_ENV];
	int fds[3];
	snprintf(timeout, sizeof timeout, "-oConnectTimeout=%u", plan->connect_timeout_s);
	bool ours = dial(a, loop, plan, proxy);
	/* Also one that may not ask says by that way that a key is to be touched. */
	bool says = plan->first
	    ? ours && plan->asks && ssh_helper_notify_env(askpass, env)
	    : ssh_helper_ask_env(askpass, env);
	char **argv = build_argv(plan, command, timeout, ours ? proxy : NULL, overrides);
	if (!argv)
		return ERR_NOMEM;
	a->asks = says && plan->asks && !plan->first;
	a->door = ours || says;
	a->pid = a->door
	    ? child_start_with_socket(argv, says ? env : NULL, !plan->first, fds)
	    : child_start(argv, !plan->first, fds);
	int saved = errno;
	free(argv);
	errno = saved;
	if (a->pid <= 0)
		return ERR_SYSTEM;
	a->err =
	    (struct watch){ .fd = fds[2], .events = POLLIN, .fn = on_stderr, .owner = a };
	if (!pipe_open(&a->io, fds[1], fds[0]) || !loop_add_kept(loop, &a->err)) {
		kill(a->pid, SIGKILL);
		waitpid(a->pid, NULL, 0);
		errno = EMFILE;
		return ERR_SYSTEM;
	}
	link_write(&a->io.link, NULL, loop->now_us);
	return 0;
}

int
attempt_start(struct attempt *a, struct loop *loop, const struct attempt_plan *plan)
{
	struct buf command;
	struct span nothing = { 0 };
	*a = (struct attempt){ .loop = loop,
		.servers = plan->servers,
		.first = plan->first,
		.fresh = plan->fresh,
		.held = plan->hold_errors,
		/* without an answer of `ssh -G` it is not known how loud ssh is */
		.mute = plan->wanted->silent || !plan->wanted->text.len,
		.may_have_begun = true,
		.started_us = loop->now_us };
	sys_random(a->random, sizeof a->random);
	bootstrap_init(&a->bootstrap, BELAY_BUILD, a->random);
	buf_init(&command, COMMAND_MAX);
	buf_init(&a->said, SAID_MAX);
	buf_init(&a->prelude, FRAME_MAX);
	pipe_init(&a->io, loop, on_readable, a);
	/* A long command does not fit on the command line of the host's shell. */
	bool with_command = plan->hello.n <= HELLO_ON_COMMAND_LINE && !plan->secret;
	int err = with_command ? 0 : buf_put(&a->prelude, plan->hello.p, plan->hello.n);
	if (!err)
		err = buf_put(&a->prelude, plan->prelude.p, plan->prelude.n);
	if (!err && !a->prelude.len) { /* so that it is seen when it is taken */
		struct msg_ping ping = { 0 };
		err = msg_put(&a->prelude, MSG_PING, &ping);
	}
	if (!err)
		err = handshake_begin(&a->io.link, nothing, buf_span(&a->prelude));
	if (!err)
		err = bootstrap_command(&a->bootstrap,
		    with_command ? plan->hello : (struct span){ 0 }, a->prelude.len,
		    plan->fresh, &command);
	if (!err)
		err = start_ssh(a, loop, plan, buf_str(&command));
	int saved = errno;
	buf_finish(&command);
	if (err) {
		a->pid = 0;
		attempt_close(a, loop);
		errno = saved;
	}
	return err;
}

/* ---- the boot ---- */

/* The script, or the program. */
static void
upload(struct attempt *a,
    int (*put)(const struct programs_kept *, struct bootstrap *, struct buf *,
	char[BOOTSTRAP_TEXT_MAX]))
{
	char text[BOOTSTRAP_TEXT_MAX];
	if (put(a->servers, &a->bootstrap, &a->io.link.queue, text))
		over(a, WHY_NO_SERVER, text);
}

static void
no_place(struct attempt *a)
{
	static const char none[] = "no directory there takes belay-server: ";
	char text[BOOTSTRAP_TEXT_MAX];
	snprintf(text, sizeof text, "%s%.*s", none, (int)(sizeof text - sizeof none),
	    a->bootstrap.text);
	over(a, WHY_NO_PLACE, text);
}

static void
boot(struct attempt *a)
{
	struct span nothing = { 0 };
	while (a->phase == ATTEMPT_BOOT) {
		switch (bootstrap_input(&a->bootstrap, &a->io.link.in)) {
		case BOOTSTRAP_MORE:
			return;
		case BOOTSTRAP_READY:
			a->phase = ATTEMPT_HELLO;
			a->ran = true;
			break;
		case BOOTSTRAP_START:
			a->server = SERVER_FOUND;
			break;
		case BOOTSTRAP_NEED:
			a->may_have_begun = false; /* without a server nothing can */
			upload(a, upload_script);
			break;
		case BOOTSTRAP_SEND:
			a->may_have_begun = true;
			upload(a, upload_server);
			break;
		case BOOTSTRAP_RUN: /* what was written first has been skipped on the host */
			a->server = SERVER_SENT;
			if (handshake_begin(&a->io.link, nothing, buf_span(&a->prelude)))
				over(a, WHY_NO_SERVER, "out of memory");
			break;
		case BOOTSTRAP_REFUSED:
			a->may_have_begun = false;
			log_say(LOG_VERBOSE, "the server cannot live in %s",
			    a->bootstrap.text);
			break;
		case BOOTSTRAP_FAILED:
			a->may_have_begun = false;
			no_place(a);
			break;
		default:
			over(a, WHY_NOISE, err_text(ERR_NOISE));
		}
	}
}

/* ---- the handshake ---- */

static void
welcomed(struct attempt *a)
{
	a->phase = ATTEMPT_LINK;
	connector_cancel(&a->connector); /* ssh got there without it */
	quickack_stop(&a->quickack);
	a->held = false;
	show_errors(a);
}

static void
shake_hands(struct attempt *a, struct engine *e)
{
	switch (handshake_take(&a->handshake, &a->io.link, e)) {
	case HANDSHAKE_MORE:
		break;
	case HANDSHAKE_WELCOME:
		welcomed(a);
		break;
	case HANDSHAKE_REFUSED:
		a->may_have_begun = false; /* by this one */
		over(a, WHY_REFUSED, a->handshake.text);
		break;
	case HANDSHAKE_WRONG:
		over(a, WHY_PROTOCOL, a->handshake.text);
	}
}

void
attempt_input(struct attempt *a, struct engine *e)
{
	if (a->phase == ATTEMPT_BOOT)
		boot(a);
	if (a->phase == ATTEMPT_HELLO)
		shake_hands(a, e);
}

/* ---- the end ---- */

void
attempt_hurry(struct attempt *a)
{
	connector_hurry(&a->connector);
}

static void
ask(struct attempt *a, int fd)
{
	if (askpass_open(&a->askpass, a->loop, fd, !a->asks))
		a->asked++;
}

void
attempt_output(struct attempt *a)
{
	char text[BOOTSTRAP_TEXT_MAX];
	if (!a->broken_us)
		link_write(&a->io.link, NULL, a->loop->now_us);
	if (!a->io.link.broken || a->broken_us)
		return;
	a->broken_us = a->loop->now_us;
	link_quiet(&a->io.link);
	if (!a->io.err)
		return; /* ssh ends, and that tells why */
	snprintf(text, sizeof text, "the pipes of ssh fail: %s", strerror(a->io.err));
	over(a, WHY_CUT, text);
}

void
attempt_errors(struct attempt *a)
{
	ssize_t n;
	if (a->err.fd < 0)
		return;
	do {
		if (a->said.len > SAID_MAX / 2) {
			size_t old = a->said.len - SAID_MAX / 4;
			buf_drop(&a->said, old);
			a->shown = a->shown > old ? a->shown - old : 0;
		}
		int asking = -1;
		n = a->door ? ssh_helper_read(a->err.fd, &a->said, SAID_MAX / 4, &asking)
			    : sys_read_into(a->err.fd, &a->said, SAID_MAX / 4);
		if (asking >= 0)
			ask(a, asking);
		if (a->phase < ATTEMPT_LINK)
			show_errors(a);
	} while (n > 0);
	if (n < 0)
		a->err.events = 0;
}

static void
close_err(struct attempt *a, struct loop *loop)
{
	loop_remove(loop, &a->err);
	if (a->err.fn && a->err.fd >= 0)
		close(a->err.fd);
	a->err.fd = -1;
}

void
attempt_close(struct attempt *a, struct loop *loop)
{
	over(a, WHY_CLOSED, "");
	connector_cancel(&a->connector);
	quickack_stop(&a->quickack);
	askpass_close(&a->askpass, loop);
	link_close(&a->io.link);
	close_err(a, loop);
	buf_finish(&a->prelude);
	buf_finish(&a->said);
	if (a->pid > 0 && !a->kill_us) {
		kill(a->pid, SIGTERM);
		a->kill_us = loop->now_us + TERM_TO_KILL_US;
	}
}

static enum attempt_why
why_ssh_failed(struct attempt *a)
{
	switch (ssh_errors(buf_str(&a->said))) {
	case SSH_ERROR_HOST_KEY:
		return WHY_HOST_KEY;
	case SSH_ERROR_LOGIN:
		return WHY_LOGIN;
	default:
		return WHY_ENDED;
	}
}

bool
attempt_is_cut_off(const struct attempt *a)
{
	if (a->local.ss_family)
		return !netwatch_address_is_here((const struct sockaddr *)&a->local);
	return connector_is_cut_off(&a->connector);
}

struct prompt *
attempt_prompt(struct attempt *a)
{
	return a->askpass.known ? &a->askpass.prompt : NULL;
}

unsigned
attempt_question(const struct attempt *a)
{
	return askpass_stands(&a->askpass) ? a->asked : 0;
}

void
attempt_cancel(struct attempt *a)
{
	askpass_close(&a->askpass, a->loop);
	over(a, WHY_LOGIN, "");
}

enum prompt_event
attempt_keys(struct attempt *a, struct span *keys)
{
	enum prompt_event event = askpass_keys(&a->askpass, a->loop, keys);
	if (event == PROMPT_CANCELLED)
		over(a, WHY_LOGIN, "");
	return event;
}

/* What it had said before it ended may still be in the pipe.  Returns whether all of it has
 * been taken. */
static bool
last_words(struct attempt *a, struct engine *e)
{
	size_t before;
	attempt_errors(a);
	do {
		before = a->io.link.in.len;
		(void)link_read(&a->io.link);
		bool more = a->io.link.in.len > before;
		attempt_input(a, e);
		if (!more)
			return !a->io.err && !a->io.link.in.failed;
	} while (a->phase < ATTEMPT_LINK);
	return false;
}

/* The server says that it is ready, and only when that could be written it starts anything.
 * So nothing is started where ssh has told all that the host said to the end, and that was
 * not in it. */
static bool
has_not_begun(struct attempt *a, int status)
{
	if (a->phase != ATTEMPT_BOOT || !WIFEXITED(status))
		return false;
	if (WEXITSTATUS(status) != STATUS_SSH_FAILED)
		return true;
	enum ssh_errors error = ssh_errors(buf_str(&a->said));
	return error == SSH_ERROR_NO_SESSION
	    || (error == SSH_ERROR_NONE && a->server != SERVER_UNKNOWN && !a->mute);
}

/* The server was run, and ended before it had let us in.  It may have died in any way, also
 * one that ssh has no status for but its own; then ssh is silent, unlike when the
 * connection has broken. */
static bool
server_died(struct attempt *a, int status)
{
	return a->server != SERVER_UNKNOWN && a->phase < ATTEMPT_LINK && WIFEXITED(status)
	    && ssh_errors(buf_str(&a->said)) == SSH_ERROR_NONE;
}

void
attempt_ended(struct attempt *a, struct engine *e, struct loop *loop, int status)
{
	a->pid = 0;
	a->status = status;
	if (a->phase < ATTEMPT_LINK && last_words(a, e) && has_not_begun(a, status))
		a->may_have_begun = false;
	if (a->phase == ATTEMPT_OVER)
		return;
	if (server_died(a, status)) {
		over(a, a->server == SERVER_FOUND ? WHY_DAMAGED : WHY_NO_SERVER,
		    "belay-server ends there without an answer");
	} else if (WIFEXITED(status) && WEXITSTATUS(status) != STATUS_SSH_FAILED
	    && a->phase == ATTEMPT_BOOT) {
		char text[BOOTSTRAP_TEXT_MAX];
		snprintf(text, sizeof text,
		    "no answer from belay-server; the host's shell ended with status %d",
		    WEXITSTATUS(status));
		over(a, WHY_NO_SERVER, text);
	} else if (a->phase == ATTEMPT_BOOT
	    && ssh_errors(buf_str(&a->said)) == SSH_ERROR_NO_SESSION) {
		over(a, WHY_SILENT, "the host lets nothing run there");
	} else if (a->phase != ATTEMPT_LINK) {
		a->held = false;
		show_errors(a);
		over(a, why_ssh_failed(a), "");
	} else {
		over(a, WHY_ENDED, "");
	}
	attempt_close(a, loop);
}

/* A damaged server may also hang.
 *
 * ssh takes what is on its stdin only when the host runs our command.  A command that the
 * host has put in its place (ForceCommand) may wait for input for ever; then there is no
 * answer, and ours would have come long ago.  The host's shell may also be slow, and run
 * ours yet: so the input is ended, behind which another program ends too, and ssh's end shows
 * that ours has not been run. */
static uint64_t
silence_tick(struct attempt *a, uint64_t now_us)
{
	bool found = a->server == SERVER_FOUND;
	if (a->pid <= 0 || a->phase != ATTEMPT_BOOT || (!a->first && !found)
	    || a->bootstrap.os[0])
		return 0;
	if (!a->taken_us) {
		if (a->io.link.queue.len || os_pipe_unread(a->io.out.fd) != 0)
			return now_us + TAKEN_POLL_US;
		a->taken_us = now_us;
	}
	if (now_us < a->taken_us + SILENCE_US)
		return a->taken_us + SILENCE_US;
	if (found) {
		over(a, WHY_DAMAGED, "belay-server gives no answer there");
		return now_us;
	}
	if (!a->ended_us) {
		a->ended_us = now_us;
		pipe_end(&a->io);
	}
	if (now_us < a->ended_us + ENDS_US)
		return a->ended_us + ENDS_US;
	over(a, WHY_SILENT, "another program than asked for runs there, and waits");
	return now_us;
}

static uint64_t
broken_tick(struct attempt *a, uint64_t now_us)
{
	if (a->pid <= 0 || !a->broken_us || a->phase >= ATTEMPT_LINK)
		return 0;
	if (now_us < a->broken_us + BROKEN_US)
		return a->broken_us + BROKEN_US;
	over(a, WHY_CUT, "ssh has closed its pipes, and does not end");
	return now_us;
}

/* What is held back is shown in time: a person may be waiting. */
static uint64_t
hold_tick(struct attempt *a, uint64_t now_us)
{
	if (a->pid <= 0 || !a->held || a->phase != ATTEMPT_BOOT)
		return 0;
	if (now_us < a->started_us + HOLD_US)
		return a->started_us + HOLD_US;
	a->held = false;
	show_errors(a);
	return 0;
}

uint64_t
attempt_tick(struct attempt *a, uint64_t now_us)
{
	uint64_t at = silence_tick(a, now_us);
	loop_sooner(&at, broken_tick(a, now_us));
	loop_sooner(&at, hold_tick(a, now_us));
	loop_sooner(&at, connector_tick(&a->connector, now_us));
	if (a->pid <= 0 || !a->kill_us)
		return at;
	if (now_us < a->kill_us)
		return a->kill_us;
	kill(a->pid, SIGKILL);
	a->kill_us = now_us + TERM_TO_KILL_US;
	return a->kill_us;
}
