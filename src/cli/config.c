#include "cli/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 65536
#define KEY_MAX 512

/* The file's text; found stays false when there is no file. */
static enum rc
read_file(struct ctx *cx, const char *path, struct str *text, struct stat *st, bool *found)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *p;
	ssize_t n;

	*found = fd >= 0;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return OK;
	if (fd < 0)
		return fail(cx, E_STORE, "Cannot read %s: %s.", path, strerror(errno));
	p = arena_alloc(cx->arena, FILE_MAX + 1);
	n = fstat(fd, st) == 0 && S_ISREG(st->st_mode) ? read(fd, p, FILE_MAX + 1) : -1;
	close(fd);
	if (n < 0)
		return fail(cx, E_STORE, "Cannot read %s: it is not a readable file.", path);
	if (n > FILE_MAX)
		return fail(cx, E_INPUT, "%s is too large for a configuration file.", path);
	*text = (struct str){ p, (size_t)n };
	return OK;
}

static enum rc
take_line(struct cli_config *c, struct str line)
{
	size_t eq = str_find(line, '=');
	struct str name = str_trim(str_sub(line, 0, eq));
	struct str value = str_trim(str_sub(line, eq + 1, line.len));

	if (name.len == 0 || name.p[0] == '#')
		return OK;
	if (eq < line.len && str_eq(name, S("url")))
		c->url = value;
	else if (eq < line.len && str_eq(name, S("api_key")))
		c->api_key = secret_of(value);
	else
		return E_INPUT;
	return OK;
}

static enum rc
take_file(struct ctx *cx, struct cli_config *c, const char *path)
{
	struct str text = { 0 }, line;
	struct stat st;
	bool found;

	TRY(read_file(cx, path, &text, &st, &found));
	for (int number = 1; found && str_split(&text, '\n', &line); number++) {
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		/* The line itself is not shown: it may be a key that was put down wrong. */
		if (take_line(c, line) != OK) {
			(void)fail(cx, E_INPUT, "Line %d of %s is not understood.", number, path);
			return fail_todo(
			    cx, "A line is `url = …`, `api_key = …` or `# a comment`.");
		}
	}
	if (found && !secret_empty(c->api_key) && (st.st_mode & 077) != 0) {
		(void)fail(cx, E_INPUT, "%s holds an API key and others may read it.", path);
		return fail_todo(cx, "Run: chmod 600 '%s'", path);
	}
	return OK;
}

static const char *
file_path(struct ctx *cx)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (xdg != NULL && xdg[0] == '/')
		return str_printf(cx->arena, "%s/valetkey/config", xdg).p;
	if (home != NULL && home[0] == '/')
		return str_printf(cx->arena, "%s/.config/valetkey/config", home).p;
	return NULL;
}

/* Whoever looks at this process later finds no key in its environment. */
static void
take_environment(struct ctx *cx, struct cli_config *c)
{
	const char *url = getenv("VALETKEY_URL");
	char *key = getenv("VALETKEY_API_KEY");

	if (url != NULL && url[0] != '\0')
		c->url = str_dup(cx->arena, str_of(url));
	if (key == NULL)
		return;
	if (key[0] != '\0')
		c->api_key = secret_dup(cx->arena, secret_of(str_trim(str_of(key))));
	mem_wipe(key, strlen(key));
	unsetenv("VALETKEY_API_KEY");
}

/* Whether http:// to it never leaves this machine. */
static bool
stays_here(struct str url)
{
	struct str rest = str_sub(url, S("http://").len, url.len);
	struct str authority = str_sub(rest, 0, str_find(rest, '/'));
	struct str host = str_sub(authority, 0, str_find(authority, ':'));
	bool digits = true;

	for (size_t i = 0; i < host.len; i++)
		digits = digits && (host.p[i] == '.' || (host.p[i] >= '0' && host.p[i] <= '9'));
	if (str_find(authority, '@') < authority.len)
		return false;
	return str_eq_nocase(host, S("localhost")) || str_starts(authority, S("[::1]")) ||
	    (str_starts(host, S("127.")) && digits);
}

/* The API key would be readable by everybody on the way. */
static enum rc
check_way(struct ctx *cx, const struct cli_config *c)
{
	const char *allowed = getenv("VALETKEY_ALLOW_HTTP");

	if (str_starts(c->url, S("https://")) || stays_here(c->url) ||
	    (allowed != NULL && strcmp(allowed, "1") == 0))
		return OK;
	(void)fail(cx, E_INPUT,
	    "The API key would be sent in the clear: %.*s is http:// and not this machine.",
	    STR_ARG(c->url));
	return fail_todo(cx,
	    "Use the manager's https:// address; in a network that nobody else can read, "
	    "VALETKEY_ALLOW_HTTP=1 allows it.");
}

static enum rc
check_url(struct ctx *cx, struct cli_config *c)
{
	while (str_ends(c->url, S("/")))
		c->url.len--;
	if (!str_starts(c->url, S("http://")) && !str_starts(c->url, S("https://"))) {
		(void)fail(
		    cx, E_INPUT, "The manager's address must begin with http:// or https://.");
		return fail_todo(cx, "Set VALETKEY_URL, for example to " CLI_DEFAULT_URL ".");
	}
	if (str_find(c->url, '?') < c->url.len || str_find(c->url, '#') < c->url.len)
		return fail(cx, E_INPUT, "The manager's address must not hold a ? or a #.");
	return OK;
}

static enum rc
check_key(struct ctx *cx, const struct cli_config *c, const char *path)
{
	struct str key = secret_expose(c->api_key);

	if (key.len == 0) {
		(void)fail(cx, E_AUTH, "No API key is set.");
		return fail_todo(cx,
		    "Make one in the console under API Keys, then set VALETKEY_API_KEY or put "
		    "`api_key = …` into %s (mode 600).",
		    path != NULL ? path : "~/.config/valetkey/config");
	}
	for (size_t i = 0; i < key.len; i++)
		if (key.p[i] <= ' ' || key.p[i] > '~' || key.len > KEY_MAX)
			return fail(cx, E_AUTH,
			    "The API key is not one: it begins with vk_ and "
			    "has no spaces.");
	return OK;
}

enum rc
cli_config_load(struct ctx *cx, struct cli_config *out)
{
	const char *path = file_path(cx);
	struct cli_config c = { .url = S(CLI_DEFAULT_URL) };
	struct cli_config environment = { 0 };

	take_environment(cx, &environment);
	if (path != NULL)
		TRY(take_file(cx, &c, path));
	if (environment.url.len > 0)
		c.url = environment.url;
	if (!secret_empty(environment.api_key))
		c.api_key = environment.api_key;
	TRY(check_url(cx, &c));
	TRY(check_way(cx, &c));
	TRY(check_key(cx, &c, path));
	*out = c;
	return OK;
}
