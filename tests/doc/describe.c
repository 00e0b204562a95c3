/* Prints the table of messages, a line each, as doc/PROTOCOL.md shows it. */
#include "wire/msg.h"

#include <stdio.h>

int
main(void)
{
	struct buf line;
	buf_init(&line, 4096);
	for (size_t i = 0; msg_describe(i, &line); i++) {
		puts(buf_str(&line));
		buf_drop(&line, line.len);
	}
	buf_finish(&line);
	return 0;
}
