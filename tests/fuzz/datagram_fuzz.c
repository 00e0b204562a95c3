/*
 * One end of a datagram link against whoever is on its way, and against a peer that has the keys
 * and says what it likes.
 *
 *    input:  u8 who we are | operations: u8 what, then its numbers and bytes
 *
 * What is not authentic, or has come before, changes nothing and is answered by nothing.  Whatever
 * an authentic one says (what was seen, which of those before, how long it was held; frames):
 * nothing that is counted is less than nothing, what is under way is the sum of what is under way,
 * a number is used once, and to an address that proves nothing goes at most three times what came.
 */
#include "base/err.h"
#include "fuzz.h"
#include "link/datagram.h"
#include "wire/bytes.h"

#include <string.h>

enum {
	ID = 7,
	STREAMS = 4,
	OUT_MAX = 5000,
	WINDOW = 3000,
	KEPT = 8,
	TURNS_MAX = 200, /* of one that wants to be called again at once */
};

struct kept {
	size_t n;
	uint8_t bytes[DATAGRAM_MAX];
};

static const uint32_t ids[STREAMS] = { STREAM_CONTROL, STREAM_MAIN, STREAM_CHANNELS,
	STREAM_CHANNELS + 1 };
static const uint8_t ranks[STREAMS] = { RANK_CONTROL, RANK_TERMINAL, RANK_BULK,
	RANK_BULK };

static struct {
	struct engine engine;
	struct datagram io;
	struct datagram_keys keys;
	struct link other; /* beside it; not there: not in the engine */
	uint64_t now_us;
	uint64_t number; /* of ours, the last */
	uint64_t theirs; /* of the peer's, the highest */
	struct kept kept[KEPT]; /* theirs, taken */
	size_t n_kept;
	bool proved;
	size_t came, went; /* bytes, of an address that proves nothing */
	uint64_t moved; /* our number when the peer moved */
	unsigned sent; /* since somebody looked */
	bool broken;
} w;

static void
note_sent(void *owner, struct span bytes)
{
	(void)owner;
	MUST(bytes.n >= DATAGRAM_OVERHEAD && bytes.n <= DATAGRAM_MAX);
	MUST(get_be(bytes.p, 4) == ID && get_be(bytes.p + 4, 8) == w.number + 1);
	w.number++;
	w.sent++;
	uint8_t copy[DATAGRAM_MAX];
	memcpy(copy, bytes.p, bytes.n);
	size_t len = bytes.n - SEAL_HEAD - SEAL_TAG;
	MUST(seal_open(w.keys.out, copy, copy + SEAL_HEAD, len, copy + SEAL_HEAD + len));
	struct span frames = { copy + SEAL_HEAD + DATAGRAM_SAID, len - DATAGRAM_SAID };
	struct frame f;
	union msg m;
	long n;
	for (; (n = frame_parse(frames, &f)) > 0; frames.p += n, frames.n -= (size_t)n)
		MUST(msg_get(&f, &m) == 0);
	MUST(n == 0 && frames.n == 0);
	w.went += bytes.n;
	MUST(w.proved || w.went <= 3 * w.came);
}

/* ---- what always is so ---- */

static void
check_flight(void)
{
	const struct link *l = &w.io.link;
	const struct flight *f = &w.io.flight;
	size_t bytes[LINK_CLASSES] = { 0 };
	unsigned asking = 0;
	MUST(f->next - f->first <= FLIGHT_MAX_SENT && f->high < f->next);
	for (uint64_t n = f->first; n < f->next; n++) {
		const struct flight_sent *s = &f->sent[n % FLIGHT_MAX_SENT];
		MUST(s->n_ranges <= FLIGHT_RANGES);
		asking += !s->settled && s->asks;
		for (int i = 0; i < LINK_CLASSES; i++)
			bytes[i] += s->settled ? 0 : s->bytes[i];
	}
	MUST(asking == f->asking && f->lost_share <= FLIGHT_SHARE);
	MUST(bytes[LINK_URGENT] == l->flight[LINK_URGENT]);
	MUST(bytes[LINK_BULK] == l->flight[LINK_BULK]);
	MUST(l->congestion.sent - l->congestion.delivered
	    == bytes[LINK_URGENT] + bytes[LINK_BULK]);
}

static void
check_all(void)
{
	check_flight();
	MUST(w.io.link.in.len == 0 && w.io.link.queue.len == 0);
	MUST(w.io.size_max == DATAGRAM_MAX || w.io.size_max == DATAGRAM_SMALL);
	MUST(w.io.in_high <= w.theirs);
	for (size_t i = 0; i < STREAMS; i++) {
		const struct stream *s = engine_stream(&w.engine, ids[i]);
		if (!s)
			continue;
		uint64_t written = stream_written(s);
		MUST(s->in.len <= WINDOW && s->out.len <= OUT_MAX);
		MUST(s->in_got <= s->in_promised);
		MUST(s->out_acked <= s->out_next && s->out_next <= s->out_high);
		MUST(s->out_high <= written + s->out_ended);
		MUST(!s->repair
		    || (s->repair->early.n <= RANGES_MAX
			&& s->repair->again.n <= RANGES_MAX));
	}
}

/* ---- begin and end ---- */

static void
begin_link(void)
{
	memset(w.keys.out, 1, SEAL_KEY);
	memset(w.keys.in, 2, SEAL_KEY);
	w.number = w.theirs = w.moved = 0;
	w.n_kept = 0;
	w.proved = true;
	w.broken = false;
	MUST(datagram_init(&w.io, ID, &w.keys, note_sent, NULL, w.now_us) == 0);
	MUST(engine_add(&w.engine, &w.io.link) == 0);
}

static void
end_link(void)
{
	engine_remove(&w.engine, &w.io.link);
	link_close(&w.io.link);
}

static void
begin(uint8_t who)
{
	memset(&w, 0, sizeof w);
	w.now_us = 1000000;
	engine_init(&w.engine, who & 1);
	for (size_t i = 0; i < STREAMS; i++) {
		struct stream *s = engine_open(&w.engine, ids[i], ranks[i], OUT_MAX,
		    WINDOW);
		MUST(s);
		(void)stream_position(s);
		MUST(stream_on_ack(s, 0, who & 2 ? 100 : 1 << 20) == 0);
	}
	begin_link();
	link_init(&w.other, w.now_us);
	if (who & 4)
		MUST(engine_add(&w.engine, &w.other) == 0);
	if (who & 8)
		engine_rank(&w.engine, &w.io.link, 2, 2);
}

static void
end(void)
{
	end_link();
	engine_remove(&w.engine, &w.other);
	link_finish(&w.other);
	engine_finish(&w.engine);
}

/* ---- what comes ---- */

static void
take_frames(void)
{
	struct link *l = &w.io.link;
	struct frame f;
	long len;
	while ((len = link_frame(l, &f)) > 0) {
		if (engine_frame(&w.engine, l, &f, w.now_us))
			w.broken = true;
		link_drop(l, len);
	}
	buf_drop(&l->in, l->in.len);
}

/* `bytes` are changed. */
static enum datagram_taken
hear(uint8_t *bytes, size_t n)
{
	enum datagram_taken taken = datagram_take(&w.io, bytes, n, w.now_us);
	if (taken == DATAGRAM_DROPPED)
		return taken;
	if (!w.proved && taken == DATAGRAM_NEWEST)
		w.came += n;
	if (w.io.flight.high > w.moved)
		w.proved = true;
	take_frames();
	w.broken |= w.io.link.broken;
	return taken;
}

/* Somebody's, who has no key; or one that has come before. */
static void
hear_foreign(const uint8_t *bytes, size_t n)
{
	static struct flight_sent flight[FLIGHT_MAX_SENT];
	static struct datagram before;
	uint8_t copy[2048];
	if (n > sizeof copy)
		n = sizeof copy;
	memcpy(copy, bytes, n);
	before = w.io;
	memcpy(flight, w.io.flight.sent, sizeof flight);
	MUST(hear(copy, n) == DATAGRAM_DROPPED);
	MUST(memcmp(&before, &w.io, sizeof before) == 0);
	MUST(memcmp(flight, w.io.flight.sent, sizeof flight) == 0);
}

static uint64_t
number_of(uint8_t how, uint32_t by)
{
	if (how & 1 && w.theirs > by)
		return w.theirs - by; /* a late one, or one that has come */
	return w.theirs + 1 + (how & 2 ? (uint64_t)by << 40 : by % 2000);
}

/* From a peer that has the keys: what it has seen, and frames, are anything. */
static void
hear_sealed(struct span *in)
{
	uint8_t how = (uint8_t)take_number(in, 1);
	uint64_t number = number_of(how, take_number(in, 2));
	uint32_t seen = how & 4 ? take_number(in, 4)
				: (uint32_t)(w.number - take_number(in, 1) % 40);
	uint32_t before = take_number(in, 4), held = take_number(in, 2);
	struct span frames = take(in,
	    take_number(in, 2) % (DATAGRAM_MAX - DATAGRAM_OVERHEAD));
	struct kept k = { .n = DATAGRAM_OVERHEAD + frames.n };
	uint8_t *inner = k.bytes + SEAL_HEAD;
	size_t len = DATAGRAM_SAID + frames.n;
	put_be(k.bytes, ID, 4);
	put_be(k.bytes + 4, number, 8);
	put_be(inner, how & 4 || seen <= w.number ? seen : 0, 4);
	put_be(inner + 4, before, 4);
	put_be(inner + 8, held, 2);
	memcpy(inner + DATAGRAM_SAID, frames.p, frames.n);
	seal_close(w.keys.in, k.bytes, inner, len, inner + len);
	struct kept copy = k;
	if (how & 8) { /* somebody changes it on its way */
		copy.bytes[take_number(in, 2) % k.n] ^= (uint8_t)(1 << (how >> 5));
		hear_foreign(copy.bytes, copy.n);
		return;
	}
	if (how & 16) { /* or cuts it */
		hear_foreign(copy.bytes, take_number(in, 2) % k.n);
		return;
	}
	uint64_t theirs = w.theirs;
	if (number > w.theirs && number < (uint64_t)1 << 62)
		w.theirs = number;
	if (hear(copy.bytes, copy.n) == DATAGRAM_DROPPED)
		w.theirs = theirs;
	else if (w.n_kept < KEPT)
		w.kept[w.n_kept++] = k;
}

/* ---- what we do ---- */

/* As the owners do: until it wants to be called later. */
static void
turn(void)
{
	for (unsigned i = 0;; i++) {
		w.sent = 0;
		link_write(&w.io.link, &w.engine, w.now_us);
		check_all();
		w.broken |= w.io.link.broken;
		uint64_t at = link_write_at(&w.io.link, &w.engine);
		if (!at || at > w.now_us)
			return;
		MUST(w.sent > 0 || i < 2); /* no turns in vain */
		MUST(i < TURNS_MAX);
		if (w.broken)
			return;
	}
}

static void
program(uint8_t what, size_t n)
{
	uint8_t bytes[OUT_MAX] = { 0 };
	struct stream *s = engine_stream(&w.engine, ids[what >> 4 & 3]);
	if (!s)
		return;
	if (what & 8)
		stream_take(s, n < stream_held(s).n ? n : stream_held(s).n);
	else if (n == 0)
		stream_end(s);
	else
		(void)stream_write(s, bytes, n < sizeof bytes ? n : sizeof bytes);
}

static void
move(uint8_t what)
{
	if (what & 8) {
		datagram_way_changed(&w.io, w.now_us);
		return;
	}
	/* The newest came from elsewhere, and was so long. */
	w.proved = false;
	w.went = 0;
	w.came = DATAGRAM_OVERHEAD;
	w.moved = w.number;
	datagram_peer_moved(&w.io, DATAGRAM_OVERHEAD, w.now_us);
}

static void
operate(uint8_t what, struct span *in)
{
	switch (what & 7) {
	case 0:
		hear_sealed(in);
		break;
	case 1: { /* as it is; nobody makes a tag up */
		struct span bytes = take(in, take_number(in, 2));
		hear_foreign(bytes.p, bytes.n);
		break;
	}
	case 2:
		if (w.n_kept) {
			const struct kept *k = &w.kept[(what >> 3) % w.n_kept];
			hear_foreign(k->bytes, k->n);
		}
		break;
	case 3:
		program(what, take_number(in, 2));
		break;
	case 4:
		w.now_us += (uint64_t)take_number(in, 2) * 100;
		turn();
		break;
	case 5:
		move(what);
		break;
	case 6:
		if (what & 8)
			datagram_ask(&w.io);
		else
			engine_rank(&w.engine, &w.io.link, what >> 4 & 3, what >> 6);
		break;
	default: {
		struct stream *s = engine_stream(&w.engine, ids[2 + (what >> 3 & 1)]);
		if (s && what & 16)
			engine_close(&w.engine, s);
		turn();
	}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { data, size };
	if (!seal_available())
		return 0; /* then there are no datagrams */
	begin((uint8_t)take_number(&in, 1));
	while (in.n) {
		operate((uint8_t)take_number(&in, 1), &in);
		check_all();
		if (w.broken) { /* its owner closes it, and the session goes on */
			end_link();
			begin_link();
		}
	}
	end();
	return 0;
}
