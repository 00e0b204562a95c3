#include "screen/backlog.h"
#include "test.h"

static const uint64_t quiet_us = BACKLOG_QUIET_US, away_us = 9000000;

static struct stream s;
static struct backlog b;

static void
type(const char *keys, uint64_t now_us)
{
	CHECK_EQ(stream_write(&s, keys, strlen(keys)), strlen(keys));
	backlog_typed(&b, now_us);
}

static size_t
next(void)
{
	const uint8_t *bytes;
	bool end;
	return stream_next(&s, 1000, &bytes, &end);
}

/* So much was sent before the link went away. */
static void
go_away(const char *sent)
{
	b = (struct backlog){ 0 };
	stream_init(&s, STREAM_MAIN, RANK_TERMINAL, 4096, 4096);
	CHECK_EQ(stream_on_ack(&s, 0, 4096), 0);
	type(sent, 1);
	stream_sent(&s, strlen(sent));
	CHECK_EQ(backlog_turn(&b, &s, true, away_us), 0);
}

TEST(nothing_typed_in_an_outage_is_sent_before_the_keyboard_is_quiet)
{
	go_away("ls");
	type("rm", away_us + 1);
	CHECK_EQ(next(), 0);
	const uint8_t *bytes;
	CHECK_EQ(stream_offer(&s, 1000, &bytes), 2); /* ahead of a handshake neither */
	uint64_t back_us = away_us + 10;
	CHECK_EQ(backlog_turn(&b, &s, false, back_us), away_us + 1 + quiet_us);
	type("x", back_us + quiet_us / 2);
	uint64_t at = backlog_turn(&b, &s, false, back_us + quiet_us / 2);
	CHECK_EQ(at, back_us + quiet_us / 2 + quiet_us);
	CHECK(backlog_turn(&b, &s, false, at - 1) == at);
	CHECK_EQ(next(), 0);
	CHECK_EQ(backlog_turn(&b, &s, false, at), 0);
	CHECK_EQ(next(), 3);
	stream_finish(&s);
}

TEST(who_never_pauses_is_not_held_up_for_ever)
{
	go_away("");
	uint64_t now = away_us + 1;
	type("x", now);
	for (uint64_t back = now; now < back + BACKLOG_MAX_US; now += quiet_us / 2) {
		type("x", now);
		CHECK(backlog_turn(&b, &s, false, now));
		CHECK_EQ(next(), 0);
	}
	type("x", now);
	CHECK_EQ(backlog_turn(&b, &s, false, now), 0);
	CHECK(next() > 0);
	stream_finish(&s);
}

TEST(where_nothing_waits_the_next_key_does_not)
{
	go_away("ls");
	b.typed_us = away_us;
	CHECK_EQ(backlog_turn(&b, &s, false, away_us + 1), 0);
	type("x", away_us + 2);
	CHECK_EQ(next(), 1);
	stream_finish(&s);
}

TEST(another_outage_begins_before_it_was_let_go)
{
	go_away("");
	type("x", away_us + 1);
	CHECK(backlog_turn(&b, &s, false, away_us + 2));
	CHECK_EQ(backlog_turn(&b, &s, true, away_us + 3), 0);
	CHECK_EQ(backlog_turn(&b, &s, true, away_us + 9 * quiet_us), 0);
	CHECK_EQ(next(), 0);
	stream_finish(&s);
}

TEST(what_was_not_sent_is_dropped_and_no_more)
{
	go_away("sent");
	CHECK_EQ(backlog_drop(&s), 0);
	type("not\r", away_us + 1);
	CHECK_EQ(backlog_unsent(&s), 4);
	CHECK_EQ(backlog_doubtful(&s), 4);
	CHECK_EQ(backlog_drop(&s), 4);
	CHECK_EQ(backlog_unsent(&s), 0);
	CHECK_EQ(backlog_doubtful(&s), 4);
	type("new", away_us + 2);
	CHECK_EQ(backlog_turn(&b, &s, false, away_us + 9 * quiet_us), 0);
	const uint8_t *bytes;
	bool end;
	size_t n = stream_next(&s, 1000, &bytes, &end);
	CHECK_BYTES(bytes, n, "new");
	stream_finish(&s);
}

/* Else the program would take all that follows for pasted. */
TEST(the_end_of_a_paste_that_was_sent_in_part_is_left)
{
	go_away("\033[200~one");
	type("two\033[201~three", away_us + 1);
	CHECK_EQ(backlog_drop(&s), 8);
	CHECK_EQ(backlog_unsent(&s), 6);
	stream_finish(&s);
	go_away("");
	type("\033[200~two\033[201~three", away_us + 1);
	CHECK_EQ(backlog_drop(&s), 20);
	stream_finish(&s);
}

TEST(characters_are_counted_not_bytes)
{
	go_away("a");
	type("b\303\244\342\202\254", away_us + 1);
	CHECK_EQ(backlog_characters(&s), 4);
	stream_finish(&s);
}
