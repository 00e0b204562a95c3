#include "server/session.h"

#include "base/err.h"
#include "base/hex.h"
#include "server/admission.h"
#include "server/agent.h"
#include "server/away_watch.h"
#include "server/clients.h"
#include "server/datagram_links.h"
#include "server/lifetime.h"
#include "server/links.h"
#include "server/machine.h"
#include "server/program.h"
#include "server/remains.h"
#include "server/rundir.h"
#include "server/session_info.h"
#include "server/x11_listener.h"
#include "sys/os.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BUSY_US = 100 * 1000 /* a lack of descriptors: the listener waits so long */ };

struct session {
	struct loop loop;
	struct clients clients;
	struct program program;
	struct agent agent;
	struct x11_listener display;
	struct links links;
	struct datagram_links datagrams;
	struct watch listener;
	uint64_t busy_us; /* until then it accepts nobody; 0: it accepts */
	char path[SESSION_PATH_MAX]; /* of our socket */
	struct lifetime lifetime;
	struct session_info info;
	struct away_watch away;
	struct remains remains; /* of the one before it, and its own */
};

static void
ends(struct session *h, enum lifetime_event event)
{
	lifetime_on(&h->lifetime, event);
	if (h->lifetime.phase == LIFETIME_OVER)
		loop_stop(&h->loop);
}

static struct span
text_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

/* ---- clients ---- */

static void
dismiss(struct session *h, struct client *p, enum bye_code code)
{
	links_dismiss(&h->links, p, code);
	datagram_links_dismiss(&h->datagrams, p, code);
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

static void
on_agent(void *owner, int fd)
{
	struct session *h = owner;
	const struct conn *g = links_with_agent(&h->links, h->clients.typist);
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
	return links_with_agent(&h->links, h->clients.typist) ? agent_has_room(&h->agent)
							      : has_room(h, OPEN_AGENT);
}

static bool
x11_listener_has_room(void *owner)
{
	return has_room(owner, OPEN_DISPLAY);
}

/* ---- hellos ---- */

/* What programs of the session find in their environment. */
static void
open_listeners(struct session *h, const struct msg_hello *hello, struct login *login)
{
	const struct listener agent = { .has_room = agent_may_accept,
		.accepted = on_agent,
		.owner = h };
	const struct listener display = { .has_room = x11_listener_has_room,
		.accepted = on_display,
		.owner = h };
	union msg more;
	if (may_have_agent(hello)
	    && agent_open(&h->agent, &h->loop, h->path, &agent) == 0)
		login->agent = h->agent.path;
	if (msg_find(hello->more, MSG_DISPLAY, &more)
	    && x11_listener_open(&h->display, &h->loop, &more.display, &display) == 0)
		login->display = &h->display;
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
	if (late && hello_has(p->role, hello, MSG_SEEN, &more))
		clients_return(&h->clients, p, &more.seen);
	if (hello_has(p->role, hello, MSG_REDRAW, &more))
		p->redraw = more.redraw.when < REDRAW_NEVER
		    ? (enum redraw)more.redraw.when
		    : REDRAW_NEVER;
	else if (!rights_has(p->role, CLAIM_SIZE))
		p->redraw = REDRAW_NEVER;
	p->fits = (hello->flags & HELLO_FIT) && rights_has(p->role, CLAIM_SIZE);
	p->wants_away = (hello->flags & HELLO_AWAY) && rights_has(p->role, CLAIM_STAY);
	if (late)
		away_watch_greet(&h->away, p, h->loop.now_us);
	p->predicts = hello_has(p->role, hello, MSG_PREDICT, &more);
	echo_greet(p, program_tty(&h->program));
}

static void
cancel_start(struct session *h)
{
	int saved = errno;
	agent_close(&h->agent);
	x11_listener_close(&h->display);
	clients_finish(&h->clients);
	remains_finish(&h->remains);
	h->remains = (struct remains){ 0 };
	errno = saved;
}

/* Why the subsystem sftp cannot be served; NULL: it can, or is not asked for. */
static const char *
no_sftp(const struct msg_hello *hello, struct sftp *ret_sftp)
{
	return hello->kind == KIND_SFTP
	    ? sftp_choose(ret_sftp, hello->flags & HELLO_OWN_SFTP)
	    : NULL;
}

static int
start_program(struct session *h, const struct msg_hello *hello)
{
	struct buf id;
	struct sftp sftp = { 0 };
	struct login login = { .kind = hello->kind,
		.sftp = &sftp,
		.command = hello->command,
		.term = hello->term,
		.modes = hello->modes,
		.directory = h->remains.directory,
		.size = { hello->rows, hello->cols, hello->xpixel, hello->ypixel } };
	if (no_sftp(hello, &sftp)) {
		errno = ENOENT;
		return ERR_SYSTEM;
	}
	buf_init(&id, 2 * ID_LEN + 1);
	(void)hex_put(&id, (struct span){ h->info.id, ID_LEN });
	login.session = buf_str(&id);
	open_listeners(h, hello, &login);
	int err = hello->kind == KIND_NONE ? 0 : program_start(&h->program, &login);
	int saved = errno;
	buf_finish(&id);
	errno = saved;
	return err;
}

/* What is left of one before it: its name, and what it showed, for a client whose window does
 * not show it yet; true if there is some of that. */
static bool
take_remains(struct session *h, const struct msg_hello *hello, enum role role)
{
	union msg more;
	if (hello_has(role, hello, MSG_KEEP, &more))
		h->remains.keep_max = more.keep.most_kib < REMAINS_KEEP_KIB
		    ? more.keep.most_kib * (size_t)1024
		    : REMAINS_KEEP_KIB * (size_t)1024;
	if (!h->info.name[0] && remains_any(&h->remains))
		session_info_rename(&h->info, h->remains.was.name);
	return remains_show(&h->remains, h->clients.term)
	    && !hello_has(role, hello, MSG_AGAIN, &more);
}

/* Begins the session with its first client.  0, ERR_NOMEM, or ERR_SYSTEM with errno: then
 * it can be begun once more. */
static int
start(struct session *h, const struct msg_hello *hello, enum role role,
    struct client **ret_client)
{
	struct tty_size size = { hello->rows, hello->cols, hello->xpixel, hello->ypixel };
	struct client *p = NULL;
	bool shown = false;
	session_info_begin(&h->info, hello);
	remains_begin(&h->remains, hello);
	int err = clients_init(&h->clients, &h->loop, hello->kind == KIND_PTY, &size);
	if (h->clients.term)
		term_is_called(h->clients.term, hello->term);
	if (!err)
		shown = take_remains(h, hello, role);
	if (!err && !(p = clients_add(&h->clients, hello->client, role, shown)))
		err = ERR_NOMEM;
	if (!err)
		err = start_program(h, hello);
	if (err) {
		cancel_start(h);
		return err;
	}
	grant(h, p, hello, false);
	h->lifetime.linger_us = (uint64_t)hello->linger_s * 1000000;
	h->links.outlive_input = !h->clients.pty;
	(void)os_renounce(); /* the program has what we had */
	lifetime_on(&h->lifetime, LIFETIME_STARTED);
	*ret_client = p;
	return 0;
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

/* Answers a hello that is not followed; `err` ERR_SYSTEM: with errno. */
static void
not_admitted(struct conn *g, const struct msg_hello *hello, int err)
{
	char text[256];
	bool momentary = err == ERR_SYSTEM && sys_lacks(errno);
	snprintf(text, sizeof text, "the session cannot be had: %s",
	    err == ERR_SYSTEM ? strerror(errno) : err_text(err));
	struct admission a = admission_failed(err, momentary, hello->request, text);
	if (a.answer == ADMISSION_REFUSE)
		links_refuse(g, a.code, a.text);
	else
		links_close(g);
}

/* The client of an admission.  0, ERR_NOMEM, or ERR_SYSTEM with errno. */
static int
let_in(struct session *h, const struct admission *a, const struct msg_hello *hello,
    struct client **ret_client)
{
	if (a->answer == ADMISSION_START)
		return start(h, hello, a->role, ret_client);
	if (a->answer == ADMISSION_RESUME) {
		*ret_client = clients_find(&h->clients, hello->client);
		return 0;
	}
	if (a->answer == ADMISSION_TAKE_OVER)
		dismiss_all(h, BYE_TAKEN);
	*ret_client = clients_add(&h->clients, hello->client, a->role, true);
	if (!*ret_client)
		return ERR_NOMEM;
	grant(h, *ret_client, hello, true);
	return 0;
}

/* The host's address in SSH_CONNECTION: "client port host port". */
static struct span
address_of(struct span connection)
{
	struct span word = { 0 };
	for (unsigned i = 0; i < 3; i++) {
		size_t n = 0;
		while (n < connection.n && connection.p[n] != ' ')
			n++;
		word = (struct span){ connection.p, n };
		n += n < connection.n;
		connection.p += n;
		connection.n -= n;
	}
	return word;
}

/* What a WELCOME says besides. */
static int
put_more(struct session *h, struct client *p, const struct msg_hello *hello,
    struct buf *more)
{
	struct machine_frame machine;
	union msg m, origin;
	machine_frame(&machine);
	int err = buf_put(more, machine.bytes, machine.n);
	if (!err && hello->request != HELLO_RESUME)
		err = remains_tell(&h->remains, more);
	if (err || !hello_has(p->role, hello, MSG_DGRAM, &m))
		return err;
	struct span address = { 0 };
	if (hello_has(ROLE_GUEST, hello, MSG_ORIGIN, &origin))
		address = address_of(origin.origin.connection);
	datagram_links_offer(&h->datagrams, p, address, more);
	return err;
}

static int
join(struct session *h, struct conn *g, struct client *p, const struct msg_hello *hello)
{
	struct msg_welcome m = { .build = text_span(BELAY_BUILD),
		.begun_ms = (uint64_t)h->info.begun_ms,
		.name = text_span(h->info.name) };
	m.version = hello->version_max < PROTOCOL_VERSION ? hello->version_max
							  : PROTOCOL_VERSION;
	os_boot_id(m.boot);
	memcpy(m.session, h->info.id, ID_LEN);
	struct buf more;
	buf_init(&more, FRAME_MAX);
	int err = put_more(h, p, hello, &more);
	m.more = buf_span(&more);
	if (!err)
		err = links_join(g, p, hello->positions, &m);
	if (more.mem)
		seal_wipe(more.mem, more.cap);
	buf_finish(&more);
	return err;
}

static void
joined(struct session *h, struct conn *g, const struct msg_hello *hello)
{
	struct client *p = g->client;
	note_agent(g, hello);
	g->closes_last = hello->flags & HELLO_CLOSES_LAST;
	p->size = (struct tty_size){ hello->rows, hello->cols, hello->xpixel,
		hello->ypixel };
	if (rights_has(p->role, CLAIM_SIZE) && !h->clients.fit
	    && (!h->clients.typist || h->clients.typist == p))
		set_size(h, &p->size);
	if (rights_has(p->role, CLAIM_LINGER))
		h->lifetime.linger_us = (uint64_t)hello->linger_s * 1000000;
	if (rights_has(p->role, CLAIM_STAY))
		session_info_used(&h->info);
}

static struct admission
admission(struct session *h, const struct msg_hello *hello)
{
	struct admission_facts facts = { .phase = h->lifetime.phase,
		.hello = hello,
		.known = clients_find(&h->clients, hello->client),
		.pty = h->clients.pty };
	for (enum role role = ROLE_READER; role < ROLES; role++)
		facts.room[role] = clients_has_place(&h->clients, role);
	return admission_of(&facts);
}

static void
on_hello(struct session *h, struct conn *g, const struct msg_hello *hello)
{
	struct admission a = admission(h, hello);
	struct client *p = NULL;
	if (a.answer == ADMISSION_REFUSE) {
		links_refuse(g, a.code, a.text);
		return;
	}
	struct sftp sftp;
	const char *why = a.answer == ADMISSION_START ? no_sftp(hello, &sftp) : NULL;
	if (why) {
		links_refuse(g, REFUSE_CANNOT, why);
		return;
	}
	int err = let_in(h, &a, hello, &p);
	if (!err)
		err = join(h, g, p, hello);
	if (!err) {
		joined(h, g, hello);
		return;
	}
	/* It comes as a new one again; who has made the session comes back to it. */
	if (p && (a.answer == ADMISSION_JOIN || a.answer == ADMISSION_TAKE_OVER))
		clients_remove(&h->clients, p);
	not_admitted(g, hello, err);
}

/* The client ends the session, has everything of one that has ended, or leaves it, by this
 * connection (NULL: by datagram).  What others are using nobody ends who only leaves it. */
static void
on_bye(struct session *h, struct client *p, struct conn *g, uint16_t code)
{
	enum right right = rights_of(p->role, MSG_BYE, code);
	/* What was typed before it is the program's, and goes with the client if it waits. */
	(void)program_turn(&h->program);
	if (code == BYE_HANGUP && right == RIGHT_ALLOWED
	    && !clients_other_here(&h->clients, p, CLAIM_STAY)) {
		ends(h, LIFETIME_HUNG_UP);
		return;
	}
	if (g)
		links_close(g);
	if (right == RIGHT_ERROR
	    || (code == BYE_DONE && h->lifetime.phase != LIFETIME_ENDED))
		return;
	dismiss(h, p, BYE_DETACHED);
}

/* ---- questions about the session, from others of this user on the host ---- */

static size_t
clients_here(const struct session *h)
{
	size_t here = 0;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		here += client_here(&h->clients.list[i]);
	return here;
}

/* Nothing is lost with it. */
static bool
is_idle(const struct session *h)
{
	return h->info.kind == KIND_PTY && !h->info.command[0]
	    && program_foreground(&h->program) == h->program.pid
	    && os_session_alone(h->program.pid);
}

/* What can be seen of it. */
struct look {
	char running[64], directory[REMAINS_DIRECTORY_MAX];
	struct session_shows shows;
};

/* The directory of another user's program is not known, and the shell's does. */
static void
look_at(const struct session *h, pid_t foreground, struct look *ret_look)
{
	const struct term *term = h->clients.term;
	struct look *l = ret_look;
	os_process_name(foreground, l->running, sizeof l->running);
	os_process_directory(foreground, l->directory, sizeof l->directory);
	if (!l->directory[0])
		os_process_directory(h->program.pid, l->directory, sizeof l->directory);
	l->shows = (struct session_shows){ .running = l->running,
		.directory = l->directory,
		.title = term ? term_title(term) : NULL,
		.term = term };
}

/* It goes to a descriptor. */
static void
tell_about(struct session *h, int fd)
{
	struct buf out, away;
	struct look look;
	look_at(h, program_foreground(&h->program), &look);
	buf_init(&away, FRAME_MAX / 4);
	away_watch_put(&h->away, h->loop.now_us, &away);
	look.shows.more = buf_span(&away);
	look.shows.flags = (is_idle(h) ? ABOUT_IDLE : 0u)
	    | (h->lifetime.phase == LIFETIME_OVER ? ABOUT_ENDS : 0u);
	buf_init(&out, FRAME_MAX);
	if (session_info_put(&h->info, clients_here(h), (int)h->program.pid, &look.shows,
		&out)
	    == 0)
		(void)sys_write_all(fd, buf_bytes(&out), out.len);
	buf_finish(&out);
	buf_finish(&away);
}

/* In the child of remains_fork.  What is shown is kept only if the client has asked for it, and
 * so are the words of a command line, which may be secret. */
_Noreturn static void
write_remains(const struct session *h, pid_t foreground)
{
	struct buf out, more;
	struct look look;
	char words[REMAINS_RUNNING_MAX];
	struct msg_remains m = { 0 };
	buf_init(&out, FRAME_MAX);
	buf_init(&more, FRAME_MAX / 2);
	look_at(h, foreground, &look);
	os_boot_id(m.boot);
	m.directory = text_span(look.directory);
	if (foreground != h->program.pid)
		m.running = text_span(look.running);
	if (!h->remains.keep_max) {
		look.shows.term = NULL;
	} else if (m.running.n) {
		os_process_words(foreground, words, sizeof words);
		m.running = text_span(words);
	}
	(void)msg_put(&more, MSG_REMAINS, &m);
	look.shows.more = buf_span(&more);
	/* What is being ended has none: what was written before is better. */
	if (!look.running[0] || !look.directory[0]
	    || session_info_put(&h->info, 0, 0, &look.shows, &out))
		_exit(1);
	remains_write(&h->remains, buf_span(&out), look.shows.term);
}

static uint64_t
remains_turn(struct session *h)
{
	uint64_t at = 0, now_us = h->loop.now_us;
	bool lives = h->lifetime.phase == LIFETIME_RUNNING && h->lifetime.used
	    && !h->program.ended;
	if (!remains_due(&h->remains, lives, h->program.in.moved + h->program.out.moved,
		links_of(&h->links, CLAIM_STAY), now_us, &at))
		return at;
	pid_t foreground = program_foreground(&h->program);
	if (remains_fork(&h->remains, now_us))
		write_remains(h, foreground);
	return 0;
}

static void
killed(struct session *h)
{
	dismiss_all(h, BYE_ENDED);
	ends(h, LIFETIME_KILLED);
}

static void
on_asked(struct session *h, struct conn *g, const struct msg_ask *ask)
{
	if (h->lifetime.phase == LIFETIME_NEW)
		return;
	switch (ask->verb) {
	case ASK_KILL:
		killed(h);
		break;
	case ASK_KILL_IDLE:
		if (!clients_here(h) && is_idle(h))
			killed(h);
		break;
	case ASK_RENAME:
		session_info_rename(&h->info, ask->text);
		break;
	case ASK_DETACH:
		dismiss_all(h, BYE_DETACHED);
		break;
	default:
		break;
	}
	tell_about(h, g->relay.fd);
}

/* ---- what the links tell ---- */

static void
links_said(struct session *h)
{
	struct links_told told;
	while (links_next(&h->links, &told))
		switch (told.event) {
		case LINKS_HELLO:
			on_hello(h, told.conn, &told.hello);
			links_greeted(told.conn);
			break;
		case LINKS_ASKED:
			on_asked(h, told.conn, &told.ask);
			links_close(told.conn);
			break;
		case LINKS_BYE:
			on_bye(h, told.conn->client, told.conn, told.code);
			break;
		case LINKS_KILLED:
			ends(h, LIFETIME_HUNG_UP); /* as under ssh */
			break;
		case LINKS_NOTHING:
			break;
		}
	struct client *leaver;
	uint16_t code;
	while (datagram_links_next(&h->datagrams, &leaver, &code))
		on_bye(h, leaver, NULL, code);
}

static void
on_listener(void *owner, short revents)
{
	struct session *h = owner;
	(void)revents;
	errno = 0;
	int fd = sock_accept(h->listener.fd);
	if (fd >= 0)
		links_take(&h->links, fd);
	else if (errno != EAGAIN && sys_lacks(errno))
		h->busy_us = h->loop.now_us
		    + BUSY_US; /* it would be ready all the time */
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
	if (WIFEXITED(status))
		remains_forget(&h->remains);
	away_watch_exited(&h->away, &h->program);
	program_close(&h->program);
	lifetime_on(&h->lifetime, LIFETIME_PROGRAM_ENDED);
}

static void
window_changed(struct session *h, struct client *p, const struct msg_window *m)
{
	const struct client *typist = h->clients.typist;
	p->size = (struct tty_size){ m->rows, m->cols, m->xpixel, m->ypixel };
	if (!h->clients.fit && (!typist || typist == p || !client_here(typist)))
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
		else if (type == MSG_LATE)
			h->lifetime.late_us = h->loop.now_us
			    + m.late.seconds * (uint64_t)1000000;
		else if (type == MSG_STOP)
			program_stop(&h->program, m.stop.stream);
		else if (type == MSG_SHOWS)
			echo_shows(p, m.shows.on, program_tty(&h->program));
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
	struct tty_size size;
	if (clients_size(&h->clients, &h->info.size, &size))
		set_size(h, &size);
	uint64_t at = clients_catch_up(&h->clients, h->loop.now_us);
	/* Who types now is known before the program gets it: the window comes first. */
	(void)clients_input(&h->clients);
	if (h->clients.resize && h->clients.typist && !h->clients.fit)
		set_size(h, &h->clients.typist->size);
	if (h->clients.typed)
		session_info_used(&h->info);
	if (h->clients.redraw)
		program_redraw(&h->program);
	h->clients.resize = h->clients.typed = h->clients.redraw = false;
	return at;
}

/* ---- the loop ---- */

static uint64_t
listen_turn(struct session *h)
{
	if (h->loop.now_us >= h->busy_us)
		h->busy_us = 0;
	h->listener.events = h->busy_us ? 0 : POLLIN;
	return h->busy_us;
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
	struct lifetime_facts facts = { .connected = links_any(&h->links)
		    || datagram_links_any(&h->datagrams),
		.kept = links_of(&h->links, CLAIM_STAY)
		    || datagram_links_of(&h->datagrams, CLAIM_STAY),
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
	links_said(h);
	uint64_t at = clients_turn(h);
	if (h->lifetime.phase == LIFETIME_RUNNING && program_over(&h->program))
		tell_exit(h);
	loop_sooner(&at, away_watch_turn(&h->away, &h->clients, &h->program, &h->info));
	loop_sooner(&at, listener_turn(&h->display.listener, now_us));
	loop_sooner(&at, clients_forward(&h->clients, now_us));
	loop_sooner(&at, links_turn(&h->links));
	loop_sooner(&at, datagram_links_turn(&h->datagrams));
	loop_sooner(&at, clients_trim(&h->clients, now_us));
	loop_sooner(&at, listen_turn(h));
	loop_sooner(&at, agent_turn(&h->agent, now_us));
	/* After sending has made room. */
	clients_watch(&h->clients);
	loop_sooner(&at, program_turn(&h->program));
	loop_sooner(&at, end_turn(h));
	loop_sooner(&at, remains_turn(h));
	return at;
}

static void
close_listener(struct session *h)
{
	loop_remove(&h->loop, &h->listener);
	if (h->listener.fd >= 0)
		close(h->listener.fd);
	h->listener.fd = -1;
}

/* Our socket may have been removed. */
static void
listen_again(struct session *h)
{
	int fd = rundir_is_there(h->path) ? -1 : rundir_listen(h->info.id, h->path);
	if (fd < 0)
		return;
	close_listener(h);
	h->listener.fd = fd;
	if (!loop_add_kept(&h->loop, &h->listener)) {
		close_listener(h); /* the next signal tries again */
		unlink(h->path);
		return;
	}
	agent_again(&h->agent, h->path);
}

static void
reaped(struct session *h, pid_t pid)
{
	remains_reap(&h->remains, pid);
	away_watch_reap(&h->away, pid);
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
		else
			reaped(h, pid);
}

/* The first relay's connection; descriptor 0 becomes /dev/null, as 1 and 2 are.  -1, and
 * nothing is changed. */
static int
first_relay(void)
{
	int relay = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (relay >= 0 && dup2(STDOUT_FILENO, STDIN_FILENO) >= 0)
		return relay;
	if (relay >= 0)
		close(relay);
	return -1;
}

static int
session_open(struct session *h, const char *path)
{
	static const int signals[] = { SIGCHLD, SIGTERM, SIGINT, RUNDIR_SIGNAL, 0 };
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	os_hide();
	snprintf(h->path, sizeof h->path, "%s", path);
	if (chdir("/") < 0 || loop_init(&h->loop, signals))
		return ERR_SYSTEM;
	h->loop.turn = session_turn;
	h->loop.turn_owner = h;
	h->loop.on_signal = session_signal;
	program_init(&h->program, &h->loop, &h->clients);
	links_init(&h->links, &h->loop, &h->agent);
	datagram_links_init(&h->datagrams, &h->loop);
	h->listener = (struct watch){ .fd = SESSION_LISTENER,
		.events = POLLIN,
		.fn = on_listener,
		.owner = h };
	sys_cloexec(SESSION_LISTENER);
	int relay = loop_add_kept(&h->loop, &h->listener) ? first_relay() : -1;
	if (relay < 0)
		return ERR_SYSTEM;
	links_take(&h->links, relay);
	return 0;
}

/* A host that goes down tells all programs to end, ours among them: that is no good order.  Nor
 * is it the session's end for a client that has never heard of it. */
static bool
in_order(const struct session *h)
{
	return h->lifetime.end == LIFETIME_BY_KILL
	    || (h->lifetime.end != LIFETIME_BY_SIGNAL && h->lifetime.used);
}

static void
session_close(struct session *h)
{
	unlink(h->path);
	if (in_order(h))
		remains_forget(&h->remains);
	program_close(&h->program); /* hangs up whatever still uses the terminal */
	links_finish(&h->links);
	datagram_links_finish(&h->datagrams);
	agent_close(&h->agent);
	x11_listener_close(&h->display);
	clients_finish(&h->clients);
	remains_finish(&h->remains);
}

void
session_cannot(const char *path)
{
	unlink(path);
	(void)sys_write_all(STDIN_FILENO, "!", 1);
}

int
session_main(const char *path)
{
	struct session *h = calloc(1, sizeof *h);
	if (!h || session_open(h, path)) {
		session_cannot(path);
		return 1;
	}
	loop_run(&h->loop);
	session_close(h);
	free(h);
	return 0;
}
