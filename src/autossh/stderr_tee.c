#include "autossh/stderr_tee.h"

#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	SAID_MAX = 4 * 1024,
	REST_MS = 1000, /* so long our stderr may be stuck at the end */
};

/* Our stderr is shared: it stays blocking, and takes what is not larger than PIPE_BUF when
 * it says that it is ready. */
static void
show(struct stderr_tee *o, int timeout_ms)
{
	while (o->unshown.len && sys_wait(STDERR_FILENO, POLLOUT, timeout_ms)) {
		ssize_t n = write(STDERR_FILENO, buf_bytes(&o->unshown), o->unshown.len);
		if (n < 0 && errno == EINTR)
			continue;
		buf_drop(&o->unshown, n < 0 ? o->unshown.len : (size_t)n);
	}
	o->to.events = o->unshown.len ? POLLOUT : 0;
	o->from.events = o->unshown.len ? 0 : POLLIN;
}

static void
close_from(struct stderr_tee *o)
{
	if (o->from.fd < 0)
		return;
	loop_remove(o->loop, &o->from);
	close(o->from.fd);
	o->from.fd = -1;
}

/* Reads some of it; whether there was any. */
static bool
listen_on(struct stderr_tee *o)
{
	if (o->said.len > SAID_MAX / 2)
		buf_drop(&o->said, o->said.len - SAID_MAX / 2);
	size_t before = o->said.len;
	ssize_t n = o->from.fd < 0 ? 0
				   : sys_read_into(o->from.fd, &o->said, SAID_MAX / 2);
	if (n < 0)
		close_from(o);
	if (n > 0)
		(void)buf_put(&o->unshown, buf_bytes(&o->said) + before, (size_t)n);
	return n > 0;
}

static void
on_from(void *owner, short revents)
{
	(void)revents;
	(void)listen_on(owner);
	show(owner, 0);
}

static void
on_to(void *owner, short revents)
{
	(void)revents;
	show(owner, 0);
}

void
stderr_tee_init(struct stderr_tee *o, struct loop *loop)
{
	*o = (struct stderr_tee){ .loop = loop };
	o->from = (struct watch){ .fd = -1, .events = POLLIN, .fn = on_from, .owner = o };
	o->to = (struct watch){ .fd = STDERR_FILENO, .fn = on_to, .owner = o };
	buf_init(&o->said, SAID_MAX);
	buf_init(&o->unshown, SAID_MAX);
	if (!loop_add_kept(loop, &o->to))
		loop_stop(loop); /* it is among the first that a loop has */
}

void
stderr_tee_finish(struct stderr_tee *o)
{
	if (!o->loop)
		return;
	close_from(o);
	loop_remove(o->loop, &o->to);
	buf_finish(&o->said);
	buf_finish(&o->unshown);
	*o = (struct stderr_tee){ 0 };
}

void
stderr_tee_begin(struct stderr_tee *o, int fd)
{
	close_from(o);
	buf_drop(&o->said, o->said.len);
	o->from.fd = fd;
	if (!loop_add_kept(o->loop, &o->from))
		close_from(o); /* what ssh says is lost */
	show(o, 0);
}

void
stderr_tee_end(struct stderr_tee *o)
{
	do
		show(o, REST_MS);
	while (!o->unshown.len && listen_on(o));
	close_from(o); /* even if somebody whom ssh has left behind holds it */
}

const char *
stderr_tee_said(struct stderr_tee *o)
{
	return buf_str(&o->said);
}

bool
stderr_tee_last_line(struct stderr_tee *o, char *ret_line, size_t len)
{
	const char *p = buf_str(&o->said), *end = p ? p + strlen(p) : NULL;
	while (end && end > p && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	const char *begin = end;
	while (begin && begin > p && begin[-1] != '\n')
		begin--;
	if (begin == end)
		return false;
	snprintf(ret_line, len, "%.*s", (int)(end - begin), begin);
	for (char *c = ret_line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	return true;
}
