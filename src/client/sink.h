/* Where the output of the host goes here: a stream, and one of our descriptors.  A model of
 * the terminal may watch it. */
#ifndef CLIENT_SINK_H
#define CLIENT_SINK_H

#include "stream/stream.h"
#include "sys/loop.h"
#include "term/term.h"

struct sink {
	struct stream *stream; /* NULL: not in use */
	struct watch watch;
	struct buf ours; /* what we have to say ourselves, before the stream goes on */
	struct term *term; /* sees the stream's bytes as they are written; may be NULL */
	bool own; /* the descriptor is ours to close */
	bool blocks; /* writing may block: little at a time */
	bool broken; /* nobody reads there any more; what comes is dropped */
};

/* fd: 1 or 2.  A terminal is opened anew, so that others who share it do not find it
 * non-blocking. */
void sink_open(struct sink *sink, struct loop *loop, int fd, struct stream *stream);
/* Writes what can be written now.  False once, when the reader has gone. */
bool sink_write(struct sink *sink);
/* Everything that came, up to the end, is written. */
bool sink_drained(const struct sink *sink);
void sink_close(struct sink *sink, struct loop *loop);

#endif
