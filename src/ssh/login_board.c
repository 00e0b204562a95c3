#include "ssh/login_board.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* So long a refused login counts for all: one that is tried again is a failure more. */
static const uint64_t refused_us = 30 * 1000000;

static const enum login_verdict verdicts[LOGIN_WISHES][LOGIN_SIGHTS] = {
	[LOGIN_QUIET] = {
		[LOGIN_FREE] = LOGIN_LEAD,
		[LOGIN_MASTER] = LOGIN_RIDE,
		[LOGIN_LED] = LOGIN_WAIT,
		[LOGIN_ASKING] = LOGIN_REFUSED,
		[LOGIN_SILENT] = LOGIN_LEAD,
		[LOGIN_DENIED] = LOGIN_REFUSED,
	},
	[LOGIN_FIRST] = {
		[LOGIN_FREE] = LOGIN_LEAD,
		[LOGIN_MASTER] = LOGIN_RIDE,
		[LOGIN_LED] = LOGIN_WAIT,
		[LOGIN_ASKING] = LOGIN_WAIT,
		[LOGIN_SILENT] = LOGIN_LEAD,
		[LOGIN_DENIED] = LOGIN_LEAD,
	},
	[LOGIN_PERSON] = {
		[LOGIN_FREE] = LOGIN_LEAD,
		[LOGIN_MASTER] = LOGIN_RIDE,
		[LOGIN_LED] = LOGIN_WAIT,
		[LOGIN_ASKING] = LOGIN_LEAD,
		[LOGIN_SILENT] = LOGIN_LEAD,
		[LOGIN_DENIED] = LOGIN_LEAD,
	},
	[LOGIN_COMMAND] = {
		[LOGIN_MASTER] = LOGIN_RIDE, /* all others: alone */
	},
};

enum login_verdict
login_board_verdict(enum login_wish wish, enum login_sight sight)
{
	return verdicts[wish][sight];
}

/* ---- as text ---- */

static bool
is_name(const char *name)
{
	return name[0] && strspn(name, "0123456789abcdefm") == strlen(name);
}

static void
get_line(struct login_board *b, const char *line)
{
	char name[LOGIN_NAME_MAX];
	unsigned doubted, asked, asks;
	uint64_t number;
	long pid;
	if (sscanf(line, "master %19s %u %u", name, &doubted, &asked) == 3
	    && is_name(name)) {
		memcpy(b->master, name, sizeof b->master);
		b->doubted = doubted;
		b->asked = asked;
	} else if (sscanf(line, "leader %ld %" SCNu64 " %u", &pid, &number, &asks) == 3
	    && pid > 0) {
		b->leader = pid;
		b->beat = number;
		b->asks = asks;
	} else if (sscanf(line, "refused %" SCNu64, &number) == 1) {
		b->refused_us = number;
	} else if (sscanf(line, "link %ld %19s", &pid, name) == 2 && pid > 0
	    && is_name(name) && b->n_riders < LOGIN_RIDERS) {
		struct login_rider *r = &b->riders[b->n_riders++];
		r->pid = pid;
		memcpy(r->master, name, sizeof r->master);
	}
}

void
login_board_get(struct login_board *b, const char *text)
{
	*b = (struct login_board){ 0 };
	while (*text) {
		char line[64];
		size_t len = strcspn(text, "\n");
		snprintf(line, sizeof line, "%.*s", (int)(len < 63 ? len : 63), text);
		get_line(b, line);
		text += len + (text[len] != 0);
	}
}

void
login_board_put(const struct login_board *b, char ret_text[LOGIN_TEXT_MAX])
{
	size_t n = 0;
	ret_text[0] = 0;
	if (b->master[0])
		n += (size_t)snprintf(ret_text + n, LOGIN_TEXT_MAX - n,
		    "master %s %u %u\n", b->master, b->doubted, b->asked);
	if (b->leader)
		n += (size_t)snprintf(ret_text + n, LOGIN_TEXT_MAX - n,
		    "leader %ld %" PRIu64 " %u\n", b->leader, b->beat, b->asks);
	if (b->refused_us)
		n += (size_t)snprintf(ret_text + n, LOGIN_TEXT_MAX - n,
		    "refused %" PRIu64 "\n", b->refused_us);
	for (size_t i = 0; i < b->n_riders; i++)
		n += (size_t)snprintf(ret_text + n, LOGIN_TEXT_MAX - n, "link %ld %s\n",
		    b->riders[i].pid, b->riders[i].master);
}

/* ---- the links ---- */

static void
take_off(struct login_board *b, size_t i)
{
	b->n_riders--;
	memmove(&b->riders[i], &b->riders[i + 1], (b->n_riders - i) * sizeof *b->riders);
}

void
login_board_prune(struct login_board *b, bool (*lives)(long pid))
{
	if (b->leader && !lives(b->leader))
		b->leader = 0;
	for (size_t i = b->n_riders; i-- > 0;)
		if (!lives(b->riders[i].pid))
			take_off(b, i);
}

size_t
login_board_links(const struct login_board *b, const char *master)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n_riders; i++)
		n += strcmp(b->riders[i].master, master) == 0;
	return n;
}

void
login_board_ride(struct login_board *b, long pid, const char *const *masters, size_t n)
{
	for (size_t i = b->n_riders; i-- > 0;)
		if (b->riders[i].pid == pid)
			take_off(b, i);
	for (size_t i = 0; i < n && b->n_riders < LOGIN_RIDERS; i++) {
		struct login_rider *r = &b->riders[b->n_riders++];
		r->pid = pid;
		snprintf(r->master, sizeof r->master, "%s", masters[i]);
	}
}

/* ---- who leads ---- */

static bool
is_avoided(const struct login_looker *l, const char *master)
{
	for (size_t i = 0; i < l->n_avoided; i++)
		if (strcmp(l->avoided[i], master) == 0)
			return true;
	return false;
}

/* Rather than be asked once more, a person does without what is kept for spares. */
static size_t
room(const struct login_board *b, const struct login_looker *l)
{
	return l->limit + (b->asked ? LOGIN_SPARE : 0);
}

static bool
may_ride(const struct login_board *b, const struct login_looker *l)
{
	return b->master[0] && !b->doubted && !is_avoided(l, b->master)
	    && b->n_riders < LOGIN_RIDERS && login_board_links(b, b->master) < room(b, l)
	    && (l->wish != LOGIN_COMMAND || b->asked);
}

enum login_sight
login_board_look(const struct login_board *b, const struct login_looker *l)
{
	bool led = b->leader && b->leader != l->pid;
	if (may_ride(b, l))
		return LOGIN_MASTER;
	if (led && l->silent)
		return LOGIN_SILENT;
	if (led)
		return b->asks ? LOGIN_ASKING : LOGIN_LED;
	if (b->refused_us && l->now_us - b->refused_us < refused_us)
		return LOGIN_DENIED;
	return LOGIN_FREE;
}

void
login_board_lead(struct login_board *b, long pid, const struct login_looker *l)
{
	b->asks = l->wish == LOGIN_PERSON;
	b->leader = pid;
	b->beat++;
	if (b->master[0] && is_avoided(l, b->master))
		b->doubted = true;
}

void
login_board_leave(struct login_board *b, long pid, bool refused, uint64_t now_us)
{
	if (b->leader != pid)
		return;
	b->leader = 0;
	b->asks = false;
	if (refused)
		b->refused_us = now_us;
}

void
login_board_trust(struct login_board *b, const char *master)
{
	if (strcmp(b->master, master) == 0)
		b->doubted = false;
}

void
login_board_publish(struct login_board *b, const char *master, bool asked)
{
	snprintf(b->master, sizeof b->master, "%s", master);
	b->doubted = false;
	b->asked = asked;
	b->refused_us = 0;
}
