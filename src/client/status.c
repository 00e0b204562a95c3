#include "client/status.h"

#include <stdio.h>

enum { SECOND_US = 1000 * 1000 };

/* "12 s", "3 min 4 s", "2 h 5 min" */
static void
duration(uint64_t us, char *ret_text, size_t len)
{
	unsigned long s = (unsigned long)(us / SECOND_US);
	if (s < 60)
		snprintf(ret_text, len, "%lu s", s);
	else if (s < 3600)
		snprintf(ret_text, len, "%lu min %lu s", s / 60, s % 60);
	else
		snprintf(ret_text, len, "%lu h %lu min", s / 3600, s / 60 % 60);
}

static const char *
doing(const struct status *s, char *text, size_t len)
{
	switch (s->state) {
	case POLICY_DOUBT_ASK:
	case POLICY_DOWN_ASK:
		if (s->enter)
			return "needs your login: press Enter";
		if (s->escape > ' ')
			snprintf(text, len, "needs your login: Enter %cR", s->escape);
		return s->escape > ' ' ? text : "needs your login";
	case POLICY_DOUBT_WAIT:
	case POLICY_DOWN_WAIT: {
		uint64_t left = s->next_us > s->now_us ? s->next_us - s->now_us : 0;
		snprintf(text, len, "trying again in %lu s",
		    (unsigned long)((left + SECOND_US - 1) / SECOND_US));
		return text;
	}
	default:
		if (!s->tries)
			return "connecting";
		snprintf(text, len, "connecting, attempt %u", s->tries + 1);
		return text;
	}
}

void
status_text(const struct status *s, char ret_text[STATUS_MAX])
{
	char since[48], what[64], keys[32] = "";
	bool down = s->state == POLICY_DOWN_TRY || s->state == POLICY_DOWN_WAIT
	    || s->state == POLICY_DOWN_ASK;
	duration(s->now_us - s->since_us, since, sizeof since);
	if (s->escape > ' ')
		snprintf(keys, sizeof keys, "; Enter %c. leaves", s->escape);
	snprintf(ret_text, STATUS_MAX, "belay: %s, %s: %.80s; %s%s",
	    down ? "disconnected" : "no answer", since, s->host,
	    doing(s, what, sizeof what), keys);
}

void
status_dropping(const char *host, enum status_dropping why, char ret_text[STATUS_MAX])
{
	/* A narrow window shows what to press. */
	static const char *const texts[] = {
		[STATUS_GONE] =
		    ": the question is gone, and what you type is thrown away",
		[STATUS_UP] = ": connected again, and what you type is thrown away",
		[STATUS_NEW] = ", then answer: what you type before that is thrown away",
	};
	snprintf(ret_text, STATUS_MAX, "belay: press Enter%s: %.80s", texts[why], host);
}

uint64_t
status_changes_us(const struct status *s)
{
	uint64_t age = s->now_us - s->since_us;
	return s->now_us + (age > SECOND_US ? age : SECOND_US);
}
