#include "client/session_words.h"
#include "test.h"

#include <stdlib.h>
#include <time.h>

static char host[] = "host", *none[] = { NULL };
static struct options options;
static struct session_request request;
static struct handshake answer;
static struct buf words;

static void
begin(void)
{
	static char *argv[] = { NULL, NULL };
	setenv("TZ", "UTC", 1);
	tzset();
	options = (struct options){ .ssh_argv = argv,
		.link_args = none,
		.command = none,
		.destination = host };
	request = (struct session_request){ 0 };
	answer = (struct handshake){ .begun_ms = 1000 };
	buf_init(&words, 4096);
}

static void
check(const char *text)
{
	CHECK_STR(words.len ? buf_str(&words) : "", text);
	buf_finish(&words);
}

TEST(a_new_session_needs_no_word)
{
	begin();
	session_words_begun(&request, &options, &answer, &words);
	check("");
}

TEST(one_that_was_left_is_named_by_its_time)
{
	begin();
	request.left.begun_ms = 1000;
	session_words_begun(&request, &options, &answer, &words);
	check("back in the session of Thu 00:00; --new starts another");
	begin();
	request.left.begun_ms = 1000;
	strcpy(answer.name, "work");
	session_words_begun(&request, &options, &answer, &words);
	check("back in the session work of Thu 00:00; --new starts another");
}

TEST(one_that_has_ended_meanwhile_is_missed)
{
	begin();
	request.left.begun_ms = 999;
	session_words_begun(&request, &options, &answer, &words);
	check("the session that was left has ended; this is a new one");
	begin();
	request.left.begun_ms = 999;
	strcpy(answer.name, "work");
	session_words_begun(&request, &options, &answer, &words);
	check("the session work that was left has ended; this is a new one");
}

TEST(others_can_be_come_back_to_by_their_numbers)
{
	begin();
	request.others.n = 3;
	request.others.youngest = (struct saved_session){ .begun_ms = 61000,
		.id = { 0xab, 0xcd, 0xef, 0x01 } };
	session_words_begun(&request, &options, &answer, &words);
	check("a new session; the one of Thu 00:01 and 2 more was left elsewhere, "
	      "`belay --session abcdef01 host` comes back to it");
}

TEST(who_leaves_is_told_the_way_back)
{
	static const uint8_t id[ID_LEN] = { 1, 2, 3, 4, 5 };
	begin();
	session_words_left(id, &options, &words);
	check("the session goes on: `belay host` comes back to it here, `belay --session "
	      "01020304 host` anywhere; `belay --kill 01020304 host` ends it");
}

TEST(why_it_is_gone)
{
	struct reconnect_gone gone = { .rebooted = true };
	CHECK(strstr(session_words_gone(&gone, true), "rebooted"));
	gone.rebooted = false;
	CHECK(strstr(session_words_gone(&gone, true), "look on"));
	CHECK(strstr(session_words_gone(&gone, false), "killed"));
}

TEST(the_escape_is_named_where_there_is_one)
{
	begin();
	session_words_asks("it is gone", '~', &words);
	check("it is gone; Enter begins another, ~. leaves");
	begin();
	session_words_asks("it is gone", 0, &words);
	check("it is gone; Enter begins another");
}

TEST(another_key_is_told_as_far_as_it_is_known)
{
	struct ssh_errors_key key = { 0 };
	begin();
	session_words_stranger(&key, &words);
	check("another host key answers there; nothing is sent to it, and each change of "
	      "the network tries again");
	begin();
	strcpy(key.fingerprint, "SHA256:x");
	strcpy(key.place, "known_hosts:3");
	session_words_stranger(&key, &words);
	check("another host key answers there, SHA256:x, not that of known_hosts:3; "
	      "nothing is sent to it, and each change of the network tries again");
}

TEST(what_was_typed_is_counted)
{
	begin();
	session_words_unsent(0, &words);
	session_words_doubtful(0, &words);
	check("");
	begin();
	session_words_unsent(1, &words);
	check("1 byte that you typed was not sent");
	begin();
	session_words_unsent(2, &words);
	check("2 bytes that you typed were not sent");
	begin();
	session_words_doubtful(2, &words);
	check("2 bytes that you typed, the last that were sent, may not have arrived");
}
