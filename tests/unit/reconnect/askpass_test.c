/* The asking program is played by the test, at the other end of a socket. */
#include "reconnect/askpass.h"
#include "ssh/ssh_helper.h"
#include "sys/sys.h"
#include "test.h"

#include <sys/socket.h>

static struct loop loop;
static struct askpass askpass;
static int asker; /* its end */
static bool unattended;

static int
knock(void)
{
	int pair[2];
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	askpass_open(&askpass, &loop, pair[1], unattended);
	return pair[0];
}

static void
says(const void *bytes, size_t n)
{
	CHECK_EQ(sys_write_all(asker, bytes, n), 0);
	askpass.watch.fn(askpass.watch.owner, POLLIN);
}

#define SAYS(literal) says(literal, sizeof(literal) - 1)

static enum prompt_event
keys(const char *text)
{
	struct span rest = { (const uint8_t *)text, strlen(text) };
	return askpass_keys(&askpass, &loop, &rest);
}

/* What the asking program reads up to the end. */
static const char *
answer(void)
{
	static char bytes[PROMPT_ANSWER_MAX + 2];
	size_t n = 0;
	ssize_t got;
	while ((got = read(asker, bytes + n, sizeof bytes - 1 - n)) > 0)
		n += (size_t)got;
	bytes[n] = 0;
	close(asker);
	return bytes;
}

TEST(a_question_and_its_answer)
{
	asker = knock();
	CHECK(!askpass.known);
	SAYS("\0Password: \0");
	CHECK(askpass.known);
	CHECK_STR(askpass.prompt.text, "Password:");
	CHECK_EQ(keys("sec"), PROMPT_MORE);
	CHECK_EQ(keys("ret\r"), PROMPT_ANSWERED);
	CHECK_STR(answer(), "secret\n");
	CHECK(!askpass.watch.fn && !askpass.known);
	askpass_close(&askpass, &loop);
}

TEST(a_question_may_come_in_pieces)
{
	asker = knock();
	SAYS("conf");
	SAYS("irm\0Allow");
	CHECK(!askpass.known);
	SAYS(" it?\0");
	CHECK(askpass.known);
	CHECK_EQ(askpass.prompt.kind, PROMPT_CONFIRM);
	CHECK_EQ(keys("\r"), PROMPT_ANSWERED);
	CHECK_STR(answer(), "\n");
}

TEST(a_no_and_a_cancelled_one_give_no_answer)
{
	asker = knock();
	SAYS("confirm\0Allow it?\0");
	CHECK_EQ(keys("no\r"), PROMPT_ANSWERED);
	CHECK_STR(answer(), "");
	asker = knock();
	SAYS("\0Password:\0");
	CHECK_EQ(keys("sec\x03"), PROMPT_CANCELLED);
	CHECK_STR(answer(), "");
}

TEST(one_question_at_a_time)
{
	asker = knock();
	SAYS("\0First:\0");
	int second = knock();
	CHECK_EQ(read(second, &(char){ 0 }, 1), 0);
	close(second);
	CHECK_STR(askpass.prompt.text, "First:");
	askpass_close(&askpass, &loop);
	close(asker);
}

TEST(an_asking_program_that_ends_makes_place_for_the_next)
{
	asker = knock();
	SAYS("none\0Touch it\0");
	CHECK(askpass.known);
	close(asker);
	askpass.watch.fn(askpass.watch.owner, POLLIN);
	CHECK(!askpass.known && !askpass.watch.events);
	asker = knock();
	SAYS("\0Password:\0");
	CHECK_STR(askpass.prompt.text, "Password:");
	CHECK_EQ(keys("x\r"), PROMPT_ANSWERED);
	CHECK_STR(answer(), "x\n");
}

TEST(a_question_without_end)
{
	char bytes[SSH_HELPER_HINT_MAX + PROMPT_TEXT_MAX];
	asker = knock();
	memset(bytes, 'x', sizeof bytes);
	bytes[0] = 0;
	says(bytes, sizeof bytes);
	CHECK(askpass.known);
	CHECK_EQ(strlen(askpass.prompt.text), PROMPT_TEXT_MAX - 1);
	askpass_close(&askpass, &loop);
	close(asker);
	asker = knock();
	bytes[0] = 'x'; /* no hint, no end */
	says(bytes, sizeof bytes);
	CHECK(!askpass.known);
	askpass_close(&askpass, &loop);
	close(asker);
}

TEST(where_nobody_is_asked_only_notices_come)
{
	unattended = true;
	asker = knock();
	SAYS("\0Password: \0");
	CHECK(!askpass.known);
	CHECK_STR(answer(), "");
	askpass.watch.fn(askpass.watch.owner, POLLIN);
	CHECK(!askpass.watch.events);
	asker = knock();
	SAYS("none\0Touch it\0");
	CHECK(askpass.known && askpass.prompt.unattended);
	askpass_close(&askpass, &loop);
	close(asker);
	unattended = false;
}
