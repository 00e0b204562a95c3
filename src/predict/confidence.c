#include "predict/confidence.h"

static const struct {
	const char *name;
	bool shows, shows_all;
	enum confidence next[CONF_EVENTS];
} table[CONF_STATES] = {
	/* Only the host ends it. */
	[CONF_SECRET] = { "secret", false, false,
	    {
		[CONF_TOLD_SECRET] = CONF_SECRET,
		[CONF_TOLD_KERNEL] = CONF_KERNEL,
		[CONF_TOLD_PROGRAM] = CONF_TENTATIVE,
		[CONF_CONTEXT] = CONF_SECRET,
		[CONF_HARD] = CONF_SECRET,
		[CONF_MATCH] = CONF_SECRET,
		[CONF_MISS] = CONF_SECRET,
		[CONF_MOVED] = CONF_SECRET,
		[CONF_UNHEARD] = CONF_SECRET,
		[CONF_PROMPT] = CONF_SECRET,
	    } },
	[CONF_TENTATIVE] = { "tentative", false, true,
	    {
		[CONF_TOLD_SECRET] = CONF_SECRET,
		[CONF_TOLD_KERNEL] = CONF_KERNEL,
		[CONF_TOLD_PROGRAM] = CONF_TENTATIVE,
		[CONF_CONTEXT] = CONF_TENTATIVE,
		[CONF_HARD] = CONF_TENTATIVE,
		[CONF_MATCH] = CONF_SURE,
		[CONF_MISS] = CONF_TENTATIVE,
		[CONF_MOVED] = CONF_TENTATIVE,
		[CONF_UNHEARD] = CONF_DEAF,
		[CONF_PROMPT] = CONF_SURE,
	    } },
	/* The kernel echoes wherever the cursor is. */
	[CONF_KERNEL] = { "kernel", true, true,
	    {
		[CONF_TOLD_SECRET] = CONF_SECRET,
		[CONF_TOLD_KERNEL] = CONF_KERNEL,
		[CONF_TOLD_PROGRAM] = CONF_TENTATIVE,
		[CONF_CONTEXT] = CONF_TENTATIVE,
		[CONF_HARD] = CONF_TENTATIVE,
		[CONF_MATCH] = CONF_KERNEL,
		[CONF_MISS] = CONF_TENTATIVE,
		[CONF_MOVED] = CONF_KERNEL,
		[CONF_UNHEARD] = CONF_DEAF,
		[CONF_PROMPT] = CONF_KERNEL,
	    } },
	[CONF_SURE] = { "sure", true, true,
	    {
		[CONF_TOLD_SECRET] = CONF_SECRET,
		[CONF_TOLD_KERNEL] = CONF_KERNEL,
		[CONF_TOLD_PROGRAM] = CONF_SURE,
		[CONF_CONTEXT] = CONF_TENTATIVE,
		[CONF_HARD] = CONF_TENTATIVE,
		[CONF_MATCH] = CONF_SURE,
		[CONF_MISS] = CONF_TENTATIVE,
		[CONF_MOVED] = CONF_TENTATIVE,
		[CONF_UNHEARD] = CONF_DEAF,
		[CONF_PROMPT] = CONF_SURE,
	    } },
	[CONF_DEAF] = { "deaf", false, true,
	    {
		[CONF_TOLD_SECRET] = CONF_SECRET,
		[CONF_TOLD_KERNEL] = CONF_KERNEL,
		[CONF_TOLD_PROGRAM] = CONF_DEAF,
		[CONF_CONTEXT] = CONF_TENTATIVE,
		[CONF_HARD] = CONF_DEAF,
		[CONF_MATCH] = CONF_SURE,
		[CONF_MISS] = CONF_DEAF,
		[CONF_MOVED] = CONF_DEAF,
		[CONF_UNHEARD] = CONF_DEAF,
		[CONF_PROMPT] = CONF_DEAF,
	    } },
};

enum confidence
confidence_next(enum confidence state, enum confidence_event event)
{
	return table[state].next[event];
}

bool
confidence_shows(enum confidence state, bool all)
{
	return all ? table[state].shows_all : table[state].shows;
}

const char *
confidence_name(enum confidence state)
{
	return table[state].name;
}
