#include "client/report.h"
#include "test.h"

static struct forward_table forwards;
static struct buf out;

static struct report
usual(void)
{
	return (struct report){ .destination = "host",
		.state = POLICY_UP,
		.now_us = 100 * 1000 * 1000,
		.begun_us = 40 * 1000 * 1000,
		.srtt_us = 12500,
		.forwards = &forwards };
}

static const char *
put(void (*how)(const struct report *r, struct buf *out), const struct report *r)
{
	static char text[4096];
	buf_init(&out, 4096);
	how(r, &out);
	CHECK(!out.failed);
	snprintf(text, sizeof text, "%s", buf_str(&out));
	buf_finish(&out);
	return text;
}

TEST(a_line_says_what_a_person_asks)
{
	struct report r = usual();
	const char *line = put(report_line, &r);
	CHECK(strstr(line, "round trip 12 ms") && !strchr(line, '\n'));
	r.state = POLICY_DOWN_WAIT;
	r.down_us = 90 * 1000 * 1000;
	r.waiting = 7;
	r.outages = 1;
	r.outages_us = 3 * 1000 * 1000;
	line = put(report_line, &r);
	CHECK(strstr(line, " for 10 s") && strstr(line, "7 bytes wait"));
	CHECK(strstr(line, "1 outage before, 3 s"));
}

TEST(a_row_has_as_many_columns_as_heads)
{
	struct report r = usual();
	const char *row = put(report_row, &r);
	int tabs = 0;
	for (const char *p = row; *p; p++)
		tabs += *p == '\t';
	CHECK_EQ(tabs, REPORT_COLUMNS - 1);
	for (int i = 0; i < REPORT_COLUMNS; i++)
		CHECK(report_heads[i][0]);
}

/* Braces and quotes are even, whatever the destination is. */
TEST(json_stays_json)
{
	static const char *const names[] = { "host", "a\"b", "a\\b", "a\nb", "" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct report r = usual();
		r.destination = names[i];
		const char *json = put(report_json, &r);
		int depth = 0;
		bool text = false;
		for (const char *p = json; *p; p++) {
			CHECK((unsigned char)*p >= ' ');
			if (text && *p == '\\' && p[1])
				p++;
			else if (*p == '"')
				text = !text;
			else if (!text)
				depth += (*p == '{' || *p == '[')
				    - (*p == '}' || *p == ']');
			CHECK(depth > 0 || !p[1]);
		}
		CHECK(!text && depth == 0);
	}
}

TEST(what_is_not_known_is_null)
{
	struct report r = usual();
	r.srtt_us = 0;
	const char *json = put(report_json, &r);
	CHECK(strstr(json, "\"round_trip_ms\": null")
	    && strstr(json, "\"datagrams\": null"));
	r.srtt_us = 1500;
	r.datagrams = "up";
	json = put(report_json, &r);
	CHECK(strstr(json, "\"round_trip_ms\": 1.500")
	    && strstr(json, "\"state\": \"up\""));
}
