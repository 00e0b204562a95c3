#include "server/session_ctl.h"

#include "base/hex.h"
#include "base/text.h"
#include "server/remains.h"
#include "server/rundir.h"
#include "server/session_info.h"
#include "sys/sys.h"
#include "wire/away_words.h"

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
	bool remains; /* it is what is left of a session that is not there any more */
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

static void
take_info(const struct msg_info *info, bool remains, struct answer *ret_answer)
{
	struct buf id;
	ret_answer->info = *info;
	ret_answer->remains = remains;
	buf_init(&id, ID_TEXT);
	(void)hex_put(&id, (struct span){ info->session, ID_LEN });
	snprintf(ret_answer->id, ID_TEXT, "%s", buf_str(&id) ? buf_str(&id) : "");
	buf_finish(&id);
}

/* Reads what is there.  1: the answer is whole, 0: not yet, -1: there will be none. */
static int
take_answer(struct asked *a, struct answer *ret_answer)
{
	struct frame f;
	union msg m;
	if (sys_read_into(a->fd, &a->bytes, READ_MAX) < 0)
		return -1;
	long len = frame_parse(buf_span(&a->bytes), &f);
	if (len == 0)
		return 0;
	if (len < 0 || f.type != MSG_INFO || msg_get(&f, &m))
		return -1;
	take_info(&m.info, false, ret_answer);
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

struct newest {
	uint64_t used_s;
	uint8_t id[ID_LEN];
	bool found;
};

static bool
compare_age(void *owner, const struct answer *a)
{
	struct newest *s = owner;
	bool fits = a->info.kind == KIND_PTY && !is_own(a);
	if (fits && (!s->found || a->info.used_s > s->used_s)) {
		s->found = true;
		s->used_s = a->info.used_s;
		memcpy(s->id, a->info.session, ID_LEN);
	}
	return true;
}

bool
session_ctl_choose(const char *which, uint8_t ret_id[ID_LEN])
{
	struct newest newest = { 0 };
	struct search s = { 0 };
	if (!which) {
		ask_all(compare_age, &newest);
		memcpy(ret_id, newest.id, ID_LEN);
		return newest.found;
	}
	s.name = (struct span){ (const uint8_t *)which, strlen(which) };
	ask_all(compare, &s);
	memcpy(ret_id, s.id, ID_LEN);
	return s.alike == 1;
}

/* ---- the list ---- */

enum { NAME_WIDTH = 16, RUNNING_WIDTH = 12, LONG_WIDTH = 64, AWAY_SHOWN = 32 };

/* One session, ready to be printed. */
struct row {
	uint64_t used_s;
	struct buf text;
};

static struct listing {
	bool json;
	const char *takes; /* the id of the one to mark; NULL: none */
	struct row rows[SESSIONS_MAX];
	size_t n;
} listing;

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

static struct msg_about
about(const struct answer *a)
{
	union msg m;
	return msg_find(a->info.more, MSG_ABOUT, &m) ? m.about : (struct msg_about){ 0 };
}

static bool
is_taken(const struct listing *l, const struct answer *a)
{
	return l->takes && strcmp(l->takes, a->id) == 0;
}

/* What has happened in it while nobody saw it, in a list. */
static void
put_json_away(struct buf *out, struct span more)
{
	union msg m;
	const char *name, *before = "";
	while (msg_next(&more, MSG_AWAY, &m)) {
		if (!(name = away_name(m.away.what)))
			continue;
		buf_print(out,
		    "%s{\"what\": \"%s\", \"count\": %u, \"at\": %lld, \"text\": ",
		    before, name, m.away.count,
		    (long long)sys_wall_s() - (long long)m.away.ago_s);
		put_json_text(out, m.away.text);
		if (m.away.how)
			buf_print(out, ", \"%s\": %u",
			    m.away.how == EXIT_SIGNAL ? "signal" : "status",
			    m.away.status);
		buf_putc(out, '}');
		before = ", ";
	}
}

static void
put_json(struct buf *out, const struct listing *l, const struct answer *a)
{
	const struct msg_info *i = &a->info;
	struct msg_about more = about(a);
	buf_print(out, "{\"id\": \"%s\", \"name\": ", a->id);
	put_json_text(out, i->name);
	buf_print(out, ", \"kind\": \"%s\", \"command\": ", kind_name(i->kind));
	put_json_text(out, i->command);
	buf_print(out, ", \"running\": ");
	put_json_text(out, i->running);
	buf_print(out, ", \"directory\": ");
	put_json_text(out, more.directory);
	buf_print(out, ", \"title\": ");
	put_json_text(out, more.title);
	buf_print(out, ", \"last_line\": ");
	put_json_text(out, more.last_line);
	buf_print(out, ", \"away\": [");
	put_json_away(out, i->more);
	buf_print(out,
	    "], \"pid\": %u, \"clients\": %u, \"rows\": %u, \"cols\": %u, \"begun\": %llu,"
	    " \"used\": %llu, \"idle\": %s, \"taken\": %s, \"remains\": %s}",
	    i->pid, i->clients, i->rows, i->cols, (unsigned long long)i->begun_s,
	    (unsigned long long)i->used_s, more.flags & ABOUT_IDLE ? "true" : "false",
	    is_taken(l, a) ? "true" : "false", a->remains ? "true" : "false");
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

/* Other programs have written these texts; this is for a terminal. */
static void
put_words(struct buf *out, struct span text, int width)
{
	char words[LONG_WIDTH + 1];
	int n = snprintf(words, sizeof words, "%.*s",
	    text.n < LONG_WIDTH ? (int)text.n : LONG_WIDTH, (const char *)text.p);
	text_printable(words, true);
	buf_print(out, "%s%*s", words, n < width ? width - n : 0, "");
}

static void
put_directory(struct buf *out, struct span path)
{
	if (session_info_at_home(&path))
		buf_putc(out, '~');
	put_words(out, path, 0);
}

static void
put_line(struct buf *out, const char *what, struct span text)
{
	if (!text.n)
		return;
	buf_print(out, "            %s", what);
	put_words(out, text, 0);
	buf_putc(out, '\n');
}

/* "away:  make ended (0) 5 min ago; bell 2 min ago" */
static void
put_away(struct buf *out, struct span more)
{
	union msg m;
	struct buf words;
	char ago[32];
	bool any = false;
	buf_init(&words, PRINTED_MAX);
	for (; msg_next(&more, MSG_AWAY, &m); any = true) {
		away_words(&m.away, AWAY_SHOWN, &words);
		buf_print(out, any ? "; " : "            away:  ");
		put_words(out, buf_span(&words), 0);
		buf_drop(&words, words.len);
		age((uint64_t)sys_wall_s() - m.away.ago_s, ago, sizeof ago);
		buf_print(out, m.away.what == AWAY_QUIET ? " for %s" : " %s ago", ago);
	}
	if (any)
		buf_putc(out, '\n');
	buf_finish(&words);
}

static void
put_row(struct buf *out, const struct listing *l, const struct answer *a)
{
	static const struct span none = { (const uint8_t *)"-", 1 };
	const struct msg_info *i = &a->info;
	struct msg_about more = about(a);
	char used[32], clients[16] = "no";
	if (a->remains)
		memcpy(clients, "gone", sizeof "gone");
	if (i->clients)
		snprintf(clients, sizeof clients, "%u", i->clients);
	buf_print(out, "%c %.*s  ", is_taken(l, a) ? '>' : ' ', ID_SHOWN, a->id);
	put_words(out, i->name.n ? i->name : none, NAME_WIDTH + 1);
	put_words(out, i->running.n ? i->running : i->command, RUNNING_WIDTH + 1);
	buf_print(out, "%-9s %-8s ", age(i->used_s, used, sizeof used), clients);
	put_directory(out, more.directory);
	buf_putc(out, '\n');
	put_line(out, "title: ", more.title);
	put_line(out, "last:  ", more.last_line);
	put_away(out, i->more);
}

static bool
list_one(void *owner, const struct answer *a)
{
	struct listing *l = owner;
	size_t at = l->n;
	if (a->info.kind == KIND_SELF && is_own(a))
		return true;
	/* Those that were used last come first. */
	for (; at > 0 && l->rows[at - 1].used_s < a->info.used_s; at--)
		l->rows[at] = l->rows[at - 1];
	l->rows[at].used_s = a->info.used_s;
	buf_init(&l->rows[at].text, PRINTED_MAX);
	if (l->json)
		put_json(&l->rows[at].text, l, a);
	else
		put_row(&l->rows[at].text, l, a);
	return ++l->n < SESSIONS_MAX;
}

static void
print_rows(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct buf *text = &l->rows[i].text;
		if (l->json && i)
			sys_say(STDOUT_FILENO, ",\n ");
		(void)sys_write_all(STDOUT_FILENO, buf_bytes(text), text->len);
		buf_finish(text);
	}
}

static bool
list_remains(void *owner, const char *path, const struct msg_info *m)
{
	struct answer a;
	(void)path;
	take_info(m, true, &a);
	return list_one(owner, &a);
}

int
session_ctl_list(bool json, const char *takes)
{
	struct listing *l = &listing;
	l->json = json;
	l->takes = takes;
	ask_all(list_one, l);
	if (l->n < SESSIONS_MAX)
		remains_each(list_remains, l);
	if (json)
		sys_say(STDOUT_FILENO, "[");
	else if (!l->n)
		sys_say(STDOUT_FILENO, "no sessions\n");
	else
		sys_say(STDOUT_FILENO, "  %-8s  %-16s %-12s %-9s %-8s %s\n", "ID", "NAME",
		    "RUNNING", "LAST USED", "ATTACHED", "DIRECTORY");
	print_rows(l);
	if (json)
		sys_say(STDOUT_FILENO, "]\n");
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

static char remains_path[REMAINS_PATH_MAX]; /* of the one that was found last */

static bool
compare_remains(void *owner, const char *path, const struct msg_info *m)
{
	struct search *s = owner;
	struct answer a;
	size_t alike = s->alike;
	take_info(m, true, &a);
	bool more = compare(s, &a);
	if (!more || s->alike > alike)
		snprintf(remains_path, sizeof remains_path, "%s", path);
	return more;
}

static bool
remove_remains(struct span which)
{
	struct search s = { .name = which };
	remains_each(compare_remains, &s);
	return s.alike == 1 && unlink(remains_path) == 0;
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
	struct span name = { (const uint8_t *)which, strlen(which) };
	int fd = session_ctl_find(name);
	if (fd < 0 && verb == ASK_KILL && remove_remains(name))
		return 0;
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

static bool
say_ended(void *owner, const struct answer *a)
{
	size_t *n = owner;
	if (!(about(a).flags & ABOUT_ENDS))
		return true;
	++*n;
	sys_say(STDOUT_FILENO, "ended %.*s\n", ID_SHOWN, a->id);
	return true;
}

int
session_ctl_kill_idle(void)
{
	size_t n = 0;
	crowd.verb = ASK_KILL_IDLE;
	crowd.text = "";
	rundir_each(join_crowd, &crowd);
	hear(say_ended, &n);
	if (!n)
		sys_say(STDOUT_FILENO, "no idle sessions\n");
	return 0;
}
