#include "autossh/autossh.h"

#include "autossh/autossh_conf.h"
#include "autossh/autossh_log.h"
#include "autossh/stderr_tee.h"
#include "autossh/supervise.h"
#include "autossh/tunnel_probe.h"
#include "base/err.h"
#include "ssh/programs.h"
#include "ssh/ssh_errors.h"
#include "sys/child.h"
#include "sys/netwatch.h"
#include "sys/os.h"
#include "sys/sys.h"
#include "sys/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum {
	EXIT_WRONG = 1, /* autossh knows no others than this and 0 */
	TEST_TIMEOUT_MS = 15000, /* of one try; half the poll time, if that is less */
	ANY_PORT_FROM = 32768, /* as Debian's autossh chooses one */
	ANY_PORT_TRIES = 42,
};

static const char usage_text[] =
    "usage: autossh [-V] [-M port[:echo_port]] [-f] [ssh's options] destination ...\n"
    "Runs ssh again whenever it ends or its tunnel is dead.  See belay-autossh(1).\n";

struct autossh {
	struct autossh_conf conf;
	struct loop loop;
	struct netwatch net;
	struct tunnel_probe monitor; /* zeroed: there is no port */
	struct supervise supervise;
	char ssh[PROGRAM_PATH_MAX];
	pid_t pid; /* ssh's; 0: none runs */
	struct stderr_tee overheard;
	struct background *background; /* NULL: -f is autossh's */
	bool says; /* with that: stderr is kept */
	bool has_terminal; /* it is stdin, with these settings */
	struct termios settings;
	bool pid_file_written;
};

/* ---- the terminal ---- */

/* An ssh that was killed has left it raw, and the next one would take that for usual. */
static void
mend_terminal(const struct autossh *a)
{
	if (a->has_terminal && tcgetpgrp(STDIN_FILENO) == getpgrp())
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &a->settings);
}

/* Its window was closed: no ssh that read from it can be of use to anybody now. */
static bool
terminal_is_gone(const struct autossh *a)
{
	struct termios now;
	return a->has_terminal && a->conf.reads_stdin && tcgetattr(STDIN_FILENO, &now) < 0
	    && (errno == EIO || errno == ENXIO);
}

/* ---- ssh ---- */

/* Nobody has named a port: one that is free here, with the next; with luck there, too.  0,
 * or -1 with errno. */
static int
find_port(struct autossh *a)
{
	for (int i = 0; i < ANY_PORT_TRIES; i++) {
		uint16_t random;
		tunnel_probe_close(&a->monitor);
		sys_random(&random, sizeof random);
		a->conf.port = ANY_PORT_FROM
		    + random % (AUTOSSH_PORT_MAX - ANY_PORT_FROM);
		int fd = tcp_listen((unsigned)a->conf.port);
		if (fd < 0)
			continue;
		close(fd);
		if (tunnel_probe_open(&a->monitor, &a->loop, (unsigned)a->conf.port,
			false)
		    == 0)
			return 0;
	}
	return -1;
}

/* 0, or -1 with errno. */
static int
start_ssh(struct autossh *a)
{
	int err;
	mend_terminal(a);
	/* The host may hold the last one yet, for a connection that is dead. */
	if (a->conf.any_port && find_port(a))
		return -1;
	char **argv = autossh_conf_argv(&a->conf, a->ssh);
	pid_t pid = child_start_beside(argv, &err);
	if (pid < 0)
		return -1;
	a->pid = pid;
	stderr_tee_begin(&a->overheard, err);
	autossh_log(SEVERITY_INFO, "ssh child pid is %ld", (long)pid);
	return 0;
}

/* ---- what supervise.c decides is done ---- */

static void
start_test(struct autossh *a)
{
	struct utsname host;
	char line[TUNNEL_PROBE_LINE_MAX];
	uint64_t random, timeout_ms = (uint64_t)a->conf.poll_s * 1000 / 2;
	sys_random(&random, sizeof random);
	if (uname(&host) < 0)
		host.nodename[0] = 0;
	if (timeout_ms > TEST_TIMEOUT_MS)
		timeout_ms = TEST_TIMEOUT_MS;
	snprintf(line, sizeof line, "%.64s autossh %ld %llu %s\r\n", host.nodename,
	    (long)getpid(), (unsigned long long)random,
	    a->conf.message ? a->conf.message : "");
	tunnel_probe_start(&a->monitor, line, timeout_ms * 1000, a->loop.now_us);
}

static void act(struct autossh *a, unsigned actions);

/* ssh cannot be executed: at first that is an error, and later it may pass. */
static void
cannot_start(struct autossh *a)
{
	const struct supervise_end end = { .status = 255, .why = SUPERVISE_UNREACHED };
	const char *why = strerror(errno);
	if (a->supervise.starts > 1) {
		autossh_log(SEVERITY_ERROR, "cannot start %s: %s", a->ssh, why);
		act(a, supervise_ended(&a->supervise, &end, a->loop.now_us));
		return;
	}
	autossh_log_fatal("cannot start %s: %s", a->ssh, why);
	a->supervise.exit_status = EXIT_WRONG;
	loop_stop(&a->loop);
}

static void
act(struct autossh *a, unsigned actions)
{
	if (a->supervise.said[0])
		autossh_log(a->supervise.severity, "%s", a->supervise.said);
	if (actions & SUPERVISE_TEST)
		start_test(a);
	if (actions & SUPERVISE_TERM) {
		tunnel_probe_stop(&a->monitor);
		kill(a->pid, SIGTERM);
	}
	if (actions & SUPERVISE_KILL) {
		autossh_log(SEVERITY_NOTICE, "ssh does not end; killing it");
		kill(a->pid, SIGKILL);
	}
	if (actions & SUPERVISE_START && start_ssh(a))
		cannot_start(a);
	if (actions & SUPERVISE_EXIT)
		loop_stop(&a->loop);
}

static void
tell(struct autossh *a, enum supervise_event event)
{
	act(a, supervise_on(&a->supervise, event, a->loop.now_us));
}

static void
log_wait(const struct autossh *a, bool refused)
{
	uint64_t due_us = supervise_deadline(&a->supervise), now_us = a->loop.now_us;
	if (due_us > now_us)
		autossh_log(refused ? SEVERITY_NOTICE : SEVERITY_INFO,
		    "%snext start in %llu seconds",
		    refused ? "the login was refused or the host's key has changed: "
			    : "",
		    (unsigned long long)(due_us - now_us) / 1000000);
}

static void
look_at_ssh(struct autossh *a)
{
	static const int why[] = {
		[SSH_ERROR_NONE] = SUPERVISE_UNKNOWN,
		[SSH_ERROR_HOST_KEY] = SUPERVISE_REFUSED,
		[SSH_ERROR_LOGIN] = SUPERVISE_REFUSED,
		[SSH_ERROR_UNREACHED] = SUPERVISE_UNREACHED,
		[SSH_ERROR_NO_NAME] = SUPERVISE_UNREACHED,
		[SSH_ERROR_NO_NETWORK] = SUPERVISE_UNREACHED,
		[SSH_ERROR_NO_WAY] = SUPERVISE_UNREACHED,
		[SSH_ERROR_REFUSED] = SUPERVISE_UNREACHED,
		[SSH_ERROR_SILENT] = SUPERVISE_UNREACHED,
		[SSH_ERROR_NO_SESSION] = SUPERVISE_UNKNOWN,
		[SSH_ERROR_LOST] = SUPERVISE_UNKNOWN,
	};
	char line[256];
	int status;
	if (a->pid <= 0 || !child_ended(a->pid, &status))
		return;
	a->pid = 0;
	stderr_tee_end(&a->overheard);
	tunnel_probe_stop(&a->monitor);
	struct supervise_end end = { .by_signal = WIFSIGNALED(status) };
	end.status = end.by_signal ? WTERMSIG(status) : WEXITSTATUS(status);
	if (!end.by_signal && end.status == 255)
		end.why = why[ssh_errors(stderr_tee_said(&a->overheard))];
	if (a->background && a->background->waits) {
		a->supervise.exit_status = EXIT_WRONG;
		loop_stop(&a->loop);
		return;
	}
	/* For those who have only the log. */
	if (end.status && stderr_tee_last_line(&a->overheard, line, sizeof line))
		autossh_log(SEVERITY_INFO, "ssh said: %s", line);
	act(a, supervise_ended(&a->supervise, &end, a->loop.now_us));
	if (a->supervise.state != SUPERVISE_WAIT)
		return;
	log_wait(a, end.why == SUPERVISE_REFUSED);
	if (terminal_is_gone(a))
		tell(a, SUPERVISE_STOP);
}

static void
on_signal(void *owner, int sig)
{
	struct autossh *a = owner;
	switch (sig) {
	case SIGCHLD:
		look_at_ssh(a);
		break;
	case SIGUSR1:
		tell(a, SUPERVISE_RESTART);
		break;
	case SIGURG:
		if (a->background && a->background->waits)
			background_enter(a->background,
			    a->says ? STDOUT_FILENO : STDERR_FILENO);
		break;
	case SIGHUP:
	case SIGUSR2:
		tell(a, SUPERVISE_PROD);
		break;
	default:
		tell(a, SUPERVISE_STOP);
	}
}

static uint64_t
sooner(uint64_t a_us, uint64_t b_us)
{
	return !a_us || (b_us && b_us < a_us) ? b_us : a_us;
}

/* Whether this machine does not have the address any more from which ssh, or what it has
 * started, has connected.  False where that cannot be known, and while it asks a person. */
static bool
is_cut_off(const struct autossh *a)
{
	struct sockaddr_storage local;
	int fd = a->pid > 0 ? os_process_connection(a->pid) : -1;
	bool gone = fd >= 0 && !os_process_asks(a->pid) && tcp_local(fd, &local)
	    && !netwatch_address_is_here((struct sockaddr *)&local);
	if (fd >= 0)
		close(fd);
	return gone;
}

static uint64_t
turn(void *owner, uint64_t now_us)
{
	static const enum supervise_event results[] = {
		[TUNNEL_PROBE_OK] = SUPERVISE_TEST_OK,
		[TUNNEL_PROBE_FAILED] = SUPERVISE_TEST_FAILED,
		[TUNNEL_PROBE_NOBODY] = SUPERVISE_TEST_EARLY,
	};
	struct autossh *a = owner;
	if (netwatch_turn(&a->net, now_us)) {
		autossh_log(SEVERITY_DEBUG,
		    "the network has changed, or a sleep is over");
		tell(a, is_cut_off(a) ? SUPERVISE_CUT_OFF : SUPERVISE_MOVED);
	}
	enum tunnel_probe_result result = tunnel_probe_turn(&a->monitor, now_us);
	if (result != TUNNEL_PROBE_NOTHING)
		tell(a, results[result]);
	uint64_t due_us = supervise_deadline(&a->supervise);
	if (due_us && now_us >= due_us)
		tell(a, SUPERVISE_TIMER);
	due_us = sooner(supervise_deadline(&a->supervise),
	    tunnel_probe_deadline(&a->monitor));
	return sooner(due_us, netwatch_deadline(&a->net));
}

/* ---- before it runs ---- */

static int
open_port(struct autossh *a)
{
	struct autossh_conf *c = &a->conf;
	if (c->any_port)
		return 0; /* at each start */
	if (!c->port) {
		autossh_log(SEVERITY_INFO, "port set to 0, monitoring disabled");
		return 0;
	}
	if (tunnel_probe_open(&a->monitor, &a->loop, (unsigned)c->port, c->echo_port != 0)
	    == 0)
		return 0;
	autossh_log_fatal("cannot listen on 127.0.0.1, port %ld: %s", c->port + 1,
	    strerror(errno));
	return -1;
}

static int
write_pid(struct autossh *a)
{
	const char *path = a->conf.pid_file;
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
	if (!path)
		return 0;
	if (fd < 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
		autossh_log_fatal("cannot write the pid file %s: %s", path,
		    strerror(errno));
		return -1;
	}
	close(fd);
	a->pid_file_written = true;
	return 0;
}

static int
prepare(struct autossh *a)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGURG,
		SIGCHLD, 0 };
	struct autossh_conf *c = &a->conf;
	bool in_place; /* of another's ssh: the next one does */
	if (c->ssh)
		snprintf(a->ssh, sizeof a->ssh, "%s", c->ssh);
	else if (programs_ssh(a->ssh, &in_place)) {
		autossh_log_fatal(
		    "there is no ssh on PATH (or BELAY_SSH does not name one)");
		return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	if (loop_init(&a->loop, signals)) {
		autossh_log_fatal("cannot start: %s", strerror(errno));
		return -1;
	}
	a->loop.turn = turn;
	a->loop.turn_owner = a;
	a->loop.on_signal = on_signal;
	if (open_port(a))
		return -1;
	if (c->background && !a->background && daemon(0, 0) < 0) {
		autossh_log_fatal("cannot go to the background: %s", strerror(errno));
		return -1;
	}
	a->has_terminal = tcgetattr(STDIN_FILENO, &a->settings) == 0;
	stderr_tee_init(&a->overheard, &a->loop);
	netwatch_open(&a->net, &a->loop);
	return write_pid(a);
}

static struct supervise_rules
rules_of(const struct autossh_conf *c)
{
	const uint64_t second = 1000000;
	return (struct supervise_rules){ .poll_us = (uint64_t)c->poll_s * second,
		.first_poll_us = (uint64_t)c->first_poll_s * second,
		.gate_us = (uint64_t)c->gate_s * second,
		.max_life_us = (uint64_t)c->max_life_s * second,
		.max_starts = c->max_start,
		.tests = c->port != 0 || c->any_port };
}

static int
run(struct autossh *a)
{
	struct autossh_conf *c = &a->conf;
	if (c->version) {
		puts("autossh 1.4g (belay " BELAY_BUILD ")");
		return 0;
	}
	if (c->usage || c->error[0]) {
		if (c->error[0])
			autossh_log_fatal("%s", c->error);
		if (c->usage)
			fputs(usage_text, stderr);
		return EXIT_WRONG;
	}
	if (autossh_log_open(c->log_file, (int)c->log_level, c->debug)) {
		autossh_log_fatal("cannot open %s: %s", c->log_file, strerror(errno));
		return EXIT_WRONG;
	}
	if (prepare(a))
		return EXIT_WRONG;
	struct supervise_rules rules = rules_of(c);
	if (a->background && a->background->waits)
		rules.gate_us = 0; /* whether it has worked ssh tells */
	supervise_init(&a->supervise, &rules, a->loop.now_us);
	act(a, supervise_begin(&a->supervise, a->loop.now_us));
	loop_run(&a->loop);
	mend_terminal(a);
	return a->supervise.exit_status;
}

bool
autossh_called(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc ? argv[0] : "";
	if (argc > 1 && strcmp(argv[1], "--autossh") == 0)
		return true;
	return strcmp(name, "autossh") == 0 || strcmp(name, "belay-autossh") == 0;
}

static int
read_and_run(struct autossh *a, int argc, char **argv)
{
	int status = EXIT_WRONG;
	if (autossh_conf_read(&a->conf, argc, argv, getenv))
		autossh_log_fatal("%s", err_text(ERR_NOMEM));
	else
		status = run(a);
	if (a->pid_file_written)
		unlink(a->conf.pid_file);
	tunnel_probe_close(&a->monitor);
	netwatch_close(&a->net);
	stderr_tee_finish(&a->overheard);
	autossh_conf_finish(&a->conf);
	return status;
}

int
autossh_main(int argc, char **argv)
{
	struct autossh a = { 0 };
	bool named = argc > 1 && strcmp(argv[1], "--autossh") == 0;
	return read_and_run(&a, argc - named, argv + named);
}

int
autossh_keep(int argc, char **argv, struct background *background, bool says)
{
	struct autossh a = { .background = background, .says = says };
	return read_and_run(&a, argc, argv);
}
