#include "base/ring.h"
#include "sys/os.h"
#include "sys/sys.h"
#include "test.h"

#include <errno.h>
#include <unistd.h>

enum { LENT = 50 * 1000 };

static uint8_t bytes[LENT], got[LENT];

/* Fills a pipe out of a ring; false where nothing can be lent. */
static bool
lend(struct ring *r, int pipe_fds[2])
{
	for (size_t i = 0; i < LENT; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	CHECK_EQ(sys_pipe(pipe_fds), 0);
	CHECK_EQ(sys_nonblock(pipe_fds[1]), 0);
	ring_init(r, 10 * LENT);
	CHECK_EQ(ring_put(r, bytes, LENT), 0);
	ssize_t n = os_pipe_lend(pipe_fds[1], ring_at(r, 0));
	CHECK(n == LENT || errno == ENOSYS || errno == EINVAL);
	return n == LENT;
}

static void
check_read(int pipe_fds[2])
{
	CHECK_EQ(sys_read_all(pipe_fds[0], got, LENT), 0);
	CHECK(memcmp(got, bytes, LENT) == 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

TEST(what_is_lent_is_read_as_it_was_when_the_ring_has_grown)
{
	struct ring r;
	int fds[2];
	if (!lend(&r, fds))
		return;
	CHECK_EQ(ring_put(&r, bytes, LENT), 0); /* it moves */
	ring_drop(&r, 2 * LENT);
	memset(got, 'x', LENT);
	CHECK_EQ(ring_put(&r, got, LENT), 0);
	check_read(fds);
	ring_finish(&r);
}

TEST(what_is_lent_is_read_as_it_was_when_the_ring_is_gone)
{
	struct ring r;
	int fds[2];
	if (!lend(&r, fds))
		return;
	ring_finish(&r);
	ring_init(&r, LENT);
	memset(got, 'x', LENT);
	CHECK_EQ(ring_put(&r, got, LENT), 0);
	check_read(fds);
	ring_finish(&r);
}

TEST(nothing_is_lent_to_what_is_no_pipe)
{
	CHECK_EQ(os_pipe_lend(-1, (struct span){ bytes, LENT }), -1);
	CHECK(errno != EAGAIN);
}
