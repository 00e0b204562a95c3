#include "ssh/shared_login.h"

#include "base/hash.h"
#include "ssh/control_master.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	TEXT_AT = LOGIN_TEXT_MAX, /* in the file, behind the board */
	TEXT_MAX = 128 * 1024,
	ENDS_MS = 20,
	LOCK_TRIES = 20, /* of a millisecond; who has it needs less */
	NAME_LEN = 13,
	/* ssh makes its socket under a name that is longer by 17, and then renames it */
	DIR_LEN_MAX = 107 - 17 - 1 - NAME_LEN,
};

/* ---- what has to be equal ---- */

/* Belay carries these itself, across links. */
static const char *const not_of_the_login[] = { "clearallforwardings", "connecttimeout",
	"controlmaster", "controlpath", "controlpersist", "dynamicforward",
	"enableescapecommandline", "escapechar", "exitonforwardfailure",
	"forkafterauthentication", "forwardx11", "forwardx11timeout", "forwardx11trusted",
	"gatewayports", "localforward", "permitremoteopen", "remotecommand",
	"remoteforward", "requesttty", "sessiontype", "stdinnull", "streamlocalbindmask",
	"streamlocalbindunlink", "xauthlocation" };
static const char *const environment[] = { "SSH_AUTH_SOCK", "SSH_SK_PROVIDER",
	"KRB5CCNAME", "HOME", "PATH" };

/* Takes a line off *text; *ret_key is the length of its keyword. */
static struct span
next_line(struct span *text, size_t *ret_key)
{
	const uint8_t *nl = memchr(text->p, '\n', text->n);
	struct span line = { text->p, nl ? (size_t)(nl - text->p) : text->n };
	const uint8_t *space = memchr(line.p, ' ', line.n);
	*ret_key = space ? (size_t)(space - line.p) : line.n;
	text->p += line.n + (nl != NULL);
	text->n -= line.n + (nl != NULL);
	return line;
}

static bool
is_of_the_login(const uint8_t *line, size_t n)
{
	for (size_t i = 0; i < sizeof not_of_the_login / sizeof *not_of_the_login; i++)
		if (strlen(not_of_the_login[i]) == n
		    && memcmp(not_of_the_login[i], line, n) == 0)
			return false;
	return true;
}

static void
put_variable(struct buf *out, const char *name)
{
	const char *value = getenv(name);
	buf_print(out, "$%s %s\n", name, value ? value : "");
}

/* ForwardAgent and IdentityAgent may name a variable. */
static void
put_named(struct buf *out, struct span named)
{
	char name[128];
	if (named.n < 2 || named.n >= sizeof name || named.p[0] != '$')
		return;
	memcpy(name, named.p + 1, named.n - 1);
	name[named.n - 1] = 0;
	put_variable(out, name);
}

static void
put_text(struct buf *out, const struct ssh_config *c, const char *ssh)
{
	struct span text = buf_span(&c->text);
	buf_print(out, "ssh %s\n", ssh);
	for (size_t i = 0; i < sizeof environment / sizeof *environment; i++)
		put_variable(out, environment[i]);
	put_named(out, c->forward_agent);
	put_named(out, c->identity_agent);
	while (text.n) {
		size_t n;
		struct span line = next_line(&text, &n);
		if (is_of_the_login(line.p, n))
			buf_print(out, "%.*s\n", (int)line.n, (const char *)line.p);
	}
}

/* What ssh connects by is mute where it makes a master (handover.h): neither its questions nor
 * its reasons would come to the person. */
static bool
has_proxy(const struct ssh_config *c)
{
	struct span text = buf_span(&c->text);
	bool has = false;
	while (text.n) {
		size_t n;
		struct span line = next_line(&text, &n);
		bool proxy = (n == 12 && memcmp(line.p, "proxycommand", n) == 0)
		    || (n == 9 && memcmp(line.p, "proxyjump", n) == 0);
		has |= proxy && !(line.n == n + 5 && memcmp(line.p + n, " none", 5) == 0);
	}
	return has;
}

bool
shared_login_may(const struct ssh_config *c)
{
	bool local = c->permits_local && c->local_command.n;
	return c->text.len && !c->control_path.n && !c->one_link && !local
	    && !has_proxy(c);
}

/* ---- the file ---- */

/* Whether it is what windows with this text have written. */
static bool
has_text(int fd, const struct buf *text)
{
	struct stat st;
	char have[4096];
	if (fstat(fd, &st) || st.st_size != (off_t)(TEXT_AT + text->len))
		return false;
	for (size_t at = 0; at < text->len;) {
		size_t n = text->len - at < sizeof have ? text->len - at : sizeof have;
		if (pread(fd, have, n, (off_t)(TEXT_AT + at)) != (ssize_t)n
		    || memcmp(have, buf_bytes(text) + at, n) != 0)
			return false;
		at += n;
	}
	return true;
}

/* Only our own processes write there. */
static bool
lives(long pid)
{
	return kill((pid_t)pid, 0) == 0;
}

static bool
get_board(int fd, struct login_board *ret)
{
	char text[LOGIN_TEXT_MAX + 1];
	ssize_t n = pread(fd, text, LOGIN_TEXT_MAX, 0);
	if (n < 0)
		return false;
	text[n] = 0;
	login_board_get(ret, text);
	login_board_prune(ret, lives);
	return true;
}

static bool
begin_anew(int fd, const struct buf *text)
{
	const char none[TEXT_AT] = { 0 };
	return ftruncate(fd, 0) == 0
	    && pwrite(fd, buf_bytes(text), text->len, TEXT_AT) == (ssize_t)text->len
	    && pwrite(fd, none, sizeof none, 0) == (ssize_t)sizeof none;
}

/* One that is new, or damaged and used by nobody, begins with this text. */
static bool
agree(int fd, const struct buf *text)
{
	struct login_board b;
	return has_text(fd, text)
	    || (get_board(fd, &b) && !b.leader && b.n_riders == 0
		&& begin_anew(fd, text));
}

static bool
lock(int fd)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return false;
		poll(NULL, 0, 1);
	}
	return false;
}

static bool
open_board(struct shared_login *s, const struct buf *text)
{
	char path[RUN_DIR_MAX + 32];
	snprintf(path, sizeof path, "%s/login-%016" PRIx64, s->dir, s->key);
	s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd < 0)
		return false;
	s->open = lock(s->fd) && agree(s->fd, text);
	(void)flock(s->fd, LOCK_UN);
	if (!s->open)
		close(s->fd);
	return s->open;
}

bool
shared_login_open(struct shared_login *s, const struct ssh_config *c, const char *ssh)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	put_text(&text, c, ssh);
	uint64_t key = hash_bytes(HASH_BEGIN, buf_bytes(&text), text.len);
	bool there = s->open && s->key == key;
	if (!there) {
		shared_login_close(s);
		s->key = key;
		there = !text.failed && run_dir(s->dir) && strlen(s->dir) <= DIR_LEN_MAX
		    && open_board(s, &text);
	}
	buf_finish(&text);
	return there;
}

bool
shared_login_read(const struct shared_login *s, struct login_board *ret)
{
	return s->open && get_board(s->fd, ret);
}

bool
shared_login_take(const struct shared_login *s, struct login_board *ret)
{
	if (!s->open || !lock(s->fd))
		return false;
	if (shared_login_read(s, ret))
		return true;
	shared_login_leave(s);
	return false;
}

void
shared_login_put(const struct shared_login *s, const struct login_board *b)
{
	char text[LOGIN_TEXT_MAX] = { 0 };
	login_board_put(b, text);
	(void)!pwrite(s->fd, text, sizeof text, 0);
	shared_login_leave(s);
}

void
shared_login_leave(const struct shared_login *s)
{
	(void)flock(s->fd, LOCK_UN);
}

static void
drop_ending(struct shared_login *s, size_t i)
{
	if (s->ending[i] > 0)
		close(s->ending[i]);
	s->ending[i] = 0;
}

void
shared_login_close(struct shared_login *s)
{
	struct login_board b;
	for (size_t i = 0; i < sizeof s->ending / sizeof *s->ending; i++) {
		/* One that lives takes it in a moment. */
		if (s->ending[i] > 0)
			(void)sys_wait(s->ending[i], 0, ENDS_MS);
		drop_ending(s, i);
	}
	if (!s->open)
		return;
	if (shared_login_take(s, &b)) {
		login_board_ride(&b, (long)getpid(), NULL, 0);
		login_board_leave(&b, (long)getpid(), false, 0);
		shared_login_put(s, &b);
	}
	close(s->fd);
	s->open = false;
}

/* ---- the masters ---- */

void
shared_login_name(char ret_name[LOGIN_NAME_MAX])
{
	uint8_t random[6];
	sys_random(random, sizeof random);
	ret_name[0] = 'm';
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(ret_name + 1 + 2 * i, 3, "%02x", random[i]);
}

void
shared_login_path(const struct shared_login *s, const char *name,
    char ret_path[SHARED_LOGIN_PATH_MAX])
{
	snprintf(ret_path, SHARED_LOGIN_PATH_MAX, "%s/%s", s->dir, name);
}

bool
shared_login_listens(const struct shared_login *s, const char *name)
{
	char path[SHARED_LOGIN_PATH_MAX];
	shared_login_path(s, name, path);
	int fd = sock_try(path);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void
shared_login_end(struct shared_login *s, const char *name)
{
	char path[SHARED_LOGIN_PATH_MAX];
	shared_login_path(s, name, path);
	drop_ending(s, 1);
	s->ending[1] = s->ending[0];
	int fd = control_master_end(path);
	s->ending[0] = fd > 0 ? fd : 0;
}
