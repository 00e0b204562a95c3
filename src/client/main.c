/* belay: ssh that does not fall.  See belay(1). */
#include "autossh/autossh.h"
#include "base/log.h"
#include "client/client.h"
#include "client/control_socket.h"
#include "client/saved_sessions.h"
#include "ssh/options.h"
#include "ssh/own_options.h"
#include "ssh/programs.h"
#include "ssh/ssh_helper.h"
#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_FAILED = 255, /* ssh(1), EXIT STATUS */
	USAGE_COLUMN = 24,
};

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
		[OWN_WORD] = "value" };
	const struct own_option *option;
	for (size_t i = 0; (option = own_option(i)); i++)
		printf("%s\t%s\t%s\n", option->name, kinds[option->kind], option->help);
}

/* For argv, which nobody writes to. */
static char *
word(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* With a command of ours: the line has none, so that it may stand behind it. */
static int
run_ssh(struct options *o, char *ssh, const char *command)
{
	size_t n = 0;
	signal(SIGPIPE, SIG_DFL);
	while (o->ssh_argv[n + 1])
		n++;
	char **argv = calloc(n + 4, sizeof *argv);
	if (!argv) {
		log_say(LOG_ERROR, "out of memory");
		return EXIT_FAILED;
	}
	argv[0] = ssh;
	argv[1] = word("-t");
	size_t first = command ? 2 : 1;
	memcpy(argv + first, o->ssh_argv + 1, n * sizeof *argv);
	argv[first + n] = word(command);
	argv[first + n + 1] = NULL;
	execv(ssh, argv);
	log_say(LOG_ERROR, "cannot execute %s: %s", ssh, strerror(errno));
	free(argv);
	return EXIT_FAILED;
}

/* A tunnel where belay-server cannot run: plain ssh carries it, and is run again whenever
 * it ends, unless that is at once.  That a link is dead ssh has to notice.
 *
 * For -f it tells us that it is in (ssh_config(5), LocalCommand: run after the login), which
 * one that goes by way of another ssh would not. */
static int
keep_ssh(struct options *o, const struct client_plain *plain)
{
	char local[sizeof plain->local_command + 64], *before[8], **p = before;
	bool waits = plain->background->waits;
	size_t n = 0, at = 0;
	snprintf(local, sizeof local, "-oLocalCommand=kill -URG %ld; %s", (long)getpid(),
	    plain->local_command);
	*p++ = word("belay");
	*p++ = word("-M0");
	if (plain->forks)
		*p++ = word("-oForkAfterAuthentication=no");
	if (waits) {
		background_let_go(STDOUT_FILENO); /* ssh does so now */
		*p++ = word("-oControlPath=none");
		*p++ = word("-oPermitLocalCommand=yes");
		*p++ = local;
	}
	size_t n_before = (size_t)(p - before);
	while (o->ssh_argv[++n])
		if (o->ssh_argv[n] == o->destination)
			at = strcmp(o->ssh_argv[n - 1 + (n == 1)], "--") == 0 ? n - 1 : n;
	char **argv = calloc(n_before + n + 2, sizeof *argv);
	if (!argv) {
		log_say(LOG_ERROR, "out of memory");
		return EXIT_FAILED;
	}
	memcpy(argv, before, n_before * sizeof *argv);
	p = argv + n_before;
	for (size_t i = 1; i < n; i++) {
		if (i == at)
			*p++ = word("-oServerAliveInterval=5");
		*p++ = o->ssh_argv[i];
	}
	(void)setenv("AUTOSSH_GATETIME", "5", 0);
	int status = autossh_keep((int)(p - argv), argv, plain->background, o->verbose);
	free(argv);
	return status ? EXIT_FAILED : 0;
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
	if (programs_ssh(ssh)) {
		log_say(LOG_ERROR,
		    "there is no ssh on PATH (or BELAY_SSH does not name one)");
		return EXIT_FAILED;
	}
	struct client_plain plain = { 0 };
	int status = o->direct || !o->destination ? CLIENT_PLAIN_SSH
						  : client_run(o, ssh, &plain);
	if (status != CLIENT_PLAIN_SSH)
		return status;
	return plain.keeps ? keep_ssh(o, &plain) : run_ssh(o, ssh, plain.command);
}

int
main(int argc, char **argv)
{
	struct options o;
	int status = EXIT_FAILED;
	sys_fix_stdio();
	if (ssh_helper_called(argc, argv))
		return ssh_helper_main(argc, argv);
	if (autossh_called(argc, argv))
		return autossh_main(argc, argv);
	log_init("belay", LOG_NOTICE);
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
	return status;
}
