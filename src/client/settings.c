#include "client/settings.h"

#include "base/buf.h"
#include "base/log.h"
#include "ssh/own_options.h"
#include "sys/sys.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 64 * 1024, PATH_MAX_LEN = 4096, WORD_MAX = 64, FACT_MAX = 256 };

/* Where a line stands. */
struct place {
	const char *file;
	unsigned line;
};

__attribute__((format(printf, 3, 4))) static bool
mistake(struct settings *s, const struct place *at, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(s->error, sizeof s->error, "%s:%u: ", at->file, at->line);
	va_start(ap, fmt);
	if (n > 0 && n < (int)sizeof s->error)
		vsnprintf(s->error + n, sizeof s->error - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

/* ---- patterns ---- */

static bool
matches_one(const char *pattern, size_t n, const char *name)
{
	if (!n)
		return !*name;
	if (*pattern == '*')
		return matches_one(pattern + 1, n - 1, name)
		    || (*name && matches_one(pattern, n, name + 1));
	return *name
	    && (*pattern == '?'
		|| tolower((unsigned char)*pattern) == tolower((unsigned char)*name))
	    && matches_one(pattern + 1, n - 1, name + 1);
}

bool
settings_matches(const char *patterns, char separator, const char *name)
{
	bool found = false;
	while (*patterns) {
		const char *end = strchr(patterns, separator);
		size_t n = end ? (size_t)(end - patterns) : strlen(patterns);
		bool negated = *patterns == '!';
		bool is = matches_one(patterns + negated, n - negated, name);
		if (is && negated)
			return false;
		found |= is;
		patterns += n + (end != NULL);
	}
	return found;
}

/* ---- lines ---- */

/* The next word of a line, which may stand in quotes; NULL: there is none.  Ended with 0. */
static char *
next_word(char **at)
{
	char *p = *at + strspn(*at, " \t\r");
	if (!*p || *p == '#')
		return NULL;
	bool quoted = *p == '"';
	char *word = p + quoted;
	char *end = word + strcspn(word, quoted ? "\"" : " \t\r");
	*at = *end ? end + 1 : end;
	*end = 0;
	return word;
}

/* The keyword, behind which one "=" may stand. */
static char *
keyword(char **at)
{
	char *word = *at + strspn(*at, " \t\r");
	if (!*word || *word == '#')
		return NULL;
	char *end = word + strcspn(word, " \t\r=");
	char *rest = end + strspn(end, " \t\r");
	rest += *rest == '=';
	*at = rest;
	if (rest != end)
		*end = 0;
	return word;
}

/* "HistoryTime" is "history-time". */
static bool
same_name(const char *keyword, const char *option)
{
	for (;; keyword++, option++) {
		keyword += strspn(keyword, "-_");
		option += strspn(option, "-");
		if (tolower((unsigned char)*keyword) != *option)
			return false;
		if (!*option)
			return true;
	}
}

static const struct own_option *
find_setting(const char *word)
{
	const struct own_option *option;
	for (size_t i = 0; (option = own_option(i)); i++)
		if (option->setting && same_name(word, option->name))
			return option;
	return NULL;
}

/* ---- values ---- */

static bool
is_open(const struct settings *s, const struct options *o,
    const struct own_option *option)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].name == option->name)
			return false;
	return !own_option_given(option, o);
}

static void
note(struct settings *s, const struct own_option *option, const char *value,
    const char *source)
{
	if (s->n == SETTINGS_MAX)
		return;
	s->list[s->n].name = option->name;
	snprintf(s->list[s->n].value, sizeof s->list[s->n].value, "%s", value);
	snprintf(s->list[s->n].source, sizeof s->list[s->n].source, "%s", source);
	s->n++;
}

/* False: the value is none that it takes. */
static bool
set(struct settings *s, struct options *o, const struct own_option *option, char *value,
    const char *source)
{
	bool flag = option->kind == OWN_FLAG, yes = strcasecmp(value, "yes") == 0;
	if (flag && !yes && strcasecmp(value, "no") != 0)
		return false;
	if (!is_open(s, o, option))
		return true;
	struct options before = *o;
	if (flag ? yes && !own_option_set(option, o, NULL)
		 : !own_option_set(option, o, value)) {
		*o = before;
		return false;
	}
	note(s, option, value, source);
	return true;
}

static const char *
allowed(const struct own_option *option)
{
	return option->kind == OWN_FLAG ? "yes or no" : own_option_allows(option);
}

/* ---- files ---- */

/* Looked up only when it is needed: without memory the C library may not outlive that. */
static const char *
own_name(void)
{
	const struct passwd *own = getpwuid(getuid());
	return own ? own->pw_name : "";
}

static bool
matches_criteria(struct settings *s, const struct place *at, char *line,
    const struct settings_facts *f, bool *ret_on)
{
	const struct {
		const char *name, *fact;
	} facts[] = { { "host", f->host }, { "originalhost", f->original },
		{ "user", f->user }, { "localuser", f->local_user } };
	bool on = true, any = false;
	for (char *word; (word = next_word(&line)); any = true) {
		bool negated = *word == '!', found = false;
		word += negated;
		if (strcasecmp(word, "all") == 0)
			continue;
		for (size_t i = 0; i < sizeof facts / sizeof *facts && !found; i++) {
			if (strcasecmp(word, facts[i].name) != 0)
				continue;
			const char *patterns = next_word(&line);
			if (!patterns)
				return mistake(s, at, "Match %s: the pattern is missing",
				    word);
			found = true;
			const char *fact = facts[i].fact ? facts[i].fact : own_name();
			on &= settings_matches(patterns, ',', fact) != negated;
		}
		if (!found)
			return mistake(s, at,
			    "Match %s: only host, originalhost, user, localuser and all are "
			    "known here",
			    word);
	}
	*ret_on = on && any;
	return any || mistake(s, at, "Match: what it is to match is missing");
}

/* A negated one that matches excludes, whatever else does. */
static bool
matches_host(struct settings *s, const struct place *at, char *line,
    const struct settings_facts *f, bool *ret_on)
{
	bool found = false, excluded = false, any = false;
	for (char *word; (word = next_word(&line)); any = true) {
		bool negated = *word == '!';
		bool is = matches_one(word + negated, strlen(word + negated),
		    f->original);
		found |= is && !negated;
		excluded |= is && negated;
	}
	*ret_on = found && !excluded;
	return any || mistake(s, at, "Host: the pattern is missing");
}

static bool
take_setting(struct settings *s, struct options *o, const struct place *at,
    const char *word, char *rest)
{
	char source[SETTINGS_SOURCE_MAX];
	const struct own_option *option = find_setting(word);
	if (!option)
		return mistake(s, at, "%s: no such setting; belay_config(5) has them",
		    word);
	char *value = next_word(&rest);
	if (!value)
		return mistake(s, at, "%s: the value is missing: %s", word,
		    allowed(option));
	if (next_word(&rest))
		return mistake(s, at, "%s: more than one value; quote it", word);
	snprintf(source, sizeof source, "%s:%u", at->file, at->line);
	return set(s, o, option, value, source)
	    || mistake(s, at, "%s %s: allowed: %s", word, value, allowed(option));
}

bool
settings_read_text(struct settings *s, struct options *o,
    const struct settings_facts *facts, const char *name, char *text)
{
	struct place at = { name, 0 };
	bool on = true;
	for (char *line = text, *next; line; line = next) {
		char *end = strchr(line, '\n');
		next = end ? end + 1 : NULL;
		if (end)
			*end = 0;
		at.line++;
		const char *word = keyword(&line);
		if (!word)
			continue;
		bool ok = true;
		if (strcasecmp(word, "host") == 0)
			ok = matches_host(s, &at, line, facts, &on);
		else if (strcasecmp(word, "match") == 0)
			ok = matches_criteria(s, &at, line, facts, &on);
		else if (on)
			ok = take_setting(s, o, &at, word, line);
		else if (!find_setting(word))
			ok = take_setting(s, o, &at, word,
			    line); /* a mistake everywhere */
		if (!ok)
			return false;
	}
	return true;
}

/* It says what is run here, so nobody else may have written it. */
static bool
is_safe(struct settings *s, int fd, const char *path)
{
	struct stat st;
	const char *why = fstat(fd, &st) < 0	      ? strerror(errno)
	    : st.st_uid != getuid() && st.st_uid != 0 ? "it belongs to somebody else"
	    : st.st_mode & (S_IWGRP | S_IWOTH)	      ? "others can write to it"
						      : NULL;
	if (why)
		snprintf(s->error, sizeof s->error, "%s: %s; it is not used", path, why);
	return !why;
}

bool
settings_read_file(struct settings *s, struct options *o,
    const struct settings_facts *facts, const char *path)
{
	struct buf text;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return true;
	if (fd < 0) {
		snprintf(s->error, sizeof s->error, "%s: %s", path, strerror(errno));
		return false;
	}
	bool ok = is_safe(s, fd, path);
	close(fd);
	if (!ok)
		return false;
	buf_init(&text, FILE_MAX);
	ok = sys_read_file(path, &text) == 0 && buf_str(&text);
	char **kept = &s->texts[s->texts[0] != NULL];
	*kept = ok ? malloc(text.len + 1) : NULL;
	if (*kept)
		memcpy(*kept, buf_str(&text), text.len + 1);
	buf_finish(&text);
	if (*kept)
		return settings_read_text(s, o, facts, path, *kept);
	snprintf(s->error, sizeof s->error,
	    "%s: it cannot be read, or is longer than %d KB", path, FILE_MAX / 1024);
	return false;
}

/* ---- all of them ---- */

static void
variable_of(const struct own_option *option, char ret_name[WORD_MAX])
{
	int n = snprintf(ret_name, WORD_MAX, "BELAY_%s", option->name);
	for (int i = 0; i < n && i < WORD_MAX; i++)
		ret_name[i] = ret_name[i] == '-'
		    ? '_'
		    : (char)toupper((unsigned char)ret_name[i]);
}

/* Its value is said as in the file.  Who has set it may not be who runs this: it fails nothing. */
static void
read_environment(struct settings *s, struct options *o)
{
	char name[WORD_MAX];
	const struct own_option *option;
	for (size_t i = 0; (option = own_option(i)); i++) {
		if (!option->setting)
			continue;
		variable_of(option, name);
		char *value = getenv(name);
		if (value && *value && !set(s, o, option, value, name))
			log_say(LOG_ERROR, "%s is \"%s\", and not %s: it is not used",
			    name, value, allowed(option));
	}
}

static bool
users_file(char ret_path[PATH_MAX_LEN])
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n = config && *config == '/'
	    ? snprintf(ret_path, PATH_MAX_LEN, "%s/belay/config", config)
	    : snprintf(ret_path, PATH_MAX_LEN, "%s/.config/belay/config",
		home ? home : "");
	return n > 0 && n < PATH_MAX_LEN;
}

/* What ssh's configuration says, or the destination as it was typed. */
static void
put_fact(char ret_text[FACT_MAX], struct span said, const char *typed)
{
	if (said.n)
		snprintf(ret_text, FACT_MAX, "%.*s", (int)said.n, (const char *)said.p);
	else
		snprintf(ret_text, FACT_MAX, "%s", typed);
}

/* user@host and ssh://user@host:port, without what stands around the host. */
static void
put_original(char ret_text[FACT_MAX], const char *destination)
{
	static const char scheme[] = "ssh://";
	bool uri = strncmp(destination, scheme, sizeof scheme - 1) == 0;
	const char *at = strrchr(destination, '@');
	const char *host = at ? at + 1 : destination + (uri ? sizeof scheme - 1 : 0);
	size_t n = uri ? strcspn(host, ":/") : strlen(host);
	snprintf(ret_text, FACT_MAX, "%.*s", (int)n, host);
}

bool
settings_read(struct settings *s, struct options *o, const struct ssh_config *c)
{
	char path[PATH_MAX_LEN], host[FACT_MAX], original[FACT_MAX], user[FACT_MAX];
	put_original(original, o->destination);
	put_fact(host, c->hostname, original);
	put_fact(user, c->user, c->user.n ? "" : own_name());
	struct settings_facts facts = { host, original, user, NULL };
	read_environment(s, o);
	return (!users_file(path) || settings_read_file(s, o, &facts, path))
	    && settings_read_file(s, o, &facts, "/etc/belay/config");
}

void
settings_finish(struct settings *s)
{
	free(s->texts[0]);
	free(s->texts[1]);
}

void
settings_print(const struct settings *s)
{
	for (size_t i = 0; i < s->n; i++)
		printf(strchr(s->list[i].value, ' ') ? "%s \"%s\"    # %s\n"
						     : "%s %s    # %s\n",
		    s->list[i].name, s->list[i].value, s->list[i].source);
	if (!s->n)
		puts("# nothing is set");
}
