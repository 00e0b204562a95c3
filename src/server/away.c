#include "server/away.h"

#include "sys/loop.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static struct away_note *
note_of(struct away *a, enum away_what what)
{
	return &a->notes[what - 1];
}

static void
forget(struct away_note *n)
{
	n->count = 0;
	n->due_us = 0;
}

static void
note(struct away *a, enum away_what what, uint32_t count, uint64_t at_us)
{
	struct away_note *n = note_of(a, what);
	if (!count || at_us < a->seen_us)
		return;
	n->count += count;
	n->at_us = at_us;
	if (n->due_us)
		return;
	n->due_us = at_us + AWAY_UNSEEN_US;
	if (n->told_us && n->due_us < n->told_us + AWAY_HOOK_US)
		n->due_us = n->told_us + AWAY_HOOK_US;
}

static void
wrote(struct away *a, uint64_t now_us)
{
	if (now_us > a->wrote_us + AWAY_QUIET_US)
		a->since_us = now_us;
	a->wrote_us = now_us;
	if (!a->look_us)
		a->look_us = now_us + AWAY_LOOK_US;
	forget(note_of(a, AWAY_QUIET));
}

/* Of one output there is one silence. */
static uint64_t
quiet_at(const struct away *a)
{
	bool noted = a->notes[AWAY_QUIET - 1].at_us == a->wrote_us;
	bool enough = a->wrote_us >= a->since_us + AWAY_WROTE_US;
	return a->group && enough && !noted ? a->wrote_us + AWAY_QUIET_US : 0;
}

static void
look_quiet(struct away *a, uint64_t now_us)
{
	uint64_t at = quiet_at(a);
	if (!at || now_us < at)
		return;
	note_of(a, AWAY_QUIET)->at_us = a->wrote_us;
	note(a, AWAY_QUIET, 1, a->wrote_us);
}

static void
saw(struct away *a, uint64_t seen_us)
{
	if (seen_us > a->seen_us)
		a->seen_us = seen_us;
	for (size_t i = 0; i < AWAY_QUIET; i++)
		if (a->notes[i].at_us < a->seen_us)
			forget(&a->notes[i]);
}

uint64_t
away_turn(struct away *a, const struct away_facts *f)
{
	uint64_t at = 0;
	if (f->output != a->output)
		wrote(a, f->now_us);
	a->output = f->output;
	note(a, AWAY_BELL, f->news->bells - a->bells, f->now_us);
	note(a, AWAY_NOTICE, f->news->notices - a->notices, f->now_us);
	a->bells = f->news->bells;
	a->notices = f->news->notices;
	a->news = f->news;
	look_quiet(a, f->now_us);
	saw(a, f->seen_us);
	loop_sooner(&at, a->look_us);
	loop_sooner(&at, quiet_at(a));
	return at;
}

bool
away_looks(const struct away *a, uint64_t now_us)
{
	return a->look_us && now_us >= a->look_us;
}

/* A shell that has said statuses has not said this one yet, and is not waited for already: the
 * program is gone, but the prompt has not come. */
static bool
says_soon(const struct away *a)
{
	return a->news && a->news->commands && a->news->commands == a->commands
	    && !a->awaits;
}

/* The shell's status is known if it has said one, and no more, since the program was there. */
static void
ended(struct away *a, uint64_t now_us)
{
	bool known = a->news && a->news->commands == a->commands + 1
	    && a->news->status >= 0;
	memcpy(a->ended, a->name, sizeof a->ended);
	a->how = known ? EXIT_STATUS : EXIT_UNKNOWN;
	a->status = known ? (uint32_t)a->news->status : 0;
	note(a, AWAY_ENDED, 1, now_us);
}

void
away_foreground(struct away *a, pid_t group, bool gone, const char *name, uint64_t now_us)
{
	a->look_us = 0;
	if (group == a->group)
		return;
	if (a->group && gone && !group && says_soon(a)) {
		a->awaits = true;
		a->look_us = now_us + AWAY_LOOK_US;
		return;
	}
	a->awaits = false;
	if (a->group && gone && now_us >= a->group_us + AWAY_LONG_US)
		ended(a, now_us);
	a->group = group;
	a->group_us = now_us;
	a->commands = a->news ? a->news->commands : 0;
	snprintf(a->name, sizeof a->name, "%s", name);
}

void
away_exited(struct away *a, int status, uint64_t now_us)
{
	uint32_t before = note_of(a, AWAY_ENDED)->count;
	away_foreground(a, 0, true, "", now_us);
	if (note_of(a, AWAY_ENDED)->count == before)
		return;
	a->how = WIFSIGNALED(status) ? EXIT_SIGNAL : EXIT_STATUS;
	a->status = (uint32_t)(WIFSIGNALED(status) ? WTERMSIG(status)
						   : WEXITSTATUS(status));
}

bool
away_get(const struct away *a, enum away_what what, uint64_t now_us, struct msg_away *ret)
{
	const struct away_note *n = &a->notes[what - 1];
	if (!n->count)
		return false;
	const char *text = what == AWAY_ENDED	     ? a->ended
	    : what == AWAY_NOTICE && a->news->notice ? a->news->notice
						     : "";
	*ret = (struct msg_away){ .what = (uint8_t)what,
		.count = n->count,
		.ago_s = (uint32_t)((now_us - n->at_us) / 1000000),
		.text = { (const uint8_t *)text, strlen(text) } };
	ret->text.n = away_cut(ret->text, AWAY_TEXT_MAX);
	if (what != AWAY_ENDED)
		return true;
	ret->how = a->how;
	ret->status = a->status;
	return true;
}

bool
away_is_news(const struct away *a, enum away_what what, uint64_t seen_us)
{
	const struct away_note *n = &a->notes[what - 1];
	return n->count && n->at_us + AWAY_UNSEEN_US <= seen_us;
}

enum away_what
away_hook(struct away *a, uint64_t now_us, uint64_t *at)
{
	for (enum away_what what = AWAY_ENDED; what <= AWAY_QUIET; what++) {
		struct away_note *n = note_of(a, what);
		if (n->due_us && now_us >= n->due_us) {
			n->due_us = 0;
			n->told_us = now_us;
			return what;
		}
		loop_sooner(at, n->due_us);
	}
	return 0;
}
