/* A shared link in a browser: a page that says what it leads to, or with dl=1 the file to save. Links
 * with a password or for a team are for programs: the page says so. */
#include "sandbox/api/content.h"
#include "sandbox/core/pages.h"
#include "sandbox/core/reach.h"
#include "sandbox/core/state.h"
#include "sandbox/sharing/handlers.h"
#include "sandbox/sharing/open.h"

#define ENTRIES_MAX 500

static enum rc
no_such_link(struct sandbox *s, struct ctx *cx, struct http_res *res, bool exists)
{
	page_emit_error(s, cx, res,
	    &(struct page_error){
		.status = exists ? 403 : 404,
		.title = exists ? "This link is not for everybody" : "This link does not work",
		.detail = exists
		    ? S("It has a password, or is for the members of a team. A program can open it"
			" with sharing/get_shared_link_file.")
		    : S("It was revoked, it has ended, or its file is gone."),
		.todo = exists ? "Ask its owner for a link without a password."
			       : "Check the address, or ask its owner for a new one.",
	    });
	return OK;
}

static enum rc
entries_of(struct sandbox *s, struct ctx *cx, const struct file *folder, json_t *list)
{
	struct file *files = ARENA_ARRAY(cx->arena, struct file, ENTRIES_MAX);
	struct file_query q = { .account_id = folder->account_id,
		.path_lower = folder->path_lower,
		.limit = ENTRIES_MAX };
	size_t count;
	bool more;

	TRY(files_list(s, cx, &q, files, &count, &more));
	for (size_t i = 0; i < count; i++) {
		json_t *o = json_object();

		json_put(o, "name", json_str(path_name(files[i].path_display)));
		json_put(o, "folder", json_boolean(files[i].folder));
		json_put(o, "size", json_integer(files[i].size));
		json_array_append_new(list, o);
	}
	return OK;
}

static enum rc
emit_page(struct sandbox *s, struct ctx *cx, const struct opened *o, struct str address,
    struct http_res *res)
{
	json_t *list = json_array(), *boot;
	enum rc rc = o->file.folder ? entries_of(s, cx, &o->file, list) : OK;

	if (rc != OK) {
		json_decref(list);
		return rc;
	}
	boot = json_object();
	json_put(boot, "page", json_string("link"));
	json_put(boot, "name", json_str(path_name(o->file.path_display)));
	json_put(boot, "folder", json_boolean(o->file.folder));
	json_put(boot, "size", json_integer(o->file.size));
	json_put(boot, "owner", json_str(o->owner.display_name));
	json_put(boot, "download",
	    o->file.folder || !o->link.allow_download
		? json_null()
		: json_str(str_printf(
		      cx->arena, "%.*s1", STR_ARG(str_sub(address, 0, address.len - 1)))));
	json_put(boot, "entries", list);
	page_emit(s, res, 200, boot);
	return OK;
}

enum rc
page_link(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const struct caller nobody = { 0 };
	struct opening ask = { .url = str_printf(cx->arena, "https://here%.*s?%.*s",
				   STR_ARG(req->path), STR_ARG(req->query)) };
	struct str save, address;
	struct opened o;
	enum rc rc;

	TRY(http_req_param(cx, req, "dl", &save));
	rc = link_open(app, cx, &nobody, &ask, &o);
	if (rc == E_CONFLICT) {
		bool exists = strcmp(cx->code, "shared_link_access_denied") == 0;

		ctx_clear(cx);
		return no_such_link(app, cx, res, exists);
	}
	TRY(rc);
	address = shared_link_url(cx, &o.link, reach_url(app, req), path_name(o.file.path_display));
	if (!str_eq(save, S("1")) || o.file.folder || !o.link.allow_download)
		return emit_page(app, cx, &o, address, res);
	return content_reply(app, cx, req, &o.file, NULL, res);
}
