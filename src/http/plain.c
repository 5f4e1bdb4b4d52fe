#include "http/plain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <http_parser.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

#define HEAD_MAX (64u << 10)
#define REPLY_MAX (1u << 20)
#define REQUEST_MAX (1u << 20)
#define READ_SIZE 16384
#define DEFAULT_PORT 80

/* Where the call goes. */
struct target {
	struct str authority, path;
	struct sockaddr_storage at[2]; /* "localhost" is two */
	int count;
};

struct exchange {
	struct ctx *cx;
	struct http_reply *out;
	struct target to;
	int64_t until_ms;
	http_parser parser;
	struct buf name, value, body; /* the first two: of the header that is being read */
	bool in_value, encoded, complete;
};

/* --- what to call --- */

static void
add_v4(struct target *t, struct in_addr at, int port)
{
	struct sockaddr_in *a = (struct sockaddr_in *)&t->at[t->count++];

	*a = (struct sockaddr_in){ AF_INET, htons((uint16_t)port), at, { 0 } };
}

static void
add_v6_loopback(struct target *t, int port)
{
	struct sockaddr_in6 *a = (struct sockaddr_in6 *)&t->at[t->count++];

	*a = (struct sockaddr_in6){ .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port),
		.sin6_addr = in6addr_loopback };
}

static bool
take_host(struct ctx *cx, struct str host, int port, struct target *t)
{
	struct in_addr v4 = { htonl(INADDR_LOOPBACK) };

	if (str_eq(host, S("[::1]"))) {
		add_v6_loopback(t, port);
	} else if (str_eq_nocase(host, S("localhost"))) {
		add_v4(t, v4, port);
		add_v6_loopback(t, port);
	} else if (str_starts(host, S("127.")) &&
	    inet_pton(AF_INET, str_cstr(cx->arena, host), &v4) == 1) {
		add_v4(t, v4, port);
	}
	return t->count > 0;
}

static bool
visible(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '#')
			return false;
	return true;
}

static bool
take_url(struct ctx *cx, struct str url, struct target *t)
{
	size_t scheme = S("http://").len, slash, colon;
	int64_t port = DEFAULT_PORT;
	struct str host;

	if (!str_starts(url, S("http://")) || !visible(url))
		return false;
	url = str_sub(url, scheme, url.len);
	slash = str_find(url, '/');
	t->authority = str_sub(url, 0, slash);
	t->path = slash < url.len ? str_sub(url, slash, url.len) : S("/");
	host = t->authority;
	for (colon = host.len; colon > 0 && host.p[colon - 1] >= '0' && host.p[colon - 1] <= '9';)
		colon--;
	if (colon > 1 && colon < host.len && host.p[colon - 1] == ':') {
		if (!str_int(str_sub(host, colon, host.len), 1, 65535, &port))
			return false;
		host = str_sub(host, 0, colon - 1);
	}
	return take_host(cx, host, (int)port, t);
}

static bool
add_header(struct buf *b, struct str name, struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
			return false;
	buf_addf(b, "%.*s: %.*s\r\n", STR_ARG(name), STR_ARG(value));
	return true;
}

static bool
write_request(
    struct str user_agent, const struct http_call *call, const struct target *t, struct buf *b)
{
	struct str body = secret_expose(call->body);
	bool ok = visible(str_of(call->method));

	buf_addf(b, "%s %.*s HTTP/1.1\r\nHost: %.*s\r\n", call->method, STR_ARG(t->path),
	    STR_ARG(t->authority));
	ok = ok && add_header(b, S("User-Agent"), user_agent);
	ok = ok && add_header(b, S("Accept"), S("*/*"));
	ok = ok && add_header(b, S("Connection"), S("close"));
	for (size_t i = 0; ok && i < call->header_count; i++)
		ok = visible(call->headers[i].name) &&
		    add_header(b, call->headers[i].name, call->headers[i].value);
	if (!secret_empty(call->authorization))
		ok = ok && add_header(b, S("Authorization"), secret_expose(call->authorization));
	if (call->has_body)
		ok = ok && add_header(b, S("Content-Type"), call->content_type);
	if (call->has_body || strcmp(call->method, "GET") != 0)
		buf_addf(b, "Content-Length: %zu\r\n", body.len);
	buf_add(b, S("\r\n"));
	buf_add(b, body);
	return ok && !b->overflow;
}

/* --- what comes back --- */

static void
say(struct exchange *x, enum http_call_end end, const char *what, const char *why)
{
	x->out->end = end;
	snprintf(x->out->error, sizeof(x->out->error), "%.30s %.60s: %s", what,
	    str_cstr(x->cx->arena, x->to.authority), why);
}

static void
take_content_type(struct exchange *x, struct str v)
{
	char *type = str_cstr(x->cx->arena, str_trim(str_sub(v, 0, str_find(v, ';'))));

	for (char *c = type; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	x->out->content_type = str_of(type);
}

/* The header that was read, if one was. No coding was offered: one that comes all the same may be a
 * bomb (S-020). */
static int
end_header(http_parser *p)
{
	struct exchange *x = p->data;
	struct str name = buf_str(&x->name), value = str_trim(buf_str(&x->value));

	if (str_eq_nocase(name, S("content-type")))
		take_content_type(x, value);
	x->encoded |= str_eq_nocase(name, S("content-encoding")) && value.len > 0 &&
	    !str_eq_nocase(value, S("identity"));
	x->name.len = x->value.len = 0;
	x->in_value = false;
	return x->encoded ? -1 : 0;
}

static int
on_name(http_parser *p, const char *at, size_t len)
{
	struct exchange *x = p->data;

	if (x->in_value && end_header(p) != 0)
		return -1;
	buf_add(&x->name, (struct str){ at, len });
	return 0;
}

static int
on_value(http_parser *p, const char *at, size_t len)
{
	struct exchange *x = p->data;

	x->in_value = true;
	buf_add(&x->value, (struct str){ at, len });
	return 0;
}

static int
on_body(http_parser *p, const char *at, size_t len)
{
	struct exchange *x = p->data;

	buf_add(&x->body, (struct str){ at, len });
	return x->body.overflow ? -1 : 0;
}

/* Nothing behind the end is looked at. */
static int
on_complete(http_parser *p)
{
	struct exchange *x = p->data;

	x->complete = true;
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = end_header,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

static void
judge_bytes(struct exchange *x)
{
	enum http_errno error = HTTP_PARSER_ERRNO(&x->parser);

	if (x->encoded)
		say(x, CALL_LOST, "no complete reply from", "it is encoded");
	else if (x->body.overflow)
		say(x, CALL_TOO_LARGE, "no reply taken from", "it is past the size limit");
	else if (x->name.overflow || x->value.overflow || error == HPE_HEADER_OVERFLOW)
		say(x, CALL_TOO_LARGE, "no reply taken from", "a header is past the size limit");
	else
		say(x, CALL_LOST, "no complete reply from", "it did not speak HTTP as asked");
}

static void
judge_reply(struct exchange *x)
{
	x->out->status = x->parser.status_code;
	if (x->out->status >= 300 && x->out->status < 400) {
		say(x, CALL_REDIRECTED, "a redirect came from", "it is not followed");
	} else if (x->out->status < 200 || x->parser.upgrade) {
		say(x, CALL_LOST, "no complete reply from", "it did not speak HTTP as asked");
	} else {
		x->out->end = CALL_ANSWERED;
		x->out->body = secret_of(buf_str(&x->body));
	}
}

/* --- the socket --- */

static bool
wait_for(struct exchange *x, int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left;
	int n;

	do {
		left = x->until_ms - clock_mono_ms();
		n = left > 0 ? poll(&p, 1, (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

/* -1 and errno. */
static int
connect_one(struct exchange *x, const struct sockaddr_storage *at)
{
	int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	socklen_t len =
	    at->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)at, len) != 0)
		error = errno;
	len = sizeof(error);
	if (error == EINPROGRESS &&
	    (!wait_for(x, fd, POLLOUT) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0))
		error = errno;
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

static int
connect_any(struct exchange *x)
{
	int fd = -1;

	for (int i = 0; i < x->to.count && fd < 0; i++)
		fd = connect_one(x, &x->to.at[i]);
	if (fd < 0)
		say(x, CALL_REFUSED, "could not connect to", strerror(errno));
	return fd;
}

static void
broke_off(struct exchange *x)
{
	if (errno == ETIMEDOUT)
		say(x, CALL_TIMED_OUT, "no complete reply from", "it took too long");
	else
		say(x, CALL_LOST, "no complete reply from", strerror(errno));
}

static bool
send_all(struct exchange *x, int fd, struct str bytes)
{
	while (bytes.len > 0) {
		ssize_t n = send(fd, bytes.p, bytes.len, MSG_NOSIGNAL);

		if (n > 0)
			bytes = str_sub(bytes, (size_t)n, bytes.len);
		else if ((errno != EAGAIN && errno != EINTR) || !wait_for(x, fd, POLLOUT))
			return false;
	}
	return true;
}

/* False when the reply cannot end well any more; the end of the connection is n == 0. */
static bool
take_bytes(struct exchange *x, const char *bytes, size_t n)
{
	size_t used = http_parser_execute(&x->parser, &settings, bytes, n);

	return x->complete || (used == n && n > 0 && HTTP_PARSER_ERRNO(&x->parser) == HPE_OK);
}

static void
receive(struct exchange *x, int fd)
{
	char bytes[READ_SIZE];
	bool going = true;
	ssize_t n = 1;

	while (going && !x->complete) {
		n = recv(fd, bytes, sizeof(bytes), 0);
		if (n >= 0)
			going = take_bytes(x, bytes, (size_t)n);
		else if (errno != EINTR && (errno != EAGAIN || !wait_for(x, fd, POLLIN)))
			break;
	}
	mem_wipe(bytes, sizeof(bytes));
	if (x->complete)
		judge_reply(x);
	else if (n < 0)
		broke_off(x);
	else
		judge_bytes(x);
}

bool
plain_call(struct ctx *cx, struct str user_agent, const struct http_call *call, int timeout_ms,
    struct http_reply *out)
{
	struct exchange x = { .cx = cx, .out = out };
	struct buf request = buf_in(cx->arena, REQUEST_MAX);
	int fd;

	if (call->public_only || !take_url(cx, call->url, &x.to) ||
	    !write_request(user_agent, call, &x.to, &request))
		return false;
	*out = (struct http_reply){ .content_type = S("") };
	x.until_ms = clock_mono_ms() + timeout_ms;
	x.name = x.value = buf_in(cx->arena, HEAD_MAX);
	x.body = buf_in(cx->arena, call->reply_max > 0 ? call->reply_max : REPLY_MAX);
	http_parser_init(&x.parser, HTTP_RESPONSE);
	x.parser.data = &x;
	fd = connect_any(&x);
	if (fd < 0)
		return true;
	if (send_all(&x, fd, buf_str(&request)))
		receive(&x, fd);
	else
		broke_off(&x);
	close(fd);
	return true;
}
