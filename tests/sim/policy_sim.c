/*
 * The reconnect policy under a virtual clock: outages of all lengths, links that flap, a
 * host that starts again, a login that is refused, and ten thousand clients that return
 * to one sshd at once.
 *
 *    policy_sim [SEED]       checks, and prints the tables of doc/REACTION.md
 *    policy_sim data         the numbers of its pictures: SERIES X Y
 *
 *    person --NUDGE--> policy --CONNECT--> SYN each second --> sshd --> login --READY-+
 *                        ^                 (address_race.c)            (MaxStartups, CPU)     |
 *                        +------------------------------------------------------------+
 *
 * Checked at every event: no more attempts side by side than may be, and those that the
 * policy counts; who has no link has an attempt or a time for the next, except after a
 * refused login; each attempt ends; what may have made things better is not waited for.
 *
 * The same crowd as a tenth of the people, each with ten windows that share a login: the board is
 * the real one (login_board.h), who rides needs two round trips, and who waits looks again.
 *
 * The network is away or not, for everybody.  A connection that stood before it comes back
 * when TCP repeats what it had sent, if it has not been cut.
 */
#include "reconnect/reconnect_policy.h"
#include "ssh/address_race.h"
#include "ssh/login_board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MS = 1000,
	SECOND = 1000 * MS,
	RTT = 50 * MS,
	LOGIN_RTTS = 11, /* from the connection to the keys; then the command is run */
	COMMAND_RTTS = 2,
	START = 10 * MS, /* ssh -G, a process */
	DOUBT = 1 * SECOND, /* reconnect.c, as what follows */
	HEARTBEAT = 5 * SECOND,
	CONNECT_MIN_S = 4,
	CONNECT_MAX_S = 15,
	TYPING = 250 * MS, /* between two keys */
	RTO = 250 * MS, /* TCP's, doubled each time */
	RTO_MAX = 120 * SECOND,
	ATTEMPT_MAX = 20 * SECOND, /* what the policy promises */
	SIDE_BY_SIDE = 2,
	WAIT_MAX = 38 * SECOND,
	NUDGED_WAIT_MAX = 500 * MS,
	TYPING_WITHIN_MS = 1250, /* back, for one who types; who only watches; a crowd */
	WATCHING_WITHIN_S = 45,
	FLAP_WITHIN = 5 * SECOND, /* whatever was stuck in its login */
	CROWD_WITHIN_S = 300,
	CROWD = 10000,
	WINDOWS = 10, /* of a person, where they share a login */
	LOOK = 200
	    * MS, /* sharing.c looks more often: that would be most of the events here */
	GLANCE = 200 * MS,
	HOST_CPUS = 4,
	LOGIN_CPU = 10 * MS,
	STARTUPS_BEGIN = 10, /* sshd_config(5), MaxStartups: its default */
	STARTUPS_RATE = 30,
	STARTUPS_FULL = 100,
	SAMPLES = 200, /* of each scene */
};

static const uint64_t never = UINT64_MAX;

/* ---- the world ---- */

enum kind {
	TIMER,
	SYN,
	ARRIVES,
	KEYS,
	READY,
	DOUBTS,
	HEARS,
	LOSES,
	TYPES,
	LOOKS, /* at the board */
	SHARED
};

struct event {
	uint64_t at_us;
	struct client *client;
	enum kind kind;
	unsigned attempt; /* that it belongs to; others do not mind it */
};

struct attempt {
	unsigned number;
	bool dialing, counted; /* counted: among sshd's */
	bool leads, waits; /* makes a login for all; waits for who makes it */
	bool swallowed; /* by an outage, and what it has sent: that can be seen */
	uint64_t began_us;
	uint64_t syn_us; /* when it was sent last */
	bool hurried; /* for a key */
};

struct client {
	struct policy policy;
	bool linked, ever, cut; /* the old link cannot come back */
	unsigned attempts; /* all that there were */
	unsigned logins; /* ... and those that have asked the host for one */
	struct login_board *board; /* NULL: shares with nobody */
	struct client *windows; /* of the same person */
	struct attempt now[SIDE_BY_SIDE]; /* those that run, the oldest first */
	unsigned n;
	uint64_t back_us; /* when there was a link again */
};

static struct world {
	uint64_t now_us, seed;
	struct event *heap;
	size_t n, max;
	uint64_t down_us, up_us; /* the outage */
	uint64_t refuses_until_us; /* the host runs, sshd does not */
	bool login_refused, types;
	unsigned startups, most_startups; /* connections that have not shown their keys */
	uint64_t cpu_us[HOST_CPUS]; /* until when each is busy */
} w;

static void
fail(const struct client *c, const char *what)
{
	fprintf(stderr, "policy_sim: %s: state \"%s\", %.3f s, seed %llu\n", what,
	    policy_state_name(c->policy.state), (double)w.now_us / SECOND,
	    (unsigned long long)w.seed);
	exit(1);
}

static uint64_t random_state;

static uint64_t
random_below(uint64_t n)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (random_state >> 33) % n;
}

static bool
earlier(size_t a, size_t b)
{
	return w.heap[a].at_us < w.heap[b].at_us;
}

static void
swap(size_t a, size_t b)
{
	struct event e = w.heap[a];
	w.heap[a] = w.heap[b];
	w.heap[b] = e;
}

static void
plan_for(struct client *c, unsigned attempt, enum kind kind, uint64_t at_us)
{
	if (w.n == w.max) {
		w.max = w.max ? 2 * w.max : 1024;
		w.heap = realloc(w.heap, w.max * sizeof *w.heap);
		if (!w.heap)
			exit(1);
	}
	w.heap[w.n] = (struct event){ at_us, c, kind, attempt };
	for (size_t i = w.n++; i && earlier(i, (i - 1) / 2); i = (i - 1) / 2)
		swap(i, (i - 1) / 2);
}

static void
plan(struct client *c, enum kind kind, uint64_t at_us)
{
	plan_for(c, 0, kind, at_us);
}

static struct event
next_event(void)
{
	struct event first = w.heap[0];
	w.heap[0] = w.heap[--w.n];
	for (size_t i = 0, child = 1; child < w.n; i = child, child = 2 * i + 1) {
		if (child + 1 < w.n && earlier(child + 1, child))
			child++;
		if (!earlier(child, i))
			break;
		swap(i, child);
	}
	return first;
}

static bool
is_down(uint64_t at_us)
{
	return at_us >= w.down_us && at_us < w.up_us;
}

/* When what is sent again and again from `since` on gets through. */
static uint64_t
through_us(uint64_t since_us, uint64_t gap_us, uint64_t gap_max_us)
{
	while (is_down(since_us)) {
		since_us += gap_us;
		gap_us = 2 * gap_us < gap_max_us ? 2 * gap_us : gap_max_us;
	}
	return since_us;
}

/* ---- sshd ---- */

/* Random early drop, as sshd_config(5) has it. */
static bool
sshd_drops(void)
{
	if (w.startups >= STARTUPS_FULL)
		return true;
	if (w.startups < STARTUPS_BEGIN)
		return false;
	unsigned percent = STARTUPS_RATE
	    + (100 - STARTUPS_RATE) * (w.startups - STARTUPS_BEGIN)
		/ (STARTUPS_FULL - STARTUPS_BEGIN);
	return random_below(100) < percent;
}

/* When the processor that is free first has done the work of a login. */
static uint64_t
cpu_done_us(void)
{
	size_t first = 0;
	for (size_t i = 1; i < HOST_CPUS; i++)
		if (w.cpu_us[i] < w.cpu_us[first])
			first = i;
	uint64_t from = w.cpu_us[first] > w.now_us ? w.cpu_us[first] : w.now_us;
	return w.cpu_us[first] = from + LOGIN_CPU;
}

static void
leave_sshd(struct attempt *a)
{
	w.startups -= a->counted;
	a->counted = false;
}

/* ---- a client ---- */

static struct attempt *
attempt_of(struct client *c, unsigned number)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->now[i].number == number)
			return &c->now[i];
	return NULL;
}

static long
pid_of(const struct client *c)
{
	return 1 + (long)(c - c->windows);
}

static void
end_attempt(struct client *c, struct attempt *a)
{
	leave_sshd(a);
	if (a->leads)
		login_board_leave(c->board, pid_of(c), false, w.now_us);
	c->n--;
	memmove(a, a + 1, (size_t)(&c->now[c->n] - a) * sizeof *a);
}

static void
end_attempts(struct client *c)
{
	while (c->n)
		end_attempt(c, c->now);
}

static void
dial(struct client *c, struct attempt *a)
{
	a->dialing = true;
	c->logins++;
	plan_for(c, a->number, SYN, w.now_us + START);
}

/* As sharing.c does; that a leader is stopped does not happen here. */
static void
look_at_board(struct client *c, struct attempt *a)
{
	struct login_looker l = { .pid = pid_of(c),
		.now_us = w.now_us,
		.wish = LOGIN_QUIET,
		.limit = LOGIN_LINKS };
	const char *master = c->board->master;
	a->waits = false;
	switch (login_board_verdict(l.wish, login_board_look(c->board, &l))) {
	case LOGIN_RIDE:
		login_board_ride(c->board, l.pid, &master, 1);
		plan_for(c, a->number, READY, w.now_us + START + COMMAND_RTTS * RTT);
		break;
	case LOGIN_WAIT:
		a->waits = true;
		plan_for(c, a->number, LOOKS, w.now_us + LOOK);
		break;
	case LOGIN_LEAD:
		login_board_lead(c->board, l.pid, &l);
		a->leads = true;
		/* fall through */
	case LOGIN_ALONE:
	case LOGIN_REFUSED:
		dial(c, a);
	}
	c->policy.held = a->waits;
}

/* The others ride on it; those that wait for a time do not wait it out. */
static void
publish(struct client *c, const struct attempt *a)
{
	char name[LOGIN_NAME_MAX];
	const char *names = name;
	snprintf(name, sizeof name, "m%u", a->number);
	login_board_publish(c->board, name, false);
	login_board_ride(c->board, pid_of(c), &names, 1);
	for (size_t i = 0; i < WINDOWS; i++)
		plan(&c->windows[i], SHARED, w.now_us + random_below(GLANCE));
}

static struct attempt *
begin_attempt(struct client *c)
{
	if (c->n == SIDE_BY_SIDE)
		return NULL;
	struct attempt *a = &c->now[c->n++];
	*a = (struct attempt){ .number = ++c->attempts, .began_us = w.now_us };
	if (c->board)
		look_at_board(c, a);
	else
		dial(c, a);
	return a;
}

/* The policy hears of what the youngest does. */
static void
gets_on(struct client *c, const struct attempt *a)
{
	if (a == &c->now[c->n - 1])
		policy_progress(&c->policy, w.now_us);
}

static bool
waits(const struct client *c)
{
	return c->policy.state == POLICY_DOUBT_WAIT
	    || c->policy.state == POLICY_DOWN_WAIT;
}

static bool
asks(const struct client *c)
{
	return c->policy.state == POLICY_DOUBT_ASK || c->policy.state == POLICY_DOWN_ASK;
}

static bool
in_doubt(const struct client *c)
{
	return c->policy.state == POLICY_DOUBT_TRY
	    || c->policy.state == POLICY_DOUBT_WAIT;
}

static void
check(const struct client *c)
{
	uint64_t deadline_us = policy_deadline(&c->policy);
	if (c->n != c->policy.running)
		fail(c, "it does not know how many attempts run");
	if (c->policy.state == POLICY_UP || asks(c)) {
		if (c->n)
			fail(c, "an attempt that nobody asked for");
	} else if (!c->n != waits(c)) {
		fail(c, "an attempt runs or is waited for, one of them");
	} else if (!deadline_us) {
		fail(c, "nothing will ever happen");
	} else if (deadline_us > w.now_us + (c->n ? ATTEMPT_MAX : WAIT_MAX)) {
		fail(c, "too far away");
	}
}

static void
tell(struct client *c, enum policy_event event)
{
	bool could_nudge = waits(c) && event == POLICY_NUDGE, asked = asks(c);
	c->policy.dead = c->n && c->now[c->n - 1].swallowed;
	unsigned does = policy_on(&c->policy, event, w.now_us);
	if (does & POLICY_ABANDON || event == POLICY_READY)
		end_attempts(c);
	if (does & POLICY_DROP)
		end_attempt(c, c->now);
	if (does & (POLICY_CONNECT | POLICY_CONNECT_ASK)) {
		if (asked && event != POLICY_PERSON)
			fail(c, "an attempt after a refused login");
		if (!begin_attempt(c))
			fail(c, "too many attempts side by side");
	}
	if (could_nudge && !c->n
	    && policy_deadline(&c->policy) > w.now_us + NUDGED_WAIT_MAX)
		fail(c, "an event is waited out");
	check(c);
	if (policy_deadline(&c->policy))
		plan(c, TIMER, policy_deadline(&c->policy));
}

static void
attempt_over(struct client *c, struct attempt *a, enum policy_event how)
{
	end_attempt(c, a);
	tell(c, how);
}

static uint64_t
connect_timeout_us(const struct client *c)
{
	unsigned seconds = CONNECT_MIN_S + 2 * c->policy.tries;
	return (seconds < CONNECT_MAX_S ? seconds : CONNECT_MAX_S) * (uint64_t)SECOND;
}

static void
send_syn(struct client *c, struct attempt *a, bool hurried)
{
	if (!a->dialing)
		return;
	if (w.now_us >= a->began_us + connect_timeout_us(c)) {
		attempt_over(c, a, POLICY_FAILED);
		return;
	}
	gets_on(c, a);
	a->hurried = hurried;
	a->syn_us = w.now_us;
	if (is_down(w.now_us))
		plan_for(c, a->number, SYN, w.now_us + ADDRESS_RACE_AGAIN_US);
	else
		plan_for(c, a->number, ARRIVES, w.now_us + RTT);
}

/* When it is through, after what an outage does to it. */
static uint64_t
goes_through(struct attempt *a, uint64_t at_us)
{
	uint64_t through = through_us(at_us, RTO, RTO_MAX);
	a->swallowed |= through > at_us && random_below(2);
	return through;
}

static void
arrive(struct client *c, struct attempt *a)
{
	a->dialing = false;
	if (w.now_us < w.refuses_until_us || sshd_drops()) {
		attempt_over(c, a, POLICY_FAILED);
		return;
	}
	gets_on(c, a);
	a->counted = true;
	w.startups++;
	if (w.startups > w.most_startups)
		w.most_startups = w.startups;
	uint64_t done_us = cpu_done_us(), trips_us = w.now_us + LOGIN_RTTS * RTT;
	plan_for(c, a->number, KEYS,
	    goes_through(a, done_us > trips_us ? done_us : trips_us));
}

static void
show_keys(struct client *c, struct attempt *a)
{
	leave_sshd(a);
	if (w.login_refused)
		attempt_over(c, a, POLICY_REFUSED);
	else
		plan_for(c, a->number, READY,
		    goes_through(a, w.now_us + COMMAND_RTTS * RTT));
}

static void
link_back(struct client *c, enum policy_event how)
{
	c->linked = c->ever = true;
	if (!c->back_us && w.now_us >= w.up_us)
		c->back_us = w.now_us;
	tell(c, how);
}

/* A key, when the network is back: it tries at once, and hurries what is dialed. */
static void
type_key(struct client *c)
{
	if (c->linked)
		return;
	tell(c, POLICY_NUDGE);
	for (unsigned i = 0; i < c->n; i++) {
		struct attempt *a = &c->now[i];
		uint64_t gap_us = a->hurried ? ADDRESS_RACE_HURRIED_US
					     : ADDRESS_RACE_HURRY_US;
		if (a->dialing && a->syn_us >= a->began_us
		    && w.now_us >= a->syn_us + gap_us)
			send_syn(c, a, true);
	}
	plan(c, TYPES, w.now_us + TYPING);
}

static void
happen(struct event e)
{
	struct client *c = e.client;
	struct attempt *a = attempt_of(c, e.attempt);
	w.now_us = e.at_us;
	if (e.kind == TIMER && policy_deadline(&c->policy)
	    && w.now_us >= policy_deadline(&c->policy))
		tell(c, POLICY_TIMER);
	else if (e.kind == SYN && a)
		send_syn(c, a, false);
	else if (e.kind == ARRIVES && a && a->dialing)
		arrive(c, a);
	else if (e.kind == KEYS && a)
		show_keys(c, a);
	else if (e.kind == READY && a) {
		if (a->leads)
			publish(c, a);
		link_back(c, POLICY_READY);
	} else if (e.kind == LOOKS && a && a->waits)
		look_at_board(c, a);
	else if (e.kind == SHARED && waits(c))
		tell(c, POLICY_SHARED);
	else if (e.kind == DOUBTS && (is_down(w.now_us) || c->cut)) {
		c->linked = false;
		tell(c, POLICY_DOUBT);
	} else if (e.kind == HEARS && !c->linked && !c->cut)
		link_back(c, POLICY_HEARD);
	else if (e.kind == LOSES && in_doubt(c)) {
		c->cut = true;
		tell(c, POLICY_LOST);
	} else if (e.kind == TYPES)
		type_key(c);
}

/* Lets happen what happens until then, or, with 0, until this client is back. */
static void
run(const struct client *c, uint64_t until_us)
{
	while (w.n && (until_us ? w.heap[0].at_us <= until_us : !c->back_us))
		happen(next_event());
	if (until_us)
		w.now_us = until_us;
}

/* ---- scenes ---- */

static void
begin(uint64_t seed)
{
	struct event *heap = w.heap;
	size_t max = w.max;
	w = (struct world){ .seed = seed,
		.heap = heap,
		.max = max,
		.down_us = never,
		.up_us = never };
	random_state = seed * 2654435761 + 1;
	w.now_us = 10 * SECOND;
}

static void
join(struct client *c)
{
	*c = (struct client){ 0 };
	policy_init(&c->policy, random_below(1000000007));
	c->linked = true;
	(void)policy_on(&c->policy, POLICY_READY, w.now_us);
	w.now_us += SECOND; /* the link has lived */
}

/* The network goes for so long; `cut`: the link does not survive it. */
static void
lose_network(struct client *c, uint64_t us, bool cut)
{
	w.down_us = w.now_us;
	w.up_us = w.now_us + us;
	c->cut = cut;
	/* Typing makes the doubt, or a heartbeat. */
	plan(c, DOUBTS, w.now_us + DOUBT + (w.types ? 0 : random_below(HEARTBEAT)));
	if (!cut)
		plan(c, HEARS,
		    through_us(w.now_us + random_below(RTO), RTO, RTO_MAX) + RTT);
	if (random_below(2)) /* its ssh gives up */
		plan(c, LOSES, w.now_us + random_below(us + 1));
	if (w.types)
		plan(c, TYPES, w.up_us);
}

struct sample {
	double seconds;
	unsigned attempts;
};

static struct sample
one_outage(uint64_t seed, uint64_t us, bool types)
{
	struct client c;
	begin(seed);
	join(&c);
	w.types = types;
	lose_network(&c, us + random_below(us / 4), true);
	run(&c, 0);
	return (struct sample){ (double)(c.back_us - w.up_us) / SECOND, c.attempts };
}

static int
by_seconds(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	return (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

/* Of outages of about this length. */
static void
sample_outage(double seconds, bool types, uint64_t seed,
    struct sample ret_samples[SAMPLES])
{
	for (unsigned n = 0; n < SAMPLES; n++)
		ret_samples[n] = one_outage(seed + n, (uint64_t)(seconds * SECOND),
		    types);
	qsort(ret_samples, SAMPLES, sizeof *ret_samples, by_seconds);
	double longest = ret_samples[SAMPLES - 1].seconds;
	if (longest > (types ? TYPING_WITHIN_MS / 1e3 : WATCHING_WITHIN_S)) {
		fprintf(stderr, "policy_sim: back only after %.1f s\n", longest);
		exit(1);
	}
}

static void
show_outages(uint64_t seed)
{
	static const struct {
		const char *name;
		double seconds;
	} outages[] = { { "3 s", 3 }, { "10 s", 10 }, { "30 s", 30 }, { "1 min", 60 },
		{ "5 min", 300 }, { "1 h", 3600 }, { "8 h", 8 * 3600 } };
	puts("| outage | typing: median / longest | watching: median / longest"
	     " | attempts |\n| --- | --- | --- | --- |");
	for (size_t i = 0; i < sizeof outages / sizeof *outages; i++) {
		struct sample typing[SAMPLES], watching[SAMPLES];
		sample_outage(outages[i].seconds, true, seed, typing);
		sample_outage(outages[i].seconds, false, seed, watching);
		printf("| %s | %.1f / %.1f s | %.1f / %.1f s | %u |\n", outages[i].name,
		    typing[SAMPLES / 2].seconds, typing[SAMPLES - 1].seconds,
		    watching[SAMPLES / 2].seconds, watching[SAMPLES - 1].seconds,
		    watching[SAMPLES / 2].attempts);
	}
}

static void
tell_outages(uint64_t seed, const char *series, bool types)
{
	struct sample samples[SAMPLES];
	for (double s = 3; s < 8 * 3600; s *= 1.25) {
		sample_outage(s, types, seed, samples);
		printf("%s %.1f %.2f\n", series, s, samples[SAMPLES / 2].seconds);
		printf("%s-longest %.1f %.2f\n", series, s, samples[SAMPLES - 1].seconds);
	}
}

/* Up and down at random for ten minutes, and up for good. */
static void
flap(uint64_t seed)
{
	struct client c;
	begin(seed);
	join(&c);
	w.types = seed % 2;
	for (uint64_t end_us = w.now_us + 600 * SECOND; w.now_us < end_us;) {
		c.back_us = 0;
		uint64_t longest_us = random_below(8) ? 6 * SECOND : 60 * SECOND;
		lose_network(&c, 1 + random_below(longest_us), random_below(2));
		if (!c.linked)
			plan(&c, TIMER, w.now_us);
		run(&c, w.up_us + random_below(6 * SECOND));
	}
	w.types = true;
	w.down_us = w.up_us = never; /* for good */
	type_key(&c);
	run(&c, w.now_us + FLAP_WITHIN);
	if (!c.linked)
		fail(&c, "no link in time after the last flap");
}

/* The host starts again: it is silent, then refuses, then takes logins. */
static double
reboot(uint64_t seed)
{
	struct client c;
	begin(seed);
	join(&c);
	w.refuses_until_us = w.up_us = w.now_us + 40 * SECOND;
	w.down_us = never;
	c.linked = false;
	tell(&c, POLICY_LOST);
	run(&c, 0);
	return (double)(c.back_us - w.up_us) / SECOND;
}

static void
refused(uint64_t seed)
{
	struct client c;
	begin(seed);
	join(&c);
	w.login_refused = true;
	w.up_us = 0;
	c.linked = false;
	tell(&c, POLICY_LOST);
	run(&c, w.now_us + 600 * SECOND);
	for (int i = 0; i < 100; i++)
		tell(&c, POLICY_NUDGE);
	run(&c, w.now_us + 600 * SECOND);
	if (c.attempts != 1)
		fail(&c, "a refused login is tried again");
	w.login_refused = false;
	unsigned does = policy_on(&c.policy, POLICY_PERSON, w.now_us);
	if (does != POLICY_CONNECT_ASK)
		fail(&c, "the person asks in vain");
}

/* ---- a crowd ---- */

static struct client crowd[CROWD];

struct crowd_result {
	double half_s, all_s;
	unsigned attempts, most_startups;
};

static int
by_time(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* All lose their links at once; the network is back after so long.  `shared`: they are the
 * windows of fewer people. */
static struct crowd_result
return_at_once(uint64_t seed, uint64_t outage_us, bool shared, const char *series)
{
	static uint64_t back_us[CROWD];
	static struct login_board boards[CROWD / WINDOWS];
	memset(boards, 0, sizeof boards);
	struct crowd_result result = { 0 };
	begin(seed);
	for (size_t i = 0; i < CROWD; i++) {
		uint64_t now_us = w.now_us;
		join(&crowd[i]);
		w.now_us = now_us;
		crowd[i].board = shared ? &boards[i / WINDOWS] : NULL;
		crowd[i].windows = &crowd[i - i % WINDOWS];
	}
	w.now_us += 10 * SECOND;
	w.down_us = w.now_us;
	w.up_us = w.now_us + outage_us;
	for (size_t i = 0; i < CROWD; i++) {
		crowd[i].linked = false;
		tell(&crowd[i], POLICY_LOST);
	}
	for (size_t i = 0; i < CROWD; i++) {
		run(&crowd[i], 0);
		result.attempts += crowd[i].logins;
	}
	result.most_startups = w.most_startups;
	for (size_t i = 0; i < CROWD; i++)
		back_us[i] = crowd[i].back_us - w.up_us;
	qsort(back_us, CROWD, sizeof *back_us, by_time);
	result.half_s = (double)back_us[CROWD / 2] / SECOND;
	result.all_s = (double)back_us[CROWD - 1] / SECOND;
	for (size_t i = 0; series && i < CROWD; i += CROWD / 100)
		printf("%s %.2f %zu\n", series, (double)back_us[i] / SECOND, i);
	return result;
}

static void
show_crowd(uint64_t seed, bool shared)
{
	static const double outages_s[] = { 0, 10, 60, 600 };
	printf("\n| outage of %s | half are back | all are back"
	       " | attempts of each | most logins at once |\n"
	       "| --- | --- | --- | --- | --- |\n",
	    shared ? "1,000 people with ten windows" : "10,000 clients");
	for (size_t i = 0; i < sizeof outages_s / sizeof *outages_s; i += 1 + shared) {
		struct crowd_result r = return_at_once(seed,
		    (uint64_t)(outages_s[i] * SECOND), shared, NULL);
		printf("| %g s | %.0f s | %.0f s | %.1f | %u |\n", outages_s[i], r.half_s,
		    r.all_s, (double)r.attempts / CROWD, r.most_startups);
		if (r.all_s > CROWD_WITHIN_S)
			fail(&crowd[0], "the crowd is not back in time");
	}
}

int
main(int argc, char **argv)
{
	bool data = argc > 1 && strcmp(argv[1], "data") == 0;
	uint64_t seed = argc > 1 && !data ? strtoull(argv[1], NULL, 10) : 1;
	if (data) {
		tell_outages(seed, "typing", true);
		tell_outages(seed, "watching", false);
		(void)return_at_once(seed, 0, false, "crowd-0");
		(void)return_at_once(seed, 60 * SECOND, false, "crowd-60");
		return 0;
	}
	show_outages(seed);
	double longest = 0;
	for (uint64_t n = 0; n < SAMPLES; n++) {
		double seconds = reboot(seed + n);
		longest = seconds > longest ? seconds : longest;
		flap(seed + n);
		refused(seed + n);
	}
	printf("\nA host that refuses for 40 s: back after %.1f s at the longest.\n",
	    longest);
	show_crowd(seed, false);
	show_crowd(seed, true);
	free(w.heap);
	puts("policy: 5 passed, 0 failed");
	return 0;
}
