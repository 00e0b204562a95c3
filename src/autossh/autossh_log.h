/* autossh's log: syslog, or a file. */
#ifndef AUTOSSH_AUTOSSH_LOG_H
#define AUTOSSH_AUTOSSH_LOG_H

#include <stdbool.h>

/* syslog(3)'s, by other names: base/log.h has its own. */
enum { SEVERITY_ERROR = 3, SEVERITY_NOTICE = 5, SEVERITY_INFO = 6, SEVERITY_DEBUG = 7 };

/* Tells what is up to `level`; to `path` if it is not NULL.  `debug`: what goes to syslog is
 * shown on stderr too.  0, or -1 with errno when the file cannot be opened. */
int autossh_log_open(const char *path, int level, bool debug);
/* The log only. */
__attribute__((format(printf, 2, 3))) void
autossh_log(int severity, const char *fmt, ...);
/* An error that ends the start: to the log, if it is open, and to stderr. */
__attribute__((format(printf, 1, 2))) void autossh_log_fatal(const char *fmt, ...);

#endif
