#include "client/saved_sessions.h"

#include "base/hex.h"
#include "base/text.h"
#include "client/returning.h"
#include "sys/os.h"
#include "sys/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_MAX_LEN = 4096, FILE_MAX = 4096, ID_TEXT = 2 * ID_LEN + 1 };

static bool
directory(char ret_path[PATH_MAX_LEN])
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n = state && state[0] == '/'
	    ? snprintf(ret_path, PATH_MAX_LEN, "%s/belay/sessions", state)
	    : snprintf(ret_path, PATH_MAX_LEN, "%s/.local/state/belay/sessions",
		home ? home : "");
	return n > 0 && n < PATH_MAX_LEN;
}

static bool
path_of(const uint8_t id[ID_LEN], char ret_path[PATH_MAX_LEN])
{
	struct buf name;
	char dir[PATH_MAX_LEN];
	buf_init(&name, ID_TEXT);
	bool ok = directory(dir) && hex_put(&name, (struct span){ id, ID_LEN }) == 0;
	int n = ok ? snprintf(ret_path, PATH_MAX_LEN, "%s/%s", dir, buf_str(&name)) : -1;
	buf_finish(&name);
	return n > 0 && n < PATH_MAX_LEN;
}

/* Whether a client has it: the lock goes with the process. */
static bool
is_open(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return true;
	(void)flock(fd, LOCK_UN);
	return false;
}

/* The second line; NULL: there is none. */
static void
read_place(const char *text, struct saved_session *m)
{
	struct tty_place *tty = &m->place.tty;
	int person = 1, how = SAVED_CUT_OFF;
	if (text)
		(void)sscanf(text + 1, "# %" SCNx64 " %" SCNx64 " %" SCNx64 " %d %d",
		    &tty->device, &tty->leader, &tty->leader_start, &person, &how);
	m->place.person = person != 0;
	m->how = how == SAVED_LEFT || how == SAVED_WINDOW_GONE ? (enum saved_how)how
							       : SAVED_CUT_OFF;
}

/* The third line. */
static void
read_machine(const char *text, struct saved_session *m)
{
	char hex[ID_TEXT] = "", address[TCP_ADDRESS_MAX] = "";
	struct buf id;
	const char *line = strstr(text, "\n@ ");
	if (!line || sscanf(line + 1, "@ %32s %63s", hex, address) < 1)
		return;
	buf_init(&id, ID_LEN);
	if (hex_get(hex, &id) == 0 && id.len == ID_LEN) {
		memcpy(m->machine, buf_bytes(&id), ID_LEN);
		memcpy(m->address, address, sizeof m->address);
	}
	buf_finish(&id);
}

/* The fourth line. */
static void
read_shown(const char *text, struct saved_session *m)
{
	char hex[ID_TEXT] = "";
	uint64_t shown = 0;
	struct buf id;
	const char *line = strstr(text, "\n= ");
	if (!line || sscanf(line + 1, "= %32s %" SCNu64, hex, &shown) < 2)
		return;
	buf_init(&id, ID_LEN);
	if (hex_get(hex, &id) == 0 && id.len == ID_LEN) {
		memcpy(m->client, buf_bytes(&id), ID_LEN);
		m->shown = shown;
	}
	buf_finish(&id);
}

/* The fifth line. */
static void
read_words(const char *text, struct saved_session *m)
{
	char hex[ID_TEXT] = "";
	struct buf id;
	int at = 0;
	const char *line = strstr(text, "\n$ ");
	if (!line || sscanf(line + 1, "$ %32s %n", hex, &at) < 1 || !at)
		return;
	size_t n = strcspn(line + 1 + at, "\n");
	buf_init(&id, ID_LEN);
	if (hex_get(hex, &id) == 0 && id.len == ID_LEN && n < sizeof m->words) {
		memcpy(m->boot, buf_bytes(&id), ID_LEN);
		memcpy(m->words, line + 1 + at, n);
		m->words[n] = 0;
	}
	buf_finish(&id);
}

static bool
read_one(const char *dir, const char *name, struct saved_session *ret_memory)
{
	char path[PATH_MAX_LEN], line[512];
	struct stat st;
	struct buf id, text;
	int n = snprintf(path, sizeof path, "%s/%s", dir, name);
	*ret_memory = (struct saved_session){ 0 };
	buf_init(&id, ID_LEN);
	if (n >= PATH_MAX_LEN || hex_get(name, &id) || id.len != ID_LEN) {
		buf_finish(&id);
		return false;
	}
	memcpy(ret_memory->id, buf_bytes(&id), ID_LEN);
	buf_finish(&id);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	buf_init(&text, FILE_MAX);
	bool ok = fstat(fd, &st) == 0 && sys_read_into(fd, &text, FILE_MAX / 2) > 0
	    && buf_str(&text);
	if (ok)
		snprintf(line, sizeof line, "%.*s", (int)strcspn(buf_str(&text), "\n"),
		    buf_str(&text));
	ok = ok
	    && sscanf(line, "%" SCNx64 " %" SCNd64 " %255s %64s", &ret_memory->key,
		   &ret_memory->begun_ms, ret_memory->host, ret_memory->name)
		>= 3;
	if (ok) {
		read_place(strchr(buf_str(&text), '\n'), ret_memory);
		read_machine(buf_str(&text), ret_memory);
		read_shown(buf_str(&text), ret_memory);
		read_words(buf_str(&text), ret_memory);
	}
	text_printable(ret_memory->host, true); /* it is printed */
	for (char *p = ret_memory->host; *p; p++)
		if (*p == '"' || *p == '\\')
			*p = '?';
	if (!session_name_ok(
		(struct span){ (uint8_t *)ret_memory->name, strlen(ret_memory->name) }))
		ret_memory->name[0] = 0;
	ret_memory->left_s = ok ? (int64_t)st.st_mtime : 0;
	ret_memory->open = is_open(fd);
	buf_finish(&text);
	close(fd);
	return ok;
}

void
saved_sessions_each(bool (*each)(void *owner, const struct saved_session *m), void *owner)
{
	char dir[PATH_MAX_LEN];
	DIR *entries = directory(dir) ? opendir(dir) : NULL;
	const struct dirent *entry;
	struct saved_session m;
	while (entries && (entry = readdir(entries)))
		if (read_one(dir, entry->d_name, &m) && !each(owner, &m))
			break;
	if (entries)
		closedir(entries);
}

struct search {
	uint64_t key;
	const struct saved_place *here;
	const uint8_t *machine; /* NULL: any */
	enum options_return when;
	struct saved_session *best;
	struct saved_others *others;
	bool shared, found;
};

static void
pass_over(struct saved_others *others, const struct saved_session *m)
{
	if (!others->n++ || m->left_s > others->youngest.left_s)
		others->youngest = *m;
}

static bool
compare(void *owner, const struct saved_session *m)
{
	struct search *s = owner;
	if (m->key != s->key || m->open != s->shared)
		return true;
	if (s->machine && memcmp(s->machine, m->machine, ID_LEN) != 0)
		return true;
	if (!s->shared && !returning_may(s->when, m, s->here)) {
		pass_over(s->others, m);
	} else if (!s->found || m->left_s > s->best->left_s) {
		*s->best = *m;
		s->found = true;
	}
	return true;
}

bool
saved_sessions_find(const struct options *o, bool shared, const struct saved_place *here,
    const uint8_t *machine, struct saved_session *ret_memory,
    struct saved_others *ret_others)
{
	struct search s = { .key = options_key(o),
		.here = here,
		.machine = machine,
		.when = (enum options_return)o->returns,
		.best = ret_memory,
		.others = ret_others,
		.shared = shared };
	*ret_others = (struct saved_others){ 0 };
	saved_sessions_each(compare, &s);
	return s.found;
}

static int
machine_line(const struct saved_session *m, char *ret_text, size_t len)
{
	static const uint8_t none[ID_LEN];
	struct buf hex;
	if (memcmp(m->machine, none, ID_LEN) == 0)
		return 0;
	buf_init(&hex, ID_TEXT);
	int n = hex_put(&hex, (struct span){ m->machine, ID_LEN })
	    ? 0
	    : snprintf(ret_text, len, "@ %s %s\n", buf_str(&hex), m->address);
	buf_finish(&hex);
	return n;
}

/* Longer words are left out: then there is nothing to restore by. */
static int
words_line(const struct options *o, char *ret_text, size_t len)
{
	uint8_t boot[ID_LEN];
	struct buf words, hex;
	buf_init(&words, SAVED_WORDS_MAX);
	buf_init(&hex, ID_TEXT);
	os_boot_id(boot);
	options_put(o, &words);
	bool ok = buf_str(&words) && words.len < SAVED_WORDS_MAX
	    && !memchr(buf_bytes(&words), '\n', words.len)
	    && hex_put(&hex, (struct span){ boot, ID_LEN }) == 0;
	int n = ok ? snprintf(ret_text, len, "$ %s %s\n", buf_str(&hex), buf_str(&words))
		   : 0;
	buf_finish(&words);
	buf_finish(&hex);
	return n;
}

/* What stood there counts until the new text does: a full disk makes nothing forgotten. */
static int
write_down(int fd, const struct options *o, const struct saved_session *m,
    long *ret_how_at)
{
	char text[FILE_MAX];
	struct stat st;
	const struct tty_place *tty = &m->place.tty;
	int n = snprintf(text, sizeof text,
	    "%016" PRIx64 " %" PRId64 " %s %s\n# %" PRIx64 " %" PRIx64 " %" PRIx64
	    " %d %d\n",
	    options_key(o), m->begun_ms, o->destination, m->name, tty->device,
	    tty->leader, tty->leader_start, m->place.person, (int)m->how);
	*ret_how_at = n - 2;
	if (n > 0 && n < (int)sizeof text)
		n += machine_line(m, text + n, sizeof text - (size_t)n);
	if (n > 0 && n < (int)sizeof text)
		n += words_line(o, text + n, sizeof text - (size_t)n);
	if (n < 0 || n >= (int)sizeof text) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (pwrite(fd, text, (size_t)n, 0) == n)
		return ftruncate(fd, n);
	return fstat(fd, &st) == 0 && st.st_size ? 0 : -1;
}

/* A file that is locked; `name`: which it gets when it is written, NULL: it has it. */
static int
hold(struct saved_hold *h, int fd, const char *path, const char *name,
    const struct options *o, const struct saved_session *m)
{
	if (write_down(fd, o, m, &h->how_at) || (name && rename(path, name) < 0)) {
		int saved = errno;
		unlink(path);
		close(fd);
		errno = saved;
		return -1;
	}
	h->fd = fd;
	return 0;
}

int
saved_sessions_keep(struct saved_hold *h, const struct options *o,
    const struct saved_session *m)
{
	char path[PATH_MAX_LEN], fresh[PATH_MAX_LEN + sizeof ".new"];
	saved_sessions_leave(h, SAVED_CUT_OFF);
	errno = ENAMETOOLONG;
	if (!path_of(m->id, path))
		return -1;
	sys_make_parents(path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return hold(h, fd, path, NULL, o, m);
	close(fd);
	if (o->share || o->read_only)
		return 0;
	snprintf(fresh, sizeof fresh, "%s.new", path);
	(void)unlink(fresh);
	fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 || flock(fd, LOCK_EX | LOCK_NB) ? -1
						      : hold(h, fd, fresh, path, o, m);
}

void
saved_sessions_shown(const struct saved_hold *h, const uint8_t client[ID_LEN],
    uint64_t offset)
{
	char line[ID_TEXT + 32];
	struct buf hex;
	struct stat st;
	buf_init(&hex, ID_TEXT);
	if (h->fd && fstat(h->fd, &st) == 0
	    && hex_put(&hex, (struct span){ client, ID_LEN }) == 0) {
		int n = snprintf(line, sizeof line, "= %s %" PRIu64 "\n", buf_str(&hex),
		    offset);
		(void)!pwrite(h->fd, line, (size_t)n, st.st_size);
	}
	buf_finish(&hex);
}

void
saved_sessions_leave(struct saved_hold *h, enum saved_how how)
{
	char digit = (char)('0' + how);
	if (!h->fd)
		return;
	if (how != SAVED_CUT_OFF)
		(void)!pwrite(h->fd, &digit, 1, h->how_at);
	(void)futimens(h->fd, NULL); /* it was left now */
	close(h->fd);
	h->fd = 0;
}

void
saved_sessions_forget(struct saved_hold *h, const uint8_t id[ID_LEN])
{
	char path[PATH_MAX_LEN];
	struct stat ours, there;
	bool anothers = h->fd && fstat(h->fd, &ours) == 0 && path_of(id, path)
	    && stat(path, &there) == 0 && ours.st_ino != there.st_ino;
	if (!anothers && path_of(id, path))
		unlink(path);
	saved_sessions_leave(h, SAVED_CUT_OFF);
}

/* ---- by name ---- */

struct named {
	const char *name;
	size_t len;
	uint64_t key; /* 0: of any destination */
	struct saved_session found;
	unsigned n; /* found, of different destinations */
};

static bool
has_name(const struct saved_session *m, const char *name, size_t len)
{
	struct buf id;
	buf_init(&id, ID_TEXT);
	(void)hex_put(&id, (struct span){ m->id, ID_LEN });
	bool is = (strlen(m->name) == len && memcmp(m->name, name, len) == 0)
	    || (len <= id.len && memcmp(buf_bytes(&id), name, len) == 0);
	buf_finish(&id);
	return is;
}

static bool
match(void *owner, const struct saved_session *m)
{
	struct named *s = owner;
	if (!has_name(m, s->name, s->len) || (s->key && s->key != m->key))
		return true;
	if (!s->n || strcmp(s->found.host, m->host) != 0)
		s->n++;
	s->found = *m;
	return true;
}

bool
saved_sessions_host(const char *names, char ret_host[SAVED_HOST_MAX])
{
	ret_host[0] = 0;
	for (bool more = true; more;) {
		struct named s = { .name = names, .len = strcspn(names, ",") };
		saved_sessions_each(match, &s);
		if (s.n != 1 || (ret_host[0] && strcmp(ret_host, s.found.host) != 0))
			return false;
		snprintf(ret_host, SAVED_HOST_MAX, "%s", s.found.host);
		more = names[s.len] != 0;
		names += s.len + more;
	}
	return true;
}

void
saved_sessions_killed(const char *names, const struct options *o)
{
	struct saved_hold none = { 0 };
	for (bool more = true; more;) {
		struct named s = { .name = names,
			.len = strcspn(names, ","),
			.key = options_key(o) };
		saved_sessions_each(match, &s);
		if (s.n)
			saved_sessions_forget(&none, s.found.id);
		more = names[s.len] != 0;
		names += s.len + more;
	}
}

/* ---- the list ---- */

/* One that nobody has seen for as long as hosts keep shells has ended there. */
enum { LISTED_MAX = 1000, GONE_AFTER_S = 30 * 24 * 3600 };

struct listing {
	struct saved_session list[LISTED_MAX];
	size_t n;
};

static bool
list_one(void *owner, const struct saved_session *m)
{
	struct listing *l = owner;
	size_t at = l->n;
	if (!m->open && m->left_s + GONE_AFTER_S < sys_wall_s())
		return true;
	for (; at > 0 && l->list[at - 1].left_s < m->left_s; at--)
		l->list[at] = l->list[at - 1];
	l->list[at] = *m;
	return ++l->n < LISTED_MAX;
}

static void
print_one(const struct saved_session *m, bool json, bool first)
{
	struct buf id;
	char when[64] = "";
	time_t left = (time_t)m->left_s;
	struct tm tm;
	buf_init(&id, ID_TEXT);
	(void)hex_put(&id, (struct span){ m->id, ID_LEN });
	if (localtime_r(&left, &tm))
		(void)strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
	if (json)
		printf(
		    "%s{\"id\": \"%s\", \"host\": \"%s\", \"name\": \"%s\", \"begun\": %" PRId64
		    ", \"seen\": %" PRId64 ", \"open\": %s}",
		    first ? "" : ",\n ", buf_str(&id), m->host, m->name,
		    m->begun_ms / 1000, m->left_s, m->open ? "true" : "false");
	else
		printf("%s%.8s  %-24s %-16s %s  %s\n",
		    first
			? "ID        HOST                     NAME             LAST SEEN"
			  "         HERE\n"
			: "",
		    buf_str(&id), m->host, m->name[0] ? m->name : "-", when,
		    m->open ? "open" : "left");
	buf_finish(&id);
}

int
saved_sessions_list(bool json)
{
	struct listing *l = calloc(1, sizeof *l);
	if (json)
		putchar('[');
	if (l)
		saved_sessions_each(list_one, l);
	for (size_t i = 0; l && i < l->n; i++)
		print_one(&l->list[i], json, i == 0);
	if (json)
		puts("]");
	else if (!l || !l->n)
		puts("no sessions");
	free(l);
	return 0;
}
