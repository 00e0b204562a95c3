/*
 * The datagram simulator: the owners of datagram links on both sides, as they are in the
 * programs, with an ssh beside them; the sockets, the networks and the clock are the simulator's.
 *
 *     reconnect/datagrams.c   --- ways ---> adversary ---> server/datagram_links.c
 *        engine            <--------------------------      engine
 *                          ===== ssh: in order, slow, stalls, dies, comes again =====
 *
 * Every seed draws what the networks do, and when: losses, single and in bursts, reordering,
 * duplicates, old datagrams again (from anywhere), changed bits, cut ones, a largest size of 540
 * to 1200 bytes, nothing in one direction or both, addresses that change with or without a word
 * to the client, a way that goes dead, false word that nobody listens; an ssh that stalls, dies
 * with and without a word, or for good.
 *
 * Checked at every step:
 *   - what an end was given is a prefix of what the other end wrote, once, in order
 *   - numbers grow by one; none stands in two datagrams
 *   - what was changed or has come before changes nothing, and so is answered by nothing; what is
 *     intact, new and within the window is taken
 *   - to an address that has not proved itself goes at most three times what came from there
 *   - what is counted as under way is the sum of what is under way; buffers are bounded
 *   - datagrams that tell nothing new cost no more than their budget
 *   - a turn with nothing to do is seldom, and two in a row never
 *   - no link breaks between two honest ends
 * Checked at last, when the networks behave: everything arrives.
 *
 *    datagram_sim FROM COUNT [verbose]
 */
#include "reconnect/datagrams.h"
#include "server/datagram_links.h"
#include "server/settings.h"
#include "wire/bytes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MS = 1000,
	SECOND = 1000 * 1000,
	STREAMS = 4,
	SSH_LINKS = 4,
	FLYING_MAX = 2048,
	KEPT = 16, /* old datagrams that the adversary has */
	OFFERS = 64,
	NUMBERS = 32 * 1024,
	WAYS = 8 * 1024,
	NATS = 16 * 1024, /* addresses of the client, as the host sees them */
	FD_WAYS = 1 << 24, /* descriptors that nobody has */
	FD_HOST = FD_WAYS - 1,
	CHUNKS = 64,
	PIPE_FULL = 48 * 1024,
	PIECE_MAX = 16 * 1024,
	STEPS_MAX = 400 * 1000,
	FLIGHT_BOUND = 4 * 1024 * 1024,
	TURNS_IN_VAIN = 100, /* a second */
	LOGIN_MAX_US = 10 * SECOND,
	/* a question a minute where nobody answers, and what it takes then */
	CALM_MAX_US = 100 * SECOND,
};

enum side { CLIENT, SERVER, SIDES };

/* ---- random numbers: splitmix64 (Steele, Lea, Flood 2014) ---- */

static uint64_t rng, seed;

static uint64_t
rnd(void)
{
	uint64_t z = (rng += 0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* 0 .. n-1 */
static size_t
below(size_t n)
{
	return n ? (size_t)(rnd() % n) : 0;
}

static bool
chance(unsigned permille)
{
	return below(1000) < permille;
}

/* Small numbers often, large ones seldom. */
static size_t
skewed(size_t max)
{
	size_t bits = 0;
	for (size_t m = max; m; m >>= 1)
		bits++;
	size_t n = below((size_t)1 << (1 + below(bits)));
	return n > max ? max : n;
}

/* ---- the world ---- */

struct flying {
	uint64_t at_us;
	enum side to;
	unsigned nat; /* the client's address */
	uint32_t id;
	uint64_t number;
	bool intact;
	size_t n;
	uint8_t bytes[DATAGRAM_MAX];
};

/* What is known of a datagram link's keys. */
struct offer {
	uint32_t id; /* 0: free */
	struct datagram_keys keys; /* the client's */
	uint64_t sent[SIDES]; /* the highest number */
	uint64_t hash[SIDES]; /* of that */
	uint64_t said[SIDES]; /* seen and before in it */
	uint64_t taken[SIDES]; /* the highest that the side has taken */
	uint8_t has[SIDES][NUMBERS / 8]; /* it has taken */
	uint16_t to[NUMBERS]; /* where the host sent it */
	uint32_t seen[NUMBERS]; /* the client had taken when it sent it */
	double budget[SIDES]; /* bytes of what tells nothing new */
	uint64_t budget_us[SIDES];
	size_t again[SIDES]; /* bytes of a class that has come from another link */
};

struct way {
	unsigned nat; /* the address that the host sees */
	unsigned host; /* which of its addresses */
	bool dead; /* nothing gets through any more, either way */
};

struct nat {
	unsigned way; /* WAYS: nobody's */
	uint64_t got, sent; /* bytes, of authentic datagrams */
	bool proved;
};

/* One direction of the network. */
struct net {
	unsigned lost, bursts, again, old, flip, cut, late; /* per mille */
	bool burst; /* all are lost, until it ends */
	bool black;
	uint64_t free_us; /* when what waits in it is through */
};

struct chunk {
	size_t n;
	uint64_t at_us;
};

struct pipe_to {
	struct buf bytes;
	struct chunk chunks[CHUNKS];
	size_t first, n_chunks;
	uint64_t free_us;
	uint64_t end_us; /* the other end closes then; 0 */
};

struct ssh_end {
	struct link link;
	struct pipe_to *out;
	bool there, ready;
};

struct ssh_link {
	bool open, black;
	uint64_t begun_us;
	struct ssh_end end[SIDES];
	struct pipe_to pipe[SIDES]; /* to that side */
	struct handshake_datagrams offer;
};

struct end {
	enum side side;
	struct engine *engine;
	uint64_t wrote[STREAMS], took[STREAMS]; /* bytes */
	uint64_t total[STREAMS]; /* what it is going to write */
};

static struct world {
	uint64_t now_us;
	struct loop loop[SIDES];
	struct end end[SIDES];
	struct engine engine; /* the client's */
	struct datagrams datagrams;
	struct client client; /* as the host has it */
	struct datagram_links links;

	struct way ways[WAYS];
	size_t n_ways;
	struct nat nats[NATS];
	size_t n_nats;
	struct flying *flying[FLYING_MAX], *kept[KEPT], *pending;
	size_t n_flying, n_kept;
	bool refused; /* instead of the pending one */
	struct offer *offers[OFFERS];
	size_t n_offers;
	struct net net[SIDES]; /* to that side */
	size_t mtu;
	uint64_t rate; /* bytes a second, each way; 0: any */
	uint64_t rtt_us, jitter_us;
	struct datagrams_place
	    place; /* one address of the host, or another where nobody is */
	unsigned
	    spoofed; /* per mille: others send it on from their address, and it is first */

	struct ssh_link ssh[SSH_LINKS];
	struct ssh_link *linked, *attempt;
	bool doubted, is_calm;
	uint32_t offered; /* the client's last keys */
	uint64_t attempt_us; /* when the next one begins */
	uint64_t ssh_rate, ssh_rtt_us, stalled_us, login_us;
	bool ssh_ends, udp_ends; /* for good */
	bool ssh_over, udp_over;

	uint64_t app_us, trouble_us, calm_us;
	uint64_t app_every_us, trouble_every_us;
	size_t piece; /* that programs write at once */
	bool moved; /* in this turn */
	unsigned in_vain, in_vain_now;
	uint64_t in_vain_us, due_us; /* what the ends wanted last */
} w;

static struct {
	uint64_t sent, taken, dropped, moves, small, doubts, spoofed, logins, up, repeats;
} sum;

static const uint32_t stream_ids[STREAMS] = { STREAM_CONTROL, STREAM_MAIN,
	STREAM_CHANNELS, STREAM_CHANNELS + 1 };
static const uint8_t stream_ranks[STREAMS] = { RANK_CONTROL, RANK_TERMINAL, RANK_BULK,
	RANK_BULK };

static bool verbose;
static const char *failure;

static void
fail(const char *what)
{
	if (!failure)
		failure = what;
}

__attribute__((format(printf, 1, 2))) static void
say(const char *format, ...)
{
	va_list args;
	if (!verbose)
		return;
	printf("%10.6f  ", (double)w.now_us / SECOND);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static void
sooner(uint64_t *at, uint64_t other)
{
	if (other && (!*at || other < *at))
		*at = other;
}

/* The byte at an offset of what an end writes into a stream. */
static uint8_t
content(enum side side, size_t stream, uint64_t off)
{
	uint64_t x = seed * 31 + off * 0x9e3779b1 + stream * 131 + side;
	return (uint8_t)(x ^ (x >> 17));
}

/* ---- links, wherever they are ---- */

static struct datagram *
client_datagram(uint32_t id)
{
	for (int i = 0; i < 2; i++)
		if (w.datagrams.ends[i].all && w.datagrams.ends[i].io.id == id)
			return &w.datagrams.ends[i].io;
	return NULL;
}

static struct datagram *
server_datagram(uint32_t id)
{
	for (size_t i = 0; i < DATAGRAM_LINKS_MAX; i++)
		if (w.links.list[i] && w.links.list[i]->io.id == id)
			return &w.links.list[i]->io;
	return NULL;
}

static struct datagram *
datagram_of(enum side side, uint32_t id)
{
	return side == CLIENT ? client_datagram(id) : server_datagram(id);
}

static struct offer *
offer_of(uint32_t id)
{
	for (size_t i = 0; i < w.n_offers; i++)
		if (w.offers[i]->id == id)
			return w.offers[i];
	return NULL;
}

static uint64_t
hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	for (uint64_t word; n >= sizeof word; p += sizeof word, n -= sizeof word) {
		memcpy(&word, p, sizeof word);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 29;
	}
	for (; n; n--)
		hash = (hash ^ *p++) * 0x100000001b3;
	return hash;
}

/* What both owners know. */
static uint64_t
state(void)
{
	uint64_t hash = hash_bytes(1, &w.datagrams, sizeof w.datagrams);
	for (int i = 0; i < 2; i++)
		if (w.datagrams.ends[i].io.flight.sent)
			hash = hash_bytes(hash, w.datagrams.ends[i].io.flight.sent,
			    FLIGHT_MAX_SENT * sizeof(struct flight_sent));
	for (size_t i = 0; i < DATAGRAM_LINKS_MAX; i++) {
		const struct datagram_conn *g = w.links.list[i];
		if (!g)
			continue;
		hash = hash_bytes(hash, g, sizeof *g);
		hash = hash_bytes(hash, g->io.flight.sent,
		    FLIGHT_MAX_SENT * sizeof(struct flight_sent));
	}
	return hash;
}

/* ---- addresses ---- */

static unsigned
new_nat(size_t way)
{
	if (w.n_nats == NATS) {
		fail("too many addresses");
		return 0;
	}
	w.nats[w.n_nats] = (struct nat){ .way = (unsigned)way };
	return (unsigned)w.n_nats++;
}

static struct watch *
watch_of(struct loop *loop, int fd)
{
	for (size_t i = 0; i < loop->n_watches; i++)
		if (loop->watches[i] && loop->watches[i]->fd == fd)
			return loop->watches[i];
	return NULL;
}

/* The client's socket behind an address; NULL: nobody is there (any more). */
static struct watch *
socket_at(unsigned nat)
{
	unsigned way = w.nats[nat].way;
	if (way == WAYS || w.ways[way].nat != nat || w.ways[way].dead)
		return NULL;
	return watch_of(&w.loop[CLIENT], FD_WAYS + (int)way);
}

/* ---- what the networks do ---- */

static struct flying *
copy_of(const struct flying *f)
{
	struct flying *copy = malloc(sizeof *copy);
	if (!copy)
		abort();
	*copy = *f;
	return copy;
}

static void
put_flying(struct flying *f)
{
	if (w.n_flying == FLYING_MAX) {
		fail("too many datagrams under way");
		free(f);
		return;
	}
	w.flying[w.n_flying++] = f;
}

static void
mangle(struct flying *f)
{
	const struct net *net = &w.net[f->to];
	if (chance(net->flip)) {
		f->bytes[below(f->n)] ^= (uint8_t)(1 << below(8));
		f->intact = false;
	}
	if (f->n && chance(net->cut)) {
		f->n = below(f->n);
		f->intact = false;
	}
}

/* The adversary keeps some, and sends them again whenever it likes, from where it likes. */
static void
keep(const struct flying *f)
{
	if (w.n_kept < KEPT) {
		w.kept[w.n_kept++] = copy_of(f);
	} else if (chance(50)) {
		size_t i = below(KEPT);
		free(w.kept[i]);
		w.kept[i] = copy_of(f);
	}
}

static void
send_old(void)
{
	if (!w.n_kept)
		return;
	struct flying *f = copy_of(w.kept[below(w.n_kept)]);
	f->at_us = w.now_us + below(50 * MS);
	if (f->to == SERVER && chance(300))
		f->nat = new_nat(WAYS);
	if (chance(300) && f->n) {
		f->bytes[below(f->n)] ^= (uint8_t)(1 << below(8));
		f->intact = false;
	}
	put_flying(f);
}

static bool
is_lost(struct net *net, size_t n)
{
	if (chance(net->burst ? 100 : net->bursts))
		net->burst = !net->burst;
	return net->burst || net->black || w.udp_over || n > w.mtu || chance(net->lost);
}

static uint64_t
arrives_us(struct net *net, size_t n)
{
	uint64_t at_us = w.now_us;
	if (w.rate) {
		if (net->free_us < w.now_us)
			net->free_us = w.now_us;
		net->free_us += n * SECOND / w.rate;
		at_us = net->free_us;
	}
	at_us += w.rtt_us / 2;
	return net->late && chance(net->late) ? at_us + below(w.jitter_us + 1) : at_us;
}

/* How long the queue of the bottleneck is. */
enum { QUEUE_US = 300 * MS };

static void
fly(const struct flying *f)
{
	struct net *net = &w.net[f->to];
	keep(f);
	if (chance(net->old))
		send_old();
	if (is_lost(net, f->n) || (w.rate && net->free_us > w.now_us + QUEUE_US))
		return;
	struct flying *copy = copy_of(f);
	copy->at_us = arrives_us(net, f->n);
	if (chance(net->again)) {
		struct flying *twice = copy_of(copy);
		twice->at_us += below(200 * MS);
		put_flying(twice);
	}
	if (f->to == SERVER && chance(w.spoofed)) {
		struct flying *first = copy_of(copy);
		first->at_us = w.now_us + 1;
		first->nat = new_nat(WAYS);
		sum.spoofed++;
		put_flying(first);
	}
	mangle(copy);
	put_flying(copy);
}

/* ---- what is checked of a datagram that is sent ---- */

static bool
is_within(const struct flight_range *r, const struct flight_sent *s)
{
	for (size_t i = 0; i < s->n_ranges; i++) {
		const struct flight_range *o = &s->ranges[i];
		if (o->stream == r->stream && o->from <= r->from
		    && o->from + o->len >= r->from + r->len)
			return true;
	}
	return false;
}

/* The same range stands in a datagram that may still arrive, as far as the sender knows. */
static bool
is_under_way(const struct flight *f, const struct flight_range *r, uint64_t number)
{
	for (uint64_t n = f->first; n < number; n++) {
		const struct flight_sent *s = &f->sent[n % FLIGHT_MAX_SENT];
		if (!s->settled && is_within(r, s))
			return true;
	}
	return false;
}

static bool
tells_nothing(const struct datagram *d, struct offer *o, enum side from,
    const struct flying *f)
{
	const struct flight_sent *s = &d->flight.sent[f->number % FLIGHT_MAX_SENT];
	struct flying copy = *f;
	const uint8_t *key = from == CLIENT ? o->keys.out : o->keys.in;
	size_t len = f->n - SEAL_HEAD - SEAL_TAG;
	uint8_t *inner = copy.bytes + SEAL_HEAD;
	if (!seal_open(key, copy.bytes, inner, len, inner + len)) {
		fail("it was not sealed");
		return false;
	}
	uint64_t said = get_be(inner, 8);
	bool news = said != o->said[from];
	o->said[from] = said;
	struct span frames = { inner + DATAGRAM_SAID, len - DATAGRAM_SAID };
	struct frame frame;
	long n;
	for (; (n = frame_parse(frames, &frame)) > 0;
	     frames.p += n, frames.n -= (size_t)n)
		news |= frame.type != MSG_PING && frame.type != MSG_DATA
		    && frame.type != MSG_END;
	if (n || frames.n)
		fail("half a frame stands in a datagram");
	for (size_t i = 0; i < s->n_ranges; i++)
		news |= !is_under_way(&d->flight, &s->ranges[i], f->number);
	return !news;
}

static uint64_t
budget_rate(const struct datagram *d)
{
	const struct congestion *c = &d->link.congestion;
	uint64_t rate = c->rate_now > c->rate_before ? c->rate_now : c->rate_before;
	return rate / 4 > 6 * 1024 ? rate / 4 : 6 * 1024;
}

/* What ssh carried comes to datagrams, or goes from there: it is sent from what is acknowledged,
 * whatever is under way. */
static void
allow_again(void)
{
	for (size_t i = 0; i < w.n_offers; i++)
		for (enum side side = 0; side < SIDES; side++)
			w.offers[i]->again[side] = CONGESTION_START;
}

static void
check_repeats(const struct datagram *d, struct offer *o, enum side from,
    const struct flying *f)
{
	double rate = (double)budget_rate(d), most = rate / 2 + 2 * DATAGRAM_MAX;
	o->budget[from] += rate * (double)(w.now_us - o->budget_us[from]) / SECOND;
	o->budget_us[from] = w.now_us;
	if (o->budget[from] > most)
		o->budget[from] = most;
	if (!tells_nothing(d, o, from, f))
		return;
	sum.repeats++;
	if (o->again[from] >= f->n)
		o->again[from] -= f->n;
	else
		o->budget[from] -= (double)f->n;
	say("    nothing new; %.0f bytes are left for that", o->budget[from]);
	if (o->budget[from] < 0)
		fail("repeats cost more than their budget");
}

/* False: it is a copy, by another way. */
static bool
check_number(struct offer *o, enum side from, const struct flying *f)
{
	uint64_t hash = hash_bytes(1, f->bytes, f->n);
	if (from == CLIENT && f->number == o->sent[from] && hash == o->hash[from])
		return false;
	if (f->number != o->sent[from] + 1)
		fail("a number is used twice, or left out");
	if (f->number >= NUMBERS) {
		fail("there is no end to datagrams");
		return false;
	}
	o->sent[from] = f->number;
	o->hash[from] = hash;
	return true;
}

static void
say_frames(const struct offer *o, enum side from, const struct flying *f)
{
	struct flying copy = *f;
	size_t len = f->n - SEAL_HEAD - SEAL_TAG;
	uint8_t *inner = copy.bytes + SEAL_HEAD;
	(void)seal_open(from == CLIENT ? o->keys.out : o->keys.in, copy.bytes, inner, len,
	    inner + len);
	say("    seen %u, before %08x", (unsigned)get_be(inner, 4),
	    (unsigned)get_be(inner + 4, 4));
	struct span frames = { inner + DATAGRAM_SAID, len - DATAGRAM_SAID };
	struct frame frame;
	union msg m;
	for (long n; (n = frame_parse(frames, &frame)) > 0;
	     frames.p += n, frames.n -= (size_t)n) {
		if (msg_get(&frame, &m))
			continue;
		if (frame.type == MSG_DATA)
			say("    DATA %u: %llu, %zu bytes", m.data.stream,
			    (unsigned long long)m.data.offset, m.data.bytes.n);
		else if (frame.type == MSG_ACK)
			say("    ACK %u: %llu, up to %llu", m.ack.stream,
			    (unsigned long long)m.ack.received,
			    (unsigned long long)m.ack.limit);
		else
			say("    %s", msg_name(frame.type));
	}
}

static void
check_sent(enum side from, const struct flying *f)
{
	struct offer *o = offer_of(f->id);
	const struct datagram *d = datagram_of(from, f->id);
	if (!o || !d) {
		fail("nobody knows that link");
		return;
	}
	sum.sent++;
	say("%s sends %08x:%llu, %zu bytes, address %u",
	    from == CLIENT ? "client" : "host", f->id, (unsigned long long)f->number,
	    f->n, f->nat);
	if (verbose)
		say_frames(o, from, f);
	if (f->n > DATAGRAM_MAX)
		fail("a datagram is too long");
	if (!check_number(o, from, f))
		return;
	if (from == CLIENT)
		o->seen[f->number] = (uint32_t)d->in_high;
	else
		o->to[f->number] = (uint16_t)f->nat;
	check_repeats(d, o, from, f);
}

/* ---- the sockets (sys/udp.h) ---- */

int
udp_listen(unsigned first, unsigned last, unsigned start, unsigned *ret_port)
{
	(void)last;
	(void)start;
	*ret_port = first;
	return FD_HOST;
}

int
udp_connect(const struct sockaddr_storage *to)
{
	const struct sockaddr_in *in = (const void *)to;
	if (w.n_ways == WAYS) {
		fail("too many sockets");
		return -1;
	}
	size_t i = w.n_ways++;
	w.ways[i] = (struct way){ .nat = new_nat(i),
		.host = ntohl(in->sin_addr.s_addr) & 0xff };
	say("client opens a socket, address %u", w.ways[i].nat);
	w.moved = true;
	for (size_t k = 0; k < w.n_offers; k++) /* it may ask by it */
		w.offers[k]->budget[CLIENT] += DATAGRAM_MAX;
	return FD_WAYS + (int)i;
}

bool
udp_same_peer(const struct udp_way *a, const struct udp_way *b)
{
	const struct sockaddr_in *x = (const void *)&a->peer, *y = (const void *)&b->peer;
	return a->peer.ss_family == b->peer.ss_family && x->sin_port == y->sin_port;
}

static void
check_amplified(unsigned nat, size_t n)
{
	struct nat *at = &w.nats[nat];
	at->sent += n;
	if (!at->proved && at->sent > 3 * at->got)
		fail(
		    "more than three times what came goes to an address that proves nothing");
}

void
udp_send(int fd, struct span bytes, const struct udp_way *way)
{
	enum side from = fd == FD_HOST ? SERVER : CLIENT;
	struct flying f = { .to = (enum side) !from, .intact = true, .n = bytes.n };
	if (bytes.n > sizeof f.bytes || bytes.n < DATAGRAM_OVERHEAD) {
		fail("a datagram is too long, or too short");
		return;
	}
	memcpy(f.bytes, bytes.p, bytes.n);
	f.id = (uint32_t)get_be(bytes.p, 4);
	f.number = get_be(bytes.p + 4, 8);
	f.nat = way
	    ? ntohs(((const struct sockaddr_in *)(const void *)&way->peer)->sin_port)
	    : w.ways[fd - FD_WAYS].nat;
	w.moved = true;
	check_sent(from, &f);
	if (from == SERVER)
		check_amplified(f.nat, f.n);
	else if (w.ways[fd - FD_WAYS].dead || w.ways[fd - FD_WAYS].host != 1)
		return; /* there is no such network any more, or nobody at that address */
	fly(&f);
}

ssize_t
udp_receive(int fd, uint8_t *bytes, size_t max, struct udp_way *ret_way)
{
	const struct flying *f = w.pending;
	(void)fd;
	(void)max;
	if (!f) {
		errno = w.refused ? ECONNREFUSED : EAGAIN;
		w.refused = false;
		return -1;
	}
	w.pending = NULL;
	memcpy(bytes, f->bytes, f->n);
	if (ret_way) {
		struct sockaddr_in peer = { .sin_family = AF_INET,
			.sin_port = htons((uint16_t)f->nat) };
		memset(ret_way, 0, sizeof *ret_way);
		memcpy(&ret_way->peer, &peer, sizeof peer);
	}
	return (ssize_t)f->n;
}

void
server_settings_read(struct server_settings *ret)
{
	*ret = (struct server_settings){ .udp = true,
		.udp_first = 60001,
		.udp_last = 60999 };
}

/* ---- what is checked of a datagram that arrives ---- */

static bool
was_taken(const struct offer *o, enum side side, uint64_t number)
{
	return o->has[side][number / 8] >> number % 8 & 1;
}

static bool
is_to_be_taken(const struct flying *f)
{
	const struct offer *o = offer_of(f->id);
	return f->intact && o && datagram_of(f->to, f->id)
	    && !was_taken(o, f->to, f->number)
	    && f->number + DATAGRAM_WINDOW > o->taken[f->to];
}

/* The host learns from it what was seen of what it sent. */
static void
note_proof(const struct offer *o, const struct flying *f)
{
	uint32_t seen = o->seen[f->number];
	w.nats[f->nat].got += f->n;
	if (seen)
		w.nats[o->to[seen]].proved = true;
}

static void
check_taken(const struct flying *f, uint64_t high)
{
	struct offer *o = offer_of(f->id);
	const struct datagram *d = datagram_of(f->to, f->id);
	o->has[f->to][f->number / 8] |= (uint8_t)(1 << f->number % 8);
	if (f->number > o->taken[f->to])
		o->taken[f->to] = f->number;
	sum.taken++;
	if (!d)
		return; /* another link has taken its place meanwhile */
	if (d->in_high != o->taken[f->to] || d->authentic_us != w.now_us)
		fail("a datagram that is intact and new is not taken");
	if (d->in_high < high)
		fail("the highest number went back");
}

static void
receive(struct watch *watch, struct flying *f)
{
	bool taken = is_to_be_taken(f);
	const struct datagram *d = datagram_of(f->to, f->id);
	uint64_t before = taken ? 0 : state(), high = d ? d->in_high : 0;
	if (taken && f->to == SERVER)
		note_proof(offer_of(f->id), f);
	say("%s gets %08x:%llu, %zu bytes, address %u%s",
	    f->to == CLIENT ? "client" : "host", f->id, (unsigned long long)f->number,
	    f->n, f->nat, taken ? "" : ": not to be taken");
	w.pending = f;
	watch->fn(watch->owner, POLLIN);
	if (w.pending)
		fail("nobody reads the socket");
	w.pending = NULL;
	if (taken) {
		w.moved = true;
		check_taken(f, high);
		return;
	}
	sum.dropped++;
	if (state() != before)
		fail("a datagram that is nothing new has changed something");
}

static void
arrive(void)
{
	unsigned n[SIDES] = { 0 };
	for (size_t i = 0; i < w.n_flying && !failure;) {
		struct flying *f = w.flying[i];
		/* The rest waits in the socket. */
		if (f->at_us > w.now_us || n[f->to] == DATAGRAM_AT_ONCE) {
			i++;
			continue;
		}
		n[f->to]++;
		w.n_flying--;
		memmove(&w.flying[i], &w.flying[i + 1],
		    (w.n_flying - i) * sizeof *w.flying);
		struct watch *watch = f->to == SERVER ? watch_of(&w.loop[SERVER], FD_HOST)
						      : socket_at(f->nat);
		if (watch)
			receive(watch, f);
		free(f);
	}
}

/* ---- ssh ---- */

static void
ssh_write(struct link *l, struct engine *e, uint64_t now_us)
{
	struct pipe_to *p = ((struct ssh_end *)l)->out;
	if (p->bytes.len >= PIPE_FULL || p->n_chunks == CHUNKS)
		return;
	size_t before = p->bytes.len;
	(void)engine_fill(e, l, &p->bytes, PIPE_FULL, now_us);
	size_t n = p->bytes.len - before;
	if (!n)
		return;
	w.moved = true;
	if (p->free_us < now_us)
		p->free_us = now_us;
	p->free_us += n * SECOND / w.ssh_rate;
	p->chunks[(p->first + p->n_chunks++) % CHUNKS] = (struct chunk){ n,
		p->free_us + w.ssh_rtt_us / 2 };
}

static uint64_t
ssh_deadline(const struct link *l, const struct engine *e)
{
	const struct pipe_to *p = ((const struct ssh_end *)l)->out;
	bool full = p->bytes.len >= PIPE_FULL || p->n_chunks == CHUNKS;
	return full ? link_doubt_at(l) : engine_deadline(e, l);
}

static const struct link_ops ssh_ops = { .name = "ssh",
	.write = ssh_write,
	.deadline = ssh_deadline };

static void
ssh_close_end(struct ssh_link *s, enum side side)
{
	struct ssh_end *end = &s->end[side];
	if (!end->there)
		return;
	engine_remove(w.end[side].engine, &end->link);
	link_finish(&end->link);
	end->there = end->ready = false;
	if (!s->black)
		s->pipe[!side].end_us = w.now_us + w.ssh_rtt_us / 2 + below(SECOND);
	if (side == CLIENT && s == w.linked)
		w.linked = NULL;
	if (side == CLIENT && s == w.attempt)
		w.attempt = NULL;
	if (s->end[!side].there)
		return;
	for (int i = 0; i < SIDES; i++)
		buf_finish(&s->pipe[i].bytes);
	s->open = false;
}

static void
ssh_lost(void)
{
	ssh_close_end(w.linked, CLIENT);
	say("ssh is lost");
	w.doubted = false;
	w.moved = true;
	allow_again();
	datagrams_ssh(&w.datagrams, false);
	w.attempt_us = w.now_us + w.login_us;
}

static void
ssh_begin(void)
{
	struct ssh_link *s = NULL, *gone = NULL;
	for (size_t i = 0; i < SSH_LINKS; i++)
		if (!w.ssh[i].open)
			s = &w.ssh[i];
		else if (!w.ssh[i].end[CLIENT].there)
			gone = &w.ssh[i];
	w.attempt_us = w.now_us + w.login_us;
	if (!s && gone) {
		ssh_close_end(gone, SERVER); /* the host has waited long enough */
		s = gone;
	}
	if (!s || w.ssh_over)
		return;
	*s = (struct ssh_link){ .open = true, .begun_us = w.now_us };
	for (enum side i = 0; i < SIDES; i++) {
		struct ssh_end *end = &s->end[i];
		link_init(&end->link, w.now_us);
		end->link.ops = &ssh_ops;
		end->out = &s->pipe[!i];
		end->there = true;
		buf_init(&s->pipe[i].bytes, 2 * PIPE_FULL + 4096);
	}
	struct link *l = &s->end[CLIENT].link;
	l->heartbeat_us = 5 * SECOND;
	l->doubt_min_us = SECOND;
	l->doubt_max_us = 5 * SECOND;
	w.attempt = s;
	w.moved = true;
	struct msg_hello hello = { .version_max = PROTOCOL_VERSION,
		.request = HELLO_RESUME };
	struct buf positions;
	struct pipe_to *p = &s->pipe[SERVER];
	buf_init(&positions, 1024);
	if (engine_positions(&w.engine, &positions))
		fail("no positions");
	hello.positions = buf_span(&positions);
	if (msg_put(&p->bytes, MSG_HELLO, &hello))
		fail("no hello");
	if (chance(500) && engine_prelude(&w.engine, &p->bytes, skewed(4096)))
		fail("no prelude");
	buf_finish(&positions);
	p->chunks[p->n_chunks++] = (struct chunk){ p->bytes.len,
		w.now_us + w.ssh_rtt_us / 2 };
}

static void
take_offer(struct ssh_link *s, struct span more)
{
	struct frame f;
	union msg m;
	if (frame_parse(more, &f) <= 0 || f.type != MSG_DGRAM_AT || msg_get(&f, &m)
	    || w.n_offers == OFFERS) {
		fail("no offer");
		return;
	}
	s->offer = (struct handshake_datagrams){ .id = m.dgram_at.id,
		.port = m.dgram_at.port };
	memcpy(s->offer.keys.out, m.dgram_at.key_to_host.p, SEAL_KEY);
	memcpy(s->offer.keys.in, m.dgram_at.key_to_client.p, SEAL_KEY);
	strcpy(s->offer.address, w.place.peer);
	struct offer *o = calloc(1, sizeof *o);
	if (!o)
		abort();
	o->id = s->offer.id;
	o->keys = s->offer.keys;
	o->budget_us[CLIENT] = o->budget_us[SERVER] = w.now_us;
	o->budget[CLIENT] = o->budget[SERVER] = 3 * 1024 + 2 * DATAGRAM_MAX;
	w.offers[w.n_offers++] = o;
}

static void
on_hello(struct ssh_link *s, const struct msg_hello *hello)
{
	struct msg_welcome welcome = { .version = PROTOCOL_VERSION };
	struct buf positions, more;
	struct pipe_to *p = &s->pipe[CLIENT];
	buf_init(&positions, 1024);
	buf_init(&more, 1024);
	if (engine_set_positions(&w.client.engine, hello->positions))
		fail("the host refuses the client's positions");
	if (engine_positions(&w.client.engine, &positions))
		fail("no positions");
	welcome.positions = buf_span(&positions);
	datagram_links_offer(&w.links, &w.client, (struct span){ 0 }, &more);
	take_offer(s, buf_span(&more));
	size_t before = p->bytes.len;
	if (msg_put(&p->bytes, MSG_WELCOME, &welcome))
		fail("no welcome");
	p->chunks[p->n_chunks++] = (struct chunk){ p->bytes.len - before,
		w.now_us + w.ssh_rtt_us / 2 };
	buf_finish(&positions);
	buf_finish(&more);
	if (engine_add(&w.client.engine, &s->end[SERVER].link))
		ssh_close_end(s, SERVER);
	else
		s->end[SERVER].ready = true;
}

static void
on_welcome(struct ssh_link *s, const struct msg_welcome *welcome)
{
	struct ssh_link *before = w.linked;
	if (engine_set_positions(&w.engine, welcome->positions))
		fail("the client refuses the host's positions");
	if (engine_add(&w.engine, &s->end[CLIENT].link)) {
		ssh_close_end(s, CLIENT);
		return;
	}
	s->end[CLIENT].ready = true;
	w.linked = s;
	w.offered = s->offer.id;
	w.attempt = NULL;
	w.doubted = false;
	if (before)
		ssh_close_end(before, CLIENT);
	say("ssh is here; keys of %08x", s->offer.id);
	sum.logins++;
	allow_again();
	datagrams_ssh(&w.datagrams, true);
	datagrams_offer(&w.datagrams, &s->offer, &w.place);
}

static void
ssh_frame(struct ssh_link *s, enum side side, const struct frame *f)
{
	union msg m;
	struct ssh_end *end = &s->end[side];
	if (f->type == MSG_HELLO || f->type == MSG_WELCOME) {
		if (end->ready || msg_get(f, &m))
			fail("a handshake that cannot be");
		else if (f->type == MSG_HELLO)
			on_hello(s, &m.hello);
		else
			on_welcome(s, &m.welcome);
		return;
	}
	if (!end->ready)
		fail("data before the handshake");
	else if (engine_frame(w.end[side].engine, &end->link, f, w.now_us))
		fail("an honest frame was refused");
}

static void
ssh_take(struct ssh_link *s, enum side side, struct span bytes)
{
	struct link *l = &s->end[side].link;
	struct frame f;
	long len = 0;
	while (bytes.n && s->end[side].there) {
		size_t n = 1 + below(bytes.n);
		if (link_received(l, (struct span){ bytes.p, n }))
			fail("the link is full");
		bytes.p += n;
		bytes.n -= n;
		while (s->end[side].there && (len = link_frame(l, &f)) > 0) {
			ssh_frame(s, side, &f);
			if (s->end[side].there)
				link_drop(l, len);
		}
		if (len < 0)
			fail("not a frame");
	}
}

static void
ssh_arrive(struct ssh_link *s, enum side side)
{
	struct pipe_to *p = &s->pipe[side];
	if (s->black || w.now_us < w.stalled_us)
		return;
	while (s->open && p->n_chunks && p->chunks[p->first].at_us <= w.now_us) {
		size_t n = p->chunks[p->first].n;
		uint8_t *bytes = malloc(n);
		if (!bytes)
			abort();
		memcpy(bytes, buf_bytes(&p->bytes), n);
		buf_drop(&p->bytes, n);
		p->first = (p->first + 1) % CHUNKS;
		p->n_chunks--;
		w.moved = true;
		if (s->end[side].there)
			ssh_take(s, side, (struct span){ bytes, n });
		free(bytes);
	}
	if (!s->open || !p->end_us || p->end_us > w.now_us || p->n_chunks)
		return;
	p->end_us = 0;
	w.moved = true;
	if (side == CLIENT && s == w.linked)
		ssh_lost();
	else
		ssh_close_end(s, side);
}

/* What reconnect.c does about it. */
static void
ssh_turn(void)
{
	struct link *l = w.linked ? &w.linked->end[CLIENT].link : NULL;
	if (l)
		l->heartbeat_us = (datagrams_up(&w.datagrams) ? 60 : 5) * SECOND;
	bool doubted = l && link_in_doubt(l, w.now_us);
	if (doubted != w.doubted && l) {
		w.doubted = doubted;
		say("ssh %s", doubted ? "is in doubt" : "answers again");
		datagrams_ssh(&w.datagrams, !doubted);
		allow_again();
		w.moved = true;
		if (doubted)
			w.attempt_us = w.now_us + w.login_us;
	}
	if (w.attempt && w.now_us >= w.attempt->begun_us + LOGIN_MAX_US) {
		w.moved = true;
		ssh_close_end(w.attempt, CLIENT);
	}
	if (!w.attempt && (!w.linked || w.doubted) && w.now_us >= w.attempt_us)
		ssh_begin();
}

static void
ssh_deadlines(uint64_t *at)
{
	if (!w.attempt && (!w.linked || w.doubted))
		sooner(at, w.attempt_us);
	if (w.attempt)
		sooner(at, w.attempt->begun_us + LOGIN_MAX_US);
	for (size_t i = 0; i < SSH_LINKS; i++) {
		const struct ssh_link *s = &w.ssh[i];
		for (enum side side = 0; s->open && side < SIDES; side++) {
			const struct pipe_to *p = &s->pipe[side];
			uint64_t next = p->n_chunks ? p->chunks[p->first].at_us
						    : p->end_us;
			if (!s->black && next)
				sooner(at, next > w.stalled_us ? next : w.stalled_us);
		}
	}
}

/* ---- programs ---- */

static void
write_some(struct end *end, size_t i)
{
	struct stream *s = engine_stream(end->engine, stream_ids[i]);
	uint8_t bytes[PIECE_MAX];
	uint64_t left = end->total[i] - end->wrote[i];
	size_t n = 1
	    + skewed(i == 1 && end->side == CLIENT ? 20
		    : w.is_calm			   ? PIECE_MAX - 1
						   : w.piece);
	if (!s || s->out_ended)
		return;
	if (n > left)
		n = (size_t)left;
	for (size_t k = 0; k < n; k++)
		bytes[k] = content(end->side, i, end->wrote[i] + k);
	end->wrote[i] += stream_write(s, bytes, n);
	if (end->wrote[i] == end->total[i])
		stream_end(s);
	w.moved = true;
}

static void
take_some(struct end *end, size_t i, size_t most)
{
	const struct end *from = &w.end[!end->side];
	struct stream *s = engine_stream(end->engine, stream_ids[i]);
	if (!s)
		return;
	struct span held = stream_held(s);
	size_t n = held.n < most ? held.n : most;
	if (held.n > s->window)
		fail("more is held than the window allows");
	for (size_t k = 0; k < n; k++)
		if (held.p[k] != content(from->side, i, end->took[i] + k))
			fail("a byte is not the one that was written");
	stream_take(s, n);
	end->took[i] += n;
	w.moved |= n > 0;
	if (end->took[i] > from->wrote[i])
		fail("more was delivered than written");
	if (stream_drained(s) && end->took[i] != from->total[i])
		fail("the end came too early");
}

static bool
is_done(const struct end *end, size_t i)
{
	const struct stream *s = engine_stream(end->engine, stream_ids[i]);
	return !s
	    || (stream_drained(s) && stream_delivered(s)
		&& end->took[i] == w.end[!end->side].total[i]);
}

/* A channel that both ends are done with is gone; what is still under way is late. */
static void
close_done(size_t i)
{
	for (enum side side = 0; side < SIDES; side++)
		if (!is_done(&w.end[side], i))
			return;
	for (enum side side = 0; side < SIDES; side++) {
		struct stream *s = engine_stream(w.end[side].engine, stream_ids[i]);
		if (s && stream_ids[i] >= STREAM_CHANNELS)
			engine_close(w.end[side].engine, s);
	}
}

static void
programs(void)
{
	bool calm = w.now_us >= w.calm_us;
	if (w.now_us < w.app_us)
		return;
	w.app_us = w.now_us + 1 + skewed(calm ? 20 * MS : w.app_every_us);
	for (enum side side = 0; side < SIDES; side++)
		for (size_t i = 0; i < STREAMS; i++) {
			if (calm || chance(400))
				write_some(&w.end[side], i);
			if (calm || chance(400))
				take_some(&w.end[side], i,
				    calm ? SIZE_MAX : skewed(60000));
			close_done(i);
		}
}

/* ---- trouble ---- */

static void
new_network(void)
{
	static const uint64_t rates[] = { 0, 0, 20000, 125000, 1250000 };
	for (enum side side = 0; side < SIDES; side++)
		w.net[side] = (struct net){ .lost = (unsigned)skewed(400),
			.bursts = chance(300) ? (unsigned)skewed(30) : 0,
			.again = (unsigned)skewed(200),
			.old = (unsigned)skewed(200),
			.flip = (unsigned)skewed(100),
			.cut = (unsigned)skewed(100),
			.late = chance(500) ? (unsigned)skewed(999) : 0,
			.black = chance(80),
			.free_us = w.net[side].free_us };
	w.mtu = chance(300) ? 540 + below(661) : DATAGRAM_MAX;
	w.rate = rates[below(sizeof rates / sizeof *rates)];
	w.rtt_us = 1 * MS + skewed(400 * MS);
	w.jitter_us = skewed(300 * MS);
	w.spoofed = chance(200) ? (unsigned)skewed(100) : 0;
}

static void
calm_network(void)
{
	size_t mtu = w.mtu;
	w.net[CLIENT] = w.net[SERVER] = (struct net){ 0 };
	w.spoofed = 0;
	w.rate = 0;
	w.mtu = mtu;
	w.stalled_us = 0;
	w.udp_over = w.udp_ends;
	say("the networks behave; datagrams %s", w.udp_over ? "are over" : "pass");
}

/* The client's network goes, and its sockets are dead; what has a new address, works. */
static void
move(bool told)
{
	for (size_t i = 0; i < w.n_ways; i++)
		w.ways[i].dead = true;
	say("the client moves, and %s", told ? "is told" : "does not know");
	sum.moves++;
	if (told)
		datagrams_moved(&w.datagrams);
}

static void
rebind(void)
{
	for (size_t i = 0; i < w.n_ways; i++)
		if (!w.ways[i].dead && watch_of(&w.loop[CLIENT], FD_WAYS + (int)i))
			w.ways[i].nat = new_nat(i);
	say("addresses are others");
	sum.moves++;
}

/* Somebody says that nobody listens there. */
static void
refuse(void)
{
	for (size_t i = 0; i < w.n_ways; i++) {
		struct watch *watch = watch_of(&w.loop[CLIENT], FD_WAYS + (int)i);
		if (!watch)
			continue;
		w.refused = true;
		watch->fn(watch->owner, POLLIN);
		w.refused = false;
	}
}

static void
ssh_trouble(void)
{
	switch (below(4)) {
	case 0:
		w.stalled_us = w.now_us + skewed(8 * SECOND);
		break;
	case 1:
		for (size_t i = 0; i < SSH_LINKS; i++)
			w.ssh[i].black |= w.ssh[i].open;
		break;
	case 2:
		if (w.linked)
			ssh_lost();
		break;
	default:
		w.ssh_rate = 50000 + skewed(3 * 1000 * 1000);
		w.ssh_rtt_us = 1 * MS + skewed(600 * MS);
	}
}

static void
trouble(void)
{
	if (w.now_us < w.trouble_us || w.now_us >= w.calm_us)
		return;
	w.trouble_us = w.now_us + 1 + skewed(w.trouble_every_us);
	w.moved = true;
	if (w.udp_ends && chance(100))
		w.udp_over = true;
	switch (below(8)) {
	case 0:
		ssh_trouble();
		break;
	case 1:
		move(chance(500));
		break;
	case 2:
		rebind();
		break;
	case 3:
		w.net[below(SIDES)].black ^= true;
		break;
	case 4:
		send_old();
		break;
	case 5:
		if (chance(200))
			refuse();
		break;
	default:
		new_network();
	}
}

static void
calm(void)
{
	if (w.now_us < w.calm_us)
		return;
	if (!w.is_calm)
		calm_network();
	w.is_calm = true;
	/* Without a login there is nothing, and who makes many that are of no use may lose the
	 * keys that are. */
	if (!w.ssh_ends || w.ssh_over || !w.offered
	    || w.offered != w.offers[w.n_offers - 1]->id)
		return;
	w.ssh_over = true;
	for (size_t i = 0; i < SSH_LINKS; i++)
		w.ssh[i].black |= w.ssh[i].open;
	say("ssh is over");
}

/* ---- what is held at every step ---- */

static void
check_datagram(const struct datagram *d)
{
	const struct link *l = &d->link;
	const struct flight *f = &d->flight;
	size_t bytes[LINK_CLASSES] = { 0 };
	unsigned asking = 0;
	if (l->broken)
		fail("a link between honest ends is broken");
	if (l->in.len || l->queue.len)
		fail("something is left in a buffer");
	if (f->next - f->first > FLIGHT_MAX_SENT || f->high >= f->next)
		fail("the log of what was sent is wrong");
	for (uint64_t n = f->first; n < f->next; n++) {
		const struct flight_sent *s = &f->sent[n % FLIGHT_MAX_SENT];
		asking += !s->settled && s->asks;
		for (int i = 0; i < LINK_CLASSES; i++)
			bytes[i] += s->settled ? 0 : s->bytes[i];
	}
	if (l->flight[LINK_URGENT] > FLIGHT_BOUND || l->flight[LINK_BULK] > FLIGHT_BOUND)
		fail("less than nothing is under way");
	if (bytes[LINK_URGENT] != l->flight[LINK_URGENT]
	    || bytes[LINK_BULK] != l->flight[LINK_BULK] || asking != f->asking)
		fail("what is under way is not the sum of what is under way");
	if (l->congestion.sent - l->congestion.delivered
	    != bytes[LINK_URGENT] + bytes[LINK_BULK])
		fail("congestion control counts otherwise");
	sum.small += d->size_max == DATAGRAM_SMALL;
}

static void
check_streams(const struct end *end)
{
	for (size_t i = 0; i < STREAMS; i++) {
		const struct stream *s = engine_stream(end->engine, stream_ids[i]);
		if (!s)
			continue;
		if (s->out.len > s->out.max || s->in.len > s->window)
			fail("a stream is beyond its bound");
		if (s->out_next > stream_written(s) + s->out_ended
		    || s->out_next < s->out_acked || s->out_high < s->out_next)
			fail("offsets of a stream are wrong");
		if (s->repair
		    && (s->repair->early.n > RANGES_MAX
			|| s->repair->again.n > RANGES_MAX))
			fail("too many ranges");
	}
}

static void
check(void)
{
	for (int i = 0; i < 2; i++)
		if (w.datagrams.ends[i].all)
			check_datagram(&w.datagrams.ends[i].io);
	for (size_t i = 0; i < DATAGRAM_LINKS_MAX; i++)
		if (w.links.list[i])
			check_datagram(&w.links.list[i]->io);
	check_streams(&w.end[CLIENT]);
	check_streams(&w.end[SERVER]);
}

/* ---- steps ---- */

static void
close_unwanted(void)
{
	const struct link *l;
	for (int n = 0; (l = engine_unwanted(&w.client.engine)); n++) {
		for (size_t i = 0; i < SSH_LINKS; i++)
			if (l == &w.ssh[i].end[SERVER].link)
				ssh_close_end(&w.ssh[i], SERVER);
		if (n == SSH_LINKS) {
			fail("the host is to close what is not its own");
			return;
		}
	}
}

/* Both ends send; when to come again. */
static uint64_t
turn(void)
{
	uint64_t at = 0;
	ssh_turn();
	datagrams_turn(&w.datagrams);
	sooner(&at, datagrams_deadline(&w.datagrams));
	if (at && at <= w.now_us)
		say("the client's datagrams are due");
	close_unwanted();
	for (size_t i = 0; i < SSH_LINKS; i++)
		for (enum side side = 0; side < SIDES; side++) {
			struct ssh_end *end = &w.ssh[i].end[side];
			if (!end->there || !end->ready)
				continue;
			link_write(&end->link, w.end[side].engine, w.now_us);
			if (side == SERVER || !w.doubted)
				sooner(&at,
				    link_write_at(&end->link, w.end[side].engine));
		}
	uint64_t links_us = datagram_links_turn(&w.links);
	if (links_us && links_us <= w.now_us)
		say("the host's datagrams are due");
	sooner(&at, links_us);
	return at;
}

/* A turn in which nothing was done: seldom, and never one after the other at once. */
static void
count_turn(uint64_t at)
{
	if (w.in_vain_us / SECOND != w.now_us / SECOND)
		w.in_vain = 0;
	w.in_vain_us = w.now_us;
	bool was_due = w.due_us && w.due_us <= w.now_us;
	w.due_us = at;
	if (w.moved || !was_due)
		return;
	say("a turn in vain; the next one is %lld us later",
	    at ? (long long)(at - w.now_us) : -1);
	w.in_vain_now = at && at <= w.now_us ? w.in_vain_now + 1 : 0;
	if (w.in_vain_now > 2)
		fail("turns follow each other, and do nothing");
	if (++w.in_vain > TURNS_IN_VAIN)
		fail("too many turns do nothing");
}

static void
step(void)
{
	w.moved = false;
	w.loop[CLIENT].now_us = w.loop[SERVER].now_us = w.now_us;
	enum datagram_state before = w.datagrams.used ? w.datagrams.used->policy.state
						      : DATAGRAM_OFF;
	calm();
	trouble();
	arrive();
	for (size_t i = 0; i < SSH_LINKS; i++)
		for (enum side side = 0; side < SIDES; side++)
			if (w.ssh[i].open)
				ssh_arrive(&w.ssh[i], side);
	programs();
	check(); /* a link that is broken is closed in the turn */
	uint64_t at = turn();
	check();
	count_turn(at);
	enum datagram_state after = w.datagrams.used ? w.datagrams.used->policy.state
						     : DATAGRAM_OFF;
	if (before != after)
		say("datagrams: %s -> %s", datagram_state_name(before),
		    datagram_state_name(after));
	sum.doubts += before != after && after == DATAGRAM_DOUBT;
	sum.up += before != after && after == DATAGRAM_UP;
	for (size_t i = 0; i < w.n_flying; i++)
		sooner(&at, w.flying[i]->at_us);
	ssh_deadlines(&at);
	sooner(&at, w.app_us);
	sooner(&at, w.now_us < w.calm_us ? w.trouble_us : 0);
	/* poll() waits for milliseconds, and a turn takes its time. */
	w.now_us = at > w.now_us ? at : w.now_us + 20;
	if (chance(200))
		w.now_us += below(MS);
}

static bool
finished(void)
{
	for (enum side side = 0; side < SIDES; side++)
		for (size_t i = 0; i < STREAMS; i++)
			if (!is_done(&w.end[side], i))
				return false;
	return true;
}

/* ---- a seed ---- */

static void
open_streams(void)
{
	bool narrow = chance(150);
	size_t narrowest = SIZE_MAX;
	for (size_t i = 0; i < STREAMS; i++)
		for (enum side side = 0; side < SIDES; side++) {
			size_t room = narrow ? 1 + skewed(4000) : 65536 + below(200000);
			size_t window = narrow ? 1 + skewed(4000) : 65536 + below(200000);
			w.end[side].total[i] = skewed(i == 1 && side == CLIENT ? 500
				: i == 0				       ? 3000
				: chance(150)				       ? 400000
									       : 30000);
			/* Through a tiny window goes no large transfer. */
			size_t most = 30 * (room < window ? room : window);
			narrowest = narrow && most < narrowest ? most : narrowest;
			if (!engine_open(w.end[side].engine, stream_ids[i],
				stream_ranks[i], room, window))
				fail("no memory");
		}
	for (size_t i = 0; i < STREAMS; i++)
		for (enum side side = 0; side < SIDES; side++)
			if (w.end[side].total[i] > narrowest)
				w.end[side].total[i] = narrowest;
}

static void
draw_world(void)
{
	w.now_us = 1 + below(SECOND);
	w.calm_us = w.now_us + 500 * MS + below(chance(100) ? 30 * SECOND : 8 * SECOND);
	w.app_every_us = 1 * MS + skewed(500 * MS);
	w.piece = 20 + skewed(PIECE_MAX - 21);
	w.trouble_every_us = 50 * MS + skewed(4 * SECOND);
	w.ssh_rate = 50000 + skewed(3 * 1000 * 1000);
	w.ssh_rtt_us = 1 * MS + skewed(400 * MS);
	w.login_us = 50 * MS + skewed(4 * SECOND);
	w.ssh_ends = chance(250);
	w.udp_ends = !w.ssh_ends && chance(200);
	w.udp_over = chance(50);
	bool two = chance(300), first = chance(700);
	w.place = (struct datagrams_place){ .peer = two && !first ? "192.0.2.2"
								  : "192.0.2.1",
		.other = !two ? ""
		    : first   ? "192.0.2.2"
			      : "192.0.2.1",
		.direct = true };
	new_network();
	if (chance(200)) /* nothing worse than losses */
		w.trouble_every_us = 100 * SECOND;
	w.trouble_us = w.now_us + skewed(w.trouble_every_us);
}

static void
begin(void)
{
	memset(&w, 0, sizeof w);
	draw_world();
	w.loop[CLIENT].now_us = w.loop[SERVER].now_us = w.now_us;
	w.end[CLIENT] = (struct end){ .side = CLIENT, .engine = &w.engine };
	w.end[SERVER] = (struct end){ .side = SERVER, .engine = &w.client.engine };
	engine_init(&w.engine, true);
	engine_init(&w.client.engine, false);
	w.client.taken = true;
	w.client.serial = 1;
	w.client.role = ROLE_OWNER;
	datagrams_init(&w.datagrams, &w.loop[CLIENT], &w.engine);
	datagram_links_init(&w.links, &w.loop[SERVER]);
	open_streams();
	w.datagrams.ssh_answers = false;
	w.attempt_us = w.now_us;
}

static void
finish(void)
{
	for (size_t i = 0; i < SSH_LINKS; i++)
		for (enum side side = 0; side < SIDES; side++)
			ssh_close_end(&w.ssh[i], side);
	datagrams_finish(&w.datagrams);
	datagram_links_finish(&w.links);
	engine_finish(&w.engine);
	engine_finish(&w.client.engine);
	for (size_t i = 0; i < w.n_flying; i++)
		free(w.flying[i]);
	for (size_t i = 0; i < w.n_kept; i++)
		free(w.kept[i]);
	for (size_t i = 0; i < w.n_offers; i++)
		free(w.offers[i]);
}

/* What has not arrived, for who looks for the reason. */
static void
say_rest(void)
{
	static const char *const names[] = { "client", "host" };
	for (enum side side = 0; side < SIDES; side++)
		for (size_t i = 0; i < STREAMS; i++) {
			const struct end *end = &w.end[side];
			const struct stream *s = engine_stream(end->engine,
			    stream_ids[i]);
			if (is_done(end, i) || !s)
				continue;
			const struct link *l = engine_link(end->engine, s->rank);
			say("%s, stream %u by %s: wrote %llu of %llu, acked %llu, next %llu, "
			    "high %llu, limit %llu%s; got %llu, promised %llu, limit %llu",
			    names[side], s->id, l ? l->ops->name : "nothing",
			    (unsigned long long)end->wrote[i],
			    (unsigned long long)end->total[i],
			    (unsigned long long)s->out_acked,
			    (unsigned long long)s->out_next,
			    (unsigned long long)s->out_high,
			    (unsigned long long)s->out_limit,
			    s->out_ended ? ", ended" : "", (unsigned long long)s->in_got,
			    (unsigned long long)s->in_promised,
			    (unsigned long long)s->in_limit);
		}
	for (size_t i = 0; i < 2 * w.n_offers; i++) {
		const struct datagram *d = datagram_of(i % 2, w.offers[i / 2]->id);
		if (!d)
			continue;
		say("datagrams of %08x at the %s: ranks %u and %u%s, asked %llu, %zu and %zu bytes "
		    "under way, numbers %llu to %llu, step %u, %s%zu bytes are allowed",
		    d->id, names[i % 2], d->link.rank[0], d->link.rank[1],
		    d->link.doubted ? ", in doubt" : "",
		    (unsigned long long)d->link.asked_us, d->link.flight[0],
		    d->link.flight[1], (unsigned long long)d->flight.first,
		    (unsigned long long)d->flight.next, d->repeat.step,
		    d->proof ? "no proof: " : "", d->allowed);
		const struct congestion *c = &d->link.congestion;
		say("    phase %d, rate %llu and %llu, round trip %llu, last %llu, %zu bytes may be "
		    "under way; smoothed %llu and %llu, least %llu, %u of 1024 are lost",
		    (int)c->phase, (unsigned long long)c->rate_now,
		    (unsigned long long)c->rate_before, (unsigned long long)c->rtt_us,
		    (unsigned long long)c->rtt_now_us,
		    congestion_allowed(c, d->link.flight_max),
		    (unsigned long long)d->link.srtt_us,
		    (unsigned long long)d->link.rttvar_us,
		    (unsigned long long)d->rtt_least_us, d->flight.lost_share);
	}
	for (size_t i = 0; i < SSH_LINKS; i++)
		for (enum side side = 0; side < SIDES; side++) {
			const struct ssh_link *s = &w.ssh[i];
			if (!s->open)
				continue;
			say("ssh %zu at the %s: %s%s%s%s%s, %zu bytes to it", i,
			    names[side], s->end[side].there ? "there" : "gone",
			    s->end[side].ready ? ", ready" : "",
			    s->black ? ", nothing passes" : "",
			    w.end[side].engine->active[LINK_URGENT] == &s->end[side].link
				? ", has what is urgent"
				: "",
			    w.end[side].engine->active[LINK_BULK] == &s->end[side].link
				? ", has bulk"
				: "",
			    s->pipe[side].bytes.len);
		}
}

static void
run(uint64_t this_seed)
{
	seed = this_seed;
	rng = this_seed * 0x2545f4914f6cdd1d;
	failure = NULL;
	begin();
	for (size_t steps = 0; !failure && !finished(); steps++) {
		step();
		if (steps > STEPS_MAX || w.now_us > w.calm_us + CALM_MAX_US)
			fail("not everything arrived");
	}
	if (failure)
		say_rest();
	finish();
}

int
main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: datagram_sim FROM COUNT [verbose]\n");
		return 2;
	}
	uint64_t from = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
	uint64_t failed = 0;
	verbose = argc > 3;
	if (!seal_available()) {
		printf("0 passed, 0 failed, 1 skipped\n");
		return 0;
	}
	for (uint64_t i = 0; i < count; i++) {
		run(from + i);
		if (!failure)
			continue;
		failed++;
		printf("seed %llu: %s (after %.6f s)\n", (unsigned long long)(from + i),
		    failure, (double)w.now_us / SECOND);
	}
	printf("datagrams: %llu sent, %llu taken, %llu dropped, %llu told nothing new, "
	       "%llu moves, %llu times up, %llu doubts, %llu from others, %llu logins, "
	       "%llu steps with small ones only\n",
	    (unsigned long long)sum.sent, (unsigned long long)sum.taken,
	    (unsigned long long)sum.dropped, (unsigned long long)sum.repeats,
	    (unsigned long long)sum.moves, (unsigned long long)sum.up,
	    (unsigned long long)sum.doubts, (unsigned long long)sum.spoofed,
	    (unsigned long long)sum.logins, (unsigned long long)sum.small);
	printf("%llu passed, %llu failed\n", (unsigned long long)(count - failed),
	    (unsigned long long)failed);
	return failed != 0;
}
