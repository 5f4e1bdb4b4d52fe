#include "http/head.h"

#include "base/scan.h"

static bool
refuse(struct head *h, int status, const char *code, const char *why)
{
	h->status = status;
	h->code = code;
	h->why = why;
	return false;
}

static bool
bad(struct head *h, const char *why)
{
	return refuse(h, 400, "bad-request", why);
}

static enum head_found
over_limit(struct str bytes, bool in_first_line, size_t line_len)
{
	/* The method, two spaces and the version stand beside the target. */
	if (in_first_line && line_len > HEAD_TARGET_MAX + HEAD_METHOD_MAX + 16)
		return HEAD_TARGET_TOO_LONG;
	if (line_len > HEAD_LINE_MAX || bytes.len > HEAD_MAX)
		return HEAD_TOO_LONG;
	return HEAD_PARTIAL;
}

static bytes16
line_end(bytes16 v)
{
	return (bytes16)(v == '\r') | (bytes16)(v == '\n');
}

enum head_found
head_find_end(struct str bytes, size_t *scanned, size_t *len)
{
	size_t line = *scanned; /* start of the line that is still open */

	for (;;) {
		size_t at = line + scan_find(str_sub(bytes, line, bytes.len), line_end);
		enum head_found over = over_limit(str_sub(bytes, 0, at), line == 0, at - line);

		if (over != HEAD_PARTIAL)
			return over;
		if (at == bytes.len || (at + 1 == bytes.len && bytes.p[at] == '\r')) {
			*scanned = line;
			return HEAD_PARTIAL;
		}
		if (bytes.p[at] != '\r' || bytes.p[at + 1] != '\n')
			return HEAD_BAD_LINE;
		if (at == line) {
			*len = at + 2;
			return HEAD_COMPLETE;
		}
		line = at + 2;
	}
}

/* RFC 9110 section 5.6.2 */
static bool
is_token(struct str s)
{
	static const bool may[256] = { ['a' ... 'z'] = true,
		['A' ... 'Z'] = true,
		['0' ... '9'] = true,
		['!'] = true,
		['#'] = true,
		['$'] = true,
		['%'] = true,
		['&'] = true,
		['\''] = true,
		['*'] = true,
		['+'] = true,
		['-'] = true,
		['.'] = true,
		['^'] = true,
		['_'] = true,
		['`'] = true,
		['|'] = true,
		['~'] = true };

	for (size_t i = 0; i < s.len; i++) {
		if (!may[(unsigned char)s.p[i]])
			return false;
	}
	return s.len > 0;
}

static bytes16
not_in_value(bytes16 v)
{
	return scan_controls(v) & (bytes16)(v != '\t');
}

static bytes16
not_in_target(bytes16 v)
{
	return (bytes16)(v <= ' ') | (bytes16)(v >= 0x7f) | (bytes16)(v == '#');
}

static bool
method_named(struct str s, enum http_method *out)
{
	static const struct {
		struct str name;
		enum http_method method;
	} methods[] = {
		{ S("GET"), HTTP_M_GET },
		{ S("POST"), HTTP_M_POST },
		{ S("HEAD"), HTTP_M_HEAD },
		{ S("PUT"), HTTP_M_PUT },
		{ S("PATCH"), HTTP_M_PATCH },
		{ S("DELETE"), HTTP_M_DELETE },
		{ S("OPTIONS"), HTTP_M_OPTIONS },
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!str_eq(s, methods[i].name))
			continue;
		*out = methods[i].method;
		return true;
	}
	return false;
}

static bool
is_upper_word(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < 'A' || s.p[i] > 'Z')
			return false;
	}
	return s.len > 0 && s.len <= HEAD_METHOD_MAX;
}

static bool
parse_version(struct str s, struct head *h)
{
	if (str_eq(s, S("HTTP/1.1")) || str_eq(s, S("HTTP/1.0"))) {
		h->minor = s.p[7] - '0';
		return true;
	}
	if (s.len == 8 && str_starts(s, S("HTTP/")) && s.p[5] >= '0' && s.p[5] <= '9' &&
	    s.p[6] == '.' && s.p[7] >= '0' && s.p[7] <= '9')
		return refuse(
		    h, 505, "http-version", "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
	return bad(h, "The request line is not \"METHOD target HTTP/1.1\".");
}

static bool
parse_request_line(struct str line, struct http_req *req, struct head *h)
{
	size_t first = str_find(line, ' ');
	struct str rest = str_sub(line, first + 1, line.len);
	size_t second = str_find(rest, ' ');

	h->method = str_sub(line, 0, first);
	h->target = str_sub(rest, 0, second);
	if (!is_upper_word(h->method))
		return bad(h, "The method is not one that HTTP knows.");
	if (!parse_version(str_sub(rest, second + 1, rest.len), h))
		return false;
	if (h->target.len > HEAD_TARGET_MAX)
		return refuse(h, 414, "uri-too-long", "The address is longer than 8 KiB.");
	if (h->target.len == 0 || scan_has(h->target, not_in_target))
		return bad(h, "The address holds a character that must be percent-encoded.");
	h->method_known = method_named(h->method, &req->method);
	return true;
}

/* These stand once at most: a second one would let two readers each believe another. */
enum once {
	HOST,
	AUTHORIZATION,
	CONTENT_TYPE,
	CONTENT_LENGTH,
	TRANSFER_ENCODING,
	ORIGIN,
	CSRF_TOKEN,
	EXPECT,
	ONCE_COUNT, /* any other */
};

static const struct str once_names[] = {
	[HOST] = S("host"),
	[AUTHORIZATION] = S("authorization"),
	[CONTENT_TYPE] = S("content-type"),
	[CONTENT_LENGTH] = S("content-length"),
	[TRANSFER_ENCODING] = S("transfer-encoding"),
	[ORIGIN] = S("origin"),
	[CSRF_TOKEN] = S("x-csrf-token"),
	[EXPECT] = S("expect"),
};

/* What add_field has seen: the values of those, p == NULL where there was none; and whether one of the
 * names was "connection". */
struct fields {
	struct str once[ONCE_COUNT];
	bool connection;
};

static enum once
once_named(struct str name)
{
	enum once which = HOST;

	while (which < ONCE_COUNT && !str_eq_nocase(name, once_names[which]))
		which++;
	return which;
}

/* "Content-Length*": some readers look at the first letters only. */
static bool
almost_framing(struct str name)
{
	struct str length = once_names[CONTENT_LENGTH], coding = once_names[TRANSFER_ENCODING];

	return (name.len > length.len && str_eq_nocase(str_sub(name, 0, length.len), length)) ||
	    (name.len > coding.len && str_eq_nocase(str_sub(name, 0, coding.len), coding));
}

static bool
add_once(struct fields *seen, struct head *h, enum once which, struct str line, struct str value)
{
	if (seen->once[which].p != NULL)
		return bad(h, "A header that may stand once stands twice.");
	if (str_find(line, '\t') < line.len)
		return bad(h, "A header that decides how to read the request holds a tab.");
	seen->once[which] = value;
	return true;
}

static bool
add_field(struct http_req *req, struct head *h, struct fields *seen, struct str line)
{
	size_t colon = str_find(line, ':');
	struct http_header field = {
		.name = str_sub(line, 0, colon),
		.value = str_trim(str_sub(line, colon + 1, line.len)),
	};
	enum once which = once_named(field.name);

	if (colon == line.len || !is_token(field.name))
		return bad(h, "A header line does not begin with a name and a colon.");
	if (scan_has(field.value, not_in_value))
		return bad(h, "A header value holds a control character.");
	if (req->header_count == HTTP_MAX_HEADERS)
		return refuse(h, 431, "head-too-large", "There are more than 64 header lines.");
	if (which < ONCE_COUNT && !add_once(seen, h, which, line, field.value))
		return false;
	if (which == ONCE_COUNT && almost_framing(field.name))
		return bad(h, "A header's name begins like one that says where the body ends.");
	seen->connection |= which == ONCE_COUNT && str_eq_nocase(field.name, S("connection"));
	req->headers[req->header_count++] = field;
	return true;
}

static bool
list_has(struct str list, struct str word)
{
	struct str part;

	while (str_split(&list, ',', &part)) {
		if (str_eq_nocase(str_trim(part), word))
			return true;
	}
	return false;
}

static void
read_connection(const struct http_req *req, struct head *h, bool there)
{
	bool close = false, keep = false;

	for (size_t i = 0; there && i < req->header_count; i++) {
		if (!str_eq_nocase(req->headers[i].name, S("connection")))
			continue;
		close |= list_has(req->headers[i].value, S("close"));
		keep |= list_has(req->headers[i].value, S("keep-alive"));
	}
	h->keep_alive = !close && (h->minor == 1 || keep);
}

/* RFC 9112 section 6: exactly one way to tell where the body ends. */
static bool
read_framing(const struct fields *seen, struct head *h)
{
	struct str length = seen->once[CONTENT_LENGTH];
	struct str coding = seen->once[TRANSFER_ENCODING];
	int64_t n;

	if (length.p != NULL && coding.p != NULL)
		return bad(h, "Content-Length and Transfer-Encoding stand together.");
	if (length.p != NULL) {
		if (length.len > 18 || !str_int(length, 0, INT64_MAX, &n))
			return bad(h, "Content-Length is not one plain number.");
		h->has_length = true;
		h->content_length = (uint64_t)n;
	}
	if (coding.p != NULL) {
		if (h->minor == 0)
			return bad(h, "Transfer-Encoding does not exist in HTTP/1.0.");
		if (!str_eq(coding, S("chunked")))
			return refuse(h, 501, "transfer-coding",
			    "The only transfer coding understood is chunked.");
		h->chunked = true;
	}
	return true;
}

static bool
read_expect(const struct fields *seen, struct head *h)
{
	struct str expect = seen->once[EXPECT];

	if (expect.p == NULL || h->minor == 0)
		return true;
	if (!str_eq_nocase(expect, S("100-continue")))
		return refuse(h, 417, "expectation", "The only expectation met is 100-continue.");
	h->expect_continue = h->chunked || h->content_length > 0;
	return true;
}

static bool
read_host(const struct fields *seen, struct head *h)
{
	h->host = seen->once[HOST];
	if (h->host.p == NULL && h->minor == 1)
		return bad(h, "The Host header is missing.");
	return true;
}

/* The next line without its CR LF; a CR inside it is left for the value check to refuse. */
static struct str
next_line(struct str *rest)
{
	size_t lf = str_find(*rest, '\n');
	struct str line = str_sub(*rest, 0, lf > 0 ? lf - 1 : 0);

	*rest = str_sub(*rest, lf + 1, rest->len);
	return line;
}

bool
head_parse(struct str raw, struct http_req *req, struct head *h)
{
	struct fields seen = { 0 };
	struct str line;

	*h = (struct head){ 0 };
	req->header_count = 0;
	if (!parse_request_line(next_line(&raw), req, h))
		return false;
	while ((line = next_line(&raw)).len > 0) {
		if (!add_field(req, h, &seen, line))
			return false;
	}
	read_connection(req, h, seen.connection);
	return read_framing(&seen, h) && read_host(&seen, h) && read_expect(&seen, h);
}
