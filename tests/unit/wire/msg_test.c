#include "base/err.h"
#include "test.h"
#include "wire/bytes.h"
#include "wire/msg.h"

enum { ROUNDS = 50, SPAN_MAX = 300 };

/* ---- random messages, made from the table ---- */

static uint8_t arena[64 * SPAN_MAX];
static size_t arena_used;

static struct span
random_span(void)
{
	struct span s = { arena + arena_used, test_below(4) ? test_below(SPAN_MAX) : 0 };
	for (size_t i = 0; i < s.n; i++)
		arena[arena_used++] = (uint8_t)test_random();
	return s;
}

static void
random_id(uint8_t *id)
{
	for (size_t i = 0; i < ID_LEN; i++)
		id[i] = (uint8_t)test_random();
}

/* The extremes often. */
static uint64_t
random_number(void)
{
	static const uint64_t edges[] = { 0, 1, 0x7f, 0x80, UINT32_MAX, UINT64_MAX };
	size_t i = test_below(3 * sizeof edges / sizeof *edges);
	return i < sizeof edges / sizeof *edges ? edges[i] : test_random();
}

static void
check_same_span(struct span a, struct span b)
{
	CHECK_EQ(a.n, b.n);
	CHECK(a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#define FILL_u8(x) x = (uint8_t)random_number();
#define FILL_u16(x) x = (uint16_t)random_number();
#define FILL_u32(x) x = (uint32_t)random_number();
#define FILL_u64(x) x = random_number();
#define FILL_id(x) random_id(x);
#define FILL_str(x) x = random_span();
#define FILL_rest(x) x = random_span();
#define FILL(message, type, name) FILL_##type(sent->name)

#define SAME_u8(x) CHECK_EQ(got->x, sent->x);
#define SAME_u16(x) CHECK_EQ(got->x, sent->x);
#define SAME_u32(x) CHECK_EQ(got->x, sent->x);
#define SAME_u64(x) CHECK_EQ(got->x, sent->x);
#define SAME_id(x) CHECK(memcmp(got->x, sent->x, ID_LEN) == 0);
#define SAME_str(x) check_same_span(got->x, sent->x);
#define SAME_rest(x) check_same_span(got->x, sent->x);
#define SAME(message, type, name) SAME_##type(name)

#define LEN_u8(x) 1
#define LEN_u16(x) 2
#define LEN_u32(x) 4
#define LEN_u64(x) 8
#define LEN_id(x) ID_LEN
#define LEN_str(x) 4 + m->x.n
#define LEN_rest(x) 0 /* may be cut short: it is as long as it is */
#define LEN(message, type, name) +LEN_##type(name)

#define REST_u8 0
#define REST_u16 0
#define REST_u32 0
#define REST_u64 0
#define REST_id 0
#define REST_str 0
#define REST_rest 1
#define HAS_REST(message, type, name) +REST_##type

#define KIND(NAME, name, number, carrier, sender) \
	static void fill_##name(union msg *m) \
	{ \
		struct msg_##name *sent = &m->name; \
		name##_FIELDS(FILL, name) \
	} \
	static void same_##name(const union msg *a, const union msg *b) \
	{ \
		const struct msg_##name *sent = &a->name, *got = &b->name; \
		name##_FIELDS(SAME, name) \
	} \
	static size_t len_##name(const union msg *u) \
	{ \
		const struct msg_##name *m = &u->name; \
		(void)m; \
		return 0 name##_FIELDS(LEN, name); \
	}
MESSAGES(KIND)

#define ROW(NAME, name, number, carrier, sender) \
	{ MSG_##NAME, #NAME, fill_##name, same_##name, len_##name, \
		0 name##_FIELDS(HAS_REST, name) },
static const struct kind {
	enum msg_type type;
	const char *name;
	void (*fill)(union msg *m);
	void (*same)(const union msg *sent, const union msg *got);
	size_t (*len)(const union msg *m); /* of the fields, without a rest */
	bool has_rest;
} kinds[] = { MESSAGES(ROW) };
enum { KINDS = sizeof kinds / sizeof *kinds };

static void
random_frame(const struct kind *k, union msg *ret_msg, struct buf *out)
{
	arena_used = 0;
	k->fill(ret_msg);
	CHECK_EQ(msg_put(out, k->type, ret_msg), 0);
}

/* A copy with nothing behind it, so that reading too far is noticed. */
static struct span
alone(struct span s)
{
	uint8_t *p = malloc(s.n ? s.n : 1);
	memcpy(p, s.p, s.n);
	return (struct span){ p, s.n };
}

static void
drop(struct span s)
{
	free((void *)(uintptr_t)s.p);
}

TEST(every_message_comes_back_as_it_was)
{
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		test_seed(seed);
		for (size_t i = 0; i < KINDS; i++) {
			struct buf b;
			struct frame f;
			union msg sent = { 0 }, got = { 0 };
			buf_init(&b, FRAME_MAX);
			random_frame(&kinds[i], &sent, &b);
			CHECK_EQ(frame_parse(buf_span(&b), &f), b.len);
			CHECK_EQ(f.type, kinds[i].type);
			CHECK_EQ(msg_get(&f, &got), 0);
			kinds[i].same(&sent, &got);
			buf_finish(&b);
		}
	}
}

TEST(a_message_cut_short_is_malformed)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		test_seed(seed);
		for (size_t i = 0; i < KINDS; i++) {
			struct buf b;
			struct frame f;
			union msg sent = { 0 }, got;
			buf_init(&b, FRAME_MAX);
			random_frame(&kinds[i], &sent, &b);
			CHECK(frame_parse(buf_span(&b), &f) > 0);
			for (size_t n = 0; n < f.body.n; n++) {
				struct span body = alone((struct span){ f.body.p, n });
				int err = msg_get(&(struct frame){ f.type, body }, &got);
				CHECK_EQ(err, n < kinds[i].len(&sent) ? ERR_MESSAGE : 0);
				drop(body);
			}
			buf_finish(&b);
		}
	}
}

TEST(a_message_with_a_byte_too_many_is_malformed)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct buf b;
		struct frame f;
		union msg sent = { 0 }, got;
		buf_init(&b, FRAME_MAX);
		random_frame(&kinds[i], &sent, &b);
		CHECK_EQ(buf_put(&b, "x", 1), 0);
		CHECK(frame_parse(buf_span(&b), &f) > 0);
		f.body.n++;
		CHECK_EQ(msg_get(&f, &got), kinds[i].has_rest ? 0 : ERR_MESSAGE);
		buf_finish(&b);
	}
}

TEST(a_string_may_not_reach_beyond_its_frame)
{
	static const uint32_t lens[] = { 1, 5, 0x7fffffff, 0x80000000, UINT32_MAX - 3,
		UINT32_MAX };
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		uint8_t body[2 + 4] = { 0, 1 };
		union msg m;
		put_be(body + 2, lens[i], 4);
		struct span copy = alone((struct span){ body, sizeof body });
		CHECK_EQ(msg_get(&(struct frame){ MSG_BYE, copy }, &m), ERR_MESSAGE);
		drop(copy);
	}
}

TEST(an_unknown_type_is_said_to_be_unknown)
{
	union msg m;
	struct buf b;
	buf_init(&b, FRAME_MAX);
	for (int type = 0; type < 256; type++) {
		bool known = false;
		for (size_t i = 0; i < KINDS; i++)
			known |= (int)kinds[i].type == type;
		if (known)
			continue;
		struct frame f = { (uint8_t)type, { (const uint8_t *)"", 0 } };
		CHECK_EQ(msg_get(&f, &m), ERR_UNKNOWN);
		CHECK_EQ(msg_put(&b, (enum msg_type)type, &m), ERR_UNKNOWN);
		CHECK_STR(msg_name((uint8_t)type), "?");
	}
	CHECK_EQ(b.len, 0);
	buf_finish(&b);
}

/* ---- frames ---- */

TEST(a_frame_may_arrive_in_any_pieces)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct buf b;
		struct frame f;
		union msg sent = { 0 };
		buf_init(&b, FRAME_MAX);
		random_frame(&kinds[i], &sent, &b);
		size_t whole = b.len;
		CHECK_EQ(buf_put(&b, "the next frame", 14), 0);
		for (size_t n = 0; n <= b.len; n++) {
			struct span in = alone((struct span){ buf_bytes(&b), n });
			CHECK_EQ(frame_parse(in, &f), n < whole ? 0 : (long)whole);
			if (n >= whole)
				CHECK_EQ(f.body.n, whole - FRAME_HEADER);
			drop(in);
		}
		buf_finish(&b);
	}
}

static long
parse_head(uint32_t len)
{
	struct frame f;
	uint8_t head[FRAME_HEADER] = { 0, 0, 0, 0, MSG_DATA };
	put_be(head, len, 4);
	return frame_parse((struct span){ head, sizeof head }, &f);
}

TEST(frames_have_a_smallest_and_a_largest_size)
{
	CHECK_EQ(parse_head(0), ERR_FRAME);
	CHECK_EQ(parse_head(1), FRAME_HEADER);
	CHECK_EQ(parse_head(FRAME_MAX - 4), 0);
	CHECK_EQ(parse_head(FRAME_MAX - 3), ERR_FRAME);
	CHECK_EQ(parse_head(0x7fffffff), ERR_FRAME);
	CHECK_EQ(parse_head(UINT32_MAX), ERR_FRAME);
}

TEST(what_we_send_is_no_larger_than_what_we_take)
{
	static uint8_t bytes[FRAME_MAX];
	struct msg_data m = { 1, 2, { bytes, FRAME_MAX - DATA_OVERHEAD } };
	struct buf b;
	struct frame f;
	buf_init(&b, 3 * FRAME_MAX);
	CHECK_EQ(msg_put(&b, MSG_DATA, &m), 0);
	CHECK_EQ(frame_parse(buf_span(&b), &f), FRAME_MAX);
	m.bytes.n++;
	CHECK_EQ(msg_put(&b, MSG_DATA, &m), ERR_FULL);
	CHECK_EQ(b.len, FRAME_MAX);
	CHECK(DATA_OVERHEAD + DATA_MAX <= FRAME_MAX);
	buf_finish(&b);
}

TEST(a_message_that_does_not_fit_is_not_begun)
{
	struct msg_ping m = { 1 };
	struct buf b;
	buf_init(&b, 12);
	CHECK_EQ(msg_put(&b, MSG_PING, &m), ERR_FULL);
	CHECK_EQ(b.len, 0);
	CHECK_EQ(msg_put_data_head(&b, 1, 1, 0, false), ERR_FULL);
	CHECK_EQ(b.len, 0);
	buf_finish(&b);
}

TEST(without_memory_a_message_is_not_begun)
{
	struct msg_ping m = { 1 };
	struct buf b;
	buf_init(&b, FRAME_MAX);
	test_fail_malloc(1);
	CHECK_EQ(msg_put(&b, MSG_PING, &m), ERR_NOMEM);
	test_fail_malloc(1);
	CHECK_EQ(msg_put_data_head(&b, 1, 1, 100, false), ERR_NOMEM);
	test_fail_malloc(1);
	CHECK_EQ(position_put(&b, &(struct msg_ack){ 1, 2, 3 }), ERR_NOMEM);
	CHECK_EQ(b.len, 0);
	buf_finish(&b);
}

TEST(the_head_of_data_is_what_the_whole_message_begins_with)
{
	struct span hello = { (const uint8_t *)"hello", 5 };
	struct msg_data m = { 0x01020304, 0x1122334455667788, hello };
	struct buf whole, parts;
	buf_init(&whole, FRAME_MAX);
	buf_init(&parts, FRAME_MAX);
	CHECK_EQ(msg_put(&whole, MSG_DATA, &m), 0);
	CHECK_EQ(msg_put_data_head(&parts, m.stream, m.offset, m.bytes.n, false), 0);
	test_fail_malloc(1); /* the head has made room for the bytes */
	CHECK_EQ(buf_put(&parts, m.bytes.p, m.bytes.n), 0);
	CHECK(!test_malloc_failed());
	check_same_span(buf_span(&whole), buf_span(&parts));
	buf_finish(&whole);
	buf_finish(&parts);
}

/* ---- the bytes of version 1, which never change ---- */

#define CHECK_GOLDEN(type, m, literal) \
	do { \
		struct buf b; \
		buf_init(&b, FRAME_MAX); \
		CHECK_EQ(msg_put(&b, type, m), 0); \
		CHECK_BYTES(buf_bytes(&b), b.len, literal); \
		buf_finish(&b); \
	} while (0)
#define SPAN(text) \
	{ \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

TEST(version_1_bytes_of_a_link)
{
	struct msg_data data = { 1, 0x0102030405060708, SPAN("hi") };
	struct msg_end end = { 1, 258 };
	struct msg_ack ack = { 2, 3, 0xffffffffffffffff };
	struct msg_ping ping = { 0x1122334455667788 };
	struct msg_bye bye = { BYE_HANGUP, SPAN("so") };
	CHECK_GOLDEN(MSG_DATA, &data,
	    "\0\0\0\x0f\x04\0\0\0\x01\x01\x02\x03\x04\x05\x06\x07\x08hi");
	CHECK_GOLDEN(MSG_END, &end, "\0\0\0\x0d\x05\0\0\0\x01\0\0\0\0\0\0\x01\x02");
	CHECK_GOLDEN(MSG_ACK, &ack,
	    "\0\0\0\x15\x06\0\0\0\x02\0\0\0\0\0\0\0\x03\xff\xff\xff\xff\xff\xff\xff\xff");
	CHECK_GOLDEN(MSG_PING, &ping, "\0\0\0\x09\x07\x11\x22\x33\x44\x55\x66\x77\x88");
	CHECK_GOLDEN(MSG_PONG, &ping, "\0\0\0\x09\x08\x11\x22\x33\x44\x55\x66\x77\x88");
	CHECK_GOLDEN(MSG_USE, &ping, "\0\0\0\x09\x09\x11\x22\x33\x44\x55\x66\x77\x88");
	CHECK_GOLDEN(MSG_BYE, &bye, "\0\0\0\x09\x0a\0\x02\0\0\0\x02so");
}

TEST(version_1_bytes_of_control_messages)
{
	struct msg_window window = { 24, 80, 0x0102, 0x0304 };
	struct msg_exit status = { EXIT_SIGNAL, 9 };
	CHECK_GOLDEN(MSG_WINDOW, &window, "\0\0\0\x09\x40\0\x18\0\x50\x01\x02\x03\x04");
	CHECK_GOLDEN(MSG_EXIT, &status, "\0\0\0\x06\x41\x02\0\0\0\x09");
}

TEST(version_1_bytes_of_the_handshake)
{
	struct msg_hello hello = { .version_min = 1,
		.version_max = 2,
		.build = SPAN("b"),
		.client = "0123456789abcde",
		.session = "fedcba987654321",
		.request = HELLO_RESUME,
		.kind = KIND_PTY,
		.flags = HELLO_SHARE,
		.linger_s = 60,
		.history = 1000,
		.name = SPAN("n"),
		.term = SPAN("vt"),
		.modes = SPAN(""),
		.rows = 24,
		.cols = 80,
		.xpixel = 3,
		.ypixel = 4,
		.command = SPAN(""),
		.env = SPAN(""),
		.positions = SPAN(""),
		.more = SPAN("!") };
	struct msg_welcome welcome = { .version = 1,
		.build = SPAN("b"),
		.boot = "0123456789abcde",
		.session = "fedcba987654321",
		.begun_ms = 258,
		.name = SPAN("n") };
	struct msg_refuse refuse = { REFUSE_GONE, SPAN("no"), "0123456789abcde",
		SPAN("") };
	CHECK_GOLDEN(MSG_HELLO, &hello,
	    "\0\0\0\x59\x01\0\x01\0\x02\0\0\0\x01"
	    "b0123456789abcde\0fedcba987654321\0\x02\x01\x01\0\0\0\x3c\0\0\x03\xe8"
	    "\0\0\0\x01n\0\0\0\x02vt\0\0\0\0"
	    "\0\x18\0\x50\0\x03\0\x04\0\0\0\0\0\0\0\0\0\0\0\0!");
	CHECK_GOLDEN(MSG_WELCOME, &welcome,
	    "\0\0\0\x39\x02\0\x01\0\0\0\x01"
	    "b0123456789abcde\0fedcba987654321\0\0\0\0\0\0\0\x01\x02\0\0\0\x01n\0\0\0\0");
	CHECK_GOLDEN(MSG_REFUSE, &refuse,
	    "\0\0\0\x19\x03\0\x02\0\0\0\x02no0123456789abcde\0");
}

TEST(version_1_bytes_between_the_servers_of_a_host)
{
	struct msg_ask ask = { .verb = ASK_RENAME, .text = SPAN("new") };
	struct msg_info info = { .session = "fedcba987654321",
		.name = SPAN("n"),
		.kind = KIND_PTY,
		.command = SPAN("c"),
		.running = SPAN("vi"),
		.begun_s = 1,
		.used_s = 2,
		.clients = 3,
		.rows = 24,
		.cols = 80,
		.pid = 5 };
	CHECK_GOLDEN(MSG_ASK, &ask, "\0\0\0\x09\x80\x03\0\0\0\x03new");
	CHECK_GOLDEN(MSG_INFO, &info,
	    "\0\0\0\x3c\x81"
	    "fedcba987654321\0\0\0\0\x01n\x01\0\0\0\x01"
	    "c\0\0\0\x02vi\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\x03\0\x18\0\x50\0\0\0\x05");
}

TEST(names_of_sessions_go_through_every_shell)
{
	static const struct {
		const char *name;
		bool ok;
	} cases[] = { { "a", true }, { "Work-2.b_c+d@e", true }, { "", false },
		{ "-a", false }, { "a b", false }, { "a'b", false }, { "a:b", false },
		{ "\xc3\xa4", false },
		{ "0123456789012345678901234567890123456789012345678901234567890123",
		    true },
		{ "01234567890123456789012345678901234567890123456789012345678901234",
		    false } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK_EQ(session_name_ok((struct span){ (const uint8_t *)cases[i].name,
			     strlen(cases[i].name) }),
		    cases[i].ok);
}

/* ---- names and descriptions ---- */

TEST(every_message_has_its_own_number_and_name)
{
	for (size_t i = 0; i < KINDS; i++) {
		CHECK_STR(msg_name((uint8_t)kinds[i].type), kinds[i].name);
		for (size_t k = 0; k < i; k++)
			CHECK(kinds[k].type != kinds[i].type);
	}
}

TEST(every_message_is_described_by_a_line)
{
	struct buf line;
	size_t i = 0;
	buf_init(&line, 4096);
	for (; msg_describe(i, &line); i++) {
		CHECK(strncmp(buf_str(&line), kinds[i].name, strlen(kinds[i].name)) == 0);
		CHECK(!strchr(buf_str(&line), '\n'));
		if (kinds[i].type == MSG_DATA)
			CHECK_STR(buf_str(&line),
			    "DATA 4 link both: u32 stream, u64 offset, rest bytes");
		buf_drop(&line, line.len);
	}
	CHECK_EQ(i, KINDS);
	CHECK(!line.failed);
	buf_finish(&line);
}

/* ---- positions ---- */

TEST(positions_come_back_as_they_were)
{
	struct msg_ack sent[10], got;
	struct buf b;
	buf_init(&b, sizeof sent / sizeof *sent * POSITION_LEN);
	for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
		sent[i] = (struct msg_ack){ (uint32_t)random_number(), random_number(),
			random_number() };
		CHECK_EQ(position_put(&b, &sent[i]), 0);
	}
	CHECK_EQ(position_put(&b, &sent[0]), ERR_FULL);
	struct span in = buf_span(&b);
	for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
		CHECK(position_get(&in, &got));
		CHECK_EQ(got.stream, sent[i].stream);
		CHECK_EQ(got.received, sent[i].received);
		CHECK_EQ(got.limit, sent[i].limit);
	}
	CHECK(!position_get(&in, &got));
	CHECK_EQ(in.n, 0);
	buf_finish(&b);
}

TEST(part_of_a_position_stays)
{
	uint8_t bytes[POSITION_LEN] = { 0 };
	struct msg_ack got;
	for (size_t n = 0; n < sizeof bytes; n++) {
		struct span copy = alone((struct span){ bytes, n }), in = copy;
		CHECK(!position_get(&in, &got));
		CHECK_EQ(in.n, n);
		drop(copy);
	}
}
