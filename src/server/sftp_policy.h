/*
 * What sshd_config(5) says of the subsystem sftp, as far as it is the same for everybody; no
 * I/O.  Deny by default: whatever is conditional, said twice or not understood is no answer.
 */
#ifndef SERVER_SFTP_POLICY_H
#define SERVER_SFTP_POLICY_H

#include "base/buf.h"

enum {
	SFTP_COMMAND_MAX = 512,
	SSHD_INCLUDES_MAX = 16, /* files in files, as sshd has it */
	SSHD_FILES_MAX = 64, /* in all */
	SSHD_FILE_MAX = 256 * 1024,
};

enum sftp_said {
	SFTP_NOT_SAID = 0,
	SFTP_COMMAND, /* a command for the user's shell, as sshd has it */
	SFTP_INTERNAL, /* sshd itself; `command` has the arguments of sftp-server(8) */
	SFTP_UNCLEAR, /* it depends, or cannot be understood */
};

struct sftp_policy {
	enum sftp_said said;
	bool
	    in_match; /* at the line that comes next; the caller keeps it around a file */
	char command[SFTP_COMMAND_MAX];
};

/* Takes lines off `text`, of a file of sshd's, up to its end (false) or an Include (true).
 * *ret_patterns are the words of the Include, in `text`: for sftp_policy_pattern. */
bool
sftp_policy_next(struct sftp_policy *p, struct span *text, struct span *ret_patterns);
/* Takes the next pattern off those of an Include: 1, 0 behind the last, or -1 if one is not
 * understood: more than one star, a star before the last slash, other wildcards, quotes. */
int sftp_policy_pattern(struct span *patterns, struct span *ret_pattern);
/* Whether a file of that name, without its directory, is meant by the pattern's last part. */
bool sftp_policy_matches(struct span pattern, const char *name);

#endif
