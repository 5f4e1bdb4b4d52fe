/* files/create_folder and files/delete, in both versions. */
#include "sandbox/files/change.h"
#include "sandbox/files/commit.h"
#include "sandbox/files/handlers.h"
#include "sandbox/core/state.h"

json_t *
in_metadata(json_t *metadata)
{
	json_t *o = json_object();

	json_put(o, "metadata", metadata);
	return o;
}

static enum rc
conflict(struct ctx *cx, const char *tag)
{
	return fail_at(cx, E_CONFLICT, tag, NULL, "The function cannot do that here.");
}

static enum rc
make(struct sandbox *s, struct ctx *cx, struct file *f, bool autorename)
{
	struct file there;
	enum rc rc = file_by_path(s, cx, f->account_id, f->path_display, &there);

	if (rc == OK && !autorename)
		return conflict(cx, there.folder ? "conflict/folder" : "conflict/file");
	if (rc == OK)
		TRY(path_free(s, cx, f->account_id, &f->path_display));
	else if (rc != E_NOTFOUND)
		return rc;
	TRY(name_allowed(cx, f->path_display));
	return file_put(s, cx, f, NULL);
}

enum rc
folder_create(struct sandbox *s, struct ctx *cx, const struct caller *who, struct str path_text,
    bool autorename, struct file *out)
{
	static const struct path_rule rule = { "path", "path", 0, true };
	struct place at;

	TRY(api_place_text(cx, who, &rule, path_text, &at));
	*out = (struct file){ .account_id = who->account.id, .path_display = at.absolute };
	return api_under(cx, make(s, cx, out, autorename), "path");
}

static enum rc
create(void *app, struct ctx *cx, const struct http_req *req, json_t **metadata)
{
	static const char *const names[] = { "path", "autorename", NULL };
	const struct caller *who = req->session;
	bool autorename = false;
	struct str path;
	struct file f;
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_arg_str(cx, arg, "path", PATH_TEXT_MAX, &path));
	TRY(api_arg_bool(cx, arg, "autorename", &autorename));
	if (path.p == NULL)
		return fail(cx, E_INPUT, "request body: missing required field 'path'");
	TRY(folder_create(app, cx, who, path, autorename, &f));
	*metadata = api_metadata(cx, who, &f, false);
	return OK;
}

enum rc
api_create_folder(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *metadata;

	TRY(create(app, cx, req, &metadata));
	api_json(cx, res, 200, in_metadata(metadata));
	return OK;
}

enum rc
api_create_folder_v1(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *metadata;

	TRY(create(app, cx, req, &metadata));
	api_json(cx, res, 200, metadata);
	return OK;
}

static enum rc
check_parent_rev(struct ctx *cx, const json_t *arg, const struct file *f)
{
	struct str rev;

	TRY(api_arg_str(cx, arg, "parent_rev", 64, &rev));
	if (rev.len == 0 || str_eq(rev, f->rev))
		return OK;
	return conflict(cx, f->folder ? "path_lookup/not_file" : "path_write/conflict/file");
}

enum rc
entry_delete(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *arg,
    struct file *out)
{
	static const struct path_rule rule = { "path", "path_lookup", PATH_ID, false };
	struct place at;

	TRY(api_place_of(cx, who, &rule, arg, &at));
	TRY(api_under(cx, api_find(s, cx, who, &at, out), "path_lookup"));
	TRY(check_parent_rev(cx, arg, out));
	return file_delete(s, cx, out);
}

static enum rc
delete_one(void *app, struct ctx *cx, const struct http_req *req, json_t **metadata)
{
	static const char *const names[] = { "path", "parent_rev", NULL };
	const struct caller *who = req->session;
	struct file f;
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(entry_delete(app, cx, who, arg, &f));
	*metadata = api_metadata(cx, who, &f, true);
	return OK;
}

enum rc
api_delete(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *metadata;

	TRY(delete_one(app, cx, req, &metadata));
	api_json(cx, res, 200, in_metadata(metadata));
	return OK;
}

enum rc
api_delete_v1(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *metadata;

	TRY(delete_one(app, cx, req, &metadata));
	api_json(cx, res, 200, metadata);
	return OK;
}
