/*
 * Fails the Nth call of one function, in the programs of one name and their children:
 *
 *     LD_PRELOAD=fault.so FAULT_STATE=FILE belay host true
 *
 * FILE is a `struct state`, written by test_faults.py, with no call to fail if it only wants
 * to count.  It is mapped and so shared: N counts the calls of all these processes, and one
 * of them is failed, once.  Or all memory is refused from now on until FILE says otherwise.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* test_faults.py has the same order. */
enum call {
	MALLOC,
	CALLOC,
	REALLOC,
	MMAP, /* of memory */
	FORK,
	OPEN,
	WRITE,
	WRITEV,
	RENAME,
	MKSTEMP,
	SOCKET,
	SOCKETPAIR,
	ACCEPT,
	PIPE,
	CALLS,
	NO_MEMORY = CALLS, /* each of those up to MMAP fails */
};

static const int errors[CALLS] = {
	[MALLOC] = ENOMEM,
	[CALLOC] = ENOMEM,
	[REALLOC] = ENOMEM,
	[MMAP] = ENOMEM,
	[FORK] = EAGAIN,
	[OPEN] = EMFILE,
	[WRITE] = ENOSPC,
	[WRITEV] = ENOSPC,
	[RENAME] = ENOSPC,
	[MKSTEMP] = ENOSPC,
	[SOCKET] = EMFILE,
	[SOCKETPAIR] = EMFILE,
	[ACCEPT] = EMFILE,
	[PIPE] = EMFILE,
};

struct state {
	char program[16]; /* what the program's file begins with */
	int64_t call; /* an enum call; NO_MEMORY; negative: none */
	int64_t nth; /* from 1 */
	int64_t failed; /* by this process; 0: not yet */
	int64_t fd; /* those that write: which descriptor; 1: also any terminal */
	int64_t counts[CALLS];
};

static struct state *state; /* NULL: not one of these programs */

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("FAULT_STATE");
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	int fd = path && n > 0 ? (int)open64(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	exe[n] = 0;
	struct state *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	close(fd);
	if (s == MAP_FAILED)
		return;
	const char *name = strrchr(exe, '/') + 1;
	if (strncmp(name, s->program, strlen(s->program)) == 0)
		state = s;
	else
		munmap(s, sizeof *s);
}

/* Counts a call; whether it is the one to fail, with errno set then. */
static bool
fails(enum call call)
{
	if (!state)
		return false;
	int64_t nth = __atomic_add_fetch(&state->counts[call], 1, __ATOMIC_SEQ_CST);
	bool lasts = state->call == NO_MEMORY && call <= MMAP;
	if (!lasts && (state->call != call || state->nth != nth))
		return false;
	state->failed = getpid();
	errno = errors[call];
	return true;
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

/* dlsym allocates: the allocator's own names are used instead. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

void *
malloc(size_t size)
{
	return fails(MALLOC) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return fails(CALLOC) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *old, size_t size)
{
	return fails(REALLOC) ? NULL : __libc_realloc(old, size);
}

void *
mmap(void *at, size_t size, int access, int flags, int fd, off_t off)
{
	return flags & MAP_ANONYMOUS && fails(MMAP)
	    ? MAP_FAILED
	    : REAL(void *, "mmap", void *, size_t, int, int, int, off_t)(at, size, access,
		flags, fd, off);
}

pid_t
fork(void)
{
	return fails(FORK) ? -1 : REAL(pid_t, "fork", void)();
}

static int
open_as(const char *name, const char *path, int flags, mode_t mode)
{
	return fails(OPEN) ? -1
			   : REAL(int, name, const char *, int, ...)(path, flags, mode);
}

#define OPEN_LIKE(name) \
	int name(const char *path, int flags, ...) \
	{ \
		va_list ap; \
		va_start(ap, flags); \
		mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0; \
		va_end(ap); \
		return open_as(#name, path, flags, mode); \
	}
OPEN_LIKE(open)
OPEN_LIKE(open64)

int
openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return fails(OPEN)
	    ? -1
	    : REAL(int, "openat", int, const char *, int, ...)(dir, path, flags, mode);
}

/* A connection on which nothing can be sent is broken altogether. */
static bool
write_fails(enum call call, int fd)
{
	if (!fails(call))
		return false;
	state->fd = isatty(fd) ? STDOUT_FILENO : fd;
	if (shutdown(fd, SHUT_RDWR) == 0)
		errno = EPIPE;
	else
		errno = errors[call];
	return true;
}

/* What does not fail while the other end lives, which here it does: pipes, of a signal
 * handler and of a program, and what is typed into a pseudo-terminal.  (ssh may end.) */
static bool
cannot_fail(int fd)
{
	struct stat st;
	unsigned number;
	return (fd != STDOUT_FILENO && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
	    || ioctl(fd, TIOCGPTN, &number) == 0;
}

ssize_t
write(int fd, const void *bytes, size_t n)
{
	return !cannot_fail(fd) && write_fails(WRITE, fd)
	    ? -1
	    : REAL(ssize_t, "write", int, const void *, size_t)(fd, bytes, n);
}

ssize_t
writev(int fd, const struct iovec *parts, int n)
{
	return write_fails(WRITEV, fd)
	    ? -1
	    : REAL(ssize_t, "writev", int, const struct iovec *, int)(fd, parts, n);
}

int
rename(const char *from, const char *to)
{
	return fails(RENAME) ? -1
			     : REAL(int, "rename", const char *, const char *)(from, to);
}

int
mkstemp(char *path)
{
	return fails(MKSTEMP) ? -1 : REAL(int, "mkstemp", char *)(path);
}

int
socket(int family, int type, int protocol)
{
	return fails(SOCKET) ? -1
			     : REAL(int, "socket", int, int, int)(family, type, protocol);
}

int
socketpair(int family, int type, int protocol, int fds[2])
{
	return fails(SOCKETPAIR)
	    ? -1
	    : REAL(int, "socketpair", int, int, int, int *)(family, type, protocol, fds);
}

int
accept(int fd, struct sockaddr *address, socklen_t *len)
{
	return fails(ACCEPT)
	    ? -1
	    : REAL(int, "accept", int, struct sockaddr *, socklen_t *)(fd, address, len);
}

int
pipe(int fds[2])
{
	return fails(PIPE) ? -1 : REAL(int, "pipe", int *)(fds);
}

int
pipe2(int fds[2], int flags)
{
	return fails(PIPE) ? -1 : REAL(int, "pipe2", int *, int)(fds, flags);
}
