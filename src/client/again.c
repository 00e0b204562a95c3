#include "client/again.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WHEN_MAX = 32, DAY_S = 20 * 3600 };

static const unsigned char nexts[][2] = {
	/*                   otherwise       the host was restarted */
	[AGAIN_AUTO] = { RECONNECT_ASK, RECONNECT_ANEW },
	[AGAIN_ASK] = { RECONNECT_ASK, RECONNECT_ASK },
	[AGAIN_ALWAYS] = { RECONNECT_ANEW, RECONNECT_ANEW },
	[AGAIN_NEVER] = { RECONNECT_OVER, RECONNECT_OVER },
};

enum reconnect_next
again_next(enum options_again when, const struct reconnect_gone *gone)
{
	return nexts[when][gone->rebooted && gone->machine_known];
}

/* " 12:04", of another day " Mon 12:04". */
static void
put_when(int64_t at_s, int64_t now_s, char ret_text[WHEN_MAX])
{
	time_t at = (time_t)at_s;
	struct tm tm;
	bool today = at_s <= now_s && now_s - at_s < DAY_S;
	ret_text[0] = 0;
	if (at_s > 0 && localtime_r(&at, &tm))
		(void)strftime(ret_text, WHEN_MAX, today ? " %H:%M" : " %a %H:%M", &tm);
}

__attribute__((format(printf, 2, 3))) static void
put(char *text, const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text + n, AGAIN_TEXT_MAX - n, fmt, ap);
	va_end(ap);
}

void
again_text(const struct handshake_remains *r, bool rebooted,
    const struct again_typed *typed, int64_t now_s, char ret_text[AGAIN_TEXT_MAX])
{
	char when[WHEN_MAX] = "";
	ret_text[0] = 0;
	if (r->any)
		rebooted = r->rebooted;
	if (r->any)
		put_when(r->booted_s, now_s, when);
	if (rebooted)
		put(ret_text, "host restarted%s", when);
	else
		put(ret_text, "the session ended on the host");
	put(ret_text, "; new shell");
	if (r->any && r->there && r->directory[0])
		put(ret_text, " in %s", r->directory);
	else if (r->any && r->directory[0])
		put(ret_text, " (%s is not there)", r->directory);
	if (r->running[0])
		put(ret_text, " (was: %s)", r->running);
	if (typed->unsent)
		put(ret_text, "; %zu byte%s that you typed %s not sent", typed->unsent,
		    typed->unsent == 1 ? "" : "s", typed->unsent == 1 ? "was" : "were");
	if (typed->doubtful)
		put(ret_text, "; the last %zu that were may not have arrived",
		    typed->doubtful);
}
