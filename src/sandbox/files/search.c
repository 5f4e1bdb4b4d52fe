/* files/search_v2, search/continue_v2 and the older search: by name. An entry matches when each word of
 * the query is part of its name, compared as names are (tree/names.h); contents are not searched.
 *
 * The store is held for a thousand entries at a time, so a search of a million files is in nobody's way.
 * A call looks at so many entries at most and then says that there is more, with a cursor to go on. */
#include <stdlib.h>

#include "sandbox/api/args.h"
#include "sandbox/api/values.h"
#include "sandbox/core/store.h"
#include "sandbox/files/handlers.h"

#define QUERY_MAX 4000 /* bytes of a thousand characters */
#define CURSOR_TEXT_MAX 32768
#define WORDS_MAX 32
#define RESULTS_MAX 1000
#define RESULTS_DEFAULT 100
#define START_MAX 9999
#define FILTERS_MAX 64
#define CHUNK 1000
#define LOOK_AT_MAX 50000

struct search {
	struct file_query at; /* where, and after which path to go on */
	struct str query;
	struct str words[WORDS_MAX];
	size_t word_count;
	bool deleted, by_time;
	const json_t *extensions, *categories; /* NULL: any */
	size_t limit, skip;
	bool one_call; /* looks at everything: the older search has no cursor */
};

struct category {
	const char *name, *extensions; /* with a dot before and after each */
};

static const struct category categories[] = {
	{ "image", ".jpg.jpeg.png.gif.bmp.tif.tiff.webp.svg.heic.ppm." },
	{ "document", ".doc.docx.txt.rtf.odt.md." },
	{ "pdf", ".pdf." },
	{ "spreadsheet", ".xlsx.xls.csv.ods." },
	{ "presentation", ".ppt.pptx.key.odp." },
	{ "audio", ".mp3.wav.mid.flac.ogg.m4a.aac." },
	{ "video", ".mov.wmv.mp4.avi.mkv.webm.m4v." },
	{ "paper", ".paper." },
};

#define CATEGORY_COUNT (sizeof(categories) / sizeof(categories[0]))

static struct str
extension_of(struct str name)
{
	for (size_t i = name.len; i > 1; i--)
		if (name.p[i - 1] == '.')
			return str_sub(name, i, name.len);
	return S("");
}

static const char *
category_of(struct ctx *cx, const struct file *f, struct str extension)
{
	struct str dotted = str_printf(cx->arena, ".%.*s.", STR_ARG(extension));

	if (f->folder)
		return "folder";
	for (size_t i = 0; i < CATEGORY_COUNT; i++)
		if (extension.len > 0 && str_contains(str_of(categories[i].extensions), dotted))
			return categories[i].name;
	return "others";
}

static bool
listed(const json_t *list, struct str value)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *tag = value_tag_of(json_array_get(list, i));

		if (tag != NULL && str_eq_nocase(str_of(tag[0] == '.' ? tag + 1 : tag), value))
			return true;
	}
	return false;
}

static bool
matches(struct ctx *cx, const struct search *q, const struct file *f)
{
	struct str name = path_name(f->path_lower), extension = extension_of(name);

	if (f->deleted != q->deleted || str_eq(f->path_lower, q->at.path_lower))
		return false; /* the folder itself is listed, too */
	for (size_t i = 0; i < q->word_count; i++)
		if (!str_contains(name, q->words[i]))
			return false;
	if (q->extensions != NULL && (f->folder || !listed(q->extensions, extension)))
		return false;
	return q->categories == NULL ||
	    listed(q->categories, str_of(category_of(cx, f, extension)));
}

struct found {
	json_t *list;
	bool more;
};

typedef json_t *show_fn(struct ctx *cx, const struct caller *who, const struct file *f);

/* One chunk, in an arena of its own: most of what is looked at is of no use afterwards. */
static enum rc
look_at(struct sandbox *s, struct ctx *cx, const struct caller *who, struct search *q,
    show_fn *show, struct found *out)
{
	struct file *files = ARENA_ARRAY(cx->arena, struct file, CHUNK);
	size_t count;

	q->at.limit = CHUNK;
	TRY(files_list(s, cx, &q->at, files, &count, &out->more));
	for (size_t i = 0; i < count; i++) {
		q->at.after = files[i].path_lower;
		if (!matches(cx, q, &files[i]))
			continue;
		if (q->skip > 0) {
			q->skip--;
			continue;
		}
		json_array_append_new(out->list, show(cx, who, &files[i]));
		if (json_array_size(out->list) == q->limit) {
			out->more = out->more || i + 1 < count;
			break;
		}
	}
	return OK;
}

static enum rc
look(struct sandbox *s, struct ctx *cx, const struct caller *who, struct search *q, show_fn *show,
    struct found *out)
{
	size_t seen = 0;

	do {
		struct ctx inner = *cx;
		enum rc rc;

		inner.arena = arena_new();
		rc = store_enter(s, &inner, STORE_READ);
		if (rc == OK)
			rc = store_leave(
			    s, &inner, STORE_READ, look_at(s, &inner, who, q, show, out));
		q->at.after = str_dup(cx->arena, q->at.after);
		arena_free(inner.arena);
		if (rc != OK)
			return fail(cx, rc, "%s", inner.why);
		seen += CHUNK;
	} while (out->more && json_array_size(out->list) < q->limit &&
	    (q->one_call || seen < LOOK_AT_MAX));
	return OK;
}

static enum rc
read_words(struct ctx *cx, struct search *q)
{
	struct str rest = path_key(cx->arena, q->query), word;

	while (str_split(&rest, ' ', &word)) {
		if (word.len == 0)
			continue;
		if (q->word_count == WORDS_MAX)
			return fail(
			    cx, E_INPUT, "request body: query: more than %d words", WORDS_MAX);
		q->words[q->word_count++] = word;
	}
	if (q->word_count > 0)
		return OK;
	fail_at(cx, E_CONFLICT, "invalid_argument", NULL, "The query has no word.");
	return api_detail(cx, json_string("query is empty"));
}

static enum rc
read_query(struct ctx *cx, const json_t *arg, struct search *q)
{
	TRY(api_arg_str(cx, arg, "query", QUERY_MAX, &q->query));
	if (q->query.p == NULL)
		return fail(cx, E_INPUT, "request body: missing required field 'query'");
	return read_words(cx, q);
}

static enum rc
find_folder(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct place *at,
    struct file *out)
{
	enum rc rc;

	TRY(store_enter(s, cx, STORE_READ));
	rc = api_find(s, cx, who, at, out);
	return api_under(cx, store_leave(s, cx, STORE_READ, rc), "path");
}

static enum rc
read_place(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *arg,
    struct search *q)
{
	struct place at = { .absolute = who->root };
	struct file f;

	q->at.account_id = who->account.id;
	q->at.recursive = true;
	if (json_string_length(json_object_get(arg, "path")) > 0)
		TRY(api_place(cx, who, arg, PATH_ROOT | PATH_ID, &at));
	q->at.path_lower = path_key(cx->arena, at.absolute);
	if (at.id.len == 0 && at.absolute.len == who->root.len)
		return OK;
	TRY(find_folder(s, cx, who, &at, &f));
	if (!f.folder)
		return fail_at(cx, E_CONFLICT, "path/not_folder", NULL, "This is not a folder.");
	q->at.path_lower = f.path_lower;
	return OK;
}

static enum rc
read_filter(struct ctx *cx, const json_t *options, const char *name, const json_t **out)
{
	json_t *list = json_object_get(options, name);

	if (list == NULL || json_is_null(list))
		return OK;
	TRY(value_list(cx, options, name, FILTERS_MAX, &list));
	*out = json_array_size(list) > 0 ? list : NULL;
	return OK;
}

static bool
has_tag(const json_t *options, const char *name, const char *tag)
{
	const char *is = value_tag_of(json_object_get(options, name));

	return is != NULL && strcmp(is, tag) == 0;
}

/* SearchOptions; the rest of them makes no difference here. */
static enum rc
read_options(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *options,
    struct search *q)
{
	int64_t limit = RESULTS_DEFAULT;

	if (options != NULL && !json_is_null(options) && !json_is_object(options))
		return fail(cx, E_INPUT, "request body: options: expected object");
	TRY(value_int(cx, options, "max_results", 1, RESULTS_MAX, &limit));
	TRY(read_filter(cx, options, "file_extensions", &q->extensions));
	TRY(read_filter(cx, options, "file_categories", &q->categories));
	q->limit = (size_t)limit;
	q->by_time = has_tag(options, "order_by", "last_modified_time");
	q->deleted = q->at.deleted = has_tag(options, "file_status", "deleted");
	return read_place(s, cx, who, options, q);
}

static json_t *
match_v2(struct ctx *cx, const struct caller *who, const struct file *f)
{
	json_t *o = json_object();

	json_put(o, "metadata", value_union("metadata", api_metadata(cx, who, f, true)));
	json_put(o, "match_type", value_tag("filename"));
	return o;
}

static const char *
modified(const json_t *match)
{
	const json_t *metadata = json_object_get(json_object_get(match, "metadata"), "metadata");
	const char *at = json_string_value(json_object_get(metadata, "server_modified"));

	return at != NULL ? at : "";
}

static int
newest_first(const void *a, const void *b)
{
	return strcmp(modified(*(json_t *const *)b), modified(*(json_t *const *)a));
}

static void
sort_by_time(struct ctx *cx, json_t *list)
{
	size_t count = json_array_size(list);
	json_t **all = ARENA_ARRAY(cx->arena, json_t *, count + 1);

	for (size_t i = 0; i < count; i++)
		all[i] = json_incref(json_array_get(list, i));
	qsort(all, count, sizeof(*all), newest_first);
	json_array_clear(list);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, all[i]);
}

/* The arguments as they came, and where to go on. */
static struct str
next_cursor(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct search *q,
    const json_t *options)
{
	json_t *o = json_object();

	json_put(o, "q", json_str(q->query));
	json_put(o, "a", json_str(q->at.after));
	if (json_is_object(options))
		json_put(o, "o", json_deep_copy(options));
	return cursor_seal(s, cx, "search", who, o);
}

static enum rc
emit_v2(struct sandbox *s, struct ctx *cx, const struct caller *who, struct search *q,
    const json_t *options, struct http_res *res)
{
	struct found found = { .list = json_array() };
	enum rc rc = look(s, cx, who, q, match_v2, &found);
	json_t *o;

	if (rc != OK) {
		json_decref(found.list);
		return rc;
	}
	if (q->by_time)
		sort_by_time(cx, found.list);
	o = json_object();
	json_put(o, "matches", found.list);
	json_put(o, "has_more", json_boolean(found.more));
	if (found.more)
		json_put(o, "cursor", json_str(next_cursor(s, cx, who, q, options)));
	api_json(cx, res, 200, o);
	return OK;
}

enum rc
api_search_v2(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "query", "options", "match_field_options",
		"include_highlights", NULL };
	struct search q = { 0 };
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(read_query(cx, arg, &q));
	TRY(read_options(app, cx, req->session, json_object_get(arg, "options"), &q));
	return emit_v2(app, cx, req->session, &q, json_object_get(arg, "options"), res);
}

enum rc
api_search_continue(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "cursor", NULL };
	struct search q = { 0 };
	struct str text;
	json_t *arg, *saved;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_arg_str(cx, arg, "cursor", CURSOR_TEXT_MAX, &text));
	rc = cursor_open(app, cx, "search", req->session, text, &saved);
	if (rc == E_NOTFOUND) {
		fail_at(cx, E_CONFLICT, "invalid_argument", NULL, "Not one of our cursors.");
		return api_detail(cx, json_string("cursor is not valid"));
	}
	TRY(rc);
	arg = json_object();
	json_put(arg, "query", json_incref(json_object_get(saved, "q")));
	rc = read_query(cx, arg, &q);
	json_decref(arg);
	TRY(rc);
	TRY(json_take_str(cx, saved, "a", CURSOR_TEXT_MAX, &q.at.after));
	TRY(read_options(app, cx, req->session, json_object_get(saved, "o"), &q));
	return emit_v2(app, cx, req->session, &q, json_object_get(saved, "o"), res);
}

static json_t *
match_v1(struct ctx *cx, const struct caller *who, const struct file *f)
{
	json_t *o = json_object();

	json_put(o, "metadata", api_metadata(cx, who, f, true));
	json_put(o, "match_type", value_tag("filename"));
	return o;
}

enum rc
api_search(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "query", "start", "max_results", "mode",
		NULL };
	int64_t start = 0, limit = RESULTS_DEFAULT;
	struct search q = { .one_call = true };
	struct found found = { 0 };
	json_t *arg, *o;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(read_query(cx, arg, &q));
	TRY(value_int(cx, arg, "start", 0, START_MAX, &start));
	TRY(value_int(cx, arg, "max_results", 1, RESULTS_MAX, &limit));
	if (!json_is_string(json_object_get(arg, "path")))
		return fail(cx, E_INPUT, "request body: missing required field 'path'");
	TRY(read_place(app, cx, req->session, arg, &q));
	q.deleted = q.at.deleted = has_tag(arg, "mode", "deleted_filename");
	q.skip = (size_t)start;
	q.limit = (size_t)limit;
	found.list = json_array();
	rc = look(app, cx, req->session, &q, match_v1, &found);
	if (rc != OK) {
		json_decref(found.list);
		return rc;
	}
	o = json_object();
	json_put(o, "more", json_boolean(found.more));
	json_put(o, "start", json_integer(start + (int64_t)json_array_size(found.list)));
	json_put(o, "matches", found.list);
	api_json(cx, res, 200, o);
	return OK;
}
