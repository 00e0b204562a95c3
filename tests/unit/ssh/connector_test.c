/* Real sockets, on loopback. */
#include "ssh/connector.h"
#include "sys/sys.h"
#include "sys/tcp.h"
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum { PATIENCE_US = 10 * 1000 * 1000 };

static struct loop loop;
static struct connector connector;
static struct ssh_config config;
static int connection;
static bool is_done;

static void
on_done(void *owner, int fd)
{
	CHECK(owner == &connector && !is_done);
	connection = fd;
	is_done = true;
}

static void
start(const char *host, unsigned port, enum ssh_config_family family)
{
	loop = (struct loop){ .now_us = sys_now_us() };
	config = (struct ssh_config){ .hostname = { (const uint8_t *)host, strlen(host) },
		.port = port,
		.family = family };
	is_done = false;
	CHECK_EQ(connector_start(&connector, &loop, &config, 0, on_done, &connector), 0);
	CHECK(!is_done);
}

static void
dispatch(void)
{
	for (size_t i = 0; i < loop.n_watches; i++) {
		struct watch *w = loop.watches[i];
		if (w && w->events && sys_wait(w->fd, w->events, 0))
			w->fn(w->owner, w->events);
	}
}

static void
wait_done(void)
{
	uint64_t end_us = sys_now_us() + PATIENCE_US;
	while (!is_done && (loop.now_us = sys_now_us()) < end_us) {
		(void)connector_tick(&connector, loop.now_us);
		dispatch();
		poll(NULL, 0, 1);
	}
	CHECK(is_done);
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	CHECK_EQ(connector_tick(&connector, loop.now_us), 0);
}

static unsigned
listen_somewhere(int *ret_fd)
{
	struct sockaddr_storage at;
	*ret_fd = tcp_listen(0);
	CHECK(*ret_fd >= 0 && tcp_local(*ret_fd, &at));
	return ntohs(((struct sockaddr_in *)&at)->sin_port);
}

TEST(it_connects)
{
	int listener;
	unsigned port = listen_somewhere(&listener);
	start("127.0.0.1", port, SSH_CONFIG_ANY);
	wait_done();
	CHECK(connection >= 0);
	int other = tcp_accept(listener);
	CHECK(other >= 0);
	CHECK_EQ(sys_write_all(connection, "x", 1), 0);
	CHECK(sys_wait(other, POLLIN, 1000));
	close(other);
	close(connection);
	close(listener);
	connector_cancel(&connector);
}

static bool
looks_up(void)
{
	bool any = false;
	for (size_t i = 0; i < DIALER_LOOKUPS; i++)
		any |= connector.lookups[i].watch.fd >= 0;
	return any;
}

TEST(an_address_is_not_looked_up)
{
	static const struct {
		const char *host;
		enum ssh_config_family family;
		bool looks_up;
	} cases[] = {
		{ "127.0.0.1", SSH_CONFIG_ANY, false },
		{ "127.0.0.1", SSH_CONFIG_INET, false },
		{ "127.0.0.1", SSH_CONFIG_INET6, true },
		{ "::1", SSH_CONFIG_ANY, false },
		{ "::1", SSH_CONFIG_INET6, false },
		{ "::1", SSH_CONFIG_INET, true },
		{ "fe80::1%lo", SSH_CONFIG_ANY, true }, /* the system knows the scope */
		{ "127.1", SSH_CONFIG_ANY, true }, /* and what else is an address */
		{ "localhost", SSH_CONFIG_ANY, true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		start(cases[i].host, 22, cases[i].family);
		CHECK_EQ(looks_up(), cases[i].looks_up);
		CHECK_EQ(connector.dial.n, cases[i].looks_up ? 0 : 1);
		connector_cancel(&connector);
	}
}

TEST(it_says_what_ssh_would_say)
{
	char words[256];
	int listener;
	unsigned port = listen_somewhere(&listener);
	close(listener);
	start("127.0.0.1", port, SSH_CONFIG_INET);
	wait_done();
	CHECK_EQ(connection, -1);
	snprintf(words, sizeof words,
	    "ssh: connect to host 127.0.0.1 port %u: Connection refused", port);
	CHECK_STR(connector.words, words);
	start("127.0.0.1", port, SSH_CONFIG_INET6);
	wait_done();
	CHECK_EQ(connection, -1);
	CHECK(strstr(connector.words, "ssh: Could not resolve hostname 127.0.0.1: "));
}

TEST(it_can_be_cancelled_at_any_time)
{
	int listener;
	unsigned port = listen_somewhere(&listener);
	start("localhost", port, SSH_CONFIG_ANY);
	CHECK(looks_up());
	connector_cancel(&connector);
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	start("127.0.0.1", port, SSH_CONFIG_INET);
	while (!connector.dial.n)
		dispatch();
	(void)connector_tick(&connector, sys_now_us());
	CHECK(!connector_is_cut_off(&connector));
	connector_cancel(&connector);
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	CHECK(!is_done);
	close(listener);
}

TEST(a_name_that_is_too_long)
{
	char host[NI_MAXHOST + 8];
	memset(host, 'x', sizeof host);
	loop = (struct loop){ 0 };
	config = (struct ssh_config){ .hostname = { (const uint8_t *)host, sizeof host },
		.port = 22 };
	CHECK_EQ(connector_start(&connector, &loop, &config, 0, on_done, &connector), -1);
	connector_cancel(&connector);
}

TEST(the_machine_s_address_comes_first_and_another_s_last)
{
	static const struct connector_order order = { "192.0.2.3", { "192.0.2.1" } };
	static const uint8_t wanted[] = { 3, 2, 4, 1 };
	struct sockaddr_storage a[4];
	for (uint8_t i = 0; i < 4; i++) {
		struct sockaddr_in in = { .sin_family = AF_INET,
			.sin_addr.s_addr = htonl(0xc0000201u + i) };
		memset(&a[i], 0, sizeof a[i]);
		memcpy(&a[i], &in, sizeof in);
	}
	connector_order(&order, a, 4);
	for (size_t i = 0; i < 4; i++)
		CHECK_EQ(ntohl(((struct sockaddr_in *)&a[i])->sin_addr.s_addr),
		    0xc0000200u + wanted[i]);
}
