/*
 * Files on their way through the terminal: what of the program's output is not for a person.
 *
 *     zmodem   ** ZDLE B 00 (ZRQINIT, of sz) or 01 (ZRINIT, of rz)       opens
 *              ZDLE, in either direction                                goes on
 *              ** ZDLE B 08 (ZFIN), or five times CAN                   ends
 *     trzsz    ::TRZSZ:TRANSFER:                                        opens
 *              #, at least two capitals or digits, and a colon           goes on
 *
 * It has also ended when for 10 s there was nothing of that.  Sources: the ZMODEM protocol,
 * section 7.3 (headers) and 8.5 (CAN); trzsz's own `trz` and `tsz`.  Pure.
 */
#ifndef TERM_TRANSFER_H
#define TERM_TRANSFER_H

#include "base/buf.h"

enum { TRANSFER_QUIET_US = 10 * 1000 * 1000 };

enum transfer_kind { TRANSFER_NONE, TRANSFER_ZMODEM, TRANSFER_TRZSZ };

/* Zeroed at the beginning. */
struct transfer {
	enum transfer_kind kind;
	uint64_t until_us; /* it has ended by then, unless it goes on */
	uint8_t zmodem, trzsz,
	    line; /* so much of a header, an opening, a line has come */
	uint8_t cancels; /* CAN, one after the other */
};

/* Output, in its order. */
void transfer_output(struct transfer *t, struct span bytes, uint64_t now_us);
/* What goes to the program. */
void transfer_input(struct transfer *t, struct span bytes, uint64_t now_us);
/* One is under way. */
bool transfer_is_on(const struct transfer *t, uint64_t now_us);

#endif
