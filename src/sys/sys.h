/*
 * What every part of the programs needs of the system: time, random bytes,
 * descriptors.  Functions return 0 or a negative code with errno set, unless said
 * otherwise.  What differs between systems is in os.h.
 */
#ifndef SYS_SYS_H
#define SYS_SYS_H

#include "base/buf.h"

#include <sys/types.h>

/* Monotonic time in microseconds, never 0. */
uint64_t sys_now_us(void);
/* The same with the time that the machine has slept. */
uint64_t sys_boot_us(void);
/* Seconds since 1970, for what must be understood after a reboot. */
int64_t sys_wall_s(void);
int64_t sys_wall_ms(void);
/* Fills with random bytes from the kernel; ends the program if there are none. */
void sys_random(void *bytes, size_t n);

/* Overwrites a secret; never left out by the compiler. */
void sys_wipe(void *bytes, size_t n);

int sys_nonblock(int fd);
int sys_cloexec(int fd);
/* Whether this errno tells of a want of memory, descriptors or processes, which may be over
 * in a moment. */
bool sys_lacks(int err);
/* Makes a descriptor non-blocking; 0, 1 and 2, which others share, until sys_restore_stdio. */
int sys_nonblock_stdio(int fd);
void sys_restore_stdio(void);
/* Makes sure that 0, 1 and 2 are open, so that no other descriptor gets their number. */
void sys_fix_stdio(void);
/* A pipe, both ends close-on-exec. */
int sys_pipe(int ret_fds[2]);
/* Whether the other side of a descriptor is gone altogether, so that nothing can be
 * written to it. */
bool sys_hung_up(int fd);
/* Waits until fd is ready for `events` (poll's), at most timeout_ms (-1: for ever). */
bool sys_wait(int fd, short events, int timeout_ms);

/* Reads what is there, at most `max` bytes, onto the end of b.  Returns bytes (> 0),
 * 0 when nothing is there now or there is no memory for it, -1 at the end of file or on an
 * error. */
ssize_t sys_read_into(int fd, struct buf *b, size_t max);
/* Whether something was left unread, since this was asked last, for want of memory: who asks
 * the same descriptors at once would spin. */
bool sys_was_short(void);
/* Writes what can be written now of two spans, one behind the other.  Returns bytes, or -1
 * when the other side is gone. */
ssize_t sys_write_both(int fd, struct span first, struct span second);
/* The same of up to SYS_SPANS spans. */
enum { SYS_SPANS = 4 };
ssize_t sys_write_spans(int fd, const struct span *spans, size_t n);
/* Writes everything, blocking; 0 or -1. */
int sys_write_all(int fd, const void *bytes, size_t n);
/* Writes a line or more to a person, at once. */
__attribute__((format(printf, 2, 3))) void sys_say(int fd, const char *fmt, ...);
/* Reads exactly n bytes, blocking; 0, or -1 on the end of file or an error. */
int sys_read_all(int fd, void *bytes, size_t n);
/* Reads a whole (small) file onto b; 0 or -1. */
int sys_read_file(const char *path, struct buf *b);
/* Whether nobody but us and root can take away or make anew what the path leads through, up
 * to our home or the root.  A directory that others can write to is no part of such a way,
 * also where it is sticky: what is removed there by others than them, they can make again. */
bool sys_way_is_ours(const char *path);
/* Makes missing directories above the path (mode 0700). */
void sys_make_parents(const char *path);
/* Puts a file in place by write-then-rename, mode 0600, with its directories; 0 or -1. */
int sys_replace_file(const char *path, struct span bytes);

#endif
