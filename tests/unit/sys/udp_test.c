/* One socket for all addresses of a host: of either family, answered from the address that was
 * asked. */
#include "sys/udp.h"

#include "sys/tcp.h"
#include "test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static ssize_t
receive(int fd, uint8_t *bytes, size_t max, struct udp_way *way)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	return poll(&p, 1, 5000) == 1 ? udp_receive(fd, bytes, max, way) : -1;
}

/* Whether a host that is asked at this address answers from there: a connected socket takes
 * nothing from elsewhere. */
static bool
answers_from(const char *address)
{
	struct sockaddr_storage to;
	struct udp_way way;
	uint8_t bytes[16];
	unsigned port;
	int host = udp_listen(40000, 60000, (unsigned)getpid(), &port);
	CHECK(host >= 0);
	CHECK(tcp_address(address, port, &to));
	int client = udp_connect(&to);
	bool answered = false;
	if (client >= 0) {
		udp_send(client, (struct span){ (const uint8_t *)"question", 8 }, NULL);
		CHECK_EQ(receive(host, bytes, sizeof bytes, &way), 8);
		udp_send(host, (struct span){ (const uint8_t *)"answer", 6 }, &way);
		answered = receive(client, bytes, sizeof bytes, NULL) == 6;
		close(client);
	}
	close(host);
	return answered;
}

TEST(it_answers_from_the_address_that_was_asked)
{
	CHECK(answers_from("127.0.0.1"));
	CHECK(answers_from("127.0.0.2"));
}

TEST(of_either_family)
{
	struct sockaddr_storage here;
	CHECK(tcp_address("::1", 0, &here));
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	bool has_ipv6 = fd >= 0
	    && bind(fd, (struct sockaddr *)&here, sizeof(struct sockaddr_in6)) == 0;
	if (fd >= 0)
		close(fd);
	if (has_ipv6)
		CHECK(answers_from("::1"));
}

TEST(a_port_that_is_taken_is_passed_over)
{
	unsigned first, second;
	int one = udp_listen(45000, 45009, 3, &first);
	int other = udp_listen(45000, 45009, 3, &second);
	CHECK(one >= 0 && other >= 0);
	CHECK(first != second && second >= 45000 && second <= 45009);
	int none = udp_listen(first, first, 0, &second);
	CHECK(none < 0);
	close(one);
	close(other);
}

TEST(peers_are_told_apart_by_address_and_port)
{
	struct udp_way a = { 0 }, b = { 0 };
	CHECK(tcp_address("10.0.0.1", 7, &a.peer) && tcp_address("10.0.0.1", 7, &b.peer));
	CHECK(udp_same_peer(&a, &b));
	CHECK(tcp_address("10.0.0.1", 8, &b.peer));
	CHECK(!udp_same_peer(&a, &b));
	CHECK(tcp_address("10.0.0.2", 7, &b.peer));
	CHECK(!udp_same_peer(&a, &b));
	CHECK(tcp_address("2001:db8::1", 7, &a.peer)
	    && tcp_address("2001:db8::1", 7, &b.peer));
	CHECK(udp_same_peer(&a, &b));
	CHECK(tcp_address("2001:db8::2", 7, &b.peer));
	CHECK(!udp_same_peer(&a, &b));
}
