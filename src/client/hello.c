#include "client/hello.h"

#include "client/terminfo.h"
#include "sys/tty.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/* how long the host keeps what nobody comes back to: a shell, a command */
	LINGER_SHELL_S = 30 * 24 * 3600,
	LINGER_COMMAND_S = 24 * 3600,
	LINGER_SELF_S = 60, /* of --list and its like, which are soon called again */
	HISTORY_ROWS = 10 * 1000, /* that a new terminal gets of a session it comes to, */
	HISTORY_TIME_S = 1, /* and how long its screen may take for them */
	KEEP_MIB = 10, /* of what is shown, on the host's disk (--keep-history) */
	MODES_MAX = 4 * 1024,
	WORD_MAX = 128,
	MORE_MAX = 4 * 1024 + TERMINFO_MAX,
};

static struct span
text_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, text ? strlen(text) : 0 };
}

uint32_t
hello_linger_s(const struct options *o, const struct session_request *request)
{
	if (o->linger_s)
		return o->linger_s;
	return request->kind == KIND_PTY ? LINGER_SHELL_S
	    : request->manages		 ? LINGER_SELF_S
					 : LINGER_COMMAND_S;
}

static uint8_t
flags(const struct hello *h)
{
	unsigned set = HELLO_CLOSES_LAST | HELLO_AWAY;
	if (h->options->share || h->options->read_only || h->request->again)
		set |=
		    HELLO_SHARE; /* another window of that session may have made it again */
	if (h->options->read_only)
		set |= HELLO_READ_ONLY;
	if (h->options->fit)
		set |= HELLO_FIT;
	if (!isatty(STDOUT_FILENO))
		set |= HELLO_EXACT;
	if (h->forwards->agent)
		set |= HELLO_AGENT;
	if (h->request->kind == KIND_SFTP && h->options->own_sftp)
		set |= HELLO_OWN_SFTP;
	return (uint8_t)set;
}

/* Of a variable; one that is long is no name of anything. */
static struct span
word(const char *variable)
{
	struct span value = text_span(getenv(variable));
	return value.n < WORD_MAX ? value : (struct span){ 0 };
}

static struct span
term(const struct hello *h)
{
	return h->request->term.n ? h->request->term : text_span(getenv("TERM"));
}

/* A host that knows the terminal needs no description of it, and the command line on which this
 * stands is short. */
static int
put_terminal(const struct hello *h, struct buf *more)
{
	struct buf entry;
	buf_init(&entry, TERMINFO_MAX);
	struct msg_terminal m = { .described = terminfo_read(term(h), &entry),
		.colors = word("COLORTERM"),
		.program = word("TERM_PROGRAM"),
		.version = word("TERM_PROGRAM_VERSION") };
	if (h->describes)
		m.entry = buf_span(&entry);
	int err = msg_put(more, MSG_TERMINAL, &m);
	buf_finish(&entry);
	return err;
}

/* What who comes for the first time says besides. */
static int
put_more(const struct hello *h, struct buf *more)
{
	const struct options *o = h->options;
	uint32_t time_s = o->has_history_time ? o->history_time_s : HISTORY_TIME_S;
	struct msg_history m = { time_s < UINT32_MAX / 1000 ? time_s * 1000 : 0 };
	bool pty = h->request->kind == KIND_PTY;
	int err = pty ? msg_put(more, MSG_HISTORY, &m) : 0;
	if (!err && pty)
		err = put_terminal(h, more);
	if (!err && h->request->predict != PREDICT_NEVER)
		err = msg_put(more, MSG_PREDICT,
		    &(struct msg_predict){ PREDICT_VERSION });
	struct msg_seen seen = { .offset = h->request->left.shown };
	memcpy(seen.client, h->request->left.client, ID_LEN);
	bool all = o->has_history && o->history == UINT32_MAX;
	if (!err && seen.offset && !all)
		err = msg_put(more, MSG_SEEN, &seen);
	if (!err && o->redraw != REDRAW_AUTO)
		err = msg_put(more, MSG_REDRAW,
		    &(struct msg_redraw){ (uint8_t)o->redraw });
	static const uint8_t any[ID_LEN];
	struct msg_machine machine;
	memcpy(machine.machine, h->request->machine, ID_LEN);
	if (!err && memcmp(machine.machine, any, ID_LEN) != 0)
		err = msg_put(more, MSG_MACHINE, &machine);
	uint32_t most_mib = o->keep_mib ? o->keep_mib : KEEP_MIB;
	struct msg_keep keep = { most_mib < UINT32_MAX / 1024 ? most_mib * 1024
							      : UINT32_MAX };
	if (!err && h->request->returns && o->keep_history)
		err = msg_put(more, MSG_KEEP, &keep);
	if (!err && h->forwards->x11.on)
		err = x11_put(&h->forwards->x11, more);
	return err;
}

int
hello_put(const struct hello *h, bool resume, struct buf *out)
{
	struct buf positions, modes, more;
	struct tty_size size = { 24, 80, 0, 0 };
	const struct options *o = h->options;
	struct msg_hello m = { .version_min = PROTOCOL_OLDEST,
		.version_max = PROTOCOL_VERSION,
		.build = text_span(BELAY_BUILD),
		.kind = (uint8_t)h->request->kind,
		.request = (uint8_t)(resume ? HELLO_RESUME : h->request->how),
		.flags = flags(h),
		.linger_s = hello_linger_s(h->options, h->request),
		.history = o->has_history ? o->history : HISTORY_ROWS,
		.name = text_span(o->session),
		.term = term(h),
		.command = buf_span(&h->request->command) };
	(void)tty_get_size(STDIN_FILENO, &size);
	m.rows = size.rows;
	m.cols = size.cols;
	m.xpixel = size.xpixel;
	m.ypixel = size.ypixel;
	memcpy(m.client, h->client_id, ID_LEN);
	memcpy(m.session, h->request->id, ID_LEN);
	buf_init(&positions, ENGINE_STREAMS * POSITION_LEN);
	buf_init(&modes, MODES_MAX);
	buf_init(&more, MORE_MAX);
	int err = engine_positions(h->engine, &positions);
	if (tty_encode_modes(STDIN_FILENO, &modes))
		buf_drop(&modes, modes.len);
	if (!err && h->request->datagrams)
		err = msg_put(&more, MSG_DGRAM, &(struct msg_dgram){ DGRAM_VERSION });
	if (!err && !resume)
		err = put_more(h, &more);
	if (!err && !resume && h->late_s)
		err = msg_put(&more, MSG_LATE, &(struct msg_late){ h->late_s });
	bool may_begin = h->request->returns || h->request->kind == KIND_NONE;
	struct msg_again again = { AGAIN_VERSION };
	if (!err && (h->request->again || (resume && may_begin)))
		err = msg_put(&more, MSG_AGAIN, &again);
	m.positions = buf_span(&positions);
	m.modes = buf_span(&modes);
	m.more = buf_span(&more);
	if (!err)
		err = msg_put(out, MSG_HELLO, &m);
	buf_finish(&positions);
	buf_finish(&modes);
	buf_finish(&more);
	return err;
}
