/*
 * What autossh 1.4g is told by its command line and its environment; no I/O.
 *
 * ssh's options are parsed as ssh does, up to its destination and behind it up to the
 * command, whose words are nobody's options.
 */
#ifndef AUTOSSH_AUTOSSH_CONF_H
#define AUTOSSH_AUTOSSH_CONF_H

#include <stdbool.h>
#include <stddef.h>

enum { AUTOSSH_MESSAGE_MAX = 64, AUTOSSH_PORT_MAX = 65534 };

struct autossh_conf {
	/* AUTOSSH_...; the texts belong to the environment, NULL: not given */
	long poll_s, first_poll_s, gate_s, max_life_s;
	long max_start; /* negative: any number */
	long log_level; /* as in syslog(3) */
	bool debug;
	const char *message, *ssh, *pid_file, *log_file;
	/* the monitoring port, 0: none; and where its echo service is, 0: the port above */
	long port, echo_port;
	bool any_port; /* none was named: one must be found before autossh_conf_argv */
	bool background; /* -f */
	bool reads_stdin; /* neither -N nor -n */
	bool version, usage; /* -V; the command line is not one */
	char error[256]; /* what is wrong with it or the environment, or empty */
	/* ssh's command line: [0] is the place for the program; those for the port follow */
	char **ssh_argv;
	size_t n_ssh_argv;
	char *words; /* memory of words that are not as they were */
	char forward[2][64];
};

/* Returns 0, or ERR_NOMEM.  `env` is as getenv(3). */
int autossh_conf_read(struct autossh_conf *c, int argc, char **argv,
    char *(*env)(const char *name));
/* The command line for this program, NULL-terminated; it belongs to c. */
char **autossh_conf_argv(struct autossh_conf *c, char *program);
void autossh_conf_finish(struct autossh_conf *c);

#endif
