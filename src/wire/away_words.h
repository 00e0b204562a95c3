/* What has happened while nobody saw it (AWAY), in words. */
#ifndef WIRE_AWAY_WORDS_H
#define WIRE_AWAY_WORDS_H

#include "wire/msg.h"

enum { AWAY_TEXT_MAX = 80 /* bytes of a name or a notification */ };

/* "ended", "notice", "bell", "quiet"; NULL: a later version knows what it is. */
const char *away_name(uint8_t what);
/* How many bytes of a text are shown, which are whole characters: up to `max`, and to
 * AWAY_TEXT_MAX. */
size_t away_cut(struct span text, size_t max);
/* Appends "make ended (0)", "notice: TEXT", "3 bells", "quiet"; the text, cut, is as
 * a program has written it. */
void away_words(const struct msg_away *m, size_t max, struct buf *out);

#endif
