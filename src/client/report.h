/*
 * How a session is doing, as text: for ~#, for `belay --status`, for systemctl status.  No
 * I/O.
 */
#ifndef CLIENT_REPORT_H
#define CLIENT_REPORT_H

#include "client/forward_table.h"
#include "reconnect/reconnect_policy.h"
#include "predict/predict.h"

struct report {
	const char *destination;
	enum policy_state state; /* of the link by ssh */
	bool lean; /* without ssh: datagrams carry everything */
	const char *datagrams; /* their state; NULL: there are none */
	bool by_datagrams; /* they carry what is typed */
	unsigned lost_percent; /* of those that were sent */
	uint64_t now_us, begun_us; /* when belay was started */
	uint64_t down_us; /* since when the link does not answer; 0: it does */
	uint64_t srtt_us; /* 0: not known */
	unsigned outages; /* that are over */
	uint64_t outages_us; /* how long they took, together */
	uint64_t sent, received; /* bytes of the program and of forwards */
	size_t waiting; /* bytes that the host does not have yet */
	const struct forward_table *forwards;
	const struct predict_stats *predicted; /* NULL: nothing is */
};

/* One line, without its end: what state, since when, the round trip, what waits. */
void report_line(const struct report *r, struct buf *out);
/* A line for each forward and connection, as ~# shows them. */
void report_forwards(const struct report *r, const char *line_end, struct buf *out);
/* One line of JSON, without its end. */
void report_json(const struct report *r, struct buf *out);
/* One line of columns that tabs separate: pid, destination, state, round trip, outages,
 * sent, received, forwards. */
void report_row(const struct report *r, struct buf *out);
/* The heads of those columns, of which there are REPORT_COLUMNS. */
enum { REPORT_COLUMNS = 8 };
extern const char *const report_heads[REPORT_COLUMNS];

#endif
