#include "base/log.h"
#include "test.h"

/* What has been said since capture_begin, as one string. */
static FILE *captured;
static int real_stderr;
static char said[4096];

static void
capture_begin(void)
{
	captured = tmpfile();
	CHECK(captured != NULL);
	real_stderr = dup(STDERR_FILENO);
	dup2(fileno(captured), STDERR_FILENO);
}

static const char *
capture_end(void)
{
	fflush(stderr);
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(captured);
	said[fread(said, 1, sizeof said - 1, captured)] = 0;
	fclose(captured);
	return said;
}

TEST(a_message_is_one_line_with_the_name_of_the_program)
{
	log_init("belay", LOG_NOTICE);
	capture_begin();
	log_say(LOG_ERROR, "%s: %d", "host", 7);
	CHECK_STR(capture_end(), "belay: host: 7\n");
}

TEST(what_ssh_says_is_said_in_its_words)
{
	log_init("belay", LOG_NOTICE);
	capture_begin();
	log_as_ssh(LOG_NOTICE, "Allocated port %u", 7u);
	log_as_ssh(LOG_VERBOSE, "no");
	CHECK_STR(capture_end(), "Allocated port 7\r\n");
	CHECK_EQ(log_as_ssh_fd(LOG_NOTICE), 2);
	CHECK_EQ(log_as_ssh_fd(LOG_VERBOSE), -1);
}

TEST(what_ssh_says_goes_to_its_log)
{
	int out[2];
	char said[64] = "";
	CHECK_EQ(pipe(out), 0);
	log_init("belay", LOG_NOTICE);
	log_as_ssh_to(out[1]);
	CHECK_EQ(log_as_ssh_fd(LOG_NOTICE), out[1]);
	capture_begin();
	log_as_ssh(LOG_NOTICE, "%s", "word");
	log_say(LOG_NOTICE, "ours");
	CHECK_STR(capture_end(), "belay: ours\n");
	CHECK_EQ(read(out[0], said, sizeof said - 1), 6);
	CHECK_STR(said, "word\r\n");
	log_as_ssh_to(-1);
	close(out[0]);
	close(out[1]);
}

TEST(what_is_not_wanted_is_not_said)
{
	capture_begin();
	log_init("belay", LOG_QUIET);
	log_say(LOG_NOTICE, "notice");
	log_say(LOG_ERROR, "error");
	log_init("belay", LOG_NOTICE);
	log_say(LOG_VERBOSE, "detail");
	log_init("belay", LOG_VERBOSE);
	log_say(LOG_VERBOSE, "more detail");
	CHECK_STR(capture_end(), "belay: error\nbelay: more detail\n");
}

TEST(on_a_raw_terminal_a_line_ends_as_it_must_there)
{
	log_init("belay", LOG_NOTICE);
	capture_begin();
	log_line_end("\r\n");
	log_say(LOG_NOTICE, "text");
	log_line_end("\n");
	CHECK_STR(capture_end(), "belay: text\r\n");
}

TEST(the_host_cannot_control_the_terminal)
{
	log_init("belay", LOG_NOTICE);
	log_utf8(true);
	capture_begin();
	log_say(LOG_NOTICE, "%s", "\x1b[2J\r\n\a\x7f\tr\xc3\xa9sum\xc3\xa9");
	CHECK_STR(capture_end(), "belay: ?[2J?????r\xc3\xa9sum\xc3\xa9\n");
}

/* U+009B is CSI to terminals that heed the C1 controls (ECMA-48 5.3), U+202E turns what
 * follows around. */
TEST(the_host_cannot_control_the_terminal_by_other_characters_either)
{
	log_init("belay", LOG_NOTICE);
	log_utf8(true);
	capture_begin();
	log_say(LOG_NOTICE, "%s",
	    "a\xc2\x9b"
	    "2J\x9b"
	    "2J\xe2\x80\xae"
	    "b\xff");
	CHECK_STR(capture_end(), "belay: a?2J?2J?b?\n");
}

/* The second byte of U+00DB is CSI to a terminal of ISO 8859. */
TEST(where_the_terminal_is_not_utf8_only_ascii_is_shown)
{
	log_init("belay", LOG_NOTICE);
	log_utf8(false);
	capture_begin();
	log_say(LOG_NOTICE, "%s",
	    "a\xc3\x9b"
	    "2J");
	CHECK_STR(capture_end(), "belay: a?2J\n");
}

TEST(a_long_message_is_cut)
{
	log_init("belay", LOG_NOTICE);
	capture_begin();
	log_say(LOG_NOTICE, "%04000d", 1);
	CHECK(strlen(capture_end()) < 2100);
	CHECK_EQ(said[strlen(said) - 1], '\n');
}
