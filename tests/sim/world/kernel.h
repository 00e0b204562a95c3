/* What the parts of the world's kernel share: what a descriptor leads to. */
#ifndef WORLD_KERNEL_H
#define WORLD_KERNEL_H

#include "world.h"

#include "calls.h"
#include "sys/os.h"

#include <netinet/in.h>
#include <sys/ioctl.h>

enum {
	PIPE_MAX = 64 * 1024,
	SOCK_MAX = 200 * 1024,
	TTY_MAX = 4096,
	WIRE_MAX = 256 * 1024, /* what a sender's system keeps */
	MESSAGE_FDS = 8,
	UID = 1000,
	WALL_S = 1800000000, /* the time of day, at the beginning */
};

struct bytes {
	uint8_t *p;
	size_t head, len, cap;
	uint64_t put, got; /* since the beginning */
};

void bytes_put(struct bytes *b, const void *p, size_t n);
size_t bytes_get(struct bytes *b, void *p, size_t n);

enum kind {
	KIND_OF_NULL,
	KIND_OF_PIPE_IN,
	KIND_OF_PIPE_OUT,
	KIND_OF_SOCKET, /* of a pair, or not connected yet */
	KIND_OF_LISTENER,
	KIND_OF_MASTER,
	KIND_OF_SLAVE,
	KIND_OF_FILE,
	KIND_OF_DIRECTORY,
	KIND_OF_NET,
	KIND_OF_DATAGRAMS,
	KIND_OF_WIRE,
};

struct pipe_ends {
	struct bytes bytes;
	size_t max;
	unsigned readers, writers;
};

/* Descriptors on their way go with the first byte behind `at`. */
struct message {
	uint64_t at;
	struct file *files[MESSAGE_FDS];
	size_t n;
	struct message *next;
};

struct sock {
	struct bytes in;
	struct message *messages;
	struct sock *peer; /* NULL: none, or no more */
	bool connected, ended /* the peer says no more */;
	unsigned refs; /* by a file, and by the listener that it waits at */
};

struct node {
	char path[PATH_LEN];
	unsigned mode; /* with S_IF... */
	struct bytes data;
	int64_t changed_s;
	ino_t number;
	struct file *listener, *locker;
	bool removed;
	struct node *next;
};

struct pty {
	struct bytes to_slave, to_master;
	struct termios termios;
	struct winsize size;
	unsigned masters, slaves;
	bool had_slave;
	pid_t session, foreground;
	int number;
	struct pty *next;
};

struct wire_end {
	struct bytes in; /* has arrived */
	bool ended, reset;
	struct wire_end *peer;
	struct wire *wire;
	bool open;
};

struct packet {
	uint64_t sent_us;
	struct bytes bytes;
	bool end;
	struct packet *next;
};

struct wire {
	struct wire_end ends[2]; /* [0] belongs to who has connected */
	struct packet *packets[2]; /* to that end */
	size_t waiting[2];
	uint64_t latency_us;
	uint64_t
	    heard_us; /* until then the other end's system answered, if it does not now */
	uint64_t told_us; /* when bytes came to who has connected */
	int from; /* the machine that has connected */
	uint32_t address; /* which it had then */
	bool lost, dead;
	struct wire *next;
};

struct file {
	enum kind kind;
	unsigned refs;
	bool by_tty; /* opened as /dev/tty */
	bool nonblock, append, writes;
	union {
		struct pipe_ends *pipe;
		struct sock *sock;
		struct {
			struct node *node;
			struct sock *queue[32];
			size_t n;
		} listener;
		struct pty *pty;
		struct {
			struct node *node;
			off_t at;
		} file;
		struct {
			int machine;
			bool told;
		} net;
		struct datagrams *datagrams;
		struct wire_end *wire;
	} u;
};

/* ---- kernel.c ---- */

struct file *file_new(enum kind kind);
/* NULL: EBADF. */
struct file *file_at(int fd);
/* The lowest descriptor from that one on, or -1: the file is dropped. */
int install(struct file *f, int from, bool cloexec);
int install_both(struct file *const files[2], int fds[2], bool cloexec);
bool may_read(void *file);
bool may_write(void *file);
/* 0, or -1 with errno: it cannot be now. */
int wait_for(struct file *f, bool (*may)(void *file));
/* EPIPE, and its signal. */
ssize_t broken(void);
size_t at_most(size_t n, size_t len, size_t max);

/* ---- files.c ---- */

struct machine *machine_here(void);
void whole_path(const char *path, char ret[PATH_LEN]);
struct node *node_find(struct machine *m, const char *whole);
/* NULL: ENOENT. */
struct node *node_look_up(const char *path);
struct node *node_new(struct machine *m, const char *whole, unsigned mode);
/* Its directory is there. */
bool node_has_place(const char *whole);
ssize_t file_write(struct file *f, const void *p, size_t n, off_t at);
ssize_t file_read(const struct file *f, void *p, size_t n, off_t at);

/* ---- sockets.c ---- */

void sock_drop(struct sock *s);
void listener_drop(struct file *f);

/* ---- terminals.c ---- */

int open_device(const char *path, int flags);
/* What the program writes, and what is typed, as the line discipline passes it on. */
void terminal_write(struct pty *t, const uint8_t *p, size_t n);
void terminal_type(struct pty *t, const uint8_t *p, size_t n);
void terminal_hang_up(struct pty *t);
void terminals_end(void);

/* ---- network.c ---- */

struct datagrams *datagrams_new(int machine);
void datagrams_drop(struct datagrams *d);
bool datagrams_any(const struct datagrams *d);
/* As of connect(2), bind(2) and getsockname(2), of IPv4 only. */
int datagrams_connect(struct datagrams *d, const struct sockaddr *to);
int datagrams_bind(struct datagrams *d, const struct sockaddr *at);
void datagrams_name(const struct datagrams *d, struct sockaddr_in *ret);
/* To there, or (NULL) where it is connected to. */
ssize_t
datagrams_send(struct datagrams *d, const struct sockaddr *to, const void *p, size_t n);
ssize_t
datagrams_receive(struct datagrams *d, void *p, size_t n, struct sockaddr_in *ret_from);
bool wire_is_cut_off(const struct wire *w);
void wire_send(struct wire_end *from, const void *p, size_t n, bool end);
void network_end(void);

#endif
