#include "reconnect/candidates.h"
#include "test.h"

static struct attempt attempts[CANDIDATES_MAX + 1];

static struct candidates
all(void)
{
	struct candidates c = { 0 };
	memset(attempts, 0, sizeof attempts);
	for (size_t i = 0; i < CANDIDATES_MAX; i++)
		CHECK(candidates_add(&c, &attempts[i]));
	return c;
}

TEST(there_is_room_for_so_many)
{
	struct candidates c = all();
	CHECK(!candidates_add(&c, &attempts[CANDIDATES_MAX]));
	CHECK(!candidates_has(&c, &attempts[CANDIDATES_MAX]));
	candidates_remove(&c, &attempts[CANDIDATES_MAX]); /* is not among them */
	CHECK_EQ(c.n, CANDIDATES_MAX);
}

TEST(they_stay_in_the_order_of_their_age)
{
	struct candidates c = all();
	CHECK(candidates_youngest(&c) == &attempts[2]);
	candidates_remove(&c, &attempts[1]);
	CHECK(candidates_youngest(&c) == &attempts[2]);
	CHECK(candidates_has(&c, &attempts[0]) && !candidates_has(&c, &attempts[1]));
	CHECK(candidates_add(&c, &attempts[1]));
	CHECK(candidates_youngest(&c) == &attempts[1]);
	candidates_remove(&c, &attempts[0]);
	candidates_remove(&c, &attempts[1]);
	candidates_remove(&c, &attempts[2]);
	CHECK_EQ(c.n, 0);
	CHECK(!candidates_youngest(&c));
}

TEST(which_of_them_is_meant)
{
	struct candidates c = all();
	CHECK(!candidates_first(&c) && !candidates_asking(&c));
	CHECK(!candidates_prompting(&c));
	CHECK(candidates_oldest_unasking(&c) == &attempts[0]);
	attempts[0].carrier.first = true;
	attempts[1].carrier.asks = true;
	attempts[2].askpass.known = true;
	CHECK(candidates_first(&c) == &attempts[0]);
	CHECK(candidates_asking(&c) == &attempts[1]);
	CHECK(candidates_prompting(&c) == &attempts[2]);
	CHECK(candidates_oldest_unasking(&c) == &attempts[2]);
}
