#include "reconnect/attempt.h"

#include "base/err.h"

#include <errno.h>
#include <sys/wait.h>

enum {
	HELLO_ON_COMMAND_LINE = 2048, /* a longer one does not fit there on every host */
};

static void
over(struct attempt *a, enum attempt_why why)
{
	if (a->phase == ATTEMPT_OVER)
		return;
	a->phase = ATTEMPT_OVER;
	a->why = why;
}

/* ---- its beginning ---- */

static void
on_readable(void *owner, short revents)
{
	struct attempt *a = owner;
	(void)revents;
	(void)link_read(&a->io.link);
}

/* What goes by stdin at once, so that it is seen when it is taken. */
static int
first_bytes(const struct attempt_plan *plan, bool with_hello, struct buf *out)
{
	struct msg_ping ping = { 0 };
	int err = with_hello ? buf_put(out, plan->hello.p, plan->hello.n) : 0;
	if (!err)
		err = buf_put(out, plan->prelude.p, plan->prelude.n);
	return err || out->len ? err : msg_put(out, MSG_PING, &ping);
}

int
attempt_start(struct attempt *a, struct loop *loop, const struct attempt_plan *plan)
{
	struct buf first;
	struct carrier_plan how = plan->carrier;
	bool by_stdin = plan->hello.n > HELLO_ON_COMMAND_LINE || plan->secret;
	*a = (struct attempt){ .loop = loop };
	pipe_init(&a->io, loop, on_readable, a);
	buf_init(&first, FRAME_MAX);
	int err = first_bytes(plan, by_stdin, &first);
	how.hello = by_stdin ? (struct span){ 0 } : plan->hello;
	how.first_bytes = buf_span(&first);
	if (!err)
		err = carrier_start(&a->carrier, loop, &how);
	int saved = errno;
	buf_finish(&first);
	if (err)
		attempt_close(a);
	errno = saved;
	return err;
}

/* ---- its way to the link ---- */

/* HELLO is on its way already. */
static void
open_link(struct attempt *a, const int fds[2])
{
	struct buf *in = &a->carrier.in, *out = &a->carrier.out;
	bool opened = pipe_open(&a->io, fds[0], fds[1]);
	a->phase = ATTEMPT_HELLO;
	if (!opened || link_received(&a->io.link, buf_span(in))
	    || handshake_begin(&a->io.link, (struct span){ 0 }, buf_span(out)))
		carrier_broke(&a->carrier, opened ? ENOMEM : EMFILE);
	buf_drop(in, in->len);
	buf_drop(out, out->len);
}

static void
take_events(struct attempt *a)
{
	struct carrier_event event;
	while (carrier_next(&a->carrier, &event)) {
		switch (event.told) {
		case CARRIER_TELLS_ASKS:
			if (askpass_open(&a->askpass, a->loop, event.fds[0],
				!a->carrier.asks))
				a->asked++;
			break;
		case CARRIER_TELLS_READY:
			open_link(a, event.fds);
			break;
		case CARRIER_TELLS_OVER:
			if (a->phase != ATTEMPT_LINK)
				over(a, WHY_CARRIER);
		}
	}
}

static void
shake_hands(struct attempt *a, struct engine *e)
{
	switch (handshake_take(&a->handshake, &a->io.link, e)) {
	case HANDSHAKE_MORE:
		break;
	case HANDSHAKE_WELCOME:
		a->phase = ATTEMPT_LINK;
		carrier_serves(&a->carrier);
		break;
	case HANDSHAKE_REFUSED:
		a->carrier.may_have_begun = false; /* by this one */
		over(a, WHY_REFUSED);
		break;
	case HANDSHAKE_WRONG:
		over(a, WHY_PROTOCOL);
	}
}

int
attempt_again(struct attempt *a, struct span hello)
{
	int err = handshake_begin(&a->io.link, hello, (struct span){ 0 });
	if (err)
		return err;
	a->handshake = (struct handshake){ 0 };
	a->phase = ATTEMPT_HELLO;
	return 0;
}

void
attempt_turn(struct attempt *a, struct engine *e)
{
	struct link *l = &a->io.link;
	take_events(a);
	if (a->phase == ATTEMPT_HELLO)
		shake_hands(a, e);
	if (a->phase != ATTEMPT_HELLO)
		return;
	link_write(l, NULL, a->loop->now_us);
	if (!l->broken)
		return;
	link_quiet(l);
	carrier_broke(&a->carrier, a->io.err);
	take_events(a);
}

/* ---- its end ---- */

/* What ssh had passed on before it ended may still be in the pipe; whether all of it has been
 * taken. */
static bool
last_words(struct attempt *a, struct engine *e)
{
	struct link *l = &a->io.link;
	size_t before;
	attempt_turn(a, e);
	if (a->phase == ATTEMPT_BOOT)
		return true;
	do {
		before = l->in.len;
		(void)link_read(l);
		bool more = l->in.len > before;
		if (a->phase == ATTEMPT_HELLO)
			shake_hands(a, e);
		if (!more)
			return !a->io.err && !l->in.failed;
	} while (a->phase == ATTEMPT_HELLO);
	return false;
}

bool
attempt_reap(struct attempt *a, struct engine *e)
{
	int status;
	if (!carrier_reap(&a->carrier, &status))
		return false;
	bool all_read = a->phase < ATTEMPT_LINK && last_words(a, e);
	a->clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	carrier_ended(&a->carrier, status, all_read);
	take_events(a);
	return true;
}

void
attempt_close(struct attempt *a)
{
	over(a, WHY_CARRIER);
	if (a->loop)
		askpass_close(&a->askpass, a->loop);
	if (a->loop)
		carrier_keep(&a->carrier, pipe_keep_out(&a->io));
	link_close(&a->io.link);
	carrier_close(&a->carrier);
}

const char *
attempt_text(const struct attempt *a)
{
	return a->why == WHY_CARRIER ? a->carrier.text : a->handshake.text;
}

/* ---- what ssh asks ---- */

struct prompt *
attempt_prompt(struct attempt *a)
{
	return a->askpass.known ? &a->askpass.prompt : NULL;
}

unsigned
attempt_question(const struct attempt *a)
{
	return askpass_stands(&a->askpass) ? a->asked : 0;
}

void
attempt_cancel(struct attempt *a)
{
	askpass_close(&a->askpass, a->loop);
	carrier_cancel(&a->carrier);
}

enum prompt_event
attempt_keys(struct attempt *a, struct span *keys)
{
	enum prompt_event event = askpass_keys(&a->askpass, a->loop, keys);
	if (event == PROMPT_CANCELLED)
		carrier_cancel(&a->carrier);
	return event;
}
