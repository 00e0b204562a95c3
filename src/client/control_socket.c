#include "client/control_socket.h"

#include "base/log.h"
#include "client/report.h"
#include "ssh/run_dir.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ANSWER_MAX = 64 * 1024,
	ANSWER_MS = 1000, /* who does not ask or answer by then is left alone */
	EXIT_FAILED = 255,
	CELL = 128,
};

/* ---- the one who is asked ---- */

/* Who connects is ours, and local: its line is there, or comes at once. */
static void
on_connection(void *owner, short revents)
{
	struct control_socket *c = owner;
	struct buf request, answer;
	const char *text;
	(void)revents;
	int fd = sock_accept(c->listener.fd);
	if (fd < 0)
		return;
	buf_init(&request, CONTROL_SOCKET_REQUEST_MAX);
	buf_init(&answer, ANSWER_MAX);
	if (sys_wait(fd, POLLIN, ANSWER_MS)
	    && sys_read_into(fd, &request, CONTROL_SOCKET_REQUEST_MAX - 1) > 0
	    && (text = buf_str(&request))) {
		char line[CONTROL_SOCKET_REQUEST_MAX];
		snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
		c->asked(c->owner, line, &answer);
		(void)sys_write_both(fd, buf_span(&answer), (struct span){ 0 });
	}
	close(fd);
	buf_finish(&request);
	buf_finish(&answer);
}

void
control_socket_open(struct control_socket *c, struct loop *loop,
    void (*asked)(void *owner, const char *request, struct buf *out), void *owner)
{
	char dir[RUN_DIR_MAX];
	*c = (struct control_socket){ .loop = loop,
		.asked = asked,
		.owner = owner,
		.listener.fd = -1 };
	if (!run_dir(dir))
		return;
	snprintf(c->path, sizeof c->path, "%.90s/%ld", dir, (long)getpid());
	if (sock_is_stale(c->path))
		unlink(c->path);
	int fd = sock_listen(c->path);
	if (fd < 0) {
		c->path[0] = 0;
		return;
	}
	c->listener =
	    (struct watch){ .fd = fd, .events = POLLIN, .fn = on_connection, .owner = c };
	if (!loop_add_kept(loop, &c->listener))
		control_socket_close(c);
}

void
control_socket_close(struct control_socket *c)
{
	if (!c->path[0])
		return;
	loop_remove(c->loop, &c->listener);
	close(c->listener.fd);
	unlink(c->path);
	c->path[0] = 0;
}

/* ---- the one who asks ---- */

static bool
ask(const char *path, const char *request, struct buf *answer)
{
	int fd = sock_connect(path);
	if (fd < 0)
		return false;
	ssize_t n = sys_write_all(fd, request, strlen(request));
	while (n >= 0 && sys_wait(fd, POLLIN, ANSWER_MS)
	    && (n = sys_read_into(fd, answer, answer->max - answer->len)) > 0)
		continue;
	close(fd);
	return answer->len > 0;
}

/* Asks all that run; what they answer is `each`'s.  Sockets of dead ones go. */
static void
ask_all(const char *request,
    void (*each)(void *owner, const char *answer, const char *path), void *owner)
{
	char dir[RUN_DIR_MAX], path[108];
	DIR *entries = run_dir(dir) ? opendir(dir) : NULL;
	const struct dirent *entry;
	while (entries && (entry = readdir(entries))) {
		struct buf answer;
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof path, "%.90s/%.16s", dir, entry->d_name);
		buf_init(&answer, ANSWER_MAX);
		if (ask(path, request, &answer) && buf_str(&answer))
			each(owner, buf_str(&answer), path);
		else if (sock_is_stale(path))
			unlink(path);
		buf_finish(&answer);
	}
	if (entries)
		closedir(entries);
}

static void
show_json(void *owner, const char *answer, const char *path)
{
	bool *any = owner;
	(void)path;
	printf("%s%.*s", *any ? ",\n " : "", (int)strcspn(answer, "\n"), answer);
	*any = true;
}

/* Rows are collected first: columns are as wide as their widest cell. */
struct table {
	struct row {
		char cells[REPORT_COLUMNS][CELL];
	} rows[256];
	size_t n;
	int width[REPORT_COLUMNS];
};

static void
add_row(struct table *t, const char *const cells[REPORT_COLUMNS])
{
	for (size_t i = 0; i < REPORT_COLUMNS; i++) {
		int len = snprintf(t->rows[t->n].cells[i], CELL, "%s", cells[i]);
		if (len > t->width[i])
			t->width[i] = len < CELL ? len : CELL - 1;
	}
	t->n++;
}

static void
take_row(void *owner, const char *answer, const char *path)
{
	struct table *t = owner;
	char line[4 * CELL], *rest = line;
	const char *cells[REPORT_COLUMNS];
	(void)path;
	snprintf(line, sizeof line, "%.*s", (int)strcspn(answer, "\n"), answer);
	for (size_t i = 0; i < REPORT_COLUMNS; i++) {
		const char *cell = strsep(&rest, "\t");
		cells[i] = cell ? cell : "";
	}
	if (t->n < sizeof t->rows / sizeof *t->rows)
		add_row(t, cells);
}

int
control_socket_status(const struct options *o)
{
	if (o->json) {
		bool any = false;
		printf("[");
		ask_all("status json\n", show_json, &any);
		printf("]\n");
		return 0;
	}
	struct table *t = calloc(1, sizeof *t);
	if (!t) {
		log_say(LOG_ERROR, "out of memory");
		return EXIT_FAILED;
	}
	add_row(t, report_heads);
	ask_all("status\n", take_row, t);
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < REPORT_COLUMNS; k++)
			printf("%-*s%s", k + 1 < REPORT_COLUMNS ? t->width[k] : 0,
			    t->rows[i].cells[k], k + 1 < REPORT_COLUMNS ? "  " : "\n");
	free(t);
	return 0;
}

struct forwarding {
	const struct options *o;
	size_t n; /* belays connected there */
	bool failed;
};

/* Whether this one is connected where the command line says; then it is told. */
static void
forward_there(void *owner, const char *answer, const char *path)
{
	struct forwarding *f = owner;
	char destination[CELL] = "", request[CONTROL_SOCKET_REQUEST_MAX];
	const char *second = strchr(answer, '\t');
	if (second)
		snprintf(destination, sizeof destination, "%.*s",
		    (int)strcspn(second + 1, "\t"), second + 1);
	if (strcmp(destination, f->o->destination) != 0)
		return;
	f->n++;
	for (size_t i = 0; i + 1 < f->o->n_link_args; i++) {
		const char *word = f->o->link_args[i];
		if (word[0] != '-' || word[2] || !strchr("LRD", word[1]))
			continue;
		struct buf said;
		buf_init(&said, ANSWER_MAX);
		snprintf(request, sizeof request, "forward %s%c%s\n",
		    f->o->cancel ? "K" : "", word[1], f->o->link_args[++i]);
		bool ok = ask(path, request, &said) && buf_str(&said)
		    && strncmp(buf_str(&said), "ok", 2) == 0;
		if (!ok)
			log_say(LOG_ERROR, "%s: -%c%s: %s", destination, word[1],
			    f->o->link_args[i],
			    said.len > 3 ? buf_str(&said) + 3 : "no answer");
		f->failed |= !ok;
		buf_finish(&said);
	}
}

int
control_socket_forward(const struct options *o)
{
	struct forwarding f = { .o = o };
	ask_all("status\n", forward_there, &f);
	if (!f.n)
		log_say(LOG_ERROR, "%s: no belay of yours is connected there",
		    o->destination);
	return f.n && !f.failed ? 0 : EXIT_FAILED;
}
