/*
 * A session's holder in a process of its own, in a directory of its own, and visits to it: the
 * relay's part and the client's.  Time is the real one.
 *
 *     holder_begin();
 *     visit_begin(&v, &hello);            the first one starts the holder
 *     visit_until(&v, VISIT_EXITED);
 *     visit_bye(&v, BYE_DONE);
 *     holder_end();                       it has ended, and left nothing
 */
#ifndef TEST_SERVER_HOLDER_H
#define TEST_SERVER_HOLDER_H

#include "link/pipe.h"
#include "server/rundir.h"
#include "server/session.h"
#include "sys/sock.h"
#include "sys/sys.h"
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HOLDER_PATIENCE_US = 20 * 1000 * 1000, VISIT_WINDOW = 1024 * 1024 };

static char holder_dir[] = "/tmp/belay-holder-XXXXXX", holder_path[SESSION_PATH_MAX];
static pid_t holder; /* 0: none yet */
static struct loop holder_loop;

enum visit_state {
	VISIT_GREETS,
	VISIT_WELCOME, /* and what follows is of one that was welcome */
	VISIT_EXITED, /* EXIT has come, and all that the program wrote */
	VISIT_BYE, /* the host has said so, with `code` */
	VISIT_REFUSED, /* `code` */
	VISIT_CLOSED, /* by the host */
};

struct visit {
	struct engine engine;
	struct stream *control, *main, *errors;
	struct pipe io;
	int relay;
	enum visit_state state;
	unsigned code;
	bool exited;
	struct msg_exit exit;
	struct buf got, got_errors; /* of all visits with these streams */
};

static inline void
holder_begin(void)
{
	strcpy(holder_dir + sizeof holder_dir - 7, "XXXXXX");
	CHECK(mkdtemp(holder_dir));
	setenv("BELAY_RUN_DIR", holder_dir, 1);
	setenv("XDG_STATE_HOME", holder_dir, 1);
	unsetenv("SSH_CONNECTION");
	signal(SIGPIPE, SIG_IGN);
	holder = 0;
	holder_loop = (struct loop){ .now_us = sys_now_us() };
}

static inline void
holder_run(int relay, int listener)
{
	test_ends_too();
	int null = open("/dev/null", O_RDWR);
	int kept = fcntl(listener, F_DUPFD, 100), first = fcntl(relay, F_DUPFD, 100);
	/* What it says when it dies is the test's; else, as in earnest, it has nobody to tell. */
	dup2(first, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(kept, SESSION_LISTENER);
	for (int fd = SESSION_LISTENER + 1; fd < 200; fd++)
		close(fd);
	_exit(session_main(holder_path));
}

/* A connection to it, as a relay has one. */
static inline int
holder_connect(const uint8_t id[ID_LEN])
{
	int pair[2];
	if (holder)
		return rundir_connect(id);
	int listener = rundir_listen(id, holder_path);
	CHECK(listener >= 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	fflush(stdout);
	holder = fork();
	CHECK(holder >= 0);
	if (holder == 0)
		holder_run(pair[1], listener);
	close(pair[1]);
	close(listener);
	return pair[0];
}

/* Whether it has ended by itself, within a time; its status. */
static inline int
holder_status(void)
{
	int status = -1;
	uint64_t end_us = sys_now_us() + HOLDER_PATIENCE_US;
	while (waitpid(holder, &status, WNOHANG) == 0) {
		if (sys_now_us() > end_us)
			FAIL("the holder does not end");
		poll(NULL, 0, 1);
	}
	holder = 0;
	return status;
}

static inline void
holder_end(void)
{
	char command[128];
	if (holder)
		CHECK_EQ(holder_status(), 0);
	CHECK(access(holder_path, F_OK) < 0);
	snprintf(command, sizeof command, "rm -r %s", holder_dir);
	CHECK_EQ(system(command), 0);
}

/* Runs a verb as the program does, in a process of its own; its status, and what it has written to
 * stdout and stderr. */
static inline int
holder_verb(int (*verb)(void), char ret_text[4096])
{
	int out[2], status;
	size_t n = 0;
	ssize_t got;
	CHECK_EQ(pipe(out), 0);
	fflush(stdout);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		close(out[0]);
		close(out[1]);
		_exit(verb());
	}
	close(out[1]);
	while ((got = read(out[0], ret_text + n, 4095 - n)) > 0)
		n += (size_t)got;
	ret_text[n] = 0;
	close(out[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- a visit ---- */

static inline void
visit_readable(void *owner, short revents)
{
	struct visit *v = owner;
	(void)revents;
	(void)link_read(&v->io.link);
}

static inline struct msg_hello
visit_hello(const char *command)
{
	struct msg_hello m = { .version_min = PROTOCOL_OLDEST,
		.version_max = PROTOCOL_VERSION,
		.build = { (const uint8_t *)"test", 4 },
		.request = HELLO_NEW,
		.kind = KIND_PIPES,
		.linger_s = 60,
		.rows = 24,
		.cols = 80,
		.term = { (const uint8_t *)"xterm", 5 },
		.command = { (const uint8_t *)command, strlen(command) } };
	memset(m.client, 1, ID_LEN);
	memset(m.session, 2, ID_LEN);
	return m;
}

/* The streams of a client; visits may come and go with them. */
static inline void
visit_streams(struct visit *v, enum hello_kind kind)
{
	*v = (struct visit){ .relay = -1 };
	buf_init(&v->got, 64 * 1024 * 1024);
	buf_init(&v->got_errors, 1024 * 1024);
	engine_init(&v->engine, true);
	v->control = engine_open(&v->engine, STREAM_CONTROL, RANK_CONTROL, 64 * 1024,
	    64 * 1024);
	v->main = engine_open(&v->engine, STREAM_MAIN,
	    kind == KIND_PTY ? RANK_TERMINAL : RANK_BULK, VISIT_WINDOW, VISIT_WINDOW);
	if (kind != KIND_PTY)
		v->errors = engine_open(&v->engine, STREAM_ERROR, RANK_BULK, 1,
		    VISIT_WINDOW);
}

static inline void
visit_again(struct visit *v, const struct msg_hello *hello)
{
	struct buf bytes, positions;
	struct msg_hello m = *hello;
	int to[2], from[2];
	buf_init(&bytes, FRAME_MAX);
	buf_init(&positions, 4096);
	CHECK_EQ(engine_positions(&v->engine, &positions), 0);
	m.positions = buf_span(&positions);
	CHECK_EQ(msg_put(&bytes, MSG_HELLO, &m), 0);
	CHECK(pipe(to) == 0 && pipe(from) == 0);
	sys_cloexec(to[1]);
	sys_cloexec(from[0]);
	v->relay = holder_connect(m.session);
	CHECK(v->relay >= 0);
	CHECK_EQ(sock_send_fds(v->relay, buf_span(&bytes), (int[]){ to[0], from[1] }, 2),
	    0);
	close(to[0]);
	close(from[1]);
	buf_finish(&bytes);
	buf_finish(&positions);
	pipe_init(&v->io, &holder_loop, visit_readable, v);
	CHECK(pipe_open(&v->io, from[0], to[1]));
	v->state = VISIT_GREETS;
	v->code = 0;
}

static inline void
visit_begin(struct visit *v, const struct msg_hello *hello)
{
	visit_streams(v, (enum hello_kind)hello->kind);
	visit_again(v, hello);
}

/* As if the network were cut. */
static inline void
visit_cut(struct visit *v)
{
	engine_remove(&v->engine, &v->io.link);
	link_close(&v->io.link);
	if (v->relay >= 0)
		close(v->relay);
	v->relay = -1;
}

static inline void
visit_end(struct visit *v)
{
	visit_cut(v);
	engine_finish(&v->engine);
	buf_finish(&v->got);
	buf_finish(&v->got_errors);
}

static inline void
visit_take(struct stream *s, struct buf *got)
{
	struct span bytes = s ? stream_held(s) : (struct span){ 0 };
	if (!bytes.n)
		return;
	CHECK_EQ(buf_put(got, bytes.p, bytes.n), 0);
	stream_take(s, bytes.n);
}

static inline void
visit_frame(struct visit *v, const struct frame *f)
{
	union msg m;
	if (v->state != VISIT_GREETS && f->type != MSG_BYE) {
		CHECK_EQ(engine_frame(&v->engine, &v->io.link, f, holder_loop.now_us), 0);
		return;
	}
	CHECK_EQ(msg_get(f, &m), 0);
	if (f->type == MSG_WELCOME) {
		CHECK_EQ(engine_set_positions(&v->engine, m.welcome.positions), 0);
		CHECK_EQ(engine_add(&v->engine, &v->io.link), 0);
		v->state = VISIT_WELCOME;
	} else {
		CHECK(f->type == MSG_REFUSE || f->type == MSG_BYE);
		v->state = f->type == MSG_BYE ? VISIT_BYE : VISIT_REFUSED;
		v->code = f->type == MSG_BYE ? m.bye.code : m.refuse.code;
	}
}

static inline void
visit_turn(struct visit *v)
{
	struct link *l = &v->io.link;
	struct frame f;
	enum msg_type type;
	union msg m;
	long len;
	holder_loop.now_us = sys_now_us();
	if (v->io.in.fd >= 0 && sys_wait(v->io.in.fd, POLLIN, 1))
		(void)link_read(l);
	while (v->state < VISIT_BYE && (len = link_frame(l, &f)) > 0) {
		visit_frame(v, &f);
		link_drop(l, len);
	}
	visit_take(v->main, &v->got);
	visit_take(v->errors, &v->got_errors);
	while (engine_told(&v->engine, &type, &m) > 0)
		if (type == MSG_EXIT) {
			v->exited = true;
			v->exit = m.exit;
		}
	if (v->state == VISIT_WELCOME && v->exited && v->main->in_ended
	    && (!v->errors || v->errors->in_ended))
		v->state = VISIT_EXITED;
	if (l->broken && v->state < VISIT_BYE)
		v->state = VISIT_CLOSED;
	if (v->state == VISIT_WELCOME || v->state == VISIT_EXITED)
		link_write(l, &v->engine, holder_loop.now_us);
}

static inline void
visit_until(struct visit *v, enum visit_state state)
{
	uint64_t end_us = sys_now_us() + HOLDER_PATIENCE_US;
	while (v->state < state && sys_now_us() < end_us)
		visit_turn(v);
	CHECK_EQ(v->state, state);
}

/* Until so much of the program's output has come. */
static inline void
visit_until_got(struct visit *v, size_t n)
{
	uint64_t end_us = sys_now_us() + HOLDER_PATIENCE_US;
	while (v->got.len < n && sys_now_us() < end_us)
		visit_turn(v);
	CHECK(v->got.len >= n);
}

static inline void
visit_until_says(struct visit *v, const char *text)
{
	uint64_t end_us = sys_now_us() + HOLDER_PATIENCE_US;
	while (!strstr(v->got.len ? buf_str(&v->got) : "", text) && sys_now_us() < end_us)
		visit_turn(v);
	if (!v->got.len || !strstr(buf_str(&v->got), text))
		FAIL("\"%s\" does not come: \"%s\"", text,
		    v->got.len ? buf_str(&v->got) : "");
}

static inline void
visit_type(struct visit *v, const char *text)
{
	CHECK_EQ(stream_write(v->main, text, strlen(text)), strlen(text));
}

static inline void
visit_bye(struct visit *v, enum bye_code code)
{
	struct msg_bye m = { .code = code };
	link_write(&v->io.link, &v->engine, holder_loop.now_us);
	CHECK_EQ(msg_put(&v->io.link.queue, MSG_BYE, &m), 0);
	link_write(&v->io.link, NULL, holder_loop.now_us);
}

#endif
