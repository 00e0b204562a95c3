/*
 * A world for whole programs: belay and belay-server as they are linked, a kernel that is made up,
 * a clock that only moves when nobody has anything to do, and everything by one seed.
 *
 *     belay, belay-server          the world's own programs: ssh, sshd, the shell, the person
 *        |  their system calls, renamed (calls)    |
 *        v                                         v
 *     process.c   processes, signals, memory, the clock; which of those that can go on does
 *     kernel.c    descriptors: pipes; and files.c, sockets.c, terminals.c, network.c
 *     system.c    the rest of what belay asks of its system (sys/os.h, environment, stdio)
 *
 * A process is a coroutine.  Where the real call would wait, another process goes on; which one
 * is the seed's choice.  What a program has at file scope is put aside while another process of
 * it runs; so is the stack that a parent and its forked child have at the same address.  The
 * heap is not: what the child changes in its parent's memory is changed for both.
 *
 * Left out: time within a program, but for a microsecond each time that it looks at the clock; TCP of
 * belay's own; what os_linux*.c asks of Linux.
 */
#ifndef WORLD_H
#define WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>
#include <ucontext.h>

enum {
	FDS_MAX = 96,
	PROCS_MAX = 64,
	SIGNALS = 65,
	PATH_LEN = 256,
	ENV_MAX = 48,
};

/* ---- processes ---- */

struct program {
	const char *name; /* the last part of its path */
	int (*run)(int argc, char **argv);
	char *begin, *end; /* what it has at file scope; NULL: nothing */
	char *fresh; /* that, as it begins */
	struct proc *live; /* whose that is now */
	size_t fresh_len;
};

struct file;
struct memory;
struct stack;

enum state { FREE, NEW, READY, WAITING, ENDED };

struct proc {
	enum state state;
	pid_t pid, parent, group, session;
	int machine;
	struct program *program;
	char exe[PATH_LEN], cwd[PATH_LEN];
	int argc;
	char **argv;
	char *env[ENV_MAX];
	struct file *fds[FDS_MAX];
	bool cloexec[FDS_MAX];
	struct pty *terminal; /* that controls it */
	void (*handlers[SIGNALS])(int);
	uint64_t pending;
	int status; /* waitpid's */
	int err; /* errno */
	/* what it waits for */
	bool (*may)(void *arg);
	void *arg;
	uint64_t until_us; /* 0: for ever */
	uint64_t seen; /* the state of the world in which it could not go on */
	/* the coroutine */
	jmp_buf at;
	ucontext_t context;
	struct stack
	    *stack; /* also of its forked children, until they are other programs */
	char *kept, *kept_at; /* what it has there, while another has it */
	size_t kept_len;
	char *image; /* what its program has at file scope, while it is another's */
	size_t image_len;
	struct memory *memory;
	/* memory, descriptors, ... that fail: the Nth call from now on; 0: none does */
	unsigned fails_in;
	unsigned fails; /* FAIL_ bits */
};

/* Kinds of calls that can fail for a moment. */
enum {
	FAIL_MEMORY = 1,
	FAIL_DESCRIPTORS = 2,
	FAIL_FORK = 4,
	FAIL_WRITE = 8, /* to a file: the disk is full */
	FAIL_RENAME = 16,
};

/* The nth such call of the next process that becomes this program, and has this first argument
 * (NULL: any). */
struct fault {
	const char *program, *verb; /* program NULL: none */
	unsigned kind, nth;
	bool struck;
};

struct machine {
	uint8_t boot[16], id[16];
	uint32_t address; /* 0: there is no network */
	struct node *nodes;
	struct file *watches[PROCS_MAX]; /* who is told of changes of the network */
};

struct world {
	uint64_t now_us;
	uint64_t changes; /* grows with whatever may let a process go on */
	uint64_t random;
	uint64_t steps;
	pid_t last_pid;
	struct proc procs[PROCS_MAX];
	struct proc *current;
	jmp_buf back; /* to the scheduler */
	struct machine machines[3];
	struct event *events;
	struct fault fault;
	unsigned logins; /* that ssh was asked for */
	bool talks; /* says which process ends */
	const char *failed; /* what the world has to complain about */
	char failed_text[512];
};
extern struct world world;

void world_begin(uint64_t seed, struct program *programs, size_t n);
void world_end(void);
/* Lets whoever can go on do so, and the clock where nobody can; false: it is not to be gone on
 * (world.failed), or nobody ever will. */
bool world_step(void);
/* What may not be is said once; the world stands still. */
__attribute__((format(printf, 1, 2))) void world_fail(const char *fmt, ...);
uint64_t world_random(uint64_t below);
bool world_chance(unsigned percent);
void world_sleep(uint64_t us);
/* Something is to happen then. */
void world_at(uint64_t at_us, void (*happens)(void *arg), void *arg);

/* Another process on that machine, with these as its 0, 1 and 2 (taken over). */
struct proc *proc_start(int machine, const char *program, char *const argv[],
    struct file *const stdio[3], char *const env[]);
struct proc *proc_of(pid_t pid);
void proc_kill(struct proc *p, int sig);
/* As if the machine had lost power. */
void machine_dies(int machine);
size_t procs_of(int machine);
const struct program *program_of(const char *path);

/* For the kernel: until `may`, a signal (-1, EINTR) or the time (0). */
int proc_wait(bool (*may)(void *arg), void *arg, uint64_t until_us);
/* Whether this call is the one that fails. */
bool proc_fails(unsigned kind);
void proc_signal(pid_t pid, int sig);
void changed(void);

/* ---- descriptors ---- */

struct file *file_null(void);
void file_keep(struct file *f);
void file_drop(struct file *f);
/* The files of a process that has ended. */
void proc_close(struct proc *p);
/* Two ends of a pipe of so many bytes. */
void pipe_make(size_t max, struct file *ret[2]);

/* A terminal has another size. */
void terminal_resize(struct file *master, unsigned rows, unsigned cols);

/* A connection over the network: bytes arrive `latency_us` later, in order. */
struct wire;
struct wire *wire_make(int from, uint64_t latency_us, struct file *ret[2]);
enum weather {
	WEATHER_FAIR,
	WEATHER_SILENT, /* nothing arrives; what was sent is sent again later */
};
struct network {
	enum weather weather;
	uint64_t latency_us;
	unsigned loses; /* percent of the datagrams */
	bool no_datagrams; /* none gets through */
	unsigned refuses; /* percent of the connections that are refused */
	const char *password; /* that a login wants; NULL: none */
};
extern struct network network;
void network_is(enum weather weather);
/* All connections are reset, or (`lost`) never heard of again by either end. */
void network_cut(bool lost);
/* The machine has another address; 0: no network. */
void network_moves(int machine, uint32_t address);

/* ---- programs of the world's own: ssh.c ---- */

enum { CLIENT, HOST }; /* machines */

int ssh_main(int argc, char **argv);
int sshd_main(int argc, char **argv);

/* ---- files ---- */

void files_make_directory(int machine, const char *path);
void files_put(int machine, const char *path, const char *text, unsigned mode);
void files_remove_sockets(int machine);
void files_clear(int machine, const char *below);
void files_end(int machine);

#endif
