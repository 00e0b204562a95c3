#include "server/links.h"

#include "base/err.h"
#include "server/machine.h"
#include "sys/os.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <string.h>
#include <unistd.h>

enum {
	READER_LINKS = 2, /* so that readers leave connections to others */
	SENDER_LINKS = 4,
	READ_MAX = 16 * 1024,
	LINK_SILENT_US = 120 * 1000000, /* a link of which nothing is heard is closed */
	/* A link whose input has ended while ssh still listens: its client was killed.  It may
	 * also be one that ends in two steps: as sshd takes it apart, or as a client lets go of
	 * it whose last packet is sent once more. */
	KILLED_AFTER_US = 100 * 1000,
	PERHAPS_KILLED_AFTER_US = 1000 * 1000,
};

void
links_init(struct links *ls, struct loop *loop, struct agent *agent)
{
	*ls = (struct links){ .loop = loop, .agent = agent };
}

void
links_finish(struct links *ls)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (ls->list[i].taken)
			links_close(&ls->list[i]);
}

void
links_close(struct conn *g)
{
	agent_cut(g->links->agent, g);
	if (g->client)
		engine_remove(&g->client->engine, &g->io.link);
	for (size_t i = 0; i < g->n_fds && !g->linked; i++)
		close(g->fds[i]);
	link_close(&g->io.link);
	loop_remove(g->links->loop, &g->relay);
	close(g->relay.fd);
	buf_finish(&g->hello);
	*g = (struct conn){ 0 };
}

static void
close_link(struct links *ls, const struct link *l)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (ls->list[i].taken && &ls->list[i].io.link == l)
			links_close(&ls->list[i]);
}

/* ---- answers ---- */

void
links_refuse(struct conn *g, enum refuse_code code, const char *text)
{
	struct msg_refuse m = { .code = (uint16_t)code,
		.text = { (const uint8_t *)text, strlen(text) } };
	struct machine_frame machine;
	machine_frame(&machine);
	m.more = (struct span){ machine.bytes, machine.n };
	os_boot_id(m.boot);
	(void)msg_put(&g->io.link.queue, MSG_REFUSE, &m);
	g->closing = true;
}

void
links_dismiss(struct links *ls, struct client *p, enum bye_code code)
{
	struct msg_bye m = { .code = (uint16_t)code };
	for (size_t i = 0; i < LINKS_MAX; i++) {
		struct conn *g = &ls->list[i];
		if (!g->taken || g->client != p)
			continue;
		engine_remove(&p->engine, &g->io.link);
		g->client = NULL;
		g->closing = true;
		g->event = LINKS_NOTHING;
		(void)msg_put(&g->io.link.queue, MSG_BYE, &m);
	}
}

/* Links that shook hands and were never used, since the answer did not get through, must
 * not keep the client out: the oldest of them makes room.  Datagram links do not count. */
static void
make_room(struct links *ls, const struct client *p)
{
	const struct engine *e = &p->engine;
	const struct link *unused = NULL;
	size_t n = 0;
	for (size_t i = 0; i < e->n_links; i++) {
		if (e->links[i]->counts)
			continue;
		n++;
		if (!unused && !e->links[i]->used)
			unused = e->links[i];
	}
	if (unused && n >= (p->role == ROLE_READER ? READER_LINKS : SENDER_LINKS))
		close_link(ls, unused);
}

static int
put_welcome(struct conn *g, struct client *p, struct msg_welcome welcome)
{
	struct buf positions;
	buf_init(&positions, ENGINE_STREAMS * POSITION_LEN);
	int err = engine_positions(&p->engine, &positions);
	welcome.positions = buf_span(&positions);
	if (!err)
		err = msg_put(&g->io.link.queue, MSG_WELCOME, &welcome);
	buf_finish(&positions);
	return err;
}

int
links_join(struct conn *g, struct client *p, struct span positions,
    const struct msg_welcome *welcome)
{
	make_room(g->links, p);
	int err = engine_set_positions(&p->engine, positions);
	if (!err)
		err = put_welcome(g, p, *welcome);
	if (!err)
		err = engine_add(&p->engine, &g->io.link);
	if (!err)
		g->client = p;
	else
		buf_drop(&g->io.link.queue, g->io.link.queue.len);
	return err;
}

void
links_greeted(struct conn *g)
{
	buf_finish(&g->hello);
}

/* ---- frames ---- */

static void
take_bye(struct conn *g, const struct frame *f)
{
	union msg m;
	g->code = msg_get(f, &m) ? 0 : m.bye.code;
	g->event = LINKS_BYE;
	g->io.in.events = 0; /* nothing counts behind it */
}

static void
take_frames(struct conn *g)
{
	struct frame f;
	struct client *p = g->client;
	long len;
	while ((len = link_frame(&g->io.link, &f)) > 0) {
		if (f.type == MSG_BYE) {
			take_bye(g, &f);
			return;
		}
		if (rights_of(p->role, f.type, 0) == RIGHT_ERROR
		    || engine_frame(&p->engine, &g->io.link, &f, g->links->loop->now_us))
			break;
		link_drop(&g->io.link, len);
	}
	if (len)
		links_close(g);
}

/* Of a command it matters whether the connection has ended or the client. */
static void
input_over(struct conn *g)
{
	g->input_over_us = g->links->loop->now_us;
	g->io.in.events = 0;
	g->io.link.broken = false;
}

static void
on_link(void *owner, short revents)
{
	struct conn *g = owner;
	(void)revents;
	if (g->event)
		return; /* the session has not looked at what came before */
	if (!link_read(&g->io.link)) {
		if (!g->links->outlive_input || !g->client || g->closing)
			links_close(g);
		else
			input_over(g);
	} else if (g->client && !g->closing) {
		take_frames(g);
	} else {
		buf_drop(&g->io.link.in, g->io.link.in.len); /* it is on its way out */
	}
}

/* ---- relays ---- */

/* What has come over a relay's connection: a question, or a hello with its descriptors. */
static void
take_first(struct conn *g)
{
	struct frame f;
	union msg m;
	long len = frame_parse(buf_span(&g->hello), &f);
	if (g->event || g->linked || len == 0)
		return;
	if (len > 0 && f.type == MSG_ASK && msg_get(&f, &m) == 0) {
		g->event = LINKS_ASKED;
		return;
	}
	bool is_hello = len > 0 && f.type == MSG_HELLO;
	if (is_hello && g->n_fds < 2)
		return;
	if (!is_hello || msg_get(&f, &m)) {
		links_close(g);
		return;
	}
	g->linked = true;
	if (pipe_open(&g->io, g->fds[0], g->fds[1]))
		g->event = LINKS_HELLO;
	else
		links_close(g);
}

static void
on_relay(void *owner, short revents)
{
	struct conn *g = owner;
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
		links_close(g);
	else
		take_first(g);
}

void
links_take(struct links *ls, int relay)
{
	for (size_t i = 0; i < LINKS_MAX; i++) {
		struct conn *g = &ls->list[i];
		if (g->taken)
			continue;
		*g = (struct conn){ .taken = true, .links = ls };
		pipe_init(&g->io, ls->loop, on_link, g);
		buf_init(&g->hello, FRAME_MAX + READ_MAX);
		g->relay = (struct watch){ .fd = relay,
			.events = POLLIN,
			.fn = on_relay,
			.owner = g };
		sys_nonblock(relay);
		if (!loop_add_kept(ls->loop, &g->relay))
			links_close(g);
		return;
	}
	close(relay); /* too many at once; the client tries again */
}

/* ---- what the session decides ---- */

static bool
told(struct conn *g, struct links_told *ret_told)
{
	struct frame f;
	union msg m;
	*ret_told = (struct links_told){ .event = g->event, .conn = g, .code = g->code };
	g->event = LINKS_NOTHING;
	if (ret_told->event != LINKS_HELLO && ret_told->event != LINKS_ASKED)
		return true;
	if (frame_parse(buf_span(&g->hello), &f) <= 0 || msg_get(&f, &m))
		return false; /* it was whole before */
	if (ret_told->event == LINKS_HELLO)
		ret_told->hello = m.hello;
	else
		ret_told->ask = m.ask;
	return true;
}

bool
links_next(struct links *ls, struct links_told *ret_told)
{
	for (size_t i = 0; i < LINKS_MAX; i++) {
		struct conn *g = &ls->list[i];
		if (g->taken && g->event && told(g, ret_told))
			return true;
	}
	return false;
}

/* ---- turns ---- */

/* When it is clear why its input has ended. */
static uint64_t
clear_at(const struct conn *g)
{
	return g->input_over_us
	    + (g->closes_last ? KILLED_AFTER_US : PERHAPS_KILLED_AFTER_US);
}

/* ssh ends when its client is killed, but only when it has something to write to it. */
static bool
client_killed(const struct conn *g, uint64_t now_us)
{
	const struct engine *e = &g->client->engine;
	if (now_us < clear_at(g)
	    || rights_of(g->client->role, MSG_BYE, BYE_HANGUP) != RIGHT_ALLOWED)
		return false;
	return e->n_links == 1 && engine_link(e, RANK_CONTROL) == &g->io.link
	    && g->io.link.used && !sys_hung_up(g->io.out.fd);
}

static uint64_t
half_open_turn(struct conn *g, uint64_t now_us)
{
	uint64_t at = clear_at(g);
	if (client_killed(g, now_us)) {
		g->event = LINKS_KILLED;
		return now_us;
	}
	if (now_us < at && engine_link(&g->client->engine, RANK_CONTROL) == &g->io.link
	    && !sys_hung_up(g->io.out.fd))
		return at;
	links_close(g);
	return 0;
}

static uint64_t
conn_turn(struct conn *g, uint64_t now_us)
{
	uint64_t at = 0;
	struct link *l = &g->io.link;
	struct engine *e = g->client ? &g->client->engine : NULL;
	if (!g->linked)
		return 0;
	if (e && g->input_over_us)
		return half_open_turn(g, now_us);
	if (now_us < l->heard_us + LINK_SILENT_US) {
		link_write(l, g->closing ? NULL : e, now_us);
		if (!l->broken && !(g->closing && !l->queue.len)) {
			if (e)
				loop_sooner(&at, link_write_at(l, e));
			loop_sooner(&at, link_trim(l, now_us));
			loop_sooner(&at, l->heard_us + LINK_SILENT_US);
			return at;
		}
	}
	links_close(g);
	return 0;
}

static void
close_unwanted(struct links *ls)
{
	for (size_t i = 0; i < LINKS_MAX; i++) {
		const struct conn *g = &ls->list[i];
		const struct link *unwanted;
		while (g->client && (unwanted = engine_unwanted(&g->client->engine)))
			close_link(ls, unwanted);
	}
}

uint64_t
links_turn(struct links *ls)
{
	uint64_t at = 0;
	close_unwanted(ls);
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (ls->list[i].taken)
			loop_sooner(&at, conn_turn(&ls->list[i], ls->loop->now_us));
	return at;
}

/* ---- the links there are ---- */

bool
links_any(const struct links *ls)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (ls->list[i].taken)
			return true;
	return false;
}

bool
links_of(const struct links *ls, enum claim claim)
{
	for (size_t i = 0; i < LINKS_MAX; i++) {
		const struct client *p = ls->list[i].client;
		if (p && rights_has(p->role, claim))
			return true;
	}
	return false;
}

/* Of those by ssh; what is urgent may go by datagrams beside it. */
static bool
is_in_use(const struct conn *g)
{
	const struct link *l = engine_link(&g->client->engine, RANK_CONTROL);
	return l == &g->io.link || (l && l->counts && g->io.link.used);
}

struct conn *
links_with_agent(struct links *ls, const struct client *typist)
{
	struct conn *found = NULL;
	for (size_t i = 0; i < LINKS_MAX; i++) {
		struct conn *g = &ls->list[i];
		if (g->client && g->agent[0] && is_in_use(g)
		    && (!found || g->client == typist))
			found = g;
	}
	return found;
}
