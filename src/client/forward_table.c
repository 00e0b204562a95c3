#include "client/forward_table.h"

#include "base/err.h"
#include "base/log.h"
#include "sys/sys.h"
#include "sys/tcp.h"
#include "tunnel/socks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { FORWARDS_MAX = 64, FORWARD_TEXT = TARGET_MAX + 16, LOOK_UP_MS = 5000 };

/* ---- what the host may open ---- */

static void
tell_of_agent(struct forward_table *f)
{
	if (f->agent && !f->told_agent)
		log_say(LOG_NOTICE,
		    "%s: this session was begun by an older belay and cannot use the agent;"
		    " a new one can",
		    f->destination);
	f->told_agent = true;
}

static bool
allows(void *owner, const struct msg_open *m, struct target *ret_to)
{
	struct forward_table *f = owner;
	/* To the agent it would look as if the request came from here. */
	if (m->kind == OPEN_AGENT)
		tell_of_agent(f);
	if (m->kind == OPEN_DISPLAY && f->x11.on) {
		ret_to->kind = OPEN_X11;
		ret_to->display = true;
		if (!x11_allows(&f->x11, f->tunnel.loop->now_us))
			log_say(LOG_VERBOSE,
			    "Rejected X11 connection after ForwardX11Timeout expired");
		return x11_allows(&f->x11, f->tunnel.loop->now_us);
	}
	if (m->kind != OPEN_FORWARD || m->forward >= f->n)
		return false;
	const struct forward_table_one *one = &f->list[m->forward];
	*ret_to = one->forward.connect;
	ret_to->listed = true;
	return one->forward.kind == FORWARD_REMOTE && one->state == FORWARD_LISTENS;
}

static void
failed(void *owner, const struct target *to, const char *why)
{
	const struct forward_table *f = owner;
	char text[FORWARD_TEXT];
	forward_text(to, text, sizeof text);
	log_say(f->quiet ? LOG_VERBOSE : LOG_NOTICE, "%s: cannot connect to %s: %s",
	    f->destination, text, why);
}

/* The host says where to: not everywhere (PermitRemoteOpen). */
static int
ask_socks(const struct forward_table *f, struct buf *in, struct buf *out,
    struct target *to)
{
	int known = socks_ask(in, out, to);
	if (known <= 0 || !to->listed
	    || ssh_config_may_open(f->config, to->host, to->port))
		return known;
	log_say(LOG_VERBOSE, "%s: %s:%u: not allowed by PermitRemoteOpen", f->destination,
	    to->host, to->port);
	socks_answer(to, false, out);
	return -1;
}

/* Where it leads is in what it says first: SOCKS; or nothing but the cookie has to be
 * looked at. */
static int
ask(void *owner, struct buf *in, struct buf *out, struct target *to)
{
	const struct forward_table *f = owner;
	if (!to->display)
		return ask_socks(f, in, out, to);
	int known = x11_first(&f->x11, in);
	if (known > 0)
		*to = f->x11.to;
	if (known > 0)
		to->display = true;
	return known;
}

static void
answer(const struct target *to, bool open, struct buf *out)
{
	if (!to->display)
		socks_answer(to, open, out);
}

static const struct tunnel_events events = { .look_up = resolve_start,
	.allows = allows,
	.ask = ask,
	.answer = answer,
	.failed = failed };

/* ---- what is wanted ---- */

static struct forward_table_one *
place(struct forward_table *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].state == FORWARD_GONE)
			return &f->list[i];
	return f->n < f->room ? &f->list[f->n++] : NULL;
}

static struct forward_table_one *
expect(struct forward_table *f, const struct forward *forward)
{
	struct forward_table_one *one = place(f);
	if (one)
		*one = (struct forward_table_one){ .forwards = f,
			.forward = *forward,
			.state = FORWARD_ASKED };
	if (one)
		one->forward.connect.forward = (uint32_t)(one - f->list);
	return one;
}

int
forward_table_init(struct forward_table *f, struct loop *loop, struct engine *engine,
    const struct ssh_config *c, const char *destination)
{
	*f = (struct forward_table){ .room = FORWARDS_MAX,
		.config = c,
		.gateway = c->gateway_ports,
		.destination = destination,
		.agent = c->forward_agent.n,
		.unix_how = { c->unix_mask, c->unix_unlink } };
	tunnel_init(&f->tunnel, loop, engine, &events, f);
	f->list = calloc(f->room, sizeof *f->list);
	if (!f->list)
		return ERR_NOMEM;
	if (!c->tells_forwards)
		return 0; /* they are ssh's */
	x11_init(&f->x11, c, loop->now_us);
	for (size_t i = 0; i < c->n_forwards; i++) {
		const struct ssh_config_forward *told = &c->forwards[i];
		struct forward_table_one *one = NULL;
		struct forward forward;
		if (forward_from_config(&forward,
			told->remote ? FORWARD_REMOTE : FORWARD_LOCAL, told->dynamic,
			f->gateway, told->line))
			one = expect(f, &forward);
		if (one)
			one->must = c->exit_on_forward_failure;
		else
			log_say(LOG_ERROR, "%s: forward not understood: %.*s",
			    destination, (int)told->line.n, (const char *)told->line.p);
	}
	return 0;
}

void
forward_table_finish(struct forward_table *f)
{
	for (size_t i = 0; i < f->n; i++)
		listener_close(&f->list[i].listener);
	tunnel_finish(&f->tunnel);
	free(f->list);
	*f = (struct forward_table){ 0 };
}

/* ---- listening ---- */

static void
on_accepted(void *owner, int fd)
{
	struct forward_table_one *one = owner;
	tunnel_open(&one->forwards->tunnel, fd, &one->forward.connect);
}

static bool
has_room(void *owner)
{
	const struct forward_table_one *one = owner;
	return tunnel_has_room(&one->forwards->tunnel, &one->forward.connect);
}

static void
not_listening(struct forward_table_one *one, const char *where, const char *text)
{
	struct forward_table *f = one->forwards;
	f->failed |= one->must;
	one->state = FORWARD_FAILED;
	log_say(LOG_ERROR, "%s: cannot listen%s on %s%s", f->destination, where, text,
	    one->must ? "; ending, as ExitOnForwardFailure says" : "");
}

/* A name to listen on, as ssh takes one: is looked up while everything waits, as there. */
static bool
look_up(const struct forward_table *f, const struct target *on, int family,
    struct resolve_answer *ret)
{
	struct sockaddr_storage at;
	int fd;
	if (on->kind != OPEN_TCP || strcmp(on->host, "*") == 0
	    || strcasecmp(on->host, "localhost") == 0
	    || tcp_address(on->host, on->port, &at))
		return false;
	pid_t pid = f->tunnel.events->look_up(on->host, on->port, family, &fd);
	if (pid < 0)
		return false;
	if (!sys_wait(fd, POLLIN, LOOK_UP_MS)) {
		resolve_cancel(pid, fd);
		return false;
	}
	resolve_take(pid, fd, ret);
	return !ret->error && ret->n;
}

static int
listen_here(struct forward_table_one *one, char text[LISTENER_TEXT])
{
	static const int families[] = { [SSH_CONFIG_ANY] = AF_UNSPEC,
		[SSH_CONFIG_INET] = AF_INET,
		[SSH_CONFIG_INET6] = AF_INET6 };
	struct forward_table *f = one->forwards;
	struct resolve_answer found;
	unsigned port;
	one->listener = (struct listener){ .has_room = has_room,
		.accepted = on_accepted,
		.owner = one,
		.family = families[f->config->family] };
	if (!look_up(f, &one->forward.listen, one->listener.family, &found))
		return listener_open(&one->listener, f->tunnel.loop, &one->forward.listen,
		    &f->unix_how, &port, text);
	char why[LISTENER_TEXT];
	int err = listener_open_at(&one->listener, f->tunnel.loop, &found, &port, why);
	if (err)
		snprintf(text, LISTENER_TEXT, "%.250s: %.100s", one->forward.listen.host,
		    why);
	return err;
}

/* Under -v, in ssh's words, for which some wait. */
static void
say_listens(const struct forward_table_one *one)
{
	const struct target *on = &one->forward.listen;
	const char *host = strcasecmp(on->host, "localhost") == 0 || !on->host[0]
	    ? "127.0.0.1"
	    : strcmp(on->host, "*") == 0 ? "0.0.0.0"
					 : on->host;
	if (on->kind == OPEN_TCP)
		log_as_ssh(LOG_VERBOSE,
		    "debug1: Local forwarding listening on %s port %u.", host, on->port);
}

static void
start(struct forward_table_one *one)
{
	char text[LISTENER_TEXT];
	if (one->forward.kind == FORWARD_REMOTE) {
		one->listen_due = true;
		return;
	}
	if (listen_here(one, text))
		not_listening(one, "", text);
	else
		one->state = FORWARD_LISTENS;
}

bool
forward_table_possible(struct forward_table *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct forward_table_one *one = &f->list[i];
		if (!one->must || one->forward.kind != FORWARD_LOCAL
		    || one->forward.listen.kind != OPEN_TCP)
			continue;
		start(one);
		listener_close(&one->listener);
		if (one->state == FORWARD_LISTENS)
			one->state = FORWARD_ASKED;
	}
	return !f->failed;
}

void
forward_table_start(struct forward_table *f)
{
	for (size_t i = 0; i < f->n; i++) {
		start(&f->list[i]);
		if (f->list[i].state == FORWARD_LISTENS)
			say_listens(&f->list[i]);
	}
}

void
forward_table_anew(struct forward_table *f)
{
	struct tunnel *t = &f->tunnel;
	uint64_t in = t->bytes_in, out = t->bytes_out;
	tunnel_finish(t);
	tunnel_init(t, t->loop, t->engine, &events, f);
	t->bytes_in = in;
	t->bytes_out = out;
	for (size_t i = 0; i < f->n; i++) {
		struct forward_table_one *one = &f->list[i];
		if (one->unlisten_due)
			one->state = FORWARD_GONE;
		one->unlisten_due = false;
		one->listen_due = one->forward.kind == FORWARD_REMOTE
		    && one->state != FORWARD_GONE;
		if (one->listen_due)
			one->state = FORWARD_ASKED;
	}
}

bool
forward_table_add(struct forward_table *f, const struct forward *forward)
{
	struct forward_table_one *one = expect(f, forward);
	if (!one)
		return false;
	start(one);
	if (one->state == FORWARD_FAILED)
		one->state = FORWARD_GONE;
	return one->state != FORWARD_GONE;
}

static bool
same_target(const struct target *a, const struct target *b)
{
	return a->kind == b->kind && a->port == b->port && strcmp(a->host, b->host) == 0;
}

static bool
has(const struct forward_table *f, const struct forward *forward, size_t *ret_number)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct forward_table_one *one = &f->list[i];
		bool there = one->state == FORWARD_ASKED || one->state == FORWARD_LISTENS;
		*ret_number = i;
		if (there && one->forward.kind == forward->kind
		    && same_target(&one->forward.listen, &forward->listen)
		    && same_target(&one->forward.connect, &forward->connect))
			return true;
	}
	return false;
}

bool
forward_table_put(struct forward_table *f, const struct forward *forward,
    size_t *ret_number)
{
	if (has(f, forward, ret_number))
		return true;
	return forward_table_add(f, forward) && has(f, forward, ret_number);
}

enum forward_state
forward_table_answer(struct forward_table *f, size_t number, unsigned *ret_port)
{
	struct forward_table_one *one = &f->list[number];
	enum forward_state state = one->state;
	*ret_port = one->allocated;
	if (state == FORWARD_FAILED && !one->unlisten_due)
		one->state = FORWARD_GONE;
	return state;
}

bool
forward_table_drop(struct forward_table *f, const struct forward *forward)
{
	bool any = false;
	for (size_t i = 0; i < f->n; i++) {
		struct forward_table_one *one = &f->list[i];
		const struct target *on = &one->forward.listen;
		unsigned port = forward->listen.port;
		if (one->state == FORWARD_GONE || one->forward.kind != forward->kind
		    || (on->port != port && (!port || one->allocated != port))
		    || strcmp(on->host, forward->listen.host) != 0)
			continue;
		any = true;
		listener_close(&one->listener);
		one->unlisten_due = one->forward.kind == FORWARD_REMOTE;
		/* Its number is free when the host knows. */
		one->state = one->unlisten_due ? FORWARD_FAILED : FORWARD_GONE;
	}
	return any;
}

bool
forward_table_settled(const struct forward_table *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].state == FORWARD_ASKED)
			return false;
	return true;
}

bool
forward_table_awaited(const struct forward_table *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].must && f->list[i].state == FORWARD_ASKED)
			return true;
	return false;
}

static int
on_listening(struct forward_table *f, const struct msg_listening *m)
{
	char text[LISTENER_TEXT], to[FORWARD_TEXT];
	if (m->forward >= f->n || f->list[m->forward].forward.kind != FORWARD_REMOTE)
		return ERR_STATE;
	struct forward_table_one *one = &f->list[m->forward];
	if (one->state == FORWARD_GONE)
		return 0; /* it has crossed our UNLISTEN */
	if (m->text.n) {
		snprintf(text, sizeof text, "%.*s",
		    (int)(m->text.n < sizeof text ? m->text.n : 0),
		    (const char *)m->text.p);
		not_listening(one, " there", text);
		return 0;
	}
	if (!one->forward.listen.port && one->forward.listen.kind == OPEN_TCP) {
		one->allocated = m->port;
		forward_text(&one->forward.connect, to, sizeof to);
		log_as_ssh(LOG_NOTICE, "Allocated port %u for remote forward to %s",
		    m->port, to);
	}
	one->must = false;
	if (one->state == FORWARD_ASKED)
		one->state = FORWARD_LISTENS;
	return 0;
}

int
forward_table_take(struct forward_table *f, enum msg_type type, const union msg *m)
{
	if (type == MSG_LISTENING)
		return on_listening(f, &m->listening);
	return tunnel_take(&f->tunnel, type, m);
}

static void
tell(struct forward_table *f, uint32_t i)
{
	struct forward_table_one *one = &f->list[i];
	const struct target *on = &one->forward.listen;
	if (one->listen_due) {
		struct msg_listen m = { .forward = i,
			.kind = (uint8_t)on->kind,
			.port = (uint16_t)on->port,
			.host = { (const uint8_t *)on->host, strlen(on->host) } };
		one->listen_due = !engine_tell(f->tunnel.engine, MSG_LISTEN, &m);
	}
	if (one->unlisten_due) {
		struct msg_unlisten m = { i };
		one->unlisten_due = !engine_tell(f->tunnel.engine, MSG_UNLISTEN, &m);
		one->state = one->unlisten_due ? FORWARD_FAILED : FORWARD_GONE;
	}
}

uint64_t
forward_table_turn(struct forward_table *f, uint64_t now_us)
{
	uint64_t at = 0;
	for (size_t i = 0; i < f->n; i++) {
		struct listener *l = &f->list[i].listener;
		tell(f, (uint32_t)i);
		if (!l->loop)
			continue;
		loop_sooner(&at, listener_turn(l, now_us));
	}
	tunnel_turn(&f->tunnel);
	return at;
}
