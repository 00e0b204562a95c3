/* How datagrams are sealed: RFC 8439's examples, and that nothing that was changed opens. */
#include "link/seal.h"
#include "test.h"

enum { LARGEST = 1300, FEW = 40, HEX_MAX = 2 * LARGEST + 1 };

static uint8_t key[SEAL_KEY], head[SEAL_HEAD], tag[SEAL_TAG];

static void
fill(uint8_t *bytes, size_t n)
{
	while (n--)
		*bytes++ = (uint8_t)test_random();
}

static void
begin(uint64_t seed)
{
	if (!seal_available())
		SKIP("built without BearSSL");
	test_seed(seed);
	fill(key, sizeof key);
	fill(head, sizeof head);
}

static void
from_hex(const char *text, uint8_t *ret_bytes)
{
	for (unsigned byte; sscanf(text, "%2x", &byte) == 1; text += 2)
		*ret_bytes++ = (uint8_t)byte;
}

/* What was sealed, with the tag behind it. */
static const char *
hex_of(const uint8_t *bytes, size_t n)
{
	static char text[HEX_MAX];
	for (size_t i = 0; i < n + SEAL_TAG; i++)
		snprintf(text + 2 * i, sizeof text - 2 * i, "%02x",
		    i < n ? bytes[i] : tag[i - n]);
	return text;
}

static const struct {
	const char *key, *nonce, *aad, *text, *sealed;
} examples[] = {
	/* 2.8.2 */
	{ "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	    "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
	    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip "
	    "for the future, sunscreen would be it.",
	    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	    "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	    "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	    "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd060"
	    "0691" },
	/* A.5 */
	{ "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
	    "000000000102030405060708", "f33388860000000000004e91",
	    "Internet-Drafts are draft documents valid for a maximum of six months and may "
	    "be updated, replaced, or obsoleted by other documents at any time. It is "
	    "inappropriate to use Internet-Drafts as reference material or to cite them "
	    "other than as /\u201cwork in progress./\u201d",
	    "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2"
	    "4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf"
	    "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
	    "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4"
	    "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e"
	    "af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
	    "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10"
	    "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29"
	    "a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38" },
};

TEST(the_examples_of_the_rfc)
{
	begin(1);
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		uint8_t nonce[SEAL_NONCE], aad[SEAL_HEAD], bytes[LARGEST];
		size_t n = strlen(examples[i].text);
		from_hex(examples[i].key, key);
		from_hex(examples[i].nonce, nonce);
		from_hex(examples[i].aad, aad);
		memcpy(bytes, examples[i].text, n);
		seal_close_with(key, nonce, aad, sizeof aad, bytes, n, tag);
		CHECK_STR(hex_of(bytes, n), examples[i].sealed);
	}
}

/* OpenSSL's, of nonce 0^4 || number: no other end understands anything else. */
TEST(the_number_of_the_head_is_the_nonce)
{
	uint8_t bytes[] = "belay, sealed";
	size_t n = sizeof bytes - 1;
	begin(1);
	for (uint8_t i = 0; i < SEAL_KEY; i++)
		key[i] = i;
	memcpy(head, key, sizeof head);
	seal_close(key, head, bytes, n, tag);
	CHECK_STR(hex_of(bytes, n),
	    "b17362ae39f388a7a2b2a300bcc75f7de2a4a165739f75cb25869dd972");
	CHECK(seal_open(key, head, bytes, n, tag));
	CHECK_BYTES(bytes, n, "belay, sealed");
}

TEST(every_length_comes_back_and_nothing_is_written_behind_it)
{
	begin(2);
	for (size_t n = 0; n <= LARGEST; n++) {
		uint8_t bytes[LARGEST + 2], was[LARGEST + 2];
		fill(bytes, sizeof bytes);
		memcpy(was, bytes, sizeof bytes);
		/* From an odd address. */
		seal_close(key, head, bytes + 1, n, tag);
		CHECK(n < 8 || memcmp(bytes + 1, was + 1, n) != 0);
		CHECK(seal_open(key, head, bytes + 1, n, tag));
		CHECK(memcmp(bytes, was, sizeof bytes) == 0);
	}
}

/* Whether it opens with one bit of this changed; it is given back as it was. */
static bool
opens_with(uint8_t *changed, size_t bit, const uint8_t *sealed, size_t n)
{
	uint8_t bytes[FEW + 1];
	changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	memcpy(bytes, sealed, n);
	bool ok = seal_open(key, head, bytes, n, tag);
	changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	return ok;
}

static size_t
opened_by_changes(uint8_t *changed, size_t changed_n, const uint8_t *sealed, size_t n)
{
	size_t opened = 0;
	for (size_t bit = 0; bit < 8 * changed_n; bit++)
		opened += opens_with(changed, bit, sealed, n);
	return opened;
}

TEST(nothing_opens_of_which_a_bit_was_changed)
{
	begin(3);
	for (size_t n = 0; n <= FEW; n++) {
		uint8_t sealed[FEW + 1];
		fill(sealed, n);
		seal_close(key, head, sealed, n, tag);
		CHECK_EQ(opened_by_changes(sealed, n, sealed, n), 0);
		CHECK_EQ(opened_by_changes(tag, sizeof tag, sealed, n), 0);
		CHECK_EQ(opened_by_changes(head, sizeof head, sealed, n), 0);
		CHECK_EQ(opened_by_changes(key, sizeof key, sealed, n), 0);
		CHECK(seal_open(key, head, sealed, n, tag));
	}
}

TEST(nothing_opens_that_was_cut_short_or_made_longer)
{
	begin(4);
	for (size_t n = 1; n <= FEW; n++) {
		uint8_t sealed[FEW + 1] = { 0 }, bytes[FEW + 1];
		seal_close(key, head, sealed, n, tag);
		for (size_t other = 0; other <= n + 1 && other <= FEW; other++) {
			memcpy(bytes, sealed, sizeof bytes);
			CHECK_EQ(seal_open(key, head, bytes, other, tag), other == n);
		}
	}
}

TEST(a_key_is_forgotten)
{
	static const uint8_t nothing[SEAL_KEY];
	memset(key, 1, sizeof key);
	seal_wipe(key, sizeof key);
	CHECK(memcmp(key, nothing, sizeof key) == 0);
}

TEST(without_bearssl_nothing_is_authentic)
{
	uint8_t bytes[] = "as it is";
	if (seal_available())
		return;
	seal_close(key, head, bytes, sizeof bytes, tag);
	CHECK_BYTES(bytes, sizeof bytes, "as it is\0");
	CHECK(!seal_open(key, head, bytes, sizeof bytes, tag));
}
