/* Keys in all codings: the decoder keeps within its bounds and finds back out of everything;
 * the escape filter neither loses nor makes up nor reorders a byte, but those of commands and
 * of an escape that was typed twice. */
#include "fuzz.h"
#include "screen/escape.h"

#include <string.h>

enum { OUT_MAX = 1 << 20, PIECES = 32 };

static void
check_key(const struct keys *k, int key)
{
	MUST(key >= KEYS_NONE && key <= KEYS_TEXT);
	MUST(key < 0x100 || key >= KEYS_BACK);
	MUST(key != KEYS_TEXT || (k->n_text > 1 && k->n_text <= KEYS_TEXT_MAX));
	MUST(key == KEYS_NONE || k->ended == KEYS_BYTE || !keys_silent(k));
	MUST(key == KEYS_NONE || k->ended != KEYS_NOTHING);
	MUST(!keys_released(k) || key == KEYS_NONE);
}

static void
check_decoder(struct span in)
{
	struct keys k = { 0 };
	for (size_t i = 0; i < in.n; i++) {
		if (keys_plain(&k, in.p[i]))
			continue;
		check_key(&k, keys_take(&k, in.p[i]));
	}
	/* it finds back out of everything: a mouse has three bytes */
	for (int i = 0; i < 3; i++)
		(void)keys_take(&k, ' ');
	(void)keys_take(&k, 27);
	(void)keys_take(&k, '[');
	(void)keys_take(&k, 'A');
	MUST(keys_take(&k, 3) == 3);
}

/* Every byte of `out` stands in `in`, in this order. */
static void
check_subsequence(struct span in, struct span out)
{
	size_t i = 0;
	for (size_t o = 0; o < out.n; o++, i++) {
		while (i < in.n && in.p[i] != out.p[o])
			i++;
		MUST(i < in.n);
	}
}

/* Reports between an escape and its command overtake the escape, so without these. */
static void
check_filter(struct span in, char character)
{
	struct escape e;
	struct buf out;
	struct span whole = in;
	bool commands = false;
	escape_init(&e, character);
	buf_init(&out, OUT_MAX);
	while (in.n) {
		struct span piece = take(&in, 1 + in.p[0] % PIECES);
		size_t before = out.len, n = piece.n;
		enum escape_command c = escape_filter(&e, &piece, true, &out);
		MUST(c ? true : piece.n == 0);
		MUST(out.len - before <= n + ESCAPE_HELD_MAX);
		commands |= c != ESCAPE_NONE;
		if (c && n % 2)
			escape_was_text(&e, &out);
		in.p -= piece.n;
		in.n += piece.n;
	}
	MUST(out.len <= whole.n);
	if (!character)
		MUST(out.len == whole.n
		    && (!out.len || memcmp(buf_bytes(&out), whole.p, whole.n) == 0));
	else if (whole.n && !commands && !memchr(whole.p, 27, whole.n))
		check_subsequence(whole, buf_span(&out));
	buf_finish(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { data, size };
	check_decoder(in);
	check_filter(in, '~');
	check_filter(in, 0);
	return 0;
}
