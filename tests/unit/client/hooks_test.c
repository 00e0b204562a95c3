#include "client/hooks.h"
#include "sys/sys.h"
#include "test.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND ((uint64_t)1000 * 1000)

static struct hooks hooks;
static char path[] = "/tmp/belay-hooks-XXXXXX", lost[256], back[256];

/* Both write into a file, which is empty. */
static void
begin(bool with_lost)
{
	static char destination[] = "there";
	strcpy(path + sizeof path - 7, "XXXXXX");
	int fd = mkstemp(path);
	CHECK(fd >= 0);
	close(fd);
	snprintf(lost, sizeof lost, "echo lost $BELAY_DESTINATION $BELAY_OUTAGE >>%s",
	    path);
	snprintf(back, sizeof back, "echo back $BELAY_DESTINATION $BELAY_OUTAGE >>%s",
	    path);
	struct options o = { .destination = destination,
		.on_lost = with_lost ? lost : NULL,
		.on_back = back };
	hooks_init(&hooks, &o);
}

static void
wait_end(void)
{
	CHECK(hooks.pid > 0);
	while (hooks.pid) {
		hooks_reap(&hooks);
		poll(NULL, 0, 1);
	}
}

static void
end(const char *said)
{
	struct buf b;
	buf_init(&b, 64 * 1024);
	CHECK_EQ(sys_read_file(path, &b), 0);
	CHECK_STR(b.len ? buf_str(&b) : "", said);
	buf_finish(&b);
	unlink(path);
}

TEST(they_are_run_once_an_outage_with_its_length)
{
	begin(true);
	for (int i = 0; i < 2; i++) {
		uint64_t since = (100 + 100 * (uint64_t)i) * SECOND;
		CHECK_EQ(hooks_turn(&hooks, 0, since - SECOND), 0);
		CHECK_EQ(hooks_turn(&hooks, since, since), since + 3 * SECOND);
		CHECK_EQ(hooks_turn(&hooks, since, since + 4 * SECOND), 0);
		wait_end();
		CHECK_EQ(hooks_turn(&hooks, since, since + 5 * SECOND), 0);
		CHECK_EQ(hooks.pid, 0);
		CHECK_EQ(hooks_turn(&hooks, 0, since + 60 * SECOND), 0);
		wait_end();
		CHECK_EQ(hooks_turn(&hooks, 0, since + 61 * SECOND), 0);
		CHECK_EQ(hooks.pid, 0);
	}
	end("lost there 4\nback there 60\nlost there 4\nback there 60\n");
}

TEST(a_short_outage_is_none)
{
	begin(true);
	CHECK_EQ(hooks_turn(&hooks, SECOND, SECOND), 4 * SECOND);
	CHECK_EQ(hooks_turn(&hooks, 0, 3 * SECOND), 0);
	CHECK_EQ(hooks.pid, 0);
	end("");
}

TEST(one_waits_for_the_other)
{
	begin(true);
	(void)hooks_turn(&hooks, SECOND, 10 * SECOND);
	pid_t first = hooks.pid;
	CHECK_EQ(hooks_turn(&hooks, 0, 11 * SECOND), 0);
	CHECK_EQ(hooks.pid, first);
	wait_end();
	(void)hooks_turn(&hooks, 0, 20 * SECOND);
	wait_end();
	end("lost there 9\nback there 10\n");
}

TEST(one_alone_is_enough_and_none_does_nothing)
{
	struct options none = { 0 };
	begin(false);
	CHECK_EQ(hooks_turn(&hooks, SECOND, 10 * SECOND), 0);
	CHECK_EQ(hooks.pid, 0);
	(void)hooks_turn(&hooks, 0, 11 * SECOND);
	wait_end();
	end("back there 10\n");
	hooks_init(&hooks, &none);
	CHECK_EQ(hooks_turn(&hooks, SECOND, 10 * SECOND), 0);
	CHECK_EQ(hooks.pid, 0);
}

TEST(what_has_happened_is_told_once_and_waits_for_its_turn)
{
	static char destination[] = "there", command[256];
	struct while_away_note most = { .what = AWAY_ENDED,
		.count = 1,
		.how = EXIT_SIGNAL,
		.status = 9 };
	begin(true);
	snprintf(command, sizeof command,
	    "echo $BELAY_DESTINATION $BELAY_AWAY_WHAT $BELAY_AWAY_STATUS $BELAY_AWAY >>%s",
	    path);
	struct options o = { .destination = destination,
		.on_lost = lost,
		.on_away = command };
	hooks_init(&hooks, &o);
	(void)hooks_turn(&hooks, SECOND, 10 * SECOND);
	hooks_away(&hooks, &most, "while away: it ended");
	(void)hooks_turn(&hooks, 0, 11 * SECOND);
	wait_end();
	(void)hooks_turn(&hooks, 0, 12 * SECOND);
	wait_end();
	(void)hooks_turn(&hooks, 0, 13 * SECOND);
	CHECK_EQ(hooks.pid, 0);
	end("lost there 9\nthere ended 137 while away: it ended\n");
	hooks_init(&hooks, &(struct options){ 0 });
	hooks_away(&hooks, &most, "");
	(void)hooks_turn(&hooks, 0, SECOND);
	CHECK_EQ(hooks.pid, 0);
}
