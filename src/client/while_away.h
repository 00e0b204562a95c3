/*
 * What has happened on the host while nobody saw it (the message AWAY), as one line:
 *
 *     while away: make ended (0) 12:04; 3 bells 12:31
 *
 * The most important comes first; where the window is narrow the rest is left out, and then a text
 * is cut.  Pure.
 */
#ifndef CLIENT_WHILE_AWAY_H
#define CLIENT_WHILE_AWAY_H

#include "wire/away_words.h"

struct while_away_note {
	uint8_t what, how;
	uint32_t count, status;
	int64_t at_s; /* by this machine's clock */
	char text[AWAY_TEXT_MAX + 1];
};

enum { WHILE_AWAY_NOTES = AWAY_QUIET };

struct while_away {
	struct while_away_note notes[WHILE_AWAY_NOTES];
	size_t n;
	bool whole; /* no more of them come */
};

/* Takes one; what follows a whole one begins anew. */
void while_away_take(struct while_away *a, const struct msg_away *m, int64_t now_s);
/* At most `width` bytes of text that is harmless for a terminal. */
void while_away_line(const struct while_away *a, size_t width, bool utf8, int64_t now_s,
    char *ret_line);
/* The status as shells have it, of a note that has one. */
unsigned while_away_status(const struct while_away_note *n);

#endif
