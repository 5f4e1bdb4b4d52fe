/* files/list_folder, /continue and /get_latest_cursor. A listing that is through turns into a watch
 * for changes, so that nothing between its pages is lost. */
#include "base/buf.h"
#include "sandbox/api/values.h"
#include "sandbox/files/cursor.h"
#include "sandbox/files/handlers.h"
#include "sandbox/core/state.h"

#define LIMIT_DEFAULT 500
#define LIMIT_MAX 2000
#define PAGE_FULL (4u << 20) /* bytes after which a page ends, whatever its limit */
#define PAGE_MAX (PAGE_FULL + (1u << 20))

/* Where the next page goes on. now is the account's last change: what a watch has looked through it
 * need not look through again. */
static void
advance(struct file_query *q, const struct file *last, bool more, int64_t now)
{
	if (more) {
		q->since = q->changes ? last->seq : q->since;
		q->after = last->path_lower;
		return;
	}
	q->since = (q->changes ? now : q->since) + 1;
	q->changes = true;
	q->after = S("");
}

static int
add_text(const char *text, size_t len, void *arg)
{
	buf_add(arg, (struct str){ text, len });
	return 0;
}

/* One by one: a page of two thousand as a tree takes many times the memory of its text. */
static void
add_entry(struct buf *page, json_t *metadata)
{
	if (page->p[page->len - 1] != '[')
		buf_addc(page, ',');
	json_dump_callback(metadata, add_text, page, JSON_COMPACT);
	json_decref(metadata);
}

static enum rc
emit_page(struct sandbox *s, struct ctx *cx, const struct caller *who, struct file_query *q,
    struct http_res *res)
{
	struct file *files = ARENA_ARRAY(cx->arena, struct file, (size_t)q->limit);
	size_t count, depth = path_depth(who->root);
	struct buf page = buf_in(cx->arena, PAGE_MAX);
	int64_t now;
	bool more;

	TRY(files_list(s, cx, q, files, &count, &more));
	TRY(files_seq(s, cx, who->account.id, &now));
	buf_add(&page, S("{\"entries\":["));
	for (size_t i = 0; i < count; i++) {
		if (page.len > PAGE_FULL) {
			count = i;
			more = true;
		} else if (path_depth(files[i].path_lower) > depth) { /* the root has no metadata */
			add_entry(&page, api_metadata(cx, who, &files[i], true));
		}
	}
	advance(q, count > 0 ? &files[count - 1] : NULL, more, now);
	buf_add(&page, S("],\"cursor\":"));
	buf_add_json_string(&page, list_cursor_write(s, cx, who, q));
	buf_addf(&page, ",\"has_more\":%s}", more ? "true" : "false");
	api_request_id(cx, res);
	http_res_json(res, 200, buf_str(&page));
	return OK;
}

static enum rc
find_folder(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct place *at,
    struct str *path_lower)
{
	struct file f;

	*path_lower = path_key(cx->arena, who->root);
	if (at->id.len == 0 && at->absolute.len == who->root.len)
		return OK;
	TRY(api_under(cx, api_find(s, cx, who, at, &f), "path"));
	if (!f.folder)
		return fail_at(cx, E_CONFLICT, "path/not_folder", NULL, "This is not a folder.");
	*path_lower = f.path_lower;
	return OK;
}

static enum rc
read_query(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct file_query *q)
{
	static const char *const names[] = { "path", "recursive", "include_media_info",
		"include_deleted", "include_has_explicit_shared_members", "include_mounted_folders",
		"limit", "shared_link", "include_property_groups", "include_non_downloadable_files",
		"include_restorable_info", NULL };
	const struct caller *who = req->session;
	struct place at;
	json_t *arg;

	*q = (struct file_query){ .account_id = who->account.id, .limit = LIMIT_DEFAULT };
	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_place(cx, who, arg, PATH_ROOT | PATH_ID, &at));
	TRY(api_arg_bool(cx, arg, "recursive", &q->recursive));
	TRY(api_arg_bool(cx, arg, "include_deleted", &q->deleted));
	TRY(value_int(cx, arg, "limit", 1, LIMIT_MAX, &q->limit));
	if (json_is_object(json_object_get(arg, "shared_link")))
		return fail(cx, E_INPUT,
		    "request body: shared_link: the sandbox lists shared links with "
		    "sharing/get_shared_link_metadata only");
	TRY(find_folder(s, cx, who, &at, &q->path_lower));
	return files_seq(s, cx, who->account.id, &q->since);
}

enum rc
api_list_folder(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct file_query q;

	TRY(read_query(app, cx, req, &q));
	return emit_page(app, cx, req->session, &q, res);
}

enum rc
api_list_folder_latest(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct file_query q;
	json_t *o;

	TRY(read_query(app, cx, req, &q));
	advance(&q, NULL, false, q.since);
	o = json_object();
	json_put(o, "cursor", json_str(list_cursor_write(app, cx, req->session, &q)));
	api_json(cx, res, 200, o);
	return OK;
}

enum rc
api_list_folder_continue(
    void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "cursor", NULL };
	const struct caller *who = req->session;
	struct file_query q;
	struct str cursor;
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_arg_str(cx, arg, "cursor", CURSOR_MAX, &cursor));
	if (cursor.len == 0)
		return fail(cx, E_INPUT, "request body: missing required field 'cursor'");
	TRY(list_cursor_read(app, cx, who, cursor, &q));
	return emit_page(app, cx, who, &q, res);
}
