/*
 * What a session does and when, for a person who looks for the reason of a delay: one line an
 * event in the file that BELAY_TRACE names (for the programs only, as log.h is).
 *
 *     12.345678 policy  the link ended: up -> down, connecting
 *     |         |       |
 *     seconds   part    event
 *
 * The seconds are the caller's clock, so lines of processes that run side by side compare.
 * While there is no file, TRACE costs one comparison and evaluates none of its arguments.
 */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

extern bool trace_is_on;

/* Appends to that file from now on; NULL or "": to none.  0, or -1 with errno. */
int trace_open(const char *path);
void trace_close(void);

/* One line; what in it could be no character of a line is replaced. */
__attribute__((format(printf, 3, 4))) void
trace_write(uint64_t now_us, const char *part, const char *fmt, ...);

#define TRACE(now_us, part, ...) \
	do { \
		if (trace_is_on) \
			trace_write(now_us, part, __VA_ARGS__); \
	} while (0)

#endif
