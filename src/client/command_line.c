#include "client/command_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
drop(struct forward_table *f, char letter, const char *value, bool *ret_done)
{
	struct forward forward;
	char text[TARGET_MAX + 8];
	/* Where it leads need not be named: any place does. */
	snprintf(text, sizeof text, "%s:x:1", value);
	if (!forward_from_option(&forward, letter, f->gateway, value)
	    && !forward_from_option(&forward, letter, f->gateway, text))
		return "Bad forwarding specification.";
	*ret_done = forward_table_drop(f, &forward);
	return *ret_done ? "Canceled forwarding." : "Unknown port forwarding.";
}

const char *
command_forward(struct forward_table *f, const char *text, bool *ret_done)
{
	struct forward forward;
	bool cancel = text[0] == 'K';
	char letter = text[cancel];
	*ret_done = false;
	if (!letter || !strchr("LRD", letter))
		return "Invalid command.";
	const char *value = text + cancel + 1;
	value += strspn(value, " ");
	if (strlen(value) >= TARGET_MAX)
		return "Bad forwarding specification.";
	if (cancel)
		return drop(f, letter, value, ret_done);
	if (!forward_from_option(&forward, letter, f->gateway, value))
		return "Bad forwarding specification.";
	*ret_done = forward_table_add(f, &forward);
	return *ret_done ? "Forwarding port." : "Cannot listen there.";
}

static void
help(bool permits_local)
{
	fputs("Commands:\n"
	      "      -L[bind_address:]port:host:hostport    Request local forward\n"
	      "      -R[bind_address:]port:host:hostport    Request remote forward\n"
	      "      -D[bind_address:]port                  Request dynamic forward\n"
	      "      -KL[bind_address:]port                 Cancel local forward\n"
	      "      -KR[bind_address:]port                 Cancel remote forward\n"
	      "      -KD[bind_address:]port                 Cancel dynamic forward\n",
	    stderr);
	if (permits_local)
		fputs("      !command                               Run a command here\n",
		    stderr);
}

static void
run(const char *command)
{
	if (system(command) < 0)
		perror("cannot run it");
}

void
command_line(struct forward_table *f, const char *text, bool permits_local)
{
	bool done;
	text += strspn(text, " \t");
	if (*text == '!' && permits_local) {
		run(text + 1);
		return;
	}
	switch (*text) {
	case 0:
		break;
	case '?':
	case 'h':
		help(permits_local);
		break;
	case '-':
		fprintf(stderr, "%s\n", command_forward(f, text + 1, &done));
		break;
	default:
		fputs("Invalid command.\n", stderr);
	}
}
