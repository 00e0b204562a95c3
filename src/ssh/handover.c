#include "ssh/handover.h"

#include "ssh/ssh_helper.h"
#include "sys/sock.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void
close_listener(struct handover *h)
{
	if (h->listener.fd < 0)
		return;
	loop_remove(h->loop, &h->listener);
	close(h->listener.fd);
	h->listener.fd = -1;
	unlink(h->path);
}

static void
pass(struct handover *h)
{
	if (h->taker < 0 || h->connection < 0)
		return;
	(void)ssh_helper_pass(h->taker, h->connection); /* fails if ssh has ended */
	handover_close(h);
}

static void
on_taker(void *owner, short revents)
{
	struct handover *h = owner;
	(void)revents;
	int fd = sock_accept(h->listener.fd);
	if (fd < 0)
		return;
	h->taker = fd;
	close_listener(h);
	pass(h);
}

bool
handover_open(struct handover *h, struct loop *loop, const char *path)
{
	*h = (struct handover){ .loop = loop, .taker = -1, .connection = -1 };
	snprintf(h->path, sizeof h->path, "%s", path);
	h->listener = (struct watch){ .fd = sock_listen(path),
		.events = POLLIN,
		.fn = on_taker,
		.owner = h };
	if (h->listener.fd >= 0 && loop_add_kept(loop, &h->listener))
		return true;
	if (h->listener.fd >= 0) {
		close(h->listener.fd);
		unlink(path);
	}
	*h = (struct handover){ 0 };
	return false;
}

void
handover_give(struct handover *h, int connection)
{
	h->connection = fcntl(connection, F_DUPFD_CLOEXEC, 3);
	pass(h);
}

void
handover_close(struct handover *h)
{
	if (!h->loop)
		return;
	close_listener(h);
	if (h->taker >= 0)
		close(h->taker);
	if (h->connection >= 0)
		close(h->connection);
	*h = (struct handover){ 0 };
}
