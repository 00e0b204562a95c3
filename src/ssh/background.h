/*
 * ssh -f: a child goes on when the host has let us in, and who started us goes on with
 * that.  Whatever happens before is the parent's to report; in between the child has the
 * terminal, for a password.
 */
#ifndef SSH_BACKGROUND_H
#define SSH_BACKGROUND_H

struct background {
	int waits; /* the one who does is told here; 0: nobody waits */
};

/* Returns in the child: 0, or -1 with errno, and then it was not possible to begin. */
int background_begin(struct background *b);
/* stdin up to this descriptor become /dev/null. */
void background_let_go(int last);
/* We are in.  As ssh we let go of what we do not use any more. */
void background_enter(struct background *b, int last);

#endif
