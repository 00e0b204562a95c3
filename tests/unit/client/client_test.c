/* The whole client in a process of its own, with a script for a host (host.h), whose frames each
 * test writes down beforehand. */
#include "client/client.h"
#include "reconnect/host.h"

#include "sys/sys.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

enum { PATIENCE_MS = 20 * 1000, TEXT_MAX = 64 * 1024 };

static struct {
	pid_t pid;
	int in, out, err; /* ours of its stdio */
	char said[TEXT_MAX], errors[TEXT_MAX];
	size_t n_said, n_errors;
	int status;
} c;

/* ---- what the host says ---- */

static struct buf frames;

static void
frames_begin(void)
{
	buf_init(&frames, 256 * 1024);
}

static void
frames_end(const char *name)
{
	host_frames(name, &frames);
	buf_finish(&frames);
}

static void
frame(enum msg_type type, const void *m)
{
	CHECK_EQ(msg_put(&frames, type, m), 0);
}

static void
welcome(void)
{
	struct msg_welcome m = host_welcome();
	frame(MSG_WELCOME, &m);
}

static void
data(uint32_t stream, uint64_t offset, const char *text)
{
	frame(MSG_DATA, &(struct msg_data){ stream, offset, host_span(text) });
}

static void
data_end(uint32_t stream, uint64_t offset)
{
	frame(MSG_END, &(struct msg_end){ stream, offset });
}

/* A message on the control stream, which has said so much before. */
static uint64_t
control(uint64_t offset, enum msg_type type, const void *m)
{
	struct buf bytes;
	buf_init(&bytes, FRAME_MAX);
	CHECK_EQ(msg_put(&bytes, type, m), 0);
	frame(MSG_DATA, &(struct msg_data){ STREAM_CONTROL, offset, buf_span(&bytes) });
	offset += bytes.len;
	buf_finish(&bytes);
	return offset;
}

/* The program has ended, behind so many bytes of its output and errors. */
static void
exits(enum exit_how how, uint32_t status, uint64_t out, uint64_t err)
{
	data_end(STREAM_MAIN, out);
	data_end(STREAM_ERROR, err);
	data_end(STREAM_CONTROL, control(0, MSG_EXIT, &(struct msg_exit){ how, status }));
}

/* ---- the client ---- */

static void
run_client(int argc, char **argv)
{
	static struct client client;
	static struct options options;
	if (options_parse(&options, argc, argv))
		_exit(99);
	int status = client_run(&client, &options, host_ssh);
	_exit(status == CLIENT_PLAIN_SSH ? 98 : status);
}

static void
begin(void)
{
	host_begin();
	memset(&c, 0, sizeof c);
}

static void
start(void)
{
	static char belay[] = "belay", host[] = "host", command[] = "command";
	static char *argv[] = { belay, host, command, NULL };
	int in[2], out[2], err[2];
	CHECK(pipe(in) == 0 && pipe(out) == 0 && pipe(err) == 0);
	fflush(stdout);
	c.pid = fork();
	CHECK(c.pid >= 0);
	if (c.pid == 0) {
		test_ends_too();
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		for (int i = 0; i < 2; i++) {
			close(in[i]);
			close(out[i]);
			close(err[i]);
		}
		run_client(3, argv);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	c.in = in[1];
	c.out = out[0];
	c.err = err[0];
}

static bool
take(int fd, char *text, size_t *n)
{
	ssize_t got = read(fd, text + *n, TEXT_MAX - 1 - *n);
	*n += got > 0 ? (size_t)got : 0;
	text[*n] = 0;
	return got > 0;
}

/* All that it says, to its end. */
static void
wait_over(void)
{
	bool out = true, err = true;
	while (out || err) {
		struct pollfd fds[] = { { out ? c.out : -1, POLLIN, 0 },
			{ err ? c.err : -1, POLLIN, 0 } };
		if (poll(fds, 2, PATIENCE_MS) <= 0) {
			kill(c.pid, SIGKILL);
			FAIL("it does not end; said \"%s\", \"%s\"", c.said, c.errors);
		}
		if (out && fds[0].revents) {
			out = take(c.out, c.said, &c.n_said);
			host_text("shown", c.said);
		}
		if (err && fds[1].revents)
			err = take(c.err, c.errors, &c.n_errors);
	}
	CHECK_EQ(waitpid(c.pid, &c.status, 0), c.pid);
	CHECK(WIFEXITED(c.status));
	c.status = WEXITSTATUS(c.status);
}

static void
end(void)
{
	close(c.in);
	close(c.out);
	close(c.err);
	host_end();
}

/* ---- ssh's promises ---- */

TEST(output_errors_and_status_are_the_program_s)
{
	begin();
	frames_begin();
	welcome();
	data(STREAM_MAIN, 0, "out\n");
	data(STREAM_ERROR, 0, "err\n");
	exits(EXIT_STATUS, 7, 4, 4);
	frames_end("all");
	host_login(1, "ready; frames all; stay");
	start();
	wait_over();
	CHECK_STR(c.said, "out\n");
	CHECK_STR(c.errors, "err\n");
	CHECK_EQ(c.status, 7);
	CHECK_EQ(host_logins(), 1);
	end();
}

TEST(a_program_that_a_signal_ended_is_255)
{
	begin();
	frames_begin();
	welcome();
	exits(EXIT_SIGNAL, 9, 0, 0);
	frames_end("all");
	host_login(1, "ready; frames all; stay");
	start();
	wait_over();
	CHECK_EQ(c.status, 255);
	end();
}

TEST(input_gets_to_the_host)
{
	begin();
	frames_begin();
	welcome();
	frame(MSG_ACK, &(struct msg_ack){ STREAM_MAIN, 0, 1000 }); /* room for it */
	frames_end("begun");
	frames_begin();
	exits(EXIT_STATUS, 0, 0, 0);
	frames_end("ended");
	/* A shell takes the stdin of what runs behind its back away. */
	host_login(1,
	    "exec 3<&0; ready; frames begun; cat <&3 >$host_dir/got &\n"
	    "for i in $(seq 2000); do grep -q magic $host_dir/got && break; sleep 0.01; done\n"
	    "frames ended; wait");
	start();
	CHECK_EQ(write(c.in, "magic", 5), 5);
	wait_over();
	CHECK_EQ(c.status, 0);
	end();
}

/* ---- belay's ---- */

TEST(a_cut_costs_no_byte_and_doubles_none)
{
	begin();
	frames_begin();
	welcome();
	data(STREAM_MAIN, 0, "one ");
	frames_end("first");
	frames_begin();
	welcome();
	data(STREAM_MAIN, 2, "e two"); /* the host is not sure how far it got */
	exits(EXIT_STATUS, 3, 7, 0);
	frames_end("second");
	host_login(1, "ready; frames first; shown; exit 255");
	host_login(2, "ready; frames second; stay");
	start();
	wait_over();
	CHECK_STR(c.said, "one two");
	CHECK_EQ(c.status, 3);
	CHECK_EQ(host_logins(), 2);
	end();
}

TEST(what_the_host_must_not_send_is_an_error_that_names_it)
{
	begin();
	frames_begin();
	welcome();
	(void)control(0, MSG_WINDOW, &(struct msg_window){ 1, 2, 3, 4 });
	frames_end("all");
	host_login(1, "ready; frames all; stay");
	start();
	wait_over();
	CHECK_EQ(c.status, 255);
	CHECK(strstr(c.errors, "the host sent what it must not"));
	end();
}

TEST(a_session_that_is_taken_over_is_said_and_255)
{
	begin();
	frames_begin();
	welcome();
	frame(MSG_BYE, &(struct msg_bye){ .code = BYE_TAKEN });
	frames_end("all");
	host_login(1, "ready; frames all; stay");
	start();
	wait_over();
	CHECK_EQ(c.status, 255);
	CHECK(strstr(c.errors, "another client has taken the session over"));
	end();
}

TEST(a_command_whose_session_is_gone_is_255_and_not_run_again)
{
	begin();
	host_refuse("gone", REFUSE_GONE, 1, 0);
	frames_begin();
	welcome();
	data(STREAM_MAIN, 0, "one ");
	frames_end("first");
	host_login(1, "ready; frames first; shown; exit 255");
	host_login(2, "ready; frames gone; stay");
	start();
	wait_over();
	CHECK_STR(c.said, "one ");
	CHECK_EQ(c.status, 255);
	CHECK(strstr(c.errors, "the session is gone"));
	CHECK_EQ(host_logins(), 2);
	end();
}

TEST(a_login_that_fails_is_ssh_s_word_and_255)
{
	begin();
	host_login(1, "echo 'ssh: no such host' >&2; exit 255");
	start();
	wait_over();
	CHECK_EQ(c.status, 255);
	CHECK(strstr(c.errors, "ssh: no such host"));
	end();
}

TEST(where_no_server_can_run_it_is_plain_ssh_s)
{
	begin();
	host_login(1, "echo $m need Plan9 vax; exec sleep 600");
	start();
	wait_over();
	CHECK_EQ(c.status, 98);
	CHECK_EQ(c.n_said, 0);
	end();
}
