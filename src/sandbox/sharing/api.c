/* The namespace sharing, as far as it is about shared links. */
#include "sandbox/api/args.h"
#include "sandbox/api/content.h"
#include "sandbox/api/values.h"
#include "sandbox/core/reach.h"
#include "sandbox/core/state.h"
#include "sandbox/sharing/handlers.h"
#include "sandbox/sharing/open.h"
#include "sandbox/sharing/settings.h"

#define URL_MAX 2000
#define PATH_MAX_BYTES 4096
#define CURSOR_MAX 4096
#define PAGE 200

static enum rc
find_file(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *arg,
    struct file *out)
{
	struct place at;
	enum rc rc;

	TRY(api_place(cx, who, arg, PATH_ID | PATH_REV, &at));
	rc = api_find(s, cx, who, &at, out);
	if (rc != E_NOTFOUND)
		return rc;
	return fail_at(cx, E_CONFLICT, "path/not_found", NULL, "There is nothing at this path.");
}

static enum rc
exists_already(struct ctx *cx, const struct http_req *req, const struct sandbox *s,
    const struct opened *o, bool with_settings)
{
	if (with_settings)
		return fail_at(cx, E_CONFLICT, "shared_link_already_exists", NULL,
		    "There is a shared link to it already.");
	fail_at(cx, E_CONFLICT, "shared_link_already_exists/metadata", NULL,
	    "There is a shared link to it already.");
	return api_detail(cx, link_json(cx, req->session, o, reach_url(s, req)));
}

static struct shared_link
public_link(const struct caller *who, const struct file *f)
{
	return (struct shared_link){ .account_id = who->account.id,
		.file_id = f->id,
		.folder = f->folder,
		.allow_download = true };
}

enum rc
api_link_create(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "settings", NULL };
	const struct caller *who = req->session;
	struct sandbox *s = app;
	struct opened o = { .owner = who->account, .mine = true };
	const json_t *settings;
	json_t *arg;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &arg));
	settings = json_object_get(arg, "settings");
	TRY(find_file(s, cx, who, arg, &o.file));
	rc = shared_link_of_file(s, cx, who->account.id, o.file.id, &o.link);
	if (rc == OK)
		return exists_already(cx, req, s, &o, json_is_object(settings));
	if (rc != E_NOTFOUND)
		return rc;
	ctx_clear(cx);
	o.link = public_link(who, &o.file);
	shared_link_begin(s, cx, &o.link);
	TRY(settings_apply(s, cx, who, settings, &o.link));
	TRY(shared_link_add(s, cx, &o.link));
	api_json(cx, res, 200, link_json(cx, who, &o, reach_url(s, req)));
	return OK;
}

/* The old way: the link that there is, or a public one. PathLinkMetadata. */
enum rc
api_link_create_old(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "short_url", "pending_upload", NULL };
	const struct caller *who = req->session;
	struct sandbox *s = app;
	struct shared_link l;
	struct file f;
	json_t *o;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &o));
	TRY(find_file(s, cx, who, o, &f));
	rc = shared_link_of_file(s, cx, who->account.id, f.id, &l);
	if (rc != OK && rc != E_NOTFOUND)
		return rc;
	if (rc == E_NOTFOUND) {
		ctx_clear(cx);
		l = public_link(who, &f);
		shared_link_begin(s, cx, &l);
		TRY(shared_link_add(s, cx, &l));
	}
	o = value_tag("path");
	json_put(o, "url",
	    json_str(shared_link_url(cx, &l, reach_url(s, req), path_name(f.path_display))));
	json_put(o, "visibility", value_tag(link_visibility(&l)));
	if (l.expires_ms != 0)
		json_put(o, "expires", json_str(clock_rfc3339(cx->arena, l.expires_ms)));
	json_put(o, "path", json_str(link_path(who, &f)));
	api_json(cx, res, 200, o);
	return OK;
}

/* The links of the file and, unless only direct ones are asked for, of the folders it is in. */
static enum rc
links_to(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct file *f, bool direct,
    json_t *list)
{
	const struct caller *who = req->session;

	for (;;) {
		struct opened o = { .owner = who->account, .mine = true };
		enum rc rc = shared_link_of_file(s, cx, who->account.id, f->id, &o.link);
		struct str parent = path_parent(f->path_lower);

		if (rc != OK && rc != E_NOTFOUND)
			return rc;
		if (rc == OK) {
			o.file = *f;
			json_array_append_new(list, link_json(cx, who, &o, reach_url(s, req)));
		}
		if (direct || path_depth(parent) <= path_depth(who->root))
			break;
		TRY(file_by_path(s, cx, who->account.id, parent, f));
	}
	ctx_clear(cx);
	return OK;
}

static void
emit_links(struct ctx *cx, struct http_res *res, json_t *list, bool more, struct str cursor)
{
	json_t *o = json_object();

	json_put(o, "links", list);
	json_put(o, "has_more", json_boolean(more));
	if (cursor.len > 0)
		json_put(o, "cursor", json_str(cursor));
	api_json(cx, res, 200, o);
}

/* A page of all links of the account; those that lead out of the app's folder are not told. */
static enum rc
all_links(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct str after,
    struct http_res *res)
{
	const struct caller *who = req->session;
	struct shared_link_query q = { who->account.id, after, PAGE };
	struct shared_link *links = ARENA_ARRAY(cx->arena, struct shared_link, PAGE);
	json_t *list, *cursor;
	size_t count;
	bool more;

	TRY(shared_links_list(s, cx, &q, links, &count, &more));
	list = json_array();
	for (size_t i = 0; i < count; i++) {
		struct opened o = { .link = links[i], .owner = who->account, .mine = true };
		enum rc rc = link_target(s, cx, who, &links[i], &o.file);

		if (rc == OK)
			json_array_append_new(list, link_json(cx, who, &o, reach_url(s, req)));
	}
	ctx_clear(cx);
	cursor = json_object();
	json_put(cursor, "a", json_str(count > 0 ? links[count - 1].id : after));
	emit_links(cx, res, list, more, cursor_seal(s, cx, "shared-links", who, cursor));
	return OK;
}

static enum rc
read_cursor(
    struct sandbox *s, struct ctx *cx, const struct caller *who, struct str text, struct str *after)
{
	json_t *o;
	enum rc rc;

	*after = (struct str){ 0 };
	if (text.p == NULL)
		return OK;
	rc = cursor_open(s, cx, "shared-links", who, text, &o);
	if (rc == E_NOTFOUND)
		return fail_at(cx, E_CONFLICT, "reset", NULL, "Not one of our cursors.");
	TRY(rc);
	return json_take_str_opt(cx, o, "a", 64, after);
}

enum rc
api_links_list(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "cursor", "direct_only", NULL };
	const struct caller *who = req->session;
	struct str path, cursor, after;
	json_t *arg, *list;
	bool direct = false;
	struct file f;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_arg_str(cx, arg, "path", PATH_MAX_BYTES, &path));
	TRY(api_arg_str(cx, arg, "cursor", CURSOR_MAX, &cursor));
	TRY(api_arg_bool(cx, arg, "direct_only", &direct));
	if (path.len == 0) {
		TRY(read_cursor(app, cx, who, cursor, &after));
		return all_links(app, cx, req, after, res);
	}
	TRY(find_file(app, cx, who, arg, &f));
	list = json_array();
	rc = links_to(app, cx, req, &f, direct, list);
	if (rc == OK)
		emit_links(cx, res, list, false, (struct str){ 0 });
	else
		json_decref(list);
	return rc;
}

static enum rc
read_opening(struct ctx *cx, const json_t *arg, struct opening *out)
{
	struct str password;

	TRY(api_arg_str(cx, arg, "url", URL_MAX, &out->url));
	TRY(api_arg_str(cx, arg, "path", PATH_MAX_BYTES, &out->path));
	TRY(api_arg_str(cx, arg, "link_password", PATH_MAX_BYTES, &password));
	out->password = secret_of(password);
	return out->url.p != NULL ? OK
				  : fail(cx, E_INPUT, "request body: missing required field 'url'");
}

enum rc
api_link_metadata(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "url", "path", "link_password", NULL };
	struct opening ask;
	struct opened o;
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(read_opening(cx, arg, &ask));
	TRY(link_open(app, cx, req->session, &ask, &o));
	api_json(cx, res, 200, link_json(cx, req->session, &o, reach_url(app, req)));
	return OK;
}

enum rc
api_link_file(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "url", "path", "link_password", NULL };
	struct opening ask;
	struct opened o;
	json_t *arg;

	TRY(api_header_arg(cx, req, names, &arg));
	TRY(read_opening(cx, arg, &ask));
	TRY(link_open(app, cx, req->session, &ask, &o));
	if (!o.mine && !o.link.allow_download)
		return fail_at(cx, E_CONFLICT, "shared_link_access_denied", NULL,
		    "The link is not for downloading.");
	if (o.file.folder)
		return fail_at(
		    cx, E_CONFLICT, "shared_link_is_directory", NULL, "The link is to a folder.");
	return content_reply(
	    app, cx, req, &o.file, link_json(cx, req->session, &o, reach_url(app, req)), res);
}

enum rc
api_link_modify(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "url", "settings", "remove_expiration", NULL };
	const struct caller *who = req->session;
	const json_t *settings;
	struct str url, expires;
	struct opened o;
	bool forever = false;
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_arg_str(cx, arg, "url", URL_MAX, &url));
	TRY(api_arg_bool(cx, arg, "remove_expiration", &forever));
	settings = json_object_get(arg, "settings");
	if (url.p == NULL || !json_is_object(settings))
		return fail(cx, E_INPUT, "request body: missing required field '%s'",
		    url.p == NULL ? "url" : "settings");
	TRY(api_arg_str(cx, settings, "expires", 32, &expires));
	if (forever && expires.len > 0)
		return fail_at(cx, E_CONFLICT, "settings_error/invalid_settings", NULL,
		    "An end is asked for and not asked for.");
	TRY(link_mine(app, cx, who, url, &o));
	if (forever)
		o.link.expires_ms = 0;
	if (!forever || json_object_size(settings) > 0)
		TRY(settings_apply(app, cx, who, settings, &o.link));
	TRY(shared_link_save(app, cx, &o.link));
	api_json(cx, res, 200, link_json(cx, who, &o, reach_url(app, req)));
	return OK;
}

enum rc
api_link_revoke(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "url", NULL };
	struct shared_link l;
	struct opened o;
	struct str url;
	json_t *arg;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_arg_str(cx, arg, "url", URL_MAX, &url));
	if (url.p == NULL)
		return fail(cx, E_INPUT, "request body: missing required field 'url'");
	rc = shared_link_by_url(app, cx, url, &l);
	if (rc == E_INPUT)
		return fail_at(cx, E_CONFLICT, "shared_link_malformed", NULL,
		    "This is not the address of a shared link.");
	TRY(link_mine(app, cx, req->session, url, &o));
	TRY(shared_link_delete(app, cx, o.link.id));
	api_json(cx, res, 200, json_null());
	return OK;
}
