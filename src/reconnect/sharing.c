#include "reconnect/sharing.h"

#include "base/trace.h"
#include "ssh/host_cache.h"
#include "sys/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LOOK_US = 40 * 1000, /* who waits looks at the board so often */
	GLANCE_US = 200 * 1000, /* ... who waits for a person, too */
	BEAT_US = 500 * 1000,
	SILENT_US = 2 * 1000000,
	/* more at a time does not count: this process itself was stopped, or the machine */
	STEP_MAX_US = 200 * 1000,
	FAILURES_MAX = 3, /* then it goes alone */
};

static long
self(void)
{
	return (long)getpid();
}

/* ---- how many links a host takes ---- */

static void
learn_limit(struct sharing *s, const struct ssh_config *c)
{
	char word[HOST_CACHE_WORD_MAX];
	if (s->limit)
		return;
	s->limit = LOGIN_LINKS;
	if (host_cache_has(HOST_CACHE_LINKS, c, word))
		s->limit = (unsigned)strtoul(word, NULL, 10);
}

/* So many have been there when one more was refused. */
static void
lower_limit(struct sharing *s, const struct ssh_config *c, size_t links)
{
	char word[HOST_CACHE_WORD_MAX];
	size_t limit = links > LOGIN_SPARE ? links - LOGIN_SPARE : 0;
	if (limit < 2)
		limit = 1; /* a login of its own for each */
	s->limit = (unsigned)(limit < LOGIN_LINKS ? limit : LOGIN_LINKS);
	snprintf(word, sizeof word, "%u", s->limit);
	host_cache_remember(HOST_CACHE_LINKS, c, word);
}

/* ---- looking ---- */

/* For how long the leader has given no sign of life while this process looked. */
static bool
stands_still(struct sharing *s, const struct login_board *b, uint64_t now_us)
{
	uint64_t step_us = s->seen_us ? now_us - s->seen_us : 0;
	s->seen_us = now_us;
	if (b->beat != s->beat || !b->leader)
		s->stood_us = 0;
	else
		s->stood_us += step_us < STEP_MAX_US ? step_us : STEP_MAX_US;
	s->beat = b->beat;
	return s->stood_us >= SILENT_US;
}

/* What a window rides on, and what it may not. */
struct avoided {
	const char *names[LOGIN_AVOIDED];
	size_t n;
};

static struct avoided
avoided(const struct sharing *s, const struct sharing_now *now)
{
	struct avoided a = { .n = 0 };
	for (size_t i = 0; i < sizeof s->failed / sizeof *s->failed; i++)
		if (s->failed[i][0])
			a.names[a.n++] = s->failed[i];
	for (size_t i = 0; i < now->n_avoided && a.n < LOGIN_AVOIDED; i++)
		a.names[a.n++] = now->used[i];
	return a;
}

static struct login_looker
looker(struct sharing *s, enum login_wish wish, const struct avoided *a, bool silent)
{
	return (struct login_looker){ .pid = self(),
		.now_us = sys_boot_us(),
		.wish = wish,
		.limit = s->limit,
		.silent = silent,
		.avoided = a->names,
		.n_avoided = a->n };
}

/* A master that has gone without a word is none. */
static bool
drop_dead_master(struct sharing *s, struct login_board *b)
{
	if (!b->master[0] || shared_login_listens(&s->login, b->master))
		return false;
	b->master[0] = 0;
	return true;
}

/* ---- asking ---- */

static void
add_own(struct sharing *s, struct login_board *b, const char *more)
{
	const char *names[SHARING_USED + 1];
	size_t n = 0;
	for (; n < s->n_used; n++)
		names[n] = s->used[n];
	if (n < SHARING_USED) {
		snprintf(s->used[s->n_used++], LOGIN_NAME_MAX, "%s", more);
		names[n++] = more;
	}
	login_board_ride(b, self(), names, n);
}

static void
do_verdict(struct sharing *s, struct login_board *b, const struct login_looker *l)
{
	switch (s->verdict) {
	case LOGIN_LEAD:
		login_board_lead(b, self(), l);
		s->leads = true;
		shared_login_name(s->master);
		break;
	case LOGIN_RIDE:
		snprintf(s->master, sizeof s->master, "%s", b->master);
		add_own(s, b, s->master);
		break;
	case LOGIN_WAIT:
		s->waits = true;
		s->wish = l->wish;
		break;
	case LOGIN_ALONE:
	case LOGIN_REFUSED:
		break;
	}
}

static enum login_verdict
decide(struct sharing *s, enum login_wish wish, const struct sharing_now *now,
    uint64_t now_us)
{
	struct login_board b;
	if (!shared_login_take(&s->login, &b))
		return LOGIN_ALONE;
	struct avoided a = avoided(s, now);
	struct login_looker l = looker(s, wish, &a, stands_still(s, &b, now_us));
	if (login_board_look(&b, &l) == LOGIN_MASTER)
		(void)drop_dead_master(s, &b);
	enum login_sight sight = login_board_look(&b, &l);
	s->verdict = login_board_verdict(wish, sight);
	do_verdict(s, &b, &l);
	TRACE(now_us, "sharing", "wish %d, sight %d: verdict %d, master %s", wish, sight,
	    s->verdict, s->master[0] ? s->master : "-");
	shared_login_put(&s->login, &b);
	return s->verdict;
}

enum login_verdict
sharing_ask(struct sharing *s, const struct ssh_config *c, enum login_wish wish,
    const struct sharing_now *now, uint64_t now_us)
{
	bool waited = s->waits;
	(void)sharing_alone(s);
	if (!s->on || s->failures >= FAILURES_MAX || !shared_login_may(c))
		return LOGIN_ALONE;
	learn_limit(s, c);
	if (s->limit < 2 || !shared_login_open(&s->login, c, s->ssh))
		return LOGIN_ALONE;
	if (!waited)
		s->seen_us = s->stood_us = 0;
	s->verdict = decide(s, wish, now, now_us);
	s->look_us = now_us + (s->waits ? LOOK_US : BEAT_US);
	return s->verdict;
}

enum login_verdict
sharing_alone(struct sharing *s)
{
	s->waits = false;
	s->master[0] = 0;
	s->verdict = LOGIN_ALONE;
	return s->verdict;
}

void
sharing_stop(struct sharing *s)
{
	s->waits = false;
}

/* ---- turns ---- */

static bool
has(char (*names)[LOGIN_NAME_MAX], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* A master that is given up, and that nobody else needs, ends. */
static void
end_unused(struct sharing *s, const struct login_board *b, const struct sharing_now *now)
{
	for (size_t i = 0; i < s->n_used; i++) {
		const char *name = s->used[i];
		bool current = strcmp(b->master, name) == 0 && !b->doubted;
		if (!current
		    && !has((char(*)[LOGIN_NAME_MAX])now->used, now->n_used, name)
		    && login_board_links(b, name) == 0)
			shared_login_end(&s->login, name);
	}
}

/* The board has the links that this process has now. */
static void
tell_links(struct sharing *s, const struct sharing_now *now)
{
	struct login_board b;
	const char *names[SHARING_USED];
	bool same = s->n_used == now->n_used;
	for (size_t i = 0; same && i < now->n_used; i++)
		same = has(s->used, s->n_used, now->used[i]);
	if (same || !shared_login_take(&s->login, &b))
		return;
	for (size_t i = 0; i < now->n_used; i++)
		names[i] = now->used[i];
	login_board_ride(&b, self(), names, now->n_used);
	end_unused(s, &b, now);
	shared_login_put(&s->login, &b);
	memcpy(s->used, now->used, sizeof s->used);
	s->n_used = now->n_used;
}

/* Lives, or leads no more; false: another does. */
static bool
tell_lead(struct sharing *s, const struct sharing_now *now)
{
	struct login_board b;
	if (!shared_login_take(&s->login, &b))
		return true; /* in the next turn */
	bool ours = b.leader == self();
	if (!now->leads) {
		login_board_leave(&b, self(), false, 0);
		s->leads = false;
	} else if (ours) {
		b.beat++;
		b.asks = now->asks;
	} else {
		s->leads = false;
	}
	shared_login_put(&s->login, &b);
	return ours;
}

static bool
sees_master(struct sharing *s, const struct sharing_now *now)
{
	struct login_board b;
	struct avoided a = avoided(s, now);
	struct login_looker l = looker(s, LOGIN_QUIET, &a, false);
	return shared_login_read(&s->login, &b)
	    && login_board_look(&b, &l) == LOGIN_MASTER
	    && shared_login_listens(&s->login, b.master);
}

enum sharing_news
sharing_turn(struct sharing *s, const struct sharing_now *now, uint64_t now_us)
{
	if (!s->login.open)
		return SHARING_NOTHING;
	tell_links(s, now);
	bool due = s->look_us && now_us >= s->look_us;
	if (s->leads && (due || !now->leads)) {
		s->look_us = now_us + BEAT_US;
		if (!tell_lead(s, now) && now->asks)
			return SHARING_MOVED;
	}
	if (s->waits) {
		s->look_us = due ? now_us + LOOK_US : s->look_us;
		return due ? SHARING_GO_ON : SHARING_NOTHING;
	}
	if (!s->leads && !now->wants)
		s->look_us = 0;
	if (!now->wants || s->leads)
		return SHARING_NOTHING;
	if (!s->look_us)
		s->look_us = now_us + GLANCE_US;
	if (!due)
		return SHARING_NOTHING;
	s->look_us = now_us + GLANCE_US;
	return sees_master(s, now) ? SHARING_THERE : SHARING_NOTHING;
}

uint64_t
sharing_deadline(const struct sharing *s)
{
	return s->login.open ? s->look_us : 0;
}

/* ---- what became of it ---- */

void
sharing_ready(struct sharing *s, const char *master, bool asked)
{
	struct login_board b;
	s->failures = 0;
	if (!shared_login_take(&s->login, &b))
		return;
	if (!has(s->used, s->n_used, master))
		add_own(s, &b, master);
	login_board_publish(&b, master, asked);
	login_board_leave(&b, self(), false, 0);
	s->leads = false;
	shared_login_put(&s->login, &b);
}

void
sharing_denied(struct sharing *s)
{
	struct login_board b;
	if (!s->leads || !shared_login_take(&s->login, &b))
		return;
	login_board_leave(&b, self(), true, sys_boot_us());
	s->leads = false;
	shared_login_put(&s->login, &b);
}

void
sharing_failed(struct sharing *s, const struct ssh_config *c, const char *master,
    bool full)
{
	struct login_board b;
	s->failures++;
	memmove(s->failed[1], s->failed[0], sizeof s->failed - sizeof s->failed[0]);
	snprintf(s->failed[0], sizeof s->failed[0], "%s", master);
	if (full && shared_login_read(&s->login, &b))
		lower_limit(s, c, login_board_links(&b, master) - 1);
}

void
sharing_heard(struct sharing *s, const char *master)
{
	struct login_board b;
	if (!shared_login_take(&s->login, &b))
		return;
	login_board_trust(&b, master);
	shared_login_put(&s->login, &b);
}

void
sharing_path(const struct sharing *s, const char *master,
    char ret_path[SHARED_LOGIN_PATH_MAX])
{
	shared_login_path(&s->login, master, ret_path);
}

/* By a master that answers, the next window may come back at once: it stays for a while, as
 * ssh has it.  One in doubt has nobody more. */
void
sharing_finish(struct sharing *s, const char *doubted)
{
	struct login_board b;
	if (doubted && doubted[0] && shared_login_take(&s->login, &b)) {
		login_board_ride(&b, self(), NULL, 0);
		if (login_board_links(&b, doubted) == 0)
			shared_login_end(&s->login, doubted);
		shared_login_put(&s->login, &b);
	}
	shared_login_close(&s->login);
}
