/*
 * The messages of the protocol, said once, in the tables below: the structs, the
 * encoder, the decoder, the names and doc/PROTOCOL.md (checked by a test) follow.
 *
 *   frame:  u32 length of the rest | u8 type | fields in order
 *
 * Field types: u8 u16 u32 u64 (big endian), id (16 bytes), str (u32 length and as many
 * bytes), rest (all bytes up to the end of the frame).
 *
 * A number once given is never given again.  Within one protocol version a message has
 * exactly these fields; new fields or messages mean a new version, which HELLO
 * negotiates.  HELLO, WELCOME and REFUSE grow only by what stands in `more`, which a
 * receiver that does not know it ignores.
 */
#ifndef WIRE_MSG_H
#define WIRE_MSG_H

#include "base/buf.h"
#include "base/session_name.h"

enum {
	PROTOCOL_VERSION = 1, /* the newest we speak */
	PROTOCOL_OLDEST = 1, /* the oldest we speak */
	ID_LEN = 16,
	FRAME_HEADER = 5,
	FRAME_MAX = 256 * 1024, /* the whole frame with its header */
	DATA_MAX = 64 * 1024, /* bytes in one DATA frame that we send */
	DATA_OVERHEAD = FRAME_HEADER + 4 + 8,
};

/* M(NAME, name, number, carrier, sender)
 * carrier: "link" (frames of a link), "control" (frames inside stream 0), "hello" (frames
 * inside HELLO's `more`; a receiver that does not know one skips it), "more" (the same, also
 * inside that of WELCOME and REFUSE), "socket" (between belay-server's own processes on one
 * host, over a session's socket) or "info" (inside INFO's `more`, as those of "hello") */
#define MESSAGES(M) \
	M(HELLO, hello, 1, "link", "client") \
	M(WELCOME, welcome, 2, "link", "server") \
	M(REFUSE, refuse, 3, "link", "server") \
	M(DATA, data, 4, "link", "both") \
	M(END, end, 5, "link", "both") \
	M(ACK, ack, 6, "link", "both") \
	M(PING, ping, 7, "link", "both") \
	M(PONG, pong, 8, "link", "both") \
	M(USE, use, 9, "link", "client") \
	M(BYE, bye, 10, "link", "both") \
	M(RANKS, ranks, 11, "link", "client") \
	M(WINDOW, window, 64, "control", "client") \
	M(EXIT, exit, 65, "control", "server") \
	M(STOP, stop, 66, "control", "client") \
	M(BREAK, brk, 67, "control", "client") \
	M(OPEN, open, 68, "control", "both") \
	M(OPENED, opened, 69, "control", "both") \
	M(FAILED, failed, 70, "control", "both") \
	M(CLOSE, close, 71, "control", "both") \
	M(LISTEN, listen, 72, "control", "client") \
	M(LISTENING, listening, 73, "control", "server") \
	M(UNLISTEN, unlisten, 74, "control", "client") \
	M(DISPLAY, display, 75, "hello", "client") \
	M(HISTORY, history, 76, "hello", "client") \
	M(ORIGIN, origin, 77, "hello", "relay") \
	M(PREDICT, predict, 78, "hello", "client") \
	M(SHOWS, shows, 79, "control", "client") \
	M(ECHOED, echoed, 80, "control", "server") \
	M(LATE, late, 81, "control", "client") \
	M(MACHINE, machine, 82, "more", "both") \
	M(SEEN, seen, 83, "hello", "client") \
	M(REDRAW, redraw, 84, "hello", "client") \
	M(DGRAM, dgram, 85, "hello", "client") \
	M(DGRAM_AT, dgram_at, 86, "more", "server") \
	M(KEEP, keep, 87, "hello", "client") \
	M(AGAIN, again, 88, "more", "both") \
	M(REMAINS, remains, 89, "more", "server") \
	M(AWAY, away, 90, "control", "server") \
	M(TERMINAL, terminal, 91, "hello", "client") \
	M(ASK, ask, 128, "socket", "client") \
	M(INFO, info, 129, "socket", "server") \
	M(ABOUT, about, 130, "info", "server")

#define hello_FIELDS(F, m) \
	F(m, u16, version_min) \
	F(m, u16, version_max) \
	F(m, str, build) \
	F(m, id, client) \
	F(m, id, session) \
	F(m, u8, request) \
	F(m, u8, kind) \
	F(m, u8, flags) \
	F(m, u32, linger_s) \
	F(m, u32, history) \
	F(m, str, name) \
	F(m, str, term) \
	F(m, str, modes) \
	F(m, u16, rows) \
	F(m, u16, cols) \
	F(m, u16, xpixel) \
	F(m, u16, ypixel) \
	F(m, str, command) \
	F(m, str, env) \
	F(m, str, positions) \
	F(m, rest, more)
#define welcome_FIELDS(F, m) \
	F(m, u16, version) \
	F(m, str, build) \
	F(m, id, boot) \
	F(m, id, session) \
	F(m, u64, begun_ms) \
	F(m, str, name) \
	F(m, str, positions) \
	F(m, rest, more)
#define refuse_FIELDS(F, m) \
	F(m, u16, code) F(m, str, text) F(m, id, boot) F(m, rest, more)
#define data_FIELDS(F, m) F(m, u32, stream) F(m, u64, offset) F(m, rest, bytes)
#define end_FIELDS(F, m) F(m, u32, stream) F(m, u64, offset)
#define ack_FIELDS(F, m) F(m, u32, stream) F(m, u64, received) F(m, u64, limit)
#define ping_FIELDS(F, m) F(m, u64, stamp)
#define pong_FIELDS(F, m) F(m, u64, stamp)
#define use_FIELDS(F, m) F(m, u64, stamp)
#define bye_FIELDS(F, m) F(m, u16, code) F(m, str, text)
#define window_FIELDS(F, m) \
	F(m, u16, rows) F(m, u16, cols) F(m, u16, xpixel) F(m, u16, ypixel)
#define exit_FIELDS(F, m) F(m, u8, how) F(m, u32, status)
#define stop_FIELDS(F, m) F(m, u32, stream)
#define brk_FIELDS(F, m) F(m, u32, length_ms)
#define open_FIELDS(F, m) \
	F(m, u32, stream) \
	F(m, u64, limit) \
	F(m, u8, kind) \
	F(m, u32, forward) \
	F(m, u16, port) \
	F(m, str, host)
#define opened_FIELDS(F, m) F(m, u32, stream) F(m, u64, limit)
#define failed_FIELDS(F, m) F(m, u32, stream) F(m, str, text)
#define close_FIELDS(F, m) F(m, u32, stream)
#define listen_FIELDS(F, m) \
	F(m, u32, forward) F(m, u8, kind) F(m, u16, port) F(m, str, host)
#define listening_FIELDS(F, m) F(m, u32, forward) F(m, u16, port) F(m, str, text)
#define unlisten_FIELDS(F, m) F(m, u32, forward)
#define display_FIELDS(F, m) F(m, u32, screen) F(m, str, protocol) F(m, str, cookie)
#define history_FIELDS(F, m) F(m, u32, time_ms)
#define origin_FIELDS(F, m) F(m, str, agent) F(m, str, connection)
#define predict_FIELDS(F, m) F(m, u16, version)
#define shows_FIELDS(F, m) F(m, u8, on)
#define echoed_FIELDS(F, m) \
	F(m, u64, input) \
	F(m, u64, output) \
	F(m, u8, modes) \
	F(m, u8, erase) \
	F(m, u32, group)
#define late_FIELDS(F, m) F(m, u32, seconds)
#define seen_FIELDS(F, m) F(m, id, client) F(m, u64, offset)
#define redraw_FIELDS(F, m) F(m, u8, when)
#define ranks_FIELDS(F, m) F(m, u64, stamp) F(m, u8, urgent) F(m, u8, bulk)
#define dgram_FIELDS(F, m) F(m, u16, version)
#define dgram_at_FIELDS(F, m) \
	F(m, u32, id) \
	F(m, u16, port) \
	F(m, str, key_to_host) \
	F(m, str, key_to_client) \
	F(m, str, address)
#define machine_FIELDS(F, m) F(m, id, machine)
#define keep_FIELDS(F, m) F(m, u32, most_kib)
#define again_FIELDS(F, m) F(m, u8, version)
#define remains_FIELDS(F, m) \
	F(m, id, boot) \
	F(m, u64, at_s) \
	F(m, u8, there) \
	F(m, str, directory) \
	F(m, str, running)
#define away_FIELDS(F, m) \
	F(m, u8, what) \
	F(m, u8, more) \
	F(m, u32, count) \
	F(m, u32, ago_s) \
	F(m, u8, how) \
	F(m, u32, status) \
	F(m, str, text)
#define terminal_FIELDS(F, m) \
	F(m, u8, described) \
	F(m, str, colors) \
	F(m, str, program) \
	F(m, str, version) \
	F(m, rest, entry)
#define ask_FIELDS(F, m) F(m, u8, verb) F(m, str, text) F(m, rest, more)
#define info_FIELDS(F, m) \
	F(m, id, session) \
	F(m, str, name) \
	F(m, u8, kind) \
	F(m, str, command) \
	F(m, str, running) \
	F(m, u64, begun_s) \
	F(m, u64, used_s) \
	F(m, u16, clients) \
	F(m, u16, rows) \
	F(m, u16, cols) \
	F(m, u32, pid) \
	F(m, rest, more)

#define about_FIELDS(F, m) \
	F(m, u8, flags) F(m, str, directory) F(m, str, title) F(m, str, last_line)

#define C_u8(name) uint8_t name;
#define C_u16(name) uint16_t name;
#define C_u32(name) uint32_t name;
#define C_u64(name) uint64_t name;
#define C_id(name) uint8_t name[ID_LEN];
#define C_str(name) struct span name;
#define C_rest(name) struct span name;
#define C_FIELD(message, type, name) C_##type(name)
#define C_MESSAGE(NAME, name, number, carrier, sender) \
	struct msg_##name { \
		name##_FIELDS(C_FIELD, name) \
	};
MESSAGES(C_MESSAGE)
#undef C_MESSAGE
#undef C_FIELD

#define C_MEMBER(NAME, name, number, carrier, sender) struct msg_##name name;
union msg {
	MESSAGES(C_MEMBER)
};
#undef C_MEMBER

#define C_NUMBER(NAME, name, number, carrier, sender) MSG_##NAME = number,
enum msg_type { MESSAGES(C_NUMBER) };
#undef C_NUMBER

/* hello.request */
enum hello_request {
	/* create this session; if it exists already (the answer was lost), resume */
	HELLO_NEW = 1,
	/* only resume it: the client has been there and goes on where it was */
	HELLO_RESUME = 2,
	/* come to one that is there, by its id or name, with a new terminal */
	HELLO_ATTACH = 3,
	/* the same, and create it with that name and id if it is not there */
	HELLO_OPEN = 4,
};

/* hello.flags; the first two tell how HELLO_ATTACH and HELLO_OPEN come to a session */
enum hello_flags {
	HELLO_SHARE = 1, /* the clients that are there stay */
	HELLO_READ_ONLY = 2, /* what this client sends is not for the program */
	/* no terminal shows what the program writes on its own: every byte counts */
	HELLO_EXACT = 4,
	HELLO_AGENT = 8, /* programs on the host may use the client's agent */
	/* KIND_SFTP: whichever sftp-server is there, without sshd's options */
	HELLO_OWN_SFTP = 16,
	/* while the client lives, no link's input ends before the link itself does */
	HELLO_CLOSES_LAST = 32,
	HELLO_AWAY = 64, /* the client understands AWAY */
	HELLO_FIT = 128, /* the session is to be as small as the smallest window */
};

/* hello.kind: where the program runs.  Without a command it is a login shell. */
enum hello_kind {
	KIND_PTY = 1, /* on a pseudo-terminal: stream 1 */
	KIND_PIPES = 2, /* stdin and stdout on stream 1, stderr on stream 2 */
	KIND_SFTP = 3, /* the same, but the program is sshd's subsystem sftp */
	KIND_SELF = 4, /* the same, but it is belay-server with the words of `command` */
	KIND_NONE = 5, /* nothing runs; the session is there for what the link carries */
};

/* refuse.code */
enum refuse_code {
	REFUSE_VERSION = 1, /* no common protocol version */
	REFUSE_GONE = 2, /* the session is not there */
	REFUSE_CANNOT = 3, /* the session cannot be made; text says why */
	REFUSE_BAD = 4, /* the hello was wrong */
	REFUSE_TAKEN = 5, /* another client has taken the session over */
	/* the host lacks memory, descriptors or processes for the moment; never to RESUME */
	REFUSE_LATER = 6,
	/* not yet: the description of the terminal that TERMINAL offers is wanted; AGAIN */
	REFUSE_TERMINFO = 7,
};

/* open.kind, and listen.kind (the first two): what a channel leads to */
enum open_kind {
	OPEN_NOTHING = 0, /* nobody may */
	OPEN_TCP = 1, /* `host` (a name or an address), `port` */
	OPEN_UNIX = 2, /* the socket at the path `host` */
	/* from the server only: what the client has asked for with LISTEN `forward` ... */
	OPEN_FORWARD = 3,
	/* ... or HELLO_AGENT, of a link without ORIGIN: its authentication agent ... */
	OPEN_AGENT = 4,
	OPEN_DISPLAY = 5, /* ... or DISPLAY: its X display */
	/* No number on the wire: the connection says itself where it leads, */
	OPEN_SOCKS = 256, /* as SOCKS has it, */
	OPEN_X11, /* or that it has the display's cookie. */
};

/* predict.version */
enum { PREDICT_VERSION = 1 };

/* dgram.version, and how long dgram_at's keys are (RFC 8439) */
enum { DGRAM_VERSION = 1, DGRAM_KEY = 32 };

/* again.version */
enum { AGAIN_VERSION = 1 };

/* redraw.when: the program on a terminal is told to draw its screen anew (SIGWINCH) when a new
 * terminal has got what the model has of it */
enum redraw {
	REDRAW_AUTO =
	    0, /* where something that the model does not understand was drawn */
	REDRAW_ALWAYS = 1,
	REDRAW_NEVER = 2,
};

/* echoed.modes: what is set of the terminal (termios(3)); the rest are for later versions */
enum echoed_modes {
	ECHOED_ECHO = 1,
	ECHOED_CANONICAL = 2, /* ICANON */
	ECHOED_SIGNALS = 4, /* ISIG */
};

/* bye.code */
enum bye_code {
	BYE_DONE = 1, /* everything is delivered, the session has ended */
	BYE_HANGUP = 2, /* the client ends the session: hang up the terminal */
	/* the server ends the session without an exit status; text says why */
	BYE_ENDED = 3,
	/* the client leaves, or is sent away; the session goes on */
	BYE_DETACHED = 4,
	BYE_TAKEN = 5, /* another client has taken the session over */
};

/* ask.verb */
enum ask_verb {
	ASK_INFO = 1,
	ASK_KILL = 2,
	ASK_RENAME = 3, /* text: the new name */
	ASK_DETACH = 4, /* sends the clients away */
	ASK_KILL_IDLE =
	    5, /* the same as ASK_KILL, if nobody is there and it is ABOUT_IDLE */
};

/* about.flags */
enum about_flags {
	ABOUT_IDLE = 1, /* a shell at its prompt, and no other process in its session */
	ABOUT_ENDS = 2, /* it ends now: the answer to an ASK_KILL of either kind */
};

/* away.what: what has happened while nobody saw it, the most important first */
enum away_what {
	AWAY_ENDED =
	    1, /* the program `text` in the foreground, with `how` and `status` */
	AWAY_NOTICE = 2, /* a notification, `text` */
	AWAY_BELL = 3,
	AWAY_QUIET = 4, /* a program in the foreground writes nothing any more */
};

/* exit.how, away.how */
enum exit_how {
	EXIT_UNKNOWN = 0, /* of away only */
	EXIT_STATUS = 1, /* status is what the program returned */
	EXIT_SIGNAL = 2, /* status is the signal's number on the host */
};

/* One frame as it stands in somebody's buffer. */
struct frame {
	uint8_t type;
	struct span body;
};

/* Looks for a whole frame at the head of `in`.  Returns its length (> 0), 0 when more
 * bytes are needed, or ERR_FRAME.  ret_frame points into `in`. */
long frame_parse(struct span in, struct frame *ret_frame);

/* Appends a frame.  `m` is the struct of that type.  0 or ERR_FULL, ERR_NOMEM. */
int msg_put(struct buf *out, enum msg_type type, const void *m);
/* Appends the header and fields of a DATA frame whose n bytes follow: the caller puts them
 * next (there is room), or sends them himself (`apart`). */
int msg_put_data_head(struct buf *out, uint32_t stream, uint64_t offset, size_t n,
    bool apart);
/* The first n bytes of the DATA frame at `head` (0 < n < all its bytes) have been dealt
 * with: writes the head of a frame of the others right before them.  Returns it. */
uint8_t *msg_split_data(uint8_t *head, size_t n);

/* Decodes the fields.  Spans point into the frame's body.  ERR_MESSAGE when the body is
 * shorter or longer than its fields, ERR_UNKNOWN for a type that is not in the table. */
int msg_get(const struct frame *f, union msg *ret_msg);
/* The first good frame of that type among those of a `more`; false: there is none. */
bool msg_find(struct span frames, enum msg_type type, union msg *ret_msg);
/* The same, and *frames is what stands behind it: for those of which there are several. */
bool msg_next(struct span *frames, enum msg_type type, union msg *ret_msg);

/* The name of a type ("HELLO"); "?" if unknown. */
const char *msg_name(uint8_t type);
/* Describes message number i of the table as one line for the documents:
 * "HELLO 1 link client: u16 version_min, ..."; false after the last. */
bool msg_describe(size_t i, struct buf *ret_line);

/* hello.positions and welcome.positions: what the sender of the message holds of each
 * stream, 20 bytes a stream: u32 stream, u64 received, u64 limit. */
enum { POSITION_LEN = 20 };
int position_put(struct buf *out, const struct msg_ack *position);
/* Takes the next one off `in`; false at the end. */
bool position_get(struct span *in, struct msg_ack *ret_position);

#endif
