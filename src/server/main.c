/* belay-server: the program on the host.  See belay-server(8). */
#include "link/seal.h"
#include "server/open.h"
#include "server/relay.h"
#include "server/self.h"
#include "server/session.h"
#include "server/session_ctl.h"
#include "server/stdio_forward.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int
attach(char **args)
{
	return relay_main(args[0], args[1]);
}

static int
session_session(char **args)
{
	return session_main(args[0]);
}

static int
connect_to(char **args)
{
	return stdio_forward_main(args[0], args[1]);
}

static int usage(void);

static int
list(char **args)
{
	bool json = false;
	const char *takes = NULL;
	for (; *args; args++)
		if (strcmp(*args, "--json") == 0)
			json = true;
		else if (strcmp(*args, "--takes") == 0 && args[1])
			takes = *++args;
		else
			return usage();
	return session_ctl_list(json, takes);
}

static int
kill_sessions(char **args)
{
	int status = 0;
	if (strcmp(args[0], "--idle") == 0 && !args[1])
		return session_ctl_kill_idle();
	for (; *args; args++)
		status |= session_ctl_do(ASK_KILL, *args, "");
	return status;
}

static int
rename_session(char **args)
{
	return session_ctl_do(ASK_RENAME, args[0], args[1]);
}

static int
detach(char **args)
{
	return session_ctl_do(ASK_DETACH, args[0], "");
}

static int
detach_own(char **args)
{
	(void)args;
	return session_ctl_do(ASK_DETACH, NULL, "");
}

/* [--share] [--read-only] [SESSION] */
static int
open_session(char **args)
{
	struct open_plan plan = { 0 };
	for (; *args; args++)
		if (strcmp(*args, "--share") == 0)
			plan.share = true;
		else if (strcmp(*args, "--read-only") == 0)
			plan.read_only = true;
		else if (**args == '-' || plan.which)
			return usage();
		else
			plan.which = *args;
	return open_main(&plan);
}

static int
build(char **args)
{
	(void)args;
	sys_say(STDOUT_FILENO, "%s\n", BELAY_BUILD);
	return 0;
}

/* By its name a link to this program opens a session: whatever the build is called, people and
 * their ssh clients know this path. */
static const char open_name[] = "open";

static bool
is_open_link(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');
	return strcmp(slash ? slash + 1 : argv0, open_name) == 0;
}

static void
make_open_link(const char *to)
{
	static const char fresh[] = "./open.new";
	(void)unlink(fresh);
	if (symlink(to, fresh) < 0 || rename(fresh, open_name) < 0)
		(void)unlink(fresh);
}

/* What has landed is on the disk before it has its name: a host that falls leaves the one
 * from before, or none, not a part. */
static int
land(char **args)
{
	int file = open(args[0], O_RDONLY), dir = open(".", O_RDONLY);
	if (file < 0 || fsync(file) < 0 || rename(args[0], args[1]) < 0) {
		sys_say(STDERR_FILENO, "belay-server: %s\n", strerror(errno));
		return 1;
	}
	make_open_link(args[1]);
	self_remove_unused(args[1]);
	(void)fsync(dir); /* some have no such thing for a directory */
	return build(NULL);
}

static int
version(char **args)
{
	(void)args;
	sys_say(STDOUT_FILENO, "belay-server %s%s\n", BELAY_BUILD,
	    seal_available() ? "" : " (no datagrams)");
	return 0;
}

static const struct {
	const char *name;
	int n_args; /* at least so many for list, kill and open */
	int (*run)(char **args);
	const char *usage;
} verbs[] = {
	{ "attach", 2, attach, "attach MARK HELLO   by belay, over ssh" },
	{ "hold", 1, session_session, "hold PATH           by attach: a session" },
	{ "connect", 2, connect_to, "connect HOST PORT   by belay -W" },
	{ "open", 0, open_session,
	    "open [SESSION]      come to one here; --share, --read-only" },
	{ "list", 0, list, "list [--json]       your sessions on this host" },
	{ "kill", 1, kill_sessions,
	    "kill SESSION ...    end them; --idle: shells that do nothing" },
	{ "rename", 2, rename_session, "rename SESSION NAME" },
	{ "detach", 0, detach_own, "detach              leave the one this runs in" },
	{ "detach", 1, detach, "detach SESSION      send its clients away" },
	{ "--build", 0, build, "--build             what belay looks for here" },
	{ "--land", 2, land, "--land FILE NAME    by belay, which has sent it" },
	{ "--version", 0, version, "--version" },
};

static int
usage(void)
{
	sys_say(STDERR_FILENO, "usage: belay-server VERB ...\n");
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		sys_say(STDERR_FILENO, "  %s\n", verbs[i].usage);
	return 2;
}

static bool
takes(size_t i, const char *name, int n_args)
{
	bool more = verbs[i].run == list || verbs[i].run == kill_sessions
	    || verbs[i].run == open_session;
	return strcmp(name, verbs[i].name) == 0
	    && (n_args == verbs[i].n_args || (more && n_args > verbs[i].n_args));
}

int
main(int argc, char **argv)
{
	sys_fix_stdio();
	if (argc > 0)
		self_begin(argv[0]);
	if (argc > 0 && is_open_link(argv[0]))
		return open_session(argv + 1);
	for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
		if (takes(i, argv[1], argc - 2))
			return verbs[i].run(argv + 2);
	return usage();
}
