#include "ssh/carrier.h"

#include "base/err.h"
#include "base/log.h"
#include "base/trace.h"
#include "ssh/link_argv.h"
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
	SAID_MAX = 256 * 1024,
	SAID_KEPT = 4 * 1024, /* of what nobody is shown */
	SAID_READ = 16 * 1024,
	OUTPUT_KEPT = 64 * 1024, /* no start-up file of a shell says so much */
	READ_MAX = 64 * 1024,
	RECEIVED_MAX = 2 * READ_MAX,
	HOLD_US = 3 * 1000000, /* stderr is held back so long: a person may be waiting */
	TAKEN_POLL_US = 200 * 1000, /* no event tells when the pipe has been read */
	SILENCE_US = 8 * 1000000,
	SILENCE_LOOK_US = 500 * 1000,
	ENDS_US = 5
	    * 1000000, /* behind the end of its input a program may work so long */
	BROKEN_US = 10 * 1000000, /* ssh says in so long why its pipes are closed */
	/* The host's system is asked each second whether it is there. */
	DEAD_US = 2 * 1000000,
	/* Up to the host's key, ssh asks nothing; what comes before that is more. */
	EARLY_MAX = 256,
	TERM_TO_KILL_US = 2 * 1000000,
	STATUS_SSH_FAILED = 255, /* ssh(1), EXIT STATUS */
};

static const char *const why_names[] = { [CARRIER_ENDED] = "over: ssh has ended",
	[CARRIER_NO_WAY] = "over: no way to the host",
	[CARRIER_LOGIN] = "over: login refused",
	[CARRIER_HOST_KEY] = "over: host key",
	[CARRIER_NO_SERVER] = "over: no server",
	[CARRIER_DAMAGED] = "over: damaged server",
	[CARRIER_LACKS] = "over: no memory here",
	[CARRIER_NO_PLACE] = "over: no place for a server",
	[CARRIER_SILENT] = "over: silent program",
	[CARRIER_NOISE] = "over: noise",
	[CARRIER_CUT] = "over: pipes cut",
	[CARRIER_CLOSED] = "over: closed by belay" };

static void
trace(const struct carrier *c, const char *what)
{
	TRACE(c->loop->now_us, "attempt", "ssh %ld after %.3f s: %s", (long)c->pid,
	    (double)(c->loop->now_us - c->started_us) / 1e6, what);
}

/* mux_client_request_session: the host lets no more sessions on that connection. */
static enum ssh_errors
why_of(struct carrier *c)
{
	const char *said = buf_str(&c->said);
	if (c->rides && said && strstr(said, "session request failed"))
		return SSH_ERROR_NO_SESSION;
	return ssh_errors(said);
}

static void
over(struct carrier *c, enum carrier_why why, const char *text)
{
	if (c->phase == CARRIER_OVER || c->phase == CARRIER_NONE)
		return;
	c->phase = CARRIER_OVER;
	c->why = why;
	c->error = why_of(c);
	snprintf(c->text, sizeof c->text, "%s", text);
	trace(c, why_names[why]);
}

/* A shell or a forge that does not take our command line shows it: that is of no use. */
static bool
is_of_ours(const struct carrier *c, const char *text, size_t n)
{
	for (size_t i = 0; i + BOOTSTRAP_MARK_LEN <= n; i++)
		if (memcmp(text + i, c->bootstrap.mark, BOOTSTRAP_MARK_LEN) == 0)
			return true;
	return false;
}

static const char foreign[] = "another program than asked for runs there";

static void
learned(struct carrier *c, uint64_t at_us)
{
	if (at_us <= c->told_us)
		return;
	if (at_us - c->told_us > c->gap_us)
		c->gap_us = at_us - c->told_us;
	c->told_us = at_us;
}

/* Until the session is there, ssh's words are for the person. */
static void
show_errors(struct carrier *c)
{
	const char *text = c->said.len ? buf_str(&c->said) : NULL;
	bool shown = c->first
	    || (c->phase == CARRIER_OVER && c->why == CARRIER_HOST_KEY && c->key_ends);
	while (text && !c->held && shown && c->shown < c->said.len) {
		const char *line = text + c->shown;
		size_t left = c->said.len - c->shown;
		const char *nl = memchr(line, '\n', left);
		size_t n = nl ? (size_t)(nl - line) + 1 : left;
		if (!is_of_ours(c, line, n))
			(void)sys_write_all(STDERR_FILENO, line, n);
		c->shown += n;
	}
}

/* ---- its pipes ---- */

static void
close_watch(struct carrier *c, struct watch *w)
{
	loop_remove(c->loop, w);
	if (w->fn && w->fd >= 0)
		close(w->fd);
	*w = (struct watch){ .fd = -1 };
}

void
carrier_broke(struct carrier *c, int err)
{
	char text[BOOTSTRAP_TEXT_MAX];
	if (c->broken)
		return;
	c->broken = true;
	c->broken_err = err;
	c->broken_us = c->loop->now_us;
	c->from.events = c->to.events = 0;
	if (!err)
		return;
	snprintf(text, sizeof text, "the pipes of ssh fail: %s", strerror(err));
	over(c, CARRIER_CUT, text);
}

static void boot(struct carrier *c);

/* It may be all that was asked for. */
static void
keep_output(struct carrier *c, size_t n)
{
	if (c->known || c->answered || c->phase != CARRIER_BOOT)
		return;
	if (c->output.len <= OUTPUT_KEPT)
		(void)buf_put(&c->output, buf_bytes(&c->in) + c->in.len - n, n);
}

/* Takes what ssh has passed on so far; false: nothing was there. */
static bool
read_some(struct carrier *c)
{
	if (!c->from.fn)
		return false;
	errno = 0; /* the end of what is read sets none */
	ssize_t n = sys_read_into(c->from.fd, &c->in, READ_MAX);
	if (n > 0 && !c->heard)
		trace(c, "first output");
	if (n > 0)
		learned(c, c->loop->now_us);
	c->heard |= n > 0;
	if (n > 0)
		keep_output(c, (size_t)n);
	if (n < 0 || c->in.failed)
		carrier_broke(c, c->in.failed ? ENOMEM : errno);
	if (c->phase == CARRIER_BOOT)
		boot(c);
	return n > 0;
}

static void
write_some(struct carrier *c)
{
	struct span nothing = { 0 };
	if (!c->to.fn || c->broken)
		return;
	ssize_t n = sys_write_both(c->to.fd, buf_span(&c->out), nothing);
	if (n < 0)
		carrier_broke(c, errno == EPIPE || errno == ECONNRESET ? 0 : errno);
	else
		buf_drop(&c->out, (size_t)n);
	c->to.events = c->out.len && !c->broken ? POLLOUT : 0;
}

static void
on_readable(void *owner, short revents)
{
	(void)revents;
	(void)read_some(owner);
}

static void
on_writable(void *owner, short revents)
{
	if (revents & POLLERR)
		carrier_broke(owner, 0);
	write_some(owner);
}

static void
take_question(struct carrier *c, int fd)
{
	if (fd < 0)
		return;
	trace(c, "asks");
	c->asked = true;
	learned(c, c->loop->now_us);
	if (c->asking >= 0)
		close(fd); /* one at a time: the other is refused */
	else
		c->asking = fd;
}

/* Nothing that is held back for the person is dropped unseen. */
static void
make_room(struct carrier *c)
{
	if (c->first && c->said.len > SAID_MAX / 2 && c->shown < c->said.len) {
		c->held = false;
		show_errors(c);
	}
	if (c->said.len <= 2 * SAID_KEPT || (c->first && c->shown < c->said.len))
		return;
	size_t old = c->said.len - SAID_KEPT;
	buf_drop(&c->said, old);
	c->shown = c->shown > old ? c->shown - old : 0;
}

static void
read_errors(struct carrier *c)
{
	ssize_t n;
	if (!c->err.fn)
		return;
	do {
		make_room(c);
		int asking = -1;
		n = c->door ? ssh_helper_read(c->err.fd, &c->said, SAID_READ, &asking)
			    : sys_read_into(c->err.fd, &c->said, SAID_READ);
		take_question(c, asking);
		if (n > 0)
			learned(c, c->loop->now_us);
		if (c->phase < CARRIER_SERVES)
			show_errors(c);
	} while (n > 0);
	if (n < 0)
		c->err.events = 0;
}

static void
on_stderr(void *owner, short revents)
{
	(void)revents;
	read_errors(owner);
}

/* ---- the connection ---- */

static void
probe(struct carrier *c, int fd)
{
	if (!c->probes)
		os_tcp_probe(fd, &c->probed);
	c->probes = true;
}

/* A descriptor of its connection, where that is seen; *ret_ours: it is the carrier's. */
static int
connection(const struct carrier *c, bool *ret_ours)
{
	*ret_ours = c->quickack.loop != NULL;
	if (*ret_ours)
		return c->quickack.connection;
	return c->pid > 0 && !c->connector.loop ? os_process_connection(c->pid) : -1;
}

static enum carrier_sight
look_at(struct carrier *c, int fd)
{
	struct os_tcp tcp;
	uint64_t now_us = c->loop->now_us;
	if (!os_tcp_look(fd, &tcp))
		return CARRIER_UNSEEN;
	if (!c->local.ss_family)
		(void)tcp_local(fd, &c->local);
	probe(c, fd);
	if (!tcp.connected)
		return CARRIER_CONNECTS;
	if (tcp.received && tcp.told_us < now_us)
		learned(c, now_us - tcp.told_us);
	c->early = tcp.received < EARLY_MAX;
	c->silent_us = tcp.unanswered ? tcp.answered_us : 0;
	if (tcp.unanswered && tcp.answered_us > DEAD_US) {
		c->dead_us = now_us;
		return CARRIER_DEAD;
	}
	return c->early ? CARRIER_EARLY : CARRIER_ANSWERS;
}

enum carrier_sight
carrier_look(struct carrier *c)
{
	bool ours;
	if (c->phase != CARRIER_BOOT || c->pid <= 0)
		return CARRIER_UNSEEN;
	if (c->asking >= 0 || ((c->first || c->on_terminal) && os_process_asks(c->pid))) {
		c->asked = true;
		return CARRIER_ASKS;
	}
	if (c->connector.loop)
		return CARRIER_CONNECTS;
	int fd = connection(c, &ours);
	enum carrier_sight sight = fd < 0 ? CARRIER_UNSEEN : look_at(c, fd);
	if (fd >= 0 && !ours)
		close(fd);
	return sight;
}

uint64_t
carrier_told(struct carrier *c)
{
	if (c->connector.loop && connector_asks_again(&c->connector))
		learned(c, c->loop->now_us);
	else
		(void)carrier_look(c);
	return c->told_us;
}

/* It has logged in: the connection is ssh's, and as ssh has it. */
static void
leave_connection(struct carrier *c)
{
	bool ours;
	int fd = c->probes || !c->local.ss_family ? connection(c, &ours) : -1;
	if (fd >= 0 && !c->local.ss_family)
		(void)tcp_local(fd, &c->local);
	if (fd >= 0 && c->probes)
		os_tcp_probe_no_more(fd, &c->probed);
	c->probes = false;
	if (fd >= 0 && !ours)
		close(fd);
}

static enum carrier_why
why_ssh_failed(struct carrier *c)
{
	if (ssh_errors_no_way(buf_str(&c->said), netwatch_is_online()))
		return CARRIER_NO_WAY;
	switch (ssh_errors(buf_str(&c->said))) {
	case SSH_ERROR_HOST_KEY:
		ssh_errors_key(buf_str(&c->said), &c->key);
		return CARRIER_HOST_KEY;
	case SSH_ERROR_LOGIN:
		return CARRIER_LOGIN;
	default:
		return CARRIER_ENDED;
	}
}

static void
not_connected(struct carrier *c)
{
	read_errors(c);
	buf_print(&c->said, "%s\r\n", c->connector.words);
	over(c, why_ssh_failed(c), "");
	c->held = c->again && c->why == CARRIER_NO_WAY;
	if (!c->silent)
		show_errors(c);
}

static void
on_dialed(void *owner, int fd)
{
	struct carrier *c = owner;
	if (fd < 0) {
		not_connected(c);
		return;
	}
	trace(c, "connected");
	learned(c, c->loop->now_us);
	(void)tcp_local(fd, &c->local);
	tcp_peer_text(fd, c->peer);
	connector_other_family(&c->connector, c->peer, c->other);
	probe(c, fd);
	if (c->handover.loop)
		handover_give(&c->handover, fd);
	else /* fails if ssh has ended: that tells why */
		(void)ssh_helper_pass(c->err.fd, fd);
	quickack_start(&c->quickack, c->loop, fd);
}

/* Whether we connect: then ssh is told to take the connection from us. */
static bool
dial(struct carrier *c, const struct carrier_plan *plan, char proxy[SSH_HELPER_ARG_MAX])
{
	char path[HANDOVER_PATH_MAX];
	bool by_path = plan->socket && plan->leads;
	snprintf(path, sizeof path, "%sc", by_path ? plan->socket : "");
	if (!plan->config || !ssh_helper_proxy_option(by_path ? path : NULL, proxy)
	    || (by_path && !handover_open(&c->handover, c->loop, path)))
		return false;
	c->silent = plan->config->silent;
	if (connector_start(&c->connector, c->loop, plan->config,
		plan->first ? plan->config->connect_timeout_s : plan->connect_timeout_s,
		on_dialed, c))
		return false;
	if (plan->order)
		connector_prefer(&c->connector, plan->order);
	return true;
}

/* ---- starting ---- */

/* Takes ssh's descriptors: stdin, stdout, stderr. */
static bool
watch_ssh(struct carrier *c, const int fds[3])
{
	c->to = (struct watch){ .fd = fds[0], .fn = on_writable, .owner = c };
	c->from = (struct watch){ .fd = fds[1],
		.events = POLLIN,
		.fn = on_readable,
		.owner = c };
	c->err =
	    (struct watch){ .fd = fds[2], .events = POLLIN, .fn = on_stderr, .owner = c };
	sys_nonblock(fds[0]);
	sys_nonblock(fds[1]);
	return loop_add_kept(c->loop, &c->from) && loop_add_kept(c->loop, &c->to)
	    && loop_add_kept(c->loop, &c->err);
}

static int
start_ssh(struct carrier *c, const struct carrier_plan *plan, const char *command)
{
	char proxy[SSH_HELPER_ARG_MAX], askpass[SSH_HELPER_ARG_MAX],
	    local[SSH_HELPER_ARG_MAX];
	char *env[SSH_HELPER_ENV];
	struct link_argv line;
	int fds[3];
	bool ours = dial(c, plan, proxy);
	/* Also one that may not ask says by that way that a key is to be touched. */
	bool says = plan->first
	    ? ours && plan->asks && ssh_helper_notify_env(askpass, env)
	    : !plan->by_itself && ssh_helper_ask_env(askpass, env);
	bool runs = link_argv_runs_local(plan) && ssh_helper_local_command(local);
	if (link_argv_make(&line, plan, command, c->bootstrap.mark, ours ? proxy : NULL,
		runs ? local : NULL))
		return ERR_NOMEM;
	bool detached = !plan->first && !plan->on_terminal;
	c->asks = says && plan->asks && !plan->first;
	c->door = ours || says || runs;
	c->pid = c->door
	    ? child_start_with_socket(line.words, says ? env : NULL, detached, fds)
	    : child_start(line.words, detached, fds);
	int saved = errno;
	link_argv_finish(&line);
	errno = saved;
	if (c->pid <= 0)
		return ERR_SYSTEM;
	if (!watch_ssh(c, fds)) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
		errno = EMFILE;
		return ERR_SYSTEM;
	}
	write_some(c);
	return 0;
}

int
carrier_start(struct carrier *c, struct loop *loop, const struct carrier_plan *plan)
{
	uint8_t random[BOOTSTRAP_MARK_LEN / 2];
	struct buf command;
	*c = (struct carrier){ .loop = loop,
		.servers = plan->servers,
		.phase = CARRIER_BOOT,
		.first = plan->first,
		.on_terminal = plan->on_terminal,
		.held = plan->hold_errors,
		.known = plan->known,
		.adopts = plan->adopts,
		.terminal = plan->terminal,
		.again = plan->again,
		.rides = plan->socket && !plan->leads,
		.key_ends = plan->key_ends,
		.asking = -1,
		.from.fd = -1,
		.to.fd = -1,
		.err.fd = -1,
		/* without an answer of `ssh -G` it is not known how loud ssh is */
		.mute = plan->wanted->silent || !plan->wanted->text.len,
		.may_have_begun = true,
		.started_us = loop->now_us,
		.told_us = loop->now_us };
	sys_random(random, sizeof random);
	bootstrap_init(&c->bootstrap, BELAY_BUILD, random);
	buf_init(&command, COMMAND_MAX);
	buf_init(&c->said, SAID_MAX);
	buf_init(&c->in, RECEIVED_MAX);
	buf_init(&c->out, UPLOAD_MAX);
	buf_init(&c->first_bytes, UPLOAD_MAX);
	buf_init(&c->output, OUTPUT_KEPT + READ_MAX);
	size_t at_once = plan->known ? plan->first_bytes.n : 0;
	int err = buf_put(&c->first_bytes, plan->first_bytes.p, plan->first_bytes.n);
	if (!err)
		err = buf_put(&c->out, plan->first_bytes.p, at_once);
	if (!err)
		err = bootstrap_command(&c->bootstrap, plan->hello, at_once, plan->fresh,
		    &command);
	if (!err)
		err = start_ssh(c, plan, buf_str(&command));
	int saved = errno;
	buf_finish(&command);
	if (!err)
		trace(c, plan->asks ? "started, may ask" : "started");
	if (err) {
		c->pid = 0;
		carrier_close(c);
		errno = saved;
	}
	return err;
}

/* ---- the boot ---- */

/* The script, or the program. */
static void
upload(struct carrier *c,
    int (*put)(const struct programs_kept *, struct bootstrap *, struct buf *,
	char[BOOTSTRAP_TEXT_MAX]))
{
	char text[BOOTSTRAP_TEXT_MAX];
	int err = put(c->servers, &c->bootstrap, &c->out, text);
	if (err == ERR_NOMEM)
		over(c, CARRIER_LACKS, err_text(err));
	else if (err)
		over(c, CARRIER_NO_SERVER, text);
}

static void
no_place(struct carrier *c)
{
	static const char none[] = "no directory there takes belay-server: ";
	char text[BOOTSTRAP_TEXT_MAX];
	snprintf(text, sizeof text, "%s%.*s", none, (int)(sizeof text - sizeof none),
	    c->bootstrap.text);
	over(c, CARRIER_NO_PLACE, text);
}

static void
put_first_bytes(struct carrier *c)
{
	if (buf_put(&c->out, buf_bytes(&c->first_bytes), c->first_bytes.len))
		over(c, CARRIER_LACKS, err_text(ERR_NOMEM));
}

/* ssh's own LocalCommand may have said something, too. */
static void
on_login(struct carrier *c)
{
	c->taken_us = c->loop->now_us;
	c->heard = false;
	buf_drop(&c->output, c->output.len);
	(void)buf_put(&c->output, buf_bytes(&c->in), c->in.len);
}

static void
boot(struct carrier *c)
{
	while (c->phase == CARRIER_BOOT) {
		int event = bootstrap_input(&c->bootstrap, &c->in);
		c->answered |= event > 0 && event != BOOTSTRAP_LOGIN;
		switch (event) {
		case BOOTSTRAP_MORE:
			if (!c->answered && c->adopts && !c->terminal
			    && c->output.len > OUTPUT_KEPT)
				over(c, CARRIER_FOREIGN, foreign);
			return;
		case BOOTSTRAP_LOGIN:
			on_login(c);
			break;
		case BOOTSTRAP_READY:
			c->phase = CARRIER_READY;
			trace(c, "server ready");
			break;
		case BOOTSTRAP_START:
			c->server = SERVER_FOUND;
			if (!c->known)
				put_first_bytes(c);
			break;
		case BOOTSTRAP_NEED:
			c->may_have_begun = false; /* without a server nothing can */
			upload(c, upload_script);
			break;
		case BOOTSTRAP_SEND:
			c->may_have_begun = true;
			upload(c, upload_server);
			break;
		case BOOTSTRAP_RUN: /* what was written first has been skipped on the host */
			c->server = SERVER_SENT;
			put_first_bytes(c);
			break;
		case BOOTSTRAP_REFUSED:
			c->may_have_begun = false;
			log_say(LOG_VERBOSE, "the server cannot live in %s",
			    c->bootstrap.text);
			break;
		case BOOTSTRAP_FAILED:
			c->may_have_begun = false;
			no_place(c);
			break;
		default:
			over(c, CARRIER_NOISE, err_text(ERR_NOISE));
		}
	}
}

/* ---- what the caller is told, and says ---- */

/* Whether there is one; the caller has the descriptor then. */
static bool
tell_question(struct carrier *c, struct carrier_event *ret_event)
{
	if (c->phase == CARRIER_NONE || c->phase == CARRIER_OVER || c->asking < 0)
		return false;
	*ret_event = (struct carrier_event){ CARRIER_TELLS_ASKS, { c->asking, -1 } };
	c->asking = -1;
	return true;
}

static int
hand_out(struct carrier *c, struct watch *w)
{
	int fd = w->fd;
	loop_remove(c->loop, w);
	*w = (struct watch){ .fd = -1 };
	return fd;
}

bool
carrier_next(struct carrier *c, struct carrier_event *ret_event)
{
	if (c->phase == CARRIER_BOOT)
		write_some(c); /* what the host has asked for */
	if (tell_question(c, ret_event))
		return true;
	if (c->phase == CARRIER_READY && !c->told_ready) {
		c->told_ready = true;
		ret_event->told = CARRIER_TELLS_READY;
		ret_event->fds[0] = hand_out(c, &c->from);
		ret_event->fds[1] = hand_out(c, &c->to);
		return true;
	}
	if (c->phase != CARRIER_OVER || c->told_over)
		return false;
	c->told_over = true;
	*ret_event = (struct carrier_event){ CARRIER_TELLS_OVER, { -1, -1 } };
	return true;
}

void
carrier_serves(struct carrier *c)
{
	if (c->phase != CARRIER_READY)
		return;
	c->phase = CARRIER_SERVES;
	trace(c, "serves");
	learned(c, c->loop->now_us);
	leave_connection(c);
	connector_cancel(&c->connector); /* ssh got there without it */
	handover_close(&c->handover);
	quickack_stop(&c->quickack);
	c->held = false;
	show_errors(c);
}

void
carrier_hurry(struct carrier *c)
{
	connector_hurry(&c->connector);
}

void
carrier_cancel(struct carrier *c)
{
	over(c, CARRIER_LOGIN, "");
}

bool
carrier_is_cut_off(const struct carrier *c)
{
	if (c->local.ss_family)
		return !netwatch_address_is_here((const struct sockaddr *)&c->local);
	return connector_is_cut_off(&c->connector);
}

void
carrier_give_away(struct carrier *c, struct carrier_foreign *ret)
{
	*ret = (struct carrier_foreign){ .pid = c->pid,
		.status = c->status,
		.in = hand_out(c, &c->to),
		.out = hand_out(c, &c->from),
		.err = hand_out(c, &c->err),
		.door = c->door,
		.output = c->output,
		.errors = c->said };
	buf_drop(&ret->errors, c->shown);
	buf_init(&c->output, OUTPUT_KEPT);
	buf_init(&c->said, SAID_MAX);
	c->shown = 0;
	c->pid = 0;
}

/* ---- the end ---- */

void
carrier_close(struct carrier *c)
{
	if (c->phase == CARRIER_NONE)
		return;
	over(c, CARRIER_CLOSED, "");
	c->told_over = true;
	connector_cancel(&c->connector);
	handover_close(&c->handover);
	quickack_stop(&c->quickack);
	if (c->asking >= 0)
		close(c->asking);
	c->asking = -1;
	close_watch(c, &c->from);
	close_watch(c, &c->to);
	close_watch(c, &c->err);
	buf_finish(&c->in);
	buf_finish(&c->out);
	buf_finish(&c->first_bytes);
	buf_finish(&c->output);
	buf_finish(&c->said);
	if (c->pid > 0 && !c->kill_us) {
		kill(c->pid, SIGTERM);
		c->kill_us = c->loop->now_us + TERM_TO_KILL_US;
	}
}

void
carrier_keep(struct carrier *c, int fd)
{
	if (fd >= 0 && c->pid > 0 && !c->last)
		c->last = fd;
	else if (fd >= 0)
		close(fd);
}

bool
carrier_reap(struct carrier *c, int *ret_status)
{
	if (c->pid <= 0 || !child_ended(c->pid, ret_status))
		return false;
	c->pid = 0;
	if (c->last)
		close(c->last);
	c->last = 0;
	if (c->phase == CARRIER_OVER)
		return true;
	read_errors(c);
	while (c->phase == CARRIER_BOOT && read_some(c))
		; /* what was said last may still be in the pipe */
	return true;
}

/* The server says that it is ready, and only when that could be written it starts anything.
 * So nothing is started where ssh has told all that the host said to the end, and that was
 * not in it. */
static bool
has_not_begun(struct carrier *c, int status)
{
	if (c->phase != CARRIER_BOOT || !WIFEXITED(status))
		return false;
	if (WEXITSTATUS(status) != STATUS_SSH_FAILED)
		return true;
	enum ssh_errors error = ssh_errors(buf_str(&c->said));
	return error == SSH_ERROR_NO_SESSION
	    || (error == SSH_ERROR_NONE && c->server != SERVER_UNKNOWN && !c->mute);
}

/* The server was run, and ended before it had let us in.  It may have died in any way, also
 * one that ssh has no status for but its own; then ssh is silent, unlike when the
 * connection has broken. */
static bool
server_died(struct carrier *c, int status)
{
	return c->server != SERVER_UNKNOWN && c->phase < CARRIER_SERVES
	    && WIFEXITED(status) && ssh_errors(buf_str(&c->said)) == SSH_ERROR_NONE;
}

/* Another program than ours has run there to its end, and has done something: that was what
 * was asked for.  It got nothing from us, and no end of its input either.  What ends without
 * a word and with an error has perhaps only refused our command line; so has what shows it. */
static bool
was_foreign(const struct carrier *c, int status, bool all_read)
{
	return c->phase == CARRIER_BOOT && c->adopts && all_read && !c->known
	    && !c->answered && !c->ended_us && !c->broken_err && WIFEXITED(status)
	    && WEXITSTATUS(status) != STATUS_SSH_FAILED
	    && (c->output.len || WEXITSTATUS(status) == 0) && c->output.len <= OUTPUT_KEPT
	    && !is_of_ours(c, (const char *)buf_bytes(&c->output), c->output.len);
}

void
carrier_ended(struct carrier *c, int status, bool all_read)
{
	if (c->phase == CARRIER_OVER)
		return;
	if (was_foreign(c, status, all_read)) {
		c->status = status;
		over(c, CARRIER_FOREIGN, foreign);
		return;
	}
	if (all_read && !c->broken_err && has_not_begun(c, status))
		c->may_have_begun = false;
	if (server_died(c, status)) {
		over(c, c->server == SERVER_FOUND ? CARRIER_DAMAGED : CARRIER_NO_SERVER,
		    "belay-server ends there without an answer");
	} else if (WIFEXITED(status) && WEXITSTATUS(status) != STATUS_SSH_FAILED
	    && c->phase == CARRIER_BOOT) {
		char text[BOOTSTRAP_TEXT_MAX];
		snprintf(text, sizeof text,
		    "no answer from belay-server; the host's shell ended with status %d",
		    WEXITSTATUS(status));
		over(c, CARRIER_NO_SERVER, text);
	} else if (c->phase == CARRIER_BOOT
	    && ssh_errors(buf_str(&c->said)) == SSH_ERROR_NO_SESSION) {
		over(c, CARRIER_SILENT, "the host lets nothing run there");
	} else if (c->phase != CARRIER_SERVES) {
		over(c, why_ssh_failed(c), "");
		c->held = c->again && c->why == CARRIER_NO_WAY;
		show_errors(c);
	} else {
		over(c, CARRIER_ENDED, "");
	}
}

/* A network that is silent tells nothing of the program: silence counts from where the host's
 * system answers. */
static uint64_t
silent_since(struct carrier *c, uint64_t us)
{
	(void)carrier_look(c);
	return us > c->dead_us ? us : c->dead_us;
}

/* A damaged server may also hang.
 *
 * ssh takes what is on its stdin only when the host runs our command.  A command that the
 * host has put in its place (ForceCommand) may wait for input for ever; then there is no
 * answer, and ours would have come long ago.  The host's shell may also be slow, and run
 * ours yet: so the input is ended, behind which another program ends too, and ssh's end shows
 * that ours has not been run. */
static uint64_t
silence_tick(struct carrier *c, uint64_t now_us)
{
	bool found = c->server == SERVER_FOUND;
	if (c->pid <= 0 || c->phase != CARRIER_BOOT || (!c->first && !found)
	    || c->bootstrap.os[0])
		return 0;
	if (!c->taken_us) {
		if (!c->known && !found)
			return 0; /* its LocalCommand tells when ssh is in */
		if (c->out.len || os_pipe_unread(c->to.fd) != 0)
			return now_us + TAKEN_POLL_US;
		c->taken_us = now_us;
	}
	if (now_us < silent_since(c, c->taken_us) + SILENCE_US)
		return now_us + SILENCE_LOOK_US;
	if (found) {
		over(c, CARRIER_DAMAGED, "belay-server gives no answer there");
		return now_us;
	}
	if (!c->ended_us) {
		c->ended_us = now_us;
		close_watch(c, &c->to);
	}
	if (now_us < silent_since(c, c->ended_us) + ENDS_US)
		return now_us + SILENCE_LOOK_US;
	over(c, CARRIER_SILENT, "another program than asked for runs there, and waits");
	return now_us;
}

static uint64_t
broken_tick(struct carrier *c, uint64_t now_us)
{
	if (c->pid <= 0 || !c->broken_us || c->phase >= CARRIER_SERVES)
		return 0;
	if (now_us < c->broken_us + BROKEN_US)
		return c->broken_us + BROKEN_US;
	over(c, CARRIER_CUT, "ssh has closed its pipes, and does not end");
	return now_us;
}

/* What is held back is shown in time: a person may be waiting. */
static uint64_t
hold_tick(struct carrier *c, uint64_t now_us)
{
	if (c->pid <= 0 || !c->held || c->phase != CARRIER_BOOT)
		return 0;
	if (now_us < c->started_us + HOLD_US)
		return c->started_us + HOLD_US;
	c->held = false;
	show_errors(c);
	return 0;
}

uint64_t
carrier_tick(struct carrier *c, uint64_t now_us)
{
	uint64_t at = silence_tick(c, now_us);
	loop_sooner(&at, broken_tick(c, now_us));
	loop_sooner(&at, hold_tick(c, now_us));
	loop_sooner(&at, connector_tick(&c->connector, now_us));
	if (c->pid <= 0 || !c->kill_us)
		return at;
	if (now_us < c->kill_us)
		return c->kill_us;
	kill(c->pid, SIGKILL);
	c->kill_us = now_us + TERM_TO_KILL_US;
	return c->kill_us;
}
