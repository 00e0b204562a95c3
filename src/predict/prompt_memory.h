/*
 * Where a program has shown what was typed: the text left of the input, for the latest
 * contexts.  So the first key behind a prompt that was seen before is shown at once.
 *
 *     root@host:/usr/share# _     exact: a hash of all of it
 *     ^^^                 ^^      shape: of these, if it ends as prompts of shells do, so
 *                                 that another directory is no other prompt
 *
 * A context is what reads the keys and how: the foreground group, the terminal's settings, the
 * screen.  Of MEMORY_CONTEXTS the one that was not used for longest goes, of its
 * MEMORY_PROMPTS the oldest.
 *
 * No question for a password ends as a shell's prompt does, and where the host does not tell
 * what the kernel does with the keys, shapes are not looked at.
 */
#ifndef PREDICT_PROMPT_MEMORY_H
#define PREDICT_PROMPT_MEMORY_H

#include "predict/screen_line.h"

enum { MEMORY_CONTEXTS = 8, MEMORY_PROMPTS = 8 };

struct prompt {
	uint64_t exact, shape; /* 0: none */
};

/* What stands left of a column.  Blanks alone are a prompt only behind Enter, where editors
 * indent; nothing at all is none. */
struct prompt prompt_at(const struct screen_line *l, int col, bool after_enter);

struct prompt_context {
	uint64_t key; /* names it */
	uint64_t used; /* the memory's count then; 0: free */
	struct prompt prompts[MEMORY_PROMPTS];
	uint8_t next; /* where the next one goes */
};

/* Zeroed at the beginning. */
struct prompt_memory {
	struct prompt_context contexts[MEMORY_CONTEXTS];
	uint64_t count;
	uint8_t now; /* the context */
};

/* This is the context now; one that is not remembered begins empty. */
void prompt_memory_enter(struct prompt_memory *m, uint64_t context);
/* Whether the context has a prompt, or with `shapes` one of its shape. */
bool prompt_memory_has(const struct prompt_memory *m, struct prompt prompt, bool shapes);
void prompt_memory_add(struct prompt_memory *m, struct prompt prompt);
/* It, and those of its shape, are no longer there. */
void prompt_memory_drop(struct prompt_memory *m, struct prompt prompt);

#endif
