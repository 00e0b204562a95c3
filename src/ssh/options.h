/*
 * ssh's command line, parsed as ssh(1) does it: options before and after the
 * destination, bundled letters, values glued or separate, "--"; everything behind is
 * the command.  belay's own options are long.
 */
#ifndef SSH_OPTIONS_H
#define SSH_OPTIONS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --return: whether a shell that was left is come back to (client/returning.h). */
enum options_return { RETURN_AUTO, RETURN_ALWAYS, RETURN_NEVER };

/* --again: whether a shell whose session is gone begins again (client/again.h). */
enum options_again { AGAIN_AUTO, AGAIN_ASK, AGAIN_ALWAYS, AGAIN_NEVER };

struct options {
	char **ssh_argv; /* the whole line without belay's own options, NULL-terminated;
			  * [0] is a place for the program */
	char **link_args; /* the options that the link's ssh gets too, NULL-terminated */
	size_t n_link_args;
	size_t options_end; /* in ssh_argv: another option may stand there */
	const char *log; /* -E; NULL: not given */
	size_t n_before; /* so many of them stand before the destination */
	char words[128][3]; /* "-x" for each letter */
	const char *destination; /* NULL: none given */
	char **command; /* NULL-terminated; points into ssh_argv */
	bool direct; /* something that is ssh's alone */
	bool no_command, background, null_stdin, subsystem; /* -N -f -n -s */
	bool no_tty; /* -T */
	unsigned tty; /* -t: asked for, twice: forced */
	const char *stdio_forward; /* -W; NULL: not given */
	bool quiet;
	unsigned verbose;
	char escape; /* -e; 0: none */
	bool help, version, completions; /* --help, --version, --completions */
	bool fresh, share, read_only; /* --new, --share, --read-only */
	unsigned udp; /* --udp: enum datagrams_mode (reconnect/datagrams.h) */
	unsigned redraw; /* --redraw: enum redraw (wire/msg.h) */
	unsigned predict; /* --predict: enum predict_mode (predict/preference.h) */
	bool has_predict;
	unsigned returns; /* --return: enum options_return */
	unsigned again; /* --again: enum options_again */
	bool keep_history; /* --keep-history */
	uint32_t keep_mib; /* --keep-max; 0: not given */
	bool list, json; /* --list, --json */
	bool status, forward, cancel; /* --status, --forward, --cancel */
	/* --session, --kill, --detach, --rename OLD:NEW; NULL: not given */
	const char *session, *kill, *detach, *rename;
	bool has_history, has_history_time;
	uint32_t history; /* --history: rows; UINT32_MAX: all */
	uint32_t history_time_s; /* --history-time; 0: no bound */
	uint32_t linger_s; /* --linger; 0: not given */
	uint32_t give_up_s; /* --give-up; 0: not given */
	bool forget; /* --forget */
	bool remove; /* --remove */
	bool own_sftp; /* --sftp=own */
	bool fit; /* --fit: the session is as small as the smallest window */
	/* --on-lost, --on-back, --on-away; NULL: not given */
	const char *on_lost, *on_back, *on_away;
	bool alone; /* --alone: a login of its own, not one for all windows */
	bool wait; /* --wait: for a way to the host, also with a command */
	bool config; /* --config */
	bool restore, print; /* --restore, --print */
	const char *restore_with; /* --restore-with; NULL: not given */
	uint64_t
	    own_given; /* which of the table of own_options.c were set, by their places */
	const char *bad_option; /* the first of ours with a mistake, as it was typed */
	const char *bad_value; /* of it; NULL: none was given */
};

/* Whether this letter takes a value; negative if ssh does not know it. */
int options_has_value(char letter);
/* Returns 0, or ERR_NOMEM.  The strings belong to argv. */
int options_parse(struct options *o, int argc, char **argv);
void options_finish(struct options *o);
/* A time as in sshd_config(5), of one unit (90, 30m, 7d), in seconds; false: it is none. */
bool options_time(const char *value, uint32_t *ret_s);
/* The destination, where the command line has none; it stands behind all options. */
void options_set_destination(struct options *o, const char *destination);
/* A number that is the same for the same destination and ssh options. */
uint64_t options_key(const struct options *o);
/* The words that lead to the same place, as a shell takes them: those options and the
 * destination. */
void options_put(const struct options *o, struct buf *out);

#endif
