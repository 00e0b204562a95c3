#include "client/hooks.h"

#include "base/log.h"
#include "sys/child.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ON_LOST, ON_BACK, LOST_AFTER_US = 3 * 1000000, VARIABLE_MAX = 512 };

void
hooks_init(struct hooks *h, const struct options *o)
{
	*h = (struct hooks){ .commands = { o->on_lost, o->on_back },
		.destination = o->destination };
}

static void
run(struct hooks *h, int which, uint64_t outage_us)
{
	static const char *const names[] = { "--on-lost", "--on-back" };
	char destination[VARIABLE_MAX], outage[64];
	char *env[] = { destination, outage, NULL };
	const char *text = h->commands[which];
	h->lost = which == ON_LOST;
	if (!text)
		return;
	char *argv[] = { (char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
		(char *)(uintptr_t)text, NULL };
	snprintf(destination, sizeof destination, "BELAY_DESTINATION=%s", h->destination);
	snprintf(outage, sizeof outage, "BELAY_OUTAGE=%" PRIu64, outage_us / 1000000);
	h->pid = child_start_aside(argv, env);
	if (h->pid > 0)
		return;
	h->pid = 0;
	log_say(LOG_ERROR, "cannot run %s: %s", names[which], strerror(errno));
}

uint64_t
hooks_turn(struct hooks *h, uint64_t down_us, uint64_t now_us)
{
	if (!h->commands[ON_LOST] && !h->commands[ON_BACK])
		return 0;
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

void
hooks_reap(struct hooks *h)
{
	int status;
	if (h->pid && child_ended(h->pid, &status))
		h->pid = 0;
}
