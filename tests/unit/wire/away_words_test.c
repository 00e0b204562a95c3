#include "wire/away_words.h"

#include "test.h"

static const char *
words(uint8_t what, uint32_t count, const char *text, size_t max)
{
	static char said[256];
	struct msg_away m = { .what = what,
		.count = count,
		.text = { (const uint8_t *)text, strlen(text) } };
	struct buf out;
	buf_init(&out, sizeof said);
	away_words(&m, max, &out);
	memcpy(said, out.len ? buf_str(&out) : "", out.len + 1);
	buf_finish(&out);
	return said;
}

TEST(each_kind_has_its_words)
{
	CHECK_STR(words(AWAY_ENDED, 1, "make", 80), "make ended");
	CHECK_STR(words(AWAY_ENDED, 3, "make", 80), "make ended and 2 before");
	CHECK_STR(words(AWAY_NOTICE, 1, "is done", 80), "notice: is done");
	CHECK_STR(words(AWAY_NOTICE, 2, "is done", 80), "2 notices: is done");
	CHECK_STR(words(AWAY_NOTICE, 1, "", 80), "notice");
	CHECK_STR(words(AWAY_BELL, 1, "", 80), "bell");
	CHECK_STR(words(AWAY_BELL, 5, "", 80), "5 bells");
	CHECK_STR(words(AWAY_QUIET, 1, "", 80), "quiet");
	CHECK_STR(words(0, 1, "x", 80), "");
	CHECK_STR(words(AWAY_QUIET + 1, 1, "x", 80), "");
	CHECK_STR(words(255, 1, "x", 80), "");
}

TEST(a_program_s_end_has_its_status_where_it_is_known)
{
	struct msg_away m = { .what = AWAY_ENDED,
		.count = 1,
		.how = EXIT_STATUS,
		.text = { (const uint8_t *)"cc", 2 } };
	struct buf out;
	buf_init(&out, 256);
	away_words(&m, 80, &out);
	m.how = EXIT_SIGNAL;
	m.status = 11;
	away_words(&m, 80, &out);
	CHECK_STR(buf_str(&out), "cc ended (0)cc ended (signal 11)");
	buf_finish(&out);
}

TEST(a_text_is_cut_between_characters)
{
	static const char euros[] = "\342\202\254\342\202\254";
	struct span text = { (const uint8_t *)euros, 6 };
	CHECK_EQ(away_cut(text, 6), 6);
	CHECK_EQ(away_cut(text, 5), 3);
	CHECK_EQ(away_cut(text, 3), 3);
	CHECK_EQ(away_cut(text, 2), 0);
	CHECK_EQ(away_cut(text, 0), 0);
	CHECK_EQ(away_cut((struct span){ 0 }, 10), 0);
	CHECK_STR(words(AWAY_NOTICE, 1, euros, 4), "notice: \342\202\254");
}
