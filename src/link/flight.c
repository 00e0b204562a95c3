#include "link/flight.h"

#include "base/err.h"

#include <assert.h>
#include <stdlib.h>

enum {
	REORDERED = 3, /* later ones that must have arrived */
	AGE_EIGHTHS = 9, /* of the round trip */
	AGE_MIN_US = 2000,
	SHARE_GAIN = 32,
};

int
flight_init(struct flight *f)
{
	*f = (struct flight){ .sent = calloc(FLIGHT_MAX_SENT, sizeof *f->sent),
		.first = 1,
		.next = 1 };
	return f->sent ? 0 : ERR_NOMEM;
}

void
flight_finish(struct flight *f)
{
	free(f->sent);
	*f = (struct flight){ 0 };
}

static struct flight_sent *
at(const struct flight *f, uint64_t number)
{
	return &f->sent[number % FLIGHT_MAX_SENT];
}

bool
flight_has_room(const struct flight *f)
{
	/* An eighth is for those that nobody has to answer. */
	return f->next - f->first < FLIGHT_MAX_SENT - FLIGHT_MAX_SENT / 8;
}

bool
flight_has_any_room(const struct flight *f)
{
	return f->next - f->first < FLIGHT_MAX_SENT;
}

static void
forget_settled(struct flight *f)
{
	while (f->first < f->next && at(f, f->first)->settled)
		f->first++;
}

struct flight_sent *
flight_add(struct flight *f, uint64_t now_us)
{
	assert(flight_has_any_room(f));
	struct flight_sent *s = at(f, f->next);
	*s = (struct flight_sent){ .number = f->next++, .sent_us = now_us };
	return s;
}

bool
flight_has(struct flight_sent *s, uint32_t stream, uint64_t from, size_t len)
{
	for (size_t i = 0; i < s->n_ranges; i++) {
		struct flight_range *r = &s->ranges[i];
		if (r->stream != stream || r->from + r->len != from)
			continue;
		r->len += (uint32_t)len;
		return true;
	}
	if (s->n_ranges == FLIGHT_RANGES)
		return false;
	s->ranges[s->n_ranges++] = (struct flight_range){ stream, (uint32_t)len, from };
	return true;
}

void
flight_asks(struct flight *f, struct flight_sent *s)
{
	s->asks = true;
	f->asking++;
}

static void
settle(struct flight *f, struct flight_sent *s)
{
	s->settled = true;
	f->asking -= s->asks;
}

static void
count(struct flight *f, bool lost)
{
	if (lost)
		f->lost_share += (FLIGHT_SHARE - f->lost_share) / SHARE_GAIN;
	else
		f->lost_share -= (f->lost_share + SHARE_GAIN - 1) / SHARE_GAIN;
}

static void
arrived(struct flight *f, uint64_t number, struct flight_news *news)
{
	struct flight_sent *s = at(f, number);
	if (s->number != number || (s->settled && !s->given_up))
		return;
	if (s->size > news->largest)
		news->largest = s->size;
	s->given_up = false;
	count(f, false);
	if (s->settled)
		return;
	settle(f, s);
	news->answered |= s->asks;
	news->ranked |= s->ranked;
	for (enum link_class class = 0; class < LINK_CLASSES; class ++)
		news->bytes[class] += s->bytes[class];
}

static void
swallowed(struct flight *f, uint64_t number, struct flight_news *news)
{
	struct flight_sent *s = at(f, number);
	if (s->number != number || !s->given_up)
		return;
	s->given_up = false;
	count(f, true);
	news->swallowed[news->n_swallowed++] = (struct flight_size){ number, s->size };
}

bool
flight_seen(struct flight *f, uint32_t seen, uint32_t before, uint64_t held_us,
    uint64_t now_us, struct flight_news *ret)
{
	*ret = (struct flight_news){ 0 };
	uint64_t number = f->next - 1 - (uint32_t)((uint32_t)(f->next - 1) - seen);
	if (number == 0)
		return true; /* nothing had come when it was said */
	if (number >= f->next)
		return false;
	if (number > f->high) {
		f->high = number;
		ret->answered = true;
		if (at(f, number)->number == number) {
			uint64_t took_us = now_us - at(f, number)->sent_us;
			ret->rtt_us = took_us > held_us ? took_us - held_us : 1;
		}
	}
	arrived(f, number, ret);
	for (unsigned i = 0; i < FLIGHT_BEFORE && i + 1 < number; i++)
		if (before >> i & 1)
			arrived(f, number - 1 - i, ret);
		else if (i + 1 >= REORDERED)
			swallowed(f, number - 1 - i, ret);
	forget_settled(f);
	return true;
}

static uint64_t
old_us(uint64_t rtt_us)
{
	return rtt_us / 8 * AGE_EIGHTHS + AGE_MIN_US;
}

static bool
is_lost(const struct flight *f, const struct flight_sent *s, uint64_t rtt_us,
    uint64_t now_us)
{
	return s->number + REORDERED <= f->high || now_us >= s->sent_us + old_us(rtt_us);
}

bool
flight_lost(struct flight *f, uint64_t rtt_us, uint64_t now_us, struct flight_sent *ret)
{
	for (uint64_t n = f->first; n < f->high; n++) {
		struct flight_sent *s = at(f, n);
		if (s->settled || !is_lost(f, s, rtt_us, now_us))
			continue;
		settle(f, s);
		count(f, true);
		*ret = *s;
		forget_settled(f);
		return true;
	}
	return false;
}

uint64_t
flight_lost_at(const struct flight *f, uint64_t rtt_us)
{
	for (uint64_t n = f->first; n < f->high; n++)
		if (!at(f, n)->settled)
			return at(f, n)->sent_us + old_us(rtt_us);
	return 0;
}

bool
flight_give_up(struct flight *f, struct flight_sent *ret)
{
	for (uint64_t n = f->first; n < f->next; n++) {
		struct flight_sent *s = at(f, n);
		if (s->settled)
			continue;
		if (!s->asks) {
			s->settled = true;
			continue;
		}
		settle(f, s);
		s->given_up = true;
		*ret = *s;
		forget_settled(f);
		return true;
	}
	forget_settled(f);
	return false;
}
