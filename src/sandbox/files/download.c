/* files/download: the file goes from the disk to the wire bit by bit (http_res_file). */
#include <inttypes.h>
#include <unistd.h>

#include "base/buf.h"
#include "sandbox/api/args.h"
#include "sandbox/files/handlers.h"
#include "sandbox/core/state.h"

#define RESULT_MAX 65536

/* jansson escapes all but ASCII; DEL is left for us. */
static int
add_header_text(const char *text, size_t len, void *arg)
{
	struct buf *b = arg;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == 0x7f)
			buf_add(b, S("\\u007f"));
		else
			buf_addc(b, text[i]);
	}
	return 0;
}

static struct str
header_json(struct ctx *cx, json_t *value)
{
	struct buf b = buf_in(cx->arena, RESULT_MAX);

	json_dump_callback(value, add_header_text, &b, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(value);
	return buf_str(&b);
}

struct range {
	bool partial, empty; /* empty: nothing of the file is in it */
	int64_t from, len;
};

/* RFC 9110 section 14.1.2, one range of bytes. Whatever else is sent is ignored, as it may be. */
static struct range
read_range(struct str header, int64_t size)
{
	struct range whole = { .len = size };
	struct str spec;
	size_t dash;
	int64_t from, to = INT64_MAX;

	if (!str_starts(header, S("bytes=")))
		return whole;
	spec = str_trim(str_sub(header, 6, header.len));
	dash = str_find(spec, '-');
	if (dash == spec.len)
		return whole;
	if (dash == 0) {
		if (!str_int(str_sub(spec, 1, spec.len), 0, INT64_MAX, &from))
			return whole;
		from = from < size ? size - from : 0;
		return (struct range){ true, from == size, from, size - from };
	}
	if (!str_int(str_sub(spec, 0, dash), 0, INT64_MAX, &from) ||
	    (dash + 1 < spec.len &&
		!str_int(str_sub(spec, dash + 1, spec.len), from, INT64_MAX, &to)))
		return whole;
	if (from >= size)
		return (struct range){ .partial = true, .empty = true };
	return (struct range){ true, false, from, (to < size ? to + 1 : size) - from };
}

static void
put_headers(struct ctx *cx, const struct caller *who, const struct file *f, struct http_res *res)
{
	api_request_id(cx, res);
	res->content_type = S("application/octet-stream");
	http_res_header(
	    res, S("Dropbox-API-Result"), header_json(cx, api_metadata(cx, who, f, false)));
	http_res_header(res, S("ETag"), str_printf(cx->arena, "W/\"%.*s\"", STR_ARG(f->rev)));
	http_res_header(res, S("Accept-Ranges"), S("bytes"));
	http_res_header(res, S("Content-Disposition"), S("attachment"));
}

/* RFC 9110 section 13.1.2: a list of tags, compared without their weakness. */
static bool
is_known(const struct http_req *req, const struct file *f)
{
	struct str list = http_req_header(req, S("If-None-Match")), tag;

	while (str_split(&list, ',', &tag)) {
		tag = str_trim(tag);
		if (str_eq(tag, S("*")))
			return true;
		if (str_starts(tag, S("W/")))
			tag = str_sub(tag, 2, tag.len);
		if (tag.len == f->rev.len + 2 && tag.p[0] == '"' &&
		    str_eq(str_sub(tag, 1, tag.len - 1), f->rev))
			return true;
	}
	return false;
}

static enum rc
emit(struct sandbox *s, struct ctx *cx, const struct http_req *req, const struct file *f,
    struct http_res *res)
{
	bool whole = http_req_header(req, S("If-Range")).p != NULL; /* our tags are weak */
	struct range r = read_range(whole ? S("") : http_req_header(req, S("Range")), f->size);
	int fd;

	if (is_known(req, f)) {
		put_headers(cx, req->session, f, res);
		res->status = 304;
		return OK;
	}
	if (r.empty) {
		api_request_id(cx, res);
		http_res_header(
		    res, S("Content-Range"), str_printf(cx->arena, "bytes */%" PRId64, f->size));
		http_res_text(res, 416, S("The range is beyond the end of the file."));
		return OK;
	}
	TRY(file_open(s, cx, f, &fd));
	put_headers(cx, req->session, f, res);
	if (r.partial)
		http_res_header(res, S("Content-Range"),
		    str_printf(cx->arena, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, r.from,
			r.from + r.len - 1, f->size));
	http_res_file(res, r.partial ? 206 : 200, fd, r.from, r.len);
	return OK;
}

enum rc
api_download(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "rev", NULL };
	const struct caller *who = req->session;
	struct place at;
	struct str rev;
	struct file f;
	json_t *arg;

	TRY(api_header_arg(cx, req, names, &arg));
	TRY(api_place(cx, who, arg, PATH_ID | PATH_REV, &at));
	TRY(api_arg_str(cx, arg, "rev", 64, &rev));
	if (rev.len > 0)
		at = (struct place){ .rev = rev }; /* an old way to say it */
	TRY(api_under(cx, api_find(app, cx, who, &at, &f), "path"));
	if (f.folder)
		return fail_at(cx, E_CONFLICT, "path/not_file", NULL, "This is not a file.");
	return emit(app, cx, req, &f, res);
}
