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
static const struct saved_place window = { { 0x8801, 77, 123456789012345 }, true };
static struct saved_place here;
static struct saved_others others;

static void
begin(void)
{
	static char *argv[] = { (char *)(uintptr_t) "belay", (char *)(uintptr_t) "host",
		NULL };
	snprintf(dir, sizeof dir, "/tmp/belay-test-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	here = window;
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
	struct saved_session m = { .id = { id }, .begun_ms = 1000 + id, .place = window };
	snprintf(m.name, sizeof m.name, "%s", name);
	return m;
}

static bool
find(bool shared, struct saved_session *ret)
{
	return saved_sessions_find(&options, shared, &here, NULL, ret, &others);
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
	CHECK(!find(false, &found));
	CHECK_EQ(saved_sessions_keep(&hold, &options, &m), 0);
	CHECK(!find(false, &found));
	CHECK(find(true, &found));
	saved_sessions_leave(&hold, SAVED_CUT_OFF);
	CHECK(find(false, &found));
	CHECK_EQ(memcmp(found.id, m.id, ID_LEN), 0);
	CHECK_EQ(found.begun_ms, 1007);
	CHECK_STR(found.host, "host");
	CHECK_STR(found.name, "work");
	saved_sessions_forget(&hold, m.id);
	CHECK(!find(false, &found));
	end();
}

TEST(two_clients_of_one_process_hold_two_sessions)
{
	struct saved_hold one = { 0 }, two = { 0 };
	struct saved_session a = session(1, ""), b = session(2, ""), found;
	begin();
	CHECK_EQ(saved_sessions_keep(&one, &options, &a), 0);
	CHECK_EQ(saved_sessions_keep(&two, &options, &b), 0);
	saved_sessions_leave(&one, SAVED_CUT_OFF);
	CHECK(find(false, &found));
	CHECK_EQ(found.id[0], 1);
	saved_sessions_forget(&one, a.id);
	CHECK(!find(false, &found));
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
	saved_sessions_leave(&hold, SAVED_CUT_OFF);
	CHECK(find(false, &found));
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
	CHECK(!find(true, &found));
	end();
}

TEST(a_full_disk_makes_no_session_forgotten)
{
	struct saved_hold hold = { 0 };
	struct saved_session m = session(4, "mine"), found;
	begin();
	CHECK_EQ(saved_sessions_keep(&hold, &options, &m), 0);
	saved_sessions_leave(&hold, SAVED_CUT_OFF);
	full(true);
	CHECK_EQ(saved_sessions_keep(&hold, &options, &m), 0);
	CHECK(hold.fd != 0);
	full(false);
	saved_sessions_leave(&hold, SAVED_CUT_OFF);
	CHECK(find(false, &found));
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

TEST(how_and_where_it_was_left_is_remembered)
{
	static const enum saved_how ways[] = { SAVED_CUT_OFF, SAVED_LEFT,
		SAVED_WINDOW_GONE };
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct saved_hold hold = { 0 };
		struct saved_session m, found;
		begin();
		m = session(6, i ? "name" : "");
		CHECK_EQ(saved_sessions_keep(&hold, &options, &m), 0);
		saved_sessions_leave(&hold, ways[i]);
		saved_sessions_leave(&hold,
		    SAVED_CUT_OFF); /* at the end of the process */
		CHECK(find(false, &found));
		CHECK_EQ(found.how, ways[i]);
		CHECK_EQ(memcmp(&found.place, &here, sizeof here), 0);
		CHECK_STR(found.name, i ? "name" : "");
		here.tty.leader_start++;
		CHECK_EQ(find(false, &found), ways[i] != SAVED_LEFT);
		CHECK_EQ(others.n, ways[i] == SAVED_LEFT);
		saved_sessions_forget(&hold, m.id);
		end();
	}
}

TEST(what_is_not_come_back_to_is_counted_and_the_youngest_named)
{
	struct saved_hold one = { 0 }, two = { 0 };
	struct saved_session a, b, found;
	begin();
	a = session(1, "old");
	b = session(2, "young");
	CHECK_EQ(saved_sessions_keep(&one, &options, &a), 0);
	CHECK_EQ(saved_sessions_keep(&two, &options, &b), 0);
	saved_sessions_leave(&one, SAVED_LEFT);
	saved_sessions_leave(&two, SAVED_WINDOW_GONE);
	here.person = false;
	CHECK(!find(false, &found));
	CHECK_EQ(others.n, 2);
	CHECK(others.youngest.id[0] == 1 || others.youngest.id[0] == 2);
	saved_sessions_forget(&one, a.id);
	saved_sessions_forget(&two, b.id);
	end();
}

/* As version 0.1.0 has written it. */
TEST(a_file_without_a_place_was_a_persons)
{
	static const char id[] = "/belay/sessions/07000000000000000000000000000000";
	struct saved_session found;
	char path[160], text[80];
	begin();
	snprintf(path, sizeof path, "%s/belay", dir);
	CHECK_EQ(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/belay/sessions", dir);
	CHECK_EQ(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s%s", dir, id);
	FILE *file = fopen(path, "w");
	int n = snprintf(text, sizeof text, "%016llx 1007 host \n",
	    (unsigned long long)options_key(&options));
	CHECK(file && fwrite(text, 1, (size_t)n, file) == (size_t)n && fclose(file) == 0);
	CHECK(find(false, &found));
	CHECK(found.place.person && found.how == SAVED_CUT_OFF && !found.name[0]);
	here.person = false;
	CHECK(!find(false, &found));
	CHECK_EQ(unlink(path), 0);
	end();
}

/* Another window of this machine has taken the session over. */
TEST(who_takes_a_session_over_holds_its_file)
{
	struct saved_hold one = { 0 }, two = { 0 }, sharer = { 0 };
	struct saved_session a, found;
	begin();
	a = session(1, "work");
	CHECK_EQ(saved_sessions_keep(&one, &options, &a), 0);
	options.share = true;
	CHECK_EQ(saved_sessions_keep(&sharer, &options, &a), 0);
	CHECK(!sharer.fd);
	options.share = false;
	CHECK_EQ(saved_sessions_keep(&two, &options, &a), 0);
	CHECK(two.fd);
	saved_sessions_forget(&one, a.id); /* it does not know better */
	CHECK(!find(false, &found)); /* it is open */
	saved_sessions_leave(&two, SAVED_CUT_OFF);
	CHECK(find(false, &found) && found.id[0] == 1);
	saved_sessions_forget(&two, a.id);
	end();
}

static const char *
host_of(const char *names)
{
	static char host[SAVED_HOST_MAX];
	return saved_sessions_host(names, host) ? host : NULL;
}

TEST(a_destination_is_found_by_the_names_of_its_sessions)
{
	struct saved_hold one = { 0 }, two = { 0 }, other = { 0 };
	struct saved_session work = session(0xab, "work"), nameless = session(0xcd, ""),
			     there = session(0xae, "far");
	begin();
	CHECK_EQ(saved_sessions_keep(&one, &options, &work), 0);
	CHECK_EQ(saved_sessions_keep(&two, &options, &nameless), 0);
	options.destination = "elsewhere";
	CHECK_EQ(saved_sessions_keep(&other, &options, &there), 0);
	options.destination = "host";
	CHECK_STR(host_of("work"), "host");
	CHECK_STR(host_of("cd"), "host");
	CHECK_STR(host_of("work,cd00"), "host");
	CHECK_STR(host_of("far"), "elsewhere");
	CHECK(host_of("work,far") == NULL);
	CHECK(host_of("a") == NULL); /* of several */
	CHECK(host_of("nobody") == NULL && host_of("--idle") == NULL);
	saved_sessions_leave(&one, SAVED_LEFT);
	saved_sessions_leave(&two, SAVED_LEFT);
	saved_sessions_killed("work,far,nobody", &options);
	CHECK(host_of("work") == NULL);
	CHECK_STR(host_of("far"), "elsewhere"); /* is another destination's */
	saved_sessions_forget(&two, nameless.id);
	saved_sessions_forget(&other, there.id);
	end();
}
