#define _GNU_SOURCE 1
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { ENTRIES_MAX = 64 };

static ino_t last_node;

struct machine *
machine_here(void)
{
	return &world.machines[world.current->machine];
}

/* Without links: "." and what stands twice. */
void
whole_path(const char *path, char ret[PATH_LEN])
{
	char joined[2 * PATH_LEN];
	size_t n = 0;
	snprintf(joined, sizeof joined, "%s/%s", path[0] == '/' ? "" : world.current->cwd,
	    path);
	for (char *at = joined, *word; (word = strsep(&at, "/"));) {
		if (!*word || strcmp(word, ".") == 0)
			continue;
		n += (size_t)snprintf(ret + n, PATH_LEN - n, "/%s", word);
		if (n >= PATH_LEN)
			n = PATH_LEN - 1;
	}
	if (!n)
		snprintf(ret, PATH_LEN, "/");
}

struct node *
node_find(struct machine *m, const char *whole)
{
	for (struct node *n = m->nodes; n; n = n->next)
		if (!n->removed && strcmp(n->path, whole) == 0)
			return n;
	return NULL;
}

struct node *
node_look_up(const char *path)
{
	char whole[PATH_LEN];
	whole_path(path, whole);
	struct node *n = node_find(machine_here(), whole);
	if (!n)
		errno = ENOENT;
	return n;
}

static int64_t
wall_s(void)
{
	return WALL_S + (int64_t)(world.now_us / 1000000);
}

struct node *
node_new(struct machine *m, const char *whole, unsigned mode)
{
	struct node *n = calloc(1, sizeof *n);
	snprintf(n->path, sizeof n->path, "%s", whole);
	n->mode = mode;
	n->changed_s = wall_s();
	n->number = ++last_node;
	n->next = m->nodes;
	m->nodes = n;
	return n;
}

/* Its directory is there. */
bool
node_has_place(const char *whole)
{
	char above[PATH_LEN];
	snprintf(above, sizeof above, "%s", whole);
	*strrchr(above, '/') = 0;
	const struct node *n = above[0] ? node_find(machine_here(), above) : NULL;
	if (!above[0] || (n && S_ISDIR(n->mode)))
		return true;
	errno = ENOENT;
	return false;
}

static void
node_remove(struct node *n)
{
	n->removed = true;
	changed();
}

static void
node_put(struct node *n, const void *p, size_t len)
{
	n->data.len = n->data.head = 0;
	bytes_put(&n->data, p, len);
}

void
files_make_directory(int which, const char *path)
{
	(void)node_new(&world.machines[which], path, S_IFDIR | 0700);
}

void
files_put(int which, const char *path, const char *text, unsigned mode)
{
	node_put(node_new(&world.machines[which], path, S_IFREG | mode), text,
	    strlen(text));
}

void
files_remove_sockets(int which)
{
	for (struct node *n = world.machines[which].nodes; n; n = n->next)
		if (S_ISSOCK(n->mode))
			node_remove(n);
}

void
files_clear(int which, const char *below)
{
	size_t len = strlen(below);
	for (struct node *n = world.machines[which].nodes; n; n = n->next)
		if (strncmp(n->path, below, len) == 0 && n->path[len] == '/')
			node_remove(n);
}

void
files_end(int which)
{
	struct machine *m = &world.machines[which];
	while (m->nodes) {
		struct node *n = m->nodes;
		m->nodes = n->next;
		free(n->data.p);
		free(n);
	}
	last_node = 0;
}

static int
fill_stat(const struct node *n, struct stat *ret)
{
	*ret = (struct stat){ .st_mode = n->mode,
		.st_uid = UID,
		.st_ino = n->number,
		.st_dev = (dev_t)world.current->machine + 1,
		.st_nlink = 1,
		.st_size = (off_t)n->data.len };
	ret->st_mtim.tv_sec = n->changed_s;
	return 0;
}

int
sim_lstat(const char *path, struct stat *ret)
{
	static const struct node root = { .mode = S_IFDIR | 0755, .number = 1 };
	static const struct node null = { .mode = S_IFCHR | 0666, .number = 2 };
	if (strcmp(path, "/") == 0)
		return fill_stat(&root, ret);
	if (strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm", 8) != 0)
		return fill_stat(&null, ret);
	const struct node *n = node_look_up(path);
	return n ? fill_stat(n, ret) : -1;
}

int
sim_stat(const char *path, struct stat *ret)
{
	return sim_lstat(path, ret);
}

int
sim_fstatat(int dir, const char *path, struct stat *ret, int flags)
{
	(void)dir, (void)flags;
	return sim_lstat(path, ret);
}

int
sim_fstat(int fd, struct stat *ret)
{
	const struct file *f = file_at(fd);
	if (!f)
		return -1;
	if (f->kind == KIND_OF_FILE || f->kind == KIND_OF_DIRECTORY)
		return fill_stat(f->u.file.node, ret);
	*ret = (struct stat){ .st_mode = S_IFCHR | 0600, .st_uid = UID };
	if (f->kind == KIND_OF_SLAVE)
		ret->st_rdev = (dev_t)f->u.pty->number;
	else if (f->kind == KIND_OF_PIPE_IN || f->kind == KIND_OF_PIPE_OUT)
		ret->st_mode = S_IFIFO | 0600;
	else if (f->kind == KIND_OF_SOCKET || f->kind == KIND_OF_LISTENER)
		ret->st_mode = S_IFSOCK | 0600;
	return 0;
}

int
sim_access(const char *path, int mode)
{
	struct stat st;
	(void)mode;
	return sim_lstat(path, &st);
}

int
sim_mkdir(const char *path, mode_t mode)
{
	char whole[PATH_LEN];
	whole_path(path, whole);
	if (node_find(machine_here(), whole)) {
		errno = EEXIST;
		return -1;
	}
	if (!node_has_place(whole))
		return -1;
	(void)node_new(machine_here(), whole, S_IFDIR | mode);
	return 0;
}

int
sim_unlink(const char *path)
{
	struct node *n = node_look_up(path);
	if (!n)
		return -1;
	node_remove(n);
	return 0;
}

int
sim_rmdir(const char *path)
{
	return sim_unlink(path);
}

int
sim_rename(const char *from, const char *to)
{
	char whole[PATH_LEN];
	struct node *n = node_look_up(from), *before;
	if (!n)
		return -1;
	if (proc_fails(FAIL_RENAME)) {
		errno = EIO;
		return -1;
	}
	whole_path(to, whole);
	if (!node_has_place(whole))
		return -1;
	if ((before = node_find(machine_here(), whole)) && before != n)
		node_remove(before);
	snprintf(n->path, sizeof n->path, "%s", whole);
	return 0;
}

int
sim_symlink(const char *to, const char *path)
{
	(void)to, (void)path;
	errno = EPERM;
	return -1;
}

int
sim_chdir(const char *path)
{
	char whole[PATH_LEN];
	struct stat st;
	if (sim_stat(path, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	whole_path(path, whole);
	snprintf(world.current->cwd, PATH_LEN, "%s", whole);
	return 0;
}

int
sim_fchdir(int fd)
{
	const struct file *f = file_at(fd);
	if (!f || f->kind != KIND_OF_DIRECTORY)
		return -1;
	snprintf(world.current->cwd, PATH_LEN, "%s", f->u.file.node->path);
	return 0;
}

struct directory {
	size_t n, at;
	struct dirent entries[ENTRIES_MAX];
};

DIR *
sim_opendir(const char *path)
{
	struct node *dir = node_look_up(path);
	struct directory *d = dir && S_ISDIR(dir->mode) ? sim_calloc(1, sizeof *d) : NULL;
	size_t len = dir ? strlen(dir->path) : 0;
	if (!d)
		return NULL;
	for (struct node *n = machine_here()->nodes; n && d->n < ENTRIES_MAX;
	     n = n->next) {
		const char *name = n->path + len + 1;
		if (n->removed || strncmp(n->path, dir->path, len) != 0
		    || n->path[len] != '/' || strchr(name, '/'))
			continue;
		struct dirent *e = &d->entries[d->n++];
		e->d_ino = n->number;
		snprintf(e->d_name, sizeof e->d_name, "%s", name);
	}
	return (DIR *)d;
}

struct dirent *
sim_readdir(DIR *dir)
{
	struct directory *d = (struct directory *)dir;
	return d->at < d->n ? &d->entries[d->at++] : NULL;
}

int
sim_closedir(DIR *dir)
{
	sim_free(dir);
	return 0;
}

int
sim_open(const char *path, int flags, ...)
{
	char whole[PATH_LEN];
	unsigned mode = 0600;
	if (strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm", 8) != 0)
		return open_device(path, flags);
	whole_path(path, whole);
	struct node *n = node_find(machine_here(), whole);
	if (n && flags & O_CREAT && flags & O_EXCL) {
		errno = EEXIST;
		return -1;
	}
	if (!n && !(flags & O_CREAT)) {
		errno = ENOENT;
		return -1;
	}
	if (!n && (!node_has_place(whole) || proc_fails(FAIL_WRITE))) {
		errno = errno ? errno : ENOSPC;
		return -1;
	}
	if (!n)
		n = node_new(machine_here(), whole, S_IFREG | mode);
	if (S_ISSOCK(n->mode)) {
		errno = ENXIO;
		return -1;
	}
	if (flags & O_TRUNC)
		node_put(n, "", 0);
	struct file *f = file_new(S_ISDIR(n->mode) ? KIND_OF_DIRECTORY : KIND_OF_FILE);
	f->u.file.node = n;
	f->append = flags & O_APPEND;
	f->nonblock = flags & O_NONBLOCK;
	return install(f, 0, flags & O_CLOEXEC);
}

ssize_t
file_write(struct file *f, const void *p, size_t n, off_t at)
{
	struct bytes *b = &f->u.file.node->data;
	if (proc_fails(FAIL_WRITE)) {
		errno = ENOSPC;
		return -1;
	}
	while (b->len < (size_t)at + n)
		bytes_put(b, "", 1);
	memcpy(b->p + b->head + at, p, n);
	f->u.file.node->changed_s = wall_s();
	return (ssize_t)n;
}

ssize_t
file_read(const struct file *f, void *p, size_t n, off_t at)
{
	const struct bytes *b = &f->u.file.node->data;
	size_t left = (size_t)at < b->len ? b->len - (size_t)at : 0;
	if (n > left)
		n = left;
	if (n)
		memcpy(p, b->p + b->head + at, n);
	return (ssize_t)n;
}

ssize_t
sim_pread(int fd, void *p, size_t n, off_t at)
{
	const struct file *f = file_at(fd);
	return f && f->kind == KIND_OF_FILE ? file_read(f, p, n, at) : -1;
}

ssize_t
sim_pwrite(int fd, const void *p, size_t n, off_t at)
{
	struct file *f = file_at(fd);
	return f && f->kind == KIND_OF_FILE ? file_write(f, p, n, at) : -1;
}

off_t
sim_lseek(int fd, off_t at, int whence)
{
	struct file *f = file_at(fd);
	if (!f || f->kind != KIND_OF_FILE)
		return -1;
	f->u.file.at = at
	    + (whence == SEEK_CUR	 ? f->u.file.at
		    : whence == SEEK_END ? (off_t)f->u.file.node->data.len
					 : 0);
	return f->u.file.at;
}

int
sim_ftruncate(int fd, off_t len)
{
	struct file *f = file_at(fd);
	if (!f || f->kind != KIND_OF_FILE)
		return -1;
	struct bytes *b = &f->u.file.node->data;
	while (b->len < (size_t)len)
		bytes_put(b, "", 1);
	b->len = (size_t)len;
	return 0;
}

int
sim_fsync(int fd)
{
	return file_at(fd) ? 0 : -1;
}

static bool
may_lock(void *arg)
{
	const struct file *f = arg;
	return !f->u.file.node->locker || f->u.file.node->locker == f;
}

/* Shared locks are as exclusive ones. */
int
sim_flock(int fd, int how)
{
	struct file *f = file_at(fd);
	if (!f || f->kind != KIND_OF_FILE)
		return -1;
	if (how & LOCK_UN) {
		if (f->u.file.node->locker == f)
			f->u.file.node->locker = NULL;
		changed();
		return 0;
	}
	if (!may_lock(f) && how & LOCK_NB) {
		errno = EWOULDBLOCK;
		return -1;
	}
	if (!may_lock(f) && proc_wait(may_lock, f, 0) < 0)
		return -1;
	f->u.file.node->locker = f;
	return 0;
}

int
sim_futimens(int fd, const struct timespec times[2])
{
	(void)times;
	return file_at(fd) ? 0 : -1;
}

int
sim_utimensat(int dir, const char *path, const struct timespec times[2], int flags)
{
	(void)dir, (void)path, (void)times, (void)flags;
	return 0;
}
