/* Which addresses a host may have its client ask: the one that was dialled; another that it
 * names only if it is global, or if none is known of a connection that leads straight there. */
#include "reconnect/datagrams.h"

#include "test.h"

#include <stdio.h>

static size_t
asked(const char *dialled, const char *named, bool direct)
{
	static const int no_signals[] = { 0 };
	struct loop loop;
	struct engine engine;
	struct datagrams ds;
	struct handshake_datagrams offer = { .id = 1, .port = 60001 };
	if (!seal_available())
		SKIP("built without BearSSL");
	snprintf(offer.address, sizeof offer.address, "%s", named);
	CHECK_EQ(loop_init(&loop, no_signals), 0);
	engine_init(&engine, true);
	datagrams_init(&ds, &loop, &engine);
	datagrams_offer(&ds, &offer,
	    &(struct datagrams_place){ .peer = dialled, .other = "", .direct = direct });
	size_t n = ds.used ? ds.used->n_addresses : 0;
	datagrams_finish(&ds);
	engine_finish(&engine);
	return n;
}

TEST(what_was_dialled_is_asked)
{
	CHECK_EQ(asked("127.0.0.1", "127.0.0.1", true), 1);
	CHECK_EQ(asked("127.0.0.1", "", true), 1);
	CHECK_EQ(asked("127.0.0.1", "", false), 1);
}

TEST(a_private_address_may_be_another_machines_here)
{
	CHECK_EQ(asked("127.0.0.1", "10.0.0.7", true), 1);
	CHECK_EQ(asked("127.0.0.1", "fe80::1", true), 1);
	CHECK_EQ(asked("127.0.0.1", "224.0.0.1", true), 1);
	CHECK_EQ(asked("127.0.0.1", "100.64.0.1", true), 1);
	CHECK_EQ(asked("127.0.0.1", "172.20.0.1", true), 1);
	CHECK_EQ(asked("127.0.0.1", "169.254.169.254", true), 1);
	CHECK_EQ(asked("", "10.0.0.7", false), 0);
}

TEST(a_global_one_is_asked_beside_it)
{
	CHECK_EQ(asked("127.0.0.1", "192.0.2.7", true), 2);
	CHECK_EQ(asked("127.0.0.1", "2001:db8::7", false), 2);
	CHECK_EQ(asked("", "192.0.2.7", false), 1);
}

TEST(where_none_is_known_the_hosts_word_is_taken)
{
	CHECK_EQ(asked("", "10.0.0.7", true), 1);
	CHECK_EQ(asked("", "host.example", true), 0);
	CHECK_EQ(asked("", "", true), 0);
}
