/*
 * What the user's configuration asks for, as `ssh -G` tells it (ssh_config(5)): only what
 * belay carries out itself.  Pure; the session runs ssh.
 *
 * belay connects in ssh's place where nobody can tell the difference (config_connects).
 * ssh given a connection does not know the host's address: what needs it (CheckHostIP,
 * the question about a key that is not known yet) and what belay does not do as ssh does
 * (proxies, BindAddress ...) is left to ssh.
 */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include "base/buf.h"
#include "client/options.h"

enum config_tty { CONFIG_TTY_AUTO, CONFIG_TTY_NO, CONFIG_TTY_YES, CONFIG_TTY_FORCE };

enum config_family { CONFIG_ANY, CONFIG_INET, CONFIG_INET6 };

enum { CONFIG_FORWARDS = 64 };

struct config {
	enum config_tty tty; /* RequestTTY, and -t and -T */
	bool no_command, subsystem; /* SessionType, and -N and -s */
	bool null_stdin; /* StdinNull, and -n */
	bool background; /* ForkAfterAuthentication, and -f */
	char escape; /* EscapeChar, and -e; 0: none */
	/* in the text that was parsed; empty: none */
	struct span remote_command, hostname, control_path;
	unsigned port;
	enum config_family family;
	unsigned connect_timeout_s; /* 0: the system's */
	bool keepalive; /* TCPKeepAlive */
	bool can_be_handed; /* this ssh knows ProxyUseFdpass */
	bool ssh_connects; /* something is wanted that is ssh's alone */
	bool asks_about_keys; /* a host key that is not known yet, or not any more */
	bool keeps_no_keys; /* none will be known the next time */
	bool control_persist; /* a master goes on without us */
	bool silent; /* errors are not shown (LogLevel) */
	bool one_link; /* tunnel devices or ports, which only one ssh at a time can have */
	bool tells_forwards; /* all of them are known, and ours */
	struct config_forward {
		bool remote, dynamic; /* RemoteForward; DynamicForward */
		struct span line; /* behind the keyword */
	} forwards[CONFIG_FORWARDS];
	size_t n_forwards;
	bool gateway_ports, exit_on_forward_failure;
	unsigned unix_mask; /* StreamLocalBindMask */
	bool unix_unlink; /* StreamLocalBindUnlink */
	struct span forward_agent; /* empty: no */
	struct span identity_agent;
	bool x11, x11_trusted; /* ForwardX11, ForwardX11Trusted */
	unsigned x11_timeout_s; /* ForwardX11Timeout; 0: for ever */
	struct span xauth; /* XAuthLocation */
	struct span ipqos; /* its first value, of terminals; empty: ssh did not tell */
	struct span local_command; /* LocalCommand; empty: none */
	bool permits_local; /* PermitLocalCommand: it may be run */
	/* ssh knows SessionType, StdinNull and ForkAfterAuthentication */
	bool tells_type;
};

enum { CONFIG_OVERRIDES = 7, CONFIG_OVERRIDE_LEN = 64 };

/* The options that the link's ssh gets, as argument words, against what belay carries out
 * itself; a terminal's traffic keeps its class although the link has none. */
size_t config_overrides(const struct config *c, bool terminal,
    char ret_words[CONFIG_OVERRIDES][CONFIG_OVERRIDE_LEN]);

/* What the command line alone says, for when ssh does not know -G. */
void config_from_options(struct config *c, const struct options *o);
/* Takes the output of `ssh -G`, which includes what the command line says; what it does
 * not mention stays. */
void config_parse(struct config *c, struct span text);
/* Whether belay may connect, and hand the connection to ssh.  `asks`: ssh may ask the
 * person; `key_known`: it has known the host's key lately. */
bool config_connects(const struct config *c, bool asks, bool key_known);

#endif
