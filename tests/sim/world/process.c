#include "kernel.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { STACK = 256 * 1024, ARGS_MAX = 64 };

struct world world;
static struct program *programs;
static size_t n_programs;
static struct stack *stacks; /* that nobody has */

struct stack {
	char *bytes;
	unsigned users;
	struct proc *live; /* whose it is now */
	struct memory
	    *left; /* of those who have ended, whose forked children may look at it */
	struct stack *next;
};

struct event {
	uint64_t at_us;
	void (*happens)(void *arg);
	void *arg;
	struct event *next;
};

void
world_fail(const char *fmt, ...)
{
	va_list ap;
	if (world.failed)
		return;
	va_start(ap, fmt);
	vsnprintf(world.failed_text, sizeof world.failed_text, fmt, ap);
	va_end(ap);
	world.failed = world.failed_text;
}

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
uint64_t
world_random(uint64_t below)
{
	uint64_t z = world.random += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return below ? z % below : z;
}

bool
world_chance(unsigned percent)
{
	return world_random(100) < percent;
}

void
changed(void)
{
	world.changes++;
}

void
world_at(uint64_t at_us, void (*happens)(void *arg), void *arg)
{
	struct event *e = malloc(sizeof *e), **at = &world.events;
	*e = (struct event){ at_us, happens, arg, NULL };
	while (*at && (*at)->at_us <= at_us)
		at = &(*at)->next;
	e->next = *at;
	*at = e;
}

/* ---- memory ---- */

struct memory {
	struct memory *next, *before;
	struct proc *owner;
	size_t n;
};

void *
sim_malloc(size_t n)
{
	struct proc *p = world.current;
	if (proc_fails(FAIL_MEMORY)) {
		errno = ENOMEM;
		return NULL;
	}
	struct memory *m = malloc(sizeof *m + n);
	*m = (struct memory){ .next = p->memory, .owner = p, .n = n };
	if (p->memory)
		p->memory->before = m;
	p->memory = m;
	return m + 1;
}

void *
sim_calloc(size_t n, size_t size)
{
	void *p = sim_malloc(n * size);
	return p ? memset(p, 0, n * size) : NULL;
}

static void
take_out(struct memory *m)
{
	if (m->before)
		m->before->next = m->next;
	else
		m->owner->memory = m->next;
	if (m->next)
		m->next->before = m->before;
}

void
sim_free(void *p)
{
	struct memory *m = p;
	if (!p || (--m)->owner != world.current)
		return; /* a child's copy of its parent's */
	take_out(m);
	if (m->owner->stack->users == 1) {
		free(m);
		return;
	}
	m->next = m->owner->stack->left;
	m->owner->stack->left = m;
}

char *
sim_strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = sim_malloc(len + 1);
	if (copy) {
		memcpy(copy, s, len);
		copy[len] = 0;
	}
	return copy;
}

char *
sim_strdup(const char *s)
{
	return sim_strndup(s, strlen(s));
}

void *
sim_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	(void)at, (void)prot, (void)flags, (void)fd, (void)off;
	void *p = sim_calloc(1, n);
	return p ? p : MAP_FAILED;
}

int
sim_munmap(void *p, size_t n)
{
	(void)n;
	sim_free(p);
	return 0;
}

static void
free_all(struct memory **list)
{
	while (*list) {
		struct memory *m = *list;
		*list = m->next;
		free(m);
	}
}

static void
free_memory(struct proc *p)
{
	struct memory **end = &p->memory;
	if (p->stack && p->stack->users > 1) {
		while (*end)
			end = &(*end)->next;
		*end = p->stack->left;
		p->stack->left = p->memory;
		p->memory = NULL;
	}
	free_all(&p->memory);
}

/* ---- what a program has at file scope ---- */

static size_t
used(const char *begin, const char *end)
{
	const uint64_t *at = (const uint64_t *)(const void *)end;
	while ((const char *)at > begin && !at[-1])
		at--;
	return (size_t)((const char *)at - begin);
}

static void
put_aside(struct proc *p)
{
	struct program *g = p->program;
	p->image_len = used(g->begin, g->end);
	free(p->image);
	p->image = malloc(p->image_len + 1);
	memcpy(p->image, g->begin, p->image_len);
}

static void
put_back(struct program *g, const char *image, size_t len, size_t was)
{
	memcpy(g->begin, image, len);
	if (was > len)
		memset(g->begin + len, 0, was - len);
}

static void
load(struct proc *p)
{
	struct program *g = p->program;
	if (!g->begin || g->live == p)
		return;
	size_t was;
	if (g->live) {
		put_aside(g->live);
		was = g->live->image_len;
	} else {
		was = used(g->begin, g->end);
	}
	if (p->image)
		put_back(g, p->image, p->image_len, was);
	else
		put_back(g, g->fresh, g->fresh_len, was);
	g->live = p;
}

/* ---- processes ---- */

const struct program *
program_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	for (size_t i = 0; i < n_programs; i++)
		if (strcmp(programs[i].name, name) == 0)
			return &programs[i];
	return NULL;
}

struct proc *
proc_of(pid_t pid)
{
	for (size_t i = 0; i < PROCS_MAX; i++)
		if (world.procs[i].state != FREE && world.procs[i].pid == pid)
			return &world.procs[i];
	return NULL;
}

size_t
procs_of(int machine)
{
	size_t n = 0;
	for (size_t i = 0; i < PROCS_MAX; i++)
		n += world.procs[i].state != FREE && world.procs[i].state != ENDED
		    && world.procs[i].machine == machine;
	return n;
}

static struct proc *
proc_make(void)
{
	for (size_t i = 0; i < PROCS_MAX; i++)
		if (world.procs[i].state == FREE) {
			world.procs[i] = (struct proc){ .pid = ++world.last_pid };
			return &world.procs[i];
		}
	return NULL;
}

static char **
copy_words(char *const *words, int *ret_n)
{
	int n = 0;
	while (words[n])
		n++;
	char **copy = calloc((size_t)n + 1, sizeof *copy);
	for (int i = 0; i < n; i++)
		copy[i] = strdup(words[i]);
	if (ret_n)
		*ret_n = n;
	return copy;
}

static void
free_words(char **words)
{
	for (char **at = words; at && *at; at++)
		free(*at);
	free(words);
}

static void
set_env(struct proc *p, char *const env[])
{
	for (size_t i = 0; i + 1 < ENV_MAX && env && env[i]; i++)
		p->env[i] = strdup(env[i]);
}

static void
free_env(struct proc *p)
{
	for (size_t i = 0; i < ENV_MAX; i++) {
		free(p->env[i]);
		p->env[i] = NULL;
	}
}

static struct stack *
stack_take(void)
{
	struct stack *s = stacks;
	if (s) {
		stacks = s->next;
	} else {
		s = calloc(1, sizeof *s);
		s->bytes = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	s->users = 1;
	return s;
}

static void
drop_stack(struct proc *p)
{
	struct stack *s = p->stack;
	p->stack = NULL;
	free(p->kept);
	p->kept = NULL;
	if (!s)
		return;
	if (s->live == p)
		s->live = NULL;
	if (--s->users)
		return;
	free_all(&s->left);
	s->next = stacks;
	stacks = s;
}

/* What the process has on its stack, from here on. */
static void __attribute__((noinline)) keep_stack(struct proc *p)
{
	char here;
	free(p->kept);
	p->kept_at = &here;
	p->kept_len = (size_t)(p->stack->bytes + STACK - &here);
	p->kept = malloc(p->kept_len);
	memcpy(p->kept, &here, p->kept_len);
}

/* On the scheduler's stack. */
static void
load_stack(struct proc *p)
{
	struct stack *s = p->stack;
	if (!s || s->live == p)
		return;
	if (p->kept)
		memcpy(p->kept_at, p->kept, p->kept_len);
	s->live = p;
}

static void
become(struct proc *p, const char *path, char **argv, int argc)
{
	if (p->program && p->program->live == p)
		p->program->live = NULL;
	free(p->image);
	p->image = NULL;
	free_memory(p);
	free_words(p->argv);
	p->argv = argv;
	p->argc = argc;
	p->program = (struct program *)(uintptr_t)program_of(path);
	snprintf(p->exe, sizeof p->exe, "%s", path);
	for (int i = 0; i < SIGNALS; i++)
		if (p->handlers[i] != SIG_IGN)
			p->handlers[i] = SIG_DFL;
	p->state = NEW;
	struct fault *f = &world.fault;
	if (f->program && strcmp(f->program, p->program->name) == 0
	    && (!f->verb || (argc > 1 && strcmp(argv[1], f->verb) == 0))) {
		p->fails = f->kind;
		p->fails_in = f->nth;
		f->program = NULL;
	}
}

struct proc *
proc_start(int machine, const char *program, char *const argv[],
    struct file *const stdio[3], char *const env[])
{
	struct proc *p = proc_make();
	int argc;
	if (!p || !program_of(program)) {
		world_fail("no process can be made for %s", program);
		return NULL;
	}
	p->machine = machine;
	p->parent = 1;
	p->group = p->session = p->pid;
	char **words = copy_words(argv, &argc);
	become(p, program, words, argc);
	snprintf(p->cwd, sizeof p->cwd, "/home/u");
	set_env(p, env);
	for (int i = 0; i < 3; i++)
		p->fds[i] = stdio[i];
	changed();
	return p;
}

static bool
is_ignored(int sig)
{
	return sig == SIGCHLD || sig == SIGWINCH || sig == SIGURG || sig == SIGCONT;
}

/* It is over; its parent may ask how. */
static void
ends(struct proc *p, int status)
{
	if (p->program->live == p)
		p->program->live = NULL;
	proc_close(p);
	free_memory(p);
	free_env(p);
	free_words(p->argv);
	free(p->image);
	p->image = NULL;
	p->argv = NULL;
	drop_stack(p);
	p->status = status;
	p->state = ENDED;
	if (world.talks)
		fprintf(stderr, "%10.6f  %d on %d ends: %s, status %x\n",
		    (double)world.now_us / 1e6, p->pid, p->machine, p->program->name,
		    (unsigned)status);
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *other = &world.procs[i];
		if (other->parent == p->pid) {
			other->parent = 1;
			if (other->state == ENDED)
				other->state = FREE;
		}
	}
	if (p->parent == 1 || !proc_of(p->parent))
		p->state = FREE;
	else
		proc_signal(p->parent, SIGCHLD);
	changed();
}

void
proc_kill(struct proc *p, int sig)
{
	if (p->state == FREE || p->state == ENDED)
		return;
	changed();
	if (p->handlers[sig] == SIG_IGN && sig != SIGKILL)
		return;
	if (p->handlers[sig] == SIG_DFL || sig == SIGKILL) {
		if (is_ignored(sig))
			return;
		if (sig == SIGSTOP || sig == SIGTSTP) {
			world_fail("%s is stopped", p->exe);
			return;
		}
		if (p == world.current) {
			p->pending |= UINT64_C(1) << sig; /* as it waits or returns */
			return;
		}
		ends(p, sig);
		return;
	}
	p->pending |= UINT64_C(1) << sig;
}

void
proc_signal(pid_t pid, int sig)
{
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &world.procs[i];
		if (pid > 0 ? p->pid == pid : p->group == -pid)
			proc_kill(p, sig);
	}
}

void
machine_dies(int machine)
{
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &world.procs[i];
		if (p->machine == machine && p->state != FREE && p->state != ENDED
		    && p != world.current)
			proc_kill(p, SIGKILL);
	}
}

/* ---- the coroutine ---- */

static void leave(void) __attribute__((noreturn));
static void
leave(void)
{
	_longjmp(world.back, 1);
}

static void
begin(void)
{
	struct proc *p = world.current;
	sim_exit(p->program->run(p->argc, p->argv));
}

static void
start_coroutine(struct proc *p)
{
	p->stack = stack_take();
	p->stack->live = p;
	getcontext(&p->context);
	p->context.uc_stack.ss_sp = p->stack->bytes;
	p->context.uc_stack.ss_size = STACK;
	p->context.uc_link = NULL;
	makecontext(&p->context, begin, 0);
	p->state = READY;
	setcontext(&p->context);
}

static void
resume(struct proc *p)
{
	world.current = p;
	load(p);
	load_stack(p);
	if (_setjmp(world.back) == 0) {
		if (p->state == NEW)
			start_coroutine(p);
		p->state = READY;
		errno = p->err;
		_longjmp(p->at, 1);
	}
	world.current = NULL;
}

/* Signals that are due: -1 if a handler ran. */
static int
deliver(struct proc *p)
{
	int ran = 0;
	while (p->pending) {
		int sig = __builtin_ctzll(p->pending);
		p->pending &= p->pending - 1;
		void (*handler)(int) = p->handlers[sig];
		if (handler == SIG_IGN || (handler == SIG_DFL && is_ignored(sig)))
			continue;
		if (handler == SIG_DFL) {
			ends(p, sig);
			leave();
		}
		handler(sig);
		ran = -1;
	}
	return ran;
}

int
proc_wait(bool (*may)(void *arg), void *arg, uint64_t until_us)
{
	struct proc *p = world.current;
	for (;;) {
		if (deliver(p)) {
			errno = EINTR;
			return -1;
		}
		if (may && may(arg))
			return 1;
		if (until_us && world.now_us >= until_us)
			return 0;
		p->may = may;
		p->arg = arg;
		p->until_us = until_us;
		p->seen = world.changes;
		p->state = WAITING;
		if (_setjmp(p->at) == 0) {
			p->err = errno;
			if (p->stack->users > 1)
				keep_stack(p);
			leave();
		}
	}
}

void
world_sleep(uint64_t us)
{
	uint64_t until_us = world.now_us + us;
	while (world.now_us < until_us)
		(void)proc_wait(NULL, NULL, until_us);
}

/* ---- fork, exec, wait, exit ---- */

/* The child goes on; the parent does when it is its turn. */
pid_t
sim_fork(void)
{
	struct proc *p = world.current, *volatile child;
	if (proc_fails(FAIL_FORK) || !(child = proc_make())) {
		errno = EAGAIN;
		return -1;
	}
	pid_t pid = child->pid;
	*child = *p;
	child->pid = pid;
	child->parent = p->pid;
	child->pending = 0;
	child->memory = NULL;
	child->kept = NULL;
	child->image = NULL;
	child->fails = 0;
	child->state = READY;
	child->argv = copy_words(p->argv, NULL);
	for (size_t i = 0; i < ENV_MAX; i++)
		child->env[i] = p->env[i] ? strdup(p->env[i]) : NULL;
	for (size_t i = 0; i < FDS_MAX; i++)
		if (child->fds[i])
			file_keep(child->fds[i]);
	if (p->program->begin) {
		put_aside(p);
		p->program->live = child;
	}
	p->stack->users++;
	p->state = READY;
	p->err = errno;
	if (_setjmp(p->at) == 0) {
		keep_stack(p);
		child->stack->live = child;
		world.current = child;
		return 0;
	}
	return pid;
}

void
sim__exit(int status)
{
	ends(world.current, (status & 255) << 8);
	leave();
}

void
sim_exit(int status)
{
	sim__exit(status);
}

int
sim_execv(const char *path, char *const argv[])
{
	struct proc *p = world.current;
	int argc;
	if (!program_of(path)) {
		errno = ENOENT;
		return -1;
	}
	char **words = copy_words(argv, &argc);
	char where[PATH_LEN];
	snprintf(where, sizeof where, "%s", path);
	for (int fd = 0; fd < FDS_MAX; fd++)
		if (p->fds[fd] && p->cloexec[fd])
			sim_close(fd);
	become(p, where, words, argc);
	drop_stack(p);
	leave();
}

int
sim_execvp(const char *name, char *const argv[])
{
	return sim_execv(name, argv);
}

int
sim_execl(const char *path, const char *arg, ...)
{
	char *argv[ARGS_MAX] = { (char *)(uintptr_t)arg };
	va_list ap;
	va_start(ap, arg);
	for (int n = 1; n + 1 < ARGS_MAX && (argv[n] = va_arg(ap, char *)); n++)
		continue;
	va_end(ap);
	return sim_execv(path, argv);
}

static struct proc *
ended_child(pid_t pid)
{
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *c = &world.procs[i];
		if (c->state == ENDED && c->parent == world.current->pid
		    && (pid == -1 || c->pid == pid))
			return c;
	}
	return NULL;
}

static bool
has_child(pid_t pid)
{
	for (size_t i = 0; i < PROCS_MAX; i++)
		if (world.procs[i].state != FREE
		    && world.procs[i].parent == world.current->pid
		    && (pid == -1 || world.procs[i].pid == pid))
			return true;
	return false;
}

static bool
may_reap(void *arg)
{
	return ended_child(*(pid_t *)arg);
}

pid_t
sim_waitpid(pid_t pid, int *status, int options)
{
	struct proc *c = ended_child(pid);
	if (!has_child(pid)) {
		errno = ECHILD;
		return -1;
	}
	if (!c && options & WNOHANG)
		return 0;
	if (!c && proc_wait(may_reap, &pid, 0) < 0)
		return -1;
	c = ended_child(pid);
	pid = c->pid;
	if (status)
		*status = c->status;
	c->state = FREE;
	return pid;
}

int
sim_kill(pid_t pid, int sig)
{
	bool any = false;
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &world.procs[i];
		if (p->state == FREE || p->machine != world.current->machine
		    || !(pid > 0 ? p->pid == pid : p->group == -pid))
			continue;
		any = true;
		if (sig)
			proc_kill(p, sig);
	}
	if (!any)
		errno = ESRCH;
	else if (world.current)
		(void)deliver(world.current);
	return any ? 0 : -1;
}

void (*sim_signal(int sig, void (*handler)(int)))(int)
{
	void (*before)(int) = world.current->handlers[sig];
	world.current->handlers[sig] = handler;
	return before;
}

int
sim_sigaction(int sig, const struct sigaction *act, struct sigaction *before)
{
	if (before)
		*before = (struct sigaction){
			.sa_handler = world.current->handlers[sig]
		};
	if (act)
		world.current->handlers[sig] = act->sa_handler;
	return 0;
}

int
sim_sigprocmask(int how, const sigset_t *set, sigset_t *before)
{
	(void)how, (void)set;
	if (before)
		sigemptyset(before);
	return 0;
}

bool
proc_fails(unsigned kind)
{
	struct proc *p = world.current;
	if (!p || !(p->fails & kind))
		return false;
	if (p->fails_in && --p->fails_in)
		return false;
	p->fails = 0;
	world.fault.struck = true;
	return true;
}

/* ---- the scheduler ---- */

static bool
can_go_on(struct proc *p)
{
	if (p->state == NEW || p->state == READY)
		return true;
	if (p->state != WAITING)
		return false;
	if (p->pending || (p->until_us && world.now_us >= p->until_us))
		return true;
	if (p->seen == world.changes || !p->may)
		return false;
	p->seen = world.changes;
	/* what it looks at are its own descriptors, and what it has on its stack */
	world.current = p;
	load_stack(p);
	bool may = p->may(p->arg);
	world.current = NULL;
	return may;
}

static uint64_t
next_us(void)
{
	uint64_t at = world.events ? world.events->at_us : 0;
	for (size_t i = 0; i < PROCS_MAX; i++) {
		const struct proc *p = &world.procs[i];
		if (p->state == WAITING && p->until_us && (!at || p->until_us < at))
			at = p->until_us;
	}
	return at;
}

static void
happen(void)
{
	while (world.events && world.events->at_us <= world.now_us) {
		struct event *e = world.events;
		world.events = e->next;
		e->happens(e->arg);
		free(e);
	}
}

bool
world_step(void)
{
	struct proc *able[PROCS_MAX];
	size_t n = 0;
	happen();
	for (size_t i = 0; i < PROCS_MAX; i++)
		if (can_go_on(&world.procs[i]))
			able[n++] = &world.procs[i];
	if (!n) {
		uint64_t at = next_us();
		if (!at)
			return false;
		if (at > world.now_us)
			world.now_us = at;
		changed();
		return !world.failed;
	}
	world.steps++;
	world.now_us += 1 + world_random(20);
	resume(able[world_random(n)]);
	return !world.failed;
}

void
world_begin(uint64_t seed, struct program *all, size_t n)
{
	programs = all;
	n_programs = n;
	world = (struct world){ .now_us = 1000000, .random = seed, .last_pid = 100 };
	for (size_t i = 0; i < n; i++) {
		struct program *g = &all[i];
		if (g->begin && !g->fresh) {
			g->fresh_len = used(g->begin, g->end);
			g->fresh = malloc(g->fresh_len + 1);
			memcpy(g->fresh, g->begin, g->fresh_len);
		}
		g->live = NULL;
	}
	for (int m = 0; m < 3; m++)
		for (int i = 0; i < 16; i++) {
			world.machines[m].boot[i] = (uint8_t)world_random(256);
			world.machines[m].id[i] = (uint8_t)world_random(256);
		}
}

void
world_end(void)
{
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &world.procs[i];
		if (p->state != FREE && p->state != ENDED) {
			p->parent = 1;
			proc_kill(p, SIGKILL);
		}
	}
	while (world.events) {
		struct event *e = world.events;
		world.events = e->next;
		free(e);
	}
	for (int m = 0; m < 3; m++)
		files_end(m);
	network_end();
	terminals_end();
}
