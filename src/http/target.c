#include "http/target.h"

#include "base/scan.h"

bool
target_split(struct str target, struct str *authority, struct str *path, struct str *query)
{
	size_t mark;

	*authority = (struct str){ 0 };
	if (str_starts(target, S("http://")) || str_starts(target, S("https://"))) {
		size_t slash;

		target = str_sub(target, str_find(target, ':') + 3, target.len);
		slash = str_find(target, '/');
		*authority = str_sub(target, 0, slash);
		target = slash < target.len ? str_sub(target, slash, target.len) : S("/");
		if (authority->len == 0)
			return false;
	}
	mark = str_find(target, '?');
	*path = str_sub(target, 0, mark);
	*query = str_sub(target, mark + 1, target.len);
	return str_starts(*path, S("/"));
}

static bytes16
harmful(bytes16 v)
{
	return scan_controls(v) | (bytes16)(v == '/') | (bytes16)(v == '\\') | (bytes16)(v == ';');
}

/* Up to the first of these a segment is as it stands there. */
static bytes16
not_plain(bytes16 v)
{
	return harmful(v) | (bytes16)(v == '%') | (bytes16)(v >= 0x80);
}

static bool
is_dots(struct str segment)
{
	return str_eq(segment, S(".")) || str_eq(segment, S(".."));
}

static enum target_fault
decode_segment(struct arena *a, struct str raw, struct str *out)
{
	*out = raw;
	if (str_find(raw, '%') < raw.len && !str_percent_decode(a, raw, false, out))
		return TARGET_BAD;
	return scan_has(*out, harmful) || is_dots(*out) || !str_utf8(*out) ? TARGET_BAD : TARGET_OK;
}

/* Takes one off the front, and the slash behind it. */
static enum target_fault
take_segment(struct arena *a, struct str *rest, bool *more, struct str *out)
{
	size_t plain = scan_find(*rest, not_plain);
	size_t slash = plain + str_find(str_sub(*rest, plain, rest->len), '/');
	struct str raw = str_sub(*rest, 0, slash);

	*more = slash < rest->len;
	*rest = str_sub(*rest, slash + 1, rest->len);
	if (raw.len == 0)
		return TARGET_NOTHING;
	if (plain < slash)
		return decode_segment(a, raw, out);
	*out = raw;
	return is_dots(raw) ? TARGET_BAD : TARGET_OK;
}

enum target_fault
target_segments(struct arena *a, struct str path, struct http_req *req)
{
	enum target_fault worst = TARGET_OK;
	struct str rest = str_sub(path, 1, path.len);
	bool more = rest.len > 0;

	req->seg_count = 0;
	while (more) {
		enum target_fault fault;

		if (req->seg_count == HTTP_MAX_SEGMENTS)
			return TARGET_NOTHING;
		fault = take_segment(a, &rest, &more, &req->segs[req->seg_count++]);
		if (fault == TARGET_BAD)
			return TARGET_BAD;
		if (fault != TARGET_OK)
			worst = fault;
	}
	return worst;
}
