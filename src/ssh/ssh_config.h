/*
 * What the user's configuration asks for, as `ssh -G` tells it (ssh_config(5)).  Pure; the
 * session runs ssh.
 *
 * Every keyword has a line in one table: belay carries it out, or leaves it to the link's
 * ssh.  What neither can do, and what the table does not know and is not as ssh has it by
 * itself, is a limit perhaps: then ssh does the whole (`for_ssh`).
 *
 * belay connects in ssh's place where nobody can tell the difference (ssh_config_connects).
 * ssh given a connection does not know the host's address: what needs it (CheckHostIP,
 * the question about a key that is not known yet) and what belay does not do as ssh does
 * (proxies, BindAddress ...) is left to ssh.
 */
#ifndef SSH_SSH_CONFIG_H
#define SSH_SSH_CONFIG_H

#include "base/buf.h"
#include "ssh/options.h"

enum ssh_config_tty {
	SSH_CONFIG_TTY_AUTO,
	SSH_CONFIG_TTY_NO,
	SSH_CONFIG_TTY_YES,
	SSH_CONFIG_TTY_FORCE
};

/* ControlMaster; what asks a person each time is ssh's. */
enum ssh_config_master {
	SSH_CONFIG_MASTER_NO,
	SSH_CONFIG_MASTER_YES,
	SSH_CONFIG_MASTER_AUTO
};

enum ssh_config_family { SSH_CONFIG_ANY, SSH_CONFIG_INET, SSH_CONFIG_INET6 };

/* Who carries a keyword out. */
enum ssh_config_who {
	SSH_CONFIG_SSH, /* ssh does the whole, where it is set */
	SSH_CONFIG_LINK, /* the link's ssh; or ssh has done it when it reads its configuration */
	SSH_CONFIG_OURS,
};

/* What a -R without a destination may lead to (PermitRemoteOpen). */
enum ssh_config_open {
	SSH_CONFIG_OPEN_NONE,
	SSH_CONFIG_OPEN_LISTED,
	SSH_CONFIG_OPEN_ANY
};

enum { SSH_CONFIG_FORWARDS = 64, SSH_CONFIG_OPENS = 64, SSH_CONFIG_UNKNOWN = 32 };

struct ssh_config {
	struct buf text; /* what the spans point into, where it is the config's own */
	enum ssh_config_tty tty; /* RequestTTY, and -t and -T */
	bool no_command, subsystem; /* SessionType, and -N and -s */
	bool null_stdin; /* StdinNull, and -n */
	bool background; /* ForkAfterAuthentication, and -f */
	char escape; /* EscapeChar, and -e; 0: none */
	struct span for_ssh; /* the keyword for which ssh does the whole; empty: none */
	struct span unknown[SSH_CONFIG_UNKNOWN]; /* lines, for ssh_config_compare */
	size_t n_unknown;
	enum ssh_config_open remote_open;
	struct ssh_config_target {
		struct span host; /* "*": any */
		unsigned port; /* 0: any */
	} opens[SSH_CONFIG_OPENS]; /* SSH_CONFIG_OPEN_LISTED */
	size_t n_opens;
	/* in the text that was parsed; empty: none */
	struct span remote_command, hostname, user, control_path;
	struct span known_hosts,
	    global_known_hosts; /* UserKnownHostsFile, and the system's */
	struct span host_key_alias; /* HostKeyAlias */
	/* A number that is the same for the same account of a machine, by the same way and
	 * with the same keys, whatever else is set. */
	uint64_t identity;
	unsigned port;
	enum ssh_config_family family;
	unsigned connect_timeout_s; /* 0: the system's */
	bool keepalive; /* TCPKeepAlive */
	bool can_be_handed; /* this ssh knows ProxyUseFdpass */
	bool ssh_connects; /* something is wanted that is ssh's alone */
	bool asks_about_keys; /* a host key that is not known yet, or not any more */
	bool keeps_no_keys; /* none will be known the next time */
	enum ssh_config_master control_master;
	bool control_persist; /* a master goes on without us, */
	unsigned control_persist_s; /* so long; 0: for ever */
	bool silent; /* errors are not shown (LogLevel) */
	bool
	    one_link; /* tunnel devices or ports, which only one ssh at a time can have */
	bool tells_forwards; /* all of them are known, and ours */
	struct ssh_config_forward {
		bool remote, dynamic; /* RemoteForward; DynamicForward */
		struct span line; /* behind the keyword */
	} forwards[SSH_CONFIG_FORWARDS];
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
	struct span term; /* TERM of SetEnv; empty: the environment's */
	struct span local_command; /* LocalCommand; empty: none */
	bool permits_local; /* PermitLocalCommand: it may be run */
	/* ssh knows SessionType, StdinNull and ForkAfterAuthentication */
	bool tells_type;
};

enum { SSH_CONFIG_OVERRIDES = 7, SSH_CONFIG_OVERRIDE_LEN = 64 };

/* The options that the link's ssh gets, as argument words, against what belay carries out
 * itself; a terminal's traffic keeps its class although the link has none. */
size_t ssh_config_overrides(const struct ssh_config *c, bool terminal,
    char ret_words[SSH_CONFIG_OVERRIDES][SSH_CONFIG_OVERRIDE_LEN]);

/* What the command line alone says, for when ssh does not know -G. */
void ssh_config_from_options(struct ssh_config *c, const struct options *o);
/* Whether ssh has said all of it. */
bool ssh_config_is_whole(struct span text);
/* Takes the output of `ssh -G`, which includes what the command line says; what it does
 * not mention stays.  The text has to live as long. */
void ssh_config_parse(struct ssh_config *c, struct span text);
/* The same; the text becomes the config's own, and *text is empty. */
void ssh_config_read(struct ssh_config *c, struct buf *text);
/* Keywords that the table does not know are ssh's, unless they are as ssh has them by
 * itself (`ssh -G -F none`). */
void ssh_config_compare(struct ssh_config *c, struct span by_itself);
/* Frees the text; takes a zeroed one. */
void ssh_config_finish(struct ssh_config *c);
/* Whether a -R without a destination may lead there, as ssh has it: names and addresses
 * are compared as they are written, only a "*" stands for all. */
bool ssh_config_may_open(const struct ssh_config *c, const char *host, unsigned port);
/* The table's keyword number i, in small letters, for the documents and tests; false behind
 * the last. */
bool ssh_config_keyword(size_t i, const char **ret_name, enum ssh_config_who *ret_who);
/* Whether belay may connect, and hand the connection to ssh.  `asks`: ssh may ask the
 * person; `key_known`: it has known the host's key lately. */
bool ssh_config_connects(const struct ssh_config *c, bool asks, bool key_known);

#endif
