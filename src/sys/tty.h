/* The local terminal, pseudo-terminals, and their settings as bytes. */
#ifndef SYS_TTY_H
#define SYS_TTY_H

#include "base/buf.h"

#include <sys/types.h>

struct tty_size {
	uint16_t rows, cols, xpixel, ypixel;
};

/* 0 or -1. */
int tty_get_size(int fd, struct tty_size *ret_size);
int tty_set_size(int fd, const struct tty_size *size);

/* The terminal's settings as RFC 4254 section 8 encodes them (what ssh sends in
 * pty-req): u8 opcode, u32 value, ..., 0.  Opcodes of 160 and above end the list. */
int tty_encode_modes(int fd, struct buf *out);
/* Applies them; what is unknown here is left alone.  ERR_MESSAGE if they are broken. */
int tty_apply_modes(int fd, struct span modes);

/* Raw mode, as ssh sets it; the settings from before are kept.  Both may be called any
 * number of times.  tty_cooked is safe in a signal handler. */
int tty_raw(int fd);
void tty_cooked(void);
bool tty_is_raw(void);
/* Whether the locale says that the terminal's characters are UTF-8. */
bool tty_is_utf8(void);

/* Which window this is: the terminal's device and the leader of its session, with the time at
 * which that began (os_process_start), since numbers of processes are used again. */
struct tty_place {
	uint64_t device;
	uint64_t leader, leader_start;
};
/* False: these two are not both the controlling terminal of this process. */
bool tty_place(int in, int out, struct tty_place *ret);
/* Whether the leader of the terminal's session is in this process group, and in the foreground:
 * as it has no jobs it may end with us, and then the kernel hangs up the group. */
bool tty_leader_is_near(void);

/* What the kernel does with what is typed, of the terminal at the other end of a
 * pseudo-terminal's master or of its own descriptor: half a microsecond. */
struct tty_echo {
	bool echo, canonical, signals; /* ECHO, ICANON, ISIG; termios(3) */
	uint8_t erase; /* VERASE; 0: none */
	uint32_t group; /* the foreground process group; 0: not known */
};
/* False: that cannot be known. */
bool tty_get_echo(int fd, struct tty_echo *ret);

/* A second descriptor for the terminal behind fd, non-blocking without making fd so (it
 * is shared with the shell that started us); -1 if there is no such way. */
int tty_reopen(int fd);

/* Whether both are one and the same terminal. */
bool tty_same(int fd, int other);

/* Opens a pseudo-terminal: returns the master (non-blocking, close-on-exec) and the
 * slave's path; -1. */
int pty_open(char *ret_slave, size_t len);
/* In a child whose descriptors 0, 1 and 2 are the slave: makes it its controlling terminal. */
int pty_become(void);

#endif
