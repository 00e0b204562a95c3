/*
 * Whether a program shows what is typed: a table of states and events.
 *
 *               a match, a known prompt
 *     TENTATIVE -----------------------> SURE        shown: SURE, KERNEL
 *       ^  |  <---------------------------  a mismatch, a hard key, another context
 *       |  | three text keys and no match
 *       |  v
 *       | DEAF                             another context, a match
 *       |
 *     KERNEL   the kernel echoes: the host has said so after the last hard key
 *     SECRET   the kernel would, and is told not to: nothing is ever shown
 *
 * What mosh calls an epoch is the time between two hard keys here; its `confirmed` is SURE.
 */
#ifndef PREDICT_CONFIDENCE_H
#define PREDICT_CONFIDENCE_H

#include <stdbool.h>

enum confidence {
	CONF_SECRET, /* first, so that what was never set shows nothing */
	CONF_TENTATIVE,
	CONF_KERNEL,
	CONF_SURE,
	CONF_DEAF,
	CONF_STATES
};

enum confidence_event {
	CONF_TOLD_SECRET, /* by the host: canonical without echo */
	CONF_TOLD_KERNEL, /* canonical with echo, after the last hard key */
	CONF_TOLD_PROGRAM, /* not canonical: it is the program's to echo */
	CONF_CONTEXT, /* another foreground group, other settings, the other screen */
	CONF_HARD, /* a hard key was reflected */
	CONF_MATCH, /* a cell changed as a text key foretold */
	CONF_MISS, /* it did not */
	CONF_MOVED, /* the cursor is elsewhere, and no key has moved it */
	CONF_UNHEARD, /* three text keys in a row have changed nothing */
	CONF_PROMPT, /* the cursor is behind a known prompt */
	CONF_EVENTS
};

enum confidence confidence_next(enum confidence state, enum confidence_event event);
/* Whether what is derived may be shown.  `all`: also what nobody is sure of, but no secret. */
bool confidence_shows(enum confidence state, bool all);
/* For messages and tests. */
const char *confidence_name(enum confidence state);

#endif
