/* files/copy and files/move: alone and in batches, in both versions. */
#include "sandbox/api/values.h"
#include "sandbox/files/batch.h"
#include "sandbox/files/change.h"
#include "sandbox/files/commit.h"
#include "sandbox/files/handlers.h"
#include "sandbox/core/state.h"

#define ENTRIES_MAX 1000

struct way {
	bool move, autorename;
};

static enum rc
refuse(struct ctx *cx, const char *tag)
{
	return fail_at(cx, E_CONFLICT, tag, NULL, "It cannot be put there.");
}

/* What stands in the way of `to`; a move within the same name is a change of letters. */
static enum rc
check_target(struct sandbox *s, struct ctx *cx, const struct way *way, struct relocation *r)
{
	struct str key = path_key(cx->arena, r->to);
	bool same = str_eq(key, r->from.path_lower);
	struct file there;
	enum rc rc;

	if (same && way->move)
		return str_eq(path_name(r->to), path_name(r->from.path_display))
		    ? refuse(cx, "duplicated_or_nested_paths")
		    : OK;
	if (!same && r->from.folder && path_within(key, r->from.path_lower))
		return refuse(
		    cx, way->move ? "cant_move_folder_into_itself" : "duplicated_or_nested_paths");
	rc = file_by_path(s, cx, r->from.account_id, r->to, &there);
	if (rc == E_NOTFOUND) {
		ctx_clear(cx);
		return OK;
	}
	TRY(rc);
	if (!way->autorename)
		return refuse(cx, there.folder ? "to/conflict/folder" : "to/conflict/file");
	return api_under(cx, path_free(s, cx, r->from.account_id, &r->to), "to");
}

/* The tree's failures as members of RelocationError. */
static enum rc
as_relocation(struct ctx *cx, enum rc rc)
{
	if (rc != E_CONFLICT || cx->code == NULL)
		return rc;
	if (strcmp(cx->code, "too_many_files") == 0)
		return rc;
	if (strcmp(cx->code, "insufficient_space") != 0)
		return api_under(cx, rc, "to");
	cx->code = "insufficient_quota";
	return rc;
}

static enum rc
relocate(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *arg,
    const struct way *way, struct file *made)
{
	static const struct path_rule from_rule = { "from_path", "from_lookup", PATH_ID, false };
	static const struct path_rule to_rule = { "to_path", "to", PATH_ID, true };
	struct relocation r = { .move = way->move };
	struct place from, to;

	TRY(api_place_of(cx, who, &from_rule, arg, &from));
	TRY(api_place_of(cx, who, &to_rule, arg, &to));
	TRY(api_under(cx, api_find(s, cx, who, &from, &r.from), "from_lookup"));
	if (to.id.len > 0) /* an id is what stands there already */
		return refuse(cx, "to/malformed_path");
	r.to = to.absolute;
	TRY(check_target(s, cx, way, &r));
	TRY(api_under(cx, name_allowed(cx, r.to), "to"));
	return as_relocation(cx, file_relocate(s, cx, &r, made));
}

static enum rc
alone(void *app, struct ctx *cx, const struct http_req *req, bool move, json_t **metadata)
{
	static const char *const names[] = { "from_path", "to_path", "allow_shared_folder",
		"autorename", "allow_ownership_transfer", NULL };
	struct way way = { .move = move };
	struct file made;
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_arg_bool(cx, arg, "autorename", &way.autorename));
	TRY(relocate(app, cx, req->session, arg, &way, &made));
	*metadata = api_metadata(cx, req->session, &made, true);
	return OK;
}

static enum rc
alone_v1(void *app, struct ctx *cx, const struct http_req *req, bool move, struct http_res *res)
{
	json_t *metadata;

	TRY(alone(app, cx, req, move, &metadata));
	api_json(cx, res, 200, metadata);
	return OK;
}

static enum rc
alone_v2(void *app, struct ctx *cx, const struct http_req *req, bool move, struct http_res *res)
{
	json_t *metadata;

	TRY(alone(app, cx, req, move, &metadata));
	api_json(cx, res, 200, in_metadata(metadata));
	return OK;
}

enum rc
api_copy_v1(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return alone_v1(app, cx, req, false, res);
}

enum rc
api_copy(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return alone_v2(app, cx, req, false, res);
}

enum rc
api_move_v1(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return alone_v1(app, cx, req, true, res);
}

enum rc
api_move(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return alone_v2(app, cx, req, true, res);
}

static enum rc
one(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *entry,
    const struct way *way, json_t **metadata)
{
	static const char *const names[] = { "from_path", "to_path", NULL };
	struct file made;

	TRY(api_check_members(cx, entry, names));
	TRY(relocate(s, cx, who, entry, way, &made));
	*metadata = api_metadata(cx, who, &made, true);
	return OK;
}

static enum rc
step_v1(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *entry,
    const void *arg, json_t **done)
{
	json_t *metadata;

	TRY(one(s, cx, who, entry, arg, &metadata));
	*done = in_metadata(metadata);
	return OK;
}

static enum rc
step_v2(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *entry,
    const void *arg, json_t **done)
{
	json_t *metadata;

	TRY(one(s, cx, who, entry, arg, &metadata));
	*done = value_union("success", metadata);
	return OK;
}

static enum rc
read_batch(struct ctx *cx, const struct http_req *req, struct way *way, json_t **list)
{
	static const char *const names[] = { "entries", "autorename", "allow_shared_folder",
		"allow_ownership_transfer", NULL };
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_arg_bool(cx, arg, "autorename", &way->autorename));
	TRY(value_list(cx, arg, "entries", ENTRIES_MAX, list));
	return json_array_size(*list) > 0
	    ? OK
	    : fail(cx, E_INPUT, "request body: entries: expected at least one");
}

static enum rc
batch_v2(void *app, struct ctx *cx, const struct http_req *req, bool move, struct http_res *res)
{
	struct way way = { .move = move };
	const struct batch b = { .step = step_v2, .arg = &way, .wrap = "relocation_error" };
	json_t *list, *entries;

	TRY(read_batch(cx, req, &way, &list));
	TRY(batch_run(app, cx, req->session, &b, list, &entries));
	return batch_emit(app, cx, req, entries, false, res);
}

/* The first version does all or nothing, and tells of a failure by a job only. */
static enum rc
batch_v1(
    struct sandbox *s, struct ctx *cx, const struct http_req *req, bool move, struct http_res *res)
{
	struct way way = { .move = move };
	const struct batch b = { .step = step_v1, .arg = &way, .whole = true };
	json_t *list, *entries;
	enum rc rc;

	TRY(read_batch(cx, req, &way, &list));
	TRY(store_enter(s, cx, STORE_WRITE));
	rc = batch_run(s, cx, req->session, &b, list, &entries);
	if (rc == OK)
		rc = batch_emit(s, cx, req, entries, false, res);
	rc = store_leave(s, cx, STORE_WRITE, rc);
	if (rc != E_CONFLICT || cx->code == NULL)
		return rc;
	TRY(store_enter(s, cx, STORE_WRITE));
	rc = batch_emit_failed(s, cx, req, res);
	return store_leave(s, cx, STORE_WRITE, rc);
}

enum rc
api_copy_batch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return batch_v2(app, cx, req, false, res);
}

enum rc
api_copy_batch_v1(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return batch_v1(app, cx, req, false, res);
}

enum rc
api_move_batch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return batch_v2(app, cx, req, true, res);
}

enum rc
api_move_batch_v1(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return batch_v1(app, cx, req, true, res);
}
