/*
 * The error codes that functions of every layer return: 0 is success, a
 * negative number one of these.  Only the programs turn them into messages.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERRORS(E) \
	E(NOMEM, "out of memory") \
	E(FULL, "the buffer is full") \
	E(FRAME, "malformed frame") \
	E(MESSAGE, "malformed message") \
	E(UNKNOWN, "unknown message") \
	E(STATE, "message out of place") \
	E(STREAM, "unknown stream") \
	E(OFFSET, "offset outside of what was sent") \
	E(CREDIT, "more data than was allowed") \
	E(GAP, "data missing in between") \
	E(NOISE, "no answer from belay-server in what the host printed") \
	E(SYSTEM, "system call failed")

#define ERR_INDEX(name, text) ERR_INDEX_##name,
enum { ERR_INDEX_OK, ERRORS(ERR_INDEX) ERR_COUNT };
#undef ERR_INDEX

#define ERR_CODE(name, text) ERR_##name = -ERR_INDEX_##name,
enum { ERRORS(ERR_CODE) };
#undef ERR_CODE

/* The text of a code; "success" for 0; never NULL, also for numbers not in the table. */
const char *err_text(int code);

#endif
