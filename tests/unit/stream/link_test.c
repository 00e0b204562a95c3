#include "base/err.h"
#include "stream/link.h"
#include "test.h"

enum { START = 1000 * 1000, MS = 1000 };

static uint64_t
distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* A PING that is answered after rtt; returns the time of the answer. */
static uint64_t
round_trip(struct link *l, uint64_t now, uint64_t rtt)
{
	l->ping_us = now;
	link_asked(l, now);
	link_on_pong(l, now, now + rtt);
	link_heard(l, false, now + rtt);
	return now + rtt;
}

/* ---- frames ---- */

TEST(frames_come_out_of_bytes_in_any_pieces)
{
	struct msg_ping ping = { 42 };
	struct buf bytes;
	buf_init(&bytes, 1000);
	CHECK_EQ(msg_put(&bytes, MSG_PING, &ping), 0);
	ping.stamp = 43;
	CHECK_EQ(msg_put(&bytes, MSG_PONG, &ping), 0);
	for (size_t at = 0; at <= bytes.len; at++) {
		struct link l;
		struct frame f;
		union msg m;
		int n = 0;
		link_init(&l, START);
		struct span parts[2] = { { buf_bytes(&bytes), at },
			{ buf_bytes(&bytes) + at, bytes.len - at } };
		for (int i = 0; i < 2; i++) {
			long len;
			CHECK_EQ(link_received(&l, parts[i]), 0);
			while ((len = link_frame(&l, &f)) > 0) {
				CHECK_EQ(msg_get(&f, &m), 0);
				CHECK_EQ(f.type, n ? MSG_PONG : MSG_PING);
				CHECK_EQ(m.ping.stamp, 42 + n);
				link_drop(&l, len);
				n++;
			}
			CHECK_EQ(len, 0);
		}
		CHECK_EQ(n, 2);
		link_finish(&l);
	}
	buf_finish(&bytes);
}

TEST(a_link_holds_the_largest_frame_and_not_much_more)
{
	static const uint8_t much[4 * FRAME_MAX];
	struct link l;
	struct frame f;
	link_init(&l, START);
	CHECK_EQ(link_received(&l, (struct span){ much, sizeof much }), ERR_FULL);
	CHECK_EQ(link_frame(&l, &f), 0);
	CHECK_EQ(link_received(&l, (struct span){ much, FRAME_MAX }), 0);
	CHECK_EQ(link_frame(&l, &f), ERR_FRAME);
	link_finish(&l);
	link_finish(&l);
}

TEST(without_memory_a_link_takes_nothing)
{
	struct link l;
	struct frame f;
	link_init(&l, START);
	test_fail_malloc(1);
	CHECK_EQ(link_received(&l, (struct span){ (const uint8_t *)"x", 1 }), ERR_NOMEM);
	CHECK_EQ(link_frame(&l, &f), 0);
	link_finish(&l);
}

/* ---- the round trip ---- */

TEST(the_first_round_trip_is_taken_as_it_is)
{
	struct link l;
	link_init(&l, START);
	CHECK_EQ(l.srtt_us, 0);
	round_trip(&l, START, 80 * MS);
	CHECK_EQ(l.srtt_us, 80 * MS);
	CHECK_EQ(l.rttvar_us, 40 * MS);
	CHECK_EQ(l.ping_us, 0);
}

TEST(a_steady_round_trip_is_measured_as_it_is)
{
	static const uint64_t rtts[] = { 1 * MS, 80 * MS, 900 * MS };
	for (size_t i = 0; i < sizeof rtts / sizeof *rtts; i++) {
		struct link l;
		uint64_t now = START;
		link_init(&l, now);
		for (int k = 0; k < 100; k++)
			now = round_trip(&l, now, rtts[i]);
		CHECK(distance(l.srtt_us, rtts[i]) <= rtts[i] / 50);
		CHECK(l.rttvar_us <= rtts[i] / 50);
	}
}

TEST(the_measure_follows_a_change)
{
	struct link l;
	uint64_t now = START;
	link_init(&l, now);
	now = round_trip(&l, now, 10 * MS);
	now = round_trip(&l, now, 90 * MS);
	/* RFC 6298 2.3: 7/8 of the old, 1/8 of the new; 3/4 and 1/4 for the deviation. */
	CHECK(distance(l.srtt_us, 20 * MS) <= 10);
	CHECK(distance(l.rttvar_us, 23750) <= 10);
	for (int k = 0; k < 100; k++)
		now = round_trip(&l, now, 200 * MS);
	CHECK(distance(l.srtt_us, 200 * MS) <= 4 * MS);
	for (int k = 0; k < 100; k++)
		now = round_trip(&l, now, 20 * MS);
	CHECK(distance(l.srtt_us, 20 * MS) <= 1 * MS);
}

TEST(an_answer_to_another_question_is_no_measure)
{
	struct link l;
	link_init(&l, START);
	link_on_pong(&l, START, START + 1);
	CHECK_EQ(l.srtt_us, 0);
	l.ping_us = START;
	link_on_pong(&l, START - 1, START + 5 * MS);
	link_on_pong(&l, 0, START + 5 * MS);
	CHECK_EQ(l.srtt_us, 0);
	CHECK_EQ(l.ping_us, START);
	link_on_pong(&l, START, START + 5 * MS);
	CHECK_EQ(l.srtt_us, 5 * MS);
	link_on_pong(&l, START, START + 500 * MS); /* once only */
	CHECK_EQ(l.srtt_us, 5 * MS);
}

TEST(a_round_trip_in_no_time_is_a_round_trip)
{
	struct link l;
	link_init(&l, START);
	round_trip(&l, START, 0);
	CHECK(l.srtt_us > 0);
	l.ping_us = START;
	link_on_pong(&l, START, START - 5); /* a clock that is read in another order */
	CHECK(l.srtt_us > 0 && l.srtt_us < 5 * MS);
}

/* ---- doubt ---- */

static void
doubting_link(struct link *l)
{
	link_init(l, START);
	l->doubt_min_us = 1000 * MS;
	l->doubt_max_us = 5000 * MS;
}

TEST(patience_has_bounds)
{
	struct link l;
	doubting_link(&l);
	round_trip(&l, START, 1 * MS);
	CHECK_EQ(link_patience_us(&l), l.doubt_min_us);
	l.srtt_us = 1000 * MS;
	l.rttvar_us = 100 * MS;
	CHECK(link_patience_us(&l) > 2 * l.srtt_us);
	CHECK(link_patience_us(&l) < 3 * l.srtt_us);
	l.srtt_us = 20 * 1000 * MS;
	CHECK_EQ(link_patience_us(&l), l.doubt_max_us);
}

TEST(a_question_without_an_answer_is_a_doubt)
{
	struct link l;
	doubting_link(&l);
	CHECK(!link_in_doubt(&l, START + 3600u * 1000 * MS)); /* nothing was asked */
	CHECK_EQ(link_deadline(&l), 0);
	link_asked(&l, START);
	link_asked(&l, START + 900 * MS); /* the oldest counts */
	uint64_t at = START + link_patience_us(&l);
	CHECK_EQ(link_deadline(&l), at);
	CHECK(!link_in_doubt(&l, at - 1));
	CHECK(link_in_doubt(&l, at));
	link_heard(&l, false, at + 1);
	CHECK(!link_in_doubt(&l, at + 3600u * 1000 * MS));
	CHECK_EQ(link_deadline(&l), 0);
}

/* A link that became slow: nothing else would be quicker. */
TEST(after_a_late_answer_the_next_may_be_as_late)
{
	struct link l;
	doubting_link(&l);
	link_asked(&l, START);
	CHECK(link_in_doubt(&l, START + 3000 * MS));
	link_heard(&l, true, START + 3000 * MS);
	CHECK(!link_in_doubt(&l, START + 6100 * MS));
	CHECK(link_in_doubt(&l, START + 6800 * MS));
	link_heard(&l, false, START + 23000 * MS); /* as after a sleep */
	link_asked(&l, START + 24000 * MS);
	CHECK(link_in_doubt(&l, START + 24000 * MS + l.doubt_max_us * 5 / 4));
	link_heard(&l, false, START + 25000 * MS); /* in time: that was it */
	link_asked(&l, START + 60000 * MS);
	CHECK(link_in_doubt(&l, START + 61000 * MS));
	link_finish(&l);
}

TEST(any_frame_is_an_answer_but_questions_may_stay_open)
{
	struct link l;
	doubting_link(&l);
	link_asked(&l, START);
	link_heard(&l, true, START + 900 * MS);
	CHECK(!link_in_doubt(&l, START + 1800 * MS));
	CHECK(link_in_doubt(&l, START + 900 * MS + link_patience_us(&l)));
}

TEST(who_does_not_doubt_never_does)
{
	struct link l;
	link_init(&l, START);
	link_asked(&l, START);
	CHECK(!link_in_doubt(&l, START + 3600u * 1000 * MS));
	CHECK_EQ(link_deadline(&l), 0);
}

/* ---- the heartbeat ---- */

TEST(silence_is_followed_by_a_question)
{
	struct link l;
	link_init(&l, START);
	CHECK(!link_ping_due(&l, START + 3600u * 1000 * MS));
	l.heartbeat_us = 5000 * MS;
	CHECK_EQ(link_deadline(&l), START + 5000 * MS);
	CHECK(!link_ping_due(&l, START + 4999 * MS));
	CHECK(link_ping_due(&l, START + 5000 * MS));
	link_heard(&l, false, START + 3000 * MS);
	CHECK(!link_ping_due(&l, START + 5000 * MS));
	CHECK_EQ(link_deadline(&l), START + 8000 * MS);
	l.ping_us = START + 8000 * MS; /* one is under way */
	CHECK(!link_ping_due(&l, START + 20000 * MS));
	CHECK_EQ(link_deadline(&l), 0);
}

TEST(the_sooner_of_heartbeat_and_doubt_is_the_deadline)
{
	struct link l;
	doubting_link(&l);
	l.heartbeat_us = 5000 * MS;
	link_asked(&l, START + 1000 * MS);
	CHECK_EQ(link_deadline(&l), START + 1000 * MS + link_patience_us(&l));
	l.heartbeat_us = 500 * MS;
	CHECK_EQ(link_deadline(&l), START + 500 * MS);
}

TEST(long_data_comes_in_parts)
{
	static uint8_t bytes[50 * 1000];
	struct link l;
	struct buf b;
	struct frame f;
	union msg m;
	uint64_t next = 1000;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	link_init(&l, START);
	buf_init(&b, FRAME_MAX);
	struct msg_data data = { 1, next, { bytes, sizeof bytes } };
	CHECK_EQ(msg_put(&b, MSG_DATA, &data), 0);
	for (size_t parts = 0, n; b.len; parts++) {
		n = b.len < 6000 ? b.len : 6000;
		CHECK_EQ(link_received(&l, (struct span){ buf_bytes(&b), n }), 0);
		buf_drop(&b, n);
		for (long len; (len = link_frame(&l, &f)) > 0; link_drop(&l, len)) {
			CHECK_EQ(msg_get(&f, &m), 0);
			CHECK_EQ(m.data.stream, 1);
			CHECK_EQ(m.data.offset, next);
			CHECK(memcmp(m.data.bytes.p, bytes + next - 1000, m.data.bytes.n)
			    == 0);
			next += m.data.bytes.n;
		}
		CHECK(parts < 2 || next > 1000); /* before the frame is whole */
	}
	CHECK_EQ(next, 1000 + sizeof bytes);
	CHECK_EQ(l.in.len, 0);
	buf_finish(&b);
	link_finish(&l);
}
