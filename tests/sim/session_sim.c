/*
 * Sessions whole, in a world that is made up (world/world.h): belay and belay-server as they are
 * linked, between them an ssh and an sshd that only carry bytes, and trouble of all kinds at
 * times that the seed says.
 *
 *     people --- belay --- ssh ~~~ the network ~~~ sshd --- belay-server attach
 *                                                               belay-server hold --- program
 *
 * What has to hold, at every step and in the end:
 *   - the program gets what was typed, and people what it wrote: once, in order, whole;
 *   - one program is started, and its exit status is belay's;
 *   - everything ends: when all is well again, the session does within a bound;
 *   - nobody spins, and no more logins are made than are worth it;
 *   - nothing is left on the host.
 * Where a part is ended by force (a reboot, a signal, a call that fails) the end may be lost, and
 * belay may say so by 255; but nothing in the middle is.
 *
 *     session_sim FROM COUNT [-v | -t]      -v: what happens, -t: with BELAY_TRACE
 *     session_sim faults SEED [N]           each call in turn fails; N: shows the Nth run
 */
#include "session_play.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int belay_main(int argc, char **argv);
int belay_server_main(int argc, char **argv);
extern char belay_begin[], belay_end[], belay_server_begin[], belay_server_end[];

enum {
	JOBS = 2,
	FAILURES_MAX = 10,
	LOGINS_MAX = 400,
	STEPS_MAX = 400 * 1000,
	PATIENCE_US = 340 * SECOND, /* from when all is well again */
	/* of what a client has left behind, or could not tell that it is done: a link that is
	 * silent is given up after two minutes, and --linger is five */
	LEFT_US = 450 * SECOND,
};

/* ---- trouble ---- */

static uint64_t
a_while(void)
{
	return world_random(world_chance(30) ? 30 * SECOND : 3 * SECOND);
}

static void
cut(void)
{
	note("cut");
	network_cut(false);
}

static void
silence(void)
{
	uint64_t us = a_while();
	note("silence of %.3f s", (double)us / 1e6);
	network_is(WEATHER_SILENT);
	world_sleep(us);
	network_is(WEATHER_FAIR);
}

static void
lost_for_ever(void)
{
	note("lost for ever");
	network_cut(true);
}

static void
no_network(void)
{
	uint64_t us = a_while();
	note("no network for %.3f s", (double)us / 1e6);
	network_moves(CLIENT, 0);
	world_sleep(us);
	network_moves(CLIENT, 0xcb007103 + (uint32_t)world_random(200));
}

static void
refusals(void)
{
	uint64_t us = a_while();
	note("refused for %.3f s", (double)us / 1e6);
	network.refuses = 70;
	network_cut(false);
	world_sleep(us);
	network.refuses = 0;
}

static void
another_way(void)
{
	network.latency_us = world_random(300000);
	note("round trip %.3f s", (double)network.latency_us / 1e6);
}

static void
datagrams_blocked(void)
{
	uint64_t us = a_while();
	note("no datagrams for %.3f s", (double)us / 1e6);
	network.no_datagrams = true;
	world_sleep(us);
	network.no_datagrams = false;
}

static void
sockets_removed(void)
{
	note("sockets removed");
	files_remove_sockets(HOST);
}

static void
question(void)
{
	note("somebody asks");
	play_start(CLIENT, "asker", NULL);
}

static void
resize(void)
{
	struct window *w = &play.window[world_random(WINDOWS)];
	unsigned rows = 4 + (unsigned)world_random(60),
		 cols = 20 + (unsigned)world_random(200);
	if (!play.resizes || !w->master)
		return;
	note("window of %u rows, %u columns", rows, cols);
	/* What stands below belay's line when a smaller window scrolls it away is lost. */
	w->covered += w->line && rows < (unsigned)term_rows(w->screen);
	(void)term_resize(w->screen, (int)rows, (int)cols);
	terminal_resize(w->master, rows, cols);
}

static void
second_window(void)
{
	bool shares = world_chance(50);
	note("a second window");
	play_second_window(shares);
}

static void (*const troubles[])(void) = { cut, cut, silence, lost_for_ever, no_network,
	refusals, another_way, datagrams_blocked, sockets_removed, question, resize,
	resize, second_window };

/* ---- by force ---- */

/* One of the processes of this program whose second word is that; NULL: there is none. */
static struct proc *
process(const char *program, const char *verb)
{
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &world.procs[i];
		if (p->state != FREE && p->state != ENDED && p->argc > 1 && p->argv
		    && strcmp(p->program->name, program) == 0
		    && (!verb || strcmp(p->argv[1], verb) == 0))
			return p;
	}
	return NULL;
}

static void
reboot(void)
{
	note("the host is rebooted");
	machine_dies(HOST);
	network_cut(false);
	files_clear(HOST, "/tmp");
	for (size_t i = 0; i < sizeof world.machines[HOST].boot; i++)
		world.machines[HOST].boot[i] = (uint8_t)world_random(256);
}

static void
signals(void)
{
	static const int all[] = { SIGKILL, SIGTERM, SIGHUP, SIGINT };
	int sig = all[world_random(sizeof all / sizeof *all)];
	struct proc *p = world_chance(50) ? process("belay", NULL)
					  : process("belay-server", "hold");
	if (!p)
		return;
	note("signal %d to %d, %s", sig, p->pid, p->program->name);
	proc_kill(p, sig);
}

static void
a_call_fails(void)
{
	static const unsigned kinds[] = { FAIL_MEMORY, FAIL_MEMORY, FAIL_DESCRIPTORS,
		FAIL_FORK, FAIL_WRITE, FAIL_RENAME };
	struct proc *p = world_chance(50) ? process("belay", NULL)
	    : world_chance(50)		  ? process("belay-server", "hold")
					  : process("belay-server", "attach");
	if (!p)
		return;
	p->fails = kinds[world_random(sizeof kinds / sizeof *kinds)];
	p->fails_in = 1 + (unsigned)world_random(world_chance(70) ? 40 : 2000);
	note("call %u of kind %u of %d, %s, will fail", p->fails_in, p->fails, p->pid,
	    p->program->name);
}

static void (*const forces[])(
    void) = { reboot, signals, signals, a_call_fails, a_call_fails, a_call_fails };

static int
trouble_main(int argc, char **argv)
{
	(void)argc, (void)argv;
	bool force = world_chance(25);
	if (play.calm) {
		world_sleep(SECOND);
		cut();
		play.fair_us = world.now_us;
		return 0;
	}
	while (world.now_us < play.fair_us) {
		world_sleep(world_random(2 * SECOND));
		if (force && play.programs && world_chance(20)) {
			play.broken = true;
			forces[world_random(sizeof forces / sizeof *forces)]();
		} else {
			troubles[world_random(sizeof troubles / sizeof *troubles)]();
		}
	}
	note("fair from now on");
	return 0;
}

/* ---- one seed ---- */

static int
idle_main(int argc, char **argv)
{
	(void)argc, (void)argv;
	return 0;
}

static struct program programs[] = {
	{ "belay", belay_main, belay_begin, belay_end, NULL, NULL, 0 },
	{ "belay-server", belay_server_main, belay_server_begin, belay_server_end, NULL,
	    NULL, 0 },
	{ "ssh", ssh_main, NULL, NULL, NULL, NULL, 0 },
	{ "sshd", sshd_main, NULL, NULL, NULL, NULL, 0 },
	{ "sh", sh_main, NULL, NULL, NULL, NULL, 0 },
	{ "script", script_main, NULL, NULL, NULL, NULL, 0 },
	{ "window", window_main, NULL, NULL, NULL, NULL, 0 },
	{ "asker", asker_main, NULL, NULL, NULL, NULL, 0 },
	{ "trouble", trouble_main, NULL, NULL, NULL, NULL, 0 },
	{ "infocmp", idle_main, NULL, NULL, NULL, NULL, 0 },
};

static void
furnish(void)
{
	static const char *const dirs[] = { "/home", "/home/u", "/tmp", "/var",
		"/var/tmp", "/dev/shm", "/run", "/run/u", "/usr", "/usr/bin",
		"/usr/share", "/usr/share/terminfo", "/usr/share/terminfo/x", "/bin" };
	for (int m = CLIENT; m <= HOST; m++)
		for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
			files_make_directory(m, dirs[i]);
	files_put(CLIENT, "/usr/bin/ssh", "\177ELF", 0755);
	files_put(CLIENT, "/usr/bin/belay", "\177ELF", 0755);
	files_put(CLIENT, "/bin/sh", "\177ELF", 0755);
	files_put(HOST, "/usr/bin/belay-server", "\177ELF", 0755);
	files_put(HOST, "/usr/share/terminfo/x/xterm-256color", "x", 0644);
	files_put(HOST, "/home/u/.hushlogin", "", 0644);
	network = (struct network){ .latency_us = world_random(200000) };
	world.machines[CLIENT].address = 0xcb007102;
	world.machines[HOST].address = 0xc6336401;
}

/* Mostly little, so that there are many; now and then more than windows and pipes hold. */
static size_t
how_many(void)
{
	return world_random(world_chance(3) ? 1500000 : 10000);
}

static void
choose(void)
{
	play.terminal = world_chance(50);
	play.known = world_chance(50);
	play.datagrams = world_chance(40);
	network.loses = world_chance(50) ? (unsigned)world_random(30) : 0;
	network.no_datagrams = world_chance(10);
	play.resizes = world_chance(30);
	/* The words of a question are looked for as a wide window has them. */
	play.asks = play.terminal && !play.resizes && world_chance(35);
	network.password = play.asks ? PASSWORD : NULL;
	play.up = play.terminal ? world_random(60) : how_many();
	play.down = 1 + (play.terminal ? world_random(300) : how_many());
	play.errors = play.terminal || world_chance(70) ? 0 : how_many();
	play.status = (int)world_random(100);
	play.slow_us = world_chance(70) ? world_random(300000) : 0;
	play.fair_us = world_random(world_chance(20) ? 60 * SECOND : 15 * SECOND);
	play.stops = !play.terminal && world_chance(10);
	if (play.stops)
		play.down += 300000; /* more than pipes hold */
	play.window[0].types = true;
}

/* A short session with a cut, in which one call fails. */
static void
be_calm(const struct fault *fault, bool terminal)
{
	play.terminal = terminal;
	play.up = play.terminal ? 3 : 5000;
	play.down = play.terminal ? 40 : 5000;
	play.errors = play.terminal ? 0 : 1000;
	play.status = 7;
	play.slow_us = 200000;
	play.calm = play.broken = true;
	play.window[0].types = true;
	world.fault = *fault;
}

static bool
goes_on(void)
{
	if (world.logins > LOGINS_MAX)
		world_fail("%u logins", world.logins);
	if (world.steps > STEPS_MAX)
		world_fail("%llu steps: somebody spins", (unsigned long long)world.steps);
	if (!play.done
	    && world.now_us > 100 * SECOND + play.fair_us + PATIENCE_US + STOPS_US)
		world_fail("it does not end");
	if (play.done && world.now_us > play.done_us + LEFT_US)
		world_fail("something is left on the host");
	return !world.failed && !(play.done && !procs_of(HOST));
}

static void
tell_processes(void)
{
	for (size_t i = 0; i < PROCS_MAX; i++) {
		const struct proc *p = &world.procs[i];
		if (p->state == FREE)
			continue;
		fprintf(stderr, "    %d on %d: state %d,", p->pid, p->machine,
		    (int)p->state);
		for (int a = 0; a < p->argc && a < 6 && p->argv; a++)
			fprintf(stderr, " %.40s", p->argv[a]);
		fprintf(stderr, "\n");
	}
}

/* What the jobs find, together. */
struct sum {
	volatile uint64_t failed, steps, logins, seed[JOBS];
};

static void
run_seed(uint64_t seed, bool verbose, bool traced, const struct fault *fault,
    struct sum *sum)
{
	play = (struct play){ .verbose = verbose, .traced = traced };
	world_begin(seed, programs, sizeof programs / sizeof *programs);
	world.talks = verbose;
	furnish();
	if (fault)
		be_calm(fault, seed % 2);
	else
		choose();
	play_start(CLIENT, play.terminal ? "window" : "script", NULL);
	while (goes_on() && world_step())
		continue;
	if (!world.failed && !play.done)
		world_fail("nobody can go on");
	if (!world.failed)
		play_check();
	if (world.failed) {
		printf("seed %llu: %s (%s%s, %.3f s, %llu steps, %u logins)\n",
		    (unsigned long long)seed, world.failed,
		    play.terminal ? "terminal" : "pipes", play.broken ? ", by force" : "",
		    (double)world.now_us / 1e6, (unsigned long long)world.steps,
		    world.logins);
		fflush(stdout);
		sum->failed++;
		if (verbose)
			tell_processes();
	}
	sum->steps += world.steps;
	sum->logins += world.logins;
	world_end();
	play_finish();
}

/* Each job has every second seed. */
static void
run_job(unsigned job, unsigned jobs, uint64_t from, uint64_t count, struct sum *sum)
{
	for (uint64_t i = job; i < count && sum->failed < FAILURES_MAX; i += jobs) {
		sum->seed[job] = from + i;
		run_seed(from + i, false, false, NULL, sum);
	}
}

static void
start_job(unsigned job, uint64_t from, uint64_t count, struct sum *sum)
{
	if (fork() == 0) {
		run_job(job, JOBS, from, count, sum);
		exit(0);
	}
}

/* A program that crashes takes its job along. */
static void
end_jobs(struct sum *sum)
{
	int status;
	while (wait(&status) > 0)
		if (WIFSIGNALED(status)) {
			printf("signal %d: seed %llu or %llu\n", WTERMSIG(status),
			    (unsigned long long)sum->seed[0],
			    (unsigned long long)sum->seed[1]);
			sum->failed++;
		}
}

/* Each call of each kind in each program in turn, on a terminal and on pipes, until there are no
 * more. */
static uint64_t
run_faults(uint64_t seed, uint64_t shown, struct sum *sum)
{
	static const struct fault faults[] = { { .program = "belay" },
		{ .program = "belay-server", .verb = "hold" },
		{ .program = "belay-server", .verb = "attach" } };
	enum { KINDS = 5 };
	uint64_t runs = 0;
	for (size_t i = 0; i < 2 * KINDS * sizeof faults / sizeof *faults; i++) {
		struct fault f = faults[i / (2 * KINDS)];
		f.kind = 1u << i / 2 % KINDS;
		do {
			f.nth++;
			run_seed(2 * (seed + f.nth) + i % 2, ++runs == shown, false, &f,
			    sum);
		} while (world.fault.struck && sum->failed < FAILURES_MAX);
	}
	return runs;
}

int
main(int argc, char **argv)
{
	struct sum *sum = mmap(NULL, sizeof *sum, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (argc > 2 && strcmp(argv[1], "faults") == 0) {
		uint64_t shown = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
		uint64_t runs = run_faults(strtoull(argv[2], NULL, 10), shown, sum);
		printf("%llu passed, %llu failed\n",
		    (unsigned long long)(runs - sum->failed),
		    (unsigned long long)sum->failed);
		return sum->failed != 0;
	}
	if (argc < 3) {
		fprintf(stderr,
		    "usage: session_sim FROM COUNT [-v | -t], or faults SEED [N]\n");
		return 2;
	}
	uint64_t from = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
	bool verbose = argc > 3, traced = verbose && strcmp(argv[3], "-t") == 0;
	if (verbose)
		run_seed(from, true, traced, NULL, sum);
	for (unsigned job = 0; !verbose && job < JOBS; job++)
		start_job(job, from, count, sum);
	end_jobs(sum);
	printf("sessions: %llu steps, %llu logins\n", (unsigned long long)sum->steps,
	    (unsigned long long)sum->logins);
	printf("%llu passed, %llu failed\n", (unsigned long long)(count - sum->failed),
	    (unsigned long long)sum->failed);
	return sum->failed != 0;
}
