#include "server/manage.h"

#include "base/hex.h"
#include "server/rundir.h"
#include "sys/sys.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ANSWER_MS = 2000, /* a session that does not answer is passed over */
	READ_MAX = 4096,
	ID_SHOWN = 8, /* digits of the id in the table */
	ID_TEXT = 2 * ID_LEN + 1,
	SESSIONS_MAX = 1024, /* shown */
	PRINTED_MAX = 8 * FRAME_MAX, /* of one session */
};

/* An answer; the spans point into `bytes`. */
struct answer {
	struct buf bytes;
	struct msg_info info;
	char id[ID_TEXT];
};

static void
answer_finish(struct answer *a)
{
	buf_finish(&a->bytes);
}

/* Waits for the INFO; false: the session does not answer. */
static bool
read_answer(int fd, struct answer *ret_answer)
{
	struct frame f;
	union msg m;
	struct buf id;
	long len;
	buf_init(&ret_answer->bytes, FRAME_MAX);
	while ((len = frame_parse(buf_span(&ret_answer->bytes), &f)) == 0)
		if (!sys_wait(fd, POLLIN, ANSWER_MS)
		    || sys_read_into(fd, &ret_answer->bytes, READ_MAX) < 0)
			break;
	if (len <= 0 || f.type != MSG_INFO || msg_get(&f, &m)) {
		answer_finish(ret_answer);
		return false;
	}
	ret_answer->info = m.info;
	buf_init(&id, ID_TEXT);
	(void)hex_put(&id, (struct span){ m.info.session, ID_LEN });
	snprintf(ret_answer->id, ID_TEXT, "%s", buf_str(&id) ? buf_str(&id) : "");
	buf_finish(&id);
	return true;
}

static bool
ask(int fd, enum ask_verb verb, const char *text, struct answer *ret_answer)
{
	struct buf out;
	struct msg_ask m = { .verb = (uint8_t)verb,
		.text = { (const uint8_t *)text, strlen(text) } };
	buf_init(&out, FRAME_MAX);
	bool sent = msg_put(&out, MSG_ASK, &m) == 0
	    && sys_write_all(fd, buf_bytes(&out), out.len) == 0;
	buf_finish(&out);
	return sent && read_answer(fd, ret_answer);
}

/* ---- finding one ---- */

struct search {
	struct span name;
	int found; /* -1 */
	bool exact; /* by its name or whole id */
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
compare(void *owner, int fd)
{
	struct search *s = owner;
	struct answer a;
	if (!ask(fd, ASK_INFO, "", &a)) {
		close(fd);
		return true;
	}
	size_t n = s->name.n;
	bool named = a.info.name.n == n && memcmp(a.info.name.p, s->name.p, n) == 0;
	bool begins = n && n <= strlen(a.id) && memcmp(a.id, s->name.p, n) == 0;
	if ((named || begins) && !s->exact) {
		memcpy(s->id, a.info.session, ID_LEN);
		s->exact = named || n == strlen(a.id);
		s->alike = s->exact ? 1 : s->alike + 1;
	}
	answer_finish(&a);
	close(fd);
	return !s->exact;
}

int
manage_find(struct span name)
{
	struct search s = { .name = name, .found = -1 };
	rundir_each(compare, &s);
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
list_one(void *owner, int fd)
{
	struct listing *l = owner;
	struct answer a;
	if (ask(fd, ASK_INFO, "", &a)) {
		if (!(a.info.kind == KIND_SELF && is_own(&a))) {
			if (l->json)
				print_json(&l->out, &a, l->n == 0);
			else
				print_row(&l->out, &a, l->n == 0);
			l->n++;
			print_out(&l->out);
		}
		answer_finish(&a);
	}
	close(fd);
	return l->n < SESSIONS_MAX;
}

int
manage_list(bool json)
{
	struct listing l = { .json = json };
	buf_init(&l.out, PRINTED_MAX);
	if (json)
		sys_say(STDOUT_FILENO, "[");
	rundir_each(list_one, &l);
	if (json)
		sys_say(STDOUT_FILENO, "]\n");
	else if (!l.n)
		sys_say(STDOUT_FILENO, "no sessions\n");
	buf_finish(&l.out);
	return 0;
}

/* ---- doing something ---- */

int
manage_do(enum ask_verb verb, const char *which, const char *text)
{
	struct answer a;
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
	int fd = manage_find((struct span){ (const uint8_t *)which, strlen(which) });
	if (fd < 0) {
		sys_say(STDERR_FILENO,
		    "belay-server: %s: no session of that name, or more than one\n",
		    which);
		return 1;
	}
	bool done = ask(fd, verb, text, &a);
	if (done)
		answer_finish(&a);
	else
		sys_say(STDERR_FILENO, "belay-server: %s: the session does not answer\n",
		    which);
	close(fd);
	return done ? 0 : 1;
}
