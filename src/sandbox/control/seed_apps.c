/* The section "apps" of the seed file. */
#include "sandbox/console/apps.h"
#include "sandbox/control/seed_int.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/core/text.h"
#include "sandbox/oauth/personality.h"

#define NAME_MAX_LEN 200
#define LINE_MAX_LEN 2000
#define URI_MAX_LEN 16384

const char *const seed_app_members[] = { "name", "owner", "app_key", "app_secret", "api", "access",
	"folder_name", "scopes", "redirect_uris", "status", "additional_users", "public_clients",
	"access_token_expiration", "publisher", "website", "description", "personality", NULL };

static enum rc
read_key(struct ctx *cx, const struct input *in, const char *name, struct str *out)
{
	TRY(input_text(cx, in, name, APP_KEY_MAX, out));
	if (out->p == NULL || (out->len > 0 && text_only(*out, "")))
		return OK;
	return input_bad(cx, in, name, "must be 1 to %d letters and digits.", APP_KEY_MAX);
}

static enum rc
read_line(struct ctx *cx, const struct input *in, const char *name, struct str *out)
{
	TRY(input_text(cx, in, name, LINE_MAX_LEN, out));
	return out->len == 0 || text_printable(*out)
	    ? OK
	    : input_bad(cx, in, name, "must be printable.");
}

static enum rc
read_kind(struct ctx *cx, const struct input *in, struct app *out)
{
	static const char *const apis[] = { "dropbox", "business", NULL };
	static const char *const accesses[] = { "full", "app_folder", NULL };
	int api, access;

	TRY(input_word(cx, in, "api", apis, &api));
	TRY(input_word(cx, in, "access", accesses, &access));
	out->api = str_of(apis[api > 0]);
	out->access = str_of(accesses[access > 0]);
	TRY(read_line(cx, in, "folder_name", &out->folder_name));
	if (out->folder_name.len > 0 &&
	    (access <= 0 || str_find(out->folder_name, '/') < out->folder_name.len))
		return input_bad(cx, in, "folder_name",
		    "belongs to access \"app_folder\" and has no slash in it.");
	return OK;
}

static enum rc
read_switches(struct ctx *cx, const struct input *in, struct app *out)
{
	static const char *const statuses[] = { "development", "production", NULL };
	static const char *const expirations[] = { "short", "none", NULL };
	int status, expiration;

	TRY(input_word(cx, in, "status", statuses, &status));
	TRY(input_word(cx, in, "access_token_expiration", expirations, &expiration));
	TRY(input_bool(cx, in, "additional_users", &out->more_users));
	TRY(input_bool(cx, in, "public_clients", &out->public_clients));
	out->production = status == 1;
	out->no_expiration = expiration == 1;
	TRY(read_line(cx, in, "publisher", &out->publisher));
	TRY(read_line(cx, in, "website", &out->website));
	return read_line(cx, in, "description", &out->description);
}

/* Without scopes it is a new app's, as the settings say. */
static enum rc
read_scopes(struct sandbox *s, struct ctx *cx, const struct input *in, struct app *out)
{
	enum scope lacking, needed;
	struct str start;

	TRY(seed_scopes(cx, in, &out->scopes));
	TRY(store_setting_get(s, cx, S("new_app_scopes"), &start));
	if (out->scopes == 0 && !str_eq(start, S("minimal")))
		out->scopes = SCOPES_OF_A_NEW_APP;
	out->scopes |= SCOPE_BIT(SCOPE_ACCOUNT_READ);
	if (scopes_gap(out->scopes, &lacking, &needed))
		return input_bad(cx, in, "scopes", "lacks %s, which %s needs.", scope_name(needed),
		    scope_name(lacking));
	return OK;
}

static enum rc
add_uris(struct sandbox *s, struct ctx *cx, const struct input *in, struct str key)
{
	const json_t *list = json_object_get(in->object, "redirect_uris"), *item;
	size_t i;

	if (!input_has(in, "redirect_uris"))
		return OK;
	if (!json_is_array(list))
		return input_bad(cx, in, "redirect_uris", "must be a list of addresses.");
	json_array_foreach (list, i, item) {
		struct str uri = str_of(json_string_value(item));
		const char *why = "It is no text, or too long.";

		if (uri.len == 0 || uri.len > URI_MAX_LEN || !redirect_uri_ok(uri, &why))
			return input_bad(
			    cx, in, "redirect_uris", "has a bad address at %zu. %s", i, why);
		TRY(app_add_uri(s, cx, key, uri));
	}
	return OK;
}

static enum rc
set_personality(struct sandbox *s, struct ctx *cx, const struct input *in, struct str key)
{
	struct personality p;
	struct str text;

	if (!input_has(in, "personality"))
		return OK;
	TRY(personality_read(cx, json_object_get(in->object, "personality"), &p));
	text = json_write(cx->arena, personality_json(&p));
	return sql_exec(cx, s->db, NULL, "UPDATE apps SET personality = $1 WHERE app_key = $2",
	    SQL_ARGS(T(text), T(key)));
}

enum rc
seed_app(struct sandbox *s, struct ctx *cx, const struct input *in)
{
	struct account owner;
	struct app app = { 0 };
	struct str secret;

	TRY(input_need(cx, in, "name", NAME_MAX_LEN, &app.name));
	TRY(app_name_check(cx, app.name));
	TRY(seed_account_of(s, cx, in, "owner", &owner));
	app.owner_id = owner.id;
	TRY(read_key(cx, in, "app_key", &app.key));
	TRY(read_key(cx, in, "app_secret", &secret));
	TRY(read_kind(cx, in, &app));
	if (str_eq(app.api, S("business")) && !owner.business)
		return input_bad(cx, in, "api", "can be \"business\" for a business account only.");
	TRY(read_switches(cx, in, &app));
	TRY(read_scopes(s, cx, in, &app));
	TRY(app_import(s, cx, &app, secret_of(secret)));
	TRY(add_uris(s, cx, in, app.key));
	return set_personality(s, cx, in, app.key);
}
