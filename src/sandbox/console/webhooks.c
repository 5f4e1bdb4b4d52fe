#include "sandbox/console/webhooks.h"

#include "sandbox/console/notifier.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/text.h"
#include "sandbox/tree/files.h"

#define WEBHOOKS_MAX 10
#define ID_ALPHABET S("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")

enum rc
webhook_uri_check(struct ctx *cx, struct str uri)
{
	const char *why;

	if (web_address_ok(uri, &why) && str_contains(uri, S("#")))
		why = "A webhook URI cannot have a fragment (the part after #).";
	if (why == NULL)
		return OK;
	fail_at(cx, E_INPUT, "bad-uri", "uri", "%s", why);
	return fail_todo(cx, "Type the address at which your program listens.");
}

static enum rc
there_already(struct ctx *cx)
{
	return fail_at(cx, E_CONFLICT, "uri-there", "uri", "This webhook URI is there already.");
}

enum rc
webhook_check_room(struct sandbox *s, struct ctx *cx, struct str app_key, struct str uri)
{
	int64_t count, same;

	TRY(sql_count(cx, s->db, "SELECT count(*) FROM webhooks WHERE app_key = $1",
	    SQL_ARGS(T(app_key)), &count));
	TRY(sql_count(cx, s->db, "SELECT count(*) FROM webhooks WHERE app_key = $1 AND uri = $2",
	    SQL_ARGS(T(app_key), T(uri)), &same));
	if (same > 0)
		return there_already(cx);
	if (count < WEBHOOKS_MAX)
		return OK;
	fail_at(cx, E_INPUT, "too-many-uris", "uri", "An app can have %d webhooks.", WEBHOOKS_MAX);
	return fail_todo(cx, "Delete one first.");
}

enum rc
webhook_add(struct sandbox *s, struct ctx *cx, struct webhook *hook)
{
	enum rc rc;

	TRY(webhook_check_room(s, cx, hook->app_key, hook->uri));
	hook->id = secret_expose(crypto_random_text(cx->arena, WEBHOOK_ID_LEN, ID_ALPHABET));
	hook->enabled = true;
	rc = sql_exec(cx, s->db, NULL,
	    "INSERT INTO webhooks (id, app_key, uri, enabled, created_ms)"
	    " VALUES ($1, $2, $3, 1, $4)",
	    SQL_ARGS(T(hook->id), T(hook->app_key), T(hook->uri), I(clock_now_ms(s->clock))));
	return rc == E_CONFLICT ? there_already(cx) : rc;
}

static enum rc
want_one(struct ctx *cx, int64_t changed)
{
	if (changed == 1)
		return OK;
	return fail_at(cx, E_NOTFOUND, "no-webhook", NULL, "There is no such webhook.");
}

enum rc
webhook_remove(struct sandbox *s, struct ctx *cx, struct str app_key, struct str id)
{
	int64_t changed;

	TRY(sql_exec(cx, s->db, &changed, "DELETE FROM webhooks WHERE id = $1 AND app_key = $2",
	    SQL_ARGS(T(id), T(app_key))));
	return want_one(cx, changed);
}

enum rc
webhook_enable(struct sandbox *s, struct ctx *cx, struct str app_key, struct str id, bool enabled)
{
	int64_t changed;

	TRY(sql_exec(cx, s->db, &changed,
	    "UPDATE webhooks SET enabled = $1 WHERE id = $2 AND app_key = $3",
	    SQL_ARGS(I(enabled), T(id), T(app_key))));
	return want_one(cx, changed);
}

static void
read_webhook(struct ctx *cx, struct db_stmt *st, struct webhook *out)
{
	*out = (struct webhook){
		.id = db_col_text(st, 0, cx->arena),
		.app_key = db_col_text(st, 1, cx->arena),
		.uri = db_col_text(st, 2, cx->arena),
		.enabled = db_col_int(st, 3) != 0,
	};
}

enum rc
webhook_get(struct sandbox *s, struct ctx *cx, struct str id, struct webhook *out)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db, "SELECT id, app_key, uri, enabled FROM webhooks WHERE id = $1",
	    SQL_ARGS(T(id)), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return want_one(cx, 0);
	read_webhook(cx, st, out);
	db_done(st);
	return OK;
}

enum rc
webhooks_json(struct sandbox *s, struct ctx *cx, struct str app_key, json_t **out)
{
	struct webhook hook;
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT id, app_key, uri, enabled FROM webhooks WHERE app_key = $1"
	    " ORDER BY created_ms, id",
	    SQL_ARGS(T(app_key)), &st));
	*out = json_array();
	for (;;) {
		json_t *o;

		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		read_webhook(cx, st, &hook);
		o = json_object();
		json_put(o, "id", json_str(hook.id));
		json_put(o, "uri", json_str(hook.uri));
		json_put(o, "enabled", json_boolean(hook.enabled));
		json_put(o, "deliveries", notifier_log_json(s, hook.id));
		json_array_append_new(*out, o);
	}
}

enum rc
webhooks_any(struct sandbox *s, struct ctx *cx, bool *out)
{
	int64_t count;

	TRY(sql_count(cx, s->db,
	    "SELECT count(*) FROM (SELECT 1 FROM webhooks WHERE enabled = 1 LIMIT 1)", SQL_ARGS(),
	    &count));
	*out = count > 0;
	return OK;
}

struct hearer {
	struct str id, folder;
};

/* A page of them at most: an account is connected to a bounded number of apps that matter here. */
#define HEARERS_MAX 1000

static enum rc
hearers(struct sandbox *s, struct ctx *cx, struct str account_id, struct hearer *out, size_t *count)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT w.id, a.folder_name FROM links l JOIN webhooks w ON w.app_key = l.app_key"
	    " JOIN apps a ON a.app_key = l.app_key WHERE l.account_id = $1 AND w.enabled = 1"
	    " LIMIT $2",
	    SQL_ARGS(T(account_id), I(HEARERS_MAX)), &st));
	for (*count = 0;; (*count)++) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		out[*count].id = db_col_text(st, 0, cx->arena);
		out[*count].folder = db_col_text(st, 1, cx->arena);
	}
}

static enum rc
changed_below(struct sandbox *s, struct ctx *cx, struct str account_id, struct str folder,
    int64_t since, bool *out)
{
	struct file_query q = {
		.account_id = account_id,
		.path_lower =
		    path_key(cx->arena, str_printf(cx->arena, "/Apps/%.*s", STR_ARG(folder))),
		.recursive = true,
		.changes = true,
		.since = since + 1,
		.limit = 1,
	};

	return files_changed(s, cx, &q, out);
}

enum rc
webhooks_hearing(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t since,
    void (*each)(void *arg, struct str id), void *arg)
{
	struct hearer *all = ARENA_ARRAY(cx->arena, struct hearer, HEARERS_MAX);
	size_t count;

	TRY(hearers(s, cx, account_id, all, &count));
	for (size_t i = 0; i < count; i++) {
		bool inside = true;

		if (all[i].folder.len > 0)
			TRY(changed_below(s, cx, account_id, all[i].folder, since, &inside));
		if (inside)
			each(arg, all[i].id);
	}
	return OK;
}
