#include "link/repeat.h"

#include "link/flight.h"

enum {
	SECOND_US = 1000 * 1000,
	LOSSY_SHARE = FLIGHT_SHARE / 50,
	VAR_MIN_US = 10 * 1000,
	SLACK_US = 5 * 1000,
	ANSWER_US = 20 * 1000, /* the peer's answer may wait for so long (stream.c) */
	UNKNOWN_US = 100 * 1000, /* before a round trip is known */
	LONG_STEPS = 60, /* after so many it is an outage */
	LONG_US = 5 * SECOND_US,
	COST_MIN = 6 * 1024, /* bytes a second */
	COST_BURST_US = 500 * 1000,
};

static const uint32_t gap_us[] = { 20000, 20000, 60000, 40000, 80000, 80000, 120000,
	120000, 120000, 240000, 480000, SECOND_US };
enum { GAPS = sizeof gap_us / sizeof *gap_us };

void
repeat_init(struct repeat *r, uint64_t now_us)
{
	*r = (struct repeat){ .budget = COST_MIN / 2, .budget_us = now_us };
}

void
repeat_anew(struct repeat *r, uint64_t now_us)
{
	r->step = 0;
	r->since_us = now_us ? now_us : 1;
}

void
repeat_rest(struct repeat *r)
{
	r->step = 0;
	r->since_us = 0;
}

void
repeat_sent(struct repeat *r, size_t n, uint64_t now_us)
{
	r->step++;
	r->since_us = now_us ? now_us : 1;
	r->budget -= n < r->budget ? n : r->budget;
}

bool
repeat_is_lossy(const struct repeat_link *link)
{
	return link->lost_share >= LOSSY_SHARE
	    && link->srtt_us <= 2 * link->rtt_least_us + SLACK_US;
}

uint64_t
repeat_at(const struct repeat *r, const struct repeat_link *link)
{
	if (!r->since_us)
		return 0;
	if (r->step >= LONG_STEPS)
		return r->since_us + LONG_US;
	if (repeat_is_lossy(link))
		return r->since_us + gap_us[r->step < GAPS ? r->step : GAPS - 1];
	uint64_t var_us = 4 * link->rttvar_us;
	uint64_t wait_us = link->srtt_us ? link->srtt_us
		+ (var_us > VAR_MIN_US ? var_us : VAR_MIN_US) + SLACK_US + ANSWER_US
					 : UNKNOWN_US;
	for (unsigned i = 0; i < r->step && wait_us < SECOND_US; i++)
		wait_us *= 2;
	return r->since_us + (wait_us < SECOND_US ? wait_us : SECOND_US);
}

bool
repeat_affords(struct repeat *r, const struct repeat_link *link, size_t n,
    uint64_t now_us)
{
	uint64_t cost = link->rate / 4 > COST_MIN ? link->rate / 4 : COST_MIN;
	uint64_t most = cost * COST_BURST_US / SECOND_US;
	uint64_t passed_us = now_us - r->budget_us;
	uint64_t budget = passed_us > SECOND_US
	    ? most
	    : r->budget + cost * passed_us / SECOND_US;
	r->budget = budget < most ? budget : most;
	r->budget_us = now_us;
	if (n <= r->budget)
		return true;
	r->since_us = now_us; /* another gap */
	return false;
}
