#include "server/away_watch.h"

#include "base/hex.h"
#include "base/text.h"
#include "server/settings.h"
#include "sys/child.h"
#include "sys/os.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORDS_MAX = 256, SIGNALLED = 128 /* as shells have it */ };

/* ---- who sees it ---- */

static const struct link *
link_of(const struct client *p)
{
	const struct link *l = client_here(p) && rights_has(p->role, CLAIM_STAY)
	    ? engine_link(&p->engine, RANK_CONTROL)
	    : NULL;
	return l && l->used ? l : NULL;
}

/* What a client has answered it has seen. */
static uint64_t
seen_us(const struct clients *ps)
{
	uint64_t seen = 0;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct link *l = link_of(&ps->list[i]);
		uint64_t at = !l ? 0 : l->asked_us ? l->asked_us : ps->loop->now_us;
		seen = at > seen ? at : seen;
	}
	return seen;
}

/* ---- telling ---- */

static void
tell(const struct away_watch *w, struct client *p, uint64_t at_us, uint64_t now_us)
{
	struct msg_away all[AWAY_QUIET];
	uint8_t n = 0;
	if (!p->wants_away || p->told_away)
		return;
	for (enum away_what what = AWAY_ENDED; what <= AWAY_QUIET; what++)
		if (away_is_news(&w->away, what, at_us)
		    && away_get(&w->away, what, now_us, &all[n]))
			n++;
	for (uint8_t i = 0; i < n; i++) {
		all[i].more = (uint8_t)(n - 1 - i);
		(void)engine_tell(&p->engine, MSG_AWAY, &all[i]);
	}
	p->told_away = n;
}

void
away_watch_greet(struct away_watch *w, struct client *p, uint64_t now_us)
{
	tell(w, p, now_us, now_us);
}

void
away_watch_put(const struct away_watch *w, uint64_t now_us, struct buf *out)
{
	struct msg_away m;
	for (enum away_what what = AWAY_ENDED; what <= AWAY_QUIET; what++)
		if (away_get(&w->away, what, now_us, &m))
			(void)msg_put(out, MSG_AWAY, &m);
}

/* ---- the hook ---- */

/* In the child. */
_Noreturn static void
become(const char *command, const struct session_info *info, const struct msg_away *m)
{
	struct buf words, status, id;
	char text[WORDS_MAX];
	buf_init(&words, sizeof text);
	buf_init(&status, sizeof text);
	buf_init(&id, sizeof text);
	away_words(m, AWAY_TEXT_MAX, &words);
	snprintf(text, sizeof text, "%s", buf_str(&words));
	text_printable(text, true);
	if (m->how)
		buf_print(&status, "%u",
		    m->status + (m->how == EXIT_SIGNAL ? SIGNALLED : 0));
	(void)hex_put(&id, (struct span){ info->id, ID_LEN });
	(void)setenv("BELAY_AWAY", text, 1);
	(void)setenv("BELAY_AWAY_WHAT", away_name(m->what), 1);
	(void)setenv("BELAY_AWAY_STATUS", buf_str(&status), 1);
	(void)setenv("BELAY_SESSION", buf_str(&id), 1);
	setsid();
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static void
run(struct away_watch *w, const struct session_info *info, const struct msg_away *m)
{
	struct server_settings settings;
	server_settings_read(&settings);
	if (!settings.on_away[0])
		return;
	pid_t pid = child_fork(NULL, -1);
	if (pid == 0)
		become(settings.on_away, info, m);
	w->hook = pid > 0 ? pid : 0;
}

void
away_watch_reap(struct away_watch *w, pid_t pid)
{
	if (w->hook == pid)
		w->hook = 0;
}

/* ---- all of it ---- */

/* The shell at its prompt is nothing in the foreground; a command that the session was made for
 * is. */
static void
look(struct away_watch *w, const struct program *p, const struct session_info *info)
{
	char name[AWAY_NAME_MAX];
	pid_t before = w->away.group, group = p->ended ? before : program_foreground(p);
	bool own = group == p->pid;
	if (own && info->command[0])
		snprintf(name, sizeof name, "%.*s", AWAY_NAME_MAX - 1, info->command);
	else
		os_process_name(group, name, sizeof name);
	away_foreground(&w->away, own && !info->command[0] ? 0 : group,
	    before && kill(-before, 0) < 0 && errno == ESRCH, name, p->loop->now_us);
}

void
away_watch_exited(struct away_watch *w, const struct program *p)
{
	away_exited(&w->away, p->status, p->loop->now_us);
}

uint64_t
away_watch_turn(struct away_watch *w, struct clients *ps, const struct program *p,
    const struct session_info *info)
{
	struct msg_away m;
	if (!ps->term)
		return 0; /* also before it has begun */
	uint64_t now_us = ps->loop->now_us;
	if (away_looks(&w->away, now_us))
		look(w, p, info);
	struct away_facts facts = { now_us, seen_us(ps), p->out.moved,
		term_news(ps->term) };
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (!link_of(&ps->list[i]))
			continue;
		tell(w, &ps->list[i], facts.seen_us, now_us);
		ps->list[i].told_away = false;
	}
	uint64_t at = away_turn(&w->away, &facts);
	enum away_what what = w->hook ? 0 : away_hook(&w->away, now_us, &at);
	if (what && away_get(&w->away, what, now_us, &m))
		run(w, info, &m);
	return at;
}
