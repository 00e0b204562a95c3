#include "base/err.h"
#include "stream/stream.h"
#include "test.h"

enum { LONG = 1000 * 1000, NOW = 5000000 };

static struct span
text(const char *s)
{
	return (struct span){ (const uint8_t *)s, strlen(s) };
}

static void
check_held(const struct stream *s, const char *wanted)
{
	struct span held = stream_held(s);
	CHECK_EQ(held.n, strlen(wanted));
	CHECK(memcmp(held.p, wanted, held.n) == 0);
}

/* What would be sent next is this text, at the offset; it is sent. */
static void
check_sends(struct stream *s, size_t max, uint64_t offset, const char *wanted)
{
	const uint8_t *bytes;
	bool end;
	size_t n = stream_next(s, max, &bytes, &end);
	CHECK_EQ(n, strlen(wanted));
	CHECK(!end);
	CHECK_EQ(s->out_next, offset);
	CHECK(n == 0 || memcmp(bytes, wanted, n) == 0);
	stream_sent(s, n);
}

static void
check_sends_end(struct stream *s, uint64_t offset)
{
	const uint8_t *bytes;
	bool end;
	CHECK_EQ(stream_next(s, 100, &bytes, &end), 0);
	CHECK(end);
	CHECK_EQ(s->out_next, offset);
	stream_sent(s, 1);
}

/* A receiver that has told its limit. */
static void
receiver(struct stream *s, size_t window)
{
	stream_init(s, 7, 1, 100, window);
	CHECK_EQ(stream_ack(s).limit, window);
}

/* What the peer says is an error and changes nothing. */
#define CHECK_REFUSED(s, call, code) \
	do { \
		struct stream before; \
		memcpy(&before, s, sizeof before); \
		CHECK_EQ(call, code); \
		CHECK(memcmp(&before, s, sizeof before) == 0); \
	} while (0)

/* ---- sending ---- */

TEST(nothing_is_sent_without_credit)
{
	struct stream s;
	stream_init(&s, 7, 1, 100, 100);
	CHECK_EQ(stream_write(&s, "hello", 5), 5);
	check_sends(&s, 100, 0, "");
	CHECK_EQ(stream_on_ack(&s, 0, 3), 0);
	check_sends(&s, 100, 0, "hel");
	check_sends(&s, 100, 3, "");
	CHECK_EQ(stream_on_ack(&s, 0, 2), 0); /* limits never go down */
	CHECK_EQ(stream_on_ack(&s, 0, 10), 0);
	check_sends(&s, 1, 3, "l");
	check_sends(&s, 100, 4, "o");
	CHECK_EQ(stream_unacked(&s), 5);
	CHECK_EQ(stream_unsent(&s), 0);
	stream_finish(&s);
}

TEST(what_is_not_acknowledged_is_kept_and_sent_again)
{
	struct stream s;
	stream_init(&s, 7, 1, 10, 100);
	CHECK_EQ(stream_on_ack(&s, 0, LONG), 0);
	CHECK_EQ(stream_write(&s, "0123456789abc", 13), 10);
	CHECK_EQ(stream_room(&s), 0);
	CHECK_EQ(stream_write(&s, "x", 1), 0);
	check_sends(&s, 8, 0, "01234567");
	CHECK_EQ(stream_on_ack(&s, 4, LONG), 0);
	CHECK_EQ(stream_room(&s), 4);
	CHECK_EQ(stream_write(&s, "abcdef", 6), 4);
	stream_rewind(&s);
	CHECK_EQ(stream_unsent(&s), 10);
	check_sends(&s, 100, 4, "456789abcd");
	CHECK_EQ(stream_on_ack(&s, 2, LONG), 0); /* overtaken */
	CHECK_EQ(stream_unacked(&s), 10);
	CHECK_EQ(stream_on_ack(&s, 14, LONG), 0);
	CHECK_EQ(stream_unacked(&s), 0);
	stream_finish(&s);
}

TEST(after_a_rewind_an_acknowledgement_skips_what_the_peer_has)
{
	struct stream s;
	stream_init(&s, 7, 1, 100, 100);
	CHECK_EQ(stream_on_ack(&s, 0, LONG), 0);
	CHECK_EQ(stream_write(&s, "0123456789", 10), 10);
	check_sends(&s, 100, 0, "0123456789");
	stream_rewind(&s);
	check_sends(&s, 2, 0, "01");
	CHECK_EQ(stream_on_ack(&s, 6, LONG), 0);
	check_sends(&s, 100, 6, "6789");
	stream_finish(&s);
}

TEST(the_end_is_sent_and_acknowledged_like_a_byte)
{
	struct stream s;
	stream_init(&s, 7, 1, 100, 100);
	CHECK_EQ(stream_on_ack(&s, 0, 2), 0);
	CHECK_EQ(stream_write(&s, "ab", 2), 2);
	stream_end(&s);
	CHECK_EQ(stream_write(&s, "c", 1), 0);
	CHECK_EQ(stream_room(&s), 0);
	CHECK_EQ(stream_unsent(&s), 3);
	check_sends(&s, 100, 0, "ab");
	check_sends_end(&s, 2); /* needs no credit */
	check_sends(&s, 100, 3, "");
	CHECK_EQ(stream_on_ack(&s, 2, 2), 0);
	CHECK(!stream_delivered(&s));
	stream_rewind(&s);
	check_sends_end(&s, 2);
	CHECK_EQ(stream_on_ack(&s, 3, 2), 0);
	CHECK(stream_delivered(&s));
	CHECK_EQ(stream_unsent(&s), 0);
	stream_rewind(&s);
	check_sends(&s, 100, 3, "");
	stream_finish(&s);
}

TEST(an_empty_stream_may_end)
{
	struct stream s;
	stream_init(&s, 7, 1, 100, 100);
	stream_end(&s);
	check_sends_end(&s, 0);
	CHECK_EQ(stream_on_ack(&s, 1, 0), 0);
	CHECK(stream_delivered(&s));
	stream_finish(&s);
}

TEST(what_was_never_sent_cannot_be_acknowledged)
{
	struct stream s;
	stream_init(&s, 7, 1, 100, 100);
	CHECK_REFUSED(&s, stream_on_ack(&s, 1, LONG), ERR_OFFSET);
	CHECK_EQ(stream_on_ack(&s, 0, LONG), 0);
	CHECK_EQ(stream_write(&s, "abcd", 4), 4);
	check_sends(&s, 2, 0, "ab");
	CHECK_REFUSED(&s, stream_on_ack(&s, 3, 2 * LONG), ERR_OFFSET);
	CHECK_REFUSED(&s, stream_on_ack(&s, UINT64_MAX, UINT64_MAX), ERR_OFFSET);
	CHECK_EQ(stream_on_ack(&s, 2, LONG), 0);
	stream_end(&s);
	check_sends(&s, 100, 2, "cd");
	/* The end is not sent yet. */
	CHECK_REFUSED(&s, stream_on_ack(&s, 5, LONG), ERR_OFFSET);
	check_sends_end(&s, 4);
	CHECK_REFUSED(&s, stream_on_ack(&s, 6, LONG), ERR_OFFSET);
	stream_rewind(&s);
	CHECK_EQ(stream_on_ack(&s, 5, LONG), 0); /* it was sent once, before the rewind */
	stream_finish(&s);
}

TEST(a_boundless_limit_is_taken_as_it_is)
{
	struct stream s;
	stream_init(&s, 7, 1, 100, 100);
	CHECK_EQ(stream_on_ack(&s, 0, UINT64_MAX), 0);
	CHECK_EQ(stream_write(&s, "abc", 3), 3);
	check_sends(&s, SIZE_MAX, 0, "abc");
	stream_finish(&s);
}

TEST(what_is_offered_before_the_handshake_may_be_acknowledged)
{
	struct stream s;
	const uint8_t *bytes;
	stream_init(&s, 7, 1, 100, 100);
	CHECK_EQ(stream_offer(&s, 10, &bytes), 0);
	CHECK_EQ(stream_write(&s, "abcdef", 6), 6);
	CHECK_EQ(stream_offer(&s, 10, &bytes), 0); /* no credit */
	CHECK_EQ(stream_on_ack(&s, 0, 5), 0);
	CHECK_EQ(stream_offer(&s, 3, &bytes), 3);
	CHECK(memcmp(bytes, "abc", 3) == 0);
	CHECK_REFUSED(&s, stream_on_ack(&s, 4, 5), ERR_OFFSET);
	CHECK_EQ(stream_offer(&s, 100, &bytes), 5);
	CHECK_EQ(stream_on_ack(&s, 5, 10), 0);
	check_sends(&s, 100, 5, "f");
	stream_finish(&s);
}

/* ---- receiving ---- */

TEST(what_comes_twice_is_dropped)
{
	struct stream s;
	receiver(&s, 100);
	CHECK_EQ(stream_on_data(&s, 0, text("abcd"), NOW), 0);
	CHECK_EQ(stream_on_data(&s, 0, text("abcd"), NOW), 0);
	CHECK_EQ(stream_on_data(&s, 1, text("bc"), NOW), 0);
	check_held(&s, "abcd");
	CHECK_EQ(stream_on_data(&s, 2, text("cdef"), NOW), 0);
	check_held(&s, "abcdef");
	stream_take(&s, 5);
	CHECK_EQ(stream_on_data(&s, 0, text("abcdefg"), NOW), 0);
	check_held(&s, "fg");
	CHECK_EQ(stream_on_data(&s, 7, text(""), NOW), 0);
	check_held(&s, "fg");
	stream_finish(&s);
}

TEST(what_comes_too_early_is_a_gap)
{
	struct stream s;
	receiver(&s, 100);
	CHECK_REFUSED(&s, stream_on_data(&s, 1, text("b"), NOW), ERR_GAP);
	CHECK_REFUSED(&s, stream_on_data(&s, UINT64_MAX, text("b"), NOW), ERR_GAP);
	CHECK_REFUSED(&s, stream_on_end(&s, 1, NOW), ERR_GAP);
	CHECK_REFUSED(&s, stream_on_end(&s, UINT64_MAX, NOW), ERR_GAP);
	CHECK_EQ(stream_on_data(&s, 0, text("a"), NOW), 0);
	CHECK_REFUSED(&s, stream_on_data(&s, 2, text("c"), NOW), ERR_GAP);
	stream_finish(&s);
}

TEST(the_peer_may_not_send_more_than_it_was_told)
{
	struct stream s;
	receiver(&s, 4);
	CHECK_REFUSED(&s, stream_on_data(&s, 0, text("abcde"), NOW), ERR_CREDIT);
	CHECK_EQ(stream_on_data(&s, 0, text("abcd"), NOW), 0);
	stream_take(&s, 4);
	/* There is room again, but nobody has said so. */
	CHECK_REFUSED(&s, stream_on_data(&s, 4, text("e"), NOW), ERR_CREDIT);
	CHECK_EQ(stream_ack(&s).limit, 8);
	CHECK_EQ(stream_on_data(&s, 4, text("efgh"), NOW), 0);
	CHECK_REFUSED(&s, stream_on_data(&s, 4, text("efghi"), NOW), ERR_CREDIT);
	check_held(&s, "efgh");
	stream_finish(&s);
}

TEST(a_position_in_a_handshake_is_a_promise_and_stays_due)
{
	struct stream s;
	receiver(&s, 4);
	CHECK_EQ(stream_on_data(&s, 0, text("abcd"), NOW), 0);
	stream_take(&s, 4);
	struct msg_ack at = stream_position(&s);
	CHECK_EQ(at.stream, 7);
	CHECK_EQ(at.received, 4);
	CHECK_EQ(at.limit, 8);
	CHECK(stream_ack_at(&s) != 0);
	CHECK_EQ(stream_on_data(&s, 4, text("efgh"), NOW), 0);
	stream_finish(&s);
}

TEST(the_end_comes_after_the_last_byte)
{
	struct stream s;
	receiver(&s, 4);
	CHECK_EQ(stream_on_data(&s, 0, text("abc"), NOW), 0);
	CHECK_REFUSED(&s, stream_on_end(&s, 2, NOW), ERR_OFFSET);
	CHECK_REFUSED(&s, stream_on_end(&s, 4, NOW), ERR_GAP);
	CHECK_EQ(stream_on_end(&s, 3, NOW), 0);
	CHECK(!stream_drained(&s));
	CHECK_EQ(stream_ack(&s).received, 4);
	CHECK_EQ(stream_on_end(&s, 3, NOW), 0);
	CHECK_EQ(stream_on_data(&s, 1, text("bc"), NOW), 0);
	CHECK_REFUSED(&s, stream_on_data(&s, 1, text("bcd"), NOW), ERR_OFFSET);
	CHECK_REFUSED(&s, stream_on_data(&s, 3, text("d"), NOW), ERR_OFFSET);
	CHECK_REFUSED(&s, stream_on_data(&s, 5, text("e"), NOW), ERR_GAP);
	stream_take(&s, 3);
	CHECK(stream_drained(&s));
	CHECK_EQ(stream_ack(&s).received, 4);
	stream_finish(&s);
}

TEST(there_is_no_data_behind_the_end)
{
	struct stream s;
	receiver(&s, 100);
	CHECK_EQ(stream_on_end(&s, 0, NOW), 0);
	CHECK_REFUSED(&s, stream_on_data(&s, 1, text("a"), NOW), ERR_OFFSET);
	stream_finish(&s);
}

/* ---- acknowledging ---- */

TEST(a_new_stream_tells_its_limit_before_anything_may_come)
{
	struct stream s;
	stream_init(&s, 7, 1, 100, 100);
	CHECK_REFUSED(&s, stream_on_data(&s, 0, text("a"), NOW), ERR_CREDIT);
	CHECK(stream_ack_at(&s) != 0);
	CHECK_EQ(stream_ack(&s).limit, 100);
	CHECK_EQ(stream_on_data(&s, 0, text("a"), NOW), 0);
	stream_finish(&s);
}

TEST(an_idle_stream_has_nothing_to_say)
{
	static const size_t windows[] = { 0, 1, 2, 3, 100, LONG };
	for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
		struct stream s;
		receiver(&s, windows[i]);
		CHECK_EQ(stream_ack_at(&s), 0);
		stream_tell_again(&s);
		CHECK(stream_ack_at(&s) != 0);
		CHECK_EQ(stream_ack(&s).limit, windows[i]);
		CHECK_EQ(stream_ack_at(&s), 0);
		stream_finish(&s);
	}
}

TEST(room_may_be_filled_in_place)
{
	struct stream s;
	uint8_t *room;
	const uint8_t *bytes;
	bool end;
	stream_init(&s, 7, 1, 10, 100);
	CHECK_EQ(stream_on_ack(&s, 0, 100), 0);
	CHECK_EQ(stream_space(&s, 4, &room), 4);
	memcpy(room, "abcd", 4);
	stream_wrote(&s, 3);
	CHECK_EQ(stream_unsent(&s), 3);
	CHECK_EQ(stream_space(&s, 100, &room), 7); /* no more than fits */
	memcpy(room, "defghij", 7);
	stream_wrote(&s, 7);
	CHECK_EQ(stream_space(&s, 1, &room), 0);
	CHECK_EQ(stream_next(&s, 100, &bytes, &end), 10);
	CHECK(memcmp(bytes, "abcdefghij", 10) == 0);
	stream_finish(&s);
	stream_init(&s, 7, 1, 10, 100);
	stream_end(&s);
	CHECK_EQ(stream_space(&s, 1, &room), 0);
	stream_finish(&s);
}

TEST(a_little_is_acknowledged_soon_and_much_at_once)
{
	static const uint8_t much[128 * 1024];
	struct stream s;
	receiver(&s, LONG);
	CHECK_EQ(stream_on_data(&s, 0, text("a"), NOW), 0);
	CHECK(stream_ack_at(&s) > NOW);
	CHECK(stream_ack_at(&s) <= NOW + 100 * 1000);
	CHECK_EQ(stream_on_data(&s, 1, text("b"), NOW + 1000), 0);
	CHECK(stream_ack_at(&s) <= NOW + 100 * 1000); /* not put off by what follows */
	struct span bytes = { much, sizeof much };
	CHECK_EQ(stream_on_data(&s, 2, (struct span){ much, 4000 }, NOW + 2000), 0);
	CHECK(stream_ack_at(&s) <= NOW + 10 * 1000); /* the sender may wait for it */
	CHECK(stream_ack_at(&s) > NOW);
	CHECK_EQ(stream_on_data(&s, 4002, bytes, NOW + 2000), 0);
	CHECK(stream_ack_at(&s) <= NOW + 2000);
	CHECK_EQ(stream_ack(&s).received, 4002 + sizeof much);
	CHECK_EQ(stream_ack_at(&s), 0);
	stream_finish(&s);
}

TEST(a_peer_that_repeats_itself_is_answered_at_once)
{
	struct stream s;
	receiver(&s, LONG);
	CHECK_EQ(stream_on_data(&s, 0, text("a"), NOW), 0);
	(void)stream_ack(&s);
	CHECK_EQ(stream_on_data(&s, 0, text("a"), NOW), 0);
	CHECK(stream_ack_at(&s) != 0 && stream_ack_at(&s) <= NOW);
	(void)stream_ack(&s);
	CHECK_EQ(stream_on_end(&s, 1, NOW), 0);
	CHECK(stream_ack_at(&s) != 0 && stream_ack_at(&s) <= NOW);
	(void)stream_ack(&s);
	CHECK_EQ(stream_on_end(&s, 1, NOW), 0);
	CHECK(stream_ack_at(&s) != 0 && stream_ack_at(&s) <= NOW);
	stream_finish(&s);
}

TEST(at_time_0_an_acknowledgement_is_due_too)
{
	struct stream s;
	receiver(&s, LONG);
	CHECK_EQ(stream_on_data(&s, 0, text("a"), 0), 0);
	CHECK(stream_ack_at(&s) != 0);
	stream_finish(&s);
}

TEST(a_sender_that_may_not_go_on_hears_when_it_may)
{
	for (size_t window = 1; window <= 40; window++) {
		uint8_t bytes[40] = { 0 };
		struct stream s;
		receiver(&s, window);
		CHECK_EQ(stream_on_data(&s, 0, (struct span){ bytes, window }, NOW), 0);
		CHECK_EQ(stream_ack(&s).limit, window);
		CHECK_EQ(stream_ack_at(&s), 0); /* nothing is taken: no more room */
		stream_take(&s, window);
		CHECK(stream_ack_at(&s) != 0);
		CHECK_EQ(stream_ack(&s).limit, 2 * window);
		stream_finish(&s);
	}
}

/* ---- no memory ---- */

TEST(without_memory_nothing_is_taken)
{
	struct stream s;
	stream_init(&s, 7, 1, LONG, LONG);
	(void)stream_ack(&s);
	test_fail_malloc(1);
	CHECK_EQ(stream_write(&s, "abc", 3), 0);
	CHECK_EQ(stream_write(&s, "abc", 3), 3);
	test_fail_malloc(1);
	CHECK_REFUSED(&s, stream_on_data(&s, 0, text("abc"), NOW), ERR_NOMEM);
	CHECK_EQ(stream_on_data(&s, 0, text("abc"), NOW), 0);
	check_held(&s, "abc");
	stream_finish(&s);
	stream_finish(&s);
}

/* ---- against a naive model ----
 *
 * One direction: a sender, a network that keeps every frame and acknowledgement it ever
 * saw and delivers any of them, cut as it likes, as often as it likes, and a receiver.
 * The model is a handful of counters. */

enum { FRAMES = 512, BYTES = 20000 };

static struct {
	struct stream tx, rx;
	uint8_t bytes[BYTES]; /* all that is ever written */
	uint64_t written, taken;
	bool ended; /* by the sender's program */
	uint64_t got; /* by the receiver, without the end */
	bool got_end;
	uint64_t acked; /* heard by the sender, with the end */
	uint64_t limit; /* the highest it heard */
	uint64_t told_limit; /* the highest the receiver said */
	struct msg_data frames[FRAMES];
	bool is_end[FRAMES];
	size_t n_frames;
	struct msg_ack acks[FRAMES];
	size_t n_acks;
	uint64_t now;
} m;

static void
do_write(void)
{
	size_t n = test_below(test_below(4) ? 10 : 500);
	if (m.written + n > BYTES)
		n = (size_t)(BYTES - m.written);
	/* Bytes acknowledged: the end is none. */
	size_t kept = (size_t)(m.written - (m.acked < m.written ? m.acked : m.written));
	size_t room = m.ended ? 0 : m.tx.out.max - kept;
	CHECK_EQ(stream_room(&m.tx), room);
	CHECK_EQ(stream_unacked(&m.tx), kept);
	size_t took = stream_write(&m.tx, m.bytes + m.written, n);
	CHECK_EQ(took, n < room ? n : room);
	m.written += took;
}

static void
do_send(size_t max)
{
	const uint8_t *bytes;
	bool end;
	if (m.n_frames == FRAMES)
		m.n_frames = test_below(FRAMES);
	uint64_t at = m.tx.out_next;
	size_t n = stream_next(&m.tx, max, &bytes, &end);
	CHECK(n <= max);
	if (n) {
		CHECK(!end);
		CHECK(at + n <= m.limit && at + n <= m.written && at >= m.acked);
		CHECK(memcmp(bytes, m.bytes + at, n) == 0);
	} else if (end) {
		CHECK(m.ended && at == m.written);
	} else {
		CHECK(at >= m.written + m.ended || at >= m.limit || max == 0);
		return;
	}
	m.is_end[m.n_frames] = end;
	m.frames[m.n_frames++] = (struct msg_data){ 0, at, { m.bytes + at, n } };
	stream_sent(&m.tx, end ? 1 : n);
}

/* Overlapping in any way: somebody else cut the same bytes elsewhere. */
static void
cut(struct msg_data *f)
{
	size_t skip = test_below(3) ? 0 : test_below(f->bytes.n + 1);
	f->offset += skip;
	f->bytes.p += skip;
	f->bytes.n -= skip;
	if (!test_below(3))
		f->bytes.n = test_below(f->bytes.n + 1);
}

static void
do_deliver(size_t i, bool whole)
{
	struct msg_data f = m.frames[i];
	if (m.is_end[i]) {
		bool early = f.offset > m.got;
		CHECK_EQ(stream_on_end(&m.rx, f.offset, m.now), early ? ERR_GAP : 0);
		m.got_end |= f.offset == m.got;
		return;
	}
	if (!whole)
		cut(&f);
	bool gap = f.offset > m.got + m.got_end;
	CHECK_EQ(stream_on_data(&m.rx, f.offset, f.bytes, m.now), gap ? ERR_GAP : 0);
	if (!gap && f.offset + f.bytes.n > m.got)
		m.got = f.offset + f.bytes.n;
}

static void
do_take(size_t max)
{
	struct span held = stream_held(&m.rx);
	CHECK_EQ(held.n, m.got - m.taken);
	CHECK(memcmp(held.p, m.bytes + m.taken, held.n) == 0);
	CHECK_EQ(stream_drained(&m.rx), m.got_end && !held.n);
	size_t n = max < held.n ? max : held.n;
	stream_take(&m.rx, n);
	m.taken += n;
}

static void
do_ack(void)
{
	if (m.n_acks == FRAMES)
		m.n_acks = test_below(FRAMES);
	struct msg_ack ack = test_below(4) ? stream_ack(&m.rx) : stream_position(&m.rx);
	CHECK_EQ(ack.received, m.got + m.got_end);
	CHECK_EQ(ack.limit, m.taken + m.rx.window);
	CHECK(ack.limit >= m.told_limit);
	m.told_limit = ack.limit;
	m.acks[m.n_acks++] = ack;
}

static void
do_hear(size_t i)
{
	CHECK_EQ(stream_on_ack(&m.tx, m.acks[i].received, m.acks[i].limit), 0);
	if (m.acked < m.acks[i].received)
		m.acked = m.acks[i].received;
	if (m.limit < m.acks[i].limit)
		m.limit = m.acks[i].limit;
	CHECK_EQ(stream_delivered(&m.tx), m.ended && m.acked == m.written + 1);
}

static void
do_nonsense(void)
{
	uint8_t bytes[BYTES + 1] = { 0 };
	uint64_t more = m.told_limit - m.got + 1 + test_below(5);
	uint64_t beyond = m.tx.out_high + 1 + test_below(5);
	CHECK_REFUSED(&m.tx, stream_on_ack(&m.tx, beyond, UINT64_MAX), ERR_OFFSET);
	uint64_t gap = m.got + m.got_end + 1 + test_below(5);
	CHECK_REFUSED(&m.rx, stream_on_data(&m.rx, gap, text("x"), m.now), ERR_GAP);
	struct span much = { bytes, (size_t)more };
	if (m.got_end || much.n <= sizeof bytes)
		CHECK_REFUSED(&m.rx, stream_on_data(&m.rx, m.got, much, m.now),
		    m.got_end ? ERR_OFFSET : ERR_CREDIT);
	uint64_t middle = m.got ? test_below(m.got) : 0;
	if (m.got)
		CHECK_REFUSED(&m.rx, stream_on_end(&m.rx, middle, m.now), ERR_OFFSET);
}

/* One of n things, the youngest often. */
static size_t
any_of(size_t n)
{
	return test_below(3) ? n - 1 - test_below(n < 4 ? n : 4) : test_below(n);
}

static void
random_step(void)
{
	m.now += test_below(10000);
	switch (test_below(9)) {
	case 0:
		do_write();
		break;
	case 1:
	case 2:
		do_send(test_below(200));
		break;
	case 3:
	case 4:
		if (m.n_frames)
			do_deliver(any_of(m.n_frames), false);
		break;
	case 5:
		do_take(test_below(300));
		break;
	case 6:
		do_ack();
		break;
	case 7:
		if (m.n_acks)
			do_hear(any_of(m.n_acks));
		break;
	default:
		if (!test_below(4))
			stream_rewind(&m.tx);
		if (!test_below(20))
			do_nonsense();
		if (!test_below(400)) {
			stream_end(&m.tx);
			m.ended = true;
		}
	}
	CHECK(m.rx.in.len <= m.rx.window);
	CHECK(m.tx.out.len <= m.tx.out.max);
}

/* Everybody behaves, and the receiver speaks only when it says that it must. */
static void
deliver_everything(void)
{
	stream_end(&m.tx);
	m.ended = true;
	stream_rewind(&m.tx);
	stream_tell_again(&m.rx);
	for (int turn = 0; !(stream_delivered(&m.tx) && stream_drained(&m.rx)); turn++) {
		CHECK(turn < 4 * BYTES);
		m.n_frames = m.n_acks = 0;
		do_send(SIZE_MAX);
		if (m.n_frames)
			do_deliver(m.n_frames - 1, true);
		do_take(SIZE_MAX);
		if (stream_ack_at(&m.rx)) {
			m.now += 1000000;
			CHECK(stream_ack_at(&m.rx) <= m.now);
			do_ack();
			do_hear(m.n_acks - 1);
		}
	}
	CHECK_EQ(m.taken, m.written);
}

static size_t
random_size(void)
{
	return 1 + test_below(test_below(2) ? 20 : 3000);
}

TEST(whatever_the_network_does_every_byte_arrives_once)
{
	for (uint64_t seed = 1; seed <= 500; seed++) {
		test_seed(seed);
		memset(&m, 0, sizeof m);
		for (size_t i = 0; i < BYTES; i++)
			m.bytes[i] = (uint8_t)test_random();
		stream_init(&m.tx, 0, 0, random_size(), 1);
		stream_init(&m.rx, 0, 0, 1, random_size());
		for (int step = 0; step < 3000; step++)
			random_step();
		deliver_everything();
		stream_finish(&m.tx);
		stream_finish(&m.rx);
	}
}
