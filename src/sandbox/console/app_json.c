/* The JSON of apps.h: a page of an account's apps, and one app with all that its tabs show. */
#include "sandbox/console/apps.h"
#include "sandbox/console/lists.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/text.h"
#include "sandbox/tree/names.h"

#define CURSOR_MAX 64

static json_t *
summary_json(const struct app *app)
{
	json_t *o = json_object();

	json_put(o, "app_key", json_str(app->key));
	json_put(o, "name", json_str(app->name));
	json_put(o, "api", json_str(app->api));
	json_put(o, "access", json_str(app->access));
	json_put(o, "status", json_string(app->production ? "production" : "development"));
	json_put(o, "icon_id", json_opt_str(app->icon_id));
	json_put(o, "created_ms", json_integer(app->created_ms));
	return o;
}

/* "created_ms.app_key" of the last app of a page. */
static enum rc
read_cursor(struct ctx *cx, struct str text, int64_t *created_ms, struct str *key)
{
	struct str ms;

	*created_ms = INT64_MAX;
	*key = S("");
	if (text.len == 0)
		return OK;
	if (text.len <= CURSOR_MAX && str_split(&text, '.', &ms) &&
	    str_int(ms, 0, INT64_MAX, created_ms) && text.len > 0 && text_only(text, "")) {
		*key = text;
		return OK;
	}
	return fail_at(cx, E_INPUT, "bad-cursor", "after", "This is not the end of a page.");
}

/* A pattern for LIKE in which what was typed stands for itself. */
static struct str
containing(struct ctx *cx, struct str words)
{
	struct str folded = path_key(cx->arena, words);
	char *p = arena_alloc(cx->arena, 2 * folded.len + 2);
	size_t n = 0;

	p[n++] = '%';
	for (size_t i = 0; i < folded.len; i++) {
		if (strchr("%_\\", folded.p[i]) != NULL)
			p[n++] = '\\';
		p[n++] = folded.p[i];
	}
	p[n++] = '%';
	return (struct str){ p, n };
}

#define MATCHES "owner_id = $1 AND ($2 IS NULL OR name_folded LIKE $2 ESCAPE '\\' OR app_key = $3)"

static void
read_summary(struct ctx *cx, struct db_stmt *st, struct app *out)
{
	struct arena *a = cx->arena;

	*out = (struct app){
		.key = db_col_text(st, 0, a),
		.name = db_col_text(st, 1, a),
		.api = db_col_text(st, 2, a),
		.access = db_col_text(st, 3, a),
		.production = str_eq(db_col_text(st, 4, a), S("production")),
		.icon_id = db_col_text(st, 5, a),
		.created_ms = db_col_int(st, 6),
	};
}

/* One more than asked for tells whether there are others. */
static enum rc
rows_json(struct sandbox *s, struct ctx *cx, const struct apps_query *q, struct str pattern,
    json_t *list, json_t **next)
{
	struct app app = { 0 };
	int64_t created_ms;
	struct db_stmt *st;
	struct str key;
	bool row;

	TRY(read_cursor(cx, q->after, &created_ms, &key));
	TRY(sql_bind(cx, s->db,
	    "SELECT app_key, name, api, access, status, icon_id, created_ms FROM apps "
	    "WHERE " MATCHES " AND created_ms <= $4 AND (created_ms < $4 OR app_key < $5)"
	    " ORDER BY created_ms DESC, app_key DESC LIMIT $6",
	    SQL_ARGS(
		T(q->owner_id), T(pattern), T(q->words), I(created_ms), T(key), I(q->limit + 1)),
	    &st));
	*next = json_null();
	for (int64_t n = 0;; n++) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		if (n == q->limit)
			break;
		read_summary(cx, st, &app);
		json_array_append_new(list, summary_json(&app));
	}
	db_done(st);
	*next = json_str(
	    str_printf(cx->arena, "%lld.%.*s", (long long)app.created_ms, STR_ARG(app.key)));
	return OK;
}

enum rc
apps_json(struct sandbox *s, struct ctx *cx, const struct apps_query *q, json_t **out)
{
	struct str pattern = q->words.len > 0 ? containing(cx, q->words) : (struct str){ 0 };
	json_t *list = json_array(), *next = NULL;
	int64_t total;

	TRY(rows_json(s, cx, q, pattern, list, &next));
	TRY(sql_count(cx, s->db, "SELECT count(*) FROM apps WHERE " MATCHES,
	    SQL_ARGS(T(q->owner_id), T(pattern), T(q->words)), &total));
	*out = json_object();
	json_put(*out, "apps", list);
	json_put(*out, "total", json_integer(total));
	json_put(*out, "next", next);
	return OK;
}

static enum rc
put_lists(struct sandbox *s, struct ctx *cx, struct str key, json_t *o)
{
	json_t *uris, *domains;

	TRY(uris_json(s, cx, key, &uris));
	json_put(o, "redirect_uris", uris);
	TRY(domains_json(s, cx, key, &domains));
	json_put(o, "domains", domains);
	return OK;
}

enum rc
app_json(
    struct sandbox *s, struct ctx *cx, const struct app *app, struct str owner_email, json_t **out)
{
	json_t *o = summary_json(app);
	int64_t linked;

	TRY(sql_count(cx, s->db, "SELECT count(*) FROM links WHERE app_key = $1",
	    SQL_ARGS(T(app->key)), &linked));
	TRY(put_lists(s, cx, app->key, o));
	json_put(o, "folder_name", json_opt_str(app->folder_name));
	json_put(o, "owner_email", json_str(owner_email));
	json_put(o, "scopes", scopes_json_choices(app->scopes));
	json_put(o, "users_linked", json_integer(linked));
	json_put(o, "users_max", json_integer(DEVELOPMENT_USERS_MAX));
	json_put(o, "more_users", json_boolean(app->more_users));
	json_put(o, "public_clients", json_boolean(app->public_clients));
	json_put(o, "token_life", json_string(app->no_expiration ? "none" : "short"));
	json_put(o, "publisher", json_str(app->publisher));
	json_put(o, "website", json_str(app->website));
	json_put(o, "description", json_str(app->description));
	*out = o;
	return OK;
}
