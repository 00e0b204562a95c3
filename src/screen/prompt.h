/*
 * A question that ssh asks on a reconnect (askpass), shown in one line and answered with
 * the keys of a raw terminal.  Pure.
 *
 *   Enter answers; Backspace and ^U take back; ^C and ^D cancel.  Sequences that the
 *   terminal sends (pasting, focus, mouse) are no part of an answer; keys in kitty's coding
 *   count as what they are.
 *
 *   The line says who asks, and shows the text from its beginning.  What does not fit comes
 *   in pages: arrows turn them, and so does Enter where yes or no is wanted, until the last
 *   one was seen.
 */
#ifndef SCREEN_PROMPT_H
#define SCREEN_PROMPT_H

#include "base/buf.h"
#include "base/keys.h"

enum {
	PROMPT_TEXT_MAX = 1024,
	PROMPT_ANSWER_MAX = 1000, /* ssh takes no longer ones */
};

enum prompt_kind {
	PROMPT_SECRET, /* shown nowhere */
	PROMPT_CONFIRM, /* yes or no */
	PROMPT_NOTICE, /* nothing to answer: a key is to be touched */
};

enum prompt_event { PROMPT_MORE, PROMPT_ANSWERED, PROMPT_CANCELLED };

struct prompt {
	enum prompt_kind kind;
	bool unattended; /* the keys are not for it: it is only shown */
	bool by_host; /* the text is not ssh's own */
	bool echo; /* ssh asks for something that may be seen; never the host */
	char text[PROMPT_TEXT_MAX]; /* one line of printable ASCII */
	char answer[PROMPT_ANSWER_MAX + 1]; /* NUL-terminated */
	size_t len;
	bool said; /* the owner's: it was said where it cannot be drawn */
	size_t page,
	    pages; /* that is shown, of how many; 0: nothing has been shown yet */
	bool seen; /* the last one was shown */
	struct keys keys;
};

/* hint: as ssh gives it in SSH_ASKPASS_PROMPT; "": none. */
void prompt_init(struct prompt *p, const char *hint, struct span text);
/* Takes keys off the head of *keys, up to the end of the answer. */
enum prompt_event prompt_keys(struct prompt *p, struct span *keys);
/* Whether an answered PROMPT_CONFIRM says yes. */
bool prompt_agrees(const struct prompt *p);
/* The line to show, at most `width` columns; its page counts as shown. */
void prompt_line(struct prompt *p, const char *host, size_t width, char *ret_line);
/* All of it was shown elsewhere. */
void prompt_was_said(struct prompt *p);
/* Leaves nothing of the answer in memory. */
void prompt_wipe(struct prompt *p);

#endif
