#include "client/session_words.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	ID_SHOWN = 8, /* digits of a session's id */
	WHEN_MAX = 64,
	WORDS_MAX = 32 * 1024,
};

/* The first digits of a session's id, by which the host finds it, too. */
static void
short_id(const uint8_t id[ID_LEN], char ret[ID_SHOWN + 1])
{
	for (int i = 0; i < ID_SHOWN / 2; i++)
		snprintf(ret + 2 * i, 3, "%02x", id[i]);
}

/* A session's name, if it has one, and when it began: " work of Mon 12:04". */
static void
describe(const char *name, int64_t begun_ms, char ret[NAME_MAX_LEN + WHEN_MAX])
{
	char when[WHEN_MAX - 8] = "";
	time_t begun = (time_t)(begun_ms / 1000);
	struct tm tm;
	if (localtime_r(&begun, &tm))
		(void)strftime(when, sizeof when, "%a %H:%M", &tm);
	snprintf(ret, NAME_MAX_LEN + WHEN_MAX, "%s%s of %s", name[0] ? " " : "", name,
	    when);
}

/* The words that lead there. */
static void
put_destination(const struct options *o, struct buf *to)
{
	buf_init(to, WORDS_MAX);
	options_put(o, to);
}

/* What was left for those who know how to come back to it. */
static void
put_others(const struct saved_others *others, const struct options *o, struct buf *ret)
{
	const struct saved_session *m = &others->youngest;
	char text[NAME_MAX_LEN + WHEN_MAX], more[32] = "", id[ID_SHOWN + 1];
	struct buf to;
	put_destination(o, &to);
	describe(m->name, m->begun_ms, text);
	short_id(m->id, id);
	if (others->n > 1)
		snprintf(more, sizeof more, " and %u more", others->n - 1);
	buf_print(ret,
	    "a new session; the one%s%s was left elsewhere, `belay --session %s %s` comes "
	    "back to it",
	    text, more, id, buf_str(&to));
	buf_finish(&to);
}

void
session_words_begun(const struct session_request *w, const struct options *o,
    const struct handshake *h, struct buf *ret)
{
	char text[NAME_MAX_LEN + WHEN_MAX];
	describe(h->name, h->begun_ms, text);
	if (w->left.begun_ms && w->left.begun_ms == h->begun_ms)
		buf_print(ret, "back in the session%s; --new starts another", text);
	else if (w->left.begun_ms)
		buf_print(ret,
		    "the session%s%s that was left has ended; this is a new one",
		    h->name[0] ? " " : "", h->name);
	else if (w->others.n)
		put_others(&w->others, o, ret);
}

void
session_words_left(const uint8_t session[ID_LEN], const struct options *o,
    struct buf *ret)
{
	char id[ID_SHOWN + 1];
	struct buf to;
	put_destination(o, &to);
	short_id(session, id);
	buf_print(ret,
	    "the session goes on: `belay %s` comes back to it here, `belay --session %s "
	    "%s` anywhere; `belay --kill %s %s` ends it",
	    buf_str(&to), id, buf_str(&to), id, buf_str(&to));
	buf_finish(&to);
}

const char *
session_words_gone(const struct reconnect_gone *g, bool looks_on)
{
	return g->rebooted ? "the host has been rebooted; the session is gone"
	    : looks_on	   ? "there is no session to look on"
			   : "the session is gone: it ended or was killed on the host";
}

void
session_words_asks(const char *gone, char escape, struct buf *ret)
{
	buf_print(ret, "%s; Enter begins another", gone);
	if (escape)
		buf_print(ret, ", %c. leaves", escape);
}

void
session_words_stranger(const struct ssh_errors_key *key, struct buf *ret)
{
	buf_print(ret,
	    "another host key answers there%s%s%s%s; nothing is sent to it, and each "
	    "change of the network tries again",
	    key->fingerprint[0] ? ", " : "", key->fingerprint,
	    key->place[0] ? ", not that of " : "", key->place);
}

void
session_words_unsent(size_t n, struct buf *ret)
{
	if (n)
		buf_print(ret, "%zu byte%s that you typed %s not sent", n,
		    n == 1 ? "" : "s", n == 1 ? "was" : "were");
}

void
session_words_doubtful(size_t n, struct buf *ret)
{
	if (n)
		buf_print(ret,
		    "%zu byte%s that you typed, the last that were sent, may not have "
		    "arrived",
		    n, n == 1 ? "" : "s");
}
