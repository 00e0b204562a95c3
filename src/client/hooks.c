#include "client/hooks.h"

#include "base/log.h"
#include "sys/child.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ON_LOST, ON_BACK, ON_AWAY, LOST_AFTER_US = 3 * 1000000, VARIABLE_MAX = 600 };

void
hooks_init(struct hooks *h, const struct options *o)
{
	*h = (struct hooks){ .commands = { o->on_lost, o->on_back, o->on_away },
		.destination = o->destination };
}

/* Runs it if there is one, with these variables and that of the destination behind them. */
static void
start(struct hooks *h, int which, char *env[])
{
	static const char *const names[] = { "--on-lost", "--on-back", "--on-away" };
	char destination[VARIABLE_MAX];
	const char *text = h->commands[which];
	if (!text)
		return;
	char *argv[] = { (char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
		(char *)(uintptr_t)text, NULL };
	snprintf(destination, sizeof destination, "BELAY_DESTINATION=%s", h->destination);
	size_t n = 0;
	while (env[n])
		n++;
	env[n] = destination;
	h->pid = child_start_aside(argv, env);
	if (h->pid > 0)
		return;
	h->pid = 0;
	log_say(LOG_ERROR, "cannot run %s: %s", names[which], strerror(errno));
}

static void
run(struct hooks *h, int which, uint64_t outage_us)
{
	char outage[64];
	char *env[] = { outage, NULL, NULL };
	h->lost = which == ON_LOST;
	snprintf(outage, sizeof outage, "BELAY_OUTAGE=%" PRIu64, outage_us / 1000000);
	start(h, which, env);
}

static void
tell_away(struct hooks *h)
{
	char all[VARIABLE_MAX], what[64], status[64] = "BELAY_AWAY_STATUS=";
	char *env[] = { all, what, status, NULL, NULL };
	snprintf(all, sizeof all, "BELAY_AWAY=%s", h->happened);
	snprintf(what, sizeof what, "BELAY_AWAY_WHAT=%s", away_name(h->away.what));
	if (h->away.how)
		snprintf(status, sizeof status, "BELAY_AWAY_STATUS=%u",
		    while_away_status(&h->away));
	h->away.count = 0;
	start(h, ON_AWAY, env);
}

/* The outage's; returns when to call it again. */
static uint64_t
outage_turn(struct hooks *h, uint64_t down_us, uint64_t now_us)
{
	if (down_us) {
		h->since_us = h->lost && !h->until_us ? h->since_us : down_us;
		h->until_us = 0;
	} else if (!h->until_us) {
		h->until_us = now_us;
	}
	if (h->pid)
		return 0;
	if (h->lost && !down_us)
		run(h, ON_BACK, h->until_us - h->since_us);
	if (h->lost || !down_us)
		return 0;
	if (now_us < down_us + LOST_AFTER_US)
		return down_us + LOST_AFTER_US;
	run(h, ON_LOST, now_us - down_us);
	return 0;
}

uint64_t
hooks_turn(struct hooks *h, uint64_t down_us, uint64_t now_us)
{
	uint64_t at = h->commands[ON_LOST] || h->commands[ON_BACK]
	    ? outage_turn(h, down_us, now_us)
	    : 0;
	if (!h->pid && h->away.count)
		tell_away(h);
	return at;
}

void
hooks_away(struct hooks *h, const struct while_away_note *most, const char *all)
{
	h->away = *most;
	snprintf(h->happened, sizeof h->happened, "%s", all);
}

void
hooks_reap(struct hooks *h)
{
	int status;
	if (h->pid && child_ended(h->pid, &status))
		h->pid = 0;
}
