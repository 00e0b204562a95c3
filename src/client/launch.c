#include "client/launch.h"

#include "base/err.h"
#include "base/log.h"
#include "client/client.h"
#include "client/give_up.h"
#include "client/hello.h"
#include "ssh/host_cache.h"
#include "ssh/plain_hosts.h"
#include "sys/tty.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whether somebody sees that it waits for the right host: at a shell, or beside a tunnel. */
static bool
has_person(const struct client *s)
{
	return s->request.raw
	    || (s->request.kind == KIND_NONE && !s->config.background
		&& isatty(STDIN_FILENO) && isatty(STDERR_FILENO));
}

/* Whether a login may be one for all windows of the destination.  ssh's own log (-E, -y) is this
 * one's alone. */
static bool
shares(const struct options *o)
{
	if (o->alone)
		return false;
	for (size_t i = 0; i < o->n_link_args; i++) {
		char letter = o->link_args[i][1];
		if (letter == 'E' || letter == 'y')
			return false;
		i += options_has_value(letter) > 0;
	}
	return true;
}

/* It is known what is to be run: makes the streams, and connects. */
static int
begin(struct client *s)
{
	if (client_open_streams(s) || s->request.command.failed)
		return ERR_NOMEM;
	int err = forward_table_init(&s->forwards, &s->loop, &s->engine, &s->config,
	    s->options->destination);
	if (err)
		return err;
	if (!forward_table_possible(&s->forwards)) {
		client_leave(s, EXIT_FAILED);
		return 0;
	}
	s->forwards.quiet = s->request.raw;
	client_open_console(s);
	s->notifier.silent = s->request.kind == KIND_SELF;
	if (s->request.kind != KIND_SELF)
		hooks_init(&s->hooks, s->options);
	s->notifier.escape = s->request.raw ? s->config.escape : 0;
	s->begun = true;
	s->ending.returns = s->request.returns;
	s->ending.resumed = s->request.how == HELLO_OPEN;
	s->ending.awaits = tty_leader_is_near();
	s->reconnect.keeps_machine = s->request.returns;
	s->reconnect.policy.unattended = !s->request.raw;
	s->reconnect.command = s->request.command.len > 0;
	s->give_up_us = (uint64_t)1000000
	    * give_up_s(s->options, s->request.kind, s->request.command.len > 0,
		hello_linger_s(s->options, &s->request));
	s->reconnect.key_ends = !has_person(s) && !s->options->give_up_s;
	/* To a subsystem that was asked for sshd may answer otherwise than to our command. */
	s->reconnect.adopts = s->request.kind == KIND_PTY
	    || s->request.kind == KIND_PIPES;
	/* A person sees that it waits; what calls a command may not expect it to. */
	s->reconnect.policy.waits = s->options->wait
	    || (s->request.raw && !s->reconnect.command);
	/* A tunnel that is kept up by a service manager: nobody sees that it has ended. */
	s->reconnect.policy.insists = s->options->wait && s->request.kind == KIND_NONE
	    && !isatty(STDERR_FILENO);
	s->reconnect.datagrams.mode = (enum datagrams_mode)s->options->udp;
	s->reconnect.secret = s->forwards.x11.on; /* the cookie */
	s->reconnect.terminal = s->request.kind == KIND_PTY;
	s->reconnect.sharing.on = s->request.kind != KIND_NONE && shares(s->options);
	s->reconnect.sharing.command = !s->reconnect.terminal || s->reconnect.command
	    || s->request.manages;
	s->reconnect.is_master = mux_master_wanted(&s->config) && !s->request.manages;
	s->reconnect.alone = s->reconnect.is_master;
	memcpy(s->reconnect.machine, s->request.machine, ID_LEN);
	memcpy(s->reconnect.order.first, s->request.left.address, TCP_ADDRESS_MAX);
	reconnect_start(&s->reconnect, &s->config);
	return 0;
}

/* What only ssh carries out. */
static void
go_plain_for(struct client *s, struct span keyword)
{
	char why[80];
	snprintf(why, sizeof why, "only ssh carries out %.*s",
	    keyword.n < 40 ? (int)keyword.n : 40, (const char *)keyword.p);
	client_go_plain(s, why, PLAIN_NONE);
}

static void
to_background(struct client *s)
{
	if (background_begin(&s->background))
		client_fail(s, "cannot go to the background: %s", strerror(errno));
	s->config.null_stdin = true;
}

static void
forget(struct client *s)
{
	if (host_cache_forget(&s->config))
		client_leave(s, 0);
	else
		client_fail(s, "cannot forget it: %s", strerror(errno));
}

/* By ssh itself, since it needs no server: what has landed goes, and what was found out. */
static void
remove_from_host(struct client *s)
{
	if (s->options->command[0]) {
		client_fail(s, "--remove takes no command");
		return;
	}
	(void)host_cache_forget(&s->config);
	s->plain = (struct plain_ssh){ .removes = true };
	client_leave(s, CLIENT_PLAIN_SSH);
}

/* False: there is a mistake in them, or only they were asked for. */
static bool
read_settings(struct client *s)
{
	if (!settings_read(&s->settings, s->unsettled, &s->config)) {
		client_fail(s, "%s", s->settings.error);
		return false;
	}
	if (s->options->config) {
		settings_print(&s->settings);
		client_leave(s, 0);
		return false;
	}
	return true;
}

void
launch(void *client)
{
	struct client *s = client;
	enum plain_keeper keeper = PLAIN_NONE;
	if (!ssh_query_take(&s->query, &s->config))
		ssh_config_from_options(&s->config, s->options);
	if (s->config.silent)
		log_louder(LOG_QUIET - LOG_VERBOSE);
	if (!read_settings(s))
		return;
	if (s->options->forget) {
		forget(s);
		return;
	}
	if (s->options->remove) {
		remove_from_host(s);
		return;
	}
	if (mux_master_is_all(&s->config))
		s->config.no_command = s->config.background = true;
	if (!session_request_program(&s->request, s->options, &s->config)) {
		client_leave(s, CLIENT_PLAIN_SSH);
		return;
	}
	const char *plain = s->request.manages ? NULL
					       : plain_hosts_has(&s->config, &keeper);
	bool for_ssh = s->config.for_ssh.n && !s->request.manages;
	if (s->config.background && ((!plain && !for_ssh) || s->config.no_command))
		to_background(s);
	if (for_ssh) {
		go_plain_for(s, s->config.for_ssh);
		return;
	}
	if (plain) {
		client_go_plain(s, plain, keeper);
		return;
	}
	session_request_session(&s->request, s->options, &s->config, &s->saved);
	int err = begin(s);
	if (err)
		client_fail(s, "%s", err_text(err));
}
