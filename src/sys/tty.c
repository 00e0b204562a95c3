#define _GNU_SOURCE 1
#include "sys/tty.h"

#include "base/err.h"
#include "sys/os.h"
#include "sys/sys.h"
#include "wire/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static struct {
	bool raw;
	int fd;
	struct termios saved;
} local;

int
tty_get_size(int fd, struct tty_size *ret_size)
{
	struct winsize ws;
	if (ioctl(fd, TIOCGWINSZ, &ws) < 0)
		return -1;
	*ret_size = (struct tty_size){ ws.ws_row, ws.ws_col, ws.ws_xpixel, ws.ws_ypixel };
	return 0;
}

int
tty_set_size(int fd, const struct tty_size *size)
{
	struct winsize ws = { size->rows, size->cols, size->xpixel, size->ypixel };
	return ioctl(fd, TIOCSWINSZ, &ws);
}

/* ---- settings as bytes: RFC 4254 section 8, IUTF8 from RFC 8160 ---- */

enum { MODE_END = 0, MODE_ISPEED = 128, MODE_OSPEED = 129, MODE_FIRST_UNKNOWN = 160 };

static const struct {
	uint8_t opcode;
	int index; /* in c_cc */
} mode_chars[] = {
	{ 1, VINTR },
	{ 2, VQUIT },
	{ 3, VERASE },
	{ 4, VKILL },
	{ 5, VEOF },
	{ 6, VEOL },
	{ 7, VEOL2 },
	{ 8, VSTART },
	{ 9, VSTOP },
	{ 10, VSUSP },
#ifdef VDSUSP
	{ 11, VDSUSP },
#endif
#ifdef VREPRINT
	{ 12, VREPRINT },
#endif
	{ 13, VWERASE },
	{ 14, VLNEXT },
#ifdef VSTATUS
	{ 17, VSTATUS },
#endif
#ifdef VDISCARD
	{ 18, VDISCARD },
#endif
};

enum mode_word { IFLAG, OFLAG, CFLAG, LFLAG };

static const struct {
	uint8_t opcode;
	enum mode_word word;
	tcflag_t bit;
} mode_flags[] = {
	{ 30, IFLAG, IGNPAR },
	{ 31, IFLAG, PARMRK },
	{ 32, IFLAG, INPCK },
	{ 33, IFLAG, ISTRIP },
	{ 34, IFLAG, INLCR },
	{ 35, IFLAG, IGNCR },
	{ 36, IFLAG, ICRNL },
#ifdef IUCLC
	{ 37, IFLAG, IUCLC },
#endif
	{ 38, IFLAG, IXON },
	{ 39, IFLAG, IXANY },
	{ 40, IFLAG, IXOFF },
	{ 41, IFLAG, IMAXBEL },
#ifdef IUTF8
	{ 42, IFLAG, IUTF8 },
#endif
	{ 50, LFLAG, ISIG },
	{ 51, LFLAG, ICANON },
#ifdef XCASE
	{ 52, LFLAG, XCASE },
#endif
	{ 53, LFLAG, ECHO },
	{ 54, LFLAG, ECHOE },
	{ 55, LFLAG, ECHOK },
	{ 56, LFLAG, ECHONL },
	{ 57, LFLAG, NOFLSH },
	{ 58, LFLAG, TOSTOP },
	{ 59, LFLAG, IEXTEN },
	{ 60, LFLAG, ECHOCTL },
	{ 61, LFLAG, ECHOKE },
#ifdef PENDIN
	{ 62, LFLAG, PENDIN },
#endif
	{ 70, OFLAG, OPOST },
#ifdef OLCUC
	{ 71, OFLAG, OLCUC },
#endif
	{ 72, OFLAG, ONLCR },
#ifdef OCRNL
	{ 73, OFLAG, OCRNL },
#endif
#ifdef ONOCR
	{ 74, OFLAG, ONOCR },
#endif
#ifdef ONLRET
	{ 75, OFLAG, ONLRET },
#endif
	{ 90, CFLAG, CS7 },
	{ 91, CFLAG, CS8 },
	{ 92, CFLAG, PARENB },
	{ 93, CFLAG, PARODD },
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static tcflag_t *
word_of(struct termios *t, enum mode_word word)
{
	switch (word) {
	case IFLAG:
		return &t->c_iflag;
	case OFLAG:
		return &t->c_oflag;
	case CFLAG:
		return &t->c_cflag;
	default:
		return &t->c_lflag;
	}
}

static int
put_mode(struct buf *out, uint8_t opcode, uint32_t value)
{
	uint8_t bytes[5] = { opcode };
	put_be(bytes + 1, value, 4);
	return buf_put(out, bytes, sizeof bytes);
}

int
tty_encode_modes(int fd, struct buf *out)
{
	struct termios t;
	int err = 0;
	if (tty_is_raw() && fd == local.fd)
		t = local.saved;
	else if (tcgetattr(fd, &t) < 0)
		return ERR_SYSTEM;
	for (size_t i = 0; i < COUNT(mode_chars) && !err; i++) {
		cc_t c = t.c_cc[mode_chars[i].index];
		err = put_mode(out, mode_chars[i].opcode, c == _POSIX_VDISABLE ? 255 : c);
	}
	for (size_t i = 0; i < COUNT(mode_flags) && !err; i++) {
		tcflag_t bit = mode_flags[i].bit;
		bool on = (*word_of(&t, mode_flags[i].word) & bit) == bit;
		err = put_mode(out, mode_flags[i].opcode, on);
	}
	return err ? err : buf_put(out, "", 1);
}

static void
apply_mode(struct termios *t, uint8_t opcode, uint32_t value)
{
	for (size_t i = 0; i < COUNT(mode_chars); i++)
		if (mode_chars[i].opcode == opcode)
			t->c_cc[mode_chars[i].index] = value == 255 ? _POSIX_VDISABLE
								    : (cc_t)value;
	for (size_t i = 0; i < COUNT(mode_flags); i++) {
		tcflag_t *word = word_of(t, mode_flags[i].word), bit = mode_flags[i].bit;
		if (mode_flags[i].opcode != opcode)
			continue;
		if (bit == CS7 || bit == CS8) {
			if (value)
				*word = (*word & ~(tcflag_t)CSIZE) | bit;
		} else if (value) {
			*word |= bit;
		} else {
			*word &= ~bit;
		}
	}
}

int
tty_apply_modes(int fd, struct span modes)
{
	struct termios t;
	if (tcgetattr(fd, &t) < 0)
		return ERR_SYSTEM;
	while (modes.n && modes.p[0] != MODE_END && modes.p[0] < MODE_FIRST_UNKNOWN) {
		if (modes.n < 5)
			return ERR_MESSAGE;
		apply_mode(&t, modes.p[0], (uint32_t)get_be(modes.p + 1, 4));
		modes.p += 5;
		modes.n -= 5;
	}
	return tcsetattr(fd, TCSANOW, &t) < 0 ? ERR_SYSTEM : 0;
}

/* ---- the local terminal ---- */

int
tty_raw(int fd)
{
	if (local.raw)
		return 0;
	if (tcgetattr(fd, &local.saved) < 0)
		return -1;
	struct termios t = local.saved;
	t.c_iflag |= IGNPAR;
	t.c_iflag &= ~(tcflag_t)(ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXANY | IXOFF);
#ifdef IUCLC
	t.c_iflag &= ~(tcflag_t)IUCLC;
#endif
	t.c_lflag &= ~(tcflag_t)(ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHONL | IEXTEN);
	t.c_oflag &= ~(tcflag_t)OPOST;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (tcsetattr(fd, TCSADRAIN, &t) < 0)
		return -1;
	local.fd = fd;
	local.raw = true;
	return 0;
}

void
tty_cooked(void)
{
	if (!local.raw)
		return;
	tcsetattr(local.fd, TCSADRAIN, &local.saved);
	local.raw = false;
}

bool
tty_is_raw(void)
{
	return local.raw;
}

bool
tty_is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *value = NULL;
	for (size_t i = 0; i < COUNT(names) && !(value && *value); i++)
		value = getenv(names[i]);
	const char *charset = value ? strchr(value, '.') : NULL;
	return charset
	    && (strncasecmp(charset + 1, "UTF-8", 5) == 0
		|| strncasecmp(charset + 1, "UTF8", 4) == 0);
}

bool
tty_place(int in, int out, struct tty_place *ret)
{
	struct stat from, to;
	pid_t leader = getsid(0);
	if (!isatty(in) || !isatty(out) || fstat(in, &from) < 0 || fstat(out, &to) < 0
	    || from.st_rdev != to.st_rdev || leader < 0 || tcgetsid(in) != leader)
		return false;
	*ret = (struct tty_place){ (uint64_t)from.st_rdev, (uint64_t)leader,
		os_process_start(leader) };
	return true;
}

bool
tty_leader_is_near(void)
{
	if (getsid(0) != getpgrp())
		return false;
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	bool near = fd >= 0 && tcgetpgrp(fd) == getpgrp();
	if (fd >= 0)
		close(fd);
	return near;
}

bool
tty_get_echo(int fd, struct tty_echo *ret)
{
	struct termios tio;
	if (tcgetattr(fd, &tio) < 0)
		return false;
	pid_t group = tcgetpgrp(fd);
	*ret = (struct tty_echo){ .echo = tio.c_lflag & ECHO,
		.canonical = tio.c_lflag & ICANON,
		.signals = tio.c_lflag & ISIG,
		.erase = tio.c_cc[VERASE] == _POSIX_VDISABLE ? 0 : tio.c_cc[VERASE],
		.group = group > 0 ? (uint32_t)group : 0 };
	return true;
}

int
tty_reopen(int fd)
{
	const char *name = ttyname(fd);
	return name ? open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1;
}

bool
tty_same(int fd, int other)
{
	struct stat a, b;
	return isatty(fd) && isatty(other) && fstat(fd, &a) == 0 && fstat(other, &b) == 0
	    && a.st_rdev == b.st_rdev;
}

/* ---- pseudo-terminals ---- */

int
pty_open(char *ret_slave, size_t len)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY);
	const char *name;
	if (fd < 0)
		return -1;
	if (grantpt(fd) == 0 && unlockpt(fd) == 0 && (name = ptsname(fd))
	    && strlen(name) < len && sys_nonblock(fd) == 0 && sys_cloexec(fd) == 0) {
		memcpy(ret_slave, name, strlen(name) + 1);
		return fd;
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int
pty_become(void)
{
	if (setsid() < 0 && getsid(0) != getpid())
		return -1;
	return ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0 ? -1 : 0;
}
