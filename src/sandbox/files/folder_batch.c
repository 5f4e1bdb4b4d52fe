/* files/create_folder_batch and files/delete_batch. */
#include "sandbox/api/values.h"
#include "sandbox/files/batch.h"
#include "sandbox/files/change.h"
#include "sandbox/files/handlers.h"

#define FOLDERS_MAX 10000
#define DELETIONS_MAX 1000

static json_t *
success(json_t *metadata)
{
	json_t *o = value_tag("success");

	json_put(o, "metadata", metadata);
	return o;
}

static enum rc
create_step(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *entry,
    const void *arg, json_t **done)
{
	const bool *autorename = arg;
	struct file f;

	if (!json_is_string(entry))
		return fail(cx, E_INPUT, "request body: paths: expected strings");
	TRY(folder_create(s, cx, who, str_of(json_string_value(entry)), *autorename, &f));
	*done = success(api_metadata(cx, who, &f, false));
	return OK;
}

enum rc
api_create_folder_batch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "paths", "autorename", "force_async", NULL };
	bool autorename = false, later = false;
	const struct batch b = { .step = create_step, .arg = &autorename };
	json_t *arg, *paths, *entries;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(value_list(cx, arg, "paths", FOLDERS_MAX, &paths));
	TRY(api_arg_bool(cx, arg, "autorename", &autorename));
	TRY(api_arg_bool(cx, arg, "force_async", &later));
	TRY(batch_run(app, cx, req->session, &b, paths, &entries));
	return batch_emit(app, cx, req, entries, later, res);
}

static enum rc
delete_step(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *entry,
    const void *arg, json_t **done)
{
	static const char *const names[] = { "path", "parent_rev", NULL };
	struct file f;

	(void)arg;
	TRY(api_check_members(cx, entry, names));
	TRY(entry_delete(s, cx, who, entry, &f));
	*done = success(api_metadata(cx, who, &f, true));
	return OK;
}

enum rc
api_delete_batch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "entries", NULL };
	const struct batch b = { .step = delete_step };
	json_t *arg, *list, *entries;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(value_list(cx, arg, "entries", DELETIONS_MAX, &list));
	TRY(batch_run(app, cx, req->session, &b, list, &entries));
	return batch_emit(app, cx, req, entries, false, res);
}
