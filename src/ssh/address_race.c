#include "ssh/address_race.h"

#include <netinet/in.h>
#include <string.h>

void
address_race_init(struct address_race *d)
{
	*d = (struct address_race){ 0 };
}

static bool
same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return memcmp(a, b, sizeof(struct sockaddr_in)) == 0;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0
	    && a6->sin6_scope_id == b6->sin6_scope_id && a6->sin6_port == b6->sin6_port;
}

static bool
knows(const struct address_race *d, const struct sockaddr_storage *address)
{
	for (size_t i = 0; i < d->n; i++)
		if (same(&d->ones[i].address, address))
			return true;
	return false;
}

static void
take(struct address_race *d, const struct sockaddr_storage *address)
{
	if (d->n < ADDRESS_RACE_ADDRESSES && !knows(d, address))
		d->ones[d->n++] = (struct address_race_one){ .address = *address };
}

/* From `at` on, the next address of this family (or, if !wanted, of another); n: none. */
static size_t
find(const struct sockaddr_storage *addresses, size_t at, size_t n, int family,
    bool wanted)
{
	while (at < n && (addresses[at].ss_family == family) != wanted)
		at++;
	return at;
}

/* What has not been tried yet makes place for a better order. */
static void
forget_waiting(struct address_race *d)
{
	size_t kept = 0;
	for (size_t i = 0; i < d->n; i++)
		if (d->ones[i].state == ADDRESS_RACE_WAITS)
			d->n = i; /* those behind it wait too */
		else
			kept++;
	d->n = kept;
}

void
address_race_add(struct address_race *d, const struct sockaddr_storage *addresses,
    size_t n, bool complete, uint64_t now_us)
{
	if (d->complete)
		return;
	bool first = d->n == 0;
	if (n && complete)
		forget_waiting(d);
	int family = n ? addresses[0].ss_family : 0;
	size_t mine = find(addresses, 0, n, family, true);
	size_t other = find(addresses, 0, n, family, false);
	while (mine < n || other < n) {
		if (mine < n)
			take(d, &addresses[mine++]);
		if (other < n)
			take(d, &addresses[other++]);
		mine = find(addresses, mine, n, family, true);
		other = find(addresses, other, n, family, false);
	}
	if (complete && (first || d->ones[0].state == ADDRESS_RACE_WAITS))
		d->next_us = 0;
	else if (first)
		d->next_us = now_us + ADDRESS_RACE_RESOLUTION_US;
	d->complete = complete;
}

static size_t
first_waiting(const struct address_race *d)
{
	size_t i = 0;
	while (i < d->n && d->ones[i].state != ADDRESS_RACE_WAITS)
		i++;
	return i;
}

int
address_race_next(struct address_race *d, uint64_t now_us)
{
	size_t i = first_waiting(d);
	if (i == d->n || now_us < d->next_us)
		return -1;
	d->ones[i].state = ADDRESS_RACE_TRIED;
	d->next_us = now_us + ADDRESS_RACE_STAGGER_US;
	d->tried_us = now_us;
	return (int)i;
}

static uint64_t
gap_us(const struct address_race *d)
{
	if (!d->hurries)
		return ADDRESS_RACE_AGAIN_US;
	return d->hurried ? ADDRESS_RACE_HURRIED_US : ADDRESS_RACE_HURRY_US;
}

/* When those tried are to be tried once more; 0: none is. */
static uint64_t
again_us(const struct address_race *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->ones[i].state == ADDRESS_RACE_TRIED)
			return d->tried_us + gap_us(d);
	return 0;
}

bool
address_race_again(struct address_race *d, uint64_t now_us)
{
	uint64_t at = again_us(d);
	if (!at || now_us < at)
		return false;
	d->tried_us = now_us;
	d->hurried = d->hurries;
	d->hurries = false;
	return true;
}

void
address_race_hurry(struct address_race *d)
{
	d->hurries = true;
}

void
address_race_failed(struct address_race *d, int number, int error)
{
	d->ones[number].state = ADDRESS_RACE_FAILED;
	d->ones[number].error = error;
	d->next_us = 0;
}

uint64_t
address_race_deadline(const struct address_race *d)
{
	uint64_t at = again_us(d);
	if (first_waiting(d) < d->n && (!at || d->next_us < at))
		at = d->next_us;
	return at;
}

bool
address_race_over(const struct address_race *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->ones[i].state != ADDRESS_RACE_FAILED)
			return false;
	return d->complete;
}

int
address_race_error(const struct address_race *d)
{
	return d->n ? d->ones[d->n - 1].error : 0;
}
