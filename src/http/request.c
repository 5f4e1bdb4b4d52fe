#include "base/str.h"
#include "http/message.h"

struct str
http_req_header(const struct http_req *req, struct str name)
{
	for (size_t i = 0; i < req->header_count; i++) {
		if (str_eq_nocase(req->headers[i].name, name))
			return req->headers[i].value;
	}
	return (struct str){ 0 };
}

static int
count_cookie(struct str list, struct str name, struct str *out)
{
	struct str pair;
	int n = 0;

	while (str_split(&list, ';', &pair)) {
		size_t eq;

		pair = str_trim(pair);
		eq = str_find(pair, '=');
		if (eq == pair.len || !str_eq(str_sub(pair, 0, eq), name))
			continue;
		*out = str_sub(pair, eq + 1, pair.len);
		n++;
	}
	return n;
}

bool
http_req_cookie(const struct http_req *req, struct str name, struct str *out)
{
	int n = 0;

	*out = (struct str){ 0 };
	for (size_t i = 0; i < req->header_count; i++) {
		if (str_eq_nocase(req->headers[i].name, S("cookie")))
			n += count_cookie(req->headers[i].value, name, out);
	}
	if (n != 1)
		*out = (struct str){ 0 };
	return n == 1;
}

enum rc
http_req_param(struct ctx *cx, const struct http_req *req, const char *name, struct str *out)
{
	int count = 0;

	*out = (struct str){ 0 };
	if (req->query.len == 0)
		return OK;
	str_form_get(cx->arena, req->query, str_of(name), out, &count);
	if (count < 0)
		return fail_at(cx, E_INPUT, "bad-query", NULL, "The query holds a bad escape.");
	if (count > 1)
		return fail_at(
		    cx, E_INPUT, "bad-query", name, "The parameter \"%s\" stands twice.", name);
	if (count == 0)
		*out = (struct str){ 0 };
	return OK;
}

/* The type has no parameters (RFC 8259 section 11), but many programs name the charset. */
static bool
is_json(struct str type)
{
	size_t end = str_find(type, ';');
	struct str parameter = str_trim(str_sub(type, end + 1, type.len));

	if (!str_eq_nocase(str_trim(str_sub(type, 0, end)), S("application/json")))
		return false;
	return end == type.len || str_eq_nocase(parameter, S("charset=utf-8")) ||
	    str_eq_nocase(parameter, S("charset=\"utf-8\""));
}

enum rc
http_req_want_json(struct ctx *cx, const struct http_req *req)
{
	if (is_json(http_req_header(req, S("content-type"))))
		return OK;
	return fail_at(cx, E_INPUT, "unsupported-media-type", NULL,
	    "The body must be JSON, sent with Content-Type: application/json.");
}
