#include "ssh/link_argv.h"

#include "base/err.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIXED_ARGS = 32 };

/* The link overrides what belay does itself across links.  The first value of an option
 * counts (ssh_config(5)), so these stand before the user's own. */
static const char *const always[] = { "-T", "-oRemoteCommand=none", NULL };
/* A connection shared with others may be as dead as the one we replace. */
static const char *const own[] = { "-Snone", "-oControlMaster=no", "-oControlPersist=no",
	NULL };
/* Of the login that the windows share: who rides on it does not get to the host otherwise. */
static const char *const leads[] = { "-oControlMaster=yes", NULL };
/* For those whom belay lets in (mux_master.h); it ends with the link. */
static const char *const serves[] = { "-oControlMaster=yes", "-oControlPersist=no",
	NULL };
static const char *const rides[] = { "-oControlMaster=no", "-oControlPersist=no",
	"-oProxyCommand=false", NULL };
/* The user's command of this machine is run once, by the first link. */
static const char *const no_local[] = { "-oPermitLocalCommand=no", NULL };
static const char *const tells[] = { "-oPermitLocalCommand=yes", NULL };
static const char *const unattended[] = { "-oBatchMode=yes", NULL };
/* Of -a and -A, and of -x, -X and -Y, the last one counts (ssh.c).  The agent is forwarded
 * by each link's ssh, if at all: what it knows of the way to the host, only ssh can tell. */
static const char *const no_agent[] = { "-a", NULL };
static const char *const no_display[] = { "-x", NULL };
static const char *const handed[] = { "-oProxyUseFdpass=yes", NULL };

static size_t
add_args(char **argv, size_t n, const char *const *args)
{
	while (*args)
		argv[n++] = (char *)(uintptr_t)*args++;
	return n;
}

/* Letters that count whatever stands before them (ssh.c): of -S the last one does, -M is more
 * than -oControlMaster, and -J suffers no ProxyCommand beside it.  So a link that does not share
 * as the user wants gets no -S and -M, one that rides no -J. */
static const char *
left_out(const struct carrier_plan *plan, bool shares)
{
	bool is_rider = plan->socket && !plan->leads;
	return shares ? "" : is_rider ? "SMJ" : "SM";
}

/* The user's own words for ssh, of those in front of the destination or behind it. */
static size_t
add_users(char **argv, size_t n, const struct options *o, bool behind,
    const char *without)
{
	size_t end = behind ? o->n_link_args : o->n_before;
	for (size_t i = behind ? o->n_before : 0; i < end; i++) {
		char *word = o->link_args[i];
		bool value = options_has_value(word[1]) > 0;
		if (!strchr(without, word[1])) {
			argv[n++] = word;
			if (value)
				argv[n++] = o->link_args[i + 1];
		}
		i += value;
	}
	return n;
}

/* Whether the user's shell, which runs it, takes what POSIX's does. */
static bool
has_posix_shell(void)
{
	static const char *const names[] = { "sh", "ash", "bash", "dash", "ksh", "mksh",
		"yash", "zsh" };
	const char *shell = getenv("SHELL"); /* ssh.c */
	const char *slash = shell ? strrchr(shell, '/') : NULL;
	const char *name = slash ? slash + 1 : shell && shell[0] ? shell : "sh";
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

bool
link_argv_runs_local(const struct carrier_plan *plan)
{
	const struct ssh_config *wanted = plan->wanted;
	return plan->first && wanted->permits_local && wanted->local_command.n;
}

/* What ssh runs here once it is in: on a host that is not known it says so; and it does what
 * the user has said, which has no business with the link that stdin and stdout are.  Empty:
 * nothing, or the user's as it is. */
static void
local_command(const struct carrier_plan *plan, const char *mark, const char *program,
    char ret[LINK_ARGV_LOCAL_MAX])
{
	bool runs = link_argv_runs_local(plan), aside = runs && has_posix_shell();
	struct span users = runs ? plan->wanted->local_command : (struct span){ 0 };
	char says[64] = "", before[LINK_ARGV_LOCAL_MAX] = "", behind[64] = "";
	ret[0] = 0;
	if (!plan->first || (plan->known && !aside))
		return;
	if (!plan->known)
		snprintf(says, sizeof says, "echo %s login%s", mark, runs ? "; " : "");
	if (aside && program) {
		snprintf(before, sizeof before, "exec %s 3<<'%s'\n", program, mark);
		snprintf(behind, sizeof behind, "\n%s", mark);
	} else if (aside) {
		snprintf(before, sizeof before, "{ ");
		snprintf(behind, sizeof behind, "\n} </dev/null >&2");
	}
	int n = snprintf(ret, LINK_ARGV_LOCAL_MAX, "-oLocalCommand=%s%s%.*s%s", says,
	    before, (int)users.n, (const char *)users.p, behind);
	if (n >= LINK_ARGV_LOCAL_MAX)
		ret[0] = 0;
}

static size_t
add_shared(struct link_argv *a, char **argv, size_t n, const struct carrier_plan *plan)
{
	snprintf(a->socket, sizeof a->socket, "-S%s", plan->socket);
	snprintf(a->linger, sizeof a->linger, "-oControlPersist=%d",
	    SHARED_LOGIN_LINGER_S);
	argv[n++] = a->socket;
	if (!plan->leads)
		return add_args(argv, n, rides);
	argv[n++] = a->linger;
	return add_args(argv, n, leads);
}

static size_t
add_master(struct link_argv *a, char **argv, size_t n, const char *path)
{
	snprintf(a->socket, sizeof a->socket, "-S%s", path);
	argv[n++] = a->socket;
	return add_args(argv, n, serves);
}

int
link_argv_make(struct link_argv *a, const struct carrier_plan *plan, const char *command,
    const char *mark, char *proxy, const char *local)
{
	const struct options *o = plan->options;
	char **argv = calloc(o->n_link_args + FIXED_ARGS + SSH_CONFIG_OVERRIDES,
	    sizeof *argv);
	size_t n = 0;
	a->words = argv;
	if (!argv)
		return ERR_NOMEM;
	snprintf(a->timeout, sizeof a->timeout, "-oConnectTimeout=%u",
	    plan->connect_timeout_s);
	local_command(plan, mark, local, a->local);
	argv[n++] = (char *)(uintptr_t)plan->ssh;
	n = add_args(argv, n, always);
	size_t n_over = ssh_config_overrides(plan->wanted, plan->terminal, a->overrides);
	for (size_t i = 0; i < n_over; i++)
		argv[n++] = a->overrides[i];
	if (a->local[0]) {
		n = add_args(argv, n, tells);
		argv[n++] = a->local;
	}
	bool shares = plan->first && !plan->alone && !plan->socket && !plan->master;
	const char *without = left_out(plan, shares);
	if (plan->socket)
		n = add_shared(a, argv, n, plan);
	else if (plan->master)
		n = add_master(a, argv, n, plan->master);
	else if (!shares)
		n = add_args(argv, n, own);
	if (!plan->first) {
		n = add_args(argv, n, no_local);
		argv[n++] = a->timeout;
	}
	if (!plan->first && !plan->asks && !plan->by_itself)
		n = add_args(argv, n, unattended);
	if (proxy) {
		n = add_args(argv, n, handed);
		argv[n++] = proxy;
	}
	n = add_users(argv, n, o, false, without);
	/* What stands behind a destination counts less than its user and port; only "--"
	 * makes one out of what looks like an option. */
	bool behind = o->n_before < o->n_link_args;
	if (behind)
		argv[n++] = (char *)(uintptr_t)o->destination;
	n = add_users(argv, n, o, true, without);
	if (plan->wanted->tells_forwards) {
		n = add_args(argv, n, no_display);
		if (!plan->wanted->forward_agent.n)
			n = add_args(argv, n, no_agent);
	}
	argv[n++] = (char *)(uintptr_t) "--";
	if (!behind)
		argv[n++] = (char *)(uintptr_t)o->destination;
	argv[n++] = (char *)(uintptr_t)command;
	return 0;
}

void
link_argv_finish(struct link_argv *a)
{
	free(a->words);
	a->words = NULL;
}
