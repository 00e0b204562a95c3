#include "client/boot.h"

#include "base/err.h"
#include "base/hex.h"

#include <stdio.h>
#include <string.h>

enum {
	NOISE_MAX = 1024 * 1024,
	LINE_MAX_LEN = 4096,
	SCRIPT_LEN = 2048,
};

/* Where the server may live on the host: the first that takes it and can execute it.
 * What ends with "-" gets the user's number, which is asked for only when needed. */
#define FOR_DIRS \
	"for d in \"${XDG_CACHE_HOME:-$HOME/.cache}/belay\" \"$XDG_RUNTIME_DIR/belay\" " \
	"/dev/shm/belay- /var/tmp/belay- /tmp/belay-; do " \
	"case $d in *-) d=$d${u:=$(id -u)};; esac; "

/* Arguments: mark, build looked for, bytes to skip, length of the script that follows,
 * hello.
 * Stands in single quotes on a line that sh, csh, fish and nu all read: so no single
 * quote, backslash, exclamation mark or newline.  -O: not what another user has put
 * there.  A server that is installed on the host does as well, if it is of the same
 * build.  The third word behind "need" is what else could keep a shell.  dd with bs=1
 * takes exactly so many bytes and no more, everywhere. */
static const char stage1[] =
    "m=$1 v=$2 n=$3 k=$4 h=$5; set -- $(uname -sm); u=; " FOR_DIRS
    "f=$d/server-$v-$1-$2; [ -O \"$d\" ] && [ -x \"$f\" ] && [ -O \"$f\" ] && "
    "exec \"$f\" attach $m $h; done; "
    "for f in $(command -v belay-server) /usr/lib/belay/belay-server "
    "/usr/local/lib/belay/belay-server; do [ -x \"$f\" ] && "
    "[ \"$(\"$f\" --build 2>&1 </dev/null)\" = $v ] && exec \"$f\" attach $m $h; done; "
    "echo \"$m need $1 $2 $(command -v screen || command -v tmux)\"; dd bs=1 count=$n of=/dev/null 2>/dev/null; "
    "eval \"$(dd bs=1 count=$k 2>/dev/null)\"";

/* Runs in the shell of stage 1: $m is the mark, $1-$2 the machine.  The upload goes to a
 * name of its own and is renamed only when it is whole and answers as it should.  Behind it
 * nothing is sent before the answer, so head(1) may read ahead; where it has no -c, dd
 * takes some seconds a megabyte. */
static const char stage2[] =
    "v=%s z=%zu r=%zu a=$1-$2\n"
    "say() { echo \"$m $*\"; }\n"
    "no() { rm -f \"$p\"; say \"refused $d: ${e:-$1}\"; }\n"
    "take() { head -c $1 2>/dev/null || dd bs=1 count=$1 2>/dev/null; }\n"
    "fill() {\n"
    "	if [ $x = gz ]; then take $z | { gzip -dc >\"$p\" || { cat >/dev/null; false; }; }\n"
    "	else take $r | { cat >\"$p\" || { cat >/dev/null; false; }; }; fi\n"
    "}\n"
    "try() {\n"
    "	p=$d/tmp.$$ e=\n"
    "	case $d in /?*/?*) ;; *) return ;; esac\n"
    "	[ -d \"$d\" ] || e=$(umask 077; mkdir -p \"$d\" 2>&1) || { no; return; }\n"
    "	[ -O \"$d\" ] || { no 'belongs to somebody else'; return; }\n"
    "	e=$( (umask 077; echo '#!/bin/sh' >\"$p\" && chmod 700 \"$p\" && \"$p\") 2>&1) || { no 'cannot execute there'; return; }\n"
    "	say send $x \"$d\"\n"
    "	e=$(fill 2>&1)\n"
    "	[ \"$(wc -c <\"$p\")\" -eq $r ] || { no 'interrupted'; return; }\n"
    "	e=$(\"$p\" --build 2>&1)\n"
    "	[ \"$e\" = $v ] || { no 'does not run there'; return; }\n"
    "	e=$(mv -f \"$p\" \"$d/server-$v-$a\" 2>&1) || { no; return; }\n"
    "	say run\n"
    "	exec \"$d/server-$v-$a\" attach $m $h\n"
    "}\n"
    "x=raw; [ $z -gt 0 ] && command -v gzip >/dev/null && x=gz\n" FOR_DIRS "try; done\n"
    "say failed\n";

void
boot_init(struct boot *b, const char *build, const uint8_t *random)
{
	*b = (struct boot){ .build = build };
	for (size_t i = 0; i < BOOT_MARK_LEN; i += 2)
		snprintf(b->mark + i, 3, "%02x", random[i / 2]);
}

int
boot_command(const struct boot *b, struct span hello, size_t prelude, bool fresh,
    struct buf *out)
{
	buf_print(out, "exec sh -c '%s' belay %s %s %zu %d ", stage1, b->mark,
	    fresh ? "-" : b->build, prelude, SCRIPT_LEN);
	if (out->failed)
		return ERR_NOMEM;
	return hello.n ? hex_put(out, hello) : buf_put(out, "-", 1);
}

int
boot_script(const struct boot *b, size_t gz_size, size_t raw_size, struct buf *out)
{
	size_t start = out->len;
	buf_print(out, stage2, b->build, gz_size, raw_size);
	if (out->failed || out->len - start > SCRIPT_LEN)
		return ERR_FULL;
	while (out->len - start < SCRIPT_LEN)
		buf_putc(out, '\n');
	return out->failed ? ERR_NOMEM : 0;
}

static int
event_of(struct boot *b, const char *line)
{
	char word[BOOT_WORD_MAX] = "", unpack[BOOT_WORD_MAX] = "";
	if (sscanf(line, "%63s", word) != 1)
		return BOOT_MORE;
	if (strcmp(word, "ready") == 0)
		return BOOT_READY;
	if (strcmp(word, "run") == 0)
		return BOOT_RUN;
	if (strcmp(word, "failed") == 0)
		return BOOT_FAILED;
	if (strcmp(word, "need") == 0) {
		char keeper[BOOT_WORD_MAX] = "";
		int n = sscanf(line, "%*s %63s %63s %63s", b->os, b->machine, keeper);
		const char *slash = strrchr(keeper, '/');
		snprintf(b->keeper, sizeof b->keeper, "%s", slash ? slash + 1 : keeper);
		return n >= 2 ? BOOT_NEED : BOOT_MORE;
	}
	if (strcmp(word, "send") == 0) {
		b->gz = sscanf(line, "%*s %63s", unpack) == 1
		    && strcmp(unpack, "gz") == 0;
		return BOOT_SEND;
	}
	if (strcmp(word, "refused") == 0) {
		const char *text = strchr(line, ' ');
		snprintf(b->text, sizeof b->text, "%s", text ? text + 1 : "");
		return BOOT_REFUSED;
	}
	return BOOT_MORE;
}

/* The mark may stand behind noise that did not end its line, and noise may hold it too (a
 * shell that shows what it runs): the last one counts. */
static const char *
after_mark(const struct boot *b, const char *line)
{
	const char *rest = NULL;
	for (const char *at = line; (at = strstr(at, b->mark)); at++)
		if (at[BOOT_MARK_LEN] == ' ')
			rest = at + BOOT_MARK_LEN + 1;
	return rest;
}

/* Noise without an end of line: all but what may be the beginning of a line of ours. */
static int
skip_noise(struct boot *b, struct buf *in)
{
	if (in->len < LINE_MAX_LEN)
		return BOOT_MORE;
	size_t len = in->len - LINE_MAX_LEN / 2;
	b->noise += len;
	buf_drop(in, len);
	return b->noise > NOISE_MAX ? ERR_NOISE : BOOT_MORE;
}

int
boot_input(struct boot *b, struct buf *in)
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
		int event = rest ? event_of(b, rest) : BOOT_MORE;
		if (event != BOOT_MORE)
			return event;
		b->noise += len + 1;
		if (b->noise > NOISE_MAX)
			return ERR_NOISE;
	}
	return BOOT_MORE;
}
