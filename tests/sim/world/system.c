#define _GNU_SOURCE 1
#include "kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FDS_LIMIT = FDS_MAX,
	LINE_LEN = 4096,
	TRACE = FDS_MAX,
};

const clockid_t os_awake_clock = CLOCK_MONOTONIC, os_boot_clock = CLOCK_BOOTTIME;

int
sim_clock_gettime(clockid_t clock, struct timespec *ret)
{
	/* Who asks the time again and again is not to stand still in it. */
	uint64_t us = world.now_us++;
	*ret = (struct timespec){ .tv_sec = (time_t)(us / 1000000),
		.tv_nsec = (long)(us % 1000000) * 1000 };
	if (clock == CLOCK_REALTIME)
		ret->tv_sec += WALL_S;
	return 0;
}

time_t
sim_time(time_t *ret)
{
	time_t now = (time_t)(WALL_S + world.now_us / 1000000);
	if (ret)
		*ret = now;
	return now;
}

/* ---- the environment ---- */

static char **
variable(const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < ENV_MAX; i++) {
		char *v = world.current->env[i];
		if (v && strncmp(v, name, len) == 0 && v[len] == '=')
			return &world.current->env[i];
	}
	return NULL;
}

char *
sim_getenv(const char *name)
{
	char **v = variable(name);
	return v ? *v + strlen(name) + 1 : NULL;
}

int
sim_unsetenv(const char *name)
{
	char **v = variable(name);
	if (v) {
		free(*v);
		*v = NULL;
	}
	return 0;
}

int
sim_setenv(const char *name, const char *value, int over)
{
	char *whole;
	if (variable(name) && !over)
		return 0;
	if (asprintf(&whole, "%s=%s", name, value) < 0)
		return -1;
	(void)sim_unsetenv(name);
	for (size_t i = 0; i < ENV_MAX; i++)
		if (!world.current->env[i]) {
			world.current->env[i] = whole;
			return 0;
		}
	world_fail("the environment of %s is full", world.current->exe);
	free(whole);
	return -1;
}

int
sim_putenv(char *assignment)
{
	char name[128];
	const char *equals = strchr(assignment, '=');
	if (!equals)
		return sim_unsetenv(assignment);
	snprintf(name, sizeof name, "%.*s", (int)(equals - assignment), assignment);
	return sim_setenv(name, equals + 1, 1);
}

/* ---- who we are ---- */

pid_t
sim_getpid(void)
{
	return world.current->pid;
}

pid_t
sim_getppid(void)
{
	return world.current->parent;
}

pid_t
sim_getpgrp(void)
{
	return world.current->group;
}

pid_t
sim_getsid(pid_t pid)
{
	const struct proc *p = pid ? proc_of(pid) : world.current;
	return p ? p->session : -1;
}

pid_t
sim_setsid(void)
{
	struct proc *p = world.current;
	if (p->group == p->pid) {
		errno = EPERM;
		return -1;
	}
	p->terminal = NULL;
	return p->group = p->session = p->pid;
}

uid_t
sim_getuid(void)
{
	return UID;
}

uid_t
sim_geteuid(void)
{
	return UID;
}

struct passwd *
sim_getpwuid(uid_t uid)
{
	(void)uid;
	return NULL;
}

mode_t
sim_umask(mode_t mask)
{
	(void)mask;
	return 022;
}

int
sim_getrlimit(int what, struct rlimit *ret)
{
	(void)what;
	*ret = (struct rlimit){ FDS_LIMIT, FDS_LIMIT };
	return 0;
}

int
sim_uname(struct utsname *ret)
{
	memset(ret, 0, sizeof *ret);
	snprintf(ret->nodename, sizeof ret->nodename, "m%d", world.current->machine);
	return 0;
}

/* ---- addresses ---- */

struct one_address {
	struct ifaddrs head;
	struct sockaddr_in address;
};

int
sim_getifaddrs(struct ifaddrs **ret)
{
	static char name[] = "net0";
	uint32_t address = world.machines[world.current->machine].address;
	struct one_address *a = address ? sim_calloc(1, sizeof *a) : NULL;
	*ret = NULL;
	if (address && !a)
		return -1;
	if (!a)
		return 0;
	a->address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(address) };
	a->head = (struct ifaddrs){ .ifa_name = name,
		.ifa_flags = IFF_UP | IFF_RUNNING,
		.ifa_addr = (struct sockaddr *)&a->address };
	*ret = &a->head;
	return 0;
}

void
sim_freeifaddrs(struct ifaddrs *all)
{
	sim_free(all);
}

/* ---- stdio ---- */

FILE *sim_stdout = (FILE *)(uintptr_t)STDOUT_FILENO;
FILE *sim_stderr = (FILE *)(uintptr_t)STDERR_FILENO;

static int
put(int fd, const char *text, size_t n)
{
	if (fd == TRACE)
		return (int)fwrite(text, 1, n, stderr);
	return sim_write(fd, text, n) < 0 ? -1 : (int)n;
}

static int
number_of(FILE *f)
{
	return (int)(uintptr_t)f;
}

int
sim_fputs(const char *s, FILE *f)
{
	return put(number_of(f), s, strlen(s));
}

int
sim_puts(const char *s)
{
	return sim_printf("%s\n", s);
}

int
sim_putc(int c, FILE *f)
{
	char byte = (char)c;
	return put(number_of(f), &byte, 1);
}

size_t
sim_fwrite(const void *p, size_t size, size_t n, FILE *f)
{
	return put(number_of(f), p, size * n) < 0 ? 0 : n;
}

int
sim_fflush(FILE *f)
{
	(void)f;
	return 0;
}

void
sim_perror(const char *what)
{
	(void)sim_dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
}

/* A trace, which goes to the person who watches the world. */
FILE *
sim_fopen(const char *path, const char *mode)
{
	(void)path, (void)mode;
	return (FILE *)(uintptr_t)TRACE;
}

int
sim_fclose(FILE *f)
{
	(void)f;
	return 0;
}

int
sim_setvbuf(FILE *f, char *buf, int mode, size_t n)
{
	(void)f, (void)buf, (void)mode, (void)n;
	return 0;
}

static int
print(int fd, const char *fmt, va_list ap)
{
	char text[LINE_LEN];
	int n = vsnprintf(text, sizeof text, fmt, ap);
	return put(fd, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

#define PRINTS(fd) \
	do { \
		va_list ap; \
		va_start(ap, fmt); \
		int n = print(fd, fmt, ap); \
		va_end(ap); \
		return n; \
	} while (0)

int
sim___printf_chk(int flag, const char *fmt, ...)
{
	(void)flag;
	PRINTS(STDOUT_FILENO);
}

int
sim___fprintf_chk(FILE *f, int flag, const char *fmt, ...)
{
	(void)flag;
	PRINTS(number_of(f));
}

int
sim___dprintf_chk(int fd, int flag, const char *fmt, ...)
{
	(void)flag;
	PRINTS(fd);
}

int
sim_printf(const char *fmt, ...)
{
	PRINTS(STDOUT_FILENO);
}

int
sim_fprintf(FILE *f, const char *fmt, ...)
{
	PRINTS(number_of(f));
}

int
sim_dprintf(int fd, const char *fmt, ...)
{
	PRINTS(fd);
}

/* ---- sys/os.h ---- */

int
os_random(void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)bytes)[i] = (uint8_t)world_random(256);
	return 0;
}

int
os_program_path(char *ret_path, size_t len)
{
	snprintf(ret_path, len, "%s", world.current->exe);
	return 0;
}

void
os_boot_id(uint8_t ret_id[16])
{
	memcpy(ret_id, world.machines[world.current->machine].boot, 16);
}

void
os_machine_id(uint8_t ret_id[16])
{
	memcpy(ret_id, world.machines[world.current->machine].id, 16);
}

ssize_t
os_pipe_lend(int fd, struct span bytes)
{
	(void)fd, (void)bytes;
	errno = EINVAL;
	return -1;
}

void
os_pipe_grow(int fd)
{
	(void)fd;
}

void
os_batch(bool on)
{
	(void)on;
}

void
os_hide(void)
{
}

bool
os_renounce(void)
{
	return true;
}

void
os_process_name(pid_t pid, char *ret_name, size_t len)
{
	const struct proc *p = proc_of(pid);
	snprintf(ret_name, len, "%s", p ? p->program->name : "");
}

void
os_process_words(pid_t pid, char *ret_words, size_t len)
{
	os_process_name(pid, ret_words, len);
}

void
os_process_directory(pid_t pid, char *ret_path, size_t len)
{
	const struct proc *p = proc_of(pid);
	snprintf(ret_path, len, "%s", p ? p->cwd : "");
}

bool
os_session_alone(pid_t leader)
{
	(void)leader;
	return true;
}

uint64_t
os_process_start(pid_t pid)
{
	return proc_of(pid) ? (uint64_t)pid : 0;
}

void
os_each_process(const char *word,
    void (*each)(void *owner, pid_t pid, const char *argument), void *owner)
{
	for (size_t i = 0; i < PROCS_MAX; i++) {
		const struct proc *p = &world.procs[i];
		if (p->state != FREE && p->state != ENDED
		    && p->machine == world.current->machine && p->argc > 2
		    && strcmp(p->argv[1], word) == 0)
			each(owner, p->pid, p->argv[2]);
	}
}

int
os_user_shell(char *ret_path, size_t len)
{
	snprintf(ret_path, len, "/bin/sh");
	return 0;
}

int
os_peer_uid(int fd, uid_t *ret_uid)
{
	(void)fd;
	*ret_uid = UID;
	return 0;
}

/* Of TCP, which belay has none of here. */

int
os_arrivals_open(int connection)
{
	(void)connection;
	return -1;
}

void
os_arrivals_acknowledge(int arrivals, int connection)
{
	(void)arrivals, (void)connection;
}

void
os_tcp_probe(int fd, struct os_tcp_probed *ret_before)
{
	(void)fd, (void)ret_before;
}

void
os_tcp_probe_no_more(int fd, const struct os_tcp_probed *before)
{
	(void)fd, (void)before;
}

int
os_wake_open(void)
{
	return -1;
}

void
os_wake_read(int fd)
{
	(void)fd;
}

/* ---- what is not played here: who calls it ends the world ---- */

#define NOT_PLAYED(name) \
	long sim_##name(void); \
	long sim_##name(void) \
	{ \
		world_fail(#name " is not played in the world"); \
		errno = ENOSYS; \
		return -1; \
	}

NOT_PLAYED(daemon)
NOT_PLAYED(syslog)
NOT_PLAYED(openlog)
NOT_PLAYED(freeaddrinfo)
NOT_PLAYED(getaddrinfo)
NOT_PLAYED(getnameinfo)
NOT_PLAYED(getpeername)
NOT_PLAYED(mkdtemp)
NOT_PLAYED(system)
NOT_PLAYED(sendto)
NOT_PLAYED(localtime)
