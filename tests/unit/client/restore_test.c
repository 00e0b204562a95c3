#include "client/restore.h"

#include "test.h"

static const uint8_t then[ID_LEN] = { 1 }, now[ID_LEN] = { 2 }, none[ID_LEN];

static struct saved_session
session(uint8_t id, enum saved_how how, int64_t left_s)
{
	struct saved_session m = { .id = { id },
		.begun_ms = 1000 * (100 - id),
		.left_s = left_s,
		.how = how,
		.words = "host" };
	memcpy(m.boot, then, ID_LEN);
	return m;
}

/* The ids of those that are chosen, in their order. */
static const char *
chosen(const struct saved_session *list, size_t n)
{
	static char text[64];
	const struct saved_session *found[RESTORE_MAX];
	size_t many = restore_choose(list, n, now, found), at = 0;
	text[0] = 0;
	for (size_t i = 0; i < many; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%d ",
		    found[i]->id[0]);
	return text;
}

TEST(what_was_open_comes_back_the_oldest_first)
{
	struct saved_session list[] = { session(1, SAVED_CUT_OFF, 500),
		session(2, SAVED_CUT_OFF, 100), session(3, SAVED_LEFT, 500),
		session(4, SAVED_WINDOW_GONE, 1000), session(5, SAVED_WINDOW_GONE, 879) };
	CHECK_STR(chosen(list, 5), "4 2 1 ");
}

TEST(what_is_of_now_or_has_a_client_or_no_words_does_not)
{
	struct saved_session list[] = { session(1, SAVED_CUT_OFF, 1),
		session(2, SAVED_CUT_OFF, 1), session(3, SAVED_CUT_OFF, 1),
		session(4, SAVED_CUT_OFF, 1) };
	memcpy(list[0].boot, now, ID_LEN);
	memcpy(list[1].boot, none, ID_LEN);
	list[2].open = true;
	list[3].words[0] = 0;
	CHECK_STR(chosen(list, 4), "");
}

TEST(no_more_than_there_is_room_for)
{
	static struct saved_session list[2 * RESTORE_MAX];
	const struct saved_session *found[RESTORE_MAX];
	for (size_t i = 0; i < 2 * RESTORE_MAX; i++)
		list[i] = session(1, SAVED_CUT_OFF, 1);
	CHECK_EQ(restore_choose(list, 2 * RESTORE_MAX, now, found), RESTORE_MAX);
}
