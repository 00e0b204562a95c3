#include "client/saved_sessions.h"
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static struct options options;

static void
begin(void)
{
	static char *argv[] = { (char *)(uintptr_t) "belay", (char *)(uintptr_t) "host",
		NULL };
	snprintf(dir, sizeof dir, "/tmp/belay-test-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	CHECK_EQ(setenv("XDG_STATE_HOME", dir, 1), 0);
	CHECK_EQ(options_parse(&options, 2, argv), 0);
}

static void
end(void)
{
	char path[128];
	static const char *const below[] = { "/belay/sessions", "/belay", "" };
	for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
		snprintf(path, sizeof path, "%s%s", dir, below[i]);
		(void)rmdir(path);
	}
	CHECK(access(dir, F_OK) < 0); /* nothing was left in it */
	options_finish(&options);
}

static struct saved_session
session(uint8_t id, const char *name)
{
	struct saved_session m = { .id = { id }, .begun_ms = 1000 + id };
	snprintf(m.name, sizeof m.name, "%s", name);
	return m;
}

/* As on a full disk: no file grows. */
static void
full(bool is)
{
	struct rlimit limit = { is ? 0 : RLIM_INFINITY, RLIM_INFINITY };
	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

TEST(a_session_is_found_when_it_was_left_and_not_while_it_is_held)
{
	struct saved_hold hold = { 0 };
	struct saved_session m = session(7, "work"), found;
	begin();
	CHECK(!saved_sessions_find(&options, false, &found));
	CHECK_EQ(saved_sessions_keep(&hold, &options, &m), 0);
	CHECK(!saved_sessions_find(&options, false, &found));
	CHECK(saved_sessions_find(&options, true, &found));
	saved_sessions_leave(&hold);
	CHECK(saved_sessions_find(&options, false, &found));
	CHECK_EQ(memcmp(found.id, m.id, ID_LEN), 0);
	CHECK_EQ(found.begun_ms, 1007);
	CHECK_STR(found.host, "host");
	CHECK_STR(found.name, "work");
	saved_sessions_forget(&hold, m.id);
	CHECK(!saved_sessions_find(&options, false, &found));
	end();
}

TEST(two_clients_of_one_process_hold_two_sessions)
{
	struct saved_hold one = { 0 }, two = { 0 };
	struct saved_session a = session(1, ""), b = session(2, ""), found;
	begin();
	CHECK_EQ(saved_sessions_keep(&one, &options, &a), 0);
	CHECK_EQ(saved_sessions_keep(&two, &options, &b), 0);
	saved_sessions_leave(&one);
	CHECK(saved_sessions_find(&options, false, &found));
	CHECK_EQ(found.id[0], 1);
	saved_sessions_forget(&one, a.id);
	CHECK(!saved_sessions_find(&options, false, &found));
	saved_sessions_forget(&two, b.id);
	end();
}

TEST(a_shorter_text_leaves_nothing_of_the_longer_one)
{
	struct saved_hold hold = { 0 };
	struct saved_session a = session(1, "a-long-name"), b = session(1, "b"), found;
	begin();
	CHECK_EQ(saved_sessions_keep(&hold, &options, &a), 0);
	CHECK_EQ(saved_sessions_keep(&hold, &options, &b), 0);
	saved_sessions_leave(&hold);
	CHECK(saved_sessions_find(&options, false, &found));
	CHECK_STR(found.name, "b");
	saved_sessions_forget(&hold, a.id);
	end();
}

TEST(a_full_disk_is_told_and_leaves_no_file)
{
	struct saved_hold hold = { 0 };
	struct saved_session m = session(3, ""), found;
	begin();
	full(true);
	CHECK_EQ(saved_sessions_keep(&hold, &options, &m), -1);
	CHECK_EQ(errno, EFBIG);
	CHECK_EQ(hold.fd, 0);
	full(false);
	CHECK(!saved_sessions_find(&options, true, &found));
	end();
}

TEST(a_full_disk_makes_no_session_forgotten)
{
	struct saved_hold hold = { 0 };
	struct saved_session m = session(4, "mine"), found;
	begin();
	CHECK_EQ(saved_sessions_keep(&hold, &options, &m), 0);
	saved_sessions_leave(&hold);
	full(true);
	CHECK_EQ(saved_sessions_keep(&hold, &options, &m), 0);
	CHECK(hold.fd != 0);
	full(false);
	saved_sessions_leave(&hold);
	CHECK(saved_sessions_find(&options, false, &found));
	CHECK_STR(found.name, "mine");
	saved_sessions_forget(&hold, m.id);
	end();
}

TEST(where_there_is_no_place_it_is_told)
{
	struct saved_hold hold = { 0 };
	struct saved_session m = session(5, "");
	begin();
	CHECK_EQ(setenv("XDG_STATE_HOME", "/dev/null", 1), 0);
	CHECK_EQ(saved_sessions_keep(&hold, &options, &m), -1);
	CHECK_EQ(errno, ENOTDIR);
	end();
}
