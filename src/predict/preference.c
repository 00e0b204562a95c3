#include "predict/preference.h"

#include <string.h>

static const char *const names[PREDICT_MODES] = {
	[PREDICT_NEVER] = "never",
	[PREDICT_ADAPTIVE] = "adaptive",
	[PREDICT_ALWAYS] = "always",
	[PREDICT_EXPERIMENTAL] = "experimental",
};

const char *
preference_name(enum predict_mode mode)
{
	return names[mode];
}

int
preference_mode(const char *name)
{
	for (int i = 0; i < PREDICT_MODES; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

void
preference_echo(struct preference *p, uint64_t echo_us)
{
	p->slow = echo_us > (p->slow ? PREFERENCE_OFF_US : PREFERENCE_ON_US);
	p->late = echo_us > (p->late ? PREFERENCE_EARLY_US : PREFERENCE_LATE_US);
}

bool
preference_waits(const struct preference *p)
{
	return p->mode == PREDICT_ADAPTIVE && !p->slow && !p->in_doubt;
}

void
preference_waited(struct preference *p, uint64_t us)
{
	if (preference_waits(p) && us >= PREFERENCE_GLITCH_US)
		p->glitch_keys = PREFERENCE_GLITCH_KEYS;
}

void
preference_reflected(struct preference *p, uint64_t us)
{
	preference_waited(p, us);
	if (p->glitch_keys && us < PREFERENCE_GLITCH_US)
		p->glitch_keys--;
}

bool
preference_shows(const struct preference *p)
{
	switch ((enum predict_mode)p->mode) {
	case PREDICT_ALWAYS:
	case PREDICT_EXPERIMENTAL:
		return true;
	case PREDICT_ADAPTIVE:
		return p->slow || p->in_doubt || p->glitch_keys > 0;
	default:
		return false;
	}
}

bool
preference_shows_all(const struct preference *p)
{
	return p->mode == PREDICT_EXPERIMENTAL;
}

bool
preference_underlines(const struct preference *p)
{
	return p->late || p->in_doubt || p->glitch_keys > 0;
}
