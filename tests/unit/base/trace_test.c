#include "base/trace.h"
#include "test.h"

#include <errno.h>

static unsigned evaluated;

static unsigned
evaluate(void)
{
	return ++evaluated;
}

/* What is in the file. */
static const char *
read_back(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	text[n] = 0;
	if (f)
		fclose(f);
	return text;
}

TEST(without_a_file_nothing_is_done)
{
	evaluated = 0;
	CHECK_EQ(trace_open(NULL), 0);
	TRACE(1, "link", "%u", evaluate());
	CHECK_EQ(trace_open(""), 0);
	TRACE(1, "link", "%u", evaluate());
	CHECK(!trace_is_on);
	CHECK_EQ(evaluated, 0);
}

TEST(one_line_an_event_with_its_time)
{
	char path[] = "/tmp/belay-trace-XXXXXX";
	close(mkstemp(path));
	CHECK_EQ(trace_open(path), 0);
	TRACE(12000345, "policy", "up -> %s", "down");
	trace_close();
	TRACE(12000346, "policy", "not any more");
	CHECK_EQ(trace_open(path), 0); /* another process adds to it */
	TRACE(13000000, "link", "two\nlines\x1b[2J");
	trace_close();
	const char *text = read_back(path);
	unlink(path);
	CHECK(strstr(text, "12.000345 policy   up -> down\n13.000000 link     two")
	    == text);
	CHECK(!strstr(text, "two\n") && !strchr(text, 0x1b) && !strstr(text, "any more"));
}

TEST(a_line_that_is_too_long_is_cut)
{
	char path[] = "/tmp/belay-trace-XXXXXX", words[3000];
	close(mkstemp(path));
	memset(words, 'x', sizeof words - 1);
	words[sizeof words - 1] = 0;
	CHECK_EQ(trace_open(path), 0);
	TRACE(1, "link", "%s", words);
	trace_close();
	size_t len = strlen(read_back(path));
	unlink(path);
	CHECK(len > 1000 && len < 1100);
}

TEST(a_file_that_cannot_be_made)
{
	CHECK_EQ(trace_open("/nonexistent/trace"), -1);
	CHECK_EQ(errno, ENOENT);
	CHECK(!trace_is_on);
}
