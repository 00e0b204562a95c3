/*
 * `belay-server open`: a session on the terminal of whatever ssh has come here by, with nothing of
 * belay's on the other side: a phone, a colleague's machine, a web console.
 */
#ifndef SERVER_OPEN_H
#define SERVER_OPEN_H

#include <stdbool.h>

struct open_plan {
	const char *which; /* name or beginning of the id; NULL: the shell that was used last */
	bool share, read_only; /* as the client's options */
};

/* Returns the exit status: of the program if that has ended, 0 if the session was left, 255 if it
 * could not be had or was lost. */
int open_main(const struct open_plan *plan);

#endif
