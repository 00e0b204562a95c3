/* What differs between operating systems; os_linux.c and its like implement it, os_bsd.c what
 * macOS and the BSDs have in common. */
#ifndef SYS_OS_H
#define SYS_OS_H

#include "base/buf.h"

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* Random bytes for secrets, at most 256, without a descriptor where that can be; 0 or -1. */
int os_random(void *bytes, size_t n);
/* The path of the program that runs; 0 or -1. */
int os_program_path(char *ret_path, size_t len);
/* A number that changes with every boot of the host (16 bytes; zeros if there is none). */
void os_boot_id(uint8_t ret_id[16]);
/* Bytes written to a pipe or socket that nobody has read yet; -1 if that cannot be known. */
int os_pipe_unread(int writing_end);
/* Puts these bytes into a pipe without a copy: they are read where they are, and must stay
 * as they are until then.  Returns how many, or -1 with errno: EAGAIN when it is full, another
 * if there is no such way (it is no pipe, or this system has none). */
ssize_t os_pipe_lend(int fd, struct span bytes);
/* Makes a pipe or socket hold more, where that can be done; no harm if it is none. */
void os_pipe_grow(int fd);
/* This process is a batch for the scheduler (sched(7), SCHED_BATCH), or no longer: woken, it
 * lets who runs finish, and finds more to do at once then.  One that was given another policy
 * keeps it.  Forked children inherit it. */
void os_batch(bool on);
/* No other process of the user may look into this one, and it leaves no core; nor may they look
 * into a forked child until it executes something. */
void os_hide(void);
/* Takes from this process, and from all that it starts from now on, the calls of the kernel
 * that lead into other processes, into the kernel and to more rights: they fail with EPERM.
 * False: this kernel has no such thing; all goes on. */
bool os_renounce(void);
/* Closes all descriptors from this one on. */
void os_close_from(int first);
/* The short name of a process; "" if it cannot be known. */
void os_process_name(pid_t pid, char *ret_name, size_t len);
/* The words it was started with, blanks between them; "" if they cannot be known. */
void os_process_words(pid_t pid, char *ret_words, size_t len);
/* The working directory of a process; "" if it cannot be known. */
void os_process_directory(pid_t pid, char *ret_path, size_t len);
/* Whether no other process is in the session (setsid(2)) that this one leads; false if it
 * cannot be known. */
bool os_session_alone(pid_t leader);
/* The machine's own number, which it keeps for ever (16 bytes; zeros if it is not known). */
void os_machine_id(uint8_t ret_id[16]);
/* When a process began, in units of the system's own since its boot; 0: it cannot be known. */
uint64_t os_process_start(pid_t pid);
/* Calls `each` for every process, of whichever user, whose first argument is `word`, with the
 * second one; for none where arguments cannot be read. */
void os_each_process(const char *word,
    void (*each)(void *owner, pid_t pid, const char *argument), void *owner);
/* The login shell of the user who runs us, as far as that is known without asking the
 * network: 0, or -1. */
int os_user_shell(char *ret_path, size_t len);
/* The user at the other end of a unix socket; 0 or -1. */
int os_peer_uid(int fd, uid_t *ret_uid);

/* A descriptor that becomes readable when something has arrived on a TCP connection, once
 * each time, whoever reads it there; -1 if there is no such thing. */
int os_arrivals_open(int connection);
/* Makes it ready for the next time, and has what has arrived acknowledged now, not with the
 * next answer or after a while. */
void os_arrivals_acknowledge(int arrivals, int connection);

/* How a TCP connection is. */
struct os_tcp {
	bool connected;
	/* what was sent is not acknowledged, or a probe (below) not answered */
	bool unanswered;
	uint64_t answered_us; /* so long ago the other end's system was heard */
	uint64_t told_us; /* so long ago data came */
	uint64_t received; /* bytes of it */
};
/* False: that cannot be known here. */
bool os_tcp_look(int fd, struct os_tcp *ret_tcp);
struct os_tcp_probed {
	int on, idle_s, interval_s, count;
};
/* From now on the other end's system is asked each second whether it is there, while nothing
 * else is on the way; until os_tcp_probe_no_more, which takes what was so before.  Nothing
 * where there is no such thing. */
void os_tcp_probe(int fd, struct os_tcp_probed *ret_before);
void os_tcp_probe_no_more(int fd, const struct os_tcp_probed *before);
/* A descriptor of the first TCP connection (also one on its way) of a process of ours or of
 * one that this one has started; -1: there is none, or it cannot be had. */
int os_process_connection(pid_t pid);
/* Whether it, or one that it has started, has opened /dev/tty, as who asks there does.  False
 * also where that cannot be known. */
bool os_process_asks(pid_t pid);

/* What os_net_read has read of; bits. */
enum {
	OS_NET_MOVED = 1, /* an address or a route came or went */
	OS_NET_LINK = 2, /* something about a link, often nothing that matters */
};
/* A descriptor that becomes readable when addresses, routes or links change; -1 if there
 * is none. */
int os_net_open(void);
/* Reads all that it has to say.  Left out is what means nothing to a connection: an address
 * that cannot be used yet or should not be used any more, new lifetimes of an old one, what
 * belongs to the loopback, to multicast or to one link alone. */
unsigned os_net_read(int fd);

/* A clock that never goes back and stands still while the machine sleeps, and one that also
 * counts then. */
extern const clockid_t os_awake_clock, os_boot_clock;
/* A descriptor that becomes readable when the machine has woken from sleep, or for another
 * reason too; -1 if there is none. */
int os_wake_open(void);
/* Makes it ready for the next time. */
void os_wake_read(int fd);

#endif
