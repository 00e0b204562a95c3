#include "sys/fd_queue.h"
#include "sys/sock.h"
#include "sys/sys.h"
#include "test.h"

#include <errno.h>
#include <sys/socket.h>

static int from[2], to[2];
static struct fd_queue queue;

static void
begin(void)
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, from), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, to), 0);
	for (int i = 0; i < 2; i++)
		CHECK(sys_nonblock(from[i]) == 0 && sys_nonblock(to[i]) == 0);
	fd_queue_init(&queue, 2 * FD_QUEUE_READ);
}

static void
end(void)
{
	fd_queue_finish(&queue);
	for (int i = 0; i < 2; i++) {
		close(from[i]);
		close(to[i]);
	}
}

static void
send_with(const char *text, int fd)
{
	CHECK_EQ(sock_send_fds(from[0], (struct span){ (const uint8_t *)text, 1 }, &fd,
		     1),
	    0);
}

/* As ssh's master does it: as many bytes as it wants, then one with a descriptor. */
TEST(a_descriptor_goes_with_its_byte)
{
	char bytes[8] = "";
	struct buf byte;
	int fd, pipes[2];
	size_t n;
	begin();
	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(write(from[0], "request", 7), 7);
	send_with("1", pipes[0]);
	send_with("2", pipes[1]);
	CHECK_EQ(write(from[0], "more", 4), 4);
	for (int i = 0; i < 4; i++)
		CHECK(fd_queue_receive(&queue, from[1]));
	CHECK_EQ(queue.bytes.len, 13);
	CHECK_EQ(queue.n_fds, 2);
	CHECK(fd_queue_send(&queue, to[0]) && queue.bytes.len == 0 && queue.n_fds == 0);
	CHECK_EQ(read(to[1], bytes, 7), 7);
	CHECK_STR(bytes, "request");
	for (int i = 0; i < 2; i++) {
		buf_init(&byte, 1);
		CHECK_EQ(sock_receive_fds(to[1], &byte, 1, &fd, 1, &n), 1);
		CHECK(n == 1 && buf_bytes(&byte)[0] == '1' + i);
		close(fd);
		buf_finish(&byte);
		close(pipes[i]);
	}
	CHECK_EQ(read(to[1], bytes, 8), 4);
	end();
}

TEST(what_is_too_much_is_not_received)
{
	int pipes[2];
	begin();
	CHECK_EQ(pipe(pipes), 0);
	for (int i = 0; i <= FD_QUEUE_FDS; i++) {
		send_with("x", pipes[0]);
		CHECK_EQ(fd_queue_receive(&queue, from[1]), i < FD_QUEUE_FDS);
	}
	close(pipes[0]);
	close(pipes[1]);
	end();
	begin();
	static const char much[FD_QUEUE_READ];
	for (int i = 0; i < 4; i++) {
		(void)!write(from[0], much, sizeof much);
		CHECK(fd_queue_receive(&queue, from[1]));
	}
	CHECK(!fd_queue_has_room(&queue) && queue.bytes.len <= queue.bytes.max);
	end();
}

TEST(the_end_is_told)
{
	begin();
	close(from[0]);
	CHECK(!fd_queue_receive(&queue, from[1]));
	from[0] = dup(from[1]);
	end();
}
