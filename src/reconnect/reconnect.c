#include "reconnect/reconnect.h"

#include "base/err.h"
#include "base/log.h"
#include "base/trace.h"
#include "ssh/control_master.h"
#include "ssh/run_dir.h"
#include "ssh/shared_login.h"
#include "ssh/host_cache.h"
#include "ssh/ssh_helper.h"
#include "sys/child.h"
#include "sys/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	/* A connection that fell into a hole while the network was away stays there: short
	 * at first; longer when nothing works, for slow networks. */
	CONNECT_TIMEOUT_MIN_S = 4,
	CONNECT_TIMEOUT_MAX_S = 15,
	PRELUDE_MAX = 4 * 1024, /* of each stream, sent ahead of the handshake */
	ELSEWHERE_MAX = 3, /* first logins for a session of the machine that answers */
	PUT_OFF_MAX = 3, /* first logins that the host puts off */
	HEARTBEAT_US = 5 * 1000000,
	HEARTBEAT_BESIDE_US = 60 * 1000000, /* beside datagrams */
	DOUBT_MIN_US = 1000 * 1000,
	MASTER_US = 4 * 1000000,
	DOUBT_MAX_US = 5 * 1000000,
	DOUBT_ALONE_US = 10
	    * 1000000, /* where the old link must go before a new one comes */
	UNDERTAKER_MS = 10000, /* ssh's last round trip may take this long */
	KILL_AFTER_MS = 1000,
	/* sshd lets a login take two minutes (LoginGraceTime); then a shell begins */
	LATE_S = 180,
	LOOK_US = 500 * 1000, /* attempts are looked at so often */
	ASKED_SILENT_US = 10
	    * 1000000, /* a login that has asked may stand on a silent network */
	WAIT_SAID_US = 1000 * 1000,
};

/* ---- what the session is told ---- */

/* Behind its end there is nothing to tell. */
static void
tell(struct reconnect *r, const struct reconnect_event *event)
{
	bool last = event->told >= RECONNECT_BYE; /* for which there is always room */
	if (r->over || r->n_told >= RECONNECT_EVENTS_MAX - (size_t)!last)
		return;
	r->over = last;
	r->told_events[r->n_told++] = *event;
}

bool
reconnect_next(struct reconnect *r, struct reconnect_event *ret_event)
{
	if (!r->n_told)
		return false;
	*ret_event = r->told_events[0];
	r->n_told--;
	memmove(r->told_events, r->told_events + 1, r->n_told * sizeof *r->told_events);
	return true;
}

__attribute__((format(printf, 2, 3))) static void
fail(struct reconnect *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (!r->over)
		vsnprintf(r->text, sizeof r->text, fmt, ap);
	va_end(ap);
	tell(r, &(struct reconnect_event){ .told = RECONNECT_FAILED, .text = r->text });
}

static void
tell_refused(struct reconnect *r)
{
	tell(r, &(struct reconnect_event){ .told = RECONNECT_REFUSED });
}

static void
lend(struct reconnect *r, bool lent)
{
	if (r->asking == lent)
		return;
	r->asking = lent;
	r->needs->lend(r->owner, lent);
}

/* ---- the trace ---- */

static double
seconds(uint64_t us)
{
	return (double)us / 1e6;
}

static void
trace_policy(const struct reconnect *r, enum policy_state before, enum policy_event event,
    unsigned actions)
{
	uint64_t now_us = r->loop->now_us, at_us = policy_deadline(&r->policy);
	TRACE(now_us, "policy", "%s: %s -> %s%s%s%s, tries %u, next in %.3f s",
	    policy_event_name(event), policy_state_name(before),
	    policy_state_name(r->policy.state),
	    actions & POLICY_ABANDON ? ", abandon" : "",
	    actions & (POLICY_CONNECT | POLICY_CONNECT_ASK) ? ", connect" : "",
	    actions & POLICY_GIVE_UP ? ", give up" : "", r->policy.tries,
	    at_us > now_us ? seconds(at_us - now_us) : 0);
}

static void
trace_link(const struct reconnect *r, const char *what)
{
	const struct link *l = &r->linked->io.link;
	uint64_t now_us = r->loop->now_us;
	TRACE(now_us, "link",
	    "ssh %ld %s: round trip %.4f s, deviation %.4f s, patience %.3f s, "
	    "silent for %.3f s, question open for %.3f s",
	    (long)r->linked->carrier.pid, what, seconds(l->srtt_us),
	    seconds(l->rttvar_us), seconds(link_patience_us(l)),
	    seconds(now_us - l->heard_us),
	    l->asked_us ? seconds(now_us - l->asked_us) : 0);
}

/* One line each round. */
static void
trace_congestion(struct reconnect *r)
{
	static const char *const phases[] = { [CONGESTION_STARTING] = "start",
		[CONGESTION_CRUISING] = "cruise",
		[CONGESTION_PROBING] = "probe" };
	const struct congestion *c = &r->linked->io.link.congestion;
	if (c->round_end == r->traced_round && c->phase == r->traced_phase)
		return;
	r->traced_round = c->round_end;
	r->traced_phase = c->phase;
	TRACE(r->loop->now_us, "credit",
	    "%s: sent %llu, delivered %llu, allowed %zu, rate %llu/s, round trip %.4f s "
	    "(least %.4f s)",
	    phases[c->phase], (unsigned long long)c->sent,
	    (unsigned long long)c->delivered,
	    congestion_allowed(c, r->linked->io.link.bulk_max),
	    (unsigned long long)(c->rate_now > c->rate_before ? c->rate_now
							      : c->rate_before),
	    seconds(c->rtt_now_us), seconds(c->rtt_us));
}

/* ---- starting an attempt ---- */

static struct attempt *
free_attempt(struct reconnect *r)
{
	for (size_t i = 0; i < RECONNECT_ATTEMPTS; i++) {
		struct attempt *a = &r->attempts[i];
		if (!candidates_has(&r->candidates, a) && a != r->linked
		    && a->carrier.pid == 0)
			return a;
	}
	return NULL;
}

static unsigned
connect_timeout_s(const struct reconnect *r)
{
	unsigned seconds = CONNECT_TIMEOUT_MIN_S + 2 * r->policy.tries;
	return seconds < CONNECT_TIMEOUT_MAX_S ? seconds : CONNECT_TIMEOUT_MAX_S;
}

/* Whether the connection is ours.  `asks`: ssh may ask the person, about a key as well. */
static bool
connects(const struct reconnect *r, bool first, bool asks)
{
	if (first && !r->alone && control_master_shares(r->config))
		return false;
	return ssh_config_connects(r->config, asks,
	    !asks || host_cache_has(HOST_CACHE_KEY_KNOWN, r->config, NULL));
}

/* A new name each time: two may be there at once.  ssh binds to a longer one first. */
static bool
master_path(char ret[SHARED_LOGIN_PATH_MAX])
{
	enum { LEN_MAX = 80 };
	char dir[RUN_DIR_MAX], name[LOGIN_NAME_MAX];
	if (!run_dir(dir))
		return false;
	shared_login_name(name);
	name[0] = 'u'; /* not of those that windows share */
	return snprintf(ret, SHARED_LOGIN_PATH_MAX, "%s/%s", dir, name) <= LEN_MAX;
}

static int
start(struct reconnect *r, struct attempt *a, bool asks, bool fresh)
{
	struct buf hello, prelude;
	char socket[SHARED_LOGIN_PATH_MAX], master[SHARED_LOGIN_PATH_MAX] = "";
	bool shared = r->sharing.master[0], leads = r->sharing.verdict == LOGIN_LEAD;
	bool first = r->policy.state == POLICY_FIRST && asks;
	bool is_master = r->is_master && master_path(master);
	bool alone = !first && !asks && r->policy.unattended && !r->linked;
	bool on_terminal = alone && ssh_helper_has_terminal();
	struct attempt_plan plan = { .secret = r->secret && !r->was_up };
	plan.carrier = (struct carrier_plan){ .options = r->options,
		.wanted = r->wanted,
		.terminal = r->terminal,
		.ssh = r->ssh,
		.servers = &r->servers,
		.first = first,
		.alone = r->alone,
		.asks = asks,
		.by_itself = on_terminal || (alone && ssh_helper_has_askpass()),
		.on_terminal = on_terminal,
		.fresh = fresh,
		.known = r->policy.state != POLICY_FIRST || fresh
		    || host_cache_has(HOST_CACHE_SERVES, r->config, NULL),
		.adopts = r->adopts,
		.key_ends = r->key_ends,
		.order = &r->order,
		.hold_errors = r->command || r->policy.tries > 0,
		.again = first && r->policy.tries > 0,
		.connect_timeout_s = connect_timeout_s(r),
		.socket = shared ? socket : NULL,
		.leads = leads,
		.master = is_master ? master : NULL,
		.config = connects(r, first, asks) && (!shared || leads) ? r->config
									 : NULL };
	sharing_path(&r->sharing, r->sharing.master, socket);
	buf_init(&hello, FRAME_MAX);
	buf_init(&prelude, FRAME_MAX);
	int err = r->needs->hello(r->owner, r->was_up, &hello);
	if (!err)
		err = engine_prelude(r->engine, &prelude, PRELUDE_MAX);
	plan.hello = buf_span(&hello);
	plan.prelude = buf_span(&prelude);
	if (first)
		lend(r, true);
	r->master_until_us = 0;
	if (first && !r->alone && control_master_listens(r->config))
		r->master_until_us = r->loop->now_us + MASTER_US;
	if (!err)
		err = attempt_start(a, r->loop, &plan);
	a->leads = shared && leads;
	memcpy(a->control, is_master ? master : "", is_master ? sizeof master : 1);
	memcpy(a->master, r->sharing.master, sizeof a->master);
	buf_finish(&hello);
	buf_finish(&prelude);
	return err;
}

/* ---- a login that windows share ---- */

static void
put_used(struct sharing_now *now, const struct attempt *a)
{
	if (a->master[0] && now->n_used < SHARING_USED)
		memcpy(now->used[now->n_used++], a->master, LOGIN_NAME_MAX);
}

/* Nothing that is tried goes by a connection that others of this session's hang on, or that is
 * in doubt. */
static struct sharing_now
sharing_now(const struct reconnect *r)
{
	struct sharing_now now = { .n_used = 0 };
	enum policy_state state = r->policy.state;
	for (size_t i = 0; i < r->candidates.n; i++) {
		const struct attempt *a = r->candidates.list[i];
		put_used(&now, a);
		now.leads |= a->leads;
		now.asks |= a->leads && (a->carrier.asks || a->carrier.asked);
	}
	if (r->linked && r->doubted)
		put_used(&now, r->linked);
	now.n_avoided = now.n_used;
	if (r->linked && !r->doubted)
		put_used(&now, r->linked);
	now.wants = r->sharing.on && state != POLICY_FIRST && state != POLICY_UP
	    && state != POLICY_DOUBT_TRY && state != POLICY_DOWN_TRY;
	return now;
}

/* How the next attempt comes to its login. */
static enum login_verdict
share(struct reconnect *r, bool asks, bool fresh)
{
	bool first = r->policy.state == POLICY_FIRST;
	enum login_wish wish = r->sharing.command ? LOGIN_COMMAND
	    : first && asks			  ? LOGIN_FIRST
	    : asks				  ? LOGIN_PERSON
						  : LOGIN_QUIET;
	struct sharing_now now = sharing_now(r);
	bool may = !fresh
	    && (!first || host_cache_has(HOST_CACHE_SERVES, r->config, NULL));
	enum login_verdict verdict = may
	    ? sharing_ask(&r->sharing, r->config, wish, &now, r->loop->now_us)
	    : sharing_alone(&r->sharing);
	r->wait_asks = asks;
	if (verdict != LOGIN_WAIT)
		r->wait_us = 0;
	else if (!r->wait_us)
		r->wait_us = r->loop->now_us;
	return verdict;
}

/* The person is told once: what is short here may be so for long. */
static void
cannot_start(struct reconnect *r, int err)
{
	if (!r->said_why)
		log_say(LOG_ERROR, "cannot start %s: %s; trying again", r->ssh,
		    err == ERR_SYSTEM ? strerror(errno) : err_text(err));
	r->said_why = true;
	reconnect_on(r, POLICY_FAILED);
}

static void
attempt_now(struct reconnect *r, bool asks, bool fresh)
{
	struct attempt *a = free_attempt(r);
	if (!a) {
		reconnect_on(r, POLICY_FAILED); /* older ones are still dying */
		return;
	}
	enum login_verdict verdict = share(r, asks, fresh);
	if (verdict == LOGIN_REFUSED) {
		tell_refused(r);
		reconnect_on(r, POLICY_REFUSED);
	}
	if (verdict == LOGIN_REFUSED || verdict == LOGIN_WAIT)
		return;
	asks = asks && verdict != LOGIN_RIDE;
	bool first = r->policy.state == POLICY_FIRST && asks;
	int err = start(r, a, asks, fresh);
	if (!err)
		(void)candidates_add(&r->candidates, a); /* the policy counts them */
	else if (first)
		fail(r, "cannot start %s: %s", r->ssh,
		    err == ERR_SYSTEM ? strerror(errno) : err_text(err));
	else
		cannot_start(r, err);
}

static void
on_config(void *owner)
{
	struct reconnect *r = owner;
	if (ssh_query_take(&r->query, &r->told))
		r->config = &r->told;
	attempt_now(r, r->may_ask, false);
}

/* Somewhere else the configuration may be another one ("Match exec").  ssh by itself looks
 * at it anyway; but where it could not be asked at first, it is now. */
static void
connect_now(struct reconnect *r, bool asks, bool fresh)
{
	if (r->policy.state == POLICY_FIRST || fresh
	    || (r->config->text.len && !connects(r, false, asks))) {
		attempt_now(r, asks, fresh);
		return;
	}
	if (ssh_query_asks(&r->query)) { /* what is known already has to do */
		ssh_query_finish(&r->query);
		attempt_now(r, asks, false);
		reconnect_on(r, POLICY_FAILED); /* of the two there is one */
		return;
	}
	r->may_ask = asks;
	ssh_query_finish(&r->query);
	ssh_query_start(&r->query, r->loop, r->options, r->ssh, true, on_config, r);
}

/* Something of the link is the host's or this machine's only once. */
static bool
one_link(const struct reconnect *r)
{
	return r->wanted->one_link || r->config->one_link;
}

static void link_lost(struct reconnect *r, bool clean);

static void
connect_if_due(struct reconnect *r)
{
	for (size_t i = 0; one_link(r) && i < RECONNECT_ATTEMPTS; i++)
		if (r->attempts[i].carrier.pid > 0)
			return; /* when it has ended: reconnect_reap */
	if (!r->due)
		return;
	r->due = false;
	connect_now(r, r->due_asks, false);
}

/* ---- the attempts side by side ---- */

/* It is not wanted any more. */
static void
end_candidate(struct reconnect *r, struct attempt *a)
{
	if (!a)
		return;
	candidates_remove(&r->candidates, a);
	attempt_close(a);
	r->may_have_begun |= a->carrier.may_have_begun;
}

static void
end_candidates(struct reconnect *r)
{
	ssh_query_finish(&r->query);
	sharing_stop(&r->sharing);
	while (r->candidates.n)
		end_candidate(r, r->candidates.list[0]);
}

/* The first login once more, from its beginning. */
static void
begin_again(struct reconnect *r, bool fresh)
{
	end_candidates(r);
	policy_begin(&r->policy, r->loop->now_us);
	connect_now(r, true, fresh);
}

/* Another program than ours may run there, and by another attempt would once more; of ours
 * the host keeps account. */
static bool
may_be_foreign(const struct reconnect *r, const struct attempt *first,
    enum carrier_sight sight)
{
	bool early = sight == CARRIER_CONNECTS || first->carrier.early;
	return r->adopts && !first->carrier.known && !early;
}

/* Nothing may run beside the first login: as far as can be seen, a person is asked by its ssh
 * itself, or about to be. */
static bool
first_is_alone(const struct reconnect *r)
{
	struct attempt *first = candidates_first(&r->candidates);
	if (!first)
		return false;
	enum carrier_sight sight = carrier_look(&first->carrier);
	return sight == CARRIER_UNSEEN || sight == CARRIER_ASKS
	    || sight == CARRIER_ANSWERS || may_be_foreign(r, first, sight)
	    || (r->command && r->adopts && !first->carrier.known);
}

static bool
asks_by_itself(struct reconnect *r)
{
	for (size_t i = 0; i < r->candidates.n; i++) {
		struct carrier *c = &r->candidates.list[i]->carrier;
		if (c->on_terminal && carrier_look(c) == CARRIER_ASKS)
			return true;
	}
	return false;
}

/* Tells the policy what can be seen of the attempts. */
static void
learn(struct reconnect *r)
{
	struct attempt *youngest = candidates_youngest(&r->candidates);
	uint64_t told_us = youngest ? carrier_told(&youngest->carrier) : 0;
	if (told_us > r->policy.told_us)
		policy_progress(&r->policy, told_us);
	r->policy.dead = youngest && carrier_look(&youngest->carrier) == CARRIER_DEAD;
	r->policy.held = one_link(r) || (youngest && asks_by_itself(r)) || r->wants_person
	    || r->sharing.waits || candidates_prompting(&r->candidates)
	    || (r->policy.state == POLICY_FIRST && first_is_alone(r));
}

/* A login that has asked, and whose host's system does not answer any more: the person would
 * wait until TCP gives up. */
static void
asked_in_vain(struct reconnect *r)
{
	struct attempt *a = candidates_asking(&r->candidates);
	if (!a || candidates_prompting(&r->candidates)
	    || a->carrier.silent_us < ASKED_SILENT_US)
		return;
	end_candidate(r, a);
	reconnect_on(r, POLICY_FAILED);
}

/* What can be seen of attempts tells no event.  Nothing runs beside a first login that has
 * begun to ask. */
static void
look_turn(struct reconnect *r)
{
	uint64_t now_us = r->loop->now_us;
	if (!r->candidates.n || now_us < r->look_us)
		return;
	r->look_us = now_us + LOOK_US;
	learn(r);
	asked_in_vain(r);
	struct attempt *beside = candidates_oldest_unasking(&r->candidates);
	if (r->policy.state != POLICY_FIRST || !r->policy.held
	    || !candidates_first(&r->candidates) || !beside)
		return;
	end_candidate(r, beside);
	reconnect_on(r, POLICY_FAILED);
}

void
reconnect_on(struct reconnect *r, enum policy_event event)
{
	learn(r);
	enum policy_state before = r->policy.state;
	unsigned actions = policy_on(&r->policy, event, r->loop->now_us);
	trace_policy(r, before, event, actions);
	if (before != r->policy.state)
		log_say(LOG_VERBOSE, "%s -> %s", policy_state_name(before),
		    policy_state_name(r->policy.state));
	if (actions & POLICY_ABANDON)
		end_candidates(r);
	if (actions & POLICY_DROP)
		end_candidate(r, candidates_oldest_unasking(&r->candidates));
	for (size_t i = 0; i < r->candidates.n; i++)
		if (event == POLICY_NUDGE || event == POLICY_MOVED
		    || event == POLICY_PERSON)
			carrier_hurry(&r->candidates.list[i]->carrier);
	if (!(actions & (POLICY_CONNECT | POLICY_CONNECT_ASK)))
		return;
	r->due = true;
	r->due_asks = actions & POLICY_CONNECT_ASK;
	if (one_link(r) && r->linked)
		link_lost(r, false);
	connect_if_due(r);
}

/* ---- how an attempt ends ---- */

static void
drop_link(struct reconnect *r)
{
	if (!r->linked)
		return;
	trace_link(r, "dropped");
	drain_stop(&r->drain);
	r->heard_us = r->linked->io.link.heard_us;
	engine_remove(r->engine, &r->linked->io.link);
	attempt_close(r->linked);
	r->linked = NULL;
}

/* Another attempt to make this session may have got to the host's shell, and begin there when
 * the command has long ended. */
static void
say_late(struct reconnect *r, const struct attempt *a)
{
	struct msg_late late = { LATE_S };
	if (r->command && r->may_have_begun && a->handshake.same_build)
		(void)engine_tell(r->engine, MSG_LATE, &late);
}

uint32_t
reconnect_late_s(const struct reconnect *r)
{
	return !r->was_up && (r->may_have_begun || r->candidates.n) ? LATE_S : 0;
}

static bool
ssh_answers(const struct reconnect *r)
{
	return r->linked && !r->doubted;
}

/* The keys are wanted once. */
static void
take_offer(struct reconnect *r, struct attempt *a)
{
	struct handshake_datagrams *offer = &a->handshake.datagrams;
	if (offer->id)
		datagrams_offer(&r->datagrams, offer,
		    &(struct datagrams_place){ a->carrier.peer, a->carrier.other,
			!r->config->ssh_connects });
	seal_wipe(offer, sizeof *offer);
}

/* The attempt has become the link. */
static void
link_ready(struct reconnect *r, struct attempt *a)
{
	struct link *l = &a->io.link;
	if (r->was_up && memcmp(r->boot_id, a->handshake.boot_id, ID_LEN) != 0)
		log_say(LOG_VERBOSE, "the host's boot id has changed");
	memcpy(r->boot_id, a->handshake.boot_id, ID_LEN);
	memcpy(r->machine, a->handshake.machine, ID_LEN);
	r->order = (struct connector_order){ 0 };
	memcpy(r->order.first, a->carrier.peer, sizeof r->order.first);
	r->elsewhere = false;
	candidates_remove(&r->candidates, a);
	if (a->leads)
		sharing_ready(&r->sharing, a->master, a->carrier.asked);
	r->sharing.failures = 0;
	if (r->policy.joined == 0)
		policy_measured(&r->policy, a->carrier.gap_us);
	end_candidates(r); /* it was the first of them */
	r->said_why = r->failed = r->no_server = false;
	r->error = SSH_ERROR_NONE;
	drop_link(r);
	r->linked = a;
	l->heartbeat_us = HEARTBEAT_US;
	l->doubt_min_us = one_link(r) ? DOUBT_ALONE_US : DOUBT_MIN_US;
	l->doubt_max_us = one_link(r) ? DOUBT_ALONE_US : DOUBT_MAX_US;
	l->heard_us = r->loop->now_us;
	(void)engine_add(r->engine, l); /* the old one is gone: there is room */
	if (!r->was_up && r->config->asks_about_keys
	    && !host_cache_has(HOST_CACHE_KEY_KNOWN, r->config, NULL))
		host_cache_remember(HOST_CACHE_KEY_KNOWN, r->config, "-");
	if (!r->was_up && !a->carrier.known)
		host_cache_remember(HOST_CACHE_SERVES, r->config, "-");
	if (!r->was_up)
		say_late(r, a);
	programs_keep(&r->servers, a->carrier.bootstrap.host_os,
	    a->carrier.bootstrap.host_machine);
	r->had_network = netwatch_has_network(&r->net);
	r->was_up = true;
	r->doubted = false;
	lend(r, false);
	trace_link(r, "up");
	datagrams_ssh(&r->datagrams, true);
	take_offer(r, a);
	if (r->command && !r->terminal)
		drain_start(&r->drain, a->io.in.fd);
	tell(r, &(struct reconnect_event){ .told = RECONNECT_UP, .attempt = a });
	reconnect_on(r, POLICY_READY);
}

static bool
is_zero(const uint8_t id[ID_LEN])
{
	static const uint8_t zero[ID_LEN];
	return memcmp(id, zero, ID_LEN) == 0;
}

/* What another machine says of a session is of no meaning. */
static bool
is_elsewhere(const struct reconnect *r, const struct attempt *a)
{
	return !is_zero(r->machine) && !is_zero(a->handshake.machine)
	    && memcmp(r->machine, a->handshake.machine, ID_LEN) != 0;
}

/* Its address is tried behind the others from now on; the oldest such makes room. */
static void
try_last(struct reconnect *r, const char *address)
{
	struct connector_order *order = &r->order;
	const size_t n = sizeof order->last / sizeof *order->last;
	for (size_t i = 0; i < n; i++)
		if (!address[0] || strcmp(order->last[i], address) == 0)
			return;
	memmove(order->last[1], order->last[0], (n - 1) * sizeof *order->last);
	memcpy(order->last[0], address, sizeof order->last[0]);
}

/* The name leads to several machines, and this is not the session's. */
static void
elsewhere(struct reconnect *r, const struct attempt *a)
{
	/* a login leads to one machine, and the windows to others */
	r->sharing.on = false;
	if (a->carrier.rides && r->policy.state == POLICY_FIRST) {
		begin_again(r, false);
		return;
	}
	try_last(r, a->carrier.peer);
	if (r->policy.state == POLICY_FIRST) {
		/* Each time it may be another one. */
		bool again = r->met++ < ELSEWHERE_MAX;
		memcpy(r->machine, a->handshake.machine, ID_LEN);
		r->order = (struct connector_order){ 0 };
		memcpy(r->order.first, a->carrier.peer, sizeof r->order.first);
		r->waits_for = RECONNECT_ELSEWHERE;
		tell(r,
		    &(struct reconnect_event){ .told = RECONNECT_ELSEWHERE,
			.machine = again ? r->machine : NULL });
		return;
	}
	r->elsewhere = true;
	reconnect_on(r, POLICY_FAILED);
}

static bool
carrier_failed(const struct attempt *a, enum carrier_why why)
{
	return a->why == WHY_CARRIER && a->carrier.why == why;
}

static void
to_plain(struct reconnect *r, const struct attempt *a, bool remember)
{
	if (!r->over)
		snprintf(r->text, sizeof r->text, "%s", attempt_text(a));
	tell(r,
	    &(struct reconnect_event){ .told = RECONNECT_PLAIN,
		.text = r->text,
		.keeper = a->carrier.bootstrap.keeper,
		.remember = remember });
}

/* Another program than ours has run, or none at all. */
static void
remember_foreign(struct reconnect *r, const struct attempt *a)
{
	if (!a->carrier.answered && !a->carrier.known)
		host_cache_remember(HOST_CACHE_FOREIGN, r->config,
		    carrier_failed(a, CARRIER_NO_SERVER) && !a->carrier.ended_us
			? HOST_CACHE_PERHAPS
			: "-");
}

/* The host, or this machine, lacks something for the moment: that says nothing of the next
 * time. */
static void
put_off(struct reconnect *r, struct attempt *a)
{
	r->put_off++;
	log_say(LOG_NOTICE, "%s: %s; trying again", r->options->destination,
	    attempt_text(a));
	begin_again(r, false);
}

static bool
was_rebooted(const struct reconnect *r, const struct attempt *a)
{
	return r->was_up && !is_zero(a->handshake.boot_id) && !is_zero(r->boot_id)
	    && memcmp(a->handshake.boot_id, r->boot_id, ID_LEN) != 0;
}

/* Says another hello on the link by which the last one was refused. */
static bool
greet_again(struct reconnect *r, struct attempt *a)
{
	struct buf hello;
	buf_init(&hello, FRAME_MAX);
	int err = r->needs->hello(r->owner, false, &hello);
	if (!err)
		err = attempt_again(a, buf_span(&hello));
	buf_finish(&hello);
	while (!err && r->candidates.n > 1) {
		bool first = r->candidates.list[0] == a;
		end_candidate(r, r->candidates.list[first]);
		reconnect_on(r, POLICY_FAILED); /* of several */
	}
	return !err;
}

/* What is next, the session says. */
static void
session_gone(struct reconnect *r, struct attempt *a)
{
	bool had_link = r->linked;
	drop_link(r);
	datagrams_finish(&r->datagrams);
	r->policy.lean = false;
	if (had_link)
		reconnect_on(r, POLICY_LOST);
	r->rebooted = was_rebooted(r, a);
	r->waits_for = RECONNECT_GONE;
	r->gone = a;
	tell(r,
	    &(struct reconnect_event){ .told = RECONNECT_GONE,
		.gone = { r->rebooted,
		    !is_zero(r->machine) && !is_zero(a->handshake.machine) } });
}

static void
send_anew(struct reconnect *r, const struct attempt *a)
{
	r->sent_anew = true;
	log_say(r->was_up ? LOG_VERBOSE : LOG_NOTICE, "%s: %s; sending it anew",
	    r->options->destination,
	    a->why == WHY_CARRIER ? attempt_text(a) : "belay-server answers nonsense");
	if (r->policy.state == POLICY_FIRST)
		begin_again(r, true);
	else
		connect_now(r, !r->was_up, true);
}

/* The host had a server and has lost it: the person is told once, since that may last. */
static void
again_said(struct reconnect *r, const struct attempt *a)
{
	if (!r->said_why)
		log_say(LOG_ERROR, "%s: cannot go on with the session: %s; trying again",
		    r->options->destination, attempt_text(a));
	r->said_why = true;
	reconnect_on(r, POLICY_FAILED);
}

static void
refused(struct reconnect *r, const struct attempt *a)
{
	if (a->leads && !a->carrier.first && !a->carrier.asks)
		sharing_denied(&r->sharing);
	if (r->policy.state != POLICY_FIRST || r->policy.insists)
		tell_refused(r);
	reconnect_on(r, POLICY_REFUSED);
}

/* What answers has another host key than the host, and gets nothing. */
static void
stranger(struct reconnect *r, const struct attempt *a)
{
	r->stranger = a->carrier.key;
	reconnect_on(r, POLICY_STRANGER);
	if (policy_meets_stranger(r->policy.state))
		tell(r, &(struct reconnect_event){ .told = RECONNECT_STRANGER });
}

/* One that rode on another's login has not got to the host: there is another way, of which the
 * policy need not know. */
static void
ride_failed(struct reconnect *r, const struct attempt *a)
{
	sharing_failed(&r->sharing, r->config, a->master,
	    a->carrier.error == SSH_ERROR_NO_SESSION);
	if (r->candidates.n)
		reconnect_on(r, POLICY_FAILED); /* of several */
	else if (r->policy.state == POLICY_FIRST)
		begin_again(r, false);
	else
		attempt_now(r, false, false);
}

static struct outcome_facts
facts_of(const struct reconnect *r, const struct attempt *a)
{
	bool first = r->policy.state == POLICY_FIRST;
	return (struct outcome_facts){ .stage = !first ? OUTCOME_LATER
		    : a->carrier.first		       ? OUTCOME_FIRST
						       : OUTCOME_BESIDE,
		.why = a->why,
		.refused = a->handshake.code,
		.carrier = a->carrier.why,
		.was_up = r->was_up,
		.rides = a->carrier.rides,
		.answered = a->carrier.answered,
		.told_ready = a->carrier.told_ready,
		.found = a->carrier.server == SERVER_FOUND,
		.sent_anew = r->sent_anew,
		.elsewhere = is_elsewhere(r, a),
		.rebooted = was_rebooted(r, a),
		.describes = r->describes || !a->handshake.stays,
		.put_off = r->put_off >= PUT_OFF_MAX,
		.terminal = r->terminal,
		.key_ends = r->key_ends,
		.may_run_twice = r->command
		    && (r->may_have_begun || a->carrier.may_have_begun) };
}

/* What outcome.h says of it. */
static void
follow(struct reconnect *r, struct attempt *a, enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_AGAIN:
		reconnect_on(r, POLICY_FAILED);
		break;
	case OUTCOME_AGAIN_SAID:
		again_said(r, a);
		break;
	case OUTCOME_NO_WAY:
		reconnect_on(r, POLICY_UNREACHED);
		break;
	case OUTCOME_PUT_OFF:
		put_off(r, a);
		break;
	case OUTCOME_SEND_ANEW:
		send_anew(r, a);
		break;
	case OUTCOME_REFUSED:
		refused(r, a);
		break;
	case OUTCOME_UNASKED: /* it got to the host, and is not let in */
		r->wants_person = true;
		reconnect_on(r, POLICY_UNASKED);
		break;
	case OUTCOME_STRANGER:
		stranger(r, a);
		break;
	case OUTCOME_ELSEWHERE:
		elsewhere(r, a);
		break;
	case OUTCOME_GONE: /* where it is over, what has come may be shown yet */
		reconnect_on(r, r->next == RECONNECT_ANEW ? POLICY_FAILED : POLICY_GONE);
		break;
	case OUTCOME_TAKEN:
		tell(r,
		    &(struct reconnect_event){ .told = RECONNECT_BYE,
			.code = BYE_TAKEN });
		break;
	case OUTCOME_PLAIN:
	case OUTCOME_PLAIN_ONCE:
		to_plain(r, a, outcome == OUTCOME_PLAIN);
		break;
	case OUTCOME_MAY_HAVE_BEGUN:
		fail(r,
		    "%s; the command may have been started: plain ssh would run it again",
		    attempt_text(a));
		break;
	case OUTCOME_END:
		tell(r, &(struct reconnect_event){ .told = RECONNECT_FAILED });
		break;
	case OUTCOME_END_SAID:
		fail(r, "%s", attempt_text(a));
		break;
	case OUTCOME_VERSION:
		fail(r,
		    "the session speaks another version of the protocol (server %s, belay %s)",
		    attempt_text(a), BELAY_BUILD);
		break;
	case OUTCOME_CANNOT_START:
		fail(r, "cannot start a session there: %s", attempt_text(a));
		break;
	case OUTCOME_DESCRIBE: /* this machine has no memory for it */
	case OUTCOME_HOST_REFUSES:
		fail(r, "the host refuses the session: %s", attempt_text(a));
		break;
	case OUTCOME_RIDE: /* attempt_failed's */
	case OUTCOME_FOREIGN: /* attempt_over's */
	case OUTCOMES:
		break;
	}
}

/* Nothing asks on the terminal any more; and a first login that nothing comes of is the end, as
 * ssh has said. */
static void
settle(struct reconnect *r)
{
	if (r->policy.state != POLICY_FIRST_WAIT && !candidates_first(&r->candidates))
		lend(r, false);
	if (r->policy.state == POLICY_FIRST && !r->candidates.n && !r->sharing.waits
	    && !r->waits_for && !r->loop->stopped)
		tell(r, &(struct reconnect_event){ .told = RECONNECT_FAILED });
}

/* The attempt that was tried is over, and is not the link. */
static void
attempt_failed(struct reconnect *r, struct attempt *a, enum outcome outcome)
{
	attempt_close(a);
	candidates_remove(&r->candidates, a);
	if (outcome == OUTCOME_RIDE) {
		ride_failed(r, a);
		return;
	}
	r->may_have_begun |= a->carrier.may_have_begun;
	r->failed = true;
	r->error = a->carrier.error;
	r->no_server = carrier_failed(a, CARRIER_NO_SERVER)
	    || carrier_failed(a, CARRIER_NO_PLACE) || carrier_failed(a, CARRIER_DAMAGED);
	follow(r, a, outcome);
	settle(r);
}

/* All of it is the session's, which goes on without us. */
static void
give_foreign(struct reconnect *r, struct attempt *a)
{
	candidates_remove(&r->candidates, a);
	end_candidates(r);
	lend(r, false);
	remember_foreign(r, a);
	carrier_give_away(&a->carrier, &r->foreign);
	attempt_close(a);
	tell(r,
	    &(struct reconnect_event){ .told = RECONNECT_FOREIGN,
		.foreign = &r->foreign });
}

static void
attempt_over(struct reconnect *r, struct attempt *a)
{
	struct outcome_facts facts = facts_of(r, a);
	enum outcome outcome = outcome_of(&facts);
	r->next = RECONNECT_OVER;
	if (outcome == OUTCOME_FOREIGN) {
		give_foreign(r, a);
	} else if (outcome == OUTCOME_GONE) {
		session_gone(r, a);
	} else if (outcome == OUTCOME_DESCRIBE) {
		r->describes = true;
		if (!greet_again(r, a))
			attempt_failed(r, a, outcome);
	} else {
		if (outcome_is_foreign(&facts))
			remember_foreign(r, a);
		attempt_failed(r, a, outcome);
	}
}

void
reconnect_gone(struct reconnect *r, enum reconnect_next next)
{
	struct attempt *a = r->gone;
	r->waits_for = 0;
	r->gone = NULL;
	r->next = next;
	if (next != RECONNECT_OVER) {
		r->doubted = r->was_up = false;
		if (!r->keeps_machine)
			memset(r->machine, 0, sizeof r->machine);
	}
	if (next != RECONNECT_ANEW || !a->handshake.stays || !greet_again(r, a))
		attempt_failed(r, a, OUTCOME_GONE);
}

void
reconnect_elsewhere(struct reconnect *r)
{
	r->waits_for = 0;
	begin_again(r, false);
	settle(r);
}

static void
link_lost(struct reconnect *r, bool clean)
{
	drop_link(r);
	r->doubted = false;
	datagrams_ssh(&r->datagrams, false);
	r->policy.lean = datagrams_up(&r->datagrams);
	tell(r, &(struct reconnect_event){ .told = RECONNECT_LOST, .clean = clean });
}

const char *
reconnect_master(const struct reconnect *r)
{
	return ssh_answers(r) && r->linked->control[0] ? r->linked->control : NULL;
}

bool
reconnect_is_lean(const struct reconnect *r)
{
	return !ssh_answers(r) && datagrams_up(&r->datagrams);
}

bool
reconnect_is_lean_in_doubt(const struct reconnect *r)
{
	const struct datagram_end *used = datagrams_used(&r->datagrams);
	return !ssh_answers(r) && used && used->policy.state == DATAGRAM_DOUBT;
}

bool
reconnect_up(const struct reconnect *r)
{
	return r->policy.state == POLICY_UP || reconnect_is_lean(r);
}

bool
reconnect_has_link(const struct reconnect *r)
{
	return r->linked || datagrams_up(&r->datagrams);
}

uint64_t
reconnect_srtt_us(const struct reconnect *r)
{
	const struct link *l = engine_link(r->engine, RANK_TERMINAL);
	return l ? l->srtt_us : 0;
}

uint64_t
reconnect_heard_us(const struct reconnect *r)
{
	const struct link *l = engine_link(r->engine, RANK_TERMINAL);
	uint64_t ssh_us = r->linked ? r->linked->io.link.heard_us : r->heard_us;
	return l && l->heard_us > ssh_us ? l->heard_us : ssh_us;
}

struct prompt *
reconnect_prompt(struct reconnect *r)
{
	struct attempt *a = candidates_prompting(&r->candidates);
	return a ? attempt_prompt(a) : NULL;
}

bool
reconnect_asks(const struct reconnect *r)
{
	return candidates_asking(&r->candidates)
	    || (ssh_query_asks(&r->query) && r->may_ask) || (r->due && r->due_asks)
	    || (r->sharing.waits && r->sharing.wish == LOGIN_PERSON);
}

unsigned
reconnect_question(const struct reconnect *r)
{
	struct attempt *a = candidates_asking(&r->candidates);
	return a ? attempt_question(a) : 0;
}

enum prompt_event
reconnect_keys(struct reconnect *r, struct span *keys)
{
	if (reconnect_question(r))
		return attempt_keys(candidates_asking(&r->candidates), keys);
	keys->n = 0; /* it has gone this very moment */
	return PROMPT_MORE;
}

void
reconnect_cancel(struct reconnect *r)
{
	if (candidates_asking(&r->candidates)) {
		attempt_cancel(candidates_asking(&r->candidates));
	} else if (reconnect_asks(r)) {
		ssh_query_finish(&r->query);
		sharing_stop(&r->sharing);
		r->due = false;
		reconnect_on(r, POLICY_REFUSED);
	}
}

/* ---- turns ---- */

static void
take_frames(struct reconnect *r)
{
	struct attempt *a = r->linked;
	struct frame f;
	long len;
	while ((len = link_frame(&a->io.link, &f)) > 0) {
		union msg m;
		if (f.type == MSG_BYE && msg_get(&f, &m) == 0) {
			tell(r,
			    &(struct reconnect_event){ .told = RECONNECT_BYE,
				.code = m.bye.code });
			return;
		}
		int err = engine_frame(r->engine, &a->io.link, &f, r->loop->now_us);
		if (err) {
			log_say(LOG_VERBOSE, "bad %s from the host: %s", msg_name(f.type),
			    err_text(err));
			len = err;
			break;
		}
		link_drop(&a->io.link, len);
		if (r->doubted) {
			r->doubted = false;
			trace_link(r, "heard again");
			if (a->master[0])
				sharing_heard(&r->sharing, a->master);
			datagrams_ssh(&r->datagrams, true);
			reconnect_on(r, POLICY_HEARD);
		}
	}
	if (len < 0)
		link_lost(r, false);
}

static void
try_on(struct reconnect *r, struct attempt *a)
{
	attempt_turn(a, r->engine);
	if (a->phase == ATTEMPT_OVER)
		attempt_over(r, a);
	else if (a->phase == ATTEMPT_LINK)
		link_ready(r, a);
}

static void
candidates_turn(struct reconnect *r)
{
	struct candidates now = r->candidates;
	for (size_t i = 0; i < now.n && !r->waits_for; i++)
		if (candidates_has(&r->candidates, now.list[i]))
			try_on(r, now.list[i]);
}

static void
doubt(struct reconnect *r)
{
	if (r->doubted)
		return;
	r->doubted = true;
	datagrams_ssh(&r->datagrams, false);
	trace_link(r, "in doubt");
	reconnect_on(r, POLICY_DOUBT);
}

/* Nothing comes of attempts from an address that is gone. */
static void
cut_off(struct reconnect *r)
{
	struct candidates now = r->candidates;
	for (size_t i = 0; i < now.n; i++) {
		struct attempt *a = now.list[i];
		enum carrier_sight sight = a->carrier.first ? carrier_look(&a->carrier)
							    : CARRIER_UNSEEN;
		if (!candidates_has(&r->candidates, a) || a->phase == ATTEMPT_OVER
		    || sight == CARRIER_ASKS || !carrier_is_cut_off(&a->carrier)
		    || (a->carrier.first && r->command && may_be_foreign(r, a, sight)))
			continue;
		if (a->carrier.first) {
			r->policy.waits = true; /* there was a way, and is between two */
			begin_again(r, false);
			return;
		}
		attempt_close(a);
		attempt_over(r, a);
	}
}

/* Its address is gone; where it is not known, some address is.  The old link stays until
 * another answers: another cable may have been pulled. */
static bool
is_left(const struct attempt *a, unsigned what)
{
	return a->carrier.local.ss_family ? carrier_is_cut_off(&a->carrier)
					  : (what & NETWATCH_LEFT) != 0;
}

/* The network has changed, or the machine has slept: no timer has to be waited for. */
static void
on_moved(struct reconnect *r, unsigned what)
{
	TRACE(r->loop->now_us, "network", "%s%s%s", what & NETWATCH_WOKE ? "woke " : "",
	    what & NETWATCH_MOVED ? "moved" : "",
	    what & NETWATCH_LEFT ? ", an address is gone" : "");
	log_say(LOG_VERBOSE, "%s",
	    what & NETWATCH_WOKE ? "awake again" : "the network has changed");
	datagrams_moved(&r->datagrams);
	if (r->linked && is_left(r->linked, what))
		doubt(r);
	else if (r->linked)
		r->linked->io.link.ping_now = true;
	cut_off(r);
	reconnect_on(r, POLICY_MOVED);
}

static void
net_turn(struct reconnect *r)
{
	unsigned what = r->net.loop ? netwatch_turn(&r->net, r->loop->now_us) : 0;
	if (what)
		on_moved(r, what);
}

/* The connection that ssh shares with others does not answer: one of our own. */
static void
master_turn(struct reconnect *r)
{
	struct attempt *first = candidates_first(&r->candidates);
	if (!first || first->phase != ATTEMPT_BOOT || first->carrier.heard)
		r->master_until_us = 0;
	if (!r->master_until_us || r->loop->now_us < r->master_until_us)
		return;
	log_say(LOG_NOTICE, "%s: the shared connection does not answer; making another",
	    r->options->destination);
	r->master_until_us = 0;
	r->alone = true;
	begin_again(r, false);
}

/* Who sits before a window that shows nothing is told why. */
static void
say_wait(struct reconnect *r)
{
	if (r->said_wait || !r->sharing.waits || r->policy.state != POLICY_FIRST
	    || r->loop->now_us < r->wait_us + WAIT_SAID_US)
		return;
	log_say(LOG_NOTICE,
	    "%s: another window is logging in; waiting for it (--alone: a login of its own)",
	    r->options->destination);
	r->said_wait = true;
}

static void
sharing_step(struct reconnect *r)
{
	struct sharing_now now = sharing_now(r);
	say_wait(r);
	switch (sharing_turn(&r->sharing, &now, r->loop->now_us)) {
	case SHARING_NOTHING:
		break;
	case SHARING_GO_ON:
		attempt_now(r, r->wait_asks, false);
		break;
	case SHARING_THERE:
		reconnect_on(r, POLICY_SHARED);
		break;
	case SHARING_MOVED:
		if (candidates_asking(&r->candidates))
			attempt_cancel(candidates_asking(&r->candidates));
	}
}

static bool
is_due(const struct reconnect *r)
{
	uint64_t deadline_us = policy_deadline(&r->policy);
	return deadline_us && r->loop->now_us >= deadline_us;
}

/* An attempt may have got on meanwhile. */
static void
timer_turn(struct reconnect *r)
{
	if (is_due(r))
		learn(r);
	if (is_due(r))
		reconnect_on(r, POLICY_TIMER);
}

/* What has come by datagrams is with the engine already. */
static void
datagrams_step(struct reconnect *r)
{
	struct datagrams *ds = &r->datagrams;
	bool up = datagrams_up(ds);
	r->policy.lean = up;
	if (r->linked)
		r->linked->io.link.heartbeat_us = up ? HEARTBEAT_BESIDE_US : HEARTBEAT_US;
	if (ds->bye) {
		uint16_t code = ds->bye;
		ds->bye = 0;
		tell(r, &(struct reconnect_event){ .told = RECONNECT_BYE, .code = code });
	} else if (ds->mode == DATAGRAMS_ONLY && ds->used
	    && ds->used->policy.state == DATAGRAM_DARK) {
		fail(r, "no datagrams get through (--udp=only)");
	}
}

void
reconnect_take(struct reconnect *r)
{
	datagrams_step(r);
	net_turn(r);
	timer_turn(r);
	look_turn(r);
	ssh_query_turn(&r->query, r->loop->now_us);
	candidates_turn(r);
	if (r->waits_for) /* first the session has to say what is next */
		return;
	sharing_step(r);
	master_turn(r);
}

void
reconnect_receive(struct reconnect *r)
{
	if (r->linked)
		attempt_turn(r->linked, r->engine);
	if (r->linked)
		take_frames(r);
}

void
reconnect_send(struct reconnect *r)
{
	uint64_t now_us = r->loop->now_us;
	datagrams_turn(&r->datagrams);
	if (!r->linked)
		return;
	if (r->linked->io.link.broken && r->ending) {
		link_quiet(&r->linked->io.link);
		return;
	}
	if (r->linked->io.link.broken) {
		link_lost(r, r->linked->clean);
		return;
	}
	link_write(&r->linked->io.link, r->engine, now_us);
	if (trace_is_on)
		trace_congestion(r);
	if (link_in_doubt(&r->linked->io.link, now_us))
		doubt(r);
}

uint64_t
reconnect_deadline(struct reconnect *r)
{
	uint64_t at = policy_deadline(&r->policy);
	if (r->candidates.n)
		loop_sooner(&at, r->look_us);
	loop_sooner(&at, r->master_until_us);
	loop_sooner(&at, r->query.until_us);
	loop_sooner(&at, sharing_deadline(&r->sharing));
	loop_sooner(&at, datagrams_deadline(&r->datagrams));
	loop_sooner(&at, netwatch_deadline(&r->net));
	for (size_t i = 0; i < RECONNECT_ATTEMPTS; i++)
		loop_sooner(&at, carrier_tick(&r->attempts[i].carrier, r->loop->now_us));
	if (r->linked && !r->doubted)
		loop_sooner(&at, link_write_at(&r->linked->io.link, r->engine));
	if (r->linked)
		loop_sooner(&at, link_trim(&r->linked->io.link, r->loop->now_us));
	return at;
}

/* One that was killed has left it. */
static void
remove_control(struct attempt *a)
{
	if (a->control[0])
		unlink(a->control);
	a->control[0] = 0;
}

void
reconnect_reap(struct reconnect *r)
{
	ssh_query_reap(&r->query);
	drain_reap(&r->drain);
	for (size_t i = 0; i < RECONNECT_ATTEMPTS; i++) {
		struct attempt *a = &r->attempts[i];
		if (!attempt_reap(a, r->engine))
			continue;
		remove_control(a);
		if (a == r->linked)
			link_lost(r, a->clean);
	}
	connect_if_due(r);
}

/* ---- the beginning and the end ---- */

void
reconnect_init(struct reconnect *r, struct loop *loop, struct engine *engine,
    const struct options *o, const char *ssh, const struct reconnect_needs *needs,
    void *owner)
{
	uint64_t seed;
	*r = (struct reconnect){ .loop = loop,
		.engine = engine,
		.options = o,
		.ssh = ssh,
		.needs = needs,
		.owner = owner };
	r->wanted = r->config = &r->told; /* nothing is known yet */
	r->sharing.ssh = ssh;
	datagrams_init(&r->datagrams, loop, engine);
	sys_random(&seed, sizeof seed);
	policy_init(&r->policy, seed);
}

void
reconnect_start(struct reconnect *r, const struct ssh_config *config)
{
	r->wanted = r->config = config;
	r->look_us = r->loop->now_us + LOOK_US;
	policy_begin(&r->policy, r->loop->now_us);
	connect_now(r, true, false);
	netwatch_open(&r->net, r->loop);
}

bool
reconnect_bye(struct reconnect *r, enum bye_code code)
{
	struct msg_bye m = { .code = (uint16_t)code };
	if (!ssh_answers(r) && datagrams_bye(&r->datagrams, code))
		return true;
	if (!r->linked)
		return false;
	datagrams_yield(&r->datagrams);
	link_write(&r->linked->io.link, r->engine, r->loop->now_us);
	(void)msg_put(&r->linked->io.link.queue, MSG_BYE, &m);
	return true;
}

bool
reconnect_flushed(const struct reconnect *r)
{
	if (datagrams_flushed(&r->datagrams))
		return true;
	return r->linked && !r->linked->io.link.queue.len;
}

/* The host has everything to say; ssh only has to carry our last word to it, and ends when
 * the host closes.  That takes a round trip, for which nobody needs to wait: a child of
 * ours sees to it that ssh does end. */
static void
leave_to_undertaker(struct attempt *a)
{
	pid_t pid = child_fork(NULL, a->io.in.fd); /* whose end is ssh's end */
	if (pid != 0) {
		a->carrier.pid = pid < 0 ? a->carrier.pid : 0;
		return;
	}
	setsid();
	char drain[512];
	ssize_t n = 1;
	while (n > 0 && sys_wait(CHILD_ALSO, POLLIN, UNDERTAKER_MS))
		n = read(CHILD_ALSO, drain, sizeof drain);
	if (n > 0)
		kill(a->carrier.pid, SIGTERM); /* it did not end in time */
	_exit(0);
}

void
reconnect_finish(struct reconnect *r, bool leave)
{
	datagrams_finish(&r->datagrams);
	ssh_query_finish(&r->query);
	ssh_config_finish(&r->told);
	netwatch_close(&r->net);
	programs_drop(&r->servers);
	drain_stop(&r->drain);
	sharing_finish(&r->sharing, r->linked && r->doubted ? r->linked->master : NULL);
	if (leave && r->linked)
		leave_to_undertaker(r->linked);
	for (size_t i = 0; i < RECONNECT_ATTEMPTS; i++)
		attempt_close(&r->attempts[i]);
	for (size_t i = 0; i < RECONNECT_ATTEMPTS; i++) {
		struct attempt *a = &r->attempts[i];
		int status;
		for (int waited_ms = 0;
		     a->carrier.pid > 0 && !child_ended(a->carrier.pid, &status);) {
			if (waited_ms++ == KILL_AFTER_MS)
				kill(a->carrier.pid, SIGKILL);
			poll(NULL, 0, 1);
		}
		a->carrier.pid = 0;
		remove_control(a);
	}
}

bool
reconnect_first_waits(const struct reconnect *r)
{
	const struct attempt *first = candidates_first(&r->candidates);
	if (r->policy.state == POLICY_FIRST_WAIT)
		return true;
	return r->policy.state == POLICY_FIRST && first && !first->carrier.heard
	    && !r->policy.held;
}
