/* `attach`, in a process of its own, with a session's holder that it makes itself: this program,
 * run once more as `hold`. */
#include "server/holder.h"

#include "base/hex.h"
#include "server/relay.h"
#include "server/self.h"

static struct visit v;
static pid_t relay;

/* Before the tests' own main. */
__attribute__((constructor)) static void
hold(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		_exit(session_main(argv[2]));
}

static void
begin(void)
{
	holder_begin();
	setenv("XDG_CACHE_HOME", holder_dir, 1);
	holder_path[0] = 0;
}

/* As ssh runs it: `hello` stands on the command line, or comes by stdin ("-"). */
static void
attach(const char *hello)
{
	int to[2], from[2];
	CHECK(pipe(to) == 0 && pipe(from) == 0);
	fflush(stdout);
	relay = fork();
	CHECK(relay >= 0);
	if (relay == 0) {
		test_ends_too();
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		for (int fd = 3; fd < 200; fd++)
			close(fd);
		self_begin("/proc/self/exe");
		_exit(relay_main("MARK", hello));
	}
	close(to[0]);
	close(from[1]);
	pipe_init(&v.io, &holder_loop, visit_readable, &v);
	CHECK(pipe_open(&v.io, from[0], to[1]));
	v.state = VISIT_GREETS;
}

static void
put_hello(const struct msg_hello *hello, struct buf *out)
{
	buf_init(out, FRAME_MAX);
	CHECK_EQ(msg_put(out, MSG_HELLO, hello), 0);
}

static void
attach_with(const struct msg_hello *hello)
{
	struct buf bytes;
	char text[8192];
	put_hello(hello, &bytes);
	CHECK(bytes.len * 2 < sizeof text);
	for (size_t i = 0; i < bytes.len; i++)
		snprintf(text + 2 * i, 3, "%02x", buf_bytes(&bytes)[i]);
	buf_finish(&bytes);
	attach(text);
}

/* "MARK ready", behind which frames follow. */
static void
wait_ready(void)
{
	static const char line[] = "MARK ready\n";
	uint64_t end_us = sys_now_us() + HOLDER_PATIENCE_US;
	while (v.io.link.in.len < sizeof line - 1 && sys_now_us() < end_us)
		if (sys_wait(v.io.in.fd, POLLIN, 10))
			(void)link_read(&v.io.link);
	CHECK(v.io.link.in.len >= sizeof line - 1);
	CHECK_EQ(memcmp(buf_bytes(&v.io.link.in), line, sizeof line - 1), 0);
	buf_drop(&v.io.link.in, sizeof line - 1);
}

static int
relay_status(void)
{
	int status;
	CHECK_EQ(waitpid(relay, &status, 0), relay);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Sessions end by themselves, in a process that is not ours. */
static void
end(void)
{
	char command[128];
	visit_end(&v);
	snprintf(command, sizeof command, "rm -rf %s", holder_dir);
	for (int i = 0;
	     i < 1000 && system("ls $BELAY_RUN_DIR/*/ 2>/dev/null | grep -q .") == 0; i++)
		poll(NULL, 0, 10);
	CHECK_EQ(system(command), 0);
}

TEST(a_new_session_is_made_and_the_link_handed_to_it)
{
	struct msg_hello m = visit_hello("echo out; exit 3");
	begin();
	visit_streams(&v, KIND_PIPES);
	attach_with(&m);
	wait_ready();
	visit_until(&v, VISIT_EXITED);
	CHECK_BYTES(buf_bytes(&v.got), v.got.len, "out\n");
	CHECK_EQ(v.exit.status, 3);
	visit_bye(&v, BYE_DONE);
	CHECK_EQ(relay_status(), 0);
	end();
}

TEST(a_hello_may_come_by_stdin_with_what_is_typed_behind_it)
{
	struct msg_hello m = visit_hello("cat");
	struct buf bytes;
	begin();
	visit_streams(&v, KIND_PIPES);
	attach("-");
	put_hello(&m, &bytes);
	visit_type(&v, "typed");
	stream_end(v.main);
	CHECK_EQ(engine_prelude(&v.engine, &bytes, 1000), 0);
	CHECK_EQ(sys_write_all(v.io.out.fd, buf_bytes(&bytes), bytes.len), 0);
	buf_finish(&bytes);
	wait_ready();
	visit_until(&v, VISIT_EXITED);
	CHECK_BYTES(buf_bytes(&v.got), v.got.len, "typed");
	visit_bye(&v, BYE_DONE);
	CHECK_EQ(relay_status(), 0);
	end();
}

TEST(a_session_that_is_not_there_is_refused)
{
	struct msg_hello m = visit_hello("cat");
	begin();
	visit_streams(&v, KIND_PIPES);
	m.request = HELLO_RESUME;
	attach_with(&m);
	wait_ready();
	visit_until(&v, VISIT_REFUSED);
	CHECK_EQ(v.code, REFUSE_GONE);
	CHECK_EQ(relay_status(), 1);
	end();
}

TEST(who_may_ask_for_another_session_does_so_on_the_same_connection)
{
	struct msg_hello m = visit_hello("echo anew");
	struct buf again, bytes;
	begin();
	visit_streams(&v, KIND_PIPES);
	buf_init(&again, 64);
	CHECK_EQ(msg_put(&again, MSG_AGAIN, &(struct msg_again){ 1 }), 0);
	m.request = HELLO_RESUME;
	m.more = buf_span(&again);
	attach_with(&m);
	wait_ready();
	visit_until(&v, VISIT_REFUSED);
	CHECK_EQ(v.code, REFUSE_GONE);
	m.request = HELLO_NEW;
	v.state = VISIT_GREETS;
	put_hello(&m, &bytes);
	CHECK_EQ(sys_write_all(v.io.out.fd, buf_bytes(&bytes), bytes.len), 0);
	visit_until(&v, VISIT_EXITED);
	CHECK_BYTES(buf_bytes(&v.got), v.got.len, "anew\n");
	visit_bye(&v, BYE_DONE);
	CHECK_EQ(relay_status(), 0);
	buf_finish(&again);
	buf_finish(&bytes);
	end();
}

TEST(what_is_no_hello_is_refused)
{
	static const char *const bad[] = { "", "zz", "00", "000000011f", "ffffffffff" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		begin();
		visit_streams(&v, KIND_PIPES);
		attach(bad[i]);
		wait_ready();
		visit_until(&v, VISIT_REFUSED);
		CHECK_EQ(relay_status(), 1);
		end();
	}
}

TEST(an_end_of_stdin_before_the_hello_ends_it)
{
	begin();
	visit_streams(&v, KIND_PIPES);
	attach("-");
	close(pipe_keep_out(&v.io));
	wait_ready();
	visit_until(&v, VISIT_REFUSED);
	CHECK_EQ(relay_status(), 1);
	end();
}
