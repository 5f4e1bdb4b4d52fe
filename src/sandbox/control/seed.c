#include "sandbox/control/seed_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <stdlib.h>
#include <unistd.h>

#include "sandbox/control/faults.h"
#include "sandbox/control/people.h"
#include "sandbox/control/rates.h"
#include "sandbox/control/settings.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/core/text.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/tree/files.h"

#define DEPTH_MAX 6
#define EMAIL_MAX 254
#define NAME_MAX_LEN 400
#define PATH_MAX_LEN 4096
#define TEXT_MAX (1u << 20)
#define KEY_MAX 128

/* --- the file --- */

static enum rc
unreadable(struct ctx *cx, const char *path)
{
	return fail(cx, E_INPUT, "The seed file %s could not be read: %s.", path, strerror(errno));
}

static enum rc
too_large(struct ctx *cx, const char *path)
{
	return fail_at(cx, E_INPUT, "too-large", NULL, "The seed file %s is larger than %u MiB.",
	    path, SEED_MAX >> 20);
}

static enum rc
read_all(struct ctx *cx, const char *path, int fd, struct str *out)
{
	size_t cap = 65536, len = 0;
	char *p = mem_alloc(cap);
	ssize_t n;

	while ((n = read(fd, p + len, cap - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || (len += (size_t)n) > SEED_MAX)
			break;
		if (len == cap)
			p = mem_realloc(p, cap *= 2);
	}
	if (n == 0)
		*out = str_dup(cx->arena, (struct str){ p, len });
	mem_wipe(p, cap);
	free(p);
	if (n < 0)
		return unreadable(cx, path);
	return n == 0 ? OK : too_large(cx, path);
}

static enum rc
read_file(struct ctx *cx, const char *path, struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	enum rc rc;

	if (fd < 0)
		return unreadable(cx, path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > SEED_MAX)
		rc = too_large(cx, path);
	else
		rc = read_all(cx, path, fd, out);
	close(fd);
	return rc;
}

/* --- sections --- */

/* What other rooms refuse does not know where it stands in the file. */
static enum rc
placed(struct ctx *cx, struct str place, enum rc rc)
{
	const char *code = cx->code, *field = cx->field;
	struct str why = str_dup(cx->arena, str_of(cx->why));

	if (rc == OK || rc == E_STORE || rc == E_BUSY || rc == E_BUG || str_starts(why, place))
		return rc;
	fail_at(cx, E_INPUT, code, field, "%.*s: %.*s", STR_ARG(place), STR_ARG(why));
	return E_INPUT;
}

static enum rc
each(struct sandbox *s, struct ctx *cx, const struct input *doc, const char *section,
    const char *const *members, seed_item *add)
{
	const json_t *list = json_object_get(doc->object, section), *item;
	size_t i;

	if (!input_has(doc, section))
		return OK;
	if (!json_is_array(list))
		return input_bad(cx, doc, section, "must be a list.");
	json_array_foreach (list, i, item) {
		struct str place = str_printf(cx->arena, "%s[%zu]", section, i);
		struct input in;

		TRY(input_object(cx, item, place, members, &in));
		TRY(placed(cx, place, add(s, cx, &in)));
	}
	return OK;
}

static enum rc
section(struct ctx *cx, const struct input *doc, const char *name, const char *const *members,
    struct input *out)
{
	return input_object(cx, json_object_get(doc->object, name), str_of(name), members, out);
}

enum rc
seed_account_of(struct sandbox *s, struct ctx *cx, const struct input *in, const char *name,
    struct account *out)
{
	struct str email;
	enum rc rc;

	TRY(input_need(cx, in, name, EMAIL_MAX, &email));
	rc = account_by_email(s, cx, email, out);
	if (rc != E_NOTFOUND)
		return rc;
	return input_bad(cx, in, name, "is no account: there is no \"%.*s\" among accounts.",
	    (int)(email.len < 100 ? email.len : 100), email.p);
}

enum rc
seed_scopes(struct ctx *cx, const struct input *in, scope_set *out)
{
	const json_t *list = json_object_get(in->object, "scopes"), *item;
	size_t i;

	*out = 0;
	if (!input_has(in, "scopes"))
		return OK;
	if (!json_is_array(list))
		return input_bad(cx, in, "scopes", "must be a list of names.");
	json_array_foreach (list, i, item) {
		const char *name = json_string_value(item);
		enum scope scope;

		if (name == NULL || !scope_find(str_of(name), &scope))
			return input_bad(
			    cx, in, "scopes", "has a name at %zu that is no permission.", i);
		*out |= SCOPE_BIT(scope);
	}
	return OK;
}

static enum rc
add_account(struct sandbox *s, struct ctx *cx, const struct input *in)
{
	struct account made;

	return account_read(s, cx, in, &made);
}

/* "/a/b": no component is empty, "." or "..". */
static bool
plain_path(struct str path)
{
	struct str rest = str_sub(path, 1, path.len), name;

	if (!str_starts(path, S("/")) || !text_printable(path))
		return false;
	while (str_split(&rest, '/', &name)) {
		if (name.len == 0 || str_eq(name, S(".")) || str_eq(name, S("..")))
			return false;
	}
	return true;
}

static enum rc
add_file(struct sandbox *s, struct ctx *cx, const struct input *in)
{
	struct account owner;
	struct str path, text;

	TRY(seed_account_of(s, cx, in, "account", &owner));
	TRY(input_need(cx, in, "path", PATH_MAX_LEN, &path));
	TRY(input_text(cx, in, "text", TEXT_MAX, &text));
	if (!plain_path(path))
		return input_bad(cx, in, "path",
		    "must begin with a slash, be printable, and have names between its slashes.");
	if (text.p == NULL)
		return folder_ensure(s, cx, owner.id, path);
	return tree_put_text(s, cx, owner.id, path, text);
}

static enum rc
add_grant(struct sandbox *s, struct ctx *cx, const struct input *in)
{
	struct grant_import g = { 0 };
	struct account owner;
	struct str refresh;

	TRY(input_need(cx, in, "app", KEY_MAX, &g.app_key));
	TRY(seed_account_of(s, cx, in, "account", &owner));
	TRY(seed_scopes(cx, in, &g.scopes));
	TRY(input_bool(cx, in, "offline", &g.offline));
	TRY(input_text(cx, in, "refresh_token", KEY_MAX, &refresh));
	if (refresh.p != NULL && !g.offline)
		return input_bad(cx, in, "refresh_token", "needs \"offline\": true.");
	g.account_id = owner.id;
	g.refresh = secret_of(refresh);
	return grant_import(s, cx, &g);
}

static enum rc
add_fault(struct sandbox *s, struct ctx *cx, const struct input *in)
{
	struct str id;

	return faults_add(s->faults, cx, in, &id);
}

static enum rc
load_team(struct sandbox *s, struct ctx *cx, const struct input *doc)
{
	static const char *const members[] = { "name", NULL };
	struct input in;
	struct str name;

	if (input_has(doc, "team")) {
		TRY(section(cx, doc, "team", members, &in));
		TRY(input_need(cx, &in, "name", NAME_MAX_LEN, &name));
		if (!text_printable(name))
			return input_bad(cx, &in, "name", "must be printable.");
		TRY(store_setting_put(s, cx, S("team_name"), name));
	}
	return team_make(s, cx);
}

static enum rc
load_rules(struct sandbox *s, struct ctx *cx, const struct input *doc)
{
	struct input in;

	if (input_has(doc, "settings")) {
		TRY(section(cx, doc, "settings", setting_members, &in));
		TRY(settings_put(s, cx, &in));
	}
	if (!input_has(doc, "limits"))
		return OK;
	TRY(section(cx, doc, "limits", rate_members, &in));
	return rates_put(s, cx, &in);
}

static enum rc
load(struct sandbox *s, struct ctx *cx, const struct input *doc)
{
	static const char *const file[] = { "account", "path", "text", NULL };
	static const char *const grant[] = { "app", "account", "scopes", "offline", "refresh_token",
		NULL };

	TRY(load_team(s, cx, doc));
	TRY(load_rules(s, cx, doc));
	TRY(each(s, cx, doc, "accounts", account_members, add_account));
	TRY(each(s, cx, doc, "apps", seed_app_members, seed_app));
	TRY(each(s, cx, doc, "files", file, add_file));
	TRY(each(s, cx, doc, "grants", grant, add_grant));
	return each(s, cx, doc, "faults", fault_members, add_fault);
}

enum rc
seed_load(struct sandbox *s, struct ctx *cx, const char *path)
{
	static const char *const sections[] = { "$schema", "team", "settings", "limits", "accounts",
		"apps", "files", "grants", "faults", NULL };
	struct input doc;
	struct str text;
	json_t *value;
	enum rc rc;

	TRY(read_file(cx, path, &text));
	rc = json_read(cx, text, DEPTH_MAX, &value);
	if (rc == OK)
		rc = input_object(cx, value, S(""), sections, &doc);
	if (rc == OK)
		rc = load(s, cx, &doc);
	return placed(cx, str_printf(cx->arena, "The seed file %s", path), rc);
}
