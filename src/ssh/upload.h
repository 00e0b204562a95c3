/*
 * What is sent to a host without belay-server: the script that makes it land, and the program
 * for its kind of machine.
 *
 *     BOOTSTRAP_NEED ---> upload_script ---> BOOTSTRAP_SEND ---> upload_server
 */
#ifndef SSH_UPLOAD_H
#define SSH_UPLOAD_H

#include "ssh/bootstrap.h"
#include "ssh/programs.h"

/* Of a program; one with a sanitizer has more than four. */
enum { UPLOAD_MAX = 8 * 1024 * 1024 };

/* Append to *out, of which upload_server raises the maximum to UPLOAD_MAX, what the host has
 * asked for last; `kept`: a server that was opened before.  0, ERR_NOMEM, or ERR_SYSTEM with a
 * reason for the person in ret_text: there is no server for that machine. */
int upload_script(const struct programs_kept *kept, struct bootstrap *b, struct buf *out,
    char ret_text[BOOTSTRAP_TEXT_MAX]);
int upload_server(const struct programs_kept *kept, struct bootstrap *b, struct buf *out,
    char ret_text[BOOTSTRAP_TEXT_MAX]);

#endif
