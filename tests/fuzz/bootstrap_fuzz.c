/*
 * What a host prints before the frames begin: any bytes, in any pieces.
 *
 *    input:  u16 size of the pieces | the host's bytes
 *
 * Behind BOOTSTRAP_READY the bytes belong to the frames and stay as they are.
 */
#include "base/err.h"
#include "fuzz.h"
#include "ssh/bootstrap.h"

#include <string.h>

enum {
	IN_MAX = 512 * 1024,
	LINE_HELD = 4096, /* what may be kept of a line that has no end yet */
	LINE_OURS = 1024, /* lines of ours are shorter */
	EVENTS_MAX = 256,
};

/* The mark "000102...": part of it is not the beginning of it. */
static const uint8_t mark_bytes[BOOTSTRAP_MARK_LEN / 2] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
	11 };

struct heard {
	int events[EVENTS_MAX];
	size_t n, rest; /* bytes behind the ready line */
};

static void
check_state(const struct bootstrap *b, int event, size_t held)
{
	MUST(event == ERR_NOISE || (event >= BOOTSTRAP_MORE && event <= BOOTSTRAP_FAILED));
	MUST(memchr(b->os, 0, sizeof b->os) && memchr(b->machine, 0, sizeof b->machine));
	MUST(memchr(b->text, 0, sizeof b->text));
	if (event == BOOTSTRAP_NEED)
		MUST(b->os[0] && b->machine[0]);
	if (event == BOOTSTRAP_MORE)
		MUST(held < LINE_HELD);
}

static struct heard
listen(struct span data, size_t piece)
{
	struct bootstrap b;
	struct buf in;
	struct heard h = { .n = 0 };
	int event = BOOTSTRAP_MORE;
	bootstrap_init(&b, "1", mark_bytes);
	buf_init(&in, IN_MAX);
	while (data.n && event >= 0 && event != BOOTSTRAP_READY) {
		struct span s = take(&data, piece);
		if (buf_put(&in, s.p, s.n))
			break;
		do {
			event = bootstrap_input(&b, &in);
			check_state(&b, event, in.len);
			if (event != BOOTSTRAP_MORE && h.n < EVENTS_MAX)
				h.events[h.n++] = event;
		} while (event > BOOTSTRAP_MORE && event != BOOTSTRAP_READY);
	}
	h.rest = in.len + data.n;
	buf_finish(&in);
	return h;
}

/* Whether every mark stands at the end of its line, as ours do. */
static bool
is_tame(struct span data)
{
	size_t since = LINE_OURS; /* bytes since the last mark of this line */
	struct bootstrap b;
	bootstrap_init(&b, "1", mark_bytes);
	for (size_t i = 0; i < data.n; i++) {
		bool may_begin = data.n - i >= BOOTSTRAP_MARK_LEN;
		if (may_begin && memcmp(data.p + i, b.mark, BOOTSTRAP_MARK_LEN) == 0) {
			if (since < LINE_OURS)
				return false;
			since = 0;
		} else if (data.p[i] == '\n') {
			since = LINE_OURS;
		} else if (since < LINE_OURS && ++since == LINE_OURS) {
			return false;
		}
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { data, size };
	size_t piece = 1 + take_number(&in, 2);
	struct heard parts = listen(in, piece), whole = listen(in, SIZE_MAX);
	if (!is_tame(in) || size > IN_MAX)
		return 0;
	/* How the bytes are cut makes no difference. */
	MUST(parts.n == whole.n);
	MUST(memcmp(parts.events, whole.events, parts.n * sizeof *parts.events) == 0);
	if (whole.n && whole.events[whole.n - 1] == BOOTSTRAP_READY)
		MUST(parts.rest == whole.rest);
	return 0;
}
