#include "sandbox/files/batch.h"

#include "sandbox/api/values.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/files/handlers.h"

#define JOB_LIFE_MS HOUR_MS
#define JOB_ID_LEN 24
#define JOB_DEPTH 12

static enum rc
savepoint(struct sandbox *s, struct ctx *cx, bool keep)
{
	if (!keep)
		TRY(sql_exec(cx, s->db, NULL, "ROLLBACK TO entry", NULL, 0));
	return sql_exec(cx, s->db, NULL, "RELEASE entry", NULL, 0);
}

static json_t *
failure(struct ctx *cx, const char *wrap)
{
	json_t *error = api_error_union(cx), *o;

	o = value_union("failure", wrap != NULL ? value_union(wrap, error) : error);
	ctx_clear(cx);
	return o;
}

enum rc
batch_run(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct batch *b,
    const json_t *entries, json_t **out)
{
	json_t *list = json_array(), *done;
	enum rc rc = OK;
	size_t i;
	json_t *entry;

	*out = NULL;
	json_array_foreach ((json_t *)(uintptr_t)entries, i, entry) {
		rc = sql_exec(cx, s->db, NULL, "SAVEPOINT entry", NULL, 0);
		if (rc != OK)
			break;
		rc = b->step(s, cx, who, entry, b->arg, &done);
		if (rc != OK && (rc != E_CONFLICT || cx->code == NULL || b->whole))
			break;
		if (rc != OK)
			done = failure(cx, b->wrap);
		json_array_append_new(list, done);
		rc = savepoint(s, cx, rc == OK);
		if (rc != OK)
			break;
	}
	if (rc == OK)
		*out = list;
	else
		json_decref(list);
	return rc;
}

/* "/2/files/copy_batch/check_v2" is about jobs of "/2/files/copy_batch_v2". */
static struct str
job_kind(struct ctx *cx, struct str path)
{
	if (str_ends(path, S("/check_v2")))
		return str_printf(cx->arena, "%.*s_v2", STR_ARG(str_sub(path, 0, path.len - 9)));
	return str_ends(path, S("/check")) ? str_sub(path, 0, path.len - 6) : path;
}

static enum rc
job_add(
    struct sandbox *s, struct ctx *cx, const struct http_req *req, json_t *result, struct str *id)
{
	const struct caller *who = req->session;
	int64_t now = clock_now_ms(s->clock);

	*id = secret_expose(
	    crypto_random_text(cx->arena, JOB_ID_LEN, S("abcdefghijklmnopqrstuvwxyz0123456789")));
	TRY(sql_exec(cx, s->db, NULL, "DELETE FROM jobs WHERE created_ms < $1",
	    SQL_ARGS(I(now - JOB_LIFE_MS))));
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO jobs (id, account_id, app_key, kind, result, created_ms)"
	    " VALUES ($1, $2, $3, $4, $5, $6)",
	    SQL_ARGS(T(*id), T(who->account.id), T(who->app_key), T(job_kind(cx, req->path)),
		T(json_write(cx->arena, result)), I(now)));
}

static enum rc
emit_job(struct sandbox *s, struct ctx *cx, const struct http_req *req, json_t *result,
    struct http_res *res)
{
	struct str id;

	TRY(job_add(s, cx, req, result, &id));
	api_json(cx, res, 200, value_union("async_job_id", json_str(id)));
	return OK;
}

enum rc
batch_emit(struct sandbox *s, struct ctx *cx, const struct http_req *req, json_t *entries,
    bool later, struct http_res *res)
{
	json_t *o = value_tag("complete");

	json_put(o, "entries", entries);
	if (later)
		return emit_job(s, cx, req, o, res);
	api_json(cx, res, 200, o);
	return OK;
}

enum rc
batch_emit_failed(
    struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *o = value_union("failed", api_error_union(cx));

	ctx_clear(cx);
	return emit_job(s, cx, req, o, res);
}

static enum rc
find_job(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct str id,
    struct str *result)
{
	const struct caller *who = req->session;
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT result FROM jobs WHERE id = $1 AND account_id = $2 AND app_key = $3"
	    " AND kind = $4 AND created_ms >= $5",
	    SQL_ARGS(T(id), T(who->account.id), T(who->app_key), T(job_kind(cx, req->path)),
		I(clock_now_ms(s->clock) - JOB_LIFE_MS)),
	    &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return fail_at(
		    cx, E_CONFLICT, "invalid_async_job_id", NULL, "There is no such job of yours.");
	*result = db_col_text(st, 0, cx->arena);
	db_done(st);
	return OK;
}

enum rc
api_batch_check(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "async_job_id", NULL };
	struct str id, result;
	json_t *arg, *o;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_arg_str(cx, arg, "async_job_id", 128, &id));
	if (id.len == 0)
		return fail(cx, E_INPUT, "request body: missing required field 'async_job_id'");
	TRY(find_job(app, cx, req, id, &result));
	TRY(json_read(cx, result, JOB_DEPTH, &o));
	api_json(cx, res, 200, json_incref(o));
	return OK;
}
