#include "sys/child.h"
#include "sys/os.h"
#include "test.h"

#ifdef __linux__
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 3, IDLE = 5 }; /* sched(7) */

static int
policy(void)
{
	return sched_getscheduler(0);
}

/* Of a program that is started now: proc_pid_stat(5). */
static int
policy_of_child(void)
{
	int io[3], status = 0;
	static char sh[] = "sh", c[] = "-c", text[] = "set -- $(cat /proc/$$/stat); exit ${41}";
	char *const argv[] = { sh, c, text, NULL };
	pid_t pid = child_start(argv, false, io);
	CHECK(pid > 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	for (int i = 0; i < 3; i++)
		close(io[i]);
	return WEXITSTATUS(status);
}

TEST(bulk_is_moved_as_a_batch_and_what_is_started_then_is_not)
{
	CHECK_EQ(policy(), SCHED_OTHER);
	os_batch(true);
	CHECK_EQ(policy(), BATCH);
	CHECK_EQ(policy_of_child(), SCHED_OTHER);
	os_batch(false);
	CHECK_EQ(policy(), SCHED_OTHER);
	os_batch(true);
	os_batch(false);
	CHECK_EQ(policy(), SCHED_OTHER);
}

/* In a child: who is idle may not come back. */
TEST(who_was_given_another_policy_keeps_it)
{
	int status = 0;
	pid_t pid = fork();
	if (!pid) {
		const struct sched_param none = { 0 };
		if (sched_setscheduler(0, IDLE, &none) < 0)
			_exit(IDLE);
		os_batch(true);
		os_batch(false);
		_exit(policy());
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WEXITSTATUS(status), IDLE);
}
#else
TEST(there_is_nothing_to_set)
{
	os_batch(true);
	os_batch(false);
}
#endif
