/* Where the output of the host goes here: a stream, and one of our descriptors.  A model of
 * the terminal may watch it. */
#ifndef SCREEN_OUTPUT_H
#define SCREEN_OUTPUT_H

#include "stream/stream.h"
#include "sys/loop.h"
#include "term/term.h"

struct output {
	struct stream *stream; /* NULL: not in use */
	struct watch watch;
	struct buf ours; /* what we have to say ourselves, before the stream goes on */
	struct term *term; /* sees the stream's bytes as they are written; may be NULL */
	bool own; /* the descriptor is ours to close */
	bool blocks; /* writing may block: little at a time */
	bool broken; /* nobody reads there any more; what comes is dropped */
};

/* A terminal is opened anew, so that others who share it do not find it
 * non-blocking. */
void output_open(struct output *output, struct loop *loop, int fd, struct stream *stream);
/* Writes what can be written now.  False once, when the reader has gone. */
bool output_write(struct output *output);
/* Everything that came, up to the end, is written. */
bool output_drained(const struct output *output);
void output_close(struct output *output, struct loop *loop);

#endif
