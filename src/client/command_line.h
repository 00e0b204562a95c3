/*
 * What is typed after ~C (ssh(1), ESCAPE CHARACTERS): adds and drops forwards of a session
 * that runs, or runs a command here.
 */
#ifndef CLIENT_COMMAND_LINE_H
#define CLIENT_COMMAND_LINE_H

#include "client/forward_table.h"

/* Does it, and says on stderr how it went; the terminal is not raw.  `permits_local`:
 * PermitLocalCommand (ssh_config(5)), without which no command is run here. */
void command_line(struct forward_table *f, const char *text, bool permits_local);
/* Adds or drops a forward ("L8080:host:80", "KL8080"), as behind the "-".  Returns what
 * there is to say; *ret_done: whether it has worked. */
const char *command_forward(struct forward_table *f, const char *text, bool *ret_done);

#endif
