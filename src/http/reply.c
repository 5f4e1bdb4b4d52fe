#include "http/reply.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/scan.h"
#include "base/log.h"

#define EXTRA_HEAD_MAX 16384
#define REPLY_HEAD_MAX (EXTRA_HEAD_MAX + 4096)
#define REPLY_HEAD_FIRST 384 /* what a reply without extra lines needs beside the constant ones */

struct str
reply_phrase(int status)
{
	static const struct {
		int status;
		struct str phrase;
	} phrases[] = {
		{ 200, S("OK") },
		{ 201, S("Created") },
		{ 202, S("Accepted") },
		{ 204, S("No Content") },
		{ 206, S("Partial Content") },
		{ 301, S("Moved Permanently") },
		{ 302, S("Found") },
		{ 303, S("See Other") },
		{ 304, S("Not Modified") },
		{ 307, S("Temporary Redirect") },
		{ 308, S("Permanent Redirect") },
		{ 400, S("Bad Request") },
		{ 401, S("Unauthorized") },
		{ 403, S("Forbidden") },
		{ 404, S("Not Found") },
		{ 405, S("Method Not Allowed") },
		{ 408, S("Request Timeout") },
		{ 409, S("Conflict") },
		{ 410, S("Gone") },
		{ 411, S("Length Required") },
		{ 413, S("Content Too Large") },
		{ 414, S("URI Too Long") },
		{ 415, S("Unsupported Media Type") },
		{ 416, S("Range Not Satisfiable") },
		{ 417, S("Expectation Failed") },
		{ 421, S("Misdirected Request") },
		{ 422, S("Unprocessable Content") },
		{ 429, S("Too Many Requests") },
		{ 431, S("Request Header Fields Too Large") },
		{ 500, S("Internal Server Error") },
		{ 501, S("Not Implemented") },
		{ 502, S("Bad Gateway") },
		{ 503, S("Service Unavailable") },
		{ 504, S("Gateway Timeout") },
		{ 505, S("HTTP Version Not Supported") },
		{ 507, S("Insufficient Storage") },
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return S("Status");
}

struct str
reply_constant(struct arena *a, bool https)
{
	struct buf b = buf_in(a, 2048);

	buf_add(&b,
	    S("X-Content-Type-Options: nosniff\r\n"
	      "Referrer-Policy: no-referrer\r\n"
	      "Cross-Origin-Resource-Policy: same-origin\r\n"
	      "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
	      "img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; "
	      "form-action 'self'; object-src 'none'; frame-ancestors 'none'\r\n"
	      "X-Frame-Options: DENY\r\n"));
	if (https)
		buf_add(&b, S("Strict-Transport-Security: max-age=31536000\r\n"));
	return buf_str(&b);
}

void
reply_date(char out[REPLY_DATE_LEN + 1], int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, REPLY_DATE_LEN + 1, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

bool
reply_has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

/* S-155: a value that could end its line is left out, and the line with it. */
static bytes16
ends_line(bytes16 v)
{
	return scan_controls(v) & (bytes16)(v != '\t');
}

static bool
is_line_safe(struct str s)
{
	return !scan_has(s, ends_line);
}

static bool
is_name(struct str s)
{
	return s.len > 0 && is_line_safe(s) && str_find(s, ':') == s.len &&
	    str_find(s, ' ') == s.len;
}

static struct buf *
extra_head(struct http_res *res)
{
	if (res->head_ == NULL) {
		res->head_ = ARENA_NEW(res->arena, struct buf);
		*res->head_ = buf_in(res->arena, EXTRA_HEAD_MAX);
	}
	return res->head_;
}

static void
add_line(struct http_res *res, struct str name, struct str value, struct str more)
{
	struct buf *b = extra_head(res);

	if (!is_name(name) || !is_line_safe(value) || !is_line_safe(more) ||
	    name.len + value.len + more.len + 4 > b->max - b->len)
		return;
	buf_add(b, name);
	buf_add(b, S(": "));
	buf_add(b, value);
	buf_add(b, more);
	buf_add(b, S("\r\n"));
}

void
http_res_header(struct http_res *res, struct str name, struct str value)
{
	add_line(res, name, value, S(""));
}

void
http_res_cookie(struct http_res *res, struct str name, struct str value, struct str attributes)
{
	struct str pair = str_printf(res->arena, "%.*s=%.*s", STR_ARG(name), STR_ARG(value));

	if (str_find(value, ';') == value.len && pair.len == name.len + value.len + 1)
		add_line(res, S("Set-Cookie"), pair, attributes);
}

void
http_res_drop_file(struct http_res *res)
{
	if (res->file_.there)
		close(res->file_.fd);
	res->file_.there = false;
}

/* What did not fit into one text is an error, and never half of an answer. */
static void
too_large(struct http_res *res)
{
	log_event(LOG_ERROR, "http.reply_too_large", KV_STR("todo", S("ask for less at once")));
	res->status = 500;
	res->cacheable = false;
	res->content_type = S("application/problem+json");
	res->body = S("{\"type\":\"urn:valetkey:problem:answer-too-large\","
		      "\"title\":\"Internal Server Error\",\"status\":500,"
		      "\"detail\":\"The answer is larger than a reply can be.\","
		      "\"todo\":\"Ask for less at once.\",\"code\":\"answer-too-large\"}");
}

void
http_res_json(struct http_res *res, int status, struct str json)
{
	http_res_drop_file(res);
	if (json.p == NULL) {
		too_large(res);
		return;
	}
	res->status = status;
	res->content_type = S("application/json");
	res->body = json;
}

void
http_res_text(struct http_res *res, int status, struct str text)
{
	http_res_drop_file(res);
	res->status = status;
	res->content_type = S("text/plain; charset=utf-8");
	res->body = text;
}

void
http_res_file(struct http_res *res, int status, int fd, int64_t offset, int64_t len)
{
	http_res_drop_file(res);
	res->status = status;
	res->body = S("");
	res->file_ = (struct http_file){ .there = true, .fd = fd, .offset = offset, .len = len };
}

void
http_res_redirect(struct http_res *res, int status, struct str location)
{
	res->status = status;
	res->body = S("");
	http_res_header(res, S("Location"), location);
}

static void
add_content(struct buf *b, const struct http_res *res)
{
	if (!reply_has_body(res->status))
		return;
	if (res->content_type.len > 0 && is_line_safe(res->content_type)) {
		buf_add(b, S("Content-Type: "));
		buf_add(b, res->content_type);
		buf_add(b, S("\r\n"));
	}
	if (res->more.after_ms > 0) {
		buf_add(b, S("Transfer-Encoding: chunked\r\n"));
		return;
	}
	buf_add(b, S("Content-Length: "));
	buf_add_int(b, res->file_.there ? res->file_.len : (int64_t)res->body.len);
	buf_add(b, S("\r\n"));
}

static void
add_first_lines(struct buf *b, const struct http_res *res, const struct reply_frame *f)
{
	buf_add(b, S("HTTP/1.1 "));
	buf_add_int(b, res->status);
	buf_addc(b, ' ');
	buf_add(b, reply_phrase(res->status));
	buf_add(b, S("\r\nDate: "));
	buf_add(b, f->date);
	buf_add(b, S("\r\nX-Request-Id: "));
	buf_add(b, (struct str){ f->request_id, REQUEST_ID_LEN });
	buf_add(b, S("\r\n"));
}

struct str
reply_head(const struct http_res *res, const struct reply_frame *f)
{
	size_t extra = res->head_ != NULL ? res->head_->len : 0;
	size_t first = REPLY_HEAD_FIRST + f->constant.len + extra + f->body.len;
	struct buf b = buf_with(res->arena, first, REPLY_HEAD_MAX + f->body.len);

	add_first_lines(&b, res, f);
	add_content(&b, res);
	buf_add(&b, f->constant);
	buf_add(&b,
	    res->coop_unsafe_none ? S("Cross-Origin-Opener-Policy: unsafe-none\r\n")
				  : S("Cross-Origin-Opener-Policy: same-origin-allow-popups\r\n"));
	if (!res->cacheable)
		buf_add(&b, S("Cache-Control: no-store\r\n"));
	if (res->head_ != NULL)
		buf_add(&b, buf_str(res->head_));
	if (f->close)
		buf_add(&b, S("Connection: close\r\n"));
	else if (f->say_keep_alive)
		buf_add(&b, S("Connection: keep-alive\r\n"));
	buf_add(&b, S("\r\n"));
	buf_add(&b, f->body);
	return buf_str(&b);
}
