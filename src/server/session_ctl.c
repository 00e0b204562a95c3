#include "server/session_ctl.h"

#include "base/hex.h"
#include "server/rundir.h"
#include "sys/sys.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ANSWER_US = 2000 * 1000, /* a session that does not answer is passed over */
	READ_MAX = 4096,
	ID_SHOWN = 8, /* digits of the id in the table */
	ID_TEXT = 2 * ID_LEN + 1,
	SESSIONS_MAX = 1000, /* asked at once */
	PRINTED_MAX = 8 * FRAME_MAX, /* of one session */
};

/* An answer; the spans point into the bytes of who gave it. */
struct answer {
	struct msg_info info;
	char id[ID_TEXT];
};

/* A session that was asked. */
struct asked {
	int fd; /* -1: no longer */
	struct buf bytes; /* of its answer, as far as they have come */
};

/* ---- asking ---- */

static bool
ask(int fd, enum ask_verb verb, const char *text)
{
	struct buf out;
	struct msg_ask m = { .verb = (uint8_t)verb,
		.text = { (const uint8_t *)text, strlen(text) } };
	buf_init(&out, FRAME_MAX);
	bool sent = msg_put(&out, MSG_ASK, &m) == 0
	    && sys_write_all(fd, buf_bytes(&out), out.len) == 0;
	buf_finish(&out);
	return sent;
}

/* Reads what is there.  1: the answer is whole, 0: not yet, -1: there will be none. */
static int
take_answer(struct asked *a, struct answer *ret_answer)
{
	struct frame f;
	union msg m;
	struct buf id;
	if (sys_read_into(a->fd, &a->bytes, READ_MAX) < 0)
		return -1;
	long len = frame_parse(buf_span(&a->bytes), &f);
	if (len == 0)
		return 0;
	if (len < 0 || f.type != MSG_INFO || msg_get(&f, &m))
		return -1;
	ret_answer->info = m.info;
	buf_init(&id, ID_TEXT);
	(void)hex_put(&id, (struct span){ m.info.session, ID_LEN });
	snprintf(ret_answer->id, ID_TEXT, "%s", buf_str(&id) ? buf_str(&id) : "");
	buf_finish(&id);
	return 1;
}

/* All sessions that are asked, and what is waited for. */
static struct crowd {
	enum ask_verb verb;
	const char *text;
	struct asked list[SESSIONS_MAX];
	struct pollfd fds[SESSIONS_MAX]; /* fd -1: no longer */
	size_t n, waiting;
} crowd;

static void
no_longer(struct crowd *c, size_t i)
{
	if (c->fds[i].fd < 0)
		return;
	close(c->fds[i].fd);
	buf_finish(&c->list[i].bytes);
	c->fds[i].fd = -1;
	c->waiting--;
}

static bool
join_crowd(void *owner, int fd)
{
	struct crowd *c = owner;
	c->list[c->n].fd = fd;
	buf_init(&c->list[c->n].bytes, FRAME_MAX);
	c->fds[c->n] = (struct pollfd){ .fd = fd, .events = POLLIN };
	c->waiting++;
	if (!ask(fd, c->verb, c->text))
		no_longer(c, c->n);
	return ++c->n < SESSIONS_MAX;
}

/* Calls `each` with the answers as they come, until it returns false.  All are waited for
 * at once, so those that do not answer cost their time only once. */
static void
hear(bool (*each)(void *owner, const struct answer *a), void *owner)
{
	struct crowd *c = &crowd;
	struct answer answer;
	bool more = true;
	uint64_t end_us = sys_now_us() + ANSWER_US;
	for (uint64_t now; more && c->waiting && (now = sys_now_us()) < end_us;) {
		int ms = (int)((end_us - now) / 1000) + 1;
		if (poll(c->fds, (nfds_t)c->n, ms) < 0)
			continue;
		for (size_t i = 0; i < c->n && more; i++) {
			int got = c->fds[i].fd >= 0 && c->fds[i].revents
			    ? take_answer(&c->list[i], &answer)
			    : 0;
			if (got > 0)
				more = each(owner, &answer);
			if (got)
				no_longer(c, i);
		}
	}
	for (size_t i = 0; i < c->n; i++)
		no_longer(c, i);
	c->n = 0;
}

static void
ask_all(bool (*each)(void *owner, const struct answer *a), void *owner)
{
	crowd.verb = ASK_INFO;
	crowd.text = "";
	rundir_each(join_crowd, &crowd);
	hear(each, owner);
}

/* ---- finding one ---- */

struct search {
	struct span name;
	uint8_t id[ID_LEN];
	size_t alike;
};

static bool
is_own(const struct answer *a)
{
	const char *own = getenv("BELAY_SESSION");
	return own && strcmp(own, a->id) == 0;
}

static bool
compare(void *owner, const struct answer *a)
{
	struct search *s = owner;
	size_t n = s->name.n;
	bool named = a->info.name.n == n && memcmp(a->info.name.p, s->name.p, n) == 0;
	bool begins = n && n <= strlen(a->id) && memcmp(a->id, s->name.p, n) == 0;
	if (named || begins) {
		memcpy(s->id, a->info.session, ID_LEN);
		s->alike = named ? 1 : s->alike + 1;
	}
	return !named;
}

/* By its whole id, which needs no asking; -1. */
static int
find_whole(struct span name)
{
	char text[ID_TEXT] = "";
	struct buf id;
	int fd = -1;
	if (name.n != 2 * ID_LEN)
		return -1;
	memcpy(text, name.p, name.n);
	buf_init(&id, ID_LEN);
	if (hex_get(text, &id) == 0)
		fd = rundir_connect(buf_bytes(&id));
	buf_finish(&id);
	return fd;
}

int
session_ctl_find(struct span name)
{
	struct search s = { .name = name };
	int fd = find_whole(name);
	if (fd >= 0)
		return fd;
	ask_all(compare, &s);
	return s.alike == 1 ? rundir_connect(s.id) : -1;
}

/* ---- the list ---- */

struct listing {
	bool json;
	size_t n;
	struct buf out; /* what is to be printed of one session */
};

static void
put_json_text(struct buf *out, struct span text)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		if (c == '"' || c == '\\')
			buf_print(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_print(out, "\\u%04x", c);
		else
			buf_putc(out, (char)c);
	}
	buf_putc(out, '"');
}

static const char *
kind_name(uint8_t kind)
{
	static const char *const names[] = { "?", "terminal", "command", "sftp", "belay",
		"none" };
	return kind < sizeof names / sizeof *names ? names[kind] : "?";
}

static void
print_json(struct buf *out, const struct answer *a, bool first)
{
	const struct msg_info *i = &a->info;
	buf_print(out, "%s{\"id\": \"%s\", \"name\": ", first ? "" : ",\n ", a->id);
	put_json_text(out, i->name);
	buf_print(out, ", \"kind\": \"%s\", \"command\": ", kind_name(i->kind));
	put_json_text(out, i->command);
	buf_print(out, ", \"running\": ");
	put_json_text(out, i->running);
	buf_print(out,
	    ", \"pid\": %u, \"clients\": %u, \"rows\": %u, \"cols\": %u, \"begun\": %llu,"
	    " \"used\": %llu}",
	    i->pid, i->clients, i->rows, i->cols, (unsigned long long)i->begun_s,
	    (unsigned long long)i->used_s);
}

/* "5 min" and its like. */
static const char *
age(uint64_t since_s, char *ret_text, size_t len)
{
	int64_t s = sys_wall_s() - (int64_t)since_s;
	if (s < 0)
		s = 0;
	if (s < 120)
		snprintf(ret_text, len, "%d s", (int)s);
	else if (s < 2 * 3600)
		snprintf(ret_text, len, "%d min", (int)(s / 60));
	else if (s < 2 * 86400)
		snprintf(ret_text, len, "%d h", (int)(s / 3600));
	else
		snprintf(ret_text, len, "%d d", (int)(s / 86400));
	return ret_text;
}

/* For a table on a terminal: control characters are left out. */
static void
put_word(struct buf *out, struct span text, int width)
{
	int n = 0;
	for (size_t i = 0; i < text.n && n < width; i++)
		if (text.p[i] >= 0x20 && text.p[i] != 0x7f) {
			buf_putc(out, (char)text.p[i]);
			n++;
		}
	buf_print(out, "%*s", width - n + 1, "");
}

static void
print_row(struct buf *out, const struct answer *a, bool first)
{
	const struct msg_info *i = &a->info;
	char begun[32], used[32];
	struct span what = i->running.n ? i->running : i->command;
	if (first)
		buf_print(out, "%-8s  %-16s %-16s %-8s %-9s %s\n", "ID", "NAME",
		    "RUNNING", "AGE", "LAST USED", "CLIENTS");
	buf_print(out, "%.*s  ", ID_SHOWN, a->id);
	put_word(out, i->name.n ? i->name : (struct span){ (const uint8_t *)"-", 1 }, 16);
	put_word(out, what, 16);
	buf_print(out, "%-8s %-9s %u\n", age(i->begun_s, begun, sizeof begun),
	    age(i->used_s, used, sizeof used), i->clients);
}

static void
print_out(struct buf *out)
{
	(void)sys_write_all(STDOUT_FILENO, buf_bytes(out), out->len);
	buf_drop(out, out->len);
}

static bool
list_one(void *owner, const struct answer *a)
{
	struct listing *l = owner;
	if (a->info.kind == KIND_SELF && is_own(a))
		return true;
	if (l->json)
		print_json(&l->out, a, l->n == 0);
	else
		print_row(&l->out, a, l->n == 0);
	l->n++;
	print_out(&l->out);
	return true;
}

int
session_ctl_list(bool json)
{
	struct listing l = { .json = json };
	buf_init(&l.out, PRINTED_MAX);
	if (json)
		sys_say(STDOUT_FILENO, "[");
	ask_all(list_one, &l);
	if (json)
		sys_say(STDOUT_FILENO, "]\n");
	else if (!l.n)
		sys_say(STDOUT_FILENO, "no sessions\n");
	buf_finish(&l.out);
	return 0;
}

/* ---- doing something ---- */

static bool
note(void *owner, const struct answer *a)
{
	(void)a;
	*(bool *)owner = true;
	return false;
}

int
session_ctl_do(enum ask_verb verb, const char *which, const char *text)
{
	const char *own = getenv("BELAY_SESSION");
	if (!which && !own) {
		sys_say(STDERR_FILENO,
		    "belay-server: this does not run in a session; name one\n");
		return 1;
	}
	if (!which)
		which = own;
	if (verb == ASK_RENAME
	    && !session_name_ok((struct span){ (const uint8_t *)text, strlen(text) })) {
		sys_say(STDERR_FILENO,
		    "belay-server: %s: a name has up to %d letters, digits and"
		    " . _ - + @\n",
		    text, NAME_MAX_LEN);
		return 1;
	}
	int fd = session_ctl_find((struct span){ (const uint8_t *)which, strlen(which) });
	if (fd < 0) {
		sys_say(STDERR_FILENO,
		    "belay-server: %s: no session of that name, or more than one\n",
		    which);
		return 1;
	}
	bool done = false;
	crowd.verb = verb;
	crowd.text = text;
	join_crowd(&crowd, fd);
	hear(note, &done);
	if (!done)
		sys_say(STDERR_FILENO, "belay-server: %s: the session does not answer\n",
		    which);
	return !done;
}
