#include "sandbox/api/content.h"

#include <inttypes.h>

#include "base/buf.h"
#include "sandbox/core/errors.h"

#define HEADER_MAX 65536

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

struct str
content_result(struct ctx *cx, json_t *value)
{
	struct buf b = buf_in(cx->arena, HEADER_MAX);

	json_dump_callback(value, add_header_text, &b, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(value);
	return buf_str(&b);
}

struct str
content_disposition(struct ctx *cx, struct str name)
{
	struct buf b = buf_in(cx->arena, HEADER_MAX);

	buf_add(&b, S("attachment; filename=\""));
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];
		bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%';

		buf_addc(&b, plain ? c : '_');
	}
	buf_add(&b, S("\"; filename*=UTF-8''"));
	buf_add_percent(&b, name);
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

static void
put_headers(struct ctx *cx, const struct file *f, struct http_res *res)
{
	api_request_id(cx, res);
	res->content_type = S("application/octet-stream");
	http_res_header(res, S("ETag"), str_printf(cx->arena, "W/\"%.*s\"", STR_ARG(f->rev)));
	http_res_header(res, S("Accept-Ranges"), S("bytes"));
	http_res_header(
	    res, S("Content-Disposition"), content_disposition(cx, path_name(f->path_display)));
}

static enum rc
emit(struct sandbox *s, struct ctx *cx, const struct http_req *req, const struct file *f,
    struct http_res *res)
{
	bool whole = http_req_header(req, S("If-Range")).p != NULL; /* our tags are weak */
	struct range r = read_range(whole ? S("") : http_req_header(req, S("Range")), f->size);
	int fd;

	if (is_known(req, f)) {
		put_headers(cx, f, res);
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
	put_headers(cx, f, res);
	if (r.partial)
		http_res_header(res, S("Content-Range"),
		    str_printf(cx->arena, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, r.from,
			r.from + r.len - 1, f->size));
	http_res_file(res, r.partial ? 206 : 200, fd, r.from, r.len);
	return OK;
}

enum rc
content_reply(struct sandbox *s, struct ctx *cx, const struct http_req *req, const struct file *f,
    json_t *result, struct http_res *res)
{
	struct str text = result != NULL ? content_result(cx, result) : (struct str){ 0 };

	TRY(emit(s, cx, req, f, res));
	if (text.len > 0 && res->status != 416)
		http_res_header(res, S("Dropbox-API-Result"), text);
	return OK;
}
