/* belay: ssh that does not fall.  See belay(1). */
#include "autossh/autossh.h"
#include "base/log.h"
#include "base/trace.h"
#include "client/client.h"
#include "client/control_socket.h"
#include "client/plain_ssh.h"
#include "client/saved_sessions.h"
#include "ssh/options.h"
#include "ssh/own_options.h"
#include "ssh/programs.h"
#include "ssh/ssh_helper.h"
#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE_COLUMN = 24 };

static void
print_usage(FILE *to)
{
	const struct own_option *option;
	fputs(
	    "usage: belay [ssh's options] [options] destination [command [argument ...]]\n"
	    "As ssh, but the session survives every cut of the connection.  See belay(1).\n",
	    to);
	for (size_t i = 0; (option = own_option(i)); i++)
		fprintf(to, "  --%s%s%-*s %s\n", option->name, option->value ? " " : "",
		    (int)(USAGE_COLUMN - strlen(option->name) - (option->value != NULL)),
		    option->value ? option->value : "", option->help);
}

/* One a line: its name, what its value is (empty: it has none), and a few words. */
static void
print_completions(void)
{
	static const char *const kinds[] = { [OWN_FLAG] = "",
		[OWN_FIRST] = "",
		[OWN_SESSION] = "session",
		[OWN_RENAME] = "session",
		[OWN_COUNT] = "value",
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
		print_usage(stdout);
	else if (o->version)
		puts("belay " BELAY_BUILD);
	else if (o->completions)
		print_completions();
	return o->help || o->version || o->completions;
}

static int
run_client(const struct options *o, const char *ssh, struct plain_ssh *ret_plain)
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
	if (o->status && !o->bad_option)
		return control_socket_status(o);
	if (o->bad_option || (!o->destination && !o->direct)) {
		if (o->bad_option)
			log_say(LOG_ERROR,
			    "unknown option, or one with a wrong value or none: %s",
			    o->bad_option);
		print_usage(stderr);
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
	return status == CLIENT_PLAIN_SSH ? plain_ssh_run(&plain, o, ssh)
	    : status == CLIENT_FOREIGN	  ? plain_ssh_go_on(&plain)
					  : status;
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
		status = run(&o);
	}
	options_finish(&o);
	trace_close();
	return status;
}
