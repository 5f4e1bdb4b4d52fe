/* Thumbnails and previews: the sandbox decodes no image, so each file is of a kind that has none. An
 * image is told so by its content, anything else by its name, as the real one would (S-219). */
#include "sandbox/api/args.h"
#include "sandbox/api/values.h"
#include "sandbox/core/text.h"
#include "sandbox/files/handlers.h"

#define BATCH_MAX 25
#define ENTRIES_MAX 10000

#define THUMBNAIL_NAMES "format", "size", "mode", "quality", "exclude_media_info"

static bool
named_like(struct ctx *cx, const struct file *f, const char *const *extensions)
{
	struct str name = text_fold(cx->arena, path_name(f->path_display));

	for (; *extensions != NULL; extensions++)
		if (str_ends(name, str_of(*extensions)))
			return true;
	return false;
}

static enum rc
find(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *arg, struct file *f)
{
	struct place at;

	TRY(api_place(cx, who, arg, PATH_ID | PATH_REV, &at));
	TRY(api_under(cx, api_find(s, cx, who, &at, f), "path"));
	if (f->folder)
		return fail_at(cx, E_CONFLICT, "path/not_file", NULL, "This is not a file.");
	return OK;
}

static enum rc
no_thumbnail(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *arg)
{
	static const char *const images[] = { ".jpg", ".jpeg", ".png", ".tiff", ".tif", ".gif",
		".webp", ".ppm", ".bmp", NULL };
	struct file f;

	TRY(find(s, cx, who, arg, &f));
	return fail_at(cx, E_CONFLICT,
	    named_like(cx, &f, images) ? "unsupported_image" : "unsupported_extension", NULL,
	    "The sandbox makes no thumbnails.");
}

enum rc
api_thumbnail(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", THUMBNAIL_NAMES, NULL };
	json_t *arg;

	(void)res;
	TRY(api_header_arg(cx, req, names, &arg));
	return no_thumbnail(app, cx, req->session, arg);
}

/* The resource is a path here: files behind shared links have no thumbnails either. */
enum rc
api_thumbnail_v2(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "resource", THUMBNAIL_NAMES, NULL };
	const struct caller *who = req->session;
	const json_t *resource;
	const char *tag;
	json_t *arg;

	(void)res;
	TRY(api_header_arg(cx, req, names, &arg));
	resource = json_object_get(arg, "resource");
	tag = value_tag_of(resource);
	if (tag != NULL && strcmp(tag, "link") == 0)
		return fail_at(cx, E_CONFLICT, "unsupported_extension", NULL,
		    "The sandbox makes no thumbnails.");
	if (tag == NULL || strcmp(tag, "path") != 0)
		return fail(cx, E_INPUT, "request body: resource: expected path or link");
	if (who->account.id.len == 0)
		return fail_at(cx, E_CONFLICT, "access_denied", NULL, "An app has no files.");
	return no_thumbnail(app, cx, who, resource);
}

enum rc
api_thumbnail_batch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "entries", NULL };
	json_t *arg, *entries, *list, *o;
	enum rc rc = OK;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(value_list(cx, arg, "entries", ENTRIES_MAX, &entries));
	if (json_array_size(entries) > BATCH_MAX)
		return fail_at(
		    cx, E_CONFLICT, "too_many_files", NULL, "More than %d files.", BATCH_MAX);
	list = json_array();
	for (size_t i = 0; i < json_array_size(entries); i++) {
		rc = no_thumbnail(app, cx, req->session, json_array_get(entries, i));
		if (rc != E_CONFLICT)
			break;
		json_array_append_new(list, value_union("failure", api_error_union(cx)));
		rc = OK;
	}
	if (rc != OK) {
		json_decref(list);
		return rc;
	}
	ctx_clear(cx);
	o = json_object();
	json_put(o, "entries", list);
	api_json(cx, res, 200, o);
	return OK;
}

enum rc
api_preview(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "rev", NULL };
	static const char *const documents[] = { ".ai", ".doc", ".docm", ".docx", ".eps", ".gdoc",
		".gslides", ".odp", ".odt", ".pps", ".ppsm", ".ppsx", ".ppt", ".pptm", ".pptx",
		".rtf", ".csv", ".ods", ".xls", ".xlsm", ".gsheet", ".xlsx", NULL };
	struct file f;
	json_t *arg;

	(void)res;
	TRY(api_header_arg(cx, req, names, &arg));
	TRY(find(app, cx, req->session, arg, &f));
	return fail_at(cx, E_CONFLICT,
	    named_like(cx, &f, documents) ? "unsupported_content" : "unsupported_extension", NULL,
	    "The sandbox makes no previews.");
}
