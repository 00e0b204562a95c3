/* What differs between operating systems; os_linux.c and its like implement it. */
#ifndef SYS_OS_H
#define SYS_OS_H

#include "base/buf.h"

#include <sys/types.h>

/* The path of the program that runs; 0 or -1. */
int os_program_path(char *ret_path, size_t len);
/* A number that changes with every boot of the host (16 bytes; zeros if there is none). */
void os_boot_id(uint8_t ret_id[16]);
/* Bytes written to a pipe that nobody has read yet; -1 if that cannot be known. */
int os_pipe_unread(int writing_end);
/* Makes a pipe hold more, where that can be done; no harm if it is none. */
void os_pipe_grow(int fd);
/* The user at the other end of a unix socket; 0 or -1. */
int os_peer_uid(int fd, uid_t *ret_uid);

#endif
