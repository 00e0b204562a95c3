#include "server/remains.h"

#include "base/hex.h"
#include "server/machine.h"
#include "server/rundir.h"
#include "server/session_info.h"
#include "sys/child.h"
#include "sys/os.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY_S = 24 * 3600, ROWS_MAX = 100 * 1000 };

static const char unfinished[] = ".new";

static bool
fits(int n)
{
	return n > 0 && n < REMAINS_PATH_MAX - (int)sizeof unfinished;
}

/* The directory of this machine; `make`: it is made.  False: there is none that is ours. */
static bool
directory(bool make, char ret_dir[REMAINS_PATH_MAX])
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	bool own = state && state[0] == '/';
	struct buf machine;
	buf_init(&machine, 2 * ID_LEN + 1);
	bool known = machine_name(&machine) && (own || home);
	int n = !known
	    ? 0
	    : snprintf(ret_dir, REMAINS_PATH_MAX, "%s%s/belay/remains/%s/",
		own ? state : home, own ? "" : "/.local/state", buf_str(&machine));
	buf_finish(&machine);
	if (!fits(n) || ret_dir[0] != '/')
		return false;
	if (make)
		sys_make_parents(ret_dir);
	char *slash = ret_dir + n - 1 - 2 * ID_LEN - 1;
	ret_dir[n - 1] = *slash = 0;
	bool ours = sock_is_private(ret_dir);
	*slash = '/';
	return ours && sock_is_private(ret_dir);
}

static bool
path_of(const uint8_t id[ID_LEN], char ret_path[REMAINS_PATH_MAX])
{
	struct buf path;
	buf_init(&path, REMAINS_PATH_MAX - sizeof unfinished);
	buf_print(&path, "%s/", ret_path);
	bool ok = hex_put(&path, (struct span){ id, ID_LEN }) == 0 && buf_str(&path);
	if (ok)
		memcpy(ret_path, buf_bytes(&path), path.len + 1);
	buf_finish(&path);
	return ok;
}

/* ---- reading ---- */

/* What it says; other versions, which begin otherwise, say nothing. */
static bool
parse(const struct buf *bytes, struct msg_info *ret_info)
{
	struct frame f;
	union msg m;
	if (frame_parse(buf_span(bytes), &f) <= 0 || f.type != MSG_INFO
	    || msg_get(&f, &m))
		return false;
	*ret_info = m.info;
	return session_name_ok(m.info.name) || !m.info.name.n;
}

/* Up to `max` bytes of a file; nobody else can put one there.  What is none has no bytes, or ends. */
static bool
load(const char *path, size_t max, struct buf *ret_bytes, struct msg_info *ret_info)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (ret_bytes->len < max
	    && sys_read_into(fd, ret_bytes, max - ret_bytes->len) > 0)
		;
	close(fd);
	return parse(ret_bytes, ret_info);
}

static bool
is_dead(const struct msg_info *m)
{
	int fd = rundir_connect(m->session);
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

static bool
is_old(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && st.st_mtime + REMAINS_DAYS * DAY_S < sys_wall_s();
}

void
remains_each(bool (*each)(void *owner, const char *path, const struct msg_info *m),
    void *owner)
{
	char path[REMAINS_PATH_MAX];
	if (!directory(false, path))
		return;
	DIR *entries = opendir(path);
	const struct dirent *entry;
	size_t n = strlen(path);
	bool more = true;
	while (entries && more && (entry = readdir(entries))) {
		struct msg_info m;
		struct buf bytes;
		if (!fits((int)n
			+ snprintf(path + n, REMAINS_PATH_MAX - n, "/%s", entry->d_name)))
			continue;
		buf_init(&bytes, FRAME_MAX);
		bool whole = strlen(entry->d_name) == 2 * ID_LEN
		    && load(path, FRAME_MAX, &bytes, &m);
		bool dead = !whole || is_dead(&m);
		if (dead && is_old(path))
			(void)unlink(path); /* also what was never finished */
		else if (dead && whole)
			more = each(owner, path, &m);
		buf_finish(&bytes);
	}
	if (entries)
		closedir(entries);
}

struct search {
	struct remains *r;
	struct span name;
};

static bool
is_named(void *owner, const char *path, const struct msg_info *m)
{
	struct search *s = owner;
	if (m->name.n != s->name.n || memcmp(m->name.p, s->name.p, m->name.n) != 0)
		return true;
	snprintf(s->r->from, sizeof s->r->from, "%s", path);
	return false;
}

void
remains_begin(struct remains *r, const struct msg_hello *hello)
{
	struct search s = { r, hello->name };
	union msg m;
	if (hello->kind != KIND_PTY || hello->command.n || !directory(true, r->path)
	    || !path_of(hello->session, r->path)) {
		r->path[0] = 0;
		return;
	}
	if (hello->flags & HELLO_READ_ONLY)
		return;
	memcpy(r->from, r->path, sizeof r->from);
	buf_init(&r->bytes, FRAME_MAX + REMAINS_KEEP_KIB * (size_t)1024);
	bool found = load(r->from, r->bytes.max, &r->bytes, &r->was);
	if (!found && hello->name.n) {
		r->from[0] = 0;
		remains_each(is_named, &s);
		buf_drop(&r->bytes, r->bytes.len);
		found = r->from[0] && load(r->from, r->bytes.max, &r->bytes, &r->was);
	}
	if (found && msg_find(r->was.more, MSG_REMAINS, &m)
	    && m.remains.directory.n < sizeof r->directory) {
		r->left = m.remains;
		memcpy(r->directory, m.remains.directory.p, m.remains.directory.n);
	} else {
		r->from[0] = 0;
	}
}

bool
remains_any(const struct remains *r)
{
	return r->from[0];
}

bool
remains_show(const struct remains *r, struct term *t)
{
	struct frame f;
	long head = remains_any(r) ? frame_parse(buf_span(&r->bytes), &f) : 0;
	if (head <= 0 || !t || r->bytes.len == (size_t)head)
		return false;
	(void)term_write(t, buf_bytes(&r->bytes) + head, r->bytes.len - (size_t)head);
	struct buf end;
	buf_init(&end, FRAME_MAX);
	(void)term_undo(t, &end);
	buf_print(&end, "\033[m\033[%d;1H", term_rows(t));
	for (int i = 0; i < term_rows(t); i++)
		buf_putc(&end, '\n');
	buf_print(&end, "\033[H");
	(void)term_write(t, buf_bytes(&end), end.len);
	buf_finish(&end);
	return true;
}

int
remains_tell(const struct remains *r, struct buf *out)
{
	struct buf at;
	struct msg_remains m = r->left;
	if (!remains_any(r))
		return 0;
	buf_init(&at, REMAINS_DIRECTORY_MAX);
	m.there = access(r->directory, X_OK) == 0;
	m.at_s = (uint64_t)(sys_wall_s() - (int64_t)(sys_boot_us() / 1000000));
	if (session_info_at_home(&m.directory))
		buf_putc(&at, '~');
	(void)buf_put(&at, m.directory.p, m.directory.n);
	m.directory = buf_span(&at);
	int err = msg_put(out, MSG_REMAINS, &m);
	buf_finish(&at);
	return err;
}

/* ---- when ---- */

bool
remains_due(struct remains *r, bool lives, uint64_t moved, bool here, uint64_t now_us,
    uint64_t *at)
{
	uint64_t soon_us = now_us + REMAINS_SETTLE_US;
	if (!r->path[0] || !lives)
		return false;
	if (r->written_us && r->written_us + REMAINS_EVERY_US > soon_us)
		soon_us = r->written_us + REMAINS_EVERY_US;
	if (moved != r->moved && !r->due_us)
		r->due_us = soon_us;
	if (r->here && !here)
		r->due_us = now_us + REMAINS_GONE_US;
	r->moved = moved;
	r->here = here;
	if (r->child)
		return false; /* when that has ended */
	if (r->due_us && now_us >= r->due_us)
		return true;
	loop_sooner(at, r->due_us);
	return false;
}

bool
remains_fork(struct remains *r, uint64_t now_us)
{
	pid_t pid = child_fork(NULL, -1);
	r->due_us = 0;
	r->written_us = now_us;
	r->child = pid > 0 ? pid : 0; /* without one it is for the next time */
	return pid == 0;
}

void
remains_reap(struct remains *r, pid_t pid)
{
	if (r->child == pid)
		r->child = 0;
}

/* ---- writing, in the child ---- */

static bool
count(void *owner, const char *path, const struct msg_info *m)
{
	size_t *n = owner;
	(void)path;
	(void)m;
	return ++*n < REMAINS_MAX;
}

/* Asked for a session of which nothing is there yet. */
static bool
is_full(const struct remains *r)
{
	size_t n = 0;
	if (access(r->path, F_OK) < 0)
		remains_each(count, &n);
	return n >= REMAINS_MAX;
}

_Noreturn void
remains_write(const struct remains *r, struct span info, const struct term *t)
{
	char path[REMAINS_PATH_MAX + sizeof unfinished];
	struct term_limits limits = { .rows_max = ROWS_MAX,
		.bytes_max = r->keep_max / 2 };
	struct buf out;
	buf_init(&out, info.n + r->keep_max);
	int err = buf_put(&out, info.p, info.n);
	if (r->keep_max && t && term_snapshot(t, &limits, &out))
		out.len = info.n; /* it does not fit */
	snprintf(path, sizeof path, "%s%s", r->path, unfinished);
	(void)unlink(path);
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = err || is_full(r) ? -1 : open(path, flags, 0600);
	if (fd < 0)
		_exit(1);
	err = sys_write_all(fd, buf_bytes(&out), out.len) || fsync(fd) < 0;
	if (err || rename(path, r->path) < 0)
		(void)unlink(path);
	else if (r->from[0] && strcmp(r->from, r->path) != 0)
		(void)unlink(r->from);
	_exit(0);
}

/* The unfinished one goes first: then nothing can come to stand in the other's place. */
static void
remove_all(const struct remains *r)
{
	char path[REMAINS_PATH_MAX + sizeof unfinished];
	snprintf(path, sizeof path, "%s%s", r->path, unfinished);
	(void)unlink(path);
	(void)unlink(r->path);
	if (r->from[0])
		(void)unlink(r->from);
}

void
remains_forget(struct remains *r)
{
	if (!r->path[0])
		return;
	if (r->child)
		(void)kill(r->child, SIGKILL);
	pid_t pid = child_fork(NULL, -1);
	if (pid <= 0)
		remove_all(r);
	if (pid == 0)
		_exit(0);
	r->path[0] = 0;
}

void
remains_finish(struct remains *r)
{
	buf_finish(&r->bytes);
}
