#include "base/err.h"
#include "ssh/bootstrap.h"
#include "test.h"

static const struct span hello = { (const uint8_t *)"\x01\xff", 2 };

enum { IN_MAX = 4 * 1024 * 1024, SCRIPT = 2048 };

static const uint8_t random_bytes[BOOTSTRAP_MARK_LEN / 2] = { 0x10, 0x11, 0x12, 0x13, 0x14,
	0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b };
#define MARK "101112131415161718191a1b"
#define BUILD "0.1.0-0123456789ab"

static void
begin(struct bootstrap *b, struct buf *in)
{
	bootstrap_init(b, BUILD, random_bytes);
	buf_init(in, IN_MAX);
}

static void
put(struct buf *in, const char *text)
{
	CHECK_EQ(buf_put(in, text, strlen(text)), 0);
}

static void
put_noise(struct buf *in, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_putc(in, 'x');
	CHECK(!in->failed);
}

/* ---- the mark and the command line ---- */

TEST(the_mark_is_made_of_the_random_bytes)
{
	struct bootstrap a, b;
	uint8_t random[BOOTSTRAP_MARK_LEN / 2];
	for (size_t i = 0; i < sizeof random; i++)
		random[i] = (uint8_t)(0xf0 + i);
	bootstrap_init(&a, BUILD, random);
	CHECK_STR(a.mark, "f0f1f2f3f4f5f6f7f8f9fafb");
	random[sizeof random - 1]++;
	bootstrap_init(&b, BUILD, random);
	CHECK(strcmp(a.mark, b.mark) != 0);
}

TEST(every_shell_reads_the_command_line_alike)
{
	for (int fresh = 0; fresh < 2; fresh++) {
		struct bootstrap b;
		struct buf out;
		begin(&b, &out);
		CHECK_EQ(bootstrap_command(&b, hello, 123456, fresh, &out), 0);
		const char *line = buf_str(&out), *p = strchr(line, '\'') + 1;
		CHECK(strncmp(line, "exec sh -c '", 12) == 0);
		for (; *p != '\''; p++)
			CHECK(*p && *p != '\\' && *p != '!' && *p != '\n' && *p != '`');
		/* Behind the quotes stand plain words only. */
		for (p++; *p; p++)
			CHECK(strchr(" -.", *p) || (*p >= '0' && *p <= '9')
			    || (*p >= 'a' && *p <= 'z'));
		CHECK(out.len < 1500); /* the shells of the nineties take no more */
		CHECK(strstr(line, " " MARK " "));
		CHECK(strstr(line, " 123456 2048"));
		CHECK_EQ(!!strstr(line, BUILD), !fresh);
		buf_finish(&out);
	}
}

TEST(the_script_has_a_fixed_length)
{
	static const size_t sizes[] = { 0, 1, 40000, 4 * 1024 * 1024 };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct bootstrap b;
		struct buf out;
		begin(&b, &out);
		put(&out, "before");
		CHECK_EQ(bootstrap_script(&b, sizes[i] / 2, sizes[i], &out), 0);
		CHECK_EQ(out.len, 6 + SCRIPT);
		CHECK_EQ(buf_str(&out)[out.len - 1], '\n');
		CHECK(strstr(buf_str(&out), "v=" BUILD " "));
		buf_finish(&out);
	}
}

TEST(without_room_there_is_an_error)
{
	struct bootstrap b;
	struct buf out;
	begin(&b, &out);
	out.max = 100;
	CHECK(bootstrap_command(&b, hello, 1, false, &out) < 0);
	out.failed = false;
	CHECK(bootstrap_script(&b, 1, 1, &out) < 0);
	buf_finish(&out);
	begin(&b, &out);
	test_fail_malloc(1);
	CHECK(bootstrap_command(&b, hello, 1, false, &out) < 0);
	buf_finish(&out);
}

/* ---- lines ---- */

TEST(lines_are_events)
{
	struct bootstrap b;
	struct buf in;
	begin(&b, &in);
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_MORE);
	put(&in,
	    MARK " start Linux armv7l\n" MARK " need Linux x86_64\n" MARK " refused /a b/c: it's full\n" MARK
		 " send gz /x y\n" MARK " send raw /x\n" MARK " run\n" MARK
		 " failed\n" MARK " ready\nframes");
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_START);
	CHECK_STR(b.host_os, "Linux");
	CHECK_STR(b.host_machine, "armv7l");
	CHECK_STR(b.os, "");
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_NEED);
	CHECK_STR(b.host_machine, "x86_64");
	CHECK_STR(b.os, "Linux");
	CHECK_STR(b.machine, "x86_64");
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_REFUSED);
	CHECK_STR(b.text, "/a b/c: it's full");
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_SEND);
	CHECK(b.gz);
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_SEND);
	CHECK(!b.gz);
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_RUN);
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_FAILED);
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_READY);
	CHECK_STR(buf_str(&in), "frames"); /* not touched */
	CHECK_EQ(b.noise, 0);
	buf_finish(&in);
}

TEST(lines_that_are_not_whole_wait)
{
	static const char line[] = MARK " need Linux armv7l\n";
	struct bootstrap b;
	struct buf in;
	begin(&b, &in);
	for (size_t i = 0; line[i]; i++) {
		buf_putc(&in, line[i]);
		CHECK_EQ(bootstrap_input(&b, &in), line[i] == '\n' ? BOOTSTRAP_NEED : BOOTSTRAP_MORE);
	}
	CHECK_STR(b.machine, "armv7l");
	buf_finish(&in);
}

TEST(a_mark_with_something_else_behind_it_is_noise)
{
	static const char *const lines[] = { MARK "\n", MARK " \n", MARK " reddy\n",
		MARK "ready\n", MARK " need\n", MARK " need Linux\n", MARK "x ready\n",
		"01112131415161718191a1b ready\n", MARK " readyx\n", "ready\n" };
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct bootstrap b;
		struct buf in;
		begin(&b, &in);
		put(&in, lines[i]);
		CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_MORE);
		CHECK_EQ(in.len, 0);
		CHECK(b.noise > 0);
		put(&in, MARK " ready\n");
		CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_READY);
		buf_finish(&in);
	}
}

TEST(long_words_and_texts_are_cut)
{
	struct bootstrap b;
	struct buf in;
	begin(&b, &in);
	put(&in, MARK " need ");
	put_noise(&in, 1000);
	put(&in, " ");
	put_noise(&in, 1000);
	put(&in, "\n" MARK " refused ");
	put_noise(&in, 1000);
	put(&in, "\n");
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_NEED);
	CHECK_EQ(strlen(b.os), BOOTSTRAP_WORD_MAX - 1);
	CHECK(strlen(b.machine) < BOOTSTRAP_WORD_MAX);
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_REFUSED);
	CHECK_EQ(strlen(b.text), BOOTSTRAP_TEXT_MAX - 1);
	buf_finish(&in);
}

TEST(a_refusal_without_words_has_none)
{
	struct bootstrap b;
	struct buf in;
	begin(&b, &in);
	/* What an earlier line left in memory is not this line's text. */
	put(&in, "................................secret\n");
	put(&in, MARK " refused\n");
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_REFUSED);
	CHECK_STR(b.text, "");
	buf_finish(&in);
}

/* ---- noise ---- */

TEST(noise_before_between_and_on_the_same_line_is_dropped)
{
	struct bootstrap b;
	struct buf in;
	begin(&b, &in);
	put(&in,
	    "Welcome to\nthe host\n\n\r\n%s%n\nprompt$ " MARK " need Linux x86_64\n"
	    "Last login: never\n\x1b[2J" MARK " ready\n");
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_NEED);
	CHECK_STR(b.machine, "x86_64");
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_READY);
	buf_finish(&in);
}

TEST(noise_may_hold_the_mark_too)
{
	struct bootstrap b;
	struct buf in;
	begin(&b, &in);
	/* A shell that traces what it does, and one that puts it into the title. */
	put(&in, "+ exec sh -c belay " MARK " " BUILD " 100 2048\n" MARK " need A b\n");
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_NEED);
	put(&in, "\x1b]0;exec sh -c belay " MARK " " BUILD " 100 2048\a");
	put(&in, MARK " ready\n");
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_READY);
	buf_finish(&in);
}

TEST(noise_may_be_any_bytes)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct bootstrap b;
		struct buf in;
		test_seed(seed);
		begin(&b, &in);
		for (size_t n = test_below(3000); n; n--)
			buf_putc(&in, (char)test_random());
		put(&in, MARK " ready\n");
		CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_READY);
		CHECK_EQ(in.len, 0);
		buf_finish(&in);
	}
}

TEST(a_mark_on_a_long_line_is_found_wherever_the_line_was_cut)
{
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct bootstrap b;
		struct buf whole, in;
		int event = BOOTSTRAP_MORE;
		test_seed(seed);
		begin(&b, &in);
		buf_init(&whole, IN_MAX);
		put_noise(&whole, test_below(9000));
		put(&whole, MARK " need Linux x86_64\n");
		for (size_t at = 0; at < whole.len && event == BOOTSTRAP_MORE;) {
			size_t n = 1 + test_below(5000);
			if (n > whole.len - at)
				n = whole.len - at;
			CHECK_EQ(buf_put(&in, buf_bytes(&whole) + at, n), 0);
			at += n;
			event = bootstrap_input(&b, &in);
		}
		CHECK_EQ(event, BOOTSTRAP_NEED);
		CHECK_STR(b.os, "Linux");
		CHECK_STR(b.machine, "x86_64");
		buf_finish(&whole);
		buf_finish(&in);
	}
}

/* Noise that never ends, in pieces of this size, with a newline every so often. */
static void
check_endless(size_t piece, size_t line)
{
	struct bootstrap b;
	struct buf in;
	size_t sent = 0, held = 0;
	int event = BOOTSTRAP_MORE;
	begin(&b, &in);
	while (event == BOOTSTRAP_MORE && sent < 3 * 1024 * 1024) {
		for (size_t i = 0; i < piece; i++, sent++)
			buf_putc(&in, line && sent % line == 0 ? '\n' : 'x');
		event = bootstrap_input(&b, &in);
		held = in.len > held ? in.len : held;
	}
	CHECK_EQ(event, ERR_NOISE);
	CHECK(sent >= 512 * 1024);
	CHECK(held <= 64 * 1024);
	buf_finish(&in);
}

TEST(endless_noise_is_an_error)
{
	check_endless(1000, 0);
	check_endless(5000, 0);
	check_endless(5000, 80);
	check_endless(100, 1);
	check_endless(64 * 1024, 3000);
}

TEST(endless_lines_of_ours_that_say_nothing_are_noise_too)
{
	struct bootstrap b;
	struct buf in;
	int event = BOOTSTRAP_MORE;
	begin(&b, &in);
	for (int i = 0; i < 200000 && event == BOOTSTRAP_MORE; i++) {
		put(&in, MARK " nonsense\n");
		event = bootstrap_input(&b, &in);
	}
	CHECK_EQ(event, ERR_NOISE);
	buf_finish(&in);
}

TEST(a_refusal_at_the_very_end_of_a_long_line_is_read_within_bounds)
{
	struct bootstrap b;
	struct buf in;
	begin(&b, &in);
	put_noise(&in, 10000);
	put(&in, MARK " refused\n");
	CHECK_EQ(bootstrap_input(&b, &in), BOOTSTRAP_REFUSED);
	CHECK_STR(b.text, "");
	buf_finish(&in);
}
