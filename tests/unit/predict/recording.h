/*
 * What was typed into real programs, key by key (tests/predict/record).
 *
 *     a line of a recording     GAP ECHO/ICANON/ISIG KEY OUTPUT
 *
 * A key was typed GAP microseconds after the last one.
 */
#ifndef UNIT_PREDICT_RECORDING_H
#define UNIT_PREDICT_RECORDING_H

#include "test.h"

enum { ROWS = 24, COLS = 80, KEYS_MOST = 1000, KEY_BYTES = 8, LINE_MOST = 100000 };

static const char *const names[] = { "bash", "zsh", "fish", "dash", "vim", "nano",
	"emacs", "python", "sqlite3", "less", "mutt", "passwd", "reads", "tmux" };
enum { NAMES = sizeof names / sizeof *names };

struct event {
	uint64_t gap_us;
	bool echo, canonical, isig;
	uint8_t key[KEY_BYTES];
	size_t key_len;
	uint8_t *output;
	size_t output_len;
};

struct recording {
	uint8_t *first;
	size_t first_len;
	struct event events[KEYS_MOST];
	int n;
};

static int
digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Hexadecimal digits, "-" for none. */
static size_t
unhex(const char *text, uint8_t *bytes)
{
	size_t n = 0;
	for (; digit(text[0]) >= 0 && text[0] != '-' && text[0] > ' '; text += 2)
		bytes[n++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
	return n;
}

static uint8_t *
unhexed(const char *text, size_t *ret_len)
{
	uint8_t *bytes = malloc(strlen(text) / 2 + 1);
	CHECK(bytes);
	*ret_len = unhex(text, bytes);
	return bytes;
}

static void
read_event(struct event *e, char *line)
{
	char *at = line;
	*e = (struct event){ .gap_us = strtoull(at, &at, 10) };
	CHECK(strlen(at) > 6);
	e->echo = at[1] == '1';
	e->canonical = at[2] == '1';
	e->isig = at[3] == '1';
	char *key = at + 5, *output = strchr(key, ' ');
	CHECK(output && output - key <= 2 * KEY_BYTES);
	*output++ = 0;
	e->key_len = unhex(key, e->key);
	e->output = unhexed(output, &e->output_len);
}

static void
recording_read(struct recording *r, const char *name)
{
	static char line[LINE_MOST];
	char command[200];
	snprintf(command, sizeof command, "gzip -dc tests/predict/recordings/%s.gz",
	    name);
	FILE *f = popen(command, "r");
	CHECK(f);
	CHECK(fgets(line, sizeof line, f) && strncmp(line, "first ", 6) == 0);
	r->first = unhexed(line + 6, &r->first_len);
	for (r->n = 0; fgets(line, sizeof line, f); r->n++) {
		CHECK(r->n < KEYS_MOST);
		read_event(&r->events[r->n], line);
	}
	CHECK_EQ(pclose(f), 0);
	CHECK(r->n > 0);
}

static void
recording_free(struct recording *r)
{
	free(r->first);
	for (int i = 0; i < r->n; i++)
		free(r->events[i].output);
}

#endif
