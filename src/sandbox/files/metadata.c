/* files/get_metadata. */
#include "sandbox/api/args.h"
#include "sandbox/files/handlers.h"
#include "sandbox/core/state.h"

/* Only a path can be asked for something that is gone. */
static enum rc
find(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct place *at,
    bool deleted, struct file *out)
{
	enum rc rc = api_find(s, cx, who, at, out);

	if (rc != E_NOTFOUND || !deleted || at->absolute.len == 0)
		return rc;
	ctx_clear(cx);
	return file_deleted_by_path(s, cx, who->account.id, at->absolute, out);
}

enum rc
api_get_metadata(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "include_media_info", "include_deleted",
		"include_has_explicit_shared_members", "include_property_groups", NULL };
	const struct caller *who = req->session;
	bool deleted = false;
	struct place at;
	struct file f;
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_place(cx, who, arg, PATH_ID | PATH_REV, &at));
	TRY(api_arg_bool(cx, arg, "include_deleted", &deleted));
	TRY(api_under(cx, find(app, cx, who, &at, deleted, &f), "path"));
	api_json(cx, res, 200, api_metadata(cx, who, &f, true));
	return OK;
}
