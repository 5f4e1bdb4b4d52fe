#include "sandbox/console/apps.h"

#include "base/throttle.h"
#include "sandbox/core/known.h"
#include "sandbox/core/scopes.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/tree/names.h"

#define COLUMNS                                                                             \
	"app_key, owner_id, name, api, access, folder_name, scopes, created_ms, "           \
	"status, more_users, public_clients, token_life, publisher, website, description, " \
	"personality, icon_id"
#define KEY_ALPHABET S("abcdefghijklmnopqrstuvwxyz0123456789")
#define MAX_APPS_PER_ACCOUNT 20000
#define FOLDER_TRIES_MAX 100
#define WRONG_SECRETS_A_MINUTE 20

#define SECRET_PURPOSE "sandbox.app_secret"

void
apps_keep_keys(struct sandbox *s)
{
	keyring_keep(s->keys, S(SECRET_PURPOSE));
}

static struct str
secret_digest(struct sandbox *s, struct ctx *cx, struct secret value)
{
	return crypto_digest(s->keys, cx->arena, S(SECRET_PURPOSE), value);
}

static struct seal_place
secret_place(struct str key)
{
	return (struct seal_place){ .purpose = S(SECRET_PURPOSE), .row = key };
}

/* A column that is never NULL. */
static struct str
text_or_none(struct str s)
{
	return s.p != NULL ? s : S("");
}

static void
read_app(struct ctx *cx, struct db_stmt *st, struct app *out)
{
	struct arena *a = cx->arena;

	*out = (struct app){
		.key = db_col_text(st, 0, a),
		.owner_id = db_col_text(st, 1, a),
		.name = db_col_text(st, 2, a),
		.api = db_col_text(st, 3, a),
		.access = db_col_text(st, 4, a),
		.folder_name = db_col_text(st, 5, a),
		.created_ms = db_col_int(st, 7),
		.production = str_eq(db_col_text(st, 8, a), S("production")),
		.more_users = db_col_int(st, 9) != 0,
		.public_clients = db_col_int(st, 10) != 0,
		.no_expiration = str_eq(db_col_text(st, 11, a), S("none")),
		.publisher = db_col_text(st, 12, a),
		.website = db_col_text(st, 13, a),
		.description = db_col_text(st, 14, a),
		.personality = db_col_text(st, 15, a),
		.icon_id = db_col_text(st, 16, a),
	};
	scopes_parse(db_col_text(st, 6, a), &out->scopes);
}

static enum rc
no_such_app(struct ctx *cx)
{
	fail_at(cx, E_NOTFOUND, "no-app", NULL, "There is no such app among yours.");
	return fail_todo(cx, "Look at My apps.");
}

enum rc
app_get(struct sandbox *s, struct ctx *cx, struct str key, struct app *out)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(
	    cx, s->db, "SELECT " COLUMNS " FROM apps WHERE app_key = $1", SQL_ARGS(T(key)), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return no_such_app(cx);
	read_app(cx, st, out);
	db_done(st);
	return OK;
}

enum rc
app_get_own(struct sandbox *s, struct ctx *cx, struct str key, struct str owner_id, struct app *out)
{
	TRY(app_get(s, cx, key, out));
	return str_eq(out->owner_id, owner_id) ? OK : no_such_app(cx);
}

/* App folder names follow the app's name, without what a path cannot hold. */
static struct str
folder_of(struct ctx *cx, struct str name)
{
	char *p = str_cstr(cx->arena, name);

	for (size_t i = 0; i < name.len; i++)
		if (strchr("/\\:?*<>\"|", p[i]) != NULL)
			p[i] = '_';
	while (name.len > 0 && (p[name.len - 1] == '.' || p[name.len - 1] == ' '))
		name.len--;
	return name.len > 0 ? (struct str){ p, name.len } : S("App");
}

static enum rc
check_room(struct sandbox *s, struct ctx *cx, struct str owner_id)
{
	int64_t count;

	TRY(sql_count(cx, s->db, "SELECT count(*) FROM apps WHERE owner_id = $1",
	    SQL_ARGS(T(owner_id)), &count));
	if (count < MAX_APPS_PER_ACCOUNT)
		return OK;
	fail_at(cx, E_CONFLICT, "too-many-apps", NULL, "This account has %d apps already.",
	    MAX_APPS_PER_ACCOUNT);
	return fail_todo(cx, "Delete one first.");
}

static enum rc
check_key_free(struct sandbox *s, struct ctx *cx, struct str key)
{
	int64_t there;

	TRY(sql_count(
	    cx, s->db, "SELECT count(*) FROM apps WHERE app_key = $1", SQL_ARGS(T(key)), &there));
	return there == 0 ? OK
			  : fail_at(cx, E_CONFLICT, "key-taken", "app_key",
				"An app with the key %.*s exists already.", STR_ARG(key));
}

static enum rc
name_taken(struct ctx *cx, enum rc rc)
{
	if (rc != E_CONFLICT)
		return rc;
	fail_at(cx, E_CONFLICT, "name-taken", "name", "An app with this name exists already.");
	return fail_todo(cx, "Names are unique across all accounts: choose another one.");
}

static enum rc
insert_app(struct sandbox *s, struct ctx *cx, const struct app *app, struct secret secret)
{
	struct str folder_key =
	    app->folder_name.len > 0 ? path_key(cx->arena, app->folder_name) : (struct str){ 0 };

	return name_taken(cx,
	    sql_exec(cx, s->db, NULL,
		"INSERT INTO apps (app_key, owner_id, name, name_folded, api, access, folder_name,"
		" folder_key, scopes, secret_digest, secret_sealed, created_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
		SQL_ARGS(T(app->key), T(app->owner_id), T(app->name),
		    T(path_key(cx->arena, app->name)), T(app->api), T(app->access),
		    T(app->folder_name), T(folder_key), T(scopes_text(cx->arena, app->scopes)),
		    B(secret_digest(s, cx, secret)),
		    B(crypto_seal(s->keys, cx->arena, secret_place(app->key), secret)),
		    I(app->created_ms))));
}

static enum rc
folder_taken(struct sandbox *s, struct ctx *cx, struct str folder, bool *out)
{
	int64_t there;

	TRY(sql_count(cx, s->db, "SELECT count(*) FROM apps WHERE folder_key = $1",
	    SQL_ARGS(T(path_key(cx->arena, folder))), &there));
	*out = there > 0;
	return OK;
}

/* Two apps never share a folder, though names that differ may give the same, and a name that was
 * changed leaves its folder behind. */
static enum rc
choose_folder(struct sandbox *s, struct ctx *cx, struct app *app)
{
	struct str plain = folder_of(cx, app->name), given = app->folder_name;
	bool taken = false;

	if (!str_eq(app->access, S("app_folder"))) {
		app->folder_name = (struct str){ 0 };
		return OK;
	}
	app->folder_name = given.len > 0 ? given : plain;
	for (int n = 2; n <= FOLDER_TRIES_MAX; n++) {
		TRY(folder_taken(s, cx, app->folder_name, &taken));
		if (!taken || given.len > 0)
			break;
		app->folder_name = str_printf(cx->arena, "%.*s (%d)", STR_ARG(plain), n);
	}
	return taken ? fail_at(cx, E_CONFLICT, "folder-taken", "folder_name",
			   "Another app has this folder already.")
		     : OK;
}

enum rc
app_import(struct sandbox *s, struct ctx *cx, struct app *app, struct secret secret)
{
	if (app->key.len == 0)
		app->key = secret_expose(crypto_random_text(cx->arena, APP_KEY_LEN, KEY_ALPHABET));
	if (secret_empty(secret))
		secret = crypto_random_text(cx->arena, APP_KEY_LEN, KEY_ALPHABET);
	if (app->scopes == 0)
		app->scopes = SCOPES_OF_A_NEW_APP;
	app->created_ms = clock_now_ms(s->clock);
	TRY(check_room(s, cx, app->owner_id));
	TRY(check_key_free(s, cx, app->key));
	TRY(choose_folder(s, cx, app));
	TRY(insert_app(s, cx, app, secret));
	return app_save(s, cx, app);
}

enum rc
app_create(struct sandbox *s, struct ctx *cx, struct app *app)
{
	struct str start;

	TRY(store_setting_get(s, cx, S("new_app_scopes"), &start));
	app->key = (struct str){ 0 };
	app->scopes =
	    str_eq(start, S("minimal")) ? SCOPE_BIT(SCOPE_ACCOUNT_READ) : SCOPES_OF_A_NEW_APP;
	return app_import(s, cx, app, (struct secret){ 0 });
}

enum rc
app_save(struct sandbox *s, struct ctx *cx, const struct app *app)
{
	return name_taken(cx,
	    sql_exec(cx, s->db, NULL,
		"UPDATE apps SET name = $1, name_folded = $2, status = $3, more_users = $4,"
		" public_clients = $5, token_life = $6, publisher = $7, website = $8,"
		" description = $9 WHERE app_key = $10",
		SQL_ARGS(T(app->name), T(path_key(cx->arena, app->name)),
		    T(app->production ? S("production") : S("development")), I(app->more_users),
		    I(app->public_clients), T(app->no_expiration ? S("none") : S("short")),
		    T(text_or_none(app->publisher)), T(text_or_none(app->website)),
		    T(text_or_none(app->description)), T(app->key))));
}

enum rc
app_secret(struct sandbox *s, struct ctx *cx, struct str key, struct secret *out)
{
	struct db_stmt *st;
	struct str sealed;
	bool row;

	TRY(sql_bind(
	    cx, s->db, "SELECT secret_sealed FROM apps WHERE app_key = $1", SQL_ARGS(T(key)), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return no_such_app(cx);
	sealed = db_col_blob(st, 0, cx->arena);
	db_done(st);
	return crypto_open(s->keys, cx, secret_place(key), sealed, out);
}

/* Who agreed before is asked again: an approval counts for the app that had the old secret (S-084). */
enum rc
app_rotate_secret(struct sandbox *s, struct ctx *cx, struct str key, struct secret *out)
{
	*out = crypto_random_text(cx->arena, APP_KEY_LEN, KEY_ALPHABET);
	TRY(sql_exec(cx, s->db, NULL, "UPDATE links SET redirect_uri = NULL WHERE app_key = $1",
	    SQL_ARGS(T(key))));
	return sql_exec(cx, s->db, NULL,
	    "UPDATE apps SET secret_digest = $1, secret_sealed = $2 WHERE app_key = $3",
	    SQL_ARGS(B(secret_digest(s, cx, *out)),
		B(crypto_seal(s->keys, cx->arena, secret_place(key), *out)), T(key)));
}

/* What a client is asked for at each call. */
struct client {
	struct str secret_digest;
	bool public;
};

/* NULL: there is no such app. */
static enum rc
client_get(struct sandbox *s, struct ctx *cx, struct str key, const struct client **out)
{
	struct client *found = known_get(s, s->clients, key);
	struct db_stmt *st;
	struct arena *a;
	bool row;

	*out = found;
	if (found != NULL)
		return OK;
	TRY(sql_bind(cx, s->db, "SELECT secret_digest, public_clients FROM apps WHERE app_key = $1",
	    SQL_ARGS(T(key)), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return OK;
	a = known_arena(s, s->clients);
	found = ARENA_NEW(a, struct client);
	found->secret_digest = db_col_blob(st, 0, a);
	found->public = db_col_int(st, 1) != 0;
	db_done(st);
	known_put(s, s->clients, key, found);
	*out = found;
	return OK;
}

static enum rc
secret_ok(struct sandbox *s, struct ctx *cx, struct str key, struct secret given, bool *out)
{
	struct str digest = secret_digest(s, cx, given), stored;
	const struct client *client;

	TRY(client_get(s, cx, key, &client));
	stored = client != NULL ? client->secret_digest : secret_digest(s, cx, secret_of(S("")));
	*out = crypto_equal(secret_of(stored), secret_of(digest)) && client != NULL;
	return OK;
}

enum rc
app_is_public(struct sandbox *s, struct ctx *cx, struct str key, bool *out)
{
	const struct client *client;

	TRY(client_get(s, cx, key, &client));
	*out = client != NULL && client->public;
	return OK;
}

enum rc
app_prove(struct sandbox *s, struct ctx *cx, struct str key, struct secret given, bool *right)
{
	TRY(throttle_check(s->app_secrets, cx, key, WRONG_SECRETS_A_MINUTE));
	TRY(secret_ok(s, cx, key, given, right));
	if (!*right)
		throttle_failed(s->app_secrets, key);
	return OK;
}

enum rc
app_set_scopes(struct sandbox *s, struct ctx *cx, struct str key, scope_set scopes)
{
	return sql_exec(cx, s->db, NULL, "UPDATE apps SET scopes = $1 WHERE app_key = $2",
	    SQL_ARGS(T(scopes_text(cx->arena, scopes)), T(key)));
}

enum rc
app_delete(struct sandbox *s, struct ctx *cx, struct str key)
{
	return sql_exec(cx, s->db, NULL, "DELETE FROM apps WHERE app_key = $1", SQL_ARGS(T(key)));
}
