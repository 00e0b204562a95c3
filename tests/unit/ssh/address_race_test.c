#include "ssh/address_race.h"
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

enum { MS = 1000 };

static struct address_race d;
static struct sockaddr_storage list[ADDRESS_RACE_ADDRESSES + 8];

static void
address(struct sockaddr_storage *ret, const char *text)
{
	struct sockaddr_in *v4 = (void *)ret;
	struct sockaddr_in6 *v6 = (void *)ret;
	*ret = (struct sockaddr_storage){ 0 };
	if (strchr(text, ':')) {
		v6->sin6_family = AF_INET6;
		CHECK_EQ(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
	} else {
		v4->sin_family = AF_INET;
		CHECK_EQ(inet_pton(AF_INET, text, &v4->sin_addr), 1);
	}
}

/* Adds addresses, which are separated by spaces. */
static void
add(const char *texts, bool complete, uint64_t now_us)
{
	char copy[1024];
	size_t n = 0;
	snprintf(copy, sizeof copy, "%s", texts);
	for (char *one = strtok(copy, " "); one; one = strtok(NULL, " "))
		address(&list[n++], one);
	address_race_add(&d, list, n, complete, now_us);
}

/* Which address is tried now; "" if none is. */
static const char *
next(uint64_t now_us)
{
	static char text[64];
	int i = address_race_next(&d, now_us);
	if (i < 0)
		return "";
	const struct sockaddr_storage *ss = &d.ones[i].address;
	const struct sockaddr_in *v4 = (const void *)ss;
	const struct sockaddr_in6 *v6 = (const void *)ss;
	return inet_ntop(ss->ss_family,
	    ss->ss_family == AF_INET ? (const void *)&v4->sin_addr : &v6->sin6_addr, text,
	    sizeof text);
}

TEST(families_take_turns_a_quarter_of_a_second_apart)
{
	address_race_init(&d);
	CHECK_EQ(address_race_deadline(&d), 0);
	CHECK(!address_race_over(&d));
	add("2001:db8::1 2001:db8::2 2001:db8::3 192.0.2.1", true, 1000 * MS);
	CHECK_STR(next(1000 * MS), "2001:db8::1");
	CHECK_STR(next(1000 * MS), "");
	CHECK_EQ(address_race_deadline(&d), 1250 * MS);
	CHECK_STR(next(1249 * MS), "");
	CHECK_STR(next(1250 * MS), "192.0.2.1");
	CHECK_STR(next(1500 * MS), "2001:db8::2");
	CHECK_STR(next(1750 * MS), "2001:db8::3");
	CHECK_EQ(address_race_deadline(&d), 1750 * MS + ADDRESS_RACE_AGAIN_US);
	CHECK_STR(next(9000 * MS), "");
	CHECK(!address_race_over(&d));
}

TEST(what_does_not_answer_is_tried_once_more_each_second)
{
	address_race_init(&d);
	CHECK(!address_race_again(&d, 500 * MS));
	add("192.0.2.1", true, 1000 * MS);
	CHECK(!address_race_again(&d, 1000 * MS));
	CHECK_STR(next(1000 * MS), "192.0.2.1");
	CHECK(!address_race_again(&d, 1999 * MS));
	CHECK_EQ(address_race_deadline(&d), 2000 * MS);
	CHECK(address_race_again(&d, 2000 * MS));
	CHECK(!address_race_again(&d, 2000 * MS));
	CHECK_EQ(address_race_deadline(&d), 3000 * MS);
	address_race_failed(&d, 0, ECONNREFUSED);
	CHECK(!address_race_again(&d, 9000 * MS));
	CHECK_EQ(address_race_deadline(&d), 0);
}

TEST(a_person_does_not_wait_for_that_second)
{
	address_race_init(&d);
	add("192.0.2.1", true, 1000 * MS);
	CHECK_STR(next(1000 * MS), "192.0.2.1");
	address_race_hurry(&d);
	CHECK_EQ(address_race_deadline(&d), 1100 * MS);
	CHECK(!address_race_again(&d, 1099 * MS));
	CHECK(address_race_again(&d, 1600 * MS));
	CHECK_EQ(address_race_deadline(&d), 2600 * MS);
}

TEST(who_goes_on_typing_leaves_time_for_an_answer)
{
	address_race_init(&d);
	add("192.0.2.1", true, 1000 * MS);
	CHECK_STR(next(1000 * MS), "192.0.2.1");
	address_race_hurry(&d);
	CHECK(address_race_again(&d, 1200 * MS));
	address_race_hurry(&d);
	CHECK_EQ(address_race_deadline(&d), 1700 * MS);
	CHECK(address_race_again(&d, 1700 * MS));
	CHECK(address_race_again(&d, 2700 * MS));
	address_race_hurry(&d);
	CHECK_EQ(address_race_deadline(&d), 2800 * MS);
}

TEST(the_systems_preference_decides_which_family_is_first)
{
	address_race_init(&d);
	add("192.0.2.1 192.0.2.2 2001:db8::1", true, 1);
	CHECK_STR(next(1), "192.0.2.1");
	CHECK_STR(next(1 + ADDRESS_RACE_STAGGER_US), "2001:db8::1");
	CHECK_STR(next(1 + 2 * ADDRESS_RACE_STAGGER_US), "192.0.2.2");
}

TEST(after_a_failure_the_next_is_tried_at_once)
{
	address_race_init(&d);
	add("2001:db8::1 192.0.2.1", true, 1000 * MS);
	CHECK_STR(next(1000 * MS), "2001:db8::1");
	address_race_failed(&d, 0, ENETUNREACH);
	CHECK_STR(next(1001 * MS), "192.0.2.1");
	CHECK(!address_race_over(&d));
	address_race_failed(&d, 1, ECONNREFUSED);
	CHECK(address_race_over(&d));
	CHECK_EQ(address_race_error(&d), ECONNREFUSED);
}

TEST(the_error_is_that_of_the_last_address_whenever_it_came)
{
	address_race_init(&d);
	add("192.0.2.1 192.0.2.2", true, 1);
	CHECK_STR(next(1), "192.0.2.1");
	CHECK_STR(next(1 + ADDRESS_RACE_STAGGER_US), "192.0.2.2");
	address_race_failed(&d, 1, ECONNREFUSED);
	address_race_failed(&d, 0, ETIMEDOUT);
	CHECK(address_race_over(&d));
	CHECK_EQ(address_race_error(&d), ECONNREFUSED);
}

TEST(the_whole_answer_is_awaited_for_a_moment)
{
	address_race_init(&d);
	add("192.0.2.1 192.0.2.2", false, 1000 * MS);
	CHECK_STR(next(1000 * MS), "");
	CHECK_EQ(address_race_deadline(&d), 1050 * MS);
	add("2001:db8::1 192.0.2.1 192.0.2.2", true, 1020 * MS);
	CHECK_STR(next(1020 * MS), "2001:db8::1");
	CHECK_STR(next(1270 * MS), "192.0.2.1");
	CHECK_STR(next(1520 * MS), "192.0.2.2");
	CHECK_STR(next(9000 * MS), "");
}

TEST(the_whole_answer_may_come_while_a_part_of_it_is_tried)
{
	address_race_init(&d);
	add("192.0.2.1 192.0.2.2", false, 1000 * MS);
	CHECK_STR(next(1050 * MS), "192.0.2.1");
	add("2001:db8::1 192.0.2.1 192.0.2.2", true, 1100 * MS);
	CHECK_STR(next(1100 * MS), "");
	CHECK_STR(next(1300 * MS), "2001:db8::1");
	CHECK_STR(next(1550 * MS), "192.0.2.2");
	address_race_failed(&d, 0, EIO);
	address_race_failed(&d, 1, EIO);
	CHECK(!address_race_over(&d));
	address_race_failed(&d, 2, EIO);
	CHECK(address_race_over(&d));
}

TEST(nothing_is_over_before_everything_has_been_answered)
{
	address_race_init(&d);
	add("192.0.2.1", false, 1000 * MS);
	CHECK_STR(next(1050 * MS), "192.0.2.1");
	address_race_failed(&d, 0, ECONNREFUSED);
	CHECK(!address_race_over(&d));
	add("", true, 1100 * MS);
	CHECK(address_race_over(&d));
	CHECK_EQ(address_race_error(&d), ECONNREFUSED);
	address_race_init(&d);
	add("", true, 1);
	CHECK(address_race_over(&d));
}

TEST(an_answer_after_the_whole_one_adds_nothing)
{
	address_race_init(&d);
	add("192.0.2.1 192.0.2.1", true, 1);
	add("192.0.2.9", false, 2);
	CHECK_EQ(d.n, 1);
}

TEST(more_addresses_than_there_is_room_for)
{
	address_race_init(&d);
	for (unsigned i = 0; i < ADDRESS_RACE_ADDRESSES + 8; i++) {
		char text[32];
		snprintf(text, sizeof text, "192.0.2.%u", i + 1);
		address(&list[i], text);
	}
	address_race_add(&d, list, ADDRESS_RACE_ADDRESSES + 8, true, 1);
	CHECK_EQ(d.n, ADDRESS_RACE_ADDRESSES);
	for (unsigned i = 0; i < ADDRESS_RACE_ADDRESSES; i++)
		CHECK_EQ(address_race_next(&d, 1 + i * (uint64_t)ADDRESS_RACE_STAGGER_US), i);
	CHECK_EQ(address_race_next(&d, UINT64_MAX), -1);
}
