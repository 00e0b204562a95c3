#include "server/hold.h"

#include "base/err.h"
#include "server/program.h"
#include "stream/engine.h"
#include "sys/linkio.h"
#include "sys/os.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	GUESTS = 2 * ENGINE_LINKS, /* links, and relays that have not said hello yet */
	READ_MAX = 16 * 1024,
	CONTROL_MAX = 64 * 1024,
	LINK_SILENT_US = 120 * 1000000, /* a link of which nothing is heard is closed */
	/* let a link deliver the last bytes before we exit */
	/* A client whose first login broke before it heard of the session has given up. */
	UNUSED_LINGER_US = 60 * 1000000,
	EXIT_LINGER_US = 2 * 1000000,
};

enum phase {
	PHASE_NEW, /* no client has said yet what it wants */
	PHASE_RUNNING,
	PHASE_ENDED, /* the exit status is told; the client has to fetch it */
};

/* A relay, and the link over the descriptors that it brought. */
struct guest {
	bool taken, linked;
	struct linkio io;
	struct watch relay;
	struct buf hello; /* what came over the relay's connection */
	int fds[2]; /* the relay's stdin and stdout */
	size_t n_fds;
	bool closing; /* close when what waits is written */
};

struct hold {
	struct loop loop;
	struct engine engine;
	struct stream *control;
	struct program program;
	struct guest guests[GUESTS];
	struct watch listener;
	const char *path; /* of our socket */
	enum phase phase;
	uint64_t away_us; /* since when no client is linked; 0: one is */
	uint64_t linger_us;
	bool used; /* a client has chosen a link: it knows that the session is there */
	uint64_t delivered_us; /* since when the client has everything */
};

static struct hold hold; /* one session a process */

/* ---- guests ---- */

static void
watch_close(struct loop *loop, struct watch *w)
{
	loop_remove(loop, w);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static void
guest_close(struct hold *h, struct guest *g)
{
	engine_remove(&h->engine, &g->io.link);
	for (size_t i = 0; i < g->n_fds && !g->linked; i++)
		close(g->fds[i]);
	linkio_close(&g->io, &h->loop);
	watch_close(&h->loop, &g->relay);
	buf_finish(&g->hello);
	*g = (struct guest){ 0 };
}

static struct span
text_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

/* The answer to a hello that leads nowhere; the link is closed behind it. */
static void
guest_refuse(struct guest *g, enum refuse_code code, const char *text)
{
	struct msg_refuse m = { .code = (uint16_t)code, .text = text_span(text) };
	os_boot_id(m.boot);
	(void)msg_put(&g->io.queue, MSG_REFUSE, &m);
	g->closing = true;
}

static bool
start_program(struct hold *h, const struct msg_hello *hello, struct guest *g)
{
	struct login login = { .kind = hello->kind,
		.command = hello->command,
		.term = hello->term,
		.modes = hello->modes,
		.size = { hello->rows, hello->cols, hello->xpixel, hello->ypixel } };
	char text[256];
	if (hello->kind < KIND_PTY || hello->kind > KIND_SFTP) {
		guest_refuse(g, REFUSE_BAD, "unknown kind of session");
		return false;
	}
	int err = program_start(&h->program, &login);
	if (err) {
		snprintf(text, sizeof text, "the program cannot be started: %s",
		    err == ERR_SYSTEM ? strerror(errno) : err_text(err));
		guest_refuse(g, REFUSE_CANNOT, text);
		return false;
	}
	h->phase = PHASE_RUNNING;
	return true;
}

static int
guest_welcome(struct hold *h, struct guest *g, const struct msg_hello *hello)
{
	struct buf positions;
	struct msg_welcome m = { .build = text_span(BELAY_BUILD) };
	m.version = hello->version_max < PROTOCOL_VERSION ? hello->version_max
							  : PROTOCOL_VERSION;
	os_boot_id(m.boot);
	buf_init(&positions, ENGINE_STREAMS * POSITION_LEN);
	int err = engine_positions(&h->engine, &positions);
	m.positions = buf_span(&positions);
	if (!err)
		err = msg_put(&g->io.queue, MSG_WELCOME, &m);
	buf_finish(&positions);
	return err;
}

/* Links that shook hands and were never used, since the answer did not get through, must
 * not keep the client out: the oldest of them makes room. */
static void
make_room(struct hold *h)
{
	const struct link *oldest = NULL;
	for (size_t i = 0; i < h->engine.n_links && !oldest; i++)
		if (!h->engine.links[i]->used)
			oldest = h->engine.links[i];
	for (size_t i = 0; oldest && i < GUESTS; i++)
		if (&h->guests[i].io.link == oldest) {
			guest_close(h, &h->guests[i]);
			return;
		}
}

static void
guest_attach(struct hold *h, struct guest *g, const struct msg_hello *hello)
{
	if (hello->version_max < PROTOCOL_OLDEST
	    || hello->version_min > PROTOCOL_VERSION) {
		guest_refuse(g, REFUSE_VERSION, BELAY_BUILD);
		return;
	}
	if (h->phase == PHASE_NEW && !start_program(h, hello, g))
		return;
	if (h->engine.n_links == ENGINE_LINKS)
		make_room(h);
	int err = engine_set_positions(&h->engine, hello->positions);
	if (!err)
		err = guest_welcome(h, g, hello);
	g->io.link.flight_max = h->program.pty ? FLIGHT_MAX : FLIGHT_BULK;
	if (!err)
		err = engine_add(&h->engine, &g->io.link);
	if (err) {
		guest_refuse(g, REFUSE_BAD, err_text(err));
		return;
	}
	struct tty_size size = { hello->rows, hello->cols, hello->xpixel, hello->ypixel };
	program_resize(&h->program, &size);
	h->linger_us = (uint64_t)hello->linger_s * 1000000;
}

/* Whether the client ends the session, or has everything of one that has ended. */
static bool
bye_ends(const struct hold *h, const struct frame *f)
{
	union msg m;
	if (msg_get(f, &m))
		return false;
	return m.bye.code == BYE_HANGUP
	    || (m.bye.code == BYE_DONE && h->phase == PHASE_ENDED);
}

static void
guest_frames(struct hold *h, struct guest *g)
{
	struct frame f;
	long len = 0;
	while (!g->closing && (len = link_frame(&g->io.link, &f)) > 0) {
		if (f.type == MSG_BYE) {
			if (bye_ends(h, &f))
				loop_stop(&h->loop);
			else
				guest_close(h, g);
			return;
		}
		if (engine_frame(&h->engine, &g->io.link, &f, h->loop.now_us)) {
			guest_close(h, g);
			return;
		}
		link_drop(&g->io.link, len);
	}
	if (len < 0)
		guest_close(h, g);
}

static struct hold *
holder(void)
{
	return &hold;
}

static void
on_guest_in(void *owner, short revents)
{
	struct guest *g = owner;
	(void)revents;
	if (!linkio_read(&g->io)) {
		guest_close(holder(), g);
		return;
	}
	guest_frames(holder(), g);
}

/* The hello is whole and the descriptors are there: the guest becomes a link. */
static void
guest_linked(struct hold *h, struct guest *g)
{
	struct frame f;
	union msg m;
	long len = frame_parse(buf_span(&g->hello), &f);
	if (len == 0 || (len > 0 && g->n_fds < 2))
		return;
	if (len < 0 || f.type != MSG_HELLO || msg_get(&f, &m)) {
		guest_close(h, g);
		return;
	}
	g->linked = true;
	linkio_open(&g->io, &h->loop, g->fds[0], g->fds[1]);
	guest_attach(h, g, &m.hello);
	buf_finish(&g->hello);
}

static void
on_guest_relay(void *owner, short revents)
{
	struct guest *g = owner;
	struct hold *h = holder();
	int fds[2];
	size_t n;
	(void)revents;
	ssize_t got = sock_receive_fds(g->relay.fd, &g->hello, READ_MAX, fds, 2, &n);
	for (size_t i = 0; i < n; i++) {
		if (g->n_fds < 2 && !g->linked)
			g->fds[g->n_fds++] = fds[i];
		else
			close(fds[i]);
	}
	if (got < 0 || g->linked)
		guest_close(h, g);
	else
		guest_linked(h, g);
}

static void
guest_new(struct hold *h, int relay)
{
	for (size_t i = 0; i < GUESTS; i++) {
		struct guest *g = &h->guests[i];
		if (g->taken)
			continue;
		*g = (struct guest){ .taken = true };
		linkio_init(&g->io, on_guest_in, g, h->loop.now_us);
		buf_init(&g->hello, FRAME_MAX + READ_MAX);
		g->relay = (struct watch){ .fd = relay,
			.events = POLLIN,
			.fn = on_guest_relay,
			.owner = g };
		sys_nonblock(relay);
		loop_add(&h->loop, &g->relay);
		return;
	}
	close(relay); /* too many at once; the client tries again */
}

static void
on_listener(void *owner, short revents)
{
	struct hold *h = owner;
	(void)revents;
	int fd = sock_accept(h->listener.fd);
	if (fd >= 0)
		guest_new(h, fd);
}

/* ---- the program ---- */

static void
tell_exit(struct hold *h)
{
	int status = h->program.status;
	struct msg_exit m = { EXIT_STATUS, (uint32_t)WEXITSTATUS(status) };
	if (WIFSIGNALED(status))
		m = (struct msg_exit){ EXIT_SIGNAL, (uint32_t)WTERMSIG(status) };
	(void)engine_tell(&h->engine, MSG_EXIT, &m);
	for (size_t i = 0; i < h->engine.n_streams; i++)
		stream_end(h->engine.streams[i]);
	program_close(&h->program);
	h->phase = PHASE_ENDED;
}

static bool
all_delivered(const struct hold *h)
{
	for (size_t i = 0; i < h->engine.n_streams; i++)
		if (!stream_delivered(h->engine.streams[i]))
			return false;
	return true;
}

static void
control_turn(struct hold *h)
{
	enum msg_type type;
	union msg m;
	int err;
	while ((err = engine_told(&h->engine, &type, &m)) > 0) {
		if (type == MSG_STOP)
			program_stop(&h->program, m.stop.stream);
		if (type != MSG_WINDOW)
			continue;
		struct tty_size size = { m.window.rows, m.window.cols, m.window.xpixel,
			m.window.ypixel };
		program_resize(&h->program, &size);
	}
	/* A client that sends nonsense here cannot be understood any more. */
	if (err < 0)
		loop_stop(&h->loop);
}

/* ---- the loop ---- */

static void
soonest(uint64_t *at, uint64_t candidate)
{
	if (candidate && (!*at || candidate < *at))
		*at = candidate;
}

static uint64_t
guest_turn(struct hold *h, struct guest *g)
{
	uint64_t now = h->loop.now_us, at = 0;
	if (!g->linked)
		return 0;
	if (now >= g->io.link.heard_us + LINK_SILENT_US) {
		guest_close(h, g);
		return 0;
	}
	linkio_write(&g->io, g->closing ? NULL : &h->engine, now);
	if (g->io.broken || (g->closing && !g->io.queue.len)) {
		guest_close(h, g);
		return 0;
	}
	soonest(&at, engine_deadline(&h->engine, &g->io.link));
	soonest(&at, linkio_trim(&g->io, now));
	soonest(&at, g->io.link.heard_us + LINK_SILENT_US);
	return at;
}

static uint64_t
guests_turn(struct hold *h)
{
	uint64_t at = 0;
	struct link *unwanted;
	while ((unwanted = engine_unwanted(&h->engine)))
		for (size_t i = 0; i < GUESTS; i++)
			if (&h->guests[i].io.link == unwanted)
				guest_close(h, &h->guests[i]);
	for (size_t i = 0; i < GUESTS; i++)
		if (h->guests[i].taken)
			soonest(&at, guest_turn(h, &h->guests[i]));
	return at;
}

static bool
any_guest(const struct hold *h)
{
	for (size_t i = 0; i < GUESTS; i++)
		if (h->guests[i].taken)
			return true;
	return false;
}

/* Whether the session is over, or when that is to be asked again. */
static uint64_t
end_turn(struct hold *h)
{
	uint64_t now = h->loop.now_us, at = 0;
	bool delivered = h->phase == PHASE_ENDED && all_delivered(h);
	if (any_guest(h))
		h->away_us = 0;
	else if (!h->away_us)
		h->away_us = now;
	if (delivered) {
		if (!h->delivered_us)
			h->delivered_us = now;
		soonest(&at, h->delivered_us + EXIT_LINGER_US);
		if (h->away_us || now >= at)
			loop_stop(&h->loop);
	}
	if (h->phase == PHASE_NEW && h->away_us)
		/* the one who asked for it was refused, or has gone */
		loop_stop(&h->loop);
	if (h->engine.active && h->engine.active->used)
		h->used = true;
	if (h->away_us) {
		uint64_t wait_us = h->used ? h->linger_us : UNUSED_LINGER_US;
		soonest(&at, h->away_us + wait_us);
		if (now >= h->away_us + wait_us)
			loop_stop(&h->loop);
	}
	return at;
}

static uint64_t
hold_turn(void *owner, uint64_t now_us)
{
	struct hold *h = owner;
	control_turn(h);
	if (h->phase == PHASE_RUNNING && program_over(&h->program))
		tell_exit(h);
	uint64_t at = guests_turn(h);
	soonest(&at, engine_trim(&h->engine, now_us));
	/* After sending has made room. */
	soonest(&at, program_turn(&h->program));
	soonest(&at, end_turn(h));
	return at;
}

static void
hold_signal(void *owner, int sig)
{
	struct hold *h = owner;
	if (sig != SIGCHLD) {
		loop_stop(&h->loop);
		return;
	}
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == h->program.pid)
			program_ended(&h->program, status);
}

int
hold_main(const char *path)
{
	struct hold *h = &hold;
	static const int signals[] = { SIGCHLD, SIGTERM, SIGINT, 0 };
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (chdir("/") < 0 || loop_init(&h->loop, signals))
		return 1;
	h->path = path;
	h->loop.turn = hold_turn;
	h->loop.turn_owner = h;
	h->loop.on_signal = hold_signal;
	engine_init(&h->engine, false);
	h->control = engine_open(&h->engine, STREAM_CONTROL, 0, CONTROL_MAX, CONTROL_MAX);
	if (!h->control)
		return 1;
	program_init(&h->program, &h->loop, &h->engine);
	h->listener = (struct watch){ .fd = HOLD_LISTENER,
		.events = POLLIN,
		.fn = on_listener,
		.owner = h };
	sys_cloexec(HOLD_LISTENER);
	loop_add(&h->loop, &h->listener);
	int relay = dup(STDIN_FILENO);
	int null = dup2(STDOUT_FILENO, STDIN_FILENO);
	if (relay < 0 || null < 0)
		return 1;
	sys_cloexec(relay);
	guest_new(h, relay);
	loop_run(&h->loop);
	unlink(path);
	program_close(&h->program); /* hangs up whatever still uses the terminal */
	for (size_t i = 0; i < GUESTS; i++)
		if (h->guests[i].taken)
			guest_close(h, &h->guests[i]);
	engine_finish(&h->engine);
	return 0;
}
