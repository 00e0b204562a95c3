#include "server/session.h"

#include "base/err.h"
#include "base/hex.h"
#include "link/pipe.h"
#include "server/agent.h"
#include "server/clients.h"
#include "server/lifetime.h"
#include "server/program.h"
#include "server/rundir.h"
#include "server/session_info.h"
#include "server/x11_listener.h"
#include "sys/os.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CONNS_MAX = 2 * CLIENTS_MAX, /* links, and relays that have not said hello yet */
	READER_LINKS = 2, /* so that readers leave guests to others */
	READ_MAX = 16 * 1024,
	LINK_SILENT_US = 120 * 1000000, /* a link of which nothing is heard is closed */
	/* A link whose input has ended while ssh still listens: its client was killed. */
	KILLED_AFTER_US = 2 * 1000000,
};

/* A relay, and the link over the descriptors that it brought. */
struct conn {
	bool taken, linked;
	struct pipe io;
	struct watch relay;
	struct buf hello; /* what came over the relay's connection */
	int fds[2]; /* the relay's stdin and stdout */
	size_t n_fds;
	struct client *client; /* whose link it is */
	char agent[AGENT_PATH_MAX]; /* where its ssh has forwarded one; "": none */
	bool closing; /* close when what waits is written */
	uint64_t input_over_us; /* since when its input has ended; 0: it has not */
};

struct session {
	struct loop loop;
	struct clients clients;
	struct program program;
	struct agent agent;
	struct x11_listener display;
	struct conn conns[CONNS_MAX];
	struct watch listener;
	char path[SESSION_PATH_MAX]; /* of our socket */
	struct lifetime lifetime;
	struct session_info info;
};

static struct session session; /* one session a process */

static void
ends(struct session *h, enum lifetime_event event)
{
	lifetime_on(&h->lifetime, event);
	if (h->lifetime.phase == LIFETIME_OVER)
		loop_stop(&h->loop);
}

/* ---- guests ---- */

static void
watch_close(struct loop *loop, struct watch *w)
{
	loop_remove(loop, w);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static void
conn_close(struct session *h, struct conn *g)
{
	agent_cut(&h->agent, g);
	if (g->client)
		engine_remove(&g->client->engine, &g->io.link);
	for (size_t i = 0; i < g->n_fds && !g->linked; i++)
		close(g->fds[i]);
	link_close(&g->io.link);
	watch_close(&h->loop, &g->relay);
	buf_finish(&g->hello);
	*g = (struct conn){ 0 };
}

static struct span
text_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

/* The answer to a hello that leads nowhere; the link is closed behind it. */
static void
conn_refuse(struct conn *g, enum refuse_code code, const char *text)
{
	struct msg_refuse m = { .code = (uint16_t)code, .text = text_span(text) };
	os_boot_id(m.boot);
	(void)msg_put(&g->io.link.queue, MSG_REFUSE, &m);
	g->closing = true;
}

static void
say_bye(struct conn *g, enum bye_code code)
{
	struct msg_bye m = { .code = (uint16_t)code };
	(void)msg_put(&g->io.link.queue, MSG_BYE, &m);
	g->closing = true;
}

/* Sends a client away; its links are closed when they have told it why. */
static void
dismiss(struct session *h, struct client *p, enum bye_code code)
{
	for (size_t i = 0; i < CONNS_MAX; i++) {
		struct conn *g = &h->conns[i];
		if (!g->taken || g->client != p)
			continue;
		engine_remove(&p->engine, &g->io.link);
		g->client = NULL;
		say_bye(g, code);
	}
	clients_remove(&h->clients, p);
}

static void
dismiss_all(struct session *h, enum bye_code code)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (h->clients.list[i].taken)
			dismiss(h, &h->clients.list[i], code);
}

/* ---- the first hello ---- */

/* A frame of its hello that it has the right to. */
static bool
hello_has(enum role role, const struct msg_hello *hello, enum msg_type type,
    union msg *ret_msg)
{
	return rights_of(role, type, 0) == RIGHT_ALLOWED
	    && msg_find(hello->more, type, ret_msg);
}

static void
set_size(struct session *h, const struct tty_size *size)
{
	if (!size->rows || !size->cols || !h->clients.pty)
		return;
	h->info.size = *size;
	(void)term_resize(h->clients.term, size->rows, size->cols);
	program_resize(&h->program, size);
}

/* Where nobody has one, who connects is turned away at once. */
static bool
has_room(struct session *h, enum open_kind kind)
{
	const struct client *p = clients_with(&h->clients, kind);
	return !p || remote_listeners_has_room(&p->forwards, kind);
}

static void
lead_on(struct session *h, enum open_kind kind, int fd)
{
	struct client *p = clients_with(&h->clients, kind);
	if (p)
		remote_listeners_connect(&p->forwards, kind, fd);
	else
		close(fd);
}

/* The link in use that has an agent, rather of who types. */
static struct conn *
with_agent(struct session *h)
{
	struct conn *found = NULL;
	for (size_t i = 0; i < CONNS_MAX; i++) {
		struct conn *g = &h->conns[i];
		if (g->client && g->agent[0]
		    && engine_link(&g->client->engine, RANK_CONTROL) == &g->io.link
		    && (!found || g->client == h->clients.typist))
			found = g;
	}
	return found;
}

static void
on_agent(void *owner, int fd)
{
	struct session *h = owner;
	const struct conn *g = with_agent(h);
	if (g)
		agent_connect(&h->agent, fd, g->agent, g);
	else
		lead_on(h, OPEN_AGENT, fd);
}

static void
on_display(void *owner, int fd)
{
	lead_on(owner, OPEN_DISPLAY, fd);
}

/* Of a relay that says nothing the client is older, and serves its agent itself. */
static bool
may_have_agent(const struct msg_hello *hello)
{
	union msg more;
	return hello->flags & HELLO_AGENT
	    && (!hello_has(ROLE_GUEST, hello, MSG_ORIGIN, &more) || more.origin.agent.n);
}

static bool
agent_may_accept(void *owner)
{
	struct session *h = owner;
	return with_agent(h) ? agent_has_room(&h->agent) : has_room(h, OPEN_AGENT);
}

static bool
x11_listener_has_room(void *owner)
{
	return has_room(owner, OPEN_DISPLAY);
}

static const struct listener agent_events = { .has_room = agent_may_accept,
	.accepted = on_agent,
	.owner = &session };
static const struct listener x11_listener_events = { .has_room = x11_listener_has_room,
	.accepted = on_display,
	.owner = &session };

static bool
start_program(struct session *h, const struct msg_hello *hello, struct conn *g)
{
	struct buf id;
	struct sftp sftp;
	struct login login = { .kind = hello->kind,
		.sftp = &sftp,
		.command = hello->command,
		.term = hello->term,
		.modes = hello->modes,
		.size = { hello->rows, hello->cols, hello->xpixel, hello->ypixel } };
	char text[256];
	union msg more;
	if (hello->kind < KIND_PTY || hello->kind > KIND_NONE) {
		conn_refuse(g, REFUSE_BAD, "unknown kind of session");
		return false;
	}
	const char *why = hello->kind == KIND_SFTP
	    ? sftp_choose(&sftp, hello->flags & HELLO_OWN_SFTP)
	    : NULL;
	if (why) {
		conn_refuse(g, REFUSE_CANNOT, why);
		return false;
	}
	session_info_begin(&h->info, hello);
	buf_init(&id, 2 * ID_LEN + 1);
	(void)hex_put(&id, (struct span){ h->info.id, ID_LEN });
	login.session = buf_str(&id);
	if (may_have_agent(hello)
	    && agent_open(&h->agent, &h->loop, h->path, &agent_events) == 0)
		login.agent = h->agent.path;
	if (msg_find(hello->more, MSG_DISPLAY, &more)
	    && x11_listener_open(&h->display, &h->loop, &more.display,
		   &x11_listener_events)
		== 0)
		login.display = &h->display;
	int err = clients_init(&h->clients, &h->loop, hello->kind == KIND_PTY,
	    &login.size);
	if (!err && hello->kind != KIND_NONE)
		err = program_start(&h->program, &login);
	int saved = errno;
	buf_finish(&id);
	if (err) {
		snprintf(text, sizeof text, "the program cannot be started: %s",
		    err == ERR_SYSTEM ? strerror(saved) : err_text(err));
		conn_refuse(g, REFUSE_CANNOT, text);
		return false;
	}
	(void)os_renounce(); /* the program has what we had */
	lifetime_on(&h->lifetime, LIFETIME_STARTED);
	return true;
}

/* ---- hellos ---- */

static int
conn_welcome(struct session *h, struct conn *g, const struct msg_hello *hello)
{
	struct buf positions;
	struct msg_welcome m = { .build = text_span(BELAY_BUILD),
		.begun_ms = (uint64_t)h->info.begun_ms,
		.name = text_span(h->info.name) };
	m.version = hello->version_max < PROTOCOL_VERSION ? hello->version_max
							  : PROTOCOL_VERSION;
	os_boot_id(m.boot);
	memcpy(m.session, h->info.id, ID_LEN);
	buf_init(&positions, ENGINE_STREAMS * POSITION_LEN);
	int err = engine_positions(&g->client->engine, &positions);
	m.positions = buf_span(&positions);
	if (!err)
		err = msg_put(&g->io.link.queue, MSG_WELCOME, &m);
	buf_finish(&positions);
	return err;
}

/* Links that shook hands and were never used, since the answer did not get through, must
 * not keep the client out: the oldest of them makes room. */
static void
make_room(struct session *h, const struct engine *e)
{
	const struct link *oldest = NULL;
	for (size_t i = 0; i < e->n_links && !oldest; i++)
		if (!e->links[i]->used)
			oldest = e->links[i];
	for (size_t i = 0; oldest && i < CONNS_MAX; i++)
		if (&h->conns[i].io.link == oldest) {
			conn_close(h, &h->conns[i]);
			return;
		}
}

/* Gives a new client what it asks for and has the right to. */
static void
grant(struct session *h, struct client *p, const struct msg_hello *hello, bool late)
{
	union msg more;
	p->exact = (hello->flags & HELLO_EXACT) && rights_has(p->role, CLAIM_EVERY_BYTE);
	p->forwards.none = !rights_has(p->role, CLAIM_FORWARD);
	p->forwards.agent = (hello->flags & HELLO_AGENT)
	    && rights_has(p->role, CLAIM_AGENT)
	    && !hello_has(ROLE_GUEST, hello, MSG_ORIGIN, &more);
	p->forwards.display = hello_has(p->role, hello, MSG_DISPLAY, &more);
	if (p->forwards.display && late)
		x11_listener_renew(&h->display, &more.display);
	p->history_rows = hello->history;
	if (hello_has(p->role, hello, MSG_HISTORY, &more))
		p->history_us = (uint64_t)more.history.time_ms * 1000;
}

/* A client that has not been here comes to a session that is. */
static struct client *
newcomer(struct session *h, struct conn *g, const struct msg_hello *hello)
{
	bool starts = h->lifetime.phase == LIFETIME_NEW;
	bool comes = hello->request == HELLO_ATTACH || hello->request == HELLO_OPEN;
	if (starts && hello->request != HELLO_NEW && hello->request != HELLO_OPEN) {
		conn_refuse(g, REFUSE_GONE, "");
		return NULL;
	}
	if (!starts && !comes) {
		conn_refuse(g, REFUSE_TAKEN, "");
		return NULL;
	}
	if (h->lifetime.phase == LIFETIME_ENDED) {
		conn_refuse(g, REFUSE_GONE, "");
		return NULL;
	}
	if (!starts && !h->clients.pty) {
		conn_refuse(g, REFUSE_CANNOT,
		    "a command without a terminal belongs to the one who started it");
		return NULL;
	}
	enum role role = rights_role(hello->flags, starts);
	if (starts && !rights_has(role, CLAIM_MAKE)) {
		conn_refuse(g, REFUSE_GONE, "");
		return NULL;
	}
	if (starts && !start_program(h, hello, g))
		return NULL;
	if (!starts && rights_has(role, CLAIM_TAKE_OVER))
		dismiss_all(h, BYE_TAKEN);
	struct client *p = clients_add(&h->clients, hello->client, role, !starts);
	if (!p) {
		/* Of CANNOT a client takes that nothing has been started. */
		conn_refuse(g, starts ? REFUSE_BAD : REFUSE_CANNOT,
		    "too many clients, or no memory");
		return NULL;
	}
	grant(h, p, hello, !starts);
	return p;
}

static void
note_agent(struct conn *g, const struct msg_hello *hello)
{
	union msg more;
	if (hello->flags & HELLO_AGENT && rights_has(g->client->role, CLAIM_AGENT)
	    && hello_has(ROLE_GUEST, hello, MSG_ORIGIN, &more)
	    && more.origin.agent.n < sizeof g->agent)
		memcpy(g->agent, more.origin.agent.p, more.origin.agent.n);
}

static void
conn_attach(struct session *h, struct conn *g, const struct msg_hello *hello)
{
	struct tty_size size = { hello->rows, hello->cols, hello->xpixel, hello->ypixel };
	if (hello->version_max < PROTOCOL_OLDEST
	    || hello->version_min > PROTOCOL_VERSION) {
		conn_refuse(g, REFUSE_VERSION, BELAY_BUILD);
		return;
	}
	struct client *p = clients_find(&h->clients, hello->client);
	bool known = p;
	if (!p)
		p = newcomer(h, g, hello);
	if (!p)
		return;
	if (p->engine.n_links == (p->role == ROLE_READER ? READER_LINKS : ENGINE_LINKS))
		make_room(h, &p->engine);
	g->client = p;
	int err = engine_set_positions(&p->engine, hello->positions);
	if (!err)
		err = conn_welcome(h, g, hello);
	if (!err)
		err = engine_add(&p->engine, &g->io.link);
	if (err) {
		conn_refuse(g, REFUSE_BAD, err_text(err));
		g->client = NULL;
		if (!known
		    && h->clients.pty) /* it cannot come back to what it never had */
			clients_remove(&h->clients, p);
		return;
	}
	note_agent(g, hello);
	p->size = size;
	if (rights_has(p->role, CLAIM_SIZE)
	    && (!h->clients.typist || h->clients.typist == p))
		set_size(h, &size);
	if (rights_has(p->role, CLAIM_LINGER))
		h->lifetime.linger_us = (uint64_t)hello->linger_s * 1000000;
	if (rights_has(p->role, CLAIM_STAY))
		session_info_used(&h->info);
}

/* The client ends the session, has everything of one that has ended, or leaves it.  What
 * others are using nobody ends who only leaves it. */
static void
conn_bye(struct session *h, struct conn *g, const struct frame *f)
{
	union msg m;
	struct client *p = g->client;
	uint16_t code = msg_get(f, &m) ? 0 : m.bye.code;
	enum right right = rights_of(p->role, MSG_BYE, code);
	if (code == BYE_HANGUP && right == RIGHT_ALLOWED
	    && !clients_other_here(&h->clients, p, CLAIM_STAY)) {
		ends(h, LIFETIME_HUNG_UP);
		return;
	}
	conn_close(h, g);
	if (right == RIGHT_ERROR
	    || (code == BYE_DONE && h->lifetime.phase != LIFETIME_ENDED))
		return;
	dismiss(h, p, BYE_DETACHED);
}

static void
conn_frames(struct session *h, struct conn *g)
{
	struct frame f;
	long len = 0;
	while (!g->closing && (len = link_frame(&g->io.link, &f)) > 0) {
		if (f.type == MSG_BYE) {
			conn_bye(h, g, &f);
			return;
		}
		if (rights_of(g->client->role, f.type, 0) == RIGHT_ERROR
		    || engine_frame(&g->client->engine, &g->io.link, &f,
			h->loop.now_us)) {
			conn_close(h, g);
			return;
		}
		link_drop(&g->io.link, len);
	}
	if (len < 0)
		conn_close(h, g);
}

static struct session *
holder(void)
{
	return &session;
}

static void
on_conn_in(void *owner, short revents)
{
	struct conn *g = owner;
	struct session *h = holder();
	(void)revents;
	if (link_read(&g->io.link)) {
		if (g->client)
			conn_frames(h, g);
		else
			buf_drop(&g->io.link.in,
			    g->io.link.in.len); /* it is on its way out */
	} else if (h->clients.pty || !g->client || g->closing) {
		conn_close(h, g);
	} else {
		/* Of a command it matters whether the connection has ended or the client. */
		g->input_over_us = h->loop.now_us;
		g->io.in.events = 0;
		g->io.link.broken = false;
	}
}

/* ---- questions about the session, from others of this user on the host ---- */

static void
tell_about(struct session *h, int fd)
{
	struct buf out;
	char running[64];
	size_t here = 0;
	program_running(&h->program, running, sizeof running);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		here += client_here(&h->clients.list[i]);
	buf_init(&out, FRAME_MAX);
	if (session_info_put(&h->info, here, running, (int)h->program.pid, &out) == 0)
		(void)sys_write_all(fd, buf_bytes(&out), out.len);
	buf_finish(&out);
}

static void
asked(struct session *h, struct conn *g, const struct frame *f)
{
	union msg m;
	if (h->lifetime.phase == LIFETIME_NEW || msg_get(f, &m))
		return;
	switch (m.ask.verb) {
	case ASK_KILL:
		dismiss_all(h, BYE_ENDED);
		ends(h, LIFETIME_KILLED);
		break;
	case ASK_RENAME:
		session_info_rename(&h->info, m.ask.text);
		break;
	case ASK_DETACH:
		dismiss_all(h, BYE_DETACHED);
		break;
	default:
		break;
	}
	tell_about(h, g->relay.fd);
}

/* The hello is whole and the descriptors are there: the guest becomes a link. */
static void
conn_linked(struct session *h, struct conn *g)
{
	struct frame f;
	union msg m;
	long len = frame_parse(buf_span(&g->hello), &f);
	if (len > 0 && f.type == MSG_ASK) {
		asked(h, g, &f);
		conn_close(h, g);
		return;
	}
	if (len == 0 || (len > 0 && g->n_fds < 2))
		return;
	if (len < 0 || f.type != MSG_HELLO || msg_get(&f, &m)) {
		conn_close(h, g);
		return;
	}
	g->linked = true;
	if (!pipe_open(&g->io, g->fds[0], g->fds[1])) {
		conn_close(h, g);
		return;
	}
	conn_attach(h, g, &m.hello);
	buf_finish(&g->hello);
}

static void
on_conn_relay(void *owner, short revents)
{
	struct conn *g = owner;
	struct session *h = holder();
	int fds[2];
	size_t n;
	(void)revents;
	ssize_t got = sock_receive_fds(g->relay.fd, &g->hello, READ_MAX, fds, 2, &n);
	for (size_t i = 0; i < n; i++) {
		if (g->n_fds < 2 && !g->linked)
			g->fds[g->n_fds++] = fds[i];
		else
			close(fds[i]);
	}
	if (got < 0 || g->linked)
		conn_close(h, g);
	else
		conn_linked(h, g);
}

static void
conn_new(struct session *h, int relay)
{
	for (size_t i = 0; i < CONNS_MAX; i++) {
		struct conn *g = &h->conns[i];
		if (g->taken)
			continue;
		*g = (struct conn){ .taken = true };
		pipe_init(&g->io, &h->loop, on_conn_in, g);
		buf_init(&g->hello, FRAME_MAX + READ_MAX);
		g->relay = (struct watch){ .fd = relay,
			.events = POLLIN,
			.fn = on_conn_relay,
			.owner = g };
		sys_nonblock(relay);
		if (!loop_add_kept(&h->loop, &g->relay))
			conn_close(h, g);
		return;
	}
	close(relay); /* too many at once; the client tries again */
}

static void
on_listener(void *owner, short revents)
{
	struct session *h = owner;
	(void)revents;
	int fd = sock_accept(h->listener.fd);
	if (fd >= 0)
		conn_new(h, fd);
}

/* ---- the program ---- */

static void
tell_exit(struct session *h)
{
	int status = h->program.status;
	struct msg_exit m = { EXIT_STATUS, (uint32_t)WEXITSTATUS(status) };
	if (WIFSIGNALED(status))
		m = (struct msg_exit){ EXIT_SIGNAL, (uint32_t)WTERMSIG(status) };
	clients_exit(&h->clients, &m);
	program_close(&h->program);
	lifetime_on(&h->lifetime, LIFETIME_PROGRAM_ENDED);
}

static void
window_changed(struct session *h, struct client *p, const struct msg_window *m)
{
	const struct client *typist = h->clients.typist;
	p->size = (struct tty_size){ m->rows, m->cols, m->xpixel, m->ypixel };
	if (!typist || typist == p || !client_here(typist))
		set_size(h, &p->size);
}

static void
control_turn(struct session *h, struct client *p)
{
	enum msg_type type;
	union msg m;
	int err;
	while ((err = engine_told(&p->engine, &type, &m)) > 0) {
		enum right right = rights_of(p->role, type, 0);
		if (right == RIGHT_IGNORED)
			continue;
		if (right == RIGHT_ERROR) {
			err = ERR_STATE;
			break;
		}
		if (type == MSG_BREAK)
			program_break(&h->program);
		else if (type == MSG_STOP)
			program_stop(&h->program, m.stop.stream);
		else if (type == MSG_WINDOW)
			window_changed(h, p, &m.window);
		else if ((err = remote_listeners_take(&p->forwards, type, &m)))
			break;
	}
	/* A client that sends nonsense here cannot be understood any more; a command is its
	 * alone. */
	if (err < 0 && !h->clients.pty)
		ends(h, LIFETIME_NONSENSE);
	else if (err < 0)
		dismiss(h, p, BYE_ENDED);
}

static uint64_t
clients_turn(struct session *h)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (h->clients.list[i].taken)
			control_turn(h, &h->clients.list[i]);
	uint64_t at = clients_catch_up(&h->clients, h->loop.now_us);
	/* Who types now is known before the program gets it: the window comes first. */
	(void)clients_input(&h->clients);
	if (h->clients.resize && h->clients.typist)
		set_size(h, &h->clients.typist->size);
	if (h->clients.typed)
		session_info_used(&h->info);
	h->clients.resize = h->clients.typed = false;
	return at;
}

/* ---- the loop ---- */

/* ssh ends when its client is killed, but only when it has something to write to it. */
static bool
client_killed(struct session *h, struct conn *g)
{
	const struct engine *e = &g->client->engine;
	if (h->loop.now_us < g->input_over_us + KILLED_AFTER_US
	    || rights_of(g->client->role, MSG_BYE, BYE_HANGUP) != RIGHT_ALLOWED)
		return false;
	return e->n_links == 1 && engine_link(e, RANK_CONTROL) == &g->io.link
	    && g->io.link.used && !sys_hung_up(g->io.out.fd);
}

static uint64_t
conn_turn(struct session *h, struct conn *g)
{
	uint64_t now = h->loop.now_us, at = 0;
	struct engine *e = g->client ? &g->client->engine : NULL;
	if (!g->linked)
		return 0;
	if (e && g->input_over_us) {
		if (client_killed(h, g))
			ends(h, LIFETIME_HUNG_UP); /* as under ssh */
		else if (now >= g->input_over_us + KILLED_AFTER_US
		    || engine_link(e, RANK_CONTROL) != &g->io.link
		    || sys_hung_up(g->io.out.fd))
			conn_close(h, g);
		return g->taken ? g->input_over_us + KILLED_AFTER_US : 0;
	}
	if (now >= g->io.link.heard_us + LINK_SILENT_US) {
		conn_close(h, g);
		return 0;
	}
	link_write(&g->io.link, g->closing ? NULL : e, now);
	if (g->io.link.broken || (g->closing && !g->io.link.queue.len)) {
		conn_close(h, g);
		return 0;
	}
	if (e)
		loop_sooner(&at, link_write_at(&g->io.link, e));
	loop_sooner(&at, link_trim(&g->io.link, now));
	loop_sooner(&at, g->io.link.heard_us + LINK_SILENT_US);
	return at;
}

static void
close_unwanted(struct session *h, const struct engine *e)
{
	struct link *unwanted;
	while ((unwanted = engine_unwanted(e)))
		for (size_t i = 0; i < CONNS_MAX; i++)
			if (&h->conns[i].io.link == unwanted)
				conn_close(h, &h->conns[i]);
}

static uint64_t
guests_turn(struct session *h)
{
	uint64_t at = 0;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (h->clients.list[i].taken)
			close_unwanted(h, &h->clients.list[i].engine);
	for (size_t i = 0; i < CONNS_MAX; i++)
		if (h->conns[i].taken)
			loop_sooner(&at, conn_turn(h, &h->conns[i]));
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (h->clients.list[i].taken)
			loop_sooner(&at,
			    engine_trim(&h->clients.list[i].engine, h->loop.now_us));
	return at;
}

static bool
any_guest(const struct session *h)
{
	for (size_t i = 0; i < CONNS_MAX; i++)
		if (h->conns[i].taken)
			return true;
	return false;
}

/* Who only looks on, or asks, does not keep a session. */
static bool
in_use(const struct session *h)
{
	for (size_t i = 0; i < CONNS_MAX; i++) {
		const struct conn *g = &h->conns[i];
		if (g->taken && g->client && rights_has(g->client->role, CLAIM_STAY))
			return true;
	}
	return false;
}

/* A client that keeps the session has chosen its link. */
static bool
chosen(const struct session *h)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct client *p = &h->clients.list[i];
		if (client_here(p) && rights_has(p->role, CLAIM_STAY)
		    && engine_link(&p->engine, RANK_CONTROL)->used)
			return true;
	}
	return false;
}

/* Whether the session is over, or when that is to be asked again. */
static uint64_t
end_turn(struct session *h)
{
	struct lifetime_facts facts = { .connected = any_guest(h),
		.kept = in_use(h),
		.used = h->lifetime.used || chosen(h),
		.delivered = clients_delivered(&h->clients) };
	uint64_t at = lifetime_turn(&h->lifetime, &facts, h->loop.now_us);
	if (h->lifetime.phase == LIFETIME_OVER)
		loop_stop(&h->loop);
	return at;
}

static uint64_t
session_turn(void *owner, uint64_t now_us)
{
	struct session *h = owner;
	uint64_t at = clients_turn(h);
	if (h->lifetime.phase == LIFETIME_RUNNING && program_over(&h->program))
		tell_exit(h);
	loop_sooner(&at, listener_turn(&h->display.listener, now_us));
	loop_sooner(&at, clients_forward(&h->clients, now_us));
	loop_sooner(&at, guests_turn(h));
	loop_sooner(&at, agent_turn(&h->agent, now_us));
	/* After sending has made room. */
	clients_watch(&h->clients);
	loop_sooner(&at, program_turn(&h->program));
	loop_sooner(&at, end_turn(h));
	return at;
}

/* Our socket may have been removed. */
static void
listen_again(struct session *h)
{
	int fd = rundir_is_there(h->path) ? -1 : rundir_listen(h->info.id, h->path);
	if (fd < 0)
		return;
	watch_close(&h->loop, &h->listener);
	h->listener.fd = fd;
	if (!loop_add_kept(&h->loop, &h->listener)) {
		watch_close(&h->loop, &h->listener); /* the next signal tries again */
		unlink(h->path);
		return;
	}
	agent_again(&h->agent, h->path);
}

static void
session_signal(void *owner, int sig)
{
	struct session *h = owner;
	if (sig == RUNDIR_SIGNAL) {
		if (h->lifetime.phase != LIFETIME_NEW)
			listen_again(h);
		return;
	}
	if (sig != SIGCHLD) {
		ends(h, LIFETIME_SIGNALLED);
		return;
	}
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == h->program.pid)
			program_ended(&h->program, status);
}

int
session_main(const char *path)
{
	struct session *h = &session;
	static const int signals[] = { SIGCHLD, SIGTERM, SIGINT, RUNDIR_SIGNAL, 0 };
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	os_hide();
	if (chdir("/") < 0 || loop_init(&h->loop, signals))
		return 1;
	snprintf(h->path, sizeof h->path, "%s", path);
	h->loop.turn = session_turn;
	h->loop.turn_owner = h;
	h->loop.on_signal = session_signal;
	program_init(&h->program, &h->loop, &h->clients);
	h->listener = (struct watch){ .fd = SESSION_LISTENER,
		.events = POLLIN,
		.fn = on_listener,
		.owner = h };
	sys_cloexec(SESSION_LISTENER);
	if (!loop_add_kept(&h->loop, &h->listener))
		return 1;
	int relay = dup(STDIN_FILENO);
	int null = dup2(STDOUT_FILENO, STDIN_FILENO);
	if (relay < 0 || null < 0)
		return 1;
	sys_cloexec(relay);
	conn_new(h, relay);
	loop_run(&h->loop);
	unlink(h->path);
	program_close(&h->program); /* hangs up whatever still uses the terminal */
	for (size_t i = 0; i < CONNS_MAX; i++)
		if (h->conns[i].taken)
			conn_close(h, &h->conns[i]);
	agent_close(&h->agent);
	x11_listener_close(&h->display);
	clients_finish(&h->clients);
	return 0;
}
