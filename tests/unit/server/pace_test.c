#include "server/pace.h"

#include "test.h"

enum {
	TWO_S = 2000000,
	STEP_US = 1000,
	ACK_US = 4000, /* a client acknowledges so late */
	ROWS = 20000,
	ROW = 37, /* bytes */
	IN_FLIGHT = 4 * 1024 * 1024,
	PACKETS = 512,
	GIVE_UP_US = 300 * 1000000,
};

static const char screens[] = "SCREEN\r\nBEGINS\r\nAND ENDS";

/* A link that carries so many bytes a second, in packets that arrive whole. */
struct path {
	uint64_t rate, rtt_us, lag_us; /* lag: on top of the second packet's way, once */
	uint64_t free_us; /* when it has carried what is on it */
	struct packet {
		uint64_t acked_us, end;
	} packets[PACKETS];
	size_t first, n, sent;
};

struct shown {
	struct buf bytes;
	uint64_t us; /* when the screens had arrived */
	uint64_t first_row, rows, left_out;
};

static void
put_rows(struct stream *s, unsigned rows, size_t *ret_len)
{
	char line[80];
	*ret_len = 0;
	for (unsigned i = 0; i < rows; i++) {
		int n = snprintf(line, sizeof line,
		    "row %06u of the history of it all\r\n", i);
		*ret_len += stream_write(s, line, (size_t)n);
	}
}

static void
carry(struct path *p, struct stream *s, struct buf *to, uint64_t now)
{
	const uint8_t *bytes;
	bool end;
	size_t n = stream_next(s, IN_FLIGHT - (size_t)(s->out_next - s->out_acked),
	    &bytes, &end);
	if (!n || p->n == PACKETS)
		return;
	if (n > 32 * 1024)
		n = 32 * 1024;
	CHECK_EQ(buf_put(to, bytes, n), 0);
	stream_sent(s, n);
	if (p->free_us < now)
		p->free_us = now;
	p->free_us += n * 1000000 / p->rate;
	if (++p->sent == 2)
		p->free_us += p->lag_us;
	p->packets[(p->first + p->n++) % PACKETS] = (struct packet){
		p->free_us + p->rtt_us + ACK_US, s->out_next
	};
}

static void
acknowledge(struct path *p, struct stream *s, uint64_t now)
{
	while (p->n && p->packets[p->first].acked_us <= now) {
		CHECK_EQ(stream_on_ack(s, p->packets[p->first].end, 1 << 30), 0);
		p->first = (p->first + 1) % PACKETS;
		p->n--;
	}
}

/* Rows and screens over the path, until all has arrived. */
static struct shown
show(struct path path, unsigned rows, uint64_t time_us)
{
	struct shown shown = { 0 };
	struct stream s;
	struct pace pace = { 0 };
	size_t len;
	uint64_t now = 1000000, begun = now, at = 0;
	buf_init(&shown.bytes, 64 << 20);
	stream_init(&s, 1, RANK_TERMINAL, 64 << 20, 1);
	CHECK_EQ(stream_on_ack(&s, 0, 1 << 30), 0);
	put_rows(&s, rows, &len);
	stream_write(&s, screens, sizeof screens - 1);
	pace_begin(&pace, &s, len + sizeof screens - 1, len, time_us);
	for (; stream_unacked(&s) && now < begun + GIVE_UP_US; now += STEP_US) {
		acknowledge(&path, &s, now);
		at = pace_turn(&pace, &s, &path, now);
		carry(&path, &s, &shown.bytes, now);
		/* It stalls only where it said when to go on. */
		CHECK(path.n || at || !stream_unacked(&s));
	}
	shown.us = path.free_us + path.rtt_us / 2 - begun;
	stream_finish(&s);
	return shown;
}

static uint64_t
row_at(const char *text)
{
	return strtoull(text + 4, NULL, 10);
}

/* All is in order: rows from the first on, one line that counts what is not there, rows up
 * to the last, the screens. */
static void
check(struct shown *shown, unsigned rows)
{
	const char *text = buf_str(&shown->bytes);
	uint64_t next = 0;
	for (; strncmp(text, "SCREEN", 6) != 0; text = strchr(text, '\n') + 1) {
		if (strncmp(text, "[belay: ", 8) == 0) {
			CHECK_EQ(shown->left_out, 0);
			shown->left_out = strtoull(text + 8, NULL, 10);
			next += shown->left_out;
			CHECK(shown->left_out);
			continue;
		}
		CHECK_EQ(row_at(text), next);
		next++;
		shown->rows++;
	}
	CHECK_EQ(next, rows);
	CHECK_STR(text, screens);
	buf_finish(&shown->bytes);
}

TEST(a_narrow_link_gets_the_youngest_and_the_screen_in_time)
{
	static const uint64_t rates[] = { 8000, 16000, 32000, 125000 };
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
		for (uint64_t rtt = 20000; rtt <= 600000; rtt += 290000) {
			struct path p = { .rate = rates[i], .rtt_us = rtt };
			struct shown s = show(p, ROWS, TWO_S);
			check(&s, ROWS);
			CHECK(s.us < TWO_S + 500000);
			CHECK(s.left_out > 10000 && s.rows * ROW > rates[i] / 2);
		}
}

TEST(where_all_fit_all_come)
{
	static const uint64_t rates[] = { 1000000, 10000000, 1000000000 };
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
		for (uint64_t rtt = 100; rtt <= 200000; rtt += 49900) {
			struct path p = { .rate = rates[i], .rtt_us = rtt };
			struct shown s = show(p, ROWS, TWO_S);
			check(&s, ROWS);
			CHECK_EQ(s.left_out, 0);
			CHECK(
			    s.us < ROWS * ROW * 1000000ull / rates[i] + 3 * rtt + 50000);
		}
}

/* What a new terminal gets if nothing else is asked for, and a shorter one. */
TEST(in_a_second_ten_thousand_rows_come_on_a_usual_link)
{
	static const struct {
		unsigned rows;
		uint64_t rate;
	} cases[] = { { 1500, 125000 }, { 10000, 1000000 }, { 10000, 10000000 } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (uint64_t rtt = 20000; rtt <= 110000; rtt += 30000) {
			struct path p = { .rate = cases[i].rate, .rtt_us = rtt };
			struct shown s = show(p, cases[i].rows, TWO_S / 2);
			check(&s, cases[i].rows);
			CHECK_EQ(s.left_out, 0);
			CHECK(s.us < 1200000);
		}
}

TEST(packets_that_lag_by_chance_leave_nothing_out)
{
	for (uint64_t lag = 5000; lag < 95000; lag += 5000) {
		struct path p = { .rate = 10000000, .rtt_us = 40000, .lag_us = lag };
		struct shown s = show(p, ROWS / 4, TWO_S);
		check(&s, ROWS / 4);
		CHECK_EQ(s.left_out, 0);
	}
}

TEST(the_time_is_settable)
{
	struct path p = { .rate = 8000, .rtt_us = 20000 };
	struct shown two = show(p, ROWS / 10, TWO_S), six = show(p, ROWS / 10, 3 * TWO_S),
		     any = show(p, ROWS / 10, 0);
	check(&two, ROWS / 10);
	check(&six, ROWS / 10);
	check(&any, ROWS / 10);
	CHECK(two.rows < six.rows && six.us < 3 * TWO_S + 500000);
	CHECK_EQ(any.rows, ROWS / 10);
}

TEST(what_is_short_is_not_held_back)
{
	struct stream s;
	struct pace pace = { 0 };
	size_t len;
	stream_init(&s, 1, RANK_TERMINAL, 1 << 20, 1);
	put_rows(&s, 400, &len);
	pace_begin(&pace, &s, len, len, TWO_S);
	CHECK_EQ(pace_turn(&pace, &s, &s, 1), 0);
	CHECK(s.out_hold == UINT64_MAX);
	stream_finish(&s);
}

/* A line that goes on in the screens is no place to cut at. */
TEST(no_line_is_cut_in_two)
{
	struct stream s;
	struct pace pace = { 0 };
	struct buf got;
	size_t len, n;
	const uint8_t *bytes;
	bool end;
	buf_init(&got, 1 << 20);
	stream_init(&s, 1, RANK_TERMINAL, 1 << 20, 1);
	CHECK_EQ(stream_on_ack(&s, 0, 1 << 30), 0);
	put_rows(&s, 2000, &len);
	len += stream_write(&s, "goes on and", 11);
	stream_write(&s, " on\r\nend", 8);
	pace_begin(&pace, &s, len + 8, len, TWO_S);
	/* Too slow for anything but the screens. */
	for (uint64_t now = 1000000; stream_unacked(&s); now += 3000000) {
		(void)pace_turn(&pace, &s, &s, now);
		while ((n = stream_next(&s, 1 << 20, &bytes, &end))) {
			CHECK_EQ(buf_put(&got, bytes, n), 0);
			stream_sent(&s, n);
		}
		CHECK_EQ(stream_on_ack(&s, s.out_next, 1 << 30), 0);
	}
	const char *text = buf_str(&got);
	CHECK(strstr(text, "all\r\n[belay: 1"));
	CHECK(strstr(text,
	    " lines of history left out: the link is slow]\r\ngoes on and on\r\nend"));
	buf_finish(&got);
	stream_finish(&s);
}

/* Another link: what was measured of the old one does not count. */
TEST(on_another_link_it_is_measured_anew)
{
	struct stream s;
	struct pace pace = { 0 };
	size_t len;
	const uint8_t *bytes;
	bool end;
	int one, two;
	stream_init(&s, 1, RANK_TERMINAL, 1 << 20, 1);
	CHECK_EQ(stream_on_ack(&s, 0, 1 << 30), 0);
	put_rows(&s, 2000, &len);
	pace_begin(&pace, &s, len, len, TWO_S);
	(void)pace_turn(&pace, &s, &one, 1000000);
	stream_sent(&s, stream_next(&s, 1 << 20, &bytes, &end));
	CHECK_EQ(stream_on_ack(&s, 2048, 1 << 30), 0);
	CHECK_EQ(pace_turn(&pace, &s, NULL, 1010000), 0);
	for (uint64_t now = 60000000; pace.piece; now += 3000) {
		stream_rewind(&s);
		(void)pace_turn(&pace, &s, &two, now);
		stream_sent(&s, stream_next(&s, 1 << 20, &bytes, &end));
		CHECK_EQ(stream_on_ack(&s, s.out_next, 1 << 30), 0);
	}
	CHECK_EQ(stream_written(&s), len);
	stream_finish(&s);
}
