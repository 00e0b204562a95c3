/*
 * Frames and messages from the peer: whatever the bytes are, a frame that is understood
 * is written again as the very same bytes, and positions in it too.
 */
#include "base/err.h"
#include "fuzz.h"
#include "wire/msg.h"

#include <string.h>

static void
check_again(struct span whole, const struct frame *f, const union msg *m)
{
	struct buf again;
	struct frame f2;
	union msg m2;
	buf_init(&again, FRAME_MAX);
	MUST(msg_put(&again, (enum msg_type)f->type, m) == 0);
	MUST(again.len == whole.n && memcmp(buf_bytes(&again), whole.p, whole.n) == 0);
	MUST(frame_parse(buf_span(&again), &f2) == (long)whole.n);
	MUST(msg_get(&f2, &m2) == 0);
	buf_finish(&again);
}

static void
check_positions(struct span positions)
{
	struct msg_ack at;
	struct span in = positions;
	struct buf again;
	buf_init(&again, FRAME_MAX);
	while (position_get(&in, &at))
		MUST(position_put(&again, &at) == 0);
	MUST(in.n < POSITION_LEN);
	MUST(again.len + in.n == positions.n);
	MUST(!again.len || memcmp(buf_bytes(&again), positions.p, again.len) == 0);
	buf_finish(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { data, size };
	struct frame f;
	long len;
	while ((len = frame_parse(in, &f)) > 0) {
		union msg m;
		struct span whole = take(&in, (size_t)len);
		MUST(whole.n == (size_t)len && len <= FRAME_MAX);
		MUST(f.body.n == whole.n - FRAME_HEADER);
		int err = msg_get(&f, &m);
		MUST(err == 0 || err == ERR_MESSAGE || err == ERR_UNKNOWN);
		MUST((err == ERR_UNKNOWN) == (strcmp(msg_name(f.type), "?") == 0));
		if (err)
			continue;
		check_again(whole, &f, &m);
		if (f.type == MSG_HELLO)
			check_positions(m.hello.positions);
		if (f.type == MSG_WELCOME)
			check_positions(m.welcome.positions);
	}
	MUST(len == 0 || len == ERR_FRAME);
	return 0;
}
