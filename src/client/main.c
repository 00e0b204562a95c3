/* belay: ssh that does not fall.  See belay(1). */
#include "autossh/autossh.h"
#include "base/log.h"
#include "base/trace.h"
#include "client/client.h"
#include "client/control_socket.h"
#include "client/plain_ssh.h"
#include "client/restore.h"
#include "client/saved_sessions.h"
#include "link/seal.h"
#include "ssh/options.h"
#include "ssh/own_options.h"
#include "ssh/programs.h"
#include "ssh/ssh_helper.h"
#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE_COLUMN = 24 };

static const char usage_text[] =
    "usage: belay [ssh's options] [options] destination [command [argument ...]]\n";

static const char help_text[] =
    "As ssh, but the session survives every cut of the connection, and the window.\n"
    "  belay host            a shell; the one that was left in this window, if any\n"
    "  belay host command    a command, whose exit status is belay's\n"
    "  Enter, ~, .           leaves: a shell goes on, a command ends\n"
    "  Enter, ~, ?           lists the other escapes\n"
    "A session is named by its name or the beginning of its id, as --list prints them; a\n"
    "name has up to 64 letters, digits and . _ - + @.  A time is 90, 30m, 12h, 7d or 4w.\n";

/* The first option of each group. */
static const struct {
	const char *first, *heading;
} groups[] = {
	{ "new", "Which session" },
	{ "predict", "What is shown" },
	{ "linger", "How it is kept" },
	{ "list",
	    "All sessions of the destination; without one, those that this machine knows" },
	{ "status", "The belays that run here" },
	{ "kill", "One session and others" },
	{ "autossh", "Others" },
};

static void
print_help(void)
{
	const struct own_option *option;
	printf("%s%s", usage_text, help_text);
	for (size_t i = 0, g = 0; (option = own_option(i)); i++) {
		if (g < sizeof groups / sizeof *groups
		    && strcmp(groups[g].first, option->name) == 0)
			printf("\n%s:\n", groups[g++].heading);
		printf("  --%s%s%-*s %s\n", option->name, option->value ? " " : "",
		    (int)(USAGE_COLUMN - strlen(option->name) - (option->value != NULL)),
		    option->value ? option->value : "", option->help);
	}
	puts("\nSee belay(1).");
}

/* Names the option, and what it allows. */
static void
say_bad_option(const struct options *o)
{
	const char *name = o->bad_option + 2;
	const struct own_option *option = own_option_find(name, strcspn(name, "="));
	const char *equals = strchr(o->bad_option, '=') || !o->bad_value ? "" : " ";
	if (!option)
		log_say(LOG_ERROR, "there is no option %s; belay --help lists them",
		    o->bad_option);
	else if (!o->bad_value && option->value)
		log_say(LOG_ERROR, "%s wants %s: %s", o->bad_option, option->value,
		    own_option_allows(option));
	else
		log_say(LOG_ERROR, "%s%s%s: %s%s", o->bad_option, equals,
		    *equals ? o->bad_value : "", option->value ? "allowed is " : "",
		    own_option_allows(option));
}

/* The option that wants one most. */
static void
say_no_destination(const struct options *o)
{
	const char *option = o->kill ? "--kill"
	    : o->detach		     ? "--detach"
	    : o->rename		     ? "--rename"
	    : o->session	     ? "--session"
				     : NULL;
	const char *value = o->kill ? o->kill
	    : o->detach		    ? o->detach
	    : o->rename		    ? o->rename
				    : o->session;
	if (option)
		log_say(LOG_ERROR,
		    "%s %s: the destination is missing: belay %s %s destination", option,
		    value, option, value);
	else
		log_say(LOG_ERROR, "the destination is missing");
	fputs(usage_text, stderr);
	fputs("belay --help says more\n", stderr);
}

/* --kill finds its destination, if this machine knows the sessions.  False: it does not. */
static bool
find_destination(struct options *o, char host[SAVED_HOST_MAX])
{
	if (!o->kill || !saved_sessions_host(o->kill, host))
		return false;
	options_set_destination(o, host);
	return true;
}

/* One a line: its name, what its value is (empty: it has none), and a few words. */
static void
print_completions(void)
{
	static const char *const kinds[] = { [OWN_FLAG] = "",
		[OWN_FIRST] = "",
		[OWN_SESSION] = "session",
		[OWN_SESSIONS] = "session",
		[OWN_RENAME] = "session",
		[OWN_COUNT] = "value",
		[OWN_ROWS] = "value",
		[OWN_TIME] = "value",
		[OWN_WORD] = "value",
		[OWN_CHOICE] = "value" };
	const struct own_option *option;
	for (size_t i = 0; (option = own_option(i)); i++)
		printf("%s\t%s\t%s\n", option->name, kinds[option->kind], option->help);
}

/* False: more is to be done. */
static bool
only_prints(const struct options *o)
{
	if (o->help)
		print_help();
	else if (o->version)
		printf("belay %s%s\n", BELAY_BUILD,
		    seal_available() ? "" : " (no datagrams)");
	else if (o->completions)
		print_completions();
	return o->help || o->version || o->completions;
}

static int
run_client(struct options *o, const char *ssh, struct plain_ssh *ret_plain)
{
	struct client *client = calloc(1, sizeof *client);
	if (!client) {
		log_say(LOG_ERROR, "out of memory");
		return EXIT_FAILED;
	}
	int status = client_run(client, o, ssh);
	*ret_plain = client->plain;
	free(client);
	return status;
}

static int
run(struct options *o)
{
	char ssh[PROGRAM_PATH_MAX];
	if (!o->bad_option && only_prints(o))
		return 0;
	if (o->list && !o->destination && !o->bad_option)
		return saved_sessions_list(o->json);
	if (o->restore && !o->bad_option)
		return restore_main(o->restore_with, o->print);
	if (o->status && !o->bad_option)
		return control_socket_status(o);
	if (o->bad_option) {
		say_bad_option(o);
		return EXIT_FAILED;
	}
	char host[SAVED_HOST_MAX];
	if (!o->destination && !o->direct && !find_destination(o, host)) {
		say_no_destination(o);
		return EXIT_FAILED;
	}
	if (o->forward || o->cancel)
		return control_socket_forward(o);
	bool in_place;
	if (programs_ssh(ssh, &in_place)) {
		log_say(LOG_ERROR,
		    "there is no ssh on PATH (or BELAY_SSH does not name one)");
		return EXIT_FAILED;
	}
	struct plain_ssh plain = { 0 };
	int status = o->direct || in_place ? CLIENT_PLAIN_SSH
					   : run_client(o, ssh, &plain);
	if (o->kill && status == 0)
		saved_sessions_killed(o->kill, o);
	return status == CLIENT_PLAIN_SSH ? plain_ssh_run(&plain, o, ssh)
	    : status == CLIENT_FOREIGN	  ? plain_ssh_go_on(&plain)
					  : status;
}

/* ssh says itself what is wrong with it. */
static void
open_log(const struct options *o)
{
	int fd = o->log ? open(o->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
			: -1;
	if (fd >= 0)
		log_as_ssh_to(fd);
}

static void
start_trace(void)
{
	const char *path = getenv("BELAY_TRACE");
	if (trace_open(path))
		log_say(LOG_ERROR, "cannot write the trace %s: %s", path,
		    strerror(errno));
}

int
main(int argc, char **argv)
{
	struct options o;
	int status = EXIT_FAILED;
	sys_fix_stdio();
	if (ssh_helper_called(argc, argv))
		return ssh_helper_main(argc, argv);
	log_init("belay", LOG_NOTICE);
	start_trace();
	if (autossh_called(argc, argv))
		return autossh_main(argc, argv);
	log_utf8(tty_is_utf8());
	if (options_parse(&o, argc, argv)) {
		log_say(LOG_ERROR, "out of memory");
	} else {
		log_init("belay",
		    o.quiet	    ? LOG_QUIET
			: o.verbose ? LOG_VERBOSE
				    : LOG_NOTICE);
		if (!o.direct && !o.bad_option)
			open_log(&o);
		status = run(&o);
	}
	options_finish(&o);
	trace_close();
	return status;
}
