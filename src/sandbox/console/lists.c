/* The lists of apps.h: redirect URIs and domains, each a table of (app_key, value, position). */
#include "sandbox/console/lists.h"

#include "sandbox/console/apps.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"

#define LIST_MAX 100

struct list {
	const char *count, *last, *insert, *remove, *select;
	const char *field, *code_full, *code_there, *what;
};

#define LIST(table, column)                                                                    \
	.count = "SELECT count(*) FROM " table " WHERE app_key = $1",                          \
	.last = "SELECT max(position) FROM " table " WHERE app_key = $1",                      \
	.insert = "INSERT INTO " table " (app_key, " column ", position) VALUES ($1, $2, $3)", \
	.remove = "DELETE FROM " table " WHERE app_key = $1 AND " column " = $2",              \
	.select = "SELECT " column " FROM " table " WHERE app_key = $1 ORDER BY position"

static const struct list uris = { LIST("redirect_uris", "uri"), .field = "uri",
	.code_full = "too-many-uris", .code_there = "uri-there", .what = "redirect URI" };
static const struct list domains = { LIST("app_domains", "domain"), .field = "domain",
	.code_full = "too-many-domains", .code_there = "domain-there", .what = "domain" };

static enum rc
list_add(struct sandbox *s, struct ctx *cx, const struct list *l, struct str key, struct str value)
{
	int64_t count, last;
	enum rc rc;

	TRY(sql_count(cx, s->db, l->count, SQL_ARGS(T(key)), &count));
	if (count >= LIST_MAX)
		return fail_at(cx, E_INPUT, l->code_full, l->field,
		    "An app can have %d of these; delete one first.", LIST_MAX);
	TRY(sql_count(cx, s->db, l->last, SQL_ARGS(T(key)), &last));
	rc = sql_exec(cx, s->db, NULL, l->insert, SQL_ARGS(T(key), T(value), I(last + 1)));
	if (rc == E_CONFLICT)
		return fail_at(
		    cx, E_CONFLICT, l->code_there, l->field, "This %s is there already.", l->what);
	return rc;
}

static enum rc
list_json(struct sandbox *s, struct ctx *cx, const struct list *l, struct str key, json_t **out)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db, l->select, SQL_ARGS(T(key)), &st));
	*out = json_array();
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		json_array_append_new(*out, json_str(db_col_text(st, 0, cx->arena)));
	}
}

enum rc
app_has_uri(struct sandbox *s, struct ctx *cx, struct str key, struct str uri, bool *out)
{
	int64_t n;

	TRY(sql_count(cx, s->db,
	    "SELECT count(*) FROM redirect_uris WHERE app_key = $1 AND uri = $2",
	    SQL_ARGS(T(key), T(uri)), &n));
	*out = n > 0;
	return OK;
}

enum rc
app_add_uri(struct sandbox *s, struct ctx *cx, struct str key, struct str uri)
{
	return list_add(s, cx, &uris, key, uri);
}

enum rc
app_remove_uri(struct sandbox *s, struct ctx *cx, struct str key, struct str uri)
{
	return sql_exec(cx, s->db, NULL, uris.remove, SQL_ARGS(T(key), T(uri)));
}

enum rc
uris_json(struct sandbox *s, struct ctx *cx, struct str key, json_t **out)
{
	return list_json(s, cx, &uris, key, out);
}

enum rc
app_add_domain(struct sandbox *s, struct ctx *cx, struct str key, struct str domain)
{
	return list_add(s, cx, &domains, key, domain);
}

enum rc
app_remove_domain(struct sandbox *s, struct ctx *cx, struct str key, struct str domain)
{
	return sql_exec(cx, s->db, NULL, domains.remove, SQL_ARGS(T(key), T(domain)));
}

enum rc
domains_json(struct sandbox *s, struct ctx *cx, struct str key, json_t **out)
{
	return list_json(s, cx, &domains, key, out);
}
