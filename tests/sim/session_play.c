#define _GNU_SOURCE 1
#include "session_play.h"

#include "world/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COPY_MAX = 16 * 1024, SAID_MAX = 4096, BIG = 60000, SMALL = 500 };

struct play play;

void
note(const char *fmt, ...)
{
	va_list ap;
	if (!play.verbose)
		return;
	fprintf(stderr, "%10.6f  ", (double)world.now_us / 1e6);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void
note_bytes(const char *what, const uint8_t *p, size_t n)
{
	char text[4 * 200 + 1] = "";
	size_t len = 0;
	for (size_t i = 0; i < n && i < 200; i++)
		len += (size_t)snprintf(text + len, sizeof text - len,
		    p[i] < ' ' || p[i] > '~' ? "\\x%02x" : "%c", p[i]);
	note("%s: %s", what, text);
}

/* ---- what goes where ---- */

enum { TO_STDIN, TO_STDOUT, TO_STDERR };

/* The byte at this offset of it. */
static uint8_t
pattern(int which, size_t at)
{
	uint64_t z = (at + (uint64_t)which * 0x1000003) * 0x9e3779b97f4a7c15;
	return (uint8_t)(z >> 56);
}

static char
key_at(size_t i)
{
	return (char)('a' + i % 26);
}

static void
take(int which, const uint8_t *p, size_t n, size_t *got, size_t all)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	for (size_t i = 0; i < n; i++, ++*got)
		if (*got >= all || p[i] != pattern(which, *got)) {
			world_fail("%s: byte %zu of %zu is not what was written",
			    names[which], *got, all);
			return;
		}
}

/* Part of the pattern, as much as is taken; false: nobody takes it any more. */
static bool
give(int fd, int which, size_t *done, size_t all)
{
	static uint8_t bytes[BIG];
	size_t n = 1 + world_random(world_chance(20) ? BIG - 1 : SMALL);
	if (n > all - *done)
		n = all - *done;
	for (size_t i = 0; i < n; i++)
		bytes[i] = pattern(which, *done + i);
	ssize_t put = sim_write(fd, bytes, n);
	if (put < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	*done += put > 0 ? (size_t)put : 0;
	return true;
}

static void
dawdle(unsigned percent)
{
	if (play.slow_us && world_chance(percent))
		world_sleep(world_random(play.slow_us));
}

/* ---- the program on the host ---- */

enum { FAILED = 99 };

/* On pipes: writes, reads and ends. */
static int
command(void)
{
	uint8_t bytes[COPY_MAX];
	size_t out = 0, err = 0;
	bool over = false;
	sim_fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
	sim_fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
	while (!over || out < play.down || err < play.errors) {
		struct pollfd fds[3] = { { .fd = over ? -1 : 0, .events = POLLIN },
			{ .fd = out < play.down ? 1 : -1, .events = POLLOUT },
			{ .fd = err < play.errors ? 2 : -1, .events = POLLOUT } };
		if (sim_poll(fds, 3, -1) < 0)
			continue;
		dawdle(10);
		if (fds[0].revents) {
			ssize_t n = sim_read(0, bytes, 1 + world_random(sizeof bytes));
			over = n <= 0;
			if (n > 0)
				take(TO_STDIN, bytes, (size_t)n, &play.got_up, play.up);
		}
		if (fds[1].revents && !give(1, TO_STDOUT, &out, play.down))
			return FAILED;
		if (fds[2].revents && !give(2, TO_STDERR, &err, play.errors))
			return FAILED;
	}
	play.ended = play.got_up == play.up;
	return play.ended ? play.status : FAILED;
}

/* Where a login asks, what is typed just before is thrown away, and what was meant for it may come
 * too late; but never a password. */
static bool
is_key(uint8_t key)
{
	if (play.asks)
		return !strchr(PASSWORD, key);
	return key == key_at(play.got_up) || play.leaves;
}

static bool
read_keys(void)
{
	uint8_t keys[256];
	ssize_t n = sim_read(0, keys, sizeof keys);
	for (ssize_t i = 0; i < n; i++, play.got_up++)
		if (!is_key(keys[i])) {
			world_fail("key %zu is %02x, not %02x", play.got_up, keys[i],
			    key_at(play.got_up));
			return false;
		}
	return n > 0;
}

/* On a terminal: writes numbered lines, reads keys, and ends by itself. */
static int
shell(void)
{
	struct termios t;
	size_t lines = 0;
	sim_tcgetattr(0, &t);
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	t.c_iflag &= ~(tcflag_t)ICRNL;
	sim_tcsetattr(0, TCSANOW, &t);
	while (lines < play.down || (play.got_up < play.up && !play.asks)) {
		struct pollfd fds = { .fd = 0, .events = POLLIN };
		int wait_ms = lines < play.down
		    ? (int)world_random(1 + play.slow_us / 1000)
		    : -1;
		int ready = sim_poll(&fds, 1, wait_ms);
		if (ready > 0 && !read_keys())
			return FAILED;
		size_t burst = 1 + world_random(world_chance(10) ? 40 : 3);
		while (burst-- && lines < play.down)
			if (sim_dprintf(1, "line %05zu.\n", ++lines) < 0)
				return FAILED;
	}
	play.ended = true;
	return play.status;
}

int
sh_main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[2], "work") != 0)
		return 0;
	note("program begins");
	if (play.programs++ && !play.broken && !play.ended)
		world_fail("the program was started a second time");
	if (play.programs > 1)
		return 0; /* in the place of one that is gone */
	int status = play.terminal ? shell() : command();
	note("program ends: %d", status);
	return status;
}

/* ---- belay ---- */

static char *
word(const char *s)
{
	return (char *)(uintptr_t)s;
}

void
play_start(int machine, const char *program, const char *argument)
{
	static const char *const variables[] = { "HOME=/home/u", "PATH=/usr/bin",
		"SHELL=/bin/sh", "TERM=xterm-256color", "XDG_RUNTIME_DIR=/run/u",
		"LANG=C.UTF-8", "BELAY_RETURN=never", NULL };
	struct file *stdio[3] = { file_null(), file_null(), file_null() };
	char *argv[] = { word(program), word(argument), NULL };
	(void)proc_start(machine, program, argv, stdio, (char **)(uintptr_t)variables);
}

static void
become_belay(const char *command, const struct window *w)
{
	char *argv[12] = { word("belay"),
		word(play.datagrams ? "--udp=auto" : "--udp=never"), word("--alone"),
		word("--linger=5m") };
	size_t n = 4;
	if (w)
		argv[n++] = word("--session=work");
	if (w && w->shares)
		argv[n++] = word("--share");
	argv[n++] = word("h");
	argv[n] = word(command);
	if (play.traced)
		(void)sim_setenv("BELAY_TRACE", "/trace", 1);
	(void)sim_execv("/usr/bin/belay", argv);
	sim__exit(127);
}

/* Somebody asks about sessions meanwhile: of the host, of this machine, of one that is not there. */
int
asker_main(int argc, char **argv)
{
	static const char *const asks[][3] = { { "--list", "h" },
		{ "--list", "--json", "h" }, { "--status" }, { "--list" },
		{ "--kill=none", "h" }, { "--rename=work:work", "h" } };
	size_t which = world_random(sizeof asks / sizeof *asks);
	(void)argc, (void)argv;
	pid_t pid = sim_fork();
	if (pid == 0) {
		char *words[6] = { word("belay"), word("--alone") };
		for (size_t i = 0; i < 3; i++)
			words[2 + i] = word(asks[which][i]);
		(void)sim_execv("/usr/bin/belay", words);
		sim__exit(127);
	}
	int status = 0;
	while (sim_waitpid(pid, &status, 0) < 0)
		continue;
	if (WIFSIGNALED(status) && !play.broken)
		world_fail("belay %s ends by signal %d", asks[which][0],
		    WTERMSIG(status));
	return 0;
}

/* The host is known from now on. */
static void
meet_host(void)
{
	pid_t pid = sim_fork();
	if (pid == 0)
		become_belay("hello", NULL);
	while (sim_waitpid(pid, NULL, 0) < 0)
		continue;
	world.logins = 0;
}

static void
trouble_begins(void)
{
	if (play.known)
		meet_host();
	play.fair_us += world.now_us;
	play.begun = true;
	play_start(CLIENT, "trouble", NULL);
}

static void
belay_ended(struct window *w)
{
	int status;
	while (sim_waitpid(w->belay, &status, 0) < 0)
		continue;
	w->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
	w->over = true;
	w->master = NULL;
	w->covered += w->line && w->status >= 1000; /* nobody takes it away */
	note("belay %td ends: %d", w - play.window, w->status);
	if (w->second && w->types && !play.window[0].over) {
		/* It has not got there, or the first one has it back. */
		play.window[0].types = true;
		play.window[0].typed = play.got_up;
		play.leaves = w->joined;
	}
	if (--play.windows)
		return;
	play.done = true;
	play.done_us = world.now_us;
}

/* ---- a script, with pipes ---- */

/* As a person before less(1): what has come waits, and nothing is left to be asked of the host. */
static void
stop_reading(void)
{
	enum { SETTLES_US = 30 * SECOND, LOGINS = 2 };
	play.stops = false;
	if (world.now_us < play.fair_us)
		world_sleep(play.fair_us - world.now_us);
	world_sleep(SETTLES_US);
	unsigned logins = world.logins;
	world_sleep(STOPS_US);
	if (world.logins > logins + LOGINS)
		world_fail("%u logins while what has come is not read",
		    world.logins - logins);
}

static pid_t
belay_on_pipes(int ret[3])
{
	int in[2], out[2], err[2];
	sim_signal(SIGPIPE, SIG_IGN);
	sim_pipe(in);
	sim_pipe(out);
	sim_pipe(err);
	pid_t pid = sim_fork();
	if (pid == 0) {
		sim_dup2(in[0], 0);
		sim_dup2(out[1], 1);
		sim_dup2(err[1], 2);
		for (int fd = 3; fd < FDS_MAX; fd++)
			(void)sim_close(fd);
		sim_signal(SIGPIPE, SIG_DFL);
		become_belay("work", NULL);
	}
	sim_close(in[0]);
	sim_close(out[1]);
	sim_close(err[1]);
	sim_fcntl(in[1], F_SETFL, O_NONBLOCK);
	ret[0] = in[1];
	ret[1] = out[0];
	ret[2] = err[0];
	return pid;
}

/* The program's stderr, and belay's own lines in it. */
static void
take_errors(const uint8_t *p, size_t n, char said[SAID_MAX])
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(said);
		if (play.got_errors < play.errors
		    && p[i] == pattern(TO_STDERR, play.got_errors))
			play.got_errors++;
		else if (len + 1 < SAID_MAX)
			said[len] = (char)p[i];
	}
}

int
script_main(int argc, char **argv)
{
	struct window *w = &play.window[0];
	uint8_t bytes[COPY_MAX];
	char said[SAID_MAX] = "";
	size_t put = 0;
	int fds[3];
	bool more[3] = { true, true, true };
	(void)argc, (void)argv;
	trouble_begins();
	w->belay = belay_on_pipes(fds);
	w->open = true;
	play.windows++;
	while (more[1] || more[2]) {
		struct pollfd polled[3] = { { .fd = more[0] ? fds[0] : -1,
						.events = POLLOUT },
			{ .fd = more[1] ? fds[1] : -1, .events = POLLIN },
			{ .fd = more[2] ? fds[2] : -1, .events = POLLIN } };
		if (sim_poll(polled, 3, -1) < 0)
			continue;
		dawdle(5);
		if (play.stops && play.ended)
			stop_reading();
		if (polled[0].revents && put < play.up
		    && !give(fds[0], TO_STDIN, &put, play.up))
			put = play.up;
		if (more[0] && put == play.up) {
			sim_close(fds[0]);
			more[0] = false;
		}
		for (int i = 1; i < 3; i++) {
			ssize_t n = polled[i].revents
			    ? sim_read(fds[i], bytes, sizeof bytes)
			    : 0;
			more[i] &= !polled[i].revents || n > 0;
			if (n > 0 && i == 1)
				take(TO_STDOUT, bytes, (size_t)n, &play.got_down,
				    play.down);
			else if (n > 0)
				take_errors(bytes, (size_t)n, said);
		}
	}
	if (said[0])
		note("belay says: %s", said);
	belay_ended(w);
	return 0;
}

/* ---- a terminal ---- */

static pid_t
belay_in(const struct window *w, int master)
{
	char name[64];
	snprintf(name, sizeof name, "%s", sim_ptsname(master));
	pid_t pid = sim_fork();
	if (pid)
		return pid;
	(void)sim_setsid();
	for (int fd = 0; fd < FDS_MAX; fd++)
		(void)sim_close(fd);
	(void)sim_open(name, O_RDWR);
	sim_dup2(0, 1);
	sim_dup2(0, 2);
	become_belay(NULL, w);
	return -1;
}

static void
open_window(struct window *w, struct buf *answers)
{
	static const char typed[] = "$ belay h\r\n";
	struct term_options options = { .rows = 24,
		.cols = 80,
		.history_rows = 2 * HISTORY_ROWS,
		.history_bytes = 8 * 1024 * 1024 };
	(void)term_new(&options, &w->screen);
	buf_init(answers, COPY_MAX);
	term_answer_to(w->screen, answers);
	(void)term_write(w->screen, typed, sizeof typed - 1);
	w->open = true;
}

/* Where a login is offered, or asks, that is what a person types next. */
static void
see_question(struct window *w, const uint8_t *p, size_t n)
{
	static const char *const signs[] = { [SEES_ENTER] = "press Enter",
		[SEES_ESCAPE] = "needs your login",
		[SEES_PASSWORD] = "assword" };
	char text[COPY_MAX + sizeof w->tail];
	size_t len = strlen(w->tail);
	memcpy(text, w->tail, len);
	memcpy(text + len, p, n);
	len += n;
	if (memmem(p, n, ";1H", 3) || memmem(p, n, "line ", 5))
		w->sees = SEES_NOTHING;
	for (int i = SEES_ENTER; play.asks && i <= SEES_PASSWORD; i++)
		if (memmem(text, len, signs[i], strlen(signs[i])))
			w->sees = (enum sees)i;
	snprintf(w->tail, sizeof w->tail, "%.*s", (int)(n < 9 ? n : 9),
	    p + n - (n < 9 ? n : 9));
}

static void
answer_question(struct window *w, int master)
{
	static const char *const answers[] = { [SEES_ENTER] = "\r",
		[SEES_ESCAPE] = "\r~R",
		[SEES_PASSWORD] = PASSWORD "\r" };
	if (!w->sees || world.now_us < w->answered_us + 2 * SECOND)
		return;
	w->answered_us = world.now_us;
	w->tail[0] = 0;
	(void)sim_write(master, answers[w->sees], strlen(answers[w->sees]));
	w->sees = SEES_NOTHING;
}

/* Shows what has come, and answers what is asked. */
static bool
show(struct window *w, int master, struct buf *answers)
{
	uint8_t bytes[COPY_MAX];
	ssize_t n = sim_read(master, bytes, sizeof bytes);
	if (n <= 0)
		return false;
	note_bytes("window", bytes, (size_t)n);
	if (memmem(bytes, (size_t)n, ";1H", 3))
		w->line = memmem(bytes, (size_t)n, "\033[7mbelay:", 10) != NULL;
	see_question(w, bytes, (size_t)n);
	w->joined |= memmem(bytes, (size_t)n, "line ", 5) != NULL;
	(void)term_write(w->screen, bytes, (size_t)n);
	if (answers->len) {
		(void)sim_write(master, buf_bytes(answers), answers->len);
		buf_drop(answers, answers->len);
	}
	return true;
}

int
window_main(int argc, char **argv)
{
	struct window *w = &play.window[argc > 1 ? atoi(argv[1]) : 0];
	struct buf answers;
	if (!w->second) {
		trouble_begins();
		play.windows++;
	}
	open_window(w, &answers);
	int master = sim_posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	w->master = world.current->fds[master];
	w->belay = belay_in(w, master);
	for (;;) {
		struct pollfd fds = { .fd = master, .events = POLLIN };
		bool types = w->types && w->typed < play.up && !w->sees
		    && (w->second ? w->joined : play.programs > 0);
		int ready = sim_poll(&fds, 1,
		    types	  ? 1 + (int)world_random(400)
			: w->sees ? 300
				  : 1000);
		if (ready > 0 && !show(w, master, &answers))
			break;
		if (ready == 0)
			answer_question(w, master);
		if (ready == 0 && types && w->types) {
			char key = key_at(w->typed++);
			(void)sim_write(master, &key, 1);
		}
		/* What was broken by force, ended while this window shared it and was away, or has
		 * lost who types. */
		if (ready == 0 && !w->sees
		    && (play.broken || play.ended || play.window[0].over)
		    && world.now_us > play.fair_us + LEAVES_US) {
			play.leaves = true;
			(void)sim_write(master, "\r~.", 3);
		}
	}
	buf_finish(&answers);
	belay_ended(w);
	return 0;
}

void
play_second_window(bool shares)
{
	struct window *w = &play.window[1];
	if (w->open || play.window[0].over || !play.terminal || !play.programs)
		return;
	w->second = true;
	w->shares = shares;
	if (!shares && !play.window[0].typed) {
		/* what the first one has typed and not sent would be lost */
		play.window[0].types = false;
		w->types = true;
	} else if (!shares) {
		return;
	}
	w->open = true;
	play.windows++;
	play_start(CLIENT, "window", "1");
}

/* ---- in the end ---- */

/* Every line once, in order, in all that a window has shown. */
static void
check_window(const struct window *w)
{
	struct buf text;
	struct term_limits limits = { .rows_max = 1 << 20, .bytes_max = 1 << 24 };
	size_t line = 0, covered = w->covered;
	buf_init(&text, 1 << 24);
	(void)term_snapshot(w->screen, &limits, &text);
	for (const char *at = buf_str(&text); (at = strstr(at, "line "));) {
		unsigned number;
		int whole = 0;
		at += 5;
		if (sscanf(at, "%05u.%n", &number, &whole) != 1 || !whole)
			continue;
		size_t lacks = number > line + 1 ? number - line - 1 : 0;
		if (lacks && lacks <= covered) {
			covered -= lacks;
			line = number;
		} else if (number != ++line) {
			world_fail("window %td, line %zu: it has %u", w - play.window,
			    line, number);
			break;
		}
	}
	if (!play.broken && line != play.down)
		world_fail("window %td has %zu of %zu lines", w - play.window, line,
		    play.down);
	if (play.verbose && world.failed)
		fprintf(stderr, "%s\n", buf_str(&text));
	buf_finish(&text);
}

/* A first login that fails is the end, as ssh's is. */
static bool
gave_up(const struct window *w)
{
	return w->status == 255 && !w->joined && !play.got_down && !play.got_errors;
}

static void
check_status(const struct window *w)
{
	const struct window *second = &play.window[1];
	bool taken = w != second && second->second && !second->shares && w->status == 255;
	bool another = play.programs > 1 && w->status == 0; /* which ends at once */
	bool left = w == second && w->shares && w->status == 255 && play.leaves;
	/* The first attempt of the first window had not come through yet. */
	bool back = w == second && w->status == 255
	    && play.window[0].status == play.status;
	if (taken || another || left || back
	    || (play.broken && (w->status == 255 || w->status >= 1000)))
		return;
	if (w->status != play.status)
		world_fail("belay's status is %d, the program's %d", w->status,
		    play.status);
}

void
play_check(void)
{
	for (size_t i = 0; i < WINDOWS && !world.failed; i++) {
		const struct window *w = &play.window[i];
		if (!w->over || gave_up(w))
			continue;
		check_status(w);
		bool whole = w->status == play.status && play.programs == 1;
		if (play.terminal && w->joined && (whole || play.broken))
			check_window(w);
	}
	if (world.failed || play.terminal || play.broken || gave_up(&play.window[0]))
		return;
	if (play.got_down != play.down)
		world_fail("stdout ended at %zu of %zu", play.got_down, play.down);
	if (play.got_errors != play.errors)
		world_fail("stderr ended at %zu of %zu", play.got_errors, play.errors);
}

void
play_finish(void)
{
	for (size_t i = 0; i < WINDOWS; i++)
		term_free(play.window[i].screen);
	play = (struct play){ 0 };
}
