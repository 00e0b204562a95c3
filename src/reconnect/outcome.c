#include "reconnect/outcome.h"

/* The host's own word, or what ssh's end tells; by the stages. */
static const uint8_t refusals[][OUTCOME_STAGES] = {
	[REFUSE_GONE] = { OUTCOME_GONE, OUTCOME_GONE, OUTCOME_GONE },
	[REFUSE_TAKEN] = { OUTCOME_TAKEN, OUTCOME_TAKEN, OUTCOME_TAKEN },
	[REFUSE_VERSION] = { OUTCOME_VERSION, OUTCOME_VERSION, OUTCOME_VERSION },
	[REFUSE_LATER] = { OUTCOME_PUT_OFF, OUTCOME_PUT_OFF, OUTCOME_AGAIN },
	[REFUSE_CANNOT] = { OUTCOME_PLAIN_ONCE, OUTCOME_PLAIN_ONCE, OUTCOME_PLAIN_ONCE },
	[REFUSE_TERMINFO] = { OUTCOME_DESCRIBE, OUTCOME_DESCRIBE, OUTCOME_DESCRIBE },
};

static const uint8_t carriers[][OUTCOME_STAGES] = {
	[CARRIER_ENDED] = { OUTCOME_AGAIN, OUTCOME_AGAIN, OUTCOME_AGAIN },
	[CARRIER_CLOSED] = { OUTCOME_AGAIN, OUTCOME_AGAIN, OUTCOME_AGAIN },
	[CARRIER_NO_WAY] = { OUTCOME_NO_WAY, OUTCOME_NO_WAY, OUTCOME_NO_WAY },
	[CARRIER_LOGIN] = { OUTCOME_REFUSED, OUTCOME_UNASKED, OUTCOME_REFUSED },
	[CARRIER_HOST_KEY] = { OUTCOME_END, OUTCOME_UNASKED, OUTCOME_STRANGER },
	[CARRIER_CUT] = { OUTCOME_END_SAID, OUTCOME_AGAIN, OUTCOME_AGAIN },
	[CARRIER_LACKS] = { OUTCOME_PUT_OFF, OUTCOME_PUT_OFF, OUTCOME_AGAIN },
	[CARRIER_NO_SERVER] = { OUTCOME_PLAIN, OUTCOME_PLAIN, OUTCOME_AGAIN_SAID },
	[CARRIER_NO_PLACE] = { OUTCOME_PLAIN_ONCE, OUTCOME_PLAIN_ONCE,
	    OUTCOME_AGAIN_SAID },
	[CARRIER_DAMAGED] = { OUTCOME_PLAIN, OUTCOME_PLAIN, OUTCOME_AGAIN },
	[CARRIER_SILENT] = { OUTCOME_PLAIN, OUTCOME_PLAIN, OUTCOME_AGAIN },
	[CARRIER_NOISE] = { OUTCOME_PLAIN, OUTCOME_PLAIN, OUTCOME_AGAIN },
	[CARRIER_FOREIGN] = { OUTCOME_FOREIGN, OUTCOME_FOREIGN, OUTCOME_FOREIGN },
};

static const uint8_t nonsense[OUTCOME_STAGES] = { OUTCOME_CANNOT_START,
	OUTCOME_CANNOT_START, OUTCOME_AGAIN };

/* What the tables say. */
static enum outcome
look_up(const struct outcome_facts *f)
{
	const size_t n = sizeof refusals / sizeof *refusals;
	if (f->why == WHY_PROTOCOL)
		return nonsense[f->stage];
	if (f->why == WHY_CARRIER)
		return carriers[f->carrier][f->stage];
	/* Rows that are not written, as of a code that is not known. */
	if (f->refused >= n || !refusals[f->refused][OUTCOME_FIRST])
		return OUTCOME_HOST_REFUSES;
	return refusals[f->refused][f->stage];
}

/* The program that lay there was run, and is not what it was. */
static bool
is_damaged(const struct outcome_facts *f)
{
	return (f->why == WHY_CARRIER && f->carrier == CARRIER_DAMAGED)
	    || (f->why == WHY_PROTOCOL && f->found && !f->was_up);
}

static bool
leads_to_plain(enum outcome o)
{
	return o == OUTCOME_PLAIN || o == OUTCOME_PLAIN_ONCE;
}

/* What is known besides makes another of it. */
static enum outcome
refine(const struct outcome_facts *f, enum outcome o)
{
	switch (o) {
	case OUTCOME_GONE:
		return f->elsewhere ? OUTCOME_ELSEWHERE : o;
	case OUTCOME_TAKEN: /* another window has begun it again already */
		return f->rebooted && !f->elsewhere ? OUTCOME_GONE : o;
	case OUTCOME_DESCRIBE:
		return f->describes ? OUTCOME_HOST_REFUSES : o;
	case OUTCOME_PUT_OFF:
		return f->put_off ? OUTCOME_PLAIN_ONCE : o;
	case OUTCOME_STRANGER:
		return f->key_ends ? OUTCOME_END : o;
	case OUTCOME_PLAIN: /* a pipe may be there for endless output */
		if (f->carrier == CARRIER_NOISE && f->terminal)
			return OUTCOME_CANNOT_START;
		return f->answered && !f->told_ready ? o : OUTCOME_PLAIN_ONCE;
	case OUTCOME_PLAIN_ONCE:
		return f->why == WHY_REFUSED && f->was_up ? OUTCOME_HOST_REFUSES : o;
	default:
		return o;
	}
}

enum outcome
outcome_of(const struct outcome_facts *f)
{
	if (f->why == WHY_CARRIER && f->carrier == CARRIER_FOREIGN)
		return OUTCOME_FOREIGN;
	if (f->why == WHY_CARRIER && f->rides && !f->answered)
		return OUTCOME_RIDE; /* which says nothing of the host */
	if (is_damaged(f) && !f->sent_anew)
		return OUTCOME_SEND_ANEW;
	enum outcome o = refine(f, look_up(f));
	return leads_to_plain(o) && f->may_run_twice ? OUTCOME_MAY_HAVE_BEGUN : o;
}

bool
outcome_is_foreign(const struct outcome_facts *f)
{
	return f->why == WHY_CARRIER && !f->answered && f->carrier != CARRIER_LACKS
	    && leads_to_plain(carriers[f->carrier][f->stage])
	    && outcome_of(f) != OUTCOME_CANNOT_START;
}
