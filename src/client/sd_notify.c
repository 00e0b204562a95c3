#include "client/sd_notify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TEXT_MAX = 4096 };

void
sd_notify_init(struct sd_notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET"), *us = getenv("WATCHDOG_USEC"),
		   *pid = getenv("WATCHDOG_PID");
	*n = (struct sd_notify){ 0 };
	if (path && (path[0] == '/' || path[0] == '@') && strlen(path) < sizeof n->path)
		strcpy(n->path, path);
	if (us && (!pid || strtol(pid, NULL, 10) == (long)getpid()))
		n->watchdog_us = strtoull(us, NULL, 10) / 2;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void
tell(const struct sd_notify *n, struct buf *text)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strlen(n->path);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0)
		return;
	memcpy(to.sun_path, n->path, len);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = 0; /* an abstract one */
	(void)sendto(fd, buf_bytes(text), text->len, MSG_DONTWAIT | MSG_NOSIGNAL,
	    (const struct sockaddr *)&to,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

uint64_t
sd_notify_turn(struct sd_notify *n, const struct report *r, bool ready)
{
	struct buf text;
	if (!n->path[0])
		return 0;
	buf_init(&text, TEXT_MAX);
	bool becomes = ready && !n->ready;
	if (becomes)
		buf_print(&text, "READY=1\n");
	if (becomes || n->state != r->state || n->outages != r->outages) {
		buf_print(&text, "STATUS=%s: ", r->destination);
		report_line(r, &text);
		buf_putc(&text, '\n');
	}
	if (n->watchdog_us && r->now_us >= n->told_us + n->watchdog_us) {
		buf_print(&text, "WATCHDOG=1\n");
		n->told_us = r->now_us;
	}
	n->ready |= ready;
	n->state = r->state;
	n->outages = r->outages;
	if (text.len)
		tell(n, &text);
	buf_finish(&text);
	return n->watchdog_us ? n->told_us + n->watchdog_us : 0;
}

void
sd_notify_last(const struct sd_notify *n, const char *destination, const char *why)
{
	struct buf text;
	if (!n->path[0])
		return;
	buf_init(&text, TEXT_MAX);
	buf_print(&text, "READY=1\nWATCHDOG_USEC=0\nSTATUS=%s: plain ssh: %s\n",
	    destination, why);
	tell(n, &text);
	buf_finish(&text);
}
