#include "server/pace.h"

#include <stdio.h>
#include <string.h>

enum {
	SECOND_US = 1000 * 1000,
	SLOWEST = 64000 / 8, /* bytes a second that any link is taken to carry */
	PIECE = 2 * 1024, /* so much is acknowledged soon */
	LARGER = 8, /* times, than the pieces before */
	PART = 8, /* of the time that is left, for a piece */
	APART_US = 3 * 1000, /* so that a packet of ssh's does not hold both */
	/* What lies between two acknowledgements: less may be chance, so much is none. */
	CHANCE_US = 25 * 1000,
	CERTAIN_US = 100 * 1000,
};

static void
let_go(struct pace *p, struct stream *s)
{
	p->piece = 0;
	s->out_hold = UINT64_MAX;
}

static void
measure(struct pace *p, struct stream *s, uint64_t piece, uint64_t now_us)
{
	p->piece = (size_t)piece;
	p->begun_us = now_us;
	p->second_us = p->first_acked_us = 0;
	p->first = s->out_hold = s->out_next + piece;
	if (p->first + piece >= p->screens)
		let_go(p, s); /* there is no more to decide about */
}

void
pace_begin(struct pace *p, struct stream *s, size_t len, size_t screens, uint64_t time_us)
{
	*p = (struct pace){ .time_us = time_us,
		.screens = stream_written(s) - len + screens };
	if (time_us && len > SLOWEST * time_us / SECOND_US)
		p->piece = PIECE;
}

/* ---- leaving rows out ---- */

/* The offset behind the line that stands at `from`, at most `max`; 0: it does not end. */
static uint64_t
line_end(const struct stream *s, uint64_t from, uint64_t max)
{
	bool cr = false;
	for (uint64_t off = from; off < max; off++) {
		uint8_t byte = *ring_at(&s->out, (size_t)(off - s->out_acked)).p;
		if (cr && byte == '\n')
			return off + 1;
		cr = byte == '\r';
	}
	return 0;
}

/* So that no more than `room` bytes are left to send, if the rest are rows. */
static void
leave_out(struct pace *p, struct stream *s, uint64_t room)
{
	char line[80];
	uint64_t from = line_end(s, s->out_high, p->screens), to = from, next, lines = 0;
	while (
	    to && stream_written(s) - to > room && (next = line_end(s, to, p->screens))) {
		to = next;
		lines++;
	}
	int n = snprintf(line, sizeof line,
	    "[belay: %llu lines of history left out: the link is slow]\r\n",
	    (unsigned long long)lines);
	if (to - from > (size_t)n)
		stream_replace(s, from, to,
		    (struct span){ (const uint8_t *)line, (size_t)n });
}

/* Both pieces are acknowledged. */
static void
decide(struct pace *p, struct stream *s, uint64_t now_us)
{
	uint64_t took_us = now_us - p->first_acked_us,
		 apart_us = p->second_us - p->begun_us;
	took_us = took_us > apart_us ? took_us - apart_us : 0;
	uint64_t rate = p->piece * SECOND_US
	    / (took_us > CHANCE_US ? took_us : CHANCE_US);
	uint64_t left_us = p->due_us > now_us ? p->due_us - now_us : 0;
	uint64_t room = rate * left_us / SECOND_US, larger = p->piece * LARGER;
	if (larger > room / PART)
		larger = room / PART;
	if (stream_unsent(s) <= room) {
		let_go(p, s);
	} else if (took_us < CERTAIN_US && larger >= p->piece) {
		measure(p, s, larger, now_us);
	} else {
		leave_out(p, s, room);
		let_go(p, s);
	}
}

uint64_t
pace_turn(struct pace *p, struct stream *s, const void *link, uint64_t now_us)
{
	bool other = p->link != link;
	p->link = link;
	if (!p->piece || !link)
		return 0;
	if (other) {
		p->due_us = now_us + p->time_us;
		measure(p, s, PIECE, now_us);
	}
	if (!p->second_us && now_us >= p->begun_us + APART_US) {
		p->second_us = now_us;
		s->out_hold = p->first + p->piece;
	}
	if (!p->first_acked_us && s->out_acked >= p->first)
		p->first_acked_us = now_us;
	if (p->piece && s->out_acked >= p->first + p->piece)
		decide(p, s, now_us);
	return p->piece && !p->second_us ? p->begun_us + APART_US : 0;
}
