/* files/list_revisions, files/restore and files/permanently_delete. */
#include "sandbox/api/values.h"
#include "sandbox/files/change.h"
#include "sandbox/files/commit.h"
#include "sandbox/files/handlers.h"
#include "sandbox/core/state.h"
#include "sandbox/tree/history.h"

#define LIMIT_DEFAULT 10
#define LIMIT_MAX 100

struct revisions {
	struct file file; /* the living one, or its mark */
	struct history_query q;
	struct file list[LIMIT_MAX + 1];
	size_t count;
	bool more;
};

/* The file at a path, or what is left of it. */
static enum rc
find(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct place *at,
    struct file *out)
{
	enum rc rc = api_find(s, cx, who, at, out);

	if (rc == E_NOTFOUND && at->absolute.len > 0) {
		ctx_clear(cx);
		rc = file_deleted_by_path(s, cx, who->account.id, at->absolute, out);
	}
	TRY(api_under(cx, rc, "path"));
	return out->folder ? fail_at(cx, E_CONFLICT, "path/not_file", NULL, "This is not a file.")
			   : OK;
}

static enum rc
read_before(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *arg,
    bool by_id, int64_t *seq)
{
	struct file f;
	struct str rev;
	enum rc rc;

	TRY(api_arg_str(cx, arg, "before_rev", 64, &rev));
	*seq = INT64_MAX;
	if (rev.len == 0)
		return OK;
	if (by_id)
		return fail_at(cx, E_CONFLICT, "before_rev_not_supported", NULL,
		    "before_rev goes with paths only.");
	rc = api_find(s, cx, who, &(struct place){ .rev = rev }, &f);
	if (rc == E_NOTFOUND)
		return fail_at(
		    cx, E_CONFLICT, "invalid_before_rev", NULL, "There is no such revision.");
	*seq = f.seq;
	return rc;
}

/* By path: what stood at it. By id: what the file was, wherever it stood. */
static enum rc
read_arg(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct revisions *r)
{
	static const char *const names[] = { "path", "mode", "limit", "before_rev",
		"include_restorable_info", NULL };
	const struct caller *who = req->session;
	const char *mode;
	struct place at;
	json_t *arg;
	bool by_id;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_place(cx, who, arg, PATH_ID, &at));
	mode = value_tag_of(json_object_get(arg, "mode"));
	by_id = mode != NULL && strcmp(mode, "id") == 0;
	r->q = (struct history_query){ .account_id = who->account.id, .limit = LIMIT_DEFAULT };
	TRY(value_int(cx, arg, "limit", 1, LIMIT_MAX, &r->q.limit));
	TRY(read_before(s, cx, who, arg, by_id, &r->q.before_seq));
	TRY(find(s, cx, who, &at, &r->file));
	if (by_id)
		r->q.id = r->file.id;
	else
		r->q.path_key = r->file.path_lower;
	return OK;
}

static enum rc
collect(struct sandbox *s, struct ctx *cx, struct revisions *r)
{
	size_t limit = (size_t)r->q.limit, old;

	if (!r->file.deleted && r->file.seq < r->q.before_seq)
		r->list[r->count++] = r->file;
	r->q.limit = (int64_t)(limit + 1 - r->count);
	TRY(history_list(s, cx, &r->q, &r->list[r->count], &old));
	r->count += old;
	r->more = r->count > limit;
	if (r->more)
		r->count = limit;
	return OK;
}

enum rc
api_list_revisions(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct revisions *r = ARENA_NEW(cx->arena, struct revisions);
	json_t *o, *list;
	int64_t gone_ms = 0;

	TRY(read_arg(app, cx, req, r));
	TRY(collect(app, cx, r));
	if (r->file.deleted)
		TRY(history_ended(app, cx, &r->file, &gone_ms));
	o = json_object();
	list = json_array();
	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(list, api_metadata(cx, req->session, &r->list[i], false));
	json_put(o, "is_deleted", json_boolean(r->file.deleted));
	if (gone_ms > 0)
		json_put(o, "server_deleted", json_str(clock_rfc3339(cx->arena, gone_ms)));
	json_put(o, "entries", list);
	json_put(o, "has_more", json_boolean(r->more));
	api_json(cx, res, 200, o);
	return OK;
}

static enum rc
restore(struct sandbox *s, struct ctx *cx, const struct caller *who, struct str path,
    const struct file *old, struct file *made)
{
	struct content c = { old->content_id, old->size, old->content_hash };
	struct file there;
	enum rc rc = file_by_path(s, cx, who->account.id, path, &there);

	*made = (struct file){
		.account_id = who->account.id, .path_display = path, .client_ms = old->client_ms
	};
	if (rc == E_NOTFOUND) {
		ctx_clear(cx);
	} else {
		TRY(rc);
		if (there.folder)
			return fail_at(
			    cx, E_CONFLICT, "conflict/folder", NULL, "A folder is in the way.");
		made->path_display = there.path_display;
		made->id = there.id;
	}
	return file_put(s, cx, made, &c);
}

enum rc
api_restore(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "rev", NULL };
	static const struct path_rule rule = { "path", "path_write", 0, true };
	const struct caller *who = req->session;
	struct file old, made;
	struct place at, by_rev = { 0 };
	json_t *arg;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_place_of(cx, who, &rule, arg, &at));
	TRY(api_arg_str(cx, arg, "rev", 64, &by_rev.rev));
	if (by_rev.rev.len < 9)
		return fail(
		    cx, E_INPUT, "request body: rev: expected a revision of nine digits or more");
	rc = api_find(app, cx, who, &by_rev, &old);
	if (rc == E_NOTFOUND)
		return fail_at(
		    cx, E_CONFLICT, "invalid_revision", NULL, "There is no such revision.");
	TRY(rc);
	TRY(api_under(cx, restore(app, cx, who, at.absolute, &old, &made), "path_write"));
	api_json(cx, res, 200, api_metadata(cx, who, &made, false));
	return OK;
}

enum rc
api_permanently_delete(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "parent_rev", NULL };
	static const struct path_rule rule = { "path", "path_lookup", PATH_ID, false };
	const struct caller *who = req->session;
	struct place at;
	struct file f;
	json_t *arg;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_place_of(cx, who, &rule, arg, &at));
	rc = api_find(app, cx, who, &at, &f);
	if (rc == E_NOTFOUND && at.absolute.len > 0) {
		ctx_clear(cx);
		rc = file_deleted_by_path(app, cx, who->account.id, at.absolute, &f);
	} else if (rc == OK) {
		rc = entry_delete(app, cx, who, arg, &f);
	}
	if (rc == E_NOTFOUND)
		return api_under(cx, rc, "path_lookup");
	TRY(rc);
	TRY(history_forget(app, cx, &f));
	api_json(cx, res, 200, json_null());
	return OK;
}
