#define _GNU_SOURCE 1
#include "server/relay.h"

#include "base/err.h"
#include "base/hex.h"
#include "server/admission.h"
#include "server/login.h"
#include "server/machine.h"
#include "server/rundir.h"
#include "server/self.h"
#include "server/session.h"
#include "server/session_ctl.h"
#include "server/systemd_scope.h"
#include "server/terminal.h"
#include "sys/child.h"
#include "sys/os.h"
#include "sys/sock.h"
#include "sys/sys.h"
#include "wire/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* `again`: another hello may follow on this connection. */
static void
say_refused(enum refuse_code code, const char *text, bool again)
{
	static const uint8_t waits[] = { 0, 0, 0, 2, MSG_AGAIN, AGAIN_VERSION };
	struct buf out;
	struct msg_refuse m = { .code = (uint16_t)code,
		.text = { (const uint8_t *)text, strlen(text) } };
	struct machine_frame machine;
	uint8_t more[sizeof machine.bytes + sizeof waits];
	machine_frame(&machine);
	memcpy(more, machine.bytes, machine.n);
	memcpy(more + machine.n, waits, sizeof waits);
	m.more = (struct span){ more, machine.n + (again ? sizeof waits : 0) };
	buf_init(&out, FRAME_MAX);
	os_boot_id(m.boot);
	if (msg_put(&out, MSG_REFUSE, &m) == 0)
		(void)sys_write_all(STDOUT_FILENO, buf_bytes(&out), out.len);
	buf_finish(&out);
}

static void
refuse(enum refuse_code code, const char *text)
{
	say_refused(code, text, false);
}

/* The answer where a hello comes no further, by ERR_SYSTEM with errno; a client that is in
 * a session tries again when it hears nothing. */
static void
refuse_for(int err, const char *what, uint8_t request)
{
	char text[256];
	bool momentary = err == ERR_SYSTEM && sys_lacks(errno);
	snprintf(text, sizeof text, "%s%s", what,
	    err == ERR_SYSTEM ? strerror(errno) : err_text(err));
	struct admission a = admission_failed(err, momentary, request, text);
	if (a.answer == ADMISSION_REFUSE)
		refuse(a.code, a.text);
}

enum { COME_AGAIN = -2 };

/* Reads exactly the first frame, so that what follows is left for the session. */
static int
read_frame(struct buf *ret_bytes)
{
	uint8_t head[FRAME_HEADER], *room;
	if (sys_read_all(STDIN_FILENO, head, sizeof head))
		return ERR_SYSTEM;
	uint64_t len = get_be(head, 4);
	if (len < 1 || len > FRAME_MAX - 4)
		return ERR_FRAME;
	size_t body = (size_t)len - 1;
	if (buf_put(ret_bytes, head, sizeof head) || buf_room(ret_bytes, body, &room))
		return ERR_NOMEM;
	if (sys_read_all(STDIN_FILENO, room, body))
		return ERR_SYSTEM;
	buf_added(ret_bytes, body);
	return 0;
}

/* The hello stands on the command line, or comes on stdin ("-"). */
static int
read_hello(const char *text, struct buf *ret_bytes, union msg *ret_msg)
{
	struct frame f;
	int err = strcmp(text, "-") == 0 ? read_frame(ret_bytes)
					 : hex_get(text, ret_bytes);
	if (err)
		return err;
	long len = frame_parse(buf_span(ret_bytes), &f);
	if (len <= 0 || (size_t)len != ret_bytes->len || f.type != MSG_HELLO)
		return ERR_FRAME;
	return msg_get(&f, ret_msg);
}

/* Only 0, 1, 2 and the listener go with the holder.  The relay hears when it does not
 * come to that. */
static void
become_holder(const char *path)
{
	char *argv[] = { NULL, (char *)(uintptr_t) "hold", (char *)(uintptr_t)path,
		NULL };
	_Static_assert((int)SESSION_LISTENER == (int)CHILD_ALSO,
	    "the listener is what goes besides");
	setsid();
	if (!systemd_scope_leave_login())
		setenv(SESSION_ENDS, "1", 1);
	if (fcntl(SESSION_LISTENER, F_SETFD, 0) == 0)
		self_exec(argv);
	session_cannot(path);
	_exit(1);
}

/* Runs the holder, connected to one end of the pair; -1 with errno. */
static int
fork_holder(const char *path, const int pair[2], int listener)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = null < 0 ? -1 : child_fork((int[]){ pair[1], null, null }, listener);
	if (pid == 0)
		become_holder(path);
	int saved = errno;
	if (null >= 0)
		close(null);
	errno = saved;
	return pid < 0 ? -1 : 0;
}

/* Starts the session; returns a descriptor connected to it, or -1 with errno. */
static int
start_holder(const struct msg_hello *hello)
{
	char path[SESSION_PATH_MAX];
	int pair[2] = { -1, -1 };
	int listener = rundir_listen(hello->session, path);
	if (listener < 0)
		return errno == EADDRINUSE ? rundir_connect(hello->session) : -1;
	int err = socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	if (!err)
		err = fork_holder(path, pair, listener);
	int saved = errno;
	if (err) {
		unlink(path);
		close(pair[0]);
	}
	close(pair[1]);
	close(listener);
	errno = saved;
	return err ? -1 : pair[0];
}

/* -1: it was refused; COME_AGAIN: so, too, but another hello is awaited. */
static int
find_session(const struct msg_hello *hello)
{
	union msg more;
	int fd = hello->name.n && hello->request != HELLO_RESUME
	    ? session_ctl_find(hello->name)
	    : rundir_connect(hello->session);
	bool made = hello->request != HELLO_NEW || msg_find(hello->more, MSG_LATE, &more);
	if (fd < 0 && made) /* its socket may have been removed */
		rundir_mend(hello->session);
	if (fd < 0)
		fd = rundir_connect(hello->session); /* made by an earlier attempt */
	if (fd >= 0)
		return fd;
	/* Of a name that leads to several machines another one may have it. */
	if ((hello->request != HELLO_NEW && hello->request != HELLO_OPEN)
	    || machine_is_another(hello->more)) {
		bool again = msg_find(hello->more, MSG_AGAIN, &more)
		    && hello->request == HELLO_RESUME;
		say_refused(REFUSE_GONE, "", again);
		return again ? COME_AGAIN : -1;
	}
	if (!terminal_begin(hello)) {
		say_refused(REFUSE_TERMINFO, "", true);
		return COME_AGAIN;
	}
	fd = start_holder(hello);
	if (fd < 0)
		refuse_for(ERR_SYSTEM,
		    "no directory takes the session's socket: ", hello->request);
	return fd;
}

/* The hello behind one that was refused; what was sent ahead for that session is for no other. */
static int
next_hello(struct buf *ret_bytes, union msg *ret_msg)
{
	for (;;) {
		struct frame f;
		buf_drop(ret_bytes, ret_bytes->len);
		if (read_frame(ret_bytes) || frame_parse(buf_span(ret_bytes), &f) <= 0)
			return ERR_FRAME;
		if (f.type == MSG_HELLO)
			return msg_get(&f, ret_msg);
	}
}

static struct span
variable(const char *name)
{
	const char *value = getenv(name);
	return (struct span){ (const uint8_t *)value, value ? strlen(value) : 0 };
}

/* Tells the session what only this process knows of its link: the first frame of its kind in
 * `more` counts, so none of the client's. */
static int
add_origin(struct buf *hello, const struct msg_hello *m)
{
	struct msg_origin origin = { variable("SSH_AUTH_SOCK"),
		variable("SSH_CONNECTION") };
	struct span more = m->more;
	struct buf whole;
	buf_init(&whole, FRAME_MAX);
	int err = buf_put(&whole, buf_bytes(hello), hello->len - more.n);
	if (!err)
		err = msg_put(&whole, MSG_ORIGIN, &origin);
	if (!err)
		err = buf_put(&whole, more.p, more.n);
	if (err) {
		buf_finish(&whole);
		return err;
	}
	put_be(buf_bytes(&whole), whole.len - 4, 4);
	buf_finish(hello);
	*hello = whole;
	return 0;
}

static int
relay(const char *mark, const char *text, struct buf *hello)
{
	union msg m;
	char line[128];
	signal(SIGPIPE, SIG_IGN);
	if (!self_is_whole())
		return 1; /* who hears nothing behind "start" sends another */
	self_used();
	int err = read_hello(text, hello, &m);
	int n = snprintf(line, sizeof line, "%s ready\n", mark);
	if (n < 0 || (size_t)n >= sizeof line
	    || sys_write_all(STDOUT_FILENO, line, (size_t)n))
		return 1;
	if (err) {
		refuse_for(err, "", HELLO_NEW);
		return 1;
	}
	int session;
	while ((session = find_session(&m.hello)) == COME_AGAIN)
		if (next_hello(hello, &m))
			return 1;
	if (session < 0)
		return 1;
	err = add_origin(hello, &m.hello);
	if (err) {
		refuse_for(err, "", m.hello.request);
		return 1;
	}
	int stdio[2] = { STDIN_FILENO, STDOUT_FILENO };
	if (sock_send_fds(session, buf_span(hello), stdio, 2)) {
		refuse(REFUSE_GONE, strerror(errno));
		return 1;
	}
	close(STDIN_FILENO);
	buf_finish(hello); /* it may be a long wait */
	char byte;
	if (sys_read_all(session, &byte, 1))
		return 0; /* the session has closed it */
	refuse(REFUSE_LATER, "the session could not be started");
	return 1;
}

int
relay_main(const char *mark, const char *hello_text)
{
	struct buf hello;
	buf_init(&hello, FRAME_MAX);
	int status = relay(mark, hello_text, &hello);
	buf_finish(&hello);
	return status;
}
