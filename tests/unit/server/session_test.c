/* A session's holder, with its real program (holder.h). */
#include "server/holder.h"

#include "server/links.h"
#include "server/login.h"
#include "server/program.h"

static struct visit v, w;

static int
shell(const char *command)
{
	return system(command);
}

/* ---- the program ---- */

TEST(output_errors_and_status_come_and_then_nothing_is_left)
{
	struct msg_hello m = visit_hello("echo out; echo err >&2; exit 7");
	holder_begin();
	visit_begin(&v, &m);
	visit_until(&v, VISIT_EXITED);
	CHECK_BYTES(buf_bytes(&v.got), v.got.len, "out\n");
	CHECK_BYTES(buf_bytes(&v.got_errors), v.got_errors.len, "err\n");
	CHECK(v.exit.how == EXIT_STATUS && v.exit.status == 7);
	visit_bye(&v, BYE_DONE);
	holder_end();
	visit_end(&v);
}

TEST(a_signal_is_told_as_one)
{
	struct msg_hello m = visit_hello("kill -9 $$");
	holder_begin();
	visit_begin(&v, &m);
	visit_until(&v, VISIT_EXITED);
	CHECK(v.exit.how == EXIT_SIGNAL && v.exit.status == 9);
	visit_bye(&v, BYE_DONE);
	holder_end();
	visit_end(&v);
}

TEST(input_and_its_end_get_to_the_program)
{
	struct msg_hello m = visit_hello("cat");
	holder_begin();
	visit_begin(&v, &m);
	visit_until(&v, VISIT_WELCOME);
	visit_type(&v, "some input\n");
	stream_end(v.main);
	visit_until(&v, VISIT_EXITED);
	CHECK_BYTES(buf_bytes(&v.got), v.got.len, "some input\n");
	CHECK(v.exit.how == EXIT_STATUS && v.exit.status == 0);
	visit_bye(&v, BYE_DONE);
	holder_end();
	visit_end(&v);
}

TEST(a_terminal_has_the_client_s_size_and_hears_of_another)
{
	struct msg_hello m = visit_hello("trap 'stty size' WINCH; stty size; echo ready; "
					 "while :; do read line && exit 0; done");
	m.kind = KIND_PTY;
	m.rows = 11;
	m.cols = 33;
	holder_begin();
	visit_begin(&v, &m);
	visit_until_says(&v, "11 33\r\nready\r\n");
	CHECK(engine_tell(&v.engine, MSG_WINDOW, &(struct msg_window){ 12, 44, 0, 0 }));
	visit_type(&v, "\n");
	visit_until(&v, VISIT_EXITED);
	visit_bye(&v, BYE_DONE);
	holder_end();
	visit_end(&v);
}

/* ---- cuts ---- */

TEST(cuts_cost_no_byte_and_double_none)
{
	struct msg_hello m = visit_hello("seq 1 200000");
	struct buf want;
	holder_begin();
	visit_begin(&v, &m);
	m.request = HELLO_RESUME;
	for (size_t n = 1; n <= 10; n++) {
		visit_until_got(&v, n * 100 * 1000);
		visit_cut(&v);
		visit_again(&v, &m);
	}
	visit_until(&v, VISIT_EXITED);
	buf_init(&want, 4 * 1024 * 1024);
	for (int i = 1; i <= 200000; i++)
		buf_print(&want, "%d\n", i);
	CHECK(!want.failed);
	test_same_bytes(__FILE__, __LINE__, "output", buf_bytes(&v.got), v.got.len,
	    buf_bytes(&want), want.len);
	buf_finish(&want);
	visit_bye(&v, BYE_DONE);
	holder_end();
	visit_end(&v);
}

TEST(two_first_logins_of_a_client_make_one_session)
{
	struct msg_hello m = visit_hello("echo run >>$XDG_STATE_HOME/runs; cat");
	holder_begin();
	visit_begin(&v, &m);
	visit_until(&v, VISIT_WELCOME);
	visit_cut(&v);
	visit_again(&v, &m); /* NEW once more: it had not seen the WELCOME */
	visit_until(&v, VISIT_WELCOME);
	stream_end(v.main);
	visit_until(&v, VISIT_EXITED);
	CHECK_EQ(shell("test $(grep -c run $XDG_STATE_HOME/runs) = 1"), 0);
	visit_bye(&v, BYE_DONE);
	holder_end();
	visit_end(&v);
}

TEST(another_client_takes_it_over)
{
	struct msg_hello m = visit_hello("stty raw -echo; echo ready; cat"), other;
	m.kind = KIND_PTY;
	other = m;
	holder_begin();
	visit_begin(&v, &m);
	visit_until(&v, VISIT_WELCOME);
	other.request = HELLO_ATTACH;
	memset(other.client, 9, ID_LEN);
	visit_begin(&w, &other);
	visit_until(&w, VISIT_WELCOME);
	visit_until(&v, VISIT_BYE);
	CHECK_EQ(v.code, BYE_TAKEN);
	/* who was sent away does not come back by itself */
	m.request = HELLO_RESUME;
	visit_cut(&v);
	visit_again(&v, &m);
	visit_until(&v, VISIT_REFUSED);
	CHECK_EQ(v.code, REFUSE_TAKEN);
	visit_until_says(&w, "ready");
	visit_type(&w, "from the other");
	visit_until_says(&w, "from the other");
	visit_bye(&w, BYE_HANGUP);
	holder_end();
	visit_end(&v);
	visit_end(&w);
}

/* ---- its end ---- */

TEST(a_hangup_ends_the_program)
{
	struct msg_hello m = visit_hello(
	    "trap 'echo hup >$XDG_STATE_HOME/hup; exit' HUP; "
	    "echo ready; while :; do sleep 0.02; done");
	m.kind = KIND_PTY;
	holder_begin();
	visit_begin(&v, &m);
	visit_until_says(&v, "ready");
	visit_bye(&v, BYE_HANGUP);
	CHECK_EQ(holder_status(), 0);
	for (int i = 0; i < 500 && shell("test -s $XDG_STATE_HOME/hup"); i++)
		poll(NULL, 0, 10);
	CHECK_EQ(shell("test -s $XDG_STATE_HOME/hup"), 0);
	holder_end();
	visit_end(&v);
}

TEST(one_that_nobody_comes_back_to_ends_when_its_time_is_over)
{
	struct msg_hello m = visit_hello("cat");
	m.linger_s = 1;
	holder_begin();
	visit_begin(&v, &m);
	visit_until(&v, VISIT_WELCOME);
	uint64_t cut_us = sys_now_us();
	visit_cut(&v);
	CHECK_EQ(holder_status(), 0);
	CHECK(sys_now_us() - cut_us >= 900 * 1000);
	holder_end();
	visit_end(&v);
}

TEST(a_signal_ends_it_in_good_order)
{
	struct msg_hello m = visit_hello("cat");
	holder_begin();
	visit_begin(&v, &m);
	visit_until(&v, VISIT_WELCOME);
	CHECK_EQ(kill(holder, SIGTERM), 0);
	visit_until(&v, VISIT_CLOSED);
	visit_cut(&v);
	holder_end();
	visit_end(&v);
}

/* ---- peers ---- */

TEST(a_resume_of_a_session_that_never_was_is_gone)
{
	struct msg_hello m = visit_hello("cat");
	holder_begin();
	m.request = HELLO_RESUME;
	visit_begin(&v, &m);
	visit_until(&v, VISIT_REFUSED);
	CHECK_EQ(v.code, REFUSE_GONE);
	visit_cut(&v);
	CHECK(WIFEXITED(holder_status()));
	holder_end();
	visit_end(&v);
}

TEST(versions_that_have_nothing_in_common_are_refused)
{
	struct msg_hello m = visit_hello("cat");
	holder_begin();
	m.version_min = m.version_max = 999;
	visit_begin(&v, &m);
	visit_until(&v, VISIT_REFUSED);
	CHECK_EQ(v.code, REFUSE_VERSION);
	visit_cut(&v);
	CHECK(WIFEXITED(holder_status()));
	holder_end();
	visit_end(&v);
}

TEST(nonsense_costs_who_says_it_the_link_and_nobody_the_session)
{
	struct msg_hello m = visit_hello("cat");
	static const char *const nonsense[] = { "\377\377\377\377\377", /* no frame */
		"\0\0\0\1\1", /* a HELLO, in the middle, and empty */
		"\0\0\0\1\310", /* a message that there is not */
		"\0\0\0\2\4\0" }; /* DATA, cut off */
	static const size_t lens[] = { 5, 5, 5, 6 };
	holder_begin();
	visit_begin(&v, &m);
	m.request = HELLO_RESUME;
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		visit_until(&v, VISIT_WELCOME);
		CHECK_EQ(sys_write_all(v.io.out.fd, nonsense[i], lens[i]), 0);
		visit_until(&v, VISIT_CLOSED);
		visit_cut(&v);
		visit_again(&v, &m);
	}
	visit_until(&v, VISIT_WELCOME);
	visit_type(&v, "still there");
	stream_end(v.main);
	visit_until(&v, VISIT_EXITED);
	CHECK_BYTES(buf_bytes(&v.got), v.got.len, "still there");
	visit_bye(&v, BYE_DONE);
	holder_end();
	visit_end(&v);
}

/* Each has a right in rights.h, which no client has. */
TEST(what_only_a_host_may_say_closes_the_link)
{
	struct msg_hello m = visit_hello("cat");
	holder_begin();
	visit_begin(&v, &m);
	visit_until(&v, VISIT_WELCOME);
	CHECK(engine_tell(&v.engine, MSG_EXIT, &(struct msg_exit){ EXIT_STATUS, 0 }));
	visit_until(&v, VISIT_CLOSED);
	visit_cut(&v);
	/* The client is as good as dead, and so is what it has on pipes. */
	CHECK_EQ(holder_status(), 0);
	holder_end();
	visit_end(&v);
}

/* More than there is room for are closed at once, and cost the others nothing. */
TEST(relays_that_say_nothing_are_bounded)
{
	struct msg_hello m = visit_hello("cat");
	int relays[LINKS_MAX + 8], closed = 0;
	char byte;
	holder_begin();
	visit_begin(&v, &m);
	visit_until(&v, VISIT_WELCOME);
	for (size_t i = 0; i < sizeof relays / sizeof *relays; i++) {
		relays[i] = holder_connect(m.session);
		CHECK(relays[i] >= 0);
	}
	for (int n = 0; n < 500 && closed < 9; n++) {
		visit_turn(&v);
		closed = 0;
		for (size_t i = 0; i < sizeof relays / sizeof *relays; i++)
			closed += recv(relays[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
	}
	CHECK_EQ(closed, 9); /* one place is the link's */
	visit_type(&v, "still there");
	stream_end(v.main);
	visit_until(&v, VISIT_EXITED);
	for (size_t i = 0; i < sizeof relays / sizeof *relays; i++)
		close(relays[i]);
	visit_bye(&v, BYE_DONE);
	holder_end();
	visit_end(&v);
}

TEST(a_holder_that_cannot_begin_says_so_to_its_relay)
{
	int pair[2], saved = dup(STDIN_FILENO);
	char byte = 0;
	holder_begin();
	snprintf(holder_path, sizeof holder_path, "%s/none", holder_dir);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	dup2(pair[1], STDIN_FILENO);
	close(pair[1]);
	session_cannot(holder_path);
	dup2(saved, STDIN_FILENO);
	close(saved);
	CHECK_EQ(read(pair[0], &byte, 1), 1);
	CHECK_EQ(byte, '!');
	close(pair[0]);
	holder_end();
}
