#include "ssh/bootstrap.h"

#include "base/err.h"
#include "base/hex.h"
#include "ssh/bootstrap_scripts.h"

#include <stdio.h>
#include <string.h>

enum {
	NOISE_MAX = 1024 * 1024,
	LINE_MAX_LEN = 4096,
	SCRIPT_LEN = 2048,
};

void
bootstrap_init(struct bootstrap *b, const char *build, const uint8_t *random)
{
	*b = (struct bootstrap){ .build = build };
	for (size_t i = 0; i < BOOTSTRAP_MARK_LEN; i += 2)
		snprintf(b->mark + i, 3, "%02x", random[i / 2]);
}

int
bootstrap_command(const struct bootstrap *b, struct span hello, size_t prelude,
    bool fresh, struct buf *out)
{
	buf_print(out, "exec sh -c '%s' belay %s %s %zu %d ", find_sh, b->mark,
	    fresh ? "-" : b->build, prelude, SCRIPT_LEN);
	if (out->failed)
		return ERR_NOMEM;
	return hello.n ? hex_put(out, hello) : buf_put(out, "-", 1);
}

int
bootstrap_remove(struct buf *out)
{
	buf_print(out, "exec sh -c '%s'", remove_sh);
	return out->failed ? ERR_NOMEM : 0;
}

int
bootstrap_script(const struct bootstrap *b, size_t gz_size, size_t raw_size,
    struct buf *out)
{
	size_t start = out->len;
	buf_print(out, "v=%s z=%zu r=%zu\n%s", b->build, gz_size, raw_size, install_sh);
	if (out->failed || out->len - start > SCRIPT_LEN)
		return ERR_FULL;
	while (out->len - start < SCRIPT_LEN)
		buf_putc(out, '\n');
	return out->failed ? ERR_NOMEM : 0;
}

static int
event_of(struct bootstrap *b, const char *line)
{
	char word[BOOTSTRAP_WORD_MAX] = "", unpack[BOOTSTRAP_WORD_MAX] = "";
	if (sscanf(line, "%63s", word) != 1)
		return BOOTSTRAP_MORE;
	if (strcmp(word, "login") == 0)
		return BOOTSTRAP_LOGIN;
	if (strcmp(word, "ready") == 0)
		return BOOTSTRAP_READY;
	if (strcmp(word, "start") == 0 || strcmp(word, "need") == 0)
		(void)sscanf(line, "%*s %63s %63s", b->host_os, b->host_machine);
	if (strcmp(word, "start") == 0)
		return BOOTSTRAP_START;
	if (strcmp(word, "run") == 0)
		return BOOTSTRAP_RUN;
	if (strcmp(word, "failed") == 0)
		return BOOTSTRAP_FAILED;
	if (strcmp(word, "need") == 0) {
		char keeper[BOOTSTRAP_WORD_MAX] = "";
		int n = sscanf(line, "%*s %63s %63s %63s", b->os, b->machine, keeper);
		const char *slash = strrchr(keeper, '/');
		snprintf(b->keeper, sizeof b->keeper, "%s", slash ? slash + 1 : keeper);
		return n >= 2 ? BOOTSTRAP_NEED : BOOTSTRAP_MORE;
	}
	if (strcmp(word, "send") == 0) {
		b->gz = sscanf(line, "%*s %63s", unpack) == 1
		    && strcmp(unpack, "gz") == 0;
		return BOOTSTRAP_SEND;
	}
	if (strcmp(word, "refused") == 0) {
		const char *text = strchr(line, ' ');
		snprintf(b->text, sizeof b->text, "%s", text ? text + 1 : "");
		return BOOTSTRAP_REFUSED;
	}
	return BOOTSTRAP_MORE;
}

/* The mark may stand behind noise that did not end its line, and noise may hold it too (a
 * shell that shows what it runs): the last one counts. */
static const char *
after_mark(const struct bootstrap *b, const char *line)
{
	const char *rest = NULL;
	for (const char *at = line; (at = strstr(at, b->mark)); at++)
		if (at[BOOTSTRAP_MARK_LEN] == ' ')
			rest = at + BOOTSTRAP_MARK_LEN + 1;
	return rest;
}

/* Noise without an end of line: all but what may be the beginning of a line of ours. */
static int
skip_noise(struct bootstrap *b, struct buf *in)
{
	if (in->len < LINE_MAX_LEN)
		return BOOTSTRAP_MORE;
	size_t len = in->len - LINE_MAX_LEN / 2;
	b->noise += len;
	buf_drop(in, len);
	return b->noise > NOISE_MAX ? ERR_NOISE : BOOTSTRAP_MORE;
}

int
bootstrap_input(struct bootstrap *b, struct buf *in)
{
	while (in->len) {
		char line[LINE_MAX_LEN];
		const uint8_t *start = buf_bytes(in), *nl = memchr(start, '\n', in->len);
		if (!nl)
			return skip_noise(b, in);
		size_t len = (size_t)(nl - start);
		size_t shown = len < sizeof line ? len : sizeof line - 1;
		memcpy(line, start + len - shown, shown);
		line[shown] = 0;
		for (size_t i = 0; i < shown; i++)
			if (!line[i])
				line[i] = '?'; /* noise may hold anything */
		buf_drop(in, len + 1);
		const char *rest = after_mark(b, line);
		int event = rest ? event_of(b, rest) : BOOTSTRAP_MORE;
		if (event != BOOTSTRAP_MORE)
			return event;
		b->noise += len + 1;
		if (b->noise > NOISE_MAX)
			return ERR_NOISE;
	}
	return BOOTSTRAP_MORE;
}
