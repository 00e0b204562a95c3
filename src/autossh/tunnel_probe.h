/*
 * autossh's question whether the tunnel still carries anything:
 *
 *      monitor --> port =ssh -L=> the host =ssh -R=> port + 1 --> monitor      (loop)
 *      monitor <-> port =ssh -L=> an echo service there                        (echo)
 *
 * A line that nobody can know in advance must come back as it was.  A try that ends without
 * it is made once more.
 */
#ifndef AUTOSSH_TUNNEL_PROBE_H
#define AUTOSSH_TUNNEL_PROBE_H

#include "sys/loop.h"

enum { TUNNEL_PROBE_LINE_MAX = 512, TUNNEL_PROBE_COMERS = 4 };

enum tunnel_probe_result {
	TUNNEL_PROBE_NOTHING, /* no test runs, or it has no result yet */
	TUNNEL_PROBE_OK,
	TUNNEL_PROBE_FAILED,
	TUNNEL_PROBE_NOBODY, /* nobody listens at the port */
};

/* A connection, and how much of the line has come on it. */
struct tunnel_probe_end {
	struct watch watch;
	struct tunnel_probe *monitor;
	size_t got;
};

struct tunnel_probe {
	struct loop *loop;
	unsigned port;
	bool echo;
	struct watch listener; /* fd -1: echo */
	struct tunnel_probe_end out;
	/* Anybody on this machine may connect; the oldest goes when there are too many. */
	struct tunnel_probe_end in[TUNNEL_PROBE_COMERS];
	size_t next_in;
	bool connected; /* and the line is sent */
	char line[TUNNEL_PROBE_LINE_MAX];
	size_t line_len;
	unsigned tries;
	uint64_t timeout_us; /* of one try */
	uint64_t deadline_us; /* 0: no test runs */
	enum tunnel_probe_result result;
};

/* Listens on port + 1, unless it is for an echo service.  0, or -1 with errno. */
int
tunnel_probe_open(struct tunnel_probe *m, struct loop *loop, unsigned port, bool echo);
/* Takes a zeroed one. */
void tunnel_probe_close(struct tunnel_probe *m);
/* Starts a test with this line (it is copied), in place of one that may run. */
void tunnel_probe_start(struct tunnel_probe *m, const char *line, uint64_t timeout_us,
    uint64_t now_us);
void tunnel_probe_stop(struct tunnel_probe *m);
/* To be called at each turn: a result is told once. */
enum tunnel_probe_result tunnel_probe_turn(struct tunnel_probe *m, uint64_t now_us);
/* When to call it next; 0: only after events. */
uint64_t tunnel_probe_deadline(const struct tunnel_probe *m);

#endif
