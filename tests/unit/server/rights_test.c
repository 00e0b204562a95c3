#include "server/rights.h"

#include "test.h"

enum { PARTS = 16 };

/* Everything there is: which roles may do it, as letters (G R S O); behind a comma, who is
 * only not heard, and behind another, who is told no.  For all others it is an error. */
static const struct {
	uint8_t type, part;
	const char *may, *ignored, *refused;
} expected[] = {
	{ MSG_HELLO, CLAIM_NONE, "G", "", "" },
	{ MSG_HELLO, CLAIM_MAKE, "SO", "", "R" },
	{ MSG_HELLO, CLAIM_TAKE_OVER, "O", "RS", "" },
	{ MSG_HELLO, CLAIM_TYPE, "SO", "R", "" },
	{ MSG_HELLO, CLAIM_SIZE, "SO", "R", "" },
	{ MSG_HELLO, CLAIM_LINGER, "O", "RS", "" },
	{ MSG_HELLO, CLAIM_STAY, "SO", "R", "" },
	{ MSG_HELLO, CLAIM_EVERY_BYTE, "O", "RS", "" },
	{ MSG_HELLO, CLAIM_AGENT, "SO", "R", "" },
	{ MSG_HELLO, CLAIM_FORWARD, "SO", "", "R" },
	{ MSG_DISPLAY, 0, "SO", "R", "" },
	{ MSG_HISTORY, 0, "RSO", "", "" },
	{ MSG_PREDICT, 0, "SO", "R", "" },
	{ MSG_SEEN, 0, "RSO", "", "" },
	{ MSG_REDRAW, 0, "SO", "R", "" },
	{ MSG_DGRAM, 0, "RSO", "", "" },
	{ MSG_KEEP, 0, "O", "RS", "" },
	{ MSG_AGAIN, 0, "SO", "R", "" },
	{ MSG_TERMINAL, 0, "SO", "R", "" },
	{ MSG_ORIGIN, 0, "G", "", "" },
	{ MSG_ASK, 0, "G", "", "" },
	{ MSG_DATA, 0, "RSO", "", "" },
	{ MSG_END, 0, "RSO", "", "" },
	{ MSG_ACK, 0, "RSO", "", "" },
	{ MSG_PING, 0, "RSO", "", "" },
	{ MSG_PONG, 0, "RSO", "", "" },
	{ MSG_USE, 0, "RSO", "", "" },
	{ MSG_RANKS, 0, "RSO", "", "" },
	{ MSG_BYE, BYE_DONE, "RSO", "", "" },
	{ MSG_BYE, BYE_HANGUP, "O", "RS", "" },
	{ MSG_BYE, BYE_DETACHED, "RSO", "", "" },
	{ MSG_WINDOW, 0, "SO", "R", "" },
	{ MSG_STOP, 0, "O", "RS", "" },
	{ MSG_LATE, 0, "O", "RS", "" },
	{ MSG_BREAK, 0, "SO", "R", "" },
	{ MSG_SHOWS, 0, "SO", "R", "" },
	{ MSG_OPEN, 0, "SO", "", "R" },
	{ MSG_OPENED, 0, "SO", "", "" },
	{ MSG_FAILED, 0, "SO", "", "" },
	{ MSG_CLOSE, 0, "SO", "R", "" },
	{ MSG_LISTEN, 0, "SO", "", "R" },
	{ MSG_UNLISTEN, 0, "RSO", "", "" },
};

static enum right
expect(enum role role, unsigned type, unsigned part)
{
	char letter = "GRSO"[role];
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		if (expected[i].type != type || expected[i].part != part)
			continue;
		return strchr(expected[i].may, letter)	  ? RIGHT_ALLOWED
		    : strchr(expected[i].ignored, letter) ? RIGHT_IGNORED
		    : strchr(expected[i].refused, letter) ? RIGHT_REFUSED
							  : RIGHT_ERROR;
	}
	return RIGHT_ERROR;
}

/* Also messages that there are not, and parts that there are not. */
TEST(every_message_has_its_right_and_no_other)
{
	for (unsigned type = 0; type < 256; type++)
		for (unsigned part = 0; part < PARTS; part++)
			for (int role = 0; role < ROLES; role++)
				CHECK(rights_of(role, (uint8_t)type, part)
				    == expect(role, type, part));
}

TEST(nobody_is_a_guest_who_may_nothing_but_begin)
{
	enum role zeroed = { 0 };
	CHECK(zeroed == ROLE_GUEST);
	for (unsigned type = 0; type < 256; type++)
		if (type != MSG_HELLO && type != MSG_ASK && type != MSG_ORIGIN)
			CHECK(rights_of(ROLE_GUEST, (uint8_t)type, 0) == RIGHT_ERROR);
}

TEST(who_looks_on_has_no_claim)
{
	for (int claim = CLAIM_NONE; claim <= CLAIM_FORWARD; claim++)
		CHECK(!rights_has(ROLE_READER, claim));
}

TEST(a_role_is_what_a_client_comes_as)
{
	CHECK(rights_role(0, true) == ROLE_OWNER);
	CHECK(rights_role(0, false) == ROLE_OWNER);
	CHECK(rights_role(HELLO_SHARE, true) == ROLE_OWNER);
	CHECK(rights_role(HELLO_SHARE, false) == ROLE_SHARER);
	CHECK(rights_role(HELLO_READ_ONLY, false) == ROLE_READER);
	CHECK(rights_role(HELLO_READ_ONLY | HELLO_SHARE, true) == ROLE_READER);
}
