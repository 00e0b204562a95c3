/*
 * When autossh starts ssh, tests its tunnel, ends it and gives up: no I/O, no clock.
 *
 *                 ended, and not for good
 *            +------------------------------> WAIT --+
 *      RUN --+                                       | the back-off is over,
 *       ^    +--> ENDING (TERM, later KILL) -----+   | or something may have changed
 *       |       no answer, a signal, old age     |   |
 *       +----------------------------------------+---+          OVER: from everywhere
 *
 * The caller hands in events and the time, does what the returned bits say, and logs
 * what is in `said`.  Times are monotonic microseconds, 0 is never.
 */
#ifndef AUTOSSH_SUPERVISE_H
#define AUTOSSH_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

struct supervise_rules {
	uint64_t poll_us, first_poll_us; /* between tests; longest back-off */
	/* an ssh that ends sooner at first has never worked; 0: no rule */
	uint64_t gate_us;
	uint64_t max_life_us; /* 0: none */
	long max_starts; /* negative: any number */
	bool tests; /* there is a monitoring port */
};

enum supervise_state {
	SUPERVISE_RUN,
	SUPERVISE_ENDING,
	SUPERVISE_WAIT,
	SUPERVISE_OVER,
	SUPERVISE_STATES
};

enum supervise_event {
	SUPERVISE_TIMER, /* supervise_deadline has passed */
	SUPERVISE_TEST_OK, /* the test that was asked for has passed */
	SUPERVISE_TEST_FAILED,
	SUPERVISE_TEST_EARLY, /* nobody listens: ssh has not logged in (yet) */
	SUPERVISE_STOP, /* TERM, INT; the terminal is gone */
	SUPERVISE_RESTART, /* USR1 */
	SUPERVISE_PROD, /* HUP, USR2 */
	SUPERVISE_MOVED, /* the network has changed, or the machine was asleep */
	SUPERVISE_CUT_OFF, /* it has, and the address of ssh's connection is gone */
	SUPERVISE_EVENTS
};

/* How ssh ended. */
struct supervise_end {
	int status; /* its exit status; the signal's number if by_signal */
	bool by_signal;
	enum {
		SUPERVISE_UNKNOWN,
		SUPERVISE_UNREACHED, /* it never got to the host */
		SUPERVISE_REFUSED, /* the login was refused, or the host's key is another */
	} why;
};

/* What the caller is to do; bits. */
enum supervise_action {
	SUPERVISE_START = 1, /* start ssh */
	SUPERVISE_TEST = 2, /* send something through the tunnel; tell how it went */
	SUPERVISE_TERM =
	    4, /* ask ssh to end; a test that runs is of no interest any more */
	SUPERVISE_KILL = 8, /* make it end */
	SUPERVISE_EXIT = 16, /* end with exit_status */
};

struct supervise {
	struct supervise_rules rules;
	enum supervise_state state;
	bool testing; /* a test runs ... */
	bool prodded; /* ... which no poll has asked for */
	long starts;
	unsigned tries; /* quick ends in a row */
	unsigned refusals; /* refused logins in a row */
	uint64_t started_us; /* the last start of ssh */
	uint64_t poll_us; /* the next test */
	uint64_t wait_us; /* end of the back-off; in ENDING: of the patience */
	uint64_t dies_us; /* when max_life is over */
	bool stops; /* in ENDING: for good, with exit_status */
	bool cut_off; /* in ENDING: the network has ended it, and nothing else was amiss */
	int exit_status; /* 0 or 1 */
	/* What was decided, for the log; empty: nothing.  Severity as in syslog(3). */
	char said[128];
	int severity;
};

/* Then supervise_begin starts the first ssh. */
void
supervise_init(struct supervise *s, const struct supervise_rules *rules, uint64_t now_us);
unsigned supervise_begin(struct supervise *s, uint64_t now_us);
/* Both take an event and return the actions. */
unsigned supervise_on(struct supervise *s, enum supervise_event event, uint64_t now_us);
unsigned
supervise_ended(struct supervise *s, const struct supervise_end *end, uint64_t now_us);
/* When to send SUPERVISE_TIMER; 0 never. */
uint64_t supervise_deadline(const struct supervise *s);

#endif
