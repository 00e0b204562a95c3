/*
 * A host by way of a shell script in ssh's place, for tests of what stands above an attempt: it
 * says what was recorded for its first, second ... login.  What it does not say itself, are
 * frames that the test has put into files of their own.
 *
 *     host_begin();
 *     host_login(1, "ready; frames welcome; stay");
 *     host_login(2, "echo 'x: Permission denied.' >&2; exit 255");
 *     ...
 *     host_end();
 */
#ifndef TEST_CLIENT_HOST_H
#define TEST_CLIENT_HOST_H

#include "test.h"

#include "base/buf.h"
#include "wire/msg.h"

#include <sys/stat.h>
#include <unistd.h>

static char host_dir[] = "/tmp/belay-host-XXXXXX", host_ssh[64];

static inline FILE *
host_file(const char *name)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", host_dir, name);
	FILE *file = fopen(path, "w");
	CHECK(file);
	return file;
}

static inline void
host_text(const char *name, const char *text)
{
	FILE *file = host_file(name);
	CHECK(fputs(text, file) >= 0 && fclose(file) == 0);
}

/* A file with these frames. */
static inline void
host_frames(const char *name, struct buf *frames)
{
	FILE *file = host_file(name);
	CHECK_EQ(fwrite(buf_bytes(frames), 1, frames->len, file), frames->len);
	CHECK_EQ(fclose(file), 0);
}

static inline void
host_frame(const char *name, enum msg_type type, const void *m)
{
	struct buf out;
	buf_init(&out, FRAME_MAX);
	CHECK_EQ(msg_put(&out, type, m), 0);
	host_frames(name, &out);
	buf_finish(&out);
}

/* What the nth login says; one that nothing was said of waits in silence. */
static inline void
host_login(unsigned n, const char *script)
{
	char name[32];
	snprintf(name, sizeof name, "login.%u", n);
	host_text(name, script);
}

/* So many logins there have been. */
static inline unsigned
host_logins(void)
{
	char path[128];
	unsigned n = 0;
	snprintf(path, sizeof path, "%s/n", host_dir);
	FILE *file = fopen(path, "r");
	CHECK(file);
	if (fscanf(file, "%u", &n) != 1)
		n = 0;
	fclose(file);
	return n;
}

static inline struct span
host_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

static inline struct msg_welcome
host_welcome(void)
{
	struct msg_welcome m = { .version = PROTOCOL_VERSION,
		.build = host_span("build"),
		.begun_ms = 77,
		.name = host_span("work") };
	memset(m.boot, 1, ID_LEN);
	memset(m.session, 2, ID_LEN);
	return m;
}

static inline void
host_refuse(const char *name, enum refuse_code code, uint8_t boot, uint8_t machine)
{
	struct msg_refuse m = { .code = code, .text = host_span("no") };
	struct msg_machine id;
	struct buf more;
	buf_init(&more, 256);
	memset(m.boot, boot, ID_LEN);
	memset(id.machine, machine, ID_LEN);
	if (machine)
		CHECK_EQ(msg_put(&more, MSG_MACHINE, &id), 0);
	if (code == REFUSE_GONE) /* it awaits another HELLO */
		CHECK_EQ(msg_put(&more, MSG_AGAIN, &(struct msg_again){ 0 }), 0);
	m.more = buf_span(&more);
	host_frame(name, MSG_REFUSE, &m);
	buf_finish(&more);
}

static inline void
host_begin(void)
{
	strcpy(host_dir + sizeof host_dir - 7, "XXXXXX");
	CHECK(mkdtemp(host_dir));
	snprintf(host_ssh, sizeof host_ssh, "%s/ssh", host_dir);
	setenv("XDG_CACHE_HOME", host_dir, 1);
	setenv("XDG_RUNTIME_DIR", host_dir, 1);
	setenv("XDG_STATE_HOME", host_dir, 1);
	setenv("HOME", host_dir, 1);
	setenv("host_dir", host_dir, 1);
	host_text("n", "0");
	host_text("config",
	    "host h\nuser u\nhostname h\nport 22\nproxycommand none-of-ours\n");
	host_text("ssh",
	    "#!/bin/sh\n"
	    "case \" $* \" in *' -G '*) cat $host_dir/config; exit;; esac\n"
	    "for last; do :; done\n"
	    "last=${last##*\\' belay }; m=${last%% *}\n"
	    "ready() { echo $m start; echo $m ready; }\n"
	    "frames() { cat $host_dir/$1; }\n"
	    "stay() { cat >/dev/null; }\n" /* until its input ends */
	    /* until the test has written that something is */
	    "shown() { for i in $(seq 2000); do [ -s $host_dir/shown ] && return; "
	    "sleep 0.01; done; }\n"
	    "read -r n <$host_dir/n; n=$((n + 1)); echo $n >$host_dir/n\n"
	    "[ -f $host_dir/login.$n ] || exec sleep 600\n"
	    ". $host_dir/login.$n\n");
	CHECK_EQ(chmod(host_ssh, 0700), 0);
	struct msg_welcome m = host_welcome();
	host_frame("welcome", MSG_WELCOME, &m);
}

static inline void
host_end(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", host_dir);
	CHECK_EQ(system(command), 0);
}

#endif
