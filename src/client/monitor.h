/*
 * autossh's question whether the tunnel still carries anything:
 *
 *      monitor --> port =ssh -L=> the host =ssh -R=> port + 1 --> monitor      (loop)
 *      monitor <-> port =ssh -L=> an echo service there                        (echo)
 *
 * A line that nobody can know in advance must come back as it was.  A try that ends without
 * it is made once more.
 */
#ifndef CLIENT_MONITOR_H
#define CLIENT_MONITOR_H

#include "sys/loop.h"

enum { MONITOR_LINE_MAX = 512, MONITOR_COMERS = 4 };

enum monitor_result {
	MONITOR_NOTHING, /* no test runs, or it has no result yet */
	MONITOR_OK,
	MONITOR_FAILED,
	MONITOR_NOBODY, /* nobody listens at the port */
};

/* A connection, and how much of the line has come on it. */
struct monitor_end {
	struct watch watch;
	struct monitor *monitor;
	size_t got;
};

struct monitor {
	struct loop *loop;
	unsigned port;
	bool echo;
	struct watch listener; /* fd -1: echo */
	struct monitor_end out;
	/* Anybody on this machine may connect; the oldest goes when there are too many. */
	struct monitor_end in[MONITOR_COMERS];
	size_t next_in;
	bool connected; /* and the line is sent */
	char line[MONITOR_LINE_MAX];
	size_t line_len;
	unsigned tries;
	uint64_t timeout_us; /* of one try */
	uint64_t deadline_us; /* 0: no test runs */
	enum monitor_result result;
};

/* Listens on port + 1, unless it is for an echo service.  0, or -1 with errno. */
int monitor_open(struct monitor *m, struct loop *loop, unsigned port, bool echo);
/* Takes a zeroed one. */
void monitor_close(struct monitor *m);
/* Starts a test with this line (it is copied), in place of one that may run. */
void
monitor_start(struct monitor *m, const char *line, uint64_t timeout_us, uint64_t now_us);
void monitor_stop(struct monitor *m);
/* To be called at each turn: a result is told once. */
enum monitor_result monitor_turn(struct monitor *m, uint64_t now_us);
/* When to call it next; 0: only after events. */
uint64_t monitor_deadline(const struct monitor *m);

#endif
