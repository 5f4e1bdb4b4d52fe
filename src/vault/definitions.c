/* Where provider definitions come from: the binary carries some, a directory may add or replace. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "base/file.h"
#include "data_files.h"
#include "vault/provider.h"
#include "vault/vault_int.h"

#define PROVIDERS_MAX 256
#define FILE_MAX 65536

/* The place of this id: its own, or a new one. */
static struct provider *
slot(struct vault *v, struct str id)
{
	for (size_t i = 0; i < v->provider_count; i++)
		if (str_eq(v->providers[i].id, id))
			return &v->providers[i];
	return v->provider_count < PROVIDERS_MAX ? &v->providers[v->provider_count++] : NULL;
}

static enum rc
take(struct vault *v, struct ctx *cx, struct str text, struct str dropbox_url)
{
	struct provider p, *at;

	TRY(provider_read(cx, v->arena, text, S(""), v->public_url, &p));
	if (dropbox_url.len > 0 && str_eq(p.id, S("dropbox")))
		TRY(provider_read(cx, v->arena, text, dropbox_url, v->public_url, &p));
	at = slot(v, p.id);
	if (at == NULL)
		return fail(
		    cx, E_INPUT, "There are more than %d provider definitions.", PROVIDERS_MAX);
	*at = p;
	return OK;
}

static enum rc
take_file(struct vault *v, struct ctx *cx, const char *path, struct str dropbox_url)
{
	struct str text, why;
	enum rc rc = file_read(cx, path, FILE_MAX, &text);

	if (rc == OK)
		rc = take(v, cx, text, dropbox_url);
	if (rc == OK)
		return OK;
	why = str_dup(cx->arena, str_of(cx->why));
	fail(cx, E_INPUT, "The provider definition %s is not usable: %.*s", path, STR_ARG(why));
	return fail_todo(cx, "Mend the file (its form is providers/schema.json), or take it away.");
}

static int
is_definition(const struct dirent *entry)
{
	struct str name = str_of(entry->d_name);

	return str_ends(name, S(".json")) && !str_starts(name, S(".")) &&
	    !str_eq(name, S("schema.json"));
}

/* By name, so that two files of one id always end the same way. */
static enum rc
take_directory(struct vault *v, struct ctx *cx, const char *dir, struct str dropbox_url)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, is_definition, alphasort);
	enum rc rc = OK;

	if (n < 0)
		return fail(cx, E_INPUT,
		    "The directory of provider definitions %s cannot be read: %s.", dir,
		    strerror(errno));
	for (int i = 0; i < n; i++) {
		if (rc == OK)
			rc = take_file(v, cx,
			    str_printf(cx->arena, "%s/%s", dir, entries[i]->d_name).p, dropbox_url);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

static void
set_public_only(struct vault *v, bool public_only)
{
	for (size_t i = 0; i < v->provider_count; i++) {
		struct provider *p = &v->providers[i];

		p->public_only = p->account.call.public_only = p->witness.public_only =
		    p->revoke.public_only = public_only;
	}
}

enum rc
provider_read_all(
    struct vault *v, struct ctx *cx, const char *dir, struct str dropbox_url, bool public_only)
{
	v->providers = ARENA_ARRAY(v->arena, struct provider, PROVIDERS_MAX);
	for (size_t i = 0; i < data_file_count; i++) {
		struct str text = { data_files[i].text, data_files[i].len };

		if (str_starts(str_of(data_files[i].name), S("providers/")))
			TRY(take(v, cx, text, dropbox_url));
	}
	if (dir != NULL)
		TRY(take_directory(v, cx, dir, dropbox_url));
	set_public_only(v, public_only);
	return OK;
}
