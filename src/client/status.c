#include "client/status.h"

#include <stdio.h>
#include <string.h>

enum { SECOND_US = 1000 * 1000, PIECE_MAX = 96 };

/* ---- why ---- */

static const struct {
	const char *words, *few; /* few: at most 20 columns */
} reasons[STATUS_WHYS] = {
	[STATUS_SILENT] = { "the host is silent", "host silent" },
	[STATUS_LOST] = { "disconnected", "disconnected" },
	[STATUS_NO_NETWORK] = { "no network here", "no network" },
	[STATUS_NO_NAME] = { "the name is not known here (VPN?)", "unknown name" },
	[STATUS_NO_WAY] = { "no way to the host (VPN?)", "no way there" },
	[STATUS_REFUSES] = { "the host refuses connections", "host refuses" },
	[STATUS_CLOSES] = { "the host closes the connection", "host hangs up" },
	[STATUS_NO_SERVER] = { "the host cannot run belay-server", "no server" },
	[STATUS_ELSEWHERE] = { "another machine of this name answers",
	    "another machine" },
	[STATUS_KEY] = { "ANOTHER HOST KEY: nothing is sent", "ANOTHER KEY" },
	[STATUS_LOGIN] = { "needs your login", "login" },
	[STATUS_KILLED] = { "the session ended on the host; for a new one", "it ended" },
	[STATUS_RESTARTED] = { "the host was restarted; for a new session",
	    "host restarted" },
	[STATUS_SHARED] = { "another window logs in", "logging in" },
	[STATUS_LOGGING_IN] = { "logging in (Ctrl-C cancels)", "logging in" },
};

const char *
status_reason(enum status_why why)
{
	return reasons[why].words;
}

static bool
waits_for_person(enum policy_state state)
{
	return policy_wants_person(state);
}

static bool
is_down(enum policy_state state)
{
	return state == POLICY_DOWN_TRY || state == POLICY_DOWN_WAIT
	    || state == POLICY_DOWN_ASK || state == POLICY_DOWN_STRANGER
	    || state == POLICY_DOWN_GONE;
}

enum status_why
status_why(const struct status_facts *f)
{
	static const enum status_why of[] = {
		[SSH_ERROR_NONE] = STATUS_SILENT,
		[SSH_ERROR_HOST_KEY] = STATUS_KEY,
		[SSH_ERROR_LOGIN] = STATUS_LOGIN,
		[SSH_ERROR_UNREACHED] = STATUS_CLOSES,
		[SSH_ERROR_NO_NAME] = STATUS_NO_NAME,
		[SSH_ERROR_NO_NETWORK] = STATUS_NO_NETWORK,
		[SSH_ERROR_NO_WAY] = STATUS_NO_WAY,
		[SSH_ERROR_REFUSED] = STATUS_REFUSES,
		[SSH_ERROR_SILENT] = STATUS_SILENT,
		[SSH_ERROR_NO_SESSION] = STATUS_NO_SERVER,
		[SSH_ERROR_LOST] = STATUS_CLOSES,
	};
	if (policy_meets_stranger(f->state))
		return STATUS_KEY;
	if (f->state == POLICY_DOWN_GONE)
		return f->rebooted ? STATUS_RESTARTED : STATUS_KILLED;
	if (waits_for_person(f->state))
		return STATUS_LOGIN;
	if (f->shared)
		return STATUS_SHARED;
	if (f->asks)
		return STATUS_LOGGING_IN;
	if (f->no_server)
		return STATUS_NO_SERVER;
	if (f->elsewhere)
		return STATUS_ELSEWHERE;
	enum status_why why = of[f->error];
	/* The host's own words are proof of a way to it. */
	bool heard = why == STATUS_REFUSES || why == STATUS_CLOSES || why == STATUS_KEY;
	if (!f->network && !heard)
		return STATUS_NO_NETWORK;
	return !f->failed && is_down(f->state) ? STATUS_LOST : why;
}

/* ---- the text, out of pieces ---- */

enum piece { PREFIX, HOST, REASON, KEYS, SINCE, WAITING, NEXT, LEAVE, PIECES };

/* How much of a piece is shown. */
enum { NOTHING, FEW, FULL, FORMS };

struct text {
	char piece[PIECES][FORMS]
		  [PIECE_MAX]; /* with what is between it and the one before */
	unsigned char form[PIECES];
};

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

/* What to press, one after the other: an escape behind an Enter, if that is not the last
 * key already. */
static void
put_escape(const struct status *s, char key, const char *few, const char *full,
    char ret[FORMS][PIECE_MAX])
{
	const char *enter = s->line_start ? "" : "Enter, then ";
	if (s->escape <= ' ')
		return;
	snprintf(ret[FEW], PIECE_MAX, "%s%s%c, %c", few, s->line_start ? "" : "Enter, ",
	    s->escape, key);
	snprintf(ret[FULL], PIECE_MAX, "%spress %s%c, then %c", full, enter, s->escape,
	    key);
}

static void
put_keys(const struct status *s, char ret[FORMS][PIECE_MAX])
{
	if (!waits_for_person(s->state))
		return;
	if (s->enter) {
		snprintf(ret[FEW], PIECE_MAX, ": press Enter");
		snprintf(ret[FULL], PIECE_MAX, ": press Enter");
	} else if (!s->unnoticed) {
		put_escape(s, 'R', ": ", ": ", ret);
	}
}

static void
put_since(const struct status *s, char ret[FORMS][PIECE_MAX])
{
	char ago[48];
	if (!s->heard_us)
		return;
	duration(s->now_us - s->heard_us, ago, sizeof ago);
	snprintf(ret[FEW], PIECE_MAX, ", %s", ago);
	snprintf(ret[FULL], PIECE_MAX, ", last word %s ago", ago);
}

static void
put_waiting(const struct status *s, char ret[FORMS][PIECE_MAX])
{
	if (!s->waiting)
		return;
	snprintf(ret[FEW], PIECE_MAX, "; %zu wait", s->waiting);
	snprintf(ret[FULL], PIECE_MAX, "; %zu typed character%s", s->waiting,
	    s->waiting == 1 ? " waits" : "s wait");
}

static void
put_next(const struct status *s, char ret[FORMS][PIECE_MAX])
{
	if (s->why == STATUS_LOGGING_IN)
		return;
	uint64_t left = s->next_us > s->now_us ? s->next_us - s->now_us : 0;
	unsigned long seconds = (unsigned long)((left + SECOND_US - 1) / SECOND_US);
	switch (s->state) {
	case POLICY_DOUBT_ASK:
	case POLICY_DOWN_ASK:
	case POLICY_DOWN_GONE:
		return;
	case POLICY_DOUBT_WAIT:
	case POLICY_DOWN_WAIT:
		snprintf(ret[FEW], PIECE_MAX, "; next try %lu s", seconds);
		snprintf(ret[FULL], PIECE_MAX, "; next try in %lu s", seconds);
		return;
	default:
		snprintf(ret[FEW], PIECE_MAX, "; connecting");
		if (s->tries)
			snprintf(ret[FULL], PIECE_MAX, "; connecting, attempt %u",
			    s->tries + 1);
		else
			snprintf(ret[FULL], PIECE_MAX, "; connecting");
	}
}

static void
put_pieces(const struct status *s, struct text *t)
{
	snprintf(t->piece[PREFIX][FULL], PIECE_MAX, "belay: ");
	snprintf(t->piece[HOST][FULL], PIECE_MAX, "%.80s: ", s->host);
	snprintf(t->piece[REASON][FEW], PIECE_MAX, "%s", reasons[s->why].few);
	snprintf(t->piece[REASON][FULL], PIECE_MAX, "%s", reasons[s->why].words);
	if (s->why == STATUS_KEY && s->key && s->key->fingerprint[0])
		snprintf(t->piece[REASON][FULL], PIECE_MAX, "other host key %.52s%s%.22s",
		    s->key->fingerprint, s->key->place[0] ? ", not " : "", s->key->place);
	put_keys(s, t->piece[KEYS]);
	put_since(s, t->piece[SINCE]);
	put_waiting(s, t->piece[WAITING]);
	put_next(s, t->piece[NEXT]);
	if (s->why != STATUS_LOGGING_IN) /* all keys are for that */
		put_escape(s, '.', "; to leave: ", "; to leave ", t->piece[LEAVE]);
}

static size_t
length(const struct text *t)
{
	size_t n = 0;
	for (int i = 0; i < PIECES; i++)
		n += strlen(t->piece[i][t->form[i]]);
	return n;
}

/* From what matters most on. */
static const struct {
	unsigned char piece, form;
} wishes[] = {
	{ REASON, FEW },
	{ KEYS, FEW },
	{ SINCE, FEW },
	{ WAITING, FEW },
	{ PREFIX, FULL },
	{ REASON, FULL },
	{ LEAVE, FEW },
	{ HOST, FULL },
	{ SINCE, FULL },
	{ KEYS, FULL },
	{ WAITING, FULL },
	{ NEXT, FEW },
	{ LEAVE, FULL },
	{ NEXT, FULL },
};

void
status_text(const struct status *s, size_t width, char ret_text[STATUS_MAX])
{
	struct text t = { 0 };
	if (width >= STATUS_MAX)
		width = STATUS_MAX - 1;
	put_pieces(s, &t);
	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
		unsigned char before = t.form[wishes[i].piece];
		t.form[wishes[i].piece] = wishes[i].form;
		if (length(&t) > width && i)
			t.form[wishes[i].piece] = before;
	}
	ret_text[0] = 0;
	for (int i = 0; i < PIECES; i++)
		strncat(ret_text, t.piece[i][t.form[i]],
		    STATUS_MAX - 1 - strlen(ret_text));
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
	uint64_t age = s->now_us - s->heard_us;
	return s->now_us + (age > SECOND_US ? age : SECOND_US);
}
