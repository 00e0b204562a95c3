/*
 * Whether what is derived is drawn, and how: as mosh's --predict has it, with other figures.
 *
 *     adaptive       while the echo takes longer than POLICY_ON_US, until it takes less than
 *                    POLICY_OFF_US; for POLICY_GLITCH_KEYS keys after one has waited for
 *                    POLICY_GLITCH_US; while the link is in doubt
 *     always, never
 *     experimental   always, and also what nobody is sure of
 *
 * Underlined while the echo takes longer than POLICY_LATE_US, until it takes less than
 * POLICY_EARLY_US, and while the link is in doubt.
 */
#ifndef PREDICT_POLICY_H
#define PREDICT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum predict_mode {
	PREDICT_NEVER,
	PREDICT_ADAPTIVE,
	PREDICT_ALWAYS,
	PREDICT_EXPERIMENTAL,
	PREDICT_MODES
};

enum {
	POLICY_ON_US = 60 * 1000,
	POLICY_OFF_US = 40 * 1000,
	POLICY_GLITCH_US = 250 * 1000,
	POLICY_GLITCH_KEYS = 10,
	POLICY_LATE_US = 160 * 1000,
	POLICY_EARLY_US = 120 * 1000,
};

/* Zeroed at the beginning, but for the mode. */
struct policy {
	uint8_t mode; /* enum predict_mode */
	bool slow, late, in_doubt;
	uint8_t glitch_keys; /* so many more are shown */
};

/* How long the echo takes. */
void policy_echo(struct policy *p, uint64_t echo_us);
/* The oldest key that waits has waited so long. */
void policy_waited(struct policy *p, uint64_t us);
/* A key was reflected after so long. */
void policy_reflected(struct policy *p, uint64_t us);

bool policy_shows(const struct policy *p);
bool policy_shows_all(const struct policy *p);
bool policy_underlines(const struct policy *p);
/* Whether policy_waited can change anything. */
bool policy_waits(const struct policy *p);

/* "adaptive" ...; the mode of a name, or -1. */
const char *policy_mode_name(enum predict_mode mode);
int policy_mode(const char *name);

#endif
