#include "sys/loop.h"
#include "sys/sys.h"
#include "test.h"

/* A handler ends one connection and makes the next, as belay does when ssh ends: the new
 * one may get the old one's watch and the old one's descriptor number. */
static struct loop loop;
static struct watch first, second;
static int pipes[3][2];
static int calls;

static void
count(void *owner, short revents)
{
	(void)owner;
	(void)revents;
	calls++;
}

static void
replace(void *owner, short revents)
{
	(void)owner;
	(void)revents;
	loop_remove(&loop, &second);
	int number = second.fd;
	close(number);
	if (dup2(pipes[2][0], number) != number)
		abort();
	second = (struct watch){ .fd = number, .events = POLLIN, .fn = count };
	if (!loop_add(&loop, &second))
		abort();
}

static uint64_t
once(void *owner, uint64_t now_us)
{
	static int turns;
	(void)owner;
	if (turns++)
		loop_stop(&loop);
	return now_us;
}

static void
no_signal(void *owner, int sig)
{
	(void)owner;
	(void)sig;
}

TEST(events_of_a_closed_descriptor_do_not_reach_the_one_that_took_its_number)
{
	static const int none[] = { 0 };
	CHECK_EQ(loop_init(&loop, none), 0);
	loop.turn = once;
	loop.on_signal = no_signal;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(sys_pipe(pipes[i]), 0);
	CHECK_EQ(write(pipes[0][1], "x", 1), 1);
	CHECK_EQ(write(pipes[1][1], "x", 1), 1);
	first = (struct watch){ .fd = pipes[0][0], .events = POLLIN, .fn = replace };
	second = (struct watch){ .fd = pipes[1][0], .events = POLLIN, .fn = count };
	CHECK(loop_add(&loop, &first));
	CHECK(loop_add(&loop, &second));
	loop_run(&loop);
	CHECK_EQ(calls, 0);
}

/* One of many that has been quiet is heard beside one that always has something. */
enum { QUIET = 64, BUSY_FIRST = 200, LONG_US = 20 * 1000 * 1000 };
static struct watch busy, quiet[QUIET];
static int busy_calls, heard;

static void
on_busy(void *owner, short revents)
{
	(void)owner;
	(void)revents;
	if (++busy_calls == BUSY_FIRST && write(pipes[1][1], "x", 1) != 1)
		abort();
}

static void
on_quiet(void *owner, short revents)
{
	(void)owner;
	(void)revents;
	heard = busy_calls;
	loop_stop(&loop);
}

static uint64_t
until_late(void *owner, uint64_t now_us)
{
	static uint64_t end_us;
	(void)owner;
	if (!end_us)
		end_us = now_us + LONG_US;
	if (now_us > end_us)
		loop_stop(&loop);
	return end_us;
}

TEST(a_quiet_one_of_many_is_heard_beside_a_busy_one)
{
	static const int none[] = { 0 };
	CHECK_EQ(loop_init(&loop, none), 0);
	loop.turn = until_late;
	loop.on_signal = no_signal;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(sys_pipe(pipes[i]), 0);
	CHECK_EQ(write(pipes[0][1], "x", 1), 1);
	busy = (struct watch){ .fd = pipes[0][0], .events = POLLIN, .fn = on_busy };
	CHECK(loop_add(&loop, &busy));
	for (int i = 0; i < QUIET; i++) {
		int fd = i ? pipes[2][0] : pipes[1][0];
		quiet[i] = (struct watch){ .fd = fd, .events = POLLIN, .fn = on_quiet };
		CHECK(loop_add(&loop, &quiet[i]));
	}
	loop_run(&loop);
	CHECK(heard >= BUSY_FIRST);
}

/* What others decide fills the loop up to what is kept; what a program needs itself has
 * that; and when all is full, that is an answer. */
TEST(a_full_loop_says_so)
{
	static const int none[] = { 0 };
	static struct watch many[LOOP_WATCHES];
	size_t others = 0, own = 0;
	CHECK_EQ(loop_init(&loop, none), 0);
	while (others < LOOP_WATCHES && loop_add(&loop, &many[others]))
		others++;
	CHECK_EQ(others, LOOP_WATCHES - LOOP_KEPT - 1); /* the signals */
	CHECK_EQ(loop_room(&loop), 0);
	while (others + own < LOOP_WATCHES && loop_add_kept(&loop, &many[others + own]))
		own++;
	CHECK_EQ(own, LOOP_KEPT);
	CHECK(!loop_add_kept(&loop, &first));
	loop_remove(&loop, &many[0]);
	CHECK(!loop_add(&loop, &many[0])); /* that one is kept */
	CHECK(loop_add_kept(&loop, &many[0]));
}

/* ---- no memory ---- */

static struct buf got;

static void
take(void *owner, short revents)
{
	(void)owner;
	(void)revents;
	calls++;
	CHECK(sys_read_into(first.fd, &got, 64 * 1024) >= 0);
}

static uint64_t
for_a_while(void *owner, uint64_t now_us)
{
	uint64_t *end_us = owner;
	if (now_us >= *end_us)
		loop_stop(&loop);
	return *end_us;
}

TEST(what_there_is_no_memory_for_is_not_asked_for_all_the_time)
{
	static const int none[] = { 0 };
	uint64_t end_us = sys_now_us() + 200 * 1000;
	CHECK_EQ(loop_init(&loop, none), 0);
	loop.turn = for_a_while;
	loop.turn_owner = &end_us;
	loop.on_signal = no_signal;
	CHECK_EQ(sys_pipe(pipes[0]), 0);
	CHECK_EQ(write(pipes[0][1], "some bytes", 10), 10);
	buf_init(&got, 64 * 1024);
	first = (struct watch){ .fd = pipes[0][0], .events = POLLIN, .fn = take };
	CHECK(loop_add(&loop, &first));
	calls = 0;
	test_memory = NO_MEMORY;
	loop_run(&loop);
	CHECK(calls > 0 && calls < 100);
	CHECK_EQ(got.len, 0);
	test_memory = MEMORY;
	test_fail_malloc(1); /* less is there */
	(void)sys_was_short();
	CHECK_EQ(sys_read_into(first.fd, &got, 64 * 1024), 10);
	CHECK_BYTES(buf_bytes(&got), got.len, "some bytes");
	CHECK(!sys_was_short());
	buf_finish(&got);
	loop_remove(&loop, &first);
}

static uint64_t
long_ago(void *owner, uint64_t now_us)
{
	calls++;
	if (now_us >= *(uint64_t *)owner)
		loop_stop(&loop);
	return 1;
}

static uint64_t
at_once(void *owner, uint64_t now_us)
{
	(void)long_ago(owner, now_us);
	return now_us;
}

TEST(what_is_due_and_cannot_be_done_is_not_tried_all_the_time)
{
	static const int none[] = { 0 };
	uint64_t end_us = sys_now_us() + 200 * 1000;
	CHECK_EQ(loop_init(&loop, none), 0);
	loop.turn = long_ago;
	loop.turn_owner = &end_us;
	loop.on_signal = no_signal;
	calls = 0;
	loop_run(&loop);
	CHECK(calls > 0 && calls < 100);
	/* Who has more to do says so anew each time. */
	loop.stopped = false;
	loop.turn = at_once;
	end_us = sys_now_us() + 200 * 1000;
	calls = 0;
	loop_run(&loop);
	CHECK(calls > 200);
}
