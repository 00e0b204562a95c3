#include "autossh/supervise.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define SECOND ((uint64_t)1000000)

/* autossh's own numbers. */
enum {
	QUICK_TRIES = 5, /* so many quick ends are answered at once */
	QUICK_LEAST_S =
	    10, /* quick is what ends within this, or a tenth of the poll time */
};
/* Ours. */
enum { REFUSED_FIRST_S = 60, REFUSED_MOST_S = 600 }; /* fewer than five in ten minutes */
static const uint64_t patience_us = 5 * SECOND; /* from TERM to KILL */
static const uint64_t start_gap_us = SECOND; /* changes start ssh at most so often */

enum { ERROR = 3, NOTICE = 5, INFO = 6, DEBUG = 7 }; /* syslog(3) */

__attribute__((format(printf, 3, 4))) static void
say(struct supervise *s, int severity, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(s->said, sizeof s->said, fmt, ap);
	va_end(ap);
	s->severity = severity;
}

/* ---- what follows when ssh ends ---- */

enum stage {
	EARLY,
	FIRST,
	LATER,
	STAGES
}; /* the first start before its gate, after it */
enum ending { NORMAL, USAGE, FAILED, OTHER, SIGNAL, ENDINGS };
enum verdict { AGAIN, DONE, GIVE_UP, NEVER_WORKED };

static const enum verdict verdicts[ENDINGS][STAGES] = {
	/*            EARLY         FIRST    LATER */
	[NORMAL] = { NEVER_WORKED, DONE, DONE }, /* 0 */
	[USAGE] = { NEVER_WORKED, GIVE_UP, AGAIN }, /* 1 and 2 */
	[FAILED] = { NEVER_WORKED, AGAIN, AGAIN }, /* 255: ssh's own */
	[OTHER] = { NEVER_WORKED, GIVE_UP, GIVE_UP },
	[SIGNAL] = { AGAIN, AGAIN, AGAIN },
};

static enum ending
ending_of(const struct supervise_end *end)
{
	if (end->by_signal)
		return SIGNAL;
	switch (end->status) {
	case 0:
		return NORMAL;
	case 1:
	case 2:
		return USAGE;
	case 255:
		return FAILED;
	default:
		return OTHER;
	}
}

static enum stage
stage_of(const struct supervise *s, uint64_t now_us)
{
	if (s->starts > 1 || !s->rules.gate_us)
		return LATER;
	return now_us - s->started_us <= s->rules.gate_us ? EARLY : FIRST;
}

static void
say_verdict(struct supervise *s, const struct supervise_end *end, enum verdict v)
{
	if (v == NEVER_WORKED)
		say(s, ERROR, "ssh exited prematurely with status %d; exiting",
		    end->status);
	else if (end->by_signal)
		say(s, INFO, "ssh exited on signal %d, restarting ssh", end->status);
	else if (v == AGAIN)
		say(s, INFO, "ssh exited with error status %d; restarting ssh",
		    end->status);
	else
		say(s, INFO, "ssh exited with status %d; exiting", end->status);
}

static unsigned
over(struct supervise *s, int exit_status)
{
	s->state = SUPERVISE_OVER;
	s->exit_status = exit_status;
	s->poll_us = s->wait_us = s->dies_us = 0;
	return SUPERVISE_EXIT;
}

/* ---- starting ---- */

static unsigned
start(struct supervise *s, uint64_t now_us)
{
	const struct supervise_rules *r = &s->rules;
	if (r->max_starts >= 0 && s->starts >= r->max_starts) {
		say(s, INFO, "max start count reached; exiting");
		return over(s, 0);
	}
	s->state = SUPERVISE_RUN;
	s->starts++;
	s->started_us = now_us;
	s->wait_us = 0;
	s->testing = false;
	s->poll_us = r->tests ? now_us + r->first_poll_us : 0;
	if (r->max_starts >= 0)
		say(s, INFO, "starting ssh (count %ld of %ld)", s->starts, r->max_starts);
	else
		say(s, INFO, "starting ssh (count %ld)", s->starts);
	return SUPERVISE_START;
}

/* How long to wait before the next start, in seconds. */
static uint64_t
back_off_s(const struct supervise *s)
{
	uint64_t poll_s = s->rules.poll_us / SECOND;
	if (s->refusals) {
		unsigned doublings = s->refusals - 1 < 4 ? s->refusals - 1 : 4;
		uint64_t wait_s = (uint64_t)REFUSED_FIRST_S << doublings;
		return wait_s < REFUSED_MOST_S ? wait_s : REFUSED_MOST_S;
	}
	if (s->tries <= QUICK_TRIES)
		return 0;
	uint64_t more = s->tries - QUICK_TRIES;
	if (more > 1000) /* long since at the most */
		return poll_s;
	uint64_t wait_s = poll_s * more * more / 300;
	return wait_s < poll_s ? wait_s : poll_s;
}

static void
count_failure(struct supervise *s, const struct supervise_end *end, uint64_t now_us)
{
	uint64_t quick_us = s->rules.poll_us / 10;
	if (quick_us < QUICK_LEAST_S * SECOND)
		quick_us = QUICK_LEAST_S * SECOND;
	bool lasted = now_us - s->started_us >= quick_us;
	s->refusals = end->why == SUPERVISE_REFUSED ? s->refusals + 1 : 0;
	/* However long it has tried to reach the host: that is no life. */
	s->tries = lasted && end->why == SUPERVISE_UNKNOWN ? 0 : s->tries + 1;
}

static unsigned
again(struct supervise *s, const struct supervise_end *end, uint64_t now_us)
{
	bool last = s->rules.max_starts >= 0 && s->starts >= s->rules.max_starts;
	uint64_t soonest_us = s->started_us + start_gap_us;
	if (!s->cut_off)
		count_failure(s, end, now_us);
	s->state = SUPERVISE_WAIT;
	s->poll_us = 0;
	s->wait_us = now_us + (last ? 0 : back_off_s(s) * SECOND);
	if (s->cut_off && s->wait_us < soonest_us)
		s->wait_us = soonest_us;
	s->cut_off = false;
	return 0; /* not a start now: what was said must be told first */
}

/* ---- events ---- */

void
supervise_init(struct supervise *s, const struct supervise_rules *rules, uint64_t now_us)
{
	*s = (struct supervise){ .rules = *rules, .state = SUPERVISE_WAIT };
	s->dies_us = rules->max_life_us ? now_us + rules->max_life_us : 0;
}

unsigned
supervise_begin(struct supervise *s, uint64_t now_us)
{
	s->said[0] = 0;
	return start(s, now_us);
}

static unsigned
end_ssh(struct supervise *s, uint64_t now_us)
{
	s->state = SUPERVISE_ENDING;
	s->testing = false;
	s->poll_us = 0;
	s->wait_us = now_us + patience_us;
	return SUPERVISE_TERM;
}

static unsigned
end_for_good(struct supervise *s, int exit_status, uint64_t now_us)
{
	s->stops = true;
	s->exit_status = exit_status;
	return end_ssh(s, now_us);
}

static unsigned
test(struct supervise *s, bool prodded)
{
	if (s->testing || !s->rules.tests)
		return 0;
	s->testing = true;
	s->prodded = prodded;
	return SUPERVISE_TEST;
}

static unsigned
while_running(struct supervise *s, enum supervise_event event, uint64_t now_us)
{
	switch (event) {
	case SUPERVISE_STOP:
		say(s, INFO, "received signal to exit");
		return end_for_good(s, 1, now_us);
	case SUPERVISE_RESTART:
		say(s, INFO, "signalled to kill and restart ssh");
		return end_ssh(s, now_us);
	case SUPERVISE_CUT_OFF:
		say(s, NOTICE, "the address of the connection is gone, restarting ssh");
		s->cut_off = true;
		return end_ssh(s, now_us);
	case SUPERVISE_PROD:
	case SUPERVISE_MOVED:
		return test(s, true);
	case SUPERVISE_TIMER:
		if (!s->poll_us || now_us < s->poll_us)
			return 0;
		s->poll_us = 0;
		s->prodded = false; /* one that runs already is now the poll's */
		return test(s, false);
	case SUPERVISE_TEST_EARLY:
	case SUPERVISE_TEST_FAILED:
		if (!s->testing)
			return 0;
		s->testing = false;
		if (event == SUPERVISE_TEST_EARLY && s->prodded)
			return 0;
		say(s, NOTICE, "port down, restarting ssh");
		return end_ssh(s, now_us);
	case SUPERVISE_TEST_OK:
		if (!s->testing)
			return 0;
		say(s, DEBUG, "connection ok");
		s->testing = false;
		s->poll_us = now_us + s->rules.poll_us;
		return 0;
	case SUPERVISE_EVENTS:
		break;
	}
	return 0;
}

static unsigned
while_ending(struct supervise *s, enum supervise_event event, uint64_t now_us)
{
	if (event == SUPERVISE_STOP) {
		bool insists = s->stops;
		s->stops = true;
		s->exit_status = 1;
		if (insists)
			return SUPERVISE_KILL;
	} else if (event == SUPERVISE_TIMER && now_us >= s->wait_us) {
		s->wait_us = now_us + patience_us;
		return SUPERVISE_KILL;
	}
	return 0;
}

static unsigned
while_waiting(struct supervise *s, enum supervise_event event, uint64_t now_us)
{
	uint64_t soonest_us = s->started_us + start_gap_us;
	switch (event) {
	case SUPERVISE_STOP:
		say(s, INFO, "received signal to exit");
		return over(s, 1);
	case SUPERVISE_RESTART:
	case SUPERVISE_PROD: /* a person may have mended what a login was refused for */
		return start(s, now_us);
	case SUPERVISE_CUT_OFF:
	case SUPERVISE_MOVED:
		if (s->refusals || now_us >= soonest_us)
			return s->refusals ? 0 : start(s, now_us);
		if (soonest_us < s->wait_us)
			s->wait_us = soonest_us;
		return 0;
	case SUPERVISE_TIMER:
		return now_us >= s->wait_us ? start(s, now_us) : 0;
	default:
		return 0;
	}
}

static unsigned
die(struct supervise *s, uint64_t now_us)
{
	s->dies_us = 0;
	say(s, INFO, "exceeded maximum time to live, shutting down");
	if (s->state == SUPERVISE_WAIT)
		return over(s, 0);
	if (s->state == SUPERVISE_RUN)
		return end_for_good(s, 0, now_us);
	s->stops = true; /* it has been asked to end already */
	return 0;
}

unsigned
supervise_on(struct supervise *s, enum supervise_event event, uint64_t now_us)
{
	s->said[0] = 0;
	if (event == SUPERVISE_TIMER && s->dies_us && now_us >= s->dies_us)
		return die(s, now_us);
	switch (s->state) {
	case SUPERVISE_RUN:
		return while_running(s, event, now_us);
	case SUPERVISE_ENDING:
		return while_ending(s, event, now_us);
	case SUPERVISE_WAIT:
		return while_waiting(s, event, now_us);
	default:
		return 0;
	}
}

unsigned
supervise_ended(struct supervise *s, const struct supervise_end *end, uint64_t now_us)
{
	s->said[0] = 0;
	s->testing = false;
	if (s->state == SUPERVISE_ENDING)
		return s->stops ? over(s, s->exit_status) : again(s, end, now_us);
	if (s->state != SUPERVISE_RUN)
		return 0;
	enum verdict v = verdicts[ending_of(end)][stage_of(s, now_us)];
	say_verdict(s, end, v);
	return v == AGAIN ? again(s, end, now_us) : over(s, v == DONE ? 0 : 1);
}

uint64_t
supervise_deadline(const struct supervise *s)
{
	const uint64_t all[] = { s->poll_us, s->wait_us, s->dies_us };
	uint64_t soonest_us = 0;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i] && (!soonest_us || all[i] < soonest_us))
			soonest_us = all[i];
	return soonest_us;
}
