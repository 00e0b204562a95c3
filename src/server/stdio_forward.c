#include "server/stdio_forward.h"

#include "sys/sys.h"
#include "tunnel/connect.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HELD_MAX = 64 * 1024, EXIT_FAILED = 255 };

/* One direction. */
struct way {
	struct watch in, out;
	struct buf held;
	bool over; /* its end was passed on */
};

static struct stdio_forward {
	struct loop loop;
	struct connect connect;
	struct way up, down; /* stdin to the connection, and back */
	int status;
} join;

static void
on_ready(void *owner, short revents)
{
	struct watch *w = owner;
	(void)revents;
	w->events = 0; /* the turn tries */
}

static bool
way_open(struct way *w, int in, int out)
{
	buf_init(&w->held, HELD_MAX);
	w->in = (struct watch){ .fd = in, .fn = on_ready, .owner = &w->in };
	w->out = (struct watch){ .fd = out, .fn = on_ready, .owner = &w->out };
	sys_nonblock(in);
	sys_nonblock(out);
	return loop_add_kept(&join.loop, &w->in) && loop_add_kept(&join.loop, &w->out);
}

/* Moves what goes.  The end of one is the end of the other's input only. */
static void
way_turn(struct way *w)
{
	ssize_t n = 1;
	if (w->over)
		return;
	w->in.events = w->out.events = 0;
	if (w->held.len < HELD_MAX)
		n = sys_read_into(w->in.fd, &w->held, HELD_MAX - w->held.len);
	bool ended = n < 0;
	n = w->held.len
	    ? sys_write_both(w->out.fd, buf_span(&w->held), (struct span){ 0 })
	    : 0;
	if (n > 0)
		buf_drop(&w->held, (size_t)n);
	w->over = n < 0 || (ended && !w->held.len);
	if (w->over) {
		if (w == &join.up)
			(void)shutdown(w->out.fd, SHUT_WR);
		return;
	}
	if (!ended && w->held.len < HELD_MAX)
		w->in.events = POLLIN;
	if (w->held.len)
		w->out.events = POLLOUT;
}

static uint64_t
turn(void *owner, uint64_t now_us)
{
	(void)owner;
	(void)now_us;
	if (!join.up.in.fn)
		return 0; /* not connected yet */
	way_turn(&join.up);
	way_turn(&join.down);
	if (join.down.over) /* as ssh: who listens there has the last word */
		loop_stop(&join.loop);
	return 0;
}

static void
on_connected(void *owner, int fd, const char *why)
{
	(void)owner;
	if (fd < 0) {
		/* ssh's words, which others look for (channels.c, ssh.c). */
		sys_say(STDERR_FILENO,
		    "channel 0: open failed: connect failed: %s\nstdio forwarding failed\n",
		    why);
		join.status = EXIT_FAILED;
		loop_stop(&join.loop);
		return;
	}
	if (!way_open(&join.up, STDIN_FILENO, fd)
	    || !way_open(&join.down, dup(fd), STDOUT_FILENO)) {
		join.status = EXIT_FAILED;
		loop_stop(&join.loop);
	}
}

static void
no_signal(void *owner, int sig)
{
	(void)owner;
	(void)sig;
}

int
stdio_forward_main(const char *host, const char *port)
{
	static const int none[] = { 0 };
	struct target to = { .kind = OPEN_TCP,
		.port = (unsigned)atoi(port) }; /* strtoul(3) costs 2 KB */
	signal(SIGPIPE, SIG_IGN);
	if (strlen(host) >= sizeof to.host || loop_init(&join.loop, none))
		return EXIT_FAILED;
	strcpy(to.host, host);
	join.loop.turn = turn;
	join.loop.on_signal = no_signal;
	connect_start(&join.connect, &join.loop, getent_start, &to, on_connected, &to);
	loop_run(&join.loop);
	return join.status;
}
