#include "server/datagram_links.h"

#include "server/settings.h"
#include "sys/sys.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SILENT_US = 20 * 1000 * 1000, /* a question that waits for so long */
	UNHEARD_US = 120 * 1000 * 1000, /* nothing has come, and nothing was asked */
	TOLD_US = 10 * 1000 * 1000, /* who was sent away is told so for so long */
	ID_TRIES = 8,
};
static const uint64_t keys_live_us = (uint64_t)7 * 24 * 3600 * 1000 * 1000;

void
datagram_links_init(struct datagram_links *ds, struct loop *loop)
{
	*ds = (struct datagram_links){ .loop = loop, .socket.fd = -1 };
}

static void
asleep(struct datagram_conn *g)
{
	if (g->client)
		engine_remove(&g->client->engine, &g->io.link);
	g->joined = false;
}

/* The client's place is another's now: it was away, and had to make room. */
static bool
is_orphan(const struct datagram_conn *g)
{
	return g->client && (!g->client->taken || g->client->serial != g->serial);
}

static void
close_conn(struct datagram_links *ds, size_t i)
{
	struct datagram_conn *g = ds->list[i];
	if (!g)
		return;
	if (g->joined && !is_orphan(g))
		asleep(g);
	link_close(&g->io.link);
	free(g);
	ds->list[i] = NULL;
}

void
datagram_links_finish(struct datagram_links *ds)
{
	for (size_t i = 0; i < DATAGRAM_LINKS_MAX; i++)
		close_conn(ds, i);
	loop_remove(ds->loop, &ds->socket);
	if (ds->socket.fd >= 0)
		close(ds->socket.fd);
	ds->socket.fd = -1;
}

/* ---- what comes ---- */

static struct datagram_conn *
find(const struct datagram_links *ds, uint32_t id)
{
	for (size_t i = 0; i < DATAGRAM_LINKS_MAX; i++)
		if (ds->list[i] && ds->list[i]->io.id == id && !is_orphan(ds->list[i]))
			return ds->list[i];
	return NULL;
}

/* The client has shown that it has the keys. */
static void
join(struct datagram_conn *g)
{
	if (g->joined || !g->client)
		return;
	g->io.link.asked_us = 0;
	g->io.link.doubted = false;
	/* What goes by it the client says (RANKS). */
	g->io.link.rank[LINK_URGENT] = g->io.link.rank[LINK_BULK] = 0;
	g->joined = engine_add(&g->client->engine, &g->io.link) == 0;
}

static void
take_frames(struct datagram_conn *g)
{
	struct frame f;
	union msg m;
	struct link *l = &g->io.link;
	struct client *p = g->client;
	long len;
	while (p && g->joined && (len = link_frame(l, &f)) > 0) {
		if (f.type == MSG_BYE)
			g->bye = msg_get(&f, &m) ? 0 : m.bye.code;
		else if (rights_of(p->role, f.type, 0) == RIGHT_ERROR
		    || engine_frame(&p->engine, l, &f, g->all->loop->now_us))
			l->broken = true;
		link_drop(l, len);
	}
	buf_drop(&l->in, l->in.len);
}

static void
take(struct datagram_links *ds, uint8_t *bytes, size_t n, const struct udp_way *way)
{
	uint32_t id;
	uint64_t now_us = ds->loop->now_us;
	struct datagram_conn *g = datagram_id((struct span){ bytes, n }, &id)
	    ? find(ds, id)
	    : NULL;
	enum datagram_taken taken = g ? datagram_take(&g->io, bytes, n, now_us)
				      : DATAGRAM_DROPPED;
	if (taken == DATAGRAM_DROPPED)
		return;
	if (taken == DATAGRAM_NEWEST) {
		bool moved = !udp_same_peer(&g->way, way);
		g->way = *way;
		if (moved)
			datagram_peer_moved(&g->io, n, now_us);
	}
	join(g);
	take_frames(g);
	if (!g->client)
		datagram_way_changed(&g->io, now_us); /* it is told once more */
}

static void
on_socket(void *owner, short revents)
{
	struct datagram_links *ds = owner;
	uint8_t bytes[2048];
	struct udp_way way;
	(void)revents;
	for (unsigned i = 0; i < DATAGRAM_AT_ONCE; i++) {
		ssize_t n = udp_receive(ds->socket.fd, bytes, sizeof bytes, &way);
		if (n < 0)
			return;
		take(ds, bytes, (size_t)n, &way);
	}
}

/* ---- offers ---- */

static void
send_there(void *owner, struct span bytes)
{
	const struct datagram_conn *g = owner;
	udp_send(g->all->socket.fd, bytes, &g->way);
}

static bool
open_socket(struct datagram_links *ds)
{
	struct server_settings settings;
	uint16_t start;
	if (ds->socket.fd >= 0)
		return true;
	if (ds->refused || !seal_available())
		return false;
	ds->refused = true;
	server_settings_read(&settings);
	if (!settings.udp)
		return false;
	sys_random(&start, sizeof start);
	int fd = udp_listen(settings.udp_first, settings.udp_last, start, &ds->port);
	if (fd < 0)
		return false;
	ds->socket =
	    (struct watch){ .fd = fd, .events = POLLIN, .fn = on_socket, .owner = ds };
	if (!loop_add_kept(ds->loop, &ds->socket)) {
		close(fd);
		ds->socket.fd = -1;
		return false;
	}
	ds->refused = false;
	return true;
}

/* The client has said what goes by it: it knows that we have answered. */
static bool
is_used(const struct datagram_conn *g)
{
	return g->io.link.ranks_stamp;
}

/* The one that was never used makes room, else the older one. */
static size_t
place_for(struct datagram_links *ds, const struct client *p)
{
	size_t own[2] = { DATAGRAM_LINKS_MAX, DATAGRAM_LINKS_MAX }, n = 0,
	       none = DATAGRAM_LINKS_MAX;
	for (size_t i = 0; i < DATAGRAM_LINKS_MAX; i++) {
		if (!ds->list[i])
			none = i;
		else if (ds->list[i]->client == p && n < 2)
			own[n++] = i;
	}
	if (n < 2)
		return none;
	const struct datagram_conn *a = ds->list[own[0]], *b = ds->list[own[1]];
	bool first = is_used(a) == is_used(b) ? a->offered_us < b->offered_us
					      : is_used(b);
	close_conn(ds, own[!first]);
	return own[!first];
}

static struct datagram_conn *
new_conn(struct datagram_links *ds, struct client *p)
{
	struct datagram_keys keys;
	uint32_t id = 0;
	size_t i = place_for(ds, p);
	struct datagram_conn *g = i < DATAGRAM_LINKS_MAX ? calloc(1, sizeof *g) : NULL;
	if (!g)
		return NULL;
	for (unsigned tries = 0; tries < ID_TRIES && (!id || find(ds, id)); tries++)
		sys_random(&id, sizeof id);
	sys_random(&keys, sizeof keys);
	*g = (struct datagram_conn){ .all = ds,
		.client = p,
		.serial = p->serial,
		.offered_us = ds->loop->now_us };
	bool made = id && !find(ds, id)
	    && datagram_init(&g->io, id, &keys, send_there, g, ds->loop->now_us) == 0;
	seal_wipe(&keys, sizeof keys);
	if (!made) {
		free(g);
		return NULL;
	}
	g->io.proof = 1; /* no address is known */
	ds->list[i] = g;
	return g;
}

void
datagram_links_offer(struct datagram_links *ds, struct client *p, struct span address,
    struct buf *more)
{
	struct datagram_conn *g = open_socket(ds) ? new_conn(ds, p) : NULL;
	if (!g)
		return;
	struct msg_dgram_at m = { .id = g->io.id,
		.port = (uint16_t)ds->port,
		.key_to_host = { g->io.keys.in, SEAL_KEY },
		.key_to_client = { g->io.keys.out, SEAL_KEY },
		.address = address };
	(void)msg_put(more, MSG_DGRAM_AT, &m);
}

/* ---- turns ---- */

bool
datagram_links_next(struct datagram_links *ds, struct client **ret_client,
    uint16_t *ret_code)
{
	for (size_t i = 0; i < DATAGRAM_LINKS_MAX; i++) {
		struct datagram_conn *g = ds->list[i];
		if (!g || !g->bye || !g->client)
			continue;
		*ret_client = g->client;
		*ret_code = g->bye;
		g->bye = 0;
		return true;
	}
	return false;
}

void
datagram_links_dismiss(struct datagram_links *ds, const struct client *p,
    enum bye_code code)
{
	struct msg_bye m = { .code = (uint16_t)code };
	for (size_t i = 0; i < DATAGRAM_LINKS_MAX; i++) {
		struct datagram_conn *g = ds->list[i];
		if (!g || g->client != p)
			continue;
		bool told = g->joined && msg_put(&g->io.link.queue, MSG_BYE, &m) == 0;
		asleep(g);
		g->client = NULL;
		g->dismissed_us = ds->loop->now_us;
		if (told)
			datagram_way_changed(&g->io, ds->loop->now_us);
		else
			close_conn(ds, i);
	}
}

/* A client that uses one has no use for the others: their keys go. */
static bool
is_replaced(const struct datagram_links *ds, const struct datagram_conn *g)
{
	for (size_t i = 0; i < DATAGRAM_LINKS_MAX; i++) {
		const struct datagram_conn *other = ds->list[i];
		if (other && other != g && g->client && other->client == g->client
		    && is_used(other) && other->offered_us > g->offered_us)
			return true;
	}
	return false;
}

static bool
is_over(const struct datagram_links *ds, const struct datagram_conn *g)
{
	uint64_t now_us = ds->loop->now_us;
	uint64_t lived_us = g->io.authentic_us ? g->io.authentic_us : g->offered_us;
	if (!g->client)
		return now_us >= g->dismissed_us + TOLD_US;
	return is_orphan(g) || g->io.link.broken || is_replaced(ds, g)
	    || now_us >= lived_us + keys_live_us;
}

static uint64_t
conn_turn(struct datagram_conn *g)
{
	uint64_t now_us = g->all->loop->now_us;
	struct link *l = &g->io.link;
	struct engine *e = g->client && g->joined ? &g->client->engine : NULL;
	if (!g->client) {
		uint64_t told_us = g->dismissed_us + TOLD_US;
		link_write(l, NULL, now_us);
		loop_sooner(&told_us, link_write_at(l, NULL));
		return told_us;
	}
	if (!e)
		return 0;
	uint64_t silent_us = g->io.authentic_us + UNHEARD_US;
	if (l->asked_us)
		loop_sooner(&silent_us, l->asked_us + SILENT_US);
	if (now_us >= silent_us) {
		asleep(g);
		return 0;
	}
	link_write(l, e, now_us);
	loop_sooner(&silent_us, link_write_at(l, e));
	return silent_us;
}

uint64_t
datagram_links_turn(struct datagram_links *ds)
{
	uint64_t at = 0;
	for (size_t i = 0; i < DATAGRAM_LINKS_MAX; i++) {
		if (ds->list[i] && is_over(ds, ds->list[i]))
			close_conn(ds, i);
		if (ds->list[i])
			loop_sooner(&at, conn_turn(ds->list[i]));
	}
	return at;
}

bool
datagram_links_any(const struct datagram_links *ds)
{
	for (size_t i = 0; i < DATAGRAM_LINKS_MAX; i++)
		if (ds->list[i] && ds->list[i]->joined)
			return true;
	return false;
}

bool
datagram_links_of(const struct datagram_links *ds, enum claim claim)
{
	for (size_t i = 0; i < DATAGRAM_LINKS_MAX; i++) {
		const struct datagram_conn *g = ds->list[i];
		if (g && g->joined && g->client && rights_has(g->client->role, claim))
			return true;
	}
	return false;
}
