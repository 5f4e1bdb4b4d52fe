#include "http/out_request.h"

#include "base/scan.h"

#define HEAD_AT_FIRST 1024

static bytes16
controls_but_tab(bytes16 v)
{
	return scan_controls(v) & (bytes16)(v != '\t');
}

bool
out_printable(struct str s)
{
	return !scan_has(s, controls_but_tab);
}

/* A token needs to be no more than this to end where it should (RFC 9110 section 5.6.2). */
static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == ':')
			return false;
	return s.len > 0;
}

/* One without a value is not sent. */
static bool
add_field(struct buf *b, struct str name, struct str value)
{
	if (!is_name(name) || !out_printable(value))
		return false;
	if (value.len == 0)
		return true;
	buf_add(b, name);
	buf_add(b, S(": "));
	buf_add(b, value);
	buf_add(b, S("\r\n"));
	return true;
}

static bool
names(const struct http_call *call, struct str name)
{
	for (size_t i = 0; i < call->header_count; i++)
		if (str_eq_nocase(call->headers[i].name, name))
			return true;
	return false;
}

static bool
add_line(struct buf *b, struct str method, const struct out_target *to)
{
	buf_add(b, method);
	buf_addc(b, ' ');
	if (to->proxy.len > 0) {
		buf_add(b, to->proxy);
		buf_add(b, to->authority);
	}
	buf_add(b, to->path);
	buf_add(b, S(" HTTP/1.1\r\nHost: "));
	buf_add(b, to->authority);
	buf_add(b, S("\r\n"));
	return is_name(method);
}

/* Of what a method without content means by a length nobody is sure (RFC 9110 section 8.6). */
static void
add_length(struct buf *b, const struct http_call *call, size_t len)
{
	struct str method = str_of(call->method);

	if (!call->has_body && !str_eq(method, S("POST")) && !str_eq(method, S("PATCH")))
		return;
	buf_add(b, S("Content-Length: "));
	buf_add_int(b, (int64_t)len);
	buf_add(b, S("\r\n"));
}

bool
out_request_write(
    struct buf *b, struct str user_agent, const struct http_call *call, const struct out_target *to)
{
	struct str body = call->has_body ? secret_expose(call->body) : S("");
	bool ok;

	buf_room(b, body.len + HEAD_AT_FIRST);
	ok = add_line(b, str_of(call->method), to) && add_field(b, S("User-Agent"), user_agent);
	if (!names(call, S("Accept")))
		ok = ok && add_field(b, S("Accept"), S("*/*"));
	if (to->close)
		ok = ok && add_field(b, S("Connection"), S("close"));
	for (size_t i = 0; ok && i < call->header_count; i++)
		ok = add_field(b, call->headers[i].name, call->headers[i].value);
	ok = ok && add_field(b, S("Authorization"), secret_expose(call->authorization)) &&
	    add_field(b, S("Proxy-Authorization"), to->proxy_authorization) &&
	    (!call->has_body || add_field(b, S("Content-Type"), call->content_type));
	add_length(b, call, body.len);
	buf_add(b, S("\r\n"));
	buf_add(b, body);
	return ok;
}
