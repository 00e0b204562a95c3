/*
 * The terminal settings that a client sends: applied to a real pseudo-terminal, which
 * must be as good as before.
 */
#include "base/err.h"
#include "fuzz.h"
#include "sys/tty.h"

#include <fcntl.h>

static int slave = -1;

static void
open_terminal(void)
{
	char path[256];
	int master = pty_open(path, sizeof path);
	MUST(master >= 0);
	slave = open(path, O_RDWR | O_NOCTTY);
	MUST(slave >= 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf modes;
	if (slave < 0)
		open_terminal();
	int err = tty_apply_modes(slave, (struct span){ data, size });
	/* A pseudo-terminal has eight bits, and some C libraries call it an error. */
	MUST(err == 0 || err == ERR_MESSAGE || err == ERR_SYSTEM);
	buf_init(&modes, 4096);
	MUST(tty_encode_modes(slave, &modes) == 0);
	MUST(tty_apply_modes(slave, buf_span(&modes)) == 0);
	buf_finish(&modes);
	return 0;
}
