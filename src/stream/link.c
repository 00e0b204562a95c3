#include "stream/link.h"

#include "wire/bytes.h"

enum {
	ANSWER_SLACK_US = 100 * 1000, /* delayed acknowledgements and a busy host */
	/* of DATA that is not whole: each part may be acknowledged */
	PART_MIN = 4 * 1024,
	LATE_COUNTS_US = 30 * 1000 * 1000, /* so long after it */
};

void
link_init(struct link *l, uint64_t now_us)
{
	*l = (struct link){ .rank = { LINK_RANK, LINK_RANK },
		.heard_us = now_us,
		.progress_us = now_us,
		.flight_max = FLIGHT_MAX,
		.bulk_max = FLIGHT_BULK };
	congestion_init(&l->congestion, now_us);
	buf_init(&l->in, 2 * FRAME_MAX);
	buf_init(&l->queue, LINK_QUEUE_MAX);
}

void
link_finish(struct link *l)
{
	buf_finish(&l->in);
	buf_finish(&l->queue);
}

/* ---- the operations of its kind ---- */

bool
link_read(struct link *l)
{
	return !l->ops || l->ops->read(l);
}

void
link_write(struct link *l, struct engine *e, uint64_t now_us)
{
	if (l->ops)
		l->ops->write(l, e, now_us);
}

uint64_t
link_write_at(const struct link *l, const struct engine *e)
{
	return l->ops ? l->ops->deadline(l, e) : 0;
}

uint64_t
link_trim(struct link *l, uint64_t now_us)
{
	return l->ops ? l->ops->trim(l, now_us) : 0;
}

void
link_quiet(struct link *l)
{
	if (l->ops)
		l->ops->quiet(l);
}

void
link_close(struct link *l)
{
	if (l->ops)
		l->ops->close(l);
}

/* ---- frames ---- */

int
link_received(struct link *l, struct span bytes)
{
	return buf_put(&l->in, bytes.p, bytes.n);
}

static bool
is_data(const struct buf *in)
{
	return in->len >= FRAME_HEADER && buf_bytes(in)[4] == MSG_DATA;
}

long
link_frame(const struct link *l, struct frame *ret_frame)
{
	struct span in = buf_span(&l->in);
	long len = frame_parse(in, ret_frame);
	if (len || !is_data(&l->in) || in.n < DATA_OVERHEAD + PART_MIN)
		return len;
	*ret_frame = (struct frame){ MSG_DATA,
		{ in.p + FRAME_HEADER, in.n - FRAME_HEADER } };
	return (long)in.n;
}

void
link_drop(struct link *l, long frame_len)
{
	size_t len = (size_t)frame_len;
	if (is_data(&l->in) && get_be(buf_bytes(&l->in), 4) + 4 > len) {
		len -= DATA_OVERHEAD;
		(void)msg_split_data(buf_bytes(&l->in), len);
	}
	buf_drop(&l->in, len);
}

void
link_asked(struct link *l, uint64_t now_us)
{
	if (!l->asked_us)
		l->asked_us = now_us;
}

void
link_heard(struct link *l, bool waiting, uint64_t now_us)
{
	if (link_in_doubt(l, now_us)) {
		l->late_us = now_us - l->asked_us;
		l->late_at_us = now_us;
	}
	l->heard_us = now_us;
	l->asked_us = waiting ? now_us : 0;
}

void
link_on_pong(struct link *l, uint64_t stamp, uint64_t now_us)
{
	if (!l->ping_us || stamp != l->ping_us)
		return;
	uint64_t rtt = now_us > stamp ? now_us - stamp : 1;
	l->ping_us = 0;
	if (!l->srtt_us) {
		l->srtt_us = rtt;
		l->rttvar_us = rtt / 2;
		return;
	}
	uint64_t err = rtt > l->srtt_us ? rtt - l->srtt_us : l->srtt_us - rtt;
	l->rttvar_us += err / 4 - l->rttvar_us / 4;
	l->srtt_us += rtt / 8 - l->srtt_us / 8;
}

static uint64_t
within(uint64_t us, uint64_t min_us, uint64_t max_us)
{
	return us < min_us ? min_us : us > max_us ? max_us : us;
}

uint64_t
link_patience_us(const struct link *l)
{
	uint64_t us = 2 * l->srtt_us + 4 * l->rttvar_us
	    + (l->counts ? 0 : ANSWER_SLACK_US); /* it knows how long an answer was held */
	us = within(us, l->doubt_min_us, l->doubt_max_us);
	if (!l->late_us || l->asked_us > l->late_at_us + LATE_COUNTS_US)
		return us;
	/* What is exactly as late as the last one is not in doubt. */
	return within(l->late_us + l->late_us / 4, us,
	    l->doubt_max_us + l->doubt_max_us / 4);
}

uint64_t
link_doubt_at(const struct link *l)
{
	return l->doubt_max_us && l->asked_us && !l->doubted
	    ? l->asked_us + link_patience_us(l)
	    : 0;
}

bool
link_in_doubt(const struct link *l, uint64_t now_us)
{
	uint64_t at = link_doubt_at(l);
	return at && now_us >= at;
}

bool
link_ping_due(const struct link *l, uint64_t now_us)
{
	return l->heartbeat_us && !l->ping_us && now_us >= l->heard_us + l->heartbeat_us;
}

uint64_t
link_deadline(const struct link *l)
{
	uint64_t at = link_doubt_at(l);
	uint64_t beat_us = l->heard_us + l->heartbeat_us;
	return l->heartbeat_us && !l->ping_us && (!at || beat_us < at) ? beat_us : at;
}
