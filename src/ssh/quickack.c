#include "ssh/quickack.h"

#include "sys/os.h"

#include <unistd.h>

static void
on_arrival(void *owner, short revents)
{
	struct quickack *q = owner;
	(void)revents;
	os_arrivals_acknowledge(q->arrivals.fd, q->connection);
}

void
quickack_start(struct quickack *q, struct loop *loop, int connection)
{
	int arrivals = os_arrivals_open(connection);
	*q = (struct quickack){ 0 };
	q->connection = connection;
	q->arrivals = (struct watch){ .fd = arrivals,
		.events = POLLIN,
		.fn = on_arrival,
		.owner = q };
	if (arrivals >= 0 && loop_add_kept(loop, &q->arrivals)) {
		q->loop = loop;
		return;
	}
	if (arrivals >= 0)
		close(arrivals);
	close(connection);
}

void
quickack_stop(struct quickack *q)
{
	if (!q->loop)
		return;
	loop_remove(q->loop, &q->arrivals);
	close(q->arrivals.fd);
	close(q->connection);
	q->loop = NULL;
}
