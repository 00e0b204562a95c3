#include "ssh/handover.h"
#include "sys/sock.h"
#include "sys/sys.h"
#include "test.h"

#include <sys/stat.h>

static char dir[] = "/tmp/handover-XXXXXX", path[64];
static struct loop loop;
static struct handover handover;

static void
begin(void)
{
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	CHECK(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/c", dir);
	loop = (struct loop){ 0 };
	CHECK(handover_open(&handover, &loop, path));
}

static void
end(void)
{
	handover_close(&handover);
	handover_close(&handover); /* one that is closed */
	CHECK_EQ(rmdir(dir), 0); /* nothing lies there any more */
}

/* One turn of the loop. */
static void
dispatch(void)
{
	struct watch *w = &handover.listener;
	CHECK(sys_wait(w->fd, w->events, 10 * 1000));
	w->fn(w->owner, w->events);
}

/* What comes to the taker: a descriptor, by which a byte gets to `end`. */
static void
check_passed(int taker, int other_end)
{
	struct buf bytes;
	char got;
	int fd = -1;
	size_t n;
	buf_init(&bytes, 1);
	CHECK(sys_wait(taker, POLLIN, 10 * 1000));
	CHECK(sock_receive_fds(taker, &bytes, 1, &fd, 1, &n) > 0 && n == 1);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(read(other_end, &got, 1), 1);
	close(fd);
	close(taker);
	buf_finish(&bytes);
}

TEST(the_connection_goes_to_who_comes_whenever_that_is)
{
	for (int comes_first = 0; comes_first < 2; comes_first++) {
		int pipe_fds[2], taker = -1;
		begin();
		CHECK_EQ(sys_pipe(pipe_fds), 0);
		if (comes_first) {
			taker = sock_connect(path);
			dispatch();
		}
		handover_give(&handover, pipe_fds[1]);
		close(pipe_fds[1]); /* it has its own */
		if (!comes_first) {
			taker = sock_connect(path);
			dispatch();
		}
		CHECK(taker >= 0 && !handover.loop);
		check_passed(taker, pipe_fds[0]);
		close(pipe_fds[0]);
		end();
	}
}

TEST(one_that_is_closed_leaves_nothing)
{
	int taker;
	begin();
	end();
	begin();
	taker = sock_connect(path);
	dispatch();
	handover_close(&handover);
	CHECK(sys_wait(taker, 0, 10 * 1000)); /* hung up: nothing comes */
	close(taker);
	end();
}

TEST(where_the_path_is_taken_there_is_none)
{
	struct handover other;
	begin();
	CHECK(!handover_open(&other, &loop, path));
	CHECK(!other.loop);
	end();
}
