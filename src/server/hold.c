#include "server/hold.h"

#include "base/err.h"
#include "base/hex.h"
#include "server/about.h"
#include "server/agent.h"
#include "server/display.h"
#include "server/peers.h"
#include "server/program.h"
#include "server/rundir.h"
#include "sys/linkio.h"
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
	GUESTS = 2 * PEERS, /* links, and relays that have not said hello yet */
	READER_LINKS = 2, /* so that readers leave guests to others */
	READ_MAX = 16 * 1024,
	LINK_SILENT_US = 120 * 1000000, /* a link of which nothing is heard is closed */
	/* A client whose first login broke before it heard of the session has given up. */
	UNUSED_LINGER_US = 60 * 1000000,
	/* let a link deliver the last bytes before we exit */
	EXIT_LINGER_US = 2 * 1000000,
	/* A link whose input has ended while ssh still listens: its client was killed. */
	KILLED_AFTER_US = 2 * 1000000,
};

enum phase {
	PHASE_NEW, /* no client has said yet what it wants */
	PHASE_RUNNING,
	PHASE_ENDED, /* the exit status is told; the client has to fetch it */
};

/* A relay, and the link over the descriptors that it brought. */
struct guest {
	bool taken, linked;
	struct linkio io;
	struct watch relay;
	struct buf hello; /* what came over the relay's connection */
	int fds[2]; /* the relay's stdin and stdout */
	size_t n_fds;
	struct peer *peer; /* whose link it is */
	char agent[AGENT_PATH_MAX]; /* where its ssh has forwarded one; "": none */
	bool closing; /* close when what waits is written */
	uint64_t input_over_us; /* since when its input has ended; 0: it has not */
};

struct hold {
	struct loop loop;
	struct peers peers;
	struct program program;
	struct agent agent;
	struct display display;
	struct guest guests[GUESTS];
	struct watch listener;
	char path[SESSION_PATH_MAX]; /* of our socket */
	enum phase phase;
	struct about about;
	uint64_t away_us; /* since when no client that counts is linked; 0: one is */
	uint64_t linger_us;
	bool used; /* a client has chosen a link: it knows that the session is there */
	uint64_t delivered_us; /* since when the client has everything */
};

static struct hold hold; /* one session a process */

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
guest_close(struct hold *h, struct guest *g)
{
	agent_cut(&h->agent, g);
	if (g->peer)
		engine_remove(&g->peer->engine, &g->io.link);
	for (size_t i = 0; i < g->n_fds && !g->linked; i++)
		close(g->fds[i]);
	linkio_close(&g->io, &h->loop);
	watch_close(&h->loop, &g->relay);
	buf_finish(&g->hello);
	*g = (struct guest){ 0 };
}

static struct span
text_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

/* The answer to a hello that leads nowhere; the link is closed behind it. */
static void
guest_refuse(struct guest *g, enum refuse_code code, const char *text)
{
	struct msg_refuse m = { .code = (uint16_t)code, .text = text_span(text) };
	os_boot_id(m.boot);
	(void)msg_put(&g->io.queue, MSG_REFUSE, &m);
	g->closing = true;
}

static void
say_bye(struct guest *g, enum bye_code code)
{
	struct msg_bye m = { .code = (uint16_t)code };
	(void)msg_put(&g->io.queue, MSG_BYE, &m);
	g->closing = true;
}

/* Sends a client away; its links are closed when they have told it why. */
static void
dismiss(struct hold *h, struct peer *p, enum bye_code code)
{
	for (size_t i = 0; i < GUESTS; i++) {
		struct guest *g = &h->guests[i];
		if (!g->taken || g->peer != p)
			continue;
		engine_remove(&p->engine, &g->io.link);
		g->peer = NULL;
		say_bye(g, code);
	}
	peers_remove(&h->peers, p);
}

static void
dismiss_all(struct hold *h, enum bye_code code)
{
	for (size_t i = 0; i < PEERS; i++)
		if (h->peers.list[i].taken)
			dismiss(h, &h->peers.list[i], code);
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
set_size(struct hold *h, const struct tty_size *size)
{
	if (!size->rows || !size->cols || !h->peers.pty)
		return;
	h->about.size = *size;
	(void)term_resize(h->peers.term, size->rows, size->cols);
	program_resize(&h->program, size);
}

/* Where nobody has one, who connects is turned away at once. */
static bool
has_room(struct hold *h, enum open_kind kind)
{
	const struct peer *p = peers_with(&h->peers, kind);
	return !p || forwards_has_room(&p->forwards, kind);
}

static void
lead_on(struct hold *h, enum open_kind kind, int fd)
{
	struct peer *p = peers_with(&h->peers, kind);
	if (p)
		forwards_lead_on(&p->forwards, kind, fd);
	else
		close(fd);
}

/* The link in use that has an agent, rather of who types. */
static struct guest *
with_agent(struct hold *h)
{
	struct guest *found = NULL;
	for (size_t i = 0; i < GUESTS; i++) {
		struct guest *g = &h->guests[i];
		if (g->peer && g->agent[0] && g->peer->engine.active == &g->io.link
		    && (!found || g->peer == h->peers.typist))
			found = g;
	}
	return found;
}

static void
on_agent(void *owner, int fd)
{
	struct hold *h = owner;
	const struct guest *g = with_agent(h);
	if (g)
		agent_lead_on(&h->agent, fd, g->agent, g);
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
	struct hold *h = owner;
	return with_agent(h) ? agent_has_room(&h->agent) : has_room(h, OPEN_AGENT);
}

static bool
display_has_room(void *owner)
{
	return has_room(owner, OPEN_DISPLAY);
}

static const struct listener agent_events = { .has_room = agent_may_accept,
	.accepted = on_agent,
	.owner = &hold };
static const struct listener display_events = { .has_room = display_has_room,
	.accepted = on_display,
	.owner = &hold };

static bool
start_program(struct hold *h, const struct msg_hello *hello, struct guest *g)
{
	struct buf id;
	struct login login = { .kind = hello->kind,
		.command = hello->command,
		.term = hello->term,
		.modes = hello->modes,
		.size = { hello->rows, hello->cols, hello->xpixel, hello->ypixel } };
	char text[256];
	union msg more;
	if (hello->kind < KIND_PTY || hello->kind > KIND_NONE) {
		guest_refuse(g, REFUSE_BAD, "unknown kind of session");
		return false;
	}
	about_begin(&h->about, hello);
	buf_init(&id, 2 * ID_LEN + 1);
	(void)hex_put(&id, (struct span){ h->about.id, ID_LEN });
	login.session = buf_str(&id);
	if (may_have_agent(hello)
	    && agent_open(&h->agent, &h->loop, h->path, &agent_events) == 0)
		login.agent = h->agent.path;
	if (msg_find(hello->more, MSG_DISPLAY, &more)
	    && display_open(&h->display, &h->loop, &more.display, &display_events) == 0)
		login.display = &h->display;
	int err = peers_init(&h->peers, &h->loop, hello->kind == KIND_PTY, &login.size);
	if (!err && hello->kind != KIND_NONE)
		err = program_start(&h->program, &login);
	int saved = errno;
	buf_finish(&id);
	if (err) {
		snprintf(text, sizeof text, "the program cannot be started: %s",
		    err == ERR_SYSTEM ? strerror(saved) : err_text(err));
		guest_refuse(g, REFUSE_CANNOT, text);
		return false;
	}
	h->phase = PHASE_RUNNING;
	return true;
}

/* ---- hellos ---- */

static int
guest_welcome(struct hold *h, struct guest *g, const struct msg_hello *hello)
{
	struct buf positions;
	struct msg_welcome m = { .build = text_span(BELAY_BUILD),
		.begun_ms = (uint64_t)h->about.begun_ms,
		.name = text_span(h->about.name) };
	m.version = hello->version_max < PROTOCOL_VERSION ? hello->version_max
							  : PROTOCOL_VERSION;
	os_boot_id(m.boot);
	memcpy(m.session, h->about.id, ID_LEN);
	buf_init(&positions, ENGINE_STREAMS * POSITION_LEN);
	int err = engine_positions(&g->peer->engine, &positions);
	m.positions = buf_span(&positions);
	if (!err)
		err = msg_put(&g->io.queue, MSG_WELCOME, &m);
	buf_finish(&positions);
	return err;
}

/* Links that shook hands and were never used, since the answer did not get through, must
 * not keep the client out: the oldest of them makes room. */
static void
make_room(struct hold *h, const struct engine *e)
{
	const struct link *oldest = NULL;
	for (size_t i = 0; i < e->n_links && !oldest; i++)
		if (!e->links[i]->used)
			oldest = e->links[i];
	for (size_t i = 0; oldest && i < GUESTS; i++)
		if (&h->guests[i].io.link == oldest) {
			guest_close(h, &h->guests[i]);
			return;
		}
}

/* Gives a new client what it asks for and has the right to. */
static void
grant(struct hold *h, struct peer *p, const struct msg_hello *hello, bool late)
{
	union msg more;
	p->exact = (hello->flags & HELLO_EXACT) && rights_has(p->role, CLAIM_EVERY_BYTE);
	p->forwards.none = !rights_has(p->role, CLAIM_FORWARD);
	p->forwards.agent = (hello->flags & HELLO_AGENT)
	    && rights_has(p->role, CLAIM_AGENT)
	    && !hello_has(ROLE_GUEST, hello, MSG_ORIGIN, &more);
	p->forwards.display = hello_has(p->role, hello, MSG_DISPLAY, &more);
	if (p->forwards.display && late)
		display_renew(&h->display, &more.display);
	p->history_rows = hello->history;
	if (hello_has(p->role, hello, MSG_HISTORY, &more))
		p->history_us = (uint64_t)more.history.time_ms * 1000;
}

/* A client that has not been here comes to a session that is. */
static struct peer *
newcomer(struct hold *h, struct guest *g, const struct msg_hello *hello)
{
	bool starts = h->phase == PHASE_NEW;
	bool comes = hello->wish == WISH_ATTACH || hello->wish == WISH_OPEN;
	if (starts && hello->wish != WISH_NEW && hello->wish != WISH_OPEN) {
		guest_refuse(g, REFUSE_GONE, "");
		return NULL;
	}
	if (!starts && !comes) {
		guest_refuse(g, REFUSE_TAKEN, "");
		return NULL;
	}
	if (h->phase == PHASE_ENDED) {
		guest_refuse(g, REFUSE_GONE, "");
		return NULL;
	}
	if (!starts && !h->peers.pty) {
		guest_refuse(g, REFUSE_CANNOT,
		    "a command without a terminal belongs to the one who started it");
		return NULL;
	}
	enum role role = rights_role(hello->flags, starts);
	if (starts && !rights_has(role, CLAIM_MAKE)) {
		guest_refuse(g, REFUSE_GONE, "");
		return NULL;
	}
	if (starts && !start_program(h, hello, g))
		return NULL;
	if (!starts && rights_has(role, CLAIM_TAKE_OVER))
		dismiss_all(h, BYE_TAKEN);
	struct peer *p = peers_add(&h->peers, hello->client, role, !starts);
	if (!p) {
		guest_refuse(g, REFUSE_CANNOT, "too many clients, or no memory");
		return NULL;
	}
	grant(h, p, hello, !starts);
	return p;
}

static void
note_agent(struct guest *g, const struct msg_hello *hello)
{
	union msg more;
	if (hello->flags & HELLO_AGENT && rights_has(g->peer->role, CLAIM_AGENT)
	    && hello_has(ROLE_GUEST, hello, MSG_ORIGIN, &more)
	    && more.origin.agent.n < sizeof g->agent)
		memcpy(g->agent, more.origin.agent.p, more.origin.agent.n);
}

static void
guest_attach(struct hold *h, struct guest *g, const struct msg_hello *hello)
{
	struct tty_size size = { hello->rows, hello->cols, hello->xpixel, hello->ypixel };
	if (hello->version_max < PROTOCOL_OLDEST
	    || hello->version_min > PROTOCOL_VERSION) {
		guest_refuse(g, REFUSE_VERSION, BELAY_BUILD);
		return;
	}
	struct peer *p = peers_find(&h->peers, hello->client);
	bool known = p;
	if (!p)
		p = newcomer(h, g, hello);
	if (!p)
		return;
	if (p->engine.n_links == (p->role == ROLE_READER ? READER_LINKS : ENGINE_LINKS))
		make_room(h, &p->engine);
	g->peer = p;
	int err = engine_set_positions(&p->engine, hello->positions);
	if (!err)
		err = guest_welcome(h, g, hello);
	if (!err)
		err = engine_add(&p->engine, &g->io.link);
	if (err) {
		guest_refuse(g, REFUSE_BAD, err_text(err));
		g->peer = NULL;
		if (!known && h->peers.pty) /* it cannot come back to what it never had */
			peers_remove(&h->peers, p);
		return;
	}
	note_agent(g, hello);
	p->size = size;
	if (rights_has(p->role, CLAIM_SIZE) && (!h->peers.typist || h->peers.typist == p))
		set_size(h, &size);
	if (rights_has(p->role, CLAIM_LINGER))
		h->linger_us = (uint64_t)hello->linger_s * 1000000;
	if (rights_has(p->role, CLAIM_STAY))
		about_used(&h->about);
}

/* The client ends the session, has everything of one that has ended, or leaves it.  What
 * others are using nobody ends who only leaves it. */
static void
guest_bye(struct hold *h, struct guest *g, const struct frame *f)
{
	union msg m;
	struct peer *p = g->peer;
	uint16_t code = msg_get(f, &m) ? 0 : m.bye.code;
	enum right right = rights_of(p->role, MSG_BYE, code);
	if (code == BYE_HANGUP && right == RIGHT_ALLOWED
	    && !peers_other_here(&h->peers, p, CLAIM_STAY)) {
		loop_stop(&h->loop);
		return;
	}
	guest_close(h, g);
	if (right == RIGHT_ERROR || (code == BYE_DONE && h->phase != PHASE_ENDED))
		return;
	dismiss(h, p, BYE_DETACHED);
}

static void
guest_frames(struct hold *h, struct guest *g)
{
	struct frame f;
	long len = 0;
	while (!g->closing && (len = link_frame(&g->io.link, &f)) > 0) {
		if (f.type == MSG_BYE) {
			guest_bye(h, g, &f);
			return;
		}
		if (rights_of(g->peer->role, f.type, 0) == RIGHT_ERROR
		    || engine_frame(&g->peer->engine, &g->io.link, &f, h->loop.now_us)) {
			guest_close(h, g);
			return;
		}
		link_drop(&g->io.link, len);
	}
	if (len < 0)
		guest_close(h, g);
}

static struct hold *
holder(void)
{
	return &hold;
}

static void
on_guest_in(void *owner, short revents)
{
	struct guest *g = owner;
	struct hold *h = holder();
	(void)revents;
	if (linkio_read(&g->io)) {
		if (g->peer)
			guest_frames(h, g);
		else
			buf_drop(&g->io.link.in,
			    g->io.link.in.len); /* it is on its way out */
	} else if (h->peers.pty || !g->peer || g->closing) {
		guest_close(h, g);
	} else {
		/* Of a command it matters whether the connection has ended or the client. */
		g->input_over_us = h->loop.now_us;
		g->io.in.events = 0;
		g->io.broken = false;
	}
}

/* ---- questions about the session, from others of this user on the host ---- */

static void
tell_about(struct hold *h, int fd)
{
	struct buf out;
	char running[64];
	size_t here = 0;
	program_running(&h->program, running, sizeof running);
	for (size_t i = 0; i < PEERS; i++)
		here += peer_here(&h->peers.list[i]);
	buf_init(&out, FRAME_MAX);
	if (about_put(&h->about, here, running, (int)h->program.pid, &out) == 0)
		(void)sys_write_all(fd, buf_bytes(&out), out.len);
	buf_finish(&out);
}

static void
asked(struct hold *h, struct guest *g, const struct frame *f)
{
	union msg m;
	if (h->phase == PHASE_NEW || msg_get(f, &m))
		return;
	switch (m.ask.verb) {
	case ASK_KILL:
		dismiss_all(h, BYE_ENDED);
		loop_stop(&h->loop);
		break;
	case ASK_RENAME:
		about_rename(&h->about, m.ask.text);
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
guest_linked(struct hold *h, struct guest *g)
{
	struct frame f;
	union msg m;
	long len = frame_parse(buf_span(&g->hello), &f);
	if (len > 0 && f.type == MSG_ASK) {
		asked(h, g, &f);
		guest_close(h, g);
		return;
	}
	if (len == 0 || (len > 0 && g->n_fds < 2))
		return;
	if (len < 0 || f.type != MSG_HELLO || msg_get(&f, &m)) {
		guest_close(h, g);
		return;
	}
	g->linked = true;
	if (!linkio_open(&g->io, &h->loop, g->fds[0], g->fds[1])) {
		guest_close(h, g);
		return;
	}
	guest_attach(h, g, &m.hello);
	buf_finish(&g->hello);
}

static void
on_guest_relay(void *owner, short revents)
{
	struct guest *g = owner;
	struct hold *h = holder();
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
		guest_close(h, g);
	else
		guest_linked(h, g);
}

static void
guest_new(struct hold *h, int relay)
{
	for (size_t i = 0; i < GUESTS; i++) {
		struct guest *g = &h->guests[i];
		if (g->taken)
			continue;
		*g = (struct guest){ .taken = true };
		linkio_init(&g->io, on_guest_in, g, h->loop.now_us);
		buf_init(&g->hello, FRAME_MAX + READ_MAX);
		g->relay = (struct watch){ .fd = relay,
			.events = POLLIN,
			.fn = on_guest_relay,
			.owner = g };
		sys_nonblock(relay);
		if (!loop_add_kept(&h->loop, &g->relay))
			guest_close(h, g);
		return;
	}
	close(relay); /* too many at once; the client tries again */
}

static void
on_listener(void *owner, short revents)
{
	struct hold *h = owner;
	(void)revents;
	int fd = sock_accept(h->listener.fd);
	if (fd >= 0)
		guest_new(h, fd);
}

/* ---- the program ---- */

static void
tell_exit(struct hold *h)
{
	int status = h->program.status;
	struct msg_exit m = { EXIT_STATUS, (uint32_t)WEXITSTATUS(status) };
	if (WIFSIGNALED(status))
		m = (struct msg_exit){ EXIT_SIGNAL, (uint32_t)WTERMSIG(status) };
	peers_exit(&h->peers, &m);
	program_close(&h->program);
	h->phase = PHASE_ENDED;
}

static void
window_changed(struct hold *h, struct peer *p, const struct msg_window *m)
{
	const struct peer *typist = h->peers.typist;
	p->size = (struct tty_size){ m->rows, m->cols, m->xpixel, m->ypixel };
	if (!typist || typist == p || !peer_here(typist))
		set_size(h, &p->size);
}

static void
control_turn(struct hold *h, struct peer *p)
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
		else if ((err = forwards_take(&p->forwards, type, &m)))
			break;
	}
	/* A client that sends nonsense here cannot be understood any more; a command is its
	 * alone. */
	if (err < 0 && !h->peers.pty)
		loop_stop(&h->loop);
	else if (err < 0)
		dismiss(h, p, BYE_ENDED);
}

static uint64_t
peers_turn(struct hold *h)
{
	for (size_t i = 0; i < PEERS; i++)
		if (h->peers.list[i].taken)
			control_turn(h, &h->peers.list[i]);
	uint64_t at = peers_catch_up(&h->peers, h->loop.now_us);
	/* Who types now is known before the program gets it: the window comes first. */
	(void)peers_input(&h->peers);
	if (h->peers.resize && h->peers.typist)
		set_size(h, &h->peers.typist->size);
	if (h->peers.typed)
		about_used(&h->about);
	h->peers.resize = h->peers.typed = false;
	return at;
}

/* ---- the loop ---- */

/* ssh ends when its client is killed, but only when it has something to write to it. */
static bool
client_killed(struct hold *h, struct guest *g)
{
	const struct engine *e = &g->peer->engine;
	if (h->loop.now_us < g->input_over_us + KILLED_AFTER_US
	    || rights_of(g->peer->role, MSG_BYE, BYE_HANGUP) != RIGHT_ALLOWED)
		return false;
	return e->n_links == 1 && e->active == &g->io.link && g->io.link.used
	    && !sys_hung_up(g->io.out.fd);
}

static uint64_t
guest_turn(struct hold *h, struct guest *g)
{
	uint64_t now = h->loop.now_us, at = 0;
	struct engine *e = g->peer ? &g->peer->engine : NULL;
	if (!g->linked)
		return 0;
	if (e && g->input_over_us) {
		if (client_killed(h, g))
			loop_stop(&h->loop); /* as under ssh */
		else if (now >= g->input_over_us + KILLED_AFTER_US
		    || e->active != &g->io.link || sys_hung_up(g->io.out.fd))
			guest_close(h, g);
		return g->taken ? g->input_over_us + KILLED_AFTER_US : 0;
	}
	if (now >= g->io.link.heard_us + LINK_SILENT_US) {
		guest_close(h, g);
		return 0;
	}
	linkio_write(&g->io, g->closing ? NULL : e, now);
	if (g->io.broken || (g->closing && !g->io.queue.len)) {
		guest_close(h, g);
		return 0;
	}
	if (e)
		loop_sooner(&at, linkio_deadline(&g->io, e));
	loop_sooner(&at, linkio_trim(&g->io, now));
	loop_sooner(&at, g->io.link.heard_us + LINK_SILENT_US);
	return at;
}

static void
close_unwanted(struct hold *h, const struct engine *e)
{
	struct link *unwanted;
	while ((unwanted = engine_unwanted(e)))
		for (size_t i = 0; i < GUESTS; i++)
			if (&h->guests[i].io.link == unwanted)
				guest_close(h, &h->guests[i]);
}

static uint64_t
guests_turn(struct hold *h)
{
	uint64_t at = 0;
	for (size_t i = 0; i < PEERS; i++)
		if (h->peers.list[i].taken)
			close_unwanted(h, &h->peers.list[i].engine);
	for (size_t i = 0; i < GUESTS; i++)
		if (h->guests[i].taken)
			loop_sooner(&at, guest_turn(h, &h->guests[i]));
	for (size_t i = 0; i < PEERS; i++)
		if (h->peers.list[i].taken)
			loop_sooner(&at,
			    engine_trim(&h->peers.list[i].engine, h->loop.now_us));
	return at;
}

static bool
any_guest(const struct hold *h)
{
	for (size_t i = 0; i < GUESTS; i++)
		if (h->guests[i].taken)
			return true;
	return false;
}

/* Who only looks on, or asks, does not keep a session. */
static bool
in_use(const struct hold *h)
{
	for (size_t i = 0; i < GUESTS; i++) {
		const struct guest *g = &h->guests[i];
		if (g->taken && g->peer && rights_has(g->peer->role, CLAIM_STAY))
			return true;
	}
	return false;
}

/* Whether the session is over, or when that is to be asked again. */
static uint64_t
end_turn(struct hold *h)
{
	uint64_t now = h->loop.now_us, at = 0;
	bool delivered = h->phase == PHASE_ENDED && peers_delivered(&h->peers);
	if (in_use(h))
		h->away_us = 0;
	else if (!h->away_us)
		h->away_us = now;
	if (delivered) {
		if (!h->delivered_us)
			h->delivered_us = now;
		loop_sooner(&at, h->delivered_us + EXIT_LINGER_US);
		if (!any_guest(h) || now >= at)
			loop_stop(&h->loop);
	}
	if (h->phase == PHASE_NEW && !any_guest(h))
		/* the one who asked for it was refused, or has gone */
		loop_stop(&h->loop);
	for (size_t i = 0; i < PEERS && !h->used; i++)
		h->used = peer_here(&h->peers.list[i])
		    && rights_has(h->peers.list[i].role, CLAIM_STAY)
		    && h->peers.list[i].engine.active->used;
	if (h->away_us && h->phase != PHASE_NEW) {
		uint64_t wait_us = h->used ? h->linger_us : UNUSED_LINGER_US;
		loop_sooner(&at, h->away_us + wait_us);
		if (now >= h->away_us + wait_us)
			loop_stop(&h->loop);
	}
	return at;
}

static uint64_t
hold_turn(void *owner, uint64_t now_us)
{
	struct hold *h = owner;
	uint64_t at = peers_turn(h);
	if (h->phase == PHASE_RUNNING && program_over(&h->program))
		tell_exit(h);
	loop_sooner(&at, listener_turn(&h->display.listener, now_us));
	loop_sooner(&at, peers_forward(&h->peers, now_us));
	loop_sooner(&at, guests_turn(h));
	loop_sooner(&at, agent_turn(&h->agent, now_us));
	/* After sending has made room. */
	peers_watch(&h->peers);
	loop_sooner(&at, program_turn(&h->program));
	loop_sooner(&at, end_turn(h));
	return at;
}

/* Our socket may have been removed. */
static void
listen_again(struct hold *h)
{
	int fd = rundir_is_there(h->path) ? -1 : rundir_listen(h->about.id, h->path);
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
hold_signal(void *owner, int sig)
{
	struct hold *h = owner;
	if (sig == RUNDIR_SIGNAL) {
		if (h->phase != PHASE_NEW)
			listen_again(h);
		return;
	}
	if (sig != SIGCHLD) {
		loop_stop(&h->loop);
		return;
	}
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == h->program.pid)
			program_ended(&h->program, status);
}

int
hold_main(const char *path)
{
	struct hold *h = &hold;
	static const int signals[] = { SIGCHLD, SIGTERM, SIGINT, RUNDIR_SIGNAL, 0 };
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (chdir("/") < 0 || loop_init(&h->loop, signals))
		return 1;
	snprintf(h->path, sizeof h->path, "%s", path);
	h->loop.turn = hold_turn;
	h->loop.turn_owner = h;
	h->loop.on_signal = hold_signal;
	program_init(&h->program, &h->loop, &h->peers);
	h->listener = (struct watch){ .fd = HOLD_LISTENER,
		.events = POLLIN,
		.fn = on_listener,
		.owner = h };
	sys_cloexec(HOLD_LISTENER);
	if (!loop_add_kept(&h->loop, &h->listener))
		return 1;
	int relay = dup(STDIN_FILENO);
	int null = dup2(STDOUT_FILENO, STDIN_FILENO);
	if (relay < 0 || null < 0)
		return 1;
	sys_cloexec(relay);
	guest_new(h, relay);
	loop_run(&h->loop);
	unlink(h->path);
	program_close(&h->program); /* hangs up whatever still uses the terminal */
	for (size_t i = 0; i < GUESTS; i++)
		if (h->guests[i].taken)
			guest_close(h, &h->guests[i]);
	agent_close(&h->agent);
	display_close(&h->display);
	peers_finish(&h->peers);
	return 0;
}
