#include "server/agent.h"

#include "server/rundir.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OWNER_ONLY = 0177, /* mask of unix sockets */
	HELD_MAX = 16 * 1024, /* in one direction; more waits where it is */
};

struct agent_end {
	struct watch watch;
	struct buf held; /* on its way there */
	bool ended; /* nothing more comes from there */
};

/* A connection of a program, and ours to the agent. */
struct agent_pipe {
	struct agent_pipe *next;
	struct agent_end ends[2];
	const void *link;
	bool ready; /* something may go */
	bool over;
};

static int
listen_beside(struct agent *a, const char *session_path)
{
	static const struct listener_unix how = { .mask = OWNER_ONLY, .unlink = true };
	struct target on = { .kind = OPEN_UNIX };
	char text[LISTENER_TEXT];
	unsigned port;
	if (!rundir_kept(session_path, on.host, sizeof on.host)
	    || listener_open(&a->listener, a->loop, &on, &how, &port, text)) {
		/* As safe as ssh's own, which is in /tmp up to OpenSSH 10.0. */
		int n = snprintf(on.host, sizeof on.host, "%s.agent", session_path);
		if (n >= (int)sizeof on.host
		    || listener_open(&a->listener, a->loop, &on, &how, &port, text))
			return -1;
	}
	memcpy(a->path, on.host, sizeof a->path);
	return 0;
}

int
agent_open(struct agent *a, struct loop *loop, const char *session_path,
    const struct listener *like)
{
	*a = (struct agent){ .loop = loop, .listener = *like };
	return listen_beside(a, session_path);
}

bool
agent_has_room(const struct agent *a)
{
	return a->n < AGENT_CONNECTIONS && loop_room(a->loop) > 1;
}

void
agent_again(struct agent *a, const char *session_path)
{
	if (!a->path[0])
		return;
	listener_close(&a->listener);
	(void)listen_beside(a, session_path);
}

static void
pipe_free(struct agent *a, struct agent_pipe **place)
{
	struct agent_pipe *p = *place;
	*place = p->next;
	for (int i = 0; i < 2; i++) {
		loop_remove(a->loop, &p->ends[i].watch);
		close(p->ends[i].watch.fd);
		buf_finish(&p->ends[i].held);
	}
	free(p);
	a->n--;
}

void
agent_close(struct agent *a)
{
	while (a->pipes)
		pipe_free(a, &a->pipes);
	listener_close(&a->listener);
	a->path[0] = 0;
}

static void
on_ready(void *owner, short revents)
{
	struct agent_pipe *p = owner;
	(void)revents;
	p->ready = true;
	for (int i = 0; i < 2; i++)
		p->ends[i].watch.events = 0; /* the turn tries */
}

void
agent_connect(struct agent *a, int fd, const char *path, const void *link)
{
	struct agent_pipe *p = agent_has_room(a) ? calloc(1, sizeof *p) : NULL;
	int there = p ? sock_try(path) : -1;
	if (there < 0) {
		free(p);
		close(fd);
		return;
	}
	*p = (struct agent_pipe){ .next = a->pipes, .link = link, .ready = true };
	for (int i = 0; i < 2; i++) {
		p->ends[i].watch = (struct watch){ .fd = i ? there : fd,
			.fn = on_ready,
			.owner = p };
		buf_init(&p->ends[i].held, HELD_MAX);
		p->over |= !loop_add(a->loop, &p->ends[i].watch);
	}
	a->pipes = p;
	a->n++;
}

void
agent_cut(struct agent *a, const void *link)
{
	for (struct agent_pipe *p = a->pipes; p; p = p->next)
		p->over |= p->link == link;
}

/* One direction.  False: the connection is of no more use. */
static bool
move(struct agent_end *from, struct agent_end *to)
{
	size_t room = HELD_MAX - to->held.len;
	if (room && !from->ended)
		from->ended = sys_read_into(from->watch.fd, &to->held, room) < 0;
	ssize_t n = sys_write_both(to->watch.fd, buf_span(&to->held), (struct span){ 0 });
	if (n > 0)
		buf_drop(&to->held, (size_t)n);
	return n >= 0 && (!from->ended || to->held.len);
}

static void
pipe_turn(struct agent_pipe *p)
{
	struct agent_end *program = &p->ends[0], *agent = &p->ends[1];
	if (!p->ready || p->over)
		return;
	p->ready = false;
	p->over = !move(program, agent) || !move(agent, program);
	for (int i = 0; i < 2; i++) {
		struct agent_end *one = &p->ends[i], *other = &p->ends[!i];
		bool reads = !one->ended && other->held.len < HELD_MAX;
		one->watch.events = (short)((reads ? POLLIN : 0)
		    | (one->held.len ? POLLOUT : 0));
	}
}

uint64_t
agent_turn(struct agent *a, uint64_t now_us)
{
	struct agent_pipe **place = &a->pipes;
	while (*place) {
		pipe_turn(*place);
		if ((*place)->over)
			pipe_free(a, place);
		else
			place = &(*place)->next;
	}
	return a->path[0] ? listener_turn(&a->listener, now_us) : 0;
}
