#include "client/restore.h"

#include "base/hex.h"
#include "base/log.h"
#include "client/ending.h"
#include "sys/child.h"
#include "sys/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 1000, LINE_MAX_LEN = SAVED_WORDS_MAX + 64, GOING_DOWN_S = 120 };

/* ---- which ---- */

static bool
is_of_then(const struct saved_session *m, const uint8_t boot[ID_LEN])
{
	static const uint8_t unknown[ID_LEN];
	return !m->open && m->words[0] && memcmp(m->boot, unknown, ID_LEN) != 0
	    && memcmp(m->boot, boot, ID_LEN) != 0;
}

static bool
was_open(const struct saved_session *m, int64_t last_s)
{
	return m->how == SAVED_CUT_OFF
	    || (m->how == SAVED_WINDOW_GONE && m->left_s + GOING_DOWN_S >= last_s);
}

size_t
restore_choose(const struct saved_session *list, size_t n, const uint8_t boot[ID_LEN],
    const struct saved_session *ret_list[RESTORE_MAX])
{
	int64_t last_s = 0;
	size_t found = 0;
	for (size_t i = 0; i < n; i++)
		if (is_of_then(&list[i], boot) && list[i].left_s > last_s)
			last_s = list[i].left_s;
	for (size_t i = 0; i < n && found < RESTORE_MAX; i++) {
		if (!is_of_then(&list[i], boot) || !was_open(&list[i], last_s))
			continue;
		size_t at = found++;
		for (; at && ret_list[at - 1]->begun_ms > list[i].begun_ms; at--)
			ret_list[at] = ret_list[at - 1];
		ret_list[at] = &list[i];
	}
	return found;
}

/* ---- how ---- */

/* Run by a shell, with the line as $1. */
static const struct {
	const char *sign; /* a variable that tells that we run in it */
	const char *command;
} terminals[] = {
	{ "TMUX", "tmux new-window \"$1\"" },
	{ "KITTY_WINDOW_ID", "kitten @ launch --type=tab sh -c \"$1\"" },
	{ "WEZTERM_PANE", "wezterm cli spawn -- sh -c \"$1\"" },
	{ "ITERM_SESSION_ID",
	    "osascript -e 'on run argv' -e 'tell application \"iTerm2\" to tell current window to "
	    "create tab with default profile command (item 1 of argv)' -e 'end run' \"$1\"" },
	{ "TERM_SESSION_ID",
	    "osascript -e 'on run argv' -e 'tell application \"Terminal\" to do script (item 1 of "
	    "argv)' -e 'end run' \"$1\"" },
};

static const char *
terminals_command(void)
{
	for (size_t i = 0; i < sizeof terminals / sizeof *terminals; i++)
		if (getenv(terminals[i].sign))
			return terminals[i].command;
	return NULL;
}

/* False: it could not be run, or has failed. */
static bool
run(const char *command, const char *line)
{
	char *argv[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
		(char *)(uintptr_t)command, (char *)(uintptr_t) "sh",
		(char *)(uintptr_t)line, NULL };
	return child_run(argv, (struct span){ 0 }, NULL) == 0;
}

struct listing {
	struct saved_session list[LIST_MAX];
	size_t n;
};

static bool
note(void *owner, const struct saved_session *m)
{
	struct listing *l = owner;
	l->list[l->n++] = *m;
	return l->n < LIST_MAX;
}

static void
put_line(const struct saved_session *m, char ret_line[LINE_MAX_LEN])
{
	struct buf id;
	buf_init(&id, 2 * ID_LEN + 1);
	(void)hex_put(&id, (struct span){ m->id, ID_LEN });
	snprintf(ret_line, LINE_MAX_LEN, "belay --session %s %s",
	    buf_str(&id) ? buf_str(&id) : "", m->words);
	buf_finish(&id);
}

static int
restore(struct listing *l, const char *with, bool print)
{
	const struct saved_session *chosen[RESTORE_MAX];
	char line[LINE_MAX_LEN], own[512];
	uint8_t boot[ID_LEN];
	bool given = with != NULL, ok = true;
	os_boot_id(boot);
	saved_sessions_each(note, l);
	size_t n = restore_choose(l->list, l->n, boot, chosen);
	if (!n && !print)
		log_say(LOG_NOTICE, "no session was open when this machine went down");
	if (!with)
		with = terminals_command();
	if (n && !with && !print) {
		log_say(LOG_ERROR,
		    "this terminal is none that belay can open windows in; --restore-with names "
		    "a command that does, as \"xterm -e\", and --print prints the lines");
		return EXIT_FAILED;
	}
	/* What is to be run "in a terminal" is followed by the words of a command. */
	int len = snprintf(own, sizeof own, "%s sh -c \"$1\" &", with ? with : "");
	if (len < 0 || len >= (int)sizeof own) {
		log_say(LOG_ERROR, "--restore-with: the command is too long");
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < n; i++) {
		put_line(chosen[i], line);
		if (print)
			puts(line);
		else if (!run(given ? own : with, line))
			ok = false;
	}
	if (!ok)
		log_say(LOG_ERROR,
		    "not all windows could be opened; --print prints the lines");
	return ok ? 0 : EXIT_FAILED;
}

int
restore_main(const char *with, bool print)
{
	struct listing *l = calloc(1, sizeof *l);
	if (!l) {
		log_say(LOG_ERROR, "out of memory");
		return EXIT_FAILED;
	}
	int status = restore(l, with, print);
	free(l);
	return status;
}
