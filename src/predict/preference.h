/*
 * Whether what is derived is drawn, and how: as mosh's --predict has it, with other figures.
 *
 *     adaptive       while the echo takes longer than PREFERENCE_ON_US, until it takes less than
 *                    PREFERENCE_OFF_US; for PREFERENCE_GLITCH_KEYS keys after one has waited for
 *                    PREFERENCE_GLITCH_US; while the link is in doubt
 *     always, never
 *     experimental   always, and also what nobody is sure of
 *
 * Underlined while the echo takes longer than PREFERENCE_LATE_US, until it takes less than
 * PREFERENCE_EARLY_US, and while the link is in doubt.
 */
#ifndef PREDICT_PREFERENCE_H
#define PREDICT_PREFERENCE_H

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
	PREFERENCE_ON_US = 60 * 1000,
	PREFERENCE_OFF_US = 40 * 1000,
	PREFERENCE_GLITCH_US = 250 * 1000,
	PREFERENCE_GLITCH_KEYS = 10,
	PREFERENCE_LATE_US = 160 * 1000,
	PREFERENCE_EARLY_US = 120 * 1000,
};

/* Zeroed at the beginning, but for the mode. */
struct preference {
	uint8_t mode; /* enum predict_mode */
	bool slow, late, in_doubt;
	uint8_t glitch_keys; /* so many more are shown */
};

/* How long the echo takes. */
void preference_echo(struct preference *p, uint64_t echo_us);
/* The oldest key that waits has waited so long. */
void preference_waited(struct preference *p, uint64_t us);
/* A key was reflected after so long. */
void preference_reflected(struct preference *p, uint64_t us);

bool preference_shows(const struct preference *p);
bool preference_shows_all(const struct preference *p);
bool preference_underlines(const struct preference *p);
/* Whether preference_waited can change anything. */
bool preference_waits(const struct preference *p);

/* "adaptive" ...; the mode of a name, or -1. */
const char *preference_name(enum predict_mode mode);
int preference_mode(const char *name);

#endif
