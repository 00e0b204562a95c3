#include "client/report.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SECOND_US = 1000000, MS_US = 1000, TEXT = TARGET_MAX + 16, STRING_MAX = 2048 };

const char *const report_heads[REPORT_COLUMNS] = { "PID", "DESTINATION", "STATE",
	"ROUND TRIP", "OUTAGES", "SENT", "RECEIVED", "FORWARDS" };

static size_t
listening(const struct forward_table *f)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n; i++)
		n += f->list[i].state == FORWARD_LISTENS;
	return n;
}

static size_t
connections(const struct forward_table *f)
{
	return f->tunnel.n_ours + f->tunnel.n_theirs;
}

/* In tenths of a percent. */
static unsigned
share(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned)(part * 1000 / whole) : 0;
}

static void
predicted(const struct predict_stats *s, struct buf *out)
{
	if (!s || !(s->at_once + s->early))
		return;
	unsigned at_once = share(s->at_once, s->keys), wrong = share(s->wrong, s->keys);
	buf_print(out, "; of %" PRIu64 " keys %u.%u %% shown at once, %u.%u %% wrong",
	    s->keys, at_once / 10, at_once % 10, wrong / 10, wrong % 10);
}

static const char *
state_name(const struct report *r)
{
	return policy_state_name(r->lean ? POLICY_UP : r->state);
}

static void
by_datagrams(const struct report *r, struct buf *out)
{
	if (r->by_datagrams)
		buf_print(out, " by datagrams, %u %% lost", r->lost_percent);
	else if (r->datagrams)
		buf_print(out, "; datagrams: %s", r->datagrams);
	if (r->lean)
		buf_print(out, "; ssh: %s", policy_state_name(r->state));
}

void
report_line(const struct report *r, struct buf *out)
{
	buf_print(out, "%s", state_name(r));
	if (r->down_us)
		buf_print(out, " for %" PRIu64 " s",
		    (r->now_us - r->down_us) / SECOND_US);
	else if (r->srtt_us)
		buf_print(out, "; round trip %" PRIu64 " ms", r->srtt_us / MS_US);
	by_datagrams(r, out);
	if (r->waiting)
		buf_print(out, "; %zu bytes %s", r->waiting,
		    r->down_us ? "wait" : "on their way");
	if (r->outages)
		buf_print(out, "; %u outage%s before, %" PRIu64 " s", r->outages,
		    r->outages == 1 ? "" : "s", r->outages_us / SECOND_US);
	predicted(r->predicted, out);
	if (r->forwards->n)
		buf_print(out, "; %zu forwards, %zu connections", listening(r->forwards),
		    connections(r->forwards));
}

static const char *
state_of(const struct forward_table_one *one)
{
	return one->state == FORWARD_LISTENS ? ""
	    : one->state == FORWARD_ASKED    ? " (not answered yet)"
					     : " (failed)";
}

void
report_forwards(const struct report *r, const char *line_end, struct buf *out)
{
	char on[TEXT], to[TEXT];
	for (size_t i = 0; i < r->forwards->n; i++) {
		const struct forward_table_one *one = &r->forwards->list[i];
		if (one->state == FORWARD_GONE)
			continue;
		forward_text(&one->forward.listen, on, sizeof on);
		forward_text(&one->forward.connect, to, sizeof to);
		buf_print(out, "  %s %s to %s%s%s",
		    one->forward.kind == FORWARD_REMOTE ? "the host listens on"
							: "listening on",
		    on, to, state_of(one), line_end);
	}
}

/* Quotes and control characters do not belong into a name. */
static void
put_string(struct buf *out, const char *from)
{
	char text[STRING_MAX];
	snprintf(text, sizeof text, "%s", from);
	text_printable(text, true); /* JSON is UTF-8 */
	for (char *c = text; *c; c++)
		if (*c == '"' || *c == '\\')
			*c = '?';
	buf_print(out, "\"%s\"", text);
}

static void
json_forwards(const struct forward_table *f, struct buf *out)
{
	char text[TEXT];
	bool first = true;
	for (size_t i = 0; i < f->n; i++) {
		const struct forward_table_one *one = &f->list[i];
		if (one->state == FORWARD_GONE)
			continue;
		buf_print(out, "%s{\"side\": \"%s\", \"listen\": ", first ? "" : ", ",
		    one->forward.kind == FORWARD_REMOTE ? "remote" : "local");
		first = false;
		forward_text(&one->forward.listen, text, sizeof text);
		put_string(out, text);
		buf_print(out, ", \"connect\": ");
		forward_text(&one->forward.connect, text, sizeof text);
		put_string(out, text);
		buf_print(out, ", \"listening\": %s}",
		    one->state == FORWARD_LISTENS ? "true" : "false");
	}
}

void
report_json(const struct report *r, struct buf *out)
{
	buf_print(out, "{\"pid\": %ld, \"destination\": ", (long)getpid());
	put_string(out, r->destination);
	buf_print(out, ", \"state\": ");
	put_string(out, state_name(r));
	buf_print(out, ", \"ssh\": ");
	put_string(out, policy_state_name(r->state));
	buf_print(out, ", \"datagrams\": ");
	if (r->datagrams)
		buf_print(out,
		    "{\"state\": \"%s\", \"carry_keys\": %s, \"lost_percent\": %u}",
		    r->datagrams, r->by_datagrams ? "true" : "false", r->lost_percent);
	else
		buf_print(out, "null");
	buf_print(out,
	    ", \"up\": %s, \"round_trip_ms\": ", r->down_us ? "false" : "true");
	if (r->srtt_us)
		buf_print(out, "%" PRIu64 ".%03u", r->srtt_us / MS_US,
		    (unsigned)(r->srtt_us % MS_US));
	else
		buf_print(out, "null");
	if (r->predicted)
		buf_print(out,
		    ", \"predicted\": {\"keys\": %" PRIu64 ", \"at_once\": %" PRIu64
		    ", \"early\": %" PRIu64 ", \"wrong\": %" PRIu64 "}",
		    r->predicted->keys, r->predicted->at_once, r->predicted->early,
		    r->predicted->wrong);
	buf_print(out,
	    ", \"down_s\": %" PRIu64 ", \"running_s\": %" PRIu64
	    ", \"outages\": %u, \"outages_s\": %" PRIu64 ", \"sent\": %" PRIu64
	    ", \"received\": %" PRIu64 ", \"waiting\": %zu, \"connections\": %zu"
	    ", \"connections_opened\": %" PRIu64 ", \"forwards\": [",
	    r->down_us ? (r->now_us - r->down_us) / SECOND_US : 0,
	    (r->now_us - r->begun_us) / SECOND_US, r->outages, r->outages_us / SECOND_US,
	    r->sent, r->received, r->waiting, connections(r->forwards),
	    r->forwards->tunnel.opened);
	json_forwards(r->forwards, out);
	buf_print(out, "]}");
}

static void
put_bytes(struct buf *out, uint64_t n)
{
	static const char units[] = "BKMGT";
	size_t unit = 0;
	uint64_t tenths = n * 10;
	for (; tenths >= 10240 && units[unit + 1]; unit++)
		tenths /= 1024;
	if (unit)
		buf_print(out, "%" PRIu64 ".%u%c\t", tenths / 10, (unsigned)(tenths % 10),
		    units[unit]);
	else
		buf_print(out, "%" PRIu64 "B\t", n);
}

void
report_row(const struct report *r, struct buf *out)
{
	buf_print(out, "%ld\t%s\t%s\t", (long)getpid(), r->destination, state_name(r));
	if (r->srtt_us)
		buf_print(out, "%" PRIu64 " ms\t", r->srtt_us / MS_US);
	else
		buf_print(out, "-\t");
	buf_print(out, "%u (%" PRIu64 " s)\t", r->outages, r->outages_us / SECOND_US);
	put_bytes(out, r->sent);
	put_bytes(out, r->received);
	buf_print(out, "%zu (%zu open)", listening(r->forwards),
	    connections(r->forwards));
}
