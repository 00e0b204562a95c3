#include "term/transfer.h"

#include "test.h"

/* As lrzsz 0.12 and trzsz 1.1 write them. */
static const char sz[] = "rz\r**\x18"
			 "B00000000000000\r\x8a\x11";
static const char rz[] = "**\x18"
			 "B0100000023be50\r\x8a\x11";
static const char fin[] = "**\x18"
			  "B0800000000022d\r\x8a";
static const char tsz[] = "\0337\07::TRZSZ:TRANSFER:S:1.1.6:1700000000000\r\n";
static const char cans[] = "\x18\x18\x18\x18\x18\x18\x18\x18\b\b\b\b\b\b\b\b";

static struct transfer t;
static uint64_t now_us;

static void
output(const char *bytes, size_t n)
{
	transfer_output(&t, (struct span){ (const uint8_t *)bytes, n }, now_us);
}

static bool
is_on(void)
{
	return transfer_is_on(&t, now_us);
}

static void
begin(void)
{
	t = (struct transfer){ 0 };
	now_us = 1;
}

/* In every two pieces, and behind what looks like its beginning. */
static void
check_opens(const char *opening, size_t n)
{
	for (size_t cut = 0; cut <= n; cut++) {
		begin();
		output("** :: ***:", 10);
		output(opening, cut);
		output(opening + cut, n - cut);
		CHECK(is_on());
	}
}

TEST(openings_are_found_in_any_pieces)
{
	check_opens(sz, sizeof sz - 1);
	check_opens(rz, sizeof rz - 1);
	check_opens(tsz, sizeof tsz - 1);
}

TEST(its_end_is_found_in_any_pieces)
{
	static const struct {
		const char *text;
		size_t n;
	} ends[] = { { fin, sizeof fin - 1 }, { cans, sizeof cans - 1 } };
	for (size_t e = 0; e < 2; e++)
		for (size_t cut = 0; cut <= ends[e].n; cut++) {
			begin();
			output(sz, sizeof sz - 1);
			output(ends[e].text, cut);
			output(ends[e].text + cut, ends[e].n - cut);
			CHECK(!is_on());
			output("ready$ ", 7);
			CHECK(!is_on());
		}
}

TEST(a_transfer_goes_on_while_it_talks)
{
	begin();
	output(sz, sizeof sz - 1);
	now_us += TRANSFER_QUIET_US - 1;
	output("data\x18i", 6);
	now_us += TRANSFER_QUIET_US - 1;
	CHECK(is_on());
	transfer_input(&t,
	    (struct span){ (const uint8_t *)"**\x18"
					    "B09",
		6 },
	    now_us);
	now_us += TRANSFER_QUIET_US - 1;
	CHECK(is_on());
	output("$ ls", 4); /* the program has died, and a shell is there */
	now_us += 1;
	CHECK(!is_on());
	output("\x18i", 2);
	CHECK(!is_on());
}

TEST(trzsz_goes_on_while_it_talks)
{
	begin();
	output(tsz, sizeof tsz - 1);
	now_us += TRANSFER_QUIET_US - 1;
	output("#DATA:eJw", 9);
	now_us += TRANSFER_QUIET_US - 1;
	CHECK(is_on());
	output("# ls\r\n#A:", 9);
	now_us += 1;
	CHECK(!is_on());
}

TEST(junk_switches_nothing_off)
{
	static const char *const pieces[] = { "**", "\x18", "B0", "::", ":TRZSZ",
		"TRANSFER", "*", "B00", "#DATA:",
		"**\x18"
		"B",
		"**\x18"
		"A00",
		"**\x18"
		"B05",
		"ls" };
	for (unsigned seed = 1; seed < 2000; seed++) {
		char last[3] = "";
		begin();
		test_seed(seed);
		for (int n = 0; n < 200; n++) {
			const char *piece =
			    pieces[test_below(sizeof pieces / sizeof *pieces)];
			bool opens = strcmp(last, "B") == 0
			    && strncmp(piece, "B0", 2) == 0;
			/* what makes an opening by chance */
			if (opens || (*last == '8' && *piece == 'B'))
				continue;
			output(piece, strlen(piece));
			*last = piece[strlen(piece) - 1] == 0x18 ? '8' : 0;
		}
		char byte;
		for (int n = 0; n < 2000; n++) {
			byte = (char)test_below(256);
			output(&byte, 1);
		}
		CHECK(!is_on());
	}
}
