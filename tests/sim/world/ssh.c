#include "world.h"

#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * An ssh and an sshd that only carry bytes, in frames of a type and a length:
 *
 *     ssh  K  a round of the login          sshd  k  its answer
 *          C  the command                         D  what it writes to stdout
 *          D  for its stdin                       S  to stderr
 *          E  the end of that                     X  its exit status
 */
enum { SECOND = 1000000, COPY_MAX = 16 * 1024, FRAME = 4 };

struct link {
	int wire;
	uint8_t in[COPY_MAX + FRAME];
	size_t n;
};

static bool
send_frame(int wire, char type, const void *p, size_t n)
{
	uint8_t frame[COPY_MAX + FRAME] = { (uint8_t)type, 0, (uint8_t)(n >> 8),
		(uint8_t)n };
	if (n)
		memcpy(frame + FRAME, p, n);
	return sim_write(wire, frame, n + FRAME) == (ssize_t)(n + FRAME);
}

/* The length of the frame that has come whole; -1: none has. */
static ssize_t
frame_of(const struct link *l)
{
	size_t n = l->n < FRAME ? 0 : (size_t)(l->in[2] << 8 | l->in[3]);
	return l->n >= FRAME && l->n >= n + FRAME ? (ssize_t)n : -1;
}

static void
frame_done(struct link *l)
{
	size_t n = (size_t)frame_of(l) + FRAME;
	memmove(l->in, l->in + n, l->n - n);
	l->n -= n;
}

/* False: the connection is over. */
static bool
read_more(struct link *l)
{
	ssize_t n = sim_read(l->wire, l->in + l->n, sizeof l->in - l->n);
	if (n <= 0)
		return false;
	l->n += (size_t)n;
	return true;
}

static const char *
word_with(int argc, char **argv, const char *prefix)
{
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], prefix, strlen(prefix)) == 0)
			return argv[i] + strlen(prefix);
	return NULL;
}

static int
print_config(void)
{
	sim_printf("user u\nhostname h\nport 22\nescapechar ~\nproxycommand nc h 22\n"
		   "requesttty auto\n");
	return 0;
}

static int
no_connection(const char *why)
{
	sim_dprintf(STDERR_FILENO, "ssh: connect to host h port 22: %s\r\n", why);
	return 255;
}

/* A wire to an sshd of its own; -1: ssh has said why not. */
static int
connect_host(uint64_t timeout_us)
{
	struct file *ends[2], *stdio[3];
	char name[] = "sshd", *argv[] = { name, NULL };
	char home[] = "HOME=/home/u", path[] = "PATH=/usr/bin", shell[] = "SHELL=/bin/sh";
	char from[] = "SSH_CONNECTION=203.0.113.2 5000 198.51.100.1 22";
	char *env[] = { home, path, shell, from, NULL };
	if (!world.machines[CLIENT].address) {
		(void)no_connection("Network is unreachable");
		return -1;
	}
	uint64_t until = world.now_us + (timeout_us ? timeout_us : 120 * SECOND);
	while (network.weather != WEATHER_FAIR && world.now_us < until)
		world_sleep(SECOND / 5);
	if (network.weather != WEATHER_FAIR) {
		(void)no_connection("Connection timed out");
		return -1;
	}
	if (world_chance(network.refuses)) {
		world_sleep(network.latency_us);
		(void)no_connection("Connection refused");
		return -1;
	}
	(void)wire_make(CLIENT, network.latency_us / 2 + 1, ends);
	stdio[0] = ends[1];
	stdio[1] = file_null();
	stdio[2] = file_null();
	if (!proc_start(HOST, "sshd", argv, stdio, env))
		return -1;
	struct proc *p = world.current;
	for (int fd = 3; fd < FDS_MAX; fd++)
		if (!p->fds[fd]) {
			p->fds[fd] = ends[0];
			return fd;
		}
	return -1;
}

static int
lost(const char *why)
{
	sim_dprintf(STDERR_FILENO, "%s\r\n", why);
	return 255;
}

/* ---- a password ---- */

static bool
is_it(char *answer, ssize_t n)
{
	answer[n > 0 ? n : 0] = 0;
	answer[strcspn(answer, "\r\n")] = 0;
	return strcmp(answer, network.password) == 0;
}

/* By the program that the environment names. */
static bool
ask_by_program(const char *program, const char *prompt)
{
	char answer[128];
	int out[2];
	size_t n = 0;
	ssize_t some;
	if (sim_pipe(out))
		return false;
	pid_t pid = sim_fork();
	if (pid == 0) {
		char *argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)prompt,
			NULL };
		sim_dup2(out[1], STDOUT_FILENO);
		for (int fd = 3; fd < FDS_MAX; fd++)
			(void)sim_close(fd);
		(void)sim_execv(program, argv);
		sim__exit(127);
	}
	sim_close(out[1]);
	while (n + 1 < sizeof answer
	    && (some = sim_read(out[0], answer + n, sizeof answer - 1 - n)) > 0)
		n += (size_t)some;
	sim_close(out[0]);
	while (pid > 0 && sim_waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return is_it(answer, (ssize_t)n);
}

static bool
ask_on_terminal(int tty, const char *prompt)
{
	char answer[128];
	size_t n = 0;
	struct termios before, quiet;
	sim_tcgetattr(tty, &before);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	sim_tcsetattr(tty, TCSAFLUSH, &quiet);
	sim_write(tty, prompt, strlen(prompt));
	while (n + 1 < sizeof answer && sim_read(tty, answer + n, 1) == 1
	    && answer[n] != '\n')
		n++;
	sim_write(tty, "\n", 1);
	sim_tcsetattr(tty, TCSAFLUSH, &before);
	return is_it(answer, (ssize_t)n);
}

static bool
authenticates(int argc, char **argv)
{
	enum { TRIES = 3 };
	const char *program = sim_getenv("SSH_ASKPASS"),
		   *require = sim_getenv("SSH_ASKPASS_REQUIRE");
	static const char prompt[] = "(u@h) Password: ";
	bool ok = !network.password;
	for (int i = 0; i < TRIES && !ok && !word_with(argc, argv, "-oBatchMode=yes");
	     i++) {
		int tty = require ? -1 : sim_open("/dev/tty", O_RDWR | O_CLOEXEC);
		if (tty >= 0)
			ok = ask_on_terminal(tty, prompt);
		else if (program)
			ok = ask_by_program(program, prompt);
		if (tty >= 0)
			sim_close(tty);
	}
	return ok;
}

/* The rounds of a login. */
static bool
shakes_hands(struct link *l)
{
	for (int round = 0; round < 3; round++) {
		if (!send_frame(l->wire, 'K', "", 0))
			return false;
		while (frame_of(l) < 0)
			if (!read_more(l))
				return false;
		frame_done(l);
	}
	return true;
}

/* Takes frames while what they hold can be written at once; 0 .. 255: the exit status. */
static int
take_frames(struct link *l)
{
	ssize_t n;
	while ((n = frame_of(l)) >= 0) {
		char type = (char)l->in[0];
		const uint8_t *p = l->in + FRAME;
		int status = p[0];
		if (type == 'D' && sim_write(STDOUT_FILENO, p, (size_t)n) < 0)
			return 255;
		if (type == 'S' && sim_write(STDERR_FILENO, p, (size_t)n) < 0)
			return 255;
		frame_done(l);
		if (type == 'X')
			return status;
	}
	return -1;
}

int
ssh_main(int argc, char **argv)
{
	struct link l = { .n = 0 };
	uint8_t bytes[COPY_MAX];
	bool over = false;
	if (word_with(argc, argv, "-G"))
		return print_config();
	const char *timeout = word_with(argc, argv, "-oConnectTimeout=");
	world.logins++;
	world_sleep(2000 + world_random(3000));
	l.wire = connect_host(timeout ? (uint64_t)atoi(timeout) * SECOND : 0);
	if (l.wire < 0)
		return 255;
	if (!shakes_hands(&l))
		return lost("Connection closed by 10.0.0.1 port 22");
	if (!authenticates(argc, argv))
		return lost("u@h: Permission denied (keyboard-interactive).");
	if (!send_frame(l.wire, 'C', argv[argc - 1], strlen(argv[argc - 1])))
		return lost("Connection closed by 10.0.0.1 port 22");
	for (;;) {
		struct pollfd fds[2] = { { .fd = l.wire, .events = POLLIN },
			{ .fd = over ? -1 : STDIN_FILENO, .events = POLLIN } };
		if (sim_poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents) {
			if (!read_more(&l))
				return lost("client_loop: send disconnect: Broken pipe");
			int status = take_frames(&l);
			if (status >= 0)
				return status;
		}
		if (fds[1].revents) {
			ssize_t n = sim_read(STDIN_FILENO, bytes, sizeof bytes);
			over = n <= 0;
			if (!send_frame(l.wire, over ? 'E' : 'D', bytes,
				over ? 0 : (size_t)n))
				return lost("client_loop: send disconnect: Broken pipe");
		}
	}
}

/* exec sh -c 'PROGRAM' belay MARK BUILD PRELUDE LENGTH HELLO */
static void
login_shell(const char *command)
{
	char words[COPY_MAX], *at, *last[5] = { NULL };
	snprintf(words, sizeof words, "%s", command);
	for (int i = 4; i >= 0; i--) {
		at = strrchr(words, ' ');
		if (!at)
			break;
		*at = 0;
		last[i] = at + 1;
	}
	if (!last[0]) {
		sim_dprintf(STDERR_FILENO, "sh: what is that?\n");
		sim__exit(127);
	}
	sim_dprintf(STDOUT_FILENO, "%s start Linux x86_64\n", last[0]);
	char program[] = "belay-server", verb[] = "attach";
	char *argv[] = { program, verb, last[0], last[4], NULL };
	(void)sim_execv("/usr/bin/belay-server", argv);
	sim__exit(127);
}

struct channel {
	int in, out, err;
	pid_t pid;
	struct link link;
	bool over; /* its input */
	uint8_t held[COPY_MAX]; /* for `in` */
	size_t n_held;
};

static bool
start_command(struct channel *c, const char *command)
{
	int in[2], out[2], err[2];
	sim_pipe(in);
	sim_pipe(out);
	sim_pipe(err);
	c->pid = sim_fork();
	if (c->pid == 0) {
		(void)sim_setsid();
		sim_dup2(in[0], 0);
		sim_dup2(out[1], 1);
		sim_dup2(err[1], 2);
		for (int fd = 3; fd < FDS_MAX; fd++)
			(void)sim_close(fd);
		login_shell(command);
	}
	sim_close(in[0]);
	sim_close(out[1]);
	sim_close(err[1]);
	sim_fcntl(in[1], F_SETFL, O_NONBLOCK);
	c->in = in[1];
	c->out = out[0];
	c->err = err[0];
	return true;
}

static void
to_command(struct channel *c)
{
	ssize_t n;
	while (c->n_held && c->in >= 0) {
		n = sim_write(c->in, c->held, c->n_held);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			sim_close(c->in);
			c->in = -1;
			break;
		}
		memmove(c->held, c->held + n, c->n_held - (size_t)n);
		c->n_held -= (size_t)n;
	}
	if (c->in < 0)
		c->n_held = 0;
	if (c->over && !c->n_held && c->in >= 0) {
		sim_close(c->in);
		c->in = -1;
	}
}

static void
take_packets(struct channel *c)
{
	static const uint8_t kex[700];
	ssize_t n;
	while ((n = frame_of(&c->link)) >= 0 && !c->n_held) {
		char type = (char)c->link.in[0];
		uint8_t *p = c->link.in + FRAME;
		if (type == 'K') {
			(void)send_frame(c->link.wire, 'k', kex, sizeof kex);
		} else if (type == 'C') {
			p[n] = 0; /* there is room: a command is shorter than a frame */
			(void)start_command(c, (const char *)p);
		} else if (type == 'D') {
			memcpy(c->held, p, (size_t)n);
			c->n_held = (size_t)n;
		} else if (type == 'E') {
			c->over = true;
		}
		frame_done(&c->link);
		to_command(c);
	}
}

/* False: the connection is over. */
static bool
from_command(struct channel *c, int *fd, char type)
{
	uint8_t bytes[COPY_MAX];
	ssize_t n = sim_read(*fd, bytes, sizeof bytes);
	if (n > 0)
		return send_frame(c->link.wire, type, bytes, (size_t)n);
	sim_close(*fd);
	*fd = -1;
	return true;
}

int
sshd_main(int argc, char **argv)
{
	struct channel c = { .in = -1, .out = -1, .err = -1 };
	int status;
	(void)argc, (void)argv;
	sim_signal(SIGPIPE, SIG_IGN);
	for (;;) {
		struct pollfd fds[4] = { { .fd = c.n_held ? -1 : c.link.wire,
					     .events = POLLIN },
			{ .fd = c.out, .events = POLLIN },
			{ .fd = c.err, .events = POLLIN },
			{ .fd = c.n_held ? c.in : -1, .events = POLLOUT } };
		if (c.pid && c.out < 0 && c.err < 0) {
			if (sim_waitpid(c.pid, &status, 0) < 0)
				continue;
			uint8_t byte = (uint8_t)(WIFEXITED(status) ? WEXITSTATUS(status)
								   : 255);
			(void)send_frame(c.link.wire, 'X', &byte, 1);
			return 0;
		}
		if (sim_poll(fds, 4, -1) < 0)
			continue;
		if (fds[3].revents) {
			to_command(&c);
			take_packets(&c);
		}
		if (fds[1].revents && !from_command(&c, &c.out, 'D'))
			return 1;
		if (fds[2].revents && !from_command(&c, &c.err, 'S'))
			return 1;
		if (fds[0].revents) {
			if (!read_more(&c.link))
				return 1;
			take_packets(&c);
		}
	}
}
