#include "predict/policy.h"

#include <string.h>

static const char *const names[PREDICT_MODES] = {
	[PREDICT_NEVER] = "never",
	[PREDICT_ADAPTIVE] = "adaptive",
	[PREDICT_ALWAYS] = "always",
	[PREDICT_EXPERIMENTAL] = "experimental",
};

const char *
policy_mode_name(enum predict_mode mode)
{
	return names[mode];
}

int
policy_mode(const char *name)
{
	for (int i = 0; i < PREDICT_MODES; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

void
policy_echo(struct policy *p, uint64_t echo_us)
{
	p->slow = echo_us > (p->slow ? POLICY_OFF_US : POLICY_ON_US);
	p->late = echo_us > (p->late ? POLICY_EARLY_US : POLICY_LATE_US);
}

bool
policy_waits(const struct policy *p)
{
	return p->mode == PREDICT_ADAPTIVE && !p->slow && !p->in_doubt;
}

void
policy_waited(struct policy *p, uint64_t us)
{
	if (policy_waits(p) && us >= POLICY_GLITCH_US)
		p->glitch_keys = POLICY_GLITCH_KEYS;
}

void
policy_reflected(struct policy *p, uint64_t us)
{
	policy_waited(p, us);
	if (p->glitch_keys && us < POLICY_GLITCH_US)
		p->glitch_keys--;
}

bool
policy_shows(const struct policy *p)
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
policy_shows_all(const struct policy *p)
{
	return p->mode == PREDICT_EXPERIMENTAL;
}

bool
policy_underlines(const struct policy *p)
{
	return p->late || p->in_doubt || p->glitch_keys > 0;
}
