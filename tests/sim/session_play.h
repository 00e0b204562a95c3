/* What is played in the world of session_sim.c: the program on the host and the people before
 * belay, who know between them what each has to get. */
#ifndef SESSION_PLAY_H
#define SESSION_PLAY_H

#include "world/world.h"

#include "term/term.h"

enum {
	SECOND = 1000000,
	WINDOWS = 2,
	STOPS_US = 900 * SECOND,
	LEAVES_US = 100
	    * SECOND, /* after so long a person gives up what was broken by force */
	HISTORY_ROWS = 10000, /* that a new window gets */
};

#define PASSWORD "#*!"

/* What belay, or ssh, wants of the person. */
enum sees { SEES_NOTHING, SEES_ENTER, SEES_ESCAPE, SEES_PASSWORD };

/* A window, in which belay runs. */
struct window {
	bool open, over;
	bool types; /* the keys */
	size_t typed;
	bool second; /* it comes to a session that is there */
	bool shares;
	enum sees sees;
	char tail[16]; /* the end of what was read last: words may be parted */
	uint64_t answered_us;
	bool line; /* belay's stands over one of the rows */
	unsigned covered; /* rows that have left the screen below it */
	bool joined; /* a line of the program's was shown */
	int status; /* belay's; 1000 and more: a signal */
	pid_t belay;
	struct file *master;
	struct term *screen;
};

struct play {
	bool verbose, traced; /* a trace takes time, so that other things happen */
	/* what is to happen */
	bool terminal; /* a shell on one, else a command on pipes */
	bool known; /* the host */
	bool
	    asks; /* it wants a password, on a terminal; the first time ssh asks itself */
	bool resizes;
	bool stops; /* a script, to read, when the program has ended: for STOPS_US */
	bool datagrams; /* of belay's own, beside ssh */
	bool calm; /* there is one cut, and a call that fails */
	size_t up, down, errors; /* bytes on pipes; keys and lines on a terminal */
	int status; /* the program's */
	uint64_t fair_us; /* how long trouble lasts, then until when */
	uint64_t slow_us; /* people and the program wait up to so long */
	/* how it went */
	bool begun; /* trouble may begin */
	unsigned programs, windows; /* that were started, that run */
	size_t got_up, got_down, got_errors;
	bool ended; /* the program, by itself */
	bool leaves; /* people type ~. */
	bool broken; /* by force: it may have lost its end, but nothing in the middle */
	bool done; /* the people are */
	uint64_t done_us;
	struct window window[WINDOWS];
};
extern struct play play;

__attribute__((format(printf, 1, 2))) void note(const char *fmt, ...);

/* Programs of the world. */
int sh_main(int argc, char **argv);
int script_main(int argc, char **argv);
int window_main(int argc, char **argv);
int asker_main(int argc, char **argv);

void play_start(int machine, const char *program, const char *argument);
/* A window more, before the same session. */
void play_second_window(bool shares);
/* Where all have ended: what they got. */
void play_check(void);
void play_finish(void);

#endif
