/*
 * One end of a session against a peer that sends what it likes.
 *
 *    input:  u8 who we are | operations: u8 what, then its numbers and bytes
 *
 * After every operation the streams are within their bounds, a frame that was refused has
 * changed none of them, and what we send at an offset is what was written there.
 */
#include "base/err.h"
#include "fuzz.h"
#include "stream/engine.h"

#include <string.h>

enum {
	LINKS = 3,
	STREAMS = 3,
	OUT_MAX = 5000,
	WINDOW = 3000,
	PIPE_MAX = 64 * 1024,
};

struct before {
	uint64_t got, acked, limit, promised;
	size_t held, kept;
	bool ended, end_acked;
};

static struct {
	bool client, lossy;
	struct engine engine;
	struct stream *streams[STREAMS];
	uint64_t wrote[STREAMS], took[STREAMS], got[STREAMS];
	struct link links[LINKS];
	struct link *link; /* the one that operations are about */
	uint64_t now_us;
	struct before before[STREAMS];
} w;

/* What our program writes into a stream; the control stream has messages of its own. */
static uint8_t
content(size_t stream, uint64_t off)
{
	return (uint8_t)(off ^ off >> 8 ^ stream * 85);
}

static struct before
state_of(const struct stream *s)
{
	return (struct before){ .got = s->in_got, .acked = s->out_acked,
		.limit = s->out_limit, .promised = s->in_promised, .held = s->in.len,
		.kept = s->out.len, .ended = s->in_ended, .end_acked = s->out_end_acked };
}

static bool
same_state(const struct before *a, const struct before *b)
{
	return a->got == b->got && a->acked == b->acked && a->limit == b->limit
	    && a->promised == b->promised && a->held == b->held && a->kept == b->kept
	    && a->ended == b->ended && a->end_acked == b->end_acked;
}

static void
check_stream(size_t i)
{
	const struct stream *s = w.streams[i];
	uint64_t written = s->out_acked + s->out.len - s->out_end_acked;
	MUST(s->in.len <= s->window && s->in_got >= w.got[i]);
	MUST(s->in_got <= s->in_promised && s->in_got >= s->in.len);
	MUST(s->out.len <= OUT_MAX);
	MUST(i == STREAM_CONTROL || written == w.wrote[i]);
	MUST(s->out_acked <= s->out_next && s->out_next <= written + s->out_ended);
	MUST(s->out_next <= s->out_high && s->out_high <= written + s->out_ended);
	MUST(stream_room(s) <= OUT_MAX && stream_unacked(s) == s->out.len);
	MUST(!stream_drained(s) || s->in_ended);
	w.got[i] = s->in_got;
}

static void
check_all(void)
{
	for (size_t i = 0; i < STREAMS; i++)
		check_stream(i);
	MUST(w.engine.n_links <= ENGINE_LINKS);
	MUST(!engine_link(&w.engine, RANK_CONTROL) == !w.engine.n_links);
	for (size_t i = 0; i < LINKS; i++)
		(void)engine_deadline(&w.engine, &w.links[i]);
}

static void
link_again(struct link *l)
{
	engine_remove(&w.engine, l);
	link_finish(l);
	link_init(l, w.now_us);
	l->lossy = w.lossy;
	l->heartbeat_us = 5000000;
	l->doubt_min_us = 1000000;
	l->doubt_max_us = 5000000;
	MUST(engine_add(&w.engine, l) == 0);
}

static void
begin(uint8_t who)
{
	memset(&w, 0, sizeof w);
	w.client = who & 1;
	w.lossy = who & 2;
	w.now_us = 1000000;
	engine_init(&w.engine, w.client);
	for (uint32_t i = 0; i < STREAMS; i++) {
		size_t window = who & 4 ? 1 + i : WINDOW;
		w.streams[i] = engine_open(&w.engine, i, (uint8_t)i, OUT_MAX, window);
		MUST(w.streams[i]);
	}
	for (size_t i = 0; i < LINKS; i++)
		link_again(&w.links[i]);
	w.link = &w.links[0];
}

static void
end(void)
{
	for (size_t i = 0; i < LINKS; i++) {
		engine_remove(&w.engine, &w.links[i]);
		link_finish(&w.links[i]);
	}
	engine_finish(&w.engine);
}

/* ---- from the peer ---- */

static bool
take_frame(const struct frame *f)
{
	for (size_t i = 0; i < STREAMS; i++)
		w.before[i] = state_of(w.streams[i]);
	int err = engine_frame(&w.engine, w.link, f, w.now_us);
	if (!err)
		return true;
	MUST(err < 0 && err != ERR_NOMEM && err != ERR_FULL && err != ERR_NOISE);
	for (size_t i = 0; i < STREAMS; i++) {
		struct before after = state_of(w.streams[i]);
		MUST(same_state(&w.before[i], &after));
	}
	link_again(w.link);
	return false;
}

static void
hear(struct span bytes)
{
	struct frame f;
	long len;
	if (link_received(w.link, bytes)) {
		link_again(w.link);
		return;
	}
	while ((len = link_frame(w.link, &f)) > 0) {
		if (!take_frame(&f))
			return;
		link_drop(w.link, len);
		check_all();
	}
	if (len < 0)
		link_again(w.link);
}

/* ---- to the peer ---- */

static void
check_data(const struct msg_data *m)
{
	MUST(m->stream < STREAMS && m->bytes.n && m->bytes.n <= DATA_MAX);
	const struct stream *s = w.streams[m->stream];
	uint64_t end = m->offset + m->bytes.n;
	MUST(end <= s->out_limit && end <= s->out_high);
	for (size_t i = 0; m->stream != STREAM_CONTROL && i < m->bytes.n; i++)
		MUST(m->bytes.p[i] == content(m->stream, m->offset + i));
}

static void
check_sent(const struct frame *f)
{
	union msg m;
	MUST(msg_get(f, &m) == 0);
	switch (f->type) {
	case MSG_DATA:
		check_data(&m.data);
		break;
	case MSG_END:
		MUST(m.end.stream < STREAMS && w.streams[m.end.stream]->out_ended);
		break;
	case MSG_ACK:
		MUST(m.ack.stream < STREAMS);
		MUST(m.ack.received <= w.streams[m.ack.stream]->in_got + 1);
		MUST(m.ack.limit <= w.streams[m.ack.stream]->in_promised);
		break;
	case MSG_USE:
		MUST(w.client);
		break;
	default:
		MUST(f->type == MSG_PING || f->type == MSG_PONG);
	}
}

static void
speak(size_t room)
{
	struct buf out;
	struct frame f;
	long len;
	buf_init(&out, PIPE_MAX);
	(void)engine_fill(&w.engine, w.link, &out, room, w.now_us);
	for (; (len = frame_parse(buf_span(&out), &f)) > 0; buf_drop(&out, (size_t)len))
		check_sent(&f);
	MUST(len == 0 && out.len == 0);
	buf_finish(&out);
}

static void
introduce(struct span theirs)
{
	struct buf out;
	buf_init(&out, ENGINE_STREAMS * POSITION_LEN);
	MUST(engine_positions(&w.engine, &out) == 0);
	MUST(out.len == STREAMS * POSITION_LEN);
	buf_finish(&out);
	(void)engine_set_positions(&w.engine, theirs);
	buf_init(&out, PIPE_MAX);
	MUST(engine_prelude(&w.engine, &out, OUT_MAX) == 0);
	buf_finish(&out);
}

/* ---- our program ---- */

static void
program_writes(size_t i, size_t n)
{
	uint8_t bytes[OUT_MAX];
	if (i == STREAM_CONTROL) {
		struct msg_window m = { .rows = (uint16_t)n };
		(void)engine_tell(&w.engine, MSG_WINDOW, &m);
		return;
	}
	if (n > sizeof bytes)
		n = sizeof bytes;
	for (size_t k = 0; k < n; k++)
		bytes[k] = content(i, w.wrote[i] + k);
	size_t room = stream_room(w.streams[i]);
	size_t took = stream_write(w.streams[i], bytes, n);
	MUST(took == (n < room ? n : room));
	w.wrote[i] += took;
}

static void
program_reads(size_t i, size_t n)
{
	enum msg_type type;
	union msg m;
	if (i == STREAM_CONTROL) {
		for (int k = 0; k < 100 && engine_told(&w.engine, &type, &m) > 0; k++)
			MUST(msg_name((uint8_t)type)[0] != '?');
		return;
	}
	struct span held = stream_held(w.streams[i]);
	MUST(held.n <= w.streams[i]->window);
	if (n > held.n)
		n = held.n;
	stream_take(w.streams[i], n);
	w.took[i] += n;
	MUST(w.took[i] + held.n - n == w.streams[i]->in_got);
}

static void
operate(uint8_t what, struct span *in)
{
	size_t stream = what >> 4 & 3;
	stream = stream < STREAMS ? stream : STREAM_MAIN;
	switch (what & 7) {
	case 0: /* bytes as they are */
		hear(take(in, take_number(in, 2)));
		break;
	case 1: { /* a body that is put into a frame */
		uint8_t type = (uint8_t)take_number(in, 1);
		(void)take_frame(&(struct frame){ type, take(in, take_number(in, 1)) });
		break;
	}
	case 2:
		program_writes(stream, take_number(in, 2));
		break;
	case 3:
		program_reads(stream, take_number(in, 2));
		break;
	case 4:
		speak(take_number(in, 2));
		break;
	case 5:
		w.now_us += (uint64_t)take_number(in, 2) * 100;
		break;
	case 6:
		w.link = &w.links[stream];
		if (what & 8)
			link_again(w.link);
		(void)engine_unwanted(&w.engine);
		break;
	default:
		if (what & 8)
			stream_end(w.streams[stream]);
		else
			introduce(take(in, take_number(in, 1)));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { data, size };
	begin((uint8_t)take_number(&in, 1));
	while (in.n) {
		operate((uint8_t)take_number(&in, 1), &in);
		check_all();
	}
	end();
	return 0;
}
