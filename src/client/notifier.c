#include "client/notifier.h"

#include "base/log.h"
#include "sys/sys.h"
#include "sys/tty.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	STATUS_AFTER_US = 300 * 1000, /* most outages are over before anybody looks */
	/* output may have been in the line's place */
	QUESTION_DRAWN_US = 1000 * 1000,
	SAY_AFTER_US = 3 * 1000000,
	UNDRAWN_US = 1000 * 1000, /* a line may not be drawn while the program writes */
	/* where datagrams may answer again without a login */
	OFFER_AFTER_US = 5 * 1000000,
	/* What has happened is read by who has typed a key so long behind its appearing, or by
	 * nobody. */
	AWAY_READ_US = 2 * 1000000,
	AWAY_MAX_US = 600 * 1000000,
	NARROW = 40,
};

void
notifier_init(struct notifier *t, struct console *console, struct reconnect *reconnect,
    const char *host)
{
	const char *status = getenv("BELAY_STATUS");
	*t = (struct notifier){ .console = console,
		.reconnect = reconnect,
		.host = host,
		.off = status && strcmp(status, "off") == 0 };
}

static bool
asks_for_login(const struct notifier *t)
{
	return policy_wants_person(t->reconnect->policy.state);
}

static enum status_why
reason(const struct reconnect *r)
{
	struct status_facts facts = { .state = r->policy.state,
		.error = r->error,
		.failed = r->failed,
		.no_server = r->no_server,
		.elsewhere = r->elsewhere,
		.rebooted = r->rebooted,
		.shared = r->sharing.waits,
		.asks = reconnect_asks(r),
		.network = !r->had_network || netwatch_has_network(&r->net) };
	return status_why(&facts);
}

/* Without a terminal to draw on, one line when it lasts, and one when it is over. */
static void
say(struct notifier *t, bool over, uint64_t now_us)
{
	uint64_t for_us = now_us - t->since_us;
	enum policy_state state = t->reconnect->policy.state;
	bool login = asks_for_login(t) && !policy_meets_stranger(state);
	bool undrawn = t->undrawn_us && now_us >= t->undrawn_us + UNDRAWN_US;
	if (login && undrawn && !t->said_login && !t->silent && t->escape)
		log_say(LOG_NOTICE, "%s: %s: press Enter", t->host,
		    status_reason(reason(t->reconnect)));
	t->said_login = !over && login && (undrawn || t->said_login);
	if (t->silent || (!over && for_us < SAY_AFTER_US) || t->said_lost != over)
		return;
	t->said_lost = !over;
	if (over)
		log_say(LOG_NOTICE, "%s: connected again after %u s", t->host,
		    (unsigned)(for_us / 1000000));
	else
		log_say(LOG_NOTICE, "%s: no answer; the session waits, connecting again",
		    t->host);
}

/* At the first login the terminal is ssh's, which would say it there. */
static void
say_notice(struct notifier *t)
{
	struct prompt *p = reconnect_prompt(t->reconnect);
	if (!p || p->said)
		return;
	p->said = true;
	console_say(t->console, p->text);
	console_say(t->console, "\r\n");
}

/* Shows what ssh asks; false: it asks nothing. */
static bool
show_question(struct notifier *t)
{
	struct prompt *p = reconnect_prompt(t->reconnect);
	char line[STATUS_MAX];
	struct tty_size size = { 24, 80, 0, 0 };
	if (!p)
		return false;
	(void)tty_get_size(STDOUT_FILENO, &size);
	prompt_line(p, t->host, size.cols < sizeof line ? size.cols : sizeof line - 1,
	    line);
	if (console_status(t->console, line))
		return true;
	prompt_was_said(p);
	if (!p->said)
		log_say(LOG_NOTICE, "%s %s: %s", p->by_host ? t->host : "ssh",
		    p->kind == PROMPT_NOTICE ? "says" : "asks", p->text);
	p->said = true;
	return true;
}

/* That keys go nowhere; false: they do not. */
static bool
show_dropping(struct notifier *t)
{
	char line[STATUS_MAX];
	if (!keyboard_drops(&t->console->keyboard)) {
		t->said_dropping = false;
		return false;
	}
	enum status_dropping why = reconnect_up(t->reconnect)	 ? STATUS_UP
	    : t->console->keyboard.state == KEYBOARD_DROP_ANSWER ? STATUS_NEW
								 : STATUS_GONE;
	status_dropping(t->host, why, line);
	if (!console_status(t->console, line) && !t->said_dropping) {
		log_say(LOG_NOTICE, "%s", line + strlen("belay: "));
		t->said_dropping = true;
	}
	return true;
}

/* Another state, not only another time. */
static bool
is_other(const struct status *a, const struct status *b)
{
	bool waits = a->state == POLICY_DOUBT_WAIT || a->state == POLICY_DOWN_WAIT;
	return a->state != b->state || a->why != b->why || a->tries != b->tries
	    || a->heard_us != b->heard_us || a->waiting != b->waiting
	    || a->line_start != b->line_start || a->enter != b->enter
	    || a->unnoticed != b->unnoticed || (waits && a->next_us != b->next_us);
}

static size_t
width(void)
{
	struct tty_size size = { 24, 80, 0, 0 };
	(void)tty_get_size(STDOUT_FILENO, &size);
	return size.cols > 1 ? size.cols - 1u
			     : 1; /* the last column may be the program's */
}

/* When Enter is the login's: what is typed as that ends is thrown away (keyboard.h), and a
 * moment of silence is not worth it. */
static uint64_t
offers_at(const struct notifier *t)
{
	return reconnect_is_lean_in_doubt(t->reconnect) ? t->since_us + OFFER_AFTER_US
							: 0;
}

static uint64_t
show_status(struct notifier *t, uint64_t now_us)
{
	const struct policy *policy = &t->reconnect->policy;
	const struct console *c = t->console;
	char text[STATUS_MAX];
	t->offers = asks_for_login(t) && now_us >= offers_at(t);
	console_offer(t->console, t->offers);
	struct status status = { .host = t->host,
		.state = policy->state,
		.why = reason(t->reconnect),
		.tries = policy->tries,
		.heard_us = reconnect_heard_us(t->reconnect),
		.next_us = policy_deadline(policy),
		.now_us = now_us,
		.waiting = backlog_characters(c->main),
		.line_start = c->escape.line_start,
		.enter = c->keyboard.state == KEYBOARD_OFFER,
		.escape = t->escape,
		.key = &t->reconnect->stranger };
	status.unnoticed = !c->keyboard.noticed;
	if (is_other(&status, &t->shown) || now_us >= t->again_us) {
		t->shown = status;
		t->again_us = status_changes_us(&status);
	}
	status_text(&t->shown, width(), text);
	uint64_t at = t->again_us;
	if (console_status(t->console, text)) {
		t->undrawn_us = 0;
	} else {
		t->undrawn_us = t->undrawn_us ? t->undrawn_us : now_us;
		say(t, false, now_us);
		at = now_us < t->undrawn_us + UNDRAWN_US ? t->undrawn_us + UNDRAWN_US
							 : now_us + SAY_AFTER_US;
	}
	loop_sooner(&at, keyboard_deadline(&c->keyboard));
	if (asks_for_login(t) && !t->offers)
		loop_sooner(&at, offers_at(t));
	return at;
}

/* One line: the terminal is ssh's. */
static uint64_t
say_first(struct notifier *t, uint64_t now_us)
{
	const struct policy *policy = &t->reconnect->policy;
	bool waits = policy->waits && reconnect_first_waits(t->reconnect);
	if (!waits || t->silent || t->said_first) {
		t->first_us = 0;
		return 0;
	}
	if (!t->first_us)
		t->first_us = now_us;
	uint64_t at_us = t->first_us + SAY_AFTER_US;
	if (policy->state == POLICY_FIRST && now_us < at_us)
		return at_us;
	log_say(LOG_NOTICE, "%s: no answer yet; waiting for one, Ctrl-C ends it",
	    t->host);
	t->said_first = true;
	return 0;
}

void
notifier_away(struct notifier *t, const struct while_away *a, bool fresh, uint64_t now_us)
{
	char line[STATUS_MAX];
	t->away = *a;
	t->away_us = now_us;
	if (!fresh || t->silent)
		return;
	while_away_line(a, sizeof line - 1, true, sys_wall_s(), line);
	t->console->above = true;
	log_say(LOG_NOTICE, "%s", line);
	t->console->above = false;
}

/* The line of a link that answers, if there is one. */
static uint64_t
show_away(struct notifier *t, uint64_t now_us)
{
	const struct backlog *keys = &t->console->backlog;
	char line[STATUS_MAX] = "belay: ";
	bool read = keys->typed_us >= t->away_us + AWAY_READ_US;
	uint64_t until_us = t->away_us + AWAY_MAX_US;
	if (t->away_us && display_offset(&t->console->out) == 0) {
		t->away_us = now_us; /* it waits for what it is drawn over */
		return 0;
	}
	if (!t->away_us || read || now_us >= until_us || t->off) {
		t->away_us = 0;
		(void)console_status(t->console, NULL);
		return 0;
	}
	size_t wide = width(), cols = wide < sizeof line ? wide : sizeof line - 1;
	size_t head = cols < NARROW ? 0 : strlen(line);
	while_away_line(&t->away, cols - head, tty_is_utf8(), sys_wall_s(), line + head);
	if (console_status(t->console, line))
		return until_us;
	log_say(LOG_NOTICE, "%s", line + head);
	t->away_us = 0;
	return 0;
}

static uint64_t
show(struct notifier *t, bool over, uint64_t now_us)
{
	enum policy_state state = t->reconnect->policy.state;
	if (state == POLICY_FIRST)
		say_notice(t);
	if (!over && show_dropping(t))
		return now_us + QUESTION_DRAWN_US;
	if (!over && state < POLICY_UP)
		return say_first(t, now_us);
	bool up = reconnect_up(t->reconnect) && !reconnect_prompt(t->reconnect);
	if (up || over) {
		if (over)
			t->away_us = 0;
		uint64_t at = show_away(t, now_us);
		if (t->since_us && up)
			say(t, true, now_us);
		t->since_us = t->undrawn_us = 0;
		return at;
	}
	if (!t->since_us)
		t->since_us = now_us;
	if (show_question(t))
		return now_us + QUESTION_DRAWN_US;
	if (now_us < t->since_us + STATUS_AFTER_US)
		return t->since_us + STATUS_AFTER_US;
	if (t->off && !policy_wants_person(state)) {
		(void)console_status(t->console, NULL);
		return 0;
	}
	return show_status(t, now_us);
}

uint64_t
notifier_turn(struct notifier *t, bool over, uint64_t now_us)
{
	t->offers = false;
	uint64_t at = show(t, over, now_us);
	if (!t->offers)
		console_offer(t->console, false);
	console_away(t->console, t->since_us && now_us >= t->since_us + STATUS_AFTER_US);
	return at;
}
