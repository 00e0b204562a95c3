/*
 * Which machine this is, for a client whose host's name leads to several: a hash of the
 * machine's own number (machine-id(5)) that is another one for each user, and tells nobody the
 * number.
 */
#ifndef SERVER_MACHINE_H
#define SERVER_MACHINE_H

#include "wire/msg.h"

/* MACHINE as a frame; nothing where the machine has no number. */
struct machine_frame {
	uint8_t bytes[FRAME_HEADER + ID_LEN];
	size_t n;
};

void machine_frame(struct machine_frame *ret);
/* The same in hexadecimal, as the name of a directory; false: the machine has no number. */
bool machine_name(struct buf *ret_name);
/* Whether `more` of a HELLO names another machine than this one. */
bool machine_is_another(struct span more);

#endif
