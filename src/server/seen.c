#include "server/seen.h"

#include <string.h>

/* The marks of the model: those of terminals that are left behind are the first (clients.c). */
enum {
	PLACES = (TERM_MARKS - SEEN_LEFT) / 3,
	SEEN = PLACES,
	NEXT = 2 * PLACES,
	LEFT = 3 * PLACES
};

void
seen_turn(struct seen *s, struct term *t, int place, const struct stream *main)
{
	for (;;) {
		if (s->next && main->out_acked >= s->next) {
			term_mark_copy(t, NEXT + place, SEEN + place);
			s->off = s->next;
			s->next = 0;
		} else if (!s->next && stream_written(main) > s->off) {
			term_mark(t, NEXT + place);
			s->next = stream_written(main);
		} else {
			break;
		}
	}
}

void
seen_leave(struct seen_left *l, const struct seen *s, struct term *t, int place,
    const uint8_t id[ID_LEN])
{
	unsigned i = l->oldest;
	if (!s->off)
		return;
	memcpy(l->list[i].id, id, ID_LEN);
	l->list[i].off = s->off;
	term_mark_copy(t, SEEN + place, LEFT + (int)i);
	l->oldest = (i + 1) % SEEN_LEFT;
}

int
seen_find(const struct seen_left *l, const struct msg_seen *m)
{
	for (int i = 0; i < SEEN_LEFT; i++)
		if (l->list[i].off && m->offset >= l->list[i].off
		    && memcmp(l->list[i].id, m->client, ID_LEN) == 0)
			return LEFT + i;
	return -1;
}
